//! What a provider's claims make of somebody here: the scopes of all rules that match.

use super::claims::Claims;
use serde::{Deserialize, Serialize};

/// Whoever has this claim has these scopes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// A claim and the value that it has, or that is in its list; none matches everybody.
    pub claim: Option<(String, String)>,
    /// How the provider must have authenticated the person (`amr`, RFC 8176), such as `mfa`.
    pub method: Option<String>,
    /// The class that the authentication must have (`acr`).
    pub class: Option<String>,
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

/// The scopes that rules give.
pub fn scope(rules: &[Rule], claims: &Claims) -> Result<String, Unmatched> {
    let about = || rules.iter().filter(|it| it.is_about(claims));
    let mut words: Vec<&str> = Vec::new();
    for word in about().filter(|it| it.is_strong(claims)).flat_map(|it| it.scope.split_whitespace()) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let is_left_out = |it: &Rule| it.claim.as_ref().is_some_and(|(claim, _)| claims.left_out(claim));
    match words.is_empty() {
        false => Ok(words.join(" ")),
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
        let rules = [group("doctors", "user/*.rs patient/*.rs"), group("nurses", "patient/*.rs user/Task.u"), strong];
        for (told, given) in [
            (json!({ "groups": ["doctors"] }), Ok("user/*.rs patient/*.rs")),
            (json!({ "groups": ["nurses", "doctors"] }), Ok("user/*.rs patient/*.rs user/Task.u")),
            (json!({ "groups": ["admins"] }), Err(Unmatched::Weak)),
            (json!({ "groups": ["admins"], "amr": ["pwd", "mfa"] }), Ok("user/*.cruds")),
            (json!({ "groups": ["cooks"] }), Err(Unmatched::None)),
            (json!({ "hasgroups": true }), Err(Unmatched::LeftOut)),
            (json!({}), Err(Unmatched::None)),
        ] {
            assert_eq!(scope(&rules, &claims(told.clone())), given.map(str::to_owned), "{told}");
        }
        let everybody = Rule { scope: "patient/*.rs".into(), class: Some("high".into()), ..Rule::default() };
        assert_eq!(scope(&[everybody], &claims(json!({ "acr": "high" }))), Ok("patient/*.rs".to_owned()));
    }
}
