use super::*;
use crate::json::Doc;
use crate::{IssueType, Result};
use std::sync::Arc;

/// A made-up code system: metals, of which brass is beneath two others.
const METALS: &str = r#"{
    "resourceType": "CodeSystem", "url": "urn:metals", "version": "2", "caseSensitive": true, "content": "complete",
    "property": [{"code": "noble", "type": "boolean"}, {"code": "child", "type": "code"}],
    "concept": [
        {"code": "metal", "display": "Metal", "property": [{"code": "notSelectable", "valueBoolean": true}], "concept": [
            {"code": "gold", "display": "Gold", "property": [{"code": "noble", "valueBoolean": true}]},
            {"code": "copper", "property": [{"code": "child", "valueCode": "brass"}]},
            {"code": "zinc", "concept": [{"code": "brass"}]},
            {"code": "orichalcum", "property": [{"code": "status", "valueCode": "retired"}]}
        ]}
    ]}"#;

fn system(json: &str) -> CodeSystem {
    CodeSystem::read(Doc::parse(json).unwrap().root())
}

fn set(compose: &str) -> ValueSet {
    named("urn:set", compose)
}

fn named(url: &str, compose: &str) -> ValueSet {
    let json = format!(r#"{{"resourceType": "ValueSet", "url": "{url}", "compose": {compose}}}"#);
    ValueSet::read(Doc::parse(json).unwrap().root())
}

/// Sources with the metals, and these value sets.
fn sources(sets: Vec<ValueSet>) -> Sources {
    let mut sources = Sources::default();
    sources.add_code_system("urn:metals", Some(Arc::new(system(METALS))));
    for set in sets {
        sources.add_value_set(set.url.clone(), Some(Arc::new(set)));
    }
    sources
}

fn codes(set: &ValueSet, others: Vec<ValueSet>) -> Result<String> {
    let expansion = Expander::new(&sources(others), 100).expand(set)?;
    Ok(expansion.members.iter().map(Member::code).collect::<Vec<_>>().join(" "))
}

fn filtered(property: &str, op: &str, value: &str) -> Result<String> {
    let filter = format!(r#"{{"property": "{property}", "op": "{op}", "value": "{value}"}}"#);
    codes(&set(&format!(r#"{{"include": [{{"system": "urn:metals", "filter": [{filter}]}}]}}"#)), Vec::new())
}

#[test]
fn a_hierarchy_is_nesting_and_properties() {
    let metals = system(METALS);
    assert_eq!(metals.at_or_above("brass").unwrap(), ["brass", "zinc", "copper", "metal"]);
    assert_eq!(metals.at_or_below("copper").unwrap(), ["copper", "brass"]);
    assert_eq!(metals.at_or_below("tin").unwrap_err().code(), IssueType::CodeInvalid);
}

#[test]
fn two_codes_stand_to_each_other() {
    let metals = system(METALS);
    for (first, second, expected) in [
        ("zinc", "zinc", "equivalent"),
        ("metal", "brass", "subsumes"),
        ("brass", "copper", "subsumed-by"),
        ("zinc", "copper", "not-subsumed"),
    ] {
        assert_eq!(metals.subsumption(first, second).unwrap().code(), expected, "{first} {second}");
    }
    assert!(metals.subsumption("tin", "zinc").is_err() && metals.subsumption("zinc", "tin").is_err());
}

#[test]
fn a_name_is_given_in_the_language_asked_for_or_near_it() {
    let named = |language: &str| Designation { language: Some(language.into()), usage: None, value: language.into() };
    let names = [named("fr"), named("de-CH"), named("nl")];
    for (wanted, expected) in
        [("FR", Some("fr")), ("de", Some("de-CH")), ("nl-BE", Some("nl")), ("d", None), ("de-AT", None), ("en", None)]
    {
        assert_eq!(in_language(names.iter(), wanted), expected, "{wanted}");
    }
}

#[test]
fn a_circle_is_walked_once() {
    let circle = system(
        r#"{"url": "urn:circle", "content": "complete", "concept": [
            {"code": "a", "property": [{"code": "parent", "valueCode": "b"}]},
            {"code": "b", "property": [{"code": "parent", "valueCode": "a"}]}]}"#,
    );
    assert_eq!(circle.at_or_below("a").unwrap(), ["a", "b"]);
}

#[test]
fn only_a_hierarchy_of_is_a_subsumes() {
    let parts = system(
        r#"{"url": "urn:parts", "content": "complete", "hierarchyMeaning": "part-of", "concept": [{"code": "a"}]}"#,
    );
    assert!(parts.at_or_below("a").unwrap_err().to_string().contains("part-of"));
}

#[test]
fn case_matters_where_the_code_system_says_so() {
    let any_case = r#"{"url": "urn:x", "content": "complete", "caseSensitive": false, "concept": [{"code": "Ab"}]}"#;
    assert_eq!(system(any_case).find("aB").map(|it| it.code.as_str()), Some("Ab"));
    assert!(system(METALS).find("Gold").is_none());
}

#[test]
fn filters_choose_by_hierarchy_and_property() {
    for (property, op, value, expected) in [
        ("concept", "is-a", "zinc", "zinc brass"),
        ("concept", "descendent-of", "zinc", "brass"),
        ("concept", "is-not-a", "zinc", "metal gold copper orichalcum"),
        ("concept", "generalizes", "brass", "metal copper zinc brass"),
        ("noble", "=", "true", "gold"),
        ("noble", "exists", "false", "metal copper zinc brass orichalcum"),
        ("code", "regex", "[a-d].*", "copper brass"),
        ("code", "regex", "old", ""),
        ("code", "in", "gold,zinc", "gold zinc"),
        ("code", "not-in", "metal,gold,zinc", "copper brass orichalcum"),
        ("parent", "=", "copper", "brass"),
        ("child", "exists", "true", "metal copper zinc"),
        ("inactive", "=", "true", "orichalcum"),
    ] {
        assert_eq!(filtered(property, op, value).unwrap(), expected, "{property} {op} {value}");
    }
}

#[test]
fn filters_that_cannot_be_answered_are_told() {
    for (property, op, value, told) in [
        ("concept", "is-a", "tin", "no code tin"),
        ("colour", "=", "red", "no property colour"),
        ("noble", "is-a", "gold", "not supported"),
        ("code", "regex", "(", "regular expression"),
        ("code", "like", "g", "not supported"),
    ] {
        let failure = filtered(property, op, value).unwrap_err();
        assert!(failure.to_string().contains(told), "{property} {op} {value}: {failure}");
    }
}

#[test]
fn rules_are_joined_and_their_parts_intersected() {
    let noble = || named("urn:noble", r#"{"include": [{"system": "urn:metals", "concept": [{"code": "gold"}]}]}"#);
    let all = || named("urn:all", r#"{"include": [{"system": "urn:metals"}]}"#);
    for (compose, expected) in [
        (
            r#"{"include": [{"system": "urn:metals"}], "exclude": [{"valueSet": ["urn:noble"]}]}"#,
            "metal copper zinc brass orichalcum",
        ),
        (r#"{"include": [{"valueSet": ["urn:all", "urn:noble"]}]}"#, "gold"),
        (
            r#"{"include": [{"valueSet": ["urn:noble"]}, {"system": "urn:metals", "concept": [{"code": "zinc"}, {"code": "gold"}]}]}"#,
            "gold zinc",
        ),
        (r#"{"include": [{"system": "urn:metals", "valueSet": ["urn:noble"]}]}"#, "gold"),
        (r#"{"inactive": false, "include": [{"valueSet": ["urn:all"]}]}"#, "metal gold copper zinc brass"),
        (r#"{"include": [{"system": "urn:unknown", "concept": [{"code": "x"}]}]}"#, "x"),
    ] {
        assert_eq!(codes(&set(compose), vec![noble(), all()]).unwrap(), expected, "{compose}");
    }
}

#[test]
fn what_is_not_at_hand_is_told_by_name() {
    for (compose, told) in [
        (r#"{"include": [{"system": "urn:unknown"}]}"#, "no code system urn:unknown"),
        (r#"{"include": [{"system": "urn:metals", "version": "3"}]}"#, "urn:metals in version 3"),
        (r#"{"include": [{"valueSet": ["urn:nobody"]}]}"#, "no value set urn:nobody"),
        (r#"{"include": [{"system": "urn:metals"}], "exclude": [{"system": "urn:unknown"}]}"#, "urn:unknown"),
    ] {
        let failure = codes(&set(compose), Vec::new()).unwrap_err();
        assert!(failure.to_string().contains(told), "{failure}");
    }
}

#[test]
fn circles_and_depth_and_size_are_bounded() {
    let a = || named("urn:a", r#"{"include": [{"valueSet": ["urn:b"]}]}"#);
    let b = || named("urn:b", r#"{"include": [{"valueSet": ["urn:a"]}]}"#);
    assert!(codes(&a(), vec![a(), b()]).unwrap_err().to_string().contains("made of itself"));
    // Each is made of the next one twice: to go every way would take for ever.
    let chain: Vec<ValueSet> = (0..30)
        .map(|i| {
            let (it, next) = (format!("urn:{i}"), i + 1);
            named(&it, &format!(r#"{{"include": [{{"valueSet": ["urn:{next}"]}}, {{"valueSet": ["urn:{next}"]}}]}}"#))
        })
        .collect();
    let last = named("urn:30", r#"{"include": [{"system": "urn:metals"}]}"#);
    let sources = sources(chain.into_iter().chain([last]).collect());
    let first = sources.value_set("urn:0").unwrap().clone();
    assert_eq!(Expander::new(&sources, 100).expand(&first).unwrap().members.len(), 6);
    let found = Expander::new(&sources, 100).find(&first, Some("urn:metals"), "tin");
    assert_eq!(found.unwrap_err().code(), IssueType::TooCostly);
    assert_eq!(Expander::new(&sources, 5).expand(&first).unwrap_err().code(), IssueType::TooCostly);
}

#[test]
fn versions_are_pinned_as_asked() {
    let rule = |version: &str| set(&format!(r#"{{"include": [{{"system": "urn:metals"{version}}}]}}"#));
    let (open, second) = (rule(""), rule(r#", "version": "2""#));
    for (pin, canonical, of_open, of_second) in [
        (Pin::Default, "urn:metals|3", Some("urn:metals|3"), Some("urn:metals|2")),
        (Pin::Check, "urn:metals|3", Some("urn:metals|3"), None),
        (Pin::Check, "urn:metals|2", Some("urn:metals|2"), Some("urn:metals|2")),
        (Pin::Force, "urn:metals|3", Some("urn:metals|3"), Some("urn:metals|3")),
        (Pin::Force, "urn:other|3", Some("urn:metals"), Some("urn:metals|2")),
    ] {
        let mut versions = Versions::default();
        versions.add(pin, canonical).unwrap();
        let named = |set: &ValueSet| {
            let pinned = versions.on(Arc::new(set.clone())).ok()?;
            pinned.rules().find_map(Include::code_system)
        };
        assert_eq!(named(&open).as_deref(), of_open, "{pin:?} {canonical}");
        assert_eq!(named(&second).as_deref(), of_second, "{pin:?} {canonical}");
    }
    assert!(Versions::default().add(Pin::Force, "urn:metals").is_err());
}

#[test]
fn a_code_is_found_although_other_parts_are_not_at_hand() {
    let sources = sources(Vec::new());
    let set = set(r#"{"include": [{"system": "urn:unknown"}, {"system": "urn:metals"}]}"#);
    let mut expander = Expander::new(&sources, 100);
    let mut find = |system, code| expander.find(&set, system, code).map(|it| it.map(|it| it.code().to_owned()));
    assert_eq!(find(Some("urn:metals"), "gold").unwrap().as_deref(), Some("gold"));
    assert_eq!(find(Some("urn:metals"), "tin").unwrap(), None);
    assert_eq!(find(Some("urn:unknown"), "tin").unwrap_err().code(), IssueType::NotFound);
    assert_eq!(find(None, "gold").unwrap().as_deref(), Some("gold"));
}

#[test]
fn a_stored_expansion_stands_in_if_it_is_whole() {
    let of = |more: &str| {
        ValueSet::read(
            Doc::parse(format!(
                r#"{{"url": "urn:loinc", "compose": {{"include": [{{"system": "http://loinc.org", "filter":
                [{{"property": "parent", "op": "=", "value": "LP1"}}]}}]}}, "expansion": {{{more} "contains": [
                {{"display": "Group", "contains": [{{"system": "http://loinc.org", "code": "1-8", "display": "X"}}]}}]}}}}"#
            ))
            .unwrap()
            .root(),
        )
    };
    let sources = Sources::default();
    let expansion = Expander::new(&sources, 100).expand(&of("")).unwrap();
    assert!(expansion.is_stored && expansion.members.len() == 1 && expansion.members[0].code() == "1-8");
    for part in [r#""total": 2,"#, r#""offset": 1,"#, r#""parameter": [{"name": "filter", "valueString": "x"}],"#] {
        assert!(Expander::new(&sources, 100).expand(&of(part)).is_err(), "{part}");
    }
}

/// A value set of R4 with all it names, of R4 alone.
fn published_expansion(url: &str) -> Result<Expansion> {
    fn look(sources: &mut Sources, set: &ValueSet) {
        for canonical in set.rules().filter_map(Include::code_system) {
            let found = published(Kind::CodeSystem, &canonical).map(|it| Arc::new(CodeSystem::read(it.root())));
            sources.add_code_system(canonical, found);
        }
        for canonical in set.named_value_sets() {
            let found = published(Kind::ValueSet, canonical).map(|it| Arc::new(ValueSet::read(it.root())));
            if let Some(found) = &found {
                look(sources, found);
            }
            sources.add_value_set(canonical, found);
        }
    }
    let set = ValueSet::read(published(Kind::ValueSet, url).unwrap().root());
    let mut sources = Sources::default();
    look(&mut sources, &set);
    Expander::new(&sources, 10_000).expand(&set)
}

#[test]
fn inactive_codes_of_r4_are_marked() {
    let expansion = published_expansion("http://hl7.org/fhir/ValueSet/inactive").unwrap();
    let marked = |wanted: bool| {
        let of = expansion.members.iter().filter(|it| it.is_inactive() == wanted).map(Member::code);
        of.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(marked(true), ["GOL.CRT", "INT.CRT", "PRMS.CRT", "RQO.CRT", "RSK.CRT"].into());
    assert_eq!(marked(false), ["CRT", "EVN.CRT", "EXPEC", "GOL", "OPT", "RSK"].into());
    assert!(!expansion.is_stored);
}

#[test]
fn all_that_r4_publishes_is_present_and_readable() {
    let counts = [Kind::CodeSystem, Kind::ConceptMap, Kind::ValueSet].map(|it| published_urls(it).count());
    // One value set is of our own profiles.
    assert_eq!(counts, [1062, 19, 1316 + 1]);
    for kind in [Kind::CodeSystem, Kind::ConceptMap, Kind::ValueSet] {
        for url in published_urls(kind) {
            let doc = published(kind, url).unwrap();
            assert_eq!(doc.root().str("url"), Some(url));
        }
    }
}

/// Those that are not listed choose from what R4 does not publish.
#[test]
fn most_value_sets_of_r4_can_be_listed() {
    let failed: Vec<(&str, String)> = published_urls(Kind::ValueSet)
        .filter_map(|url| Some((url, published_expansion(url).err()?.to_string())))
        .filter(|(url, _)| *url != "http://hl7.org/fhir/ValueSet/example-filter")
        .collect();
    let reasons = ["no code system", "no value set", "Not all codes of"];
    let others: Vec<_> = failed.iter().filter(|(_, told)| !reasons.iter().any(|it| told.contains(it))).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(failed.len() < 150, "{}", failed.len());
}
