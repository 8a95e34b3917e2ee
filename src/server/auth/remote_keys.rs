//! The public keys of clients that keep them at an address of their own (`jwks_uri`, RFC 7591 section 2): fetched when they are
//! needed, and kept for a while.

use crate::outgoing::Outgoing;
use axum::http::header::{ACCEPT, CACHE_CONTROL};
use axum::http::{HeaderMap, HeaderValue, Request};
use bytes::Bytes;
use jsonwebtoken::jwk::Jwk;
use rustc_hash::FxHashMap;
use serde_json::Value as Json;
use std::sync::{Arc, Mutex, PoisonError};

/// How long keys are kept, in milliseconds: as long as the address says and this at the most, and this where it says nothing.
const LONGEST: i64 = 3600 * 1000;
const USUAL: i64 = 300 * 1000;
/// How long an address that did not answer is let rest, in milliseconds.
const REST: i64 = 10 * 1000;
/// How many fetches an address gets within a time, in milliseconds, whoever has the server make them.
const MOST_FETCHES: u32 = 60;
const MINUTE: i64 = 60 * 1000;
/// How long after a fetch another one is not made for the sake of a key that was not there, in milliseconds.
const UNKNOWN: i64 = 60 * 1000;
/// The most bytes of a set of keys, and the most keys of it that are looked at.
const LARGEST: usize = 64 * 1024;
const MOST_KEYS: usize = 50;
/// The most addresses that are remembered.
const MOST: usize = 1024;

/// The keys of all clients that have them elsewhere. Each tenant has its own memory of an address.
pub struct RemoteKeys {
    outgoing: Arc<Outgoing>,
    kept: Mutex<FxHashMap<(String, String), Shared>>,
}

/// What is known of an address; whoever fetches it holds the lock.
type Shared = Arc<tokio::sync::Mutex<Kept>>;

/// What is known of an address. Times are milliseconds since the epoch.
#[derive(Default)]
struct Kept {
    keys: Arc<[Jwk]>,
    /// Until when the keys hold.
    until: i64,
    /// When they were last asked for, with or without success.
    asked: i64,
    /// When they were last got.
    got: i64,
    /// How often they were asked for since when.
    fetches: (i64, u32),
}

impl Kept {
    /// Counts a fetch; `false` if there were too many.
    fn count(&mut self, now: i64) -> bool {
        let (since, count) = self.fetches;
        self.fetches = if now < since + MINUTE { (since, count.saturating_add(1)) } else { (now, 1) };
        self.fetches.1 <= MOST_FETCHES
    }
}

impl RemoteKeys {
    /// Keys that are fetched by `outgoing`.
    pub fn new(outgoing: Arc<Outgoing>) -> RemoteKeys {
        RemoteKeys { outgoing, kept: Mutex::default() }
    }

    /// The keys at an address, with the one called `kid` among them if it is there; no keys if the address does not answer,
    /// and `None` if it was asked too often and would have to be asked again.
    pub async fn of(&self, tenant: &str, uri: &str, kid: Option<&str>, now: i64) -> Option<Arc<[Jwk]>> {
        let kept = self.entry(tenant, uri);
        // Who comes while another one fetches waits for the same answer.
        let mut kept = kept.lock().await;
        // What came while this one waited is as new as what it would fetch.
        let is_fresh = now < kept.until || now <= kept.got;
        let is_known = kid.is_none() || kept.keys.iter().any(|it| it.common.key_id.as_deref() == kid);
        if is_fresh && (is_known || now < kept.asked + UNKNOWN) {
            return Some(kept.keys.clone());
        }
        let has_failed = kept.got < kept.asked;
        if has_failed && now < kept.asked + REST {
            return Some(Arc::default());
        }
        if !kept.count(now) {
            return None;
        }
        kept.asked = now;
        match self.fetch(uri).await {
            Ok((keys, age)) => {
                kept.keys = keys.into();
                kept.until = now + age;
                kept.got = now;
                Some(kept.keys.clone())
            }
            Err(cause) => {
                tracing::warn!(tenant, cause, "the keys of a client cannot be fetched");
                Some(if now < kept.until { kept.keys.clone() } else { Arc::default() })
            }
        }
    }

    fn entry(&self, tenant: &str, uri: &str) -> Shared {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.entry((tenant.to_owned(), uri.to_owned())).or_default().clone()
    }

    /// The keys and how long they hold, in milliseconds.
    async fn fetch(&self, uri: &str) -> Result<(Vec<Jwk>, i64), String> {
        let request = Request::get(uri).header(ACCEPT, HeaderValue::from_static("application/json"));
        let request = request.body(Bytes::new()).map_err(|it| it.to_string())?;
        let answer = self.outgoing.send(request, LARGEST).await.map_err(|it| it.to_string())?;
        if answer.status() != 200 {
            return Err(format!("the answer has status {}", answer.status()));
        }
        let keys: Json = serde_json::from_slice(answer.body()).map_err(|_| "the answer is no JSON".to_owned())?;
        let keys = keys["keys"].as_array().ok_or("the answer is no set of keys")?;
        let keys = keys.iter().take(MOST_KEYS).filter(|it| is_public_key(it));
        // A kind of key that is not known here is no reason to refuse the others (RFC 7517 section 5).
        Ok((keys.filter_map(|it| serde_json::from_value(it.clone()).ok()).collect(), age(answer.headers())))
    }
}

/// Whether a key is public, and of a kind that signs assertions.
pub fn is_public_key(key: &Json) -> bool {
    key.get("d").is_none() && (key["kty"] == "EC" || key["kty"] == "RSA")
}

/// How long an answer says that it holds (RFC 9111 section 5.2.2), in milliseconds, and no longer than an hour.
fn age(headers: &HeaderMap) -> i64 {
    let told = headers.get_all(CACHE_CONTROL).iter().filter_map(|it| it.to_str().ok());
    let age = told.flat_map(|it| it.split(',')).find_map(|it| match it.trim().to_ascii_lowercase().split_once('=') {
        None => matches!(it.trim(), "no-store" | "no-cache").then_some(0),
        Some(("max-age", seconds)) => seconds.trim_matches('"').parse::<i64>().ok(),
        Some(_) => None,
    });
    age.map_or(USUAL, |it| it.saturating_mul(1000)).clamp(0, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hold_as_long_as_is_said_within_bounds() {
        for (told, expected) in [
            ("max-age=120", 120_000),
            ("public, Max-Age=60, must-revalidate", 60_000),
            ("max-age=0", 0),
            ("no-store", 0),
            ("max-age=99999999999999999", LONGEST),
            ("max-age=soon", USUAL),
            ("public", USUAL),
        ] {
            let headers = HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(told))]);
            assert_eq!(age(&headers), expected, "{told}");
        }
        assert_eq!(age(&HeaderMap::new()), USUAL);
    }

    /// What a server of keys answers, and how often it was asked.
    type Told = Arc<Mutex<(&'static str, usize)>>;

    /// Keys that nobody may keep.
    async fn server_without_cache() -> (String, Told) {
        server_that_says(Some("no-store")).await
    }

    async fn server() -> (String, Told) {
        server_that_says(None).await
    }

    async fn server_that_says(cache: Option<&'static str>) -> (String, Told) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}/keys", listener.local_addr().unwrap());
        let told = Told::default();
        let router = axum::Router::new().fallback({
            let told = told.clone();
            async move || {
                let mut told = told.lock().unwrap();
                told.1 += 1;
                let headers = cache.map(|it| [(CACHE_CONTROL, HeaderValue::from_static(it))]);
                (HeaderMap::from_iter(headers.into_iter().flatten()), told.0)
            }
        });
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = hyper_util::service::TowerToHyperService::new(router.clone());
                let io = hyper_util::rt::TokioIo::new(stream);
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
            }
        });
        (uri, told)
    }

    const ONE: &str = r#"{"keys":[{"kty":"RSA","kid":"one","n":"AQAB","e":"AQAB"},{"kty":"??","kid":"odd"},
        {"kty":"RSA","kid":"private","n":"AQAB","e":"AQAB","d":"AQAB"}]}"#;
    const TWO: &str = r#"{"keys":[{"kty":"RSA","kid":"two","n":"AQAB","e":"AQAB"}]}"#;

    fn keys() -> RemoteKeys {
        RemoteKeys::new(Arc::new(Outgoing::new("127.0.0.1".parse().unwrap()).unwrap()))
    }

    fn names(keys: &[Jwk]) -> Vec<&str> {
        keys.iter().filter_map(|it| it.common.key_id.as_deref()).collect()
    }

    #[tokio::test]
    async fn a_key_that_is_new_is_fetched_once_a_minute_at_the_most() {
        let (uri, told) = server().await;
        let (keys, begin) = (keys(), 1_000_000);
        let of = async |kid: &'static str, later: i64| keys.of("north", &uri, Some(kid), begin + later).await.unwrap();
        told.lock().unwrap().0 = ONE;
        assert_eq!(names(&of("one", 0).await), ["one"]);
        told.lock().unwrap().0 = TWO;
        assert_eq!(names(&of("two", UNKNOWN - 1).await), ["one"]);
        assert_eq!(told.lock().unwrap().1, 1);
        assert_eq!(names(&of("two", UNKNOWN).await), ["two"]);
        assert_eq!(names(&of("two", UNKNOWN + USUAL - 1).await), ["two"]);
        assert_eq!(told.lock().unwrap().1, 2);
        of("two", UNKNOWN + USUAL).await;
        assert_eq!(told.lock().unwrap().1, 3);
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_gives_no_keys_and_is_let_rest() {
        let (uri, told) = server().await;
        let (keys, begin) = (keys(), 1_000_000);
        let of = async |later: i64| keys.of("north", &uri, Some("one"), begin + later).await.unwrap().len();
        for wrong in ["", "{}", "not JSON"] {
            told.lock().unwrap().0 = wrong;
            assert_eq!(keys.of(wrong, &uri, None, begin).await.unwrap().len(), 0, "{wrong}");
        }
        let before = told.lock().unwrap().1;
        assert_eq!((of(0).await, of(REST - 1).await), (0, 0));
        assert_eq!(told.lock().unwrap().1, before + 1);
        told.lock().unwrap().0 = ONE;
        assert_eq!(of(REST).await, 1);
        let dead = keys.of("north", "http://127.0.0.1:9/keys", None, begin).await;
        assert!(dead.unwrap().is_empty());
        // What has expired is not used where the address no longer answers.
        told.lock().unwrap().0 = "";
        assert_eq!(of(REST + USUAL - 1).await, 1);
        assert_eq!(of(REST + USUAL).await, 0);
    }
    #[tokio::test]
    async fn what_nobody_may_keep_is_fetched_each_time_but_not_as_fast_as_one_likes() {
        let (uri, told) = server_without_cache().await;
        let (keys, begin) = (keys(), 1_000_000);
        told.lock().unwrap().0 = ONE;
        let of = async |later: i64| keys.of("north", &uri, Some("one"), begin + later).await.map(|it| it.len());
        for later in 0..i64::from(MOST_FETCHES) {
            assert_eq!(of(later).await, Some(1));
        }
        assert_eq!(told.lock().unwrap().1, MOST_FETCHES as usize);
        assert_eq!(of(MINUTE - 1).await, None);
        assert_eq!(told.lock().unwrap().1, MOST_FETCHES as usize);
        assert_eq!(of(MINUTE).await, Some(1));
        // Keys that are no longer there open nothing, from the next request on.
        told.lock().unwrap().0 = TWO;
        assert_eq!(names(&keys.of("north", &uri, Some("one"), begin + MINUTE + 1).await.unwrap()), ["two"]);
    }
}
