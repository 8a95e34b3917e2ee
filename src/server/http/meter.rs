//! Counts a request for those who make it, and tells them what they have left: `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers), and with 429 `Retry-After`.

use super::Server;
use super::forwarded::counted;
use super::route::{self, Route};
use crate::auth::Holder;
use crate::clock;
use crate::rates::{Key, Limits, OwnLimits, Rates, Spent, WINDOW, Who, reset};
use ::fhir::{Failure, IssueType, Result};
use axum::http::header::{CONTENT_LENGTH, HeaderName, RETRY_AFTER, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use engine::Verb;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use store::Session;

/// What is left.
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// Of what.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How many bytes of a body count for one request more, and for how many a body counts whose length is not told.
const BYTES: u32 = 16 * 1024;
const UNTOLD: u32 = 16;
/// What requests count for that name no tenant: they are counted on this node alone.
const NOBODY: &str = "";
/// What requests from one address count for whichever tenant they name, and how many tenants' limits they may use up: a flood
/// over many tenants is one, too. No tenant is called so.
const EVERYWHERE: &str = "*";
const TENANTS: u32 = 4;

/// One request, and what it was counted for.
pub struct Meter<'s> {
    pub(super) server: &'s Server,
    pub(super) parts: &'s Parts,
    pub(super) now: i64,
    told: Mutex<Option<Told>>,
}

/// A limit, and what is left of it.
#[derive(Clone, Copy)]
struct Told {
    who: Who,
    limit: u32,
    left: u32,
    is_over: bool,
}

/// Somebody's limit.
pub(super) struct Limit<'a> {
    pub(super) tenant: &'a str,
    pub(super) who: Who,
    name: &'a str,
    pub(super) number: u32,
    pub(super) key: Key,
}

/// Who comes to which tenant.
pub(super) struct Caller<'a> {
    pub(super) session: &'a dyn Session,
    pub(super) tenant: &'a str,
    pub(super) holder: &'a Holder,
}

impl<'s> Meter<'s> {
    /// Counts nothing yet.
    pub fn new(server: &'s Server, parts: &'s Parts) -> Meter<'s> {
        Meter { server, parts, now: clock::now_ms(), told: Mutex::new(None) }
    }

    /// Counts a request to a tenant for the address that it comes from; fails with 429.
    pub async fn address(&self, tenant: &str, weight: u32) -> Result<()> {
        let Some(rates) = &self.server.rates else { return Ok(()) };
        // A proxy on this machine that does not say for whom it speaks would be everybody.
        let client = self.server.proxies.client(self.parts).filter(|it| !is_this_machine(*it));
        let Some(address) = client.map(counted) else { return Ok(()) };
        if let Some(limit) = limit(rates, &rates.of_nobody(), NOBODY, Who::Address, &address)
            && rates.is_spent(limit.key, limit.number, self.now)
        {
            return Err(self.refused(rates, &limit));
        }
        let session = match self.server.gate.known(tenant).await {
            Ok(known) => self.server.engine.store().open(&known.tenant).await?,
            Err(unknown) => {
                if let Some(limit) = limit(rates, &rates.of_nobody(), NOBODY, Who::Address, &address) {
                    // There is no tenant in whose ledger a share could be taken.
                    rates.note(limit.key, weight, self.now);
                }
                // While the database is away, whoever may come in all the same is let in.
                return if unknown.status == 503 { Ok(()) } else { Err(unknown) };
            }
        };
        let limits = self.limits(rates, &*session, tenant).await?;
        let caller = Caller { session: &*session, tenant, holder: &Holder::default() };
        self.everywhere(rates, &caller, &limits, &address, weight).await?;
        self.count(rates, &caller, limit(rates, &limits, tenant, Who::Address, &address), weight).await
    }

    /// Counts a request for its address in all tenants together, on this node alone, as there is no ledger that tenants share.
    async fn everywhere(
        &self,
        rates: &Rates,
        caller: &Caller<'_>,
        of_tenant: &Limits,
        address: &str,
        weight: u32,
    ) -> Result<()> {
        let [Some(usual), Some(own)] = [&rates.of_nobody(), of_tenant].map(|it| it.of(Who::Address).number()) else {
            return Ok(());
        };
        let number = usual.max(own).saturating_mul(TENANTS);
        let key = rates.key(EVERYWHERE, Who::Address, address);
        if rates.is_spent(key, number, self.now) {
            let limit = Limit { tenant: EVERYWHERE, who: Who::Address, name: address, number, key };
            return Err(self.turned_away(rates, caller, &limit).await);
        }
        rates.note(key, weight, self.now);
        Ok(())
    }

    /// Counts a request for those by whose token it comes; fails with 429.
    pub async fn holder(&self, session: &dyn Session, tenant: &str, holder: &Holder, weight: u32) -> Result<()> {
        let Some(rates) = self.server.rates.as_ref().filter(|_| holder.is_known) else { return Ok(()) };
        let limits = self.limits(rates, session, tenant).await?;
        let caller = Caller { session, tenant, holder };
        let names =
            [(Who::User, holder.user.as_deref()), (Who::Client, holder.client.as_deref()), (Who::Tenant, Some(""))];
        for (who, name) in names {
            let Some(name) = name else { continue };
            self.count(rates, &caller, limit(rates, &limits, tenant, who, name), weight).await?;
        }
        Ok(())
    }

    async fn limits(&self, rates: &Rates, session: &dyn Session, tenant: &str) -> Result<Limits> {
        match rates.limits(tenant, self.now) {
            Some(limits) => Ok(limits),
            None => match OwnLimits::of(session).await {
                Ok(own) => Ok(rates.learn(tenant, &own, self.now)),
                // Requests are not to fail for the sake of counting them.
                Err(failure) if failure.status == 503 => Ok(rates.last(tenant)),
                Err(failure) => Err(failure),
            },
        }
    }

    async fn count(&self, rates: &Rates, caller: &Caller<'_>, limit: Option<Limit<'_>>, weight: u32) -> Result<()> {
        let Some(limit) = limit else { return Ok(()) };
        let Limit { who, number, key, .. } = limit;
        // What counts for more than the limit would never be let in.
        let weight = weight.min(number);
        let mut spent = rates.spend(key, who, number, weight, self.now);
        if spent == Spent::Ask {
            let name = format!("{} {}", who.name(), limit.name);
            rates.lease(caller.session, key, &name, number, weight, self.now).await;
            spent = rates.spend(key, who, number, weight, self.now);
        }
        match spent {
            Spent::Left(left) => {
                self.tell(Told { who, limit: number, left, is_over: false });
                Ok(())
            }
            Spent::Over | Spent::Ask => Err(self.turned_away(rates, caller, &limit).await),
        }
    }

    pub(super) fn refused(&self, rates: &Rates, limit: &Limit<'_>) -> Failure {
        rates.refuse(limit.who);
        tracing::debug!(tenant = limit.tenant, limit = limit.who.name(), "a request is over a rate limit");
        self.tell(Told { who: limit.who, limit: limit.number, left: 0, is_over: true });
        let (number, seconds) = (limit.number, reset(self.now));
        let whose = match limit.who {
            Who::Tenant => "this tenant is",
            Who::Client => "this app or program is",
            Who::User => "this user is",
            Who::Address => "this address is",
        };
        let told = format!(
            "There are more requests than the {number} a minute that {whose} answered; try again in {seconds} s."
        );
        Failure::new(IssueType::Throttled, told)
    }

    /// Whether the request was refused.
    pub fn is_over(&self) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|it| it.is_over)
    }

    /// Notes a limit, if it is nearer than what was noted before.
    fn tell(&self, told: Told) {
        let mut known = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let share = |it: &Told| f64::from(it.left) / f64::from(it.limit);
        if known.as_ref().is_none_or(|it| told.is_over || share(&told) < share(it)) {
            *known = Some(told);
        }
    }

    /// Adds to an answer what is left of the limit that is nearest.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        let Some(told) = *self.told.lock().unwrap_or_else(PoisonError::into_inner) else { return };
        let (name, seconds) = (told.who.name(), reset(self.now));
        let mut insert = |header: HeaderName, value: String| {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(header, value);
            }
        };
        insert(RATE_LIMIT_POLICY, format!("\"{name}\";q={};w={}", told.limit, WINDOW / 1000));
        insert(RATE_LIMIT, format!("\"{name}\";r={};t={seconds}", told.left));
        if told.is_over {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
}

fn limit<'a>(rates: &Rates, limits: &Limits, tenant: &'a str, who: Who, name: &'a str) -> Option<Limit<'a>> {
    let number = limits.of(who).number()?;
    Some(Limit { tenant, who, name, number, key: rates.key(tenant, who, name) })
}

fn is_this_machine(address: IpAddr) -> bool {
    address.is_loopback()
}

/// For how many requests one counts: by what it has the server do, and by how much it sends.
pub fn weight(route: &Route, verb: Verb, headers: &HeaderMap) -> u32 {
    let work = match route {
        it if it.is_operation() => 5,
        it if [&route::METADATA, &route::OPEN_API, &route::SMART].contains(&it) => 1,
        it if [&route::INSTANCE, &route::VERSION].contains(&it) && matches!(verb, Verb::Get | Verb::Head) => 1,
        it if *it == route::BASE && verb == Verb::Post => 5,
        _ => 2,
    };
    work + size(headers)
}

/// For how many requests more a body counts.
fn size(headers: &HeaderMap) -> u32 {
    let length = headers.get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<u32>().ok());
    match length {
        Some(length) => length / BYTES,
        None if headers.contains_key(TRANSFER_ENCODING) => UNTOLD,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costly_requests_count_for_more() {
        let sent = |length: &'static str| HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static(length))]);
        let none = HeaderMap::new();
        for (path, verb, headers, expected) in [
            ("Patient/1", Verb::Get, &none, 1),
            ("Patient/1", Verb::Put, &sent("100"), 2),
            ("Patient", Verb::Get, &none, 2),
            ("Patient/1/$everything", Verb::Get, &none, 5),
            ("Patient/1/_history/2/$meta", Verb::Get, &none, 5),
            ("", Verb::Post, &sent("1048576"), 69),
        ] {
            assert_eq!(weight(route::route(path), verb, headers), expected, "{path}");
        }
    }
}
