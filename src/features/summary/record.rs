//! What a summary is made of: the patient, what its sections have, and what these refer to.

use super::section::{Section, Source};
use engine::{Call, Headers, Request, Verb};
use fhir::json::{Doc, Limits, Value};
use fhir::outcome::shown;
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashSet;
use store::Key;

/// How far references are followed: from a result to a specimen, from that to who took it.
const STEPS: usize = 3;
/// The most resources that others refer to.
const SUPPORT: usize = 1000;
/// The types that are taken along where something refers to them.
const SUPPORTING: [&str; 9] = [
    "Device",
    "Location",
    "Medication",
    "Observation",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Specimen",
    "Substance",
];

/// A patient's record.
pub(super) struct Record<'c> {
    pub(super) call: &'c Call<'c>,
    pub(super) patient: Doc,
}

/// What a section has.
#[derive(Default)]
pub(super) struct Found {
    pub(super) resources: Vec<Doc>,
    /// Whether there are types of it that the caller may not search for.
    pub(super) is_withheld: bool,
    /// Whether there are more of them than the most recent ones.
    pub(super) is_cut: bool,
}

impl<'c> Record<'c> {
    /// The record of the patient that the operation is called on, or that has the identifier.
    pub(super) async fn of(call: &'c Call<'c>) -> Result<Record<'c>> {
        if let Some(stored) = &call.instance {
            return Ok(Record { call, patient: parsed(&stored.body)? });
        }
        let identifier = call.arguments.text("identifier").ok_or_else(|| {
            let told = "Which patient is meant? Call it on one, [id]/$summary, or give an identifier.";
            Failure::new(IssueType::Required, told)
        })?;
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("identifier", identifier)
            .append_pair("_count", "2")
            .finish();
        let page = search(call, "Patient", query).await?;
        match resources(&page)?.as_mut_slice() {
            [one] => Ok(Record { call, patient: std::mem::replace(one, Doc::parse("{}").map_err(Failure::internal)?) }),
            [] => {
                let told = format!("No patient has the identifier {}.", shown(identifier));
                Err(Failure::new(IssueType::NotFound, told))
            }
            _ => Err(Failure::new(
                IssueType::MultipleMatches,
                "Several patients have the identifier: give its system, too.",
            )),
        }
    }

    /// What a section has.
    pub(super) async fn section(&self, section: &Section) -> Result<Found> {
        let mut found = Found::default();
        for source in section.sources {
            match self.source(source).await {
                Ok((resources, is_cut)) => {
                    found.resources.extend(resources);
                    found.is_cut |= is_cut;
                }
                Err(failure) if failure.status == 403 => found.is_withheld = true,
                Err(failure) => return Err(failure),
            }
        }
        Ok(found)
    }

    async fn source(&self, source: &Source) -> Result<(Vec<Doc>, bool)> {
        let count = source.recent.unwrap_or(self.call.engine.settings().max_count);
        let page = search(self.call, source.of, self.query(source, count)).await?;
        let mut links = page.root().get("link").into_iter().flat_map(Value::each);
        let is_cut = links.any(|it| it.str("relation") == Some("next"));
        if is_cut && source.recent.is_none() {
            let told = format!("The record has more than {count} of {}; no summary is made of so many.", source.of);
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        let mut all = resources(&page)?;
        all.retain(|it| (source.keeps)(it.root()));
        Ok((all, is_cut))
    }

    fn query(&self, source: &Source, count: usize) -> String {
        let id = self.patient.root().str("id").unwrap_or_default();
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("patient", &format!("Patient/{id}")).append_pair("_count", &count.to_string());
        query.extend_pairs(form_urlencoded::parse(source.query.as_bytes()));
        query.finish()
    }

    /// What these refer to, and what that refers to, as far as the caller may read it.
    pub(super) async fn support(&self, of: &[Doc]) -> Result<Vec<Doc>> {
        let mut seen: FxHashSet<String> = of.iter().map(|it| key(it.root()).to_string()).collect();
        let mut left: Vec<Key> = of.iter().chain([&self.patient]).flat_map(|it| self.referred(it, &mut seen)).collect();
        let mut support = Vec::new();
        for _ in 0..STEPS {
            left.truncate(SUPPORT - support.len().min(SUPPORT));
            let mut found = Vec::new();
            for stored in self.call.readable(&left).await?.into_iter().filter(|it| !it.is_deleted()) {
                found.push(parsed(&stored.body)?);
            }
            left = found.iter().flat_map(|it| self.referred(it, &mut seen)).collect();
            support.extend(found);
        }
        Ok(support)
    }

    /// The resources that one refers to, each once.
    fn referred(&self, from: &Doc, seen: &mut FxHashSet<String>) -> Vec<Key> {
        let texts = from.root().descendants().filter(|it| it.key() == "reference").filter_map(Value::as_str);
        let mut keys = Vec::new();
        for text in texts {
            let relative = text.strip_prefix(self.call.ctx.base()).map_or(text, |it| it.trim_start_matches('/'));
            let mut parts = relative.split('/');
            let (Some(of), Some(id)) = (parts.next(), parts.next()) else { continue };
            if SUPPORTING.contains(&of) && seen.insert(format!("{of}/{id}")) {
                keys.push(Key::new(of, id));
            }
        }
        keys
    }
}

/// The key of a resource.
pub(super) fn key(resource: Value<'_>) -> Key {
    Key::new(resource.str("resourceType").unwrap_or_default(), resource.str("id").unwrap_or_default())
}

async fn search(call: &Call<'_>, of: &str, query: String) -> Result<Doc> {
    let headers = Headers { prefer: Some("handling=strict".into()), ..Headers::default() };
    let request = Request { verb: Verb::Get, path: of.to_owned(), query, headers, body: Default::default() };
    parsed(&call.engine.perform(call.ctx, request).await?.body)
}

fn parsed(body: &[u8]) -> Result<Doc> {
    let text = std::str::from_utf8(body).map_err(Failure::internal)?;
    // A page holds many resources, each of which was held to the limits.
    Doc::parse_within(text, &Limits { depth: 256, values: usize::MAX }).map_err(Failure::internal)
}

/// The resources that a search found.
fn resources(page: &Doc) -> Result<Vec<Doc>> {
    let entries = page.root().get("entry").into_iter().flat_map(Value::each);
    let matches = entries.filter(|it| it.get("search").and_then(|it| it.str("mode")) == Some("match"));
    matches.filter_map(|it| it.get("resource")).map(|it| parsed(it.raw().as_bytes())).collect()
}
