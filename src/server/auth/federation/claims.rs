//! What a provider says of somebody.

use serde_json::{Map, Number, Value as Json};

/// The claims of an id token, with those of userinfo where they are asked for.
pub struct Claims(pub Map<String, Json>);

impl Claims {
    /// A claim: by its name, or by a JSON pointer (RFC 6901) that begins with a slash, such as `/realm_access/roles`.
    pub fn at(&self, claim: &str) -> Option<&Json> {
        match claim.strip_prefix('/') {
            None => self.0.get(claim),
            Some(pointer) => {
                let (first, rest) = pointer.split_at(pointer.find('/').unwrap_or(pointer.len()));
                self.0.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
            }
        }
    }

    /// The text of a claim.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.at(claim).and_then(Json::as_str).filter(|it| !it.is_empty())
    }

    /// A claim that counts seconds since the epoch.
    pub fn seconds(&self, claim: &str) -> Option<i64> {
        let number = self.at(claim)?.as_number()?;
        number.as_i64().or_else(|| number.as_f64().map(|it| it as i64))
    }

    /// Whether a claim is this value, or a list that has it.
    pub fn has(&self, claim: &str, value: &str) -> bool {
        let is_it = |it: &Json| match it {
            Json::String(text) => text == value,
            Json::Bool(it) => value == if *it { "true" } else { "false" },
            Json::Number(it) => value.parse().is_ok_and(|value: Number| value == *it),
            _ => false,
        };
        match self.at(claim) {
            Some(Json::Array(list)) => list.iter().any(is_it),
            Some(one) => is_it(one),
            None => false,
        }
    }

    /// How the provider authenticated the person (RFC 8176), as far as it says.
    pub fn methods(&self) -> Vec<String> {
        let is_plain = |it: &&str| (1..=20).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_alphanumeric());
        let told = self.at("amr").and_then(Json::as_array).into_iter().flatten();
        told.filter_map(Json::as_str).filter(is_plain).take(10).map(str::to_owned).collect()
    }

    /// The domain of the e-mail address, if the provider has verified the address: some say so by a text, and Entra by a
    /// claim of its own.
    pub fn domain(&self) -> Option<String> {
        let is_verified = ["email_verified", "xms_edov"].iter().any(|it| self.has(it, "true") || self.has(it, "1"));
        let (user, domain) = self.text("email")?.rsplit_once('@')?;
        let is_plain = !user.is_empty() && !user.contains('@') && !domain.is_empty();
        (is_verified && is_plain).then(|| domain.to_lowercase())
    }

    /// Whether the provider left out a list because it is too long (Microsoft's groups overage).
    pub fn left_out(&self, claim: &str) -> bool {
        let name = claim.trim_start_matches('/');
        let is_named = self.at("_claim_names").is_some_and(|it| it.get(name).is_some());
        self.at(claim).is_none() && (is_named || name == "groups" && self.has("hasgroups", "true"))
    }
}

#[cfg(test)]
pub(super) fn claims(json: Json) -> Claims {
    match json {
        Json::Object(map) => Claims(map),
        other => panic!("{other} is no object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_claim_has_a_name_or_a_place() {
        let claims = claims(json!({
            "cognito:groups": ["doctors"], "https://x.example/roles": "nurse", "realm_access": { "roles": ["a", "b"] },
            "a/b": { "c": 1 }, "is": true,
        }));
        for (claim, value, is_there) in [
            ("cognito:groups", "doctors", true),
            ("cognito:groups", "doctor", false),
            ("https://x.example/roles", "nurse", true),
            ("/realm_access/roles", "b", true),
            ("/realm_access/roles/1", "b", true),
            ("/realm_access", "b", false),
            ("realm_access/roles", "b", false),
            ("/a~1b/c", "1", true),
            ("/is", "true", true),
            ("/", "", false),
        ] {
            assert_eq!(claims.has(claim, value), is_there, "{claim} {value}");
        }
    }

    #[test]
    fn an_address_has_a_domain_if_it_was_verified() {
        for (told, domain) in [
            (json!({ "email": "ana@Example.com", "email_verified": true }), Some("example.com")),
            (json!({ "email": "ana@example.com", "email_verified": "true" }), Some("example.com")),
            (json!({ "email": "ana@example.com", "xms_edov": true }), Some("example.com")),
            (json!({ "email": "ana@example.com", "email_verified": false }), None),
            (json!({ "email": "ana@example.com" }), None),
            (json!({ "email": "ana@example.com@evil.example", "email_verified": true }), None),
            (json!({ "email": "@example.com", "email_verified": true }), None),
            (json!({ "email": ["ana@example.com"], "email_verified": true }), None),
        ] {
            assert_eq!(claims(told.clone()).domain().as_deref(), domain, "{told}");
        }
    }

    #[test]
    fn groups_that_were_left_out_are_known() {
        let sources = claims(json!({ "_claim_names": { "groups": "src1" } }));
        assert!(sources.left_out("groups") && sources.left_out("/groups") && !sources.left_out("roles"));
        assert!(claims(json!({ "hasgroups": "true" })).left_out("groups"));
        assert!(!claims(json!({ "groups": [], "hasgroups": false })).left_out("groups"));
    }
}
