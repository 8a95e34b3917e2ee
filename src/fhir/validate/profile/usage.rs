//! Where an extension may stand (defining-extensions.html#context).

use super::check::Checker;
use crate::json::Value;
use crate::outcome::{IssueType, Severity, shown};
use crate::validate::{errata, expression};

/// What a definition of an extension says of its use.
#[derive(Default)]
pub(super) struct Usage {
    /// StructureDefinition.context: type and expression.
    contexts: Vec<(Box<str>, Box<str>)>,
    /// Whether it changes the meaning of what it stands on, if that is said.
    is_modifier: Option<bool>,
}

impl Usage {
    pub(super) fn read(definition: Value<'_>) -> Usage {
        let context = |it: Value<'_>| Some((it.str("type")?.into(), it.str("expression")?.into()));
        let elements = definition.get("snapshot").or(definition.get("differential"));
        let root = elements.and_then(|it| it.get("element")).and_then(|it| it.each().next());
        Usage {
            contexts: definition.get("context").into_iter().flat_map(Value::each).filter_map(context).collect(),
            is_modifier: root.and_then(|it| it.get("isModifier")).and_then(Value::as_bool),
        }
    }
}

impl<'a> Checker<'a, '_, '_> {
    /// Checks where an extension stands.
    pub(super) fn usage(&mut self, usage: &Usage, url: &'a str, extension: Value<'a>, is_modifier: bool) {
        let outer = self.report.profile.replace(url);
        let ceiling = std::mem::replace(&mut self.report.ceiling, self.profiling.severity);
        if usage.is_modifier.is_some_and(|it| it != is_modifier) {
            let told = if is_modifier {
                "The extension changes no meaning: it stands in extension, not in modifierExtension."
            } else {
                "The extension changes the meaning of what it stands on: it must stand in modifierExtension."
            };
            self.report.tell(Severity::Error, IssueType::Extension, extension, told);
        }
        let (holder, names) = expression::holder(self.report.spec, self.report.root, extension);
        let allows = |(kind, wanted): &(Box<str>, Box<str>)| match &**kind {
            // Element is what every element is, resources included.
            "element" => &**wanted == "Element" || wanted.contains(':') || names.iter().any(|it| **it == **wanted),
            "extension" => holder.str("url") == Some(wanted),
            // What FHIRPath selects is not looked at.
            _ => true,
        };
        let is_told = !usage.contexts.is_empty() && !errata::is_out_of_context(url);
        if is_told && !usage.contexts.iter().any(allows) {
            let places: Vec<_> = usage.contexts.iter().take(8).map(|(_, it)| shown(it)).collect();
            let told = format!("The extension may not stand here; it is for {}.", places.join(", "));
            self.report.tell(Severity::Error, IssueType::Extension, extension, told);
        }
        self.report.profile = outer;
        self.report.ceiling = ceiling;
    }
}
