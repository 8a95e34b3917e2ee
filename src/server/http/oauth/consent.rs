//! The steps between an app's request and its answer: the patient is chosen where there is none in context, and the user
//! lets the app in or does not.

use super::Desk;
use super::authorize::{self, Asked};
use super::browser::Browser;
use super::form::Form;
use super::problem::{Problem, Result};
use super::sign_in;
use crate::auth::account::human_name;
use crate::auth::code::{CODE, Code, Launch};
use crate::auth::grant::Grant;
use crate::auth::kept::{self, Entry};
use crate::auth::standing::standing;
use crate::auth::visit::Visitor;
use crate::auth::{scope, secret};
use crate::pages::{self, ConsentView, PatientView, PickerView, StepView};
use ::fhir::json::{Doc, Value};
use axum::response::Response;
use engine::{Context, Headers, Level, Request, Verb};

/// The most patients on a page to choose from.
const PATIENTS: &str = "20";

/// All that is needed for an answer.
struct Settled {
    scopes: Vec<String>,
    /// Id, and words for people.
    patient: Option<(String, String)>,
    encounter: Option<String>,
    intent: Option<String>,
}

/// How far a request has come.
enum Step {
    Settled(Settled),
    /// A patient is to be chosen.
    Choose,
    /// The app is told no.
    Denied(&'static str, &'static str),
}

/// `POST /auth/{tenant}/authorize` of one of this server's own forms.
pub async fn decide(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    browser.check(desk, form.get("csrf"))?;
    let asked = match authorize::read(desk, &Form::parse(form.need("request")?.as_bytes())?).await {
        Ok(asked) => asked,
        Err(refusal) => return authorize::refuse(desk, refusal),
    };
    let Some(visitor) = browser.visitor(desk).await? else {
        return sign_in::ask(desk, &browser, &format!("authorize?{}", asked.query_signed_in)).await;
    };
    match form.get("action") {
        Some("search") => search(desk, &browser, &asked, &visitor, form).await,
        Some("choose") => ask(desk, &browser, &asked, &visitor, form.get("patient")).await,
        Some("allow") => allow(desk, &asked, &visitor, form.get("patient")).await,
        _ => authorize::deny(desk, &asked, "access_denied", "The user said no."),
    }
}

/// Asks the next question: which patient, or whether the app is let in.
pub async fn ask(
    desk: &Desk<'_>,
    browser: &Browser,
    asked: &Asked,
    visitor: &Visitor,
    chosen: Option<&str>,
) -> Result<Response> {
    let settled = match settle(desk, asked, visitor, chosen).await? {
        Step::Denied(code, told) => return authorize::deny(desk, asked, code, told),
        _ if asked.is_silent => {
            return authorize::deny(desk, asked, "interaction_required", "The user is always asked.");
        }
        Step::Choose => return picker(desk, browser, asked, visitor, &PickerView::default()),
        Step::Settled(settled) => settled,
    };
    let words: Vec<String> = settled.scopes.iter().map(|it| scope::in_words(it)).collect();
    let view = ConsentView {
        scopes: &words,
        patient: settled.patient.as_ref().map(|(id, about)| (&**id, &**about)),
        destination: &asked.redirect_uri,
        is_unknown: asked.client.is_self_made,
    };
    let page = on_step(desk, browser, asked, visitor, |step| pages::consent(step, &view));
    browser.page(desk, 200, page, Some(&asked.redirect_uri))
}

fn picker(desk: &Desk<'_>, browser: &Browser, asked: &Asked, visitor: &Visitor, view: &PickerView) -> Result<Response> {
    let page = on_step(desk, browser, asked, visitor, |step| pages::picker(step, view));
    browser.page(desk, 200, page, Some(&asked.redirect_uri))
}

fn on_step(
    desk: &Desk<'_>,
    browser: &Browser,
    asked: &Asked,
    visitor: &Visitor,
    draw: impl FnOnce(&StepView<'_>) -> pages::Page,
) -> pages::Page {
    draw(&StepView {
        tenant: (desk.tenant(), &desk.base()),
        action: &format!("/auth/{}/authorize", desk.tenant()),
        csrf: &browser.csrf(desk),
        request: &asked.query,
        app: &asked.client.name,
        user: &visitor.account.value.name,
    })
}

/// Finds out what would be granted, and of which patient.
async fn settle(desk: &Desk<'_>, asked: &Asked, visitor: &Visitor, chosen: Option<&str>) -> Result<Step> {
    let account = &visitor.account.value;
    let launch = match &asked.launch {
        None => None,
        Some(name) => match kept::find::<Launch>(&*desk.session, &secret::hash(name)).await? {
            Some(launch) => Some(launch.value),
            None => return Ok(Step::Denied("invalid_request", "The launch is unknown, or too old.")),
        },
    };
    let Some(standing) = standing(&*desk.session, account, desk.now).await? else {
        return Ok(Step::Denied("access_denied", "Who the user is in the records is no longer active."));
    };
    let mut scopes =
        scope::granted(&asked.scope, &asked.client.scope, Some(&account.scope), |level| level != Level::System);
    let has = |scopes: &[String], it: &str| scopes.iter().any(|scope| scope == it);
    let is_launched = has(&scopes, "launch");
    let is_told = is_launched || scopes.iter().any(|it| is_about_patient(it));
    let id = match (&launch, standing.patient) {
        (Some(launch), Some(own)) if launch.patient != own => {
            return Ok(Step::Denied("access_denied", "The launch is about another patient."));
        }
        _ if !is_told => None,
        (Some(launch), _) => Some(launch.patient.clone()),
        (None, Some(own)) => Some(own),
        (None, None) => match chosen {
            Some(chosen) => Some(chosen.to_owned()),
            None => return Ok(Step::Choose),
        },
    };
    let patient = match id {
        None => None,
        Some(id) => match seen(desk, &desk.context_of(account).await?, &id).await? {
            Some(about) => Some((id, about)),
            None => return Ok(Step::Denied("access_denied", "The user may not see this patient.")),
        },
    };
    let is_encounter_told = is_launched || has(&scopes, "launch/encounter");
    let encounter = launch.as_ref().and_then(|it| it.encounter.clone()).filter(|_| is_encounter_told);
    scopes.retain(|it| match it.as_str() {
        "launch/encounter" => encounter.is_some(),
        "offline_access" | "online_access" => asked.client.may_use("refresh_token"),
        _ => true,
    });
    if scopes.is_empty() {
        return Ok(Step::Denied("invalid_scope", "Of these scopes the app or the user has none."));
    }
    let intent = launch.and_then(|it| it.intent).filter(|_| is_launched);
    Ok(Step::Settled(Settled { scopes, patient, encounter, intent }))
}

/// Whether a scope tells of a patient, or opens a patient's records.
fn is_about_patient(scope: &str) -> bool {
    scope == "launch/patient" || engine::Grant::parse(scope).is_some_and(|grant| grant.level == Level::Patient)
}

/// The answer that lets the app in: a code.
async fn allow(desk: &Desk<'_>, asked: &Asked, visitor: &Visitor, chosen: Option<&str>) -> Result<Response> {
    let settled = match settle(desk, asked, visitor, chosen).await? {
        Step::Settled(settled) => settled,
        Step::Choose => return Err(Problem::request("No patient was chosen.")),
        Step::Denied(code, told) => return authorize::deny(desk, asked, code, told),
    };
    let account = &visitor.account;
    let mut grant = Grant {
        client: asked.client_id.clone(),
        account: Some(account.key.clone()),
        subject: account.value.id.clone(),
        scope: settled.scopes.join(" "),
        patient: settled.patient.map(|(id, _)| id),
        encounter: settled.encounter,
        fhir_user: Some(account.value.fhir_user.clone()),
        name: Some(account.value.name.clone()),
        began: desk.now,
        authenticated: Some(visitor.visit.value.began),
        generation: 0,
        visit: None,
    };
    if grant.has("online_access") && !grant.has("offline_access") {
        grant.visit = Some(visitor.visit.key.clone());
    }
    let code = secret::new()?;
    let entry = Code {
        grant,
        redirect_uri: asked.redirect_uri.clone(),
        challenge: asked.challenge.clone(),
        nonce: asked.nonce.clone(),
        intent: settled.intent,
        used_for: None,
    };
    let mut changes = vec![kept::insert(secret::hash(&code), &entry, Some(desk.now + CODE))?];
    changes.extend(asked.pushed.as_ref().map(Entry::delete));
    if !kept::write(&*desk.session, changes).await? {
        return Err(Problem::request("The app was answered already."));
    }
    let answer = authorize::with(desk, &asked.redirect_uri, &[("code", &code)], asked.state.as_deref());
    super::browser::redirect(&answer)
}

/// Searches among the patients that the user may see.
async fn search(desk: &Desk<'_>, browser: &Browser, asked: &Asked, visitor: &Visitor, form: &Form) -> Result<Response> {
    let text = |name: &'static str| form.get(name).map(|it| it.trim().to_owned()).unwrap_or_default();
    let mut view =
        PickerView { name: text("name"), birthdate: text("birthdate"), identifier: text("identifier"), found: None };
    let context = desk.context_of(&visitor.account.value).await?;
    let found = match get(desk, &context, "Patient", &criteria(&view)).await {
        Ok(bundle) => bundle.root().get("entry").into_iter().flat_map(Value::each).filter_map(found).collect(),
        // A date that is none, say, finds nobody.
        Err(failure) if failure.status < 500 => Vec::new(),
        Err(failure) => return Err(failure.into()),
    };
    view.found = Some(found);
    picker(desk, browser, asked, visitor, &view)
}

/// The search for what was typed, which has no syntax.
fn criteria(view: &PickerView) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("_count", PATIENTS).append_pair("_sort", "family");
    for (name, value) in [("name", &view.name), ("birthdate", &view.birthdate), ("identifier", &view.identifier)] {
        if !value.is_empty() {
            let escaped = value.replace('\\', "\\\\").replace(',', "\\,").replace('$', "\\$").replace('|', "\\|");
            query.append_pair(name, &escaped);
        }
    }
    query.finish()
}

fn found(entry: Value<'_>) -> Option<PatientView> {
    let patient = entry.get("resource").filter(|it| it.str("resourceType") == Some("Patient"))?;
    Some(PatientView { id: patient.str("id")?.to_owned(), about: about(patient) })
}

/// Words for a patient, if the user may see it.
async fn seen(desk: &Desk<'_>, context: &Context, id: &str) -> Result<Option<String>> {
    match get(desk, context, &format!("Patient/{id}"), "").await {
        Ok(patient) => Ok(Some(about(patient.root()))),
        Err(failure) if failure.status < 500 => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

fn about(patient: Value<'_>) -> String {
    let name = human_name(patient).unwrap_or_else(|| "Without a name".to_owned());
    let more = ["birthDate", "gender"].into_iter().filter_map(|it| patient.str(it));
    std::iter::once(name.as_str()).chain(more).collect::<Vec<_>>().join(", ")
}

/// A GET as the user, through the same door as any other.
async fn get(desk: &Desk<'_>, context: &Context, path: &str, query: &str) -> ::fhir::Result<Doc> {
    let request = Request {
        verb: Verb::Get,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Headers::default(),
        body: Default::default(),
    };
    let answer = desk.server.engine.perform(context, request).await?;
    let text = std::str::from_utf8(&answer.body).map_err(::fhir::Failure::internal)?;
    Doc::parse(text).map_err(::fhir::Failure::internal)
}
