//! Words in addresses and queries.

use super::Watched;
use crate::smart::place::{FORM, Place};
use conformance_tests::Answer;
use serde_json::{Value, json};

pub(super) async fn searches(watched: &mut Watched, place: &Place<'_>) {
    let admin = &place.admin;
    for parameter in [
        "name",
        "family",
        "birthdate",
        "identifier",
        "_lastUpdated",
        "gender",
        "general-practitioner",
        "_has:Observation:patient:code",
        "_filter",
        "_sort",
        "_include",
        "_revinclude",
        "_elements",
        "_count",
        "_total",
        "_summary",
        "_format",
        "_page",
        "_text",
        "_content",
        "_profile",
        "_security",
        "name:exact",
        "identifier:of-type",
        "unknown-one",
        "organization.name",
        "_id",
        "near",
    ] {
        let word = watched.plant("query");
        let found = admin.get(&format!("Patient?{parameter}={word}")).await;
        for sideways in ["content-location", "location", "link", "warning", "x-search-unindexed"] {
            watched.look(sideways, found.header(sideways).unwrap_or_default());
        }
        admin.get(&format!("Patient?{}=x", watched.plant("parameter"))).await;
        let posted = watched.plant("query");
        let form = format!("{parameter}={posted}&_count=1");
        let found = admin.call("POST", "Patient/_search").body(FORM, form).send().await;
        look_at_links(watched, &found, &posted);
    }
    // A search of several pages.
    let family = watched.plant("query");
    for _ in 0..2 {
        admin.create(&json!({"resourceType": "Patient", "name": [{"family": family}]})).await;
    }
    let form = format!("family={family}&_count=1");
    let page = admin.call("POST", "Patient/_search").body(FORM, form).send().await.expect(200);
    look_at_links(watched, &page, &family);
    for path in [
        watched.plant("path"),
        format!("Patient/{}", watched.plant("path")),
        format!("Patient/${}", watched.plant("path")),
    ] {
        admin.get(&path).await.expect_in(400..=499);
        admin.call("DELETE", &path).send().await;
    }
    for operation in ["$expand?filter", "$expand?url", "$validate-code?code", "$lookup?code"] {
        let of = if operation.starts_with("$lookup") { "CodeSystem" } else { "ValueSet" };
        admin.get(&format!("{of}/{operation}={}", watched.plant("query"))).await;
    }
}

/// The addresses of a Bundle: they have what its caller sent, which the standard asks for (search.html#conformance), and nothing else.
fn look_at_links(watched: &Watched, answer: &Answer, sent: &str) {
    let Ok(bundle) = serde_json::from_slice::<Value>(&answer.bytes) else { return };
    for link in bundle["link"].as_array().into_iter().flatten() {
        watched.look("a link", &link.to_string().replace(sent, ""));
    }
}
