//! AuditEvents that tell of several patients (auditevent.html).

use super::*;

/// What somebody is told of the log.
async fn log(client: &Client, query: &str) -> Vec<Value> {
    client.page(&format!("AuditEvent?_count=100&{query}")).await.matches().into_iter().cloned().collect()
}

/// What is told names none of those patients, nor what is theirs.
async fn names_none_of(client: &Client, hidden: &[&str]) {
    let all = log(client, "").await;
    assert!(!all.is_empty());
    for id in hidden {
        for name in [format!("Patient/{id}"), format!("Observation/o{id}")] {
            let telling = all.iter().find(|it| it.to_string().contains(&name));
            assert!(telling.is_none(), "{name}: {telling:?}");
        }
        for query in [format!("patient=Patient/{id}"), format!("entity=Observation/o{id}")] {
            assert_eq!(log(client, &query).await.len(), 0, "{query}");
        }
    }
}

/// Who sees some patients' records is told of these alone, of each event.
#[tokio::test]
async fn an_event_tells_of_those_who_may_be_seen() {
    let Some(clinic) = Clinic::new().await else { return };
    let nurse = clinic.caller("user/*.rs", &["--subject", "n", "--user", "Practitioner/n"]);
    assert_eq!(nurse.page("Observation?code=x").await.ids().len(), 3);
    nurse.get("Patient/b").await.expect(200);
    let who = json!([{ "requestor": true, "who": { "reference": "Practitioner/n" } }]);
    let sent = json!({
        "resourceType": "AuditEvent", "agent": who, "recorded": "2026-11-20T08:00:00Z",
        "type": { "system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest" },
        "source": { "observer": { "display": "A viewer" } },
        "entity": [{ "what": { "reference": "Patient/a" } }, { "what": { "reference": "Patient/b" } }]
    });
    clinic.admin.post("AuditEvent", &sent).await.expect(201);
    clinic.limit_doctors().await;
    clinic.care_for("a").await;
    let doctor = clinic.doctor();
    names_none_of(&doctor, &["b", "c"]).await;
    let told = log(&doctor, "entity=Observation/oa&agent=Practitioner/n").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["meta"]["tag"][0]["code"], "SUBSETTED");
    assert!(!told[0].to_string().contains("\"query\":"), "what was asked for may name others");
    // Nor by its id.
    let ids: Vec<String> =
        log(&clinic.admin, "patient=Patient/b").await.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.len() >= 3);
    for id in ids {
        let answer = doctor.get(&format!("AuditEvent/{id}")).await;
        assert!(answer.status == 404 || !answer.text().contains("Patient/b"), "{}", answer.text());
    }
    // The same of what a Consent hides.
    clinic.set(json!([{ "name": "limitNobody", "valueBoolean": true }])).await;
    clinic.consent("c", all_denied()).await;
    names_none_of(&doctor, &["c"]).await;
    assert!(!log(&doctor, "entity=Observation/ob").await.is_empty());
}
