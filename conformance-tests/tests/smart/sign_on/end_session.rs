//! Signing out from within an app (OpenID Connect RP-Initiated Logout 1.0).

use super::super::place::{Browser, Place, query, text, told, told_app};
use super::issuer::is_signed_in;
use conformance_tests::Answer;

const OUT: &str = "https://app.example.org/out?x=1";
const SCOPE: &str = "openid user/*.rs";

/// An app that somebody has let in: the client, and the id token.
async fn let_in(place: &Place<'_>, browser: &mut Browser<'_>) -> (String, String) {
    let redirect = super::super::place::REDIRECT;
    let (client, _) = place.register(&["--public", "--redirect", redirect, "--signed-out", OUT, "--scope", SCOPE]);
    let person = place.practitioner().await;
    let page = browser.ask_as(&person, &place.asked(&client, SCOPE)).await.expect(200);
    let answer = browser.submit(&page, "authorize", &[("action", "allow")]).await.expect(303);
    let code = told(&told_app(&answer), "code").unwrap().to_owned();
    let tokens = place.redeem(&client, &code).await.expect(200).json();
    (client, text(&tokens, "id_token"))
}

async fn end(browser: &mut Browser<'_>, asked: &[(&str, &str)]) -> Answer {
    browser.get(&format!("end-session?{}", query(asked))).await
}

/// Section 2: an app that shows whom it was told of signs that user out, and is gone back to.
#[tokio::test]
async fn an_app_signs_its_user_out() {
    let Some(place) = Place::new() else { return };
    let metadata = place.with(None).call("GET", &format!("{}/.well-known/openid-configuration", place.issuer()));
    let metadata = metadata.send().await.expect(200).json();
    assert_eq!(text(&metadata, "end_session_endpoint"), format!("{}/end-session", place.issuer()));
    let mut browser = Browser::new(&place);
    let (_, hint) = let_in(&place, &mut browser).await;
    let asked = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT), ("state", "a b")];
    let answer = end(&mut browser, &asked).await.expect(303);
    assert_eq!(answer.needed_header("location"), format!("{OUT}&state=a+b"));
    assert!(!is_signed_in(&mut browser).await);
    // Who is out already is sent on all the same.
    end(&mut browser, &asked).await.expect(303);
    assert!(end(&mut browser, &[]).await.expect(200).text().contains("You are signed out"));
}

/// Section 2: where the app does not show that, the user is asked.
#[tokio::test]
async fn a_user_is_asked_where_anybody_may_ask() {
    let Some(place) = Place::new() else { return };
    let (mut browser, mut other) = (Browser::new(&place), Browser::new(&place));
    let (client, _) = let_in(&place, &mut browser).await;
    let (_, others) = let_in(&place, &mut other).await;
    let page = end(&mut browser, &[("client_id", &client), ("post_logout_redirect_uri", OUT)]).await.expect(200);
    assert!(page.text().contains("An app asks to sign"), "{}", page.text());
    assert!(page.needed_header("content-security-policy").contains("form-action 'self' https://app.example.org"));
    for asked in [vec![], vec![("id_token_hint", "x")], vec![("id_token_hint", &*others)]] {
        end(&mut browser, &asked).await.expect(200);
    }
    browser.submit(&page, "end-session", &[("csrf", "AAAA")]).await.expect(403);
    assert!(is_signed_in(&mut browser).await);
    let answer = browser.submit(&page, "end-session", &[]).await.expect(303);
    assert_eq!(answer.needed_header("location"), OUT);
    assert!(!is_signed_in(&mut browser).await);
}

/// Section 3: nobody is sent to an address that the app is not registered with, nor signed out for it.
#[tokio::test]
async fn nobody_is_sent_elsewhere() {
    let Some(place) = Place::new() else { return };
    let mut browser = Browser::new(&place);
    let (client, hint) = let_in(&place, &mut browser).await;
    let other = place.app(SCOPE);
    for asked in [
        vec![("id_token_hint", &*hint), ("post_logout_redirect_uri", "https://evil.example/")],
        vec![("id_token_hint", &*hint), ("post_logout_redirect_uri", "https://app.example.org/out")],
        vec![("id_token_hint", &*hint), ("client_id", &*other), ("post_logout_redirect_uri", OUT)],
        vec![("client_id", &*other), ("post_logout_redirect_uri", OUT)],
        vec![("client_id", "nobody"), ("post_logout_redirect_uri", OUT)],
        vec![("post_logout_redirect_uri", OUT)],
    ] {
        let page = end(&mut browser, &asked).await.expect(400);
        assert!(page.header("location").is_none() && !page.text().contains("evil.example"), "{asked:?}");
    }
    assert!(is_signed_in(&mut browser).await, "{client}");
}
