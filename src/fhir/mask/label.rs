//! Security labels of single elements: the inline labels of the guide Data Segmentation for Privacy
//! (hl7.org/fhir/uv/security-label-ds4p, Inline Security Labels), by an extension of the element.
//!
//! An element is taken away from whoever may not see what has its label. One that cannot be taken away ([`element`] says
//! which) goes with what it lies in, and at the last the resource does: then the label is as good as one of `meta.security`.

use super::below;
use super::element::element;
use super::walk::{Met, Visitor, walk};
use crate::json::Value;
use crate::spec::r4;
use rustc_hash::FxHashMap;

/// The extension; its value is a Coding.
const INLINE_LABEL: &str = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label";
/// The end of its address, in which only an escape by number can stand for a letter.
const MARK: &str = "extension-inline-sec-label";
const ESCAPE: &str = "\\u";
/// The label by which a resource says that elements of it have labels.
pub const SAYS_LABELLED: (&str, &str) = ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "PROCESSINLINELABEL");

/// A label of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled<'v> {
    /// The label's system.
    pub system: Option<&'v str>,
    /// Its code.
    pub code: &'v str,
    /// The element, by the path of its definition with its resource type.
    pub at: String,
    /// The resource type that has the element which is taken away.
    pub of: &'static str,
    /// Its path in that type; `None` where nothing less than the whole resource can be.
    pub path: Option<String>,
    /// The values that are taken away, by [`Value::index`]: the element, and its companion.
    pub values: Vec<u32>,
    /// The element that has the label, by its index.
    pub element: u32,
    /// The resource that it is an element of, also by what is contained there: an entry of a Bundle, or the whole.
    pub within: u32,
}

/// A label's system and code.
pub(super) type Label<'v> = (Option<&'v str>, &'v str);

/// Whether a resource's text may have labels of elements.
pub fn may_be_labelled(text: &str) -> bool {
    text.contains(MARK) || text.contains(ESCAPE)
}

/// Whether a resource says of itself that elements of it have labels.
pub fn says_labelled(resource: Value<'_>) -> bool {
    let labels = resource.get("meta").and_then(|it| it.get("security")).into_iter().flat_map(Value::each);
    labels.into_iter().any(|it| (it.str("system"), it.str("code")) == (Some(SAYS_LABELLED.0), Some(SAYS_LABELLED.1)))
}

/// The labels of a resource's elements, and of those of the resources in it.
pub fn labelled(resource: Value<'_>) -> Vec<Labelled<'_>> {
    let mut finder = Finder { resource, found: Vec::new(), around: Vec::new(), known: FxHashMap::default() };
    if may_be_labelled(resource.raw()) {
        finder.labels(labels_of(resource).collect());
        walk(resource, &mut finder);
    }
    finder.found
}

/// An element on the way to where a label is looked for.
struct Step {
    /// The resource type that has it.
    root: &'static str,
    path: String,
    values: Vec<u32>,
    /// The resource in which it is.
    within: u32,
}

struct Finder<'v> {
    resource: Value<'v>,
    found: Vec<Labelled<'v>>,
    around: Vec<Step>,
    /// What of an element is taken away, by its path with its type; `None` where it cannot be.
    known: FxHashMap<String, Option<String>>,
}

impl<'v> Visitor<'v> for Finder<'v> {
    fn enter(&mut self, element: &Met<'v>) {
        let Met { root, path, value, companion } = element;
        let of_resource = value.filter(|it| it.str("resourceType").is_some() && path != "contained");
        let within = of_resource.map_or_else(|| self.within(), Value::index);
        let values = [*value, *companion].into_iter().flatten().map(Value::index).collect();
        self.around.push(Step { root, path: path.clone(), values, within });
        self.labels(element.labels());
    }

    fn leave(&mut self) {
        self.around.pop();
    }
}

impl<'v> Finder<'v> {
    fn within(&self) -> u32 {
        self.around.last().map_or(self.resource.index(), |it| it.within)
    }

    /// Takes the labels of the element that was come to last, or of the resource.
    fn labels(&mut self, labels: Vec<Label<'v>>) {
        for (system, code) in labels {
            let (of, path, values) = self.taken();
            let last = self.around.last();
            let at = match last {
                Some(it) => below(it.root, &it.path),
                None => self.resource.str("resourceType").unwrap_or_default().to_owned(),
            };
            let element = last.and_then(|it| it.values.first().copied()).unwrap_or(self.resource.index());
            let within = self.within();
            self.found.push(Labelled { system, code, at, of, path, values, element, within });
        }
    }

    /// What is taken away: the nearest element that can be, or else the one that has the label, with the whole resource.
    fn taken(&mut self) -> (&'static str, Option<String>, Vec<u32>) {
        let mut known = |it: &Step| {
            let read = |at: &String| element(r4(), at).ok().map(|(_, path)| path);
            self.known.entry(below(it.root, &it.path)).or_insert_with_key(read).clone()
        };
        let nearest = self.around.iter().rev().find_map(|it| Some((it.root, Some(known(it)?), it.values.clone())));
        let itself = || self.around.last().map(|it| (it.root, None, it.values.clone()));
        nearest.or_else(itself).unwrap_or(("", None, Vec::new()))
    }
}

/// The labels that a value has itself.
pub(super) fn labels_of(value: Value<'_>) -> impl Iterator<Item = Label<'_>> {
    let extensions = value.get("extension").into_iter().flat_map(Value::each).filter(|it| is_label(*it));
    let codings = extensions.filter_map(|it| it.get("valueCoding"));
    codings.filter_map(|it| Some((it.str("system"), it.str("code")?)))
}

/// Whether an extension is a label.
pub(super) fn is_label(extension: Value<'_>) -> bool {
    extension.str("url") == Some(INLINE_LABEL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Doc;

    fn label(code: &str) -> String {
        format!(r#"{{"url":"{INLINE_LABEL}","valueCoding":{{"system":"urn:s","code":"{code}"}}}}"#)
    }

    /// Code, element and path of each label, and the values that are taken away, as text.
    fn found(text: &str) -> Vec<(String, String, Option<String>, Vec<String>)> {
        let doc = Doc::parse(text).unwrap();
        let told = |it: &Labelled<'_>| {
            let values = it.values.iter().map(|it| doc.at(*it).str("value").unwrap_or(doc.at(*it).raw()).to_owned());
            (it.code.to_owned(), it.at.clone(), it.path.clone(), values.collect())
        };
        labelled(doc.root()).iter().map(told).collect()
    }

    #[test]
    fn an_element_is_labelled_by_an_extension() {
        let (a, b) = (label("a"), label("b"));
        let patient = format!(
            r#"{{"resourceType":"Patient","telecom":[{{"value":"1"}},{{"value":"2","extension":[{a}]}}],"gender":"male","_gender":{{"extension":[{b}]}}}}"#
        );
        let [telecom, gender] = &found(&patient)[..] else { panic!("two labels") };
        assert_eq!((&*telecom.0, &*telecom.1, telecom.2.as_deref()), ("a", "Patient.telecom", Some("telecom")));
        assert_eq!(telecom.3, ["2"]);
        assert_eq!((&*gender.0, &*gender.1, gender.2.as_deref()), ("b", "Patient.gender", Some("gender")));
        assert!(gender.3.len() == 2 && gender.3.contains(&"\"male\"".to_owned()), "{:?}", gender.3);
    }

    #[test]
    fn what_cannot_be_taken_away_goes_with_what_it_lies_in() {
        let a = label("a");
        for (members, at, path) in [
            (
                format!(r#""telecom":[{{"value":"2","use":"home","_use":{{"extension":[{a}]}}}}]"#),
                "Patient.telecom.use",
                Some("telecom"),
            ),
            (format!(r#""active":true,"_active":{{"extension":[{a}]}}"#), "Patient.active", None),
            (
                format!(r#""contained":[{{"resourceType":"Patient","name":[{{"text":"n","extension":[{a}]}}]}}]"#),
                "Patient.name",
                Some("name"),
            ),
            (
                format!(r#""contained":[{{"resourceType":"Patient","active":true,"_active":{{"extension":[{a}]}}}}]"#),
                "Patient.active",
                None,
            ),
            (format!(r#""extension":[{a}]"#), "Patient", None),
            (format!(r#""extension":[{{"url":"urn:e","extension":[{a}]}}]"#), "Patient.extension", Some("extension")),
            (
                format!(r#""birthDate":"1970","_birthDate":{{"extension":[{{"url":"urn:e","extension":[{a}]}}]}}"#),
                "Patient.birthDate",
                Some("birthDate"),
            ),
        ] {
            let found = found(&format!(r#"{{"resourceType":"Patient",{members}}}"#));
            let told: Vec<_> = found.iter().map(|it| (it.1.as_str(), it.2.as_deref())).collect();
            assert_eq!(told, [(at, path)], "{members}");
        }
    }

    #[test]
    fn each_companion_has_its_own_value() {
        let a = label("a");
        let name = format!(r#"{{"given":["1","2","3"],"_given":[null,{{"extension":[{a}]}},null]}}"#);
        let found = found(&format!(r#"{{"resourceType":"Patient","name":[{name}]}}"#));
        let [it] = &found[..] else { panic!("one label: {found:?}") };
        assert!(it.1 == "Patient.name.given" && it.3.contains(&"\"2\"".to_owned()), "{it:?}");
    }

    #[test]
    fn a_label_is_told_whatever_its_address_is_written_like() {
        let escaped = label("a").replace("inline", r"\u0069nline");
        assert_eq!(found(&format!(r#"{{"resourceType":"Patient","name":[{{"extension":[{escaped}]}}]}}"#)).len(), 1);
        assert!(
            found(r#"{"resourceType":"Patient","name":[{"extension":[{"url":"urn:e","valueCode":"a"}]}]}"#).is_empty()
        );
    }

    #[test]
    fn a_resource_may_say_that_it_has_labels() {
        let of = |code: &str| {
            let label = format!(r#"{{"system":"{}","code":"{code}"}}"#, SAYS_LABELLED.0);
            Doc::parse(format!(r#"{{"resourceType":"Patient","meta":{{"security":[{label}]}}}}"#)).unwrap()
        };
        assert!(says_labelled(of(SAYS_LABELLED.1).root()) && !says_labelled(of("REDACT").root()));
    }
}
