//! Whose records a resource holds that is nobody's by itself: a stored Bundle, Parameters, a Binary.

use super::patients::{each_member, each_patient};
use super::pointed::{Whose, each_pointed, tell_target};
use fhir::json::{Doc, Limits, Value};

/// The type whose resources are of whom their security context is (binary.html#security).
pub(super) const BINARY: &str = "Binary";

/// Tells by what it is told whose a resource is, with those of whom something lies within it: a stored Bundle and Parameters are about whom the resources in
/// them are about.
pub(super) fn each_whose(of: &str, id: &str, body: &[u8], base: &str, tell: &mut dyn FnMut(Whose<'_>)) {
    match of {
        "Bundle" | "Parameters" => each_within(body, |of, id, part| each_whose(of, id, part, base, tell)),
        BINARY => each_member(body, |name, value| {
            if name == b"securityContext"
                && let Some(context) = std::str::from_utf8(value).ok().and_then(|it| Doc::parse(it).ok())
                && let Some(reference) = context.root().str("reference")
            {
                tell_target(reference, base, tell);
            }
        }),
        _ => {
            let mut is_told = false;
            each_patient(of, id, body, base, |it| {
                // What lies in another resource may have no id.
                if !it.is_empty() {
                    is_told = true;
                    tell(Whose::Patient(it));
                }
            });
            each_pointed(of, is_told, body, base, tell);
        }
    }
}

/// Tells the type, id and bytes of each resource that is an entry of another one, or a parameter.
fn each_within<'b>(body: &'b [u8], mut tell: impl FnMut(&str, &'b str, &'b [u8])) {
    // What is stored is within the limits of what was sent.
    let limits = Limits { depth: 256, values: usize::MAX };
    let Ok(text) = std::str::from_utf8(body) else { return };
    let Ok(doc) = Doc::parse_within(text, &limits) else { return };
    let mut left: Vec<Value<'_>> = doc.root().children().collect();
    while let Some(value) = left.pop() {
        let Some(of) = value.str("resourceType") else {
            left.extend(value.children());
            continue;
        };
        // The same bytes, as the body has them.
        let own = |it: &str| {
            let start = (it.as_ptr() as usize).checked_sub(doc.source().as_ptr() as usize)?;
            text.get(start..start + it.len())
        };
        let id = value.get("id").and_then(|it| own(it.raw())).map_or("", |it| it.trim_matches('"'));
        if let Some(part) = own(value.raw()) {
            tell(of, id, part.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_others_is_its_patients() {
        let inside = |of: &str, body: &str| {
            let mut all = Vec::new();
            each_whose(of, "own", body.as_bytes(), "", &mut |it| {
                all.push(match it {
                    Whose::Patient(id) => id.to_owned(),
                    Whose::Record(it) => it.key.to_string(),
                })
            });
            all.sort();
            all
        };
        let bundle = r#"{"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"1"}},{"resource":{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation","subject":{"reference":"Patient/2"}}}]}}]}"#;
        assert_eq!(inside("Bundle", bundle), ["1", "2"]);
        let parameters = r#"{"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","resource":{"resourceType":"Task","for":{"reference":"Patient/3"}}}]}]}"#;
        assert_eq!(inside("Parameters", parameters), ["3"]);
        let binary = r#"{"resourceType":"Binary","contentType":"a/b","securityContext":{"reference":"Patient/4"},"data":"UGF0aWVudC81"}"#;
        assert_eq!(inside("Binary", binary), ["4"]);
        assert_eq!(inside("Binary", &binary.replace("Patient/4", "DocumentReference/4")), ["DocumentReference/4"]);
        let list = r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"List","entry":[{"item":{"reference":"Task/5"}}]}}]}"#;
        assert_eq!(inside("Bundle", list), ["Task/5"]);
    }
}
