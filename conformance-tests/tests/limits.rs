//! Each limit of the server is a setting, keeps what is below it, and is answered by an OperationOutcome.

use conformance_tests::{Call, Client, Program, Server, records, samples::*};
use serde_json::{Value, json};

/// A server with this one setting, and a client of a tenant in it. The program keeps the data.
fn limited(setting: &[&str]) -> Option<(Program, Server, Client)> {
    let program = Program::fresh()?;
    program.create_tenant("small");
    let server = program.serve(setting);
    let client = Client::new(&server.base("small"), Some(program.token("small", "system/*.*")));
    Some((program, server, client))
}

/// A Patient whose text has this many bytes.
fn sized(bytes: usize) -> String {
    let empty = patient("").to_string().len();
    patient(&"x".repeat(bytes - empty)).to_string()
}

fn posted(client: &Client, body: impl Into<Vec<u8>>) -> Call {
    client.call("POST", "Patient").body("application/fhir+json", body.into())
}

/// RFC 7231 §6.5.11: 413
#[tokio::test]
async fn the_size_of_a_body_is_limited() {
    let Some((_program, _server, client)) = limited(&["--max-body", "2KiB"]) else { return };
    posted(&client, sized(2048)).send().await.expect(201);
    posted(&client, sized(2049)).send().await.expect_outcome(413..=413);
}

/// RFC 7231 §6.5.11: 413 for what a small body holds, too
#[tokio::test]
async fn the_size_of_what_a_body_unpacks_to_is_limited() {
    let Some((_program, _server, client)) = limited(&["--max-unpacked", "10KiB"]) else { return };
    let packed = |bytes| posted(&client, records::gzip(sized(bytes).as_bytes())).header("content-encoding", "gzip");
    packed(10 << 10).send().await.expect(201);
    packed((10 << 10) + 1).send().await.expect_outcome(413..=413);
    let bomb = records::gzip(&vec![b' '; 256 << 20]);
    assert!(bomb.len() < 4 << 20, "the bomb is small");
    posted(&client, bomb).header("content-encoding", "gzip").send().await.expect_outcome(413..=413);
}

/// http.html#Status-Codes: 400 or 422
#[tokio::test]
async fn the_depth_of_json_is_limited() {
    let Some((_program, _server, client)) = limited(&["--max-json-depth", "12"]) else { return };
    let nested = |levels: usize| {
        let mut extension = json!({"url": "urn:leaf", "valueBoolean": true});
        for _ in 1..levels {
            extension = json!({"url": "urn:node", "extension": [extension]});
        }
        with(patient("deep"), json!({"extension": [extension]})).to_string()
    };
    // The resource is one level, and each extension two: its array and itself.
    posted(&client, nested(5)).send().await.expect(201);
    posted(&client, nested(6)).send().await.expect_outcome(400..=422);
}

/// http.html#transaction: a server may refuse what is too much for it
#[tokio::test]
async fn the_entries_of_a_bundle_are_limited() {
    let Some((_program, _server, client)) = limited(&["--max-bundle-entries", "3"]) else { return };
    let entries = |count: usize| -> Vec<Value> { vec![bare_entry("GET", "metadata"); count] };
    for kind in ["batch", "transaction"] {
        client.bundle(kind, entries(3)).await.expect(200);
        client.bundle(kind, entries(4)).await.expect_outcome(400..=422);
    }
}

/// search.html#count: "servers … may return less"; the next link goes on
#[tokio::test]
async fn the_size_of_a_page_is_limited() {
    let Some((_program, _server, client)) = limited(&["--default-count", "2", "--max-count", "3"]) else { return };
    for _ in 0..5 {
        client.create(&patient("page")).await;
    }
    for (query, expected) in [("Patient", 2), ("Patient?_count=3", 3), ("Patient?_count=100", 3)] {
        let page = client.page(query).await;
        assert_eq!(page.ids().len(), expected, "{query}");
        assert!(page.link("next").is_some());
    }
    assert_eq!(client.found("Patient?_count=100").await.len(), 5);
}

/// RFC 7231 §6.5.7 and §6.6: the client hears in time that it took too long
#[tokio::test]
async fn the_time_of_a_request_is_limited() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Some((_program, server, client)) = limited(&["--request-time", "1s"]) else { return };
    let address = server.root.trim_start_matches("http://").to_owned();
    let mut socket = tokio::net::TcpStream::connect(&address).await.expect("the server listens");
    let head = format!(
        "POST /fhir/small/Patient HTTP/1.1\r\nhost: {address}\r\nauthorization: {}\r\n\
         content-type: application/fhir+json\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{{",
        client.authorization().expect("a token")
    );
    socket.write_all(head.as_bytes()).await.expect("the head is sent");
    let mut answer = String::new();
    let read = tokio::time::timeout(std::time::Duration::from_secs(120), socket.read_to_string(&mut answer));
    read.await.expect("an answer in time").expect("an answer");
    let status = answer.split(' ').nth(1).unwrap_or_default();
    assert!(["408", "503", "504"].contains(&status), "{answer}");
    assert!(answer.contains("OperationOutcome"), "{answer}");
}
