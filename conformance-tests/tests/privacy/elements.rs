//! Security labels of single elements (hl7.org/fhir/uv/security-label-ds4p, Inline Security Labels): what has one is gone from every
//! answer to whoever is not cleared for it, which says so (resource.html#simple-tags), and nothing tells of it.

use super::*;
use crate::roles::masks::{is_tagged, tells_none};

/// What is labelled: nowhere in what is sent to who is not cleared.
pub(super) const SECRETS: [&str; 3] = ["555-secret", "secret-note", "1977-07-07"];

pub(super) fn label(code: &str) -> Value {
    json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code })
}

pub(super) fn inline(code: &str) -> Value {
    let url = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label";
    json!([{ "url": url, "valueCoding": label(code) }])
}

/// Patient `a`, one of whose numbers and whose date of birth are labelled.
pub(super) fn labelled_patient() -> Value {
    json!({
        "resourceType": "Patient", "id": "a", "meta": { "security": [label("PROCESSINLINELABEL")] },
        "text": { "status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">555-secret</div>" },
        "name": [{ "family": "Weiss" }], "gender": "female",
        "telecom": [{ "system": "phone", "value": "555-0100" },
            { "system": "phone", "value": "555-secret", "extension": inline("HIV") }],
        "birthDate": "1977-07-07", "_birthDate": { "extension": inline("HIV") }
    })
}

/// Its observation, whose note is labelled, though nothing in `meta` says so.
fn labelled_observation() -> Value {
    with(
        observation("x"),
        json!({ "id": "oa", "subject": { "reference": "Patient/a" }, "valueString": "seen",
            "note": [{ "text": "secret-note", "extension": inline("HIV") }, { "text": "plain" }] }),
    )
}

/// A clinic in which holders of the role `doctor` are cleared for the label, and nobody for another one.
pub(super) async fn clinic() -> Option<Clinic> {
    let clinic = Clinic::new().await?;
    let clearance = |code: &str, role: &str| {
        json!({ "name": "clearance", "part": [{ "name": "label", "valueCoding": label(code) },
            { "name": "role", "valueCode": role }] })
    };
    clinic.set(json!([clearance("HIV", "doctor"), clearance("PSY", "psychiatrist")])).await;
    clinic.admin.put("Patient/a", &labelled_patient()).await.expect(200);
    clinic.admin.put("Observation/oa", &labelled_observation()).await.expect(200);
    Some(clinic)
}

/// That an answer is one, and tells nothing that is labelled.
pub(super) fn keeps_quiet(answer: Answer, what: &str) -> Value {
    tells_none(answer, &SECRETS, what)
}

#[tokio::test]
async fn labelled_elements_are_in_no_answer() {
    let Some(clinic) = clinic().await else { return };
    let doctor = clinic.doctor();
    for path in [
        "Patient/a",
        "Patient/a/_history/2",
        "Patient/a/_history",
        "Patient/_history",
        "_history",
        "Patient",
        "Patient?_id=a&_revinclude=Observation:subject",
        "Observation?_include=Observation:subject",
        "Patient?_id=a&_elements=telecom,birthDate",
        "Patient/a/Observation",
        "Patient/a/$everything",
        "Patient/a/$summary",
        "Patient/a/$meta",
        "Observation/$lastn?patient=Patient/a&code=x",
        "Patient/a/$graphql?query={birthDate telecom{value}name{family}}",
    ] {
        keeps_quiet(doctor.get(path).await, path);
    }
    let reads = ["Patient/a", "Observation/oa", "Patient?_id=a"].map(|it| bare_entry("GET", it)).to_vec();
    keeps_quiet(doctor.bundle("batch", reads).await, "batch");

    let seen = doctor.read("Patient/a").await;
    assert!(is_tagged(&seen) && seen["text"].is_null() && seen["birthDate"].is_null(), "{seen}");
    assert!(seen["_birthDate"].is_null() && seen["name"][0]["family"] == "Weiss", "{seen}");
    assert_eq!(seen["telecom"], json!([{ "system": "phone", "value": "555-0100" }]));
    assert_eq!(doctor.read("Observation/oa").await["note"], json!([{ "text": "plain" }]));
    // Whoever is cleared, and the patient, see all of it; what has no label is whole for everybody.
    let own = clinic.caller("patient/*.rs", &["--patient", "a", "--user", "Patient/a"]);
    for client in [&clinic.holder("doctor", "user/*.rs"), &own] {
        let (patient, observed) = (client.read("Patient/a").await, client.read("Observation/oa").await);
        assert!(!is_tagged(&patient) && patient["birthDate"] == "1977-07-07", "{patient}");
        assert_eq!(observed["note"][0]["text"], "secret-note");
    }
    assert!(!is_tagged(&doctor.read("Patient/b").await));
}

/// What has an element that somebody may not see is found by them by its id, by whose it is and in whose compartment, and not by elements: whether
/// it matches would tell. Who is cleared finds it.
#[tokio::test]
async fn no_search_tells_of_labelled_elements() {
    let Some(clinic) = clinic().await else { return };
    let (doctor, cleared) = (clinic.doctor(), clinic.holder("doctor", "user/*.rs"));
    for (query, found) in [
        ("Patient?phone=555-secret", "a"),
        ("Patient?phone=555-0100", "a"),
        ("Patient?birthdate=1977-07-07", "a"),
        ("Patient?_id=a&birthdate:missing=false", "a"),
        ("Patient?_id=a&birthdate=ne1980-01-01", "a"),
        ("Patient?_id=a&phone:not=1", "a"),
        ("Patient?_filter=phone eq 555-secret", "a"),
        ("Patient?_id=a&_sort=birthdate", "a"),
        ("Patient?_id=a&_sort=phone", "a"),
        ("Patient?_has:Observation:subject:value-string=seen", "a"),
        ("Observation?value-string=seen", "oa"),
        ("Observation?patient=Patient/a&code=x", "oa"),
        ("Observation?patient.birthdate=1977-07-07", "oa"),
        ("Observation?patient.phone=555-secret", "oa"),
    ] {
        let asked = format!("{query}&_total=accurate");
        let [here, there] = [doctor.page(&asked).await, cleared.page(&asked).await];
        assert_eq!((here.ids(), here.total()), (Vec::new(), Some(0)), "{query}");
        assert_eq!((there.ids(), there.total()), (vec![found.to_owned()], Some(1)), "{query}");
        let count = doctor.page(&format!("{query}&_summary=count")).await;
        assert_eq!(count.total(), Some(0), "{query}");
    }
    for (query, found) in [
        ("Patient?_id=a", "a"),
        ("Patient?_id=a&_lastUpdated=gt2020", "a"),
        ("Observation?patient=Patient/a", "oa"),
        ("Observation?subject=Patient/a&_sort=-_lastUpdated", "oa"),
        ("Patient/a/Observation", "oa"),
        ("Observation?patient._id=a", "oa"),
        ("Patient?_has:Observation:subject:_id=oa", "a"),
    ] {
        assert_eq!(doctor.page(query).await.ids(), [found], "{query}");
    }
    // Of others all is asked as ever.
    assert_eq!(doctor.page("Patient?birthdate=1980-01-01&_sort=_id&_total=accurate").await.ids(), ["b", "c"]);
    let exists = doctor.page("Patient?_sort=_id&_summary=count").await;
    assert_eq!(exists.total(), Some(3));
}

/// Observation `ob` of patient `b`, of which it is labelled who made it, in which encounter, and when.
fn labelled_care() -> Value {
    let referred = |to: &str| json!({ "reference": to, "extension": inline("HIV") });
    let care = json!({ "id": "ob", "subject": { "reference": "Patient/b" },
        "performer": [referred("Practitioner/d"), referred("Patient/c")], "encounter": referred("Encounter/e"),
        "effectiveDateTime": "2001-02-03", "_effectiveDateTime": { "extension": inline("HIV") } });
    with(observation("x"), care)
}

/// A reference is an element as any other is, though it is by such that a resource is in a compartment: whose it is is told, by whom and where is not.
#[tokio::test]
async fn no_reference_but_the_subject_is_told() {
    let Some(clinic) = clinic().await else { return };
    let encounter = json!({ "resourceType": "Encounter", "id": "e", "status": "finished",
        "class": { "code": "AMB" }, "subject": { "reference": "Patient/b" } });
    clinic.admin.put("Encounter/e", &encounter).await.expect(201);
    clinic.admin.put("Observation/ob", &labelled_care()).await.expect(200);
    let (doctor, cleared) = (clinic.doctor(), clinic.holder("doctor", "user/*.rs"));
    for (query, found) in [
        ("Observation?performer=Practitioner/d", "ob"),
        ("Observation?encounter=Encounter/e", "ob"),
        ("Observation?_filter=performer eq Practitioner/d", "ob"),
        ("Practitioner/d/Observation?code=x", "ob"),
        ("Practitioner/d/Observation?_id=ob", "ob"),
        ("Encounter/e/Observation?_id=ob", "ob"),
        ("Patient/c/Observation?_id=ob", "ob"),
        ("Patient?_has:Observation:subject:performer=Practitioner/d", "b"),
        ("Patient?_has:Observation:performer:_id=ob", "c"),
    ] {
        let asked = format!("{query}&_total=accurate");
        let [here, there] = [doctor.page(&asked).await, cleared.page(&asked).await];
        assert_eq!((here.ids(), here.total()), (Vec::new(), Some(0)), "{query}");
        assert_eq!((there.ids(), there.total()), (vec![found.to_owned()], Some(1)), "{query}");
    }
    let included = doctor.page("Practitioner?_id=d&_revinclude=Observation:performer").await.included();
    assert_eq!(included, Vec::<String>::new());
    for query in ["Observation?patient=Patient/b", "Patient/b/Observation"] {
        assert_eq!(doctor.page(query).await.ids(), ["ob"], "{query}");
    }
}

/// $everything narrows a record by when care was given, which a label may hide.
#[tokio::test]
async fn no_record_tells_of_labelled_elements() {
    let Some(clinic) = clinic().await else { return };
    clinic.admin.put("Observation/ob", &labelled_care()).await.expect(200);
    let (doctor, cleared) = (clinic.doctor(), clinic.holder("doctor", "user/*.rs"));
    for (query, cleared_sees) in [
        ("Patient/b/$everything?start=2001-02-03&end=2001-02-03", true),
        ("Patient/b/$everything?start=2001-02-04", false),
        ("Patient/$everything?start=2001-02-03&end=2001-02-03", true),
        ("Patient/$everything?start=2001-02-04", false),
        ("Patient/c/$everything", true),
    ] {
        let has = async |client: &Client| client.page(query).await.ids().contains(&"ob".to_owned());
        assert_eq!([has(&doctor).await, has(&cleared).await], [false, cleared_sees], "{query}");
    }
    for query in ["Patient/b/$everything", "Patient/$everything"] {
        assert!(doctor.page(query).await.ids().contains(&"ob".to_owned()), "{query}");
    }
}

/// An older version lacks what is labelled now; and what cannot be taken away takes the resource with it.
#[tokio::test]
async fn labels_hold_for_older_versions_and_for_what_cannot_be_taken_away() {
    let Some(clinic) = clinic().await else { return };
    let doctor = clinic.doctor();
    let plain = |family: &str| {
        json!({ "resourceType": "Patient", "id": "v", "name": [{ "family": family }],
            "telecom": [{ "system": "phone", "value": "555-secret" }] })
    };
    clinic.admin.put("Patient/v", &plain("One")).await.expect(201);
    assert!(doctor.get("Patient/v/_history/1").await.expect(200).text().contains("555-secret"));
    let mut labelled = plain("Two");
    labelled["telecom"][0]["extension"] = inline("HIV");
    clinic.admin.put("Patient/v", &labelled).await.expect(200);
    for path in ["Patient/v/_history/1", "Patient/v/_history/2", "Patient/v/_history"] {
        keeps_quiet(doctor.get(path).await, path);
    }
    assert_eq!(doctor.read("Patient/v/_history/1").await["name"][0]["family"], "One");
    clinic.admin.delete("Patient/v").await.expect(204);
    keeps_quiet(doctor.get("Patient/v/_history/1").await, "what was deleted");

    // Without `active` it would be understood otherwise (conformance-rules.html#isModifier).
    let mut modified = clinic.admin.read("Patient/b").await;
    modified["active"] = json!(false);
    modified["_active"] = json!({ "extension": inline("HIV") });
    clinic.admin.put("Patient/b", &modified).await.expect(200);
    for path in ["Patient/b", "Patient/b/_history/1", "Patient/b/_history"] {
        doctor.get(path).await.expect(404);
    }
    assert_eq!(doctor.page("Patient?_id=b&_total=accurate").await.total(), Some(0));
    clinic.holder("doctor", "user/*.rs").get("Patient/b").await.expect(200);
}

/// Who does not see an element neither changes nor loses it by writing; who does keeps its label.
#[tokio::test]
async fn a_write_loses_no_labelled_element() {
    let Some(clinic) = clinic().await else { return };
    let nurse = clinic.holder("nurse", "user/*.cruds");
    let replaced = with(patient("other"), json!({ "id": "a" }));
    let told = nurse.put("Patient/a", &replaced).await.expect_outcome(403..=403).to_string();
    assert!(told.contains("hidden"), "{told}");
    nurse.put("Patient/a", &labelled_patient()).await.expect_outcome(403..=403);
    let patch =
        |body: Value| nurse.call("PATCH", "Patient/a").body("application/json-patch+json", body.to_string()).send();
    for refused in [
        json!([{ "op": "test", "path": "/birthDate", "value": "1977-07-07" }]),
        json!([{ "op": "add", "path": "/birthDate", "value": "1980-01-01" }]),
        json!([{ "op": "remove", "path": "/telecom/0" }]),
        json!([{ "op": "copy", "from": "/telecom/1", "path": "/contact" }]),
    ] {
        patch(refused).await.expect_outcome(400..=422);
    }
    let answer = patch(json!([{ "op": "replace", "path": "/gender", "value": "other" }])).await;
    assert_eq!(keeps_quiet(answer, "PATCH")["gender"], "other");
    let whole = clinic.admin.read("Patient/a").await;
    assert_eq!((&whole["gender"], &whole["birthDate"]), (&json!("other"), &json!("1977-07-07")));
    assert_eq!(whole["telecom"], labelled_patient()["telecom"]);

    let cleared = clinic.holder("doctor", "user/*.cruds");
    for (pointer, what) in [("/telecom/1/extension", "the label"), ("/telecom/1", "the element")] {
        let body = json!([{ "op": "remove", "path": pointer }]).to_string();
        let removed = cleared.call("PATCH", "Patient/a").body("application/json-patch+json", body).send().await;
        assert_eq!(removed.status, 403, "{what}: {}", removed.text());
    }
    let mut changed = whole.clone();
    changed["telecom"].as_array_mut().unwrap().swap(0, 1);
    cleared.put("Patient/a", &changed).await.expect(200);
    let bare = with(changed.clone(), json!({ "telecom": [{ "system": "phone", "value": "555-secret" }] }));
    cleared.put("Patient/a", &bare).await.expect_outcome(403..=403);
    clinic.admin.put("Patient/a", &bare).await.expect(200);
}
