//! `$export-audit` hands the log out.

use super::{events, own_tenant};
use conformance_tests::{program, samples::*};

/// All events of a time, in pages; that they were handed out is one more.
#[tokio::test]
async fn the_log_is_handed_out_whole() {
    let Some((tenant, client)) = own_tenant() else { return };
    for _ in 0..5 {
        client.create(&patient("exported")).await;
    }
    let mut address = "$export-audit?_count=2&start=2026-01-01T00:00:00Z".to_owned();
    let mut ids = Vec::new();
    loop {
        let page = client.page(&address).await;
        ids.extend(page.ids());
        match page.link("next") {
            Some(next) => address = next.to_owned(),
            None => break,
        }
    }
    let exports = events(&client, "subtype=operation").await.len();
    assert!(exports >= 3, "{exports} pages");
    // The token that the command made, and what was created; the first page came before its own event.
    assert_eq!(ids.len(), 6);
    assert_eq!(client.page("$export-audit?end=2020-01-01T00:00:00Z").await.matches().len(), 0);
    client.get("$export-audit?start=soon").await.expect_outcome(400..=422);
    let narrow = client.with_token(Some(program().0.token(&tenant, "system/Patient.rs")));
    narrow.get("$export-audit").await.expect_outcome(403..=403);
}

/// In lines, as bulk data has them, with the next page in `Link` (RFC 8288): asked for by the parameter or by `Accept`.
#[tokio::test]
async fn the_log_is_handed_out_in_lines() {
    let Some((_, client)) = own_tenant() else { return };
    for _ in 0..4 {
        client.create(&patient("lines")).await;
    }
    let first = client.call("GET", "$export-audit?_count=2").header("accept", "application/fhir+ndjson").send().await;
    let mut page = first.expect(200);
    let mut ids = Vec::new();
    loop {
        assert_eq!(page.needed_header("content-type"), "application/fhir+ndjson");
        let text = page.text();
        assert!(text.lines().count() <= 2 && text.ends_with('\n'), "{text}");
        ids.extend(text.lines().map(|it| parsed(it)["id"].as_str().expect("an id").to_owned()));
        let Some(link) = page.header("link").map(str::to_owned) else { break };
        let next = link.strip_prefix('<').and_then(|it| it.strip_suffix(">; rel=\"next\"")).expect("a link");
        page = client.get(next).await.expect(200);
    }
    // The token that the command made, and what was created.
    assert_eq!(ids.len(), 5);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    let asked = client.get("$export-audit?_outputFormat=application/fhir%2Bndjson&_count=1").await.expect(200);
    assert_eq!(asked.text().lines().count(), 1);
    client.get("$export-audit?_outputFormat=text/csv").await.expect_outcome(400..=422);
    for other in ["Patient", "Patient/$stats", "$graphql"] {
        let call = client.call("GET", other).header("accept", "application/fhir+ndjson").send().await;
        call.expect_outcome(400..=406);
    }
}
