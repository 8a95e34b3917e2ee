//! The functions, as tables of name, number of arguments and code.

mod boundary;
mod collection;
mod conversion;
mod encoding;
mod existence;
mod fhir;
mod math;
mod string;
mod tree;
mod utility;

use super::ast::{Call, Expr};
use super::error::{Result, fail};
use super::eval::{Eval, Frame, single};
use super::item::{Item, Items};
use rustc_hash::FxHashMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// A function.
pub(super) struct Function {
    pub name: &'static str,
    /// How many arguments it takes.
    pub args: RangeInclusive<usize>,
    pub run: for<'a, 'c, 'x> fn(&Called<'a, 'c, 'x>) -> Result<Items<'a>>,
}

impl Function {
    const fn new(
        name: &'static str,
        args: RangeInclusive<usize>,
        run: for<'a, 'c, 'x> fn(&Called<'a, 'c, 'x>) -> Result<Items<'a>>,
    ) -> Function {
        Function { name, args, run }
    }
}

/// The function of this name.
pub(super) fn named(name: &str) -> Option<&'static Function> {
    static BY_NAME: LazyLock<FxHashMap<&'static str, &'static Function>> = LazyLock::new(|| {
        let tables: [&'static [Function]; 10] = [
            existence::TABLE,
            collection::TABLE,
            tree::TABLE,
            conversion::TABLE,
            string::TABLE,
            encoding::TABLE,
            math::TABLE,
            boundary::TABLE,
            utility::TABLE,
            fhir::TABLE,
        ];
        tables.into_iter().flatten().map(|it| (it.name, it)).collect()
    });
    BY_NAME.get(name).copied()
}

/// A function being called: its input and its arguments, not evaluated yet.
pub(super) struct Called<'a, 'c, 'x> {
    pub eval: &'x Eval<'a, 'c>,
    pub call: &'a Call,
    pub input: Items<'a>,
    /// Where the function stands: what `$this` is in arguments that are no expressions on the input's items.
    pub frame: Frame<'a, 'x>,
}

impl<'a> Called<'a, '_, '_> {
    pub fn name(&self) -> &'static str {
        self.call.function.name
    }

    fn arg(&self, at: usize) -> Option<&'a Expr> {
        self.call.args.get(at)
    }

    /// What an argument says where the function stands; empty if it was not given.
    pub fn collect(&self, at: usize) -> Result<Items<'a>> {
        match self.arg(at) {
            Some(expr) => self.eval.collect(expr, &self.frame),
            None => Ok(Items::new()),
        }
    }

    /// An argument that is one System value.
    pub fn value(&self, at: usize) -> Result<Option<Item<'a>>> {
        Ok(single(&self.collect(at)?, self.name())?.and_then(Item::to_system))
    }

    /// An argument that is one string.
    pub fn text(&self, at: usize) -> Result<Option<Item<'a>>> {
        match self.value(at)? {
            Some(text @ Item::String(_)) => Ok(Some(text)),
            None => Ok(None),
            Some(_) => fail(format!("'{}' takes a string", self.name())),
        }
    }

    /// An argument that is one integer.
    pub fn integer(&self, at: usize) -> Result<Option<i32>> {
        match self.value(at)? {
            Some(Item::Integer(it)) => Ok(Some(it)),
            None => Ok(None),
            Some(_) => fail(format!("'{}' takes an integer", self.name())),
        }
    }

    /// The input, which may be one item or none.
    pub fn one(&self) -> Result<Option<&Item<'a>>> {
        single(&self.input, self.name())
    }

    /// The input as one System value: for functions that others than primitives have no business with.
    pub fn system(&self) -> Result<Option<Item<'a>>> {
        match self.one()? {
            None => Ok(None),
            Some(item) => match item.to_system() {
                None if item.node().is_some_and(|it| it.value().is_some_and(|it| it.is_object())) => {
                    fail(format!("'{}' cannot be used on {item:?}", self.name()))
                }
                other => Ok(other),
            },
        }
    }

    /// The input as one string.
    pub fn input_text(&self) -> Result<Option<Item<'a>>> {
        match self.system()? {
            Some(text @ Item::String(_)) => Ok(Some(text)),
            // Dates, numbers and the like of a document are texts there; of the engine's own they are not.
            Some(other) => match self.one()?.and_then(Item::node).and_then(|it| it.text()) {
                Some(text) if !matches!(other, Item::Boolean(_) | Item::Integer(_) | Item::Decimal(_)) => {
                    Ok(Some(Item::String(text.into())))
                }
                _ => fail(format!("'{}' can be used on strings only", self.name())),
            },
            None => Ok(None),
        }
    }

    /// The frame in which an argument is evaluated for an item of the input.
    pub fn frame_of<'f>(&self, item: &'f Item<'a>, index: usize) -> Frame<'a, 'f>
    where
        Self: 'f,
    {
        Frame { this: Some(item), index, total: None }
    }

    /// Evaluates an argument for each item of the input and gives item and answer to `visit`, until it answers false.
    pub fn each(&self, at: usize, mut visit: impl FnMut(&Item<'a>, Items<'a>) -> Result<bool>) -> Result<()> {
        let Some(expr) = self.arg(at) else { return Ok(()) };
        for (index, item) in self.input.iter().enumerate() {
            let frame = Frame { this: Some(item), index, total: self.frame.total };
            if !visit(item, self.eval.collect(expr, &frame)?)? {
                break;
            }
        }
        Ok(())
    }

    /// The condition in the first argument for each item of the input, until `visit` answers false.
    pub fn each_truth(&self, mut visit: impl FnMut(&Item<'a>, Option<bool>) -> bool) -> Result<()> {
        let Some(expr) = self.arg(0) else { return Ok(()) };
        for (index, item) in self.input.iter().enumerate() {
            let frame = Frame { this: Some(item), index, total: self.frame.total };
            if !visit(item, self.eval.truth(expr, &frame)?) {
                break;
            }
        }
        Ok(())
    }
}

/// A collection of one boolean.
fn boolean<'a>(answer: bool) -> Result<Items<'a>> {
    one(Item::Boolean(answer))
}

/// A collection of one item.
fn one<'a>(item: Item<'a>) -> Result<Items<'a>> {
    Ok(Items::from_iter([item]))
}

/// A collection of one item or none.
fn maybe<'a>(item: Option<Item<'a>>) -> Result<Items<'a>> {
    Ok(item.into_iter().collect())
}

/// A count as an integer.
fn count<'a>(number: usize) -> Item<'a> {
    Item::Integer(i32::try_from(number).unwrap_or(i32::MAX))
}
