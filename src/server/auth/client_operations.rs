//! What administrators do over FHIR about apps and programs. The operations are ours; R4 has none for it.

use super::client::{self, Client, ClientAuth, IdTokenAlgorithm};
use super::kept::{self, Entry};
use super::operations::{ALL, demand_administrator, parameters};
use super::{leaving, ring, scope, secret};
use crate::{clock, random};
use engine::{Answer, Call, Operation};
use fhir::primitive::datetime;
use fhir::{Failure, IssueType, Result};
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

/// The most clients that are listed.
const LISTED: usize = 1_000;

/// The operations.
pub(super) fn operations() -> [Operation; 4] {
    [
        operation(include_str!("../../../profiles/operations/register-client.json"), |call| Box::pin(register(call))),
        operation(include_str!("../../../profiles/operations/clients.json"), |call| Box::pin(list(call))),
        operation(include_str!("../../../profiles/operations/approve-client.json"), |call| Box::pin(approve(call))),
        operation(include_str!("../../../profiles/operations/remove-client.json"), |call| Box::pin(remove(call))),
    ]
}

fn operation(definition: &'static str, run: fn(Call<'_>) -> BoxFuture<'_, Result<Answer>>) -> Operation {
    Operation { definition, demands: ALL, extras: &[], run }
}

async fn register(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let mut client = read(&call)?;
    client.check()?;
    client.check_addresses()?;
    demand_bound(&call, &client)?;
    let (session, id, made_up) = (call.ctx.session(), random::id(), secret::new()?);
    client.secret = client.auth.has_secret().then(|| secret::hash(&made_up));
    ring::provide(session, client.id_tokens, clock::now_ms()).await?;
    kept::decided(kept::write(session, vec![kept::insert(id.clone(), &client, None)?]).await?)?;
    noted(&call, "a client is registered");
    let mut told = vec![json!({ "name": "id", "valueString": id })];
    told.extend(client.auth.has_secret().then(|| json!({ "name": "secret", "valueString": made_up })));
    Ok(parameters(&told.into()))
}

fn read(call: &Call<'_>) -> Result<Client> {
    let text = |name: &str| call.arguments.text(name).map(str::to_owned);
    let texts = |name: &str| -> Vec<String> { call.arguments.texts(name).map(str::to_owned).collect() };
    let (redirect_uris, scope) = (texts("redirect-uri"), text("scope").unwrap_or_default());
    if let Some(unknown) = scope.split_whitespace().find(|it| !scope::is_known(it)) {
        return Err(refused(format!("This server has no scope {}.", fhir::outcome::shown(unknown))));
    }
    let jwks = text("jwks").map(|it| serde_json::from_str(&it).map_err(|_| refused("jwks is no JSON."))).transpose()?;
    let has_keys = jwks.is_some() || text("jwks-uri").is_some();
    let usual = if has_keys { ClientAuth::PrivateKeyJwt } else { ClientAuth::ClientSecretBasic };
    let grants: &[&str] = match redirect_uris.is_empty() {
        true => &["client_credentials"],
        false => &["authorization_code", "refresh_token"],
    };
    Ok(Client {
        name: text("name").unwrap_or_default(),
        redirect_uris,
        post_logout_redirect_uris: texts("signed-out-uri"),
        backchannel_logout_uri: text("backchannel-logout-uri"),
        id_tokens: named(call, "id-tokens", IdTokenAlgorithm::default())?,
        grant_types: grants.iter().map(|it| (*it).to_owned()).collect(),
        auth: named(call, "authentication", usual)?,
        secret: None,
        jwks: jwks.map(client::public_keys).transpose()?,
        jwks_uri: text("jwks-uri"),
        scope,
        is_approved: true,
        is_self_made: false,
        introspects: call.arguments.text("introspection") == Some("true"),
        created: clock::now_ms(),
    })
}

/// What a parameter names, or what is usual.
fn named<T: DeserializeOwned>(call: &Call<'_>, name: &str, usual: T) -> Result<T> {
    match call.arguments.text(name) {
        None => Ok(usual),
        Some(it) => serde_json::from_value(it.into()).map_err(|_| refused(format!("There is no such {name}."))),
    }
}

/// Fails with 403 for a program that nobody's roles would bound, unless an administrator's token lets it in.
fn demand_bound(call: &Call<'_>, client: &Client) -> Result<()> {
    let is_bound = !scope::is_of_system(&client.scope) && !client.may_use("client_credentials");
    if is_bound || call.ctx.caller().scopes.is_administrator() {
        return Ok(());
    }
    let told = "What acts for nobody is bound by nobody's roles: it is let in with an administrator's token, of scope system/*.cruds.";
    Err(Failure::new(IssueType::Forbidden, told))
}

async fn list(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let all: Vec<Entry<Client>> = kept::list(call.ctx.session(), LISTED).await?;
    Ok(parameters(&all.iter().map(told).collect()))
}

fn told(Entry { key, value, .. }: &Entry<Client>) -> Json {
    let string = |name: &str, value: &str| json!({ "name": name, "valueString": value });
    let boolean = |name: &str, value: bool| json!({ "name": name, "valueBoolean": value });
    let mut part = vec![string("id", key), string("name", &value.name)];
    part.push(json!({ "name": "authentication", "valueCode": value.auth.name() }));
    part.extend(value.redirect_uris.iter().map(|it| json!({ "name": "redirect-uri", "valueUri": it })));
    part.push(string("scope", &value.scope));
    part.push(boolean("approved", value.is_approved));
    part.push(boolean("self-registered", value.is_self_made));
    part.push(boolean("introspection", value.introspects));
    part.push(json!({ "name": "id-tokens", "valueCode": value.id_tokens }));
    let registered = datetime::instant(value.created.saturating_mul(1000));
    part.push(json!({ "name": "registered", "valueInstant": registered }));
    json!({ "name": "client", "part": part })
}

async fn approve(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let (session, id) = (call.ctx.session(), id(&call));
    let mut client = kept::find::<Client>(session, id).await?.ok_or_else(none)?;
    demand_bound(&call, &client.value)?;
    client.value.is_approved = true;
    client.value.is_self_made = false;
    kept::decided(kept::write(session, vec![client.replace()?]).await?)?;
    noted(&call, "a client is approved");
    Ok(Answer::empty(204))
}

async fn remove(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let id = id(&call);
    // What the caller could not let in again, they do not take away.
    let there = kept::find::<Client>(call.ctx.session(), id).await?.ok_or_else(none)?;
    demand_bound(&call, &there.value)?;
    if !leaving::client(call.ctx.session(), id).await? {
        return Err(none());
    }
    noted(&call, "a client is taken away");
    Ok(Answer::empty(204))
}

fn id<'c>(call: &'c Call<'_>) -> &'c str {
    call.arguments.text("id").unwrap_or_default()
}

/// The id is not in the line: nothing that was sent is in one.
fn noted(call: &Call<'_>, what: &'static str) {
    let (tenant, by) = (call.ctx.tenant().name(), &call.ctx.caller().subject);
    tracing::info!(tenant, by, "{what}");
}

fn none() -> Failure {
    Failure::new(IssueType::NotFound, "There is no such client.")
}

fn refused(told: impl Into<String>) -> Failure {
    Failure::new(IssueType::Value, told)
}
