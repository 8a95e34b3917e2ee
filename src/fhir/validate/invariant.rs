//! Invariants (ElementDefinition.constraint): conditions in FHIRPath that an element must meet (conformance-rules.html).
//!
//! An expression is compiled when its element is first met. Which elements are there decides most invariants
//! ([`Presence`]); only what is left is evaluated, within a budget that grows with the resource and that all its
//! invariants share.

use super::errata;
use super::report::Report;
use super::rules::Elements;
use crate::json::Value;
use crate::outcome::{IssueType, Severity};
use crate::path::{Context, DEFAULT_BUDGET, Expression, Item, Node, PathError, Presence, Services};
use crate::spec::{Constraint, Type, TypeId};
use std::borrow::Cow;
use std::sync::OnceLock;

/// Steps of evaluation that each byte of a resource adds to what its invariants may take.
const STEPS_PER_BYTE: u32 = 4;

/// An invariant, compiled when it is first needed.
pub(super) struct Invariant<'s> {
    constraint: Cow<'s, Constraint>,
    /// The type of the elements it is on, if they have one only.
    of: Option<TypeId>,
    compiled: OnceLock<Result<Compiled, PathError>>,
}

struct Compiled {
    expression: Expression,
    presence: Option<Presence>,
}

impl<'s> Invariant<'s> {
    pub(super) fn new(constraint: Cow<'s, Constraint>, of: Option<TypeId>) -> Invariant<'s> {
        Invariant { constraint, of, compiled: OnceLock::new() }
    }

    /// Its key.
    #[cfg(test)]
    pub(super) fn key(&self) -> &str {
        &self.constraint.key
    }

    /// Those of a type's or an element's invariants that have to be evaluated.
    pub(super) fn all(owner: &Type, constraints: &'s [Constraint], of: Option<TypeId>) -> Vec<Invariant<'s>> {
        let is_evaluated = |it: &&Constraint| {
            !errata::is_implied(&it.key) && !errata::is_faulty(&owner.name, &it.key) && !it.expression.is_empty()
        };
        constraints.iter().filter(is_evaluated).map(|it| Invariant::new(Cow::Borrowed(it), of)).collect()
    }

    fn severity(&self) -> Severity {
        if self.constraint.is_error { Severity::Error } else { Severity::Warning }
    }

    fn compiled(&self) -> &Result<Compiled, PathError> {
        self.compiled.get_or_init(|| {
            let expression = Expression::parse(&self.constraint.expression)?;
            let presence = self.of.map(|it| expression.presence(it));
            Ok(Compiled { expression, presence })
        })
    }
}

/// What invariants are evaluated with.
pub(super) struct Conditions<'a> {
    root: Value<'a>,
    /// What `%resource` is.
    pub resource: Value<'a>,
    now: Option<i64>,
    services: &'a dyn Services,
    /// A context in the resource with this index.
    context: Option<(u32, Context<'a>)>,
    left: u32,
}

impl<'a> Conditions<'a> {
    pub(super) fn new(root: Value<'a>, now: Option<i64>, services: &'a dyn Services) -> Conditions<'a> {
        let size = u32::try_from(root.raw().len()).unwrap_or(u32::MAX);
        let left = size.saturating_mul(STEPS_PER_BYTE).saturating_add(DEFAULT_BUDGET);
        Conditions { root, resource: root, now, services, context: None, left }
    }

    /// Those in another document, within what is left to be spent here.
    pub(super) fn elsewhere(&self, root: Value<'a>) -> Conditions<'a> {
        Conditions { left: self.left, ..Conditions::new(root, self.now, self.services) }
    }

    /// Counts what was spent elsewhere.
    pub(super) fn spent(&mut self, elsewhere: &Conditions<'a>) {
        self.left = self.left.min(elsewhere.left);
    }

    /// Checks an element against invariants. `seen` are its children that are there, where that is known.
    pub(super) fn check<'i: 'a>(
        &mut self,
        all: &'a [Invariant<'i>],
        (of, value): (TypeId, Value<'a>),
        seen: Option<Elements>,
        report: &mut Report<'a, '_>,
    ) {
        for invariant in all {
            if !report.wants(invariant.severity()) {
                continue;
            }
            let key = &invariant.constraint.key;
            match self.truth(invariant, (of, value), seen) {
                Ok(true) => {}
                Ok(false) => {
                    let told = format!("{key}: {}", sentence(&invariant.constraint.human));
                    report.tell(invariant.severity(), IssueType::Invariant, value, told);
                }
                Err(error) => {
                    let told = format!("{key} could not be checked: {error}.");
                    report.tell(Severity::Warning, IssueType::NotSupported, value, told);
                }
            }
        }
    }

    fn truth<'i: 'a>(
        &mut self,
        invariant: &'a Invariant<'i>,
        (of, value): (TypeId, Value<'a>),
        seen: Option<Elements>,
    ) -> Result<bool, PathError> {
        let compiled = invariant.compiled().as_ref().map_err(PathError::clone)?;
        if let (Some(presence), Some(seen)) = (&compiled.presence, seen)
            && let Some(holds) = presence.holds(|at| seen.has(at))
        {
            return Ok(holds);
        }
        let node = Node::new(of, Some(value), None);
        self.spending(node, None, |context, left| compiled.expression.truth_within(context, left))
            .map(|it| it != Some(false))
    }

    /// What an expression answers on an element, within what is left to be spent.
    pub(super) fn evaluate(&mut self, expression: &'a Expression, on: Node<'a>) -> Result<Vec<Item<'a>>, PathError> {
        self.spending(on, Vec::new(), |context, left| expression.evaluate_within(context, left))
    }

    /// Whether an expression with a variable is true of an element.
    pub(super) fn truth_with(
        &mut self,
        expression: &'a Expression,
        on: Node<'a>,
        (name, item): (&'a str, Item<'a>),
    ) -> Result<Option<bool>, PathError> {
        self.spending(on, None, |context, left| {
            expression.truth_within(&context.clone().with_variable(name, vec![item]), left)
        })
    }

    pub(super) fn services(&self) -> &'a dyn Services {
        self.services
    }

    /// The current resource, as an expression starts from it.
    pub(super) fn node(&self) -> Option<Node<'a>> {
        Node::resource(self.resource)
    }

    /// Does something with the context on an element, paid for from what is left; without a context it is `without`.
    fn spending<T>(
        &mut self,
        on: Node<'a>,
        without: T,
        evaluate: impl FnOnce(&Context<'a>, &mut u32) -> Result<T, PathError>,
    ) -> Result<T, PathError> {
        let share = self.left.min(DEFAULT_BUDGET);
        let mut left = share;
        let Some(context) = self.context() else { return Ok(without) };
        context.set_focus(on.into());
        let answer = evaluate(context, &mut left);
        self.left -= share - left;
        answer
    }

    /// The context in the current resource.
    fn context(&mut self) -> Option<&mut Context<'a>> {
        let resource = self.resource;
        if self.context.as_ref().is_none_or(|(of, _)| *of != resource.index()) {
            let mut context = Context::resource(self.root)?.with_services(self.services);
            if let Some(now) = self.now {
                context = context.at(now);
            }
            self.context = Some((resource.index(), context.within(Node::resource(resource)?)));
        }
        self.context.as_mut().map(|(_, it)| it)
    }
}

/// What an invariant says, ended like a sentence.
fn sentence(human: &str) -> String {
    let text = human.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}
