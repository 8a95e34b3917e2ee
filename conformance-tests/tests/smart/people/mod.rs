//! How people become users and change their accounts: invitations, registrations, forgotten passwords, addresses, and the mails
//! that go with it.

mod accounts;
mod enumeration;
mod forgotten;
mod invitations;
mod mails;
mod old_hashes;
mod registrations;

use super::place::{Browser, Person, Place};
use super::times::{Attempts, runs_out};
use conformance_tests::{Answer, Program, Server, eventually, unique};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::Instant;

/// A password that anybody may choose.
const PASSWORD: &str = "a password of some length";
const OTHER: &str = "another password of some length";

/// A server whose mails are files.
struct Post {
    program: Program,
    server: Server,
    folder: PathBuf,
}

impl Post {
    /// None when the cases run against another server.
    fn new(more: &[&str]) -> Option<Post> {
        let program = Program::fresh()?;
        let folder = program.directory().join("mails");
        let mail = format!("folder:{}", folder.display());
        let server = program.serve(&[&["--mail", &mail], more].concat());
        Some(Post { program, server, folder })
    }

    fn place(&self) -> Place<'_> {
        Place::of(&self.program, &self.server.root)
    }

    /// The mails that were sent, in the order in which they were written.
    fn all(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let files = files.map(|it| it.unwrap().path()).filter(|it| it.extension().is_some_and(|it| it == "eml"));
        let mails: BTreeMap<_, _> = files.map(|it| (it.clone(), std::fs::read_to_string(&it).unwrap())).collect();
        mails.into_values().collect()
    }

    /// The last mail of so many, once they are there.
    async fn mail(&self, count: usize) -> String {
        let all = eventually(&format!("mail {count}"), async || Some(self.all()).filter(|it| it.len() >= count)).await;
        assert_eq!(all.len(), count, "{all:#?}");
        all[count - 1].clone()
    }

    /// The path and query of the link in it, below the server.
    async fn link(&self, count: usize) -> String {
        link(&self.mail(count).await, &self.server.root)
    }
}

/// The link of a mail, which must begin like this.
#[track_caller]
fn link(mail: &str, root: &str) -> String {
    let line = mail.lines().find(|it| it.starts_with("http")).unwrap_or_else(|| panic!("no link in {mail}"));
    let link = line.trim().strip_prefix(root).unwrap_or_else(|| panic!("{line} is not at {root}"));
    link.to_owned()
}

/// Parameters of an operation.
fn parameters(pairs: &[(&str, &str)]) -> Value {
    let parameter: Vec<Value> = pairs.iter().map(|(name, it)| json!({"name": name, "valueString": it})).collect();
    match parameter.is_empty() {
        true => json!({"resourceType": "Parameters"}),
        false => json!({"resourceType": "Parameters", "parameter": parameter}),
    }
}

/// A user who is a Practitioner with this address.
async fn user_with(place: &Place<'_>, email: &str) -> Person {
    let name = format!("u{}", unique());
    let resource = json!({"resourceType": "Practitioner", "name": [{"family": "Weiss", "given": ["Ana"]}]});
    let user = format!("Practitioner/{}", place.admin.create(&resource).await);
    let pairs = [("username", &*name), ("password", PASSWORD), ("user", &user), ("email", email)];
    place.admin.post("$create-user", &parameters(&pairs)).await.expect(200);
    Person { name, password: PASSWORD.into() }
}

/// Signs in and tells how that ended.
async fn signs_in(place: &Place<'_>, name: &str, password: &str) -> u16 {
    let mut browser = Browser::new(place);
    let page = browser.get("account").await.expect(200);
    let person = Person { name: name.into(), password: password.into() };
    browser.sign_in(&page, &person).await.status
}

/// Opens a page of the tenant, fills its form in and sends it.
async fn fill(place: &Place<'_>, at: &str, endpoint: &str, fields: &[(&str, &str)]) -> Answer {
    let mut browser = Browser::new(place);
    let page = browser.get(at).await.expect(200);
    browser.submit(&page, endpoint, fields).await
}
