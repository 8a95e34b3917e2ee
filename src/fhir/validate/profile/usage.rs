//! Where an extension may stand (defining-extensions.html#context).

use super::Fault;
use super::check::Checker;
use super::compile::{CORE, shown as shown_name};
use crate::json::Value;
use crate::outcome::{IssueType, Severity, shown};
use crate::path::{Expression, Item, Node};
use crate::validate::errata;
use crate::validate::expression::{self, Holder};

/// What a definition of an extension says of its use.
#[derive(Default)]
pub(super) struct Usage {
    contexts: Vec<Place>,
    /// StructureDefinition.contextInvariant: what must be true of the element that the extension stands on.
    invariants: Vec<Expression>,
    /// Whether it changes the meaning of what it stands on, if that is said.
    is_modifier: Option<bool>,
}

/// StructureDefinition.context.
struct Place {
    kind: Kind,
    /// What it says, for people.
    expression: Box<str>,
}

/// StructureDefinition.context.type.
enum Kind {
    /// Elements by their names, of which the expression is one.
    Element,
    /// Elements that the expression selects.
    Path(Expression),
    /// Extensions by their url.
    Extension,
}

impl Usage {
    pub(super) fn read(definition: Value<'_>) -> Result<Usage, Fault> {
        let list = |name: &str| definition.get(name).into_iter().flat_map(Value::each);
        let elements = definition.get("snapshot").or(definition.get("differential"));
        let root = elements.and_then(|it| it.get("element")).and_then(|it| it.each().next());
        Ok(Usage {
            contexts: list("context").filter_map(|it| place(it).transpose()).collect::<Result<_, _>>()?,
            invariants: list("contextInvariant").filter_map(Value::as_str).map(parsed).collect::<Result<_, _>>()?,
            is_modifier: root.and_then(|it| it.get("isModifier")).and_then(Value::as_bool),
        })
    }
}

fn place(context: Value<'_>) -> Result<Option<Place>, Fault> {
    let (Some(kind), Some(expression)) = (context.str("type"), context.str("expression")) else { return Ok(None) };
    let kind = match kind {
        "element" => Kind::Element,
        "fhirpath" => Kind::Path(parsed(expression)?),
        "extension" => Kind::Extension,
        _ => return Ok(None),
    };
    Ok(Some(Place { kind, expression: expression.into() }))
}

fn parsed(expression: &str) -> Result<Expression, Fault> {
    let fault = |it| Fault::new("", format!("its context {}: {it}", shown_name(expression)));
    Expression::parse(expression).map_err(fault)
}

impl Holder<'_> {
    /// Whether it is called so: by a type, a path of elements, or the id of an element in a definition.
    fn is_called(&self, name: &str) -> bool {
        let (url, id) = name.split_once('#').map_or((None, name), |(url, id)| (Some(url), id));
        let path: String = id.split('.').map(|it| it.split(':').next().unwrap_or(it)).collect::<Vec<_>>().join(".");
        let bare = url.map_or_else(|| name.strip_prefix(CORE).unwrap_or(name), |_| &path);
        // Element is what every element is, resources included.
        bare == "Element" || self.names.iter().any(|it| it == bare) || url.is_none() && bare.contains(':')
    }
}

impl<'a> Checker<'a, '_, '_> {
    /// Checks where an extension stands.
    pub(super) fn usage(&mut self, usage: &'a Usage, url: &'a str, extension: Value<'a>, is_modifier: bool) {
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
        let holder = expression::holder(self.report.spec, self.report.root, extension);
        let is_told = !usage.contexts.is_empty() && !errata::is_out_of_context(url);
        if is_told && !usage.contexts.iter().any(|it| self.allows(it, &holder)) {
            let places: Vec<_> = usage.contexts.iter().take(8).map(|it| shown(&it.expression)).collect();
            let told = format!("The extension may not stand here; it is for {}.", places.join(", "));
            self.report.tell(Severity::Error, IssueType::Extension, extension, told);
        }
        for invariant in &usage.invariants {
            self.context_invariant(invariant, &holder, extension);
        }
        self.report.profile = outer;
        self.report.ceiling = ceiling;
    }

    fn allows(&mut self, place: &'a Place, holder: &Holder<'a>) -> bool {
        match &place.kind {
            Kind::Element => holder.is_called(&place.expression),
            Kind::Extension => holder.value.str("url") == Some(&place.expression),
            Kind::Path(path) => {
                let Some(resource) = self.conditions.node() else { return true };
                // What cannot be evaluated is not held against anybody.
                let Ok(found) = self.conditions.evaluate(path, resource) else { return true };
                let is_it = |it: Option<Value<'a>>| it.is_some_and(|it| it.index() == holder.value.index());
                found.iter().filter_map(Item::node).any(|it| is_it(it.value()) || is_it(it.companion()))
            }
        }
    }

    /// Checks the element that an extension stands on against what its definition asks of that.
    fn context_invariant(&mut self, invariant: &'a Expression, holder: &Holder<'a>, extension: Value<'a>) {
        let (Some(node), Some(of)) = (holder.node, self.report.spec.type_named("Extension")) else { return };
        let variable = Item::Node(Node::new(of, Some(extension), None));
        match self.conditions.truth_with(invariant, node, ("extension", variable)) {
            Ok(Some(false)) => {
                let told = "The element that the extension stands on is not as the extension's definition asks.";
                self.report.tell(Severity::Error, IssueType::Invariant, extension, told);
            }
            Ok(_) => {}
            Err(error) => {
                let told = format!("The extension's context could not be checked: {error}.");
                self.report.tell(Severity::Warning, IssueType::NotSupported, extension, told);
            }
        }
    }
}
