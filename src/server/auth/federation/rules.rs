//! What a provider's claims make of somebody here: the roles, and the scopes, of all rules that match.

use super::claims::Claims;
use crate::auth::roles::Assignment;
use serde::{Deserialize, Serialize};

/// Whoever has this claim has these roles, and these scopes beside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// A claim and the value that it has, or that is in its list; none matches everybody.
    pub claim: Option<(String, String)>,
    /// How the provider must have authenticated the person (`amr`, RFC 8176), such as `mfa`.
    pub method: Option<String>,
    /// The class that the authentication must have (`acr`).
    pub class: Option<String>,
    /// Roles.
    #[serde(default)]
    pub roles: Vec<Assignment>,
    /// Scopes on resources.
    pub scope: String,
}

/// Why no rule gives anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmatched {
    /// The provider left out a list that a rule looks at.
    LeftOut,
    /// A rule asks for another way of authentication.
    Weak,
    /// None matches.
    None,
}

impl Rule {
    fn is_about(&self, claims: &Claims) -> bool {
        self.claim.as_ref().is_none_or(|(claim, value)| claims.has(claim, value))
    }

    fn is_strong(&self, claims: &Claims) -> bool {
        let has = |claim, wanted: &Option<String>| wanted.as_ref().is_none_or(|it| claims.has(claim, it));
        has("amr", &self.method) && has("acr", &self.class)
    }
}

/// What rules give somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Roles.
    pub roles: Vec<Assignment>,
    /// Scopes on resources, separated by spaces.
    pub scope: String,
}

/// What rules give.
pub fn admission(rules: &[Rule], claims: &Claims) -> Result<Admission, Unmatched> {
    let about = || rules.iter().filter(|it| it.is_about(claims));
    let (mut roles, mut words): (Vec<Assignment>, Vec<&str>) = (Vec::new(), Vec::new());
    for rule in about().filter(|it| it.is_strong(claims)) {
        let new: Vec<_> = rule.roles.iter().filter(|it| !roles.contains(it)).cloned().collect();
        roles.extend(new);
        for word in rule.scope.split_whitespace() {
            if !words.contains(&word) {
                words.push(word);
            }
        }
    }
    let is_left_out = |it: &Rule| it.claim.as_ref().is_some_and(|(claim, _)| claims.left_out(claim));
    match words.is_empty() && roles.is_empty() {
        false => Ok(Admission { roles, scope: words.join(" ") }),
        true if about().next().is_some() => Err(Unmatched::Weak),
        true if rules.iter().any(is_left_out) => Err(Unmatched::LeftOut),
        true => Err(Unmatched::None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::claims::claims;
    use super::*;
    use serde_json::json;

    #[test]
    fn scopes_are_those_of_all_rules_that_match() {
        let group = |value: &str, scope: &str| Rule {
            claim: Some(("groups".into(), value.into())),
            scope: scope.into(),
            ..Rule::default()
        };
        let strong = Rule { method: Some("mfa".into()), ..group("admins", "user/*.cruds") };
        let nurse = Rule { roles: vec![Assignment::everywhere("nurse")], ..group("ward", "") };
        let rules =
            [nurse, group("doctors", "user/*.rs patient/*.rs"), group("nurses", "patient/*.rs user/Task.u"), strong];
        for (told, given) in [
            (json!({ "groups": ["doctors"] }), Ok("user/*.rs patient/*.rs")),
            (json!({ "groups": ["nurses", "doctors"] }), Ok("user/*.rs patient/*.rs user/Task.u")),
            (json!({ "groups": ["admins"] }), Err(Unmatched::Weak)),
            (json!({ "groups": ["admins"], "amr": ["pwd", "mfa"] }), Ok("user/*.cruds")),
            (json!({ "groups": ["cooks"] }), Err(Unmatched::None)),
            (json!({ "hasgroups": true }), Err(Unmatched::LeftOut)),
            (json!({}), Err(Unmatched::None)),
        ] {
            let admitted = admission(&rules, &claims(told.clone())).map(|it| it.scope);
            assert_eq!(admitted, given.map(str::to_owned), "{told}");
        }
        let in_ward = admission(&rules, &claims(json!({ "groups": ["ward", "doctors"] }))).unwrap();
        assert_eq!(in_ward.roles, [Assignment::everywhere("nurse")]);
        assert_eq!(in_ward.scope, "user/*.rs patient/*.rs");
        let everybody = Rule { scope: "patient/*.rs".into(), class: Some("high".into()), ..Rule::default() };
        let admitted = admission(&[everybody], &claims(json!({ "acr": "high" })));
        assert_eq!(admitted.map(|it| it.scope), Ok("patient/*.rs".to_owned()));
    }
}
