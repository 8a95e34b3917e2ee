//! The token endpoint (RFC 6749 section 3.2).

use super::Desk;
use super::answers::Issued;
use super::clients;
use super::form::Form;
use super::problem::{Problem, Result};
use crate::auth::client::Client;
use crate::auth::code::{Code, USED};
use crate::auth::grant::{self, Grant, read_refresh_token};
use crate::auth::kept::{self, Entry};
use crate::auth::{scope, secret, sign_ins};
use crate::random;
use axum::response::Response;
use engine::Level;

/// `POST /auth/{tenant}/token`
pub async fn exchange(desk: &Desk<'_>, form: &Form) -> Result<Response> {
    let client = clients::authenticated(desk, form).await?;
    let grant_type = form.need("grant_type")?;
    let known = ["authorization_code", "refresh_token", "client_credentials"];
    if !known.contains(&grant_type) {
        return Err(Problem::new("unsupported_grant_type", format!("grant_type is one of {}.", known.join(", "))));
    }
    if !client.value.may_use(grant_type) {
        return Err(Problem::new("unauthorized_client", "The client is not registered for this grant_type."));
    }
    match grant_type {
        "authorization_code" => by_code(desk, form, &client).await,
        "refresh_token" => by_refresh(desk, form, &client).await,
        _ => by_itself(desk, form, &client).await,
    }
}

/// RFC 6749 section 4.1.3, RFC 7636 section 4.6.
async fn by_code(desk: &Desk<'_>, form: &Form, client: &Entry<Client>) -> Result<Response> {
    let (given, verifier) = (form.need("code")?, form.need("code_verifier")?);
    let key = secret::hash(given);
    let mut code = kept::find::<Code>(&*desk.session, &key).await?.ok_or_else(Problem::grant)?;
    if code.value.grant.client != client.key {
        return Err(Problem::grant());
    }
    if let Some(name) = &code.value.used_for {
        // Two have the code, and one of them is a thief (section 4.1.2).
        grant::revoke(&*desk.session, name).await?;
        return Err(Problem::grant());
    }
    let is_right = form.get("redirect_uri") == Some(&*code.value.redirect_uri)
        && (43..=128).contains(&verifier.len())
        && secret::hash(verifier) == code.value.challenge;
    if !is_right {
        return Err(Problem::grant());
    }
    let name = random::id();
    let given = code.value.grant.clone();
    desk.note_grant(&given);
    code.value.used_for = Some(name.clone());
    let changes = vec![
        code.replace_until(Some(desk.now + USED))?,
        kept::insert(name.clone(), &given, Some(given.until(desk.now)))?,
    ];
    if !kept::write(&*desk.session, changes).await? {
        let used = kept::find::<Code>(&*desk.session, &key).await?.and_then(|it| it.value.used_for);
        if let Some(name) = used {
            grant::revoke(&*desk.session, &name).await?;
        }
        return Err(Problem::grant());
    }
    let issuer = given.has("openid").then(|| desk.issuer());
    sign_ins::note(&*desk.session, &name, &given, issuer, given.until(desk.now)).await?;
    // The user may have signed out everywhere meanwhile.
    let living = grant::living(&*desk.session, &name).await?.ok_or_else(Problem::grant)?.grant;
    let (nonce, scene) = (code.value.nonce.as_deref(), Some(&code.value.scene));
    let is_refreshed = living.value.account.is_some() && living.value.is_refreshed();
    Issued { client: &client.value, name: &name, grant: &living.value, is_refreshed, has_moved: false, nonce, scene }
        .answer(desk)
        .await
}

/// RFC 6749 section 6, with rotation (RFC 9700 section 4.14).
async fn by_refresh(desk: &Desk<'_>, form: &Form, client: &Entry<Client>) -> Result<Response> {
    let token = form.need("refresh_token")?;
    let (name, generation) = read_refresh_token(token, &desk.known.tenant).ok_or_else(Problem::grant)?;
    let moved = grant::moved(&*desk.session, name).await?.ok_or_else(Problem::grant)?;
    let (mut entry, has_moved) = (moved.grant, moved.has_moved);
    if entry.value.client != client.key || !entry.value.is_refreshed() {
        return Err(Problem::grant());
    }
    let scope = match form.get("scope") {
        None => entry.value.scope.clone(),
        Some(asked) if asked.split_whitespace().all(|it| entry.value.has(it)) => asked.to_owned(),
        Some(_) => return Err(Problem::new("invalid_scope", "A refresh takes scopes that were granted, all or some.")),
    };
    desk.note_grant(&entry.value);
    let is_last = entry.value.generation == generation;
    entry.value.generation = generation.saturating_add(1);
    let until = Some(entry.value.until(desk.now));
    if !is_last || !kept::write(&*desk.session, vec![entry.replace_until(until)?]).await? {
        // Two have the token, and one of them is a thief.
        grant::revoke(&*desk.session, name).await?;
        return Err(Problem::grant());
    }
    let issuer = entry.value.has("openid").then(|| desk.issuer());
    sign_ins::note(&*desk.session, name, &entry.value, issuer, entry.value.until(desk.now)).await?;
    let narrowed = Grant { scope, ..entry.value };
    // The grant is the same however little of it this token has: the next refresh token comes with it.
    Issued { client: &client.value, name, grant: &narrowed, is_refreshed: true, has_moved, nonce: None, scene: None }
        .answer(desk)
        .await
}

/// RFC 6749 section 4.4; SMART backend-services.html.
async fn by_itself(desk: &Desk<'_>, form: &Form, client: &Entry<Client>) -> Result<Response> {
    let asked = form.get("scope").ok_or_else(|| Problem::new("invalid_scope", "The parameter scope is missing."))?;
    let scopes = scope::granted(asked, &client.value.scope, None, |it| it == Level::System);
    let scopes: Vec<String> = scopes.into_iter().filter(|it| it.starts_with("system/")).collect();
    if scopes.is_empty() {
        return Err(Problem::new("invalid_scope", "The client has none of these scopes; a program's are system/…."));
    }
    let grant = Grant {
        client: client.key.clone(),
        account: None,
        subject: client.key.clone(),
        scope: scopes.join(" "),
        patient: None,
        encounter: None,
        fhir_user: None,
        name: None,
        began: desk.now,
        authenticated: None,
        amr: Vec::new(),
        place: None,
        generation: 0,
        visit: None,
        sign_on: None,
        sid: None,
    };
    desk.note_grant(&grant);
    let name = random::id();
    kept::write(&*desk.session, vec![kept::insert(name.clone(), &grant, Some(grant.until(desk.now)))?]).await?;
    Issued {
        client: &client.value,
        name: &name,
        grant: &grant,
        is_refreshed: false,
        has_moved: false,
        nonce: None,
        scene: None,
    }
    .answer(desk)
    .await
}
