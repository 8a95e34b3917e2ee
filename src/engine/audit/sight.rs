//! Of whose records somebody may be told who sees some AuditEvents: an event of several patients tells of those alone whom
//! its reader may see.

use super::AUDIT_EVENT;
use super::event::Event;
use super::patients::{PATIENT, each_patient};
use crate::access::Bounds;
use crate::{Context, Engine};
use fhir::Result;
use fhir::json::{Doc, quote};
use fhir::search::Filter;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::{Arc, Mutex, PoisonError};
use store::Key;

/// What a caller may see of the log.
#[derive(Default)]
pub(super) struct Sight<'c> {
    /// What an event must pass, as it is shown.
    pub(super) bounds: Bounds,
    /// The only patient whose records the caller may be told of.
    pub(super) only: Option<&'c str>,
    /// What rules leave of the log.
    pub(super) left: Arc<Filter>,
    /// Of which patients the caller may be told, as far as that was asked.
    pub(super) known: Arc<Mutex<FxHashMap<String, bool>>>,
}

impl Sight<'_> {
    /// The same, of what passes a filter as well.
    pub(super) fn joined(&self, mut filter: Bounds) -> Self {
        filter.extend(self.bounds.iter().cloned());
        Sight { bounds: filter, only: self.only, left: self.left.clone(), known: self.known.clone() }
    }
}

/// The patients of an event that may be told of.
pub(super) type Told = FxHashSet<String>;

impl Engine {
    /// Of which of an event's patients the caller is told: of some, or (the inner `None`) of all there are; `None` where it
    /// has patients, and may be told of none.
    pub(super) fn told(&self, ctx: &Context, sight: &Sight<'_>, event: &Event) -> Result<Option<Option<Told>>> {
        if sight.only.is_none() && sight.left.is_empty() {
            return Ok(Some(None));
        }
        let mut told = Told::default();
        for id in &event.patients {
            if self.tells_of(ctx, sight, id)? {
                told.insert(id.clone());
            }
        }
        let is_all = sight.only.is_none() && told.len() == event.patients.len();
        let is_nothing = told.is_empty() && !event.patients.is_empty();
        Ok((!is_nothing).then_some((!is_all).then_some(told)))
    }

    /// Whether the caller may be told of all patients that an AuditEvent names that was sent as a whole.
    pub(super) fn tells_of_all(&self, ctx: &Context, sight: &Sight<'_>, body: &[u8]) -> Result<bool> {
        let mut named = Vec::new();
        each_patient(AUDIT_EVENT, "", body, ctx.base(), |id| named.push(id));
        for id in named {
            if !self.tells_of(ctx, sight, id)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether rules leave the caller what the log says of a patient.
    fn tells_of(&self, ctx: &Context, sight: &Sight<'_>, id: &str) -> Result<bool> {
        if sight.only.is_some_and(|only| only != id) {
            return Ok(false);
        }
        let mut known = sight.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(id) {
            return Ok(*known);
        }
        let reference = quote(&format!("{PATIENT}/{id}"));
        let about = format!(r#"{{"resourceType":"{AUDIT_EVENT}","entity":[{{"what":{{"reference":{reference}}}}}]}}"#);
        let about = Doc::parse(about).map_err(fhir::Failure::internal)?;
        let is_told = self.holds(ctx, &Key::new(AUDIT_EVENT, ""), about.root(), 0, &sight.left)?;
        known.insert(id.to_owned(), is_told);
        Ok(is_told)
    }
}
