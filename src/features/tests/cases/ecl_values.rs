//! Expression constraints on values that are no concepts, and with what is no longer used.

use super::house::House;
use super::loaded::{codes, load};
use fhir::IssueType;
use fhir::terminology::release::{Draft, DraftConcept, DraftValue};

const SNOMED: &str = "http://snomed.info/sct";
const REPLACED_BY: &str = "900000000000526001";
const SAME_AS: &str = "900000000000527005";
const HISTORICAL: &str = "900000000000522004";

/// Tablets of 5 and 12.5 mg, the second with two ingredients; of the first an old one and its double are no longer used.
async fn house() -> House {
    let mut draft = Draft::new(SNOMED, "SNOMED CT");
    draft.version = format!("{SNOMED}/900000000000207008/version/20240131");
    for code in ["10", "11", "12", "18", "19", "20", "21", "22", HISTORICAL, REPLACED_BY, SAME_AS] {
        let mut concept = DraftConcept::named(code, "A concept");
        let replaced = [("18", SAME_AS), ("19", REPLACED_BY)].into_iter().find(|it| it.0 == code);
        if let Some((_, association)) = replaced {
            concept.say("inactive", DraftValue::Flag(true));
            concept.say(association, DraftValue::Code("11".into()));
        }
        assert!(draft.add(concept).unwrap());
    }
    for (code, parent) in [("11", "10"), ("12", "10"), (REPLACED_BY, HISTORICAL), (SAME_AS, HISTORICAL)] {
        assert!(draft.link(code, parent));
    }
    for (code, group, kind, value) in [
        ("11", 1, "20", "#5"),
        ("11", 1, "21", "\"slow release\""),
        ("11", 0, "22", "true"),
        ("12", 1, "20", "#12.5"),
        ("12", 2, "20", "#5.0"),
        ("12", 2, "21", "\"fast\""),
    ] {
        assert!(draft.relate_value(code, group, kind, value));
    }
    assert!(draft.relate("12", 2, "22", "10") && !draft.relate_value("12", 2, "99", "#1"));
    let house = House::new().await;
    load(&house, draft).await;
    house
}

pub(super) async fn chosen(house: &House, expression: &str) -> fhir::Result<String> {
    let expression = expression.replace(' ', "%20");
    let rest: String = format!("{SNOMED}?fhir_vs=ecl/{expression}").bytes().map(|it| format!("%{it:02X}")).collect();
    house.get(&format!("ValueSet/$expand?url={rest}")).await.map(|it| codes(&it))
}

#[tokio::test]
async fn values_that_are_no_concepts_choose_concepts() {
    let house = house().await;
    for (expression, expected) in [
        ("< 10: 20 = #5", "1112"),
        ("< 10: 20 >= #6", "12"),
        ("< 10: [1..1] 20 > #0", "11"),
        ("< 10: [2..2] 20 > #0", "12"),
        ("< 10: [0..0] 20 > #10", "11"),
        ("< 10: 20 = (#12.5 #7)", "12"),
        ("< 10: {20 = #5, 21 = \"rel\"}", "11"),
        ("< 10: {20 > #10, 21 = \"fast\"}", ""),
        ("< 10: 21 != \"slow\"", "12"),
        ("< 10: 22 = true", "11"),
        ("< 10: 22 = 10", "12"),
        ("< 10: 20 = *", "1112"),
        ("12 . *", "10"),
    ] {
        assert_eq!(chosen(&house, expression).await.unwrap(), expected, "{expression}");
    }
}

#[tokio::test]
async fn what_is_no_longer_used_is_added() {
    let house = house().await;
    let other = format!("11 {{{{ + HISTORY ({REPLACED_BY}) }}}}");
    for (expression, expected) in [
        ("11 {{ + HISTORY-MIN }}", "1118"),
        ("11 {{ + HISTORY-MOD }}", "111819"),
        ("11 {{ + HISTORY }}", "111819"),
        ("< 10 {{ + HISTORY-MAX }}", "11121819"),
        ("12 {{ + HISTORY }}", "12"),
        (&other, "1119"),
    ] {
        let found = chosen(&house, expression).await.unwrap();
        let mut parts: Vec<&str> = (0..found.len() / 2).map(|at| &found[2 * at..2 * at + 2]).collect();
        parts.sort_unstable();
        assert_eq!(parts.concat(), expected, "{expression}");
    }
    let unknown = chosen(&house, "11 {{ + HISTORY (77) }}").await.unwrap_err();
    assert_eq!(unknown.code(), IssueType::CodeInvalid);
}
