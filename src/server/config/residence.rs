//! Where tenants are kept, and which of them a server serves.

use super::DatabaseUrl;
use anyhow::bail;
use std::str::FromStr;

/// The URL of another database, or `none`. What is printed of it holds no password.
#[derive(Clone, Debug)]
pub struct SecondUrl(Option<DatabaseUrl>);

impl SecondUrl {
    /// The URL.
    pub fn given(&self) -> Option<&DatabaseUrl> {
        self.0.as_ref()
    }

    /// The whole URL, password included: for the database alone.
    pub fn whole(&self) -> Option<String> {
        self.0.as_ref().map(|it| it.whole().to_owned())
    }
}

impl FromStr for SecondUrl {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<SecondUrl, Self::Err> {
        Ok(SecondUrl(if text == "none" { None } else { Some(text.parse()?) }))
    }
}

/// What a region is called, or `none` for an unknown one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(Option<String>);

impl Region {
    /// The label.
    pub fn label(self) -> Option<String> {
        self.0
    }
}

impl FromStr for Region {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Region> {
        if text == "none" { Ok(Region(None)) } else { label(text).map(|it| Region(Some(it))) }
    }
}

/// The regions whose tenants are served, or `any`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regions(Vec<String>);

impl Regions {
    /// The labels; none where all tenants are served.
    pub fn names(&self) -> Vec<String> {
        self.0.clone()
    }
}

impl FromStr for Regions {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Regions> {
        if text == "any" {
            Ok(Regions(Vec::new()))
        } else {
            text.split(',').map(label).collect::<Result<_, _>>().map(Regions)
        }
    }
}

fn label(text: &str) -> anyhow::Result<String> {
    let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    if text.is_empty() || text == "any" || text == "none" || !text.bytes().all(is_plain) {
        bail!("a region's label is lower-case letters, digits and hyphens, such as eu or us-east");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_labels() {
        assert!("any".parse::<Regions>().unwrap().names().is_empty());
        assert_eq!("eu,us-east".parse::<Regions>().unwrap().names(), ["eu", "us-east"]);
        for wrong in ["", "eu,", "EU", "eu, uk", "eu,any"] {
            assert!(wrong.parse::<Regions>().is_err(), "{wrong}");
        }
        assert_eq!("none".parse::<Region>().unwrap().label(), None);
        assert_eq!("eu".parse::<Region>().unwrap().label().as_deref(), Some("eu"));
    }
}
