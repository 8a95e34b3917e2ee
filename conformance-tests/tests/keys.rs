//! Tenants' keys under a master key, and erasing a tenant (docs/operator.md#keys).

use crate::audit::events;
use conformance_tests::{Client, Program, Server, samples::*};
use serde_json::{Value, json};
use std::process::Output;

pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A program whose master keys are in a file of its own.
pub(crate) struct House {
    pub(crate) program: Program,
    keys: String,
}

impl House {
    pub(crate) fn new() -> Option<House> {
        let program = Program::fresh()?;
        let path = program.directory().join("keys-of-the-house");
        std::fs::write(&path, "first AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").expect("a file");
        let keys = format!("file:{}", path.display());
        Some(House { program, keys })
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.program.run(&[arguments, &["--master-key", &self.keys]].concat())
    }

    #[track_caller]
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        self.program.succeed(&[arguments, &["--master-key", &self.keys]].concat())
    }

    pub(crate) fn token(&self, tenant: &str) -> Option<String> {
        Some(self.succeed(&["token", "--tenant", tenant, "--scope", "system/*.*"]).trim().to_owned())
    }

    pub(crate) fn serve(&self) -> Server {
        self.program.serve(&["--master-key", &self.keys])
    }

    /// A server, and a token of tenant north, which has a Patient `a`.
    pub(crate) async fn filled(&self) -> (Server, Option<String>) {
        self.succeed(&["tenant", "create", "north"]);
        let (server, token) = (self.serve(), self.token("north"));
        north(&server, &token).put("Patient/a", &named("a")).await.expect(201);
        (server, token)
    }

    /// The file of master keys.
    fn file(&self) -> &str {
        self.keys.strip_prefix("file:").expect("a file")
    }

    /// Erases tenant north; the certificate's file.
    pub(crate) fn erase(&self, more: &[&str]) -> (Output, String) {
        let file = self.program.directory().join("certificate.jws").display().to_string();
        let erase = ["tenant", "erase", "north", "--reason", "The contract ended.", "--certificate", &file];
        (self.run(&[&erase[..], more].concat()), file)
    }
}

pub(crate) fn named(id: &str) -> Value {
    with(patient(id), json!({"id": id}))
}

/// A client of tenant north.
pub(crate) fn north(server: &Server, token: &Option<String>) -> Client {
    Client::new(&server.base("north"), token.clone())
}

/// The master key is changed while a tenant is served: all goes on, by the new key alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_key_is_rotated_while_serving() {
    let Some(house) = House::new() else { return };
    let (server, token) = house.filled().await;
    let client = north(&server, &token);
    assert_eq!(house.succeed(&["keys", "list"]), "first\t1\n");
    house.succeed(&["keys", "add", "--id", "second"]);
    house.succeed(&["keys", "rotate"]);
    assert_eq!(house.succeed(&["keys", "list"]), "second\t1\n");
    client.get("Patient/a").await.expect(200);
    house.succeed(&["tenant", "create", "south"]);
    Client::new(&server.base("south"), house.token("south")).get("Patient").await.expect(200);
    server.stop();

    // The former key is no longer needed.
    let ring = std::fs::read_to_string(house.file()).expect("the file");
    let second = ring.lines().find(|it| it.starts_with("second ")).expect("the new key");
    std::fs::write(house.file(), second).expect("a file");
    north(&house.serve(), &token).get("Patient/a").await.expect(200);
}

/// Without the master key that wrapped a tenant's keys nothing of the tenant's is served, and it is said why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_master_key_opens_nothing() {
    let Some(house) = House::new() else { return };
    let (server, token) = house.filled().await;
    server.stop();
    std::fs::write(house.file(), "other ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n").expect("a file");
    let refused = house.run(&["token", "--tenant", "north", "--scope", "system/*.*"]);
    assert!(!refused.status.success() && told(&refused).contains("master key first"), "{}", told(&refused));
    let read = north(&house.serve(), &token).get("Patient/a").await;
    assert_eq!(read.status, 503, "{}", read.text());
}

/// What is erased is gone, its name is nobody's, and a signed certificate says what there was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erased_tenant_is_gone_and_certified() {
    let Some(house) = House::new() else { return };
    let (server, token) = house.filled().await;
    let client = north(&server, &token);
    client.put("Patient/a", &with(named("a"), json!({"birthDate": "1970"}))).await.expect(200);
    server.stop();
    let (wrong, _) = house.erase(&["--confirm", "south"]);
    assert!(!wrong.status.success() && told(&wrong).contains("nothing was erased"), "{}", told(&wrong));
    let (erased, file) = house.erase(&["--confirm", "north"]);
    assert!(erased.status.success(), "{}", told(&erased));

    let verified = house.succeed(&["tenant", "erased", "--verify", &file]);
    let end = verified.rfind('}').expect("an object");
    let certificate: Value = serde_json::from_str(&verified[..=end]).expect("the certificate");
    assert_eq!((&certificate["tenant"], &certificate["reason"]), (&"north".into(), &"The contract ended.".into()));
    let patients = json!({"type": "Patient", "resources": 1, "versions": 2});
    assert!(certificate["resources"].as_array().expect("types").contains(&patients), "{certificate}");
    assert_eq!(certificate["keys"]["master_key"], "first");
    assert!(house.succeed(&["tenant", "erased"]).starts_with("north\t"));

    let signed = std::fs::read_to_string(&file).expect("the certificate");
    let changed = signed.replacen('.', ".e30", 1);
    std::fs::write(&file, changed).expect("a file");
    assert!(!house.run(&["tenant", "erased", "--verify", &file]).status.success(), "it was changed");

    // Its own log went with it: the platform's tells of it.
    assert_eq!(house.succeed(&["tenant", "list"]), "platform\n");
    let again = house.run(&["tenant", "create", "north"]);
    assert!(!again.status.success(), "the name is nobody's");
    assert!(!house.erase(&["--confirm", "north"]).0.status.success(), "it is erased");
    let platform = house.token("platform");
    let server = house.serve();
    let read = north(&server, &token).get("Patient/a").await;
    assert_eq!(read.status, 404, "{}", read.text());
    let log = Client::new(&server.base("platform"), platform);
    let told = events(&log, "type=http://dicom.nema.org/resources/ontology/DCM|110113&subtype=destroy").await;
    assert_eq!(told.len(), 2, "it was begun, and done");
    assert!(told.iter().all(|it| it["entity"][0]["name"] == "north"), "{told:#?}");
}

/// A tenant that is served is not erased by mistake; where servers share a database, `--now` has all of them stop at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_served_tenant_is_erased_on_purpose_only() {
    let Some(house) = House::new() else { return };
    let (server, token) = house.filled().await;
    let client = north(&server, &token);
    let (refused, _) = house.erase(&["--confirm", "north"]);
    assert!(!refused.status.success(), "it is served");
    client.get("Patient/a").await.expect(200);
    let (now, _) = house.erase(&["--confirm", "north", "--now"]);
    if house.program.database().starts_with("postgres") {
        assert!(now.status.success(), "{}", told(&now));
        let read = client.get("Patient/a").await;
        assert!(matches!(read.status, 404 | 410), "{}", read.text());
        let written = client.put("Patient/b", &named("b")).await;
        assert!(matches!(written.status, 404 | 410), "{}", written.text());
    } else {
        assert!(!now.status.success() && told(&now).contains("stop it first"), "{}", told(&now));
        client.get("Patient/a").await.expect(200);
    }
    server.stop();
}
