//! Rate limits: 429 with Retry-After (RFC 6585 section 4) and an OperationOutcome, and what is left in the fields of
//! draft-ietf-httpapi-ratelimit-headers.

use super::clients::now;
use super::place::{Place, query};
use conformance_tests::{Answer, Client, Program};
use serde_json::json;
use std::time::Duration;

const FORWARDED: &str = "x-forwarded-for";

/// Counts begin anew with each minute: lets one pass that ends soon. What is counted has the rest of the next one, and nothing else is
/// made meanwhile that takes its time.
pub async fn young_minute() {
    let second = now() % 60;
    if second > 25 {
        tokio::time::sleep(Duration::from_secs(60 - second as u64)).await;
    }
}

/// A request that is over a limit: it says whose, and when to try again.
#[track_caller]
fn expect_throttled(answer: Answer, whose: &str) {
    let seconds: u64 = answer.needed_header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert!(answer.needed_header("ratelimit").starts_with(&format!("\"{whose}\";r=0;t=")), "{answer:?}");
    let outcome = answer.expect_outcome(429..=429).to_string();
    assert!(outcome.contains("throttled"), "{outcome}");
}

async fn read(client: &Client, address: &str) -> Answer {
    client.call("GET", "Patient/none").header(FORWARDED, address).send().await
}

/// RL-1: a tenant is answered so many requests a minute, and told what is left; other tenants are not concerned.
#[tokio::test]
async fn a_tenant_is_answered_so_many_requests() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--tenant-rate", "5"]);
    let (north, south) = (Place::of(&program, &server.root), Place::of(&program, &server.root));
    young_minute().await;
    for left in (0..5).rev() {
        let answer = north.admin.get("Patient/none").await.expect(404);
        assert_eq!(answer.needed_header("ratelimit-policy"), "\"tenant\";q=5;w=60");
        assert!(answer.needed_header("ratelimit").starts_with(&format!("\"tenant\";r={left};t=")));
    }
    expect_throttled(north.admin.get("Patient/none").await, "tenant");
    south.admin.get("Patient/none").await.expect(404);
    // Who has no token cannot use up what the tenant has.
    for _ in 0..10 {
        south.with(None).get("Patient/none").await.expect(401);
    }
    south.admin.get("Patient/none").await.expect(404);
    let metrics = north.with(None).get(&format!("{}/metrics", server.root)).await.expect(200).text();
    assert!(metrics.contains("medisync_rate_limited_total{limit=\"tenant\"} 1"), "{metrics}");
}

/// RL-2: an address is answered so many requests whatever token they bring, and however it is written; behind a proxy it
/// is the one that the proxy tells.
#[tokio::test]
async fn an_address_is_answered_so_many_requests() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--address-rate", "4"]);
    let place = Place::of(&program, &server.root);
    let stranger = place.with(Some("made-up"));
    young_minute().await;
    for address in ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8::ffff:1"] {
        read(&stranger, address).await.expect(401);
    }
    expect_throttled(read(&place.admin, "2001:db8::4").await, "address");
    read(&place.admin, "2001:db8:0:1::4").await.expect(404);
    read(&place.admin, "192.0.2.1").await.expect(404);
    // What the client says of itself counts for nothing where the proxy appends.
    expect_throttled(read(&place.admin, "192.0.2.77, 2001:db8::5").await, "address");
    // This machine is not limited by its address: a proxy that says nothing would be everybody.
    for _ in 0..10 {
        place.admin.get("Patient/none").await.expect(404);
    }
}

/// RL-7: an address is answered so many requests in all tenants together, four times what one tenant answers it; others, and
/// this machine, are not concerned.
#[tokio::test]
async fn a_flood_over_many_tenants_is_one() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--address-rate", "3"]);
    let places: Vec<Place<'_>> = (0..5).map(|_| Place::of(&program, &server.root)).collect();
    young_minute().await;
    for place in &places[..4] {
        for _ in 0..3 {
            read(&place.admin, "192.0.2.9").await.expect(404);
        }
    }
    expect_throttled(read(&places[4].admin, "192.0.2.9").await, "address");
    let elsewhere = places[4].with(None).call("GET", &format!("{}/account", places[4].issuer()));
    elsewhere.header(FORWARDED, "192.0.2.9").send().await.expect(429);
    read(&places[4].admin, "192.0.2.10").await.expect(404);
    places[4].admin.get("Patient/none").await.expect(404);
}

/// RL-3: users and clients are counted apart, whichever tokens they have.
#[tokio::test]
async fn users_and_clients_are_counted_apart() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--user-rate", "4", "--client-rate", "12"]);
    let place = Place::of(&program, &server.root);
    let app = place.app("user/*.rs");
    let (ana, ben) = (place.practitioner().await, place.practitioner().await);
    young_minute().await;
    let client_of = async |person| {
        let token = place.granted(&app, person, "user/*.rs", None).await["access_token"].as_str().unwrap().to_owned();
        place.with(Some(&token))
    };
    let (one, two, other) = (client_of(&ana).await, client_of(&ana).await, client_of(&ben).await);
    for client in [&one, &two, &one, &two] {
        client.get("Patient/none").await.expect(404);
    }
    for client in [&one, &two] {
        expect_throttled(client.get("Patient/none").await, "user");
    }
    // The app's three requests for tokens counted for two each.
    for _ in 0..2 {
        other.get("Patient/none").await.expect(404);
    }
    expect_throttled(other.get("Patient/none").await, "client");
}

/// RL-4: the token endpoint and its like count for the client, and all of them for the address; errors are OAuth's.
#[tokio::test]
async fn endpoints_of_the_authorization_server_are_limited() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--client-rate", "4", "--address-rate", "6"]);
    let place = Place::of(&program, &server.root);
    let app = place.app("user/*.rs");
    young_minute().await;
    for _ in 0..2 {
        place.redeem(&app, "wrong").await.expect(400);
    }
    let refused = place.redeem(&app, "wrong").await.expect(429);
    assert_eq!(refused.json()["error"], "temporarily_unavailable");
    refused.needed_header("retry-after");
    for (endpoint, address) in [("authorize", "192.0.2.1"), ("register", "192.0.2.2"), ("introspect", "192.0.2.3")] {
        let send = async || {
            let call = place.with(None).call("POST", &format!("{}/{endpoint}", place.issuer()));
            call.header(FORWARDED, address).body(super::place::FORM, query(&[("client_id", "x")])).send().await
        };
        for _ in 0..3 {
            assert_ne!(send().await.status, 429, "{endpoint}");
        }
        assert_eq!(send().await.status, 429, "{endpoint}");
    }
}

/// RL-5: a tenant's administrator lowers its limits, the operator alone raises them.
#[tokio::test]
async fn a_tenant_has_limits_of_its_own() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--tenant-rate", "100"]);
    let place = Place::of(&program, &server.root);
    let set = |name: &str, value: &str| json!({"resourceType": "Parameters", "parameter": [{"name": name, "valueString": value}]});
    place.admin.post("$rate-limits", &set("tenant", "few")).await.expect_outcome(400..=400);
    place
        .with(Some(&program.token(&place.tenant, "system/*.rs")))
        .post("$rate-limits", &set("tenant", "7"))
        .await
        .expect(403);
    place.admin.post("$rate-limits", &set("tenant", "1000")).await.expect(200);
    let policy = async || {
        // What was set is seen within seconds.
        tokio::time::sleep(Duration::from_secs(6)).await;
        place.admin.get("Patient/none").await.needed_header("ratelimit-policy").to_owned()
    };
    assert_eq!(policy().await, "\"tenant\";q=100;w=60");
    let said = place.admin.post("$rate-limits", &set("tenant", "70")).await.expect(200).json();
    assert_eq!(said["parameter"], json!([{"name": "tenant", "valueString": "70"}]));
    assert_eq!(policy().await, "\"tenant\";q=70;w=60");
    if conformance_tests::postgres::is_on_postgres() {
        program.succeed(&["tenant", "rates", &place.tenant, "--tenant", "50"]);
        assert_eq!(policy().await, "\"tenant\";q=50;w=60");
    }
}

/// RL-6: of whoever asks for tenants that there are not, requests are counted too.
#[tokio::test]
async fn made_up_tenants_are_counted() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--address-rate", "3"]);
    young_minute().await;
    for number in 0..4 {
        let client = Client::new(&server.base(&format!("none-{number}")), None);
        let answer = read(&client, "192.0.2.9").await;
        assert_eq!(answer.status, if number < 3 { 404 } else { 429 }, "{number}");
    }
}
