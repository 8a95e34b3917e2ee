//! From tokens to an expression, by precedence climbing (FHIRPath N1, appendix "Grammar").

use super::ast::{Call, Expr, Operator, Sign, Start, Step, binding};
use super::error::Result;
use super::functions::{self, Function};
use super::lexer::{Token, TokenKind, tokens, wrong};
use super::navigate::Member;
use super::terms::is_reserved;
use crate::spec::r4;
use std::sync::OnceLock;

/// How long an expression may be, in bytes.
const MAX_LENGTH: usize = 64 * 1024;
/// How deep expressions may lie within one another: bounds the stack, here and in evaluation.
const MAX_DEPTH: u16 = 96;

/// An expression and how deep it nests.
pub(super) type Tree = (Expr, u16);

pub(super) fn parse(text: &str) -> Result<Expr> {
    if text.len() > MAX_LENGTH {
        return wrong(text, 0, format!("the expression is longer than {MAX_LENGTH} bytes"));
    }
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0 };
    let (expr, _) = parser.expression(0)?;
    match parser.peek() {
        TokenKind::End => Ok(expr),
        _ => parser.wrong("expected an operator or the end"),
    }
}

pub(super) struct Parser<'t> {
    text: &'t str,
    pub tokens: Vec<Token>,
    pub at: usize,
    depth: u16,
}

const END: TokenKind = TokenKind::End;

impl Parser<'_> {
    pub(super) fn peek(&self) -> &TokenKind {
        self.tokens.get(self.at).map_or(&END, |it| &it.kind)
    }

    pub(super) fn next(&mut self) -> TokenKind {
        let kind = self.peek().clone();
        self.at += 1;
        kind
    }

    pub(super) fn wrong<T>(&self, problem: impl Into<String>) -> Result<T> {
        wrong(self.text, self.tokens.get(self.at).map_or(self.text.len(), |it| it.at), problem)
    }

    pub(super) fn eat(&mut self, symbol: &str) -> bool {
        let eaten = matches!(self.peek(), TokenKind::Symbol(it) if *it == symbol);
        self.at += eaten as usize;
        eaten
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Result<()> {
        if self.eat(symbol) { Ok(()) } else { self.wrong(format!("expected '{symbol}'")) }
    }

    /// One level further in than these parts.
    pub(super) fn around(&self, parts: impl IntoIterator<Item = u16>) -> Result<u16> {
        match parts.into_iter().max().unwrap_or(0) {
            deepest if deepest < MAX_DEPTH => Ok(deepest + 1),
            _ => self.wrong("the expression nests too deep"),
        }
    }

    /// An expression whose operators bind at least as tight as `least`.
    pub(super) fn expression(&mut self, least: u8) -> Result<Tree> {
        if self.depth >= MAX_DEPTH {
            return self.wrong("the expression nests too deep");
        }
        self.depth += 1;
        let mut left = self.signed()?;
        while let Some(tighter) = self.operation(&mut left, least)? {
            left = tighter;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// The operator behind `left` with what follows it, if it binds at least as tight as `least`.
    fn operation(&mut self, left: &mut Tree, least: u8) -> Result<Option<Tree>> {
        let name = match self.peek() {
            TokenKind::Symbol(symbol) => *symbol,
            TokenKind::Name(name) => match name.as_str() {
                "is" => "is",
                "as" => "as",
                word => {
                    let Some((operator, tight)) = Operator::named(word).filter(|it| it.1 >= least) else {
                        return Ok(None);
                    };
                    return self.binary(left, operator, tight).map(Some);
                }
            },
            _ => return Ok(None),
        };
        match name {
            "|" if binding::UNION >= least => {
                self.at += 1;
                let (right, depth) = self.expression(binding::UNION + 1)?;
                let (first, before) = take(left);
                let mut parts = match first {
                    Expr::Union(parts) => parts,
                    first => vec![first],
                };
                parts.push(right);
                Ok(Some((Expr::Union(parts), self.around([before.saturating_sub(1), depth])?)))
            }
            "is" | "as" if binding::TYPE >= least => {
                self.at += 1;
                let spec = self.type_specifier()?;
                let step = if name == "is" { Step::Is(spec) } else { Step::Of(spec) };
                let (expr, depth) = take(left);
                Ok(Some((with_step(expr, step), self.around([depth])?)))
            }
            symbol => match Operator::named(symbol).filter(|it| it.1 >= least) {
                Some((operator, tight)) => self.binary(left, operator, tight).map(Some),
                None => Ok(None),
            },
        }
    }

    fn binary(&mut self, left: &mut Tree, operator: Operator, tight: u8) -> Result<Tree> {
        self.at += 1;
        let (right, depth) = self.expression(tight + 1)?;
        let (left, before) = take(left);
        Ok((Expr::Binary(operator, Box::new(left), Box::new(right)), self.around([before, depth])?))
    }

    /// A path, perhaps with signs before it; a sign binds looser than `.`.
    fn signed(&mut self) -> Result<Tree> {
        let mut signs = Vec::new();
        loop {
            if self.eat("-") {
                signs.push(Sign::Minus);
            } else if self.eat("+") {
                signs.push(Sign::Plus);
            } else {
                break;
            }
        }
        let (mut expr, mut depth) = self.path()?;
        for sign in signs.into_iter().rev() {
            expr = Expr::Sign(sign, Box::new(expr));
            depth = self.around([depth])?;
        }
        Ok((expr, depth))
    }

    fn path(&mut self) -> Result<Tree> {
        let (mut expr, mut depth) = self.term()?;
        loop {
            let (step, inside) = if self.eat(".") {
                match self.peek() {
                    TokenKind::Dollar(_) => return self.wrong("expected a name after '.'"),
                    _ => self.named(false)?,
                }
            } else if self.eat("[") {
                let (index, inside) = self.expression(0)?;
                self.expect("]")?;
                (Step::Index(Box::new(index)), inside)
            } else {
                return Ok((expr, depth));
            };
            depth = depth.max(self.around([inside])?);
            if !matches!(expr, Expr::Path(..)) {
                depth = self.around([depth])?;
            }
            expr = with_step(expr, step);
        }
    }

    /// A member or a function; returns how deep its arguments nest.
    pub(super) fn named(&mut self, is_first: bool) -> Result<(Step, u16)> {
        let (name, is_quoted) = match self.next() {
            TokenKind::Name(name) => (name, false),
            TokenKind::Quoted(name) => (name, true),
            _ => {
                self.at -= 1;
                return self.wrong("expected a name");
            }
        };
        if self.eat("(") {
            return self.call(&name);
        }
        if !is_quoted && is_reserved(&name) {
            self.at -= 1;
            return self.wrong(format!("'{name}' is an operator; write it in backticks to use it as a name"));
        }
        let member = Member::named(&name);
        // Types that paths start with are written large; `code` and `id` are elements there, though types too.
        let of = r4().type_named(&name).filter(|_| name.starts_with(|it: char| it.is_ascii_uppercase()));
        let step = if is_first { Step::First(of, member) } else { Step::Member(member) };
        Ok((step, 0))
    }

    pub(super) fn call(&mut self, name: &str) -> Result<(Step, u16)> {
        if matches!(name, "is" | "as" | "ofType") {
            let spec = self.type_specifier()?;
            self.expect(")")?;
            return Ok((if name == "is" { Step::Is(spec) } else { Step::Of(spec) }, 0));
        }
        let Some(function) = functions::named(name) else {
            self.at -= 2;
            return self.wrong(format!("there is no function '{name}'"));
        };
        let from = self.at;
        let (mut args, depth) = self.arguments(function)?;
        let asks = |it: &Token| matches!(&it.kind, TokenKind::Dollar(name) if name != "this");
        let asked = self.tokens.get(from..self.at).is_some_and(|it| it.iter().any(asks));
        let step = match (name, args.len()) {
            ("where", 1) if !asked => Step::Where(Box::new(args.swap_remove(0))),
            _ => Step::Call(Call { function, args, pattern: OnceLock::new() }),
        };
        Ok((step, depth))
    }

    fn arguments(&mut self, function: &Function) -> Result<(Vec<Expr>, u16)> {
        let (mut args, mut depth) = (Vec::new(), 0);
        if !self.eat(")") {
            loop {
                let (arg, inside) = self.expression(0)?;
                args.push(arg);
                depth = depth.max(inside);
                if !self.eat(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        if !function.args.contains(&args.len()) {
            let (least, most) = (function.args.start(), function.args.end());
            let range = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return self.wrong(format!("'{}' takes {range} arguments, not {}", function.name, args.len()));
        }
        Ok((args, depth))
    }
}

/// Takes the expression out of a tree that is about to be replaced.
fn take(tree: &mut Tree) -> Tree {
    std::mem::replace(tree, (Expr::Empty, 0))
}

/// The expression with one more step behind it.
fn with_step(expr: Expr, step: Step) -> Expr {
    match expr {
        Expr::Path(start, mut steps) => {
            steps.push(step);
            Expr::Path(start, steps)
        }
        other => Expr::Path(Start::Expr(Box::new(other)), vec![step]),
    }
}
