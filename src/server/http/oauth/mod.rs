//! A tenant's authorization server: OAuth 2.1, OpenID Connect and SMART App Launch 2.2 below `/auth/{tenant}/`.

mod account;
mod acting;
mod answers;
mod audited;
mod authenticator;
mod authorize;
mod browser;
mod clients;
mod clinics;
mod consent;
mod end_session;
mod form;
mod look;
mod metadata;
mod next;
mod owner;
mod passkey;
mod passkeys;
mod people;
mod picker;
mod problem;
mod pushed;
mod recovery;
mod register;
mod second;
mod sign_in;
mod sign_on;
mod token;
mod tokens;

use super::edge::Seen;
use super::forwarded::counted;
use super::meter::Meter;
use super::route::Route;
use super::{Server, answer};
use crate::auth::Known;
use crate::auth::appearance::Appearance;
use crate::auth::device::Device;
use crate::auth::visit::Visitor;
use crate::auth::{logout, roles, visit};
use crate::{clock, tenants};
use ::fhir::{Failure, IssueType};
use audited::Parties;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, PRAGMA, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use browser::Browser;
use engine::{Caller, Context, Scopes};
use form::Form;
use problem::{Problem, Result};
use sign_on::Step;
use std::sync::{Arc, Mutex};
use store::Session;

/// One request to a tenant's authorization server.
pub(super) struct Desk<'s> {
    server: &'s Server,
    parts: &'s Parts,
    known: Arc<Known>,
    session: Arc<dyn Session>,
    meter: &'s Meter<'s>,
    /// Scheme, host and port as the client used them.
    origin: String,
    /// Milliseconds since the epoch.
    now: i64,
    /// Who takes part, as far as is known yet.
    parties: Mutex<Parties>,
}

macro_rules! endpoints {
    ($($name:ident $path:literal $methods:literal,)*) => {
        $(static $name: Route = Route { pattern: concat!("[auth]/", $path), methods: $methods };)*
        #[cfg(test)]
        const ENDPOINTS: &[&Route] = &[$(&$name),*];
        /// The endpoint at a path below a tenant's issuer.
        fn endpoint(path: &str) -> Option<&'static Route> {
            match path {
                $($path => Some(&$name),)*
                _ => Some(of_provider(path.strip_prefix("sign-on/").and_then(sign_on::step)?.1)),
            }
        }
    };
}

endpoints! {
    AUTHORIZE "authorize" "GET, POST",
    PUSH "par" "POST",
    SIGN_IN "sign-in" "POST",
    SECOND "second" "GET, POST",
    AUTHENTICATOR "authenticator" "GET, POST",
    PASSKEY "passkey" "POST",
    PASSKEYS "passkeys" "GET, POST",
    RECOVERY "recovery-codes" "GET, POST",
    ACCOUNT "account" "GET, POST",
    ACTING "acting" "GET, POST",
    CLINICS "clinics" "GET, POST",
    LINK "link" "GET, POST",
    ARRIVE "arrive" "GET",
    FORGOTTEN "forgotten" "GET, POST",
    RESET "reset" "GET, POST",
    PASSWORD "password" "GET, POST",
    EMAIL "email" "GET, POST",
    CONFIRM_EMAIL "confirm-email" "GET, POST",
    INVITATION "invitation" "GET, POST",
    SIGN_UP "sign-up" "GET, POST",
    REGISTRATION "registration" "GET, POST",
    END_SESSION "end-session" "GET, POST",
    SIGNED_OUT "signed-out" "GET",
    TOKEN "token" "POST",
    INTROSPECT "introspect" "POST",
    REVOKE "revoke" "POST",
    REGISTER "register" "POST",
    USER_INFO "userinfo" "GET, POST",
    JWKS "jwks" "GET",
    STYLE "style" "GET",
    SHEET "theme.css" "GET",
    LOGO "logo" "GET",
    BRANDS "brands" "GET",
    OPENID ".well-known/openid-configuration" "GET",
}

/// What a request here counts for: most of them write.
const WEIGHT: u32 = 2;
static SIGN_ON: Route = Route { pattern: "[auth]/sign-on/[provider]", methods: "GET" };
static SIGN_ON_BACK: Route = Route { pattern: "[auth]/sign-on/[provider]/back", methods: "GET" };
static SIGN_ON_JWKS: Route = Route { pattern: "[auth]/sign-on/[provider]/jwks", methods: "GET" };
static SIGN_ON_LOGOUT: Route = Route { pattern: "[auth]/sign-on/[provider]/logout", methods: "POST" };
/// All that are about a provider.
#[cfg(test)]
static OF_PROVIDERS: [&Route; 4] =
    [of_provider(Step::Begin), of_provider(Step::Back), of_provider(Step::Jwks), of_provider(Step::Logout)];

/// The endpoint for a step of a sign-on by a provider.
const fn of_provider(step: Step) -> &'static Route {
    match step {
        Step::Begin => &SIGN_ON,
        Step::Back => &SIGN_ON_BACK,
        Step::Logout => &SIGN_ON_LOGOUT,
        Step::Jwks => &SIGN_ON_JWKS,
    }
}

/// RFC 8414 section 3: the path of the issuer comes last.
static METADATA: Route = Route { pattern: "/.well-known/oauth-authorization-server", methods: "GET" };

/// Every request below `/auth/{tenant}/`.
pub async fn oauth(
    State(server): State<Arc<Server>>,
    Path((tenant, path)): Path<(String, String)>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    carry_out(&server, &parts, body, &tenant, endpoint(&path)).await
}

/// `/.well-known/oauth-authorization-server/auth/{tenant}`
pub async fn metadata(State(server): State<Arc<Server>>, Path(tenant): Path<String>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    carry_out(&server, &parts, body, &tenant, Some(&METADATA)).await
}

/// SMART's configuration of the tenant whose base was asked.
pub(super) async fn smart_configuration(
    server: &Server,
    parts: &Parts,
    tenant: &str,
    meter: &Meter<'_>,
) -> ::fhir::Result<Vec<u8>> {
    let desk = Desk::open(server, parts, tenant, meter).await?;
    let mut configuration = metadata::smart(&desk);
    look::add_brands(&desk, &mut configuration).await?;
    Ok(configuration.to_string().into_bytes())
}

async fn carry_out(
    server: &Server,
    parts: &Parts,
    body: Body,
    tenant: &str,
    endpoint: Option<&'static Route>,
) -> Response {
    let mut seen = Seen { route: endpoint.unwrap_or(&super::route::OTHER), tenant: None, cause: None };
    let meter = Meter::new(server, parts);
    let result = match endpoint {
        None => Err(Problem { status: 404, ..Problem::request("The authorization server has no such address.") }),
        Some(endpoint) => dispatch(&meter, body, tenant, endpoint, &mut seen).await,
    };
    let mut response = result.unwrap_or_else(|problem| {
        seen.cause = problem.cause.as_deref().map(Into::into);
        problem.response()
    });
    meter.add_headers(response.headers_mut());
    if response.status() == 405 {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(seen.route.methods));
    }
    response.extensions_mut().insert(seen);
    response
}

async fn dispatch(
    meter: &Meter<'_>,
    body: Body,
    tenant: &str,
    endpoint: &'static Route,
    seen: &mut Seen,
) -> Result<Response> {
    let (server, parts) = (meter.server, meter.parts);
    let is_post = parts.method == Method::POST;
    if !endpoint.methods.split(", ").any(|it| it == parts.method.as_str()) {
        let told = format!("This address takes {} only.", endpoint.methods);
        return Err(Problem { status: 405, ..Problem::request(told) });
    }
    meter.address(tenant, WEIGHT).await?;
    let desk = Desk::open(server, parts, tenant, meter).await?;
    seen.tenant = Some(desk.tenant().into());
    let body = if is_post { read(body).await? } else { Vec::new() };
    desk.entered(endpoint, is_post, Box::pin(answer(&desk, &body, endpoint))).await
}

/// What an endpoint answers.
async fn answer(desk: &Desk<'_>, body: &[u8], endpoint: &'static Route) -> Result<Response> {
    let parts = desk.parts;
    let is_post = parts.method == Method::POST;
    let form = || if is_post { posted(parts, body) } else { Form::parse(parts.uri.query().unwrap_or("").as_bytes()) };
    match endpoint {
        it if *it == AUTHORIZE && is_post && form()?.get("action").is_some() => consent::decide(desk, &form()?).await,
        it if *it == AUTHORIZE => authorize::begin(desk, form()).await,
        it if *it == PUSH => pushed::push(desk, &form()?).await,
        it if *it == SIGN_IN => sign_in::sign_in(desk, &form()?).await,
        it if *it == SECOND && is_post => second::prove(desk, &form()?).await,
        it if *it == SECOND => second::show(desk, &form()?).await,
        it if *it == AUTHENTICATOR && is_post => authenticator::change(desk, &form()?).await,
        it if *it == AUTHENTICATOR => authenticator::show(desk, &form()?).await,
        it if *it == PASSKEY => passkey::sign_in(desk, &form()?).await,
        it if *it == PASSKEYS && is_post => passkeys::change(desk, &form()?).await,
        it if *it == PASSKEYS => passkeys::show(desk, &form()?).await,
        it if *it == RECOVERY && is_post => recovery::renew(desk, &form()?).await,
        it if *it == RECOVERY => recovery::show(desk).await,
        it if *it == ACCOUNT && is_post => account::leave(desk, &form()?).await,
        it if *it == ACCOUNT => account::show(desk).await,
        it if *it == ACTING && is_post => acting::choose(desk, &form()?).await,
        it if *it == ACTING => acting::show(desk, &form()?).await,
        it if *it == CLINICS && is_post => clinics::change(desk, &form()?).await,
        it if *it == CLINICS => clinics::show(desk, &form()?).await,
        it if *it == LINK && is_post => clinics::accept(desk, &form()?).await,
        it if *it == LINK => clinics::ask(desk).await,
        it if *it == ARRIVE => clinics::arrive(desk).await,
        it if people::ROUTES.contains(&it) => people::serve(desk, it, is_post, &form()?).await,
        it if *it == END_SESSION => end_session::end(desk, &form()?).await,
        it if *it == SIGNED_OUT => Ok(sign_on::signed_out(desk)),
        it if *it == SIGN_ON => sign_on::begin(desk, provider(parts), &form()?).await,
        it if *it == SIGN_ON_BACK => sign_on::back(desk, provider(parts), &form()?).await,
        it if *it == SIGN_ON_LOGOUT => sign_on::hear(desk, provider(parts), &form()?).await,
        it if *it == SIGN_ON_JWKS => sign_on::keys(desk, provider(parts)).await,
        it if *it == TOKEN => token::exchange(desk, &form()?).await,
        it if *it == INTROSPECT => tokens::introspect(desk, &form()?).await,
        it if *it == REVOKE => tokens::revoke(desk, &form()?).await,
        it if *it == REGISTER => register::register(desk, body).await,
        it if *it == USER_INFO => tokens::user_info(desk).await,
        it if *it == JWKS => metadata::document(&metadata::jwks(desk)),
        it if *it == STYLE => metadata::document(&metadata::style(&Appearance::of(&*desk.session).await?)),
        it if *it == SHEET => look::sheet(desk).await,
        it if *it == LOGO => look::logo(desk).await,
        it if *it == BRANDS => look::brands(desk).await,
        _ => metadata::document(&metadata::authorization_server(desk)),
    }
}

/// The id of the provider that an address is about.
fn provider(parts: &Parts) -> &str {
    let below = parts.uri.path().split_once("/sign-on/").and_then(|(_, it)| sign_on::step(it));
    below.map(|(provider, _)| provider).unwrap_or_default()
}

async fn read(body: Body) -> Result<Vec<u8>> {
    let read = axum::body::to_bytes(body, form::LARGEST).await;
    Ok(read.map_err(|_| Problem::request("The body is too large, or ended before it was complete."))?.to_vec())
}

/// A form that was posted. Its parameters stand in the body alone: an address is written to logs.
fn posted(parts: &Parts, body: &[u8]) -> Result<Form> {
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Problem::request("Send the parameters as application/x-www-form-urlencoded."));
    }
    Form::parse(body)
}

impl<'s> Desk<'s> {
    async fn open(
        server: &'s Server,
        parts: &'s Parts,
        tenant: &str,
        meter: &'s Meter<'s>,
    ) -> ::fhir::Result<Desk<'s>> {
        if server.gate.issuer().is_none() {
            let told = "This server was started with --no-auth: it lets everybody in and has no authorization server.";
            return Err(Failure::new(IssueType::NotFound, told));
        }
        if !tenants::is_name(tenant) {
            return Err(Failure::new(IssueType::NotFound, "No tenant can be called so."));
        }
        let known = server.gate.known(tenant).await?;
        let session = server.engine.store().open(&known.tenant).await?;
        let origin = server.addresses.origin(parts)?;
        Ok(Desk { server, parts, known, session, meter, origin, now: clock::now_ms(), parties: Mutex::default() })
    }

    fn tenant(&self) -> &str {
        self.known.tenant.name()
    }

    /// The name of the authorization server: what its addresses begin with.
    fn issuer(&self) -> String {
        format!("{}/auth/{}", self.origin, self.tenant())
    }

    /// The tenant's FHIR base.
    fn base(&self) -> String {
        format!("{}/fhir/{}", self.origin, self.tenant())
    }

    /// A resource of the tenant by its whole address.
    fn whole(&self, reference: &str) -> String {
        format!("{}/{reference}", self.base())
    }

    /// The setting `issuer`, of which access tokens' `iss` is made.
    fn token_issuer(&self) -> &str {
        self.server.gate.issuer().unwrap_or_default()
    }

    /// The address that a request came from, as attempts are counted for it.
    fn address(&self) -> String {
        self.server.proxies.client(self.parts).map_or_else(|| "unknown".to_owned(), counted)
    }

    /// What the request came from, as its user is told later on.
    fn device(&self) -> Device {
        let user_agent = self.parts.headers.get(USER_AGENT).and_then(|it| it.to_str().ok());
        Device::of(user_agent, self.server.proxies.client(self.parts))
    }

    /// Ends a browser's visit, and the sign-in that it is unless that goes on, of which apps are told.
    async fn end_visit(&self, browser: &Browser, goes_on: Option<&str>) -> Result<()> {
        visit::end(&*self.session, browser.cookie(), goes_on).await?;
        logout::wake(self.tenant());
        Ok(())
    }

    /// What a user may do here.
    async fn context_of(&self, visitor: &Visitor) -> Result<Context> {
        let account = &visitor.account.value;
        let (mut roles, mut scopes, mut purposes) = (Vec::new(), Scopes::default(), Vec::new());
        if let Some(standing) = visitor.standing() {
            let duties = roles::duties(&*self.session, account, visitor.place(), standing).await?;
            roles = duties.names();
            purposes = duties.purposes();
            scopes = Scopes::parse("user/*.cruds patient/*.cruds", standing.patient.as_deref()).0.met_by(&duties);
        }
        let caller = Caller {
            subject: account.id.clone(),
            roles,
            fhir_user: Some(visitor.fhir_user().to_owned()),
            scopes,
            purposes,
            ..Caller::default()
        };
        Ok(self.server.engine.context(&self.known.tenant, caller, &self.base()).await?)
    }
}

/// A document of JSON that nobody is to keep (RFC 6749 section 5.1).
fn json(status: u16, body: &serde_json::Value) -> Response {
    let mut response = answer::response(status, "application/json", body.to_string().into());
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use super::{ENDPOINTS, OF_PROVIDERS};
    use crate::http::route::matrix;

    #[test]
    fn every_address_has_a_row_in_the_access_matrix() {
        matrix::has_rows(ENDPOINTS.iter().copied().chain(OF_PROVIDERS));
    }
}
