//! What part an actor of a provision has (Consent.provision.actor.role: how they are involved in the content that the rule is about).
//! A rule of who receives data is about who asks; one of where it is from is about what is asked for.

use super::consent::actor;
use fhir::json::Value;
use store::Key;

const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
const ROLE_CLASS: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleClass";
const ROLE_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";

/// The roles that are understood: of each system, with the part that they are.
const ROLES: [(&str, &[&str], Part); 5] = [
    // Information recipients, and their kinds.
    (PARTICIPATION, &["IRCP", "NOT", "PRCP", "REFB", "REFT", "TRC"], Part::Receives),
    // What somebody is, and not that content is from them.
    (ROLE_CLASS, &["ASSIGNED", "CAREGIVER", "ECON", "EMP", "NOK", "PROV"], Part::Receives),
    (ROLE_CODE, &["DELEGATEE", "GRANTEE"], Part::Receives),
    // Of these resources tell; of who keeps them (`CST`) they do not.
    (PARTICIPATION, &["AUT", "INF"], Part::Source),
    (ROLE_CODE, &["CONSENTER", "CONSWIT", "DELEGATOR", "GRANTOR"], Part::Gives),
];

/// What part somebody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// They are to have the data, or not.
    Receives,
    /// The data is from them.
    Source,
    /// They give the consent, or stand by: no condition of it.
    Gives,
    /// It is not known.
    Unknown,
}

/// `Consent.provision.actor`.
#[derive(Clone, Debug)]
pub(super) struct Actor {
    pub(super) part: Part,
    /// Who they are, as far as that is understood.
    pub(super) key: Option<Key>,
}

impl Actor {
    pub(super) fn read(of: Value<'_>, base: &str) -> Actor {
        let part = match of.get("modifierExtension") {
            Some(_) => Part::Unknown,
            None => part(of),
        };
        Actor { part, key: of.get("reference").and_then(|it| actor(it, base)) }
    }
}

/// The part that all codes mean of which one is understood.
fn part(of: Value<'_>) -> Part {
    let codings = of.get("role").and_then(|it| it.get("coding")).into_iter().flat_map(Value::each);
    let mut parts = codings.filter_map(|it| {
        let (system, code) = (it.str("system")?, it.str("code")?);
        ROLES.iter().find(|(of, codes, _)| *of == system && codes.contains(&code)).map(|(.., part)| *part)
    });
    match parts.next() {
        Some(first) if parts.all(|it| it == first) => first,
        _ => Part::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::json::Doc;

    #[test]
    fn a_role_is_the_part_that_its_codes_agree_on() {
        let coding = |(system, code): &(&str, &str)| format!(r#"{{"system":"{system}","code":"{code}"}}"#);
        for (codings, told) in [
            (&[(PARTICIPATION, "IRCP")][..], Part::Receives),
            (&[(ROLE_CLASS, "PROV")], Part::Receives),
            (&[(PARTICIPATION, "AUT")], Part::Source),
            (&[(ROLE_CODE, "GRANTOR")], Part::Gives),
            (&[("urn:local", "doctor"), (PARTICIPATION, "PRCP")], Part::Receives),
            (&[(PARTICIPATION, "PRCP"), (PARTICIPATION, "AUT")], Part::Unknown),
            (&[(PARTICIPATION, "CST")], Part::Unknown),
            (&[("urn:local", "IRCP")], Part::Unknown),
            (&[], Part::Unknown),
        ] {
            let codings: Vec<String> = codings.iter().map(coding).collect();
            let actor = format!(r#"{{"role":{{"coding":[{}],"text":"r"}}}}"#, codings.join(","));
            let actor = actor.replace(r#""coding":[],"#, "");
            assert_eq!(Actor::read(Doc::parse(actor.clone()).unwrap().root(), "").part, told, "{actor}");
        }
    }
}
