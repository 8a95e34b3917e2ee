//! Expression constraints and reference sets on a code system that was loaded.

use super::house::House;
use super::loaded::{codes, load, told};
use fhir::IssueType;
use fhir::terminology::release::{Draft, DraftCell, DraftConcept, DraftValue};

const SNOMED: &str = "http://snomed.info/sct";

/// An association: what took the place of a concept.
const REPLACED_BY: &str = "900000000000526001";

/// Made up: drugs with ingredients and strengths in groups, of which one is in two groups; 20 and 21 are attributes, 30 is a
/// reference set, 31 a map, and 19 is no longer used.
const CONCEPTS: [(&str, &str, &[&str]); 15] = [
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
    ("31", "Map of drugs", &["10"]),
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

/// Members of a map: what they are about, whether they are used, since when, their group, target and correlation.
const MAP: [(&str, &str, &str, &str, &str, &str); 5] = [
    ("13", "1", "20200101", "1", "J45.9", "20"),
    ("13", "1", "20210101", "2", "R51", "21"),
    ("14", "1", "20210101", "1", "J45.8 with more", "22"),
    ("17", "1", "20240131", "10", "", "999"),
    ("18", "0", "20240131", "1", "J45.9", "20"),
];

/// Notes what the members say of the map, 31, and of the set, 30.
fn note_members(draft: &mut Draft) {
    use DraftCell::{Concept, Text};
    let fields = ["active", "moduleId", "effectiveTime", "mapGroup", "mapTarget", "correlationId"];
    for (member, active, time, group, target, correlation) in MAP {
        let cells = [Text(active), Concept("10"), Text(time), Text(group), Text(target), Concept(correlation)];
        assert!(draft.note_member("31", &fields, member, &cells));
        if active == "1" {
            draft.enlist("31", member);
        }
    }
    let cells = [Text("1"), Concept("11"), Text("20200101")];
    assert!(["13", "18", "19"].iter().all(|it| draft.note_member("30", &fields[..3], it, &cells)));
}

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
    note_members(&mut draft);
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
        ("^ *", "1314171819"),
        ("^ (30 OR 20)", "131819"),
        ("<< 11 AND ^ 30", "13"),
        ("(<< 15 OR 13) , << 16", "1617"),
        ("<< 15 MINUS << 16", "1518"),
        ("< (16 OR 12)", "131417"),
        (">! (13 OR 17)", "1216"),
        ("* MINUS < *", "10"),
        ("* MINUS >! *", "1314171821223031"),
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
        chooses(&house, expression, expected).await;
    }
}

/// An expression chooses these concepts, which is told of each.
async fn chooses(house: &House, expression: &str, expected: &str) {
    let rest = format!("ecl/{expression}");
    assert_eq!(chosen(house, &rest).await, expected, "{expression}");
    for (code, ..) in CONCEPTS {
        let query = format!("ValueSet/$validate-code?url={}&system={SNOMED}&code={code}", implicit(&rest));
        let answer = house.get(&query).await.unwrap();
        let is_in = expected.as_bytes().chunks(2).any(|it| it == code.as_bytes());
        assert_eq!(told(&answer, "result"), is_in, "{code} {expression}");
    }
}

/// A member passes all filters between its braces, whatever others of its concept do.
#[tokio::test]
async fn members_of_reference_sets_are_filtered() {
    let house = house().await;
    for (expression, expected) in [
        ("^ 31 {{ M mapTarget = \"J45.9\" }}", "13"),
        ("^ 31 {{ M mapTarget = \"J45\" }}", "1314"),
        ("^ 31 {{ M mapTarget = wild:\"J45.*\" }}", "1314"),
        ("^ 31 {{ M mapTarget = wild:\"J45.8\" }}", ""),
        ("^ 31 {{ M mapTarget = (\"R51\" \"more\") }}", "1314"),
        ("^ 31 {{ M mapTarget != \"J45\" }}", "1317"),
        ("^ 31 {{ M mapGroup = #1, maptarget = \"R51\" }}", ""),
        ("^ 31 {{ M mapGroup = #2 }} {{ M mapTarget = \"R51\" }}", "13"),
        ("^ 31 {{ M mapGroup > #1 }}", "1317"),
        ("^ 31 {{ M mapGroup != #1 }}", "1317"),
        ("^ 31 {{ M active = false }}", "18"),
        ("^ 31 {{ M effectiveTime >= \"20210101\" }}", "131417"),
        ("^ 31 {{ M effectiveTime = \"20240131\", active = 0 }}", "18"),
        ("^ 31 {{ M correlationId = << 20 }}", "13"),
        ("^ 31 {{ M correlationId != << 20 }}", "1417"),
        ("^ 31 {{ M correlationId = (21 22) }}", "1314"),
        ("^ 31 {{ M referencedComponentId = < 11 }}", "1314"),
        ("^ 31 {{ M moduleId = 11 }}", ""),
        ("^ * {{ M moduleId = 11 }}", "131819"),
        ("^ (30 OR 31) {{ M mapGroup = #1 }}", "1314"),
        ("^ [correlationId] 31", "202122"),
        ("^ [correlationId] 31 {{ M referencedComponentId = 13, mapGroup = #2 }}", "21"),
        ("<< 15 AND ^ 31 {{ M effectiveTime > \"20200101\" }}", "17"),
        ("> ^ 31 {{ M mapGroup = #10 }}", "101516"),
        ("^ 31 {{ M mapGroup = #1 }} {{ term = \"caffeine\" }}", "14"),
    ] {
        chooses(&house, expression, expected).await;
    }
    for (expression, code, said) in [
        ("^ 31 {{ M target = \"x\" }}", IssueType::Invalid, "active, moduleId, effectiveTime, mapGroup"),
        ("^ [mapTarget] 31", IssueType::NotSupported, "names no concepts"),
        ("^ 900000000000509007 {{ M acceptabilityId = * }}", IssueType::NotSupported, "not kept"),
        ("^ 12 {{ M active = 1 }}", IssueType::CodeInvalid, "no reference set"),
    ] {
        let failure = house.get(&format!("ValueSet/$expand?url={}", implicit(&format!("ecl/{expression}")))).await;
        let failure = failure.unwrap_err();
        assert!(failure.code() == code && failure.to_string().contains(said), "{expression}: {failure}");
    }
}

/// snomedct.html#implicit
#[tokio::test]
async fn reference_sets_are_value_sets() {
    let house = house().await;
    assert_eq!(chosen(&house, "refset").await, "3031");
    assert_eq!(chosen(&house, "refset/30").await, "131819");
    assert_eq!(chosen(&house, "refset/900000000000509007").await, "");
    let unknown = house.get(&format!("ValueSet/$expand?url={}", implicit("refset/32"))).await.unwrap_err();
    assert_eq!(unknown.code(), IssueType::CodeInvalid);
}

/// snomedct.html has filters of its own.
#[tokio::test]
async fn filters_of_snomed_ct_are_its_own() {
    let house = house().await;
    for (at, (property, op, value, expected)) in [
        ("concept", "in", "30", "131819"),
        ("concept", "not-in", "30", "101112141516172021223031"),
        ("constraint", "=", "<! 15", "1618"),
        ("expressions", "=", "true", "101112131415161718192021223031"),
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
