//! Events of a tenant's security beside its RESTful interactions: who signed in, which tokens were given out, who was
//! entered or left out. Their types are DICOM's (PS3.15 annex A.5.3, PS3.16 CID 400), as IHE's are.

use super::entities::Entities;
use super::event::{Agent, Event, Origin};
use super::patients::PATIENT;
use fhir::Result;
use store::AuditEntry;

/// DICOM's codes.
pub(super) const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
/// IHE's transactions.
const ITI: &str = "urn:ihe:event-type-code";

/// A code with its display.
type Code = (&'static str, &'static str, &'static str);

macro_rules! security {
    ($($(#[$doc:meta])* $name:ident $text:literal $action:literal $kind:expr, $detail:expr;)*) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Security { $($(#[$doc])* $name,)* }

        impl Security {
            const ALL: &'static [Security] = &[$(Security::$name),*];

            /// As the log calls it.
            fn text(self) -> &'static str {
                match self { $(Security::$name => $text,)* }
            }

            /// AuditEvent.action.
            fn action(self) -> char {
                match self { $(Security::$name => $action,)* }
            }

            /// AuditEvent.type.
            pub(super) fn kind(self) -> Code {
                match self { $(Security::$name => $kind,)* }
            }

            /// AuditEvent.subtype.
            pub(super) fn detail(self) -> Code {
                match self { $(Security::$name => $detail,)* }
            }
        }
    };
}

const AUTHENTICATION: Code = (DCM, "110114", "User Authentication");
const ALERT: Code = (DCM, "110113", "Security Alert");

security! {
    /// Somebody signed in, or tried to.
    SignIn "sign-in" 'E' AUTHENTICATION, (DCM, "110122", "Login");
    /// Somebody signed out.
    SignOut "sign-out" 'E' AUTHENTICATION, (DCM, "110123", "Logout");
    /// An access token was asked for.
    Token "token" 'E' AUTHENTICATION, (ITI, "ITI-71", "Get Access Token");
    /// A token was asked about.
    Introspection "introspection" 'E' AUTHENTICATION, (ITI, "ITI-102", "Introspect Token");
    /// An app asked who its user is.
    UserInfo "userinfo" 'R' AUTHENTICATION, (DCM, "110112", "Query");
    /// A token, and all of its grant, was revoked.
    Revocation "revocation" 'D' ALERT, (DCM, "110135", "Object Security Attributes Changed");
    /// A request came without a good token.
    Denied "denied" 'E' ALERT, (DCM, "110132", "Use of Restricted Function");
    /// Requests were refused as there were too many.
    Throttled "throttled" 'E' ALERT, ("http://hl7.org/fhir/issue-type", "throttled", "Throttled");
    /// A user was entered or changed: password, second factor, address, links.
    User "user" 'U' ALERT, (DCM, "110137", "User Security Attributes Changed");
    /// What a user may do was changed.
    Roles "roles" 'U' ALERT, (DCM, "110136", "Security Roles Changed");
    /// A tenant was erased, or is being.
    Erasure "erasure" 'D' ALERT, ("http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "destroy", "Destroy/Delete Record Lifecycle Event");
    /// Somebody of the platform is let in for a while.
    Elevation "elevation" 'E' ALERT, (DCM, "110136", "Security Roles Changed");
    /// A record was opened in an emergency that is closed to the caller otherwise.
    Emergency "emergency" 'E' ALERT, (DCM, "110127", "Emergency Override Started");
    /// A client, an API key, a provider or another setting of the tenant's security was changed.
    Configuration "configuration" 'U' ALERT, (DCM, "110129", "Security Configuration");
}

impl Security {
    /// What the log calls so.
    pub(super) fn of(text: &str) -> Option<Security> {
        Security::ALL.iter().copied().find(|it| it.text() == text)
    }
}

/// Something that happened to a tenant's security.
#[derive(Clone, Debug)]
pub struct SecurityEvent {
    /// What.
    pub what: Security,
    /// How it went, as HTTP tells it.
    pub status: u16,
    /// Who did it, or said so: a user's or a client's name, or the operator's command.
    pub subject: String,
    /// From where.
    pub origin: Origin,
    /// Whom or what it is about: a user's or a client's name.
    pub about: Option<String>,
    /// The address that was asked, without its query, which may hold secrets.
    pub asked: Option<String>,
    /// Why, in the words of who did it.
    pub reason: Option<String>,
}

impl SecurityEvent {
    /// As the log takes it, with a name of its own and the time in milliseconds since the epoch.
    pub fn entry(self, id: String, now: i64) -> Result<AuditEntry> {
        let SecurityEvent { what, status, subject, origin, about, asked, reason } = self;
        let agent = Agent { subject, roles: Vec::new(), origin };
        let mut entities = Entities::default();
        about.iter().for_each(|it| entities.add_text(it));
        let patients: Vec<String> = asked.as_deref().and_then(patient).into_iter().map(str::to_owned).collect();
        let (what, action) = (what.text().into(), what.action());
        let event = Event { what, action, status, agent, entities, patients, query: asked, reason, ..Event::default() };
        event.entry(id, now)
    }
}

/// The id of the patient that an address names.
fn patient(asked: &str) -> Option<&str> {
    let mut parts = asked.split(['/', ' ']).skip_while(|it| *it != PATIENT).skip(1);
    parts.next().filter(|it| fhir::primitive::is_id(it))
}
