//! The audit log (auditevent.html): what each interaction leaves, and how it is read.

mod events;
mod everywhere;
mod export;
mod failed;
mod kept;
mod pointing;
mod provenance;
mod refused;
mod searches;
mod throttled;
pub mod unlooked;
mod verified;
mod waiting;

use conformance_tests::{Client, foreign_base, program, skipped, unique};
use serde_json::Value;

/// The events that a search of AuditEvent finds, newest first, all pages of it.
pub async fn events(client: &Client, query: &str) -> Vec<Value> {
    let mut address = format!("AuditEvent?{query}");
    let mut all = Vec::new();
    loop {
        let page = client.page(&address).await;
        all.extend(page.matches().into_iter().cloned());
        match page.link("next") {
            Some(next) => address = next.to_owned(),
            None => return all,
        }
    }
}

/// The codes of what they were: of a Bundle's entry, its own.
pub fn codes(events: &[Value]) -> Vec<&str> {
    let own = |it: &'_ Value| it["subtype"].as_array().map_or(0, |it| it.len() - 1);
    events.iter().map(|it| it["subtype"][own(it)]["code"].as_str().expect("a subtype")).collect()
}

/// What an event names.
pub fn references(event: &Value) -> Vec<&str> {
    let entities = event["entity"].as_array().into_iter().flatten();
    entities.filter_map(|it| it["what"]["reference"].as_str()).collect()
}

/// A tenant of the server's own program, by name, with a client that may do everything; none on a server of others.
pub fn own_tenant() -> Option<(String, Client)> {
    if foreign_base().is_some() {
        skipped("the log of another server is not known");
        return None;
    }
    let (program, root) = program();
    let tenant = format!("audit-{}", unique());
    program.create_tenant(&tenant);
    let client = Client::new(&format!("{root}/fhir/{tenant}"), Some(program.token(&tenant, "system/*.*")));
    Some((tenant, client))
}
