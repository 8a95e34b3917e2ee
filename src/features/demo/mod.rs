//! The demo hospital: a small, self-made data set that shows every type the project is about.
//!
//! Meridian Valley Hospital and everybody in it are made up. What is written by hand lies as readable FHIR
//! JSON in `data/`, with dates told relative to today (`{{day-3}}`), so that the schedule lies around the day
//! on which the demo is started; slots, measurements and the ECG are made here. The same day always gives the
//! same bytes, and ids never depend on the day, so loading again changes records instead of doubling them; only those that are
//! [`due()`].

mod dates;
mod due;
mod ecg;
mod measurements;
mod slots;

use dates::Dates;
pub use due::due;
use fhir::{Failure, Result};
use serde_json::{Map, Value, json};

/// A resource while it is being made.
type Resource = Map<String, Value>;

/// What the rest refers to: places, people who work there, medicines and forms.
const HOSPITAL: [&str; 4] = [
    include_str!("data/hospital.json"),
    include_str!("data/staff.json"),
    include_str!("data/schedules.json"),
    include_str!("data/formulary.json"),
];

/// Patients and what happened to them.
const RECORDS: [&str; 10] = [
    include_str!("data/patients.json"),
    include_str!("data/people_around.json"),
    include_str!("data/visits.json"),
    include_str!("data/problems.json"),
    include_str!("data/appointments.json"),
    include_str!("data/prescriptions.json"),
    include_str!("data/orders_and_reports.json"),
    include_str!("data/documents_and_procedures.json"),
    include_str!("data/care.json"),
    include_str!("data/billing.json"),
];

/// The demo hospital as transaction Bundles (http.html#transaction), to be loaded in this order. Every entry
/// is an update of an id of its own. `today` is a date, `YYYY-MM-DD`.
pub fn bundles(today: &str) -> Result<Vec<String>> {
    let dates = Dates::around(today)?;
    let mut hospital = resources(&HOSPITAL, &dates)?;
    let mut records = resources(&RECORDS, &dates)?;
    hospital.extend(slots::slots(&hospital, &records, &dates));
    records.extend(measurements::observations(&dates)?);
    records.push(ecg::observation(&dates)?);
    [hospital, records].into_iter().map(transaction).collect()
}

/// The resources of hand-written files.
fn resources(files: &[&str], dates: &Dates) -> Result<Vec<Resource>> {
    let mut all = Vec::new();
    for file in files {
        let part: Vec<Resource> = serde_json::from_str(&dates.fill(file)?).map_err(Failure::internal)?;
        all.extend(part);
    }
    Ok(all)
}

fn transaction(resources: Vec<Resource>) -> Result<String> {
    let entries = resources.into_iter().map(|resource| {
        let url = format!("{}/{}", text(&resource, "resourceType"), text(&resource, "id"));
        json!({ "resource": resource, "request": { "method": "PUT", "url": url } })
    });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries.collect::<Vec<_>>() });
    serde_json::to_string(&bundle).map_err(Failure::internal)
}

/// A string member, empty where there is none.
fn text<'a>(resource: &'a Resource, member: &str) -> &'a str {
    resource.get(member).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod tests;
