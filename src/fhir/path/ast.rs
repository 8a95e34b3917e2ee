//! A compiled expression.

use super::functions::Function;
use super::item::Item;
use super::navigate::Member;
use super::types::TypeSpec;
use crate::spec::TypeId;
use regex::Regex;
use std::sync::OnceLock;

/// An expression.
pub(super) enum Expr {
    /// `{}`
    Empty,
    Literal(Item<'static>),
    /// A start and what is done from there, one step after the other.
    Path(Start, Vec<Step>),
    /// `-` before an expression; `+` changes nothing but asks for a number.
    Sign(Sign, Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// `a | b | c`
    Union(Vec<Expr>),
}

/// A sign before an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

/// Where a path starts.
pub(super) enum Start {
    /// `$this`, and where nothing is written.
    This,
    Index,
    Total,
    Variable(Variable),
    Expr(Box<Expr>),
}

/// A variable that stands behind `%`.
pub(super) enum Variable {
    Context,
    Resource,
    RootResource,
    /// What the standard or a naming rule gives a constant text.
    Text(String),
    /// Given by the caller.
    Named(String),
}

/// A step of a path. The first four take one item at a time.
pub(super) enum Step {
    /// The first name of a path: the type of the item itself (`Patient`), or a child.
    First(Option<TypeId>, Member),
    Member(Member),
    /// `ofType(T)`, `as(T)`, `as T`
    Of(TypeSpec),
    /// `where(…)` that asks for neither `$index` nor `$total`.
    Where(Box<Expr>),
    /// `is(T)`, `is T`
    Is(TypeSpec),
    /// `[…]`
    Index(Box<Expr>),
    Call(Call),
}

impl Step {
    /// Whether it takes one item at a time.
    pub(super) fn is_itemwise(&self) -> bool {
        matches!(self, Step::First(..) | Step::Member(_) | Step::Of(_) | Step::Where(_))
    }
}

/// A function with its arguments.
pub(super) struct Call {
    pub function: &'static Function,
    pub args: Vec<Expr>,
    /// The regular expression that a literal argument says, compiled when it is first needed.
    pub pattern: OnceLock<Option<Regex>>,
}

/// An operator between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Multiply,
    Divide,
    Div,
    Mod,
    Add,
    Subtract,
    Concatenate,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    Equivalent,
    NotEqual,
    NotEquivalent,
    In,
    Contains,
    And,
    Or,
    Xor,
    Implies,
}

/// How tight an operator binds, loosest first, with `|` and `is`/`as` in their places (FHIRPath N1,
/// section "Operator Precedence").
pub(super) mod binding {
    pub const IMPLIES: u8 = 1;
    pub const OR: u8 = 2;
    pub const AND: u8 = 3;
    pub const MEMBERSHIP: u8 = 4;
    pub const EQUALITY: u8 = 5;
    pub const INEQUALITY: u8 = 6;
    pub const UNION: u8 = 7;
    pub const TYPE: u8 = 8;
    pub const ADDITIVE: u8 = 9;
    pub const MULTIPLICATIVE: u8 = 10;
}

impl Operator {
    /// The operator of this sign or word, and how tight it binds.
    pub(super) fn named(text: &str) -> Option<(Operator, u8)> {
        Some(match text {
            "*" => (Operator::Multiply, binding::MULTIPLICATIVE),
            "/" => (Operator::Divide, binding::MULTIPLICATIVE),
            "div" => (Operator::Div, binding::MULTIPLICATIVE),
            "mod" => (Operator::Mod, binding::MULTIPLICATIVE),
            "+" => (Operator::Add, binding::ADDITIVE),
            "-" => (Operator::Subtract, binding::ADDITIVE),
            "&" => (Operator::Concatenate, binding::ADDITIVE),
            "<" => (Operator::Less, binding::INEQUALITY),
            "<=" => (Operator::LessOrEqual, binding::INEQUALITY),
            ">" => (Operator::Greater, binding::INEQUALITY),
            ">=" => (Operator::GreaterOrEqual, binding::INEQUALITY),
            "=" => (Operator::Equal, binding::EQUALITY),
            "~" => (Operator::Equivalent, binding::EQUALITY),
            "!=" => (Operator::NotEqual, binding::EQUALITY),
            "!~" => (Operator::NotEquivalent, binding::EQUALITY),
            "in" => (Operator::In, binding::MEMBERSHIP),
            "contains" => (Operator::Contains, binding::MEMBERSHIP),
            "and" => (Operator::And, binding::AND),
            "or" => (Operator::Or, binding::OR),
            "xor" => (Operator::Xor, binding::OR),
            "implies" => (Operator::Implies, binding::IMPLIES),
            _ => return None,
        })
    }
}
