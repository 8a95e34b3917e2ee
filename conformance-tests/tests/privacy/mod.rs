//! What the tenant's rules and patients' Consents hide (consent.html): the known holes of this field, each as a case. Rules
//! are given as a deployment would give them, by `$privacy-settings` and by Consents.

mod actors;
mod addresses;
mod auditors;
mod consents;
mod criteria;
mod doctors;
mod duplicates;
mod elements;
mod emergency;
mod events;
mod identifiers;
mod labels;
mod links;
mod moved;
mod others;
mod pointing;
mod purposes;
mod sharing;
mod upgraded;
mod widening;
mod withheld;

use conformance_tests::{Answer, Bundle, Client, Program, foreign_base, program, samples::*, skipped, unique};
use serde_json::{Value, json};

/// A tenant with a doctor `d`, and patients `a`, `b` and `c`, each with an observation `oa`, `ob`, `oc` of code `x`.
pub struct Clinic {
    pub program: &'static Program,
    pub tenant: String,
    pub admin: Client,
}

impl Clinic {
    pub async fn new() -> Option<Clinic> {
        if foreign_base().is_some() {
            skipped("tokens are issued for the server's own program only");
            return None;
        }
        let (program, root) = program();
        let tenant = format!("privacy-{}", unique());
        program.create_tenant(&tenant);
        let base = format!("{root}/fhir/{tenant}");
        let admin = Client::new(&base, Some(program.token(&tenant, "system/*.cruds")));
        let mut entries = vec![entry("PUT", "Practitioner/d", json!({ "resourceType": "Practitioner", "id": "d" }))];
        for id in ["a", "b", "c"] {
            let patient = with(patient(id), json!({ "id": id, "birthDate": "1980-01-01" }));
            entries.push(entry("PUT", &format!("Patient/{id}"), patient));
            let subject = json!({ "reference": format!("Patient/{id}") });
            let measured = with(observation("x"), json!({ "id": format!("o{id}"), "subject": subject }));
            entries.push(entry("PUT", &format!("Observation/o{id}"), measured));
        }
        admin.bundle("transaction", entries).await.expect(200);
        Some(Clinic { program, tenant, admin })
    }

    /// A client with a token that says these things.
    pub fn caller(&self, scope: &str, more: &[&str]) -> Client {
        let base = ["token", "--tenant", &self.tenant, "--scope", scope];
        self.admin.with_token(Some(self.program.succeed(&[&base[..], more].concat()).trim().to_owned()))
    }

    pub fn doctor(&self) -> Client {
        self.caller("user/*.rs", &["--subject", "d", "--user", "Practitioner/d"])
    }

    /// A user who is the practitioner `d` and has a role.
    pub fn holder(&self, role: &str, scope: &str) -> Client {
        self.caller(scope, &["--subject", role, "--user", "Practitioner/d", "--role", role])
    }

    pub async fn limit_doctors(&self) {
        self.set(json!([{ "name": "limitedRole", "valueCode": "doctor" }])).await;
    }

    pub async fn set(&self, parameters: Value) {
        let parameters = json!({ "resourceType": "Parameters", "parameter": parameters });
        self.admin.post("$privacy-settings", &parameters).await.expect(200);
        // Rules hold within two seconds, on every server.
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }

    /// A care team of the doctor's for a patient.
    pub async fn care_for(&self, patient: &str) {
        let team = json!({
            "resourceType": "CareTeam", "id": format!("t{patient}"),
            "subject": { "reference": format!("Patient/{patient}") },
            "participant": [{ "member": { "reference": "Practitioner/d" } }]
        });
        self.admin.put(&format!("CareTeam/t{patient}"), &team).await.expect_in(200..=201);
    }

    /// Another observation of patient `a`.
    pub async fn observe_again(&self) {
        let also = json!({ "id": "also", "subject": { "reference": "Patient/a" } });
        self.admin.put("Observation/also", &with(observation("x"), also)).await.expect(201);
    }

    /// A Consent of a patient.
    pub async fn consent(&self, patient: &str, provision: Value) {
        self.admin.put(&format!("Consent/c{patient}"), &consent(patient, provision)).await.expect_in(200..=201);
    }
}

pub fn consent(patient: &str, provision: Value) -> Value {
    let scope = json!([{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }]);
    json!({
        "resourceType": "Consent", "id": format!("c{patient}"), "status": "active", "scope": { "coding": scope },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "patient": { "reference": format!("Patient/{patient}") },
        "policyRule": { "text": "The clinic's rules." }, "provision": provision
    })
}

/// The role of an actor who receives data.
pub fn receives() -> Value {
    role("IRCP")
}

/// A role by its code of v3-ParticipationType.
pub fn role(code: &str) -> Value {
    json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": code }] })
}

pub fn all_denied() -> Value {
    json!({ "type": "deny" })
}

/// That somebody sees these patients with all that is theirs, and has no way to tell of the others.
pub async fn sees(client: &Client, patients: &[&str]) {
    let observations: Vec<String> = patients.iter().map(|it| format!("o{it}")).collect();
    let all = |ids: &[&str]| ids.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let total = Some(patients.len() as u64);
    for (query, expected) in [
        ("Patient?_sort=_id&_total=accurate", all(patients)),
        ("Patient?birthdate=1980-01-01&_sort=_id&_total=accurate", all(patients)),
        ("Patient?_has:Observation:subject:code=x&_sort=_id&_total=accurate", all(patients)),
        ("Observation?_sort=_id&_total=accurate", observations.clone()),
        ("Observation?code=x&_sort=_id&_total=accurate", observations.clone()),
        ("Observation?subject:Patient.birthdate=1980-01-01&_sort=_id&_total=accurate", observations.clone()),
        ("Observation?patient=Patient/a,Patient/b,Patient/c&_sort=_id&_total=accurate", observations.clone()),
    ] {
        let found = client.page(query).await;
        assert_eq!(found.ids(), expected, "{query}");
        assert_eq!(found.total(), total, "{query}");
        let count = client.page(&format!("{query}&_summary=count")).await;
        assert_eq!((count.total(), count.entries().len()), (total, 0), "{query}");
    }
    let names: Vec<String> = patients.iter().map(|it| format!("Patient/{it}")).collect();
    assert_eq!(client.page("Observation?_include=Observation:subject").await.included(), names);
    let revincluded: Vec<String> = patients.iter().map(|it| format!("Observation/o{it}")).collect();
    assert_eq!(client.page("Patient?_revinclude=Observation:subject").await.included(), revincluded);
    let versions = client.page("Observation/_history").await;
    assert_eq!(versions.entries().len(), patients.len());
    for id in ["a", "b", "c"] {
        let is_seen = patients.contains(&id);
        let batch = ["Patient", "Observation"].map(|of| bare_entry("GET", &format!("{of}?_id={id},o{id}"))).to_vec();
        let batch = client.bundle("batch", batch).await.expect(200).json();
        for entry in batch["entry"].as_array().unwrap() {
            assert_eq!(Bundle(entry["resource"].clone()).ids().len(), usize::from(is_seen), "{entry}");
        }
        for path in [
            format!("Patient/{id}"),
            format!("Patient/{id}/_history"),
            format!("Patient/{id}/_history/1"),
            format!("Patient/{id}/$everything"),
            format!("Observation/o{id}"),
            format!("Observation/o{id}/_history"),
            format!("Observation/o{id}/_history/1"),
        ] {
            let status = if is_seen { 200 } else { 404 };
            client.get(&path).await.expect(status);
        }
        let compartment = client.page(&format!("Patient/{id}/Observation")).await;
        assert_eq!(compartment.ids().len(), usize::from(is_seen));
    }
}

/// Of something in `http://terminology.hl7.org/CodeSystem/v3-ActReason`.
pub fn purpose(code: &str) -> Value {
    json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code }])
}

/// Breaks the glass before patient `a`.
pub async fn break_glass(client: &Client, more: Value) -> Answer {
    let mut parameters = vec![
        json!({ "name": "patient", "valueId": "a" }),
        json!({ "name": "reason", "valueString": "Found unconscious, allergies unknown." }),
    ];
    for (name, value) in more.as_object().unwrap() {
        parameters.retain(|it| it["name"] != *name);
        let kind = match name.as_str() {
            "minutes" => "valuePositiveInt",
            "purpose" => "valueCode",
            _ => "valueString",
        };
        parameters.push(json!({ "name": name, kind: value }));
    }
    client.post("Patient/$break-glass", &json!({ "resourceType": "Parameters", "parameter": parameters })).await
}
