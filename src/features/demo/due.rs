//! What of the demo is to be written on another day: its dates move on, and what people made of it stays.

use super::{bundles, text};
use engine::Context;
use fhir::primitive::datetime::instant;
use fhir::{Failure, Result};
use serde_json::Value;
use std::collections::HashMap;
use store::{Key, Stored};

const MICROSECONDS_OF_A_DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// The demo's resources of a day, by `Type/id`.
type Made = HashMap<String, Value>;

/// Of a Bundle of [`bundles`] the entries whose resources were never there, and those whose resources are still as the
/// demo made them on the day of their last version: what was edited or deleted since is left as it is. `None` if no
/// entry is left.
pub async fn due(context: &Context, bundle: &str) -> Result<Option<String>> {
    let mut bundle: Value = serde_json::from_str(bundle).map_err(Failure::internal)?;
    let mut days = Days::default();
    let mut left = Vec::new();
    for entry in bundle["entry"].as_array().into_iter().flatten() {
        let resource = &entry["resource"];
        let stored = context.session().read(&key(resource)?).await?;
        if stored.map_or(Ok(true), |it| days.moves_on(&it, resource))? {
            left.push(entry.clone());
        }
    }
    let is_due = !left.is_empty();
    bundle["entry"] = left.into();
    Ok(is_due.then(|| bundle.to_string()))
}

fn key(resource: &Value) -> Result<Key> {
    let resource = resource.as_object().ok_or_else(|| Failure::internal("an entry of the demo has no resource"))?;
    Ok(Key::new(text(resource, "resourceType"), text(resource, "id")))
}

/// The demo on former days.
#[derive(Default)]
struct Days(HashMap<String, Made>);

impl Days {
    /// Whether what is stored is the demo's own of another day, and this is to take its place.
    fn moves_on(&mut self, stored: &Stored, now: &Value) -> Result<bool> {
        if stored.is_deleted() {
            return Ok(false);
        }
        let there = without_version(serde_json::from_slice(&stored.body).map_err(Failure::internal)?);
        if there == *now {
            return Ok(false);
        }
        // What was made just before midnight was perhaps written after it.
        let written = stored.updated.saturating_mul(1000);
        for before in [0, MICROSECONDS_OF_A_DAY] {
            let mut day = instant(written.saturating_sub(before));
            day.truncate("YYYY-MM-DD".len());
            if self.made_on(&day)?.get(&stored.key.to_string()) == Some(&there) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn made_on(&mut self, day: &str) -> Result<&Made> {
        if !self.0.contains_key(day) {
            self.0.insert(day.to_owned(), made_on(day)?);
        }
        self.0.get(day).ok_or_else(|| Failure::internal("the demo's day is there"))
    }
}

fn made_on(day: &str) -> Result<Made> {
    let mut made = Made::default();
    for bundle in bundles(day)? {
        let mut bundle: Value = serde_json::from_str(&bundle).map_err(Failure::internal)?;
        for entry in bundle["entry"].as_array_mut().into_iter().flatten() {
            let resource = entry["resource"].take();
            made.insert(key(&resource)?.to_string(), resource);
        }
    }
    Ok(made)
}

/// A stored resource without what the server put into it.
fn without_version(mut resource: Value) -> Value {
    if let Some(meta) = resource.get_mut("meta").and_then(Value::as_object_mut) {
        meta.remove("versionId");
        meta.remove("lastUpdated");
        if meta.is_empty()
            && let Some(members) = resource.as_object_mut()
        {
            members.remove("meta");
        }
    }
    resource
}
