//! Access to what lies beside a tenant's records and is about its patients all the same, such as what apps keep
//! (SMART App Launch 2.2, app-state.html): it leaves the same events as access to records.

use super::event::Event;
use crate::{Context, Engine};
use fhir::Result;
use store::AuditEntry;

/// An interaction with something that is not among the records.
#[derive(Clone, Debug)]
pub struct Beside {
    /// Its code (valueset-type-restful-interaction.html).
    pub interaction: &'static str,
    /// AuditEvent.action.
    pub action: char,
    /// How it went, as HTTP tells it.
    pub status: u16,
    /// Where it was asked for: path and query.
    pub asked: String,
    /// The id of the patient whom it is about.
    pub patient: Option<String>,
}

impl Engine {
    /// The event of such an access, for the commit that it is; none where no log is kept.
    pub fn entries_beside(&self, ctx: &Context, access: Beside) -> Result<Vec<AuditEntry>> {
        if !self.settings.audit {
            return Ok(Vec::new());
        }
        let mut event = Event::of(ctx, access.interaction, access.action, access.status);
        event.query = Some(access.asked);
        access.patient.map(|it| event.patient(&it));
        Ok(vec![self.entry(&event)?])
    }

    /// Has the log keep such an access; the answer must not leave where that fails.
    pub async fn record_beside(&self, ctx: &Context, access: Beside) -> Result<()> {
        let entries = self.entries_beside(ctx, access)?;
        match entries.is_empty() {
            true => Ok(()),
            false => Ok(ctx.session().audit(entries).await?),
        }
    }
}
