//! What providers tell of themselves (OpenID Connect Discovery section 4).

use super::provider::Provider;
use super::token::Issuer;
use crate::auth::client::is_web_address;
use crate::auth::fetched::{Fetched, Missing, fetch};
use crate::auth::remote_keys::RemoteKeys;
use crate::outgoing::Outgoing;
use serde_json::Value as Json;
use std::sync::Arc;

/// What Entra writes in place of a directory's id where the issuer is one for many.
const DIRECTORY: &str = "{tenantid}";

/// How long what a provider tells, and its keys, are kept at the least, in milliseconds: some say that nobody may keep it, and
/// would be asked at each sign-in.
const LEAST: i64 = 60 * 1000;

/// What is known of providers, for each tenant apart.
pub struct Providers {
    /// Makes requests to them.
    pub outgoing: Arc<Outgoing>,
    /// Their keys.
    pub keys: RemoteKeys,
    known: Fetched<Arc<Json>>,
}

/// What a provider tells of itself.
#[derive(Debug)]
pub struct Metadata {
    /// Who signs its tokens.
    pub issuers: Vec<Issuer>,
    /// Where people sign in.
    pub authorization_endpoint: String,
    /// Where codes are exchanged.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Where more claims are.
    pub userinfo_endpoint: Option<String>,
    /// Where people sign out.
    pub end_session_endpoint: Option<String>,
    /// Whether its answers say who answers (RFC 9207).
    pub tells_issuer: bool,
    /// By what clients' assertions are to be signed, if it says so (RFC 8414 section 2).
    pub assertion_algorithms: Option<Vec<String>>,
}

impl Providers {
    /// Providers that are asked by `outgoing`.
    pub fn new(outgoing: Arc<Outgoing>) -> Providers {
        Providers { keys: RemoteKeys::kept_for(outgoing.clone(), LEAST), outgoing, known: Fetched::default() }
    }

    /// What a provider tells of itself; fails with a cause for the log.
    pub async fn of(&self, tenant: &str, provider: &Provider, now: i64) -> Result<Metadata, String> {
        let uri = format!("{}/.well-known/openid-configuration", provider.issuer.trim_end_matches('/'));
        let fetch = async {
            let (document, age) = fetch(&self.outgoing, &uri).await?;
            Metadata::read(&document, provider)?;
            Ok((Arc::new(document), age.max(LEAST)))
        };
        let is_enough = |document: &Arc<Json>| Metadata::read(document, provider).is_ok();
        let document = self.known.of(tenant, &uri, now, is_enough, fetch).await;
        let document = document.map_err(|it| match it {
            Missing::AskedTooOften => "it was asked too often".to_owned(),
            Missing::Away(cause) => cause.unwrap_or_else(|| "it did not answer a moment ago".to_owned()),
        })?;
        Ok(Metadata::read(&document, provider)?)
    }
}

impl Metadata {
    fn read(document: &Json, provider: &Provider) -> Result<Metadata, &'static str> {
        // Browsers and this server are sent to no other places than an issuer may be at.
        let address = |name: &str| match document.get(name).and_then(Json::as_str) {
            Some(it) if is_web_address(it) => Ok(Some(it.to_owned())),
            Some(_) => Err("an address in the provider's metadata is not https"),
            None => Ok(None),
        };
        let needed = |name: &str| address(name)?.ok_or("the provider's metadata lack an address");
        Ok(Metadata {
            issuers: issuers(document, provider)?,
            authorization_endpoint: needed("authorization_endpoint")?,
            token_endpoint: needed("token_endpoint")?,
            jwks_uri: needed("jwks_uri")?,
            userinfo_endpoint: address("userinfo_endpoint")?,
            end_session_endpoint: address("end_session_endpoint")?,
            assertion_algorithms: document["token_endpoint_auth_signing_alg_values_supported"]
                .as_array()
                .map(|all| all.iter().filter_map(Json::as_str).map(str::to_owned).collect()),
            tells_issuer: document["authorization_response_iss_parameter_supported"] == true,
        })
    }

    /// Whether an answer may come from this issuer: it must say so where the provider always does, and must not say
    /// otherwise (RFC 9207 section 2.4).
    pub fn may_answer(&self, issuer: Option<&str>) -> bool {
        issuer.map_or(!self.tells_issuer, |it| self.issuers.iter().any(|known| known.name == it))
    }
}

/// Who signs. The document must name the issuer that was asked (section 4.3); Entra's for many directories names none of
/// them, but says how each is called.
fn issuers(document: &Json, provider: &Provider) -> Result<Vec<Issuer>, &'static str> {
    match document["issuer"].as_str() {
        Some(name) if name == provider.issuer => Ok(vec![Issuer { name: name.to_owned(), directory: None }]),
        Some(name) if name.contains(DIRECTORY) && !provider.directories.is_empty() && has_host_of(name, provider) => {
            let issuer = |id: &String| Issuer { name: name.replace(DIRECTORY, id), directory: Some(id.clone()) };
            Ok(provider.directories.iter().map(issuer).collect())
        }
        _ => Err("the provider's metadata are those of another issuer"),
    }
}

fn has_host_of(name: &str, provider: &Provider) -> bool {
    let host = |it: &str| it.split('/').take(3).collect::<Vec<_>>().join("/");
    host(name) == host(&provider.issuer)
}

#[cfg(test)]
mod tests {
    use super::super::provider::provider;
    use super::*;
    use serde_json::json;

    fn document(issuer: &str) -> Json {
        json!({
            "issuer": issuer, "authorization_endpoint": "https://id.example/a", "token_endpoint": "https://id.example/t",
            "jwks_uri": "https://id.example/k",
        })
    }

    #[test]
    fn metadata_are_those_of_the_issuer_that_was_asked() {
        let provider = provider("https://id.example");
        assert!(Metadata::read(&document("https://id.example"), &provider).is_ok());
        for other in ["https://id.example/", "https://other.example", "https://id.example/{tenantid}"] {
            assert!(Metadata::read(&document(other), &provider).is_err(), "{other}");
        }
    }

    #[test]
    fn browsers_are_sent_to_web_addresses_only() {
        let provider = provider("https://id.example");
        for name in
            ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint"]
        {
            for wrong in ["http://id.example/a", "javascript:alert(1)", "/a", "https://x@id.example/a"] {
                let mut document = document("https://id.example");
                document[name] = wrong.into();
                assert!(Metadata::read(&document, &provider).is_err(), "{name} {wrong}");
            }
        }
        let mut document = document("https://id.example");
        document.as_object_mut().unwrap().remove("jwks_uri");
        assert!(Metadata::read(&document, &provider).is_err());
    }

    #[test]
    fn entras_issuer_for_many_is_that_of_each_directory() {
        let common = provider("https://login.example/organizations/v2.0");
        let template = document("https://login.example/{tenantid}/v2.0");
        assert!(Metadata::read(&template, &common).is_err());
        let some = Provider { directories: vec!["d1".into(), "d2".into()], ..common };
        let metadata = Metadata::read(&template, &some).unwrap();
        let names: Vec<_> = metadata.issuers.iter().map(|it| (&*it.name, it.directory.as_deref())).collect();
        let of =
            |it| (if it == "d1" { "https://login.example/d1/v2.0" } else { "https://login.example/d2/v2.0" }, Some(it));
        assert_eq!(names, [of("d1"), of("d2")]);
        assert!(Metadata::read(&document("https://evil.example/{tenantid}/v2.0"), &some).is_err());
    }

    #[test]
    fn an_answer_names_its_issuer_where_the_provider_always_does() {
        let provider = provider("https://id.example");
        let mut document = document("https://id.example");
        let told = |document: &Json, it| Metadata::read(document, &provider).unwrap().may_answer(it);
        let (own, other) = (Some("https://id.example"), Some("https://other.example"));
        assert_eq!([own, other, None].map(|it| told(&document, it)), [true, false, true]);
        document["authorization_response_iss_parameter_supported"] = true.into();
        assert_eq!([own, other, None].map(|it| told(&document, it)), [true, false, false]);
    }
}
