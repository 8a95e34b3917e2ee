//! FHIR over HTTP. Routes lead to one handler for FHIR and a few for running the server; what every answer has in
//! common happens in [`edge`].

mod address;
mod answer;
mod app_origins;
mod body;
mod cors;
mod edge;
mod fhir;
mod forwarded;
mod gzip;
mod health;
mod host;
mod leeway;
mod left;
pub mod listen;
mod meter;
mod metrics;
mod negotiate;
mod oauth;
mod page;
mod pretty;
mod request_id;
mod route;
mod start;
mod state;
#[cfg(test)]
mod tests;
pub mod tls;
mod turned_away;
pub mod xml;

pub use address::{Addresses, Origin};
pub use cors::Origins;
pub use forwarded::Proxies;

use crate::auth::Gate;
use crate::auth::federation::Providers;
use crate::auth::remote_keys::RemoteKeys;
use crate::config;
use crate::outgoing::Outgoing;
use crate::rates::Rates;
use app_origins::AppOrigins;
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};
use engine::Engine;
use metrics::Metrics;
use request_id::RequestIds;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// What the handlers share.
pub struct Server {
    engine: Arc<Engine>,
    gate: Gate,
    addresses: Addresses,
    limits: Limits,
    /// How many requests are answered; none where all are.
    rates: Option<Rates>,
    metrics: Metrics,
    request_ids: RequestIds,
    /// What becomes of apps that register themselves.
    registration: config::Registration,
    /// What the start page tells of the demo, where there is one.
    demo: Option<Demo>,
    /// Permits to carry out a request.
    permits: Semaphore,
    /// Who may call from a browser.
    origins: Origins,
    /// Who is believed for whom it speaks.
    proxies: Proxies,
    /// The keys of clients that have them elsewhere.
    remote_keys: RemoteKeys,
    /// Providers by which people sign in.
    providers: Providers,
    /// Those of tenants' apps, who may too.
    app_origins: AppOrigins,
}

/// What there is to be told of the demo beside its users.
pub struct Demo {
    /// The folder that mails go into, if they do.
    pub mails: Option<PathBuf>,
}

/// How much one request may ask for, as far as HTTP sees it.
struct Limits {
    body: usize,
    unpacked: usize,
    time: Duration,
}

impl Server {
    /// A server of an engine, behind a gate. `demo` has it tell of the demo's users.
    pub fn new(
        engine: Arc<Engine>,
        gate: Gate,
        http: &config::Http,
        limits: &config::Limits,
        rates: Option<Rates>,
        (sign_in, network): (&config::SignIn, &config::Network),
        demo: Option<Demo>,
    ) -> anyhow::Result<Server> {
        let outgoing = Arc::new(Outgoing::new(network)?);
        Ok(Server {
            engine,
            addresses: Addresses::new(http, gate.issuer().is_none()),
            gate,
            limits: Limits {
                body: http.max_body.0,
                unpacked: limits.max_unpacked.0,
                time: http.request_time.duration(),
            },
            rates,
            metrics: Metrics::default(),
            request_ids: RequestIds::new()?,
            registration: sign_in.registration,
            demo,
            permits: Semaphore::new(http.max_requests.clamp(1, Semaphore::MAX_PERMITS)),
            origins: http.cors_origins.clone(),
            proxies: http.trusted_proxies.clone(),
            remote_keys: RemoteKeys::new(outgoing.clone()),
            providers: Providers::new(outgoing),
            app_origins: AppOrigins::default(),
        })
    }

    /// Says loudly where requests are refused that address the server by a name it was not told.
    pub fn warn_of_hosts(&self, listening: SocketAddr) {
        if let Some(domain) = self.addresses.known_domain() {
            tracing::warn!(
                "base-url is not set on {listening}: ONLY requests to localhost, {domain}, *.{domain} and the IP address that \
                 was connected to are answered; set --base-url to the address by which clients reach this server"
            );
        }
    }

    /// What answers requests.
    pub fn answers(self: Arc<Server>) -> Answers {
        let routes = SERVED.into_iter().fold(Router::new(), |all, (_, path, handler)| all.route(path, handler()));
        Answers { routes: routes.fallback(health::unknown).with_state(self.clone()), server: self }
    }
}

/// All routes, and what goes around them. Called as it is: a layer of axum's would put each request on the heap once more.
#[derive(Clone)]
pub struct Answers {
    server: Arc<Server>,
    routes: Router,
}

impl listen::Answering for Answers {
    async fn answer(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let origin = cors::caller(&self.server, &parts).await;
        let request = Request::from_parts(parts, body);
        match origin {
            None => self.carry_out(request).await,
            Some(origin) => cors::answer(origin, request, self.clone()).await,
        }
    }
}

impl Answers {
    async fn carry_out(&self, request: Request) -> Response {
        edge::edge(&self.server, request, self.routes.clone()).await
    }
}

/// Makes what answers at an address.
type Handler = fn() -> MethodRouter<Arc<Server>>;

/// All that the server has addresses for: by GET, or by any method where the handler says which. The access matrix has a row
/// for each, and for what lies below those that have tables of their own.
const SERVED: [(&str, &str, Handler); 13] = [
    ("GET", "/", || get(start::start)),
    ("GET", "/assets/{name}", || get(start::asset)),
    ("GET", "/livez", || get(health::live)),
    ("GET", "/readyz", || get(health::ready)),
    ("GET", "/metrics", || get(metrics::show)),
    ("any", "/fhir", || any(fhir::fhir)),
    ("any", "/fhir/", || any(fhir::fhir)),
    ("any", "/fhir/{*path}", || any(fhir::fhir)),
    ("any", "/state/{tenant}", || any(state::nothing)),
    ("any", "/state/{tenant}/", || any(state::nothing)),
    ("any", "/state/{tenant}/{*path}", || any(state::state)),
    ("any", "/auth/{tenant}/{*path}", || any(oauth::oauth)),
    ("any", "/.well-known/oauth-authorization-server/auth/{tenant}", || any(oauth::metadata)),
];
