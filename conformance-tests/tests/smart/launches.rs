//! App launches (SMART App Launch 2.2, app-launch.html): standalone, by an EHR, and what comes of them.

use super::place::{Browser, Person, Place, REDIRECT, text};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conformance_tests::samples::with;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// conformance.html#using-well-known: what the configuration lists is there.
#[tokio::test]
async fn what_the_configuration_lists_is_there() {
    let Some(place) = Place::new() else { return };
    let nobody = place.with(None);
    let smart = nobody.get(".well-known/smart-configuration").await.expect(200);
    assert!(smart.needed_header("content-type").starts_with("application/json"));
    let smart = smart.json();
    for member in ["grant_types_supported", "capabilities", "code_challenge_methods_supported", "scopes_supported"] {
        assert!(smart[member].as_array().is_some_and(|it| !it.is_empty()), "{member}: {smart}");
    }
    assert_eq!(smart["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(smart["issuer"], place.issuer());
    for (name, address) in smart.as_object().unwrap() {
        let Some(address) = address.as_str().filter(|_| name.ends_with("_endpoint") || name == "jwks_uri") else {
            continue;
        };
        let answer = nobody.get(address).await;
        assert!(answer.status != 404 && answer.status < 500, "{name}: {}", answer.status);
    }
    let openid = format!("{}/.well-known/openid-configuration", place.issuer());
    let oauth = format!("{}/.well-known/oauth-authorization-server/auth/{}", place.root, place.tenant);
    for address in [openid, oauth] {
        assert_eq!(nobody.get(&address).await.expect(200).json()["token_endpoint"], smart["token_endpoint"]);
    }
    let security = &nobody.read("metadata").await["rest"][0]["security"];
    assert_eq!(security["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
    let uris = security["extension"][0]["extension"].as_array().unwrap();
    let uri = |name: &str| uris.iter().find(|it| it["url"] == name).unwrap()["valueUri"].clone();
    assert_eq!(uri("authorize"), smart["authorization_endpoint"]);
    assert_eq!(uri("token"), smart["token_endpoint"]);
}

/// The claims of an id token that the published key signed (OpenID Connect Core section 3.1.3.7).
pub async fn identity(place: &Place<'_>, tokens: &Value, client: &str) -> Value {
    let keys: JwkSet =
        serde_json::from_value(place.with(None).get(&format!("{}/jwks", place.issuer())).await.expect(200).json())
            .unwrap();
    let token = text(tokens, "id_token");
    let header = jsonwebtoken::decode_header(&token).unwrap();
    let kid = header.kid.expect("a kid");
    assert!([Algorithm::ES256, Algorithm::RS256].contains(&header.alg), "{:?}", header.alg);
    let mut wanted = Validation::new(header.alg);
    wanted.set_audience(&[client]);
    wanted.set_issuer(&[place.issuer()]);
    let key = DecodingKey::from_jwk(keys.find(&kid).expect("the key")).unwrap();
    jsonwebtoken::decode::<Value>(&token, &key, &wanted).unwrap().claims
}

/// Standalone launch: a patient is searched for and chosen, and the app sees that patient's records only.
#[tokio::test]
async fn a_standalone_launch_opens_one_patients_records() {
    let Some(place) = Place::new() else { return };
    let (mine, other) = (place.patient("Mine").await, place.patient("Other").await);
    let person = place.practitioner().await;
    let scope = "openid fhirUser profile launch/patient patient/*.rs offline_access";
    let app = place.app(scope);
    let mut browser = Browser::new(&place);
    let page = browser.ask_as(&person, &place.asked(&app, scope)).await.expect(200);
    let found = browser.submit(&page, "authorize", &[("action", "search"), ("name", "mine")]).await.expect(200).text();
    assert!(found.contains(&format!("value=\"{mine}\"")) && !found.contains(&other));
    let tokens = place.granted(&app, &person, scope, Some(&mine)).await;
    assert_eq!((tokens["patient"].as_str(), tokens["token_type"].as_str()), (Some(&*mine), Some("Bearer")));
    assert_eq!(tokens["need_patient_banner"], true);
    let style = place.with(None).get(&text(&tokens, "smart_style_url")).await.expect(200).json();
    assert!(text(&style, "color_background").starts_with('#'));
    assert_eq!(text(&tokens, "scope"), scope);

    let sees = place.with(tokens["access_token"].as_str());
    sees.get(&format!("Patient/{mine}")).await.expect(200);
    sees.get(&format!("Patient/{other}")).await.expect(404);
    assert_eq!(sees.found("Patient").await, BTreeSet::from([mine.clone()]));
    assert_eq!(sees.found("Observation").await.len(), 1);
    assert!(sees.found(&format!("Observation?subject=Patient/{other}")).await.is_empty());
    sees.get("Practitioner").await.expect_outcome(403..=403);
    sees.delete(&format!("Patient/{mine}")).await.expect_outcome(403..=403);

    let claims = identity(&place, &tokens, &app).await;
    assert_eq!((claims["nonce"].as_str(), claims["name"].as_str()), (Some("a nonce"), Some("Ana Weiss")));
    assert!(text(&claims, "fhirUser").starts_with(&format!("{}/Practitioner/", place.admin.base)));
    let user = sees.get(&format!("{}/userinfo", place.issuer())).await.expect(200).json();
    assert_eq!((&user["sub"], &user["fhirUser"]), (&claims["sub"], &claims["fhirUser"]));
}

/// A patient is the patient in context, is asked for none, and is granted nothing beyond.
#[tokio::test]
async fn a_patient_opens_the_own_records_only() {
    let Some(place) = Place::new() else { return };
    let (mine, other) = (place.patient("Mine").await, place.patient("Other").await);
    let relation = json!({"resourceType": "RelatedPerson", "patient": {"reference": format!("Patient/{mine}")}});
    let relation = format!("RelatedPerson/{}", place.admin.create(&relation).await);
    let app = place.app("launch/patient patient/*.rs user/*.cruds");
    for is in [format!("Patient/{mine}"), relation] {
        let person = place.person(&is);
        let tokens = place.granted(&app, &person, "launch/patient patient/*.rs user/*.cruds", None).await;
        assert_eq!(
            (text(&tokens, "patient"), text(&tokens, "scope")),
            (mine.clone(), "launch/patient patient/*.rs user/*.rs".into())
        );
        let sees = place.with(tokens["access_token"].as_str());
        sees.get(&format!("Patient/{mine}")).await.expect(200);
        sees.get(&format!("Patient/{other}")).await.expect(404);
    }
}

/// EHR launch: what the EHR shows is in the token's answer; no patient is asked for.
#[tokio::test]
async fn an_ehr_launch_gives_the_app_what_the_ehr_shows() {
    let Some(place) = Place::new() else { return };
    let (mine, other) = (place.patient("Mine").await, place.patient("Other").await);
    let encounter = |of: &str| {
        json!({"resourceType": "Encounter", "status": "in-progress", "subject": {"reference": format!("Patient/{of}")},
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}})
    };
    let (visit, strange) = (place.admin.create(&encounter(&mine)).await, place.admin.create(&encounter(&other)).await);
    let launch = async |encounter: &str| {
        let shown = json!({"resourceType": "Parameters", "parameter": [
            {"name": "encounter", "valueId": encounter}, {"name": "intent", "valueString": "reconcile"},
            {"name": "needPatientBanner", "valueBoolean": false},
            {"name": "fhirContext", "part": [{"name": "reference", "valueReference": {"reference": "ImagingStudy/1"}}]}]});
        place.admin.post(&format!("Patient/{mine}/$launch-context"), &shown).await
    };
    launch(&strange).await.expect_outcome(400..=422);
    let launched = launch(&visit).await.expect(200).json();
    let name = text(&launched["parameter"][0], "valueString");

    let scope = "launch launch/encounter patient/*.rs";
    let (app, person) = (place.app(scope), place.practitioner().await);
    let mut asked = place.asked(&app, scope);
    asked.push(("launch", name));
    let code = Browser::new(&place).let_in(&person, &asked, None).await;
    let tokens = place.redeem(&app, &code).await.expect(200).json();
    let context = [text(&tokens, "patient"), text(&tokens, "encounter"), text(&tokens, "intent")];
    assert_eq!(context, [mine.clone(), visit, "reconcile".to_owned()]);
    assert_eq!(tokens["fhirContext"], json!([{"reference": "ImagingStudy/1"}]));
    assert_eq!(tokens["need_patient_banner"], false);
    let wrong = json!({"resourceType": "Parameters", "parameter": [
        {"name": "fhirContext", "part": [{"name": "reference", "valueReference": {"reference": "Patient/2"}}]}]});
    place.admin.post(&format!("Patient/{mine}/$launch-context"), &wrong).await.expect_outcome(400..=422);

    // A patient is launched into nobody else's records.
    let stranger = place.person(&format!("Patient/{other}"));
    let answer = Browser::new(&place).ask_as(&stranger, &asked).await.expect(303);
    assert!(answer.needed_header("location").contains("error=access_denied"));
}

/// What the EHR shows is told to those only who were granted to know it.
#[tokio::test]
async fn an_app_without_the_scope_is_told_no_context() {
    let Some(place) = Place::new() else { return };
    let mine = place.patient("Mine").await;
    let shown = json!({"resourceType": "Parameters", "parameter": [{"name": "intent", "valueString": "reconcile"}]});
    let launched = place.admin.post(&format!("Patient/{mine}/$launch-context"), &shown).await.expect(200).json();
    let name = text(&launched["parameter"][0], "valueString");
    let (app, person) = (place.app("user/*.rs"), place.practitioner().await);
    let mut asked = place.asked(&app, "launch launch/patient patient/*.rs user/*.rs");
    asked.push(("launch", name));
    let code = Browser::new(&place).let_in(&person, &asked, None).await;
    let tokens = place.redeem(&app, &code).await.expect(200).json();
    assert_eq!(text(&tokens, "scope"), "user/*.rs");
    for member in ["patient", "encounter", "intent"] {
        assert!(tokens.get(member).is_none(), "{tokens}");
    }
    let token = text(&tokens, "access_token");
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    assert!(serde_json::from_slice::<Value>(&claims).unwrap().get("patient").is_none());
}

/// relatedperson.html: a relation that has ended, or a person who is no longer active, opens nothing, within two seconds.
#[tokio::test]
async fn who_is_no_longer_active_gets_no_further() {
    let Some(place) = Place::new() else { return };
    let patient = place.admin.create(&json!({"resourceType": "Patient"})).await;
    let of = json!({"reference": format!("Patient/{patient}")});
    for (resource, change) in [
        (json!({"resourceType": "RelatedPerson", "patient": of}), json!({"period": {"end": "2020-01-01"}})),
        (json!({"resourceType": "RelatedPerson", "patient": of}), json!({"period": {"start": "2999"}})),
        (json!({"resourceType": "RelatedPerson", "patient": of}), json!({"active": false})),
        (json!({"resourceType": "Practitioner"}), json!({"active": false})),
        (json!({"resourceType": "Patient"}), json!({"active": false})),
    ] {
        let kind = resource["resourceType"].as_str().unwrap();
        let id = place.admin.create(&resource).await;
        let person = place.person(&format!("{kind}/{id}"));
        let scope = if kind == "Practitioner" { "user/*.rs offline_access" } else { "patient/*.rs offline_access" };
        let app = place.app(scope);
        let tokens = place.granted(&app, &person, scope, None).await;
        let sees = place.with(tokens["access_token"].as_str());
        sees.get("Patient").await.expect(200);
        let ended = with(with(resource.clone(), json!({"id": id})), change.clone());
        place.admin.put(&format!("{kind}/{id}"), &ended).await.expect(200);
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        sees.get("Patient").await.expect_outcome(401..=401);
        place.refresh(&app, &text(&tokens, "refresh_token")).await.expect(400);
        let answer = Browser::new(&place).ask_as(&person, &place.asked(&app, scope)).await.expect(303);
        assert!(answer.needed_header("location").contains("error=access_denied"), "{kind} {change}");
    }
}

/// Browsers apply form-action to where a form's answer redirects: a sign-in may lead on to the app that asked, and to no
/// other.
#[tokio::test]
async fn a_sign_in_may_lead_to_the_app_that_asked() {
    let Some(place) = Place::new() else { return };
    let (app, person) = (place.app("user/*.rs"), place.practitioner().await);
    let mut browser = Browser::new(&place);
    let page = browser.ask(&place.asked(&app, "user/*.rs")).await.expect(200);
    let wrong = Person { name: person.name, password: "not the password".into() };
    let again = browser.sign_in(&page, &wrong).await.expect(401);
    for page in [page, again] {
        let policy = page.needed_header("content-security-policy");
        assert!(policy.contains("form-action 'self' https://app.example.org;"), "{policy}");
    }
    for next in ["account".to_owned(), "authorize?client_id=x&redirect_uri=https%3A%2F%2Fevil.example".to_owned()] {
        let page = browser.get("account").await.expect(200);
        let page = browser.submit(&page, "sign-in", &[("next", &next), ("username", "x")]).await.expect(401);
        let policy = page.needed_header("content-security-policy");
        assert!(policy.contains("form-action 'self';"), "{policy}");
    }
}

/// online_access: refreshed as long as the user is signed in.
#[tokio::test]
async fn online_access_ends_with_the_sign_in() {
    let Some(place) = Place::new() else { return };
    let (app, person) = (place.app("online_access user/Patient.rs"), place.practitioner().await);
    let mut browser = Browser::new(&place);
    let code = browser.let_in(&person, &place.asked(&app, "online_access user/Patient.rs"), None).await;
    let tokens = place.redeem(&app, &code).await.expect(200).json();
    let tokens = place.refresh(&app, &text(&tokens, "refresh_token")).await.expect(200).json();
    let page = browser.get("account").await.expect(200);
    browser.submit(&page, "account", &[("leave", "here")]).await.expect(200);
    place.refresh(&app, &text(&tokens, "refresh_token")).await.expect(400);
}

/// app-launch.html: an app that a person does not let in is told so, and a silent one that a page would be needed.
#[tokio::test]
async fn an_app_is_told_no() {
    let Some(place) = Place::new() else { return };
    let (app, person) = (place.app("user/*.rs"), place.practitioner().await);
    let mut asked = place.asked(&app, "user/*.rs");
    let mut browser = Browser::new(&place);
    let page = browser.ask_as(&person, &asked).await.expect(200);
    let policy = page.needed_header("content-security-policy").to_owned();
    assert!(
        policy.contains("form-action 'self' https://app.example.org;") && !policy.contains("unsafe-inline"),
        "{policy}"
    );
    let denied = browser.submit(&page, "authorize", &[("action", "deny")]).await.expect(303);
    assert!(denied.needed_header("location").starts_with(&format!("{REDIRECT}&error=access_denied&")));
    asked.push(("prompt", "none".into()));
    for (browser, code) in [(&mut browser, "interaction_required"), (&mut Browser::new(&place), "login_required")] {
        let answer = browser.ask(&asked).await.expect(303);
        assert!(answer.needed_header("location").contains(&format!("error={code}&")));
    }
}

/// RFC 7515: no padding, as tokens are written.
#[tokio::test]
async fn an_access_token_says_what_was_granted() {
    let Some(place) = Place::new() else { return };
    let (app, person) = (place.app("user/*.rs"), place.practitioner().await);
    let tokens = place.granted(&app, &person, "user/*.rs user/Patient.cruds", None).await;
    let token = text(&tokens, "access_token");
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((text(&claims, "scope"), text(&claims, "client_id")), ("user/*.rs user/Patient.rs".into(), app));
    assert!(claims["jti"].is_string() && claims["fhirUser"].is_string());
}
