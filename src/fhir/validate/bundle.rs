//! Bundles: what R4 asks of their entries beyond its invariants (bundle.html, documents.html, messaging.html).

use super::reference::{ends_restful, is_absolute};
use super::walk::Walk;
use crate::json::Value;
use crate::outcome::IssueType;
use rustc_hash::FxHashMap;

/// The resources in a Bundle, by what references may call them: their `fullUrl`, and the `Type/id` that it ends with.
pub(super) struct Entries<'a>(FxHashMap<&'a str, Value<'a>>);

impl<'a> Entries<'a> {
    pub(super) fn of(bundle: Value<'a>) -> Entries<'a> {
        let mut all = FxHashMap::default();
        for entry in entries(bundle) {
            let (Some(url), Some(resource)) = (entry.str("fullUrl"), entry.get("resource")) else { continue };
            all.insert(url, resource);
            all.insert(relative(url), resource);
        }
        Entries(all)
    }

    pub(super) fn find(&self, reference: &str) -> Option<Value<'a>> {
        let unversioned = reference.split("/_history/").next().unwrap_or(reference);
        self.0.get(unversioned).copied()
    }
}

fn entries<'a>(bundle: Value<'a>) -> impl Iterator<Item = Value<'a>> {
    bundle.get("entry").into_iter().flat_map(Value::each)
}

/// The last two parts of a URL.
fn relative(url: &str) -> &str {
    let end = url.rmatch_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
    url.get(end..).unwrap_or(url)
}

/// Of the first resource of a document or message: the elements whose references must lead to other entries.
const LED: [(&str, &str, &[&[&str]]); 2] = [
    (
        "document",
        "Composition",
        &[
            &["subject"],
            &["encounter"],
            &["author"],
            &["attester", "party"],
            &["custodian"],
            &["event", "detail"],
            &["section", "author"],
            &["section", "focus"],
            &["section", "entry"],
        ],
    ),
    ("message", "MessageHeader", &[&["focus"]]),
];

impl<'a> Walk<'a, '_> {
    /// Checks a Bundle's entries.
    pub(super) fn bundle(&mut self, bundle: Value<'a>) {
        let led = LED.iter().find(|(kind, ..)| bundle.str("type") == Some(kind));
        for entry in entries(bundle) {
            match (entry.get("fullUrl"), entry.get("resource")) {
                (Some(url), Some(resource)) => self.full_url(url, resource),
                (None, Some(resource)) if led.is_some() => {
                    let told = "Each resource of a document or message must have a fullUrl.";
                    self.report(IssueType::Required, resource, told);
                }
                _ => {}
            }
        }
        let first = entries(bundle).next().and_then(|it| it.get("resource"));
        if let (Some((_, of, paths)), Some(first)) = (led, first)
            && first.str("resourceType") == Some(of)
        {
            let entries = Entries::of(bundle);
            paths.iter().for_each(|path| self.included(&entries, first, path));
        }
    }

    /// Whether a `fullUrl` is absolute and agrees with the resource (bundle.html#Bundle.entry.fullUrl).
    fn full_url(&mut self, at: Value<'a>, resource: Value<'a>) {
        let Some(url) = at.as_str() else { return };
        if !is_absolute(url) {
            return self.report(IssueType::Value, at, "fullUrl must be an absolute URL, or a urn:uuid: or urn:oid:.");
        }
        let spec = self.spec();
        let is_restful = url.starts_with("http") && ends_restful(spec, url).is_some();
        let (Some(of), Some(id), true) = (resource.str("resourceType"), resource.str("id"), is_restful) else { return };
        if relative(url).split_once('/') != Some((of, id)) {
            self.report(IssueType::Value, at, "fullUrl must end with the type and id of the resource in the entry.");
        }
    }

    /// Whether the references at a path lead to entries of the Bundle; those to contained resources do not have to.
    fn included(&mut self, entries: &Entries<'a>, from: Value<'a>, path: &[&str]) {
        let Some((name, rest)) = path.split_first() else {
            let Some((at, text)) = from.get("reference").and_then(|it| Some((it, it.as_str()?))) else { return };
            if !text.starts_with('#') && entries.find(text).is_none() {
                self.report(IssueType::NotFound, at, "What the reference points to must be in the Bundle.");
            }
            return;
        };
        for value in from.get(name).into_iter().flat_map(Value::each) {
            self.included(entries, value, rest);
            if *name == "section" {
                // Sections are in sections; the walk has told those that nest too deep.
                self.sections(entries, value, path, 0);
            }
        }
    }

    fn sections(&mut self, entries: &Entries<'a>, section: Value<'a>, path: &[&str], depth: usize) {
        const DEEPEST: usize = 50;
        for inner in section.get("section").into_iter().flat_map(Value::each).filter(|_| depth < DEEPEST) {
            if let Some((_, rest)) = path.split_first() {
                self.included(entries, inner, rest);
            }
            self.sections(entries, inner, path, depth + 1);
        }
    }

    /// The resource in the Bundle around this place that a reference names.
    pub(super) fn bundled(&mut self, reference: &str) -> Option<Value<'a>> {
        let root = self.root();
        self.entries.get_or_insert_with(|| Entries::of(root)).find(reference)
    }
}
