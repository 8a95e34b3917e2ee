//! What users' own resources say of them now: whether they still act as who they are, and whose records are their own.

use super::account::{Account, found, user_key};
use fhir::Result;
use fhir::json::{Doc, Value};
use fhir::primitive::datetime;
use store::{Key, Session};

/// The most links of a Person that are looked at.
const MOST_LINKS: usize = 20;

/// A user who acts as the resource that the account names.
pub struct Standing {
    /// The patient whose records a user who is no professional has: the user, or whom a RelatedPerson belongs to.
    pub patient: Option<String>,
}

/// How a user stands at a time (milliseconds since the epoch); `None` if the user's resource is gone or no longer active,
/// or a RelatedPerson's relation is over or has not begun (relatedperson.html).
pub async fn standing(session: &dyn Session, account: &Account, now: i64) -> Result<Option<Standing>> {
    let key = user_key(&account.fhir_user)?;
    let Some(own) = active(session, &key).await? else { return Ok(None) };
    let patient = match key.of.as_str() {
        "Patient" => Some(key.id),
        "RelatedPerson" => match related(own.root(), now).map(|it| Key::new("Patient", it)) {
            Some(of) if active(session, &of).await?.is_some() => Some(of.id),
            _ => return Ok(None),
        },
        "Person" => linked_patient(session, own.root()).await?,
        _ => None,
    };
    Ok(Some(Standing { patient }))
}

/// The patient that a Person is (person.html#links): the only one who is linked, as sure as may be where the link says
/// so, and active.
async fn linked_patient(session: &dyn Session, person: Value<'_>) -> Result<Option<String>> {
    let links = person.get("link").into_iter().flat_map(Value::each);
    let is_sure = |it: &Value<'_>| it.str("assurance").is_none_or(|it| matches!(it, "level3" | "level4"));
    let targets = links.filter(is_sure).filter_map(|it| it.get("target")?.str("reference")?.strip_prefix("Patient/"));
    let mut found = None;
    for id in targets.take(MOST_LINKS) {
        if active(session, &Key::new("Patient", id)).await?.is_none() {
            continue;
        }
        // Of two it cannot be told whose records are meant.
        if found.replace(id.to_owned()).is_some_and(|it| it != id) {
            return Ok(None);
        }
    }
    Ok(found)
}

/// A resource that is there and not said to be inactive.
async fn active(session: &dyn Session, key: &Key) -> Result<Option<Doc>> {
    let is_active = |it: &Doc| it.root().get("active").and_then(|it| it.as_bool()) != Some(false);
    Ok(found(session, key).await?.filter(is_active))
}

/// The id of the patient to whom a RelatedPerson is related at a time.
fn related(person: Value<'_>, now: i64) -> Option<&str> {
    if !person.get("period").is_none_or(|it| is_within(it, now)) {
        return None;
    }
    person.get("patient")?.str("reference")?.strip_prefix("Patient/")
}

/// Whether a time lies in a Period (datatypes.html#Period). Where an end cannot be read, it does not.
fn is_within(period: Value<'_>, now: i64) -> bool {
    let now = now.saturating_mul(1000);
    let holds = |name, test: fn(datetime::Range, i64) -> bool| {
        period.str(name).is_none_or(|it| datetime::range(it).is_some_and(|range| test(range, now)))
    };
    holds("start", |start, now| start.low <= now) && holds("end", |end, now| now <= end.high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2020-06-15T12:00:00Z
    const NOW: i64 = 1_592_222_400_000;

    #[test]
    fn a_relation_holds_for_its_period() {
        for (period, is_related) in [
            ("", true),
            (r#","period":{}"#, true),
            (r#","period":{"start":"2020"}"#, true),
            (r#","period":{"end":"2020-06-15"}"#, true),
            (r#","period":{"start":"2019-01","end":"2020"}"#, true),
            (r#","period":{"start":"2020-06-15T12:00:00Z","end":"2020-06-15T12:00:00Z"}"#, true),
            (r#","period":{"end":"2020-06-14"}"#, false),
            (r#","period":{"start":"2020-06-16"}"#, false),
            (r#","period":{"start":"2020","end":"2020-06-15T11:59:59Z"}"#, false),
            (r#","period":{"end":"soon"}"#, false),
        ] {
            let text = format!(r#"{{"resourceType":"RelatedPerson","patient":{{"reference":"Patient/1"}}{period}}}"#);
            let doc = Doc::parse(&text).unwrap();
            assert_eq!(related(doc.root(), NOW).is_some(), is_related, "{period}");
        }
    }
}
