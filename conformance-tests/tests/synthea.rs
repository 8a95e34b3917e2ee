//! Whole records: 120 patients of Synthea as transaction Bundles, after the Bundles of their hospitals and
//! practitioners (http.html#transaction).

use crate::bundle::{place, responses, status};
use conformance_tests::{Client, Program, Server, encode, foreign_base, records, samples::*, skipped};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// The files of the records in the order of loading: hospitals and practitioners (`0-…`), then patients from
/// the smallest to the largest.
fn files() -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/synthea");
    let Ok(files) = std::fs::read_dir(folder) else {
        skipped("the records of Synthea are not there (../shared/data/synthea)");
        return None;
    };
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("the folder can be read").path()).collect();
    files.sort_by_key(|file| {
        let size = file.metadata().map(|it| it.len()).unwrap_or_default();
        (!of_the_hospitals(file), size)
    });
    Some(files)
}

fn of_the_hospitals(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("0-"))
}

fn add(totals: &mut BTreeMap<String, u64>, bundle: &Value) {
    for (kind, count) in records::counts(bundle) {
        *totals.entry(kind).or_default() += count;
    }
}

/// The same of a Bundle that the program loads: where nothing in it tells where it comes from, a Provenance does for a
/// transaction, and one for each entry of a batch.
fn add_loaded(totals: &mut BTreeMap<String, u64>, bundle: &Value) {
    add(totals, bundle);
    let counts = records::counts(bundle);
    let made = match bundle["type"].as_str() {
        Some("batch") => counts.values().sum(),
        _ => u64::from(!counts.contains_key("Provenance")),
    };
    *totals.entry("Provenance".to_owned()).or_default() += made;
}

async fn assert_totals(client: &Client, totals: &BTreeMap<String, u64>) {
    let mut wrong = Vec::new();
    for (kind, expected) in totals {
        let total = client.page(&format!("{kind}?_summary=count")).await.total();
        if total != Some(*expected) {
            wrong.push(format!("{kind}: expected {expected}, found {total:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The resource of each fullUrl, and where it was stored.
struct Stored {
    resource: Value,
    place: String,
}

/// POSTs the Bundle, of which every entry must succeed.
async fn post(client: &Client, bundle: &Value) -> HashMap<String, Stored> {
    let kind = bundle["type"].as_str().expect("a type");
    let answers = responses(client.post("", bundle).await, &format!("{kind}-response"));
    let entries = bundle["entry"].as_array().expect("entries");
    assert_eq!(answers.len(), entries.len());
    let mut stored = HashMap::new();
    for (entry, answer) in entries.iter().zip(&answers) {
        assert_eq!(status(answer), 201, "{}: {answer}", entry["fullUrl"]);
        let full_url = entry["fullUrl"].as_str().expect("a fullUrl").to_owned();
        stored.insert(full_url, Stored { resource: entry["resource"].clone(), place: place(answer) });
    }
    stored
}

/// The references of the records: what each stands for once it is stored.
struct References<'a> {
    client: &'a Client,
    known: HashMap<String, String>,
}

impl References<'_> {
    /// Rewrites every `reference` in the value to what a server makes of it.
    async fn rewrite(&mut self, value: &mut Value) {
        let mut waiting = vec![value];
        while let Some(value) = waiting.pop() {
            match value {
                Value::Object(members) => {
                    for (name, member) in members {
                        match member {
                            Value::String(reference) if name == "reference" => *reference = self.meant(reference).await,
                            other => waiting.push(other),
                        }
                    }
                }
                Value::Array(items) => waiting.extend(items),
                _ => {}
            }
        }
    }

    async fn meant(&mut self, reference: &str) -> String {
        if let Some(known) = self.known.get(reference) {
            return known.clone();
        }
        let Some((kind, criteria)) = reference.split_once('?') else { return reference.to_owned() };
        let (name, value) = criteria.split_once('=').expect("one criterion");
        let ids = self.client.page(&format!("{kind}?{name}={}", encode(value))).await.ids();
        let [id] = &ids[..] else { panic!("{reference} means {} resources", ids.len()) };
        let meant = format!("{kind}/{id}");
        self.known.insert(reference.to_owned(), meant.clone());
        meant
    }
}

fn without_id(mut resource: Value) -> Value {
    resource.as_object_mut().expect("a resource").shift_remove("id");
    as_submitted(resource)
}

/// http.html#transaction: hospitals, practitioners and the ten smallest records over HTTP: all of it is there,
/// and every resource is what was sent, but for the references, which were resolved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_sent_over_http_are_stored_whole_and_read_back_equal() {
    const PATIENTS: usize = 10;
    let Some(files) = files() else { return };
    let client = Client::fresh();
    let mut totals = BTreeMap::new();
    let mut all = HashMap::new();
    for file in files.iter().take(2 + PATIENTS) {
        let bundle = records::bundle(file);
        add(&mut totals, &bundle);
        all.extend(post(&client, &bundle).await);
    }
    if foreign_base().is_none() {
        assert_totals(&client, &totals).await;
    }
    let known = all.iter().map(|(full_url, stored)| (full_url.clone(), stored.place.clone())).collect();
    let mut references = References { client: &client, known };
    for (full_url, stored) in all {
        let mut expected = without_id(stored.resource);
        references.rewrite(&mut expected).await;
        let read = without_id(client.read(&stored.place).await);
        assert_eq!(read, expected, "{full_url} as {}", stored.place);
    }
}

/// `medisync load` takes the records whole, and taking them again changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_loaded_by_the_program_are_whole_and_loaded_once() {
    let Some(files) = files() else { return };
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("records");
    let paths: Vec<&str> = files.iter().map(|file| file.to_str().expect("a path of UTF-8")).collect();
    let load = [&["load", "--tenant", "records"], &paths[..]].concat();
    program.succeed(&load);
    let mut totals = BTreeMap::new();
    for file in &files {
        add_loaded(&mut totals, &records::bundle(file));
    }
    assert_loaded(&program, &totals).await;
    program.succeed(&load);
    assert_loaded(&program, &totals).await;
}

/// Serves what was loaded, and compares its totals.
async fn assert_loaded(program: &Program, totals: &BTreeMap<String, u64>) {
    let (server, client) = serve(program);
    assert_totals(&client, totals).await;
    server.stop();
}

fn serve(program: &Program) -> (Server, Client) {
    let token = program.token("records", "system/*.*");
    let server = program.serve(&[]);
    let client = Client::new(&server.base("records"), Some(token));
    (server, client)
}

/// `medisync load` killed in the middle: no Bundle is there by half, and loading again completes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_was_killed_is_completed_by_the_next() {
    const PATIENTS: usize = 12;
    let Some(files) = files() else { return };
    let files: Vec<PathBuf> = files.into_iter().take(2 + PATIENTS).collect();
    let paths: Vec<&str> = files.iter().map(|file| file.to_str().expect("a path of UTF-8")).collect();
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("records");
    let load = [&["load", "--tenant", "records"], &paths[..]].concat();
    let database = program.database();
    for millis in [200, 700, 1500] {
        let mut child = program.command(&load).args(["--database", database]).spawn().expect("the program runs");
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
        child.kill().expect("it was started");
        child.wait().expect("its end is seen");
    }
    let (server, client) = serve(&program);
    let bundles: Vec<Value> = files.iter().map(|file| records::bundle(file)).collect();
    assert_no_half(&client, &bundles[2..]).await;
    server.stop();
    program.succeed(&load);
    let mut totals = BTreeMap::new();
    bundles.iter().for_each(|bundle| add_loaded(&mut totals, bundle));
    assert_loaded(&program, &totals).await;
}

/// Of each patient's Bundle, either all Encounters are there or nothing is.
async fn assert_no_half(client: &Client, bundles: &[Value]) {
    for bundle in bundles {
        let patient = &bundle["entry"][0]["resource"]["id"];
        let identifier = encode(patient.as_str().expect("an id"));
        let expected = records::counts(bundle)["Encounter"];
        let found = client.page(&format!("Encounter?patient.identifier={identifier}&_summary=count")).await.total();
        let patients = client.page(&format!("Patient?identifier={identifier}&_summary=count")).await.total();
        let whole = (Some(expected), Some(1));
        assert!(
            (found, patients) == whole || (found, patients) == (Some(0), Some(0)),
            "{patient}: {found:?} {patients:?}"
        );
    }
}
