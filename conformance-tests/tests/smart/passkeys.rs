//! Passkeys (Web Authentication Level 3, section 7): what a relying party has to look at, one thing wrong at a time.

use super::factors::{code, enter};
use super::launches::identity;
use super::place::{Browser, Person, Place};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conformance_tests::Answer;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const PRESENT_AND_VERIFIED: u8 = 0x05;

/// An authenticator with one passkey.
struct Device {
    pair: EcdsaKeyPair,
    id: Vec<u8>,
    user: String,
    counter: u32,
}

/// What is said in a ceremony, right unless a case changes it.
struct Said {
    kind: &'static str,
    challenge: String,
    origin: String,
    rp: String,
    flags: u8,
    counter: u32,
    more: Value,
}

impl Said {
    fn client_data(&self) -> Vec<u8> {
        let challenge = URL_SAFE_NO_PAD.encode(&self.challenge);
        let mut data = json!({"type": self.kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false});
        for (name, value) in self.more.as_object().into_iter().flatten() {
            data[name] = value.clone();
        }
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self) -> Vec<u8> {
        [&Sha256::digest(&self.rp)[..], &[self.flags], &self.counter.to_be_bytes()].concat()
    }
}

/// A tenant at an address with a name, as passkeys are for names.
fn named_place() -> Option<Place<'static>> {
    let mut place = Place::new()?;
    place.root = place.root.replace("127.0.0.1", "localhost");
    Some(place)
}

/// An attribute of a page's form for passkeys.
#[track_caller]
fn data(page: &str, name: &str) -> String {
    let mark = format!("data-{name}=\"");
    let rest = page.split_once(&mark).unwrap_or_else(|| panic!("{page} has no {mark}")).1;
    rest.split_once('"').unwrap().0.to_owned()
}

impl Device {
    fn new() -> Device {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pair.as_ref(), &random).unwrap();
        let id = Sha256::digest(pair.public_key().as_ref()).to_vec();
        Device { pair, id, user: String::new(), counter: 1 }
    }

    fn said(&self, place: &Place<'_>, page: &Answer, kind: &'static str) -> Said {
        Said {
            kind,
            challenge: data(&page.text(), "challenge"),
            origin: place.root.clone(),
            rp: data(&page.text(), "rp"),
            flags: PRESENT_AND_VERIFIED,
            counter: self.counter,
            more: json!({}),
        }
    }

    /// Sends a new passkey.
    async fn register(&mut self, browser: &mut Browser<'_>, page: &Answer, said: &Said) -> Answer {
        self.user = data(&page.text(), "user");
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let key = [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..], x, &[0x22, 0x58, 32], y].concat();
        let mut data = said.authenticator_data();
        data[32] |= 0x40;
        data.extend([&[0; 16][..], &[0, self.id.len() as u8], &self.id, &key].concat());
        let object = [&b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"[..], &[data.len() as u8], &data].concat();
        let form = [
            ("action", "make"),
            ("name", "My key"),
            ("client_data", &URL_SAFE_NO_PAD.encode(said.client_data())),
            ("attestation", &URL_SAFE_NO_PAD.encode(object)),
        ];
        browser.submit(page, "passkeys", &form).await
    }

    /// Sends what the passkey has signed.
    async fn sign(&self, browser: &mut Browser<'_>, page: &Answer, said: &Said) -> Answer {
        let (client, authenticator) = (said.client_data(), said.authenticator_data());
        let text = [&authenticator[..], &Sha256::digest(&client)].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &text).unwrap();
        self.send(browser, page, (&client, &authenticator, signature.as_ref())).await
    }

    async fn send(&self, browser: &mut Browser<'_>, page: &Answer, parts: (&[u8], &[u8], &[u8])) -> Answer {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let form = [
            ("id", &*text(&self.id)),
            ("user", &text(self.user.as_bytes())),
            ("client_data", &text(parts.0)),
            ("authenticator_data", &text(parts.1)),
            ("signature", &text(parts.2)),
        ];
        browser.submit(page, "passkey", &form).await
    }

    /// Signs in on a page that offers it.
    async fn use_on(&mut self, place: &Place<'_>, browser: &mut Browser<'_>, page: &Answer) -> Answer {
        self.counter += 1;
        let said = self.said(place, page, "webauthn.get");
        self.sign(browser, page, &said).await
    }
}

/// Registers a passkey for somebody who signs in here.
async fn with_passkey(place: &Place<'_>, browser: &mut Browser<'_>, person: &Person) -> Device {
    enter(browser, person).await.expect(200);
    let page = browser.get("passkeys").await.expect(200);
    let mut device = Device::new();
    let said = device.said(place, &page, "webauthn.create");
    assert!(device.register(browser, &page, &said).await.expect(200).text().contains("Your recovery codes"));
    device
}

async fn is_in(browser: &mut Browser<'_>) -> bool {
    browser.get("account").await.expect(200).text().contains("You are signed in to")
}

/// A passkey signs in by itself, and is two factors; it is named, and taken away.
#[tokio::test]
async fn a_passkey_signs_in_by_itself() {
    let Some(place) = named_place() else { return };
    let (person, app) = (place.practitioner().await, place.app("openid user/*.rs"));
    let mut owner = Browser::new(&place);
    let mut device = with_passkey(&place, &mut owner, &person).await;
    let mut browser = Browser::new(&place);
    let mut asked = place.asked(&app, "openid user/*.rs");
    asked
        .iter_mut()
        .filter(|(name, _)| *name == "aud")
        .for_each(|it| it.1 = place.root.clone() + "/fhir/" + &place.tenant);
    let page = browser.ask(&asked).await.expect(200);
    let sent = device.use_on(&place, &mut browser, &page).await.expect(303);
    let consent = browser.get(sent.needed_header("location")).await.expect(200);
    let answer = browser.submit(&consent, "authorize", &[("action", "allow")]).await.expect(303);
    let told_app = super::place::told_app(&answer);
    let tokens = place.redeem(&app, super::place::told(&told_app, "code").unwrap()).await.expect(200).json();
    let claims = identity(&place, &tokens, &app).await;
    assert_eq!(claims["amr"], json!(["hwk", "user", "mfa"]));

    let id = URL_SAFE_NO_PAD.encode(&device.id);
    let page = browser.get("account").await.expect(200);
    let renamed = [("action", "rename"), ("id", &*id), ("name", "Key <ring>")];
    browser.submit(&page, "passkeys", &renamed).await.expect(303);
    assert!(browser.get("passkeys").await.text().contains("value=\"Key &lt;ring&gt;\""));
    browser.submit(&page, "passkeys", &[("action", "remove"), ("id", &id)]).await.expect(303);
    let mut later = Browser::new(&place);
    let page = later.get("account").await.expect(200);
    device.use_on(&place, &mut later, &page).await.expect(401);
    assert!(!is_in(&mut later).await);
}

/// Section 7.2: whatever is wrong, nobody is let in.
#[tokio::test]
async fn a_passkey_is_refused_where_anything_is_wrong() {
    let Some(place) = named_place() else { return };
    let person = place.practitioner().await;
    let mut device = with_passkey(&place, &mut Browser::new(&place), &person).await;
    type Wrong = fn(&mut Said);
    let wrong: [(&str, Wrong); 10] = [
        ("type", |it| it.kind = "webauthn.create"),
        ("challenge", |it| it.challenge = "another".into()),
        ("changed challenge", |it| it.challenge.insert(0, 'A')),
        ("origin", |it| it.origin = "https://evil.example".into()),
        ("port", |it| it.origin.push('1')),
        ("cross-origin", |it| it.more = json!({"crossOrigin": true})),
        ("embedded", |it| it.more = json!({"topOrigin": "https://evil.example"})),
        ("relying party", |it| it.rp = "evil.example".into()),
        ("not verified", |it| it.flags = 1),
        ("not present", |it| it.flags = 4),
    ];
    let mut browser = Browser::new(&place);
    let page = browser.get("account").await.expect(200);
    for (name, spoil) in wrong {
        device.counter += 1;
        let mut said = device.said(&place, &page, "webauthn.get");
        spoil(&mut said);
        let told = device.sign(&mut browser, &page, &said).await;
        assert!(told.status == 401 && !is_in(&mut browser).await, "{name}");
    }
    device.counter += 1;
    let said = device.said(&place, &page, "webauthn.get");
    let (client, authenticator) = (said.client_data(), said.authenticator_data());
    device.send(&mut browser, &page, (&client, &authenticator, b"no signature")).await.expect(401);
    // Another browser's challenge.
    let mut other = Browser::new(&place);
    let theirs = other.get("account").await.expect(200);
    let said = device.said(&place, &theirs, "webauthn.get");
    device.sign(&mut browser, &page, &said).await.expect(401);
    assert!(!is_in(&mut browser).await);
    // The right one, once.
    let said = device.said(&place, &page, "webauthn.get");
    let cookie = browser.cookie.clone();
    device.sign(&mut browser, &page, &said).await.expect(303);
    assert!(is_in(&mut browser).await);
    let mut again = Browser::new(&place);
    again.cookie = cookie;
    device.counter += 1;
    let said = Said { counter: device.counter, ..said };
    device.sign(&mut again, &page, &said).await.expect(401);
}

/// Section 6.1.1: a count that does not grow tells of a copy.
#[tokio::test]
async fn a_passkey_that_counts_backwards_is_refused() {
    let Some(place) = named_place() else { return };
    let person = place.practitioner().await;
    let mut device = with_passkey(&place, &mut Browser::new(&place), &person).await;
    device.counter = 7;
    let mut browser = Browser::new(&place);
    let page = browser.get("account").await.expect(200);
    device.use_on(&place, &mut browser, &page).await.expect(303);
    for counter in [7, 6, 0] {
        let mut thief = Browser::new(&place);
        let page = thief.get("account").await.expect(200);
        let said = Said { counter, ..device.said(&place, &page, "webauthn.get") };
        device.sign(&mut thief, &page, &said).await.expect(401);
    }
}

/// A passkey is one user's in one tenant, at the second step too.
#[tokio::test]
async fn a_passkey_is_its_users_only() {
    let (Some(place), Some(elsewhere)) = (named_place(), named_place()) else { return };
    let (mine, theirs) = (place.practitioner().await, place.practitioner().await);
    let mut my_device = with_passkey(&place, &mut Browser::new(&place), &mine).await;
    let mut their_device = with_passkey(&place, &mut Browser::new(&place), &theirs).await;
    let mut browser = Browser::new(&place);
    let half = enter(&mut browser, &mine).await.expect(200);
    assert!(half.text().contains("One more step"));
    their_device.use_on(&place, &mut browser, &half).await.expect(401);
    let user = std::mem::replace(&mut my_device.user, their_device.user.clone());
    my_device.use_on(&place, &mut browser, &half).await.expect(401);
    assert!(!is_in(&mut browser).await);
    my_device.user = user;
    my_device.use_on(&place, &mut browser, &half).await.expect(303);
    assert!(is_in(&mut browser).await);

    let mut stranger = Browser::new(&elsewhere);
    let page = stranger.get("account").await.expect(200);
    my_device.use_on(&elsewhere, &mut stranger, &page).await.expect(401);
    // Nor is it registered for somebody else.
    let mut other = Browser::new(&place);
    enter(&mut other, &place.practitioner().await).await.expect(200);
    let page = other.get("passkeys").await.expect(200);
    let said = my_device.said(&place, &page, "webauthn.create");
    my_device.register(&mut other, &page, &said).await.expect(409);
    // Nor does who is disabled get in.
    place.program.succeed(&["user", "disable", "--tenant", &place.tenant, &theirs.name]);
    let mut disabled = Browser::new(&place);
    let page = disabled.get("account").await.expect(200);
    their_device.use_on(&place, &mut disabled, &page).await.expect(401);
}

/// Section 7.1, and whoever registers one has signed in just now.
#[tokio::test]
async fn a_passkey_is_registered_by_who_signed_in_just_now() {
    let Some(place) = named_place() else { return };
    let person = place.practitioner().await;
    let mut browser = Browser::new(&place);
    assert!(browser.get("passkeys").await.expect(200).text().contains("type=\"password\""));
    enter(&mut browser, &person).await.expect(200);
    let page = browser.get("passkeys").await.expect(200);
    let mut device = Device::new();
    type Wrong = fn(&mut Said);
    let wrong: [Wrong; 5] = [
        |it| it.kind = "webauthn.get",
        |it| it.origin = "https://evil.example".into(),
        |it| it.rp = "evil.example".into(),
        |it| it.flags = 1,
        |it| it.challenge = "another".into(),
    ];
    for spoil in wrong {
        let mut said = device.said(&place, &page, "webauthn.create");
        spoil(&mut said);
        device.register(&mut browser, &page, &said).await.expect(400);
    }
    // A challenge of the sign-in page is for signing in.
    let offered = Browser::new(&place).get("account").await.expect(200);
    let said = Said { challenge: data(&offered.text(), "challenge"), ..device.said(&place, &page, "webauthn.create") };
    device.register(&mut browser, &page, &said).await.expect(400);
    place.program.succeed(&["tenant", "sign-ins", &place.tenant, "--recent", "1s"]);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let said = device.said(&place, &page, "webauthn.create");
    assert!(device.register(&mut browser, &page, &said).await.expect(200).text().contains("sign in again"));
    place.program.succeed(&["tenant", "sign-ins", &place.tenant, "--recent", "5m"]);
    device.register(&mut browser, &page, &said).await.expect(200);
    device.register(&mut browser, &page, &said).await.expect(409);
    assert!(browser.get("account").await.text().contains(">Passkeys</a>: 1"));
}

/// Who is led to set a factor up may make a passkey; who has both kinds gets in by either.
#[tokio::test]
async fn a_passkey_is_the_factor_that_a_tenant_demands() {
    let Some(place) = named_place() else { return };
    place.program.succeed(&["tenant", "sign-ins", &place.tenant, "--second-factor", "all"]);
    let person = place.practitioner().await;
    let mut browser = Browser::new(&place);
    let led = enter(&mut browser, &person).await.expect(303);
    assert!(browser.get(led.needed_header("location")).await.text().contains("Use a passkey instead"));
    let page = browser.get("passkeys").await.expect(200);
    let mut device = Device::new();
    let said = device.said(&place, &page, "webauthn.create");
    device.register(&mut browser, &page, &said).await.expect(200);
    assert!(is_in(&mut browser).await);
    let page = browser.get("authenticator").await.expect(200);
    let secret =
        page.text().split_once("<code class=\"secret\">").unwrap().1.split_once('<').unwrap().0.replace(' ', "");
    let confirm = [("action", "confirm"), ("code", &code(&secret, 0))];
    browser.submit(&page, "authenticator", &confirm).await.expect(303);
    let mut other = Browser::new(&place);
    let half = enter(&mut other, &person).await.expect(200);
    other.submit(&half, "second", &[("code", &code(&secret, 1))]).await.expect(303);
    assert!(is_in(&mut other).await);
    place.program.succeed(&["user", "reset-factors", "--tenant", &place.tenant, &person.name]);
    let mut after = Browser::new(&place);
    let page = after.get("account").await.expect(200);
    device.use_on(&place, &mut after, &page).await.expect(401);
}
