//! The public keys of others that keep them at an address of their own (`jwks_uri`: RFC 7591 section 2, OpenID Connect
//! Discovery section 3).

use super::fetched::{Fetched, Missing, fetch};
use crate::outgoing::Outgoing;
use jsonwebtoken::jwk::Jwk;
use serde_json::Value as Json;
use std::sync::Arc;

/// The most keys of a set that are looked at.
const MOST_KEYS: usize = 50;

/// The keys of all who have them elsewhere: clients, or providers by which people sign in.
pub struct RemoteKeys {
    outgoing: Arc<Outgoing>,
    kept: Fetched<Arc<[Jwk]>>,
    /// How long they are kept at the least, in milliseconds.
    least: i64,
}

impl RemoteKeys {
    /// Keys that are fetched by `outgoing`, and kept no longer than is said.
    pub fn new(outgoing: Arc<Outgoing>) -> RemoteKeys {
        RemoteKeys::kept_for(outgoing, 0)
    }

    /// The same, kept for so many milliseconds at the least.
    pub fn kept_for(outgoing: Arc<Outgoing>, least: i64) -> RemoteKeys {
        RemoteKeys { outgoing, kept: Fetched::default(), least }
    }

    /// The keys at an address, with the one called `kid` among them if it is there; no keys if the address does not answer,
    /// and `None` if it was asked too often and would have to be asked again.
    pub async fn of(&self, tenant: &str, uri: &str, kid: Option<&str>, now: i64) -> Option<Arc<[Jwk]>> {
        let is_known = |keys: &Arc<[Jwk]>| kid.is_none() || keys.iter().any(|it| it.common.key_id.as_deref() == kid);
        match self.kept.of(tenant, uri, now, is_known, self.keys(uri)).await {
            Ok(keys) => Some(keys),
            Err(Missing::AskedTooOften) => None,
            Err(Missing::Away(cause)) => {
                if let Some(cause) = cause {
                    tracing::warn!(tenant, cause, "keys at an address cannot be fetched");
                }
                Some(Arc::default())
            }
        }
    }

    /// The keys at an address and how long they hold, in milliseconds.
    async fn keys(&self, uri: &str) -> Result<(Arc<[Jwk]>, i64), String> {
        let (answer, age) = fetch(&self.outgoing, uri).await?;
        let keys = answer["keys"].as_array().ok_or("the answer is no set of keys")?;
        let keys = keys.iter().take(MOST_KEYS).filter(|it| is_public_key(it));
        // A kind of key that is not known here is no reason to refuse the others (RFC 7517 section 5).
        let keys = keys.filter_map(|it| serde_json::from_value(it.clone()).ok()).collect();
        Ok((keys, age.max(self.least)))
    }
}

/// Whether a key is public, and of a kind that signs assertions.
pub fn is_public_key(key: &Json) -> bool {
    key.get("d").is_none() && (key["kty"] == "EC" || key["kty"] == "RSA")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::fetched::{MINUTE, MOST_FETCHES, REST, UNKNOWN, USUAL};
    use axum::http::header::CACHE_CONTROL;
    use axum::http::{HeaderMap, HeaderValue};
    use std::sync::Mutex;

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
        RemoteKeys::new(Arc::new(
            Outgoing::trusting("127.0.0.1".parse().unwrap(), rustls::RootCertStore::empty()).unwrap(),
        ))
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
