//! A search of the audit log is bounded, and leaves nothing out.

use super::house::{House, keys, link};
use engine::Settings;
use fhir::IssueType;
use serde_json::json;
use std::time::Duration;

/// A page ends when a query has taken its time, with whatever it has, and the pages behind have the rest, once.
#[tokio::test]
async fn a_search_that_takes_long_goes_on_by_its_links() {
    let house = House::new().await;
    house.put(&[json!({"resourceType": "Patient", "id": "rare"})]).await;
    // More than are looked at in one go.
    for _ in 0..600 {
        house.get("Patient/rare").await.unwrap();
    }
    let house = house.restarted(Settings { query_time: Duration::ZERO, ..Settings::default() }).await;
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut next = Some("AuditEvent?action=C&_count=10".to_owned());
    while let Some(address) = next {
        let page = house.get(&address).await.unwrap();
        found.extend(keys(&page));
        next = link(&page, "next");
        pages += 1;
    }
    assert!(pages > 3, "{pages}");
    assert_eq!(found.len(), 1, "{found:?}");
    let refused = house.get("AuditEvent?action=C&_total=accurate").await.unwrap_err();
    assert_eq!(refused.code(), IssueType::TooCostly);
    assert!(refused.issues[0].diagnostics.contains("narrow"), "{refused}");
}
