//! Transactions (http.html#transaction, http.html#trules, bundle.html#references).

use crate::bundle::{place, responses, status, statuses};
use conformance_tests::{Client, samples::*, unique};
use serde_json::{Value, json};

/// A new `urn:uuid:` address.
fn new_urn() -> String {
    let digits: String = unique().chars().filter(char::is_ascii_hexdigit).collect();
    let digits = format!("{digits:0>32}");
    let digits = &digits[digits.len() - 32..];
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    format!("urn:uuid:{}", parts.join("-"))
}

fn at(full_url: &str, entry: Value) -> Value {
    with(entry, json!({"fullUrl": full_url}))
}

async fn transaction(client: &Client, entries: Vec<Value>) -> Vec<Value> {
    responses(client.bundle("transaction", entries).await, "transaction-response")
}

/// http.html#transaction: "all changes … or none".
#[tokio::test]
async fn a_failed_transaction_leaves_nothing() {
    let client = Client::fresh();
    let kept = client.post("Patient", &patient("kept")).await.expect(201);
    let path = format!("Patient/{}", kept.id());
    let failing = [
        entry("POST", "Patient", json!({"resourceType": "Patient", "gender": "none"})),
        entry("POST", "Dragon", json!({"resourceType": "Dragon"})),
        json!({"request": {"method": "DELETE", "url": &path, "ifMatch": "W/\"99\""}}),
        entry(
            "POST",
            "Patient",
            with(
                patient("x"),
                json!({"link": [{"type": "seealso", "other": {"reference": "Patient?identifier=nobody"}}]}),
            ),
        ),
    ];
    for failure in failing {
        let entries = vec![
            entry("POST", "Patient", patient("phantom")),
            entry("PUT", &path, with(kept.json(), json!({"gender": "male"}))),
            entry("PUT", "Patient/phantom", with(patient("phantom"), json!({"id": "phantom"}))),
            failure.clone(),
        ];
        let outcome = client.bundle("transaction", entries).await;
        outcome.expect_outcome(400..=422);
        assert!(client.page("Patient?identifier=phantom").await.ids().is_empty(), "{failure}");
        assert_eq!(client.read(&path).await, kept.json(), "{failure}");
        client.get("Patient/phantom").await.expect(404);
    }
    assert_eq!(client.page(&format!("{path}/_history")).await.entries().len(), 1);
}

/// http.html#trules: DELETE, then POST, then PUT and PATCH, then GET, whatever the order of the entries; the
/// answers come in the order of the entries.
#[tokio::test]
async fn the_order_of_processing_is_the_standards() {
    let client = Client::fresh();
    let word = unique();
    let old = client.create(&patient(&word)).await;
    let other = client.create(&patient("other")).await;
    let criteria = format!("identifier={word}");
    let entries = vec![
        bare_entry("GET", &format!("Patient?{criteria}")),
        bare_entry("GET", &format!("Patient/{other}")),
        entry("PUT", &format!("Patient/{other}"), with(patient("changed"), json!({"id": other}))),
        json!({"resource": patient(&word), "request": {"method": "POST", "url": "Patient", "ifNoneExist": criteria}}),
        bare_entry("DELETE", &format!("Patient/{old}")),
    ];
    let answers = transaction(&client, entries).await;
    assert_eq!(statuses(&answers[..4]), [200, 200, 200, 201]);
    assert!((200..=204).contains(&status(&answers[4])));
    let found = answers[0]["resource"]["entry"].as_array().expect("the new one is found");
    assert_eq!(found.len(), 1);
    assert_eq!(format!("Patient/{}", found[0]["resource"]["id"].as_str().expect("id")), place(&answers[3]));
    assert_eq!(answers[1]["resource"]["identifier"][0]["value"], "changed");
    client.get(&format!("Patient/{old}")).await.expect(410);
}

/// http.html#trules: references to other entries by fullUrl are replaced, in nested elements, extensions,
/// contained resources and circles; in uri elements and narrative links too.
#[tokio::test]
async fn references_within_a_transaction_are_replaced_everywhere() {
    let client = Client::fresh();
    let (ann, bob, seen) = (new_urn(), new_urn(), new_urn());
    let other = |urn: &str| json!([{"type": "seealso", "other": {"reference": urn}}]);
    let deep = json!({
        "subject": {"reference": ann},
        "contained": [{"resourceType": "Group", "id": "g", "type": "person", "actual": true, "member": [{"entity": {"reference": bob}}]}],
        "focus": [{"reference": "#g"}],
        "extension": [{"url": "urn:about", "valueReference": {"reference": bob}}, {"url": "urn:also", "valueUri": bob}],
        "component": [{
            "code": {"text": "c"}, "valueString": format!("text {bob} stays"),
            "extension": [{"url": "urn:deep", "extension": [{"url": "in", "valueReference": {"reference": ann}}]}]
        }],
        "text": {"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"{bob}\">Bob</a></div>")}
    });
    let entries = vec![
        at(&seen, entry("POST", "Observation", with(observation("deep"), deep))),
        at(&ann, entry("POST", "Patient", with(patient("ann"), json!({"link": other(&bob)})))),
        at(
            &bob,
            entry(
                "PUT",
                "Patient/bob-the-second",
                with(patient("bob"), json!({"id": "bob-the-second", "link": other(&ann)})),
            ),
        ),
    ];
    let answers = transaction(&client, entries).await;
    let (seen, ann, bob) = (place(&answers[0]), place(&answers[1]), "Patient/bob-the-second");
    let seen = client.read(&seen).await;
    assert_eq!(seen["subject"]["reference"], ann);
    assert_eq!(seen["contained"][0]["member"][0]["entity"]["reference"], bob);
    assert_eq!(seen["focus"][0]["reference"], "#g");
    assert_eq!(seen["extension"][0]["valueReference"]["reference"], bob);
    assert_eq!(seen["extension"][1]["valueUri"], bob);
    assert_eq!(seen["component"][0]["extension"][0]["extension"][0]["valueReference"]["reference"], ann);
    assert!(seen["component"][0]["valueString"].as_str().is_some_and(|it| it.contains("urn:uuid:")));
    assert!(seen["text"]["div"].as_str().is_some_and(|it| it.contains(&format!("href=\"{bob}\""))), "{}", seen["text"]);
    assert_eq!(client.read(&ann).await["link"][0]["other"]["reference"], bob);
    assert_eq!(client.read(bob).await["link"][0]["other"]["reference"], ann);
    let page = client.page(&format!("Observation?subject={ann}&code=deep")).await;
    assert_eq!(page.ids().len(), 1, "the replaced reference is what is searched");
}

/// bundle.html#references: relative references are resolved against a fullUrl of a RESTful address.
#[tokio::test]
async fn a_reference_to_the_full_url_of_a_posted_entry_follows_it() {
    let client = Client::fresh();
    let entries = vec![
        at("http://example.org/fhir/Patient/77", entry("POST", "Patient", with(patient("moved"), json!({"id": "77"})))),
        at(
            "http://example.org/fhir/Observation/5",
            entry("POST", "Observation", with(observation("m"), json!({"subject": {"reference": "Patient/77"}}))),
        ),
        at(
            "http://example.org/fhir/Observation/6",
            entry(
                "POST",
                "Observation",
                with(observation("m"), json!({"subject": {"reference": "http://example.org/fhir/Patient/77"}})),
            ),
        ),
    ];
    let answers = transaction(&client, entries).await;
    for entry in &answers[1..] {
        assert_eq!(client.read(&place(entry)).await["subject"]["reference"], place(&answers[0]));
    }
}

/// http.html#trules: "conditional references": one match is taken, none or several fail the transaction.
#[tokio::test]
async fn a_conditional_reference_needs_exactly_one_match() {
    let client = Client::fresh();
    let (one, two) = (unique(), unique());
    let id = client.create(&patient(&one)).await;
    client.create(&patient(&two)).await;
    client.create(&patient(&two)).await;
    let about = |word: &str| {
        let subject = json!({"reference": format!("Patient?identifier=urn:sample|{word}")});
        vec![entry("POST", "Observation", with(observation("conditional"), json!({"subject": subject})))]
    };
    let answers = transaction(&client, about(&one)).await;
    assert_eq!(client.read(&place(&answers[0])).await["subject"]["reference"], format!("Patient/{id}"));
    client.bundle("transaction", about(&two)).await.expect_outcome(400..=422);
    client.bundle("transaction", about(&unique())).await.expect_outcome(400..=422);
    assert_eq!(client.page("Observation?code=conditional").await.ids().len(), 1);
}

/// http.html#trules: a fullUrl whose conditional create finds a match stands for that match.
#[tokio::test]
async fn references_follow_a_conditional_create_to_what_is_there() {
    let client = Client::fresh();
    let word = unique();
    let there = client.create(&patient(&word)).await;
    let (person, updated) = (new_urn(), new_urn());
    let create = json!({"fullUrl": person, "resource": patient(&word), "request": {
        "method": "POST", "url": "Patient", "ifNoneExist": format!("identifier={word}")}});
    let update = at(
        &updated,
        entry("PUT", &format!("Organization?name={word}"), json!({"resourceType": "Organization", "name": word})),
    );
    let members = json!({"subject": {"reference": person}, "performer": [{"reference": updated}]});
    let seen = entry("POST", "Observation", with(observation("follow"), members));
    let answers = transaction(&client, vec![seen, create, update]).await;
    assert_eq!(statuses(&answers), [201, 200, 201]);
    let seen = client.read(&place(&answers[0])).await;
    assert_eq!(seen["subject"]["reference"], format!("Patient/{there}"));
    assert_eq!(seen["performer"][0]["reference"], place(&answers[2]));
}

/// http.html#trules: "If any resource identities overlap … the transaction SHALL fail".
#[tokio::test]
async fn the_same_resource_twice_is_refused() {
    let client = Client::fresh();
    let word = unique();
    let id = client.create(&patient(&word)).await;
    let path = format!("Patient/{id}");
    let put = || entry("PUT", &path, with(patient(&word), json!({"id": id, "gender": "male"})));
    let conditional = entry("PUT", &format!("Patient?identifier={word}"), patient(&word));
    for pair in [
        vec![put(), put()],
        vec![put(), bare_entry("DELETE", &path)],
        vec![put(), conditional],
        vec![bare_entry("DELETE", &path), bare_entry("DELETE", &format!("Patient?identifier={word}"))],
        vec![
            at("urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", entry("POST", "Patient", patient("x"))),
            at("urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", entry("POST", "Patient", patient("y"))),
        ],
    ] {
        client.bundle("transaction", pair).await.expect_outcome(400..=422);
    }
    assert_eq!(client.read(&path).await["meta"]["versionId"], "1");
}

/// http.html#transaction: `ifNoneExist` and `ifMatch` decide over the whole.
#[tokio::test]
async fn the_conditions_of_a_transaction_hold() {
    let client = Client::fresh();
    let (one, two) = (unique(), unique());
    let id = client.create(&patient(&one)).await;
    client.create(&patient(&two)).await;
    client.create(&patient(&two)).await;
    let if_none = |word: &str| {
        vec![json!({"resource": patient(word), "request": {
            "method": "POST", "url": "Patient", "ifNoneExist": format!("identifier={word}")}})]
    };
    assert_eq!(statuses(&transaction(&client, if_none(&unique())).await), [201]);
    assert_eq!(statuses(&transaction(&client, if_none(&one)).await), [200]);
    client.bundle("transaction", if_none(&two)).await.expect_outcome(412..=412);
    let update = |etag: &str| {
        let resource = with(patient(&one), json!({"id": id, "gender": "other"}));
        vec![
            json!({"resource": resource, "request": {"method": "PUT", "url": format!("Patient/{id}"), "ifMatch": etag}}),
        ]
    };
    client.bundle("transaction", update("W/\"9\"")).await.expect_outcome(412..=412);
    assert_eq!(statuses(&transaction(&client, update("W/\"1\"")).await), [200]);
}

/// http.html#transaction: an outcome names the entry that failed (`Bundle.entry[1]…`).
#[tokio::test]
async fn the_failure_names_its_entry() {
    let client = Client::fresh();
    let entries = vec![
        entry("POST", "Patient", patient("ok")),
        entry("POST", "Patient", json!({"resourceType": "Patient", "colour": 1})),
    ];
    let outcome = client.bundle("transaction", entries).await.expect_outcome(400..=422);
    assert!(outcome.to_string().contains("Bundle.entry[1]"), "{outcome}");
}

/// http.html#transaction: racing transactions on one resource all end, each done or refused, none half.
#[tokio::test]
async fn racing_transactions_are_each_whole() {
    let client = Client::fresh();
    let (shared, code) = (unique(), unique());
    let path = format!("Patient/{shared}");
    client.put(&path, &with(patient("start"), json!({"id": shared}))).await.expect_in(200..=201);
    let mut racers = tokio::task::JoinSet::new();
    for number in 0..12 {
        let word = format!("racer-{number}");
        let entries = json!([
            entry("PUT", &path, with(patient(&word), json!({"id": shared}))),
            entry("POST", "Observation", with(observation(&code), json!({"subject": {"reference": path}}))),
        ]);
        racers.spawn(
            client
                .call("POST", "")
                .json(&json!({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
                .send(),
        );
    }
    let answers = racers.join_all().await;
    let done = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 409 | 412)), "{answers:?}");
    assert!(done >= 1);
    assert_eq!(client.page(&format!("Observation?code={code}&_count=50")).await.ids().len(), done);
    assert_eq!(client.page(&format!("{path}/_history?_count=50")).await.entries().len(), done + 1);
}
