//! Who comes in by a provider, as whom, and with what.

use super::super::place::{Browser, Place, text};
use super::issuer::{
    Issuer, back, challenge, doctor, is_signed_in, number, register, registration, rule, sent, sign_on, signed, with,
};
use serde_json::{Value, json};

/// A tenant whose staff signs in by a provider, and somebody of the staff: a number and a Practitioner's id.
pub(super) async fn hospital() -> Option<(Place<'static>, Issuer, String, String)> {
    let place = Place::new()?;
    let issuer = Issuer::new().await;
    register(&place, &registration(&issuer.issuer)).await.expect(200);
    let number = number();
    let id = doctor(&place, &number).await;
    Some((place, issuer, number, id))
}

/// The tokens that an app gets for these scopes when somebody signs in of whom the provider says these groups.
async fn granted(
    place: &Place<'_>,
    issuer: &Issuer,
    number: &str,
    (app, scope): (&str, &str),
    groups: &[&str],
) -> Value {
    let mut browser = Browser::new(place);
    sign_on(&mut browser, issuer, number, &json!({ "groups": groups })).await.expect(303);
    let page = browser.ask(&place.asked(app, scope)).await.expect(200);
    let answer = browser.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
    let told = super::super::place::told_app(&answer);
    place.redeem(app, super::super::place::told(&told, "code").unwrap()).await.expect(200).json()
}

/// OpenID Connect Core section 3.1: from the app's request by the provider to the app's tokens.
#[tokio::test]
async fn an_apps_request_goes_on_after_a_sign_on() {
    let Some((place, issuer, number, id)) = hospital().await else { return };
    let scope = "openid fhirUser user/Patient.rs";
    let app = place.app(scope);
    let mut browser = Browser::new(&place);
    let page = browser.ask(&place.asked(&app, scope)).await.expect(200).text();
    assert!(page.contains("Sign in with the hospital"), "{page}");
    let link = page.split("href=\"").find(|it| it.contains("/sign-on/staff?next=")).unwrap();
    let link = link.split('"').next().unwrap().replace("&amp;", "&");
    let next = reqwest::Url::parse(&format!("http://x{link}")).unwrap();
    let next = next.query_pairs().find(|(name, _)| name == "next").unwrap().1.into_owned();
    let sent = sent(&mut browser, &next, &issuer).await;
    assert_eq!(sent.get("code_challenge_method"), "S256");
    assert_eq!(sent.get("redirect_uri"), format!("{}/sign-on/staff/back", place.issuer()));
    assert_eq!(sent.get("scope"), "openid profile email");
    let answer = back(&mut browser, &issuer, &sent, signed(&issuer.claims(&number, &sent.nonce))).await.expect(303);
    let page = browser.get(answer.needed_header("location")).await.expect(200);
    assert!(page.text().contains("Read and search records of the kind patient"), "{}", page.text());
    let answer = browser.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
    let told = super::super::place::told_app(&answer);
    let code = super::super::place::told(&told, "code").unwrap().to_owned();
    let tokens = place.redeem(&app, &code).await.expect(200).json();
    place.with(tokens["access_token"].as_str()).get("Patient").await.expect(200);
    let info = place.with(tokens["access_token"].as_str()).call("GET", &format!("{}/userinfo", place.issuer()));
    let info = info.send().await.expect(200).json();
    assert_eq!(text(&info, "fhirUser"), format!("{}/Practitioner/{id}", place.admin.base));
    // RFC 7636: the code was exchanged with what the challenge was made of; RFC 6749 section 2.3.1: by Basic.
    let asked =
        issuer.told.lock().unwrap().asked.iter().find(|(head, _)| head.starts_with("POST /token")).cloned().unwrap();
    let verifier = asked.1.split('&').find_map(|it| it.strip_prefix("code_verifier=")).unwrap();
    assert_eq!(challenge(verifier), sent.get("code_challenge"));
    assert!(asked.0.to_lowercase().contains("authorization: basic "), "{}", asked.0);
}

/// What the provider says now is what a user may: a scope less ends what was granted, no rule at all the way in.
#[tokio::test]
async fn a_user_is_what_the_provider_says_now() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let rules = [
        rule("groups", "doctors", "user/*.rs"),
        rule("groups", "writers", "user/Observation.cud"),
        rule("groups", "guests", "user/Patient.rs"),
    ];
    register(&place, &with(&issuer.issuer, &rules)).await.expect(200);
    let scope = "offline_access user/*.cruds";
    let app = place.app(scope);
    let granted = async |groups: &[&str]| granted(&place, &issuer, &number, (&app, scope), groups).await;
    let all = granted(&["doctors", "writers"]).await;
    assert_eq!(text(&all, "scope"), "offline_access user/*.rs user/Observation.cud");
    let same = granted(&["doctors", "writers"]).await;
    let all = place.refresh(&app, &text(&all, "refresh_token")).await.expect(200).json();
    let less = granted(&["guests"]).await;
    assert_eq!(text(&less, "scope"), "offline_access user/Patient.rs");
    for ended in [&all, &same] {
        place.refresh(&app, &text(ended, "refresh_token")).await.expect(400);
    }
    let mut browser = Browser::new(&place);
    let page = sign_on(&mut browser, &issuer, &number, &json!({ "groups": ["cooks"] })).await.expect(403).text();
    assert!(page.contains("nothing that it says gives you access"), "{page}");
    assert!(!is_signed_in(&mut browser).await);
    place.refresh(&app, &text(&less, "refresh_token")).await.expect(400);
}

/// Claims give roles by rules: a role's records open, a claim that changed changes them at the next sign-in and ends what was
/// granted before, and one that is gone takes its role.
#[tokio::test]
async fn claims_give_and_take_roles() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let gives = |group: &str, role: &str| {
        let part = |name: &str, value: &str| json!({ "name": name, "valueString": value });
        let role = json!({ "name": "role", "part": [{ "name": "name", "valueCode": role }] });
        json!({ "name": "rule", "part": [part("claim", "groups"), part("value", group), role] })
    };
    let rules = [gives("medical", "doctor"), gives("laboratory", "lab_technician"), gives("office", "billing")];
    register(&place, &with(&issuer.issuer, &rules)).await.expect(200);
    let scope = "user/*.cruds offline_access";
    let app = place.app(scope);
    let granted = async |groups: &[&str]| granted(&place, &issuer, &number, (&app, scope), groups).await;
    let roles = || {
        let listed = place.program.succeed(&["user", "list", "--tenant", &place.tenant]);
        let line = listed.lines().find(|it| it.starts_with(&format!("user-{number}"))).unwrap().to_owned();
        ["doctor", "lab_technician", "billing"].map(|it| line.contains(it))
    };
    let holder = |tokens: &Value| place.with(tokens["access_token"].as_str());
    let medication = json!({ "resourceType": "Medication", "code": { "text": "Salt" } });
    let condition = json!({ "resourceType": "Condition", "code": { "text": "Cough" }, "subject": { "display": "x" } });

    let both = granted(&["medical", "laboratory"]).await;
    assert_eq!(roles(), [true, true, false]);
    let client = holder(&both);
    client.post("Condition", &condition).await.expect(201);
    client.get("Specimen").await.expect(200);
    client.post("Medication", &medication).await.expect_outcome(403..=403);
    client.get("Invoice").await.expect_outcome(403..=403);

    // One claim less: the role is gone, and with it what was granted by it.
    let less = granted(&["laboratory"]).await;
    assert_eq!(roles(), [false, true, false]);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    client.get("Specimen").await.expect_outcome(401..=401);
    place.refresh(&app, &text(&both, "refresh_token")).await.expect(400);
    let client = holder(&less);
    client.get("Specimen").await.expect(200);
    client.post("Condition", &condition).await.expect_outcome(403..=403);

    // Another claim: another role.
    let other = granted(&["office"]).await;
    assert_eq!(roles(), [false, false, true]);
    let client = holder(&other);
    client.get("Invoice").await.expect(200);
    client.get("Specimen").await.expect_outcome(403..=403);

    // No claim that a rule knows: nobody comes in, and nothing is left.
    let mut browser = Browser::new(&place);
    sign_on(&mut browser, &issuer, &number, &json!({ "groups": [] })).await.expect(403);
    assert!(!is_signed_in(&mut browser).await);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    client.get("Invoice").await.expect_outcome(401..=401);
    place.refresh(&app, &text(&other, "refresh_token")).await.expect(400);
}

/// A user who is disabled stays so, whatever the provider says.
#[tokio::test]
async fn a_disabled_user_stays_out() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    sign_on(&mut Browser::new(&place), &issuer, &number, &json!({})).await.expect(303);
    place.program.succeed(&["user", "disable", "--tenant", &place.tenant, &format!("user-{number}")]);
    let mut browser = Browser::new(&place);
    sign_on(&mut browser, &issuer, &number, &json!({})).await.expect(403);
    assert!(!is_signed_in(&mut browser).await);
}

/// A name or an address that is alike makes nobody a user who is here already; an administrator does.
#[tokio::test]
async fn nobody_takes_over_a_user_by_a_name() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let local = place.practitioner().await;
    let alike = json!({ "preferred_username": local.name.to_uppercase(), "email": local.name, "email_verified": true });
    let mut browser = Browser::new(&place);
    let page = sign_on(&mut browser, &issuer, &number, &alike).await.expect(403).text();
    assert!(page.contains("not linked with a user here"), "{page}");
    assert!(!is_signed_in(&mut browser).await);
    let link = |subject: &str| {
        let part = |name: &str, value: &str| json!({ "name": name, "valueString": value });
        json!({ "resourceType": "Parameters", "parameter":
            [part("username", &local.name), part("provider", "staff"), part("subject", subject)] })
    };
    place
        .with(Some(&place.program.token(&place.tenant, "user/*.cruds")))
        .post("$link-user", &link(&number))
        .await
        .expect(403);
    place.admin.post("$link-user", &link(&number)).await.expect(200);
    place.admin.post("$link-user", &link(&number)).await.expect(409);
    sign_on(&mut browser, &issuer, &number, &alike).await.expect(303);
    assert!(is_signed_in(&mut browser).await);
    // The user's own scopes and resource stay, and the password still signs in.
    let listed = place.program.succeed(&["user", "list", "--tenant", &place.tenant]);
    let line = listed.lines().find(|it| it.starts_with(&local.name)).unwrap();
    assert!(line.contains("user/*.cruds"), "{line}");
    let mut browser = Browser::new(&place);
    let page = browser.get("account").await.expect(200);
    browser.sign_in(&page, &local).await.expect(303);
    // No password signs in whom a provider made.
    let other = super::issuer::number();
    doctor(&place, &other).await;
    sign_on(&mut Browser::new(&place), &issuer, &other, &json!({})).await.expect(303);
    let made = super::super::place::Person { name: format!("user-{other}"), password: String::new() };
    browser.sign_in(&page, &made).await.expect_in(400..=499);
}

/// Where users are not made, and where the records do not know somebody, nobody comes in.
#[tokio::test]
async fn who_is_not_in_the_records_is_not_let_in() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let refused = async |number: &str, more: Value, told: &str| {
        let mut browser = Browser::new(&place);
        let page = sign_on(&mut browser, &issuer, number, &more).await.expect(403).text();
        assert!(page.contains(told), "{page}");
        assert!(!is_signed_in(&mut browser).await);
    };
    refused("nobody", json!({}), "not found in the records").await;
    refused(&number, json!({ "number": null }), "not found in the records").await;
    refused(&number, json!({ "number": format!("{number},x") }), "not found in the records").await;
    refused(&number, json!({ "preferred_username": null }), "no name by which").await;
    refused(&number, json!({ "preferred_username": "<script>" }), "no name by which").await;
    doctor(&place, &number).await;
    refused(&number, json!({}), "not found in the records").await;
    let closed = with(&issuer.issuer, &[json!({ "name": "make-users", "valueBoolean": false })]);
    register(&place, &closed).await.expect(200);
    refused(&number, json!({}), "not linked with a user here").await;
}

/// The domain is that of a verified address, and the whole of it.
#[tokio::test]
async fn only_verified_addresses_of_the_domain_come_in() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let of_domain = with(&issuer.issuer, &[json!({ "name": "domain", "valueString": "example.com" })]);
    register(&place, &of_domain).await.expect(200);
    for (email, is_verified, status) in [
        ("ana@example.com", json!(false), 403),
        ("ana@example.com", json!(null), 403),
        ("ana@evil-example.com", json!(true), 403),
        ("ana@example.com.evil.example", json!(true), 403),
        ("ana@evil.example@example.com", json!(true), 403),
        ("ana@Example.COM", json!(true), 303),
    ] {
        let more = json!({ "email": email, "email_verified": is_verified });
        assert_eq!(sign_on(&mut Browser::new(&place), &issuer, &number, &more).await.status, status, "{more}");
    }
}

/// A rule may ask for a second factor at the provider (`amr`, `acr`).
#[tokio::test]
async fn a_rule_may_ask_for_a_second_factor() {
    let Some((place, issuer, number, _)) = hospital().await else { return };
    let mut strong = rule("groups", "doctors", "user/*.rs");
    strong["part"].as_array_mut().unwrap().push(json!({ "name": "amr", "valueString": "mfa" }));
    register(&place, &with(&issuer.issuer, &[strong])).await.expect(200);
    let mut browser = Browser::new(&place);
    let page = sign_on(&mut browser, &issuer, &number, &json!({ "amr": ["pwd"] })).await.expect(403).text();
    assert!(page.contains("second factor"), "{page}");
    sign_on(&mut browser, &issuer, &number, &json!({ "amr": ["pwd", "mfa"] })).await.expect(303);
    assert!(is_signed_in(&mut browser).await);
}
