//! Links within a transaction (http.html#trules): what points to an entry by its fullUrl, or to a resource by
//! criteria, is made to point to the resource itself.

use fhir::json::{Value, quote, write_replacing};
use fhir::spec::r4;
use fhir::walk;
use rustc_hash::FxHashMap;

/// From a fullUrl, or criteria such as `Patient?identifier=…`, to `Type/id`.
pub(super) type Links = FxHashMap<String, String>;

/// Whether a reference is a search (bundle.html#references, conditional references).
pub(super) fn is_criteria(reference: &str) -> bool {
    reference.split_once('?').is_some_and(|(of, _)| r4().resource(of).is_some())
}

/// An element that may have a link.
pub(super) struct Mention<'a> {
    value: Value<'a>,
    of: Kind,
}

/// What kind of element has it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Reference,
    /// Of type uri, url, oid or uuid.
    Uri,
    Narrative,
}

impl<'a> Mention<'a> {
    /// The text of a Reference.
    pub(super) fn reference(&self) -> Option<&'a str> {
        self.value.as_str().filter(|_| self.of == Kind::Reference)
    }

    /// The text with what it links to replaced; `None` if it has no such link.
    fn replaced(&self, links: &Links) -> Option<String> {
        let text = self.value.as_str()?;
        match self.of {
            Kind::Reference => target(text, links),
            Kind::Uri => links.get(text).cloned(),
            Kind::Narrative => in_narrative(text, links),
        }
    }
}

/// Where a resource may have links: in references, in elements of type uri, url, oid and uuid, and in the links and
/// images of narratives. Canonicals stay.
pub(super) fn mentions(resource: Value<'_>) -> Vec<Mention<'_>> {
    let mut all = Vec::new();
    walk::primitives(r4(), resource, &mut |value, of| {
        let of = match &*r4().of(of).name {
            "uri" | "url" | "oid" | "uuid" => Kind::Uri,
            "string" if value.key() == "reference" => Kind::Reference,
            "xhtml" => Kind::Narrative,
            _ => return,
        };
        all.push(Mention { value, of });
    });
    all
}

/// The resource as JSON text, its links replaced.
pub(super) fn replaced(resource: Value<'_>, mentions: &[Mention<'_>], links: &Links) -> String {
    let new: FxHashMap<u32, String> = match links.is_empty() {
        true => FxHashMap::default(),
        false => mentions.iter().filter_map(|it| Some((it.value.index(), quote(&it.replaced(links)?)))).collect(),
    };
    let mut out = String::with_capacity(resource.raw().len());
    write_replacing(&mut out, resource, &|it| if new.is_empty() { None } else { new.get(&it.index()).cloned() });
    out
}

/// Where a reference leads; one with a version or a fragment behind a fullUrl leads to the same resource.
fn target(reference: &str, links: &Links) -> Option<String> {
    if let Some(found) = links.get(reference) {
        return Some(found.clone());
    }
    let (url, _version) = reference.split_once("/_history/")?;
    links.get(url).cloned()
}

/// The narrative with links in its `href` and `src` replaced; `None` if it has none.
fn in_narrative(text: &str, links: &Links) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut changed = false;
    while let Some(at) = rest.find("=\"") {
        let (before, value) = rest.split_at(at + 2);
        out.push_str(before);
        let end = value.find('"').unwrap_or(value.len());
        let is_link = before.ends_with("href=\"") || before.ends_with("src=\"");
        match links.get(&value[..end]).filter(|_| is_link) {
            Some(found) => {
                out.push_str(found);
                changed = true;
            }
            None => out.push_str(&value[..end]),
        }
        rest = &value[end..];
    }
    out.push_str(rest);
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::json::Doc;

    #[test]
    fn links_are_replaced_where_the_standard_says_and_nowhere_else() {
        let links: Links = [("urn:uuid:1".to_owned(), "Patient/7".to_owned())].into_iter().collect();
        let doc = Doc::parse(
            r#"{"resourceType":"Observation","identifier":[{"system":"urn:uuid:1","value":"urn:uuid:1"}],
                "text":{"status":"generated","div":"<div><a href=\"urn:uuid:1\">urn:uuid:1</a></div>"},
                "subject":{"reference":"urn:uuid:1","display":"urn:uuid:1"},"instantiatesCanonical":"urn:uuid:1"}"#,
        );
        let doc = doc.unwrap();
        let text = replaced(doc.root(), &mentions(doc.root()), &links);
        assert_eq!(
            text,
            r#"{"resourceType":"Observation","identifier":[{"system":"Patient/7","value":"urn:uuid:1"}],"text":{"status":"generated","div":"<div><a href=\"Patient/7\">urn:uuid:1</a></div>"},"subject":{"reference":"Patient/7","display":"urn:uuid:1"},"instantiatesCanonical":"urn:uuid:1"}"#
        );
    }

    #[test]
    fn criteria_are_told_from_references() {
        assert!(is_criteria("Patient?identifier=a|b"));
        assert!(!is_criteria("Patient/1") && !is_criteria("http://x/y?z=1") && !is_criteria("urn:uuid:1"));
    }
}
