//! `$lastn` (observation-operation-lastn.html): the latest observations of each code.

use crate::effective::effective;
use engine::{Access, Answer, Call, Extra, Operation};
use fhir::json::{Doc, Value};
use fhir::{Failure, IssueType, Result};
use std::collections::BTreeSet;
use store::{Branch, Plan, Stored};

/// Observations that are looked through at once.
const BATCH: usize = 1000;

/// The operation.
pub(crate) fn operation() -> Operation {
    Operation {
        definition: include_str!("../../profiles/operations/observation-lastn.json"),
        demands: &[(Access::Search, "Observation"), (Access::Read, "Observation")],
        extras: &[Extra::Criteria, Extra::Narrowed],
        run: |call| Box::pin(lastn(call)),
    }
}

async fn lastn(call: Call<'_>) -> Result<Answer> {
    check(&call.criteria)?;
    call.demand_shown("Observation", &["code", "effective"])?;
    let max = call.arguments.text("max").and_then(|it| it.parse().ok()).unwrap_or(1);
    let filter = call.filter("Observation").await?;
    let branch = call.findable(Branch { of: "Observation".into(), filter, sort: Vec::new() })?;
    let mut plan = Plan { branches: vec![branch], after: None, limit: BATCH };
    let mut groups = Groups { max, most: call.engine.settings().max_includes, groups: Vec::new() };
    loop {
        let page = call.search(&plan).await?;
        page.found.into_iter().try_for_each(|it| groups.take(it))?;
        plan.after = page.next;
        if plan.after.is_none() {
            break;
        }
    }
    let latest = groups.latest();
    let mut bundle = call.searchset(Some(latest.len() as i64), None);
    for stored in latest {
        let body = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
        bundle.begin(Some(&format!("{}/{}", call.ctx.base(), stored.key))).resource(body).mode("match").end();
    }
    Ok(Answer::new(200, bundle.finish()))
}

/// Fails unless a subject is named, and a category or codes.
fn check(criteria: &[(String, String)]) -> Result<()> {
    let names = || criteria.iter().map(|(name, _)| name.split([':', '.']).next().unwrap_or_default());
    let needed = |told: &str| Err(Failure::new(IssueType::Required, told));
    if !names().any(|it| matches!(it, "patient" | "subject")) {
        return needed("$lastn needs the search parameter patient or subject.");
    }
    let has_code =
        |it: &str| it.starts_with("code") || it.starts_with("combo-code") || it.starts_with("component-code");
    if !names().any(|it| it == "category" || has_code(it)) {
        return needed("$lastn needs the search parameter category, code, or another one that has codes.");
    }
    Ok(())
}

/// Something that makes two codes the same.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// System and code of a coding.
    Coding(Option<String>, String),
    /// The text, where there is no coding.
    Text(String),
}

/// Observations of one code and its translations.
#[derive(Default)]
struct Group {
    names: BTreeSet<Name>,
    /// The latest ones, by effective time, latest first.
    latest: Vec<(i64, Stored)>,
}

impl Group {
    /// Keeps the `max` latest, and those of the same time as the last of them.
    fn keep(&mut self, max: usize) {
        self.latest.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.key.cmp(&b.1.key)));
        if let Some((last, _)) = max.checked_sub(1).and_then(|it| self.latest.get(it)) {
            let last = *last;
            self.latest.retain(|(time, _)| *time >= last);
        }
    }
}

struct Groups {
    max: usize,
    /// The most observations that are kept.
    most: usize,
    groups: Vec<Group>,
}

impl Groups {
    /// Puts an observation to its code. One with codes of several groups makes them one: to be the same is transitive.
    fn take(&mut self, stored: Stored) -> Result<()> {
        let (names, time) = {
            let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
            let doc = Doc::parse(text).map_err(Failure::internal)?;
            (names(doc.root()), effective(doc.root()).unwrap_or(i64::MIN))
        };
        let mut merged = Group { names, latest: vec![(time, stored)] };
        let mut others = Vec::with_capacity(self.groups.len() + 1);
        for group in self.groups.drain(..) {
            if group.names.is_disjoint(&merged.names) {
                others.push(group);
            } else {
                merged.names.extend(group.names);
                merged.latest.extend(group.latest);
            }
        }
        merged.keep(self.max);
        others.push(merged);
        self.groups = others;
        if self.groups.iter().map(|it| it.latest.len()).sum::<usize>() > self.most {
            let told = "More observations are the latest of their codes than this server gives at once; ask for fewer.";
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        Ok(())
    }

    /// All that was kept, latest first.
    fn latest(self) -> Vec<Stored> {
        let mut all: Vec<(i64, Stored)> = self.groups.into_iter().flat_map(|it| it.latest).collect();
        all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.key.cmp(&b.1.key)));
        all.into_iter().map(|(_, it)| it).collect()
    }
}

fn names(observation: Value<'_>) -> BTreeSet<Name> {
    let code = observation.get("code");
    let codings = code.and_then(|it| it.get("coding")).into_iter().flat_map(Value::each);
    let coded: BTreeSet<Name> = codings
        .filter_map(|it| Some(Name::Coding(it.str("system").map(str::to_owned), it.str("code")?.to_owned())))
        .collect();
    if !coded.is_empty() {
        return coded;
    }
    let text = code.and_then(|it| it.str("text")).unwrap_or_default();
    BTreeSet::from([Name::Text(text.to_owned())])
}
