//! Resources with short labels, and tables of searches that tell by labels what each finds.

use crate::Client;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Stored resources of one case, each with a label.
pub struct Labelled<'a> {
    client: &'a Client,
    labels: BTreeMap<String, String>,
}

impl<'a> Labelled<'a> {
    /// Stores these resources under their labels.
    pub async fn create(client: &'a Client, resources: Vec<(&str, Value)>) -> Labelled<'a> {
        let mut labelled = Labelled { client, labels: BTreeMap::new() };
        labelled.add(resources).await;
        labelled
    }

    /// Stores more resources under their labels.
    pub async fn add(&mut self, resources: Vec<(&str, Value)>) {
        for (label, resource) in resources {
            self.labels.insert(self.client.create(&resource).await, label.to_owned());
        }
    }

    /// The id of the resource with this label.
    pub fn id(&self, label: &str) -> &str {
        match self.labels.iter().find(|(_, it)| *it == label) {
            Some((id, _)) => id,
            None => panic!("no resource is labelled {label}"),
        }
    }

    /// The labels of these ids in their order; an id that has none stands for itself.
    pub fn names(&self, ids: &[String]) -> String {
        let names: Vec<&str> = ids.iter().map(|id| self.labels.get(id).unwrap_or(id).as_str()).collect();
        names.join(" ")
    }

    /// Runs every search of the table, a row of (query, labels of what it finds, apart by spaces), and tells
    /// all rows that are wrong at once.
    pub async fn check<Q: AsRef<str>>(&self, rows: &[(Q, &str)]) {
        let mut wrong = Vec::new();
        for (query, expected) in rows {
            let query = query.as_ref();
            let found: Vec<String> = self.client.found(query).await.into_iter().collect();
            let found = self.names(&found);
            let sorted = |names: &str| names.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>();
            if sorted(&found) != sorted(expected) {
                wrong.push(format!("{query}: expected [{expected}], found [{found}]"));
            }
        }
        assert!(wrong.is_empty(), "{} of {} searches:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    }
}
