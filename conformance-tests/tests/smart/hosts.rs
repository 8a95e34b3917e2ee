//! Host headers that somebody made up: what is built on them would lead elsewhere.

use conformance_tests::{Answer, Client, Program, Server};

/// A server that others reach too, and its port; none when the cases run against another server.
fn reachable(program: &Program, more: &[&str]) -> (Server, String) {
    let fixed = ["serve", "--listen", "0.0.0.0:0", "--database", program.database()];
    let server = Server::start(&mut program.command(&[&fixed, more].concat()));
    let port = server.root.rsplit_once(':').unwrap().1.to_owned();
    (server, port)
}

async fn asked_as(port: &str, host: &str, path: &str) -> Answer {
    let client = Client::new(&format!("http://127.0.0.1:{port}"), None);
    client.call("GET", path).header("host", host).send().await
}

/// The places whose answers hold addresses of this server.
const PLACES: [&str; 5] = [
    "fhir/north/.well-known/smart-configuration",
    "auth/north/.well-known/openid-configuration",
    ".well-known/oauth-authorization-server/auth/north",
    "fhir/north/metadata",
    "",
];

/// Without base-url, on an address that strangers reach, only hosts that are surely the server's own are answered.
#[tokio::test]
async fn a_host_that_is_made_up_is_misdirected() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("north");
    let (_server, port) = reachable(&program, &["--tenant-hosts", "fhir.example.org"]);
    for place in PLACES {
        for host in ["evil.example", "10.9.8.7", "localhost.evil.example", "evilfhir.example.org"] {
            let told = asked_as(&port, host, place).await.expect(421).text();
            assert!(told.contains("base-url") && !told.contains(host), "{told}");
        }
        for host in [&*format!("127.0.0.1:{port}"), &*format!("localhost:{port}"), "fhir.example.org"] {
            asked_as(&port, host, place).await.expect(200);
        }
    }
    asked_as(&port, "evil.example", "livez").await.expect(200);
    let issuer = asked_as(&port, &format!("127.0.0.1:{port}"), PLACES[0]).await.json()["issuer"].clone();
    assert_eq!(issuer, format!("http://127.0.0.1:{port}/auth/north"));
}

/// With base-url all is built on that, whatever the header says.
#[tokio::test]
async fn with_a_base_url_the_host_is_not_heeded() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("north");
    let (_server, port) = reachable(&program, &["--base-url", "https://fhir.example.org"]);
    for place in PLACES {
        let answer = asked_as(&port, "evil.example", place).await.expect(200);
        assert!(!answer.text().contains("evil.example"), "{place}");
    }
    let issuer = asked_as(&port, "evil.example", PLACES[0]).await.json()["issuer"].clone();
    assert_eq!(issuer, "https://fhir.example.org/auth/north");
}
