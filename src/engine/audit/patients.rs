//! Whose records a resource belongs to, told from its bytes as they are stored: without parsing it, for this is done with
//! every resource that is handed out.
//!
//! A resource is a patient's by the references that put it into the Patient compartment
//! (compartmentdefinition-patient.html), and where the compartment leaves its type out, by its parameters `patient` and
//! `subject`. The top-level elements that those look at are known for each type; their bytes are searched for references
//! to a Patient of this server. Most resources need not be looked through member by member: the name right before a reference
//! tells enough where no other object within the resource may have a member of this name.

use super::AUDIT_EVENT;
use fhir::search::own_alternatives;
use fhir::spec::{TypeId, r4};
use memchr::memchr2;
use memchr::memmem::Finder;
use memchr::memrchr;
use rustc_hash::FxHashSet;
use std::sync::{LazyLock, OnceLock};

/// The resource type.
pub(super) const PATIENT: &str = "Patient";
/// The parameters by which a type is a patient's that the compartment leaves out.
const BESIDE: &[&str] = &["patient", "subject"];
/// A reference by its address (references.html#literal).
pub(super) const REFERENCE: &[u8] = b"\"reference\":\"";
/// What the address of a Patient begins with.
const HEAD: &[u8] = b"Patient/";

/// Tells the ids of the patients whose a resource is, as it is stored; one may be told several times. `base` is this
/// server's base URL: references that begin with it are its own.
pub(crate) fn each_patient<'b>(of: &str, id: &'b str, body: &'b [u8], base: &str, mut tell: impl FnMut(&'b str)) {
    if of == PATIENT {
        tell(id);
    }
    let Some(elements) = r4().resource(of).and_then(elements).filter(|it| !it.all.is_empty()) else { return };
    if elements.tell_by_name(body, base, &mut tell) {
        return;
    }
    static REFERENCES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(REFERENCE));
    each_member(body, |name, value| {
        if elements.all.iter().any(|it| it.as_bytes() == name) {
            for at in REFERENCES.find_iter(value) {
                let reference = value.get(at + REFERENCE.len()..).unwrap_or_default();
                if let Some(id) = patient(reference, base) {
                    tell(id);
                }
            }
        }
    });
}

/// Whether resources of a type may be somebody's, but for the log's own.
pub(super) fn is_ever_owned(of: &str) -> bool {
    let has_elements = || r4().resource(of).and_then(elements).is_some_and(|it| !it.all.is_empty());
    of != AUDIT_EVENT && (matches!(of, "Binary" | "Bundle" | "Parameters") || has_elements())
}

/// The top-level elements by which a type is a patient's.
struct Elements {
    all: Vec<String>,
    /// Those of a name that no member further down has, but in a contained resource.
    own: Vec<String>,
}

impl Elements {
    /// Tells patients by the names right before the references to them; `false` where that does not tell enough.
    fn tell_by_name<'b>(&self, body: &'b [u8], base: &str, tell: &mut impl FnMut(&'b str)) -> bool {
        static PATIENTS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(HEAD));
        static CONTAINED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"contained\":"));
        let mut contains = None;
        for at in PATIENTS.find_iter(body) {
            let (before, reference) = body.split_at(at);
            let local = before.strip_suffix(b"/").and_then(|it| it.strip_suffix(base.as_bytes())).unwrap_or(before);
            let Some(before) = local.strip_suffix(REFERENCE) else { continue };
            let Some(before) = before.strip_suffix(b"\":{") else { return false };
            let name = memrchr(b'"', before).and_then(|it| before.get(it + 1..)).unwrap_or_default();
            let is_own = self.own.iter().any(|it| it.as_bytes() == name);
            if !is_own || *contains.get_or_insert_with(|| CONTAINED.find(body).is_some()) {
                return false;
            }
            if let Some(id) = patient(reference, "") {
                tell(id);
            }
        }
        true
    }
}

/// The id of the patient that a reference leads to, which ends with a quote.
pub(super) fn patient<'b>(reference: &'b [u8], base: &str) -> Option<&'b str> {
    let relative = match reference.strip_prefix(base.as_bytes()) {
        Some(rest) if !base.is_empty() => rest.strip_prefix(b"/")?,
        _ => reference,
    };
    let rest = relative.strip_prefix(HEAD)?;
    let id = rest.get(..memchr2(b'"', b'/', rest)?)?;
    std::str::from_utf8(id).ok().filter(|it| !it.is_empty())
}

fn elements(of: TypeId) -> Option<&'static Elements> {
    static ALL: OnceLock<Vec<OnceLock<Elements>>> = OnceLock::new();
    let all = ALL.get_or_init(|| r4().types().iter().map(|_| OnceLock::new()).collect());
    let slot = all.get(usize::from(of.0))?;
    Some(slot.get_or_init(|| {
        let (all, below) = (elements_of(of), names_below(of));
        let own = all.iter().filter(|it| !below.contains(it.as_str())).cloned().collect();
        Elements { all, own }
    }))
}

/// The names of the members that objects within a resource of a type have, but for those of contained ones.
fn names_below(of: TypeId) -> FxHashSet<&'static str> {
    let members = |of: TypeId| r4().of(of).properties.iter();
    let (mut names, mut met) = (FxHashSet::default(), FxHashSet::default());
    let mut left: Vec<TypeId> = members(of).filter(|(name, _)| ***name != *"contained").map(|(_, it)| it.of).collect();
    while let Some(next) = left.pop() {
        if met.insert(next) {
            names.extend(members(next).map(|(name, _)| &**name));
            left.extend(members(next).map(|(_, it)| it.of));
        }
    }
    names
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
pub(super) fn each_member<'b>(body: &'b [u8], mut take: impl FnMut(&'b [u8], &'b [u8])) {
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
        all.dedup();
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
        for end in 0..body.len() - 2 {
            each_patient("Observation", "own", &body.as_bytes()[..end], "", |_| panic!("{end}"));
        }
    }

    #[test]
    fn a_name_tells_only_what_no_other_member_has() {
        for body in [
            r#"{"resourceType":"Observation","contained":[{"resourceType":"Observation","id":"a","subject":{"reference":"Patient/1"}}]}"#,
            r#"{"resourceType":"Observation","text":{"status":"generated","div":"<div>\"subject\":{\"reference\":\"Patient/1\"}</div>"}}"#,
            r#"{"resourceType":"Contract","term":[{"action":[{"subject":{"reference":"Patient/1"}}]}]}"#,
        ] {
            assert_eq!(patients(body), Vec::<&str>::new(), "{body}");
        }
        let own = |of| &elements(r4().resource(of).unwrap()).unwrap().own;
        assert!(own("Observation").contains(&"subject".to_owned()));
        assert!(!own("Contract").contains(&"subject".to_owned()), "Contract.term.action has one as well");
    }

    #[test]
    fn every_type_of_the_compartment_has_elements() {
        let compartment = r4().compartment(r4().resource(PATIENT).unwrap()).unwrap();
        for (of, _) in compartment.members.iter().filter(|(of, _)| *r4().of(*of).name != *PATIENT) {
            assert!(!elements(*of).unwrap().all.is_empty(), "{}", r4().of(*of).name);
        }
    }
}
