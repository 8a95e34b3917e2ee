//! What is shared with another tenant, as the logs of both tell it.

use super::*;
use crate::audit::{events, references};

/// A Consent of patient `a` that shares everything with a tenant.
fn shared_with(tenant: &str) -> Value {
    let identifier = json!({ "system": "https://medisync.dev/fhir/tenant", "value": tenant });
    json!({
        "type": "permit",
        "period": { "start": "2026-01-01", "end": "2099-01-01" },
        "actor": [{ "role": { "text": "r" }, "reference": { "identifier": identifier } }]
    })
}

/// Whether an event is of a request with this name.
fn is_of(event: &Value, request: &str) -> bool {
    let entities = event["entity"].as_array().into_iter().flatten();
    entities.map(|it| &it["what"]["identifier"]["value"]).any(|it| it == request)
}

/// AuditEvent.entity and .agent: the tenant that asks tells of no patient of its own, and the one that is asked tells who of
/// which tenant asked, by which app, from where and what for, whether for a list or for records.
#[tokio::test]
async fn both_logs_tell_of_what_is_shared() {
    let (Some(north), Some(south)) = (Clinic::new().await, Clinic::new().await) else { return };
    south.consent("a", shared_with(&north.tenant)).await;
    let doctor = north.holder("doctor", "user/*.rs");
    let listed = format!("$shared?tenant={}", south.tenant);
    let asked = format!("$shared?tenant={}&patient=a&query=Observation%3Fcode%3Dx", south.tenant);
    let none = format!("$shared?tenant={}&patient=b&query=Observation", south.tenant);
    for (path, status, request) in [(listed, 200, "listed"), (asked, 200, "asked"), (none, 404, "none")] {
        doctor.call("GET", &path).header("x-request-id", request).send().await.expect(status);
    }

    for id in ["a", "b"] {
        let own = events(&north.admin, &format!("patient=Patient/{id}&subtype=operation")).await;
        assert_eq!(own.len(), 0, "{id} of the tenant that asks was not looked at");
    }
    let here = events(&north.admin, "subtype=operation").await;
    let event = here.iter().find(|it| is_of(it, "asked")).expect("an event of the tenant that asks");
    let foreign = format!("https://medisync.dev/fhir/tenant/{}", south.tenant);
    let entities = event["entity"].as_array().expect("entities");
    let named = entities.iter().map(|it| &it["what"]["identifier"]).filter(|it| it["system"] == *foreign);
    let named: Vec<&Value> = named.map(|it| &it["value"]).collect();
    assert_eq!(named, ["Patient/a", "Observation/oa/_history/1"]);
    assert_eq!(references(event), Vec::<&str>::new());

    let there = events(&south.admin, "patient=Patient/a&subtype=search-type").await;
    for request in ["listed", "asked"] {
        let event = there.iter().find(|it| is_of(it, request)).unwrap_or_else(|| panic!("{request}: {there:#?}"));
        let agent = &event["agent"][0];
        assert_eq!(agent["altId"], format!("tenant:{}/doctor", north.tenant), "{request}");
        assert!(agent["network"]["address"].is_string(), "{request}: {agent}");
        assert_eq!(event["purposeOfEvent"][0]["coding"][0]["code"], "TREAT", "{request}");
        // A user of another tenant is none of this one's.
        assert!(agent["who"].get("reference").is_none(), "{request}: {agent}");
    }
    assert_eq!(events(&south.admin, "agent=Practitioner/d&subtype=search-type").await.len(), 0);
}

/// A Consent of a patient at home has nothing to say of what others share.
#[tokio::test]
async fn a_consent_at_home_does_not_switch_sharing_off() {
    let (Some(north), Some(south)) = (Clinic::new().await, Clinic::new().await) else { return };
    south.consent("a", shared_with(&north.tenant)).await;
    north.consent("b", all_denied()).await;
    let doctor = north.holder("doctor", "user/*.rs");
    let asked = format!("$shared?tenant={}&patient=a&query=Observation", south.tenant);
    assert_eq!(doctor.page(&asked).await.ids(), ["oa"]);
    // Who was granted one patient's records is told of no others.
    let narrow = north.caller("patient/*.rs", &["--patient", "a", "--user", "Patient/a"]);
    for path in [asked, format!("$shared?tenant={}", south.tenant)] {
        narrow.get(&path).await.expect_outcome(403..=403);
    }
}
