//! What is known of a release as a whole, as it is kept with it.

use crate::{Failure, Result};
use serde_json::{Value as Json, json};
use std::borrow::Cow;

/// A release as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: String,
    /// See [`super::Draft::has_subsumption`].
    pub has_subsumption: bool,
    /// See [`super::Draft::is_case_sensitive`].
    pub is_case_sensitive: bool,
    /// The properties that its concepts have.
    pub properties: Vec<String>,
    /// How many concepts it has.
    pub count: u32,
}

impl About {
    /// As it is kept.
    pub fn write(&self) -> String {
        json!({
            "name": self.name, "subsumption": self.has_subsumption, "caseSensitive": self.is_case_sensitive,
            "property": self.properties, "count": self.count,
        })
        .to_string()
    }

    /// What [`About::write`] wrote.
    pub fn read(text: &str) -> Result<About> {
        let json: Json = serde_json::from_str(text).map_err(Failure::internal)?;
        let properties = json["property"].as_array().into_iter().flatten().filter_map(Json::as_str);
        Ok(About {
            name: json["name"].as_str().unwrap_or_default().to_owned(),
            has_subsumption: json["subsumption"] == true,
            is_case_sensitive: json["caseSensitive"] == true,
            properties: properties.map(str::to_owned).collect(),
            count: json["count"].as_u64().and_then(|it| it.try_into().ok()).unwrap_or(0),
        })
    }

    /// A code as the release spells it.
    pub fn spelled<'c>(&self, code: &'c str) -> Cow<'c, str> {
        match self.is_case_sensitive {
            true => Cow::Borrowed(code),
            false => Cow::Owned(code.to_uppercase()),
        }
    }
}
