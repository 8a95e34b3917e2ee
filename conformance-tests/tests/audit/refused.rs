//! Requests that are refused before it is known what they ask for leave an event as well.

use super::{events, own_tenant};
use conformance_tests::{Client, Program, eventually, samples::*};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;

/// The events of a request with this name.
async fn of(client: &Client, request: &str) -> Vec<Value> {
    let is_of = |it: &Value| {
        let entities = it["entity"].as_array().into_iter().flatten();
        entities.map(|it| &it["what"]["identifier"]["value"]).any(|it| it == request)
    };
    events(client, "outcome=4,8&_count=100").await.into_iter().filter(is_of).collect()
}

/// One event each, with who asked and how it went: methods, addresses and media types that are not served, and bodies that are
/// none.
#[tokio::test]
async fn every_refusal_leaves_one_event() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("refused")).await;
    let path = format!("Patient/{id}");
    let call = |method: &str, path: &str| client.call(method, path);
    for (at, (call, status)) in [
        (call("DELETE", "metadata"), 405),
        (call("POST", &path).json(&patient("p")), 405),
        (call("TRACE", &path), 405),
        (call("GET", &format!("{path}/nothing/at/all")), 404),
        (call("GET", "Nothing/1"), 404),
        (call("GET", &path).header("accept", "image/png"), 406),
        (call("GET", &path).header("accept", "application/fhir+ndjson"), 406),
        (call("PUT", &path).body("text/plain", "x"), 415),
        (call("PUT", &path).body("application/fhir+xml", "<Patient"), 400),
        (call("PUT", &path).header("content-encoding", "rot13").body("application/fhir+json", "{}"), 415),
        (call("POST", "Patient/_search").body("application/json", "{}"), 415),
    ]
    .into_iter()
    .enumerate()
    {
        let request = format!("refused-{at}");
        call.header("x-request-id", &request).send().await.expect(status);
        let left = of(&client, &request).await;
        assert_eq!(left.len(), 1, "{at}: {left:#?}");
        assert_eq!(left[0]["outcomeDesc"], format!("HTTP {status}"), "{at}");
        assert_eq!(left[0]["agent"][0]["altId"], "medisync-token", "{at}");
        assert!(left[0]["agent"][0]["network"]["address"].is_string(), "{at}");
    }
    // What everybody may know leaves none, however it is asked for.
    let call = client.call("GET", "metadata").header("accept", "image/png").header("x-request-id", "public");
    call.send().await.expect(406);
    assert!(of(&client, "public").await.is_empty());
}

/// Of a patient whom such a request names the event is found by the patient.
#[tokio::test]
async fn a_refusal_names_its_patient() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("refused")).await;
    client.call("GET", &format!("Patient/{id}")).header("accept", "image/png").send().await.expect(406);
    let left = events(&client, &format!("patient=Patient/{id}&outcome=4")).await;
    assert_eq!(left.len(), 1);
    assert_eq!((&left[0]["action"], left[0].get("subtype")), (&json!("R"), None));
}

/// A request that takes longer than the server allows, here as its body does not come, leaves an event too.
#[tokio::test]
async fn a_request_that_took_too_long_leaves_an_event() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("slow");
    let token = program.token("slow", "system/*.*");
    // Enough for those that look for its event.
    let server = program.serve(&["--request-time", "10s"]);
    let client = Client::new(&server.base("slow"), Some(token.clone()));
    let mut stream = TcpStream::connect(server.root.trim_start_matches("http://")).expect("a connection");
    let head = format!(
        "POST /fhir/slow/Patient HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nX-Request-Id: slow\r\n\
         Content-Type: application/fhir+json\r\nContent-Length: 100\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).expect("it is sent");
    let left = async || Some(of(&client, "slow").await).filter(|it| !it.is_empty());
    let left = eventually("an event", left).await;
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!(left[0]["agent"][0]["altId"], "medisync-token");
}
