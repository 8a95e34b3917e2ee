//! `_filter` (search_filter.html), `_list` (search.html#list) and `_has` (search.html#has).

use conformance_tests::{Client, Labelled, encode, samples::*};
use serde_json::{Value, json};

fn person(family: &str, given: &[&str], gender: &str, born: &str) -> Value {
    json!({"resourceType": "Patient", "name": [{"family": family, "given": given}], "gender": gender, "birthDate": born})
}

/// Four Patients; two have Observations, one of those in an Encounter; a List has two Patients.
async fn ward(client: &Client) -> Labelled<'_> {
    let mut ward = Labelled::create(
        client,
        vec![
            ("ann", person("Pettersen", &["Ann", "Bo"], "female", "1980-02-01")),
            ("bob", person("Karpet", &["Bob"], "male", "2014-10-10")),
            ("cy", person("Peters", &["Peter"], "male", "2015")),
            ("dee", json!({"resourceType": "Patient", "active": true})),
        ],
    )
    .await;
    let to = |ward: &Labelled, of: &str, label: &str| json!({"reference": format!("{of}/{}", ward.id(label))});
    let visit = json!({
        "resourceType": "Encounter", "status": "finished", "subject": to(&ward, "Patient", "ann"),
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    });
    ward.add(vec![("visit", visit)]).await;
    let of_ann = json!({"subject": to(&ward, "Patient", "ann"), "encounter": to(&ward, "Encounter", "visit")});
    let of_bob = json!({"subject": to(&ward, "Patient", "bob")});
    ward.add(vec![("a", with(observation("one"), of_ann)), ("b", with(observation("two"), of_bob))]).await;
    let item = |label| json!({"item": to(&ward, "Patient", label)});
    let list = json!({
        "resourceType": "List", "status": "current", "mode": "working", "entry": [item("ann"), item("dee")]
    });
    ward.add(vec![("list", list)]).await;
    ward
}

/// Runs a table of (type, parameter, its value, what is found).
async fn check(ward: &Labelled<'_>, rows: &[(&str, &str, &str, &str)]) {
    let query = |of: &str, name: &str, value: &str| {
        let value = ["ann", "list"]
            .iter()
            .fold(value.to_owned(), |it, label| it.replace(&format!("{{{label}}}"), ward.id(label)));
        format!("{of}?{name}={}", encode(&value))
    };
    let rows: Vec<(String, &str)> =
        rows.iter().map(|(of, name, value, found)| (query(of, name, value), *found)).collect();
    ward.check(&rows).await;
}

const FILTERS: &[(&str, &str, &str, &str)] = &[
    ("Patient", "_filter", r#"name co "pet""#, "ann bob cy"),
    ("Patient", "_filter", "name sw PET", "ann cy"),
    ("Patient", "_filter", "name ew pet", "bob"),
    ("Patient", "_filter", "given eq peter", "cy"),
    ("Patient", "_filter", "given eq pete", ""),
    ("Patient", "_filter", r#"given eq "peter" and birthdate ge 2014-10-10"#, "cy"),
    ("Patient", "_filter", "birthdate ge 2014-10-10", "bob cy"),
    ("Patient", "_filter", "birthdate po 2014", "bob"),
    ("Patient", "_filter", "gender ne male", "ann"),
    ("Patient", "_filter", "not (gender eq male)", "ann dee"),
    ("Patient", "_filter", "gender pr false", "dee"),
    ("Patient", "_filter", "active eq true or gender eq male and given eq bob", "bob"),
    ("Patient", "_filter", "active eq true or (gender eq male and given eq bob)", "dee bob"),
    ("Patient", "_filter", "gender in http://hl7.org/fhir/ValueSet/administrative-gender", "ann bob cy"),
    ("Observation", "_filter", r#"subject.name co "pet""#, "a b"),
    ("Observation", "_filter", "subject re Patient/{ann}", "a"),
    ("Observation", "_filter", "encounter.patient.gender eq female", "a"),
];

/// search_filter.html
#[tokio::test]
async fn filters_are_expressions() {
    let client = Client::fresh();
    check(&ward(&client).await, FILTERS).await;
}

/// search_filter.html: what is not read, or not answered, is an error and not left out.
#[tokio::test]
async fn a_filter_is_answered_whole_or_refused() {
    let client = Client::fresh();
    for filter in
        ["gender", "gender eq", "(gender eq male", "shoe-size eq 43", "gender ss male", "link[type eq x].other pr true"]
    {
        client.get(&format!("Patient?_filter={}", encode(filter))).await.expect_outcome(400..=400);
    }
}

const LISTS: &[(&str, &str, &str, &str)] = &[
    ("Patient", "_list", "{list}", "ann dee"),
    ("Patient", "_list", "nowhere", ""),
    ("Patient", "_list", "nowhere,{list}", "ann dee"),
    ("Observation", "_list", "{list}", ""),
    ("Observation", "subject:Patient._list", "{list}", "a"),
];

/// search.html#list
#[tokio::test]
async fn the_items_of_a_list_are_found() {
    let client = Client::fresh();
    check(&ward(&client).await, LISTS).await;
}

/// search.html#list, search.html#query: functional lists and named queries are refused by name.
#[tokio::test]
async fn there_are_no_functional_lists_and_named_queries() {
    let client = Client::fresh();
    for query in ["_list=$current-allergies", "_query=high-risk"] {
        client.get(&format!("Patient?{query}")).await.expect_outcome(400..=400);
    }
}

const REVERSE_CHAINS: &[(&str, &str, &str, &str)] = &[
    ("Patient", "_has:Observation:patient:code", "one", "ann"),
    ("Patient", "_has:Observation:subject:code", "one,two", "ann bob"),
    ("Patient", "_has:Observation:patient:code:missing", "false", "ann bob"),
    ("Patient", "_has:Encounter:patient:_has:Observation:encounter:code", "one", "ann"),
    ("Patient", "_has:Encounter:patient:_has:Observation:encounter:code", "two", ""),
    // A chain behind a reverse chain, and a reverse chain behind a chain.
    ("Encounter", "_has:Observation:encounter:patient.gender", "female", "visit"),
    ("Observation", "subject:Patient._has:List:item:status", "current", "a"),
    ("Observation", "encounter.patient._has:Observation:patient:code", "one", "a"),
    ("Patient", "_has:Observation:patient:_filter", "code eq one or code eq three", "ann"),
];

/// search.html#has
#[tokio::test]
async fn reverse_chains_nest_and_mix_with_chains() {
    let client = Client::fresh();
    check(&ward(&client).await, REVERSE_CHAINS).await;
}
