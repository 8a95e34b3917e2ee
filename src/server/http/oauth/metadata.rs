//! What the authorization server tells of itself: SMART's configuration (conformance.html#using-well-known), RFC 8414,
//! OpenID Connect Discovery, and its public key.

use super::Desk;
use super::problem::Result;
use crate::auth::appearance::Appearance;
use crate::auth::client::{ClientAuth, GRANT_TYPES, IdTokenAlgorithm};
use crate::auth::factor::assurance;
use crate::auth::scope;
use crate::config::Registration;
use crate::http::answer;
use axum::response::Response;
use serde_json::{Value as Json, json};

/// SMART's capabilities that are served (conformance.html#capabilities).
pub const CAPABILITIES: [&str; 20] = [
    "launch-standalone",
    "launch-ehr",
    "authorize-post",
    "client-public",
    "client-confidential-symmetric",
    "client-confidential-asymmetric",
    "sso-openid-connect",
    "context-banner",
    "context-style",
    "context-standalone-patient",
    "context-standalone-encounter",
    "context-ehr-patient",
    "context-ehr-encounter",
    "permission-patient",
    "permission-user",
    "permission-offline",
    "permission-online",
    "permission-v1",
    "permission-v2",
    APP_STATE,
];

/// Keeping app state (app-state.html).
const APP_STATE: &str = "smart-app-state";

/// The algorithms of clients' assertions.
pub const ASSERTION_ALGORITHMS: [&str; 4] = ["RS384", "ES384", "RS256", "ES256"];

/// `[base]/.well-known/smart-configuration`
pub fn smart(desk: &Desk<'_>) -> Json {
    let mut all = authorization_server(desk);
    all["capabilities"] = json!(CAPABILITIES);
    let state = format!("{}/state/{}", desk.origin, desk.tenant());
    all["smart_app_state_endpoint"] = state.as_str().into();
    all["associated_endpoints"] = json!([{ "url": state, "capabilities": [APP_STATE] }]);
    all
}

/// RFC 8414 section 2, RFC 9126 section 5; OpenID Connect Discovery section 3.
pub fn authorization_server(desk: &Desk<'_>) -> Json {
    let issuer = desk.issuer();
    let at = |path: &str| format!("{issuer}/{path}");
    let methods: Vec<&str> = ClientAuth::ALL.iter().map(|(_, name)| *name).collect();
    let mut all = json!({
        "issuer": issuer,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "pushed_authorization_request_endpoint": at("par"),
        "require_pushed_authorization_requests": false,
        "introspection_endpoint": at("introspect"),
        "revocation_endpoint": at("revoke"),
        "userinfo_endpoint": at("userinfo"),
        "end_session_endpoint": at("end-session"),
        "jwks_uri": at("jwks"),
        "scopes_supported": scope::supported(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GRANT_TYPES,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": IdTokenAlgorithm::NAMES,
        "claims_supported": ["sub", "fhirUser", "name", "auth_time", "acr", "amr", "nonce", "sid"],
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "acr_values_supported": assurance::CLASSES,
        "authorization_response_iss_parameter_supported": true,
    });
    if desk.server.registration != Registration::Closed {
        all["registration_endpoint"] = at("register").into();
    }
    all
}

/// Where apps find [`style`]. It changes with the style, as apps may keep what they found there.
pub fn style_url(desk: &Desk<'_>, look: &Appearance) -> String {
    format!("{}/style?v={}-{}", desk.issuer(), env!("CARGO_PKG_VERSION"), look.changed)
}

/// How the pages of a tenant look (scopes-and-launch-context.html#smart-style): `page.css` in light colours.
pub fn style(look: &Appearance) -> Json {
    let highlight = look.color.map_or_else(|| "#0b6b63".to_owned(), |it| it.to_string());
    json!({
        "color_background": "#f5f7f8",
        "color_error": "#a31b2b",
        "color_highlight": highlight,
        "color_modal_backdrop": "#14232a",
        "color_success": "#11663b",
        "color_text": "#14232a",
        "dim_border_radius": "7px",
        "dim_font_size": "16px",
        "dim_spacing_size": "16px",
        "font_family_body": "system-ui, sans-serif",
        "font_family_heading": "system-ui, sans-serif",
    })
}

/// `/auth/{tenant}/jwks` (RFC 7517 section 5)
pub fn jwks(desk: &Desk<'_>) -> Json {
    json!({ "keys": desk.known.keys.public(desk.now) })
}

/// A document as a response.
pub fn document(json: &Json) -> Result<Response> {
    Ok(answer::response(200, "application/json", json.to_string().into()))
}
