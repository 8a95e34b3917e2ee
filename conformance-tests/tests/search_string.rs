//! Search by string and uri (search.html#string, search.html#uri), and escaping (search.html#escaping).

use conformance_tests::{Client, Labelled, encode, samples::*};
use serde_json::{Value, json};

fn named(label: &'static str, name: Value) -> (&'static str, Value) {
    (label, json!({"resourceType": "Patient", "name": [name]}))
}

async fn people(client: &Client) -> Labelled<'_> {
    let people = vec![
        named("eve", json!({"family": "Everywoman", "given": ["Eve", "Anne"]})),
        named("steve", json!({"family": "Stevens", "given": ["Steve"]})),
        named("joel", json!({"family": "van der Berg", "given": ["Joël"], "prefix": ["Dr"]})),
        named("text", json!({"text": "Severin Long"})),
        ("none", json!({"resourceType": "Patient"})),
    ];
    Labelled::create(client, people).await
}

/// search.html#string: "starts with", "case and accent-insensitive"; a name's parts each count.
#[tokio::test]
async fn a_string_finds_what_starts_with_it() {
    let client = Client::fresh();
    people(&client)
        .await
        .check(&[
            ("Patient?given=eve", "eve"),
            ("Patient?given=EVE", "eve"),
            ("Patient?given=ann", "eve"),
            ("Patient?given=joel", "joel"),
            ("Patient?given=JO%C3%8BL", "joel"),
            ("Patient?given=jo%65%CC%88l", "joel"),
            ("Patient?family=van", "joel"),
            ("Patient?family=van%20der%20b", "joel"),
            ("Patient?family=berg", ""),
            ("Patient?name=ste", "steve"),
            ("Patient?name=dr", "joel"),
            ("Patient?name=severin", "text"),
            ("Patient?name=woman", ""),
            ("Patient?family=everywoman,stevens", "eve steve"),
            ("Patient?given=eve&given=anne", "eve"),
            ("Patient?given=eve&family=stevens", ""),
        ])
        .await;
}

/// search.html#string: `:contains` anywhere, `:exact` the whole with case and accents, `:missing`.
#[tokio::test]
async fn modifiers_of_a_string_widen_and_narrow() {
    let client = Client::fresh();
    people(&client)
        .await
        .check(&[
            ("Patient?family:contains=EV", "eve steve"),
            ("Patient?family:contains=woman", "eve"),
            ("Patient?name:contains=eve", "eve steve text"),
            ("Patient?given:contains=%C3%AB", "eve steve joel"),
            ("Patient?given:exact=Eve", "eve"),
            ("Patient?given:exact=eve", ""),
            ("Patient?given:exact=Ev", ""),
            ("Patient?given:exact=Joel", ""),
            ("Patient?given:exact=Jo%C3%ABl", "joel"),
            ("Patient?given:missing=true", "text none"),
            ("Patient?given:missing=false", "eve steve joel"),
            ("Patient?name:missing=true", "none"),
        ])
        .await;
}

/// search.html#modifiers: a modifier that the type doesn't have, or a `:missing` that is no boolean, is
/// refused.
#[tokio::test]
async fn a_wrong_modifier_is_400() {
    let client = Client::fresh();
    for query in ["name:sideways=a", "name:missing=perhaps", "birthdate:exact=2020", "gender:contains=f", "name:not=a"]
    {
        client.get(&format!("Patient?{query}")).await.expect_outcome(400..=400);
    }
}

/// search.html#string: an address is searched part by part.
#[tokio::test]
async fn addresses_are_found_by_their_parts() {
    let client = Client::fresh();
    let address =
        json!([{"line": ["12 High Street", "Flat 3"], "city": "Köln", "postalCode": "50667", "country": "DE"}]);
    let person = with(patient("address"), json!({"address": address}));
    let stored = Labelled::create(&client, vec![("p", person)]).await;
    stored
        .check(&[
            ("Patient?address=12%20high", "p"),
            ("Patient?address=flat", "p"),
            ("Patient?address=koln", "p"),
            ("Patient?address=506", "p"),
            ("Patient?address-city=k%C3%B6ln", "p"),
            ("Patient?address-country=de", "p"),
            ("Patient?address-city=berlin", ""),
        ])
        .await;
}

/// search.html#escaping: `\,`, `\|`, `\$` and `\\` stand for themselves.
#[tokio::test]
async fn escaped_separators_are_part_of_the_value() {
    let client = Client::fresh();
    let with_identifier = |label, value: &str| (label, patient(value));
    let stored = Labelled::create(
        &client,
        vec![
            with_identifier("comma", "a,b"),
            with_identifier("bar", "a|b"),
            with_identifier("dollar", "a$b"),
            with_identifier("slash", r"a\b"),
            with_identifier("a", "a"),
            with_identifier("b", "b"),
        ],
    )
    .await;
    let rows = [
        (r"a\,b", "comma"),
        ("a,b", "a b"),
        (r"a\|b", "bar"),
        (r"urn:sample|a\|b", "bar"),
        (r"a\$b", "dollar"),
        (r"a\\b", "slash"),
        (r"a\,b,a\|b", "comma bar"),
    ];
    let rows: Vec<(String, &str)> =
        rows.iter().map(|(value, found)| (format!("Patient?identifier={}", encode(value)), *found)).collect();
    stored.check(&rows).await;
    let comma = json!({"resourceType": "Patient", "name": [{"family": "Comma, Inc"}]});
    let stored = Labelled::create(&client, vec![("named", comma)]).await;
    stored.check(&[(r"Patient?family:exact=Comma\,%20Inc", "named"), ("Patient?family=comma%5C,", "named")]).await;
}

/// search.html#uri: "matches are precise … case- … sensitive"; `urn:` works like a URL.
#[tokio::test]
async fn a_uri_is_found_whole() {
    let client = Client::fresh();
    let set = |label, url: &str| (label, json!({"resourceType": "ValueSet", "status": "draft", "url": url}));
    let stored = Labelled::create(
        &client,
        vec![
            set("one", "http://example.org/fhir/ValueSet/1"),
            set("two", "http://example.org/fhir/ValueSet/12"),
            set("urn", "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7"),
        ],
    )
    .await;
    stored
        .check(&[
            ("ValueSet?url=http://example.org/fhir/ValueSet/1", "one"),
            ("ValueSet?url=http://example.org/fhir/valueset/1", ""),
            ("ValueSet?url=http://example.org/fhir/ValueSet", ""),
            ("ValueSet?url=urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", "urn"),
            ("ValueSet?url=http://example.org/fhir/ValueSet/1,http://example.org/fhir/ValueSet/12", "one two"),
            ("ValueSet?url:missing=true", ""),
        ])
        .await;
}
