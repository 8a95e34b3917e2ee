//! No parameter of an operation of R4's is passed over in silence: each changes the answer, or is refused by name.

use super::house::House;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The definitions of this program, by id.
pub(super) fn definitions() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles/operations");
    let read = |path: PathBuf| -> Value { serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap() };
    let all = std::fs::read_dir(folder).unwrap().map(|it| read(it.unwrap().path()));
    all.map(|it| (it["id"].as_str().unwrap().to_owned(), it)).collect()
}

/// What goes in: name, least and greatest number, type.
pub(super) fn inputs(definition: &Value) -> Vec<Value> {
    let all = definition["parameter"].as_array().into_iter().flatten().filter(|it| it["use"] == "in");
    all.map(|it| json!([it["name"], it["min"], it["max"], it["type"]])).collect()
}

/// operationdefinition.html: what R4 defines of an operation that is served here, is there.
#[test]
fn the_definitions_have_all_parameters_of_r4() {
    let given = std::env::var_os("MEDISYNC_R4_PACKAGE").map(PathBuf::from);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/r4-package/package");
    let Some(package) = Some(given.unwrap_or(usual)).filter(|it| it.is_dir()) else {
        eprintln!("SKIPPED: no R4 package in MEDISYNC_R4_PACKAGE or target/r4-package/package");
        return;
    };
    let mut count = 0;
    for (id, ours) in definitions() {
        let Ok(text) = std::fs::read_to_string(package.join(format!("OperationDefinition-{id}.json"))) else {
            continue;
        };
        let r4: Value = serde_json::from_str(&text).unwrap();
        if r4["url"] == ours["url"] {
            count += 1;
            let own = inputs(&ours);
            let missing: Vec<Value> = inputs(&r4).into_iter().filter(|it| !own.contains(it)).collect();
            assert!(missing.is_empty(), "{id}: {missing:?}");
        }
    }
    assert!(count >= 17, "{count}");
}

/// A call that is right without a parameter, and that parameter with a value that says something else.
pub(super) struct Case {
    pub(super) definition: &'static str,
    pub(super) path: &'static str,
    pub(super) base: Value,
    pub(super) more: Value,
}

pub(super) fn case(definition: &'static str, path: &'static str, base: Value, more: Value) -> Case {
    Case { definition, path, base, more }
}

pub(super) fn uri(name: &str, value: &str) -> Value {
    json!({ "name": name, "valueUri": value })
}

pub(super) fn code(name: &str, value: &str) -> Value {
    json!({ "name": name, "valueCode": value })
}

pub(super) fn text(name: &str, value: &str) -> Value {
    json!({ "name": name, "valueString": value })
}

pub(super) fn flag(name: &str) -> Value {
    json!({ "name": name, "valueBoolean": true })
}

fn past() -> Value {
    json!({ "name": "date", "valueDateTime": "2000-01-01" })
}

fn coding(name: &str, code: &str) -> Value {
    json!({ "name": name, "valueCoding": { "system": "urn:metals", "code": code } })
}

fn concept(name: &str, code: &str) -> Value {
    json!({ "name": name, "valueCodeableConcept": { "coding": [{ "system": "urn:metals", "code": code }] } })
}

fn lookups() -> Vec<Case> {
    let of = |base: Value, more: Value| case("CodeSystem-lookup", "CodeSystem/$lookup", base, more);
    let gold = || json!([uri("system", "urn:metals"), code("code", "gold")]);
    vec![
        of(json!([uri("system", "urn:metals")]), code("code", "gold")),
        of(json!([code("code", "gold")]), uri("system", "urn:metals")),
        of(gold(), text("version", "3")),
        of(json!([]), coding("coding", "gold")),
        of(gold(), past()),
        of(gold(), code("displayLanguage", "de")),
        of(gold(), code("property", "symbol")),
    ]
}

fn validations() -> Vec<Case> {
    let in_system =
        |base: Value, more: Value| case("CodeSystem-validate-code", "CodeSystem/$validate-code", base, more);
    let in_set = |base: Value, more: Value| case("ValueSet-validate-code", "ValueSet/$validate-code", base, more);
    let gold = || json!([uri("url", "urn:metals"), code("code", "gold")]);
    let of_set = |more: Value| json!([uri("url", "urn:all"), uri("system", "urn:metals"), more]);
    let system = json!({ "resourceType": "CodeSystem", "status": "active", "content": "complete", "concept": [{ "code": "gold" }] });
    let set = json!({ "resourceType": "ValueSet", "status": "active", "compose": { "include": [{ "system": "urn:metals" }] } });
    let group = json!([uri("url", "urn:metals"), code("code", "metal")]);
    vec![
        in_system(json!([code("code", "gold")]), uri("url", "urn:metals")),
        in_system(json!([code("code", "gold")]), json!({ "name": "codeSystem", "resource": system })),
        in_system(json!([uri("url", "urn:metals")]), code("code", "gold")),
        in_system(gold(), text("version", "3")),
        in_system(gold(), text("display", "Silver")),
        in_system(json!([uri("url", "urn:metals")]), coding("coding", "gold")),
        in_system(json!([uri("url", "urn:metals")]), concept("codeableConcept", "gold")),
        in_system(gold(), past()),
        in_system(group, flag("abstract")),
        in_system(gold(), code("displayLanguage", "de")),
        in_set(json!([uri("system", "urn:metals"), code("code", "gold")]), uri("url", "urn:all")),
        in_set(
            json!([uri("system", "http://hl7.org/fhir/administrative-gender"), code("code", "male")]),
            uri("context", "http://hl7.org/fhir/StructureDefinition/Patient#Patient.gender"),
        ),
        in_set(
            json!([uri("system", "urn:metals"), code("code", "gold")]),
            json!({ "name": "valueSet", "resource": set }),
        ),
        in_set(of_set(code("code", "gold")), text("valueSetVersion", "9")),
        in_set(json!([uri("url", "urn:all"), uri("system", "urn:metals")]), code("code", "gold")),
        in_set(json!([uri("url", "urn:all"), code("code", "gold")]), uri("system", "urn:metals")),
        in_set(of_set(code("code", "gold")), text("systemVersion", "3")),
        in_set(of_set(code("code", "gold")), text("display", "Silver")),
        in_set(json!([uri("url", "urn:all")]), coding("coding", "gold")),
        in_set(json!([uri("url", "urn:all")]), concept("codeableConcept", "gold")),
        in_set(of_set(code("code", "gold")), past()),
        in_set(of_set(code("code", "metal")), flag("abstract")),
        in_set(of_set(code("code", "gold")), code("displayLanguage", "de")),
    ]
}

fn subsumptions() -> Vec<Case> {
    let of = |base: Value, more: Value| case("CodeSystem-subsumes", "CodeSystem/$subsumes", base, more);
    let both = || json!([code("codeA", "metal"), code("codeB", "gold"), uri("system", "urn:metals")]);
    vec![
        of(json!([code("codeB", "gold"), uri("system", "urn:metals")]), code("codeA", "metal")),
        of(json!([code("codeA", "gold"), uri("system", "urn:metals")]), code("codeB", "metal")),
        of(json!([code("codeA", "metal"), code("codeB", "gold")]), uri("system", "urn:metals")),
        of(both(), text("version", "3")),
        of(json!([coding("codingB", "gold")]), coding("codingA", "metal")),
        of(json!([coding("codingA", "gold")]), coding("codingB", "metal")),
    ]
}

fn expansions() -> Vec<Case> {
    let of = |base: Value, more: Value| case("ValueSet-expand", "ValueSet/$expand", base, more);
    let all = || json!([uri("url", "urn:all")]);
    let context = || uri("context", "http://hl7.org/fhir/StructureDefinition/Patient#Patient.gender");
    let set = json!({ "resourceType": "ValueSet", "status": "active", "compose": { "include": [{ "system": "urn:metals" }] } });
    let number = |name: &str| json!({ "name": name, "valueInteger": 1 });
    let canonical = |name: &str, value: &str| json!({ "name": name, "valueCanonical": value });
    vec![
        of(json!([]), uri("url", "urn:all")),
        of(json!([]), json!({ "name": "valueSet", "resource": set })),
        of(all(), text("valueSetVersion", "9")),
        of(json!([]), context()),
        of(json!([context()]), code("contextDirection", "outgoing")),
        of(all(), text("filter", "gold")),
        of(all(), past()),
        of(all(), number("offset")),
        of(all(), number("count")),
        of(all(), flag("includeDesignations")),
        of(all(), text("designation", "urn:ietf:bcp:47|fr")),
        of(all(), flag("includeDefinition")),
        of(all(), flag("activeOnly")),
        of(all(), flag("excludeNested")),
        of(all(), flag("excludeNotForUI")),
        of(all(), flag("excludePostCoordinated")),
        of(all(), code("displayLanguage", "de")),
        of(all(), canonical("exclude-system", "urn:metals")),
        of(all(), canonical("system-version", "urn:metals|3")),
        of(all(), canonical("check-system-version", "urn:metals|3")),
        of(all(), canonical("force-system-version", "urn:metals|3")),
    ]
}

fn translations() -> Vec<Case> {
    let of = |base: Value, more: Value| case("ConceptMap-translate", "ConceptMap/$translate", base, more);
    let gold = || json!([uri("system", "urn:metals"), code("code", "gold")]);
    let map = json!({ "resourceType": "ConceptMap", "status": "active" });
    let dependency = json!({ "name": "dependency", "part": [
        { "name": "element", "valueUri": "urn:use" },
        { "name": "concept", "valueCodeableConcept": { "coding": [{ "system": "urn:uses", "code": "coin" }] } },
    ] });
    vec![
        of(gold(), uri("url", "urn:none")),
        of(gold(), json!({ "name": "conceptMap", "resource": map })),
        of(
            json!([uri("system", "urn:metals"), code("code", "gold"), uri("url", "urn:map")]),
            text("conceptMapVersion", "9"),
        ),
        of(json!([uri("system", "urn:metals")]), code("code", "gold")),
        of(json!([code("code", "gold")]), uri("system", "urn:metals")),
        of(gold(), text("version", "9")),
        of(gold(), uri("source", "urn:other")),
        of(json!([]), coding("coding", "gold")),
        of(json!([]), concept("codeableConcept", "gold")),
        of(gold(), uri("target", "urn:other")),
        of(gold(), uri("targetsystem", "urn:other")),
        of(gold(), dependency),
        of(gold(), flag("reverse")),
    ]
}

fn closures() -> Vec<Case> {
    let of = |base: Value, more: Value| case("ConceptMap-closure", "$closure", base, more);
    let named = || json!([text("name", "ward")]);
    vec![
        of(json!([]), text("name", "ward")),
        of(named(), coding("concept", "gold")),
        of(named(), text("version", "99")),
    ]
}

/// What leaves the codes as they are, so that the expansion only says that it was heeded: what may be sent and what is given
/// are the same codes, and no listed code is post-coordinated.
const SAID: [&str; 2] = ["contextDirection", "excludePostCoordinated"];

/// Whether each of these parameters makes the answer another one, or is refused.
pub(super) async fn each_is_heeded(house: &House, cases: &[Case]) {
    for case in cases {
        let mut parameters = case.base.clone();
        parameters.as_array_mut().unwrap().push(case.more.clone());
        let (without, with) = (told(house, case, case.base.clone()).await, told(house, case, parameters).await);
        assert!(without != with, "{} passes over {}: {with}", case.path, case.more);
    }
}

/// An answer, or what it was refused with; without the time that it was made at, and without the parameters that it repeats. Of a Bundle
/// it is what was found, but for what is made anew each time.
async fn told(house: &House, case: &Case, parameters: Value) -> String {
    let mut answer = match house.post(case.path, parameters).await {
        Ok(answer) => answer,
        Err(failure) => return failure.to_string(),
    };
    if let Some(expansion) = answer.get_mut("expansion").and_then(Value::as_object_mut) {
        expansion.remove("timestamp");
        if !SAID.iter().any(|it| case.more["name"] == *it) {
            expansion.remove("parameter");
        }
    }
    let Some(entries) = answer["entry"].as_array() else { return answer.to_string() };
    let key = |it: &Value| format!("{}/{}", it["resource"]["resourceType"], it["resource"]["id"]);
    entries.iter().map(key).filter(|it| !it.contains("00000000-0000-4000-8000")).collect()
}

/// terminology-service.html: each parameter of each operation.
#[tokio::test]
async fn every_parameter_of_terminology_changes_the_answer_or_is_refused() {
    let house = super::terminology::house().await;
    let map = json!({ "resourceType": "ConceptMap", "id": "map", "url": "urn:map", "status": "active",
        "sourceUri": "urn:coins", "targetUri": "urn:prices", "group": [{ "source": "urn:metals", "sourceVersion": "2", "target": "urn:price", "element": [
            { "code": "gold", "target": [
                { "code": "dear", "equivalence": "wider" },
                { "code": "money", "equivalence": "wider", "dependsOn": [{ "property": "urn:use", "system": "urn:uses", "value": "coin" }] },
            ] }] }] });
    house.put(&[map]).await;
    let all = [lookups(), validations(), subsumptions(), expansions(), translations(), closures()];
    let cases: Vec<Case> = all.into_iter().flatten().collect();
    for (id, definition) in definitions() {
        if !cases.iter().any(|it| it.definition == id) {
            continue;
        }
        for parameter in inputs(&definition) {
            let has = cases.iter().any(|it| it.definition == id && it.more["name"] == parameter[0]);
            assert!(has, "{id} has {parameter}, and no case here");
        }
    }
    each_is_heeded(&house, &cases).await;
}
