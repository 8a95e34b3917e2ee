//! Whose those resources are that point at others: what they point at is looked up for all events of a request at once, before these
//! go into the log. What is written in the same commit is known without.

use super::event::Event;
use super::known::{Budget, Known};
use super::pointed::Record;
use super::trail::{Left, Pointing};
use super::waiting::unrecorded;
use crate::unique::Draft;
use crate::{Context, Engine};
use fhir::{Failure, IssueType, Result};
use std::sync::Arc;
use store::{Error, Key, Session};

/// A resource that was touched and points at records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Touched {
    pub(super) key: Key,
    pub(super) version: i64,
    /// Whose it is of itself, by numbers of the event's patients.
    pub(super) owners: Vec<u32>,
    pub(super) records: Vec<Record>,
}

impl Engine {
    /// Tells events whose the resources are that point at records. Where that fails they say of how many it is not told.
    async fn tell_whose(
        session: &dyn Session,
        base: &str,
        events: &mut [&mut Event],
        written: &[Draft],
    ) -> store::Result<()> {
        let mut known = Known::within(Budget::WHOLE);
        let records = known.missing(events.iter().flat_map(|it| it.pointing.iter().flat_map(|it| &it.records)));
        known.learn_written(&records, written, base);
        let looked = async {
            let missing = known.missing(records.iter());
            known.look_up(session, base, &missing).await?;
            let contexts = known.contexts();
            known.learn_written(&contexts, written, base);
            let missing = known.missing(contexts.iter());
            known.look_up(session, base, &missing).await
        }
        .await;
        events.iter_mut().for_each(|it| it.settle(&known));
        looked
    }

    /// The same of events that are to be written with what they tell of.
    pub(super) async fn tell_whose_written(&self, ctx: &Context, events: &mut [Event], drafts: &[Draft]) -> Result<()> {
        let mut pointing: Vec<&mut Event> = events.iter_mut().filter(|it| !it.pointing.is_empty()).collect();
        match pointing.is_empty() {
            true => Ok(()),
            false => {
                let told = Box::pin(Self::tell_whose(ctx.session(), ctx.base(), &mut pointing, drafts)).await;
                told.map_err(unwritten)
            }
        }
    }

    /// The same of what a request left; nothing is looked up where it failed so that its answer tells nothing.
    pub(super) async fn tell_whose_left(&self, left: &mut [Left], is_told: bool) -> Result<()> {
        let mut pointing: Vec<&mut Pointing> =
            left.iter_mut().filter_map(|it| if let Left::Pointing(it) = it { Some(&mut **it) } else { None }).collect();
        let Some(first) = pointing.first() else { return Ok(()) };
        let (session, base) = (first.ctx.session.clone(), Arc::clone(&first.ctx.base));
        let mut events: Vec<&mut Event> = pointing.iter_mut().map(|it| &mut it.event).collect();
        let looked = match is_told {
            true => Self::tell_whose(&*session, &base, &mut events, &[]).await.map_err(unrecorded),
            false => {
                events.iter_mut().for_each(|it| it.settle(&Known::within(Budget::WHOLE)));
                Ok(())
            }
        };
        for Pointing { event, ctx } in pointing {
            event.tell_emergency(ctx);
        }
        looked
    }
}

/// Of what is not written, as its event cannot be made. No query of the client's was too long.
fn unwritten(cause: Error) -> Failure {
    let told =
        "Whose the records are that this tells of could not be looked up in time, so nothing was changed; try again.";
    match cause {
        Error::Timeout => Failure { cause: Some(Box::new(cause)), ..Failure::new(IssueType::Transient, told) },
        cause => cause.into(),
    }
}
