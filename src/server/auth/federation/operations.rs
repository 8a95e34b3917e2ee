//! What of providers is administered over FHIR. The operations are ours; R4 has none for it.

use super::own_key::OwnKey;
use super::provider::{self, LogOut, Provider, Tie};
use super::rules::Rule;
use super::{Identity, identity_key};
use crate::auth::account::{self, Account};
use crate::auth::client::ClientAuth;
use crate::auth::kept;
use crate::auth::operations::{ALL, demand_administrator};
use crate::auth::roles::operations::{assignment, demand_giving_all, demand_rank};
use engine::{Answer, Call, Operation};
use fhir::json::Value;
use fhir::{Failure, IssueType, Result};
use serde_json::{Value as Json, json};
use store::Session;

/// What is asked for where nothing is said.
const USUAL_SCOPE: &str = "profile email";
/// The claim of the user's name where nothing is said.
const USUAL_NAME: &str = "preferred_username";
/// How often a change is tried while others make theirs.
const RACES: usize = 8;

/// The operations.
pub fn operations() -> [Operation; 4] {
    [
        Operation {
            definition: include_str!("../../../../profiles/operations/register-provider.json"),
            demands: ALL,
            extras: &[],
            run: |call| Box::pin(register(call)),
        },
        Operation {
            definition: include_str!("../../../../profiles/operations/providers.json"),
            demands: ALL,
            extras: &[],
            run: |call| Box::pin(list(call)),
        },
        Operation {
            definition: include_str!("../../../../profiles/operations/remove-provider.json"),
            demands: ALL,
            extras: &[],
            run: |call| Box::pin(remove(call)),
        },
        Operation {
            definition: include_str!("../../../../profiles/operations/link-user.json"),
            demands: ALL,
            extras: &[],
            run: |call| Box::pin(link(call)),
        },
    ]
}

async fn register(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let id = call.arguments.text("id").unwrap_or_default().to_owned();
    let session = call.ctx.session();
    for _ in 0..RACES {
        let known = kept::find::<Provider>(session, &id).await?;
        let provider = read(&call, &id, known.as_ref().map(|it| &it.value))?;
        provider.check(&id)?;
        for rule in &provider.rules {
            demand_giving_all(&call, &rule.roles, Some(&rule.scope)).await?;
        }
        let has_key = provider.key.is_some();
        let change = match known {
            Some(mut known) => {
                known.value = provider;
                known.replace()?
            }
            None if provider::all(session).await?.len() >= provider::MOST => {
                return Err(refused("A tenant has 20 providers at the most."));
            }
            None => kept::insert(id.clone(), &provider, None)?,
        };
        if kept::write(session, vec![change]).await? {
            tracing::info!(tenant = call.ctx.tenant().name(), provider = id, "a provider for sign-on is registered");
            return Ok(parameters(addresses(&call, &id, has_key)));
        }
    }
    Err(raced())
}

fn read(call: &Call<'_>, id: &str, known: Option<&Provider>) -> Result<Provider> {
    let text = |name: &str| call.arguments.text(name).map(str::to_owned);
    let texts = |name: &str| call.arguments.texts(name).map(str::to_owned).collect();
    let is_so = |name: &str| call.arguments.text(name) == Some("true");
    let (issuer, client_id) = (text("issuer").unwrap_or_default(), text("client-id").unwrap_or_default());
    let named = text("authentication");
    let auth = match &named {
        None => ClientAuth::ClientSecretBasic,
        Some(named) => one_of(&ClientAuth::ALL, named, "authentication")?,
    };
    // A secret is for one issuer; it is not sent to another one that is registered in its place.
    let kept = known.filter(|it| it.issuer == issuer && it.client_id == client_id && auth.has_secret());
    let secret = match text("client-secret") {
        Some(secret) => Some(Provider::sealed(call.ctx.tenant(), id, &secret)?),
        None => kept.and_then(|it| it.secret.clone()),
    };
    let own = known.filter(|it| it.issuer == issuer && it.client_id == client_id && auth == ClientAuth::PrivateKeyJwt);
    let key = match (text("private-key"), text("certificate")) {
        (Some(key), certificate) => Some(OwnKey::read(call.ctx.tenant(), id, &key, certificate.as_deref())?),
        (None, None) => own.and_then(|it| it.key.clone()),
        (None, Some(_)) => return Err(refused("certificate goes with the private-key that it is of.")),
    };
    let is_symmetric = match text("signing").as_deref() {
        None => false,
        Some("HS256") => true,
        Some(_) => return Err(refused("signing is HS256, or left out where public keys sign.")),
    };
    let log_out = text("log-out").map_or(Ok(LogOut::Openid), |it| one_of(&LogOut::ALL, &it, "log-out"))?;
    Ok(Provider {
        label: text("label").unwrap_or_default(),
        issuer,
        directories: texts("directory"),
        client_id,
        auth,
        secret,
        key,
        is_symmetric,
        scope: text("scope").unwrap_or_else(|| USUAL_SCOPE.to_owned()),
        domains: texts("domain"),
        rules: call.arguments.elements("rule").map(rule).collect::<Result<_>>()?,
        makes_users: is_so("make-users"),
        username_claim: text("username-claim").unwrap_or_else(|| USUAL_NAME.to_owned()),
        tie: call.arguments.elements("person").next().map(tie).transpose()?,
        asks_user_info: is_so("userinfo"),
        log_out,
    })
}

fn one_of<T: Copy>(all: &[(T, &str)], named: &str, parameter: &str) -> Result<T> {
    let found = all.iter().find(|(_, name)| *name == named).map(|(it, _)| *it);
    let names = || all.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", ");
    found.ok_or_else(|| refused(&format!("{parameter} is one of {}.", names())))
}

/// The text of a part.
fn part(of: Value<'_>, name: &str) -> Option<String> {
    let part = of.get("part")?.each().find(|it| it.str("name") == Some(name))?;
    let value = ["valueString", "valueCode", "valueUri"].into_iter().find_map(|it| part.str(it))?;
    Some(value.to_owned()).filter(|it| !it.is_empty())
}

fn rule(of: Value<'_>) -> Result<Rule> {
    let claim = match (part(of, "claim"), part(of, "value")) {
        (Some(claim), Some(value)) => Some((claim, value)),
        (None, None) => None,
        _ => return Err(refused("A rule has claim and value, or neither and is for everybody.")),
    };
    let scope = part(of, "scope").unwrap_or_default();
    let is_role = |it: &Value<'_>| it.str("name") == Some("role");
    let roles =
        of.get("part").into_iter().flat_map(Value::each).filter(is_role).map(assignment).collect::<Result<_>>()?;
    Ok(Rule { claim, method: part(of, "amr"), class: part(of, "acr"), roles, scope })
}

fn tie(of: Value<'_>) -> Result<Tie> {
    let need = |name: &str| part(of, name).ok_or_else(|| refused("person has the parts type, claim and system."));
    Ok(Tie { of: need("type")?, claim: need("claim")?, system: need("system")? })
}

/// What the provider is to be told of this server.
fn addresses(call: &Call<'_>, id: &str, has_key: bool) -> Vec<Json> {
    let base = call.ctx.base();
    let origin = base.rfind("/fhir").and_then(|it| base.get(..it)).unwrap_or(base);
    let issuer = format!("{origin}/auth/{}", call.ctx.tenant().name());
    [
        ("redirect-uri", format!("{issuer}/sign-on/{id}/back")),
        ("post-logout-redirect-uri", format!("{issuer}/signed-out")),
        ("backchannel-logout-uri", format!("{issuer}/sign-on/{id}/logout")),
        ("jwks-uri", if has_key { format!("{issuer}/sign-on/{id}/jwks") } else { format!("{issuer}/jwks") }),
    ]
    .map(|(name, uri)| json!({ "name": name, "valueUri": uri }))
    .into()
}

async fn list(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let all = provider::all(call.ctx.session()).await?;
    let shown = all.into_iter().map(|entry| {
        let Provider { label, issuer, client_id, auth, rules, makes_users, .. } = entry.value;
        json!({ "name": "provider", "part": [
            { "name": "id", "valueString": entry.key },
            { "name": "label", "valueString": label },
            { "name": "issuer", "valueUri": issuer },
            { "name": "client-id", "valueString": client_id },
            { "name": "authentication", "valueCode": auth.name() },
            { "name": "rules", "valueInteger": rules.len() },
            { "name": "make-users", "valueBoolean": makes_users },
        ] })
    });
    Ok(parameters(shown.collect()))
}

/// Whom the provider let in is signed out, and was granted nothing any more.
async fn remove(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let (session, id) = (call.ctx.session(), call.arguments.text("id").unwrap_or_default());
    let provider = existing(session, id).await?;
    if !kept::write(session, vec![provider.delete()]).await? {
        return Err(raced());
    }
    for identity in kept::all::<Identity>(session).await?.into_iter().filter(|it| it.value.provider == id) {
        account::sign_out(session, call.ctx.tenant().name(), &identity.value.account).await?;
        kept::write(session, vec![identity.delete()]).await?;
    }
    tracing::info!(tenant = call.ctx.tenant().name(), provider = id, "a provider for sign-on is removed");
    Ok(parameters(Vec::new()))
}

/// Has a user who is here already sign in by a provider too: nobody but an administrator says who is whom.
async fn link(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let text = |name: &str| call.arguments.text(name).unwrap_or_default();
    let (session, id) = (call.ctx.session(), text("provider"));
    let provider = existing(session, id).await?.value;
    let username = account::folded(text("username"));
    let user = kept::find::<Account>(session, &username).await?.ok_or_else(|| refused("There is no such user."))?;
    demand_rank(&call, &user.value).await?;
    let issuer = call.arguments.text("issuer").unwrap_or(&provider.issuer);
    let key = identity_key(id, issuer, text("subject"));
    let identity = Identity { provider: id.to_owned(), account: username };
    if !kept::write(session, vec![kept::insert(key, &identity, None)?]).await? {
        let told = "This person of the provider is a user here already.";
        return Err(Failure::new(IssueType::Duplicate, told).with_status(409));
    }
    Ok(parameters(Vec::new()))
}

async fn existing(session: &dyn Session, id: &str) -> Result<kept::Entry<Provider>> {
    let found = kept::find::<Provider>(session, id).await?;
    found.ok_or_else(|| Failure::new(IssueType::NotFound, "The tenant has no such provider."))
}

fn parameters(parameter: Vec<Json>) -> Answer {
    let mut resource = json!({ "resourceType": "Parameters" });
    if !parameter.is_empty() {
        resource["parameter"] = parameter.into();
    }
    Answer::new(200, resource.to_string())
}

fn raced() -> Failure {
    Failure::new(IssueType::Transient, "The provider is being changed by others; try again.")
}

fn refused(told: &str) -> Failure {
    Failure::new(IssueType::Value, told)
}
