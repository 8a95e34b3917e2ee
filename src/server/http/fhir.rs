//! The only FHIR handler: HTTP in, [`Engine::perform`](engine::Engine::perform) once, HTTP out.

use super::address::Address;
use super::edge::Seen;
use super::left::{Left, Slot};
use super::meter::{self, Meter};
use super::negotiate::{Format, negotiate, not_acceptable};
use super::route::{OPEN_API, Route, SMART, route};
use super::{Server, answer, body, gzip, leeway, oauth, page, xml};
use crate::act;
use crate::audit;
use crate::auth::{Holder, Stale};
use ::fhir::{Failure, IssueType, Result};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, ALLOW, AUTHORIZATION, CONTENT_ENCODING, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
    VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use engine::{Answer, Context, Headers, Security, SecurityEvent, Verb};
use std::sync::Arc;
use std::time::SystemTime;
use store::Leeway;

const IF_NONE_EXIST: HeaderName = HeaderName::from_static("if-none-exist");
const PREFER: HeaderName = HeaderName::from_static("prefer");
pub(super) const PURPOSE_OF_USE: HeaderName = HeaderName::from_static("x-purpose-of-use");
const X_PROVENANCE: HeaderName = HeaderName::from_static("x-provenance");

/// Every FHIR request takes this path.
pub async fn fhir(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut seen = Seen { route: &super::route::OTHER, tenant: None, cause: None };
    let meter = Meter::new(&server, &parts);
    let address = server.addresses.resolve(&parts);
    let leeway = address.as_ref().ok().and_then(|it| leeway::of(&parts, it));
    let answered = match address {
        Ok(address) => carry_out(&meter, body, &address, leeway.clone(), &mut seen).await,
        Err(failure) => Err(failure),
    };
    let mut response = answered.unwrap_or_else(|failure| {
        // That somebody has to sign in again is no fault of this server.
        let fault = failure.cause.as_ref().filter(|it| !it.is::<Stale>());
        seen.cause = fault.map(|it| it.to_string().into());
        refuse(&server, &parts, &failure, &seen)
    });
    meter.add_headers(response.headers_mut());
    if let Some(leeway) = &leeway {
        leeway::tell(response.headers_mut(), leeway);
    }
    response.extensions_mut().insert(seen);
    response
}

async fn carry_out(
    meter: &Meter<'_>,
    body: Body,
    address: &Address,
    leeway: Option<Arc<Leeway>>,
    seen: &mut Seen,
) -> Result<Response> {
    let (server, parts) = (meter.server, meter.parts);
    seen.route = route(&address.path);
    let known = Verb::parse(parts.method.as_str());
    if known.is_none() && !parts.headers.contains_key(AUTHORIZATION) {
        return Err(unused_method());
    }
    // Whoever says who they are is let in first, so that it is known whose request was refused.
    let verb = known.unwrap_or(Verb::Post);
    let weight = meter::weight(seen.route, verb, &parts.headers);
    meter.address(&address.tenant, weight).await?;
    if *seen.route == SMART && matches!(verb, Verb::Get | Verb::Head) {
        let configuration = oauth::smart_configuration(server, parts, &address.tenant, meter).await?;
        return Ok(answer::response(200, "application/json", configuration.into()));
    }
    let may_wait = leeway.is_some();
    let admitted = admit(server, parts, verb, address, leeway).await;
    if admitted.as_ref().is_err_and(|it| it.status == 401) {
        enter_denied(server, parts, verb, address, may_wait).await?;
    }
    let (context, holder) = admitted?;
    let context = context.from_origin(audit::origin(parts, &server.proxies, &holder));
    seen.tenant = Some(context.tenant().name().into());
    meter.holder(context.session(), context.tenant().name(), &holder, weight).await?;
    let left = Arc::new(Left::new(context.clone(), known, parts, address));
    if let Some(slot) = parts.extensions.get::<Slot>() {
        slot.fill(&left);
    }
    let (request, format) = match understood(meter, body, known, address, seen.route).await {
        Ok(understood) => understood,
        Err(failure) => {
            left.refused(server, failure.status).await?;
            return Err(failure);
        }
    };
    // On the heap: it would be moved with all that lies around it.
    let performed = Box::pin(server.engine.perform(&context, request));
    let answer = match seen.route.may_administer() {
        true => act::may_act(performed).await?,
        false => performed.await?,
    };
    render(parts, address, answer, format).await
}

/// What is asked for, and the form of the answer that is wanted.
async fn understood(
    meter: &Meter<'_>,
    body: Body,
    verb: Option<Verb>,
    address: &Address,
    route: &Route,
) -> Result<(engine::Request, Format)> {
    let parts = meter.parts;
    let mut request = read_request(meter.server, parts, body, verb.ok_or_else(unused_method)?, &address.path).await?;
    let format = match route {
        it if *it == OPEN_API => Format::Plain("application/json"),
        _ => negotiate(&request.query, &parts.headers)?,
    };
    request.headers.accepts_lines = format == Format::Lines;
    if format == Format::Lines && !route.is_operation() {
        return Err(not_acceptable());
    }
    Ok((request, format))
}

fn unused_method() -> Failure {
    Failure::new(IssueType::NotSupported, "FHIR does not use this method.").with_status(405)
}

/// Lets the request in.
async fn admit(
    server: &Server,
    parts: &Parts,
    verb: Verb,
    address: &Address,
    leeway: Option<Arc<Leeway>>,
) -> Result<(Context, Arc<Holder>)> {
    let is_public = route(&address.path).is_public() && matches!(verb, Verb::Get | Verb::Head);
    let authorization = text(&parts.headers, &AUTHORIZATION);
    server.gate.admit(&address.tenant, &address.base, authorization, is_public, leeway).await
}

/// Enters in the audit log that somebody came without a good token. Of a tenant that is not there nothing is entered.
async fn enter_denied(server: &Server, parts: &Parts, verb: Verb, address: &Address, may_wait: bool) -> Result<()> {
    let event = SecurityEvent {
        what: Security::Denied,
        status: 401,
        subject: audit::UNKNOWN.to_owned(),
        origin: audit::origin(parts, &server.proxies, &Holder::default()),
        about: None,
        asked: Some(format!("{verb:?} {:.1000}", address.path)),
        reason: None,
    };
    let entries = server.engine.recorded(event)?;
    let recorded = async {
        let known = server.gate.known(&address.tenant).await?;
        let session = server.engine.store().open(&known.tenant).await?;
        if !entries.is_empty() {
            session.audit(entries.clone()).await?;
        }
        Ok::<_, Failure>(())
    };
    match recorded.await {
        // A copy of the database told that the token is not good.
        Err(failure) if failure.status == 503 && may_wait => {
            let known = server.gate.last_known(&address.tenant).ok_or(failure)?;
            let session = server.engine.store().open(&known.tenant).await?;
            server.engine.record_later(&*session, &address.tenant, &entries).await
        }
        done => done,
    }
}

async fn read_request(server: &Server, parts: &Parts, body: Body, verb: Verb, path: &str) -> Result<engine::Request> {
    let mut headers = headers(&parts.headers)?;
    let mut query = parts.uri.query().unwrap_or_default().to_owned();
    let mut body = body::read(&parts.headers, body, &server.limits).await?;
    if verb == Verb::Post && (path == "_search" || path.ends_with("/_search")) {
        let form = body::form(headers.content_type.as_deref(), &body)?;
        if !query.is_empty() && !form.is_empty() {
            query.push('&');
        }
        query.push_str(&form);
        body.clear();
        headers.content_type = None;
    }
    let has_resource = matches!(verb, Verb::Post | Verb::Put | Verb::Patch) && !body.is_empty();
    if has_resource && headers.content_type.as_deref().is_some_and(xml::is_xml) {
        body = xml::to_json(&body, &server.engine.settings().json)?;
        headers.content_type = Some("application/fhir+json".into());
    }
    Ok(engine::Request { verb, path: path.to_owned(), query, headers, body })
}

/// The headers that change what is done.
fn headers(headers: &HeaderMap) -> Result<Headers> {
    Ok(Headers {
        content_type: body::content_type(headers)?,
        if_match: text(headers, &IF_MATCH).map(str::to_owned),
        if_none_match: text(headers, &IF_NONE_MATCH).map(str::to_owned),
        if_modified_since: text(headers, &IF_MODIFIED_SINCE).and_then(millis),
        if_none_exist: text(headers, &IF_NONE_EXIST).map(str::to_owned),
        purpose_of_use: joined(headers, &PURPOSE_OF_USE),
        provenance: provenance(headers)?,
        prefer: joined(headers, &PREFER),
        accepts_lines: false,
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The Provenance that is sent with a change: JSON, which may have letters that other headers may not.
fn provenance(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(header) = headers.get(&X_PROVENANCE) else { return Ok(None) };
    let told = || Failure::new(IssueType::Structure, "The header X-Provenance is not UTF-8 text.");
    String::from_utf8(header.as_bytes().to_vec()).map(Some).map_err(|_| told())
}

/// All values of a header, joined by `,`.
pub(super) fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|it| it.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// An HTTP date in milliseconds since the epoch.
fn millis(date: &str) -> Option<i64> {
    let since = httpdate::parse_http_date(date).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

async fn render(parts: &Parts, address: &Address, answer: Answer, format: Format) -> Result<Response> {
    let format = answer.plain.map_or(format, Format::Plain);
    let is_page = format == Format::Html && !answer.body.is_empty();
    let (content_type, body) = match format {
        _ if is_page => {
            let page = page::of(parts, address, answer.status, &answer.body);
            (page.content_type, page.body.into())
        }
        _ => answer::written(answer.body.clone(), format),
    };
    let is_packed = gzip::is_wanted(text(&parts.headers, &ACCEPT_ENCODING), body.len());
    let body = if is_packed { gzip::pack(body).await? } else { body };
    let mut response = answer::response(answer.status, content_type, body);
    let headers = response.headers_mut();
    answer::add_headers(headers, &answer, &address.base);
    headers.insert(VARY, HeaderValue::from_static("accept, accept-encoding, authorization"));
    if is_packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if is_page {
        page::protect(headers);
    }
    Ok(response)
}

/// Tells why a request failed, in the form that the client wants, or else as JSON.
fn refuse(server: &Server, parts: &Parts, failure: &Failure, seen: &Seen) -> Response {
    let query = parts.uri.query().unwrap_or_default();
    let format = negotiate(query, &parts.headers).unwrap_or(Format::Json { pretty: false });
    let is_page = format == Format::Html;
    let mut response = match (is_page, server.addresses.resolve(parts), server.addresses.origin(parts)) {
        (true, Ok(address), Ok(origin)) => page::of_failure(parts, &address, &origin, failure),
        _ => answer::failure_in(failure, format),
    };
    if failure.status == 405 {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(seen.route.methods));
    }
    response
}
