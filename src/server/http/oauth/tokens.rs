//! What is done with tokens: introspection (RFC 7662), revocation (RFC 7009), userinfo (OpenID Connect Core section 5.3).

use super::form::Form;
use super::problem::{Problem, Result};
use super::{Desk, answers, clients, json};
use crate::auth::grant::{self, Grant, read_refresh_token};
use crate::auth::kept;
use crate::auth::{Claims, bearer, client::ClientAuth};
use axum::http::header::AUTHORIZATION;
use axum::response::Response;
use serde_json::{Value as Json, json};

/// `POST /auth/{tenant}/introspect`: for clients that prove who they are. They are told of their own tokens, and of others'
/// if they were registered for it (RFC 7662 section 4).
pub async fn introspect(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let client = clients::authenticated(desk, form).await?;
    if client.value.auth == ClientAuth::None {
        return Err(Problem::client("Introspection is for clients that prove who they are."));
    }
    let told = active(desk, form.need("token")?).await?;
    let told = told.filter(|it| client.value.introspects || it["client_id"] == client.key.as_str());
    Ok(json(200, &told.unwrap_or_else(|| json!({ "active": false }))))
}

async fn active(desk: &Desk<'_>, token: &str) -> Result<Option<Json>> {
    if let Some((name, generation)) = read_refresh_token(token, &desk.known.tenant) {
        let living = grant::moved(&*desk.session, name).await?.map(|it| it.grant.value);
        return Ok(living.filter(|it| it.generation == generation && it.is_refreshed()).map(|it| of_grant(desk, &it)));
    }
    let Some(claims) = verified(desk, token).await? else { return Ok(None) };
    let mut told = json!({
        "active": true,
        "token_type": "Bearer",
        "scope": claims.scope,
        "sub": claims.sub,
        "aud": desk.base(),
        "iss": desk.issuer(),
        "iat": claims.iat,
        "exp": claims.exp,
        "jti": claims.jti,
    });
    for (name, value) in [
        ("client_id", &claims.client_id),
        ("patient", &claims.patient),
        ("encounter", &claims.encounter),
        ("place", &claims.place),
    ] {
        if let Some(value) = value {
            told[name] = value.as_str().into();
        }
    }
    // RFC 9470 section 6.2
    if let (Some(time), Some(class)) = (claims.auth_time, &claims.acr) {
        told["auth_time"] = time.into();
        told["acr"] = class.as_str().into();
    }
    let may_know = claims.scope.split(' ').any(|it| it == "fhirUser");
    if let Some(user) = claims.fhir_user.filter(|_| may_know) {
        told["fhirUser"] = desk.whole(&user).into();
    }
    Ok(Some(told))
}

fn of_grant(desk: &Desk<'_>, grant: &Grant) -> Json {
    json!({
        "active": true,
        "scope": grant.scope,
        "client_id": grant.client,
        "sub": grant.subject,
        "iss": desk.issuer(),
    })
}

/// What an access token says, as long as it holds.
async fn verified(desk: &Desk<'_>, token: &str) -> Result<Option<Claims>> {
    match desk.server.gate.claims(&desk.known, token).await {
        Ok(claims) => Ok(Some(claims)),
        Err(failure) if failure.status == 401 => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// `POST /auth/{tenant}/revoke`: with one of its tokens the whole grant ends. A token that is none is revoked already.
pub async fn revoke(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let client = clients::authenticated(desk, form).await?;
    let token = form.need("token")?;
    let name = match read_refresh_token(token, &desk.known.tenant) {
        Some((name, _)) => Some(name.to_owned()),
        None => verified(desk, token).await?.and_then(|it| it.grant),
    };
    if let Some(name) = name
        && let Some(grant) = kept::find::<Grant>(&*desk.session, &name).await?
        && grant.value.client == client.key
    {
        grant::revoke(&*desk.session, &name).await?;
    }
    Ok(json(200, &json!({})))
}

/// `/auth/{tenant}/userinfo`
pub async fn user_info(desk: &Desk<'_>) -> Result<Response> {
    let header = desk.parts.headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = header.and_then(bearer).ok_or_else(|| Problem::token("An access token is needed."))?;
    let claims = verified(desk, token).await?;
    let claims = claims.ok_or_else(|| Problem::token("The access token is not good, or no longer."))?;
    let name = claims.grant.unwrap_or_default();
    let grant = grant::living(&*desk.session, &name).await?.map(|it| Grant { scope: claims.scope, ..it.grant.value });
    let grant = grant.filter(|it| it.has("openid")).ok_or_else(|| Problem {
        status: 403,
        ..Problem::new("insufficient_scope", "The access token lacks the scope openid.")
    })?;
    desk.note_grant(&grant);
    Ok(json(200, &answers::user(desk, &grant)))
}
