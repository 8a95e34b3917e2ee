//! The authorization endpoint: what an app asks for (RFC 6749 section 4.1.1, RFC 7636, RFC 9700, SMART app-launch.html).

use super::Desk;
use super::browser::{self, Browser};
use super::consent::{self, Chosen};
use super::form::Form;
use super::problem::{Problem, Result};
use super::pushed::{self, Pushed};
use super::{clients, next, sign_in};
use crate::auth::client::Client;
use crate::auth::factor::assurance;
use crate::auth::kept::Entry;
use crate::auth::visit::Visitor;
use crate::http::page;
use crate::pages::{self, MessageView, StrayView};
use axum::response::Response;
use engine::Grant;

/// What an app asks for, as far as it is as it must be.
pub struct Asked {
    /// The client's id.
    pub client_id: String,
    /// The client.
    pub client: Client,
    /// Where the answer goes.
    pub redirect_uri: String,
    /// What the answer repeats.
    pub state: Option<String>,
    /// Scopes.
    pub scope: String,
    /// PKCE's challenge, S256.
    pub challenge: String,
    /// The nonce of the id token.
    pub nonce: Option<String>,
    /// The name of what the EHR shows.
    pub launch: Option<String>,
    /// Whether no page may be shown.
    pub is_silent: bool,
    /// Whether it asks for something beside that.
    is_torn: bool,
    /// Since when the user is to have signed in, in milliseconds since the epoch.
    since: Option<i64>,
    /// Whether the user is to have proved two factors.
    is_two: bool,
    /// The request as a query, for forms to carry on.
    pub query: String,
    /// What is kept of it, where it was handed over and the pages go on with it.
    pub pushed: Option<Entry<Pushed>>,
}

/// Why the app's request is refused.
pub enum Refusal {
    /// Told to the user: who asks, or where the answer would go, is not known.
    Here(Problem),
    /// Told to the app.
    There {
        /// Where the answer goes.
        to: String,
        /// The app's name, if nobody here knows the app.
        stranger: Option<String>,
        /// What the answer repeats.
        state: Option<String>,
        /// OAuth's code.
        code: &'static str,
        /// A sentence.
        told: String,
    },
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        Refusal::Here(problem)
    }
}

/// `GET /auth/{tenant}/authorize`, or `POST` with the same parameters (authorize-post).
pub async fn begin(desk: &Desk<'_>, form: Result<Form>) -> Result<Response> {
    let asked = match form.map_err(Refusal::Here) {
        Ok(form) => read(desk, &form).await,
        Err(refusal) => Err(refusal),
    };
    let asked = match asked {
        Ok(asked) => asked,
        Err(refusal) => return refuse(desk, refusal),
    };
    let browser = Browser::of(desk)?;
    if asked.is_silent && asked.is_torn {
        return deny(desk, &asked, "invalid_request", "prompt is none, or something else.");
    }
    match visitor(desk, &browser, &asked).await? {
        Ok(visitor) => consent::ask(desk, &browser, &asked, &visitor, Chosen::default()).await,
        Err(answer) => Ok(answer),
    }
}

/// Who is signed in, as recently and as surely as the app asks; or the answer that sees to it.
pub async fn visitor(desk: &Desk<'_>, browser: &Browser, asked: &Asked) -> Result<Result<Visitor, Response>> {
    let visitor = browser.visitor(desk).await?;
    let visitor = visitor.filter(|it| asked.since.is_none_or(|since| since <= it.visit.value.began));
    let next = format!("authorize?{}", asked.query);
    Ok(Err(match visitor {
        None if asked.is_silent => deny(desk, asked, "login_required", "Nobody is signed in, or not recently.")?,
        None => sign_in::ask(desk, browser, &next).await?,
        Some(visitor) if asked.is_two && !assurance::is_two(&visitor.visit.value.amr) => match asked.is_silent {
            true => {
                let told = "The user has no second factor, and would have to set one up.";
                deny(desk, asked, "interaction_required", told)?
            }
            false => browser.redirect(desk, &next::by_way_of(desk, "authenticator", &next))?,
        },
        Some(visitor) => match visitor.undecided() {
            None => return Ok(Ok(visitor)),
            Some(_) if asked.is_silent => {
                deny(desk, asked, "interaction_required", "The user has to choose whom to act as, or where.")?
            }
            Some(page) => browser.redirect(desk, &next::by_way_of(desk, page, &next))?,
        },
    }))
}

/// Reads a request, or the one that was handed over and that it names.
pub async fn read(desk: &Desk<'_>, form: &Form) -> Result<Asked, Refusal> {
    let Some(name) = form.get("request_uri") else { return checked(desk, form).await };
    let taken = pushed::take(desk, form.need("client_id")?, name).await?;
    let asked = checked(desk, &taken.form).await?;
    Ok(Asked { query: taken.query, pushed: taken.entry, ..asked })
}

/// Reads a request that stands in parameters; it is refused here until it is sure whose it is and where the answer goes.
pub async fn checked(desk: &Desk<'_>, form: &Form) -> Result<Asked, Refusal> {
    let client_id = form.need("client_id")?;
    let client = clients::approved(desk, client_id).await?.map(|it| it.value);
    let client = client.filter(|it| it.may_use("authorization_code")).ok_or_else(|| {
        Problem::request("The app is not registered here, waits for approval, or is not for people to sign in to.")
    })?;
    let redirect_uri = form.need("redirect_uri")?;
    if !client.is_answered_at(redirect_uri) {
        let told = "The app asks for the answer at an address that it is not registered with.";
        return Err(Problem::request(told).into());
    }
    let state = form.get("state").map(str::to_owned);
    if let Err(Problem { code, told, .. }) = check(desk, form) {
        let (to, stranger) = (redirect_uri.to_owned(), stranger(&client));
        return Err(Refusal::There { to, stranger, state, code, told });
    }
    let prompt = form.get("prompt").unwrap_or_default();
    Ok(Asked {
        client_id: client_id.to_owned(),
        redirect_uri: redirect_uri.to_owned(),
        scope: form.get("scope").unwrap_or_default().to_owned(),
        challenge: form.get("code_challenge").unwrap_or_default().to_owned(),
        nonce: form.get("nonce").map(str::to_owned),
        launch: form.get("launch").map(str::to_owned),
        is_silent: prompt.split(' ').any(|it| it == "none"),
        is_torn: prompt.contains(' '),
        since: since(form, desk.now)?,
        is_two: is_two(form)?,
        query: carried(form, desk.now)?,
        pushed: None,
        client,
        state,
    })
}

/// The parameter in which [`since`] is carried through the pages.
const SINCE: &str = "signed_in_since";

/// Since when the user is to have signed in (OpenID Connect Core section 3.1.2.1): from now on for `prompt=login`, no
/// longer ago than `max_age`.
fn since(form: &Form, now: i64) -> Result<Option<i64>> {
    let number = |name: &'static str| {
        let parsed = form.get(name).map(|it| it.parse::<u32>().map(i64::from));
        parsed.transpose().map_err(|_| Problem::request("max_age is a number of seconds."))
    };
    let anew = form.get("prompt").is_some_and(|it| it.split(' ').any(|it| it == "login")).then_some(now);
    let aged = number("max_age")?.map(|it| now - it * 1000);
    let carried = form.get(SINCE).and_then(|it| it.parse().ok());
    Ok([anew, aged, carried].into_iter().flatten().max())
}

/// Whether what a page goes on to is an app's request for a sign-in that is new.
pub fn is_anew(next: &str) -> bool {
    let query = next.split_once('?').map(|(_, it)| it).unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == SINCE)
}

/// A request as it goes on through the pages: whoever comes back by them has signed in as was asked.
pub fn carried(form: &Form, now: i64) -> Result<String> {
    let rest = form.query_without(&["prompt", "max_age", SINCE]);
    Ok(match since(form, now)? {
        Some(since) => format!("{rest}&{SINCE}={since}"),
        None => rest,
    })
}

/// Whether none but a class of two factors is taken. The classes stand in order of preference, and any will do.
fn is_two(form: &Form) -> Result<bool> {
    let Some(asked) = form.get("acr_values") else { return Ok(false) };
    let known: Vec<&str> = asked.split(' ').filter(|it| assurance::CLASSES.contains(it)).collect();
    if known.is_empty() {
        let told = format!("acr_values is of {}.", assurance::CLASSES.join(" and "));
        return Err(Problem::new("unmet_authentication_requirements", told));
    }
    Ok(!known.contains(&assurance::ONE))
}

/// What an app may be told that it does wrong.
fn check(desk: &Desk<'_>, form: &Form) -> Result<()> {
    match form.need("response_type")? {
        "code" => {}
        _ => return Err(Problem::new("unsupported_response_type", "response_type is code.")),
    }
    if form.get("response_mode").is_some_and(|it| it != "query") {
        return Err(Problem::request("response_mode is query."));
    }
    if form.get("request").is_some() {
        return Err(Problem::new("request_not_supported", "Request objects are not taken."));
    }
    let is_challenge =
        |it: &str| it.len() == 43 && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it));
    if form.get("code_challenge_method") != Some("S256") || !is_challenge(form.need("code_challenge")?) {
        return Err(Problem::request("PKCE is needed: code_challenge, and code_challenge_method=S256."));
    }
    since(form, desk.now)?;
    is_two(form)?;
    let scope = form.get("scope").ok_or_else(|| Problem::new("invalid_scope", "The parameter scope is missing."))?;
    if scope.split_whitespace().any(|it| it == "launch") != form.get("launch").is_some() {
        return Err(Problem::request("The scope launch and the parameter launch go together."));
    }
    let is_fhir = |it: &str| it.starts_with("launch") || Grant::parse(it).is_some();
    if scope.split_whitespace().any(is_fhir) || form.get("aud").is_some() {
        let bases = desk.server.addresses.bases(desk.parts, desk.tenant())?;
        if !bases.iter().any(|it| it == form.need("aud").unwrap_or_default().trim_end_matches('/')) {
            let told = format!("aud is the FHIR base that the app will ask: {}", bases.join(" or "));
            return Err(Problem::request(told));
        }
    }
    Ok(())
}

/// The name of an app that registered itself and that nobody here has looked at.
fn stranger(client: &Client) -> Option<String> {
    client.is_self_made.then(|| client.name.clone())
}

/// Tells why a request is refused: the app, where it is known, or else the user. Nobody is sent on to an app that
/// registered itself without having let it in: whoever follows a link to this server trusts where it leads (RFC 9700
/// section 4.11.2).
pub fn refuse(desk: &Desk<'_>, refusal: Refusal) -> Result<Response> {
    match refusal {
        Refusal::There { to, stranger, state, code, told } => {
            let answer = with(desk, &to, &[("error", code), ("error_description", &told)], state.as_deref());
            let Some(app) = stranger else { return browser::redirect(&answer) };
            let view =
                StrayView { tenant: (desk.tenant(), &desk.base()), app: &app, told: &told, to: &to, answer: &answer };
            Ok(page::response(400, pages::stray(&view)))
        }
        Refusal::Here(problem) if problem.cause.is_some() => Err(problem),
        Refusal::Here(problem) => {
            let view = MessageView {
                status: problem.status,
                heading: "The app's request is refused",
                paragraphs: &[&problem.told],
                commands: &[],
            };
            Ok(page::response(problem.status, pages::message(&view)))
        }
    }
}

/// Tells the app that it is not let in.
pub fn deny(desk: &Desk<'_>, asked: &Asked, code: &'static str, told: &str) -> Result<Response> {
    let (to, state) = (asked.redirect_uri.clone(), asked.state.clone());
    refuse(desk, Refusal::There { to, stranger: stranger(&asked.client), state, code, told: told.to_owned() })
}

/// A redirect URI with an answer, the state, and who answers (RFC 9207).
pub fn with(desk: &Desk<'_>, to: &str, answer: &[(&str, &str)], state: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(answer).extend_pairs(state.map(|it| ("state", it))).append_pair("iss", &desk.issuer());
    let sign = if to.contains('?') { '&' } else { '?' };
    format!("{to}{sign}{}", query.finish())
}
