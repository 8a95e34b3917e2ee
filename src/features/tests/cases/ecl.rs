//! Expression constraints and reference sets on a code system that was loaded.

use super::house::House;
use super::loaded::{codes, load, told};
use fhir::IssueType;
use fhir::terminology::release::{Draft, DraftConcept, DraftValue};

const SNOMED: &str = "http://snomed.info/sct";

/// An association: what took the place of a concept.
const REPLACED_BY: &str = "900000000000526001";

/// Made up: drugs with ingredients and strengths in groups, of which one is in two groups; 20 and 21 are attributes, 30 is a
/// reference set, and 19 is no longer used.
const CONCEPTS: [(&str, &str, &[&str]); 14] = [
    ("10", "Root", &[]),
    ("11", "Drug", &["10"]),
    ("12", "Analgesic drug", &["11"]),
    ("13", "Codeine tablet", &["12"]),
    ("14", "Codeine and caffeine tablet", &["12"]),
    ("15", "Substance", &["10"]),
    ("16", "Opioid", &["15"]),
    ("17", "Codeine", &["16"]),
    ("18", "Caffeine", &["15"]),
    ("19", "Old drug", &[]),
    ("20", "Has ingredient", &["10"]),
    ("21", "Has active ingredient", &["20"]),
    ("22", "Has strength", &["10"]),
    ("30", "Set of drugs", &["10"]),
];

const RELATIONS: [(&str, u32, &str, &str); 7] = [
    ("12", 0, "20", "15"),
    ("13", 1, "21", "17"),
    ("13", 1, "22", "11"),
    ("14", 1, "21", "17"),
    ("14", 1, "22", "12"),
    ("14", 2, "20", "18"),
    ("14", 2, "22", "11"),
];

async fn house() -> House {
    let mut draft = Draft::new(SNOMED, "SNOMED CT");
    draft.version = format!("{SNOMED}/900000000000207008/version/20240131");
    for (code, name, _) in CONCEPTS {
        let mut concept = DraftConcept::named(code, name);
        if code == "19" {
            concept.say("inactive", DraftValue::Flag(true));
            concept.say(REPLACED_BY, DraftValue::Code("13".into()));
        }
        assert!(draft.add(concept).unwrap());
    }
    for (code, _, parents) in CONCEPTS {
        assert!(parents.iter().all(|it| draft.link(code, it)));
    }
    assert!(RELATIONS.iter().all(|(source, group, kind, value)| draft.relate(source, *group, kind, value)));
    for member in ["13", "18", "19"] {
        draft.enlist("30", member);
    }
    draft.note_set("900000000000509007");
    let house = House::new().await;
    load(&house, draft).await;
    house
}

/// An implicit value set, whose expression is encoded in its URL, as a value of a query.
fn implicit(rest: &str) -> String {
    let rest = rest.replace(' ', "%20");
    format!("{SNOMED}?fhir_vs={rest}").bytes().map(|it| format!("%{it:02X}")).collect()
}

async fn chosen(house: &House, rest: &str) -> String {
    let query = format!("ValueSet/$expand?url={}", implicit(rest));
    let found = house.get(&query).await.unwrap_or_else(|it| panic!("{rest}: {it}"));
    codes(&found)
}

/// What each expression chooses is listed, and told of each code.
#[tokio::test]
async fn expressions_choose_concepts() {
    let house = house().await;
    for (expression, expected) in [
        ("12", "12"),
        ("< 12", "1314"),
        ("<< 12 |Analgesic drug|", "121314"),
        ("<! 11", "12"),
        ("<<! 11", "1112"),
        ("> 17", "101516"),
        (">> 17", "10151617"),
        (">! 17", "16"),
        (">>! 17", "1617"),
        ("^ 30", "131819"),
        ("^ *", "131819"),
        ("^ (30 OR 20)", "131819"),
        ("<< 11 AND ^ 30", "13"),
        ("(<< 15 OR 13) , << 16", "1617"),
        ("<< 15 MINUS << 16", "1518"),
        ("< (16 OR 12)", "131417"),
        (">! (13 OR 17)", "1216"),
        ("* MINUS < *", "10"),
        ("* MINUS >! *", "13141718212230"),
        ("< 11: 20 = *", "1214"),
        ("< 11: 21 = 17", "1314"),
        ("< 11: << 20 = << 15", "121314"),
        ("< 11: << 20 = (<< 15 MINUS 17)", "1214"),
        ("< 11: << 20 != 17", "1214"),
        ("< 11: 21 = 17, 22 = 11", "1314"),
        ("< 11: {21 = 17, 22 = 11}", "13"),
        ("< 11: {<< 20 = 18, 22 = 11}", "14"),
        ("< 11: {<< 20 = 17, 22 = 11} OR {<< 20 = 18, 22 = 11}", "1314"),
        ("< 11: [2..*] << 20 = *", "14"),
        ("< 11: [0..0] 22 = *", "12"),
        ("< 11: [0..1] {<< 20 = *}", "1213"),
        ("<< 15: R << 20 = 14", "1718"),
        ("< 11 . << 20", "151718"),
        ("14.20", "18"),
        ("< 10 {{ term = \"cod tab\" }}", "1314"),
        ("* {{ C active = false }}", "19"),
        ("^ 30 {{ C active = 1 }}", "1318"),
        ("< 10 {{ term = wild:\"*caffeine*\" }}", "1418"),
        ("< 10 {{ term = wild:\"codeine*\" }}", "131417"),
        ("< 10 {{ term = (\"caff\" \"opi\") }}", "141618"),
        ("< 11 {{ term != \"codeine\" }}", "12"),
        ("!!> (<< 12 OR << 16)", "1216"),
        ("!!< (<< 12 OR << 15)", "13141718"),
        ("!!> 13", "13"),
        ("^ [targetComponentId] 900000000000526001", "13"),
        ("^ [referencedComponentId] 30", "131819"),
    ] {
        let rest = format!("ecl/{expression}");
        assert_eq!(chosen(&house, &rest).await, expected, "{expression}");
        for (code, ..) in CONCEPTS {
            let query = format!("ValueSet/$validate-code?url={}&system={SNOMED}&code={code}", implicit(&rest));
            let answer = house.get(&query).await.unwrap();
            let is_in = expected.as_bytes().chunks(2).any(|it| it == code.as_bytes());
            assert_eq!(told(&answer, "result"), is_in, "{code} {expression}");
        }
    }
}

/// snomedct.html#implicit
#[tokio::test]
async fn reference_sets_are_value_sets() {
    let house = house().await;
    assert_eq!(chosen(&house, "refset").await, "30");
    assert_eq!(chosen(&house, "refset/30").await, "131819");
    assert_eq!(chosen(&house, "refset/900000000000509007").await, "");
    let unknown = house.get(&format!("ValueSet/$expand?url={}", implicit("refset/31"))).await.unwrap_err();
    assert_eq!(unknown.code(), IssueType::CodeInvalid);
}

/// snomedct.html has filters of its own.
#[tokio::test]
async fn filters_of_snomed_ct_are_its_own() {
    let house = house().await;
    for (at, (property, op, value, expected)) in [
        ("concept", "in", "30", "131819"),
        ("concept", "not-in", "30", "1011121415161720212230"),
        ("constraint", "=", "<! 15", "1618"),
        ("expressions", "=", "true", "1011121314151617181920212230"),
    ]
    .into_iter()
    .enumerate()
    {
        let filter = serde_json::json!([{"property": property, "op": op, "value": value}]);
        let set = serde_json::json!({"resourceType": "ValueSet", "id": format!("s{at}"), "url": format!("urn:s{at}"),
            "status": "active", "compose": {"include": [{"system": SNOMED, "filter": filter}]}});
        house.put(&[set]).await;
        let found = house.get(&format!("ValueSet/$expand?url=urn:s{at}")).await.unwrap();
        assert_eq!(codes(&found), expected, "{property} {op} {value}");
    }
}

/// snomedct.html#implicit-cm
#[tokio::test]
async fn associations_are_concept_maps() {
    let house = house().await;
    let translate = async |association: &str, rest: &str| {
        let query = format!("ConceptMap/$translate?url={SNOMED}?fhir_cm={association}&system={SNOMED}&{rest}");
        house.get(&query).await
    };
    for (rest, code, is_translated) in
        [("code=19", "\"13\"", true), ("code=13&reverse=true", "\"19\"", true), ("code=12", "equivalent", false)]
    {
        let answer = translate(REPLACED_BY, rest).await.unwrap();
        assert_eq!(told(&answer, "result"), is_translated, "{rest}");
        assert_eq!(answer.to_string().contains(code), is_translated, "{answer}");
    }
    let unknown = translate("30", "code=19").await.unwrap_err();
    assert_eq!(unknown.code(), IssueType::NotFound);
}
