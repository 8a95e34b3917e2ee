//! Code systems that were loaded from files: the operations and searches on them.

use super::house::House;
use fhir::IssueType;
use fhir::terminology::release::{DesignationUse, Draft, DraftConcept, DraftDesignation, DraftValue};
use serde_json::{Value, json};

/// Made up: findings, of which an infarction of the heart is beneath two; one is no longer used.
const FINDINGS: [(&str, &str, &[&str]); 7] = [
    ("1", "Finding", &[]),
    ("2", "Heart disease", &["1"]),
    ("3", "Infarction", &["1"]),
    ("4", "Heart attack", &["2", "3"]),
    ("5", "Acute heart attack", &["4"]),
    ("6", "Attack of gout", &["1"]),
    ("7", "Old finding", &[]),
];

fn findings(version: &str) -> Draft {
    let mut draft = Draft::new("urn:findings", "Findings");
    draft.version = version.to_owned();
    for (code, name, _) in FINDINGS {
        let mut concept = DraftConcept::named(code, name);
        concept.say("side", DraftValue::Code(if matches!(code, "2" | "5") { "left" } else { "none" }.into()));
        if code == "7" {
            concept.say("inactive", DraftValue::Flag(true));
        }
        if code == "4" {
            let usage = DesignationUse { system: "urn:use", code: "syn", display: "Synonym" };
            let value = "Myokardinfarkt".to_owned();
            concept.designations.push(DraftDesignation {
                language: Some("de".into()),
                usage: Some(usage),
                origin: None,
                value,
            });
        }
        assert!(draft.add(concept).unwrap());
    }
    for (code, _, parents) in FINDINGS {
        for parent in parents {
            assert!(draft.link(code, parent));
        }
    }
    draft
}

pub(super) async fn load(house: &House, draft: Draft) {
    let arranged = draft.arranged().unwrap();
    features::load_code_system(&*house.session().await, &arranged, &|_| ()).await.unwrap();
}

async fn house() -> House {
    let house = House::new().await;
    load(&house, findings("2024")).await;
    house
}

/// The value of an answer's first parameter with this name.
pub(super) fn told(answer: &Value, name: &str) -> Value {
    let found = answer["parameter"].as_array().into_iter().flatten().find(|it| it["name"] == name);
    let members = found.and_then(Value::as_object).into_iter().flatten();
    members.filter(|(member, _)| member.starts_with("value")).map(|(_, value)| value.clone()).next().unwrap_or_default()
}

/// The codes of an expansion, with those in others.
pub(super) fn codes(expanded: &Value) -> String {
    fn collect(entries: &Value, codes: &mut Vec<String>) {
        for entry in entries.as_array().into_iter().flatten() {
            codes.push(entry["code"].as_str().unwrap().to_owned());
            collect(&entry["contains"], codes);
        }
    }
    let mut found = Vec::new();
    collect(&expanded["expansion"]["contains"], &mut found);
    found.sort();
    found.concat()
}

async fn expanded(house: &House, query: &str) -> String {
    codes(&house.get(&format!("ValueSet/$expand?{query}")).await.unwrap())
}

#[tokio::test]
async fn a_code_is_looked_up_and_validated() {
    let house = house().await;
    let attack = house.get("CodeSystem/$lookup?system=urn:findings&code=4").await.unwrap();
    assert_eq!((told(&attack, "display"), told(&attack, "version")), (json!("Heart attack"), json!("2024")));
    let text = attack.to_string();
    for part in ["Myokardinfarkt", "Heart disease", "Acute heart attack", "none"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let german = house.get("CodeSystem/$lookup?system=urn:findings&code=4&displayLanguage=de").await.unwrap();
    assert_eq!(told(&german, "display"), "Myokardinfarkt");
    for (query, is_valid) in [
        ("code=4", true),
        ("code=9", false),
        ("code=4&display=heart%20attack", true),
        ("code=4&display=Myokardinfarkt", true),
        ("code=4&display=gout", false),
    ] {
        let answer = house.get(&format!("CodeSystem/$validate-code?url=urn:findings&{query}")).await.unwrap();
        assert_eq!(told(&answer, "result"), is_valid, "{query}");
    }
    let unknown = house.get("CodeSystem/$lookup?system=urn:findings&code=9").await.unwrap_err();
    assert_eq!(unknown.code(), IssueType::NotFound);
}

#[tokio::test]
async fn concepts_subsume_others() {
    let house = house().await;
    for (a, b, outcome) in
        [("1", "5", "subsumes"), ("5", "3", "subsumed-by"), ("2", "3", "not-subsumed"), ("4", "4", "equivalent")]
    {
        let query = format!("CodeSystem/$subsumes?system=urn:findings&codeA={a}&codeB={b}");
        assert_eq!(told(&house.get(&query).await.unwrap(), "outcome"), outcome, "{a} {b}");
    }
    let mut flat = Draft::new("urn:flat", "Flat");
    (flat.version, flat.has_subsumption) = ("1".into(), false);
    flat.add(DraftConcept::named("a", "A")).unwrap();
    load(&house, flat).await;
    let refused = house.get("CodeSystem/$subsumes?system=urn:flat&codeA=a&codeB=a").await.unwrap_err();
    assert_eq!(refused.code(), IssueType::NotSupported);
}

#[tokio::test]
async fn implicit_value_sets_are_expanded_by_pages() {
    let house = house().await;
    for (query, expected) in [
        ("url=urn:findings?fhir_vs", "1234567"),
        ("url=urn:findings?fhir_vs&activeOnly=true", "123456"),
        ("url=urn:findings?fhir_vs=isa/3", "345"),
        ("url=urn:findings?fhir_vs&filter=atta%20hea", "45"),
        ("url=urn:findings?fhir_vs&filter=myo", "4"),
        ("url=urn:findings?fhir_vs=isa/2&filter=acu", "5"),
    ] {
        assert_eq!(expanded(&house, query).await, expected, "{query}");
    }
    let mut all = String::new();
    for offset in 0..8 {
        let query = format!("ValueSet/$expand?url=urn:findings?fhir_vs&count=1&offset={offset}");
        let page = house.get(&query).await.unwrap();
        assert_eq!(page["expansion"]["total"], 7);
        all.push_str(&codes(&page));
    }
    let mut sorted: Vec<char> = all.chars().collect();
    sorted.sort();
    assert_eq!(sorted.iter().collect::<String>(), "1234567");
}

#[tokio::test]
async fn value_sets_choose_by_filters() {
    let house = house().await;
    let filter = |property: &str, op: &str, value: &str| json!({"system": "urn:findings", "filter": [{"property": property, "op": op, "value": value}]});
    let mut both = filter("side", "=", "none");
    both["filter"].as_array_mut().unwrap().push(filter("display", "regex", ".*ttack.*")["filter"][0].clone());
    let r4 = json!({"system": "http://hl7.org/fhir/administrative-gender", "concept": [{"code": "male"}]});
    let listed = json!({"system": "urn:findings", "concept": [{"code": "6"}, {"code": "4", "display": "MI"}]});
    for (at, (include, exclude, expected)) in [
        (vec![filter("concept", "is-a", "4")], vec![], "45"),
        (vec![filter("concept", "descendent-of", "2")], vec![], "45"),
        (vec![filter("concept", "is-not-a", "1")], vec![], "7"),
        (vec![filter("concept", "generalizes", "4")], vec![], "1234"),
        (vec![filter("concept", "in", "4,6")], vec![], "46"),
        (vec![filter("side", "=", "left")], vec![], "25"),
        (vec![filter("side", "not-in", "none,right")], vec![], "25"),
        (vec![filter("inactive", "=", "true")], vec![], "7"),
        (vec![filter("inactive", "=", "false")], vec![], "123456"),
        (vec![filter("inactive", "exists", "true")], vec![], "1234567"),
        (vec![filter("side", "regex", "l(e|i)ft")], vec![], "25"),
        (vec![filter("side", "regex", "l")], vec![], ""),
        (vec![filter("side", "exists", "true")], vec![], "1234567"),
        (vec![both], vec![], "46"),
        (vec![filter("code", "regex", "[23]")], vec![], "23"),
        (vec![filter("display", "=", "Infarction")], vec![], "3"),
        (vec![filter("parent", "in", "2, 4")], vec![], "45"),
        (vec![filter("parent", "exists", "false")], vec![], "17"),
        (vec![filter("child", "exists", "true")], vec![], "1234"),
        (vec![filter("child", "not-in", "4,5")], vec![], "1567"),
        (vec![filter("constraint", "=", "<< 2 MINUS 4")], vec![], "25"),
        (vec![filter("parent", "=", "1")], vec![], "236"),
        (vec![filter("child", "=", "4")], vec![], "23"),
        (vec![filter("ancestor", "=", "2")], vec![], "45"),
        (vec![filter("concept", "is-a", "2"), filter("concept", "is-a", "6")], vec![filter("side", "=", "left")], "46"),
        (vec![filter("concept", "is-a", "4"), r4.clone()], vec![], "45male"),
        (vec![listed.clone(), r4], vec![filter("concept", "is-a", "2")], "6male"),
        (vec![listed], vec![], "46"),
    ]
    .into_iter()
    .enumerate()
    {
        let url = format!("urn:set-{at}");
        let compose = json!({"include": include, "exclude": exclude});
        let mut set = json!({"resourceType": "ValueSet", "id": format!("s{at}"), "url": url, "status": "active"});
        set["compose"] = compose;
        if exclude.is_empty() {
            set["compose"].as_object_mut().unwrap().remove("exclude");
        }
        house.put(&[set]).await;
        assert_eq!(expanded(&house, &format!("url={url}")).await, expected, "{include:?} {exclude:?}");
        for (code, ..) in FINDINGS {
            let query = format!("ValueSet/$validate-code?url={url}&system=urn:findings&code={code}");
            let answer = house.get(&query).await.unwrap();
            assert_eq!(told(&answer, "result"), expected.contains(code), "{code} {include:?} {exclude:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused() {
    let house = house().await;
    for (property, op, value, code) in [
        ("constraint", "=", "< 1: 2 = #5", IssueType::NotSupported),
        ("constraint", "=", "< 9", IssueType::CodeInvalid),
        ("side", "is-a", "left", IssueType::NotSupported),
        ("side", "regex", "(", IssueType::Value),
        ("colour", "=", "red", IssueType::NotSupported),
        ("parent", "regex", "1", IssueType::NotSupported),
        ("concept", "is-a", "9", IssueType::CodeInvalid),
    ] {
        let compose = json!({"include": [{"system": "urn:findings",
            "filter": [{"property": property, "op": op, "value": value}]}]});
        let set =
            json!({"resourceType": "ValueSet", "id": "s", "url": "urn:s", "status": "active", "compose": compose});
        house.put(&[set]).await;
        let refused = house.get("ValueSet/$expand?url=urn:s").await.unwrap_err();
        assert_eq!(refused.code(), code, "{property} {op} {value}");
    }
    let refused = house.get("ValueSet/$expand?url=urn:elsewhere?fhir_vs").await.unwrap_err();
    assert_eq!(refused.code(), IssueType::NotFound);
}

#[tokio::test]
async fn searches_go_by_loaded_hierarchies() {
    let house = house().await;
    for code in ["2", "4", "5", "6"] {
        house
            .put(&[json!({"resourceType": "Observation", "id": format!("o{code}"), "status": "final",
                "code": {"coding": [{"system": "urn:findings", "code": code}]}})])
            .await;
    }
    for (query, expected) in [
        ("code:below=urn:findings|2", "o2 o4 o5"),
        ("code:above=urn:findings|4", "o2 o4"),
        ("code:in=urn:findings?fhir_vs=isa/4", "o4 o5"),
        ("code:not-in=urn:findings?fhir_vs=isa/4", "o2 o6"),
    ] {
        let mut found: Vec<String> = house
            .pages(&format!("Observation?{query}"))
            .await
            .into_iter()
            .map(|it| it.0.replace("Observation/", ""))
            .collect();
        found.sort();
        assert_eq!(found.join(" "), expected, "{query}");
    }
}

#[tokio::test]
async fn versions_stand_beside_each_other() {
    let house = house().await;
    let mut newer = findings("2025");
    newer.add(DraftConcept::named("8", "New")).unwrap();
    load(&house, newer).await;
    let has = async |query: &str| {
        let answer = house.get(&format!("CodeSystem/$validate-code?url=urn:findings&code=8{query}")).await.unwrap();
        told(&answer, "result") == true
    };
    assert!(has("").await, "the latest counts");
    assert!(!has("&version=2024").await && has("&version=2025").await);
    let all = "url=urn:findings?fhir_vs&count=0";
    let total = async |query: &str| {
        house.get(&format!("ValueSet/$expand?{query}")).await.unwrap()["expansion"]["total"].clone()
    };
    assert_eq!(
        (total(all).await, total(&format!("{all}&system-version=urn:findings|2024")).await),
        (json!(8), json!(7))
    );
    // Loaded again, it takes the place of what it was, also for those who asked before.
    load(&house, findings("2025")).await;
    assert!(!has("").await);
}

#[tokio::test]
async fn a_resource_that_is_whole_goes_first_and_a_stub_does_not() {
    let house = house().await;
    let system = |content: &str| {
        json!({"resourceType": "CodeSystem", "id": "own", "url": "urn:findings", "status": "active", "content": content,
            "concept": [{"code": "own"}]})
    };
    house.put(&[system("fragment")]).await;
    assert_eq!(expanded(&house, "url=urn:findings?fhir_vs=isa/4").await, "45");
    house.put(&[system("complete")]).await;
    assert_eq!(expanded(&house, "url=urn:findings?fhir_vs").await, "own");
}

#[tokio::test]
async fn supplements_add_names_and_properties() {
    let house = house().await;
    let supplement = |status: &str| {
        json!({"resourceType": "CodeSystem", "id": "names", "url": "urn:names", "status": status,
            "content": "supplement", "supplements": "urn:findings|2024", "property": [{"code": "rank", "type": "code"}],
            "concept": [{"code": "6", "designation": [{"language": "nl", "value": "Jichtaanval"}],
                "property": [{"code": "rank", "valueCode": "low"}]}]})
    };
    house.put(&[supplement("active")]).await;
    let dutch = "CodeSystem/$lookup?system=urn:findings&code=6&displayLanguage=nl";
    let answer = house.get(dutch).await.unwrap();
    assert_eq!(told(&answer, "display"), "Jichtaanval");
    assert!(answer.to_string().contains("\"low\""));
    let page = house.get("ValueSet/$expand?url=urn:findings?fhir_vs=isa/6&displayLanguage=nl").await.unwrap();
    assert_eq!(page["expansion"]["contains"][0]["display"], "Jichtaanval");
    house.put(&[supplement("retired")]).await;
    assert_eq!(told(&house.get(dutch).await.unwrap(), "display"), "Attack of gout");

    let names = json!({"resourceType": "CodeSystem", "id": "genders", "url": "urn:genders", "status": "active",
        "content": "supplement", "supplements": "http://hl7.org/fhir/administrative-gender",
        "concept": [{"code": "female", "designation": [{"language": "de", "value": "weiblich"}]}]});
    house.put(&[names]).await;
    let query = "CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=female&displayLanguage=de";
    assert_eq!(told(&house.get(query).await.unwrap(), "display"), "weiblich");
}

/// Who may not search code systems learns nothing of what was loaded.
#[tokio::test]
async fn what_was_loaded_is_for_those_who_may_search_code_systems() {
    let house = house().await;
    let caller = house.caller("system/ValueSet.rs").await;
    let refused = house.get_as(&caller, "ValueSet/$expand?url=urn:findings?fhir_vs").await.unwrap_err();
    assert_eq!(refused.code(), IssueType::Forbidden);
}
