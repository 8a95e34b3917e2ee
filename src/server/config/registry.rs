//! Where packages are fetched from.

use std::str::FromStr;

/// The address of a package registry, or `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry(Option<String>);

impl Registry {
    /// The address, without a slash at its end.
    pub fn url(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl FromStr for Registry {
    type Err = String;

    fn from_str(text: &str) -> Result<Registry, String> {
        let url = text.trim_end_matches('/');
        let is_plain = |it: &str| !it.is_empty() && !it.contains(['?', '#', '@', ' ']);
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        match rest {
            _ if text == "none" => Ok(Registry(None)),
            Some(rest) if is_plain(rest) => Ok(Registry(Some(url.to_owned()))),
            _ => Err(format!("`{text}` is not none or an address such as https://packages.fhir.org")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_an_address() {
        let url = |text: &str| text.parse::<Registry>().map(|it| it.url().map(str::to_owned));
        assert_eq!(url("none"), Ok(None));
        assert_eq!(url("https://npm.example.org/fhir/"), Ok(Some("https://npm.example.org/fhir".to_owned())));
        for wrong in ["", "packages.fhir.org", "https://", "ftp://a", "https://a?b", "https://user@a"] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }
}
