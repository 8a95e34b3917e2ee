//! What is measured: the requests of each workload, made from what was loaded.

use crate::process::Process;
use crate::request::{MARK, Request, sample};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// A kind of request, and the requests that stand for it.
pub struct Workload {
    /// What the table calls it.
    pub name: &'static str,
    /// Sent in turn.
    pub requests: Vec<Request>,
    /// Whether the hand-written limit has the same.
    pub has_limit: bool,
}

/// Where the tenant's resources are.
pub const BASE: &str = "/fhir/bench";

/// What requests are made from.
pub struct Material {
    /// `Type/id` of everything.
    all: Vec<String>,
    patients: Vec<Value>,
    observations: Vec<Value>,
}

impl Material {
    /// Reads the patients and some Observations back from the server.
    pub async fn gather(server: &Process, all: Vec<String>) -> Result<Material> {
        let of = |prefix: &str| all.iter().filter(|it| it.starts_with(prefix)).cloned().collect::<Vec<_>>();
        let patients = read(server, &sample(&of("Patient/"), 500)).await?;
        let observations = read(server, &sample(&of("Observation/"), 3000)).await?;
        ensure!(!patients.is_empty() && !observations.is_empty(), "the records hold no patients or no Observations");
        Ok(Material { all, patients, observations })
    }

    /// The workloads that only read.
    pub fn reads(&self) -> Vec<Workload> {
        let reads = sample(&self.all, 10_000).iter().map(|it| Request::get(format!("{BASE}/{it}"))).collect();
        vec![
            Workload { name: "read", requests: reads, has_limit: true },
            Workload { has_limit: true, ..search("search of 20: patient", self.by_patient("_count=20")) },
            search("search of 20: code", self.by_code("_count=20")),
            search("search of 20: family name", self.by_family("Patient?family=", "")),
            search("patient + code, newest first, 20", self.by_patient_and_code()),
            search(
                "code + date range, counted, 20",
                self.by_code("date=ge2012-01-01&date=lt2016-01-01&_total=accurate&_count=20"),
            ),
            search(
                "code + date range, sorted, 50",
                self.by_code("date=ge2012-01-01&date=lt2016-01-01&_sort=date&_count=50"),
            ),
            search("chain: patient's family name, 20", self.by_family("Observation?patient.family=", "&_count=20")),
            search("_has: patients with a code, 20", self.by_has()),
            search("_include of 50", self.by_code("_count=50&_include=Observation:patient")),
        ]
    }

    /// Pages whose cost must not grow with the store.
    pub fn pages(&self) -> Vec<Workload> {
        let prefix = |it: &Value| text(&it["name"][0]["family"]).chars().take(3).collect::<String>();
        let by_prefix = self.patients.iter().map(|it| format!("Patient?family={}&_count=20", prefix(it)));
        let codes: Vec<String> = self.observations.iter().map(code).collect();
        let of_many = codes.chunks(20).map(|it| format!("Observation?code={}&_count=20", it.join(",")));
        vec![
            search("patient by name prefix", by_prefix.collect()),
            search("patient + code, newest first", self.by_patient_and_code()),
            search(
                "code + date range, counted",
                self.by_code("date=ge2012-01-01&date=lt2016-01-01&_total=accurate&_count=20"),
            ),
            search(
                "code + date range, sorted, 50",
                self.by_code("date=ge2012-01-01&date=lt2016-01-01&_sort=date&_count=50"),
            ),
            search(
                "chain of two steps",
                self.by_family("DiagnosticReport?encounter:Encounter.patient.family=", "&_count=20"),
            ),
            search("_has", self.by_has()),
            search("token OR of 20", of_many.collect()),
            search("_include", self.by_code("_count=50&_include=Observation:patient")),
            search(
                "_revinclude:iterate",
                self.by_family("Patient?family=", "&_count=1&_revinclude:iterate=Encounter:patient"),
            ),
        ]
    }

    /// The workloads that write.
    pub fn writes(&self) -> Vec<Workload> {
        let updates = self.observations.iter().map(|it| {
            let target = format!("{BASE}/Observation/{}", it["id"].as_str().unwrap_or_default());
            Request::with_body("PUT", target, &marked(it).to_string().into_bytes())
        });
        vec![
            write("update Observation", updates.collect(), false),
            write("create Observation", created("Observation", &self.observations), true),
            write("create Patient", created("Patient", &self.patients), true),
        ]
    }

    fn by_patient(&self, rest: &str) -> Vec<String> {
        self.patients.iter().map(|it| format!("Observation?patient={}&{rest}", text(&it["id"]))).collect()
    }

    fn by_code(&self, rest: &str) -> Vec<String> {
        self.observations.iter().map(|it| format!("Observation?code={}&{rest}", code(it))).collect()
    }

    fn by_family(&self, before: &str, after: &str) -> Vec<String> {
        self.patients.iter().map(|it| format!("{before}{}{after}", text(&it["name"][0]["family"]))).collect()
    }

    fn by_patient_and_code(&self) -> Vec<String> {
        let one = |it: &Value| {
            let patient = text(&it["subject"]["reference"]).trim_start_matches("Patient/");
            format!("Observation?patient={patient}&code={}&_sort=-date&_count=20", code(it))
        };
        self.observations.iter().map(one).collect()
    }

    fn by_has(&self) -> Vec<String> {
        self.observations
            .iter()
            .map(|it| format!("Patient?_has:Observation:patient:code={}&_count=20", code(it)))
            .collect()
    }
}

fn search(name: &'static str, queries: Vec<String>) -> Workload {
    let requests = sample(&queries, 300).iter().map(|it| Request::get(format!("{BASE}/{it}"))).collect();
    Workload { name, requests, has_limit: false }
}

fn write(name: &'static str, requests: Vec<Request>, has_limit: bool) -> Workload {
    Workload { name, requests, has_limit }
}

fn created(of: &str, models: &[Value]) -> Vec<Request> {
    let body = |it: &Value| {
        let mut new = marked(it);
        if let Some(members) = new.as_object_mut() {
            members.remove("id");
        }
        new.to_string().into_bytes()
    };
    models.iter().map(|it| Request::with_body("POST", format!("{BASE}/{of}"), &body(it))).collect()
}

/// The resource with an identifier that each use makes a new one.
fn marked(resource: &Value) -> Value {
    let mut new = resource.clone();
    if let Some(members) = new.as_object_mut() {
        members.remove("meta");
        let identifiers = members.entry("identifier").or_insert_with(|| json!([]));
        if let Some(identifiers) = identifiers.as_array_mut() {
            identifiers.push(json!({ "system": "http://example.org/benchmark", "value": MARK }));
        }
    }
    new
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `system|code` of an Observation, as a query's value.
fn code(observation: &Value) -> String {
    let coding = &observation["code"]["coding"][0];
    format!("{}%7C{}", text(&coding["system"]), text(&coding["code"]))
}

async fn read(server: &Process, keys: &[String]) -> Result<Vec<Value>> {
    let requests: Vec<Request> = keys.iter().map(|it| Request::get(format!("{BASE}/{it}"))).collect();
    let answers = server.answers(&requests).await?;
    answers.iter().map(|it| serde_json::from_slice(it).context("a resource that is not JSON")).collect()
}

/// Fails if the answers of a search are all empty: it would measure nothing.
pub fn check_found(name: &str, answers: &[Vec<u8>]) -> Result<()> {
    ensure!(name == "read" || entries(answers) > 0, "{name}: no search found anything");
    Ok(())
}

/// Resources in all of the answers of a search.
pub fn entries(answers: &[Vec<u8>]) -> usize {
    let is_entry = |it: &&[u8]| *it == b"\"fullUrl\":\"" || *it == b"\"fullUrl\": ";
    answers.iter().map(|it| it.windows(11).filter(is_entry).count()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_create_has_a_new_identifier_and_no_id() {
        let model = json!({ "resourceType": "Observation", "id": "1", "meta": { "versionId": "1" } });
        let request = &created("Observation", &[model])[0];
        let mut bytes = Vec::new();
        request.write(7, &mut bytes);
        let sent = String::from_utf8(bytes).unwrap();
        let body: Value = serde_json::from_str(sent.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(body.get("id"), None);
        assert_ne!(body["identifier"][0]["value"], MARK);
    }
}
