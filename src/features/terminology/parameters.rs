//! The answers: a Parameters resource (parameters.html).

use engine::Answer;
use serde_json::{Value as Json, json};

/// A Parameters resource in the making.
#[derive(Default)]
pub(super) struct Parameters(Vec<Json>);

impl Parameters {
    /// A parameter whose value stands under this member, such as `valueCode`; nothing where there is no value.
    pub(super) fn add(&mut self, name: &str, member: &str, value: Option<impl Into<Json>>) -> &mut Self {
        if let Some(value) = value {
            self.0.push(json!({ "name": name, member: value.into() }));
        }
        self
    }

    /// A parameter of parts.
    pub(super) fn parts(&mut self, name: &str, parts: Parameters) -> &mut Self {
        self.0.push(json!({ "name": name, "part": parts.0 }));
        self
    }

    pub(super) fn answer(self) -> Answer {
        Answer::new(200, json!({ "resourceType": "Parameters", "parameter": self.0 }).to_string())
    }
}
