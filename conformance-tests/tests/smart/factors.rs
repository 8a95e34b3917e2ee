//! Second factors: codes of an authenticator app (RFC 6238), recovery codes, what a tenant demands, and ways around them.

use super::launches::identity;
use super::place::{Browser, Person, Place, query, text};
use super::times::Attempts;
use conformance_tests::Answer;
use ring::hmac;

/// The one-time code of a secret, so many steps of 30 seconds from now.
#[allow(clippy::disallowed_methods)]
pub fn code(secret: &str, steps: i64) -> String {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let values = secret.chars().map(|it| LETTERS.find(it).unwrap());
    let bits: Vec<usize> = values.flat_map(|it| (0..5).rev().map(move |at| it >> at & 1)).collect();
    let bytes: Vec<u8> = bits.chunks_exact(8).map(|it| it.iter().fold(0, |sum, bit| sum << 1 | *bit as u8)).collect();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let mac = hmac::sign(&key, &(now / 30 + steps).to_be_bytes());
    let offset = usize::from(mac.as_ref()[19] & 15);
    let number = u32::from_be_bytes(mac.as_ref()[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// An authenticator app with its recovery codes.
pub struct App {
    pub secret: String,
    /// The code that it was set up with.
    pub used: String,
    pub recovery: Vec<String>,
}

/// What stands between two marks of a page.
#[track_caller]
fn between(page: &str, from: &str, to: &str) -> String {
    let rest = page.split_once(from).unwrap_or_else(|| panic!("{page} has no {from}")).1;
    rest.split_once(to).unwrap().0.to_owned()
}

/// Fills in the page on which an app is set up.
pub async fn set_up(browser: &mut Browser<'_>, page: &Answer) -> App {
    let secret = between(&page.text(), "<code class=\"secret\">", "</code>").replace(' ', "");
    let used = code(&secret, 0);
    let confirm = [("action", "confirm"), ("code", &*used)];
    let shown = browser.submit(page, "authenticator", &confirm).await.expect(200).text();
    let recovery = between(&shown, "<code>", "</code>").lines().map(str::to_owned).collect();
    App { secret, used, recovery }
}

/// Signs in, and comes to the page after that.
pub async fn enter(browser: &mut Browser<'_>, person: &Person) -> Answer {
    let page = browser.get("account").await.expect(200);
    let sent = browser.sign_in(&page, person).await.expect(303);
    let next = sent.needed_header("location").to_owned();
    browser.get(&next).await
}

/// Sets an app up for a user who signs in here.
async fn with_app(browser: &mut Browser<'_>, person: &Person) -> App {
    enter(browser, person).await.expect(200);
    let page = browser.get("authenticator").await.expect(200);
    set_up(browser, &page).await
}

/// Whether somebody is signed in.
async fn is_in(browser: &mut Browser<'_>) -> bool {
    browser.get("account").await.expect(200).text().contains("You are signed in to")
}

/// RFC 6238 section 5.2: a code is good once, and near its time only.
#[tokio::test]
async fn a_code_is_asked_for_and_good_once() {
    let Some(place) = Place::new() else { return };
    let (person, mut browser) = (place.practitioner().await, Browser::new(&place));
    let app = with_app(&mut browser, &person).await;
    assert_eq!(app.recovery.len(), 10);
    assert!(is_in(&mut browser).await);
    let mut other = Browser::new(&place);
    let page = enter(&mut other, &person).await.expect(200);
    assert!(page.text().contains("One more step") && !is_in(&mut other).await);
    // The code of the set-up, one that is long gone, one to come, and a wrong one.
    let right = code(&app.secret, 1);
    let wrong = format!("{:06}", (right.parse::<u32>().unwrap() + 1) % 1_000_000);
    for given in [app.used.clone(), code(&app.secret, -4), code(&app.secret, 4), wrong] {
        let told = other.submit(&page, "second", &[("code", &given)]).await.expect(401).text();
        assert!(told.contains("role=\"alert\"") && !told.contains(&given) && !is_in(&mut other).await);
    }
    other.submit(&page, "second", &[("code", &right)]).await.expect(303);
    assert!(is_in(&mut other).await);
    let mut thief = Browser::new(&place);
    let page = enter(&mut thief, &person).await.expect(200);
    thief.submit(&page, "second", &[("code", &right)]).await.expect(401);
    assert!(!is_in(&mut thief).await);
}

/// A recovery code is good once, for one user, in one tenant; new ones take the place of those before.
#[tokio::test]
async fn a_recovery_code_is_good_once_and_for_its_user() {
    let (Some(place), Some(elsewhere)) = (Place::new(), Place::new()) else { return };
    let mut all = Vec::new();
    for at in [&place, &place, &elsewhere] {
        let person = at.practitioner().await;
        let app = with_app(&mut Browser::new(at), &person).await;
        all.push((person, app));
    }
    let mut browser = Browser::new(&place);
    let page = enter(&mut browser, &all[0].0).await.expect(200);
    for theirs in &all[1..] {
        browser.submit(&page, "second", &[("code", &theirs.1.recovery[0])]).await.expect(401);
        browser.submit(&page, "second", &[("code", &code(&theirs.1.secret, 1))]).await.expect(401);
    }
    let mine = [("code", &*all[0].1.recovery[0])];
    browser.submit(&page, "second", &mine).await.expect(303);
    assert!(browser.get("account").await.text().contains(">Recovery codes</a>: 9 left"));
    let mut again = Browser::new(&place);
    let page = enter(&mut again, &all[0].0).await.expect(200);
    again.submit(&page, "second", &mine).await.expect(401);
    let codes = browser.get("recovery-codes").await.expect(200);
    let shown = browser.submit(&codes, "recovery-codes", &[]).await.expect(200).text();
    assert_eq!(between(&shown, "<code>", "</code>").lines().count(), 10);
    again.submit(&page, "second", &[("code", &all[0].1.recovery[1])]).await.expect(401);
}

/// Half of a sign-in opens no page, no app and no factor.
#[tokio::test]
async fn there_is_no_way_around_the_second_step() {
    let Some(place) = Place::new() else { return };
    let (person, app) = (place.practitioner().await, place.app("openid user/*.rs"));
    let mut browser = Browser::new(&place);
    let factor = with_app(&mut browser, &person).await;
    let asked = place.asked(&app, "openid user/*.rs");
    let mut half = Browser::new(&place);
    let second = enter(&mut half, &person).await.expect(200);
    for page in ["account", "recovery-codes", &format!("authorize?{}", query(&asked))] {
        assert!(half.get(page).await.expect(200).text().contains("type=\"password\""), "{page}");
    }
    // Whoever has a factor sets no other one up before it is proved.
    let sent = half.get("authenticator").await.expect(303);
    assert!(sent.needed_header("location").contains("/second?"));
    half.submit(&second, "authenticator", &[("action", "remove")]).await.expect(303);
    half.submit(&second, "authenticator", &[("action", "confirm"), ("code", "000000")]).await.expect(303);
    let request = query(&asked);
    let allowed = half.submit(&second, "authorize", &[("action", "allow"), ("request", &request)]).await.expect(200);
    assert!(allowed.text().contains("type=\"password\""));
    let renewed = half.submit(&second, "recovery-codes", &[]).await.expect(200);
    assert!(renewed.text().contains("type=\"password\""));
    // Nor is it another browser's, or a forged form's.
    let mut stranger = Browser::new(&place);
    stranger.get("account").await.expect(200);
    stranger.submit(&second, "second", &[("code", &code(&factor.secret, 1))]).await.expect(403);
    half.submit(&second, "second", &[("code", &code(&factor.secret, 1)), ("csrf", "AAAA")]).await.expect(403);
    half.submit(&second, "second", &[("code", &code(&factor.secret, 1)), ("next", "//evil.example")]).await.expect(400);
    half.submit(&second, "second", &[("code", &code(&factor.secret, 1))]).await.expect(303);
    assert!(half.get("account").await.text().contains("You are signed in to"));
}

/// Sign-ins by the password alone end as soon as there is a factor; taking it away needs a fresh one.
#[tokio::test]
async fn a_factor_is_taken_away_by_who_has_proved_it_just_now() {
    let Some(place) = Place::new() else { return };
    let (person, mut before) = (place.practitioner().await, Browser::new(&place));
    enter(&mut before, &person).await.expect(200);
    let mut browser = Browser::new(&place);
    let app = with_app(&mut browser, &person).await;
    assert!(!is_in(&mut before).await);
    place.program.succeed(&["tenant", "sign-ins", &place.tenant, "--recent", "1s"]);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let page = browser.get("account").await.expect(200);
    let stale = browser.submit(&page, "authenticator", &[("action", "remove")]).await.expect(200);
    assert!(stale.text().contains("sign in again") && stale.text().contains(&person.name));
    assert!(browser.get("account").await.text().contains(">Authenticator app</a>: since"));
    place.program.succeed(&["tenant", "sign-ins", &place.tenant, "--recent", "5m"]);
    let sent = browser.sign_in(&stale, &person).await.expect(303);
    let second = browser.get(sent.needed_header("location")).await.expect(200);
    browser.submit(&second, "second", &[("code", &code(&app.secret, 1))]).await.expect(303);
    let page = browser.get("account").await.expect(200);
    browser.submit(&page, "authenticator", &[("action", "remove")]).await.expect(303);
    assert!(browser.get("account").await.text().contains(">Authenticator app</a>: none"));
    assert!(enter(&mut Browser::new(&place), &person).await.text().contains("You are signed in to"));
}

/// A tenant demands a second factor of its staff or of all; what was begun with less ends, by refresh tokens too.
#[tokio::test]
async fn a_tenant_demands_a_second_factor() {
    let Some(place) = Place::new() else { return };
    let demand = |of: &str| place.program.run(&["tenant", "sign-ins", &place.tenant, "--second-factor", of]);
    let (app, staff) = (place.app("openid offline_access user/*.rs patient/*.rs"), place.practitioner().await);
    let patient = place.person(&format!("Patient/{}", place.patient("Mine").await));
    let before = place.granted(&app, &staff, "openid offline_access user/*.rs", None).await;
    let mut signed_in = Browser::new(&place);
    enter(&mut signed_in, &staff).await.expect(200);
    assert!(!demand("some").status.success() && demand("staff").status.success());
    assert!(!is_in(&mut signed_in).await);
    place.refresh(&app, &text(&before, "refresh_token")).await.expect(400);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    place.with(before["access_token"].as_str()).get("Patient").await.expect_outcome(401..=401);
    assert!(enter(&mut Browser::new(&place), &patient).await.text().contains("You are signed in to"));

    // Who has none is led to set one up, and then on to the app.
    let mut browser = Browser::new(&place);
    let asked = place.asked(&app, "openid user/*.rs");
    let sent = browser.ask_as(&staff, &asked).await.expect(303);
    let page = browser.get(sent.needed_header("location")).await.expect(200);
    assert!(page.text().contains("Set up an authenticator app") && !is_in(&mut browser).await);
    set_up(&mut browser, &page).await;
    let consent = browser.ask(&asked).await.expect(200);
    let answer = browser.submit(&consent, "authorize", &[("action", "allow")]).await.expect(303);
    let told_app = super::place::told_app(&answer);
    let tokens = place.redeem(&app, super::place::told(&told_app, "code").unwrap()).await.expect(200).json();
    let claims = identity(&place, &tokens, &app).await;
    assert_eq!((&claims["amr"][1], &claims["acr"]), (&"otp".into(), &"https://medisync.dev/acr/two-factors".into()));
    let page = browser.get("account").await.expect(200);
    browser.submit(&page, "authenticator", &[("action", "remove")]).await.expect(409);

    assert!(demand("all").status.success());
    let led = enter(&mut Browser::new(&place), &patient).await.expect(303);
    assert!(led.needed_header("location").contains("/authenticator?"));
}

/// Guessing codes is slowed where it comes from; an administrator helps who has lost all factors.
#[tokio::test]
async fn guessing_is_slowed_and_a_lost_factor_is_reset() {
    let Some(place) = Place::new() else { return };
    let person = place.practitioner().await;
    let app = with_app(&mut Browser::new(&place), &person).await;
    loop {
        let mut browser = Browser::new(&place);
        let page = enter(&mut browser, &person).await.expect(200);
        let mut attempt = async |code: &str, from: &str| {
            browser.submit_with(&page, "second", &[("code", code)], &[("x-forwarded-for", from)]).await.status
        };
        let mut attempts = Attempts::free(5);
        attempts.until_refused(401, async || attempt("wrong", "192.0.2.7").await).await;
        if attempts.make(attempt(&code(&app.secret, 1), "192.0.2.7")).await == 429 {
            assert_eq!(attempt(&code(&app.secret, 1), "192.0.2.8").await, 303);
            break;
        }
        // It came when the wait was over, and has taken all failures back: another code is good after this one's time.
        tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    }
    place.program.succeed(&["user", "reset-factors", "--tenant", &place.tenant, &person.name]);
    assert!(!place.program.run(&["user", "reset-factors", "--tenant", &place.tenant, "nobody"]).status.success());
    assert!(enter(&mut Browser::new(&place), &person).await.text().contains("You are signed in to"));
}
