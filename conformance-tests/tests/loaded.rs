//! Large code systems, loaded from made-up files in the formats of their publishers: every operation of a terminology service
//! (terminology-service.html), implicit value sets (valueset.html#implicit) and searches by them.

use conformance_tests::{Client, Program, Server, encode};
use serde_json::{Value, json};
use std::path::PathBuf;

const SNOMED: &str = "http://snomed.info/sct";
const MODULE: &str = "900000000000207008";

/// Codes of made-up concepts: a finding, its kinds, and what they have as attributes.
const FINDING: &str = "404684003";
const HEART: &str = "100000005";
const ATTACK: &str = "100000006";
const ACUTE: &str = "100000007";
const OLD: &str = "100000008";
const SITE: &str = "363698007";
const MUSCLE: &str = "100000009";
const SET: &str = "723264001";
/// A map of findings to ICD-10.
const MAP: &str = "447562003";

/// A tab-separated file of RF2: a header, and rows whose words are parted by spaces, with `_` for a space in a word.
fn rf2(header: &str, rows: &[String]) -> String {
    let line = |it: &str| it.split(' ').collect::<Vec<_>>().join("\t").replace('_', " ") + "\r\n";
    std::iter::once(header).chain(rows.iter().map(String::as_str)).map(line).collect()
}

fn snomed() -> Vec<(&'static str, String)> {
    let names = [
        (FINDING, "Clinical_finding", 1),
        (HEART, "Heart_disease", 1),
        (ATTACK, "Heart_attack", 1),
        (ACUTE, "Acute_heart_attack", 1),
        (OLD, "Old_finding", 0),
        (SITE, "Finding_site", 1),
        (MUSCLE, "Heart_muscle", 1),
        (SET, "Set_of_findings", 1),
    ];
    let concepts: Vec<String> =
        names.iter().map(|(id, _, active)| format!("{id} 20240131 {active} {MODULE} 900000000000074008")).collect();
    let descriptions: Vec<String> = (0..)
        .zip(names)
        .map(|(at, (id, name, _))| {
            format!("30000000{at} 20240131 1 {MODULE} {id} en 900000000000013009 {name} 900000000000448009")
        })
        .chain([format!("300000090 20240131 1 {MODULE} {ATTACK} de 900000000000013009 Herzinfarkt 900000000000448009")])
        .collect();
    let links = [
        (HEART, FINDING, 0, "116680003"),
        (ATTACK, HEART, 0, "116680003"),
        (ACUTE, ATTACK, 0, "116680003"),
        (ATTACK, MUSCLE, 1, SITE),
    ];
    let relationships: Vec<String> = (0..)
        .zip(links)
        .map(|(at, (from, to, group, kind))| {
            format!("20000000{at} 20240131 1 {MODULE} {from} {to} {group} {kind} 900000000000011006 900000000000451002")
        })
        .collect();
    let members = [format!("a 20240131 1 {MODULE} {SET} {ACUTE}"), format!("b 20240131 1 {MODULE} {SET} {OLD}")];
    let mapped = [(ATTACK, 1, "I21.9", ATTACK), (ATTACK, 2, "I25", HEART), (ACUTE, 1, "I21.0", HEART)];
    let mapped = mapped.map(|(id, group, target, category)| {
        format!("c 20240131 1 {MODULE} {MAP} {id} {group} 1 TRUE ALWAYS {target} {SITE} {category}")
    });
    vec![
        (
            "der2_iisssccRefset_ExtendedMapSnapshot_INT_20240131.txt",
            rf2(
                "id effectiveTime active moduleId refsetId referencedComponentId mapGroup mapPriority mapRule mapAdvice mapTarget correlationId mapCategoryId",
                &mapped,
            ),
        ),
        (
            "sct2_Concept_Snapshot_INT_20240131.txt",
            rf2("id effectiveTime active moduleId definitionStatusId", &concepts),
        ),
        (
            "sct2_Description_Snapshot-en_INT_20240131.txt",
            rf2(
                "id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId",
                &descriptions,
            ),
        ),
        (
            "sct2_Relationship_Snapshot_INT_20240131.txt",
            rf2(
                "id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId characteristicTypeId modifierId",
                &relationships,
            ),
        ),
        (
            "der2_Refset_SimpleSnapshot_INT_20240131.txt",
            rf2("id effectiveTime active moduleId refsetId referencedComponentId", &members),
        ),
    ]
}

fn loinc() -> Vec<(&'static str, String)> {
    let lines = |it: &[&str]| it.iter().map(|it| format!("{it}\r\n")).collect::<String>();
    vec![
        (
            "Loinc.csv",
            lines(&[
                "LOINC_NUM,COMPONENT,STATUS,CLASS,VersionLastChanged,LONG_COMMON_NAME",
                "2951-2,Sodium,ACTIVE,CHEM,2.77,Sodium in serum",
                "2823-3,Potassium,ACTIVE,CHEM,2.77,Potassium in serum",
                "63895-7,Smoking,DEPRECATED,SURVEY,2.70,Smoking status",
            ]),
        ),
        (
            "MultiAxialHierarchy.csv",
            lines(&["IMMEDIATE_PARENT,CODE,CODE_TEXT", ",LP1-1,Chemistry", "LP1-1,2951-2,Sodium"]),
        ),
        ("AnswerList.csv", lines(&["AnswerListId,AnswerStringId,DisplayText", "LL1-1,LA33-6,Yes", "LL2-2,LA32-8,No"])),
        ("LoincAnswerListLink.csv", lines(&["LoincNumber,AnswerListId", "63895-7,LL1-1"])),
        (
            "LoincPartLink_Primary.csv",
            lines(&["LoincNumber,PartNumber,Property", "2951-2,LP15099-2,http://loinc.org/property/COMPONENT"]),
        ),
    ]
}

fn rxnorm() -> Vec<(&'static str, String)> {
    vec![
        (
            "RXNCONSO.RRF",
            "161|ENG||||||1||||RXNORM|IN|161|Acetaminophen||N|4096|\n\
             198440|ENG||||||4||||RXNORM|SCD|198440|acetaminophen 500 MG Oral Tablet||N|4096|\n"
                .to_owned(),
        ),
        ("RXNREL.RRF", "161||CUI|RO|198440||CUI|has_ingredient|1||RXNORM|RXNORM|||||\n".to_owned()),
        ("RXNSAT.RRF", "198440|||4|AUI|198440|||RXN_STRENGTH|RXNORM|500 MG|N||\n".to_owned()),
    ]
}

const ICD: &str = "<ICD10CM.tabular><version>2025</version><chapter><name>19</name><desc>Injury</desc>\
    <section id=\"S00-S09\"><desc>Head</desc><diag><name>S00</name><desc>Contusion</desc>\
    <sevenChrDef><extension char=\"A\">initial encounter</extension></sevenChrDef></diag></section></chapter></ICD10CM.tabular>";

/// A server whose tenant has these code systems; none when the cases run against another server.
fn loaded() -> Option<(Program, Server, Client)> {
    let program = Program::fresh()?;
    program.create_tenant("clinic");
    let icd = vec![("icd10cm_tabular_2025.xml", ICD.to_owned())];
    for (folder, files) in [("sct", snomed()), ("loinc", loinc()), ("RxNorm_full_01062025", rxnorm()), ("icd", icd)] {
        let folder: PathBuf = program.directory().join(folder);
        std::fs::create_dir(&folder).expect("a folder");
        for (name, text) in files {
            std::fs::write(folder.join(name), text).expect("a file");
        }
        program.succeed(&["terminology", "load", "--tenant", "clinic", folder.to_str().expect("a path in UTF-8")]);
    }
    let server = program.serve(&["--no-auth"]);
    let client = Client::new(&server.base("clinic"), None);
    Some((program, server, client))
}

/// The value of an answer's first parameter with this name.
fn told(answer: &Value, name: &str) -> Value {
    let found = answer["parameter"].as_array().into_iter().flatten().find(|it| it["name"] == name);
    let members = found.and_then(Value::as_object).into_iter().flatten();
    members.filter(|(member, _)| member.starts_with("value")).map(|(_, value)| value.clone()).next().unwrap_or_default()
}

/// The codes of an expansion that is asked for flat, in their order as texts.
async fn expanded(client: &Client, url: &str, more: &str) -> Vec<String> {
    let found = client.read(&format!("ValueSet/$expand?url={}&excludeNested=true{more}", encode(url))).await;
    let entries = found["expansion"]["contains"].as_array().cloned().unwrap_or_default();
    let mut codes: Vec<String> = entries.iter().filter_map(|it| it["code"].as_str().map(str::to_owned)).collect();
    codes.sort();
    codes
}

fn sorted(codes: &[&str]) -> Vec<String> {
    let mut codes: Vec<String> = codes.iter().map(|it| (*it).to_owned()).collect();
    codes.sort();
    codes
}

/// codesystem-operation-lookup.html, -validate-code.html and -subsumes.html.
#[tokio::test]
async fn codes_are_looked_up_validated_and_compared() {
    let Some((_program, _server, client)) = loaded() else { return };
    let of = |operation: &str, rest: &str| format!("CodeSystem/${operation}?{rest}");
    let found = client.read(&of("lookup", &format!("system={SNOMED}&code={ATTACK}&displayLanguage=de"))).await;
    assert_eq!(told(&found, "display"), "Herzinfarkt");
    assert_eq!(told(&found, "version"), format!("{SNOMED}/{MODULE}/version/20240131"));
    assert!(found.to_string().contains(&format!(r#"{{"name":"code","valueCode":"{SITE}"}}"#)), "{found}");
    client.get(&of("lookup", &format!("system={SNOMED}&code=1"))).await.expect_outcome(404..=404);
    for (code, display, is_valid) in [
        (ATTACK, "Heart attack", true),
        (ATTACK, "Herzinfarkt", true),
        (ATTACK, "Gout", false),
        ("100000099", "Gout", false),
    ] {
        let query = of("validate-code", &format!("url={SNOMED}&code={code}&display={}", encode(display)));
        assert_eq!(told(&client.read(&query).await, "result"), is_valid, "{code} {display}");
    }
    for (a, b, outcome) in [
        (FINDING, ACUTE, "subsumes"),
        (ACUTE, HEART, "subsumed-by"),
        (ACUTE, MUSCLE, "not-subsumed"),
        (HEART, HEART, "equivalent"),
    ] {
        let query = of("subsumes", &format!("system={SNOMED}&codeA={a}&codeB={b}"));
        assert_eq!(told(&client.read(&query).await, "outcome"), outcome, "{a} {b}");
    }
    client
        .get(&of("subsumes", "system=http://www.nlm.nih.gov/research/umls/rxnorm&codeA=161&codeB=198440"))
        .await
        .expect_outcome(400..=422);
}

/// valueset-operation-expand.html, snomedct.html#implicit, loinc.html#implicit: with filter and in pages.
#[tokio::test]
async fn implicit_value_sets_are_expanded() {
    let Some((_program, _server, client)) = loaded() else { return };
    let of = |rest: &str| format!("{SNOMED}?fhir_vs={rest}");
    for (url, more, expected) in [
        (of(&format!("isa/{HEART}")), "", &[HEART, ATTACK, ACUTE][..]),
        (of(&format!("isa/{HEART}")), "&filter=acu%20hea", &[ACUTE]),
        (of("refset"), "", &[SET]),
        (of(&format!("refset/{SET}")), "", &[ACUTE, OLD]),
        (of(&format!("refset/{SET}")), "&activeOnly=true", &[ACUTE]),
        (of(&format!("ecl/%3C%20{FINDING}%20MINUS%20%5E%20{SET}")), "", &[HEART, ATTACK]),
        (of(&format!("ecl/*:{SITE}={MUSCLE}")), "", &[ATTACK]),
        (of(&format!("ecl/%3C{FINDING}:%7B{SITE}=*%7D")), "", &[ATTACK]),
        (of(&format!("ecl/%5E{MAP}%7B%7BM%20mapTarget=%22I21%22%7D%7D")), "", &[ATTACK, ACUTE]),
        (of(&format!("ecl/%5E{MAP}%7B%7BM%20mapGroup%3E%231,mapTarget=%22I21%22%7D%7D")), "", &[]),
        (of(&format!("ecl/%5E%5BmapCategoryId%5D{MAP}%7B%7BM%20mapGroup=%232%7D%7D")), "", &[HEART]),
        ("http://loinc.org/vs/LL1-1".to_owned(), "", &["LA33-6"]),
        ("http://loinc.org/vs/LP1-1".to_owned(), "", &["2951-2"]),
        ("http://hl7.org/fhir/sid/icd-10-cm?fhir_vs=isa/S00-S09".to_owned(), "&excludeNotForUI=true", &["S00.XXXA"]),
    ] {
        assert_eq!(expanded(&client, &url, more).await, sorted(expected), "{url} {more}");
    }
    let mut paged = Vec::new();
    for offset in 0..8 {
        let query = format!("ValueSet/$expand?url={}&count=1&offset={offset}", encode(&format!("{SNOMED}?fhir_vs")));
        let page = client.read(&query).await;
        assert_eq!(page["expansion"]["total"], 8);
        paged.extend(page["expansion"]["contains"][0]["code"].as_str().map(str::to_owned));
    }
    paged.sort();
    assert_eq!(paged, sorted(&[FINDING, HEART, ATTACK, ACUTE, OLD, SITE, MUSCLE, SET]));
    for wrong in [of("ecl/%3C"), of("refset/1"), of("ecl/1:2=%235")] {
        client.get(&format!("ValueSet/$expand?url={}", encode(&wrong))).await.expect_outcome(400..=422);
    }
}

/// valueset.html#filters: of LOINC and RxNorm by what they have, in lists and by expressions; and of each code the same is told.
#[tokio::test]
async fn filters_choose_by_properties() {
    let Some((_program, _server, client)) = loaded() else { return };
    let (loinc, rxnorm) = ("http://loinc.org", "http://www.nlm.nih.gov/research/umls/rxnorm");
    for (at, (system, property, op, value, expected)) in [
        (loinc, "COMPONENT", "=", "Sodium", &["2951-2"][..]),
        (loinc, "COMPONENT", "=", "LP15099-2", &["2951-2"]),
        (loinc, "COMPONENT", "regex", ".*ium", &["2823-3", "2951-2"]),
        (loinc, "STATUS", "in", "ACTIVE,TRIAL", &["2823-3", "2951-2"]),
        (loinc, "CLASS", "exists", "true", &["2823-3", "2951-2", "63895-7"]),
        (loinc, "parent", "=", "LP1-1", &["2951-2"]),
        (loinc, "answers-for", "=", "63895-7", &["LA33-6"]),
        (loinc, "concept", "generalizes", "2951-2", &["2951-2", "LP1-1"]),
        (rxnorm, "TTY", "=", "SCD", &["198440"]),
        (rxnorm, "has_ingredient", "=", "CUI:161", &["198440"]),
        (rxnorm, "RXN_STRENGTH", "exists", "true", &["198440"]),
        (rxnorm, "TTY", "not-in", "SCD,BN", &["161"]),
        (SNOMED, "concept", "is-not-a", FINDING, &[OLD, SITE, MUSCLE, SET]),
        (SNOMED, "concept", "descendent-of", HEART, &[ATTACK, ACUTE]),
        (SNOMED, "concept", "in", SET, &[ACUTE, OLD]),
    ]
    .into_iter()
    .enumerate()
    {
        let (id, url) = (format!("set-{at}"), format!("urn:set:{at}"));
        let filter = json!([{"property": property, "op": op, "value": value}]);
        let set = json!({"resourceType": "ValueSet", "id": id, "url": url, "status": "active",
            "compose": {"include": [{"system": system, "filter": filter}]}});
        client.put(&format!("ValueSet/{id}"), &set).await.expect(201);
        assert_eq!(expanded(&client, &url, "").await, sorted(expected), "{property} {op} {value}");
        for code in [expected[0], "2823-3", "161", MUSCLE] {
            let query = format!("ValueSet/$validate-code?url={url}&system={system}&code={code}");
            assert_eq!(told(&client.read(&query).await, "result"), expected.contains(&code), "{code} {property} {op}");
        }
    }
}

/// conceptmap-operation-translate.html and conceptmap-operation-closure.html.
#[tokio::test]
async fn codes_are_translated_and_closed() {
    let Some((_program, _server, client)) = loaded() else { return };
    let target = json!([{"code": "S00", "equivalence": "wider"}]);
    let map = json!({"resourceType": "ConceptMap", "url": "urn:map", "status": "active", "sourceUri": format!("{SNOMED}?fhir_vs"),
        "group": [{"source": SNOMED, "target": "http://hl7.org/fhir/sid/icd-10-cm",
            "element": [{"code": ATTACK, "target": target}]}]});
    client.create(&map).await;
    let query = format!("ConceptMap/$translate?url=urn:map&system={SNOMED}&code={ATTACK}");
    let found = client.read(&query).await;
    assert!(told(&found, "result") == true && found.to_string().contains("S00"), "{found}");
    let begun = json!({"resourceType": "Parameters", "parameter": [{"name": "name", "valueString": "findings"}]});
    client.post("$closure", &begun).await.expect(200);
    let concepts =
        [HEART, ACUTE, MUSCLE].map(|it| json!({"name": "concept", "valueCoding": {"system": SNOMED, "code": it}}));
    let mut asked = begun;
    asked["parameter"].as_array_mut().expect("an array").extend(concepts);
    let closure = client.post("$closure", &asked).await.expect(200).json();
    let group = &closure["group"][0];
    assert_eq!(
        (&group["element"][0]["code"], &group["element"][0]["target"][0]["code"]),
        (&json!(ACUTE), &json!(HEART)),
        "{closure}"
    );
}

/// search.html#token: `:in`, `:not-in`, `:above` and `:below`.
#[tokio::test]
async fn searches_go_by_loaded_code_systems() {
    let Some((_program, _server, client)) = loaded() else { return };
    for code in [HEART, ATTACK, ACUTE, MUSCLE] {
        let condition = json!({"resourceType": "Condition", "id": format!("c{code}"), "subject": {"reference": "Patient/x"},
            "code": {"coding": [{"system": SNOMED, "code": code}]}});
        client.put(&format!("Condition/c{code}"), &condition).await.expect(201);
    }
    let set = |rest: &str| encode(&format!("{SNOMED}?fhir_vs={rest}"));
    for (query, expected) in [
        (format!("code:below={SNOMED}|{ATTACK}"), vec![ATTACK, ACUTE]),
        (format!("code:above={SNOMED}|{ATTACK}"), vec![ATTACK, HEART]),
        (format!("code:in={}", set(&format!("isa/{ATTACK}"))), vec![ATTACK, ACUTE]),
        (format!("code:in={}", set(&format!("ecl/%3C{FINDING}:{SITE}=*"))), vec![ATTACK]),
        (format!("code:not-in={}", set(&format!("refset/{SET}"))), vec![HEART, ATTACK, MUSCLE]),
    ] {
        let found: Vec<String> = client.found(&format!("Condition?{query}")).await.into_iter().collect();
        let ids: Vec<String> = expected.iter().map(|it| format!("c{it}")).collect();
        assert_eq!(found, sorted(&ids.iter().map(String::as_str).collect::<Vec<_>>()), "{query}");
    }
}

/// terminologycapabilities.html: what is loaded is listed with its version, and served as it is listed.
#[tokio::test]
async fn the_terminology_capabilities_list_what_is_loaded() {
    let Some((_program, _server, client)) = loaded() else { return };
    let statement = client.read("metadata?mode=terminology").await;
    let systems = statement["codeSystem"].as_array().cloned().unwrap_or_default();
    for (uri, version, has_subsumption) in [
        (SNOMED, format!("{SNOMED}/{MODULE}/version/20240131"), true),
        ("http://loinc.org", "2.77".to_owned(), true),
        ("http://www.nlm.nih.gov/research/umls/rxnorm", "01062025".to_owned(), false),
        ("http://hl7.org/fhir/sid/icd-10-cm", "2025".to_owned(), true),
    ] {
        let listed = systems.iter().find(|it| it["uri"] == uri).unwrap_or_else(|| panic!("{uri} is not listed"));
        assert_eq!(listed["version"][0]["code"], version);
        assert_eq!(listed["subsumption"], has_subsumption, "{uri}");
        for filter in listed["version"][0]["filter"].as_array().expect("filters") {
            let (property, op) =
                (filter["code"].as_str().expect("a code"), filter["op"][0].as_str().expect("an operator"));
            let value = match op {
                "exists" => "true",
                "is-a" => ["404684003", "2951-2", "S00"][usize::from(uri != SNOMED) + usize::from(uri.contains("sid"))],
                "in" => "161",
                _ => "*",
            };
            let rule = json!([{"system": uri, "version": version, "filter": [{"property": property, "op": op, "value": value}]}]);
            let set = json!({"resourceType": "ValueSet", "status": "active", "compose": {"include": rule}});
            let asked = json!({"resourceType": "Parameters", "parameter": [{"name": "valueSet", "resource": set}]});
            client.post("ValueSet/$expand", &asked).await.expect(200);
        }
    }
}
