//! Single values: fixed and pattern values, length, codes (elementdefinition.html).

use super::check::Checker;
use super::element::Wanted;
use super::rules::Rules;
use crate::json::Value;
use crate::outcome::{IssueType, Severity};
use crate::path::Node;
use crate::spec::{Binding, Strength, TypeId, r4};
use crate::validate::report::shown_url;

impl Wanted {
    /// Whether a value is what is fixed, or has all that the pattern has.
    pub(super) fn fits(&self, value: Value<'_>) -> bool {
        let wanted = self.value.root();
        if self.is_exact { wanted.same(value) } else { matches(wanted, value) }
    }
}

/// Whether a value has all that a pattern has: of objects the members, of arrays an item for each (profiling.html#pattern).
fn matches(pattern: Value<'_>, value: Value<'_>) -> bool {
    if pattern.is_object() && value.is_object() {
        return pattern.children().all(|it| value.get(it.key()).is_some_and(|value| matches(it, value)));
    }
    if pattern.is_array() && value.is_array() {
        return pattern.children().all(|it| value.children().any(|value| matches(it, value)));
    }
    pattern.same(value)
}

impl<'a> Checker<'a, '_, '_> {
    /// Checks what is asked of the value itself.
    pub(super) fn value(&mut self, rules: &'a Rules, node: &Node<'a>, at: Value<'a>) {
        if let Some(wanted) = rules.value.as_ref().filter(|it| !node.value().is_some_and(|value| it.fits(value))) {
            let word = if wanted.is_exact { "be exactly" } else { "have all of" };
            let told = format!("The value must {word} what the profile fixes: {}.", brief(wanted.value.source()));
            self.report.tell(Severity::Error, IssueType::Value, at, told);
        }
        if let (Some(most), Some(text)) = (rules.max_length, node.text())
            && text.chars().count() > most as usize
        {
            let told = format!("The text must have at most {most} characters.");
            self.report.tell(Severity::Error, IssueType::Value, at, told);
        }
        if let Some(binding) = &rules.binding {
            self.binding(binding, node, at);
        }
        self.additional(&rules.additional, node, at);
    }

    /// Checks a code against what R4 itself advises.
    pub(in crate::validate) fn advise(&mut self, binding: &'a Binding, of: TypeId, value: Value<'a>) {
        self.binding(binding, &Node::new(of, Some(value), None), value);
    }

    /// Whether a code is where its element is bound to (terminologies.html#strength).
    fn binding(&mut self, binding: &'a Binding, node: &Node<'a>, at: Value<'a>) {
        let severity = match binding.strength {
            Strength::Required => Severity::Error,
            Strength::Extensible => Severity::Warning,
            Strength::Preferred => Severity::Information,
            Strength::Example => return,
        };
        let is_in = self.in_value_set(&binding.value_set, node);
        self.tell_binding((severity, &binding.value_set), is_in, at);
    }

    /// Tells a code that is not in the value set that it should be in, or of which that is not known.
    pub(super) fn tell_binding(&mut self, (severity, set): (Severity, &str), is_in: Option<bool>, at: Value<'a>) {
        let set = shown_url(set);
        match is_in {
            Some(true) => {}
            Some(false) => {
                let word = match severity {
                    Severity::Error => "must",
                    Severity::Warning => "should, if one applies,",
                    _ => "should",
                };
                let told = format!("The code {word} be one of the value set {set}.");
                self.report.tell(severity, IssueType::CodeInvalid, at, told);
            }
            None => {
                let told = format!("The codes of the value set {set} are not known here; the code was not checked.");
                let severity = if severity == Severity::Error { Severity::Warning } else { Severity::Information };
                self.report.tell(severity, IssueType::NotSupported, at, told);
            }
        }
    }

    /// Whether a code, Coding, CodeableConcept or Quantity has a code of a value set; `None` where that is not known.
    /// What has no code at all is in none, unless it says why, or is a quantity, which may have no unit.
    pub(super) fn in_value_set(&self, set: &str, node: &Node<'a>) -> Option<bool> {
        let Some(value) = node.value() else { return Some(true) };
        if !value.is_object() {
            return self.has_code(set, None, value.scalar()?);
        }
        let codings = value.get("coding").map(Value::each);
        let Some(codings) = codings else {
            return match (value.str("code"), value.get("extension")) {
                (Some(code), _) => self.has_code(set, Some(value.str("system").unwrap_or_default()), code),
                (None, has) => Some(has.is_some() || value.get("value").is_some()),
            };
        };
        let mut is_in = Some(false);
        for coding in codings {
            let (system, code) = (coding.str("system").unwrap_or_default(), coding.str("code"));
            match code.map_or(Some(false), |it| self.has_code(set, Some(system), it)) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => is_in = None,
            }
        }
        is_in
    }

    /// Whether a code of a system (or, of an element whose system goes without saying, of any) is in a value set.
    fn has_code(&self, set: &str, system: Option<&str>, code: &str) -> Option<bool> {
        let bare = set.split('|').next().unwrap_or_default();
        match r4().value_set(bare).filter(|it| it.is_known()) {
            Some(closed) => Some(system.map_or_else(|| closed.has_code(code), |it| closed.has_coding(it, code))),
            None => (self.profiling.members)(set, system, code),
        }
    }
}

/// What a profile fixes, short enough to be read. It is the profile's, and never a patient's.
fn brief(json: &str) -> String {
    const MOST: usize = 160;
    let mut text: String = json.chars().take(MOST).filter(|it| !it.is_control()).collect();
    if json.chars().nth(MOST).is_some() {
        text.push('…');
    }
    text
}
