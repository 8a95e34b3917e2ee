//! The steps between an app's request and its answer: patient and encounter are chosen where there are none in context, and
//! the user lets the app in or does not.

use super::authorize::{self, Asked};
use super::browser::Browser;
use super::form::Form;
use super::picker;
use super::problem::{Problem, Result};
use super::{Desk, acting, next};
use crate::auth::code::Code;
use crate::auth::grant::Grant;
use crate::auth::kept::{self, Entry};
use crate::auth::launch::{Launch, Scene};
use crate::auth::session_limits::SessionLimits;
use crate::auth::visit::Visitor;
use crate::auth::{roles, scope, secret};
use crate::pages::{self, ChoiceView, ConsentView, EncountersView, PickerView, StepView};
use axum::response::Response;
use engine::{Context, Level};

/// Chosen where the app is to be told of no encounter; no id looks like it (datatypes.html#id).
const NO_ENCOUNTER: &str = "*";

/// All that is needed for an answer.
struct Settled {
    scopes: Vec<String>,
    patient: Option<ChoiceView>,
    encounter: Option<ChoiceView>,
    scene: Scene,
}

/// How far a request has come.
enum Step {
    Settled(Settled),
    ChoosePatient,
    /// An encounter is to be chosen among these of a patient.
    ChooseEncounter(ChoiceView, Vec<ChoiceView>),
    /// The app is told no.
    Denied(&'static str, &'static str),
}

/// What the user chose so far: ids.
#[derive(Clone, Copy, Default)]
pub struct Chosen<'f> {
    patient: Option<&'f str>,
    encounter: Option<&'f str>,
}

impl<'f> Chosen<'f> {
    fn of(form: &'f Form) -> Chosen<'f> {
        Chosen { patient: form.get("patient"), encounter: form.get("encounter") }
    }
}

/// `POST /auth/{tenant}/authorize` of one of this server's own forms.
pub async fn decide(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let browser = Browser::of(desk)?;
    browser.check(desk, form.get("csrf"))?;
    let asked = match authorize::read(desk, &Form::parse(form.need("request")?.as_bytes())?).await {
        Ok(asked) => asked,
        Err(refusal) => return authorize::refuse(desk, refusal),
    };
    let visitor = match authorize::visitor(desk, &browser, &asked).await? {
        Ok(visitor) => visitor,
        Err(answer) => return Ok(answer),
    };
    match form.get("action") {
        Some("search") => search(desk, &browser, &asked, &visitor, form).await,
        Some("choose") => ask(desk, &browser, &asked, &visitor, Chosen::of(form)).await,
        Some("allow") => allow(desk, &asked, &visitor, Chosen::of(form)).await,
        _ => authorize::deny(desk, &asked, "access_denied", "The user said no."),
    }
}

/// Asks the next question: which patient, which encounter, or whether the app is let in.
pub async fn ask(
    desk: &Desk<'_>,
    browser: &Browser,
    asked: &Asked,
    visitor: &Visitor,
    chosen: Chosen<'_>,
) -> Result<Response> {
    let settled = match settle(desk, asked, visitor, chosen).await? {
        Step::Denied(code, told) => return authorize::deny(desk, asked, code, told),
        _ if asked.is_silent => {
            return authorize::deny(desk, asked, "interaction_required", "The user is always asked.");
        }
        Step::ChoosePatient => return patients(desk, browser, asked, visitor, &PickerView::default()).await,
        Step::ChooseEncounter(patient, found) => {
            let view = EncountersView { patient: &patient, found: &found, none: NO_ENCOUNTER };
            return show(desk, browser, asked, visitor, |step| pages::encounters(step, &view)).await;
        }
        Step::Settled(settled) => settled,
    };
    let words: Vec<String> = settled.scopes.iter().map(|it| scope::in_words(it)).collect();
    let view = ConsentView {
        scopes: &words,
        patient: settled.patient.as_ref(),
        encounter: settled.encounter.as_ref(),
        no_encounter: chosen.encounter.filter(|it| *it == NO_ENCOUNTER),
        destination: &asked.redirect_uri,
        is_unknown: asked.client.is_self_made,
    };
    show(desk, browser, asked, visitor, |step| pages::consent(step, &view)).await
}

async fn patients(
    desk: &Desk<'_>,
    browser: &Browser,
    asked: &Asked,
    visitor: &Visitor,
    view: &PickerView,
) -> Result<Response> {
    show(desk, browser, asked, visitor, |step| pages::picker(step, view)).await
}

/// Searches among the patients that the user may see.
async fn search(desk: &Desk<'_>, browser: &Browser, asked: &Asked, visitor: &Visitor, form: &Form) -> Result<Response> {
    let text = |name: &'static str| form.get(name).map(|it| it.trim().to_owned()).unwrap_or_default();
    let mut view =
        PickerView { name: text("name"), birthdate: text("birthdate"), identifier: text("identifier"), found: None };
    let context = desk.context_of(visitor).await?;
    view.found = Some(picker::patients(desk, &context, &view).await?);
    patients(desk, browser, asked, visitor, &view).await
}

async fn show(
    desk: &Desk<'_>,
    browser: &Browser,
    asked: &Asked,
    visitor: &Visitor,
    draw: impl FnOnce(&StepView<'_>) -> pages::Page,
) -> Result<Response> {
    let again = next::by_way_of(desk, "acting", &format!("authorize?{}", asked.query));
    let acting = acting::shown(desk, visitor).await?;
    let page = draw(&StepView {
        tenant: (desk.tenant(), &desk.base()),
        action: &format!("/auth/{}/authorize", desk.tenant()),
        csrf: &browser.csrf(desk),
        request: &asked.query,
        app: &asked.client.name,
        user: &visitor.account.value.name,
        acting: acting.as_ref().map(|it| (it.as_str(), again.as_str())),
    });
    browser.page(desk, 200, page, Some(&asked.redirect_uri))
}

/// Finds out what would be granted, and of which patient and encounter.
async fn settle(desk: &Desk<'_>, asked: &Asked, visitor: &Visitor, chosen: Chosen<'_>) -> Result<Step> {
    let account = &visitor.account.value;
    let launch = match &asked.launch {
        None => None,
        Some(name) => match kept::find::<Launch>(&*desk.session, &secret::hash(name)).await? {
            Some(launch) => Some(launch.value),
            None => return Ok(Step::Denied("invalid_request", "The launch is unknown, or too old.")),
        },
    };
    let Some(standing) = visitor.standing() else {
        return Ok(Step::Denied("access_denied", "Who the user is in the records is no longer active."));
    };
    let duties = roles::duties(&*desk.session, account, visitor.place(), standing).await?;
    let mut scopes = scope::granted(&asked.scope, &asked.client.scope, Some(&duties), |level| level != Level::System);
    let has = |scopes: &[String], it: &str| scopes.iter().any(|scope| scope == it);
    let is_launched = has(&scopes, "launch");
    let is_told = is_launched || scopes.iter().any(|it| is_about_patient(it));
    let id = match (&launch, standing.patient.clone()) {
        (Some(launch), Some(own)) if launch.patient != own => {
            return Ok(Step::Denied("access_denied", "The launch is about another patient."));
        }
        _ if !is_told => None,
        (Some(launch), _) => Some(launch.patient.clone()),
        (None, Some(own)) => Some(own),
        (None, None) => match chosen.patient {
            Some(chosen) => Some(chosen.to_owned()),
            None => return Ok(Step::ChoosePatient),
        },
    };
    let context = desk.context_of(visitor).await?;
    let patient = match id {
        None => None,
        Some(id) => match picker::patient(desk, &context, &id).await? {
            Some(patient) => Some(patient),
            None => return Ok(Step::Denied("access_denied", "The user may not see this patient.")),
        },
    };
    let encounter = match &patient {
        Some(patient) if is_launched || has(&scopes, "launch/encounter") => {
            let launched = launch.as_ref().map(|it| it.encounter.as_deref());
            match encounter(desk, &context, &patient.id, launched, chosen.encounter).await? {
                Visit::Known(encounter) => encounter,
                Visit::OneOf(found) => return Ok(Step::ChooseEncounter(patient.clone(), found)),
            }
        }
        _ => None,
    };
    scopes.retain(|it| match it.as_str() {
        "launch/encounter" => encounter.is_some(),
        "offline_access" | "online_access" => asked.client.may_use("refresh_token"),
        _ => true,
    });
    if scopes.is_empty() {
        return Ok(Step::Denied("invalid_scope", "Of these scopes the app or the user has none."));
    }
    let scene = launch.map(|it| it.scene).filter(|_| is_launched).unwrap_or_default();
    Ok(Step::Settled(Settled { scopes, patient, encounter, scene }))
}

/// The encounter in context, or those to choose from.
enum Visit {
    Known(Option<ChoiceView>),
    OneOf(Vec<ChoiceView>),
}

/// The encounter of the launch, where there was one, or what the user chose.
async fn encounter(
    desk: &Desk<'_>,
    context: &Context,
    patient: &str,
    launched: Option<Option<&str>>,
    chosen: Option<&str>,
) -> Result<Visit> {
    match (launched, chosen) {
        (Some(None), _) | (None, Some(NO_ENCOUNTER)) => Ok(Visit::Known(None)),
        (Some(Some(id)), _) | (None, Some(id)) => {
            Ok(Visit::Known(picker::encounter(desk, context, patient, id).await?))
        }
        (None, None) => match picker::encounters(desk, context, patient).await? {
            found if found.is_empty() => Ok(Visit::Known(None)),
            found => Ok(Visit::OneOf(found)),
        },
    }
}

/// Whether a scope tells of a patient, or opens a patient's records.
fn is_about_patient(scope: &str) -> bool {
    matches!(scope, "launch/patient" | "launch/encounter")
        || engine::Grant::parse(scope).is_some_and(|grant| grant.level == Level::Patient)
}

/// The answer that lets the app in: a code.
async fn allow(desk: &Desk<'_>, asked: &Asked, visitor: &Visitor, chosen: Chosen<'_>) -> Result<Response> {
    let settled = match settle(desk, asked, visitor, chosen).await? {
        Step::Settled(settled) => settled,
        Step::ChoosePatient => return Err(Problem::request("No patient was chosen.")),
        Step::ChooseEncounter(..) => return Err(Problem::request("No encounter was chosen, nor none.")),
        Step::Denied(code, told) => return authorize::deny(desk, asked, code, told),
    };
    let account = &visitor.account;
    let mut grant = Grant {
        client: asked.client_id.clone(),
        account: Some(account.key.clone()),
        subject: account.value.id.clone(),
        scope: settled.scopes.join(" "),
        patient: settled.patient.map(|it| it.id),
        encounter: settled.encounter.map(|it| it.id),
        fhir_user: Some(visitor.fhir_user().to_owned()),
        name: Some(account.value.name.clone()),
        began: desk.now,
        authenticated: Some(visitor.visit.value.began),
        amr: visitor.visit.value.amr.clone(),
        place: visitor.place().map(str::to_owned),
        generation: 0,
        visit: None,
        sign_on: None,
        sid: visitor.visit.value.sid.clone(),
    };
    if grant.has("online_access") && !grant.has("offline_access") {
        grant.visit = Some(visitor.visit.key.clone());
    }
    if !grant.has("offline_access") {
        grant.sign_on.clone_from(&visitor.visit.value.sign_on);
    }
    let code = secret::new()?;
    let entry = Code {
        grant,
        redirect_uri: asked.redirect_uri.clone(),
        challenge: asked.challenge.clone(),
        nonce: asked.nonce.clone(),
        scene: settled.scene,
        used_for: None,
    };
    let until = desk.now + SessionLimits::of(&*desk.session).await?.code;
    let mut changes = vec![kept::insert(secret::hash(&code), &entry, Some(until))?];
    changes.extend(asked.pushed.as_ref().map(Entry::delete));
    if !kept::write(&*desk.session, changes).await? {
        return Err(Problem::request("The app was answered already."));
    }
    let answer = authorize::with(desk, &asked.redirect_uri, &[("code", &code)], asked.state.as_deref());
    super::browser::redirect(&answer)
}
