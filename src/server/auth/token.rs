//! Access tokens: JSON Web Tokens (RFC 7519) in the profile of RFC 9068, signed by the tenant's key.

use super::{Holder, KeyRing, TokenKey};
use engine::{Caller, Scopes};
use fhir::{Failure, IssueType, Result};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde::{Deserialize, Serialize};

/// The only algorithm: what a token's header asks for is not followed.
const ALGORITHM: Algorithm = Algorithm::ES256;

/// The type of access tokens (RFC 9068 section 2.1); a token of another type is none, whoever signed it.
const TYPE: &str = "at+jwt";

/// What a token says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed: the server's issuer and the tenant.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// Who the caller is.
    pub sub: String,
    /// In which tenant.
    pub tenant: String,
    /// Roles within the tenant, of a token that no grant stands behind: what it may do is what they let it do now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// What is granted, SMART scopes separated by spaces.
    pub scope: String,
    /// When it was signed, seconds since the epoch.
    pub iat: i64,
    /// Until when it holds, seconds since the epoch.
    pub exp: i64,
    /// The token's own name.
    pub jti: String,
    /// The client that it was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The grant that it holds as long as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// The patient whose records `patient/` scopes are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    /// The encounter in context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encounter: Option<String>,
    /// The Organization or Location that the user acts in, relative to the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The resource that the user is, relative to the base.
    #[serde(default, rename = "fhirUser", skip_serializing_if = "Option::is_none")]
    pub fhir_user: Option<String>,
    /// When the user signed in, seconds since the epoch (RFC 9068 section 2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How surely the user was told to be who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
}

impl Claims {
    /// The `iss` of a tenant's tokens.
    pub fn issuer(issuer: &str, tenant: &str) -> String {
        format!("{issuer}:{tenant}")
    }

    /// The `aud` of a tenant's tokens: its FHIR base, without the host that clients happen to use.
    pub fn audience(tenant: &str) -> String {
        format!("/fhir/{tenant}")
    }

    /// The token.
    pub fn sign(&self, key: &TokenKey) -> jsonwebtoken::errors::Result<String> {
        let mut header = Header::new(ALGORITHM);
        header.typ = Some(TYPE.into());
        header.kid.clone_from(&key.public.common.key_id);
        jsonwebtoken::encode(&header, self, &key.signing)
    }

    /// Who holds the token.
    pub fn holder(&self) -> Holder {
        Holder {
            is_known: true,
            client: self.client_id.clone(),
            user: self.fhir_user.as_ref().map(|_| self.sub.clone()),
            fhir_user: self.fhir_user.clone(),
            patient: self.patient.clone(),
            scope: self.scope.clone(),
        }
    }

    /// The caller as the engine knows it, before roles narrow what it may do.
    pub fn caller(self) -> Caller {
        let scopes = Scopes::parse(&self.scope, self.patient.as_deref()).0;
        let authenticated = self.auth_time.map(|it| it.saturating_mul(1000));
        let purposes = engine::purposes_of(self.fhir_user.as_deref());
        Caller { subject: self.sub, roles: Vec::new(), scopes, purposes, fhir_user: self.fhir_user, authenticated }
    }
}

/// Verifies a token of this issuer and tenant; fails with 401.
pub fn verify(token: &str, keys: &KeyRing, issuer: &str, tenant: &str, now: i64) -> Result<Claims> {
    let mut wanted = Validation::new(ALGORITHM);
    wanted.set_issuer(&[Claims::issuer(issuer, tenant)]);
    wanted.set_audience(&[Claims::audience(tenant)]);
    wanted.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    wanted.leeway = 0;
    let header = jsonwebtoken::decode_header(token).map_err(|_| not_ours())?;
    let mut verdict = Err(ErrorKind::InvalidSignature);
    for key in keys.verifying(header.kid.as_deref(), now) {
        verdict = jsonwebtoken::decode::<Claims>(token, &key.verifying, &wanted).map_err(|it| it.into_kind());
        if !matches!(verdict, Err(ErrorKind::InvalidSignature)) {
            break;
        }
    }
    let claims = verdict.map_err(|it| refusal(&it, tenant))?;
    if claims.header.typ.as_deref() != Some(TYPE) {
        return Err(not_ours());
    }
    if claims.claims.tenant != tenant {
        return Err(of_another_tenant(tenant));
    }
    Ok(claims.claims)
}

fn refusal(kind: &ErrorKind, tenant: &str) -> Failure {
    match kind {
        ErrorKind::ExpiredSignature => {
            Failure::new(IssueType::Expired, "The access token has expired; ask for a new one.")
        }
        ErrorKind::InvalidIssuer | ErrorKind::InvalidAudience | ErrorKind::InvalidSignature => {
            of_another_tenant(tenant)
        }
        _ => not_ours(),
    }
}

fn not_ours() -> Failure {
    Failure::new(IssueType::Unknown, "The access token is not one that this server issued.")
}

fn of_another_tenant(tenant: &str) -> Failure {
    Failure::new(IssueType::Unknown, format!("The access token was not issued for tenant {tenant}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::new_token_key;
    use crate::clock;

    fn key() -> TokenKey {
        TokenKey::from_der(&new_token_key().unwrap()).unwrap()
    }

    /// What a ring of one key says to a token.
    fn verdict(token: &str, key: TokenKey, tenant: &str) -> Result<Claims> {
        verify(token, &KeyRing::with(key), "medisync", tenant, 0)
    }

    fn claims() -> Claims {
        let now = clock::now_ms() / 1000;
        Claims {
            iss: "medisync:north".into(),
            aud: "/fhir/north".into(),
            sub: "nurse".into(),
            tenant: "north".into(),
            roles: vec!["ward".into()],
            scope: "system/*.rs".into(),
            iat: now,
            exp: now + 60,
            jti: "1".into(),
            ..Claims::default()
        }
    }

    fn code(claims: &Claims, tenant: &str) -> Option<IssueType> {
        let key = key();
        verdict(&claims.sign(&key).unwrap(), key, tenant).err().map(|it| it.code())
    }

    #[test]
    fn a_signed_token_gives_its_claims_back() {
        let (key, claims) = (key(), claims());
        let token = claims.sign(&key).unwrap();
        assert_eq!(verdict(&token, key, "north").unwrap(), claims);
    }

    #[test]
    fn a_token_holds_for_its_time_tenant_and_issuer_only() {
        assert_eq!(code(&Claims { exp: claims().iat - 1, ..claims() }, "north"), Some(IssueType::Expired));
        assert_eq!(code(&claims(), "south"), Some(IssueType::Unknown));
        assert_eq!(code(&Claims { iss: "other:north".into(), ..claims() }, "north"), Some(IssueType::Unknown));
        assert_eq!(code(&Claims { aud: "/fhir/south".into(), ..claims() }, "north"), Some(IssueType::Unknown));
        assert_eq!(code(&Claims { tenant: "south".into(), ..claims() }, "north"), Some(IssueType::Unknown));
    }

    #[test]
    fn a_token_signed_by_another_key_or_algorithm_is_refused() {
        let (ours, theirs) = (key(), key());
        let stranger = claims().sign(&theirs).unwrap();
        let untyped = jsonwebtoken::encode(&Header::new(ALGORITHM), &claims(), &ours.signing).unwrap();
        let mut posing = Header::new(ALGORITHM);
        posing.typ = Some(TYPE.into());
        posing.kid.clone_from(&ours.public.common.key_id);
        let posing = jsonwebtoken::encode(&posing, &claims(), &theirs.signing).unwrap();
        let shared = jsonwebtoken::EncodingKey::from_secret(b"guess");
        let symmetric = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims(), &shared).unwrap();
        let ring = KeyRing::with(ours);
        for token in [stranger, untyped, posing, symmetric] {
            assert_eq!(verify(&token, &ring, "medisync", "north", 0).unwrap_err().status, 401);
        }
    }

    #[test]
    fn a_token_without_a_name_of_its_key_is_still_read() {
        let (key, claims) = (key(), claims());
        let mut header = Header::new(ALGORITHM);
        header.typ = Some(TYPE.into());
        let token = jsonwebtoken::encode(&header, &claims, &key.signing).unwrap();
        assert_eq!(verdict(&token, key, "north").unwrap(), claims);
    }
}
