//! Every example of the R4 package is accepted, stored and read back without loss (json.html), except those
//! with a real fault.

use conformance_tests::{Client, samples::*, skipped};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Examples that break the standard, and what the outcome says of it.
const FAULTY: &[(&str, &str)] = &[
    // The narrative holds no more than an empty element (narrative.html#Narrative, txt-2).
    ("ActivityDefinition-blood-tubes-supply.json", ".text.div"),
    ("ActivityDefinition-heart-valve-replacement.json", ".text.div"),
    ("EventDefinition-example.json", ".text.div"),
    ("Questionnaire-zika-virus-exposure-assessment.json", ".text.div"),
    // References to types that their elements do not allow.
    ("DeviceMetric-example.json", "DeviceMetric.parent"),
    ("DeviceUseStatement-example.json", "DeviceUseStatement.reasonReference"),
    ("MedicationRequest-medrx0301.json", "MedicationRequest.dispenseRequest.performer"),
    ("Observation-clinical-gender.json", "Observation.performer"),
    // Two entries with one fullUrl and no version (bdl-7).
    ("Bundle-dataelements.json", "bdl-7"),
    // Addresses of entries that are not their resources' (bundle.html#references: fullUrl and id agree).
    ("Bundle-10bb101f-a121-4264-a920-67be9cb82c74.json", "fullUrl"),
    ("Bundle-3a0707d3-549e-4467-b8b8-5a2ab3800efe.json", "fullUrl"),
    ("Bundle-lri-example.json", "fullUrl"),
    // Extensions where their definitions do not let them stand (defining-extensions.html#context).
    ("Bundle-valueset-expansions.json", "http://hl7.org/fhir/StructureDefinition/translation"),
    ("Bundle-valuesets.json", "http://hl7.org/fhir/StructureDefinition/valueset-concept-comments"),
    // Mandatory elements that are missing.
    ("ImplementationGuide-fhir.json", "name"),
    ("Questionnaire-qs1.json", "linkId"),
];

/// `MEDISYNC_R4_PACKAGE`, or where the project's own commands unpack the package.
fn package() -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/r4-package/package");
    let folder = std::env::var_os("MEDISYNC_R4_PACKAGE").map_or(unpacked, PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// The names of the examples: every resource of the package but the definitions that R4 is made of.
fn examples(folder: &Path) -> Vec<String> {
    const DEFINITIONS: [&str; 4] = ["StructureDefinition-", "SearchParameter-", "ValueSet-", "CodeSystem-"];
    let files = std::fs::read_dir(folder).expect("the package can be read");
    let names = files.map(|file| file.expect("the package can be read").file_name().to_string_lossy().into_owned());
    let is_example = |name: &String| {
        let resource = name.starts_with(|first: char| first.is_ascii_uppercase()) && name.ends_with(".json");
        resource && !DEFINITIONS.iter().any(|kind| name.starts_with(kind))
    };
    let mut names: Vec<String> = names.filter(is_example).collect();
    names.sort();
    names
}

/// PUTs the example and reads it back; what went wrong, if anything.
async fn round_trip(client: &Client, file: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(file).expect("the example can be read");
    let example: Value = parsed(&text);
    let path = format!("{}/{}", text_of(&example, "resourceType"), text_of(&example, "id"));
    // The audit log gives its events their ids.
    let is_event = text_of(&example, "resourceType") == "AuditEvent";
    let call = if is_event { client.call("POST", "AuditEvent") } else { client.call("PUT", &path) };
    let stored = call.body("application/fhir+json", text).send().await;
    if !matches!(stored.status, 200 | 201) {
        return Err(format!("{} {}", stored.status, stored.text()));
    }
    let path = if is_event { format!("AuditEvent/{}", stored.id()) } else { path };
    let mut read = as_submitted(client.read(&path).await);
    let sent = as_submitted(example);
    if is_event {
        read["id"] = sent["id"].clone();
        untagged(&mut read);
    }
    match read == sent {
        true => Ok(()),
        false => Err(format!("was sent as {sent}\n  and read as {read}")),
    }
}

/// Takes away the tag by which the log tells events that clients sent from its own.
fn untagged(event: &mut Value) {
    let Some(meta) = event["meta"].as_object_mut() else { return };
    if let Some(Value::Array(tags)) = meta.get_mut("tag") {
        tags.retain(|it| it["code"] != "sent");
        if tags.is_empty() {
            meta.remove("tag");
        }
    }
    if meta.is_empty()
        && let Some(event) = event.as_object_mut()
    {
        event.remove("meta");
    }
}

fn text_of<'a>(resource: &'a Value, name: &str) -> &'a str {
    resource[name].as_str().unwrap_or_default()
}

/// json.html: nothing is lost: decimals digit for digit, extensions of primitives, nulls, all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_example_is_read_as_it_was_sent() {
    const CLIENTS: usize = 4;
    let Some(folder) = package() else {
        return skipped("the package hl7.fhir.r4.examples is not there (MEDISYNC_R4_PACKAGE)");
    };
    let names = Arc::new(examples(&folder));
    assert!(names.len() > 800, "{} examples are too few", names.len());
    let client = Client::fresh();
    let next = Arc::new(AtomicUsize::new(0));
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (client, names, next, folder) = (client.clone(), names.clone(), next.clone(), folder.clone());
        senders.spawn(async move {
            let mut wrong = Vec::new();
            while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(problem) = round_trip(&client, &folder.join(name)).await {
                    wrong.push((name.clone(), problem));
                }
            }
            wrong
        });
    }
    let wrong: Vec<(String, String)> = senders.join_all().await.into_iter().flatten().collect();
    let fault = |name: &str| FAULTY.iter().find(|(faulty, _)| *faulty == name).map(|(_, fault)| *fault);
    let is_expected = |name: &str, problem: &str| fault(name).is_some_and(|fault| problem.contains(fault));
    let mut problems: Vec<String> = wrong
        .iter()
        .filter(|(name, problem)| !is_expected(name, problem))
        .map(|(name, problem)| format!("{name}: {problem}"))
        .collect();
    problems.sort();
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), names.len(), problems.join("\n"));
    let refused: Vec<&str> = wrong.iter().map(|(name, _)| name.as_str()).collect();
    let accepted: Vec<&str> = FAULTY.iter().map(|(name, _)| *name).filter(|name| !refused.contains(name)).collect();
    assert!(accepted.is_empty(), "these have a fault and were accepted: {accepted:?}");
}
