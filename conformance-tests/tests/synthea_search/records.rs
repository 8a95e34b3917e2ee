//! The raw records, where they were stored, and the comparison of answers with them.

use super::walk::{at, place, references, texts};
use crate::bundle::{place as stored_place, responses};
use conformance_tests::{Bundle, Client, foreign_base, records, skipped};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, OnceLock};
use tokio::runtime::Runtime;

/// Patients old and young, alive and dead, two of one family, with allergies, devices, images, infusions.
const PATIENTS: [&str; 9] = [
    "8a4c9c04-",
    "6c8f3e83-",
    "53eac4c0-",
    "8dd4ed1f-",
    "ab5537a3-",
    "f500d29f-",
    "085e81c0-",
    "c0697745-",
    "b6f92fa3-",
];

/// The raw resources with the ids and references that they have since they were stored, by `Type/id`.
pub struct Records {
    pub client: Client,
    all: BTreeMap<String, Value>,
}

/// Runs a case over the records, which the first case loads.
pub fn on_records(case: impl AsyncFnOnce(&'static Records)) {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
    static RECORDS: OnceLock<Option<Records>> = OnceLock::new();
    let load = || files().map(|files| RUNTIME.block_on(Records::load(&files)));
    if let Some(records) = RECORDS.get_or_init(load) {
        RUNTIME.block_on(case(records));
    }
}

/// The files of hospitals, practitioners and chosen patients; none where the records cannot be had.
fn files() -> Option<Vec<PathBuf>> {
    if foreign_base().is_some() {
        skipped("on a base that others use, other cases have loaded the same records");
        return None;
    }
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let Ok(folder) = std::fs::read_dir(shared.join("data/synthea")) else {
        assert!(std::env::var_os("CI").is_none() || !shared.exists(), "../shared lacks the records of Synthea");
        skipped("the records of Synthea are not there (../shared/data/synthea)");
        return None;
    };
    let wanted = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("0-") || PATIENTS.iter().any(|patient| name.starts_with(patient))
    };
    let mut files: Vec<PathBuf> =
        folder.map(|file| file.expect("the folder can be read").path()).filter(wanted).collect();
    // `0-…` comes first: what it holds is referred to.
    files.sort();
    assert_eq!(files.len(), 2 + PATIENTS.len(), "{files:?}");
    Some(files)
}

impl Records {
    /// Sends the Bundles, and learns from the answers where each resource was stored.
    async fn load(files: &[PathBuf]) -> Records {
        let client = Client::fresh();
        let mut places = HashMap::new();
        let mut raw = Vec::new();
        for file in files {
            let bundle = records::bundle(file);
            let kind = format!("{}-response", bundle["type"].as_str().expect("a type"));
            let answers = responses(client.post("", &bundle).await, &kind);
            for (entry, answer) in at(&bundle, "entry").into_iter().zip(&answers) {
                let place = stored_place(answer);
                for name in names(entry) {
                    places.insert(name, place.clone());
                }
                raw.push((place, entry["resource"].clone()));
            }
        }
        let stored = |(place, mut resource): (String, Value)| {
            let (_, id) = place.split_once('/').expect("Type/id");
            resource["id"] = json!(id);
            rewrite(&mut resource, &places);
            (place, resource)
        };
        Records { client, all: raw.into_iter().map(stored).collect() }
    }

    /// All resources.
    pub fn everything(&self) -> impl Iterator<Item = &Value> {
        self.all.values()
    }

    /// All resources of a type.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.everything().filter(move |resource| resource["resourceType"] == kind)
    }

    /// The resource stored there.
    pub fn there(&self, place: &str) -> Option<&Value> {
        self.all.get(place)
    }

    /// What the references at this path refer to: by their address, or without one by their identifier.
    pub fn targets<'a>(&'a self, resource: &Value, path: &str) -> Vec<&'a Value> {
        let target = |reference: &Value| match reference["reference"].as_str() {
            Some(address) => self.there(address).into_iter().collect(),
            None => self.everything().filter(|it| is_named_by(it, reference)).collect::<Vec<_>>(),
        };
        at(resource, path).into_iter().flat_map(target).collect()
    }

    /// Some target of the references at this path passes.
    pub fn chain(&self, resource: &Value, path: &str, test: impl Fn(&Value) -> bool) -> bool {
        self.targets(resource, path).into_iter().any(test)
    }

    /// The resources of a type whose references at this path lead to the target.
    pub fn referring<'a>(&'a self, target: &Value, kind: &'a str, path: &str) -> Vec<&'a Value> {
        let place = place(target);
        let leads = |reference: &&Value| match reference["reference"].as_str() {
            Some(address) => address == place,
            None => is_named_by(target, reference),
        };
        self.of(kind).filter(|resource| at(resource, path).iter().any(leads)).collect()
    }

    /// Some resource of the type refers to the target by this path, and passes.
    pub fn has(&self, target: &Value, kind: &str, path: &str, test: impl Fn(&Value) -> bool) -> bool {
        self.referring(target, kind, path).into_iter().any(test)
    }

    /// The only patient of this family.
    pub fn patient(&self, family: &str) -> &Value {
        let found: Vec<&Value> = self.of("Patient").filter(|it| texts(it, "name.family") == [family]).collect();
        let [patient] = found[..] else { panic!("{} patients are called {family}", found.len()) };
        patient
    }

    /// The answer to a search, page by page, so many matches to a page. It must honour all that was asked.
    pub async fn pages(&self, query: &str, size: usize) -> Vec<Bundle> {
        let mut pages = vec![self.client.page(&paged(query, size)).await];
        while let Some(next) = pages.last().and_then(|page| page.link("next")).map(str::to_owned) {
            pages.push(self.client.page(&next).await);
        }
        let warnings: Vec<&Value> = pages.iter().flat_map(|page| page.with_mode("outcome")).collect();
        assert!(warnings.is_empty(), "{query}: {warnings:?}");
        pages
    }

    /// `Type/id` of all that the search matches, in order; an answer of this size comes on about ten pages.
    pub async fn found(&self, query: &str, expected: usize) -> Vec<String> {
        self.pages(query, expected / 10 + 2).await.iter().flat_map(Bundle::matches).map(place).collect()
    }

    /// What the raw resources of the query's type give.
    pub fn expected(&self, query: &str, test: impl Fn(&Value) -> bool) -> BTreeSet<String> {
        let kind = query.split('?').next().unwrap_or_default();
        self.of(kind).filter(|it| test(it)).map(place).collect()
    }

    /// Compares all searches of the table, and tells all that are wrong at once.
    pub async fn check(&self, rows: Vec<Row<'_>>) {
        let mut wrong = Vec::new();
        for Row { query, test } in &rows {
            let expected = self.expected(query, test);
            if expected.is_empty() {
                wrong.push(format!("{query}: nothing in the records would tell a wrong answer"));
            }
            wrong.extend(difference(query, &self.found(query, expected.len()).await, &expected));
        }
        assert!(wrong.is_empty(), "{} of {} searches:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    }
}

/// A search, and the test that resources of its type must pass to be found.
pub struct Row<'a> {
    query: String,
    test: Box<dyn Fn(&Value) -> bool + 'a>,
}

/// A row of a table for [`Records::check`].
pub fn row<'a>(query: impl Into<String>, test: impl Fn(&Value) -> bool + 'a) -> Row<'a> {
    Row { query: query.into(), test: Box::new(test) }
}

/// The search with so many matches to a page.
pub fn paged(query: &str, size: usize) -> String {
    let joint = if query.contains('?') { '&' } else { '?' };
    format!("{query}{joint}_count={size}")
}

/// What is wrong with the answer: repeated, missing or too much.
pub fn difference(query: &str, found: &[String], expected: &BTreeSet<String>) -> Option<String> {
    let set: BTreeSet<String> = found.iter().cloned().collect();
    if found.len() == set.len() && set == *expected {
        return None;
    }
    let few = |places: Vec<&String>| places.into_iter().take(3).cloned().collect::<Vec<_>>().join(" ");
    let (missing, more) = (expected.difference(&set).collect(), set.difference(expected).collect());
    let repeated = found.len() - set.len();
    let (wanted, got) = (expected.len(), set.len());
    Some(format!(
        "{query}: expected {wanted}, found {got} ({repeated} repeated); missing: {} …; too much: {} …",
        few(missing),
        few(more)
    ))
}

/// What references call the entry: its fullUrl, and searches by its identifiers.
fn names(entry: &Value) -> Vec<String> {
    let resource = &entry["resource"];
    let kind = resource["resourceType"].as_str().expect("a type");
    let identified = at(resource, "identifier").into_iter().filter_map(|identifier| {
        let (system, value) = (identifier["system"].as_str()?, identifier["value"].as_str()?);
        Some(format!("{kind}?identifier={system}|{value}"))
    });
    texts(entry, "fullUrl").into_iter().map(str::to_owned).chain(identified).collect()
}

/// references.html#logical: a resource has the identifier that a reference gives.
fn is_named_by(resource: &Value, reference: &Value) -> bool {
    let wanted = &reference["identifier"];
    let is_same = |it: &&Value| it["system"] == wanted["system"] && it["value"] == wanted["value"];
    !wanted["value"].is_null() && at(resource, "identifier").iter().any(is_same)
}

/// Rewrites every reference that is known to where it leads.
fn rewrite(value: &mut Value, places: &HashMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(reference) if name == "reference" => {
                        if let Some(place) = places.get(reference) {
                            reference.clone_from(place);
                        }
                    }
                    other => rewrite(other, places),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, places)),
        _ => {}
    }
}

/// The comparisons rest on it: every reference of the records leads to a resource of the records.
#[test]
fn every_reference_leads_somewhere() {
    on_records(async |records| {
        let all = records.everything().flat_map(references);
        let lost: Vec<&str> = all.filter(|reference| records.there(reference).is_none()).collect();
        assert!(records.all.len() > 2500 && lost.is_empty(), "{} resources, lost: {lost:?}", records.all.len());
    });
}
