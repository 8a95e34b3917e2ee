//! Resources that come along with the matches (search.html#include, #revinclude), on every page.

use super::records::{Records, difference, on_records};
use super::walk::{at, begins, coded, is, place, references, texts};
use serde_json::Value;
use std::collections::BTreeSet;

type Places = BTreeSet<String>;

/// Every page of the search must bring just what belongs to its own matches, each once, and nothing that is a
/// match itself.
async fn check(
    records: &'static Records,
    query: &str,
    test: impl Fn(&Value) -> bool,
    brings: impl Fn(&'static Value) -> Vec<&'static Value>,
) {
    let expected = records.expected(query, test);
    let mut found = Vec::new();
    let mut brought = 0;
    for page in records.pages(query, 7).await {
        let matches: Vec<String> = page.matches().into_iter().map(place).collect();
        let raw = matches.iter().filter_map(|place| records.there(place));
        let mut along: Places = raw.flat_map(&brings).map(place).collect();
        along.retain(|place| !matches.contains(place));
        brought += along.len();
        assert_eq!(difference(query, &page.included(), &along), None);
        found.extend(matches);
    }
    assert!(brought > 0, "{query}: nothing in the records would tell a wrong answer");
    assert_eq!(difference(query, &found, &expected), None);
}

/// The values, and what each of them leads to by the function.
fn with(first: Vec<&'static Value>, more: impl Fn(&'static Value) -> Vec<&'static Value>) -> Vec<&'static Value> {
    let second: Vec<&Value> = first.iter().flat_map(|it| more(it)).collect();
    [first, second].concat()
}

fn weight(observation: &Value) -> bool {
    coded(observation, "code", "29463-7")
}

/// search.html#include: what the matches refer to.
#[test]
fn includes_agree_with_the_records() {
    on_records(async |records| {
        check(records, "Observation?code=29463-7&_include=Observation:patient", weight, |it| {
            records.targets(it, "subject")
        })
        .await;
        let query = "Observation?code=29463-7&_include=Observation:subject:Patient&_include=Observation:encounter";
        check(records, query, weight, |it| [records.targets(it, "subject"), records.targets(it, "encounter")].concat())
            .await;
        let query = "Encounter?class=EMER,IMP&_include=Encounter:service-provider&_include=Encounter:participant";
        let inward = |it: &Value| is(it, "class.code", "EMER") || is(it, "class.code", "IMP");
        check(records, query, inward, |it| {
            [records.targets(it, "serviceProvider"), records.targets(it, "participant.individual")].concat()
        })
        .await;
        let query = "DiagnosticReport?code=51990-0,58410-2&_include=DiagnosticReport:result&_sort=-date";
        let panel = |it: &Value| coded(it, "code", "51990-0") || coded(it, "code", "58410-2");
        check(records, query, panel, |it| records.targets(it, "result")).await;
    });
}

/// search.html#include: all that the matches refer to. Every reference of an Encounter and of an Observation of
/// these records is one that a search parameter names.
#[test]
fn wildcards_agree_with_the_records() {
    on_records(async |records| {
        let all = |it: &'static Value| {
            references(it).into_iter().filter_map(|place| records.there(place)).collect::<Vec<_>>()
        };
        check(records, "Encounter?type=185345009&_include=*", |it| coded(it, "type", "185345009"), all).await;
        check(records, "Encounter?type=162673000&_include=Encounter:*", |it| coded(it, "type", "162673000"), all).await;
        check(records, "Observation?code=8310-5&_include=Observation:*", |it| coded(it, "code", "8310-5"), all).await;
    });
}

/// search.html#include `:iterate`: what the included refer to.
#[test]
fn iterated_includes_agree_with_the_records() {
    on_records(async |records| {
        let query =
            "MedicationRequest?_include=MedicationRequest:encounter&_include:iterate=Encounter:service-provider";
        check(
            records,
            query,
            |_| true,
            |it| with(records.targets(it, "encounter"), |encounter| records.targets(encounter, "serviceProvider")),
        )
        .await;
        let query = "DiagnosticReport?code=51990-0&_include=DiagnosticReport:result\
            &_include:iterate=Observation:encounter&_include:iterate=Encounter:location";
        check(
            records,
            query,
            |it| coded(it, "code", "51990-0"),
            |it| {
                let encounters = |result| {
                    with(records.targets(result, "encounter"), |encounter| {
                        records.targets(encounter, "location.location")
                    })
                };
                with(records.targets(it, "result"), encounters)
            },
        )
        .await;
    });
}

/// search.html#revinclude: what refers to the matches.
#[test]
fn reverse_includes_agree_with_the_records() {
    on_records(async |records| {
        check(
            records,
            "Patient?_revinclude=Condition:patient",
            |_| true,
            |it| records.referring(it, "Condition", "subject"),
        )
        .await;
        let query = "Encounter?type=185345009&_revinclude=Observation:encounter&_revinclude=Condition:encounter";
        check(
            records,
            query,
            |it| coded(it, "type", "185345009"),
            |it| {
                let observations = records.referring(it, "Observation", "encounter");
                [observations, records.referring(it, "Condition", "encounter")].concat()
            },
        )
        .await;
        let query = "Observation?code=29463-7&_revinclude=Provenance:target";
        check(records, query, weight, |it| records.referring(it, "Provenance", "target")).await;
        let query = "Encounter?class=EMER&_revinclude=Observation:encounter&_include=Encounter:patient";
        check(
            records,
            query,
            |it| is(it, "class.code", "EMER"),
            |it| [records.referring(it, "Observation", "encounter"), records.targets(it, "subject")].concat(),
        )
        .await;
    });
}

/// search.html#revinclude `:iterate`: what refers to the included, and what the included refer to.
#[test]
fn iterated_reverse_includes_agree_with_the_records() {
    on_records(async |records| {
        let of_boston = |it: &Value| texts(it, "address.city") == ["Boston"];
        let query =
            "Patient?address-city=boston&_revinclude=Encounter:patient&_include:iterate=Encounter:service-provider";
        check(records, query, of_boston, |it| {
            let encounters = records.referring(it, "Encounter", "subject");
            with(encounters, |encounter| records.targets(encounter, "serviceProvider"))
        })
        .await;
        let query = "Patient?address-city=boston&_revinclude=Encounter:patient&_revinclude:iterate=Procedure:encounter";
        check(records, query, of_boston, |it| {
            let encounters = records.referring(it, "Encounter", "subject");
            with(encounters, |encounter| records.referring(encounter, "Procedure", "encounter"))
        })
        .await;
    });
}

/// search.html#include: what is a match already does not come again as an include.
#[test]
fn nothing_is_both_matched_and_included() {
    on_records(async |records| {
        let query = "?_type=Patient,Condition&_include=Condition:patient&_count=1000";
        let page = records.client.page(query).await;
        let expected: Places = records.of("Patient").chain(records.of("Condition")).map(place).collect();
        let found: Vec<String> = page.matches().into_iter().map(place).collect();
        assert_eq!(difference(query, &found, &expected), None);
        assert_eq!(at(&page.0, "entry").len(), expected.len(), "{query}: an entry more than what matches");
    });
}

/// references.html#logical: what is referred to by an identifier alone comes along both ways.
#[test]
fn includes_by_identifier_agree_with_the_records() {
    on_records(async |records| {
        let in_boston = |it: &Value| begins(it, "address.city", "boston");
        let query = "PractitionerRole?practitioner.address-city=boston&_include=PractitionerRole:practitioner\
                     &_include=PractitionerRole:organization:Organization";
        let role = |it: &Value| records.chain(it, "practitioner", in_boston);
        check(records, query, role, |it| {
            [records.targets(it, "practitioner"), records.targets(it, "organization")].concat()
        })
        .await;
        let query = "Practitioner?address-city=boston&_revinclude=PractitionerRole:practitioner\
                     &_include:iterate=PractitionerRole:organization";
        check(records, query, in_boston, |it| {
            let roles = records.referring(it, "PractitionerRole", "practitioner");
            with(roles, |role| records.targets(role, "organization"))
        })
        .await;
    });
}
