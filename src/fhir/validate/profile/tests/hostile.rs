//! Profiles that ask for more than anybody can do: a budget stops them, and the issue says so.

use super::*;

/// An Observation with many components in one another's way.
fn observation() -> Json {
    let component =
        json!({ "code": { "coding": [{ "system": "http://e/c", "code": "a" }] }, "valueString": "a".repeat(40) });
    json!({ "resourceType": "Observation", "status": "final", "code": { "text": "x" }, "component": vec![component; 60] })
}

fn by_constraint(expression: &str) -> Vec<String> {
    let elements = json!([{ "path": "Observation", "constraint": [
        { "key": "x-1", "severity": "error", "human": "x", "expression": expression }] }]);
    told(&[profile("p", "Observation", elements)], &["p"], &observation())
}

#[test]
fn an_expression_that_multiplies_is_stopped() {
    let found = by_constraint("descendants().select(%resource.descendants().select(%resource.descendants())).empty()");
    assert!(
        found.len() == 1 && found[0].starts_with("warning not-supported Observation: x-1 could not be checked"),
        "{found:?}"
    );
}

#[test]
fn a_pattern_that_explodes_is_answered_or_refused() {
    let found = by_constraint("component.value.all(matches('^(a+)+$'))");
    assert_eq!(found, Vec::<String>::new());
    let found = by_constraint("component.value.all(matches('^((a{1,100}){1,100}){1,100}$'))");
    assert!(found.len() == 1 && found[0].contains("x-1 could not be checked"), "{found:?}");
}

#[test]
fn an_expression_that_nests_too_deep_is_refused_when_it_is_compiled() {
    let nested = format!("{}true{}", "(".repeat(5_000), ")".repeat(5_000));
    let found = by_constraint(&nested);
    assert!(found.len() == 1 && found[0].starts_with("warning not-supported Observation: The profile"), "{found:?}");
}

/// Each component against all three profiles, of which each does the same again.
#[test]
fn profiles_that_name_each_other_are_stopped() {
    let branching = |name: &str| {
        let elements = json!([
            { "path": "Observation.hasMember", "type": [{ "code": "Reference", "targetProfile": ["http://e/p", "http://e/q"] }] }
        ]);
        profile(name, "Observation", elements)
    };
    let members: Vec<_> = (0..30).map(|_| json!({ "reference": "#" })).collect();
    let inner: Vec<_> = (0..30).map(|_| json!({ "reference": "#m" })).collect();
    let resource = json!({ "resourceType": "Observation", "status": "final", "code": { "text": "x" },
        "hasMember": inner, "contained": [{ "resourceType": "Observation", "id": "m", "status": "final",
            "code": { "text": "x" }, "hasMember": members }] });
    let found = told(&[branching("p"), branching("q")], &["p"], &resource);
    assert!(found.iter().any(|it| it.contains("too much work")), "{found:?}");
}
