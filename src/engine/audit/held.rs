//! Whose records a resource holds that is nobody's by itself: a stored Bundle, Parameters, a Binary.

use super::patients::{REFERENCE, each_member, each_patient, patient};
use fhir::json::{Doc, Limits, Value};
use memchr::memmem;

/// Tells the ids of the patients whose a resource is, with those of whom something lies within it: a stored Bundle and Parameters are about whom the resources in them are about, a
/// Binary about whom its security context names.
pub(super) fn each_patient_inside<'b>(
    of: &str,
    id: &'b str,
    body: &'b [u8],
    base: &str,
    tell: &mut dyn FnMut(&'b str),
) {
    match of {
        "Bundle" | "Parameters" => each_within(body, |of, id, part| each_patient_inside(of, id, part, base, tell)),
        "Binary" => each_member(body, |name, value| {
            let reference = memmem::find(value, REFERENCE).and_then(|at| value.get(at + REFERENCE.len()..));
            if name == b"securityContext" {
                reference.and_then(|it| patient(it, base)).into_iter().for_each(&mut *tell);
            }
        }),
        _ => each_patient(of, id, body, base, tell),
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
            each_patient_inside(of, "own", body.as_bytes(), "", &mut |it| all.push(it.to_owned()));
            all.sort();
            all
        };
        let bundle = r#"{"resourceType":"Bundle","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"1"}},{"resource":{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation","subject":{"reference":"Patient/2"}}}]}}]}"#;
        assert_eq!(inside("Bundle", bundle), ["1", "2"]);
        let parameters = r#"{"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","resource":{"resourceType":"Task","for":{"reference":"Patient/3"}}}]}]}"#;
        assert_eq!(inside("Parameters", parameters), ["3"]);
        let binary = r#"{"resourceType":"Binary","contentType":"a/b","securityContext":{"reference":"Patient/4"},"data":"UGF0aWVudC81"}"#;
        assert_eq!(inside("Binary", binary), ["4"]);
    }
}
