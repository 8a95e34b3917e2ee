//! Small resources and Bundle entries for cases.

use serde_json::{Value, json};

/// A Patient with this identifier under `urn:sample`.
pub fn patient(identifier: &str) -> Value {
    json!({
        "resourceType": "Patient",
        "identifier": [{"system": "urn:sample", "value": identifier}],
        "name": [{"family": "Sample", "given": ["Ada"]}]
    })
}

/// A final Observation with this code under `http://loinc.org`.
pub fn observation(code: &str) -> Value {
    json!({
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]}
    })
}

/// `resource` with the members of `more` set in it.
pub fn with(mut resource: Value, more: Value) -> Value {
    let Value::Object(members) = more else { panic!("members are an object") };
    for (name, value) in members {
        resource[name] = value;
    }
    resource
}

/// A Bundle entry that sends this resource (bundle.html#transaction).
pub fn entry(method: &str, url: &str, resource: Value) -> Value {
    json!({"resource": resource, "request": {"method": method, "url": url}})
}

/// A Bundle entry without a resource.
pub fn bare_entry(method: &str, url: &str) -> Value {
    json!({"request": {"method": method, "url": url}})
}

/// The value of a JSON text, decimals digit for digit.
pub fn parsed(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => panic!("{error}: {text}"),
    }
}

/// The resource without what a server sets: `meta.versionId`, `meta.lastUpdated`, and a `meta` left empty.
pub fn as_submitted(mut resource: Value) -> Value {
    if let Some(meta) = resource["meta"].as_object_mut() {
        meta.shift_remove("versionId");
        meta.shift_remove("lastUpdated");
    }
    if resource["meta"].as_object().is_none_or(serde_json::Map::is_empty)
        && let Some(members) = resource.as_object_mut()
    {
        members.shift_remove("meta");
    }
    resource
}
