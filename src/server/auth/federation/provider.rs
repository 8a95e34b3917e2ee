//! An OpenID provider as a tenant registers it.

use super::claims::Claims;
use super::own_key::OwnKey;
use super::rules::{self, Admission, Rule, Unmatched};
use crate::auth::client::{ClientAuth, is_web_address};
use crate::auth::kept::{self, Entry, Kept};
use crate::auth::{account, scope, sealed};
use engine::Grant;
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use store::{Session, Tenant};

/// The most providers of a tenant, and rules of a provider.
pub const MOST: usize = 20;
const MOST_RULES: usize = 100;

/// A provider, kept under its id, which stands in addresses.
#[derive(Clone, Serialize, Deserialize)]
pub struct Provider {
    /// What its button says.
    pub label: String,
    /// Its name and address (OpenID Connect Discovery section 4).
    pub issuer: String,
    /// Entra: the directories whose people may come, where the issuer is one for many.
    pub directories: Vec<String>,
    /// What it calls this server.
    pub client_id: String,
    /// How this server proves at the token endpoint that it is the client.
    pub auth: ClientAuth,
    /// The client's secret, sealed.
    pub secret: Option<String>,
    /// The key by which this server proves to be the client, where it is not the tenant's own.
    #[serde(default)]
    pub key: Option<OwnKey>,
    /// Whether id tokens are signed by the client's secret (HS256), and in no other way.
    pub is_symmetric: bool,
    /// What it is asked for, beside `openid`.
    pub scope: String,
    /// The domains of e-mail addresses whose owners may come; everybody where there are none.
    pub domains: Vec<String>,
    /// What claims give.
    pub rules: Vec<Rule>,
    /// Whether users are made at their first sign-in.
    pub makes_users: bool,
    /// The claim of the user's name here.
    pub username_claim: String,
    /// How a person's resource is found.
    pub tie: Option<Tie>,
    /// Whether claims stand in userinfo too.
    pub asks_user_info: bool,
    /// How its own session ends when somebody signs out here.
    pub log_out: LogOut,
}

impl Kept for Provider {
    const KIND: &'static str = "provider";
}

/// How a person's resource is found: by an identifier of this system whose value is the claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tie {
    /// `Practitioner`, `Patient`, `RelatedPerson` or `Person`
    pub of: String,
    /// The claim.
    pub claim: String,
    /// The identifier's system.
    pub system: String,
}

/// How a session at the provider is ended from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogOut {
    /// By OpenID Connect RP-Initiated Logout 1.0, if the provider has it.
    Openid,
    /// By Cognito's `/logout`, which takes other parameters.
    Cognito,
    /// Not at all.
    None,
}

impl LogOut {
    /// All of them, as they are registered.
    pub const ALL: [(LogOut, &'static str); 3] =
        [(LogOut::Openid, "openid"), (LogOut::Cognito, "cognito"), (LogOut::None, "none")];
}

/// Why a provider's word lets somebody not in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stranger {
    /// The e-mail address is of another domain, or nobody verified it.
    Domain,
    /// No rule gives anything.
    Rules(Unmatched),
}

impl Provider {
    /// Fails with what is wrong with it, or with the id that it is kept under.
    pub fn check(&self, id: &str) -> Result<()> {
        let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
        if !(1..=40).contains(&id.len()) || !id.bytes().all(is_plain) {
            return refuse("A provider's id is 1 to 40 small letters, digits and hyphens.");
        }
        if !(1..=60).contains(&self.label.trim().chars().count()) {
            return refuse("label has 1 to 60 characters.");
        }
        if !is_web_address(&self.issuer) || self.issuer.contains('?') {
            return refuse("issuer is an https address without query and fragment.");
        }
        if !(1..=500).contains(&self.client_id.len()) {
            return refuse("client-id has 1 to 500 characters.");
        }
        if self.auth.has_secret() != self.secret.is_some() {
            return refuse("client-secret goes with the authentication client_secret_basic and client_secret_post.");
        }
        if self.key.is_some() && self.auth != ClientAuth::PrivateKeyJwt {
            return refuse("private-key goes with the authentication private_key_jwt.");
        }
        if self.is_symmetric && self.secret.is_none() {
            return refuse("HS256 goes with a client-secret.");
        }
        if self.domains.iter().any(|it| it.is_empty() || it.contains(['@', '*', '/', ' ']) || it.starts_with('.')) {
            return refuse("A domain is whole and plain, such as example.com.");
        }
        if self.makes_users && self.tie.is_none() {
            return refuse("Users are made of people in the records: say by which identifier they are found.");
        }
        if let Some(tie) = &self.tie {
            account::user_key(&format!("{}/x", tie.of))?;
            if tie.claim.is_empty() || tie.system.is_empty() {
                return refuse("A person is found by a claim and an identifier's system.");
            }
        }
        self.check_rules()
    }

    fn check_rules(&self) -> Result<()> {
        if self.rules.is_empty() || self.rules.len() > MOST_RULES {
            return refuse("There are 1 to 100 rules: without one nobody may come.");
        }
        let is_known = |it: &Rule| it.scope.split_whitespace().all(|it| Grant::parse(it).is_some());
        let is_empty = |it: &Rule| it.roles.is_empty() && it.scope.trim().is_empty();
        if !self.rules.iter().all(is_known) || self.rules.iter().any(is_empty) {
            return refuse("A rule gives roles, or scopes on resources, such as user/*.rs.");
        }
        // Who administers the tenant would be decided elsewhere.
        if self.rules.iter().any(|it| scope::is_of_system(&it.scope)) {
            return refuse("A rule gives people's scopes: user/… and patient/….");
        }
        Ok(())
    }

    /// What somebody with these claims has here.
    pub fn admits(&self, claims: &Claims) -> Result<Admission, Stranger> {
        let is_known = |it: String| self.domains.iter().any(|domain| domain.eq_ignore_ascii_case(&it));
        if !self.domains.is_empty() && !claims.domain().is_some_and(is_known) {
            return Err(Stranger::Domain);
        }
        rules::admission(&self.rules, claims).map_err(Stranger::Rules)
    }

    /// The client's secret.
    pub fn secret(&self, tenant: &Tenant, id: &str) -> Result<Option<Vec<u8>>> {
        let Some(sealed) = &self.secret else { return Ok(None) };
        let opened = sealed::open(&tenant.secrets().page_key, &purpose(id), sealed)?;
        opened.map(Some).ok_or_else(|| Failure::internal("the secret at a provider cannot be decrypted"))
    }

    /// What is kept of the client's secret.
    pub fn sealed(tenant: &Tenant, id: &str, secret: &str) -> Result<String> {
        sealed::seal(&tenant.secrets().page_key, &purpose(id), secret.as_bytes())
    }
}

fn purpose(id: &str) -> String {
    format!("the secret at provider {id}")
}

/// A tenant's providers.
pub async fn all(session: &dyn Session) -> Result<Vec<Entry<Provider>>> {
    kept::list(session, MOST).await
}

fn refuse(told: &str) -> Result<()> {
    Err(Failure::new(IssueType::Value, told))
}

#[cfg(test)]
pub(super) fn provider(issuer: &str) -> Provider {
    Provider {
        label: "North".into(),
        issuer: issuer.into(),
        directories: Vec::new(),
        client_id: "medisync".into(),
        auth: ClientAuth::None,
        secret: None,
        key: None,
        is_symmetric: false,
        scope: "profile email".into(),
        domains: Vec::new(),
        rules: vec![Rule { scope: "patient/*.rs".into(), ..Rule::default() }],
        makes_users: false,
        username_claim: "preferred_username".into(),
        tie: None,
        asks_user_info: false,
        log_out: LogOut::Openid,
    }
}

#[cfg(test)]
mod tests {
    use super::super::claims::claims;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_provider_is_whole() {
        let good = provider("https://id.example.com");
        assert!(good.check("north-1").is_ok());
        let rule = |scope: &str| vec![Rule { scope: scope.into(), ..Rule::default() }];
        let tie = |of: &str| Some(Tie { of: of.into(), claim: "oid".into(), system: "urn:x".into() });
        for wrong in [
            Provider { issuer: "http://id.example.com".into(), ..good.clone() },
            Provider { issuer: "https://id.example.com/?x".into(), ..good.clone() },
            Provider { auth: ClientAuth::ClientSecretBasic, ..good.clone() },
            Provider { is_symmetric: true, ..good.clone() },
            Provider { domains: vec!["*.example.com".into()], ..good.clone() },
            Provider { makes_users: true, ..good.clone() },
            Provider { tie: tie("Device"), ..good.clone() },
            Provider { rules: Vec::new(), ..good.clone() },
            Provider { rules: rule(""), ..good.clone() },
            Provider { rules: rule("openid"), ..good.clone() },
            Provider { rules: rule("patient/*.rs system/*.cruds"), ..good.clone() },
        ] {
            assert!(wrong.check("north").is_err());
        }
        for id in ["", "North", "a/b", ".."] {
            assert!(good.check(id).is_err(), "{id}");
        }
        assert!(Provider { makes_users: true, tie: tie("Practitioner"), ..good }.check("north").is_ok());
    }

    #[test]
    fn a_domain_is_the_whole_one() {
        let provider = Provider { domains: vec!["Example.com".into()], ..provider("https://id.example.com") };
        for (email, is_let_in) in [
            ("ana@example.com", true),
            ("ana@evil-example.com", false),
            ("ana@sub.example.com", false),
            ("ana@example.com.evil.example", false),
            ("ana@xn--example.com", false),
        ] {
            let told = claims(json!({ "email": email, "email_verified": true }));
            assert_eq!(provider.admits(&told).is_ok(), is_let_in, "{email}");
        }
        assert_eq!(provider.admits(&claims(json!({ "email": "ana@example.com" }))), Err(Stranger::Domain));
    }
}
