//! `$expand` (valueset-operation-expand.html): the codes of a value set.

mod nest;
mod view;

use super::asked::{self, flag, versioned};
use engine::{Answer, Call, Resolver};
use fhir::primitive::datetime;
use fhir::terminology::{Expansion, Pin, ValueSet, Versions};
use fhir::{Failure, IssueType, Result};
use serde_json::{Value as Json, json};
use std::ops::Range;
use std::sync::Arc;
use view::View;

/// The most codes of a value set that is looked into.
const MOST: usize = 100_000;
/// The most codes that are given at once.
const MOST_GIVEN: usize = 10_000;

/// Parameters that name versions of code systems, and when these count.
const VERSIONS: [(&str, Pin); 3] =
    [("system-version", Pin::Default), ("check-system-version", Pin::Check), ("force-system-version", Pin::Force)];

/// Parameters that are told in the expansion, with the member that holds their values.
const TOLD: [(&str, &str); 17] = [
    ("context", "valueUri"),
    ("contextDirection", "valueCode"),
    ("date", "valueDateTime"),
    ("filter", "valueString"),
    ("offset", "valueInteger"),
    ("count", "valueInteger"),
    ("includeDesignations", "valueBoolean"),
    ("designation", "valueString"),
    ("activeOnly", "valueBoolean"),
    ("excludeNested", "valueBoolean"),
    ("excludeNotForUI", "valueBoolean"),
    ("excludePostCoordinated", "valueBoolean"),
    ("displayLanguage", "valueCode"),
    ("exclude-system", "valueUri"),
    ("system-version", "valueUri"),
    ("check-system-version", "valueUri"),
    ("force-system-version", "valueUri"),
];

pub(super) async fn expand(call: Call<'_>) -> Result<Answer> {
    let paging = Paging::of(&call)?;
    let view = View::of(&call);
    let mut resolver = asked::resolver(&call).await?;
    let set = asked::value_set(&call, &mut resolver).await?;
    let Found { expansion, page, total } = find(&call, &mut resolver, &set, &view, &paging).await?;
    let page = expansion.members.get(page).unwrap_or_default();
    let is_flat = paging.is_asked() || view.is_flat();
    let contains = match is_flat {
        true => page.iter().map(|it| view.entry(it)).collect::<Result<Vec<_>>>()?,
        false => nest::nested(page, &view)?,
    };
    let mut answer = head(&set, flag(&call, "includeDefinition"))?;
    answer["expansion"] = json!({
        "timestamp": datetime::instant(call.engine.now_micros()),
        "total": total,
    });
    let out = &mut answer["expansion"];
    if paging.is_asked() {
        out["offset"] = paging.offset.into();
    }
    let parameters = parameters(&call, &expansion);
    for (name, list) in [("parameter", parameters), ("contains", contains)] {
        if !list.is_empty() {
            out[name] = list.into();
        }
    }
    Ok(Answer::new(200, answer.to_string()))
}

/// What was found for a page.
struct Found {
    /// The codes of the page, perhaps among others.
    expansion: Expansion,
    /// Where they are.
    page: Range<usize>,
    /// How many codes there are on all pages.
    total: usize,
}

async fn find(
    call: &Call<'_>,
    resolver: &mut Resolver<'_>,
    set: &Arc<ValueSet>,
    view: &View,
    paging: &Paging,
) -> Result<Found> {
    let versions = versions(call)?;
    if let Some(narrow) = view.narrow()
        && let Some((members, total)) = resolver.page(set, &versions, &narrow, paging.window()).await?
    {
        paging.of_total(total)?;
        let page = 0..members.len();
        return Ok(Found { expansion: Expansion { members, is_stored: false }, page, total });
    }
    let mut expansion = resolver.expansion(set.clone(), &versions, view.text(), MOST).await?;
    expansion.members.retain(|it| view.has(it));
    let total = expansion.members.len();
    Ok(Found { expansion, page: paging.of_total(total)?, total })
}

fn versions(call: &Call<'_>) -> Result<Versions> {
    let mut versions = Versions::default();
    for (name, pin) in VERSIONS {
        call.arguments.texts(name).try_for_each(|it| versions.add(pin, it))?;
    }
    Ok(versions)
}

/// `offset` and `count`.
struct Paging {
    offset: usize,
    count: Option<usize>,
    has_offset: bool,
}

impl Paging {
    fn of(call: &Call<'_>) -> Result<Paging> {
        let number = |name: &str| {
            let read = |text: &str| {
                text.parse::<usize>()
                    .map_err(|_| Failure::new(IssueType::Value, format!("{name} is a whole number, not below 0.")))
            };
            call.arguments.text(name).map(read).transpose()
        };
        let offset = number("offset")?;
        Ok(Paging { offset: offset.unwrap_or(0), count: number("count")?, has_offset: offset.is_some() })
    }

    fn is_asked(&self) -> bool {
        self.has_offset || self.count.is_some()
    }

    /// Where the page begins, and the most codes that it may have.
    fn window(&self) -> (usize, usize) {
        (self.offset, self.count.unwrap_or(MOST_GIVEN).min(MOST_GIVEN))
    }

    /// Which of so many codes are given. Where nobody asked for pages, too many codes are too costly
    /// (valueset-operation-expand.html).
    fn of_total(&self, total: usize) -> Result<Range<usize>> {
        let from = self.offset.min(total);
        let given = (total - from).min(self.count.unwrap_or(usize::MAX));
        if given > MOST_GIVEN {
            let told = format!(
                "The expansion has {total} codes; at most {MOST_GIVEN} are given at once: use count and offset, or a filter."
            );
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        Ok(from..from + given)
    }
}

/// The ValueSet without its expansion: what identifies it, and its definition if it is asked for.
fn head(set: &ValueSet, has_definition: bool) -> Result<Json> {
    let mut head = json!({ "resourceType": "ValueSet" });
    let texts = [
        ("url", Some(set.url.as_str()).filter(|it| !it.is_empty())),
        ("version", set.version.as_deref()),
        ("name", set.name.as_deref()),
        ("title", set.title.as_deref()),
        ("status", Some(set.status.as_deref().unwrap_or("active"))),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            head[name] = text.into();
        }
    }
    if let (true, Some(compose)) = (has_definition, &set.compose) {
        head["compose"] = serde_json::from_str(compose).map_err(Failure::internal)?;
    }
    Ok(head)
}

/// What the expansion was made by (valueset.html#expansion): the call's parameters, and the code systems with their
/// versions.
fn parameters(call: &Call<'_>, expansion: &Expansion) -> Vec<Json> {
    let mut all = Vec::new();
    for (name, member) in TOLD {
        for text in call.arguments.texts(name) {
            let value = match member {
                "valueInteger" | "valueBoolean" => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
                _ => Json::from(text),
            };
            all.push(json!({ "name": name, member: value }));
        }
    }
    let mut systems: Vec<String> = Vec::new();
    for member in &expansion.members {
        if let Some(system) = member.code_system() {
            let canonical = versioned(&system.url, system.version.as_deref());
            if !systems.contains(&canonical) {
                systems.push(canonical);
            }
        }
    }
    all.extend(systems.into_iter().map(|it| json!({ "name": "version", "valueUri": it })));
    if expansion.is_stored {
        let told = "The codes are those of the stored expansion: the definition cannot be carried out here.";
        all.push(json!({ "name": "warning", "valueString": told }));
    }
    all
}
