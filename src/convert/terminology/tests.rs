//! Made-up files in the formats of the publishers.

mod members;

use super::*;
use fhir::terminology::release::{Arranged, CONCRETE, MEMBERSHIP, Relation};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Files in memory.
#[derive(Default)]
struct Memory(BTreeMap<String, Vec<u8>>);

impl Memory {
    fn with(mut self, name: &str, text: &str) -> Memory {
        self.0.insert(name.to_owned(), text.as_bytes().to_vec());
        self
    }

    fn read(&self) -> Result<Draft> {
        read(self, &Choices::default())
    }

    /// Why they are refused.
    fn refused(&self) -> String {
        self.read().err().map(|it| it.to_string()).unwrap_or_default()
    }
}

impl Files for Memory {
    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn open<'f>(&'f self, name: &str) -> std::io::Result<Box<dyn BufRead + 'f>> {
        Ok(Box::new(self.0.get(name).ok_or(std::io::ErrorKind::NotFound)?.as_slice()))
    }
}

/// Rows of fields, with a header, as RF2 has them.
fn table(rows: &[&str]) -> String {
    rows.iter()
        .map(|it| format!("{}\r\n", it.split_whitespace().collect::<Vec<_>>().join("\t").replace('_', " ")))
        .collect()
}

const CONCEPTS: [&str; 7] = [
    "id effectiveTime active moduleId definitionStatusId",
    "100000001 20200101 1 900000000000207008 900000000000074008",
    "100000002 20240131 1 900000000000207008 900000000000073002",
    "100000003 20200101 1 900000000000012004 900000000000074008",
    "100000004 20190101 0 900000000000207008 900000000000074008",
    "363698007 20190101 1 900000000000012004 900000000000074008",
    "723264001 20190101 1 900000000000207008 900000000000074008",
];

const RELATIONSHIPS: [&str; 5] = [
    "id effectiveTime active moduleId sourceId destinationId relationshipGroup typeId characteristicTypeId modifierId",
    "200000001 20200101 1 900000000000207008 100000002 100000001 0 116680003 900000000000011006 900000000000451002",
    "200000002 20200101 1 900000000000207008 100000003 100000001 0 116680003 900000000000011006 900000000000451002",
    "200000003 20200101 0 900000000000207008 100000001 100000002 0 116680003 900000000000011006 900000000000451002",
    "200000004 20200101 1 900000000000207008 100000002 100000003 1 363698007 900000000000011006 900000000000451002",
];

const DESCRIPTIONS: [&str; 5] = [
    "id effectiveTime active moduleId conceptId languageCode typeId term caseSignificanceId",
    "300000001 20200101 1 900000000000207008 100000001 en 900000000000003001 Root_(root) 900000000000448009",
    "300000002 20200101 1 900000000000207008 100000002 en 900000000000003001 Heart_attack_(disorder) 900000000000448009",
    "300000003 20200101 1 900000000000207008 100000002 en 900000000000013009 MI 900000000000448009",
    "300000004 20200101 1 900000000000207008 100000002 en 900000000000013009 Heart_attack 900000000000448009",
];

fn snomed() -> Memory {
    let language = [
        "id effectiveTime active moduleId refsetId referencedComponentId acceptabilityId",
        "a 20200101 1 900000000000207008 900000000000509007 300000004 900000000000548007",
        "b 20200101 1 900000000000207008 900000000000508004 300000003 900000000000548007",
    ];
    let simple = [
        "id effectiveTime active moduleId refsetId referencedComponentId",
        "a 20200101 1 900000000000207008 723264001 100000002",
        "b 20200101 0 900000000000207008 723264001 100000003",
    ];
    let association = [
        "id effectiveTime active moduleId refsetId referencedComponentId targetComponentId",
        "a 20200101 1 900000000000207008 900000000000526001 100000004 100000002",
    ];
    let values = [
        "id effectiveTime active moduleId sourceId value relationshipGroup typeId characteristicTypeId modifierId",
        "a 20200101 1 900000000000207008 100000003 #12.5 0 363698007 900000000000011006 900000000000451002",
    ];
    Memory::default()
        .with("SnomedCT/Snapshot/Refset/Content/der2_Refset_SimpleSnapshot_INT_20240131.txt", &table(&simple))
        .with(
            "SnomedCT/Snapshot/Refset/Content/der2_cRefset_AssociationSnapshot_INT_20240131.txt",
            &table(&association),
        )
        .with(
            "SnomedCT/Snapshot/Terminology/sct2_RelationshipConcreteValues_Snapshot_INT_20240131.txt",
            &table(&values),
        )
        .with("SnomedCT/Snapshot/Terminology/sct2_Concept_Snapshot_INT_20240131.txt", &table(&CONCEPTS))
        .with("SnomedCT/Snapshot/Terminology/sct2_Relationship_Snapshot_INT_20240131.txt", &table(&RELATIONSHIPS))
        .with("SnomedCT/Snapshot/Terminology/sct2_Description_Snapshot-en_INT_20240131.txt", &table(&DESCRIPTIONS))
        .with("SnomedCT/Snapshot/Refset/Language/der2_cRefset_LanguageSnapshot-en_INT_20240131.txt", &table(&language))
}

/// A concept as it is kept, and the codes directly above it.
fn kept(arranged: &Arranged, code: &str) -> (String, Vec<String>) {
    let rows = (0..arranged.len() as u32).filter_map(|it| arranged.row(it));
    let (_, links, said) = rows.into_iter().find(|it| it.0 == code).unwrap();
    let parents = links.parents.iter().filter_map(|it| arranged.row(it)).map(|it| it.0.to_owned()).collect();
    (said, parents)
}

#[test]
fn snomed_ct_is_read_from_its_snapshot() {
    let draft = snomed().read().unwrap();
    assert_eq!(draft.url, "http://snomed.info/sct");
    assert_eq!(draft.version, "http://snomed.info/sct/900000000000207008/version/20240131");
    let arranged = draft.arranged().unwrap();
    let (said, parents) = kept(&arranged, "100000002");
    assert_eq!(parents, ["100000001"]);
    for part in [
        r#""display":"Heart attack""#,
        r#""value":"Heart attack (disorder)""#,
        r#"{"code":"363698007","valueCode":"100000003"}"#,
        r#"{"code":"sufficientlyDefined","valueBoolean":true}"#,
        r#"{"code":"effectiveTime","valueString":"20240131"}"#,
        r#""origin":{"module":"900000000000207008","time":"20200101","dialect":[{"set":"900000000000509007","preferred":true}]}"#,
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(kept(&arranged, "100000004").0.contains(r#"{"code":"inactive","valueBoolean":true}"#));
    let british = Choices { language: Some("900000000000508004".into()), ..Choices::default() };
    let arranged = read(&snomed(), &british).unwrap().arranged().unwrap();
    assert!(kept(&arranged, "100000002").0.contains(r#""display":"MI""#));
}

/// Members of sets are posted by the set, and an association says what took the place of a concept.
#[test]
fn reference_sets_and_attributes_of_snomed_ct_are_read() {
    let arranged = snomed().read().unwrap().arranged().unwrap();
    let code = |place: u32| arranged.row(place).unwrap().0.to_owned();
    let posted = arranged.posted();
    let members = |set: &str| {
        let found = posted.iter().find(|it| it.property == MEMBERSHIP && it.term == set).unwrap();
        found.places.iter().map(code).collect::<Vec<_>>()
    };
    assert_eq!(members("723264001"), ["100000002"]);
    assert_eq!(members("900000000000526001"), ["100000004"]);
    assert!(members("900000000000509007").is_empty(), "descriptions are no concepts");
    assert_eq!((members("*").len(), members("")), (2, vec!["723264001".to_owned()]));
    assert!(kept(&arranged, "100000004").0.contains(r#"{"code":"900000000000526001","valueCode":"100000002"}"#));
    assert!(kept(&arranged, "100000003").0.contains(r#"{"code":"363698007","valueString":"12.5"}"#));
    let (concepts, values): (Vec<Relation>, Vec<Relation>) =
        arranged.relations().into_iter().partition(|it| it.value < CONCRETE);
    let [only] = concepts[..] else { panic!() };
    let names = [only.source, only.kind, only.value].map(code);
    assert_eq!((names.each_ref().map(String::as_str), only.group), (["100000002", "363698007", "100000003"], 1));
    // A number is an attribute as a concept is.
    let [number] = values[..] else { panic!() };
    assert_eq!([number.source, number.kind].map(code), ["100000003", "363698007"]);
    // What is preferred in some language comes first, and full names last.
    let (said, _) = kept(&arranged, "100000002");
    let places = ["\"Heart attack\",\"origin\"", "\"MI\",\"origin\"", "Heart attack (disorder)"]
        .map(|it| said.find(it).unwrap());
    assert!(places[0] < places[2] && places[1] < places[2], "{said}");
}

/// A national edition is the module that no other depends on.
#[test]
fn an_edition_is_told_by_what_its_modules_depend_on() {
    let dependencies = [
        "id effectiveTime active moduleId refsetId referencedComponentId sourceEffectiveTime targetEffectiveTime",
        "a 20240131 1 731000124108 900000000000534007 900000000000207008 20240301 20240131",
        "b 20240131 1 900000000000207008 900000000000534007 900000000000012004 20240131 20240131",
    ];
    let files = snomed().with("der2_ssRefset_ModuleDependencySnapshot_US_20240301.txt", &table(&dependencies));
    assert!(files.read().unwrap().version.starts_with("http://snomed.info/sct/731000124108/version/"));
}

#[test]
fn wrong_and_truncated_files_of_snomed_ct_are_refused_with_the_line() {
    let concepts = "SnomedCT/Snapshot/Terminology/sct2_Concept_Snapshot_INT_20240131.txt";
    let relationships = "SnomedCT/Snapshot/Terminology/sct2_Relationship_Snapshot_INT_20240131.txt";
    let whole = table(&CONCEPTS);
    for (name, text, line, expected) in [
        (concepts, whole[..whole.len() - 5].to_owned(), "line 7", "cut off"),
        (concepts, table(&CONCEPTS[1..]), "line 1", "the columns id effectiveTime"),
        (concepts, whole.replace("20240131\t1", "20240131"), "line 3", "5 fields"),
        (concepts, whole.replace("100000003", "x"), "line 4", "identifier"),
        (concepts, whole.replace("100000003", "100000002"), "line 4", "once"),
        (concepts, table(&CONCEPTS[..3]), "Relationship_Snapshot_INT_20240131.txt line 3", "concepts of the file"),
        (relationships, table(&RELATIONSHIPS).replace("0\t116680003", "2\t\t116680003"), "line 2", "10 fields"),
        (
            relationships,
            table(&RELATIONSHIPS).replace("1\t900000000000207008", "y\t900000000000207008"),
            "line 2",
            "0 or 1",
        ),
    ] {
        let told = snomed().with(name, &text).refused();
        assert!(told.contains(line) && told.contains(expected), "{line} {expected} in {told}");
    }
    let mut without = snomed();
    without.0.remove(relationships);
    assert!(without.refused().contains("sct2_Relationship_Snapshot"));
}

const LOINC: &str = "\u{feff}\"LOINC_NUM\",\"COMPONENT\",\"VersionLastChanged\",\"STATUS\",\"SHORTNAME\",\"LONG_COMMON_NAME\",\"EXTERNAL_COPYRIGHT_NOTICE\"\r\n\
    \"2951-2\",\"Sodium\",\"2.9\",\"ACTIVE\",\"Sodium SerPl-sCnc\",\"Sodium [Moles/volume] in Serum, \"\"or\"\" Plasma\",\"\"\r\n\
    \"9999-9\",\"Old\",\"2.77\",\"DEPRECATED\",\"\",\"Old\nthing\",\"Somebody's\"\r\n";

fn loinc() -> Memory {
    let hierarchy = "PATH_TO_ROOT,SEQUENCE,IMMEDIATE_PARENT,CODE,CODE_TEXT\r\n,1,,LP1,Laboratory\r\nLP1,1,LP2,2951-2,Sodium\r\nLP1,1,LP1,LP2,Electrolytes\r\n";
    let answers = "AnswerListId,AnswerListName,AnswerStringId,DisplayText\r\nLL1-1,Yes or no,LA33-6,Yes\r\nLL2-2,Elsewhere,,\r\nLL3-3,Yes,LA33-6,Yes\r\n";
    Memory::default()
        .with("Loinc_2.77/LoincTable/Loinc.csv", LOINC)
        .with("Loinc_2.77/AccessoryFiles/ComponentHierarchyBySystem/ComponentHierarchyBySystem.csv", hierarchy)
        .with("Loinc_2.77/AccessoryFiles/AnswerFile/AnswerList.csv", answers)
        .with(
            "Loinc_2.77/AccessoryFiles/AnswerFile/LoincAnswerListLink.csv",
            "LoincNumber,LongCommonName,AnswerListId\r\n9999-9,Old thing,ll1-1\r\n",
        )
        .with(
            "Loinc_2.77/AccessoryFiles/PartFile/LoincPartLink_Primary.csv",
            "LoincNumber,PartNumber,Property\r\n2951-2,LP14,http://loinc.org/property/COMPONENT\r\n",
        )
}

#[test]
fn loinc_is_read_with_its_hierarchy_and_answers() {
    let draft = loinc().read().unwrap();
    assert_eq!((draft.url.as_str(), draft.version.as_str()), ("http://loinc.org", "2.77"));
    let arranged = draft.arranged().unwrap();
    let (sodium, parents) = kept(&arranged, "2951-2");
    assert_eq!(parents, ["LP2"]);
    for part in [r#"Serum, \"or\" Plasma"#, "Sodium SerPl-sCnc", r#"{"code":"copyright","valueString":"LOINC"}"#] {
        assert!(sodium.contains(part), "{part} in {sodium}");
    }
    assert!(sodium.contains(r#"{"code":"COMPONENT","valueCode":"LP14"}"#), "{sodium}");
    let (old, _) = kept(&arranged, "9999-9");
    assert!(old.contains(r#"{"code":"answer-list","valueCode":"LL1-1"}"#), "{old}");
    assert!(old.contains(r#""valueString":"3rdParty""#) && old.contains(r#""inactive","valueBoolean":true"#), "{old}");
    let (yes, _) = kept(&arranged, "LA33-6");
    assert!(yes.contains(r#""valueCode":"LL1-1""#) && yes.contains(r#""valueCode":"LL3-3""#), "{yes}");
    assert_eq!(kept(&arranged, "LP2").1, ["LP1"]);
}

#[test]
fn wrong_and_truncated_files_of_loinc_are_refused_with_the_line() {
    let terms = "Loinc_2.77/LoincTable/Loinc.csv";
    for (text, expected) in [
        (LOINC.replace("LONG_COMMON_NAME", "NAME"), "line 1: expected a column LONG_COMMON_NAME"),
        (LOINC.replace(",\"2.9\"", ""), "line 2: expected as many fields"),
        (LOINC[..LOINC.len() - 30].to_owned(), "line 3: expected as many fields"),
        (LOINC[..LOINC.len() - 2].to_owned(), "cut off"),
        (LOINC.replace("2951-2", ""), "line 2: expected a code"),
        (LOINC.replace("9999-9", "2951-2"), "line 3: expected each code once"),
    ] {
        let told = loinc().with(terms, &text).refused();
        assert!(told.contains(expected), "{expected} in {told}");
    }
    let hierarchy = "Loinc_2.77/AccessoryFiles/ComponentHierarchyBySystem/ComponentHierarchyBySystem.csv";
    let text = "IMMEDIATE_PARENT,CODE,CODE_TEXT\r\nLP9,LP2,Lost\r\n";
    assert!(loinc().with(hierarchy, text).refused().contains("line 2: expected a code of this file"));
}

const CONSO: &str = "161|ENG||||||1||||RXNORM|IN|161|Acetaminophen||N|4096|\n\
    161|ENG||||||2||||RXNORM|SY|161|Paracetamol||N||\n\
    161|ENG||||||3||||MMSL|CD|d1|APAP||N||\n\
    198440|ENG||||||4||||RXNORM|SCD|198440|acetaminophen 500 MG Oral Tablet||N|4096|\n\
    5|ENG||||||5||||RXNORM|BN|5|Gone||O||\n";

fn rxnorm() -> Memory {
    Memory::default()
        .with("RxNorm_full_01062025/rrf/RXNCONSO.RRF", CONSO)
        .with("RxNorm_full_01062025/rrf/RXNREL.RRF", "161||CUI|RO|198440||CUI|has_ingredient|1||RXNORM|RXNORM|||||\n")
        .with(
            "RxNorm_full_01062025/rrf/RXNSTY.RRF",
            "161|T121|A1.4.1.1.1|Pharmacologic Substance|AT1||\n9|T1|A|B|C||\n",
        )
        .with(
            "RxNorm_full_01062025/rrf/RXNSAT.RRF",
            "198440|||4|AUI|198440|||RXN_AVAILABLE_STRENGTH|RXNORM|500 MG|N||\n9|||4|AUI|9|||X|MMSL|5|N||\n",
        )
}

#[test]
fn rxnorm_is_read_with_its_relationships() {
    let draft = rxnorm().read().unwrap();
    assert_eq!(draft.version, "01062025");
    assert!(!draft.has_subsumption);
    let arranged = draft.arranged().unwrap();
    assert_eq!(arranged.len(), 3);
    let (substance, _) = kept(&arranged, "161");
    for part in [r#""display":"Acetaminophen""#, r#""value":"Paracetamol""#, r#"{"code":"STY","valueCode":"T121"}"#] {
        assert!(substance.contains(part), "{part} in {substance}");
    }
    let (tablet, _) = kept(&arranged, "198440");
    for part in [
        r#"{"code":"has_ingredient","valueString":"CUI:161"}"#,
        r#"{"code":"RO","valueString":"CUI:161"}"#,
        r#"{"code":"RXN_AVAILABLE_STRENGTH","valueString":"500 MG"}"#,
    ] {
        assert!(tablet.contains(part), "{part} in {tablet}");
    }
    assert!(substance.contains(r#"{"code":"SAB","valueCode":"MMSL"}"#), "{substance}");
    assert!(kept(&arranged, "5").0.contains("inactive"));
    for (text, expected) in [
        (CONSO[..CONSO.len() - 1].to_owned(), "line 5: expected the end of the line"),
        (CONSO.replace("|RXNORM|SCD|", "|RXNORM|"), "line 4: expected 19 fields"),
        (CONSO.replace("161|ENG", "x|ENG"), "line 1: expected a number"),
        (CONSO.replace("198440|ENG", "7|ENG"), "RXNREL.RRF line 1: expected a concept"),
    ] {
        let told = rxnorm().with("RxNorm_full_01062025/rrf/RXNCONSO.RRF", &text).refused();
        assert!(told.contains(expected), "{expected} in {told}");
    }
}

/// A line of the order file.
fn order(number: u32, code: &str, is_valid: bool, name: &str) -> String {
    format!("{number:05} {code:<7} {} {:<60} {name}, in full\n", u8::from(is_valid), name)
}

#[test]
fn icd_10_cm_is_read_from_its_order_file() {
    let lines = [("A00", false, "Cholera"), ("A000", true, "Classical cholera"), ("A0001X", true, "Made up")];
    let text: String = (1..).zip(lines).map(|(at, (code, valid, name))| order(at, code, valid, name)).collect();
    let file = "Code-descriptions/icd10cm_order_2025.txt";
    let draft = Memory::default().with(file, &text).read().unwrap();
    assert_eq!((draft.url.as_str(), draft.version.as_str()), ("http://hl7.org/fhir/sid/icd-10-cm", "2025"));
    let arranged = draft.arranged().unwrap();
    assert_eq!(kept(&arranged, "A00.01X").1, ["A00.0"]);
    assert!(kept(&arranged, "A00").0.contains("notSelectable"));
    for (text, expected) in [
        (text.replace("00002", "00003"), "line 2: expected the number 00002"),
        (text[..text.len() - 1].to_owned(), "line 3: expected the end of the line"),
        (text.replace(" 1 Classical", " 2 Classical"), "line 2: expected a number in columns"),
    ] {
        let told = Memory::default().with(file, &text).refused();
        assert!(told.contains(expected), "{expected} in {told}");
    }
}

const CLAML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE ClaML SYSTEM "ClaML.dtd">
<ClaML version="2.0.0">
<Title name="ICD-10" version="2019" date="2019-01-01">ICD-10</Title>
<Modifier code="M1"/>
<ModifierClass modifier="M1" code=".0"><Rubric kind="preferred"><Label>with coma</Label></Rubric></ModifierClass>
<Class code="IV" kind="chapter"><SubClass code="E10-E14"/><Rubric kind="preferred"><Label xml:lang="en">Endocrine</Label></Rubric></Class>
<Class code="E10-E14" kind="block"><SuperClass code="IV"/><Rubric kind="preferred"><Label>Diabetes</Label></Rubric></Class>
<Class code="E10" kind="category"><SuperClass code="E10-E14"/><ModifiedBy code="M1"/>
<Rubric kind="preferred"><Label>Type 1 <Term>diabetes</Term> &amp; more &#945;</Label></Rubric><Rubric kind="inclusion"><Label>juvenile</Label></Rubric></Class>
</ClaML>
"#;

#[test]
fn icd_10_is_read_from_claml() {
    let draft = Memory::default().with("icd102019en.xml", CLAML).read().unwrap();
    assert_eq!((draft.url.as_str(), draft.version.as_str()), ("http://hl7.org/fhir/sid/icd-10", "2019"));
    let arranged = draft.arranged().unwrap();
    let (diabetes, parents) = kept(&arranged, "E10");
    assert_eq!(parents, ["E10-E14"]);
    assert!(diabetes.contains(r#""display":"Type 1 diabetes & more α""#), "{diabetes}");
    let (coma, parents) = kept(&arranged, "E10.0");
    assert!(coma.contains("Type 1 diabetes & more α: with coma") && parents == ["E10"], "{coma}");
    assert!(kept(&arranged, "IV").0.contains("notSelectable"));
    for (text, expected) in [
        (CLAML.replace("</ClaML>", ""), "the end of the element ClaML"),
        (CLAML[..700].to_owned(), "expected"),
        (CLAML.replace("&amp;", "&lol;"), "line 10: expected no entities"),
        (
            CLAML.replace(r#"SuperClass code="IV""#, r#"SuperClass code="V""#),
            "E10-E14 is beneath a class that is not there",
        ),
        ("<html></html>".to_owned(), "the element ClaML"),
    ] {
        let told = Memory::default().with("icd102019en.xml", &text).refused();
        assert!(told.contains(expected), "{expected} in {told}");
    }
    let german = Memory::default().with("x.xml", &CLAML.replace(r#"name="ICD-10""#, r#"name="ICD-10-GM""#));
    assert!(german.refused().contains("--system"));
}

const TABULAR: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.tabular><version>2025</version><title>ICD-10-CM TABULAR LIST</title>
<chapter><name>19</name><desc>Injury (S00-T88)</desc><sectionIndex><sectionRef first="S00" last="S09" id="S00-S09">Head</sectionRef></sectionIndex>
<section id="S00-S09"><desc>Injuries to the head</desc>
<diag><name>S00</name><desc>Superficial injury</desc><inclusionTerm><note>contusion &amp; more</note></inclusionTerm>
<sevenChrDef><extension char="A">initial encounter</extension><extension char="D">subsequent encounter</extension></sevenChrDef>
<diag><name>S00.0</name><desc>Of scalp</desc></diag></diag>
<diag><name>S01</name><desc>Open wound</desc></diag>
</section></chapter></ICD10CM.tabular>
"#;

#[test]
fn icd_10_cm_is_read_from_its_tabular_list() {
    let with = |text: &str| Memory::default().with("Table and Index/icd10cm_tabular_2025.xml", text);
    let draft = with(TABULAR).read().unwrap();
    assert_eq!((draft.url.as_str(), draft.version.as_str()), ("http://hl7.org/fhir/sid/icd-10-cm", "2025"));
    let arranged = draft.arranged().unwrap();
    assert_eq!(arranged.len(), 7);
    for (code, parent, part) in [
        ("19", "", r#""display":"Injury (S00-T88)""#),
        ("S00-S09", "19", r#""code":"notSelectable""#),
        ("S00", "S00-S09", r#""value":"contusion & more""#),
        ("S00.0", "S00", r#""code":"notSelectable""#),
        ("S00.0XXA", "S00.0", r#""display":"Of scalp, initial encounter""#),
        ("S00.0XXD", "S00.0", "subsequent"),
        ("S01", "S00-S09", "Open wound"),
    ] {
        let (said, parents) = kept(&arranged, code);
        assert!(said.contains(part) && parents.concat() == parent, "{code}: {said} {parents:?}");
    }
    assert!(!kept(&arranged, "S01").0.contains("notSelectable"));
    for (text, expected) in [
        (TABULAR.replace("</ICD10CM.tabular>", ""), "the end of the element ICD10CM.tabular"),
        (TABULAR.replace(r#" id="S00-S09"><desc>"#, "><desc>"), "line 4: expected the attributes"),
        (TABULAR.replace("S01", "S00"), "is there twice"),
        (CLAML.to_owned(), "the element ICD10CM.tabular"),
    ] {
        let told = with(&text).refused();
        assert!(told.contains(expected), "{expected} in {told}");
    }
}

#[test]
fn what_is_no_release_is_refused() {
    assert!(Memory::default().with("notes.txt", "x").refused().contains("no code system among the files"));
    let mut both = loinc();
    both.0.extend(rxnorm().0);
    assert!(both.refused().contains("several code systems"));
}

proptest! {
    /// Whatever bytes a file has, it is read or refused.
    #[test]
    fn any_bytes_are_read_or_refused(kind in 0_usize..7, at in any::<prop::sample::Index>(), bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
        let text = order(1, "A00", true, "Cholera");
        let (files, name) = match kind {
            0 => (snomed(), "SnomedCT/Snapshot/Terminology/sct2_Concept_Snapshot_INT_20240131.txt"),
            1 => (snomed(), "SnomedCT/Snapshot/Terminology/sct2_Description_Snapshot-en_INT_20240131.txt"),
            2 => (loinc(), "Loinc_2.77/LoincTable/Loinc.csv"),
            3 => (rxnorm(), "RxNorm_full_01062025/rrf/RXNCONSO.RRF"),
            4 => (Memory::default().with("icd10cm_order_2025.txt", &text), "icd10cm_order_2025.txt"),
            5 => (Memory::default().with("icd10cm_tabular_2025.xml", TABULAR), "icd10cm_tabular_2025.xml"),
            _ => (Memory::default().with("icd.xml", CLAML), "icd.xml"),
        };
        let mut files = files;
        if let Some(file) = files.0.get_mut(name) {
            let at = at.index(file.len());
            file.splice(at..(at + bytes.len()).min(file.len()), bytes);
        }
        if let Ok(draft) = files.read() {
            let _ = draft.arranged();
        }
    }
}
