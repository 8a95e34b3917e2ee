//! What a client gets for a grant: access token, refresh token, id token, and the context (SMART
//! scopes-and-launch-context.html).

use super::problem::Result;
use super::{Desk, json, metadata};
use crate::auth::appearance::Appearance;
use crate::auth::client::Client;
use crate::auth::factor::assurance;
use crate::auth::grant::Grant;
use crate::auth::launch::Scene;
use ::fhir::Failure;
use axum::response::Response;
use serde_json::{Value as Json, json};

/// The role in `fhirContext` of the Organization or Location that the user acts in.
const ACTING_PLACE: &str = "https://medisync.dev/fhir/context-role/acting-place";

/// The token endpoint's answer.
pub struct Issued<'g> {
    /// Whom it is for.
    pub client: &'g Client,
    /// The grant's name.
    pub name: &'g str,
    /// The grant, its scope perhaps less than was granted.
    pub grant: &'g Grant,
    /// Whether a refresh token goes with it.
    pub is_refreshed: bool,
    /// Whether the user acts in another place by now than the app was told.
    pub has_moved: bool,
    /// The id token's nonce.
    pub nonce: Option<&'g str>,
    /// What the app is told of its surroundings, once.
    pub scene: Option<&'g Scene>,
}

impl Issued<'_> {
    /// The tokens (RFC 6749 section 5.1).
    pub async fn answer(&self, desk: &Desk<'_>) -> Result<Response> {
        let Issued { name, grant, .. } = self;
        let claims = grant.claims(name, desk.token_issuer(), desk.tenant(), desk.now);
        let token = claims.sign(desk.known.keys.signing(desk.now)?).map_err(Failure::internal)?;
        let mut answer = json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": grant.token_time(),
            "scope": grant.scope,
        });
        if self.is_refreshed {
            answer["refresh_token"] = grant.refresh_token(name, &desk.known.tenant).into();
        }
        if grant.has("openid") {
            answer["id_token"] = self.id_token(desk)?.into();
        }
        for (member, value) in [("patient", &grant.patient), ("encounter", &grant.encounter)] {
            if let Some(value) = value {
                answer[member] = value.as_str().into();
            }
        }
        if self.has_moved {
            answer["fhirContext"] = grant.place.iter().map(acting).collect();
        }
        if let Some(scene) = self.scene {
            tell(&mut answer, scene, grant);
            answer["smart_style_url"] = metadata::style_url(desk, &Appearance::of(&*desk.session).await?).into();
        }
        Ok(json(200, &answer))
    }

    /// OpenID Connect Core section 2.
    fn id_token(&self, desk: &Desk<'_>) -> Result<String> {
        let mut claims = user(desk, self.grant);
        claims["iss"] = desk.issuer().into();
        claims["aud"] = self.grant.client.as_str().into();
        claims["iat"] = (desk.now / 1000).into();
        claims["exp"] = (desk.now / 1000 + self.grant.token_time()).into();
        if let Some(time) = self.grant.authenticated {
            claims["auth_time"] = (time / 1000).into();
            claims["acr"] = assurance::class(&self.grant.amr).into();
            if !self.grant.amr.is_empty() {
                claims["amr"] = self.grant.amr.clone().into();
            }
        }
        if let Some(sid) = &self.grant.sid {
            claims["sid"] = sid.as_str().into();
        }
        if let Some(nonce) = self.nonce {
            claims["nonce"] = nonce.into();
        }
        Ok(desk.known.keys.sign_for_app(self.client.id_tokens, None, &claims, desk.now)?)
    }
}

/// A place that the user acts in, as apps are told of it.
fn acting(place: &String) -> Json {
    json!({ "reference": place, "role": ACTING_PLACE })
}

/// Adds what an EHR shows. Where nobody says that a banner is there already, the app is to show whose records it has.
fn tell(answer: &mut Json, scene: &Scene, grant: &Grant) {
    if let Some(intent) = &scene.intent {
        answer["intent"] = intent.as_str().into();
    }
    let context: Vec<Json> = scene.fhir_context.iter().cloned().chain(grant.place.iter().map(acting)).collect();
    if !context.is_empty() {
        answer["fhirContext"] = context.into();
    }
    if grant.patient.is_some() {
        answer["need_patient_banner"] = scene.need_patient_banner.unwrap_or(true).into();
    }
}

/// What an app may know of the user.
pub fn user(desk: &Desk<'_>, grant: &Grant) -> Json {
    let mut claims = json!({ "sub": grant.subject });
    if let Some(user) = grant.fhir_user.as_ref().filter(|_| grant.has("fhirUser")) {
        claims["fhirUser"] = desk.whole(user).into();
    }
    if let Some(name) = grant.name.as_ref().filter(|_| grant.has("profile")) {
        claims["name"] = name.as_str().into();
    }
    claims
}
