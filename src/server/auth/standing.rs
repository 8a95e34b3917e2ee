//! What users' own resources say of them now: whom they act as, whether that still holds, and whose records are their own.

use super::account::{Account, found, user_key};
use fhir::Result;
use fhir::json::{Doc, Value};
use fhir::primitive::datetime;
use store::{Key, Session};

/// The most links of a Person that are looked at.
const MOST_LINKS: usize = 20;

/// A user who acts as a resource: the one that the account names or, where that is a Person, one that it is linked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The resource that the user acts as: `Practitioner/1`.
    pub fhir_user: String,
    /// The patient whose records a user who is no professional has: the user, or whom a RelatedPerson belongs to.
    pub patient: Option<String>,
    /// Which of the account's roles hold.
    pub side: Side,
}

/// Which of somebody's roles hold: one and the same Person works here and is treated here, and does not do both at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// All: the account is tied to what the user acts as.
    Both,
    /// A Person's, who acts as a Practitioner: those that are not for patients.
    Professional,
    /// A Person's, who acts as a Patient or RelatedPerson: those that are for patients.
    Patient,
}

impl Side {
    /// Where the user of an account stands who acts as this resource.
    pub fn of(account: &Account, fhir_user: &str) -> Side {
        match (account.fhir_user.starts_with("Person/"), fhir_user.starts_with("Practitioner/")) {
            (false, _) => Side::Both,
            (true, true) => Side::Professional,
            (true, false) => Side::Patient,
        }
    }
}

/// All whom a user can act as at a time (milliseconds since the epoch): nobody if the user's resource is gone or no longer
/// active, or a RelatedPerson's relation is over or has not begun (relatedperson.html).
pub async fn all(session: &dyn Session, account: &Account, now: i64) -> Result<Vec<Standing>> {
    let mut all = Vec::new();
    for key in identities(session, account).await? {
        all.extend(standing(session, account, &key, now).await?);
    }
    Ok(all)
}

/// How a user stands who acts as this resource at a time; `None` if that is not the user, or no longer.
pub async fn acting_as(
    session: &dyn Session,
    account: &Account,
    fhir_user: &str,
    now: i64,
) -> Result<Option<Standing>> {
    let key = user_key(fhir_user)?;
    match identities(session, account).await?.contains(&key) {
        true => standing(session, account, &key, now).await,
        false => Ok(None),
    }
}

/// Whom a user acts as who chose this resource, or none: the only one where there is one. `None` where one is to be chosen
/// or there is none.
pub fn chosen<'a>(all: &'a [Standing], chosen: Option<&str>) -> Option<&'a Standing> {
    match all {
        [only] => Some(only),
        all => all.iter().find(|it| Some(it.fhir_user.as_str()) == chosen),
    }
}

/// The resources that an account names: its own or, of a Person, those that the Person is surely linked with.
async fn identities(session: &dyn Session, account: &Account) -> Result<Vec<Key>> {
    let own = user_key(&account.fhir_user)?;
    if own.of != "Person" {
        return Ok(vec![own]);
    }
    Ok(active(session, &own).await?.map(|it| linked(it.root())).unwrap_or_default())
}

/// Whom a Person is (person.html#links): those linked as surely as may be, where the link says how surely.
fn linked(person: Value<'_>) -> Vec<Key> {
    let links = person.get("link").into_iter().flat_map(Value::each).take(MOST_LINKS);
    let is_sure = |it: &Value<'_>| it.str("assurance").is_none_or(|it| matches!(it, "level3" | "level4"));
    let targets = links.filter(is_sure).filter_map(|it| user_key(it.get("target")?.str("reference")?).ok());
    let mut linked: Vec<Key> = Vec::new();
    for key in targets.filter(|it| it.of != "Person") {
        if !linked.contains(&key) {
            linked.push(key);
        }
    }
    linked
}

async fn standing(session: &dyn Session, account: &Account, key: &Key, now: i64) -> Result<Option<Standing>> {
    let Some(own) = active(session, key).await? else { return Ok(None) };
    let patient = match key.of.as_str() {
        "Patient" => Some(key.id.clone()),
        "RelatedPerson" => match related(own.root(), now).map(|it| Key::new("Patient", it)) {
            Some(of) if active(session, &of).await?.is_some() => Some(of.id),
            _ => return Ok(None),
        },
        _ => None,
    };
    let fhir_user = key.to_string();
    Ok(Some(Standing { side: Side::of(account, &fhir_user), fhir_user, patient }))
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
    fn a_person_is_whom_links_name_surely() {
        let link = |target: &str, assurance: &str| {
            let assurance = if assurance.is_empty() { String::new() } else { format!(r#","assurance":"{assurance}""#) };
            format!(r#"{{"target":{{"reference":"{target}"}}{assurance}}}"#)
        };
        let links = [
            link("Patient/1", "level4"),
            link("Practitioner/2", "level3"),
            link("RelatedPerson/3", ""),
            link("Patient/1", ""),
            link("Patient/4", "level2"),
            link("Practitioner/5", "level1"),
            link("Person/6", "level4"),
            link("https://elsewhere.example/Patient/7", "level4"),
            r#"{"assurance":"level4"}"#.to_owned(),
        ];
        let doc = Doc::parse(format!(r#"{{"resourceType":"Person","link":[{}]}}"#, links.join(","))).unwrap();
        let linked: Vec<String> = linked(doc.root()).iter().map(Key::to_string).collect();
        assert_eq!(linked, ["Patient/1", "Practitioner/2", "RelatedPerson/3"]);
    }

    #[test]
    fn the_only_one_need_not_be_chosen() {
        let one = |it: &str| Standing { fhir_user: it.into(), patient: None, side: Side::Both };
        let two = [one("Patient/1"), one("Practitioner/2")];
        let chosen = |all, it| chosen(all, it).map(|it| it.fhir_user.as_str());
        assert_eq!(chosen(&two[..1], None), Some("Patient/1"));
        assert_eq!(chosen(&two[..1], Some("Practitioner/2")), Some("Patient/1"));
        assert_eq!((chosen(&two, None), chosen(&two, Some("Patient/3"))), (None, None));
        assert_eq!(chosen(&two, Some("Practitioner/2")), Some("Practitioner/2"));
        assert_eq!(chosen(&[], Some("Patient/1")), None);
    }

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
