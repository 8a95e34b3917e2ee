//! Orders by every type of parameter (search.html#sort).

use conformance_tests::{Client, Labelled};
use serde_json::{Value, json};

/// An observation with a code of a system, a subject and a value; `None` leaves it out.
fn observation(code: Option<(&str, &str)>, subject: Option<&str>, value: Option<f64>) -> Value {
    let mut observation = json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}});
    if let Some((system, code)) = code {
        observation["code"] = json!({"coding": [{"system": system, "code": code}]});
    }
    if let Some(subject) = subject {
        observation["subject"] = json!({"reference": subject});
    }
    if let Some(value) = value {
        observation["valueQuantity"] = json!({"value": value});
    }
    observation
}

async fn observations(client: &Client) -> Labelled<'_> {
    let observations = vec![
        ("d", observation(Some(("urn:b", "2")), Some("Patient/a"), Some(1.0))),
        ("b", observation(Some(("urn:b", "1")), Some("Group/z"), Some(3.0))),
        ("none", observation(None, None, None)),
        ("a", observation(Some(("urn:a", "1")), Some("Patient/b"), Some(2.0))),
        ("c", observation(Some(("urn:b", "1")), None, Some(9.0))),
    ];
    Labelled::create(client, observations).await
}

/// The names of all pages, two resources a page.
async fn in_pages(client: &Client, stored: &Labelled<'_>, query: &str) -> String {
    let mut page = client.search(&format!("{query}&_count=2")).await;
    let mut ids = page.ids();
    while let Some(next) = page.link("next").map(str::to_owned) {
        page = client.page(&next).await;
        ids.extend(page.ids());
    }
    stored.names(&ids)
}

/// search.html#sort: tokens by code and system, references by what they point to, mixed with other keys; what lacks
/// the key comes last in either direction.
#[tokio::test]
async fn tokens_and_references_have_an_order() {
    let client = Client::fresh();
    let stored = observations(&client).await;
    for (sort, expected) in [
        ("code,value-quantity", "a b c d none"),
        ("code,-value-quantity", "a c b d none"),
        ("-code,value-quantity", "d b c a none"),
        ("subject,-value-quantity", "b d a c none"),
        ("-subject,code", "a d b c none"),
        ("status,-value-quantity", "c b a d none"),
        ("status,-code,value-quantity", "d b c a none"),
    ] {
        assert_eq!(in_pages(&client, &stored, &format!("Observation?_sort={sort}")).await, expected, "{sort}");
    }
    let some = in_pages(&client, &stored, "Observation?value-quantity=lt5&_sort=-subject").await;
    assert_eq!(some, "a d b");
}

/// search.html#sort: uris by their text.
#[tokio::test]
async fn uris_have_an_order() {
    let client = Client::fresh();
    let set = |url: &str| json!({"resourceType": "ValueSet", "status": "active", "url": url});
    let sets = vec![("b", set("http://x/b")), ("c", set("urn:a")), ("a", set("http://x/a"))];
    let stored = Labelled::create(&client, sets).await;
    assert_eq!(in_pages(&client, &stored, "ValueSet?_sort=url").await, "a b c");
    assert_eq!(in_pages(&client, &stored, "ValueSet?_sort=-url").await, "c b a");
}

/// search.html#errors: what has no order is said.
#[tokio::test]
async fn composites_have_no_order() {
    let client = Client::fresh();
    let call = client.call("GET", "Observation?_sort=code-value-quantity").header("prefer", "handling=strict");
    assert_eq!(call.send().await.status, 400);
}
