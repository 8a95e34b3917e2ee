//! Operators (FHIRPath N1, section "Operations").

use super::arithmetic::arithmetic;
use super::ast::{Expr, Operator};
use super::compare::{self, Seen};
use super::error::{Result, fail};
use super::eval::{Eval, Frame, single};
use super::item::{Item, Items};
use std::cmp::Ordering;

/// Whether an operator answers with a boolean.
pub(super) fn is_logical(operator: Operator) -> bool {
    use Operator::*;
    !matches!(operator, Multiply | Divide | Div | Mod | Add | Subtract | Concatenate)
}

pub(super) fn binary<'a>(
    eval: &Eval<'a, '_>,
    operator: Operator,
    left: &'a Expr,
    right: &'a Expr,
    frame: &Frame<'a, '_>,
    out: &mut Items<'a>,
) -> Result<()> {
    if is_logical(operator) {
        out.extend(logical(eval, operator, left, right, frame)?.map(Item::Boolean));
        return Ok(());
    }
    let (left, right) = (eval.collect(left, frame)?, eval.collect(right, frame)?);
    let (left, right) = (single(&left, "an operator")?, single(&right, "an operator")?);
    let answer = if operator == Operator::Concatenate {
        Some(concatenate(left, right)?)
    } else {
        match (left, right) {
            (Some(left), Some(right)) => arithmetic(operator, left, right, eval.context.services)?,
            _ => None,
        }
    };
    if let Some(answer) = answer {
        eval.spend(super::eval::weight(&answer))?;
        out.push(answer);
    }
    Ok(())
}

/// The operators that answer with a boolean, or leave it open.
pub(super) fn logical<'a>(
    eval: &Eval<'a, '_>,
    operator: Operator,
    left: &'a Expr,
    right: &'a Expr,
    frame: &Frame<'a, '_>,
) -> Result<Option<bool>> {
    use Operator::*;
    match operator {
        And | Or | Implies => connect(eval, operator, left, right, frame),
        Xor => {
            let (left, right) = (eval.truth(left, frame)?, eval.truth(right, frame)?);
            Ok(left.zip(right).map(|(left, right)| left != right))
        }
        _ => {
            let (left, right) = (eval.collect(left, frame)?, eval.collect(right, frame)?);
            compared(eval, operator, &left, &right)
        }
    }
}

/// `and`, `or`, `implies`: the right side is asked only if the left one leaves the answer open.
fn connect<'a>(
    eval: &Eval<'a, '_>,
    operator: Operator,
    left: &'a Expr,
    right: &'a Expr,
    frame: &Frame<'a, '_>,
) -> Result<Option<bool>> {
    // Each is `or` with its sides turned or not.
    let (turn_left, turn_right, turn_answer) = match operator {
        Operator::And => (true, true, true),
        Operator::Implies => (true, false, false),
        _ => (false, false, false),
    };
    let left = eval.truth(left, frame)?.map(|it| it != turn_left);
    if left == Some(true) {
        return Ok(Some(!turn_answer));
    }
    let right = eval.truth(right, frame)?.map(|it| it != turn_right);
    let either = if right == Some(true) { Some(true) } else { left.and(right) };
    Ok(either.map(|it| it != turn_answer))
}

fn compared<'a>(
    eval: &Eval<'a, '_>,
    operator: Operator,
    left: &[Item<'a>],
    right: &[Item<'a>],
) -> Result<Option<bool>> {
    use Operator::*;
    let services = eval.context.services;
    eval.spend(left.len().min(right.len()))?;
    match operator {
        Equal => Ok(compare::all_equal(left, right, services)),
        NotEqual => Ok(compare::all_equal(left, right, services).map(|it| !it)),
        Equivalent => compare::all_equivalent(eval, left, right).map(Some),
        NotEquivalent => compare::all_equivalent(eval, left, right).map(|it| Some(!it)),
        In => member(eval, left, right),
        Contains => member(eval, right, left),
        _ => {
            let (Some(left), Some(right)) = (single(left, "a comparison")?, single(right, "a comparison")?) else {
                return Ok(None);
            };
            let order = compare::order(left, right, services)?;
            Ok(order.map(|it| match operator {
                Less => it == Ordering::Less,
                LessOrEqual => it != Ordering::Greater,
                Greater => it == Ordering::Greater,
                _ => it != Ordering::Less,
            }))
        }
    }
}

fn member<'a>(eval: &Eval<'a, '_>, item: &[Item<'a>], among: &[Item<'a>]) -> Result<Option<bool>> {
    match single(item, "in")? {
        None => Ok(None),
        Some(item) if among.len() > 1 => Seen::of(eval, among)?.has(eval, item).map(Some),
        Some(item) => Ok(Some(among.iter().any(|it| compare::equal(it, item, eval.context.services) == Some(true)))),
    }
}

fn concatenate<'a>(left: Option<&Item<'a>>, right: Option<&Item<'a>>) -> Result<Item<'a>> {
    let mut text = String::new();
    for item in [left, right].into_iter().flatten() {
        match item.as_str() {
            Some(it) => text.push_str(it),
            None if item.node().is_some_and(|it| it.value().is_none()) => {}
            None => return fail("'&' needs strings"),
        }
    }
    Ok(Item::string(text))
}
