//! What `/metrics` tells, in Prometheus' text format:
//!
//! - `medisync_requests_total{route,method,status}`: requests answered
//! - `medisync_request_seconds{route,method}`: histogram of the time they took
//! - `medisync_requests_in_progress`: requests under way
//! - `medisync_rate_limited_total{limit}`: requests refused, by whose limit they were over
//! - `medisync_rate_shares_total`: shares of limits that were asked for in the database
//! - `medisync_mails_total{outcome}`: mails sent, put off and given up
//! - `medisync_logout_notices_total{outcome}`: apps told that a user has signed out, or not yet, or given up
//! - `medisync_password_hashes_total`: argon2id hashes computed, all at one cost
//! - `medisync_bcrypt_rounds_total`: rounds of bcrypt computed, for passwords that came from elsewhere
//! - `medisync_audit_chaining_total{outcome}`: rows chained in audit logs of PostgreSQL; tries while another connection held the
//!   lock (`missed`), that the database refused (`failed`); and what was met that is not what was written (`untrue`)
//! - `medisync_older_keys_total`: writes refused, as the directory was restored from an older backup than the records
//! - `medisync_build_info{version}`: 1
//! - `medisync_uptime_seconds`: since the start
//!
//! Routes are patterns: no label holds an id, a tenant or anything else of a record.

use super::Server;
use super::route::Route;
use crate::auth::{logout, old_hash, password};
use crate::clock::Stopwatch;
use crate::mail;
use crate::rates::Rates;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use rustc_hash::FxHashMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Upper ends of the histogram's buckets, in microseconds.
const BUCKETS: [u64; 13] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000, 10_000_000];

/// Counts what is answered.
pub struct Metrics {
    started: Stopwatch,
    under_way: AtomicI64,
    counted: RwLock<FxHashMap<Labels, Arc<Counted>>>,
}

/// Route and method.
type Labels = (&'static str, &'static str);

#[derive(Default)]
struct Counted {
    statuses: RwLock<FxHashMap<u16, AtomicU64>>,
    buckets: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics { started: Stopwatch::start(), under_way: AtomicI64::new(0), counted: RwLock::default() }
    }
}

/// A request under way; it is no longer when this is dropped, however that comes.
pub struct UnderWay<'a>(&'a Metrics);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    /// Counts a request as under way.
    pub fn enter(&self) -> UnderWay<'_> {
        self.under_way.fetch_add(1, Relaxed);
        UnderWay(self)
    }

    /// Counts an answer.
    pub fn count(&self, route: &'static Route, method: &'static str, status: u16, took: Duration) {
        let counted = self.counted((route.pattern, method));
        counted.status(status);
        let micros = took.as_micros() as u64;
        if let Some(bucket) = BUCKETS.iter().position(|it| micros <= *it).and_then(|it| counted.buckets.get(it)) {
            bucket.fetch_add(1, Relaxed);
        }
        counted.count.fetch_add(1, Relaxed);
        counted.micros.fetch_add(micros, Relaxed);
    }

    fn counted(&self, labels: Labels) -> Arc<Counted> {
        if let Some(counted) = self.counted.read().unwrap_or_else(PoisonError::into_inner).get(&labels) {
            return counted.clone();
        }
        self.counted.write().unwrap_or_else(PoisonError::into_inner).entry(labels).or_default().clone()
    }

    /// All figures.
    fn text(&self) -> String {
        let mut out = String::new();
        let mut all: Vec<_> =
            self.counted.read().unwrap_or_else(PoisonError::into_inner).iter().map(|(k, v)| (*k, v.clone())).collect();
        all.sort_by_key(|it| it.0);
        head(&mut out, "medisync_requests_total", "counter", "Requests answered.");
        for (labels, counted) in &all {
            counted.write_statuses(&mut out, *labels);
        }
        head(&mut out, "medisync_request_seconds", "histogram", "Time from a request's head to its answer.");
        for (labels, counted) in &all {
            counted.write_times(&mut out, *labels);
        }
        head(&mut out, "medisync_requests_in_progress", "gauge", "Requests under way.");
        line(&mut out, "medisync_requests_in_progress", "", self.under_way.load(Relaxed));
        let mails = mail::figures();
        let (notices, chaining) = (logout::figures(), store::audit_figures());
        let outcomes: [(_, _, &[(&str, u64)]); 3] = [
            ("medisync_mails_total", "Mails sent, put off and given up.", &mails),
            ("medisync_logout_notices_total", "Apps told of a sign-out, not yet, and given up.", &notices),
            ("medisync_audit_chaining_total", "How chaining of audit logs goes.", &chaining),
        ];
        for (name, about, figures) in outcomes {
            head(&mut out, name, "counter", about);
            for (outcome, count) in figures {
                line(&mut out, name, &format!("{{outcome=\"{outcome}\"}}"), count);
            }
        }
        for (name, about, count) in [
            ("medisync_password_hashes_total", "Argon2id hashes computed.", password::computed()),
            (
                "medisync_older_keys_total",
                "Writes refused, as the directory has older keys than the records.",
                store::older_keys(),
            ),
            ("medisync_bcrypt_rounds_total", "Rounds of bcrypt computed.", old_hash::rounds()),
        ] {
            head(&mut out, name, "counter", about);
            line(&mut out, name, "", count);
        }
        head(&mut out, "medisync_build_info", "gauge", "The version that runs.");
        line(&mut out, "medisync_build_info", concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1);
        head(&mut out, "medisync_uptime_seconds", "gauge", "Time since the start.");
        line(&mut out, "medisync_uptime_seconds", "", self.started.elapsed().as_secs());
        out
    }
}

impl Counted {
    fn status(&self, status: u16) {
        if let Some(count) = self.statuses.read().unwrap_or_else(PoisonError::into_inner).get(&status) {
            count.fetch_add(1, Relaxed);
            return;
        }
        self.statuses.write().unwrap_or_else(PoisonError::into_inner).entry(status).or_default().fetch_add(1, Relaxed);
    }

    fn write_statuses(&self, out: &mut String, (route, method): Labels) {
        let statuses = self.statuses.read().unwrap_or_else(PoisonError::into_inner);
        let mut statuses: Vec<_> = statuses.iter().map(|(status, count)| (*status, count.load(Relaxed))).collect();
        statuses.sort_unstable();
        for (status, count) in statuses {
            let labels = format!("{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}}");
            line(out, "medisync_requests_total", &labels, count);
        }
    }

    fn write_times(&self, out: &mut String, (route, method): Labels) {
        let mut up_to = 0;
        for (end, count) in BUCKETS.iter().zip(&self.buckets) {
            up_to += count.load(Relaxed);
            let labels = format!("{{route=\"{route}\",method=\"{method}\",le=\"{}\"}}", *end as f64 / 1e6);
            line(out, "medisync_request_seconds_bucket", &labels, up_to);
        }
        let count = self.count.load(Relaxed);
        let labels = format!("{{route=\"{route}\",method=\"{method}\",le=\"+Inf\"}}");
        line(out, "medisync_request_seconds_bucket", &labels, count);
        let labels = format!("{{route=\"{route}\",method=\"{method}\"}}");
        line(out, "medisync_request_seconds_sum", &labels, self.micros.load(Relaxed) as f64 / 1e6);
        line(out, "medisync_request_seconds_count", &labels, count);
    }
}

fn head(out: &mut String, name: &str, kind: &str, about: &str) {
    let _ = writeln!(out, "# HELP {name} {about}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ = writeln!(out, "{name}{labels} {value}");
}

fn write_rates(out: &mut String, rates: &Rates) {
    let (refused, shares) = rates.figures();
    head(out, "medisync_rate_limited_total", "counter", "Requests refused, by whose limit they were over.");
    for (who, count) in refused {
        line(out, "medisync_rate_limited_total", &format!("{{limit=\"{}\"}}", who.name()), count);
    }
    head(out, "medisync_rate_shares_total", "counter", "Shares of limits asked for in the database.");
    line(out, "medisync_rate_shares_total", "", shares);
}

/// `GET /metrics`
pub async fn show(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let mut text = server.metrics.text();
    if let Some(rates) = &server.rates {
        write_rates(&mut text, rates);
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::route::INSTANCE;

    #[test]
    fn tells_counts_and_times_by_route() {
        let metrics = Metrics::default();
        metrics.count(&INSTANCE, "GET", 200, Duration::from_micros(200));
        metrics.count(&INSTANCE, "GET", 404, Duration::from_millis(3));
        let under_way = metrics.enter();
        let text = metrics.text();
        for line in [
            r#"medisync_requests_total{route="[base]/[type]/[id]",method="GET",status="404"} 1"#,
            r#"medisync_request_seconds_bucket{route="[base]/[type]/[id]",method="GET",le="0.0001"} 0"#,
            r#"medisync_request_seconds_bucket{route="[base]/[type]/[id]",method="GET",le="0.00025"} 1"#,
            r#"medisync_request_seconds_bucket{route="[base]/[type]/[id]",method="GET",le="+Inf"} 2"#,
            r#"medisync_request_seconds_sum{route="[base]/[type]/[id]",method="GET"} 0.0032"#,
            "medisync_requests_in_progress 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} is missing in\n{text}");
        }
        drop(under_way);
        assert!(metrics.text().contains("medisync_requests_in_progress 0"));
    }
}
