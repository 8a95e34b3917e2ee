//! `$break-glass`: in an emergency the record of a patient is open to whoever says why, for a while; the privacy officer is
//! told, and looks at each time afterwards (`$glass-reviews`).

use super::kept::{self, Entry, Kept};
use super::operations::{begin, parameters};
use crate::mail::{self, Purpose};
use crate::{act, clock, random};
use engine::{
    Access, Answer, Call, Extra, Operation, Origin, PrivacySettings, Right, Security, SecurityEvent, break_glass,
};
use fhir::primitive::datetime;
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use store::Key;

/// How long a record is open if nobody says, and at the most, in minutes.
const MINUTES: (i64, i64) = (60, 240);
/// The fewest and the most characters of a reason.
const REASON: (usize, usize) = (10, 1000);
/// How long it is kept that a glass was broken, in milliseconds: six years.
const KEPT: i64 = 6 * 366 * 24 * 3600 * 1000;

/// A glass that was broken, kept under a name that begins with its time. Times are in milliseconds since the epoch.
#[derive(Clone, Serialize, Deserialize)]
struct Use {
    /// Who: the token's subject, and the resource that the user is.
    subject: String,
    user: String,
    /// Whose record.
    patient: String,
    /// Why, as it was said, and the purpose of use.
    reason: String,
    purpose: String,
    began: i64,
    until: i64,
    /// Whether a mail to the privacy officer was written with it.
    #[serde(default)]
    notified: bool,
    review: Option<Review>,
}

/// That somebody looked at it.
#[derive(Clone, Serialize, Deserialize)]
struct Review {
    by: String,
    at: i64,
    comment: Option<String>,
}

impl Kept for Use {
    const KIND: &'static str = "broken-glass";
}

/// `$break-glass` and `$glass-reviews`
pub fn operations() -> [Operation; 2] {
    [
        Operation {
            definition: include_str!("../../../profiles/operations/break-glass.json"),
            demands: &[(Access::Read, "Patient")],
            extras: &[Extra::Narrowed],
            run: |call| Box::pin(broken(call)),
        },
        Operation {
            definition: include_str!("../../../profiles/operations/glass-reviews.json"),
            demands: &[(Access::Read, "AuditEvent")],
            extras: &[Extra::Narrowed],
            run: |call| Box::pin(reviews(call)),
        },
    ]
}

/// Why nobody is told by mail of a glass that is broken; `None` if somebody is.
pub fn silence(settings: &PrivacySettings) -> Option<&'static str> {
    match settings.officer {
        None => Some(
            "Nobody is told by mail when a glass is broken: set the privacy officer's address, by $privacy-settings (officer). \
             Each is in the list of $glass-reviews.",
        ),
        Some(_) if !mail::is_on() => Some(
            "The privacy officer is not told by mail when a glass is broken, as this server sends none: whoever runs it sets --mail. \
             Each is in the list of $glass-reviews.",
        ),
        Some(_) => None,
    }
}

async fn broken(call: Call<'_>) -> Result<Answer> {
    let scopes = &call.ctx.caller().scopes;
    if !scopes.have(Right::BreakGlass) {
        let told = "A glass is broken by users one of whose roles has the right break-glass.";
        return Err(Failure::new(IssueType::Forbidden, told));
    }
    // An app that was granted one patient's records opens no other's.
    scopes.demand(Access::Read, "Patient")?;
    let (session, now) = (call.ctx.session(), clock::now_ms());
    let mut broken = asked(&call, now)?;
    let patient = session.read(&Key::new("Patient", &broken.patient)).await?;
    if patient.is_none_or(|it| it.is_deleted()) {
        return Err(Failure::new(IssueType::NotFound, "There is no such patient."));
    }
    let settings = PrivacySettings::find(session).await?;
    let silence = silence(&settings);
    broken.notified = silence.is_none();
    let officer = settings.officer.map(|it| it.parse()).transpose()?;
    let name = format!("{now:013}-{}", random::id());
    let changes = vec![
        break_glass(&broken.subject, &broken.patient, &broken.purpose, (now, broken.until)),
        kept::insert(name.as_str(), &broken, Some(now + KEPT))?,
    ];
    let event = SecurityEvent {
        what: Security::Emergency,
        status: 200,
        subject: broken.subject.clone(),
        origin: Origin { purposes: vec![broken.purpose.clone()], ..call.ctx.origin().clone() },
        about: None,
        asked: Some(format!("Patient/{}/$break-glass", broken.patient)),
        reason: Some(broken.reason.clone()),
    };
    let tenant = call.ctx.tenant().name();
    let is_audited = call.engine.settings().audit;
    // With the change: there is no broken glass that the log does not tell of.
    let breaking = async {
        if is_audited {
            act::begin(session, event);
        }
        mail::commit_with_notice(session, tenant, (Purpose::GlassBroken, officer.as_ref()), changes, now).await
    };
    kept::decided(act::may_act(breaking).await?)?;
    call.ctx.forget_limits();
    tracing::warn!(tenant, broken = name, notified = broken.notified, "a glass was broken");
    let mut told = vec![
        json!({ "name": "id", "valueString": name }),
        json!({ "name": "until", "valueInstant": datetime::instant(broken.until * 1000) }),
        json!({ "name": "notified", "valueBoolean": broken.notified }),
    ];
    told.extend(silence.map(|it| json!({ "name": "warning", "valueString": it })));
    Ok(parameters(&told.into()))
}

/// What is asked for, by somebody who treats.
fn asked(call: &Call<'_>, now: i64) -> Result<Use> {
    let text = |name: &str| call.arguments.text(name).unwrap_or_default().trim().to_owned();
    let caller = call.ctx.caller();
    let user = caller.fhir_user.clone().unwrap_or_default();
    if !matches!(user.rsplit('/').nth(1), Some("Practitioner" | "PractitionerRole")) {
        let told = "A glass is broken by practitioners, signed in as such (fhirUser).";
        return Err(Failure::new(IssueType::Forbidden, told));
    }
    let reason = text("reason");
    if !(REASON.0..=REASON.1).contains(&reason.chars().count()) {
        let told = format!("Say why in {} to {} characters.", REASON.0, REASON.1);
        return Err(Failure::new(IssueType::Value, told));
    }
    let (presumed, most) = MINUTES;
    let minutes = call.arguments.text("minutes").and_then(|it| it.parse().ok()).unwrap_or(presumed);
    if !(1..=most).contains(&minutes) {
        return Err(Failure::new(IssueType::Value, format!("A record is open for 1 to {most} minutes.")));
    }
    let purpose = call.arguments.text("purpose").unwrap_or("BTG").to_owned();
    if !matches!(purpose.as_str(), "BTG" | "ETREAT") {
        return Err(Failure::new(IssueType::Value, "The purpose is BTG or ETREAT."));
    }
    Ok(Use {
        subject: caller.subject.clone(),
        user,
        patient: text("patient"),
        reason,
        purpose,
        began: now,
        until: now + minutes * 60_000,
        notified: false,
        review: None,
    })
}

async fn reviews(call: Call<'_>) -> Result<Answer> {
    let scopes = &call.ctx.caller().scopes;
    if !scopes.have(Right::Reviews) {
        let told = "Who broke a glass is told to users one of whose roles has the right reviews, and to an administrator's token, \
                    of scope system/*.cruds.";
        return Err(Failure::new(IssueType::Forbidden, told));
    }
    // An app that was granted one patient's log is told of no other's.
    scopes.demand(Access::Read, "AuditEvent")?;
    let session = call.ctx.session();
    if let Some(name) = call.arguments.text("use") {
        let Some(mut broken) = kept::find::<Use>(session, name).await? else {
            return Err(Failure::new(IssueType::NotFound, "No glass was broken under this id."));
        };
        if broken.value.subject == call.ctx.caller().subject {
            return Err(Failure::new(IssueType::Forbidden, "Somebody else looks at what you did."));
        }
        if broken.value.review.is_some() {
            return Err(Failure::new(IssueType::Conflict, "Somebody has said already that they looked at it."));
        }
        // What was done before in the same Bundle has had its change.
        act::end();
        begin(&call);
        let comment = call.arguments.text("comment").map(str::to_owned);
        let by = call.ctx.caller().subject.clone();
        broken.value.review = Some(Review { by, at: clock::now_ms(), comment });
        kept::decided(kept::write(session, vec![broken.replace()?]).await?)?;
        return Ok(parameters(&json!([told(&broken)])));
    }
    let is_all = call.arguments.text("all") == Some("true");
    let mut all = kept::all::<Use>(session).await?;
    all.retain(|it| is_all || it.value.review.is_none());
    Ok(parameters(&all.iter().map(told).collect()))
}

fn told(broken: &Entry<Use>) -> Json {
    let it = &broken.value;
    let mut parts = vec![
        json!({ "name": "id", "valueString": broken.key }),
        json!({ "name": "subject", "valueString": it.subject }),
        json!({ "name": "user", "valueString": it.user }),
        json!({ "name": "patient", "valueReference": { "reference": format!("Patient/{}", it.patient) } }),
        json!({ "name": "reason", "valueString": it.reason }),
        json!({ "name": "purpose", "valueCode": it.purpose }),
        json!({ "name": "began", "valueInstant": datetime::instant(it.began * 1000) }),
        json!({ "name": "until", "valueInstant": datetime::instant(it.until * 1000) }),
        json!({ "name": "notified", "valueBoolean": it.notified }),
    ];
    if let Some(review) = &it.review {
        parts.push(json!({ "name": "reviewer", "valueString": review.by }));
        parts.push(json!({ "name": "reviewed", "valueInstant": datetime::instant(review.at * 1000) }));
        parts.extend(review.comment.as_ref().map(|it| json!({ "name": "comment", "valueString": it })));
    }
    json!({ "name": "use", "part": parts })
}
