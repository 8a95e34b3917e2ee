//! `$everything` of a patient (patient-operation-everything.html) and of an encounter
//! (encounter-operation-everything.html): the members of the compartment, then what these need to be understood.
//!
//! Members come in the order of the store, what supports them in the order of type and id, and a page's token tells
//! how far either list was given: nothing comes twice, and nothing that did not change is skipped. The records of all
//! patients together come otherwise ([`all`]).

mod all;
mod record;
mod support;

use engine::{Access, Answer, Call, Extra, Operation};
use fhir::outcome::outcome;
use fhir::{Failure, Issue, IssueType, Result};
use record::Record;
use store::{Plan, Position, SortValue, Stored};
use support::Support;

/// Members that are looked through at once for what they refer to.
const BATCH: usize = 1000;

/// `$everything` of each type that has it.
pub(crate) fn operations() -> [Operation; 2] {
    [
        Operation {
            definition: include_str!("../../../profiles/operations/patient-everything.json"),
            demands: &[(Access::Read, "Patient")],
            extras: &[Extra::Pages, Extra::Narrowed],
            run: |call| Box::pin(everything(call, "Patient")),
        },
        Operation {
            definition: include_str!("../../../profiles/operations/encounter-everything.json"),
            demands: &[(Access::Read, "Encounter")],
            extras: &[Extra::Pages, Extra::Narrowed],
            run: |call| Box::pin(everything(call, "Encounter")),
        },
    ]
}

/// Where a page begins.
enum Place {
    /// Among the members, behind this position.
    Members(Option<Position>),
    /// Among what supports them, behind this key.
    Support(String),
}

async fn everything(call: Call<'_>, of: &str) -> Result<Answer> {
    let record = Record::of(&call, of)?;
    if record.is_of_all() {
        let page = all::page(&record, call.position()?, limit(&call, call.engine.settings().max_count)?).await?;
        return bundle(&call, &record, page.total, page.next.as_ref(), &page.members, &page.support);
    }
    let limit = limit(&call, call.engine.settings().max_includes)?;
    let (mut members, mut support, mut next) = (Vec::new(), Vec::new(), None);
    let place = place(call.position()?);
    let is_first = matches!(place, Place::Members(None));
    let mut behind = String::new();
    match place {
        Place::Members(after) => {
            let page = record.members(after, limit).await?;
            (members, next) = (page.found, page.next);
        }
        Place::Support(key) => behind = key,
    }
    if next.is_none() {
        let seen = (is_first && record.is_unfiltered()).then_some(members.as_slice());
        let mut rest = supporting(&record, seen).await?;
        rest.retain(|it| it.key.to_string() > behind);
        let room = limit - members.len();
        if rest.len() > room {
            rest.truncate(room);
            let last = rest.last().map_or(behind, |it| it.key.to_string());
            next = Some(Position { values: vec![SortValue::Text(last)], ..Position::default() });
        }
        support = rest;
    }
    let total = (is_first && next.is_none()).then_some(members.len() as i64);
    bundle(&call, &record, total, next.as_ref(), &members, &support)
}

fn place(position: Option<Position>) -> Place {
    match position.as_ref().and_then(|it| it.values.first()) {
        Some(SortValue::Text(key)) => Place::Support(key.clone()),
        _ => Place::Members(position),
    }
}

/// As much on one page as the server gives at once, unless the client wants less (`_count`).
pub(crate) fn limit(call: &Call<'_>, most: usize) -> Result<usize> {
    match call.arguments.text("_count").map(str::parse::<usize>) {
        None => Ok(most.max(1)),
        Some(Ok(count @ 1..)) => Ok(count.min(call.engine.settings().max_count)),
        Some(_) => Err(Failure::new(IssueType::Value, "_count is a number of resources on a page, at least 1.")),
    }
}

/// What the members refer to. `seen` are all of them, if they were read already.
async fn supporting(record: &Record<'_>, seen: Option<&[Stored]>) -> Result<Vec<Stored>> {
    let mut support = Support::new(record.call);
    if let Some(members) = seen {
        members.iter().try_for_each(|it| support.member(it))?;
    } else {
        let mut plan = Plan { branches: record.scope()?, after: None, limit: BATCH };
        loop {
            let page = record.call.search(&plan).await?;
            page.found.iter().try_for_each(|it| support.member(it))?;
            plan.after = page.next;
            if plan.after.is_none() {
                break;
            }
        }
    }
    let mut found = support.resources(record.call.engine.settings().max_includes).await?;
    found.retain(|it| record.wants(it));
    Ok(found)
}

fn bundle(
    call: &Call<'_>,
    record: &Record<'_>,
    total: Option<i64>,
    next: Option<&Position>,
    members: &[Stored],
    support: &[Stored],
) -> Result<Answer> {
    let mut bundle = call.searchset(total, next);
    let members = members.iter().map(|it| (it, "match"));
    for (stored, mode) in members.chain(support.iter().map(|it| (it, "include"))) {
        let body = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
        bundle.begin(Some(&format!("{}/{}", call.ctx.base(), stored.key))).resource(body).mode(mode).end();
    }
    let hidden = record.hidden()?;
    if !hidden.is_empty() {
        let told = format!(
            "The access token does not allow to read {}: what the record has of these is left out.",
            hidden.join(", ")
        );
        let issue = Issue::warning(IssueType::Suppressed, told);
        bundle.begin(None).resource(&outcome(&[issue])).mode("outcome").end();
    }
    Ok(Answer::new(200, bundle.finish()))
}
