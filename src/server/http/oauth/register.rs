//! Apps that register themselves (RFC 7591).

use super::problem::{Problem, Result};
use super::{Desk, json};
use crate::auth::client::{self, Client, ClientAuth, IdTokenAlgorithm};
use crate::auth::{kept, ring, scope, secret, throttle};
use crate::config::Registration;
use crate::random;
use ::fhir::Failure;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// What an app gets that names no scopes.
const USUAL: &str = "launch launch/patient openid fhirUser profile offline_access online_access patient/*.rs user/*.rs";

/// A registration (RFC 7591 section 2), as far as it is heeded; what is not heeded is not in the answer.
#[derive(Deserialize)]
struct Metadata {
    client_name: Option<String>,
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default)]
    post_logout_redirect_uris: Vec<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
    token_endpoint_auth_method: Option<String>,
    scope: Option<String>,
    jwks: Option<Json>,
    jwks_uri: Option<String>,
    backchannel_logout_uri: Option<String>,
    id_token_signed_response_alg: Option<Json>,
}

/// `POST /auth/{tenant}/register`
pub async fn register(desk: &Desk<'_>, body: &[u8]) -> Result<Response> {
    let registration = desk.server.registration;
    if registration == Registration::Closed {
        let told = "Apps do not register themselves here; ask whoever runs the server.";
        return Err(Problem { status: 403, ..Problem::new("access_denied", told) });
    }
    let wait = throttle::registration(&*desk.session, &desk.address(), desk.now).await?;
    if wait > 0 {
        return Err(Problem::too_often(wait));
    }
    let metadata: Metadata =
        serde_json::from_slice(body).map_err(|_| wrong("The registration is no JSON object as RFC 7591 has it."))?;
    let mut client = client(desk, metadata)?;
    // A program that acts for nobody is let in by people only.
    client.is_approved = registration == Registration::Open && !client.may_use("client_credentials");
    let (id, secret) = (random::id(), if client.auth.has_secret() { Some(secret::new()?) } else { None });
    client.secret = secret.as_deref().map(secret::hash);
    client.check().and_then(|()| client.check_addresses()).map_err(|it| {
        let problem = misfit(it);
        let code = if problem.told.starts_with("A redirect URI") { "invalid_redirect_uri" } else { METADATA };
        Problem { code, ..problem }
    })?;
    ring::provide(&*desk.session, client.id_tokens, desk.now).await?;
    kept::write(&*desk.session, vec![kept::insert(id.clone(), &client, None)?]).await?;
    Ok(json(201, &told(&id, secret, &client)))
}

const METADATA: &str = "invalid_client_metadata";

fn wrong(told: impl Into<String>) -> Problem {
    Problem::new(METADATA, told)
}

fn misfit(failure: Failure) -> Problem {
    Problem { status: 400, code: METADATA, ..Problem::from(failure) }
}

fn client(desk: &Desk<'_>, metadata: Metadata) -> Result<Client> {
    if metadata.response_types.is_some_and(|it| it.iter().any(|it| it != "code")) {
        return Err(wrong("response_types is [\"code\"]."));
    }
    let method = metadata.token_endpoint_auth_method.as_deref().unwrap_or("client_secret_basic");
    let auth = ClientAuth::ALL.iter().find(|(_, name)| *name == method).map(|(it, _)| *it);
    let scope = metadata.scope.unwrap_or_else(|| USUAL.to_owned());
    let scope: Vec<&str> = scope.split_whitespace().filter(|it| scope::is_known(it)).collect();
    Ok(Client {
        name: metadata.client_name.ok_or_else(|| wrong("client_name is missing: people are told who asks."))?,
        redirect_uris: metadata.redirect_uris,
        post_logout_redirect_uris: metadata.post_logout_redirect_uris,
        id_tokens: metadata.id_token_signed_response_alg.map_or(Ok(IdTokenAlgorithm::default()), signed_by)?,
        backchannel_logout_uri: metadata.backchannel_logout_uri,
        grant_types: metadata.grant_types.unwrap_or_else(|| vec!["authorization_code".to_owned()]),
        auth: auth.ok_or_else(|| wrong("This token_endpoint_auth_method is not served."))?,
        secret: None,
        jwks: metadata.jwks.map(client::public_keys).transpose().map_err(misfit)?,
        jwks_uri: metadata.jwks_uri,
        scope: scope.join(" "),
        is_approved: false,
        is_self_made: true,
        introspects: false,
        created: desk.now,
    })
}

fn signed_by(algorithm: Json) -> Result<IdTokenAlgorithm> {
    let told = || wrong(format!("id_token_signed_response_alg is one of {}.", IdTokenAlgorithm::NAMES.join(", ")));
    serde_json::from_value(algorithm).map_err(|_| told())
}

/// RFC 7591 section 3.2.1
fn told(id: &str, secret: Option<String>, client: &Client) -> Json {
    let mut told = json!({
        "client_id": id,
        "client_id_issued_at": client.created / 1000,
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "grant_types": client.grant_types,
        "token_endpoint_auth_method": client.auth.name(),
        "scope": client.scope,
        "approved": client.is_approved,
    });
    if client.may_use("authorization_code") {
        told["response_types"] = json!(["code"]);
        told["id_token_signed_response_alg"] = json!(client.id_tokens);
    }
    if !client.post_logout_redirect_uris.is_empty() {
        told["post_logout_redirect_uris"] = json!(client.post_logout_redirect_uris);
    }
    if let Some(keys) = &client.jwks {
        told["jwks"] = json!(keys);
    }
    if let Some(uri) = &client.jwks_uri {
        told["jwks_uri"] = uri.as_str().into();
    }
    if let Some(uri) = &client.backchannel_logout_uri {
        told["backchannel_logout_uri"] = uri.as_str().into();
        // Each logout token has the sign-in's name.
        told["backchannel_logout_session_required"] = true.into();
    }
    if let Some(secret) = secret {
        told["client_secret"] = secret.into();
        told["client_secret_expires_at"] = 0.into();
    }
    told
}
