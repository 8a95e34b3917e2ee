//! Whose records a resource belongs to, told from its bytes as they are stored: without parsing it, for this is done with
//! every resource that is handed out.
//!
//! A resource is a patient's by the references that put it into the Patient compartment
//! (compartmentdefinition-patient.html), and where the compartment leaves its type out, by its parameters `patient` and
//! `subject`. The top-level elements that those look at are known for each type; their bytes are searched for references
//! to a Patient of this server.

use fhir::search::own_alternatives;
use fhir::spec::{TypeId, r4};
use memchr::memchr2;
use memchr::memmem;
use std::sync::OnceLock;

/// The resource type.
pub(super) const PATIENT: &str = "Patient";
/// The parameters by which a type is a patient's that the compartment leaves out.
const BESIDE: &[&str] = &["patient", "subject"];
/// A reference by its address (references.html#literal).
const REFERENCE: &[u8] = b"\"reference\":\"";

/// Tells the ids of the patients whose a resource is, as it is stored; one may be told several times. `base` is this
/// server's base URL: references that begin with it are its own.
pub(crate) fn each_patient<'b>(of: &str, id: &'b str, body: &'b [u8], base: &str, mut tell: impl FnMut(&'b str)) {
    if of == PATIENT {
        tell(id);
    }
    let Some(elements) = r4().resource(of).and_then(elements).filter(|it| !it.is_empty()) else { return };
    each_member(body, |name, value| {
        if elements.iter().any(|it| it.as_bytes() == name) {
            for at in memmem::find_iter(value, REFERENCE) {
                let reference = value.get(at + REFERENCE.len()..).unwrap_or_default();
                if let Some(id) = patient(reference, base) {
                    tell(id);
                }
            }
        }
    });
}

/// The id of the patient that a reference leads to, which ends with a quote.
fn patient<'b>(reference: &'b [u8], base: &str) -> Option<&'b str> {
    let relative = match reference.strip_prefix(base.as_bytes()) {
        Some(rest) if !base.is_empty() => rest.strip_prefix(b"/")?,
        _ => reference,
    };
    let rest = relative.strip_prefix(b"Patient/")?;
    let id = rest.get(..memchr2(b'"', b'/', rest)?)?;
    std::str::from_utf8(id).ok().filter(|it| !it.is_empty())
}

/// The top-level elements by which a type is a patient's.
fn elements(of: TypeId) -> Option<&'static [String]> {
    static ALL: OnceLock<Vec<Vec<String>>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let last = r4().resources().map(|it| usize::from(it.0)).max().unwrap_or_default();
        let mut all = vec![Vec::new(); last + 1];
        for of in r4().resources() {
            if let Some(slot) = all.get_mut(usize::from(of.0)) {
                *slot = elements_of(of);
            }
        }
        all
    });
    all.get(usize::from(of.0)).map(Vec::as_slice)
}

fn elements_of(of: TypeId) -> Vec<String> {
    let compartment = r4().resource(PATIENT).and_then(|it| r4().compartment(it));
    let member = compartment.and_then(|it| it.members.iter().find(|(member, _)| *member == of));
    let codes: Vec<&str> = match member {
        Some((_, codes)) => codes.iter().map(|it| &**it).collect(),
        None => BESIDE.to_vec(),
    };
    let mut elements: Vec<String> = Vec::new();
    for param in codes.into_iter().filter_map(|it| r4().param(of, it)) {
        for path in own_alternatives(r4(), param, of) {
            let steps = path.trim_start_matches(['(', ' ']).split('.').nth(1).unwrap_or_default();
            let element: String = steps.chars().take_while(char::is_ascii_alphanumeric).collect();
            if !element.is_empty() && !elements.contains(&element) {
                elements.push(element);
            }
        }
    }
    elements
}

/// The members of an object of compact JSON, as bytes. What is none ends it.
fn each_member<'b>(body: &'b [u8], mut take: impl FnMut(&'b [u8], &'b [u8])) {
    let mut rest = body;
    while let Some((b'{' | b',', after)) = rest.split_first() {
        let Some(end) = text_end(after) else { return };
        let (Some(name), Some(value)) = (after.get(1..end - 1), after.get(end + 1..)) else { return };
        let Some(end) = value_end(value) else { return };
        let (value, behind) = value.split_at(end);
        take(name, value);
        rest = behind;
    }
}

/// Where a text ends that begins with a quote.
fn text_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Where a value ends.
fn value_end(value: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        match value.get(at)? {
            b'"' => at += text_end(value.get(at..)?)? - 1,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return Some(at),
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patients(body: &str) -> Vec<&str> {
        let (_, rest) = body.split_once(r#"{"resourceType":""#).unwrap();
        let (of, _) = rest.split_once('"').unwrap();
        let mut all = Vec::new();
        each_patient(of, "own", body.as_bytes(), "http://x/fhir/north", |it| all.push(it));
        all
    }

    #[test]
    fn a_resource_is_a_patients_by_the_references_of_the_compartment() {
        for (body, expected) in [
            (r#"{"resourceType":"Observation","subject":{"reference":"Patient/1"}}"#, vec!["1"]),
            (r#"{"resourceType":"Observation","subject":{"reference":"http://x/fhir/north/Patient/1"}}"#, vec!["1"]),
            (r#"{"resourceType":"Observation","subject":{"reference":"Patient/1/_history/2"}}"#, vec!["1"]),
            (r#"{"resourceType":"Observation","subject":{"reference":"http://y/fhir/north/Patient/1"}}"#, vec![]),
            (r#"{"resourceType":"Observation","focus":[{"reference":"Patient/1"}]}"#, vec![]),
            (r#"{"resourceType":"Observation","subject":{"reference":"Group/1"}}"#, vec![]),
            (
                r#"{"resourceType":"Observation","subject":{"reference":"Patient/1"},"performer":[{"reference":"Patient/2"}]}"#,
                vec!["1", "2"],
            ),
            (
                r#"{"resourceType":"Appointment","participant":[{"actor":{"reference":"Patient/7"},"status":"accepted"}]}"#,
                vec!["7"],
            ),
            (r#"{"resourceType":"Task","for":{"reference":"Patient/3"}}"#, vec!["3"]),
            (r#"{"resourceType":"Patient","link":[{"other":{"reference":"Patient/8"}}]}"#, vec!["own", "8"]),
            (r#"{"resourceType":"Practitioner","name":[{"text":"Patient/1"}]}"#, vec![]),
        ] {
            assert_eq!(patients(body), expected, "{body}");
        }
    }

    #[test]
    fn texts_with_quotes_and_brackets_end_nothing() {
        let body = r#"{"resourceType":"Observation","note":[{"text":"a \"} ] , \\"}],"value\"Code":1,"subject":{"reference":"Patient/1"}}"#;
        assert_eq!(patients(body), ["1"]);
    }

    #[test]
    fn what_is_cut_off_ends_the_search() {
        let body = r#"{"resourceType":"Observation","subject":{"reference":"Patient/1"}}"#;
        for end in 0..body.len() - 1 {
            each_patient("Observation", "own", &body.as_bytes()[..end], "", |_| panic!("{end}"));
        }
    }

    #[test]
    fn every_type_of_the_compartment_has_elements() {
        let compartment = r4().compartment(r4().resource(PATIENT).unwrap()).unwrap();
        for (of, _) in compartment.members.iter().filter(|(of, _)| *r4().of(*of).name != *PATIENT) {
            assert!(!elements(*of).unwrap().is_empty(), "{}", r4().of(*of).name);
        }
    }
}
