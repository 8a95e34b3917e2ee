//! Conditional create, update and delete (http.html#ccreate, http.html#cond-update, http.html#3.1.0.7.1).

use conformance_tests::{Bundle, Client, encode, samples::*, unique};
use serde_json::{Value, json};

/// Criteria that only the Patients of this identifier meet.
fn criteria(identifier: &str) -> String {
    format!("identifier={}", encode(&format!("urn:sample|{identifier}")))
}

/// `count` Patients of one new identifier.
async fn alike(client: &Client, count: usize) -> (String, Vec<String>) {
    let identifier = unique();
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(client.create(&patient(&identifier)).await);
    }
    (identifier, ids)
}

async fn matching(client: &Client, identifier: &str) -> usize {
    client.page(&format!("Patient?{}", criteria(identifier))).await.ids().len()
}

async fn create_if_none(client: &Client, identifier: &str) -> conformance_tests::Answer {
    let call = client.call("POST", "Patient").header("if-none-exist", &criteria(identifier));
    call.json(&patient(identifier)).send().await
}

/// http.html#ccreate: "No matches: … create", 201.
#[tokio::test]
async fn a_conditional_create_without_a_match_creates() {
    let client = Client::fresh();
    let (identifier, _) = alike(&client, 0).await;
    create_if_none(&client, &identifier).await.expect(201);
    assert_eq!(matching(&client, &identifier).await, 1);
}

/// http.html#ccreate: "One Match: the server ignores the post and returns 200 OK".
#[tokio::test]
async fn a_conditional_create_with_one_match_leaves_it() {
    let client = Client::fresh();
    let (identifier, ids) = alike(&client, 1).await;
    assert_eq!(create_if_none(&client, &identifier).await.expect(200).id(), ids[0]);
    assert_eq!(matching(&client, &identifier).await, 1);
}

/// http.html#ccreate: "Multiple matches: … 412 Precondition Failed".
#[tokio::test]
async fn a_conditional_create_with_several_matches_is_412() {
    let client = Client::fresh();
    let (identifier, _) = alike(&client, 2).await;
    let outcome = create_if_none(&client, &identifier).await.expect_outcome(412..=412);
    assert_eq!(outcome["issue"][0]["code"], "multiple-matches");
    assert_eq!(matching(&client, &identifier).await, 2);
}

/// http.html#ccreate: criteria that say nothing, or that the server can't understand, create nothing.
#[tokio::test]
async fn a_conditional_create_with_senseless_criteria_is_refused() {
    let client = Client::fresh();
    for criteria in ["", "colour=red", "birthdate=soon", "_count=1"] {
        let call = client.call("POST", "Patient").header("if-none-exist", criteria);
        call.json(&patient("senseless")).send().await.expect_outcome(400..=412);
    }
}

/// http.html#ccreate: the condition holds when many race.
#[tokio::test]
async fn a_hundred_racing_conditional_creates_make_one_resource() {
    let client = Client::fresh();
    let identifier = unique();
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let call = client.call("POST", "Patient").header("if-none-exist", &criteria(&identifier));
        racers.spawn(call.json(&patient(&identifier)).send());
    }
    let answers = racers.join_all().await;
    let with_status = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with_status(201), with_status(200)), (1, 99));
    let ids: std::collections::BTreeSet<String> = answers.iter().map(conformance_tests::Answer::id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(matching(&client, &identifier).await, 1);
}

async fn update_where(client: &Client, identifier: &str, resource: &Value) -> conformance_tests::Answer {
    client.put(&format!("Patient?{}", criteria(identifier)), resource).await
}

/// http.html#cond-update: "No matches, no id provided: The server creates the resource."
#[tokio::test]
async fn a_conditional_update_without_a_match_creates() {
    let client = Client::fresh();
    let identifier = unique();
    let answer = update_where(&client, &identifier, &patient(&identifier)).await.expect(201);
    assert_eq!(client.read(&format!("Patient/{}", answer.id())).await["resourceType"], "Patient");
}

/// http.html#cond-update: "No matches, id provided: … an Update as Create".
#[tokio::test]
async fn a_conditional_update_without_a_match_takes_the_id_given() {
    let client = Client::fresh();
    let (identifier, id) = (unique(), format!("id-{}", unique()));
    let sent = with(patient(&identifier), json!({"id": id}));
    assert_eq!(update_where(&client, &identifier, &sent).await.expect(201).id(), id);
}

/// http.html#cond-update: "One Match, no resource id provided OR … id matches: … update".
#[tokio::test]
async fn a_conditional_update_with_one_match_updates_it() {
    let client = Client::fresh();
    let (identifier, ids) = alike(&client, 1).await;
    let sent = with(patient(&identifier), json!({"gender": "female"}));
    assert_eq!(update_where(&client, &identifier, &sent).await.expect(200).id(), ids[0]);
    let sent = with(sent, json!({"id": ids[0], "gender": "male"}));
    update_where(&client, &identifier, &sent).await.expect(200);
    assert_eq!(client.read(&format!("Patient/{}", ids[0])).await["gender"], "male");
    assert_eq!(matching(&client, &identifier).await, 1);
}

/// http.html#cond-update: "One Match, resource id provided but does not match … 400 Bad Request".
#[tokio::test]
async fn a_conditional_update_with_another_id_is_400() {
    let client = Client::fresh();
    let (identifier, _) = alike(&client, 1).await;
    let sent = with(patient(&identifier), json!({"id": "another"}));
    update_where(&client, &identifier, &sent).await.expect_outcome(400..=400);
}

/// http.html#cond-update: "Multiple matches: … 412 Precondition Failed".
#[tokio::test]
async fn a_conditional_update_with_several_matches_is_412() {
    let client = Client::fresh();
    let (identifier, _) = alike(&client, 2).await;
    update_where(&client, &identifier, &patient(&identifier)).await.expect_outcome(412..=412);
}

/// http.html#cond-update and http.html#concurrency: racing conditional updates make one resource.
#[tokio::test]
async fn racing_conditional_updates_make_one_resource() {
    let client = Client::fresh();
    let identifier = unique();
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let path = format!("Patient?{}", criteria(&identifier));
        racers.spawn(client.call("PUT", &path).json(&patient(&identifier)).send());
    }
    let answers = racers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 19);
    assert_eq!(matching(&client, &identifier).await, 1);
}

/// http.html#3.1.0.7.1: "No matches or One Match: … an ordinary delete".
#[tokio::test]
async fn a_conditional_delete_of_one_match_deletes_it() {
    let client = Client::fresh();
    let (identifier, ids) = alike(&client, 1).await;
    let other = client.create(&patient(&unique())).await;
    client.delete(&format!("Patient?{}", criteria(&identifier))).await.expect_in(200..=204);
    client.get(&format!("Patient/{}", ids[0])).await.expect(410);
    client.get(&format!("Patient/{other}")).await.expect(200);
}

/// http.html#3.1.0.7.1: nothing to delete is an ordinary delete of nothing.
#[tokio::test]
async fn a_conditional_delete_without_a_match_is_no_error() {
    let client = Client::fresh();
    client.delete(&format!("Patient?{}", criteria(&unique()))).await.expect_in(200..=204);
}

/// http.html#3.1.0.7.1: several matches are all deleted or refused by 412, as the capabilities say
/// (CapabilityStatement.rest.resource.conditionalDelete).
#[tokio::test]
async fn a_conditional_delete_of_several_does_what_the_capabilities_say() {
    let client = Client::fresh();
    let capabilities = client.read("metadata").await;
    let resources = capabilities["rest"][0]["resource"].as_array().expect("resources").clone();
    let of_patient = resources.iter().find(|resource| resource["type"] == "Patient").expect("Patient");
    let (identifier, _) = alike(&client, 2).await;
    let answer = client.delete(&format!("Patient?{}", criteria(&identifier))).await;
    let remaining = match of_patient["conditionalDelete"].as_str() {
        Some("multiple") => {
            answer.expect_in(200..=204);
            0
        }
        _ => {
            answer.expect_outcome(412..=412);
            2
        }
    };
    assert_eq!(matching(&client, &identifier).await, remaining);
}

/// http.html#3.1.0.7.1: criteria that a server doesn't understand must not widen what is deleted.
#[tokio::test]
async fn a_conditional_delete_with_senseless_criteria_deletes_nothing() {
    let client = Client::fresh();
    let (identifier, _) = alike(&client, 1).await;
    for query in ["?colour=red", "?birthdate=soon", "?_count=1", "?"] {
        client.delete(&format!("Patient{query}")).await.expect_outcome(400..=412);
    }
    let half = format!("Patient?{}&colour=red", criteria(&identifier));
    client.delete(&half).await.expect_outcome(400..=412);
    assert_eq!(matching(&client, &identifier).await, 1);
}

/// http.html#patch: "Conditional patch" finds its resource like a conditional update.
#[tokio::test]
async fn a_conditional_patch_needs_exactly_one_match() {
    let client = Client::fresh();
    let patch = r#"[{"op": "add", "path": "/gender", "value": "female"}]"#;
    let send = async |identifier: &str| {
        let call = client.call("PATCH", &format!("Patient?{}", criteria(identifier)));
        call.body("application/json-patch+json", patch).send().await
    };
    send(&unique()).await.expect_outcome(404..=404);
    let (identifier, ids) = alike(&client, 1).await;
    send(&identifier).await.expect(200);
    assert_eq!(client.read(&format!("Patient/{}", ids[0])).await["gender"], "female");
    let (identifier, _) = alike(&client, 2).await;
    send(&identifier).await.expect_outcome(412..=412);
}

/// http.html#ccreate: a conditional create is found by the criteria of the next, at once.
#[tokio::test]
async fn a_second_conditional_create_sees_the_first() {
    let client = Client::fresh();
    let identifier = unique();
    let first = create_if_none(&client, &identifier).await.expect(201).id();
    let second = create_if_none(&client, &identifier).await.expect(200).id();
    assert_eq!(first, second);
    client.delete(&format!("Patient/{first}")).await.expect_in(200..=204);
    assert_ne!(create_if_none(&client, &identifier).await.expect(201).id(), first);
}

/// http.html#ccreate with `Prefer: return=representation`: the body is the resource that was there.
#[tokio::test]
async fn a_conditional_create_shows_what_was_there() {
    let client = Client::fresh();
    let identifier = unique();
    let there = with(patient(&identifier), json!({"gender": "female"}));
    client.create(&there).await;
    let call = client.call("POST", "Patient").header("if-none-exist", &criteria(&identifier));
    let answer = call.header("prefer", "return=representation").json(&patient(&identifier)).send().await.expect(200);
    assert_eq!(answer.json()["gender"], "female");
    let page = Bundle(client.read(&format!("Patient?{}", criteria(&identifier))).await);
    assert_eq!(page.matches()[0], &answer.json());
}
