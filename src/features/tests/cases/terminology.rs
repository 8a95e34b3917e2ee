//! The operations of a terminology service (terminology-service.html).

use super::house::House;
use fhir::IssueType;
use serde_json::{Value, json};

/// Metals: brass is beneath copper and zinc, the group of all is abstract, lead is retired.
fn metals() -> Value {
    json!({
        "resourceType": "CodeSystem", "id": "metals", "url": "urn:metals", "version": "2", "name": "Metals",
        "status": "active", "content": "complete", "caseSensitive": true,
        "property": [{"code": "symbol", "type": "string"}, {"code": "parent", "type": "code"}],
        "concept": [{"code": "metal", "display": "Metal", "property": [{"code": "notSelectable", "valueBoolean": true}],
            "concept": [
                {"code": "gold", "display": "Gold", "definition": "Element 79",
                    "designation": [{"language": "de", "value": "Feingold"}, {"language": "fr", "value": "or"}],
                    "property": [{"code": "symbol", "valueString": "Au"}]},
                {"code": "copper", "display": "Copper"},
                {"code": "zinc", "display": "Zinc", "concept": [
                    {"code": "brass", "display": "Brass", "property": [{"code": "parent", "valueCode": "copper"}]}]},
                {"code": "lead", "display": "Lead", "property": [{"code": "status", "valueCode": "retired"}]}]}]
    })
}

fn set(id: &str, compose: Value) -> Value {
    let url = format!("urn:{id}");
    json!({"resourceType": "ValueSet", "id": id, "url": url, "status": "active", "compose": compose})
}

pub(super) async fn house() -> House {
    let house = House::new().await;
    let all = set("all", json!({"include": [{"system": "urn:metals"}]}));
    let coins = set(
        "coins",
        json!({"include": [{"system": "urn:metals", "concept": [{"code": "gold", "display": "Coin gold"}, {"code": "copper"}]}]}),
    );
    house.put(&[metals(), all, coins]).await;
    house
}

/// The values of an answer's parameters with this name.
fn values<'a>(answer: &'a Value, name: &'a str) -> Vec<&'a Value> {
    let parameters = answer["parameter"].as_array().into_iter().flatten();
    parameters.filter(|it| it["name"] == name).map(value).collect()
}

fn value(parameter: &Value) -> &Value {
    let members = parameter.as_object().unwrap();
    members.iter().find(|(name, _)| name.starts_with("value") || *name == "part").unwrap().1
}

/// The values of a parameter's parts, by name.
fn part<'a>(parts: &'a Value, name: &str) -> &'a Value {
    parts.as_array().unwrap().iter().find(|it| it["name"] == name).map_or(&Value::Null, value)
}

#[tokio::test]
async fn lookup_tells_what_the_code_system_says() {
    let house = house().await;
    let gold = house.get("CodeSystem/$lookup?system=urn:metals&code=gold").await.unwrap();
    for (name, expected) in [("name", "Metals"), ("version", "2"), ("display", "Gold")] {
        assert_eq!(values(&gold, name), [expected], "{name}");
    }
    let property = |answer: &Value, code: &str| {
        let found: Vec<Value> = values(answer, "property")
            .into_iter()
            .filter(|it| part(it, "code") == code)
            .map(|it| part(it, "value").clone())
            .collect();
        found
    };
    assert_eq!(property(&gold, "symbol"), ["Au"]);
    assert_eq!(property(&gold, "definition"), ["Element 79"]);
    assert_eq!(property(&gold, "parent"), ["metal"]);
    assert_eq!(values(&gold, "designation").len(), 2);
    let brass = house.get("CodeSystem/$lookup?system=urn:metals&code=brass").await.unwrap();
    assert_eq!(property(&brass, "parent"), ["zinc", "copper"]);
    let some =
        house.get("CodeSystem/$lookup?system=urn:metals&code=gold&property=symbol&property=lang.fr").await.unwrap();
    assert_eq!((values(&some, "property").len(), values(&some, "designation").len()), (1, 1));
    for language in ["de", "de-AT"] {
        let query = format!("CodeSystem/$lookup?system=urn:metals|2&code=gold&displayLanguage={language}");
        assert_eq!(values(&house.get(&query).await.unwrap(), "display"), ["Feingold"], "{language}");
    }
}

#[tokio::test]
async fn lookup_knows_r4s_own_code_systems() {
    let house = House::new().await;
    let system = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    let coding = json!([{"name": "coding", "valueCoding": {"system": system, "code": "MTH"}}]);
    let mother = house.post("CodeSystem/$lookup", coding).await.unwrap();
    assert_eq!(values(&mother, "display"), ["mother"]);
}

#[tokio::test]
async fn what_a_call_lacks_or_asks_too_much_is_told() {
    let house = house().await;
    for (address, status, told) in [
        ("CodeSystem/$lookup?system=urn:metals&code=tin", 404, "tin"),
        ("CodeSystem/$lookup?system=urn:nobody&code=tin", 404, "urn:nobody"),
        ("CodeSystem/$lookup?system=urn:metals&version=3&code=gold", 404, "urn:metals"),
        ("CodeSystem/$lookup?system=urn:metals", 400, "code"),
        ("CodeSystem/$lookup?code=gold", 400, "system"),
        ("CodeSystem/$lookup?system=urn:metals&code=gold&date=2020", 404, "urn:metals"),
        ("CodeSystem/$lookup?system=http://loinc.org&code=1-8", 404, "http://loinc.org"),
        ("CodeSystem/$subsumes?system=urn:metals&codeA=gold", 400, "codeB"),
        ("CodeSystem/$subsumes?codeA=gold&codeB=zinc", 400, "system"),
        ("CodeSystem/$validate-code?code=gold", 400, "url"),
        ("ValueSet/$expand", 400, "url"),
        ("ValueSet/$expand?url=urn:nobody", 404, "urn:nobody"),
        ("ValueSet/all/$expand?url=urn:all", 400, "one way"),
        ("ValueSet/all/$expand?context=x", 400, "context"),
        ("ValueSet/$expand?contextDirection=incoming", 400, "context"),
        (
            "ValueSet/$expand?context=http://hl7.org/fhir/StructureDefinition/Patient%23Patient.birthDate",
            404,
            "no value set",
        ),
        ("ValueSet/$expand?context=urn:none%23Patient.gender", 404, "urn:none"),
        ("ValueSet/all/$expand?count=-1", 400, "count"),
        ("ValueSet/all/$expand?force-system-version=urn:metals|1", 404, "urn:metals"),
        ("ValueSet/all/$expand?system-version=urn:metals", 400, "system|version"),
        ("ValueSet/all/$validate-code?code=gold", 400, "system"),
        ("ValueSet/nobody/$expand", 404, "no such resource"),
        ("ConceptMap/$translate?code=gold", 400, "system"),
        ("ConceptMap/$translate?url=urn:nobody&system=urn:metals&code=gold", 404, "urn:nobody"),
    ] {
        let failure = house.get(address).await.expect_err(address);
        assert!(
            failure.status == status && failure.to_string().contains(told),
            "{address}: {} {failure}",
            failure.status
        );
    }
}

#[tokio::test]
async fn two_codes_stand_to_each_other() {
    let house = house().await;
    for (first, second, outcome) in [
        ("gold", "gold", "equivalent"),
        ("metal", "brass", "subsumes"),
        ("brass", "copper", "subsumed-by"),
        ("gold", "brass", "not-subsumed"),
    ] {
        let query = format!("codeA={first}&codeB={second}");
        for address in
            [format!("CodeSystem/$subsumes?system=urn:metals&{query}"), format!("CodeSystem/metals/$subsumes?{query}")]
        {
            assert_eq!(values(&house.get(&address).await.unwrap(), "outcome"), [outcome], "{address}");
        }
    }
    let coding = |name: &str, system: &str| json!({"name": name, "valueCoding": {"system": system, "code": "gold"}});
    let mixed = json!([coding("codingA", "urn:metals"), coding("codingB", "urn:other")]);
    assert_eq!(house.post("CodeSystem/$subsumes", mixed).await.unwrap_err().status, 400);
    let other = json!([coding("codingA", "urn:other"), coding("codingB", "urn:other")]);
    assert_eq!(house.post("CodeSystem/metals/$subsumes", other).await.unwrap_err().status, 400);
}

#[tokio::test]
async fn a_code_is_valid_or_it_is_said_why_not() {
    let house = house().await;
    for (query, is_valid, told) in [
        ("CodeSystem/$validate-code?url=urn:metals&code=gold", true, "Gold"),
        ("CodeSystem/metals/$validate-code?code=gold&display=FEINGOLD", true, "Gold"),
        ("CodeSystem/metals/$validate-code?code=gold&display=Silver", false, "Silver"),
        ("CodeSystem/metals/$validate-code?code=tin", false, "tin"),
        ("CodeSystem/metals/$validate-code?code=metal", false, "abstract"),
        ("CodeSystem/metals/$validate-code?code=metal&abstract=true", true, "Metal"),
        ("ValueSet/$validate-code?url=urn:coins&system=urn:metals&code=gold", true, "Coin gold"),
        ("ValueSet/coins/$validate-code?system=urn:metals&code=gold&displayLanguage=fr", true, "or"),
        ("ValueSet/coins/$validate-code?system=urn:metals&code=zinc", false, "zinc"),
        ("ValueSet/coins/$validate-code?system=urn:other&code=gold", false, "urn:other"),
        ("ValueSet/$validate-code?url=urn:metals?fhir_vs&system=urn:metals&code=zinc", true, "Zinc"),
        (
            "ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/administrative-gender&system=http://hl7.org/fhir/administrative-gender&code=female",
            true,
            "Female",
        ),
    ] {
        let answer = house.get(query).await.unwrap();
        assert_eq!(values(&answer, "result"), [is_valid], "{query}");
        assert!(answer.to_string().contains(told), "{query}: {answer}");
    }
    let unknown =
        "ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/observation-codes&system=http://loinc.org&code=1-8";
    assert!(house.get(unknown).await.unwrap_err().to_string().contains("http://loinc.org"));
}

/// ucum.html, iso3166.html and the others that have no CodeSystem resource.
#[tokio::test]
async fn built_in_code_systems_tell_their_codes() {
    let house = House::new().await;
    let all_of = |url: &str| format!("ValueSet/$validate-code?url={url}?fhir_vs&system={url}");
    let distances =
        "ValueSet/$validate-code?url=http://hl7.org/fhir/ValueSet/all-distance-units&system=http://unitsofmeasure.org";
    let units = "ValueSet/$validate-code?url=http://unitsofmeasure.org/vs&system=http://unitsofmeasure.org";
    for (query, code, is_valid) in [
        (all_of("http://unitsofmeasure.org"), "mg/dL", true),
        (units.to_owned(), "mg/dl/", false),
        (units.replace("/vs&", "/vs/g&"), "mg", true),
        (units.replace("/vs&", "/vs/g&"), "mm", false),
        ("CodeSystem/$validate-code?url=urn:iso:std:iso:3166:-2".to_owned(), "CH-ZH", true),
        (distances.to_owned(), "km", true),
        (distances.to_owned(), "kg", false),
        (all_of("urn:ietf:bcp:47"), "de-CH", true),
        (all_of("urn:ietf:bcp:47"), "de_CH", false),
        (all_of("urn:ietf:bcp:47"), "xq-CH", false),
        (all_of("urn:ietf:bcp:13"), "image/png", true),
        (all_of("urn:iso:std:iso:4217"), "CHF", true),
        (all_of("urn:iso:std:iso:4217"), "ABC", false),
        ("CodeSystem/$validate-code?url=urn:iso:std:iso:3166".to_owned(), "CHE", true),
        ("CodeSystem/$validate-code?url=http://unitsofmeasure.org".to_owned(), "furlongs", false),
    ] {
        let answer = house.get(&format!("{query}&code={code}")).await.unwrap();
        assert_eq!(values(&answer, "result"), [is_valid], "{query} {code}");
    }
    let countries =
        house.get("ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/iso3166-1-3&filter=switz").await.unwrap();
    assert_eq!(codes(&countries["expansion"]["contains"]), "CHE");
    let unlisted = house.get("ValueSet/$expand?url=http://unitsofmeasure.org/vs").await.unwrap_err();
    assert!(unlisted.to_string().contains("grammar"), "{unlisted}");
    assert_eq!(unlisted.code(), IssueType::TooCostly);
    let unit = house.get("CodeSystem/$lookup?system=http://unitsofmeasure.org&code=mg").await.unwrap();
    assert_eq!(values(&unit, "display"), ["milligram"]);
    let tag = house.get("CodeSystem/$lookup?system=urn:ietf:bcp:47&code=de-CH").await.unwrap();
    assert_eq!(values(&tag, "display"), ["German (Switzerland)"]);
}

#[tokio::test]
async fn one_coding_of_a_concept_is_enough() {
    let house = house().await;
    let concept = |codes: &[&str]| {
        let codings: Vec<Value> = codes.iter().map(|it| json!({"system": "urn:metals", "code": it})).collect();
        json!([{"name": "codeableConcept", "valueCodeableConcept": {"coding": codings}}])
    };
    for (codes, is_valid) in [(&["tin", "gold"][..], true), (&["tin", "zinc"], false)] {
        let answer = house.post("ValueSet/coins/$validate-code", concept(codes)).await.unwrap();
        assert_eq!(values(&answer, "result"), [is_valid], "{codes:?}");
    }
}

/// The codes of an expansion, each with what it contains in parentheses.
fn codes(contains: &Value) -> String {
    let entry = |it: &Value| match &it["contains"] {
        Value::Null => it["code"].as_str().unwrap().to_owned(),
        inner => format!("{}({})", it["code"].as_str().unwrap(), codes(inner)),
    };
    contains.as_array().into_iter().flatten().map(entry).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn an_expansion_is_what_is_asked_for() {
    let house = house().await;
    for (query, expected, total) in [
        ("all/$expand", "metal(gold copper zinc(brass) lead)", 6),
        ("all/$expand?excludeNested=true", "metal gold copper zinc brass lead", 6),
        ("all/$expand?excludeNotForUI=true", "gold copper zinc brass lead", 5),
        ("all/$expand?activeOnly=true", "metal(gold copper zinc(brass))", 5),
        ("all/$expand?offset=1&count=2", "gold copper", 6),
        ("all/$expand?offset=9", "", 6),
        ("all/$expand?count=0", "", 6),
        ("all/$expand?filter=FEIN", "gold", 1),
        ("all/$expand?filter=a ss", "brass", 1),
        ("all/$expand?exclude-system=urn:metals", "", 0),
        ("all/$expand?exclude-system=urn:metals|1", "metal(gold copper zinc(brass) lead)", 6),
        ("all/$expand?system-version=urn:metals|2&excludeNested=true&filter=gold", "gold", 1),
        ("coins/$expand", "gold copper", 2),
        ("$expand?url=urn:coins", "gold copper", 2),
        ("$expand?url=urn:metals?fhir_vs=isa/zinc", "zinc(brass)", 2),
    ] {
        let answer = house.get(&format!("ValueSet/{}", query.replace("a ss", "a%20ss"))).await.unwrap();
        let expansion = &answer["expansion"];
        assert_eq!((codes(&expansion["contains"]).as_str(), &expansion["total"]), (expected, &json!(total)), "{query}");
    }
}

#[tokio::test]
async fn an_expansion_names_its_codes_and_what_made_it() {
    let house = house().await;
    let query = "ValueSet/coins/$expand?includeDesignations=true&includeDefinition=true&displayLanguage=fr&count=5";
    let answer = house.get(query).await.unwrap();
    assert_eq!((&answer["url"], &answer["expansion"]["offset"]), (&json!("urn:coins"), &json!(0)));
    assert!(answer["compose"]["include"].is_array());
    let gold = &answer["expansion"]["contains"][0];
    assert_eq!((&gold["system"], &gold["display"]), (&json!("urn:metals"), &json!("or")));
    assert_eq!(gold["designation"].as_array().unwrap().len(), 2);
    let told = answer["expansion"]["parameter"].to_string();
    assert!(told.contains(r#""valueUri":"urn:metals|2""#) && told.contains(r#""valueInteger":5"#), "{told}");
    let one = house.get("ValueSet/coins/$expand?designation=urn:ietf:bcp:47|de").await.unwrap();
    assert_eq!(one["expansion"]["contains"][0]["designation"], json!([{"language": "de", "value": "Feingold"}]));
    let sent = set("sent", json!({"include": [{"system": "urn:metals", "concept": [{"code": "zinc"}]}]}));
    let answer = house.post("ValueSet/$expand", json!([{"name": "valueSet", "resource": sent}])).await.unwrap();
    assert_eq!(codes(&answer["expansion"]["contains"]), "zinc");
}

#[tokio::test]
async fn a_large_expansion_comes_in_pages_only() {
    let house = House::new().await;
    let concepts: Vec<Value> = (0..10_001).map(|it| json!({"code": format!("c{it}")})).collect();
    let large = json!({"resourceType": "CodeSystem", "id": "large", "url": "urn:large", "status": "active",
        "content": "complete", "concept": concepts});
    house.put(&[large]).await;
    let whole = house.get("ValueSet/$expand?url=urn:large?fhir_vs").await.unwrap_err();
    assert_eq!(whole.code(), IssueType::TooCostly);
    let page = house.get("ValueSet/$expand?url=urn:large?fhir_vs&offset=10000&count=5").await.unwrap();
    assert_eq!(
        (codes(&page["expansion"]["contains"]).as_str(), &page["expansion"]["total"]),
        ("c10000", &json!(10_001))
    );
}

/// The example of the operation's page: a status of compositions as one of v3's acts.
#[tokio::test]
async fn r4s_concept_maps_translate() {
    let house = House::new().await;
    let query = "ConceptMap/$translate?system=http://hl7.org/fhir/composition-status&code=preliminary";
    let answer = house.get(query).await.unwrap();
    assert_eq!(values(&answer, "result"), [true]);
    let found = values(&answer, "match");
    let concept = part(found[0], "concept");
    assert_eq!(
        (&concept["system"], &concept["code"]),
        (&json!("http://terminology.hl7.org/CodeSystem/v3-ActStatus"), &json!("active"))
    );
}

#[tokio::test]
async fn the_tenants_concept_maps_translate() {
    let house = house().await;
    let map = json!({"resourceType": "ConceptMap", "id": "map", "url": "urn:map", "status": "active",
        "sourceUri": "urn:coins", "targetUri": "urn:prices", "group": [{"source": "urn:metals", "target": "urn:price", "element": [
            {"code": "gold", "target": [{"code": "dear", "display": "Dear", "equivalence": "wider"}]},
            {"code": "lead", "target": [{"equivalence": "unmatched"}]}]}]});
    house.put(&[map]).await;
    for (query, expected) in [
        ("$translate?system=urn:metals&code=gold", Some(("wider", "dear"))),
        ("$translate?url=urn:map&system=urn:metals&code=gold&targetsystem=urn:price", Some(("wider", "dear"))),
        ("map/$translate?system=urn:metals&code=gold&source=urn:coins&target=urn:prices", Some(("wider", "dear"))),
        ("map/$translate?system=urn:price&code=dear&reverse=true", Some(("narrower", "gold"))),
        ("$translate?system=urn:metals&code=gold&target=urn:others", None),
        ("$translate?system=urn:metals&code=gold&targetsystem=urn:others", None),
        ("$translate?system=urn:metals&code=lead", None),
    ] {
        let answer = house.get(&format!("ConceptMap/{query}")).await.unwrap();
        assert_eq!(values(&answer, "result"), [expected.is_some()], "{query}");
        if let Some((equivalence, code)) = expected {
            let found = values(&answer, "match")[0];
            assert_eq!(
                (part(found, "equivalence"), &part(found, "concept")["code"]),
                (&json!(equivalence), &json!(code)),
                "{query}"
            );
        }
    }
}

/// valueset-operation-expand.html: `context` names an element of a type or of a profile, by path or id.
#[tokio::test]
async fn an_element_leads_to_the_value_set_that_it_is_bound_to() {
    let house = house().await;
    let elements = json!([{"id": "Patient.maritalStatus", "path": "Patient.maritalStatus",
        "binding": {"strength": "required", "valueSet": "urn:coins"}}]);
    let profile = json!({"resourceType": "StructureDefinition", "id": "bound", "url": "urn:bound", "name": "B", "status": "active",
        "kind": "resource", "abstract": false, "type": "Patient", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient", "differential": {"element": elements}});
    house.put(&[profile]).await;
    let core = "http://hl7.org/fhir/StructureDefinition";
    for (context, expected) in [
        (format!("{core}/Patient%23Patient.gender"), "male female other unknown"),
        (format!("{core}/Patient%23Patient.contact.gender"), "male female other unknown"),
        ("urn:bound%23Patient.maritalStatus".to_owned(), "gold copper"),
    ] {
        let found = house.get(&format!("ValueSet/$expand?context={context}&contextDirection=incoming")).await.unwrap();
        assert_eq!(codes(&found["expansion"]["contains"]), expected, "{context}");
    }
    let today = "ValueSet/$expand?url=urn:coins&date=2026-11-18";
    assert_eq!(codes(&house.get(today).await.unwrap()["expansion"]["contains"]), "gold copper");
}

/// terminology-service.html#closure: a table is begun, grows, and is told again from a version on.
#[tokio::test]
async fn a_closure_table_tells_what_is_new() {
    let house = house().await;
    let named = |more: Vec<Value>| {
        let mut all = vec![json!({"name": "name", "valueString": "ward-1"})];
        all.extend(more);
        Value::from(all)
    };
    let concept = |code: &str| json!({"name": "concept", "valueCoding": {"system": "urn:metals", "code": code}});
    let entries = |map: &Value| {
        let elements = map["group"][0]["element"].as_array().cloned().unwrap_or_default();
        let of = |it: &Value| {
            let targets = it["target"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap().to_owned());
            format!("{}<{}", it["code"].as_str().unwrap(), targets.collect::<Vec<_>>().join("+"))
        };
        elements.iter().map(of).collect::<Vec<_>>().join(" ")
    };
    let missing = house.post("$closure", named(vec![concept("zinc")])).await.unwrap_err();
    assert_eq!(missing.status, 404);
    let begun = house.post("$closure", named(vec![])).await.unwrap();
    assert_eq!((entries(&begun).as_str(), &begun["version"]), ("", &json!("1")));
    let first = house.post("$closure", named(vec![concept("zinc"), concept("brass")])).await.unwrap();
    assert_eq!((entries(&first).as_str(), &first["version"]), ("brass<zinc", &json!("2")));
    let second = house.post("$closure", named(vec![concept("metal"), concept("brass")])).await.unwrap();
    assert_eq!((entries(&second).as_str(), &second["version"]), ("brass<metal zinc<metal", &json!("3")));
    let nothing = house.post("$closure", named(vec![concept("metal")])).await.unwrap();
    assert_eq!((entries(&nothing).as_str(), &nothing["version"]), ("", &json!("3")));
    let version = |it: &str| vec![json!({"name": "version", "valueString": it})];
    let again = house.post("$closure", named(version("2"))).await.unwrap();
    assert_eq!(entries(&again), "brass<metal zinc<metal");
    let all = house.post("$closure", named(version("1"))).await.unwrap();
    assert_eq!(entries(&all), "brass<metal+zinc zinc<metal");
    for (parameters, status) in [
        (named(version("9")), 404),
        (named(version("x")), 404),
        (named(vec![concept("tin")]), 400),
        (json!([{"name": "name", "valueString": "a b"}]), 400),
        (named(vec![version("1").remove(0), concept("gold")]), 400),
    ] {
        let failure = house.post("$closure", parameters.clone()).await.expect_err("what is wrong is refused");
        assert_eq!(failure.status, status, "{parameters}: {failure}");
    }
    assert_eq!(house.get("$closure?name=ward-1").await.unwrap_err().status, 405);
}

/// A table is its caller's: another one's of the same name is neither told nor begun anew.
#[tokio::test]
async fn a_closure_table_is_its_callers() {
    let house = house().await;
    let concept = json!({"name": "concept", "valueCoding": {"system": "urn:metals", "code": "zinc"}});
    let name = json!({"name": "name", "valueString": "ward-1"});
    let (begin, add) = (json!([name]), json!([name, concept]));
    let mine = house.caller("system/*.rus").await;
    house.post("$closure", begin.clone()).await.unwrap();
    house.post("$closure", add.clone()).await.unwrap();
    assert_eq!(house.post_as(&mine, "$closure", add.clone()).await.unwrap_err().status, 404);
    house.post_as(&mine, "$closure", begin).await.unwrap();
    assert_eq!(house.post("$closure", add).await.unwrap()["version"], "2");
}

/// What is stored is told only to who may search it.
#[tokio::test]
async fn an_operation_demands_the_types_that_it_looks_into() {
    let house = house().await;
    let half = house.caller("system/ValueSet.rs").await;
    assert_eq!(house.get_as(&half, "ValueSet/$expand?url=urn:all").await.unwrap_err().status, 403);
    assert_eq!(house.get_as(&half, "CodeSystem/$lookup?system=urn:metals&code=gold").await.unwrap_err().status, 403);
    let r4 = "ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender";
    assert!(house.get_as(&half, r4).await.is_ok());
    let whole = house.caller("system/ValueSet.rs system/CodeSystem.rs").await;
    assert!(house.get_as(&whole, "ValueSet/$expand?url=urn:all").await.is_ok());
}
