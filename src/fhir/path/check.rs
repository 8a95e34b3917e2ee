//! What can be said of an expression before there is a resource: whether the types have the elements it names
//! (FHIRPath N1, section "Type safety and strict evaluation").

use super::ast::{Call, Expr, Start, Step};
use super::error::{Result, fail};
use super::navigate::Member;
use crate::spec::{Kind, TypeId, r4};

/// The types that items may have; `None` where that is not known.
type Types = Option<Vec<TypeId>>;

/// Fails if the expression, on an item of one of these types, names an element that no type there has, or relies on
/// an order that is not defined.
pub(super) fn check(expr: &Expr, of: &[TypeId]) -> Result<()> {
    answers(expr, of).map(drop)
}

/// The types of what the expression may answer on an item of one of these types; `None` where that is not known.
pub(super) fn answers(expr: &Expr, of: &[TypeId]) -> Result<Types> {
    types(expr, &Some(of.to_vec()))
}

fn types(expr: &Expr, this: &Types) -> Result<Types> {
    match expr {
        Expr::Empty | Expr::Literal(_) => Ok(None),
        Expr::Sign(_, inner) => types(inner, this).map(|_| None),
        Expr::Binary(_, left, right) => {
            types(left, this)?;
            types(right, this).map(|_| None)
        }
        Expr::Union(parts) => {
            let all: Option<Vec<_>> =
                parts.iter().map(|it| types(it, this)).collect::<Result<Vec<_>>>()?.into_iter().collect();
            Ok(all.map(|it| it.concat()))
        }
        Expr::Path(start, steps) => {
            let mut here = match start {
                Start::This => this.clone(),
                Start::Expr(inner) => types(inner, this)?,
                Start::Index | Start::Total | Start::Variable(_) => None,
            };
            let mut is_ordered = true;
            for step in steps {
                if !is_ordered && needs_order(step) {
                    return fail("children() and descendants() have no order to rely on");
                }
                is_ordered =
                    !matches!(step, Step::Call(call) if matches!(call.function.name, "children" | "descendants"));
                here = behind(step, here, this)?;
            }
            Ok(here)
        }
    }
}

fn needs_order(step: &Step) -> bool {
    match step {
        Step::Index(_) => true,
        Step::Call(call) => matches!(call.function.name, "first" | "last" | "tail" | "skip" | "take"),
        _ => false,
    }
}

/// The types behind a step, from those before it; `this` is for arguments that are not about the input.
fn behind(step: &Step, here: Types, this: &Types) -> Result<Types> {
    match step {
        Step::First(Some(named), member) => {
            let Some(known) = &here else { return Ok(None) };
            let fits = |it: &&TypeId| r4().is_a(**it, *named) || r4().is_a(*named, **it);
            let matching: Vec<_> = known.iter().filter(fits).copied().collect();
            if matching.is_empty() { children(&here, member) } else { Ok(Some(matching)) }
        }
        Step::First(None, member) | Step::Member(member) => children(&here, member),
        Step::Of(spec) => Ok(spec.fhir.map(|it| vec![it])),
        Step::Where(condition) => types(condition, &here).map(|_| here),
        Step::Is(_) => Ok(None),
        Step::Index(at) => types(at, this).map(|_| here),
        Step::Call(call) => called(call, here, this),
    }
}

fn called(call: &Call, here: Types, this: &Types) -> Result<Types> {
    let on_items = matches!(
        call.function.name,
        "where" | "exists" | "all" | "select" | "repeat" | "aggregate" | "sort" | "trace" | "iif"
    );
    let mut first = None;
    for (at, arg) in call.args.iter().enumerate() {
        // What is repeated is asked of its own answers too, which may be of other types.
        let on = match call.function.name {
            "repeat" => &None,
            _ if on_items => &here,
            _ => this,
        };
        let found = types(arg, on)?;
        if at == 0 {
            first = found;
        }
    }
    Ok(match call.function.name {
        "where" | "first" | "last" | "tail" | "skip" | "take" | "single" | "distinct" | "exclude" | "trace"
        | "sort" | "checkModifiers" => here,
        "select" => first,
        "extension" => r4().type_named("Extension").map(|it| vec![it]),
        _ => None,
    })
}

/// The types of the children of this name.
fn children(parents: &Types, member: &Member) -> Result<Types> {
    let Some(parents) = parents else { return Ok(None) };
    let mut found = Vec::new();
    let mut has_it = false;
    for parent in parents {
        let of = r4().of(*parent);
        match of.element(member.name()) {
            Some(element) => {
                has_it = true;
                found.extend(&element.types);
            }
            // What specialises it may have the element.
            None if of.is_abstract => return Ok(None),
            None => {}
        }
    }
    if !has_it {
        let names: Vec<_> = parents.iter().take(3).map(|it| &*r4().of(*it).name).collect();
        return fail(format!("{} has no element '{}'", names.join(" or "), member.name()));
    }
    let is_open = found.iter().any(|it| r4().of(*it).is_abstract && r4().of(*it).kind == Kind::Resource);
    Ok(if is_open { None } else { Some(found) })
}
