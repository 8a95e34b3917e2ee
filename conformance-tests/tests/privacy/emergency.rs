//! Broken glass.

use super::*;
use crate::audit::events;

/// In an emergency a record is open to whoever says why, to nobody else, and somebody looks at it afterwards.
#[tokio::test]
async fn a_glass_is_broken_with_a_reason_and_reviewed() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.limit_doctors().await;
    clinic.consent("a", all_denied()).await;
    let doctor = clinic.caller("user/*.rs", &["--subject", "d", "--user", "Practitioner/d", "--role", "doctor"]);
    sees(&doctor, &[]).await;
    for wrong in [json!({ "reason": "urgent" }), json!({ "minutes": 100_000 })] {
        break_glass(&doctor, wrong).await.expect_outcome(400..=400);
    }
    // It is a right of its own, whatever else somebody may read.
    for nobody in [
        clinic.caller("system/*.rs", &[]),
        clinic.caller("user/*.rs", &["--user", "Patient/b"]),
        clinic.doctor(),
        clinic.holder("receptionist", "user/*.rs"),
        clinic.holder("admin", "user/*.cruds"),
    ] {
        break_glass(&nobody, json!({})).await.expect_outcome(403..=403);
    }
    let broken = break_glass(&doctor, json!({ "minutes": 5 })).await.expect(200).json();
    let id = broken["parameter"][0]["valueString"].as_str().expect("an id").to_owned();
    sees(&doctor, &["a"]).await;
    sees(&clinic.caller("user/*.rs", &["--subject", "e", "--user", "Practitioner/e"]), &[]).await;
    // More than was granted it is not.
    let clerk = clinic.caller("user/Patient.rs", &["--subject", "d", "--user", "Practitioner/d"]);
    clerk.get("Observation/oa").await.expect_outcome(403..=403);

    let reviews = async |parameters: Value| {
        clinic.admin.post("$glass-reviews", &json!({ "resourceType": "Parameters", "parameter": parameters })).await
    };
    let all = json!([{ "name": "all", "valueBoolean": true }]);
    let listed = reviews(all.clone()).await.expect(200).text();
    for told in ["Practitioner/d", "Patient/a", "Found unconscious", "BTG", &id] {
        assert!(listed.contains(told), "{told}: {listed}");
    }
    let reviewed = json!([{ "name": "use", "valueString": id }, { "name": "comment", "valueString": "Justified." }]);
    reviews(reviewed.clone()).await.expect(200);
    // An app that was granted one patient's records opens no other's.
    let narrow = clinic.caller("patient/*.rs", &["--patient", "b", "--user", "Practitioner/d"]);
    break_glass(&narrow, json!({})).await.expect_outcome(403..=403);
    reviews(reviewed).await.expect_outcome(409..=409);
    assert!(reviews(all).await.expect(200).text().contains("Justified."));
    let open = clinic.admin.post("$glass-reviews", &json!({ "resourceType": "Parameters" })).await.expect(200).json();
    assert_eq!(open.get("parameter"), None);
    let list = json!({ "resourceType": "Parameters" });
    doctor.post("$glass-reviews", &list).await.expect_outcome(403..=403);
    // DICOM's code for it, on the record that was opened.
    let audited = clinic.admin.page("AuditEvent?patient=a&subtype=110127").await;
    assert_eq!(audited.ids().len(), 1);
}

/// AuditEvent.purposeOfEvent and .entity.detail: why a glass was broken, and what was seen by it, can be told from all else.
#[tokio::test]
async fn the_log_tells_of_an_emergency() {
    let Some(clinic) = Clinic::new().await else { return };
    clinic.consent("a", all_denied()).await;
    let doctor = clinic.holder("doctor", "user/*.rs");
    let list = json!({
        "resourceType": "List", "id": "l", "status": "current", "mode": "working",
        "entry": [{ "item": { "reference": "Observation/oa" } }],
    });
    clinic.admin.put("List/l", &list).await.expect_in(200..=201);
    break_glass(&doctor, json!({ "purpose": "ETREAT" })).await.expect(200);
    // Whose the list is, is told by what is on it.
    doctor.get("List/l").await.expect(200);
    let listed = events(&clinic.admin, "patient=a&subtype=read&entity=List/l").await;
    assert_eq!(listed[0]["purposeOfEvent"][0]["coding"][0]["code"], "ETREAT");
    for path in ["Observation/oa", "Observation/ob", "Patient/a/_history", "Observation?_sort=_id"] {
        doctor.get(path).await.expect(200);
    }
    let broken = events(&clinic.admin, "patient=a&subtype=110127").await;
    assert_eq!(broken[0]["purposeOfEvent"][0]["coding"][0]["code"], "ETREAT");
    let detail = json!([{ "type": "reason", "valueString": "Found unconscious, allergies unknown." }]);
    assert_eq!(broken[0]["entity"][0]["detail"], detail);
    let purposes = |event: &Value| {
        let all = event["purposeOfEvent"].as_array().into_iter().flatten();
        all.map(|it| it["coding"][0]["code"].as_str().expect("a code").to_owned()).collect::<Vec<_>>()
    };
    for (query, expected) in [
        ("patient=a&subtype=read", "ETREAT"),
        ("patient=a&subtype=history-instance", "ETREAT"),
        ("patient=a&subtype=search-type", "ETREAT"),
        ("patient=b&subtype=read", "TREAT"),
    ] {
        let found = events(&clinic.admin, &format!("{query}&agent=Practitioner/d")).await;
        assert_eq!(purposes(&found[0]), [expected], "{query}");
    }
    // What is said stays beside it.
    doctor.call("GET", "Observation/oa").header("x-purpose-of-use", "COC").send().await.expect(200);
    let found = events(&clinic.admin, "patient=a&subtype=read&agent=Practitioner/d").await;
    assert_eq!(purposes(&found[0]), ["COC", "ETREAT"]);
}

/// The same where nothing limits anybody: what is presumed of whoever says nothing, and what was refused.
#[tokio::test]
async fn the_log_tells_what_data_was_wanted_for() {
    let Some(clinic) = Clinic::new().await else { return };
    let doctor = clinic.holder("doctor", "user/*.rs");
    let owner = clinic.holder("owner", "user/*.rs");
    let newest = async |query: &str| events(&clinic.admin, query).await.remove(0)["purposeOfEvent"].clone();
    let coded = |code: &str| purpose(code).as_array().map(|it| json!([{ "coding": it }])).expect("a coding");
    doctor.get("Observation/oa").await.expect(200);
    assert_eq!(newest("patient=a&subtype=read&altid=doctor").await, coded("TREAT"));
    for (said, expected) in
        [("HRESCH", coded("HRESCH")), ("BTG", coded("BTG")), ("curiosity", json!([{ "text": "curiosity" }]))]
    {
        let call = doctor.call("GET", "Observation/oa").header("x-purpose-of-use", said);
        call.send().await.expect_outcome(400..=403);
        assert_eq!(newest("outcome=4&altid=doctor").await, expected, "{said}");
    }
    // Of several it is not known which.
    owner.get("Patient/a").await.expect(200);
    assert_eq!(newest("patient=a&subtype=read&altid=owner").await, json!(null));
}

/// A privacy officer who is no administrator looks at broken glass, by a role with the right.
#[tokio::test]
async fn an_officer_need_not_be_an_administrator() {
    let Some(clinic) = Clinic::new().await else { return };
    break_glass(&clinic.holder("doctor", "user/*.rs"), json!({})).await.expect(200);
    let officer = json!({ "resourceType": "Parameters", "parameter": [
        { "name": "name", "valueString": "officer" }, { "name": "title", "valueString": "Privacy officer" },
        { "name": "description", "valueString": "Looks at emergencies." },
        { "name": "rule", "valueString": "user/AuditEvent.rs" },
        { "name": "right", "valueCode": "reviews" }, { "name": "right", "valueCode": "audit" },
    ] });
    clinic.admin.post("$role-define", &officer).await.expect(200);
    let list = json!({ "resourceType": "Parameters" });
    let officer = clinic.holder("officer", "user/*.cruds");
    let listed = officer.post("$glass-reviews", &list).await.expect(200).json();
    let parts = listed["parameter"][0]["part"].as_array().expect("one");
    let part = |name: &str| parts.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{name}"));
    // Nobody is set to be told, which is told itself.
    assert_eq!(part("notified")["valueBoolean"], false);
    let id = &part("id")["valueString"];
    let seen = json!({ "resourceType": "Parameters", "parameter": [{ "name": "use", "valueString": id }] });
    officer.post("$glass-reviews", &seen).await.expect(200);
    let entered = events(&clinic.admin, "altid=officer&subtype=110129").await;
    assert_eq!(entered.len(), 1, "that somebody looked at it is a change with its event");
    // Nobody else does, whatever they may read.
    for nobody in [clinic.caller("user/*.rs", &["--user", "Practitioner/d"]), clinic.holder("nurse", "user/*.cruds")] {
        nobody.post("$glass-reviews", &list).await.expect_outcome(403..=403);
    }
    officer.post("$privacy-settings", &list).await.expect_outcome(403..=403);
}

/// Whoever breaks a glass, and whoever sets who may or who is told, learns that nobody would be told.
#[tokio::test]
async fn that_nobody_is_told_is_said() {
    let Some(clinic) = Clinic::new().await else { return };
    let broken = break_glass(&clinic.holder("doctor", "user/*.rs"), json!({})).await.expect(200).json();
    let list = json!({ "resourceType": "Parameters" });
    let settings = clinic.admin.post("$privacy-settings", &list).await.expect(200).json();
    let role = json!({ "resourceType": "Parameters", "parameter": [
        { "name": "name", "valueString": "breaker" }, { "name": "title", "valueString": "Breaker" },
        { "name": "right", "valueCode": "break-glass" },
    ] });
    let role = clinic.admin.post("$role-define", &role).await.expect(200).json();
    for told in [broken, settings, role] {
        let warning = told["parameter"].as_array().expect("parameters").iter().find(|it| it["name"] == "warning");
        let warning = warning.unwrap_or_else(|| panic!("{told:#}"))["valueString"].as_str().expect("a text");
        assert!(warning.contains("$privacy-settings") && warning.contains("officer"), "{warning}");
    }
}
