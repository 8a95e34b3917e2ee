//! Page links when access ends in the middle.

use super::*;

/// A page link goes on as its caller may see it when it is followed, and for nobody else.
#[tokio::test]
async fn a_page_link_does_not_outlive_access() {
    let Some(clinic) = Clinic::new().await else { return };
    let doctor = clinic.doctor();
    for query in ["Patient?_sort=_id&_count=1", "Patient?_count=1", "Patient/_history?_count=1"] {
        let first = doctor.page(query).await;
        let next = first.link("next").expect("a next page").to_owned();
        let other = clinic.caller("user/*.rs", &["--subject", "e", "--user", "Practitioner/e"]);
        other.get(&next).await.expect_outcome(400..=400);
        for id in ["a", "b", "c"] {
            clinic.consent(id, all_denied()).await;
        }
        assert_eq!(doctor.page(&next).await.entries().len(), 0, "{query}");
        for id in ["a", "b", "c"] {
            clinic.admin.delete(&format!("Consent/c{id}")).await.expect(204);
        }
        assert_eq!(doctor.page(&next).await.entries().len(), 1, "{query}");
    }
}

/// The second page of each way to see patients' data by pages.
const WAYS: [&str; 6] = [
    "Patient?_sort=_id&_count=1",
    "Observation?code=x&_sort=-_id&_count=1",
    "Patient?_has:Observation:patient:code=x&_count=1&_total=accurate",
    "Patient/_history?_count=1",
    "Observation/_history?_count=1",
    "Patient/a/$everything?_count=1",
];

/// The links to the second pages.
async fn links(client: &Client) -> Vec<String> {
    let mut links = Vec::new();
    for way in WAYS {
        let first = client.page(way).await;
        links.push(first.link("next").unwrap_or_else(|| panic!("{way} has no next page")).to_owned());
    }
    links
}

/// That links lead to nothing any more.
async fn lead_nowhere(client: &Client, links: &[String]) {
    for link in links {
        let answer = client.get(link).await;
        match answer.status {
            200 => assert_eq!(Bundle(answer.json()).entries().len(), 0, "{link}"),
            status => assert!(matches!(status, 401 | 403 | 404), "{link}: {status}"),
        }
    }
}

/// Links that lead on until access ends go nowhere from then on, and on again once it is given back.
#[tokio::test]
async fn links_end_with_a_consent() {
    let Some(clinic) = Clinic::new().await else { return };
    let doctor = clinic.doctor();
    let there = links(&doctor).await;
    for id in ["a", "b", "c"] {
        clinic.consent(id, all_denied()).await;
    }
    lead_nowhere(&doctor, &there).await;
    for id in ["a", "b", "c"] {
        clinic.consent(id, json!({ "type": "permit" })).await;
    }
    for link in &there {
        assert_eq!(doctor.page(link).await.entries().len(), 1, "{link}");
    }
}

/// What ties a patient to a doctor ends.
#[tokio::test]
async fn links_end_with_a_tie() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.limit_doctors().await;
    for id in ["a", "b", "c"] {
        clinic.care_for(id).await;
    }
    let doctor = clinic.doctor();
    let there = links(&doctor).await;
    for id in ["a", "b", "c"] {
        clinic.admin.delete(&format!("CareTeam/t{id}")).await.expect(204);
    }
    lead_nowhere(&doctor, &there).await;
}

/// An emergency ends by itself, at its time.
#[tokio::test]
async fn links_end_with_an_emergency() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.limit_doctors().await;
    let doctor = clinic.holder("doctor", "user/*.rs");
    clinic.observe_again().await;
    break_glass(&doctor, json!({ "minutes": 1 })).await.expect(200);
    let mut there = Vec::new();
    for way in ["Observation?_sort=_id&_count=1", "Observation/_history?_count=1", "Patient/a/$everything?_count=1"] {
        let link = doctor.page(way).await.link("next").expect("a next page").to_owned();
        assert!(!doctor.page(&link).await.entries().is_empty(), "{way}");
        there.push(link);
    }
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    lead_nowhere(&doctor, &there).await;
    sees(&doctor, &[]).await;
}

/// What another tenant shares ends with the Consent; a link from before does not lead there.
#[tokio::test]
async fn links_end_with_sharing() {
    let (Some(north), Some(south)) = (Clinic::new().await, Clinic::new().await) else { return };
    let asker = with(
        json!({ "type": "permit" }),
        json!({
            "period": { "start": "2026-01-01", "end": "2099-01-01" },
            "actor": [{ "role": receives(),
                "reference": { "identifier": { "system": "https://medisync.dev/fhir/tenant", "value": north.tenant } } }]
        }),
    );
    south.consent("a", asker).await;
    south.observe_again().await;
    let doctor = north.doctor();
    let asked = |query: &str| {
        let query = query.replace('&', "%26").replace('=', "%3D").replace('?', "%3F");
        format!("$shared?tenant={}&patient=a&query={query}", south.tenant)
    };
    let first = doctor.page(&asked("Observation?_sort=_id&_count=1")).await;
    assert_eq!(first.ids().len(), 1);
    let next = first.link("next").expect("a next page").to_owned();
    assert_eq!(doctor.page(&next).await.ids().len(), 1);
    let ended = with(consent("a", all_denied()), json!({ "status": "inactive" }));
    south.admin.put("Consent/ca", &ended).await.expect(200);
    lead_nowhere(&doctor, std::slice::from_ref(&next)).await;
    south.admin.delete("Consent/ca").await.expect(204);
    lead_nowhere(&doctor, &[next]).await;
}
