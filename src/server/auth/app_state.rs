//! What apps keep here of themselves (SMART App Launch 2.2, app-state.html): `Basic` resources that lie apart from the
//! tenant's records, and that nobody sees but the app that keeps them.

use super::Holder;
use super::kept::{self, Entry, Kept};
use crate::random;
use engine::{Access, Grant, Level};
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};
use store::{LedgerChange, Session};

/// The largest state, in bytes (app-state.html#create).
pub const LARGEST: usize = 256 * 1024;
/// The most states of one app with the same code and subject.
pub const MOST: usize = 10;
/// What a state may be about.
const SUBJECTS: [&str; 5] = ["Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person"];

/// A state, kept under its app's id and its own.
#[derive(Clone, Serialize, Deserialize)]
pub struct AppState {
    /// What kind of state it is, and about whom.
    pub topic: Topic,
    /// When it was last changed, in milliseconds since the epoch.
    updated: i64,
    /// The resource as the app sent it.
    resource: Map<String, Json>,
}

impl Kept for AppState {
    const KIND: &'static str = "app-state";
}

/// A state's code, and whom it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// The code's system.
    pub system: String,
    /// The code.
    pub code: String,
    /// A resource of the tenant: `Patient/1`; none for what is about the app as a whole.
    pub subject: Option<String>,
}

impl Topic {
    /// What ids of states of this topic begin with.
    fn prefix(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.system, &self.code, self.subject.as_deref().unwrap_or_default()] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        let start = hash.finalize().iter().take(10).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        format!("{start}-")
    }

    /// The topic of a resource; `bases` are the addresses of the tenant.
    pub fn of(resource: &Map<String, Json>, bases: &[String]) -> Result<Topic> {
        let codings =
            resource.get("code").and_then(|it| it["coding"].as_array()).map(Vec::as_slice).unwrap_or_default();
        let [coding] = codings else { return Err(refused("Basic.code.coding has exactly one Coding.")) };
        let (Some(system), Some(code)) = (coding["system"].as_str(), coding["code"].as_str()) else {
            return Err(refused("The Coding in Basic.code has a system and a code."));
        };
        let subject = match resource.get("subject") {
            None => None,
            Some(subject) => {
                let told = "Basic.subject has a reference: the whole address of a resource of this tenant.";
                let reference = subject["reference"].as_str().ok_or_else(|| refused(told))?;
                let below = bases.iter().find_map(|it| reference.strip_prefix(it.as_str())?.strip_prefix('/'));
                Some(checked_subject(below.ok_or_else(|| refused(told))?)?)
            }
        };
        Ok(Topic { system: system.to_owned(), code: code.to_owned(), subject })
    }
}

/// A relative reference to something that a state may be about.
pub fn checked_subject(reference: &str) -> Result<String> {
    let is_id = |it: &str| {
        (1..=64).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.'))
    };
    match reference.split_once('/') {
        Some((of, id)) if SUBJECTS.contains(&of) && is_id(id) => Ok(reference.to_owned()),
        _ => Err(refused("The subject is a Patient, Practitioner, PractitionerRole, RelatedPerson or Person.")),
    }
}

/// Fails unless a resource is as a state has to be: what is not kept is not taken.
pub fn check(resource: &Map<String, Json>) -> Result<()> {
    const TAKEN: [&str; 7] = ["resourceType", "id", "meta", "language", "code", "subject", "extension"];
    if let Some(other) = resource.keys().find(|it| !TAKEN.contains(&it.as_str())) {
        let told = format!("App state has code, subject and extension; {} is not kept.", fhir::outcome::shown(other));
        return Err(refused(told));
    }
    let extensions = resource.get("extension").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_string = |it: &Json| it["valueString"].is_string() && it.as_object().is_some_and(|it| it.len() == 2);
    match extensions.iter().all(is_string) {
        true => Ok(()),
        false => Err(refused("Extensions of app state have a url and a valueString.")),
    }
}

/// Whether an app may do this with states of a topic. `is_own_role` says that the subject is a role of the user.
pub fn may(holder: &Holder, access: Access, topic: &Topic, is_own_role: bool) -> bool {
    let user = holder.fhir_user.as_deref();
    let patient = holder.patient.as_ref().map(|it| format!("Patient/{it}"));
    let is_about = |it: Option<&str>| it.is_some() && it == topic.subject.as_deref();
    let reaches = |grant: &Grant| match grant.level {
        Level::System => true,
        Level::Patient => is_about(patient.as_deref()),
        // What all who use the app share is not changed by a patient.
        Level::User if topic.subject.is_none() => {
            access == Access::Search || user.is_some_and(|it| it.starts_with("Practitioner/"))
        }
        Level::User => is_about(user) || is_about(patient.as_deref()) || is_own_role,
    };
    let grants = holder.scope.split_whitespace().filter_map(Grant::parse);
    grants.filter(|it| it.of == "*" || it.of == "Basic").any(|it| it.has(access) && covers(&it, topic) && reaches(&it))
}

/// Whether a scope's criteria hold for a topic. Beside none they can be a code; with others it grants nothing here.
fn covers(grant: &Grant, topic: &Topic) -> bool {
    let Some(criteria) = &grant.criteria else { return true };
    let token = format!("{}|{}", topic.system, topic.code);
    form_urlencoded::parse(criteria.as_bytes()).all(|(name, value)| name == "code" && value == token)
}

/// The app's own states of a topic.
pub async fn find(session: &dyn Session, client: &str, topic: &Topic) -> Result<Vec<Entry<AppState>>> {
    kept::beginning(session, &key(client, &topic.prefix()), MOST).await
}

/// The app's own state with this id.
pub async fn read(session: &dyn Session, client: &str, id: &str) -> Result<Option<Entry<AppState>>> {
    kept::find(session, &key(client, id)).await
}

/// The id of a new state, and the change that keeps it.
pub async fn create(
    session: &dyn Session,
    client: &str,
    topic: Topic,
    resource: Map<String, Json>,
    now: i64,
) -> Result<(String, LedgerChange)> {
    if find(session, client, &topic).await?.len() >= MOST {
        let told = format!("The app keeps {MOST} states of this code and subject already; change or delete one.");
        return Err(Failure::new(IssueType::BusinessRule, told));
    }
    let unique: String = random::id().chars().filter(|it| *it != '-').take(20).collect();
    let id = format!("{}{unique}", topic.prefix());
    let state = AppState { topic, updated: now, resource };
    let change = kept::insert(key(client, &id), &state, None)?;
    Ok((id, change))
}

/// The change that keeps another content of a state.
pub fn update(mut entry: Entry<AppState>, resource: Map<String, Json>, now: i64) -> Result<LedgerChange> {
    entry.value.resource = resource;
    entry.value.updated = now;
    entry.replace()
}

/// A state as its app gets it.
pub fn rendered(entry: &Entry<AppState>) -> Json {
    let id = entry.key.rsplit('/').next().unwrap_or_default();
    let mut resource = entry.value.resource.clone();
    let mut meta = resource.remove("meta").unwrap_or_else(|| json!({}));
    meta["versionId"] = entry.version().to_string().into();
    meta["lastUpdated"] = fhir::primitive::datetime::instant(entry.value.updated * 1000).into();
    let mut whole = Map::new();
    whole.insert("resourceType".into(), "Basic".into());
    whole.insert("id".into(), id.into());
    whole.insert("meta".into(), meta);
    resource.retain(|name, _| !whole.contains_key(name));
    whole.extend(resource);
    whole.into()
}

fn key(client: &str, id: &str) -> String {
    format!("{client}/{id}")
}

fn refused(told: impl Into<String>) -> Failure {
    Failure::new(IssueType::Value, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(subject: Option<&str>) -> Topic {
        Topic { system: "https://app.example".into(), code: "prefs".into(), subject: subject.map(str::to_owned) }
    }

    #[test]
    fn scopes_reach_the_patient_the_user_and_the_app() {
        let may = |scope: &str, access, subject: Option<&str>, is_own_role| {
            let holder = Holder {
                scope: scope.into(),
                patient: Some("1".into()),
                fhir_user: Some("Practitioner/9".into()),
                ..Holder::default()
            };
            may(&holder, access, &topic(subject), is_own_role)
        };
        for (scope, access, subject, is_own_role, expected) in [
            ("patient/Basic.cuds", Access::Create, Some("Patient/1"), false, true),
            ("patient/Basic.cuds", Access::Create, Some("Patient/2"), false, false),
            ("patient/Basic.cuds", Access::Search, None, false, false),
            ("patient/Basic.s", Access::Update, Some("Patient/1"), false, false),
            ("user/Basic.cuds", Access::Update, Some("Practitioner/9"), false, true),
            ("user/Basic.cuds", Access::Update, Some("Practitioner/8"), false, false),
            ("user/*.cruds", Access::Update, Some("Patient/1"), false, true),
            ("user/Basic.cuds", Access::Update, Some("PractitionerRole/3"), true, true),
            ("user/Basic.cuds", Access::Update, None, false, true),
            ("system/Basic.cuds", Access::Delete, Some("Patient/2"), false, true),
            ("user/Observation.cruds", Access::Search, None, false, false),
            ("user/Basic.s?code=https://app.example|prefs", Access::Search, None, false, true),
            ("user/Basic.s?code=https://app.example|other", Access::Search, None, false, false),
            ("user/Basic.s?code=https://app.example|prefs&author=x", Access::Search, None, false, false),
        ] {
            assert_eq!(may(scope, access, subject, is_own_role), expected, "{scope} {access:?} {subject:?}");
        }
    }

    #[test]
    fn a_patient_does_not_change_what_all_share() {
        let holder =
            Holder { scope: "user/Basic.cuds".into(), fhir_user: Some("Patient/1".into()), ..Holder::default() };
        assert!(may(&holder, Access::Search, &topic(None), false));
        assert!(!may(&holder, Access::Create, &topic(None), false));
    }

    #[test]
    fn topics_have_prefixes_of_their_own() {
        assert_ne!(topic(None).prefix(), topic(Some("Patient/1")).prefix());
        assert_eq!(topic(None).prefix().len(), 21);
    }
}
