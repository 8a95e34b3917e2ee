//! State that apps keep (SMART App Launch 2.2, app-state.html). Each case has the number that the document's MUSTs
//! are given here.

use super::place::{Place, text};
use conformance_tests::{Answer, Client, encode};
use serde_json::{Value, json};

const SYSTEM: &str = "https://app.example.org";

/// An app that a practitioner has let in, with the patient that was chosen.
struct App<'p> {
    place: &'p Place<'p>,
    client: Client,
    state: String,
    user: String,
    patient: String,
}

impl App<'_> {
    async fn of<'p>(place: &'p Place<'p>, scope: &str) -> App<'p> {
        let patient = place.patient("Weber").await;
        let person = place.practitioner().await;
        let app = place.app(&format!("openid fhirUser launch/patient {scope}"));
        let asked = format!("openid fhirUser launch/patient {scope}");
        let granted = place.granted(&app, &person, &asked, Some(&patient)).await;
        let client = place.with(Some(&text(&granted, "access_token")));
        let configuration = place.with(None).get(".well-known/smart-configuration").await.expect(200).json();
        let state = text(&configuration, "smart_app_state_endpoint");
        let info = client.get(&text(&configuration, "userinfo_endpoint")).await.expect(200).json();
        App { place, client, state, user: text(&info, "fhirUser"), patient }
    }

    fn basic(&self, code: &str, subject: Option<&str>) -> Value {
        let mut basic = json!({
            "resourceType": "Basic",
            "code": {"coding": [{"system": SYSTEM, "code": code}]},
            "extension": [{"url": "https://app.example.org/preferences", "valueString": "{\"columns\":[1.10]}"}],
        });
        if let Some(subject) = subject {
            basic["subject"] = json!({"reference": subject});
        }
        basic
    }

    fn of_patient(&self) -> String {
        format!("{}/Patient/{}", self.place.admin.base, self.patient)
    }

    async fn create(&self, basic: &Value) -> Answer {
        self.client.post(&format!("{}/Basic", self.state), basic).await
    }

    async fn update(&self, id: &str, etag: &str, basic: &Value) -> Answer {
        let call = self.client.call("PUT", &format!("{}/Basic/{id}", self.state)).header("if-match", etag);
        call.json(basic).send().await
    }

    async fn delete(&self, id: &str, etag: &str) -> Answer {
        self.client.call("DELETE", &format!("{}/Basic/{id}", self.state)).header("if-match", etag).send().await
    }

    async fn search(&self, code: &str, rest: &str) -> Answer {
        let code = encode(&format!("{SYSTEM}|{code}"));
        self.client.get(&format!("{}/Basic?code={code}&{rest}", self.state)).await
    }
}

const SCOPE: &str = "user/Basic.cuds patient/Basic.cuds";

/// AS-1: the capability is listed, and the endpoint where it differs from the records'.
#[tokio::test]
async fn the_capability_is_listed() {
    let Some(place) = Place::new() else { return };
    let smart = place.with(None).get(".well-known/smart-configuration").await.expect(200).json();
    assert!(smart["capabilities"].as_array().unwrap().contains(&json!("smart-app-state")));
    let endpoint = &smart["associated_endpoints"][0];
    assert_eq!(endpoint["capabilities"], json!(["smart-app-state"]));
    assert_eq!(endpoint["url"], smart["smart_app_state_endpoint"]);
    assert_ne!(endpoint["url"], place.admin.base);
}

/// AS-2: what is created comes back with id, version and ETag, with subject, code and extensions as they were sent; it is
/// found by code and subject, and is not among the tenant's records.
#[tokio::test]
async fn state_is_created_and_found() {
    let Some(place) = Place::new() else { return };
    let app = App::of(&place, SCOPE).await;
    let (user, patient) = (app.user.clone(), app.of_patient());
    for subject in [Some(user.as_str()), Some(&patient), None] {
        let sent = app.basic("prefs", subject);
        let answer = app.create(&sent).await.expect(201);
        let kept = answer.json();
        let (id, version) = (text(&kept, "id"), text(&kept["meta"], "versionId"));
        assert_eq!(answer.needed_header("etag"), format!("W/\"{version}\""));
        assert_eq!(answer.needed_header("location"), format!("{}/Basic/{id}", app.state));
        for member in ["code", "subject", "extension"] {
            assert_eq!(kept[member], sent[member], "{member}");
        }
        let asked = subject.map_or("subject:missing=true".to_owned(), |it| format!("subject={}", encode(it)));
        let found = app.search("prefs", &asked).await.expect(200).json();
        assert_eq!((&found["type"], &found["total"]), (&json!("searchset"), &json!(1)), "{found}");
        assert_eq!(found["entry"][0]["resource"], kept);
        let read = app.client.get(&format!("{}/Basic/{id}", app.state)).await;
        assert_eq!(read.status, 403, "reading by id needs r");
        assert_eq!(app.search("other", &asked).await.expect(200).json()["total"], 0);
    }
    assert_eq!(place.admin.page("Basic").await.entries().len(), 0);
}

/// AS-3: what is changed or deleted is the version that If-Match names: without it 400, with another 412.
#[tokio::test]
async fn changes_need_the_version_that_they_change() {
    let Some(place) = Place::new() else { return };
    let app = App::of(&place, SCOPE).await;
    let first = app.create(&app.basic("prefs", Some(&app.user))).await.expect(201);
    let (id, etag) = (first.id(), first.needed_header("etag").to_owned());
    let mut changed = first.json();
    changed["extension"][0]["valueString"] = json!("other");
    let address = format!("{}/Basic/{id}", app.state);
    app.client.put(&address, &changed).await.expect_outcome(400..=400);
    app.client.delete(&address).await.expect_outcome(400..=400);
    let second = app.update(&id, &etag, &changed).await.expect(200);
    assert_ne!(second.needed_header("etag"), etag);
    assert_eq!(second.json()["extension"], changed["extension"]);
    app.update(&id, &etag, &changed).await.expect_outcome(412..=412);
    app.delete(&id, &etag).await.expect_outcome(412..=412);
    app.delete(&id, second.needed_header("etag")).await.expect_in(200..=204);
    assert_eq!(app.search("prefs", &format!("subject={}", encode(&app.user))).await.json()["total"], 0);
}

/// AS-4: a change of code or subject is 412, and so is every change of what was deleted.
#[tokio::test]
async fn code_and_subject_do_not_change_and_the_deleted_stays_so() {
    let Some(place) = Place::new() else { return };
    let app = App::of(&place, SCOPE).await;
    let first = app.create(&app.basic("prefs", Some(&app.user))).await.expect(201);
    let (id, etag) = (first.id(), first.needed_header("etag").to_owned());
    for (code, subject) in [("other", Some(app.user.clone())), ("prefs", Some(app.of_patient())), ("prefs", None)] {
        let mut changed = app.basic(code, subject.as_deref());
        changed["id"] = json!(id);
        app.update(&id, &etag, &changed).await.expect_outcome(412..=412);
    }
    let mut unnamed = app.basic("prefs", Some(&app.user));
    app.update(&id, &etag, &unnamed).await.expect_outcome(400..=400);
    app.delete(&id, &etag).await.expect_in(200..=204);
    unnamed["id"] = json!(id);
    app.update(&id, &etag, &unnamed).await.expect_outcome(412..=412);
    app.delete(&id, &etag).await.expect_outcome(412..=412);
}

/// AS-5: what cannot be kept as it is is refused: an id or version in advance, no coding or two, a relative subject or a
/// stranger's, extensions of other types, other elements, more than 256 KiB.
#[tokio::test]
async fn what_cannot_be_kept_is_refused() {
    let Some(place) = Place::new() else { return };
    let app = App::of(&place, SCOPE).await;
    let with = |more: Value| {
        let mut basic = app.basic("prefs", Some(&app.user));
        for (name, value) in more.as_object().unwrap() {
            basic[name] = value.clone();
        }
        basic
    };
    let coding = json!({"system": SYSTEM, "code": "prefs"});
    for wrong in [
        with(json!({"id": "1"})),
        with(json!({"meta": {"versionId": "1"}})),
        with(json!({"code": {"text": "x"}})),
        with(json!({"code": {"coding": [coding, coding]}})),
        with(json!({"code": {"coding": [{"code": "prefs"}]}})),
        with(json!({"subject": {"reference": format!("Patient/{}", app.patient)}})),
        with(json!({"subject": {"reference": "https://elsewhere.example/Patient/1"}})),
        with(json!({"subject": {"reference": format!("{}/Observation/1", place.admin.base)}})),
        with(json!({"extension": [{"url": "https://app.example.org/x", "valueInteger": 1}]})),
        with(json!({"extension": [{"url": "https://app.example.org/x"}]})),
        with(json!({"created": "2026-01-01"})),
        with(json!({"nonsense": 1})),
        json!({"resourceType": "Patient"}),
    ] {
        let answer = app.create(&wrong).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    let text = "x".repeat(256 * 1024);
    let large = with(json!({"extension": [{"url": "https://app.example.org/x", "valueString": text}]}));
    app.create(&large).await.expect_outcome(413..=413);
    let near = with(json!({"extension": [{"url": "https://app.example.org/x", "valueString": &text[..255 * 1024]}]}));
    app.create(&near).await.expect(201);
}

/// AS-6: an app sees its own state only, within its scopes: not another app's, not another patient's or user's, and
/// nothing without a token or with one that no app has.
#[tokio::test]
async fn apps_see_their_own_state_within_their_scopes() {
    let Some(place) = Place::new() else { return };
    let (app, other) = (App::of(&place, SCOPE).await, App::of(&place, SCOPE).await);
    let kept = app.create(&app.basic("prefs", None)).await.expect(201);
    assert_eq!(other.search("prefs", "subject:missing=true").await.expect(200).json()["total"], 0);
    let mut taken = kept.json();
    taken["extension"][0]["valueString"] = json!("taken");
    let etag = kept.needed_header("etag");
    other.update(&kept.id(), etag, &taken).await.expect_outcome(412..=412);
    other.delete(&kept.id(), etag).await.expect_outcome(412..=412);
    app.create(&app.basic("prefs", Some(&other.of_patient()))).await.expect_outcome(403..=403);
    app.create(&app.basic("prefs", Some(&other.user))).await.expect_outcome(403..=403);
    app.search("prefs", &format!("subject={}", encode(&other.user))).await.expect_outcome(403..=403);
    let reader = App::of(&place, "user/Basic.s?code=https://app.example.org|prefs").await;
    reader.search("prefs", "subject:missing=true").await.expect(200);
    reader.search("other", "subject:missing=true").await.expect_outcome(403..=403);
    reader.create(&reader.basic("prefs", None)).await.expect_outcome(403..=403);
    let address = format!("{}/Basic?code=x%7Cy&subject:missing=true", app.state);
    place.with(None).get(&address).await.expect_outcome(401..=401);
    place.admin.get(&address).await.expect_outcome(403..=403);
    let Some(elsewhere) = Place::new() else { return };
    let foreign = address.replace(&place.tenant, &elsewhere.tenant);
    app.client.get(&foreign).await.expect_outcome(401..=401);
}

/// AS-7: searches have a code and a subject, or that there is none.
#[tokio::test]
async fn searches_name_code_and_subject() {
    let Some(place) = Place::new() else { return };
    let app = App::of(&place, SCOPE).await;
    for query in ["", "?subject:missing=true", "?code=x%7Cy", "?code=y&subject:missing=true", "?code=x%7Cy&subject=1"] {
        app.client.get(&format!("{}/Basic{query}", app.state)).await.expect_outcome(400..=400);
    }
    app.client.call("PATCH", &format!("{}/Basic", app.state)).json(&json!({})).send().await.expect(405);
}
