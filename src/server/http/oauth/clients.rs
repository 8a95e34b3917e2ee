//! How a client proves who it is at the endpoints that programs use (RFC 6749 section 2.3, RFC 7523 section 3).

use super::form::Form;
use super::metadata::ASSERTION_ALGORITHMS;
use super::problem::{Problem, Result};
use super::{Desk, WEIGHT};
use crate::auth::Holder;
use crate::auth::client::{Client, ClientAuth};
use crate::auth::grant::{Grant, read_refresh_token};
use crate::auth::kept::{self, Entry, Kept};
use crate::auth::secret;
use axum::http::header::AUTHORIZATION;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// RFC 7523 section 2.2
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long an assertion may hold, in seconds (SMART client-confidential-asymmetric.html: five minutes), and how far the
/// clocks may be apart.
const LONGEST: i64 = 300;
const SKEW: i64 = 30;

/// What an assertion says.
#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    exp: i64,
    jti: String,
}

/// A mark that an assertion was used, kept under a hash of the client and its `jti`.
#[derive(Serialize, Deserialize)]
struct Used {}

impl Kept for Used {
    const KIND: &'static str = "assertion";
}

/// What a request shows of its client.
enum Shown<'f> {
    Id(&'f str),
    /// Nothing but a refresh token, which is one client's.
    Refresh(&'f str),
    Secret(String, String, ClientAuth),
    Assertion(&'f str),
}

/// The client of this id, if it may be used.
pub async fn approved(desk: &Desk<'_>, id: &str) -> Result<Option<Entry<Client>>> {
    Ok(kept::find::<Client>(&*desk.session, id).await?.filter(|it| it.value.is_approved))
}

/// The client that a request comes from, which proves it in the way it was registered with and in no other.
pub async fn authenticated(desk: &Desk<'_>, form: &Form) -> Result<Entry<Client>> {
    let unknown =
        || Problem::client("The client is unknown, waits for approval, or did not prove to be the one it says.");
    let (id, auth) = match shown(desk, form)? {
        Shown::Id(id) => (id.to_owned(), ClientAuth::None),
        Shown::Refresh(token) => (refreshed(desk, token).await?.ok_or_else(Problem::grant)?, ClientAuth::None),
        Shown::Secret(id, given, auth) => {
            let client = approved(desk, &id).await?.ok_or_else(unknown)?;
            if client.value.secret.as_deref() != Some(&secret::hash(&given)) {
                return Err(unknown());
            }
            (id, auth)
        }
        Shown::Assertion(assertion) => (asserted(desk, assertion).await?, ClientAuth::PrivateKeyJwt),
    };
    let client = approved(desk, &id).await?.ok_or_else(unknown)?;
    if client.value.auth != auth || form.get("client_id").is_some_and(|it| it != id) {
        return Err(unknown());
    }
    desk.note_client(&id);
    let holder = Holder { is_known: true, client: Some(id), ..Holder::default() };
    desk.meter.holder(&*desk.session, desk.tenant(), &holder, WEIGHT).await?;
    Ok(client)
}

fn shown<'f>(desk: &Desk<'_>, form: &'f Form) -> Result<Shown<'f>> {
    let basic = desk.parts.headers.get(AUTHORIZATION).map(|it| it.to_str().unwrap_or_default());
    match (basic, form.get("client_secret"), form.get("client_assertion")) {
        (Some(basic), None, None) => {
            let (id, secret) =
                read_basic(basic).ok_or_else(|| Problem::client("The Authorization header is not Basic."))?;
            Ok(Shown::Secret(id, secret, ClientAuth::ClientSecretBasic))
        }
        (None, Some(secret), None) => {
            Ok(Shown::Secret(form.need("client_id")?.to_owned(), secret.to_owned(), ClientAuth::ClientSecretPost))
        }
        (None, None, Some(assertion)) if form.get("client_assertion_type") == Some(ASSERTION_TYPE) => {
            Ok(Shown::Assertion(assertion))
        }
        (None, None, Some(_)) => Err(Problem::request(format!("client_assertion_type is {ASSERTION_TYPE}."))),
        (None, None, None) => match (form.get("client_id"), form.get("refresh_token")) {
            (Some(id), _) => Ok(Shown::Id(id)),
            // A public app need not say who it is where it refreshes (RFC 6749 section 6), and some libraries do not.
            (None, Some(token)) => Ok(Shown::Refresh(token)),
            (None, None) => Err(Problem::client("client_id is missing.")),
        },
        _ => Err(Problem::request("A client proves who it is in one way only.")),
    }
}

/// The client that a refresh token was issued to.
async fn refreshed(desk: &Desk<'_>, token: &str) -> Result<Option<String>> {
    let Some((name, _)) = read_refresh_token(token, &desk.known.tenant) else { return Ok(None) };
    Ok(kept::find::<Grant>(&*desk.session, name).await?.map(|it| it.value.client))
}

/// RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
fn read_basic(header: &str) -> Option<(String, String)> {
    let (scheme, rest) = header.split_once(' ')?;
    let text = STANDARD.decode(rest.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (id, secret) = std::str::from_utf8(&text).ok()?.split_once(':')?;
    let decoded =
        |it: &str| Some(percent_encoding::percent_decode_str(&it.replace('+', " ")).decode_utf8().ok()?.into_owned());
    Some((decoded(id)?, decoded(secret)?))
}

/// The id of the client that signed an assertion, which is used up by this.
async fn asserted(desk: &Desk<'_>, assertion: &str) -> Result<String> {
    let refused = |why: &str| Problem::client(format!("The client assertion is refused: {why}."));
    let header = jsonwebtoken::decode_header(assertion).map_err(|_| refused("it is no signed JWT"))?;
    // What an unsigned look shows decides only whose keys are tried.
    let looked = jsonwebtoken::dangerous::insecure_decode::<Assertion>(assertion);
    let id = looked.map_err(|_| refused("it needs iss, sub, exp and jti"))?.claims.sub;
    let client = approved(desk, &id).await?.ok_or_else(|| refused("its client is unknown or waits for approval"))?;
    let algorithm = Some(header.alg).filter(|it| ASSERTION_ALGORITHMS.iter().any(|name| name.parse() == Ok(*it)));
    let algorithm = algorithm.ok_or_else(|| refused("it is to be signed by RS384 or ES384"))?;
    if header.jku.is_some() && header.jku != client.value.jwks_uri {
        return Err(refused("its jku is not where the client's keys are"));
    }
    let keys = match &client.value.jwks_uri {
        Some(uri) => {
            let keys = desk.server.remote_keys.of(desk.tenant(), uri, header.kid.as_deref(), desk.now).await;
            keys.ok_or_else(keys_asked_too_often)?
        }
        None => client.value.jwks.map_or_else(Default::default, |it| it.keys.into()),
    };
    if keys.is_empty() {
        return Err(refused("the client's keys cannot be fetched now"));
    }
    let key = named(&keys, &header).ok_or_else(|| refused("its kid names none of the client's keys, or several"))?;
    let verdict = jsonwebtoken::decode::<Assertion>(assertion, &key, &validation(desk, algorithm));
    let claims = verdict.map_err(|it| match it.into_kind() {
        ErrorKind::ExpiredSignature => refused("it has expired"),
        ErrorKind::InvalidAudience => refused("its aud is not the token endpoint"),
        _ => refused("the key that it names did not sign it"),
    })?;
    let Assertion { iss, sub, exp, jti } = claims.claims;
    if iss != sub {
        return Err(refused("its iss and sub differ"));
    }
    if exp > desk.now / 1000 + LONGEST + SKEW {
        return Err(refused("it holds longer than five minutes"));
    }
    let mark = secret::hash(&format!("{} {sub} {jti}", sub.len()));
    let until = Some((exp + SKEW + 1) * 1000);
    if !kept::write(&*desk.session, vec![kept::insert(mark, &Used {}, until)?]).await? {
        return Err(refused("its jti was used before"));
    }
    Ok(sub)
}

/// The one key that an assertion names and that is fit for its algorithm (client-confidential-asymmetric.html#signature-verification).
fn named(keys: &[Jwk], header: &Header) -> Option<DecodingKey> {
    let kid = header.kid.as_ref()?;
    let family = header.alg.family();
    let fitting = keys.iter().filter(|it| it.common.key_id.as_ref() == Some(kid));
    let mut fitting = fitting.filter_map(|it| DecodingKey::from_jwk(it).ok()).filter(|it| it.family() == family);
    fitting.next().filter(|_| fitting.next().is_none())
}

/// Keys that may not be kept are not used longer, nor fetched as often as somebody likes.
fn keys_asked_too_often() -> Problem {
    let told = "The client's keys were fetched too often within a minute, and may not be kept; try again later.";
    Problem { status: 503, retry_after: Some(60), ..Problem::new("temporarily_unavailable", told) }
}

fn validation(desk: &Desk<'_>, algorithm: Algorithm) -> Validation {
    let mut wanted = Validation::new(algorithm);
    let issuer = desk.issuer();
    // RFC 9126 section 2 adds the last one.
    wanted.set_audience(&[format!("{issuer}/token"), issuer.clone(), format!("{issuer}/par")]);
    wanted.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    wanted.leeway = SKEW as u64;
    wanted.validate_nbf = true;
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_form_encoded() {
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(read_basic(&header("a%3Ab:s+1")), Some(("a:b".into(), "s 1".into())));
        assert_eq!(read_basic(&header("nothing")), None);
        assert_eq!(read_basic("Bearer x"), None);
    }
}
