//! Filters of expression constraints on what a code system that was loaded says of its concepts and their descriptions.

use super::ecl_values::chosen;
use super::house::House;
use super::loaded::load;
use fhir::IssueType;
use fhir::terminology::release::{
    DesignationUse, Draft, DraftConcept, DraftDesignation, DraftValue, EFFECTIVE_TIME, Origin,
};
use std::sync::Arc;

const SNOMED: &str = "http://snomed.info/sct";
const CORE: &str = "900000000000207008";
const NATIONAL: &str = "731000124108";
const BRITISH: &str = "900000000000508004";
const AMERICAN: &str = "900000000000509007";
const FULL: DesignationUse =
    DesignationUse { system: SNOMED, code: "900000000000003001", display: "Fully specified name" };
const SYNONYM: DesignationUse = DesignationUse { system: SNOMED, code: "900000000000013009", display: "Synonym" };

/// A description: its concept, language, use, term, module, day and dialects.
type Row<'r> = (&'r str, &'r str, DesignationUse, &'r str, &'r str, &'r str, &'r [(&'r str, bool)]);

const DESCRIPTIONS: [Row<'static>; 6] = [
    ("11", "en", FULL, "Tumor (finding)", CORE, "20200131", &[(AMERICAN, true)]),
    ("11", "en", SYNONYM, "Tumour of lung", CORE, "20200131", &[(BRITISH, true), (AMERICAN, false)]),
    ("11", "de", SYNONYM, "Tumor der Lunge", NATIONAL, "20240131", &[]),
    ("12", "en", FULL, "Lung (body structure)", CORE, "20200131", &[(AMERICAN, true), (BRITISH, true)]),
    ("12", "en", SYNONYM, "Left lung", CORE, "20240131", &[(BRITISH, false)]),
    ("13", "en", FULL, "Tumor of bone", NATIONAL, "20240131", &[(AMERICAN, true)]),
];

async fn house() -> House {
    let mut draft = Draft::new(SNOMED, "SNOMED CT");
    draft.version = format!("{SNOMED}/{CORE}/version/20240131");
    for (code, module, day, is_defined) in [
        ("10", CORE, "20200131", false),
        ("11", CORE, "20200131", true),
        ("12", CORE, "20210131", false),
        ("13", NATIONAL, "20240131", true),
    ] {
        let mut concept = DraftConcept::default();
        concept.code = code.into();
        concept.say("moduleId", DraftValue::Code(module.into()));
        concept.say(EFFECTIVE_TIME, DraftValue::Text(day.into()));
        concept.say("sufficientlyDefined", DraftValue::Flag(is_defined));
        for (_, language, usage, term, module, time, dialects) in DESCRIPTIONS.iter().filter(|it| it.0 == code) {
            let dialects = dialects.iter().map(|(set, is_preferred)| (Arc::from(*set), *is_preferred)).collect();
            concept.designations.push(DraftDesignation {
                language: Some((*language).into()),
                usage: Some(*usage),
                value: (*term).into(),
                origin: Some(Origin { module: (*module).into(), time: (*time).into(), dialects }),
            });
        }
        assert!(draft.add(concept).unwrap());
    }
    assert!(["11", "12", "13"].into_iter().all(|it| draft.link(it, "10")));
    let house = House::new().await;
    load(&house, draft).await;
    house
}

/// All that is asked between two braces is asked of one description.
#[tokio::test]
async fn descriptions_choose_concepts() {
    let house = house().await;
    for (filters, expected) in [
        ("{{ term = \"tumor\" }}", "1113"),
        ("{{ term = \"left body\" }}", ""),
        ("{{ term = \"lung tumour\" }}", "11"),
        ("{{ term = wild:\"*lung*\" }}", "1112"),
        ("{{ term = wild:\"lung*\", language = en }}", "12"),
        ("{{ term = \"tumor\", language = de }}", "11"),
        ("{{ language = de }}", "11"),
        ("{{ term = \"lung\", type = fsn }}", "12"),
        ("{{ term = \"tumor\", type = syn, language = en }}", ""),
        ("{{ dialect = en-gb }}", "1112"),
        ("{{ dialect = en-gb (prefer) }}", "1112"),
        ("{{ dialect = en-gb (accept) }}", "12"),
        ("{{ term = \"left\", dialect = en-us }}", ""),
        ("{{ dialectId = 900000000000509007 (prefer), term = \"tumor\" }}", "1113"),
        ("{{ D moduleId = 731000124108 }}", "1113"),
        ("{{ effectiveTime > \"20230101\", term = \"lung\" }}", "1112"),
        ("{{ term = \"lung\" }} {{ language = de }}", "11"),
    ] {
        assert_eq!(chosen(&house, &format!("< 10 {filters}")).await.unwrap(), expected, "{filters}");
    }
}

#[tokio::test]
async fn what_is_said_of_concepts_chooses_them() {
    let house = house().await;
    for (filters, expected) in [
        ("{{ C definitionStatus = defined }}", "1113"),
        ("{{ C definitionStatusId = 900000000000074008 }}", "12"),
        ("{{ C moduleId = 731000124108 }}", "13"),
        ("{{ C moduleId != 731000124108 }}", "1112"),
        ("{{ C effectiveTime >= \"20210131\" }}", "1213"),
        ("{{ C effectiveTime = (\"20200131\" \"20240131\") }}", "1113"),
        ("{{ C definitionStatus = defined, effectiveTime < \"20210101\" }}", "11"),
        ("{{ C definitionStatus = defined }} {{ D term = \"bone\" }}", "13"),
    ] {
        assert_eq!(chosen(&house, &format!("< 10 {filters}")).await.unwrap(), expected, "{filters}");
    }
}

/// What was loaded before this was kept has none of it, and that is said.
#[tokio::test]
async fn what_was_not_kept_is_not_taken_for_nothing() {
    let mut draft = Draft::new(SNOMED, "SNOMED CT");
    draft.version = format!("{SNOMED}/{CORE}/version/20230131");
    assert!(draft.add(DraftConcept::named("10", "Lung")).unwrap());
    let house = House::new().await;
    load(&house, draft).await;
    assert_eq!(chosen(&house, "10 {{ term = wild:\"l*g\" }}").await.unwrap(), "10");
    for filter in ["dialect = en-gb", "moduleId = 731000124108", "C effectiveTime > \"20200101\""] {
        let refused = chosen(&house, &format!("10 {{{{ {filter} }}}}")).await.unwrap_err();
        assert_eq!(refused.code(), IssueType::NotSupported, "{filter}");
        assert!(refused.to_string().contains("load it again"), "{filter}: {refused}");
    }
}
