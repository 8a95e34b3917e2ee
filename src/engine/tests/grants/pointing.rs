//! Resources that tell of others: what points at records, and what has a code in what it refers to or contains.

use super::resources::{CODES, SYSTEMS, Stored};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The types, beside Patient and Observation.
pub const TYPES: [&str; 6] =
    ["Provenance", "List", "Task", "DocumentManifest", "MedicationRequest", "DiagnosticReport"];
/// Searches that look at them, or at others by them.
pub const SEARCHES: [(&str, &str); 17] = [
    ("Provenance", "_total=accurate"),
    ("Provenance", "target=Observation/r1,Observation/r2,Patient/r3&_summary=count"),
    ("Provenance", "_sort=-_id&_count=2"),
    ("List", "_total=accurate&_count=1"),
    ("List", "item=Patient/r1,Patient/r2,Observation/r4"),
    ("Task", "_total=accurate"),
    ("Task", "focus=Observation/r1,Observation/r5,Patient/r2&_include=Task:focus"),
    ("DocumentManifest", "_summary=count"),
    ("DocumentManifest", "item=Observation/r0,Observation/r3,Patient/r1"),
    ("MedicationRequest", "_total=accurate"),
    ("MedicationRequest", "medication=Medication/m0,Medication/m1&_summary=count"),
    ("DiagnosticReport", "_total=accurate"),
    ("DiagnosticReport", "result=Observation/r1,Observation/r2,Observation/r3&_summary=count"),
    ("Observation", "_has:DiagnosticReport:result:status=final&_sort=_id"),
    ("Observation", "_revinclude=Provenance:target&_sort=_id"),
    ("Observation", "_has:Task:focus:status=requested&_total=accurate"),
    ("Patient", "_revinclude=List:item&_has:MedicationRequest:patient:status=active"),
];

/// What points.
#[derive(Clone, Debug)]
pub struct Pointing(Vec<Drawn>);

/// A kind of resource, whether it points at a patient, at which one, whose it says it is, a code, and a way to have it.
type Drawn = (usize, (bool, usize), Option<usize>, (usize, usize), usize);

pub fn pointing() -> impl Strategy<Value = Pointing> {
    let code = (0..SYSTEMS.len(), 0..CODES.len());
    let one = (0..9_usize, (any::<bool>(), 0..10_usize), proptest::option::of(0..9_usize), code, 0..4_usize);
    vec(one, 30).prop_map(Pointing)
}

fn concept((system, code): (usize, usize)) -> Value {
    json!({ "coding": [{ "system": SYSTEMS[system], "code": CODES[code] }] })
}

impl Pointing {
    /// The resources, with medications to which some of them refer.
    pub fn named(&self) -> Vec<Stored> {
        let drugs = (0..SYSTEMS.len() * CODES.len()).map(|at| {
            let body = json!({ "code": concept((at % SYSTEMS.len(), at / SYSTEMS.len())) });
            named("Medication", format!("m{at}"), body)
        });
        let all = self.0.iter().enumerate().map(|(at, (kind, (is_patient, to), whose, code, way))| {
            let result = to;
            let to = json!({ "reference": format!("{}/r{to}", if *is_patient { "Patient" } else { "Observation" }) });
            let agent = json!([{ "who": { "reference": "Practitioner/doctor" } }]);
            let mut whose = whose.map(|it| json!({ "reference": format!("Patient/r{it}") }));
            let (of, member, mut body) = match kind {
                0 => {
                    ("Provenance", None, json!({ "target": [to], "recorded": "2026-11-20T08:00:00Z", "agent": agent }))
                }
                1 => {
                    let entity = json!([{ "role": "source", "what": to }]);
                    let target = json!([{ "reference": "Practitioner/doctor" }]);
                    let recorded = "2026-11-20T08:00:00Z";
                    (
                        "Provenance",
                        None,
                        json!({ "target": target, "recorded": recorded, "agent": agent, "entity": entity }),
                    )
                }
                2 => (
                    "List",
                    Some("subject"),
                    json!({ "status": "current", "mode": "working", "entry": [{ "item": to }] }),
                ),
                3 => ("Task", Some("for"), json!({ "status": "requested", "intent": "order", "focus": to })),
                4 => ("DocumentManifest", Some("subject"), json!({ "status": "current", "content": [to] })),
                7 | 8 => {
                    whose = whose.or_else(|| Some(json!({ "reference": "Patient/r0" })));
                    let results = json!([{ "reference": format!("Observation/r{result}") }]);
                    let report = json!({ "status": "final", "code": concept(*code), "result": results });
                    ("DiagnosticReport", Some("subject"), report)
                }
                _ => {
                    whose = whose.or_else(|| Some(json!({ "reference": "Patient/r0" })));
                    let mut order = json!({ "status": "active", "intent": "order" });
                    match way {
                        0 => order["medicationCodeableConcept"] = concept(*code),
                        1 => {
                            let drug = json!([{ "resourceType": "Medication", "id": "m", "code": concept(*code) }]);
                            order["contained"] = drug;
                            order["medicationReference"] = json!({ "reference": "#m" });
                        }
                        2 => {
                            let at = code.0 + code.1 * SYSTEMS.len();
                            order["medicationReference"] = json!({ "reference": format!("Medication/m{at}") });
                        }
                        _ => order["medicationReference"] = json!({ "display": "something" }),
                    }
                    ("MedicationRequest", Some("subject"), order)
                }
            };
            if let (Some(member), Some(whose)) = (member, whose) {
                body[member] = whose;
            }
            named(of, format!("p{at}"), body)
        });
        drugs.chain(all).collect()
    }
}

fn named(of: &'static str, id: String, mut resource: Value) -> Stored {
    resource["resourceType"] = of.into();
    resource["id"] = id.clone().into();
    (of, id, resource.to_string())
}

/// Whether a resource has a code by a parameter of its own, and whether what it refers to or contains may have it.
pub fn codes_of_order(order: &Value, system: usize, code: usize) -> (bool, bool) {
    let is_it = |it: &Value| *it == concept((system, code));
    let own = is_it(&order["medicationCodeableConcept"]) || is_it(&order["code"]);
    let contained = order["contained"].as_array().into_iter().flatten().any(|it| is_it(&it["code"]));
    let reference = &order["medicationReference"];
    let referred = match reference["reference"].as_str() {
        Some(to) if to.starts_with('#') => false,
        Some(to) => to == format!("Medication/m{}", system + code * SYSTEMS.len()),
        None => reference.is_object(),
    };
    (own, own || contained || referred)
}

/// What it points at, as `Type/id`.
pub fn targets(of: &str, resource: &Value) -> Vec<String> {
    let places: &[&str] = match of {
        "Provenance" => &["/target/0", "/entity/0/what"],
        "List" => &["/entry/0/item"],
        "Task" => &["/focus", "/for"],
        "DocumentManifest" => &["/content/0"],
        _ => &[],
    };
    let references = places.iter().filter_map(|it| resource.pointer(it)?["reference"].as_str());
    references.map(str::to_owned).collect()
}

/// What it is made of, as `Type/id`.
pub fn parts(of: &str, resource: &Value) -> Vec<String> {
    let results = resource["result"].as_array().filter(|_| of == "DiagnosticReport");
    results.into_iter().flatten().filter_map(|it| it["reference"].as_str()).map(str::to_owned).collect()
}

/// Whether it refers to something anywhere.
pub fn refers_to(resource: &Value, to: &str) -> bool {
    match resource {
        Value::Object(members) => {
            members.get("reference").is_some_and(|it| it == to) || members.values().any(|it| refers_to(it, to))
        }
        Value::Array(items) => items.iter().any(|it| refers_to(it, to)),
        _ => false,
    }
}

/// The patients in whose compartment it is, by number.
pub fn compartment(of: &str, resource: &Value) -> Vec<usize> {
    let place = match of {
        "Provenance" => "/target/0/reference",
        "Task" => "/for/reference",
        _ => "/subject/reference",
    };
    resource.pointer(place).and_then(Value::as_str).and_then(patient).into_iter().collect()
}

/// The number of a patient.
pub fn patient(reference: &str) -> Option<usize> {
    reference.strip_prefix("Patient/r")?.parse().ok()
}
