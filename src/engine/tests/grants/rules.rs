//! Rules beside grants: the patients of a doctor, and Consents, each told twice: as resources, and as what they hide.

use super::resources::{CODES, SYSTEMS, Stored};
use engine::{BasePolicy, Caller, Clearance, PrivacySettings, Scopes};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// Who asks.
const DOCTOR: &str = "Practitioner/doctor";
/// All that the doctor's scopes grant.
pub const SCOPES: &str = "user/Patient.rs user/Observation.rs user/ValueSet.rs";

/// The system of levels of confidentiality.
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

/// The same resource with a label, if its number is one of those that have one.
pub fn labelled((of, id, body): Stored) -> Stored {
    let level = match index(&id) % 5 {
        1 => "N",
        3 => "V",
        _ => return (of, id, body),
    };
    let mut resource: Value = serde_json::from_str(&body).expect("JSON");
    resource["meta"]["security"] = json!([{ "system": CONFIDENTIALITY, "code": level }]);
    (of, id, resource.to_string())
}

fn is_restricted(resource: &Value) -> bool {
    resource["meta"]["security"][0]["code"] == "V"
}

/// What a Consent says.
#[derive(Clone, Copy, Debug)]
pub enum Said {
    Nothing,
    DenyAll,
    DenyOthers,
    DenyObservations,
    DenyCode(usize, usize),
    DenyAllBut(usize, usize),
    Permit,
    PermitBut(usize, usize),
}

/// The rules of a tenant for the patients `r0`, `r1` and on.
#[derive(Clone, Debug)]
pub struct Rules {
    is_limited: bool,
    /// Whether the doctor may see what is restricted.
    is_cleared: bool,
    base: BasePolicy,
    /// By what a patient is the doctor's, if they are.
    ties: Vec<Option<usize>>,
    said: Vec<Said>,
}

pub fn rules() -> impl Strategy<Value = Rules> {
    let code = || (0..SYSTEMS.len(), 0..CODES.len());
    let said = prop_oneof![
        4 => Just(Said::Nothing),
        2 => Just(Said::DenyAll),
        1 => Just(Said::DenyOthers),
        1 => Just(Said::DenyObservations),
        2 => code().prop_map(|(a, b)| Said::DenyCode(a, b)),
        1 => code().prop_map(|(a, b)| Said::DenyAllBut(a, b)),
        3 => Just(Said::Permit),
        1 => code().prop_map(|(a, b)| Said::PermitBut(a, b)),
    ];
    let base = select(vec![BasePolicy::Permit, BasePolicy::Permit, BasePolicy::Deny]);
    let ties = vec(proptest::option::weighted(0.6, 0..5_usize), 8);
    (any::<bool>(), any::<bool>(), base, ties, vec(said, 8))
        .prop_map(|(is_limited, is_cleared, base, ties, said)| Rules { is_limited, is_cleared, base, ties, said })
}

impl Rules {
    pub fn settings(&self) -> PrivacySettings {
        let limited_roles = if self.is_limited { vec!["doctor".to_owned()] } else { Vec::new() };
        let role = if self.is_cleared { "doctor" } else { "officer" };
        let clearance = Clearance { system: CONFIDENTIALITY.into(), code: "R".into(), roles: vec![role.into()] };
        PrivacySettings { limited_roles, base: self.base, clearances: vec![clearance], ..PrivacySettings::default() }
    }

    pub fn caller(&self) -> Caller {
        Caller {
            subject: "doctor".into(),
            roles: vec!["doctor".into()],
            fhir_user: Some(DOCTOR.into()),
            scopes: Scopes::parse(SCOPES, None).0,
            ..Caller::default()
        }
    }

    /// What the rules are stored as.
    pub fn resources(&self) -> Vec<Stored> {
        let role =
            json!({ "practitioner": { "reference": DOCTOR }, "organization": { "reference": "Organization/o" } });
        let mut all = vec![
            named("Practitioner", "doctor", json!({})),
            named("Organization", "o", json!({ "name": "o" })),
            named("PractitionerRole", "role", role),
        ];
        for (i, tie) in self.ties.iter().enumerate() {
            all.extend(tie.map(|by| tied(i, by)));
        }
        for (i, said) in self.said.iter().enumerate() {
            all.extend(said.provision().map(|it| named("Consent", &format!("c{i}"), consent(i, &it))));
        }
        all
    }

    /// Whether the doctor sees a resource of the population.
    pub fn shows(&self, population: &[Stored], (of, id, body): &Stored) -> bool {
        let resource: Value = serde_json::from_str(body).expect("JSON");
        if !self.is_cleared && is_restricted(&resource) {
            return false;
        }
        let owners = match *of {
            "Patient" => vec![index(id)],
            "Observation" => owners(population, &resource),
            _ => return true,
        };
        // A reference by an identifier alone leads to nobody's own patient.
        let is_named = *of == "Patient" || resource["subject"]["reference"].is_string();
        let is_tied = |it: &usize| self.ties.get(*it).copied().flatten().is_some();
        let is_mine = !self.is_limited || is_named && owners.iter().any(is_tied);
        let said = || owners.iter().map(|it| self.said.get(*it).and_then(|it| it.of(of, &resource)));
        let is_denied = said().any(|it| it == Some(false));
        let is_permitted = self.base == BasePolicy::Permit || said().any(|it| it == Some(true));
        is_mine && !is_denied && is_permitted
    }
}

impl Said {
    fn provision(self) -> Option<Value> {
        let code =
            |system: usize, code: usize| json!([{ "coding": [{ "system": SYSTEMS[system], "code": CODES[code] }] }]);
        let actor = |reference: &str| json!([{ "role": { "text": "r" }, "reference": { "reference": reference } }]);
        Some(match self {
            Said::Nothing => return None,
            Said::DenyAll => json!({ "type": "deny", "actor": actor("Organization/o") }),
            Said::DenyOthers => json!({ "type": "deny", "actor": actor("Practitioner/other") }),
            Said::DenyObservations => {
                let class = json!([{ "system": "http://hl7.org/fhir/resource-types", "code": "Observation" }]);
                json!({ "type": "deny", "class": class })
            }
            Said::DenyCode(a, b) => json!({ "type": "deny", "code": code(a, b) }),
            Said::DenyAllBut(a, b) => {
                json!({ "type": "deny", "provision": [{ "type": "permit", "code": code(a, b) }] })
            }
            Said::Permit => json!({ "type": "permit", "actor": actor(DOCTOR) }),
            Said::PermitBut(a, b) => {
                json!({ "type": "permit", "provision": [{ "type": "deny", "code": code(a, b) }] })
            }
        })
    }

    /// Whether a resource of the patient is permitted, or denied.
    fn of(self, of: &str, resource: &Value) -> Option<bool> {
        let has = |a: usize, b: usize| of == "Observation" && has_code(resource, SYSTEMS[a], CODES[b]);
        match self {
            Said::Nothing | Said::DenyOthers => None,
            Said::DenyAll => Some(false),
            Said::DenyObservations => (of == "Observation").then_some(false),
            Said::DenyCode(a, b) => has(a, b).then_some(false),
            Said::DenyAllBut(a, b) => Some(has(a, b)),
            Said::Permit => Some(true),
            Said::PermitBut(a, b) => Some(!has(a, b)),
        }
    }
}

fn named(of: &'static str, id: &str, mut resource: Value) -> Stored {
    resource["resourceType"] = of.into();
    resource["id"] = id.into();
    (of, id.to_owned(), resource.to_string())
}

fn consent(patient: usize, provision: &Value) -> Value {
    json!({
        "status": "active",
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "patient": { "reference": format!("Patient/r{patient}") },
        "policyRule": { "text": "ours" },
        "provision": provision,
    })
}

/// What makes a patient the doctor's, one way or another.
fn tied(patient: usize, by: usize) -> Stored {
    let id = format!("t{patient}");
    let subject = json!({ "reference": format!("Patient/r{patient}") });
    let doctor = json!({ "reference": DOCTOR });
    match by {
        0 => named("CareTeam", &id, json!({ "subject": subject, "participant": [{ "member": doctor }] })),
        1 => {
            let participant =
                json!([{ "actor": subject, "status": "accepted" }, { "actor": doctor, "status": "accepted" }]);
            let times = ("2026-11-20T08:00:00Z", "2026-11-20T08:30:00Z");
            named(
                "Appointment",
                &id,
                json!({ "status": "booked", "start": times.0, "end": times.1, "participant": participant }),
            )
        }
        2 => {
            let request = json!({ "status": "active", "intent": "order", "subject": subject, "performer": [doctor] });
            named("ServiceRequest", &id, request)
        }
        3 => {
            let request = json!({ "status": "active", "intent": "order", "subject": subject, "requester": doctor });
            named("ServiceRequest", &id, request)
        }
        _ => {
            let class = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" });
            let role = json!({ "reference": "PractitionerRole/role" });
            let participant = json!([{ "individual": role }]);
            named(
                "Encounter",
                &id,
                json!({ "status": "finished", "class": class, "subject": subject, "participant": participant }),
            )
        }
    }
}

fn index(id: &str) -> usize {
    id.trim_start_matches('r').parse().expect("a patient's number")
}

/// The patients whose observation it is: by a reference, or by an identifier alone.
fn owners(population: &[Stored], observation: &Value) -> Vec<usize> {
    let subject = &observation["subject"];
    if let Some(reference) = subject["reference"].as_str() {
        return vec![index(reference.trim_start_matches("Patient/"))];
    }
    let wanted = &subject["identifier"];
    let is_named = |patient: &Value| {
        let same = |it: &Value| it["system"] == wanted["system"] && it["value"] == wanted["value"];
        wanted.is_object() && patient["identifier"].as_array().into_iter().flatten().any(same)
    };
    let patients = population.iter().filter(|(of, ..)| *of == "Patient");
    let parsed = patients.map(|(_, id, body)| (index(id), serde_json::from_str(body).expect("JSON")));
    parsed.filter(|(_, it): &(usize, Value)| is_named(it)).map(|(at, _)| at).collect()
}

/// Whether a coding with system and code is anywhere in it.
fn has_code(resource: &Value, system: &str, code: &str) -> bool {
    match resource {
        Value::Object(members) => {
            let is_it = members.get("system").is_some_and(|it| it == system)
                && members.get("code").is_some_and(|it| it == code);
            is_it || members.values().any(|it| has_code(it, system, code))
        }
        Value::Array(items) => items.iter().any(|it| has_code(it, system, code)),
        _ => false,
    }
}
