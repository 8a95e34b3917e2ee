//! References by an identifier alone (references.html#logical), where the identifier is labelled at one of their ends: no chain, no
//! `_has` and no include follows them for whoever does not see it.

use super::elements::{clinic, inline};
use super::*;

fn identifier(value: &str) -> Value {
    json!({ "system": "urn:mrn", "value": value })
}

fn with_label(element: Value) -> Value {
    with(element, json!({ "extension": inline("HIV") }))
}

/// A clinic with a patient and an observation of theirs by an identifier, of which either is labelled.
async fn followed(id: &str, patient_s: Value, observation_s: Value) -> Option<Clinic> {
    let clinic = clinic().await?;
    let owner = with(patient(id), json!({ "id": id, "identifier": [patient_s] }));
    let made = with(observation("y"), json!({ "id": format!("o{id}"), "subject": { "identifier": observation_s } }));
    clinic.admin.put(&format!("Patient/{id}"), &owner).await.expect(201);
    clinic.admin.put(&format!("Observation/o{id}"), &made).await.expect(201);
    Some(clinic)
}

/// What is found of the observation by its patient, and of the patient by it.
async fn tells(client: &Client, id: &str) -> Vec<String> {
    let mut told = Vec::new();
    for query in [
        format!("Observation?_id=o{id}&subject:Patient._id={id}"),
        format!("Observation?subject:Patient._lastUpdated=gt2020&_id=o{id}"),
        format!("Observation?_filter=subject._id eq {id} and _id eq o{id}"),
        format!("Patient?_id={id}&_has:Observation:subject:_id=o{id}"),
        format!("Patient?_id={id}&_has:Observation:patient:_lastUpdated=gt2020"),
    ] {
        let found = client.page(&format!("{query}&_total=accurate")).await;
        told.extend((found.total() != Some(0)).then(|| query.clone()));
        assert_eq!(found.ids().len() as u64, found.total().unwrap_or_default(), "{query}");
    }
    for query in [
        format!("Observation?_id=o{id}&_include=Observation:subject"),
        format!("Observation?_id=o{id}&_include=*"),
        format!("Patient?_id={id}&_revinclude=Observation:subject"),
        format!("Patient?_id={id}&_revinclude:iterate=*"),
    ] {
        let included = client.page(&query).await.included();
        told.extend((!included.is_empty()).then_some(query));
    }
    told
}

#[tokio::test]
async fn no_hidden_identifier_is_followed() {
    let open = || identifier("7");
    for (what, patient_s, observation_s) in
        [("what refers", open(), with_label(open())), ("what is referred to", with_label(open()), open())]
    {
        let Some(clinic) = followed("p", patient_s, observation_s).await else { return };
        let cleared = tells(&clinic.holder("doctor", "user/*.rs"), "p").await;
        assert_eq!(cleared.len(), 9, "{what}: {cleared:?}");
        assert_eq!(tells(&clinic.doctor(), "p").await, Vec::<String>::new(), "{what}");
        assert_eq!(clinic.doctor().page("Observation?subject:Patient._id=b").await.ids(), ["ob"], "{what}");
    }
    let Some(clinic) = followed("p", open(), open()).await else { return };
    assert_eq!(tells(&clinic.doctor(), "p").await.len(), 9);
}
