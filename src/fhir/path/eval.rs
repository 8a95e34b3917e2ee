//! Evaluation.

use super::ast::{Expr, Sign, Start, Step, Variable};
use super::context::Context;
use super::error::{PathError, Result, fail};
use super::functions::Called;
use super::item::{Item, Items};
use super::{operators, quantity::Quantity};
use crate::spec::r4;
use std::borrow::Cow;
use std::cell::Cell;

/// How many item-wise steps are taken in one go: bounds the stack, as an expression may have thousands.
const STRIDE: usize = 12;

/// One evaluation: what it is on, and what it may still spend.
pub(super) struct Eval<'a, 'c> {
    pub context: &'c Context<'a>,
    left: Cell<u32>,
}

/// What `$this`, `$index` and `$total` say.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a, 'f> {
    pub this: Option<&'f Item<'a>>,
    pub index: usize,
    pub total: Option<&'f Items<'a>>,
}

impl<'a, 'c> Eval<'a, 'c> {
    pub(super) fn new(context: &'c Context<'a>) -> Eval<'a, 'c> {
        Eval::within(context, context.budget)
    }

    /// One that may spend so much.
    pub(super) fn within(context: &'c Context<'a>, budget: u32) -> Eval<'a, 'c> {
        Eval { context, left: Cell::new(budget) }
    }

    /// What it did not spend.
    pub(super) fn left(&self) -> u32 {
        self.left.get()
    }

    /// Pays for so much work.
    pub(super) fn spend(&self, steps: usize) -> Result<()> {
        match u32::try_from(steps).ok().and_then(|it| self.left.get().checked_sub(it)) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(PathError::TooCostly),
        }
    }

    /// What the expression answers.
    pub(super) fn collect(&self, expr: &'a Expr, frame: &Frame<'a, '_>) -> Result<Items<'a>> {
        let mut out = Items::new();
        self.eval(expr, frame, &mut out)?;
        Ok(out)
    }

    /// Puts what the expression answers behind what is in `out`.
    pub(super) fn eval(&self, expr: &'a Expr, frame: &Frame<'a, '_>, out: &mut Items<'a>) -> Result<()> {
        self.spend(1)?;
        match expr {
            Expr::Empty => Ok(()),
            Expr::Literal(item) => {
                out.push(item.borrow());
                Ok(())
            }
            Expr::Path(start, steps) => self.path(start, steps, frame, out),
            Expr::Sign(sign, inner) => {
                out.extend(signed(*sign, self.collect(inner, frame)?)?);
                Ok(())
            }
            Expr::Binary(operator, left, right) => operators::binary(self, *operator, left, right, frame, out),
            Expr::Union(parts) => {
                let mut all = Items::new();
                for part in parts {
                    self.eval(part, frame, &mut all)?;
                }
                super::compare::distinct(self, all, out)
            }
        }
    }

    /// The expression as a condition: three-valued, with a single item that is no boolean counting as true
    /// (FHIRPath N1, "Singleton Evaluation of Collections").
    pub(super) fn truth(&self, expr: &'a Expr, frame: &Frame<'a, '_>) -> Result<Option<bool>> {
        if let Expr::Binary(operator, left, right) = expr
            && operators::is_logical(*operator)
        {
            self.spend(1)?;
            return operators::logical(self, *operator, left, right, frame);
        }
        truth_of(&self.collect(expr, frame)?)
    }

    fn path(&self, start: &'a Start, steps: &'a [Step], frame: &Frame<'a, '_>, out: &mut Items<'a>) -> Result<()> {
        let itemwise = |steps: &'a [Step]| steps.iter().take(STRIDE).take_while(|it| it.is_itemwise()).count();
        let mut done = itemwise(steps);
        let (first, _) = steps.split_at(done);
        let mut items = Items::new();
        // The last stretch goes straight to where it is wanted.
        let into = if done == steps.len() { &mut *out } else { &mut items };
        match start {
            Start::This => {
                if let Some(item) = frame.this {
                    self.walk(item, first, into)?;
                }
            }
            Start::Variable(Variable::Context) => self.walk(&self.context.focus, first, into)?,
            Start::Variable(Variable::Resource) => self.walk(&self.context.resource, first, into)?,
            Start::Variable(Variable::RootResource) => self.walk(&self.context.root, first, into)?,
            Start::Expr(inner) if first.is_empty() => self.eval(inner, frame, into)?,
            other => {
                for item in self.start(other, frame)? {
                    self.walk(&item, first, into)?;
                }
            }
        }
        while done < steps.len() {
            let stretch = itemwise(&steps[done..]);
            if stretch == 0 {
                items = self.step(items, &steps[done], frame)?;
                done += 1;
                if done == steps.len() {
                    out.append(&mut items);
                }
                continue;
            }
            let mut next = Items::new();
            let into = if done + stretch == steps.len() { &mut *out } else { &mut next };
            for item in &items {
                self.walk(item, &steps[done..done + stretch], into)?;
            }
            done += stretch;
            items = next;
        }
        Ok(())
    }

    fn start(&self, start: &'a Start, frame: &Frame<'a, '_>) -> Result<Items<'a>> {
        let one = |item| Ok(Items::from_iter([item]));
        match start {
            Start::This => Ok(frame.this.cloned().into_iter().collect()),
            Start::Index => one(Item::Integer(i32::try_from(frame.index).unwrap_or(i32::MAX))),
            Start::Total => Ok(frame.total.cloned().unwrap_or_default()),
            Start::Expr(inner) => self.collect(inner, frame),
            Start::Variable(variable) => match variable {
                Variable::Context => one(self.context.focus.clone()),
                Variable::Resource => one(self.context.resource.clone()),
                Variable::RootResource => one(self.context.root.clone()),
                Variable::Text(text) => one(Item::String(Cow::Borrowed(text))),
                Variable::Named(name) => match self.context.variables.iter().find(|it| it.0 == name) {
                    Some((_, items)) => Ok(items.iter().cloned().collect()),
                    None => fail(format!("there is no variable %{name}")),
                },
            },
        }
    }

    /// Takes one item through steps that each take one item, and puts what arrives into `out`.
    fn walk(&self, item: &Item<'a>, steps: &'a [Step], out: &mut Items<'a>) -> Result<()> {
        let Some((step, rest)) = steps.split_first() else {
            out.push(item.clone());
            return Ok(());
        };
        self.spend(1)?;
        match step {
            Step::First(Some(of), _) if item.node().is_some_and(|it| r4().is_a(it.of, *of)) => {
                self.walk(item, rest, out)
            }
            Step::First(_, member) | Step::Member(member) => match item {
                Item::Node(node) => member.each(node, &mut |child| match rest {
                    [] => {
                        out.push(Item::Node(child));
                        self.spend(1)
                    }
                    rest => self.walk(&Item::Node(child), rest, out),
                }),
                Item::Type { namespace, name } => match member.name() {
                    "namespace" => self.walk(&Item::String(Cow::Borrowed(namespace)), rest, out),
                    "name" => self.walk(&Item::String(Cow::Borrowed(name)), rest, out),
                    _ => Ok(()),
                },
                _ => Ok(()),
            },
            Step::Of(spec) if item.passes(spec) => self.walk(item, rest, out),
            Step::Of(_) => Ok(()),
            Step::Where(condition) => {
                let frame = Frame { this: Some(item), index: 0, total: None };
                match self.truth(condition, &frame)? {
                    Some(true) => self.walk(item, rest, out),
                    _ => Ok(()),
                }
            }
            // The rest take a whole collection and never come here.
            Step::Is(_) | Step::Index(_) | Step::Call(_) => Ok(()),
        }
    }

    /// A step that takes the collection as a whole.
    fn step(&self, input: Items<'a>, step: &'a Step, frame: &Frame<'a, '_>) -> Result<Items<'a>> {
        self.spend(1 + input.len())?;
        match step {
            Step::Is(spec) => match single(&input, "is")? {
                None => Ok(Items::new()),
                Some(item) => Ok(Items::from_iter([Item::Boolean(item.is(spec))])),
            },
            Step::Index(at) => match single(&self.collect(at, frame)?, "[…]")?.and_then(Item::to_system) {
                Some(Item::Integer(at)) => {
                    Ok(usize::try_from(at).ok().and_then(|it| input.get(it).cloned()).into_iter().collect())
                }
                Some(_) => fail("the index in […] must be an integer"),
                None => Ok(Items::new()),
            },
            Step::Call(call) => {
                let answer = (call.function.run)(&Called { eval: self, call, input, frame: *frame })?;
                self.spend(answer.iter().map(weight).sum())?;
                Ok(answer)
            }
            Step::First(..) | Step::Member(_) | Step::Of(_) | Step::Where(_) => {
                let mut out = Items::new();
                for item in &input {
                    self.walk(item, std::slice::from_ref(step), &mut out)?;
                }
                Ok(out)
            }
        }
    }
}

/// What holding an item costs.
pub(super) fn weight(item: &Item<'_>) -> usize {
    match item {
        Item::String(Cow::Owned(text)) => 1 + text.len() / 16,
        _ => 1,
    }
}

/// The only item, or none; more than one is an error.
pub(super) fn single<'i, 'a>(items: &'i [Item<'a>], asker: &str) -> Result<Option<&'i Item<'a>>> {
    match items {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => fail(format!("'{asker}' takes one item, not {}", items.len())),
    }
}

/// A collection as a condition.
pub(super) fn truth_of(items: &[Item<'_>]) -> Result<Option<bool>> {
    Ok(single(items, "a condition")?.map(|it| it.as_bool().unwrap_or(true)))
}

fn signed<'a>(sign: Sign, items: Items<'a>) -> Result<Items<'a>> {
    let Some(item) = single(&items, "a sign")? else { return Ok(items) };
    let minus = sign == Sign::Minus;
    let answer = match item.to_system() {
        Some(Item::Integer(it)) if minus => it.checked_neg().map(Item::Integer),
        Some(Item::Decimal(it)) if minus => Some(Item::Decimal(-it)),
        Some(Item::Quantity(Quantity { value, unit })) if minus => {
            Some(Item::Quantity(Quantity { value: -value, unit }))
        }
        Some(item @ (Item::Integer(_) | Item::Decimal(_) | Item::Quantity(_))) => Some(item),
        _ => return fail("a sign needs a number or a quantity behind it"),
    };
    Ok(answer.into_iter().collect())
}
