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
