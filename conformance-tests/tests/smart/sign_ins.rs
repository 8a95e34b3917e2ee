//! A user's sign-ins: listed, ended one by one, and told of to apps (OpenID Connect Back-Channel Logout 1.0).

use super::place::{Browser, Person, Place, REDIRECT, text, told, told_app};
use super::sign_on::issuer::request;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conformance_tests::eventually;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

/// Within this time what was ended is refused.
const ENDED: Duration = Duration::from_secs(2);
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const SAFARI: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1";
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Signs in with a browser that says what it is.
async fn signed_in<'p>(place: &'p Place<'p>, person: &Person, user_agent: &str) -> Browser<'p> {
    let mut browser = Browser::new(place);
    let page = browser.get("account").await.expect(200);
    let form = [("username", &*person.name), ("password", &*person.password)];
    browser.submit_with(&page, "sign-in", &form, &[("user-agent", user_agent)]).await.expect(303);
    browser
}

/// Lets an app in by a browser that is signed in: the token endpoint's answer.
async fn let_in(place: &Place<'_>, browser: &mut Browser<'_>, app: &str, scope: &str) -> Value {
    let page = browser.ask(&place.asked(app, scope)).await.expect(200);
    let answer = browser.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
    let code = told(&told_app(&answer), "code").expect("a code").to_owned();
    place.redeem(app, &code).await.expect(200).json()
}

/// The names of the sign-ins that a page lists, this browser's first.
fn listed(page: &str) -> Vec<String> {
    let buttons = page.split("name=\"end\" value=\"").skip(1);
    buttons.filter_map(|it| it.split('"').next().map(str::to_owned)).collect()
}

fn claims(token: &str) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("a payload")).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}

/// What an app is sent at its address: all bodies.
struct App {
    uri: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl App {
    async fn new() -> App {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://127.0.0.1:{}/out", listener.local_addr().unwrap().port());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let all = heard.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some((_, body)) = request(&mut stream).await else { continue };
                all.lock().unwrap().push(body);
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await.unwrap();
            }
        });
        App { uri, heard }
    }

    /// The logout tokens that came, once there are so many.
    async fn tokens(&self, count: usize) -> Vec<String> {
        let all = || self.heard.lock().unwrap().clone();
        let heard = eventually("logout tokens", async || Some(all()).filter(|it| it.len() >= count)).await;
        let token = |it: &String| it.split_once("logout_token=").map(|(_, token)| token.trim().to_owned());
        heard.iter().filter_map(token).collect()
    }

    /// Registers it, allowed these scopes.
    fn registered(&self, place: &Place<'_>, scope: &str) -> String {
        let about = ["--public", "--redirect", REDIRECT, "--scope", scope, "--backchannel-logout", &self.uri];
        place.register(&about).0
    }
}

/// The account page has every sign-in with its device and apps. One that is ended takes along all that was granted in it, with
/// `offline_access` too; the others stay.
#[tokio::test]
async fn a_user_sees_all_sign_ins_and_ends_one() {
    let Some(place) = Place::new() else { return };
    let scope = "user/*.rs offline_access";
    let (person, app) = (place.practitioner().await, place.app(scope));
    let mut here = signed_in(&place, &person, FIREFOX).await;
    let mut there = signed_in(&place, &person, SAFARI).await;
    let (kept, lost) = (let_in(&place, &mut here, &app, scope).await, let_in(&place, &mut there, &app, scope).await);
    let access = |tokens: &Value| place.with(tokens["access_token"].as_str());
    access(&lost).get("Patient").await.expect(200);
    let page = here.get("account").await.expect(200);
    let shown = page.text();
    for told in ["Firefox on Linux", "Safari on iOS", "the server&#39;s own machine", "You are here.", "Apps: The app."]
    {
        assert!(shown.contains(told), "{told} is missing in {shown}");
    }
    let names = listed(&shown);
    assert_eq!(names.len(), 2, "{shown}");
    here.submit(&page, "account", &[("end", &names[1])]).await.expect(303);
    assert!(there.get("account").await.text().contains("type=\"password\""));
    place.refresh(&app, &text(&lost, "refresh_token")).await.expect(400);
    tokio::time::sleep(ENDED).await;
    access(&lost).get("Patient").await.expect_outcome(401..=401);
    access(&kept).get("Patient").await.expect(200);
    place.refresh(&app, &text(&kept, "refresh_token")).await.expect(200);
    let page = here.get("account").await.expect(200);
    assert_eq!(listed(&page.text()), names[..1]);
    // The own one is the last.
    let out = here.submit(&page, "account", &[("end", &names[0])]).await.expect(200);
    assert!(out.text().contains("You are signed out"));
    place.refresh(&app, &text(&kept, "refresh_token")).await.expect(400);
}

/// Nobody ends another's sign-in, and no form that another site sends ends one.
#[tokio::test]
async fn a_sign_in_is_its_users_to_end() {
    let Some(place) = Place::new() else { return };
    let (person, other) = (place.practitioner().await, place.practitioner().await);
    let mut theirs = signed_in(&place, &person, FIREFOX).await;
    let name = listed(&theirs.get("account").await.expect(200).text()).remove(0);
    let mut stranger = signed_in(&place, &other, FIREFOX).await;
    let page = stranger.get("account").await.expect(200);
    stranger.submit(&page, "account", &[("end", &name)]).await.expect(303);
    let own = theirs.get("account").await.expect(200);
    theirs.submit(&own, "account", &[("end", &name), ("csrf", "AAAA")]).await.expect(403);
    assert_eq!(listed(&theirs.get("account").await.expect(200).text()), [name]);
}

/// After signing out, a sign-in is listed as long as apps go on by it.
#[tokio::test]
async fn apps_that_go_on_are_listed() {
    let Some(place) = Place::new() else { return };
    let scope = "user/*.rs offline_access";
    let (person, app) = (place.practitioner().await, place.app(scope));
    let mut left = signed_in(&place, &person, SAFARI).await;
    let tokens = let_in(&place, &mut left, &app, scope).await;
    let page = left.get("account").await.expect(200);
    left.submit(&page, "account", &[("leave", "here")]).await.expect(200);
    let tokens = place.refresh(&app, &text(&tokens, "refresh_token")).await.expect(200).json();
    let mut here = signed_in(&place, &person, FIREFOX).await;
    let page = here.get("account").await.expect(200);
    assert!(page.text().contains("You have signed out there; apps go on. Apps: The app."), "{}", page.text());
    let names = listed(&page.text());
    here.submit(&page, "account", &[("end", &names[1])]).await.expect(303);
    place.refresh(&app, &text(&tokens, "refresh_token")).await.expect(400);
}

/// Back-Channel Logout sections 2.1 to 2.6: an app is told by a token that names the sign-in as its id token did, and that is
/// taken for no other.
#[tokio::test]
async fn an_app_is_told_that_its_user_has_signed_out() {
    let Some(place) = Place::new() else { return };
    let app = App::new().await;
    let scope = "openid user/*.rs";
    let (client, person) = (app.registered(&place, scope), place.practitioner().await);
    let mut browser = signed_in(&place, &person, FIREFOX).await;
    let tokens = let_in(&place, &mut browser, &client, scope).await;
    let id = claims(&text(&tokens, "id_token"));
    let page = browser.get("account").await.expect(200);
    browser.submit(&page, "account", &[("leave", "here")]).await.expect(200);
    let heard = app.tokens(1).await;
    let [token] = &*heard else { panic!("{heard:?}") };
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::ES256, Some("logout+jwt")));
    let keys: JwkSet =
        serde_json::from_value(place.with(None).get(&format!("{}/jwks", place.issuer())).await.json()).unwrap();
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut wanted = Validation::new(Algorithm::ES256);
    wanted.set_audience(&[&client]);
    wanted.set_issuer(&[place.issuer()]);
    let told = jsonwebtoken::decode::<Value>(token, &key, &wanted).unwrap().claims;
    assert!(id["sid"].is_string() && told["sid"] == id["sid"] && told["sub"] == id["sub"]);
    assert_eq!(told["events"], json!({ EVENT: {} }));
    assert!(told["jti"].is_string() && told.get("nonce").is_none());
    assert!(told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap() <= 120);
    // It opens nothing, and signs nobody out elsewhere.
    place.with(Some(token)).get("Patient").await.expect_outcome(401..=401);
    let all = place.with(None).get(&format!("{}/.well-known/openid-configuration", place.issuer())).await.json();
    assert_eq!(all["backchannel_logout_supported"], true);
    assert_eq!(all["backchannel_logout_session_supported"], true);
}

/// Every way out tells every app once: everywhere, and from the list. Apps that got no id token are not told.
#[tokio::test]
async fn every_way_out_tells_apps() {
    let Some(place) = Place::new() else { return };
    let (app, silent) = (App::new().await, App::new().await);
    let scope = "openid user/*.rs offline_access";
    let (client, person) = (app.registered(&place, scope), place.practitioner().await);
    let quiet = silent.registered(&place, "user/*.rs");
    let mut sids = Vec::new();
    let mut browsers = Vec::new();
    for _ in 0..3 {
        let mut browser = signed_in(&place, &person, FIREFOX).await;
        for _ in 0..2 {
            let tokens = let_in(&place, &mut browser, &client, scope).await;
            sids.push(text(&claims(&text(&tokens, "id_token")), "sid"));
        }
        let_in(&place, &mut browser, &quiet, "user/*.rs").await;
        browsers.push(browser);
    }
    sids.dedup();
    assert_eq!(sids.len(), 3);
    let page = browsers[0].get("account").await.expect(200);
    browsers[0].submit(&page, "account", &[("end", &sids[1])]).await.expect(303);
    assert_eq!(text(&claims(&app.tokens(1).await[0]), "sid"), sids[1]);
    browsers[0].submit(&page, "account", &[("leave", "everywhere")]).await.expect(200);
    let mut told: Vec<String> = app.tokens(3).await.iter().map(|it| text(&claims(it), "sid")).collect();
    told.sort();
    sids.sort();
    assert_eq!(told, sids);
    assert_eq!(silent.tokens(0).await.len(), 0);
}

/// Whoever signs in once more in the same browser, as an app may ask for, goes on in the same sign-in.
#[tokio::test]
async fn signing_in_once_more_goes_on() {
    let Some(place) = Place::new() else { return };
    let app = App::new().await;
    let scope = "openid user/*.rs";
    let (client, person) = (app.registered(&place, scope), place.practitioner().await);
    let mut browser = signed_in(&place, &person, FIREFOX).await;
    let first = claims(&text(&let_in(&place, &mut browser, &client, scope).await, "id_token"));
    let mut asked = place.asked(&client, scope);
    asked.push(("prompt", "login".into()));
    let code = browser.let_in(&person, &asked, None).await;
    let tokens = place.redeem(&client, &code).await.expect(200).json();
    assert_eq!(claims(&text(&tokens, "id_token"))["sid"], first["sid"]);
    assert_eq!(listed(&browser.get("account").await.expect(200).text()).len(), 1);
    assert_eq!(app.tokens(0).await.len(), 0);
}

/// Back-Channel Logout section 2.2, RFC 7591: what is registered; inward addresses are not asked.
#[tokio::test]
async fn where_an_app_is_told_is_a_safe_place() {
    let Some(place) = Place::new() else { return };
    let app = |uri: &str| {
        let app = json!({"client_name": "Told", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none",
            "backchannel_logout_uri": uri});
        place.with(None).call("POST", &format!("{}/register", place.issuer())).body("application/json", app.to_string())
    };
    let made = app("https://app.example.org/out?x=1").send().await.expect(201).json();
    assert_eq!(text(&made, "backchannel_logout_uri"), "https://app.example.org/out?x=1");
    for wrong in ["http://127.0.0.1/out", "https://app.example.org/#out", "/out", "org.example.app:/out"] {
        assert_eq!(text(&app(wrong).send().await.expect(400).json(), "error"), "invalid_client_metadata");
    }
    // A name that leads inward, and is not among private-hosts.
    let listener = App::new().await;
    let uri = listener.uri.replace("127.0.0.1", "localhost");
    let scope = "openid user/*.rs";
    let about = ["--public", "--redirect", REDIRECT, "--scope", scope, "--backchannel-logout", &uri];
    let (client, person) = (place.register(&about).0, place.practitioner().await);
    let mut browser = signed_in(&place, &person, FIREFOX).await;
    let_in(&place, &mut browser, &client, scope).await;
    let page = browser.get("account").await.expect(200);
    browser.submit(&page, "account", &[("leave", "here")]).await.expect(200);
    let put_off =
        |it: &str| it.contains("medisync_logout_notices_total{outcome=\"put_off\"} ") && !it.contains("put_off\"} 0\n");
    eventually("a notice that is put off", async || {
        let metrics = place.with(None).get(&format!("{}/metrics", place.root)).await.expect(200).text();
        put_off(metrics.split("medisync_logout_notices_total counter").nth(1).unwrap_or_default()).then_some(())
    })
    .await;
    assert_eq!(listener.tokens(0).await.len(), 0);
}
