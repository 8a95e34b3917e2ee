//! The address that was asked for, taken apart: what leads up from it, and how else it can be asked.

use super::href::{Href, is_id, is_type_name};

/// A request's target below a base.
pub(super) struct Asked<'a> {
    base: &'a str,
    path: &'a str,
    query: &'a str,
    /// The steps below the base; empty if the target is not below it.
    steps: Vec<&'a str>,
}

impl<'a> Asked<'a> {
    /// Takes apart `target`, the path and query of a request to `base`.
    pub(super) fn new(base: &'a str, target: &'a str) -> Asked<'a> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let root = base.split_once("://").map_or(base, |(_, rest)| rest.find('/').map_or("", |at| &rest[at..]));
        let below = path.strip_prefix(root).unwrap_or_default();
        Asked { base, path, query, steps: below.split('/').filter(|it| !it.is_empty()).collect() }
    }

    /// The same address with the answer as bare JSON (http.html#parameters).
    pub(super) fn raw(&self) -> Option<Href> {
        let kept = self.query.split('&').filter(|it| !it.is_empty() && !it.starts_with("_format="));
        let query: Vec<&str> = kept.chain(["_format=json"]).collect();
        Href::new(&format!("{}?{}", self.path, query.join("&")))
    }

    /// The history of the instance, type or system that the address belongs to (http.html#history).
    pub(super) fn history(&self) -> Option<Href> {
        let of = match self.steps.as_slice() {
            [] => "_history".to_owned(),
            [kind] if is_type_name(kind) => format!("{kind}/_history"),
            [kind, id, ..] if is_type_name(kind) && is_id(id) => format!("{kind}/{id}/_history"),
            _ => return None,
        };
        Href::below(self.base, &of)
    }

    /// The addresses on the way to this one, each with its own step.
    pub(super) fn trail(&self) -> Vec<(&'a str, Option<Href>)> {
        (1..=self.steps.len())
            .map(|length| {
                let (steps, rest) = self.steps.split_at(length);
                let href = (!rest.is_empty()).then(|| Href::below(self.base, &steps.join("/"))).flatten();
                (steps.last().copied().unwrap_or_default(), href)
            })
            .collect()
    }

    /// The value of a query parameter, decoded; the first where there are several.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').map(|it| it.split_once('=').unwrap_or((it, "")));
        pairs.into_iter().find(|(key, _)| decode(key) == name).map(|(_, value)| decode(value))
    }
}

/// Decodes a form-encoded text (url.spec.whatwg.org#application/x-www-form-urlencoded).
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let code = behind.get(..2).and_then(|it| u8::from_str_radix(std::str::from_utf8(it).ok()?, 16).ok());
        match (first, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://here:80/fhir/demo";

    fn history(target: &str) -> Option<String> {
        Asked::new(BASE, target).history().map(|it| it.as_str().to_owned())
    }

    #[test]
    fn raw_json_keeps_the_query() {
        let raw = |target| Asked::new(BASE, target).raw().unwrap().as_str().to_owned();
        assert_eq!(raw("/fhir/demo/Patient/1"), "/fhir/demo/Patient/1?_format=json");
        assert_eq!(raw("/fhir/demo/Patient?name=x&_format=html"), "/fhir/demo/Patient?name=x&_format=json");
    }

    #[test]
    fn history_is_of_the_instance_type_or_system() {
        assert_eq!(
            history("/fhir/demo/Patient/1?_summary=true").unwrap(),
            "http://here:80/fhir/demo/Patient/1/_history"
        );
        assert_eq!(history("/fhir/demo/Patient/1/_history/2").unwrap(), "http://here:80/fhir/demo/Patient/1/_history");
        assert_eq!(history("/fhir/demo/Patient").unwrap(), "http://here:80/fhir/demo/Patient/_history");
        assert_eq!(history("/fhir/demo").unwrap(), "http://here:80/fhir/demo/_history");
        assert!(history("/fhir/demo/metadata").is_none());
    }

    #[test]
    fn the_trail_leads_up() {
        let trail = Asked::new(BASE, "/fhir/demo/Patient/1/_history").trail();
        let shown: Vec<_> = trail.iter().map(|(step, href)| (*step, href.as_ref().map(Href::as_str))).collect();
        assert_eq!(
            shown,
            [
                ("Patient", Some("http://here:80/fhir/demo/Patient")),
                ("1", Some("http://here:80/fhir/demo/Patient/1")),
                ("_history", None)
            ]
        );
    }

    #[test]
    fn parameters_are_decoded() {
        let asked = Asked::new(BASE, "/fhir/demo/Patient?name=M%C3%BCller+x&a&b=100%25%zz");
        assert_eq!(asked.parameter("name").unwrap(), "Müller x");
        assert_eq!(asked.parameter("b").unwrap(), "100%%zz");
        assert_eq!(asked.parameter("a").unwrap(), "");
        assert_eq!(asked.parameter("c"), None);
    }
}
