//! Rules beside grants: the patients of a doctor, and Consents, each told twice: as resources, and as what they hide.

use super::pointing::{TYPES, codes_of_order, compartment, parts, patient, refers_to, targets};
use super::resources::{CODES, SYSTEMS, Stored};
use engine::{BasePolicy, Caller, Clearance, PrivacySettings, Scopes};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

/// Who asks.
const DOCTOR: &str = "Practitioner/doctor";
/// All that the doctor's scopes grant.
pub const SCOPES: &str = "user/Patient.rs user/Observation.rs user/ValueSet.rs user/Provenance.rs user/List.rs user/Task.rs \
                          user/DocumentManifest.rs user/MedicationRequest.rs user/Medication.rs user/DiagnosticReport.rs";

/// The system of roles of actors.
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
/// The system of levels of confidentiality.
const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

/// The same resource with a label, if its number is one of those that have one.
pub fn labelled((of, id, body): Stored) -> Stored {
    // Medications, and what points, have none of their own.
    let level = match id.strip_prefix('r').and_then(|it| it.parse::<usize>().ok()).map_or(0, |it| it % 5) {
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
    /// Somebody whose role is not known.
    DenyUnknown,
    /// What is from a patient.
    DenyFrom(usize),
    DenyObservations,
    DenyCode(usize, usize),
    DenyAllBut(usize, usize),
    /// Now, or long ago.
    DenyWhen(bool),
    /// For what the doctor wants data, or for something else.
    DenyPurpose(bool),
    /// Changes alone.
    DenyCorrect,
    DenyLabelled,
    /// What tells of care at any time.
    DenyCare,
    DenyInstance(usize),
    /// All but what has a code and no label.
    DenyAllButUnlabelled(usize, usize),
    Permit,
    /// What is from the doctor, not to whom.
    PermitFrom,
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
        1 => Just(Said::DenyUnknown),
        1 => (0..8_usize).prop_map(Said::DenyFrom),
        1 => Just(Said::PermitFrom),
        1 => Just(Said::DenyObservations),
        2 => code().prop_map(|(a, b)| Said::DenyCode(a, b)),
        1 => code().prop_map(|(a, b)| Said::DenyAllBut(a, b)),
        1 => any::<bool>().prop_map(Said::DenyWhen),
        1 => any::<bool>().prop_map(Said::DenyPurpose),
        1 => Just(Said::DenyCorrect),
        1 => Just(Said::DenyLabelled),
        1 => Just(Said::DenyCare),
        1 => (0..16_usize).prop_map(Said::DenyInstance),
        1 => code().prop_map(|(a, b)| Said::DenyAllButUnlabelled(a, b)),
        4 => Just(Said::Permit),
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
            purposes: vec!["TREAT".into()],
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
            of if TYPES.contains(&of) => return self.shows_pointing(population, of, &resource),
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

    /// Whether the doctor sees a resource that points at others: denied is what is, of any whom it tells of, by what it is
    /// or what it points at, and shown what is in a compartment and points at nothing that is not permitted.
    fn shows_pointing<'p>(&self, population: &'p [Stored], of: &str, resource: &Value) -> bool {
        let here = |to: &str| population.iter().find(|(of, id, _)| format!("{of}/{id}") == to);
        let read = |it: &'p Stored| (it, serde_json::from_str(&it.2).expect("JSON"));
        let to: Vec<(&Stored, Value)> = targets(of, resource).iter().filter_map(|it| here(it)).map(read).collect();
        if !self.is_cleared && (is_restricted(resource) || to.iter().any(|(_, it)| is_restricted(it))) {
            return false;
        }
        let owners_of = |(stored, it): &(&Stored, Value)| match stored.0 {
            "Patient" => vec![index(&stored.1)],
            _ => owners(population, it),
        };
        let own = compartment(of, resource);
        let named: Vec<usize> = targets(of, resource).iter().filter_map(|it| patient(it)).collect();
        let said = |it: usize| self.said.get(it).and_then(|it| it.of(of, resource));
        let mut concerned = own.iter().copied().chain(named.iter().copied()).chain(to.iter().flat_map(owners_of));
        if concerned.any(|it| said(it) == Some(false)) {
            return false;
        }
        // What it is about, or made of, is asked what it is itself.
        let made_of = parts(of, resource);
        let made_of = made_of.iter().filter_map(|it| here(it)).map(read);
        let says = |it: usize, of: &str, resource: &Value| self.said.get(it).and_then(|it| it.of(of, resource));
        let of_target = |target: &(&Stored, Value), effect: bool| {
            owners_of(target).into_iter().any(|it| says(it, target.0.0, &target.1) == Some(effect))
        };
        if to.iter().cloned().chain(made_of).any(|it| of_target(&it, false)) {
            return false;
        }
        // A Task may be about nobody; the others are somebody's or are not seen.
        let is_nobodys = of == "Task" && own.is_empty() && named.is_empty();
        let is_somebodys = |(stored, it): &(&Stored, Value)| stored.0 == "Patient" || it["subject"].is_object();
        let is_tied = |it: usize| self.ties.get(it).copied().flatten().is_some();
        let is_treated = |target: &(&Stored, Value)| {
            let is_named = target.0.0 == "Patient" || target.1["subject"]["reference"].is_string();
            is_named && owners_of(target).into_iter().any(is_tied)
        };
        let is_mine = (is_nobodys || own.iter().any(|it| is_tied(*it)))
            && to.iter().filter(|it| is_somebodys(it)).all(is_treated);
        let is_open = |target: &(&Stored, Value)| of_target(target, true);
        let is_permitted = (is_nobodys || own.iter().any(|it| said(*it) == Some(true)))
            && to.iter().filter(|it| is_somebodys(it)).all(is_open);
        (!self.is_limited || is_mine) && (self.base == BasePolicy::Permit || is_permitted)
    }
}

impl Said {
    fn provision(self) -> Option<Value> {
        let code =
            |system: usize, code: usize| json!([{ "coding": [{ "system": SYSTEMS[system], "code": CODES[code] }] }]);
        let named = |role: Value, reference: &str| json!([{ "role": role, "reference": { "reference": reference } }]);
        let role = |code: &str| json!({ "coding": [{ "system": PARTICIPATION, "code": code }] });
        let actor = |reference: &str| named(role("IRCP"), reference);
        Some(match self {
            Said::Nothing => return None,
            Said::DenyAll => json!({ "type": "deny", "actor": actor("Organization/o") }),
            Said::DenyOthers => json!({ "type": "deny", "actor": actor("Practitioner/other") }),
            Said::DenyUnknown => {
                json!({ "type": "deny", "actor": named(json!({ "text": "r" }), "Practitioner/other") })
            }
            Said::DenyFrom(at) => json!({ "type": "deny", "actor": named(role("AUT"), &format!("Patient/r{at}")) }),
            Said::PermitFrom => json!({ "type": "permit", "actor": named(role("AUT"), DOCTOR) }),
            Said::DenyObservations => {
                let class = json!([{ "system": "http://hl7.org/fhir/resource-types", "code": "Observation" }]);
                json!({ "type": "deny", "class": class })
            }
            Said::DenyCode(a, b) => json!({ "type": "deny", "code": code(a, b) }),
            Said::DenyAllBut(a, b) => {
                json!({ "type": "deny", "provision": [{ "type": "permit", "code": code(a, b) }] })
            }
            Said::DenyWhen(true) => json!({ "type": "deny", "period": { "start": "2001-01-01" } }),
            Said::DenyWhen(false) => json!({ "type": "deny", "period": { "end": "2001-01-01" } }),
            Said::DenyPurpose(is_theirs) => {
                let code = if is_theirs { "TREAT" } else { "HMARKT" };
                json!({ "type": "deny", "purpose": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code }] })
            }
            Said::DenyCorrect => {
                let system = "http://terminology.hl7.org/CodeSystem/consentaction";
                json!({ "type": "deny", "action": [{ "coding": [{ "system": system, "code": "correct" }] }] })
            }
            Said::DenyLabelled => json!({ "type": "deny", "securityLabel": [restricted()] }),
            Said::DenyCare => json!({ "type": "deny", "dataPeriod": { "start": "1900-01-01", "end": "2100-01-01" } }),
            Said::DenyInstance(at) => {
                let data =
                    json!([{ "meaning": "instance", "reference": { "reference": format!("Observation/r{at}") } }]);
                json!({ "type": "deny", "data": data })
            }
            Said::DenyAllButUnlabelled(a, b) => {
                let labelled = json!([{ "type": "deny", "securityLabel": [restricted()] }]);
                json!({ "type": "deny", "provision": [{ "type": "permit", "code": code(a, b), "provision": labelled }] })
            }
            Said::Permit => json!({ "type": "permit", "actor": actor(DOCTOR) }),
            Said::PermitBut(a, b) => {
                json!({ "type": "permit", "provision": [{ "type": "deny", "code": code(a, b) }] })
            }
        })
    }

    /// Whether a resource of the patient is permitted, or denied.
    fn of(self, of: &str, resource: &Value) -> Option<bool> {
        // What is permitted must have the code itself; what is denied may have it in what it refers to.
        let has = |a: usize, b: usize| match of {
            "Observation" => has_code(resource, SYSTEMS[a], CODES[b]),
            "MedicationRequest" | "DiagnosticReport" => codes_of_order(resource, a, b).0,
            _ => false,
        };
        let may_have = |a: usize, b: usize| has(a, b) || of == "MedicationRequest" && codes_of_order(resource, a, b).1;
        match self {
            Said::Nothing | Said::DenyOthers | Said::DenyCorrect | Said::DenyWhen(false) | Said::DenyPurpose(false) => {
                None
            }
            Said::PermitFrom => None,
            Said::DenyFrom(at) => refers_to(resource, &format!("Patient/r{at}")).then_some(false),
            Said::DenyWhen(true) | Said::DenyPurpose(true) | Said::DenyUnknown => Some(false),
            Said::DenyLabelled => is_restricted(resource).then_some(false),
            Said::DenyCare => (of != "Patient").then_some(false),
            Said::DenyInstance(at) => (of == "Observation" && resource["id"] == format!("r{at}")).then_some(false),
            Said::DenyAllButUnlabelled(a, b) => Some(has(a, b) && !is_restricted(resource)),
            Said::DenyAll => Some(false),
            Said::DenyObservations => (of == "Observation").then_some(false),
            Said::DenyCode(a, b) => may_have(a, b).then_some(false),
            Said::DenyAllBut(a, b) => Some(has(a, b)),
            Said::Permit => Some(true),
            Said::PermitBut(a, b) => Some(!may_have(a, b)),
        }
    }
}

/// The label of what is restricted.
fn restricted() -> Value {
    json!({ "system": CONFIDENTIALITY, "code": "R" })
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
