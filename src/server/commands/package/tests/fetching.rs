//! Packages from a registry that these tests serve.

use super::*;
use crate::commands::package::registry::Registry;
use crate::commands::package::resolve::{Resolved, resolve};
use crate::commands::package::source::Sources;
use crate::outgoing::{Hosts, Outgoing};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use sha1::{Digest as _, Sha1};
use sha2::{Digest, Sha512};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// What a registry answers, by path: status, where it leads, and the bytes.
type Answers = BTreeMap<String, (u16, String, Vec<u8>)>;

/// A registry on this machine.
#[derive(Default)]
struct Making {
    answers: Answers,
}

/// A package with one value set, and what it needs.
fn package(name: &str, version: &str, needs: &[(&str, &str)]) -> Vec<u8> {
    let needs: BTreeMap<&str, &str> = needs.iter().copied().collect();
    let manifest =
        json!({ "name": name, "version": version, "fhirVersions": ["4.0.1"], "dependencies": needs }).to_string();
    let mut set = value_set(&name.replace('.', "-"), version);
    set["url"] = format!("http://example.org/ValueSet/{name}").into();
    let making = super::Making(Builder::new(GzEncoder::new(Vec::new(), Compression::fast())));
    making.file("package/package.json", &manifest).resource(&set).bytes()
}

fn integrity(bytes: &[u8]) -> Value {
    json!(format!("sha512-{}", STANDARD.encode(Sha512::digest(bytes))))
}

fn shasum(bytes: &[u8]) -> Value {
    json!(Sha1::digest(bytes).iter().map(|it| format!("{it:02x}")).collect::<String>())
}

impl Making {
    /// Adds a version of a package.
    fn with(self, name: &str, version: &str, needs: &[(&str, &str)]) -> Making {
        let bytes = package(name, version, needs);
        let dist = json!({ "integrity": integrity(&bytes), "shasum": shasum(&bytes) });
        self.told(name, version, dist, bytes)
    }

    /// Adds bytes of which this is told.
    fn told(mut self, name: &str, version: &str, mut dist: Value, bytes: Vec<u8>) -> Making {
        let path = format!("/{name}/{version}");
        dist["tarball"] = format!("HERE{path}").into();
        let (_, _, known) = self.answers.entry(format!("/{name}")).or_insert((200, String::new(), b"{}".to_vec()));
        let mut all: Value = serde_json::from_slice(known).unwrap();
        all["versions"][version] = json!({ "dist": dist });
        *known = all.to_string().into_bytes();
        self.answers.insert(path, (200, String::new(), bytes));
        self
    }

    /// Has an address lead to another one.
    fn leading(mut self, from: &str, to: &str) -> Making {
        self.answers.insert(from.to_owned(), (302, to.to_owned(), Vec::new()));
        self
    }

    /// Serves it; it is asked by this program's guarded client.
    async fn serve(self) -> Sources {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = Arc::new(self.answers);
        let here = url.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut asked = [0; 2048];
                let read = stream.read(&mut asked).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&asked[..read]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default();
                let (status, location, body) = answers.get(path).cloned().unwrap_or((404, String::new(), Vec::new()));
                let body = match String::from_utf8(body) {
                    Ok(text) => text.replace("HERE", &here).into_bytes(),
                    Err(bytes) => bytes.into_bytes(),
                };
                let head = format!(
                    "HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(&body).await;
            }
        });
        sources(&url, "127.0.0.1")
    }
}

fn sources(url: &str, private: &str) -> Sources {
    let outgoing = Outgoing::trusting(private.parse().unwrap(), RootCertStore::empty()).unwrap();
    Sources::new("none".into(), Some(Registry::new(url, outgoing)))
}

async fn refused(sources: &Sources, named: &str) -> String {
    format!("{:#}", sources.open(named).await.unwrap_err())
}

fn ids(resolved: &Resolved) -> Vec<String> {
    resolved.archives.iter().map(|it| it.manifest.id()).collect()
}

#[tokio::test]
async fn a_package_is_fetched_in_the_version_that_is_asked_for() {
    let sources =
        Making::default().with("a.b", "1.2.0", &[]).with("a.b", "1.10.0", &[]).with("a.b", "2.0.0-ballot", &[]);
    let sources = sources.serve().await;
    for (named, found) in [("a.b@1.2.0", "a.b-1.2.0"), ("a.b@1.x", "a.b-1.10.0"), ("a.b", "a.b-2.0.0-ballot")] {
        assert_eq!(sources.open(named).await.unwrap().manifest.id(), found, "{named}");
    }
    let told = refused(&sources, "a.b@3.0.0").await;
    assert!(told.ends_with("it has no a.b@3.0.0; it has 2.0.0-ballot, 1.10.0, 1.2.0"), "{told}");
    assert!(refused(&sources, "a.c").await.contains("is not there (404)"));
    assert!(refused(&sources, "a b").await.contains("is no package's name"));
}

#[tokio::test]
async fn the_folder_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.b-1.0.0.tgz"), package("a.b", "1.0.0", &[])).unwrap();
    let nowhere =
        Registry::new("http://127.0.0.1:1", Outgoing::trusting(Hosts::default(), RootCertStore::empty()).unwrap());
    let sources = Sources::new(folder.path().into(), Some(nowhere));
    assert_eq!(sources.open("a.b").await.unwrap().manifest.id(), "a.b-1.0.0");
    let told = refused(&sources, "a.b@2.0.0").await;
    assert!(told.contains("has no a.b@2.0.0") && told.ends_with("only https is asked"), "{told}");
    let none = Sources::new(folder.path().into(), None);
    assert!(refused(&none, "a.c").await.ends_with("put its file into the folder, or name a registry"));
}

#[tokio::test]
async fn what_is_not_what_the_registry_tells_is_refused() {
    let (good, bad) = (package("a.b", "1.0.0", &[]), package("a.b", "1.0.1", &[]));
    let sources = Making::default()
        .told("one", "1", json!({ "integrity": integrity(&bad) }), good.clone())
        .told("two", "1", json!({ "shasum": shasum(&bad), "integrity": integrity(&good) }), good.clone())
        .told("three", "1", json!({}), good.clone())
        .told("four", "1", json!({ "shasum": shasum(&good) }), good);
    let sources = sources.serve().await;
    for (named, told) in [
        ("one", "one@1 is refused: its bytes are not those that the registry tells (sha512)"),
        ("two", "two@1 is refused: its bytes are not those that the registry tells (sha1)"),
        ("three", "three@1 is refused: the registry tells no digest of it, so that it could not be checked"),
        ("four", "four-1 is refused: it says of itself that it is a.b-1.0.0"),
    ] {
        let found = refused(&sources, named).await;
        assert!(found.ends_with(told), "{named}: {found}");
    }
}

#[tokio::test]
async fn redirects_are_followed_as_far_as_the_guard_lets() {
    let making = Making::default().with("a.b", "1.0.0", &[]).leading("/c", "/a.b").leading("/d", "/d");
    let sources = making.leading("/e", "http://10.0.0.1/e").leading("/f", "https://localhost/f").serve().await;
    let found = refused(&sources, "c").await;
    assert!(found.ends_with("c-1.0.0 is refused: it says of itself that it is a.b-1.0.0"), "{found}");
    assert!(refused(&sources, "d").await.contains("leads on more than 3 times"));
    assert!(refused(&sources, "e").await.contains("http://10.0.0.1/e: only https is asked"));
    assert!(refused(&sources, "f").await.contains("the host is in a private network"));
}

#[tokio::test]
async fn what_a_package_builds_on_is_installed_before_it() {
    let making = Making::default()
        .with("top", "1.0.0", &[("left", "1.0.x"), ("right", "1.0.0"), ("hl7.fhir.r4.core", "4.0.1")])
        .with("left", "1.0.3", &[("base", "1.0.0")])
        .with("right", "1.0.0", &[("base", "1.0.0"), ("top", "1.0.0"), ("lost", "1.0.0")])
        .with("base", "1.0.0", &[]);
    let sources = making.serve().await;
    let named = vec![sources.open("top").await.unwrap()];
    let resolved = resolve(named, &sources, &[]).await.unwrap();
    assert_eq!(ids(&resolved), ["base-1.0.0", "right-1.0.0", "left-1.0.3", "top-1.0.0"]);
    assert!(
        resolved.failed.len() == 1 && resolved.failed[0].starts_with("lost@1.0.0 could not be had: "),
        "{:?}",
        resolved.failed
    );

    let place = Place::new().await;
    for archive in &resolved.archives {
        assert!(install::install(&place.engine, &place.ctx, archive).await.unwrap().is_clean());
    }
    let there = record::installed(&place.engine, &place.ctx).await.unwrap();
    assert_eq!(there.len(), 4);
    let again = vec![sources.open("top").await.unwrap()];
    assert_eq!(ids(&resolve(again, &sources, &there).await.unwrap()), ["top-1.0.0"]);
}

#[tokio::test]
async fn packages_that_go_on_without_end_are_refused() {
    let names: Vec<String> = (0..70).map(|it| format!("p{it}")).collect();
    let mut making = Making::default();
    for (at, name) in names.iter().enumerate() {
        let next: Vec<(&str, &str)> = names.get(at + 1).map(|it| (it.as_str(), "1.0.0")).into_iter().collect();
        making = making.with(name, "1.0.0", &next);
    }
    let sources = making.serve().await;
    let named = vec![sources.open("p0").await.unwrap()];
    let told = resolve(named, &sources, &[]).await.err().unwrap().to_string();
    assert_eq!(told, "the packages build on more than 64 others");
}
