//! What cases ask of a searchset or history Bundle.

use serde_json::Value;

/// A Bundle that came as an answer.
#[derive(Clone, Debug)]
pub struct Bundle(pub Value);

impl Bundle {
    /// The entries, in order.
    pub fn entries(&self) -> &[Value] {
        self.0["entry"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The resources of the entries with this search mode (bundle.html#searchset).
    pub fn with_mode(&self, mode: &str) -> Vec<&Value> {
        let wanted = |entry: &&Value| entry["search"]["mode"] == mode;
        self.entries().iter().filter(wanted).map(|entry| &entry["resource"]).collect()
    }

    /// The resources that matched.
    pub fn matches(&self) -> Vec<&Value> {
        self.with_mode("match")
    }

    /// The ids of what matched, in order.
    pub fn ids(&self) -> Vec<String> {
        self.matches().into_iter().map(id).collect()
    }

    /// `Type/id` of what was included, sorted.
    pub fn included(&self) -> Vec<String> {
        let name = |resource: &Value| format!("{}/{}", text(&resource["resourceType"]), id(resource));
        let mut included: Vec<String> = self.with_mode("include").into_iter().map(name).collect();
        included.sort();
        included
    }

    /// The address under `link` with this relation.
    pub fn link(&self, relation: &str) -> Option<&str> {
        let links = self.0["link"].as_array()?;
        links.iter().find(|link| link["relation"] == relation)?["url"].as_str()
    }

    /// `Bundle.total`, where it is given.
    pub fn total(&self) -> Option<u64> {
        self.0["total"].as_u64()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn id(resource: &Value) -> String {
    text(&resource["id"]).to_owned()
}
