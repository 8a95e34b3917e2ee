//! What is made from the differentials of R4 and of the International Patient Summary is what was published beside
//! them, but for what is listed.

use super::super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Where what was published differs, and why: the end of the profile's URL, how the id of the element begins, the reason.
const OTHERWISE: &[(&str, &str, &str)] = &[
    ("/bmi", "Observation.value[x]", CLOSED),
    ("/bodyheight", "Observation.value[x]", CLOSED),
    ("/bodytemp", "Observation.value[x]", CLOSED),
    ("/bodyweight", "Observation.value[x]", CLOSED),
    ("/bp", "Observation.component:DiastolicBP.value[x]", CLOSED),
    ("/bp", "Observation.component:SystolicBP.value[x]", CLOSED),
    ("/bp", "Observation.value[x]", CLOSED),
    ("/cdshooksguidanceresponse", "GuidanceResponse.module[x]", CLOSED),
    ("/cholesterol", "Observation.value[x]", CLOSED),
    ("/devicemetricobservation", "Observation.effective[x]", CLOSED),
    ("/hdlcholesterol", "Observation.value[x]", CLOSED),
    ("/headcircum", "Observation.value[x]", CLOSED),
    ("/heartrate", "Observation.value[x]", CLOSED),
    ("/ldlcholesterol", "Observation.value[x]", CLOSED),
    ("/oxygensat", "Observation.value[x]", CLOSED),
    ("/resprate", "Observation.value[x]", CLOSED),
    ("/triglyceride", "Observation.value[x]", CLOSED),
    ("/cholesterol", "Observation.referenceRange.high", OF_TYPE),
    ("/hdlcholesterol", "Observation.referenceRange.low", OF_TYPE),
    ("/ldlcholesterol", "Observation.referenceRange.high", OF_TYPE),
    (
        "/elementdefinition-de",
        "ElementDefinition.extension:AllowedUnits.",
        "It unfolds an extension that nothing is said of.",
    ),
    (
        "/elementdefinition-de",
        "ElementDefinition.extension:Question.",
        "It unfolds an extension that nothing is said of.",
    ),
    ("/provenance-relevant-history", "Provenance.agent:Author.type", "It leaves out the binding of what it slices."),
    ("/provenance-relevant-history", "Provenance.entity.agent", "Its reference names a slice."),
    ("/catalog", "Composition.date", "It leaves out the element that it slices."),
    ("/codesystem-history", "", "It wants four extensions where it allows none."),
    ("/familymemberhistory-genetic", "", "It has slices and does not say how they are told apart."),
    ("/code", "code.value", OF_PARENT),
    ("/id", "id.value", OF_PARENT),
    ("/markdown", "markdown.value", OF_PARENT),
    ("/positiveInt", "positiveInt.value", OF_PARENT),
    ("/unsignedInt", "unsignedInt.value", OF_PARENT),
    ("/MetadataResource", "MetadataResource", "A resource is no Element, and ele-1 is for those."),
    ("/Observation-results-laboratory-pathology-uv-ips", "Observation.category:laboratory", OF_SLICED),
    ("/Observation-results-radiology-uv-ips", "Observation.category:radiology", OF_SLICED),
    ("/Observation-results-radiology-uv-ips", "Observation.effective[x]:effectiveDateTime", OF_SLICED),
];
const CLOSED: &str = "The publisher's tool of the time left a choice only the type that a shortcut such as valueQuantity names; \
    by R4 that is a slice, and the other types stay.";
const OF_TYPE: &str = "It repeats invariants of the type's profile.";
const OF_PARENT: &str = "It leaves out limits of the type that it specialises.";
const OF_SLICED: &str =
    "It leaves out of the slice what the same profile says of the element; that holds for each value.";

/// What of an element counts: how often, of which types, which values, how it is sliced, and its constraints.
fn essence(element: &Json) -> Json {
    let mut kept = Said::new();
    let said = element.as_object().unwrap();
    for (name, value) in said {
        let value = match name.as_str() {
            "min" | "max" | "mustSupport" | "isModifier" | "maxLength" => value.clone(),
            "contentReference" => value.as_str().unwrap().split('#').next_back().into(),
            name if is_limit(name) => value.clone(),
            "type" => essence_of_types(value),
            "binding" => json!([value["strength"], value["valueSet"].as_str().map(bare)]),
            "slicing" if is_usual(said) => continue,
            "slicing" => json!([value["discriminator"], value["rules"], value["ordered"].as_bool().unwrap_or(false)]),
            "constraint" => {
                let mut keys: Vec<&str> =
                    value.as_array().unwrap().iter().filter_map(|it| it["key"].as_str()).collect();
                keys.sort_unstable();
                json!(keys)
            }
            _ => continue,
        };
        if value != false {
            kept.insert(name.clone(), value);
        }
    }
    kept.sort_keys();
    kept.into()
}

fn is_limit(name: &str) -> bool {
    merge::is_value(name) || name.starts_with("minValue") || name.starts_with("maxValue")
}

/// Extensions are sliced by their URL whether that is told or not.
fn is_usual(said: &Said) -> bool {
    let last = said["path"].as_str().unwrap().rsplit('.').next().unwrap();
    matches!(last, "extension" | "modifierExtension") && said["slicing"]["rules"] == "open"
}

fn essence_of_types(types: &Json) -> Json {
    let one = |it: &Json| {
        let urls = |name: &str| {
            let mut all: Vec<String> = list_of(&it[name]).map(bare).collect();
            all.sort();
            all
        };
        json!([it["code"], urls("profile"), urls("targetProfile"), it["aggregation"]])
    };
    let mut all: Vec<Json> = types.as_array().unwrap().iter().map(one).collect();
    all.sort_by_key(Json::to_string);
    all.into()
}

fn bare(url: &str) -> String {
    url.split('|').next().unwrap().to_owned()
}

fn by_id(elements: &[Json]) -> BTreeMap<String, Json> {
    elements.iter().map(|it| (it["id"].as_str().unwrap().to_owned(), essence(it))).collect()
}

/// In which elements what is made differs from what was published.
fn differences(known: &Profiles, definition: &Json) -> Vec<String> {
    let url = definition["url"].as_str().unwrap();
    let made = match known.snapshot_of(definition) {
        Ok(made) => by_id(&made),
        Err(faults) => return faults.iter().map(|it| format!("{url} {it}")).collect(),
    };
    let published = by_id(definition["snapshot"]["element"].as_array().unwrap());
    let ids: BTreeSet<&String> = made.keys().chain(published.keys()).collect();
    let shown = |it: Option<&Json>| it.map_or("nothing".to_owned(), Json::to_string);
    let others = ids.into_iter().filter(|it| made.get(*it) != published.get(*it));
    others.map(|it| format!("{url} {it}: {} and not {}", shown(made.get(it)), shown(published.get(it)))).collect()
}

/// Fails on differences that are not listed, and gives the entries of the list that there is no difference for.
fn unlisted(found: Vec<String>) -> BTreeSet<(&'static str, &'static str)> {
    let entry = |found: &String| {
        let (url, id) = found.split_once(' ').unwrap();
        OTHERWISE.iter().find(|(end, start, _)| url.ends_with(end) && id.starts_with(start))
    };
    let new: Vec<&String> = found.iter().filter(|it| entry(it).is_none()).collect();
    assert!(new.is_empty(), "{new:#?}");
    found.iter().filter_map(entry).map(|(url, id, _)| (*url, *id)).collect()
}

fn read(path: &Path) -> Json {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The StructureDefinitions of a package.
fn definitions(package: &Path) -> Vec<Json> {
    let files = std::fs::read_dir(package).unwrap().map(|it| it.unwrap().path());
    let is_one = |it: &std::path::PathBuf| {
        it.file_name().is_some_and(|it| it.to_string_lossy().starts_with("StructureDefinition-"))
    };
    files.filter(is_one).map(|it| read(&it)).collect()
}

fn is_profile(definition: &Json) -> bool {
    definition["derivation"] == "constraint" && definition.get("snapshot").is_some()
}

/// What differs in R4's types and profiles.
fn of_r4(package: &Path) -> Vec<String> {
    let bundles = ["types", "resources"].map(|it| read(&package.join(format!("Bundle-{it}.json"))));
    let entries = bundles.iter().flat_map(|it| it["entry"].as_array().unwrap()).map(|it| it["resource"].clone());
    let is_type = |it: &Json| it["resourceType"] == "StructureDefinition" && it["derivation"] != "constraint";
    let types: Vec<Json> = entries.filter(is_type).collect();
    let profiles: Vec<Json> = definitions(package).into_iter().filter(is_profile).collect();
    assert!(types.len() > 200 && profiles.len() > 430, "{} {}", types.len(), profiles.len());
    types.iter().chain(&profiles).flat_map(|it| differences(Profiles::r4(), it)).collect()
}

/// What differs in the profiles of the International Patient Summary.
fn of_ips(package: &Path) -> Vec<String> {
    let all = definitions(package);
    let known = Profiles::with(all.iter().map(Json::to_string));
    let profiles: Vec<&Json> = all.iter().filter(|it| is_profile(it)).collect();
    assert!(profiles.len() > 20, "{}", profiles.len());
    profiles.into_iter().flat_map(|it| differences(&known, it)).collect()
}

#[test]
fn snapshots_are_those_that_were_published() {
    let (Some(r4), Some(ips)) = (crate::r4_package::package(), crate::r4_package::ips()) else {
        eprintln!("SKIPPED: no R4 package or no IPS package in target");
        return;
    };
    let found = of_r4(&r4).into_iter().chain(of_ips(&ips)).collect();
    let listed: BTreeSet<_> = OTHERWISE.iter().map(|(url, id, _)| (*url, *id)).collect();
    let used = unlisted(found);
    let idle: Vec<_> = listed.difference(&used).collect();
    assert!(idle.is_empty(), "listed, and the same: {idle:?}");
}
