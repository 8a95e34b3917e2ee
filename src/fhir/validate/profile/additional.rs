//! Bindings beside an element's own: the least and greatest value sets of R4's extensions, and the additional bindings
//! that tools take over from R5 (terminologies.html#binding).

use super::check::{Checker, place};
use super::rules::Child;
use crate::json::Value;
use crate::outcome::{IssueType, Severity};
use crate::path::Node;
use crate::validate::report::shown_url;

const MAX_VALUE_SET: &str = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet";
const ADDITIONAL: &str = "http://hl7.org/fhir/tools/StructureDefinition/additional-binding";

/// A further value set that codes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Additional {
    value_set: Box<str>,
    severity: Severity,
    /// Whether one of an element's repetitions is enough.
    is_for_any: bool,
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
    Some(Additional { value_set: value_set.into(), severity: Severity::Error, is_for_any: false })
}

fn additional(extension: Value<'_>) -> Option<Additional> {
    let parts = || extension.get("extension").into_iter().flat_map(Value::each);
    let part = |name: &str| parts().find(|it| it.str("url") == Some(name));
    let purpose = part("purpose").filter(|_| extension.str("url") == Some(ADDITIONAL))?.str("valueCode")?;
    // What holds in some contexts of use only, nobody can tell from the resource.
    let is_everywhere = part("usage").is_none();
    let severity = match purpose {
        "maximum" | "required" if is_everywhere => Severity::Error,
        "extensible" | "current" if is_everywhere => Severity::Warning,
        "preferred" if is_everywhere => Severity::Information,
        _ => return None,
    };
    let is_for_any = part("any").and_then(|it| it.get("valueBoolean")).and_then(Value::as_bool).unwrap_or(false);
    Some(Additional { value_set: part("valueSet")?.str("valueCanonical")?.into(), severity, is_for_any })
}

impl<'a> Checker<'a, '_, '_> {
    /// Checks a value against those that hold for each.
    pub(super) fn additional(&mut self, all: &'a [Additional], node: &Node<'a>, at: Value<'a>) {
        for binding in all.iter().filter(|it| !it.is_for_any) {
            let is_in = self.in_value_set(&binding.value_set, node);
            self.tell_binding((binding.severity, &binding.value_set), is_in, at);
        }
    }

    /// Checks an element's values against those of which one value has to be.
    pub(super) fn additional_of_any(&mut self, child: &'a Child, values: &[Node<'a>]) {
        let Some(first) = values.first().and_then(place) else { return };
        for binding in child.rules.additional.iter().filter(|it| it.is_for_any) {
            let found: Vec<_> = values.iter().map(|it| self.in_value_set(&binding.value_set, it)).collect();
            match (found.contains(&Some(true)), found.contains(&None)) {
                (true, _) => {}
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
