//! HTTP around FHIR: limits, compression, status codes, health, and pages for people (http.html).

use conformance_tests::{Client, foreign_base, program, records, samples::*, skipped};
use serde_json::{Value, json};

/// The server's own root, `http://host:port`; none when the cases run against another server.
fn root() -> Option<&'static str> {
    match foreign_base() {
        Some(_) => {
            skipped("only the server's own root is known");
            None
        }
        None => Some(&program().1),
    }
}

const FHIR_JSON: &str = "application/fhir+json";

/// RFC 7231 §6.5.11: "413 Payload Too Large", whether or not the length is told beforehand.
#[tokio::test]
async fn a_body_too_large_is_413() {
    let client = Client::fresh();
    let mut body = br#"{"resourceType": "Patient""#.to_vec();
    body.resize(160 << 20, b' ');
    let answer = client.call("POST", "Patient").body(FHIR_JSON, body).attempt().await;
    // A server may close the connection while the client still sends.
    if let Ok(answer) = answer {
        answer.expect_outcome(413..=413);
    }
    client.get("metadata").await.expect(200);
}

/// A body whose announced length is too large is refused before it is sent.
#[tokio::test]
async fn an_announced_length_too_large_is_413_at_once() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let Some(root) = root() else { return };
    let client = Client::fresh();
    let address = root.trim_start_matches("http://");
    let path = client.base.trim_start_matches(root);
    let mut socket = tokio::net::TcpStream::connect(address).await.expect("the server listens");
    let head = format!(
        "POST {path}/Patient HTTP/1.1\r\nhost: {address}\r\n{}content-type: {FHIR_JSON}\r\ncontent-length: 99999999999\r\n\
         connection: close\r\n\r\n{{",
        client.authorization().map(|it| format!("authorization: {it}\r\n")).unwrap_or_default()
    );
    socket.write_all(head.as_bytes()).await.expect("the head is sent");
    let mut answer = vec![0; 12];
    socket.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 413");
}

/// JSON of any depth is answered, not obeyed to the end of the stack.
#[tokio::test]
async fn json_too_deep_is_refused() {
    let client = Client::fresh();
    for (open, close) in [("[", "]"), (r#"{"extension":["#, "]}"), (r#"{"a":"#, "}")] {
        for depth in [1_000, 200_000] {
            let body = format!(r#"{{"resourceType":"Patient","name":{}1{}}}"#, open.repeat(depth), close.repeat(depth));
            client.call("POST", "Patient").body(FHIR_JSON, body).send().await.expect_outcome(400..=422);
        }
    }
    let deep = format!("Patient?name={}", "a.".repeat(10_000));
    client.get(&deep).await.expect_in(200..=431);
    client.get("metadata").await.expect(200);
}

/// A Bundle of too many entries is refused.
#[tokio::test]
async fn too_many_entries_are_refused() {
    let client = Client::fresh();
    let entry = r#"{"request":{"method":"GET","url":"Patient/1"}}"#;
    let entries = vec![entry; 300_000].join(",");
    let body = format!(r#"{{"resourceType":"Bundle","type":"batch","entry":[{entries}]}}"#);
    client.call("POST", "").body(FHIR_JSON, body).send().await.expect_outcome(400..=422);
}

/// RFC 7231 §3.1.2.2: a body in gzip is a body.
#[tokio::test]
async fn a_body_in_gzip_is_taken() {
    let client = Client::fresh();
    let packed = records::gzip(patient("gzip").to_string().as_bytes());
    let call = client.call("POST", "Patient").header("content-encoding", "gzip").body(FHIR_JSON, packed.clone());
    let id = call.send().await.expect(201).id();
    assert_eq!(client.read(&format!("Patient/{id}")).await["identifier"][0]["value"], "gzip");
    let torn = packed[..packed.len() / 2].to_vec();
    for bad in [torn, b"no gzip".to_vec(), Vec::new()] {
        let call = client.call("POST", "Patient").header("content-encoding", "gzip").body(FHIR_JSON, bad);
        call.send().await.expect_outcome(400..=400);
    }
    let call = client.call("POST", "Patient").header("content-encoding", "sandwich").body(FHIR_JSON, packed);
    call.send().await.expect_outcome(415..=415);
}

/// RFC 7231 §5.3.4: answers are packed when the client takes gzip, and only then.
#[tokio::test]
async fn an_answer_is_in_gzip_when_asked() {
    let client = Client::fresh();
    let names: Vec<Value> = (0..200).map(|_| json!({"family": "Repeated"})).collect();
    let path = format!("Patient/{}", client.create(&with(patient("packed"), json!({"name": names}))).await);
    let packed = client.call("GET", &path).header("accept-encoding", "gzip").send().await.expect(200);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.needed_header("vary").to_ascii_lowercase().contains("accept-encoding"));
    let plain = client.get(&path).await.expect(200);
    assert_eq!(plain.header("content-encoding"), None);
    assert!(packed.bytes.len() < plain.bytes.len() / 4);
    assert_eq!(records::gunzip(&packed.bytes), plain.bytes);
    let refused = client.call("GET", &path).header("accept-encoding", "gzip;q=0").send().await.expect(200);
    assert_eq!(refused.header("content-encoding"), None);
}

/// RFC 7231 §6.5.5: "405 Method Not Allowed … Allow".
#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_405() {
    let client = Client::fresh();
    let id = client.create(&patient("method")).await;
    for (method, path) in [
        ("POST", format!("Patient/{id}")),
        ("PUT", String::new()),
        ("DELETE", String::new()),
        ("PUT", "metadata".into()),
        ("PUT", format!("Patient/{id}/_history")),
        ("DELETE", "Patient/_search".into()),
    ] {
        let answer = client.call(method, &path).json(&patient("method")).send().await;
        assert!(!answer.clone().expect(405).needed_header("allow").is_empty(), "{method} {path}");
        answer.expect_outcome(405..=405);
    }
}

/// http.html#Status-Codes: what is no address of FHIR is 404, with an outcome.
#[tokio::test]
async fn an_address_of_nothing_is_404() {
    let client = Client::fresh();
    for path in
        ["Patient/1/2/3/4", "Patient/1/Dragon", "nothing", "Patient/1/_history/1/2", "_nothing", "%00", "Patient//1"]
    {
        client.get(path).await.expect_outcome(400..=404);
    }
    if let Some(root) = root() {
        client.get(&format!("{root}/nowhere")).await.expect(404);
        client.get(&format!("{root}/fhir/../../etc/passwd")).await.expect_in(400..=404);
    }
}

/// Each answer carries a request id; a client's own is given back.
#[tokio::test]
async fn the_request_id_is_echoed() {
    let client = Client::fresh();
    let call = client.call("GET", "metadata").header("x-request-id", "case-4711");
    assert_eq!(call.send().await.expect(200).header("x-request-id"), Some("case-4711"));
    let own = client.get("Patient/absent").await.needed_header("x-request-id").to_owned();
    assert_ne!(own, client.get("Patient/absent").await.needed_header("x-request-id"));
    let call = client.call("GET", "metadata").header("x-request-id", &"x".repeat(5000));
    assert!(call.send().await.expect_in(200..=431).header("x-request-id").is_none_or(|it| it.len() < 1000));
}

/// Probes for an orchestrator, and figures for Prometheus, without a token.
#[tokio::test]
async fn health_and_metrics_are_told() {
    let Some(root) = root() else { return };
    let client = Client::fresh();
    client.get("Patient").await.expect(200);
    let open = client.with_token(None);
    for probe in ["livez", "readyz"] {
        open.get(&format!("{root}/{probe}")).await.expect(200);
    }
    let metrics = open.get(&format!("{root}/metrics")).await.expect(200);
    assert!(metrics.needed_header("content-type").starts_with("text/plain"));
    let text = metrics.text();
    assert!(text.lines().any(|line| line.starts_with("# TYPE ") && line.ends_with("histogram")), "{text}");
    assert!(text.lines().any(|line| line.contains("request") && line.contains("200")), "{text}");
}

/// A browser gets a page, with a policy that lets no outside script in.
#[tokio::test]
async fn a_browser_gets_a_page() {
    let client = Client::fresh();
    let person = with(patient("<script>alert(1)</script>"), json!({"gender": "female"}));
    let id = client.create(&person).await;
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in [
        format!("Patient/{id}"),
        "Patient".into(),
        "Patient/absent".into(),
        "metadata".into(),
        format!("Patient/{id}/_history"),
    ] {
        let page = client.call("GET", &path).header("accept", accept).send().await;
        assert!(page.needed_header("content-type").starts_with("text/html"), "{path}");
        let policy = page.needed_header("content-security-policy");
        assert!(policy.contains("default-src 'none'") || policy.contains("default-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("unsafe-eval"), "{policy}");
        assert!(!page.text().contains("<script>alert"), "{path} is not escaped");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    }
    let json = client.call("GET", &format!("Patient/{id}?_format=json")).header("accept", accept).send().await;
    assert!(json.needed_header("content-type").starts_with(FHIR_JSON));
}

/// The start page is there for whoever comes first.
#[tokio::test]
async fn the_root_is_a_start_page() {
    let Some(root) = root() else { return };
    let page =
        Client::new(root, None).call("GET", &format!("{root}/")).header("accept", "text/html").send().await.expect(200);
    assert!(page.needed_header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").is_some());
}
