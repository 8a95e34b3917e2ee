//! A 2xx is a promise: what was acknowledged outlives the server, and no transaction is there by half.

use conformance_tests::{Client, Program, samples::*};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

const CLIENTS: usize = 6;

/// The program over an empty directory with the tenant `kept`.
fn with_tenant() -> Option<(Program, String)> {
    let program = Program::fresh()?;
    program.create_tenant("kept");
    let token = program.token("kept", "system/*.*");
    Some((program, token))
}

/// Sends what `body` makes of running numbers, from several clients, until the server is gone; returns the
/// numbers that were acknowledged, and tells of each.
async fn stream(
    client: &Client,
    path: fn(usize) -> String,
    body: fn(usize) -> Value,
    told: Arc<Notify>,
) -> BTreeSet<usize> {
    let mut senders = JoinSet::new();
    for first in 0..CLIENTS {
        let (client, told) = (client.clone(), told.clone());
        senders.spawn(async move {
            let mut acknowledged = Vec::new();
            for number in (first..).step_by(CLIENTS) {
                let method = if path(number).is_empty() { "POST" } else { "PUT" };
                match client.call(method, &path(number)).json(&body(number)).attempt().await {
                    Ok(answer) => {
                        answer.expect_in(200..=201);
                        acknowledged.push(number);
                        told.notify_one();
                    }
                    Err(_) => break,
                }
            }
            acknowledged
        });
    }
    senders.join_all().await.into_iter().flatten().collect()
}

/// Starts a server, streams to it, and kills it after a while, when it has acknowledged something; what it had until then.
async fn killed_in_the_middle(
    program: &Program,
    token: &str,
    after: Duration,
    path: fn(usize) -> String,
    body: fn(usize) -> Value,
) -> BTreeSet<usize> {
    let server = program.serve(&[]);
    let client = Client::new(&server.base("kept"), Some(token.to_owned()));
    let told = Arc::new(Notify::new());
    let is_used = told.clone();
    let killer = tokio::spawn(async move {
        tokio::time::sleep(after).await;
        is_used.notified().await;
        server.kill();
    });
    let acknowledged = stream(&client, path, body, told.clone()).await;
    // Where the server went by itself, nobody is waited for.
    told.notify_one();
    killer.await.expect("the server is killed");
    acknowledged
}

/// http.html#create: "201 Created" says that the resource is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_a_kill() {
    for millis in [150, 600, 1500] {
        let Some((program, token)) = with_tenant() else { return };
        let path = |number| format!("Patient/p-{number}");
        let body = |number| with(patient("kept"), json!({"id": format!("p-{number}")}));
        let acknowledged = killed_in_the_middle(&program, &token, Duration::from_millis(millis), path, body).await;
        let server = program.serve(&[]);
        let client = Client::new(&server.base("kept"), Some(token));
        for number in &acknowledged {
            let read = client.read(&format!("Patient/p-{number}")).await;
            assert_eq!(read["identifier"][0]["value"], "kept");
        }
        let found = client.found("Patient?identifier=kept&_count=200").await;
        assert!(acknowledged.iter().all(|number| found.contains(&format!("p-{number}"))), "search knows them all");
        assert!(found.len() <= acknowledged.len() + CLIENTS, "no more than was under way was added");
        assert!(!acknowledged.is_empty());
        client.create(&patient("afterwards")).await;
    }
}

const PARTS: usize = 8;

fn parts(number: usize) -> Vec<String> {
    (0..PARTS).map(|part| format!("b-{number}-{part}")).collect()
}

fn bundle(number: usize) -> Value {
    let put = |id: String| entry("PUT", &format!("Patient/{id}"), with(patient("part"), json!({"id": id})));
    let entries: Vec<Value> = parts(number).into_iter().map(put).collect();
    json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})
}

/// http.html#transaction: all or nothing, whatever happens to the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_transaction_is_there_by_half_after_a_kill() {
    for millis in [200, 700, 1500] {
        let Some((program, token)) = with_tenant() else { return };
        let after = Duration::from_millis(millis);
        let acknowledged = killed_in_the_middle(&program, &token, after, |_| String::new(), bundle).await;
        let server = program.serve(&[]);
        let client = Client::new(&server.base("kept"), Some(token));
        let last = acknowledged.last().copied().unwrap_or_default() + 2 * CLIENTS;
        for number in 0..=last {
            let mut there = 0;
            for id in parts(number) {
                there += usize::from(client.get(&format!("Patient/{id}")).await.status == 200);
            }
            let expected: &[usize] = if acknowledged.contains(&number) { &[PARTS] } else { &[0, PARTS] };
            assert!(expected.contains(&there), "{there} of {PARTS} resources of Bundle {number} are there");
        }
    }
}

/// SIGTERM: a request that is under way is answered, then the server ends with 0.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_termination_lets_requests_end() {
    let Some((program, token)) = with_tenant() else { return };
    let server = program.serve(&[]);
    let address = server.root.trim_start_matches("http://").to_owned();
    let body = with(patient("drained"), json!({"id": "drained"})).to_string();
    let (first, second) = body.split_at(body.len() / 2);
    let mut socket = TcpStream::connect(&address).await.expect("the server listens");
    let head = format!(
        "PUT /fhir/kept/Patient/drained HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/fhir+json\r\ncontent-length: {}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.expect("the head is sent");
    // RFC 9110 section 10.1.1: it waits for the body now.
    let mut asked = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    socket.read_exact(&mut asked).await.expect("it asks for the body");
    assert!(asked.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&asked));
    socket.write_all(first.as_bytes()).await.expect("half is sent");
    server.terminate();
    tokio::time::sleep(Duration::from_millis(200)).await;
    socket.write_all(second.as_bytes()).await.expect("the connection is still open");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let end = tokio::task::spawn_blocking(move || server.wait()).await.expect("it ends");
    assert_eq!(end.code(), Some(0));
    let again = program.serve(&[]);
    Client::new(&again.base("kept"), Some(token)).get("Patient/drained").await.expect(200);
}

/// SIGTERM without anything under way ends the server long before it would cut requests off, with 0.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_termination_of_an_idle_server_is_quick() {
    let Some((program, token)) = with_tenant() else { return };
    let server = program.serve(&["--drain-time", "600s"]);
    // The connection of this client stays open, idle.
    let client = Client::new(&server.base("kept"), Some(token));
    client.get("Patient").await.expect(200);
    server.terminate();
    let end = tokio::time::timeout(Duration::from_secs(120), tokio::task::spawn_blocking(move || server.wait()));
    assert_eq!(end.await.expect("within two minutes").expect("it ends").code(), Some(0));
}
