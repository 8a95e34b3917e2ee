//! What happens to a tenant's security, entered in the tenant's audit log.

use crate::auth::Holder;
use crate::http::Proxies;
use crate::{clock, random};
use axum::http::request::Parts;
use engine::{Origin, Security, SecurityEvent};
use fhir::Result;
use store::Session;

/// Who is named where nobody proved to be somebody.
pub const UNKNOWN: &str = "unknown";
/// Who works with the program's commands: whoever may open the database.
const OPERATOR: &str = "operator";

/// The name that a request got, for whoever carries it out.
#[derive(Clone)]
pub struct RequestId(pub String);

/// Where a request comes from, and by whose token.
pub fn origin(parts: &Parts, proxies: &Proxies, holder: &Holder) -> Origin {
    Origin {
        client: holder.client.clone(),
        user: holder.fhir_user.clone(),
        address: proxies.client(parts).map(|it| it.to_string()),
        request: parts.extensions.get::<RequestId>().map(|it| it.0.clone()),
        purposes: Vec::new(),
    }
}

/// What the operator does by a command.
pub fn of_operator(what: Security, about: Option<&str>) -> SecurityEvent {
    SecurityEvent {
        what,
        status: 200,
        subject: OPERATOR.to_owned(),
        origin: Origin { client: Some("medisync".to_owned()), ..Origin::default() },
        about: about.map(str::to_owned),
        asked: None,
        reason: None,
    }
}

/// Enters what the operator did by a command: it is done.
pub async fn by_operator(session: &dyn Session, what: Security, about: Option<&str>) -> Result<()> {
    let event = of_operator(what, about);
    Ok(session.audit(vec![event.entry(random::id(), clock::now_ms())?]).await?)
}
