//! Apps are told that a user has signed out (OpenID Connect Back-Channel Logout 1.0). What is to be told waits in the tenant's
//! ledger, written by the same commit that ends the sign-in.

use super::KeyRing;
use super::client::{Client, IdTokenAlgorithm};
use super::kept::{self, Entry, Kept};
use super::sign_ins::{self, SignIn};
use crate::clock;
use crate::outbox::{self, Carrier, Figures, Refusal, Sender, TRIED, Wait, Waiting, Wake};
use crate::outgoing::Outgoing;
use crate::random;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use fhir::Result;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock, OnceLock};
use store::{LedgerChange, Session, Store, Tenant};

/// What a logout token is about (section 2.4).
pub const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How long a logout token holds, in seconds (section 2.4: two minutes at the most).
const TIME: i64 = 120;
/// The most of an app's answer that is read, in bytes; nothing in it matters.
const ANSWER: usize = 16 * 1024;

static WAKE: OnceLock<Wake> = OnceLock::new();
static FIGURES: LazyLock<Figures> = LazyLock::new(Figures::default);

/// That an app is to be told of a sign-in's end. Where it is told stands in its registration.
#[derive(Clone, Serialize, Deserialize)]
pub struct Notice {
    client: String,
    issuer: String,
    subject: String,
    sid: String,
    #[serde(flatten)]
    wait: Wait,
}

impl Kept for Notice {
    const KIND: &'static str = "logout-notice";
}

impl Waiting for Notice {
    fn wait(&mut self) -> &mut Wait {
        &mut self.wait
    }
}

/// The changes by which the apps of a sign-in are told that it ends: those that got an id token in it, and registered to be told.
pub async fn notices(session: &dyn Session, entry: &Entry<SignIn>, now: i64) -> Result<Vec<LedgerChange>> {
    let granted = entry.value.granted.iter();
    let told: BTreeSet<(&String, &String)> =
        granted.filter_map(|it| it.issuer.as_ref().map(|issuer| (&it.client, issuer))).collect();
    let mut changes = Vec::new();
    for (client, issuer) in told {
        let known = kept::find::<Client>(session, client).await?.map(|it| it.value);
        if known.is_none_or(|it| !it.is_approved || it.backchannel_logout_uri.is_none()) {
            continue;
        }
        let notice = Notice {
            client: client.clone(),
            issuer: issuer.clone(),
            subject: entry.value.subject.clone(),
            sid: sign_ins::sid(entry).to_owned(),
            wait: Wait::new(now),
        };
        changes.push(kept::insert(outbox::name(now), &notice, Some(now + TRIED))?);
    }
    Ok(changes)
}

/// Has apps told from now on.
pub fn begin(store: Arc<dyn Store>, outgoing: Arc<Outgoing>) {
    WAKE.get_or_init(|| Sender::start(store, Teller { outgoing }));
}

/// Has the apps of a tenant told at once of what was written.
pub fn wake(tenant: &str) {
    if let Some(wake) = WAKE.get() {
        wake.up(tenant);
    }
}

/// What became of how many notices since the start.
pub fn figures() -> [(&'static str, u64); 3] {
    FIGURES.all()
}

/// What tells apps.
struct Teller {
    outgoing: Arc<Outgoing>,
}

impl Carrier for Teller {
    type Item = Notice;
    const NAME: &'static str = "logout-notice";

    async fn send(&self, tenant: &Tenant, session: &dyn Session, _: &str, notice: &Notice) -> Result<(), Refusal> {
        match self.tell(tenant, session, notice).await {
            Ok(it) => it,
            // The cause is for whoever looks after the database, where it shows as well.
            Err(failure) => Err(refusal(failure.to_string(), false)),
        }
    }

    fn given_up(&self, _: &str, _: &Notice, _: &str, _: i64) -> Result<Option<LedgerChange>> {
        Ok(None)
    }

    fn figures(&self) -> &'static Figures {
        &FIGURES
    }
}

impl Teller {
    /// Sections 2.5 and 2.8.
    async fn tell(&self, tenant: &Tenant, session: &dyn Session, notice: &Notice) -> Result<Result<(), Refusal>> {
        let client = kept::find::<Client>(session, &notice.client).await?.map(|it| it.value);
        // An app that is gone, or no longer wants to be told, is not told.
        let Some(client) = client.filter(|it| it.is_approved) else { return Ok(Ok(())) };
        let Some(uri) = client.backchannel_logout_uri else { return Ok(Ok(())) };
        let token = token(&KeyRing::of(session, tenant).await?, client.id_tokens, notice, clock::now_ms())?;
        let body = form_urlencoded::Serializer::new(String::new()).append_pair("logout_token", &token).finish();
        let request = Request::post(&uri).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.into());
        let request: Request<Bytes> = match request {
            Ok(request) => request,
            Err(_) => return Ok(Err(refusal("its address is none".to_owned(), true))),
        };
        Ok(match self.outgoing.send(request, ANSWER).await {
            Ok(answer) => match answer.status().as_u16() {
                200..=299 => Ok(()),
                status => Err(refusal(format!("the app answered {status}"), status == 400)),
            },
            Err(cause) => Err(refusal(cause.to_string(), false)),
        })
    }
}

fn refusal(reason: String, is_permanent: bool) -> Refusal {
    Refusal { reason, is_permanent, is_of_server: false }
}

/// Section 2.4. It has no nonce, and another type than id tokens and access tokens, so that none is taken for another.
fn token(keys: &KeyRing, by: IdTokenAlgorithm, notice: &Notice, now: i64) -> Result<String> {
    let claims = json!({
        "iss": notice.issuer,
        "aud": notice.client,
        "sub": notice.subject,
        "sid": notice.sid,
        "iat": now / 1000,
        "exp": now / 1000 + TIME,
        "jti": random::id(),
        "events": { EVENT: {} },
    });
    keys.sign_for_app(by, Some("logout+jwt"), &claims, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::TokenKey;
    use crate::auth::new_token_key;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::Value as Json;

    #[test]
    fn a_logout_token_is_taken_for_nothing_else() {
        let keys = KeyRing::with(TokenKey::from_der(&new_token_key().unwrap()).unwrap());
        let text = |it: &str| it.to_owned();
        let notice = Notice {
            client: text("app"),
            issuer: text("https://id.example/auth/north"),
            subject: text("ana"),
            sid: text("s1"),
            wait: Wait::new(0),
        };
        let made = token(&keys, IdTokenAlgorithm::Es256, &notice, 5_000).unwrap();
        let part = |at: usize| -> Json {
            let part = made.split('.').nth(at).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        assert_eq!(part(0)["typ"], "logout+jwt");
        let claims = part(1);
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(5), &json!(125)));
        assert_eq!(claims["events"], json!({ EVENT: {} }));
        assert!(claims["nonce"].is_null() && claims["jti"].is_string());
        assert_eq!((&claims["aud"], &claims["sid"], &claims["sub"]), (&json!("app"), &json!("s1"), &json!("ana")));
    }
}
