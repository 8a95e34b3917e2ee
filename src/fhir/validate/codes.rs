//! Codes of elements that are bound to a closed list as required (terminologies.html#required).

use super::rules::{Place, Shape};
use super::walk::Walk;
use crate::json::Value;
use crate::outcome::{IssueType, Severity};
use crate::spec::ValueSet;
use crate::terminology::{BuiltIn, is_registered};

/// Lists of at most so many codes are named whole in an issue.
const SHORT: usize = 20;

impl<'a, 's> Walk<'a, 's> {
    /// Whether a primitive's text is among the codes that its element allows.
    pub(super) fn code(&mut self, place: Place<'a, 's>, value: Value<'a>, text: &str) {
        if let Some(set) = place.rules.codes.filter(|it| !it.has_code(text)) {
            self.report(IssueType::CodeInvalid, value, format!("{} must be {}.", place.name, allowed(set)));
        } else if self.wants_warnings() && place.rules.codes.and_then(|it| it.all_of) == Some(BuiltIn::MediaTypes) {
            self.media_type(value, text);
        }
    }

    /// BCP 13 lets types of the standards tree be used once they are registered. The registry grows: that one is not in it is
    /// no error.
    fn media_type(&mut self, value: Value<'a>, text: &str) {
        if text.contains('/') && !is_registered(text) {
            let told = "This media type is not among those that IANA has registered (as of March 2025); one of your own \
                        begins with vnd., prs. or x. behind the slash.";
            self.warn(Severity::Warning, IssueType::CodeInvalid, value, told);
        }
    }

    /// Whether a Coding, CodeableConcept or Quantity has a code that its element allows.
    pub(super) fn concept(&mut self, place: Place<'a, 's>, shape: Shape, value: Value<'a>) {
        let Some(set) = place.rules.codes else {
            return;
        };
        let is_in = match shape {
            Shape::Coding => has_coding(set, value),
            Shape::CodeableConcept => {
                value.get("coding").is_some_and(|it| it.each().any(|coding| has_coding(set, coding)))
            }
            // A quantity without a code says nothing that a list could forbid.
            Shape::Quantity => value.get("code").is_none() || has_coding(set, value),
            _ => return,
        };
        // An extension may say why there is no code (extension-data-absent-reason.html).
        let is_explained = value.get("extension").is_some() && value.get("coding").or(value.get("code")).is_none();
        if !is_in && !is_explained {
            let of =
                if shape == Shape::CodeableConcept { "have a coding with a system and a code that are" } else { "be" };
            self.report(IssueType::CodeInvalid, value, format!("{} must {of} {}.", place.name, allowed(set)));
        }
    }
}

fn has_coding(set: &ValueSet, coding: Value<'_>) -> bool {
    match (coding.str("system"), coding.str("code")) {
        (Some(system), Some(code)) => set.has_coding(system, code),
        _ => false,
    }
}

/// What a list allows, in words.
fn allowed(set: &ValueSet) -> String {
    let count: usize = set.codes.iter().map(|it| it.codes.len()).sum();
    if count > SHORT || set.all_of.is_some() {
        return format!("a code of the value set {}", set.url);
    }
    let systems: Vec<_> = set
        .codes
        .iter()
        .map(|it| format!("{} ({})", it.codes.iter().map(|it| &**it).collect::<Vec<_>>().join(", "), it.system))
        .collect();
    format!("one of {}", systems.join(", or "))
}
