//! FHIRPath (FHIRPath N1, <http://hl7.org/fhirpath/N1/>, with R4's additions, fhirpath.html): expressions that are
//! compiled once and evaluated on parsed resources without copying them.
//!
//! ```
//! use fhir::json::Doc;
//! use fhir::path::{Context, Expression};
//!
//! let phones = Expression::parse("Patient.telecom.where(system = 'phone').value")?;
//! let patient = Doc::parse(r#"{"resourceType":"Patient","telecom":[{"system":"phone","value":"555"}]}"#)?;
//! let context = Context::resource(patient.root()).ok_or("not a resource")?;
//! for item in phones.evaluate(&context)? {
//!     // The place in the document, its type, its `_` companion.
//!     let node = item.node().ok_or("a computed value")?;
//!     assert_eq!(node.text(), Some("555"));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Expression`] is what is kept: reading names types, elements and functions, so evaluation looks up little.
//! - [`Context`] is the focus with `%resource`, `%rootResource`, the clock and the [`Services`] beyond the document;
//!   for one resource it is made once and used for many expressions.
//! - [`Item`] is an answer: a [`Node`] of the document ([`Node::value`] for its place, [`Node::companion`] for the
//!   `id` and `extension` of a primitive, [`Node::of`] for its type) or a computed value.
//! - [`Expression::check`] tells beforehand what no resource of a type can have;
//!   [`Expression::truth`] is how an invariant is checked.
//!
//! Evaluation is bounded: in depth by the parser, in work by [`Context::with_budget`]. No error and no `Debug` output
//! holds a value of a resource.

mod arithmetic;
mod ast;
mod check;
mod compare;
mod context;
mod error;
mod eval;
mod functions;
mod html;
mod item;
mod lexer;
mod navigate;
mod number;
mod operators;
mod parser;
mod presence;
mod quantity;
mod resolve;
mod scan;
mod temporal;
mod terms;
mod types;

pub use context::{Context, DEFAULT_BUDGET, Offline, Services, unread};
pub use error::PathError;
pub use item::{Item, Node};
pub(crate) use navigate::Children;
pub(crate) use presence::Presence;
pub use quantity::{Calendar, Quantity, Unit};
pub use temporal::{Precision, Stamp};

use crate::spec::TypeId;
use eval::{Eval, Frame};

/// A compiled FHIRPath expression.
pub struct Expression {
    text: Box<str>,
    expr: ast::Expr,
}

impl Expression {
    /// Reads an expression; fails on what is not FHIRPath and on types and functions that do not exist.
    pub fn parse(text: &str) -> Result<Expression, PathError> {
        Ok(Expression { text: text.into(), expr: parser::parse(text)? })
    }

    /// The text it was read from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Fails if the expression, on an item of one of these types, names an element that no type there has, or relies
    /// on an order that is not defined: what evaluation, which answers nothing then, would not tell.
    pub fn check(&self, of: &[TypeId]) -> Result<(), PathError> {
        check::check(&self.expr, of)
    }

    /// The types of what the expression may answer on an item of one of these types, as far as that is known
    /// beforehand; fails as [`Expression::check`] does.
    pub fn answers(&self, of: &[TypeId]) -> Result<Option<Vec<TypeId>>, PathError> {
        check::answers(&self.expr, of)
    }

    /// What the expression answers on the context's focus.
    pub fn evaluate<'a>(&'a self, context: &Context<'a>) -> Result<Vec<Item<'a>>, PathError> {
        self.items(context).map(|it| it.into_vec())
    }

    /// The expression as a condition on the context's focus: how an invariant is checked. `None` where it is left
    /// open, because something it compares is absent or not precise enough; an invariant is not broken then (R4's ref-1 is left
    /// open by every Reference that has only an identifier).
    pub fn truth<'a>(&'a self, context: &Context<'a>) -> Result<Option<bool>, PathError> {
        let frame = Frame { this: Some(&context.focus), index: 0, total: None };
        Eval::new(context).truth(&self.expr, &frame)
    }

    /// The same, paid for from what is left of a budget that many conditions share.
    pub(crate) fn truth_within<'a>(&'a self, context: &Context<'a>, left: &mut u32) -> Result<Option<bool>, PathError> {
        let frame = Frame { this: Some(&context.focus), index: 0, total: None };
        let eval = Eval::within(context, *left);
        let truth = eval.truth(&self.expr, &frame);
        *left = eval.left();
        truth
    }

    /// What the expression answers, paid for from what is left of such a budget.
    pub(crate) fn evaluate_within<'a>(
        &'a self,
        context: &Context<'a>,
        left: &mut u32,
    ) -> Result<Vec<Item<'a>>, PathError> {
        let frame = Frame { this: Some(&context.focus), index: 0, total: None };
        let eval = Eval::within(context, *left);
        let items = eval.collect(&self.expr, &frame);
        *left = eval.left();
        items.map(|it| it.into_vec())
    }

    /// What can be said of the expression as a condition on an element of this type by its children that are there.
    pub(crate) fn presence(&self, of: TypeId) -> Presence {
        Presence::of(&self.expr, of)
    }

    /// Gives each element of the document that the expression answers to `visit`: for indexes, which have no use for
    /// computed values.
    pub fn each_node<'a>(&'a self, context: &Context<'a>, mut visit: impl FnMut(Node<'a>)) -> Result<(), PathError> {
        for item in self.items(context)? {
            if let Item::Node(node) = item {
                visit(node);
            }
        }
        Ok(())
    }

    fn items<'a>(&'a self, context: &Context<'a>) -> Result<item::Items<'a>, PathError> {
        let eval = Eval::new(context);
        let frame = Frame { this: Some(&context.focus), index: 0, total: None };
        eval.collect(&self.expr, &frame)
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Expression({})", self.text)
    }
}

#[cfg(test)]
mod tests;
