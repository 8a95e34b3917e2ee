//! What the CapabilityStatement says of security (SMART App Launch 2.2, conformance.html#declaring-support-for-oauth2-endpoints).

use serde_json::{Value as Json, json};

/// Stands where the authorization server of the tenant belongs.
pub(crate) const ISSUER: &str = "medisync:issuer";

/// How requests are authorized: by tokens of an authorization server beside each tenant's base.
#[derive(Clone, Debug)]
pub struct Authorization {
    /// Scheme, host and port; those of the base as the caller used it where there are none.
    pub origin: Option<String>,
}

impl Authorization {
    /// The address of a tenant's authorization server.
    pub fn issuer(&self, tenant: &str, base: &str) -> String {
        let of_base = || {
            let base = base.strip_suffix(tenant).and_then(|it| it.strip_suffix('/')).unwrap_or(base);
            base.strip_suffix("/fhir").unwrap_or(base)
        };
        format!("{}/auth/{tenant}", self.origin.as_deref().unwrap_or_else(of_base))
    }
}

/// CapabilityStatement.rest.security.
pub(crate) fn claims(authorization: Option<&Authorization>) -> Json {
    if authorization.is_none() {
        return json!({ "cors": false, "description": "None: the server was started to let everybody in." });
    }
    let uris = ["authorize", "token", "introspect", "revoke"];
    let uris: Vec<Json> = uris.map(|it| json!({ "url": it, "valueUri": format!("{ISSUER}/{it}") })).into();
    json!({
        "extension": [{
            "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
            "extension": uris,
        }],
        // Pages of apps' own origins may call, and everybody's for what is public.
        "cors": true,
        "service": [{
            "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                "code": "SMART-on-FHIR",
            }],
            "text": "OAuth 2 using SMART App Launch (see http://hl7.org/fhir/smart-app-launch)",
        }],
        "description": "A bearer token of this tenant, issued by its authorization server or by `medisync token`, whose \
            scopes (SMART App Launch, versions 1 and 2) and, where it acts for a user, whose roles as they are now allow the \
            interaction. With patient/ scopes, and with criteria, they are about some resources only.",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authorization_server_is_beside_the_base() {
        let here = Authorization { origin: None };
        assert_eq!(here.issuer("north", "http://x:8080/fhir/north"), "http://x:8080/auth/north");
        assert_eq!(here.issuer("north", "http://north.localhost/fhir"), "http://north.localhost/auth/north");
        let proxied = Authorization { origin: Some("https://x.org".into()) };
        assert_eq!(proxied.issuer("north", "https://north.x.org/fhir"), "https://x.org/auth/north");
    }
}
