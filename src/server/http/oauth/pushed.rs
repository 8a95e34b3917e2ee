//! Pushed authorization requests (RFC 9126): an app hands its request over beforehand, and the browser brings a name for it.

use super::authorize::{self, Refusal};
use super::form::Form;
use super::problem::{Problem, Result};
use super::{Desk, clients, json};
use crate::auth::kept::{self, Entry, Kept};
use crate::auth::secret;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How long a browser may take to bring the name, in seconds (section 2.2: short).
const BROUGHT: i64 = 90;
/// How long the person may take from there, in milliseconds.
const BEGUN: i64 = 30 * 60 * 1000;
/// The longest request that is kept, in bytes.
const LONGEST: usize = 8 * 1024;
/// What names begin with (section 2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";
/// What of the form proves who the app is, and is no part of the request.
const CREDENTIALS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// A request that was handed over, kept under the hash of its name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pushed {
    client: String,
    /// As a query.
    request: String,
    /// Whether a browser has brought it, and this is the name by which this server's pages go on.
    is_begun: bool,
}

impl Kept for Pushed {
    const KIND: &'static str = "pushed";
}

/// What a name stands for.
pub struct Taken {
    /// The request.
    pub form: Form,
    /// A query by which pages go on.
    pub query: String,
    /// What is kept of it; none before the pages go on.
    pub entry: Option<Entry<Pushed>>,
}

/// `POST /auth/{tenant}/par`: whatever is wrong with the request is told the app at once.
pub async fn push(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let client = clients::authenticated(desk, form).await?;
    if form.get("request_uri").is_some() {
        return Err(Problem::request("A request that is handed over names no other (RFC 9126 section 2.1)."));
    }
    let mut request = form.query_without(&CREDENTIALS);
    if form.get("client_id").is_none() {
        request.push_str(&format!("&client_id={}", client.key));
    }
    if request.len() > LONGEST {
        return Err(Problem { status: 413, ..Problem::request(format!("A request has {LONGEST} bytes at the most.")) });
    }
    match authorize::checked(desk, &Form::parse(request.as_bytes())?).await {
        Ok(_) => {}
        Err(Refusal::Here(problem)) => return Err(problem),
        Err(Refusal::There { code, told, .. }) => return Err(Problem::new(code, told)),
    }
    let (name, pushed) = (secret::new()?, Pushed { client: client.key, request, is_begun: false });
    let until = Some(desk.now + BROUGHT * 1000);
    kept::write(&*desk.session, vec![kept::insert(secret::hash(&name), &pushed, until)?]).await?;
    Ok(json(201, &json!({ "request_uri": format!("{PREFIX}{name}"), "expires_in": BROUGHT })))
}

/// The request that a name stands for. The name that the app was given is used up by this; the pages go on by another one,
/// so that what was asked for neither shows in addresses nor can be changed on the way.
pub async fn take(desk: &Desk<'_>, client: &str, name: &str) -> Result<Taken> {
    let unknown = || {
        let told =
            "The request that the app handed over is unknown, too old, or was used before. Start again in the app.";
        Problem::new("invalid_request_uri", told)
    };
    let secret = name.strip_prefix(PREFIX).ok_or_else(unknown)?;
    let entry = kept::find::<Pushed>(&*desk.session, &secret::hash(secret)).await?;
    let entry = entry.filter(|it| it.value.client == client).ok_or_else(unknown)?;
    let form = Form::parse(entry.value.request.as_bytes())?;
    if entry.value.is_begun {
        return Ok(Taken { form, query: query(client, name), entry: Some(entry) });
    }
    let next = secret::new()?;
    let begun = Pushed { request: authorize::carried(&form, desk.now)?, is_begun: true, ..entry.value.clone() };
    let begun = kept::insert(secret::hash(&next), &begun, Some(desk.now + BEGUN))?;
    if !kept::write(&*desk.session, vec![entry.delete(), begun]).await? {
        return Err(unknown());
    }
    Ok(Taken { form, query: query(client, &format!("{PREFIX}{next}")), entry: None })
}

fn query(client: &str, name: &str) -> String {
    let pairs = [("client_id", client), ("request_uri", name)];
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
