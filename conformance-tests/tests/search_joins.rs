//! Search over references: the reference type, chains, includes and compartments (search.html#reference,
//! search.html#chaining, search.html#include, compartmentdefinition.html).

use conformance_tests::{Client, Labelled, encode, samples::*};
use serde_json::json;

/// Two Patients under the care of two Organizations, with Observations, an Encounter and more.
async fn ward(client: &Client) -> Labelled<'_> {
    let mut ward = Labelled::create(
        client,
        vec![
            ("north", json!({"resourceType": "Organization", "name": "North", "identifier": [{"value": "n-1"}]})),
            ("south", json!({"resourceType": "Organization", "name": "South"})),
        ],
    )
    .await;
    let at = |ward: &Labelled, label: &str| json!({"reference": format!("Organization/{}", ward.id(label))});
    let ann = with(patient("ann"), json!({"managingOrganization": at(&ward, "north"), "gender": "female"}));
    let bob =
        json!({"resourceType": "Patient", "name": [{"family": "Builder"}], "managingOrganization": at(&ward, "south")});
    ward.add(vec![("ann", ann), ("bob", bob)]).await;
    let of = |ward: &Labelled, label: &str| json!({"reference": format!("Patient/{}", ward.id(label))});
    let encounter = json!({
        "resourceType": "Encounter", "status": "finished", "subject": of(&ward, "ann"),
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    });
    ward.add(vec![("visit", encounter)]).await;
    let visit = json!({"reference": format!("Encounter/{}", ward.id("visit"))});
    let device = json!({"subject": {"reference": "Device/elsewhere"}});
    let of_ann = json!({"subject": of(&ward, "ann"), "encounter": visit});
    let of_bob = json!({"subject": of(&ward, "bob"), "performer": [of(&ward, "ann")]});
    let far = json!({"subject": {"reference": "http://example.org/fhir/Patient/7"}});
    let inside = json!({
        "contained": [{"resourceType": "Patient", "id": "p", "name": [{"family": "Inside"}]}],
        "subject": {"reference": "#p"}
    });
    ward.add(vec![
        ("a", with(observation("1"), of_ann)),
        ("b", with(observation("2"), of_bob)),
        ("device", with(observation("3"), device)),
        ("far", with(observation("4"), far)),
        ("inside", with(observation("5"), inside)),
        ("none", observation("6")),
        ("named", with(observation("7"), json!({"subject": {"identifier": {"system": "urn:sample", "value": "ann"}}}))),
    ])
    .await;
    ward
}

/// Runs a table whose queries name resources as `{label}`.
async fn check(ward: &Labelled<'_>, rows: &[(&str, &str)]) {
    let filled = |query: &str| {
        let mut query = query.to_owned();
        for label in ["north", "south", "ann", "bob", "visit"] {
            query = query.replace(&format!("{{{label}}}"), ward.id(label));
        }
        query
    };
    let rows: Vec<(String, &str)> = rows.iter().map(|(query, found)| (filled(query), *found)).collect();
    ward.check(&rows).await;
}

/// references.html#literal: a reference may name a version, and is then to just that. Who asks for a version gets what refers to it; who asks
/// for none, all that refers to the resource.
#[tokio::test]
async fn a_reference_to_a_version_is_found_by_it() {
    let client = Client::fresh();
    let patient = client.create(&patient("versioned")).await;
    let mut made = Vec::new();
    for target in ["", "/_history/1", "/_history/2", "/_history/12"] {
        let provenance = json!({
            "resourceType": "Provenance", "recorded": "2026-11-20T08:00:00Z", "agent": [{ "who": { "display": "somebody" } }],
            "target": [{ "reference": format!("Patient/{patient}{target}") }, { "reference": "Device/beside/_history/3" }]
        });
        made.push(client.create(&provenance).await);
    }
    let found = async |query: &str| {
        let found = client.found(&format!("Provenance?{query}")).await;
        made.iter().map(|it| if found.contains(it) { 'x' } else { '.' }).collect::<String>()
    };
    let absolute = encode(&format!("{}/Patient/{patient}/_history/2", client.base));
    for (query, expected) in [
        (format!("target=Patient/{patient}"), "xxxx"),
        (format!("target={patient}"), "xxxx"),
        (format!("target=Patient/{patient}/_history/1"), ".x.."),
        (format!("target:Patient=Patient/{patient}/_history/2"), "..x."),
        (format!("target={absolute}"), "..x."),
        (format!("target=Patient/{patient}/_history/1,Patient/{patient}/_history/12"), ".x.x"),
        (format!("target=Patient/{patient}/_history/3"), "...."),
        (format!("target=Device/beside/_history/3&target=Patient/{patient}/_history/2"), "..x."),
        (format!("_filter=target re Patient/{patient}/_history/1"), ".x.."),
    ] {
        assert_eq!(found(&query).await, expected, "{query}");
    }
    client.get("Procedure?location:below=Location/1/_history/2").await.expect_outcome(400..=400);
}

/// search.html#reference: `[id]`, `[type]/[id]`, `:[type]=[id]`, `[url]`
#[tokio::test]
async fn a_reference_is_found_by_id_type_or_url() {
    let client = Client::fresh();
    let ward = ward(&client).await;
    check(
        &ward,
        &[
            ("Observation?subject=Patient/{ann}", "a"),
            ("Observation?subject={ann}", "a"),
            ("Observation?subject:Patient={ann}", "a"),
            ("Observation?subject:Device={ann}", ""),
            ("Observation?subject:Device=elsewhere", "device"),
            ("Observation?subject=Device/{ann}", ""),
            ("Observation?patient={ann}", "a"),
            ("Observation?patient=Patient/{bob}", "b"),
            ("Observation?subject=Patient/{ann},Patient/{bob}", "a b"),
            ("Observation?subject=Patient/{ann}&encounter={visit}", "a"),
            ("Observation?subject=http://example.org/fhir/Patient/7", "far"),
            ("Observation?subject=Patient/7", ""),
            ("Observation?performer=Patient/{ann}", "b"),
            ("Observation?subject:missing=true", "none"),
        ],
    )
    .await;
    let absolute = encode(&format!("{}/Patient/{}", client.base, ward.id("ann")));
    ward.check(&[(format!("Observation?subject={absolute}"), "a")]).await;
}

/// search.html#chaining: one step, with the type and without where one type has the parameter.
#[tokio::test]
async fn a_chain_searches_what_is_referred_to() {
    let client = Client::fresh();
    let ward = ward(&client).await;
    check(
        &ward,
        &[
            ("Observation?subject:Patient.family=sample", "a named"),
            ("Observation?patient.family=sample", "a named"),
            ("Observation?patient.gender=female", "a named"),
            ("Observation?patient.family=builder", "b"),
            ("Observation?patient.family=sample,builder", "a b named"),
            ("Observation?patient.family=inside", ""),
            ("Observation?subject:Patient.identifier=urn:sample|ann", "a named"),
            ("Observation?subject:Patient._id={bob}", "b"),
            ("Observation?performer:Patient.family=sample", "b"),
            ("Observation?encounter.status=finished", "a"),
            ("Observation?patient.family=sample&code=2", ""),
            ("Patient?organization.name=north", "ann"),
            ("Patient?organization.identifier=n-1", "ann"),
            ("Patient?organization.name:exact=South", "bob"),
            ("Patient?organization.name=south&family=builder", "bob"),
        ],
    )
    .await;
}

/// search.html#errors: a chain through what is no reference, or to what is no parameter, is refused.
#[tokio::test]
async fn a_senseless_chain_is_400() {
    let client = Client::fresh();
    for query in
        ["code.family=x", "subject:Practitioner.name=x", "patient.colour=red", "subject:Dragon.name=x", "patient.=x"]
    {
        let call = client.call("GET", &format!("Observation?{query}")).header("prefer", "handling=strict");
        call.send().await.expect_outcome(400..=400);
    }
}

async fn included(client: &Client, ward: &Labelled<'_>, query: &str) -> (String, String) {
    let page = client.search(query).await;
    let ids: Vec<String> =
        page.included().iter().map(|it| it.rsplit('/').next().unwrap_or_default().to_owned()).collect();
    let sorted = |names: String| {
        let mut names: Vec<&str> = names.split(' ').collect();
        names.sort_unstable();
        names.join(" ")
    };
    (sorted(ward.names(&page.ids())), sorted(ward.names(&ids)))
}

/// search.html#include: `_include=[type]:[param]`, with a target type, and `*`
#[tokio::test]
async fn an_include_brings_what_matches_refer_to() {
    let client = Client::fresh();
    let ward = ward(&client).await;
    let cases = [
        ("Observation?code=1&_include=Observation:subject", "a", "ann"),
        ("Observation?code=1&_include=Observation:subject:Patient", "a", "ann"),
        ("Observation?code=1&_include=Observation:subject:Group", "a", ""),
        ("Observation?code=1&_include=Observation:subject&_include=Observation:encounter", "a", "ann visit"),
        ("Observation?code=2&_include=Observation:performer", "b", "ann"),
        ("Observation?code=1,2&_include=Observation:patient", "a b", "ann bob"),
        ("Observation?code=3,4,5,6&_include=Observation:subject", "device far inside none", ""),
        ("Observation?code=1&_include=Observation:*", "a", "ann visit"),
        ("Observation?code=7&_include=Observation:subject", "named", "ann"),
        ("Observation?code=7&_include=Observation:patient", "named", "ann"),
        ("Observation?code=7&_include=Observation:subject:Device", "named", ""),
        ("Observation?code=1&_include=Encounter:subject", "a", ""),
        ("Observation?code=1&_include=Observation:subject&_include:iterate=Patient:organization", "a", "ann north"),
    ];
    for (query, matched, brought) in cases {
        assert_eq!(included(&client, &ward, query).await, (matched.into(), brought.into()), "{query}");
    }
}

/// search.html#revinclude
#[tokio::test]
async fn a_revinclude_brings_what_refers_to_matches() {
    let client = Client::fresh();
    let ward = ward(&client).await;
    let cases = [
        ("Patient?family=sample&_revinclude=Observation:subject", "ann", "a named"),
        ("Patient?family=sample&_revinclude=Observation:subject&_revinclude=Encounter:subject", "ann", "a named visit"),
        ("Patient?family=sample,builder&_revinclude=Observation:patient", "ann bob", "a b named"),
        ("Patient?family=sample&_revinclude=Observation:performer", "ann", "b"),
        ("Organization?name=north&_revinclude=Patient:organization", "north", "ann"),
        ("Organization?name=north&_revinclude=Observation:subject", "north", ""),
        ("Organization?name=north&_revinclude=*", "north", "ann"),
        ("Organization?name=south&_revinclude=*", "south", "bob"),
        ("Patient?family=sample&_revinclude=Observation:*", "ann", "a b named"),
        ("Patient?family=sample&_revinclude=*", "ann", "a b named visit"),
        ("Patient?family=builder&_revinclude=*", "bob", "b"),
        ("Organization?name=north&_revinclude:iterate=*", "north", "a ann b named visit"),
    ];
    for (query, matched, brought) in cases {
        assert_eq!(included(&client, &ward, query).await, (matched.into(), brought.into()), "{query}");
    }
}

/// search.html#include: nothing is there twice, and what is included does not count.
#[tokio::test]
async fn what_is_included_comes_once_and_does_not_count() {
    let client = Client::fresh();
    let person = format!("Patient/{}", client.create(&patient("once")).await);
    for _ in 0..3 {
        client.create(&with(observation("once"), json!({"subject": {"reference": person}}))).await;
    }
    let page = client.search("Observation?code=once&_include=Observation:subject&_total=accurate").await;
    assert_eq!((page.ids().len(), page.included(), page.total()), (3, vec![person], Some(3)));
}

/// search.html#errors: an include of what is no reference parameter is refused or, leniently, told.
#[tokio::test]
async fn a_senseless_include_is_not_silent() {
    let client = Client::fresh();
    for value in ["Observation:colour", "Observation", "Dragon:subject", "Observation:code"] {
        let call = client.call("GET", &format!("Observation?_include={value}")).header("prefer", "handling=strict");
        call.send().await.expect_outcome(400..=400);
    }
}

/// http.html#vsearch, compartmentdefinition-patient.html
#[tokio::test]
async fn a_compartment_holds_what_is_about_its_patient() {
    let client = Client::fresh();
    let ward = ward(&client).await;
    check(
        &ward,
        &[
            ("Patient/{ann}/Observation", "a b"),
            ("Patient/{ann}/Observation?code=1", "a"),
            ("Patient/{bob}/Observation", "b"),
            ("Patient/{ann}/Encounter", "visit"),
            ("Encounter/{visit}/Observation", "a"),
            ("Patient/{bob}/Encounter", ""),
        ],
    )
    .await;
    let all = client.page(&format!("Patient/{}/*", ward.id("ann"))).await.ids();
    let mut names: Vec<String> = ward.names(&all).split(' ').map(str::to_owned).filter(|name| name != "ann").collect();
    names.sort();
    assert_eq!(names, ["a", "b", "visit"]);
    let nothing = client.get("Patient/absent/Observation").await.expect_in(200..=404).json();
    assert!(nothing["entry"].is_null(), "{nothing}");
}

/// search.html#recursive: along strict hierarchies, at any depth; search.html#versions: canonicals by version.
#[tokio::test]
async fn hierarchies_are_searched_up_and_down() {
    let client = Client::fresh();
    let mut places = Labelled::create(&client, vec![("house", json!({"resourceType": "Location"}))]).await;
    for (label, whole) in [("ward", "house"), ("room", "ward"), ("cellar", "house")] {
        let whole = json!({"reference": format!("Location/{}", places.id(whole))});
        places.add(vec![(label, json!({"resourceType": "Location", "partOf": whole}))]).await;
    }
    let procedure = |places: &Labelled, label: &str| {
        json!({"resourceType": "Procedure", "status": "completed", "subject": {"display": "somebody"},
               "location": {"reference": format!("Location/{}", places.id(label))}})
    };
    for (label, place) in [("a", "house"), ("b", "ward"), ("c", "room"), ("d", "cellar")] {
        let procedure = procedure(&places, place);
        places.add(vec![(label, procedure)]).await;
    }
    let library = |version: &str| json!({"resourceType": "PlanDefinition", "status": "draft", "library": [format!("http://example.org/l{version}")]});
    places.add(vec![("one", library("|1.0")), ("ten", library("|10.1")), ("none", library(""))]).await;
    let (ward, house, room) = (places.id("ward"), places.id("house"), places.id("room"));
    places
        .check(&[
            (format!("Procedure?location:below={ward}"), "b c"),
            (format!("Procedure?location:below=Location/{house}"), "a b c d"),
            (format!("Procedure?location:above={room}"), "a b c"),
            (format!("Procedure?location:above={house}"), "a"),
            (format!("Location?partof:below={house}"), "cellar room ward"),
            ("PlanDefinition?depends-on:below=http://example.org/l".into(), "none one ten"),
            ("PlanDefinition?depends-on:below=http://example.org/l|1".into(), "one"),
            ("PlanDefinition?depends-on:below=http://example.org/l|10.1".into(), "ten"),
        ])
        .await;
    client.get("Procedure?patient:below=1").await.expect_outcome(400..=400);
}
