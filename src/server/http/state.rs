//! `/state/{tenant}/Basic`: where apps keep state (SMART App Launch 2.2, app-state.html). A FHIR base of its own, as the
//! guide allows, so that states are never among the tenant's records.

use super::edge::Seen;
use super::meter::Meter;
use super::negotiate::FHIR_JSON;
use super::route::Route;
use super::{Limits, Server, answer, body};
use crate::auth::app_state::{self, AppState, LARGEST, Topic};
use crate::auth::kept::{self, Entry};
use crate::auth::{Holder, account};
use crate::{audit, clock, tenants};
use ::fhir::json::Doc;
use ::fhir::validate::{self, References};
use ::fhir::{Failure, IssueType, Result};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{ALLOW, AUTHORIZATION, ETAG, IF_MATCH, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method};
use axum::response::Response;
use engine::{Access, Beside, Context, Engine};
use serde_json::{Map, Value as Json, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Key, LedgerChange};

static BASIC: Route = Route { pattern: "[state]/Basic", methods: "GET, POST" };
static INSTANCE: Route = Route { pattern: "[state]/Basic/[id]", methods: "GET, PUT, DELETE" };
/// All of them: what this does not have is answered with 404.
static ALL: [&Route; 2] = [&BASIC, &INSTANCE];

/// What a request counts for.
const WEIGHT: u32 = 2;

/// One request of an app.
struct Desk<'s> {
    parts: &'s Parts,
    ctx: Context,
    holder: Arc<Holder>,
    /// The tenant's addresses.
    bases: Vec<String>,
    /// The address of its states.
    base: String,
    engine: &'s Engine,
    noted: Mutex<Noted>,
}

/// What is known of a request for its event in the audit log.
#[derive(Default)]
struct Noted {
    /// Whom it is about.
    patient: Option<String>,
    /// The event went with a change.
    is_kept: bool,
}

/// Every request below `/state/{tenant}/`.
pub async fn state(
    State(server): State<Arc<Server>>,
    Path((tenant, path)): Path<(String, String)>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let meter = Meter::new(&server, &parts);
    let id = path.strip_prefix("Basic").map(|it| it.trim_matches('/'));
    let steps = id.map(|it| it.split('/').filter(|it| !it.is_empty()).count());
    let route = steps.and_then(|it| ALL.get(it)).copied().unwrap_or(&super::route::OTHER);
    let mut seen = Seen { route, tenant: None, cause: None };
    let result = carry_out(&meter, &tenant, id.unwrap_or_default(), body, &mut seen).await;
    let mut response = result.unwrap_or_else(|failure| {
        seen.cause = failure.cause.as_ref().map(|it| it.to_string().into());
        answer::failure(&failure)
    });
    if response.status() == 405 {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(route.methods));
    }
    meter.add_headers(response.headers_mut());
    response.extensions_mut().insert(seen);
    response
}

/// The base itself, where there is nothing.
pub async fn nothing() -> Response {
    answer::failure(&not_basic())
}

fn not_basic() -> Failure {
    Failure::new(IssueType::NotSupported, "App state is kept as Basic, below this address: [state]/Basic.")
}

async fn carry_out(meter: &Meter<'_>, tenant: &str, id: &str, body: Body, seen: &mut Seen) -> Result<Response> {
    let (server, parts) = (meter.server, meter.parts);
    if *seen.route == super::route::OTHER {
        return Err(not_basic());
    }
    if !seen.route.methods.split(", ").any(|it| it == parts.method.as_str()) {
        let told = format!("This address takes {} only.", seen.route.methods);
        return Err(Failure::new(IssueType::NotSupported, told).with_status(405));
    }
    if !tenants::is_name(tenant) {
        return Err(Failure::new(IssueType::NotFound, "No tenant can be called so."));
    }
    meter.address(tenant, WEIGHT).await?;
    let desk = Desk::open(server, parts, tenant).await?;
    seen.tenant = Some(tenant.into());
    meter.holder(desk.ctx.session(), tenant, &desk.holder, WEIGHT).await?;
    let interaction = desk.interaction(seen.route);
    let answered = Box::pin(desk.answer(server, body, id, interaction)).await;
    let status = answered.as_ref().map_or_else(|it| it.status, |it| it.status().as_u16());
    // What was changed was told with the change.
    let is_kept = desk.noted().is_kept;
    if !is_kept {
        desk.engine.record_beside(&desk.ctx, desk.access(interaction, status)).await?;
    }
    answered
}

/// The code of an interaction (valueset-type-restful-interaction.html), and what it is to AuditEvent.action.
type Code = (&'static str, char);

const CREATE: Code = ("create", 'C');
const UPDATE: Code = ("update", 'U');
const DELETE: Code = ("delete", 'D');
const SEARCH: Code = ("search-type", 'E');
const READ: Code = ("read", 'R');

/// The resource that was sent: a valid Basic within the size that a state may have.
async fn resource(server: &Server, parts: &Parts, body: Body) -> Result<Map<String, Json>> {
    let content_type = body::content_type(&parts.headers)?.unwrap_or_default();
    if !content_type.contains("json") {
        return Err(Failure::new(IssueType::NotSupported, "Send app state as application/fhir+json.").with_status(415));
    }
    // What is a little too large is read all the same, so that its sender hears why it is refused.
    let limits = Limits { body: 4 * LARGEST, unpacked: LARGEST, time: server.limits.time };
    let bytes = body::read(&parts.headers, body, &limits).await?;
    let told = || Failure::new(IssueType::Structure, "The body is no JSON.");
    let text = std::str::from_utf8(&bytes).map_err(|_| told())?;
    let doc = Doc::parse_within(text, &server.engine.settings().json)
        .map_err(|_| Failure::new(IssueType::Structure, "The body is no JSON that this server takes."))?;
    if doc.root().str("resourceType") != Some("Basic") {
        return Err(Failure::new(IssueType::Value, "App state is a Basic."));
    }
    let issues = validate::r4().resource(doc.root(), References::Literal);
    if !issues.is_empty() {
        return Err(Failure::of(issues));
    }
    let resource: Map<String, Json> = serde_json::from_str(text).map_err(|_| told())?;
    app_state::check(&resource)?;
    Ok(resource)
}

impl<'s> Desk<'s> {
    async fn open(server: &'s Server, parts: &'s Parts, tenant: &str) -> Result<Desk<'s>> {
        let bases = server.addresses.bases(parts, tenant)?;
        let base = format!("{}/state/{tenant}", server.addresses.origin(parts)?);
        let authorization = parts.headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
        let of_records = bases.first().map_or("", String::as_str);
        let (ctx, holder) = server.gate.admit(tenant, of_records, authorization, false, None).await?;
        let ctx = ctx.from_origin(audit::origin(parts, &server.proxies, &holder));
        Ok(Desk { parts, ctx, holder, bases, base, engine: &server.engine, noted: Mutex::default() })
    }

    fn interaction(&self, route: &Route) -> Code {
        match self.parts.method {
            Method::POST => CREATE,
            Method::PUT => UPDATE,
            Method::DELETE => DELETE,
            _ if *route == BASIC => SEARCH,
            _ => READ,
        }
    }

    async fn answer(&self, server: &Server, body: Body, id: &str, interaction: Code) -> Result<Response> {
        match interaction {
            CREATE => self.create(resource(server, self.parts, body).await?).await,
            UPDATE => self.update(id, resource(server, self.parts, body).await?).await,
            DELETE => self.delete(id).await,
            SEARCH => self.search().await,
            _ => self.read(id).await,
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the audit log is to tell of this request.
    fn access(&self, (interaction, action): Code, status: u16) -> Beside {
        let asked = self.parts.uri.path_and_query().map_or("", |it| it.as_str()).trim_start_matches('/');
        Beside { interaction, action, status, asked: asked.to_owned(), patient: self.noted().patient.clone() }
    }

    /// Writes the changes and the event that tells of them.
    async fn write(&self, changes: Vec<LedgerChange>, interaction: Code, status: u16) -> Result<bool> {
        let access = self.access(interaction, status);
        let entries = self.engine.entries_beside(&self.ctx, access)?;
        let is_written = kept::write_with(self.ctx.session(), changes, entries).await?;
        self.noted().is_kept = is_written;
        Ok(is_written)
    }

    /// The app that keeps the state.
    fn client(&self) -> Result<&str> {
        let told = "App state is an app's: send an access token that was issued to a client.";
        self.holder.client.as_deref().ok_or_else(|| Failure::new(IssueType::Forbidden, told))
    }

    async fn demand(&self, access: Access, topic: &Topic) -> Result<()> {
        let patient = topic.subject.as_deref().and_then(|it| it.strip_prefix("Patient/"));
        self.noted().patient = patient.map(str::to_owned);
        if app_state::may(&self.holder, access, topic, self.is_own_role(topic).await?) {
            return Ok(());
        }
        let told = "The access token's scopes do not allow this with app state of this code and subject.";
        Err(Failure::new(IssueType::Forbidden, told))
    }

    /// Whether a topic is about a role of the user.
    async fn is_own_role(&self, topic: &Topic) -> Result<bool> {
        let role = topic.subject.as_deref().and_then(|it| it.strip_prefix("PractitionerRole/"));
        let (Some(id), Some(user)) = (role, &self.holder.fhir_user) else { return Ok(false) };
        let Some(role) = account::found(self.ctx.session(), &Key::new("PractitionerRole", id)).await? else {
            return Ok(false);
        };
        Ok(role.root().get("practitioner").and_then(|it| it.str("reference")) == Some(user))
    }

    async fn create(&self, resource: Map<String, Json>) -> Result<Response> {
        let client = self.client()?;
        if resource.contains_key("id") || resource.get("meta").is_some_and(|it| it.get("versionId").is_some()) {
            return Err(Failure::new(IssueType::Value, "New app state has no id and no meta.versionId yet."));
        }
        let topic = Topic::of(&resource, &self.bases)?;
        self.demand(Access::Create, &topic).await?;
        let (id, change) = app_state::create(self.ctx.session(), client, topic, resource, clock::now_ms()).await?;
        if !self.write(vec![change], CREATE, 201).await? {
            return Err(Failure::new(IssueType::Transient, "The state could not be kept; try again."));
        }
        let mut response = self.kept(201, &id).await?;
        let location = HeaderValue::try_from(format!("{}/Basic/{id}", self.base)).map_err(Failure::internal)?;
        response.headers_mut().insert(LOCATION, location);
        Ok(response)
    }

    async fn update(&self, id: &str, resource: Map<String, Json>) -> Result<Response> {
        let entry = self.matched(id).await?;
        if resource.get("id").and_then(Json::as_str) != Some(id) {
            return Err(Failure::new(IssueType::Value, "Basic.id is the id in the address."));
        }
        let topic = Topic::of(&resource, &self.bases)?;
        if topic != entry.value.topic {
            return Err(failed("The code and the subject of app state do not change."));
        }
        self.demand(Access::Update, &topic).await?;
        match self.write(vec![app_state::update(entry, resource, clock::now_ms())?], UPDATE, 200).await? {
            true => self.kept(200, id).await,
            false => Err(changed()),
        }
    }

    async fn delete(&self, id: &str) -> Result<Response> {
        let entry = self.matched(id).await?;
        self.demand(Access::Delete, &entry.value.topic).await?;
        match self.write(vec![entry.delete()], DELETE, 204).await? {
            true => Ok(answer::response(204, "", Default::default())),
            false => Err(changed()),
        }
    }

    /// The state that is to be changed, in the version that the app has seen.
    async fn matched(&self, id: &str) -> Result<Entry<AppState>> {
        let client = self.client()?;
        let told = "A change of app state needs If-Match with the ETag of what it changes.";
        let given = self.parts.headers.get(IF_MATCH).and_then(|it| it.to_str().ok());
        let given = given.ok_or_else(|| Failure::new(IssueType::Required, told))?;
        let gone = || failed("There is no such app state, or no longer.");
        let entry = app_state::read(self.ctx.session(), client, id).await?.ok_or_else(gone)?;
        match given.trim() == etag(&entry) {
            true => Ok(entry),
            false => Err(changed()),
        }
    }

    async fn read(&self, id: &str) -> Result<Response> {
        let gone = || Failure::new(IssueType::NotFound, "There is no such app state.");
        let entry = app_state::read(self.ctx.session(), self.client()?, id).await?.ok_or_else(gone)?;
        self.demand(Access::Read, &entry.value.topic).await?;
        shown(200, &entry)
    }

    async fn search(&self) -> Result<Response> {
        let client = self.client()?;
        let topic = self.asked()?;
        self.demand(Access::Search, &topic).await?;
        let found = app_state::find(self.ctx.session(), client, &topic).await?;
        let entries = found.iter().map(app_state::rendered).map(|it| {
            let url = format!("{}/Basic/{}", self.base, it["id"].as_str().unwrap_or_default());
            json!({ "fullUrl": url, "resource": it, "search": { "mode": "match" } })
        });
        let query = self.parts.uri.query().unwrap_or_default();
        let mut bundle = json!({
            "resourceType": "Bundle",
            "type": "searchset",
            "total": found.len(),
            "link": [{ "relation": "self", "url": format!("{}/Basic?{query}", self.base) }],
        });
        if !found.is_empty() {
            bundle["entry"] = entries.collect();
        }
        Ok(answer::response(200, FHIR_JSON, bundle.to_string().into()))
    }

    /// What a search asks for: a code, and a subject or that there is none.
    fn asked(&self) -> Result<Topic> {
        let refused = |told: &str| Failure::new(IssueType::Value, told);
        let query = self.parts.uri.query().unwrap_or_default();
        let of = |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(it, _)| it == name).map(|(_, it)| it);
        let code = of("code").ok_or_else(|| refused("Search for app state by code: code=SYSTEM|CODE."))?;
        let (system, code) = code.split_once('|').ok_or_else(|| refused("A code is SYSTEM|CODE."))?;
        let subject = match (of("subject"), of("subject:missing")) {
            (Some(subject), None) => {
                let below = self.bases.iter().find_map(|it| subject.strip_prefix(it.as_str())?.strip_prefix('/'));
                Some(app_state::checked_subject(below.unwrap_or(&subject))?)
            }
            (None, Some(missing)) if missing == "true" => None,
            _ => return Err(refused("Search for app state by subject, or with subject:missing=true.")),
        };
        Ok(Topic { system: system.to_owned(), code: code.to_owned(), subject })
    }

    /// The answer to a write: the state as it is kept.
    async fn kept(&self, status: u16, id: &str) -> Result<Response> {
        match app_state::read(self.ctx.session(), self.client()?, id).await? {
            Some(entry) => shown(status, &entry),
            None => Err(changed()),
        }
    }
}

fn etag(entry: &Entry<AppState>) -> String {
    format!("W/\"{}\"", entry.version())
}

fn shown(status: u16, entry: &Entry<AppState>) -> Result<Response> {
    let resource = app_state::rendered(entry);
    let mut response = answer::response(status, FHIR_JSON, resource.to_string().into());
    let headers = response.headers_mut();
    headers.insert(ETAG, HeaderValue::try_from(etag(entry)).map_err(Failure::internal)?);
    Ok(response)
}

fn failed(told: &str) -> Failure {
    Failure::new(IssueType::Conflict, told).with_status(412)
}

fn changed() -> Failure {
    failed("The app state was changed meanwhile; read it again.")
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::http::route::matrix;

    #[test]
    fn every_address_of_states_has_a_row_in_the_access_matrix() {
        matrix::has_rows(ALL);
    }
}
