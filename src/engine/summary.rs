//! `_summary` and `_elements` (search.html#summary, #elements): a part of a resource, marked as such.

use bytes::Bytes;
use fhir::json::{Doc, Value, write_compact, write_string};
use fhir::mask::write_subsetted;
use fhir::outcome::shown;
use fhir::spec::{Element, Kind, Type, TypeId, r4};
use fhir::{Failure, IssueType, Result};

/// How much of each resource is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum View {
    /// All of it.
    #[default]
    Whole,
    /// `_summary=true`: the elements marked as summary.
    Summary,
    /// `_summary=text`: text, id, meta and what is mandatory.
    Text,
    /// `_summary=data`: all but text.
    Data,
    /// `_summary=count`: no resource at all.
    Count,
    /// `_elements`: these, and what is mandatory.
    Elements(Vec<String>),
}

impl View {
    /// Reads `_summary`; `None` if R4 has no such value.
    pub(crate) fn summary(value: &str) -> Option<View> {
        Some(match value {
            "true" => View::Summary,
            "text" => View::Text,
            "data" => View::Data,
            "count" => View::Count,
            "false" => View::Whole,
            _ => return None,
        })
    }

    /// Reads `_elements` (search.html#elements): names of top-level elements, perhaps with the type before them.
    pub(crate) fn elements(value: &str) -> View {
        let name = |it: &str| it.trim().rsplit('.').next().unwrap_or(it).to_owned();
        View::Elements(value.split(',').map(name).filter(|it| !it.is_empty()).collect())
    }

    /// Reads the query of a read; it takes no other parameters than these and those of the form of the answer.
    pub(crate) fn of_read(query: &str) -> Result<View> {
        let mut view = View::Whole;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "_format" | "_pretty" => {}
                "_elements" => view = View::elements(&value),
                "_summary" => {
                    view = View::summary(&value).filter(|it| *it != View::Count).ok_or_else(|| {
                        Failure::new(IssueType::Value, "On a read, _summary is true, text, data or false.")
                    })?;
                }
                other => {
                    let shown = shown(other);
                    let told = format!("A read takes no parameter {shown}.");
                    return Err(Failure::new(IssueType::Invalid, told));
                }
            }
        }
        Ok(view)
    }

    /// The part of a stored resource that the view shows.
    pub(crate) fn apply(&self, body: Bytes) -> Result<Bytes> {
        if *self == View::Whole {
            return Ok(body);
        }
        let text = std::str::from_utf8(&body).map_err(Failure::internal)?;
        let doc = Doc::parse(text).map_err(Failure::internal)?;
        let root = doc.root();
        let Some(of) = root.str("resourceType").and_then(|it| r4().resource(it)) else { return Ok(body.clone()) };
        let mut out = String::with_capacity(text.len());
        out.push('{');
        for member in root.children() {
            let keep = match member.key() {
                "resourceType" | "id" => true,
                "meta" => {
                    separate(&mut out);
                    out.push_str(r#""meta":"#);
                    write_subsetted(&mut out, Some(member));
                    continue;
                }
                key => self.keeps(r4().of(of), key),
            };
            if keep {
                self.write_member(&mut out, member, of);
            }
        }
        out.push('}');
        Ok(out.into())
    }

    fn keeps(&self, of: &Type, key: &str) -> bool {
        let name = key.strip_prefix('_').unwrap_or(key);
        let Some(element) = of.property(name).map(|it| &of.elements[usize::from(it.element)]) else { return false };
        match self {
            View::Summary => element.is_summary,
            View::Text => name == "text" || element.min > 0,
            View::Data => name != "text",
            View::Elements(names) => element.min > 0 || names.iter().any(|it| **it == *element.name || it == name),
            View::Whole | View::Count => true,
        }
    }

    fn write_member(&self, out: &mut String, member: Value<'_>, of: TypeId) {
        separate(out);
        write_string(out, member.key());
        out.push(':');
        match (self, backbone(of, member.key())) {
            // Within a group of elements the summary goes on by the marks of its own elements.
            (View::Summary, Some(inner)) => write_summary(out, member, inner),
            _ => write_compact(out, member),
        }
    }
}

/// The type of a member if it is a group of elements of the resource's own.
fn backbone(of: TypeId, key: &str) -> Option<TypeId> {
    let inner = r4().of(of).property(key)?.of;
    (r4().of(inner).kind == Kind::Backbone).then_some(inner)
}

fn write_summary(out: &mut String, value: Value<'_>, of: TypeId) {
    if value.is_array() {
        out.push('[');
        for (i, item) in value.children().enumerate() {
            out.push_str(if i > 0 { "," } else { "" });
            write_summary(out, item, of);
        }
        out.push(']');
        return;
    }
    out.push('{');
    let is_kept = |it: &Element| it.is_summary || it.min > 0;
    for member in value.children() {
        let name = member.key().strip_prefix('_').unwrap_or(member.key());
        let of_type = r4().of(of);
        if of_type.property(name).is_some_and(|it| is_kept(&of_type.elements[usize::from(it.element)])) {
            View::Summary.write_member(out, member, of);
        }
    }
    out.push('}');
}

fn separate(out: &mut String) {
    if !out.ends_with('{') {
        out.push(',');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: &str = r#"{"resourceType":"Patient","id":"1","meta":{"versionId":"1"},"text":{"status":"empty","div":"<div/>"},"active":true,"maritalStatus":{"text":"m"},"contact":[{"gender":"male"}],"link":[{"other":{"reference":"Patient/2"},"type":"refer"}]}"#;

    fn shown(view: View) -> String {
        let body = view.apply(Bytes::from_static(PATIENT.as_bytes())).unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("SUBSETTED"));
        let doc = Doc::parse(text).unwrap();
        doc.root().children().map(Value::key).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_view_shows_its_part() {
        assert_eq!(shown(View::Summary), "resourceType id meta active link");
        assert_eq!(shown(View::Text), "resourceType id meta text");
        assert_eq!(shown(View::Data), "resourceType id meta active maritalStatus contact link");
        assert_eq!(
            shown(View::elements("maritalStatus,Patient.contact")),
            "resourceType id meta maritalStatus contact"
        );
    }
}
