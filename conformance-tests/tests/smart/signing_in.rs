//! Signing in with name and password: sessions, forged forms, guessing.

use super::place::{Browser, Person, Place, text};
use super::times::{Attempts, runs_out};
use conformance_tests::Program;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// What is told of a wrong password is told of an unknown name.
#[tokio::test]
async fn an_unknown_name_is_answered_like_a_wrong_password() {
    let Some(place) = Place::new() else { return };
    let known = place.practitioner().await;
    let mut answers = Vec::new();
    for name in [known.name.clone(), "nobody-at-all".to_owned()] {
        let mut browser = Browser::new(&place);
        let page = browser.get("account").await.expect(200);
        let wrong = Person { name: name.clone(), password: "not the password".into() };
        let answer = browser.sign_in(&page, &wrong).await.expect(401).text().replace(&name, "NAME");
        answers.push(answer.split("<form").next().unwrap().to_owned());
    }
    assert_eq!(answers[0], answers[1]);
}

/// A clinic's people come from one address, many at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_sign_in_at_the_same_time() {
    let Some(place) = Place::new() else { return };
    let people = [place.practitioner().await, place.practitioner().await, place.practitioner().await];
    for _ in 0..5 {
        let signed_in = async |person: &Person| {
            let mut browser = Browser::new(&place);
            let page = browser.get("account").await.expect(200);
            browser.sign_in(&page, person).await.expect(303);
        };
        let [a, b, c] = &people;
        tokio::join!(signed_in(a), signed_in(b), signed_in(c), signed_in(a), signed_in(b), signed_in(c));
    }
}

/// Guessing is slowed down for the address it comes from, and for nobody else.
#[tokio::test]
async fn guessing_is_slowed_and_locks_nobody_out() {
    let Some(place) = Place::new() else { return };
    let person = place.practitioner().await;
    let wrong = Person { name: person.name.clone(), password: "not the password".into() };
    let attempt = async |from: &str, person: &Person| {
        let mut browser = Browser::new(&place);
        let page = browser.get("account").await.expect(200);
        let form = [("username", &*person.name), ("password", &*person.password)];
        browser.submit_with(&page, "sign-in", &form, &[("x-forwarded-for", from)]).await.status
    };
    loop {
        let mut attempts = Attempts::free(5);
        attempts.until_refused(401, async || attempt("192.0.2.1", &wrong).await).await;
        // Where this one came when the wait was over, it has taken all failures back.
        if attempts.make(attempt("192.0.2.1", &person)).await == 429 {
            break;
        }
    }
    assert_eq!(attempt("192.0.2.2", &person).await, 303);
}

/// Where a proxy tells of several addresses, the last one counts: the first ones are whatever the client sent.
#[tokio::test]
async fn an_address_cannot_be_made_up_behind_a_proxy() {
    let Some(place) = Place::new() else { return };
    let person = place.practitioner().await;
    let mut at = 0;
    let attempt = async || {
        at += 1;
        let mut browser = Browser::new(&place);
        let page = browser.get("account").await.expect(200);
        let form = [("username", &*person.name), ("password", "not the password")];
        let (made_up, last) = (format!("192.0.2.{at}"), format!("2001:db8::{at}"));
        let headers = [("x-forwarded-for", &*made_up), ("x-forwarded-for", &*last)];
        browser.submit_with(&page, "sign-in", &form, &headers).await.status
    };
    Attempts::free(5).until_refused(401, attempt).await;
}

/// Where no proxy is trusted, none is believed.
#[tokio::test]
async fn proxies_are_a_setting() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--trusted-proxies", "none"]);
    let place = Place::of(&program, &server.root);
    let person = place.practitioner().await;
    let mut at = 0;
    let attempt = async || {
        at += 1;
        let mut browser = Browser::new(&place);
        let page = browser.get("account").await.expect(200);
        let form = [("username", &*person.name), ("password", "not the password")];
        let from = format!("192.0.2.{at}");
        browser.submit_with(&page, "sign-in", &form, &[("x-forwarded-for", &from)]).await.status
    };
    Attempts::free(5).until_refused(401, attempt).await;
}

/// A tenant says how long sign-ins hold, without use and at all; `online_access` ends with them.
#[tokio::test]
async fn sign_ins_hold_as_long_as_the_tenant_says() {
    let Some(place) = Place::new() else { return };
    let (app, person) = (place.app("online_access user/*.rs"), place.practitioner().await);
    let limit = |idle: &str, longest: &str| {
        let asked = ["tenant", "sign-ins", &place.tenant, "--idle", idle, "--longest", longest];
        place.program.run(&asked).status.success()
    };
    assert!(limit("4s", "8s") && !limit("0s", "8s") && !limit("2h", "1h") && !limit("1h", "31d"));
    let shown = place.program.succeed(&["tenant", "sign-ins", &place.tenant]);
    assert!(shown.contains("after 4 s without use, and after 8 s"), "{shown}");
    let is_signed_in =
        async |browser: &mut Browser<'_>| !browser.get("account").await.text().contains("type=\"password\"");
    // What is said holds for those who are signed in, too: at first for as long as a slow machine takes.
    assert!(limit("1h", "2h"));
    let mut idle = Browser::new(&place);
    let code = idle.let_in(&person, &place.asked(&app, "online_access user/*.rs"), None).await;
    let tokens = place.redeem(&app, &code).await.expect(200).json();
    assert!(is_signed_in(&mut idle).await && limit("4s", "2h"));
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!is_signed_in(&mut idle).await);
    place.refresh(&app, &text(&tokens, "refresh_token")).await.expect(400);

    assert!(limit("1h", "2h"));
    let mut busy = Browser::new(&place);
    let page = busy.get("account").await.expect(200);
    let begun = Instant::now();
    busy.sign_in(&page, &person).await.expect(303);
    assert!(is_signed_in(&mut busy).await && limit("8s", "8s"));
    // However often it is used.
    runs_out(begun, Duration::from_secs(8), async || is_signed_in(&mut busy).await).await;
}

/// A form that this browser was not given, or that another site sends, does nothing.
#[tokio::test]
async fn a_forged_form_is_refused() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app("user/*.rs"));
    let mut browser = Browser::new(&place);
    let page = browser.ask_as(&person, &place.asked(&app, "user/*.rs")).await.expect(200);
    let allow = ("action", "allow");
    browser.submit(&page, "authorize", &[allow, ("csrf", "")]).await.expect(403);
    browser.submit(&page, "authorize", &[allow, ("csrf", "AAAA")]).await.expect(403);
    let from_elsewhere = [("sec-fetch-site", "cross-site")];
    browser.submit_with(&page, "authorize", &[allow], &from_elsewhere).await.expect(403);
    let mut stranger = Browser::new(&place);
    let theirs = stranger.get("account").await.expect(200);
    stranger.submit(&page, "authorize", &[allow]).await.expect(403);
    browser.submit(&theirs, "sign-in", &[("username", "x"), ("password", "y")]).await.expect(403);
    browser.submit(&page, "authorize", &[allow]).await.expect(303);
}

/// The cookie of before the sign-in is worth nothing afterwards (session fixation).
#[tokio::test]
async fn signing_in_changes_the_cookie() {
    let Some(place) = Place::new() else { return };
    let person = place.practitioner().await;
    let mut browser = Browser::new(&place);
    let page = browser.get("account").await.expect(200);
    let before = browser.cookie.clone();
    browser.sign_in(&page, &person).await.expect(303);
    assert_ne!(before, browser.cookie);
    let mut fixed = Browser::new(&place);
    fixed.cookie = before;
    assert!(fixed.get("account").await.text().contains("type=\"password\""));
    assert!(browser.get("account").await.text().contains("Ana Weiss"));
}

/// A form leads nowhere but on (open redirect).
#[tokio::test]
async fn a_sign_in_leads_nowhere_else() {
    let Some(place) = Place::new() else { return };
    let person = place.practitioner().await;
    for next in ["https://evil.example/", "//evil.example/", "../../x", "token", "/auth/other/authorize?"] {
        let mut browser = Browser::new(&place);
        let page = browser.get("account").await.expect(200);
        let form = [("username", &*person.name), ("password", &*person.password), ("next", next)];
        browser.submit(&page, "sign-in", &form).await.expect(400);
    }
}

/// Signing out everywhere ends every sign-in, and what apps were granted, within two seconds.
#[tokio::test]
async fn signing_out_everywhere_ends_everything() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app("user/*.rs offline_access"));
    let tokens = place.granted(&app, &person, "user/*.rs offline_access", None).await;
    let sees = place.with(tokens["access_token"].as_str());
    sees.get("Patient").await.expect(200);
    let (mut here, mut there) = (Browser::new(&place), Browser::new(&place));
    for browser in [&mut here, &mut there] {
        let page = browser.get("account").await.expect(200);
        browser.sign_in(&page, &person).await.expect(303);
    }
    let page = here.get("account").await.expect(200);
    here.submit(&page, "account", &[("leave", "everywhere")]).await.expect(200);
    assert!(there.get("account").await.text().contains("type=\"password\""));
    place.refresh(&app, &text(&tokens, "refresh_token")).await.expect(400);
    tokio::time::sleep(Duration::from_secs(2)).await;
    sees.get("Patient").await.expect_outcome(401..=401);
}

/// A user is made by an operation, signs in, and no longer once disabled.
#[tokio::test]
async fn users_are_made_over_fhir_and_can_be_disabled() {
    let Some(place) = Place::new() else { return };
    let patient = format!("Patient/{}", place.patient("Mine").await);
    let make = |name: &str, password: &str, user: &str| {
        json!({"resourceType": "Parameters", "parameter": [{"name": "username", "valueString": name},
            {"name": "password", "valueString": password}, {"name": "user", "valueString": user}]})
    };
    place.admin.post("$create-user", &make("ana", "a long password", &patient)).await.expect(200);
    for (name, password, user, status) in [
        ("Ana", "a long password", &*patient, 409),
        ("bo", "short", &patient, 400),
        ("bo", "a long password", "Patient/nobody", 400),
        ("bo", "a long password", "Device/1", 400),
    ] {
        place.admin.post("$create-user", &make(name, password, user)).await.expect_outcome(status..=status);
    }
    let reader = place.with(Some(&place.program.token(&place.tenant, "system/*.rs")));
    reader.post("$create-user", &make("bo", "a long password", &patient)).await.expect_outcome(403..=403);

    let person = Person { name: "ANA".into(), password: "a long password".into() };
    let mut browser = Browser::new(&place);
    let page = browser.get("account").await.expect(200);
    browser.sign_in(&page, &person).await.expect(303);
    place.program.succeed(&["user", "disable", "--tenant", &place.tenant, "ana"]);
    assert!(browser.get("account").await.text().contains("type=\"password\""));
    let page = browser.get("account").await.expect(200);
    browser.sign_in(&page, &person).await.expect(401);

    place.program.succeed(&["user", "enable", "--tenant", &place.tenant, "ana"]);
    let said = place.program.succeed(&["user", "password", "--tenant", &place.tenant, "ana"]);
    browser.sign_in(&page, &person).await.expect(401);
    let renewed = Person { password: said.trim().rsplit(' ').next().unwrap().to_owned(), ..person };
    browser.sign_in(&page, &renewed).await.expect(303);
}

/// NIST SP 800-63B section 5.1.1.2: a password that was stolen somewhere is nobody's, however it is set.
#[tokio::test]
async fn a_stolen_password_is_refused() {
    let Some(program) = Program::fresh() else { return };
    // The SHA-1 of `correct horse battery staple`, between two others, as Have I Been Pwned writes them.
    let lines = ["A9993E364706816ABA3E25717850C26C9CD0D89D:1", "ABF7AAD6438836DBE526AA231ABDE2D0EEF74D42:7", "FFFF"];
    let file = program.directory().join("breached");
    std::fs::write(&file, lines.join("\r\n")).unwrap();
    let list = ["--breached-passwords", file.to_str().unwrap()];
    let server = program.serve(&list);
    let place = Place::of(&program, &server.root);
    let user = format!("Patient/{}", place.patient("Mine").await);
    let make = |name: &str, password: &str| {
        json!({"resourceType": "Parameters", "parameter": [{"name": "username", "valueString": name},
            {"name": "password", "valueString": password}, {"name": "user", "valueString": user}]})
    };
    let stolen = "correct horse battery staple";
    let told = place.admin.post("$create-user", &make("ana", stolen)).await.expect_outcome(400..=400).to_string();
    assert!(told.contains("stolen") && !told.contains(stolen), "{told}");
    place.admin.post("$create-user", &make("ana", "correct horse battery stapler")).await.expect(200);
    for (password, is_taken) in [(stolen, false), ("another horse battery staple", true)] {
        let command = ["user", "password", "--tenant", &place.tenant, "--password-stdin", "ana"];
        let set = program.run_with_input(&[&command[..], &list].concat(), password);
        assert_eq!(set.status.success(), is_taken, "{}", String::from_utf8_lossy(&set.stderr));
    }
    assert!(program.refuse_to_serve(&["--breached-passwords", "/nowhere/at/all"]).contains("breached"));
}

/// A sign-in is one tenant's.
#[tokio::test]
async fn a_cookie_is_one_tenants() {
    let (Some(north), Some(south)) = (Place::new(), Place::new()) else { return };
    let person = north.practitioner().await;
    let mut browser = Browser::new(&north);
    let page = browser.get("account").await.expect(200);
    browser.sign_in(&page, &person).await.expect(303);
    let value = browser.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    let mut elsewhere = Browser::new(&south);
    elsewhere.cookie = Some(format!("medisync-{}={value}", south.tenant));
    let page = elsewhere.get("account").await.expect(200);
    assert!(page.text().contains("type=\"password\""));
    elsewhere.sign_in(&page, &person).await.expect(401);
}
