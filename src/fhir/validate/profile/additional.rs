//! Bindings beside an element's own: the least and greatest value sets of R4's extensions, and the additional bindings
//! that tools take over from R5 (terminologies.html#binding).

use super::check::{Checker, place};
use super::rules::Child;
use crate::json::Value;
use crate::outcome::{IssueType, Severity};
use crate::path::Node;
use crate::validate::report::shown_url;

const MAX_VALUE_SET: &str = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet";
/// The extension as its tools have it, and as the pack of extensions took it over.
const ADDITIONAL: [&str; 2] = [
    "http://hl7.org/fhir/tools/StructureDefinition/additional-binding",
    "http://hl7.org/fhir/StructureDefinition/additional-binding",
];

/// A further value set that codes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Additional {
    value_set: Box<str>,
    severity: Severity,
    /// Whether one of an element's repetitions is enough.
    is_for_any: bool,
    /// Whether it holds in some contexts of use only, which nobody can tell from the resource.
    is_for_some_uses: bool,
}

impl Additional {
    /// Those of an ElementDefinition.binding that say something of instances. A least value set is what systems
    /// must support, and candidates, starters and lists for screens ask for nothing.
    pub(super) fn all(binding: Value<'_>) -> Vec<Additional> {
        let extensions = binding.get("extension").into_iter().flat_map(Value::each);
        extensions.filter_map(|it| maximum(it).or_else(|| additional(it))).collect()
    }
}

fn maximum(extension: Value<'_>) -> Option<Additional> {
    let is_maximum = extension.str("url") == Some(MAX_VALUE_SET);
    let value_set = extension.str("valueCanonical").or(extension.str("valueUri")).filter(|_| is_maximum)?;
    Some(Additional {
        value_set: value_set.into(),
        severity: Severity::Error,
        is_for_any: false,
        is_for_some_uses: false,
    })
}

fn additional(extension: Value<'_>) -> Option<Additional> {
    let parts = || extension.get("extension").into_iter().flat_map(Value::each);
    let part = |name: &str| parts().find(|it| it.str("url") == Some(name));
    let purpose = part("purpose").filter(|_| extension.str("url").is_some_and(|it| ADDITIONAL.contains(&it)))?;
    let severity = match purpose.str("valueCode")? {
        "maximum" | "required" => Severity::Error,
        "extensible" | "current" => Severity::Warning,
        "preferred" => Severity::Information,
        _ => return None,
    };
    let is_for_some_uses = part("usage").is_some();
    let is_for_any = part("any").and_then(|it| it.get("valueBoolean")).and_then(Value::as_bool).unwrap_or(false);
    let value_set = part("valueSet")?.str("valueCanonical")?.into();
    Some(Additional { value_set, severity, is_for_any, is_for_some_uses })
}

impl<'a> Checker<'a, '_, '_> {
    /// Checks a value against those that hold for each.
    pub(super) fn additional(&mut self, all: &'a [Additional], node: &Node<'a>, at: Value<'a>) {
        for binding in all.iter().filter(|it| !it.is_for_any) {
            let is_in = self.in_value_set(&binding.value_set, node);
            match binding.is_for_some_uses {
                true => self.tell_use(binding, is_in, at),
                false => self.tell_binding((binding.severity, &binding.value_set), is_in, at),
            }
        }
    }

    /// Tells that a code would be wrong in some contexts of use.
    fn tell_use(&mut self, binding: &Additional, is_in: Option<bool>, at: Value<'a>) {
        if is_in == Some(false) {
            let set = shown_url(&binding.value_set);
            let word = if binding.severity == Severity::Error { "must" } else { "should" };
            let told = format!(
                "In some contexts of use the code {word} be one of the value set {set}; whether this is one of them cannot be told here."
            );
            self.report.tell(Severity::Information, IssueType::CodeInvalid, at, told);
        }
    }

    /// Checks an element's values against those of which one value has to be.
    pub(super) fn additional_of_any(&mut self, child: &'a Child, values: &[Node<'a>]) {
        let Some(first) = values.first().and_then(place) else { return };
        for binding in child.rules.additional.iter().filter(|it| it.is_for_any) {
            let found: Vec<_> = values.iter().map(|it| self.in_value_set(&binding.value_set, it)).collect();
            match (found.contains(&Some(true)), found.contains(&None)) {
                (true, _) => {}
                (false, _) if binding.is_for_some_uses => {
                    self.tell_use(binding, found.first().copied().flatten(), first)
                }
                (false, true) => self.tell_binding((binding.severity, &binding.value_set), None, first),
                (false, false) => {
                    let set = shown_url(&binding.value_set);
                    let told = format!("One of the values of {} must be of the value set {set}.", child.name);
                    self.report.tell(binding.severity, IssueType::CodeInvalid, first, told);
                }
            }
        }
    }
}
