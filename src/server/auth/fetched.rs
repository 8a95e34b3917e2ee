//! What others keep at an address: fetched when it is needed, and kept for a while, for each tenant apart.

use crate::outgoing::Outgoing;
use axum::http::header::{ACCEPT, CACHE_CONTROL};
use axum::http::{HeaderMap, HeaderValue, Request};
use bytes::Bytes;
use rustc_hash::FxHashMap;
use serde_json::Value as Json;
use std::sync::{Arc, Mutex, PoisonError};

/// How long it is kept, in milliseconds: as long as the address says and this at the most, and [`USUAL`] where it says nothing.
const LONGEST: i64 = 3600 * 1000;
/// See [`LONGEST`].
pub const USUAL: i64 = 300 * 1000;
/// How long an address that did not answer is let rest, in milliseconds.
pub const REST: i64 = 10 * 1000;
/// How many fetches an address gets within [`MINUTE`], whoever has the server make them.
pub const MOST_FETCHES: u32 = 60;
/// A minute, in milliseconds.
pub const MINUTE: i64 = 60 * 1000;
/// How long after a fetch another one is not made for the sake of a part that was not there, in milliseconds.
pub const UNKNOWN: i64 = 60 * 1000;
/// The most bytes of an answer.
const LARGEST: usize = 64 * 1024;
/// The most addresses that are remembered.
const MOST: usize = 1024;

/// What was fetched, by tenant and address.
pub struct Fetched<T> {
    kept: Mutex<FxHashMap<(String, String), Shared<T>>>,
}

/// What is known of an address; whoever fetches it holds the lock.
type Shared<T> = Arc<tokio::sync::Mutex<Kept<T>>>;

/// What is known of an address. Times are milliseconds since the epoch.
struct Kept<T> {
    value: Option<T>,
    /// Until when it holds.
    until: i64,
    /// When it was last asked for, with or without success.
    asked: i64,
    /// When it was last got.
    got: i64,
    /// How often it was asked for since when.
    fetches: (i64, u32),
}

impl<T> Kept<T> {
    /// Counts a fetch; `false` if there were too many.
    fn count(&mut self, now: i64) -> bool {
        let (since, count) = self.fetches;
        self.fetches = if now < since + MINUTE { (since, count.saturating_add(1)) } else { (now, 1) };
        self.fetches.1 <= MOST_FETCHES
    }
}

/// Why there is nothing of an address.
#[derive(Debug)]
pub enum Missing {
    /// It was asked so often that it is not asked again for a while.
    AskedTooOften,
    /// It does not answer; the cause if it was asked now.
    Away(Option<String>),
}

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept { value: None, until: 0, asked: 0, got: 0, fetches: (0, 0) }
    }
}

impl<T> Default for Fetched<T> {
    fn default() -> Fetched<T> {
        Fetched { kept: Mutex::default() }
    }
}

impl<T: Clone> Fetched<T> {
    /// What is at an address. It is fetched if what is known is too old, or not `enough`; `fetch` says how long it holds too.
    /// What has expired is not used where the address no longer answers.
    pub async fn of(
        &self,
        tenant: &str,
        uri: &str,
        now: i64,
        enough: impl Fn(&T) -> bool,
        fetch: impl Future<Output = Result<(T, i64), String>>,
    ) -> Result<T, Missing> {
        let kept = self.entry(tenant, uri);
        // Who comes while another one fetches waits for the same answer.
        let mut kept = kept.lock().await;
        // What came while this one waited is as new as what it would fetch.
        let is_fresh = now < kept.until || now <= kept.got;
        if let Some(value) = kept.value.as_ref().filter(|_| is_fresh)
            && (enough(value) || now < kept.asked + UNKNOWN)
        {
            return Ok(value.clone());
        }
        let has_failed = kept.got < kept.asked;
        if has_failed && now < kept.asked + REST {
            return Err(Missing::Away(None));
        }
        if !kept.count(now) {
            return Err(Missing::AskedTooOften);
        }
        kept.asked = now;
        match fetch.await {
            Ok((value, age)) => {
                *kept = Kept { value: Some(value.clone()), until: now + age, got: now, ..std::mem::take(&mut *kept) };
                Ok(value)
            }
            Err(cause) => kept.value.clone().filter(|_| now < kept.until).ok_or(Missing::Away(Some(cause))),
        }
    }

    fn entry(&self, tenant: &str, uri: &str) -> Shared<T> {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        all.entry((tenant.to_owned(), uri.to_owned())).or_default().clone()
    }
}

/// The JSON at an address, and how long it holds, in milliseconds.
pub async fn fetch(outgoing: &Outgoing, uri: &str) -> Result<(Json, i64), String> {
    let request = Request::get(uri).header(ACCEPT, HeaderValue::from_static("application/json"));
    ask(outgoing, request.body(Bytes::new()).map_err(|it| it.to_string())?).await
}

/// The JSON that answers a request, and how long it holds, in milliseconds.
pub async fn ask(outgoing: &Outgoing, request: Request<Bytes>) -> Result<(Json, i64), String> {
    let answer = outgoing.send(request, LARGEST).await.map_err(|it| it.to_string())?;
    if answer.status() != 200 {
        return Err(format!("the answer has status {}", answer.status()));
    }
    let json = serde_json::from_slice(answer.body()).map_err(|_| "the answer is no JSON".to_owned())?;
    Ok((json, age(answer.headers())))
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
    fn an_answer_holds_as_long_as_it_says_within_bounds() {
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
}
