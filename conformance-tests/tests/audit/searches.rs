//! AuditEvents are found by R4's parameters (auditevent.html#search), newest first.

use super::{codes, events, own_tenant};
use conformance_tests::samples::*;

/// Each parameter finds what has its value, and nothing else.
#[tokio::test]
async fn every_parameter_finds_its_events() {
    let Some((tenant, client)) = own_tenant() else { return };
    let id = client.create(&patient("sought")).await;
    client.read(&format!("Patient/{id}")).await;
    client.get("Patient/nobody").await.expect(404);
    let id_of = events(&client, "action=C").await[0]["id"].as_str().expect("an id").to_owned();
    let of_patient = format!("patient={id}");
    for (query, expected) in [
        ("action=C", vec!["create"]),
        ("action=R&outcome=4", vec!["read"]),
        ("subtype=http://hl7.org/fhir/restful-interaction|create", vec!["create"]),
        ("type=rest&action=R,C", vec!["read", "read", "create"]),
        ("altid=medisync-token&action=C", vec!["create"]),
        ("agent-name=medisync-t&action=C", vec!["create"]),
        ("agent-name=somebody", vec![]),
        ("address=127.0.0.1&action=C", vec!["create"]),
        (&format!("site={tenant}&action=C"), vec!["create"]),
        ("site=elsewhere", vec![]),
        ("entity-type=1&action=C", vec!["create"]),
        ("entity-role=24&action=C", vec![]),
        ("date=gt2020-01-01&action=C", vec!["create"]),
        ("date=lt2020-01-01", vec![]),
        ("date=gt2999-01-01", vec![]),
        (&of_patient, vec!["read", "create"]),
        ("entity=Patient/nobody", vec!["read"]),
        (&format!("_id={id_of}"), vec!["create"]),
        ("_sort=-date&action=C", vec!["create"]),
    ] {
        assert_eq!(codes(&events(&client, query).await), expected, "{query}");
    }
    let of_compartment = client.page(&format!("Patient/{id}/AuditEvent?_total=accurate")).await;
    assert_eq!((of_compartment.matches().len(), of_compartment.total()), (2, Some(2)));
    let counted = client.page(&format!("AuditEvent?{of_patient}&_summary=count")).await;
    assert_eq!((counted.entries().len(), counted.total()), (0, Some(2)));
}

/// http.html#paging: pages follow each other without a gap, and what comes meanwhile is on none of them.
#[tokio::test]
async fn pages_have_each_event_once() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("paged")).await;
    for _ in 0..8 {
        client.read(&format!("Patient/{id}")).await;
    }
    let found = events(&client, &format!("patient={id}&_count=2")).await;
    let mut ids: Vec<&str> = found.iter().filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(ids.len(), 9);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 9);
    let times: Vec<&str> = found.iter().filter_map(|it| it["recorded"].as_str()).collect();
    assert!(times.windows(2).all(|it| it[0] >= it[1]), "{times:?}");
    let others = client.with_token(None);
    let next = client.page(&format!("AuditEvent?patient={id}&_count=2")).await;
    others.get(next.link("next").expect("a next page")).await.expect(401);
}

/// What the log does not do it says (search.html#errors).
#[tokio::test]
async fn what_is_not_served_is_refused_by_name() {
    let Some((_, client)) = own_tenant() else { return };
    for query in [
        "AuditEvent?_sort=date",
        "AuditEvent?_sort=action",
        "AuditEvent?entity:Patient.name=x",
        "AuditEvent?_content=x",
        "AuditEvent?_revinclude=Provenance:target",
        "Patient?_has:AuditEvent:entity:action=R",
        "Patient?_revinclude=AuditEvent:entity",
        "?_type=AuditEvent,Patient",
    ] {
        client.get(query).await.expect_outcome(400..=422);
    }
    // What is neither asked for nor refused has no events in it.
    client.create(&patient("plain")).await;
    let found = client.page("?_count=100").await;
    assert!(found.matches().iter().all(|it| it["resourceType"] != "AuditEvent"));
}

/// search.html#include: what an event names can come with it.
#[tokio::test]
async fn what_events_name_is_included() {
    let Some((_, client)) = own_tenant() else { return };
    let id = client.create(&patient("included")).await;
    let found = client.page("AuditEvent?action=C&_include=AuditEvent:patient").await;
    assert_eq!(found.included(), [format!("Patient/{id}")]);
}
