//! How each operation of the matrix is called: with parameters that are valid, so that only who calls decides.

use super::records::Whose;
use conformance_tests::{Answer, Client, encode};
use serde_json::{Value, json};
use std::cell::RefCell;

/// A parameter: its name, the member of a Parameters resource that holds it, and what it is.
type Given = (&'static str, &'static str, Value);

/// A row of the operations.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The methods.
    pub methods: &'static str,
    /// The address below the base, with records in braces.
    pub address: &'static str,
}

/// Who calls, and what came of the calls before that those after need.
pub struct Caller<'t> {
    role: &'static str,
    client: &'t Client,
    /// A tenant that shares records with this one.
    sharing: &'t str,
    app: RefCell<String>,
    invitation: RefCell<String>,
}

impl Row {
    /// What is called.
    pub fn code(&self) -> &'static str {
        self.address.rsplit('$').next().unwrap_or_default()
    }

    /// Whether it is on the base or a type.
    fn is_general(&self) -> bool {
        !self.address.contains('{')
    }

    /// Whether what is asked for is a patient's, so that it is tried for the own one and another.
    pub fn is_of_patient(&self) -> bool {
        let by_parameter = ["summary", "lastn", "stats", "break-glass"];
        self.address.contains("{patient}")
            || self.address.contains("{encounter}")
            || by_parameter.contains(&self.code())
    }
}

impl<'t> Caller<'t> {
    pub fn new(role: &'static str, client: &'t Client, sharing: &'t str) -> Caller<'t> {
        let none = || RefCell::new("none".to_owned());
        Caller { role, client, sharing, app: none(), invitation: none() }
    }

    /// Somebody else with what this one is called and needs.
    pub fn with<'o>(&'o self, client: &'o Client) -> Caller<'o> {
        let (app, invitation) = (self.app.clone(), self.invitation.clone());
        Caller { role: self.role, client, sharing: self.sharing, app, invitation }
    }

    /// Calls the operation of a row, for this patient.
    pub async fn call(&self, row: Row, method: &str, whose: Whose) -> Answer {
        let role = self.role.replace('_', "-");
        let path = row.address.replace("{patient}", whose.patient()).replace("{encounter}", whose.patient());
        let path = path.replace("{location}", &format!("location-nobody-{role}"));
        let path = ["{code_system}", "{value_set}", "{concept_map}", "{structure}"]
            .into_iter()
            .fold(path, |path, it| path.replace(it, "colours"));
        let given = self.given(row, &role, whose);
        let answer = match method {
            "GET" => self.client.get(&queried(&path, &given)).await,
            _ => self.client.post(&path, &parameters(&given)).await,
        };
        if answer.status == 200 && matches!(row.code(), "register-client" | "invite") {
            let kept = if row.code() == "invite" { &self.invitation } else { &self.app };
            *kept.borrow_mut() = told_id(&answer.json());
        }
        answer
    }

    fn given(&self, row: Row, role: &str, whose: Whose) -> Vec<Given> {
        match row.code() {
            "summary" | "lastn" | "stats" | "break-glass" | "everything" | "graphql" | "meta-add" | "meta-delete"
            | "convert" | "validate" | "shared" => self.of_records(row, role, whose),
            "lookup" | "subsumes" | "validate-code" | "expand" | "translate" | "closure" | "snapshot" => {
                of_terms(row, role)
            }
            _ => self.of_administration(row.code(), role),
        }
    }

    fn of_records(&self, row: Row, role: &str, whose: Whose) -> Vec<Given> {
        let patient = whose.patient();
        let reference = json!(format!("Patient/{patient}"));
        match row.code() {
            "summary" if row.is_general() => {
                vec![("identifier", "valueString", json!(format!("urn:people|{patient}")))]
            }
            "lastn" => vec![
                ("subject", "valueString", reference),
                ("category", "valueString", json!("vital-signs,laboratory")),
                ("max", "valuePositiveInt", json!(100)),
            ],
            "stats" => vec![
                ("subject", "valueUri", reference),
                ("code", "valueString", json!("pulse")),
                ("system", "valueUri", json!("urn:codes")),
                ("duration", "valueDecimal", json!(1)),
                ("statistic", "valueCode", json!("count")),
                ("include", "valueBoolean", json!(true)),
            ],
            "break-glass" => vec![
                ("patient", "valueId", json!(patient)),
                ("reason", "valueString", json!("The patient is unconscious, and nobody knows why.")),
            ],
            "everything" => vec![("_count", "valueInteger", json!(1000))],
            "graphql" if row.is_general() => {
                vec![("query", "valueString", json!("{LocationList(_count: 1000) {resourceType id}}"))]
            }
            "graphql" => vec![("query", "valueString", json!("{resourceType id}"))],
            "meta-add" | "meta-delete" => {
                vec![("meta", "valueMeta", json!({ "tag": [{ "system": "urn:tagged", "code": role }] }))]
            }
            "convert" => vec![("input", "resource", json!({ "resourceType": "Patient", "active": true }))],
            "validate" if row.is_general() => {
                let of = row.address.split('/').next().unwrap_or_default();
                vec![("resource", "resource", json!({ "resourceType": of, "status": "active" }))]
            }
            "shared" => vec![("tenant", "valueCode", json!(self.sharing))],
            _ => Vec::new(),
        }
    }

    fn of_administration(&self, code: &str, role: &str) -> Vec<Given> {
        let text = |name, value: String| (name, "valueString", json!(value));
        let user = || text("username", format!("made-by-{role}"));
        let nurse = || ("role", "part", json!([{ "name": "name", "valueCode": "nurse" }]));
        let provider = || text("id", format!("provider-of-{role}"));
        match code {
            "create-user" => {
                let password = text("password", format!("{role} has chosen this one"));
                vec![user(), password, text("user", "Practitioner/someone".into()), nurse()]
            }
            "users" => Vec::new(),
            "user-roles" => vec![user(), nurse()],
            "reset-factors" | "disable-user" | "enable-user" | "remove-user" => vec![user()],
            "register-provider" => vec![
                provider(),
                text("label", "Staff".into()),
                ("issuer", "valueUri", json!("https://127.0.0.1:1")),
                text("client-id", "clinic".into()),
                text("client-secret", "a secret between the two".into()),
                ("rule", "part", json!([{ "name": "scope", "valueString": "user/Schedule.rs" }])),
            ],
            "link-user" => {
                vec![user(), text("provider", format!("provider-of-{role}")), text("subject", role.to_owned())]
            }
            "remove-provider" => vec![provider()],
            "invite" => {
                let email = text("email", format!("{role}@example.org"));
                vec![email, text("user", "Practitioner/someone".into()), nurse()]
            }
            "resend-invitation" | "revoke-invitation" => vec![text("id", self.invitation.borrow().clone())],
            "approve-applicant" => vec![text("username", "nobody".into()), text("patient", "Patient/mine".into())],
            "refuse-applicant" => vec![text("username", "nobody".into())],
            "register-client" => vec![
                text("name", "Growth chart".into()),
                text("scope", "user/Schedule.rs".into()),
                ("redirect-uri", "valueUri", json!("https://app.example.org/back")),
                ("authentication", "valueCode", json!("none")),
            ],
            "approve-client" | "remove-client" => vec![text("id", self.app.borrow().clone())],
            "role-define" => {
                let (name, rule) = (format!("made_by_{}", self.role), "user/Schedule.rs".to_owned());
                vec![text("name", name), text("title", "Keeper of schedules".into()), text("rule", rule)]
            }
            "role-delete" => vec![text("name", format!("made_by_{}", self.role))],
            "appearance" => vec![text("color", "#0b6b63".into())],
            "switching" => vec![("allowed", "valueBoolean", json!(false))],
            "elevate" => vec![
                text("tenant", self.sharing.to_owned()),
                text("reason", "Ticket 17: a search finds nothing".into()),
                ("minutes", "valuePositiveInt", json!(5)),
            ],
            _ => Vec::new(),
        }
    }
}

fn of_terms(row: Row, role: &str) -> Vec<Given> {
    let system = || ("system", "valueUri", json!("urn:colours"));
    let red = |name| (name, "valueCode", json!("red"));
    let url = |it: &str| ("url", "valueUri", json!(it));
    let mut given = match (row.code(), row.address.split('/').next().unwrap_or_default()) {
        ("lookup", _) => vec![red("code"), system()],
        ("subsumes", _) => vec![red("codeA"), red("codeB")],
        ("validate-code", "CodeSystem") => vec![red("code")],
        ("validate-code" | "translate", _) => vec![red("code"), system()],
        ("closure", _) => vec![("name", "valueString", json!(format!("made-by-{role}")))],
        _ => Vec::new(),
    };
    if row.is_general() {
        given.extend(match (row.code(), row.address.split('/').next().unwrap_or_default()) {
            ("subsumes", _) => vec![system()],
            ("validate-code", "CodeSystem") => vec![url("urn:colours")],
            ("validate-code" | "expand", _) => vec![url("urn:colours-set")],
            ("translate", _) => vec![url("urn:colours-map")],
            ("snapshot", _) => vec![("url", "valueString", json!("urn:colours-structure"))],
            _ => Vec::new(),
        });
    }
    given
}

/// What the terms of the operations above are defined by.
pub fn definitions() -> Vec<Value> {
    let (status, id) = ("active", "colours");
    vec![
        json!({ "resourceType": "CodeSystem", "id": id, "url": "urn:colours", "status": status, "content": "complete",
            "concept": [{ "code": "red" }, { "code": "blue" }] }),
        json!({ "resourceType": "ValueSet", "id": id, "url": "urn:colours-set", "status": status,
            "compose": { "include": [{ "system": "urn:colours" }] } }),
        json!({ "resourceType": "ConceptMap", "id": id, "url": "urn:colours-map", "status": status,
            "sourceUri": "urn:colours-set", "targetUri": "urn:colours-set",
            "group": [{ "source": "urn:colours", "target": "urn:colours",
                "element": [{ "code": "red", "target": [{ "code": "blue", "equivalence": "equivalent" }] }] }] }),
        json!({ "resourceType": "StructureDefinition", "id": id, "url": "urn:colours-structure", "name": "Coloured",
            "status": status, "kind": "resource", "abstract": false, "type": "Patient", "derivation": "constraint",
            "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
            "differential": { "element": [{ "id": "Patient.name", "path": "Patient.name", "min": 1 }] } }),
    ]
}

/// The parameters as a resource.
fn parameters(given: &[Given]) -> Value {
    let parameter: Vec<Value> =
        given.iter().map(|(name, member, value)| json!({ "name": name, *member: value })).collect();
    match parameter.is_empty() {
        true => json!({ "resourceType": "Parameters" }),
        false => json!({ "resourceType": "Parameters", "parameter": parameter }),
    }
}

/// The address with those that a query can hold.
fn queried(path: &str, given: &[Given]) -> String {
    let simple = given.iter().filter(|(_, _, value)| !value.is_object() && !value.is_array());
    let text = |it: &Value| it.as_str().map_or_else(|| it.to_string(), str::to_owned);
    let pairs: Vec<String> = simple.map(|(name, _, value)| format!("{name}={}", encode(&text(value)))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// What was made is called.
fn told_id(answer: &Value) -> String {
    let all = answer["parameter"].as_array().into_iter().flatten();
    let parts = all.clone().flat_map(|it| it["part"].as_array().into_iter().flatten());
    let found = all.chain(parts).find(|it| matches!(it["name"].as_str(), Some("id" | "client-id" | "client_id")));
    found.and_then(|it| it["valueString"].as_str()).unwrap_or("none").to_owned()
}
