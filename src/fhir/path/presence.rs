//! What can be said of a condition by knowing only which elements are there: most invariants of R4 ask for no more, or
//! hold wherever an element is absent, so that evaluating them can be spared.

use super::ast::{Call, Expr, Operator, Start, Step, Variable};
use super::item::Item;
use crate::spec::{TypeId, r4};
use Answer::{Empty, False, Open, True};

/// What a condition comes to; `Open` where that takes more than which elements are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    True,
    False,
    Empty,
    Open,
}

/// A condition on an element of one type, reduced to which of its children are there.
pub(crate) struct Presence(Formula);

enum Formula {
    Known(Answer),
    /// Depends on whether the child with this index is there.
    Child {
        element: usize,
        present: Answer,
        absent: Answer,
    },
    Not(Box<Formula>),
    Binary(Operator, Box<Formula>, Box<Formula>),
}

impl Presence {
    pub(super) fn of(expr: &Expr, of: TypeId) -> Presence {
        Presence(formula(expr, of))
    }

    /// Whether the condition holds (or is left open by what is absent), by the children that are there; `None` where
    /// it has to be evaluated.
    pub(crate) fn holds(&self, is_there: impl Fn(usize) -> bool + Copy) -> Option<bool> {
        match answer(&self.0, is_there) {
            True | Empty => Some(true),
            False => Some(false),
            Open => None,
        }
    }
}

fn answer(formula: &Formula, is_there: impl Fn(usize) -> bool + Copy) -> Answer {
    match formula {
        Formula::Known(it) => *it,
        Formula::Child { element, present, .. } if is_there(*element) => *present,
        Formula::Child { absent, .. } => *absent,
        Formula::Not(inner) => not(answer(inner, is_there)),
        Formula::Binary(operator, left, right) => {
            combined(*operator, answer(left, is_there), || answer(right, is_there))
        }
    }
}

fn not(of: Answer) -> Answer {
    match of {
        True => False,
        False => True,
        other => other,
    }
}

/// The operators' tables (FHIRPath N1, "Boolean logic" and "Equality").
fn combined(operator: Operator, left: Answer, right: impl FnOnce() -> Answer) -> Answer {
    match operator {
        Operator::And => and(left, right),
        Operator::Or => not(and(not(left), || not(right()))),
        Operator::Implies => not(and(left, || not(right()))),
        Operator::Equal => equal(left, right()),
        Operator::NotEqual | Operator::Xor => not(equal(left, right())),
        _ if left == Empty || right() == Empty => Empty,
        _ => Open,
    }
}

fn and(left: Answer, right: impl FnOnce() -> Answer) -> Answer {
    match (left, if left == False { False } else { right() }) {
        (False, _) | (_, False) => False,
        (Open, _) | (_, Open) => Open,
        (True, True) => True,
        _ => Empty,
    }
}

fn equal(left: Answer, right: Answer) -> Answer {
    match (left, right) {
        (Empty, _) | (_, Empty) => Empty,
        (Open, _) | (_, Open) => Open,
        _ if left == right => True,
        _ => False,
    }
}

fn formula(expr: &Expr, of: TypeId) -> Formula {
    match expr {
        Expr::Empty => Formula::Known(Empty),
        Expr::Literal(Item::Boolean(it)) => Formula::Known(if *it { True } else { False }),
        Expr::Binary(operator, left, right) if spares(*operator) => {
            Formula::Binary(*operator, Box::new(formula(left, of)), Box::new(formula(right, of)))
        }
        Expr::Path(Start::Expr(inner), steps) => match steps.as_slice() {
            [] => formula(inner, of),
            [Step::Call(call)] if call.function.name == "not" => Formula::Not(Box::new(formula(inner, of))),
            _ => Formula::Known(Open),
        },
        Expr::Path(Start::This | Start::Variable(Variable::Context), steps) => path(steps, of),
        _ => Formula::Known(Open),
    }
}

/// The operators that answer nothing where a side is empty, or whose table [`combined`] knows.
fn spares(operator: Operator) -> bool {
    use Operator::*;
    matches!(operator, And | Or | Xor | Implies | Equal | NotEqual | Less | LessOrEqual | Greater | GreaterOrEqual)
}

/// A path from the element itself: its first step to a child, and what is made of the answer.
fn path(steps: &[Step], of: TypeId) -> Formula {
    let steps = match steps {
        [Step::First(Some(named), _), rest @ ..] if r4().is_a(of, *named) => rest,
        _ => steps,
    };
    let [Step::First(_, member) | Step::Member(member), rest @ ..] = steps else {
        return Formula::Known(Open);
    };
    let absent = rest.iter().fold(Empty, without);
    match r4().of(of).elements.iter().position(|it| *it.name == *member.name()) {
        Some(element) => Formula::Child { element, present: present(rest), absent },
        None => Formula::Known(absent),
    }
}

/// What a step makes of an input that is empty, or of the boolean that came of it.
fn without(input: Answer, step: &Step) -> Answer {
    match (input, step) {
        (Empty, Step::Call(call)) => of_nothing(call),
        (Empty, _) => Empty,
        (it, Step::Call(call)) if call.function.name == "not" => not(it),
        _ => Open,
    }
}

/// What a function answers on nothing.
fn of_nothing(call: &Call) -> Answer {
    match call.function.name {
        "exists" | "hasValue" => False,
        "empty" | "all" | "isDistinct" => True,
        "where" | "select" | "first" | "last" | "tail" | "skip" | "take" | "trace" | "ofType" | "as" | "is" | "not"
        | "startsWith" | "endsWith" | "contains" | "matches" | "toInteger" | "toString" | "substring" | "resolve" => {
            Empty
        }
        _ => Open,
    }
}

/// What a child that is there comes to: an answer only where nothing but that is asked.
fn present(rest: &[Step]) -> Answer {
    let asks = |it: &Step| match it {
        Step::Call(call) if call.args.is_empty() => match call.function.name {
            "exists" => Some(True),
            "empty" => Some(False),
            _ => None,
        },
        _ => None,
    };
    match rest {
        [one] => asks(one).unwrap_or(Open),
        [one, Step::Call(call)] if call.function.name == "not" => asks(one).map_or(Open, not),
        _ => Open,
    }
}

#[cfg(test)]
mod tests {
    use crate::path::Expression;
    use crate::spec::r4;

    /// What a condition on a Patient comes to when only these elements are there.
    fn of_patient(expression: &str, there: &[&str]) -> Option<bool> {
        let of = r4().type_named("Patient").unwrap();
        let compiled = Expression::parse(expression).unwrap();
        compiled.presence(of).holds(|at| there.contains(&&*r4().of(of).elements[at].name))
    }

    #[test]
    fn what_only_asks_for_presence_is_decided_by_it() {
        for (expression, there, expected) in [
            ("name.exists() or telecom.exists()", &["telecom"][..], true),
            ("name.exists() or telecom.exists()", &["gender"], false),
            ("name.exists() implies Patient.telecom.exists()", &["gender"], true),
            ("name.exists() implies telecom.exists()", &["name"], false),
            ("name.exists() = telecom.exists()", &["name"], false),
            ("name.exists() = telecom.exists()", &[], true),
            ("name.exists() xor telecom.empty()", &["name"], false),
            ("(name.exists() and telecom.exists()).not()", &["name"], true),
            ("name.exists().not()", &["name"], false),
        ] {
            assert_eq!(of_patient(expression, there), Some(expected), "{expression} with {there:?}");
        }
    }

    #[test]
    fn what_is_absent_decides_for_others() {
        for expression in [
            "birthDate < @2000",
            "name.where(use = 'home').empty()",
            "name.given.exists().not()",
            "gender = 'male' implies name.exists()",
            "gender.hasValue().not() or name.exists()",
            "deceased.empty() or deceased = true",
        ] {
            assert_eq!(of_patient(expression, &[]), Some(true), "{expression}");
        }
    }

    #[test]
    fn what_asks_for_more_stays_open() {
        for expression in [
            "name.count() = 1",
            "name.given.exists()",
            "gender = 'male'",
            "%resource.name.exists()",
            "name.exists(use = 'x')",
        ] {
            assert_eq!(of_patient(expression, &["name", "gender"]), None, "{expression}");
        }
    }
}
