//! Slicing (profiling.html#slicing): what tells each slice, found in the slice's own rules.

use super::Fault;
use super::compile::{Base, Compiler, check_range, shown};
use super::element::{Max, SlicingDef, SlicingRules};
use super::proof;
use super::rules::{Rules, Slice, Slicing, Test, TypeRule};
use super::tree::Tree;
use crate::path::Expression;
use crate::spec::TypeId;

/// The name of the slice of what is in no other (profiling.html#default-slice).
const DEFAULT: &str = "@default";

/// A step of a discriminator's path (profiling.html#discriminator).
pub(super) enum Step {
    Member(String),
    Extension(String),
    OfType,
    Resolve,
}

/// Compiles the slices of an element, if it has some.
pub(super) fn compile(
    compiler: &Compiler<'_>,
    base: &Base<'_>,
    def: Option<SlicingDef>,
    slices: Vec<(Box<str>, Tree)>,
) -> Result<Option<Slicing>, Fault> {
    if slices.is_empty() && def.as_ref().is_none_or(|it| it.rules != SlicingRules::Closed) {
        return Ok(None);
    }
    let def = match def.or_else(|| implied(base)) {
        Some(def) => def,
        None => return Err(Fault::new(base.path, "it has slices, but no slicing says how they are told apart")),
    };
    let mut all =
        Slicing { is_ordered: def.is_ordered, rules: def.rules, slices: Vec::new(), default: None, problem: None };
    for (name, tree) in slices {
        let mut slice = slice(compiler, base, &name, tree)?;
        if *name == *DEFAULT {
            all.default = Some(all.slices.len());
        } else {
            match tests(compiler, base, &def, &slice.rules) {
                Ok(tests) => slice.tests = tests,
                Err(problem) => all.problem = all.problem.or(Some(format!("slice {}: {problem}", shown(&name)))),
            }
        }
        all.slices.push(slice);
    }
    Ok(Some(all))
}

/// What need not be said: a choice is sliced by its types, extensions by their url.
fn implied(base: &Base<'_>) -> Option<SlicingDef> {
    let element = base.element?;
    let (of, path) = match (element.is_choice, &*element.name) {
        (true, _) => ("type", "$this"),
        (_, "extension" | "modifierExtension") => ("value", "url"),
        // What is there once at the most needs nothing to be told by: its slice is a name for it.
        _ if !element.is_array => ("exists", "$this"),
        _ => return None,
    };
    Some(SlicingDef { discriminators: vec![(of.into(), path.into())], is_ordered: false, rules: SlicingRules::Open })
}

fn slice(compiler: &Compiler<'_>, base: &Base<'_>, name: &str, tree: Tree) -> Result<Slice, Fault> {
    let path = format!("{}:{name}", base.path);
    let Tree { mut def, children, slices } = tree;
    let own = chosen(compiler, base, name);
    let base =
        Base { path: &path, types: own.as_ref().map_or(base.types, std::slice::from_ref), element: base.element };
    let (min, max) = (def.min.unwrap_or(0), def.max.unwrap_or(Max::Unbounded));
    check_range(&path, min, max)?;
    let slicing = self::compile(compiler, &base, def.slicing.take(), slices)?;
    let mut rules = compiler.rules(def, children, &base)?;
    if let (Some(of), true) = (own, rules.types.is_empty()) {
        rules.types.push(TypeRule::of(of));
    }
    Ok(Slice { name: name.into(), min, max, rules, tests: Vec::new(), slicing })
}

/// The type that a slice of a choice has by its name, `valueQuantity`.
fn chosen(compiler: &Compiler<'_>, base: &Base<'_>, name: &str) -> Option<TypeId> {
    let element = base.element.filter(|it| it.is_choice)?;
    let of = name.strip_prefix(&*element.name)?;
    element.types.iter().copied().find(|it| compiler.spec.of(*it).name.eq_ignore_ascii_case(of))
}

/// The tests of a slice, one for each discriminator; the error ends the sentence "slice x: …".
fn tests(compiler: &Compiler<'_>, base: &Base<'_>, def: &SlicingDef, rules: &Rules) -> Result<Vec<Test>, String> {
    if def.discriminators.is_empty() {
        return Err("nothing tells it from others".into());
    }
    let test = |(of, path): &(Box<str>, Box<str>)| {
        let steps =
            steps(path).ok_or_else(|| format!("the discriminator {} is no path that tells one", shown(path)))?;
        let wanted = proof::of(compiler, base, of, &steps, rules)
            .ok_or_else(|| format!("it says nothing that the discriminator {} could tell it by", shown(path)))?;
        let path = Expression::parse(path).map_err(|it| it.to_string())?;
        Ok(Test { path, wanted })
    };
    def.discriminators.iter().map(test).collect()
}

/// `$this`, names, `extension('url')`, `ofType(T)`, `as(T)` and `resolve()`, joined by dots.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut all = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let end = match (rest.find('.'), rest.find('(')) {
            (Some(dot), Some(open)) if open < dot => rest.find(')')? + 1,
            (Some(dot), _) => dot,
            (None, _) => rest.len(),
        };
        let (step, behind) = rest.split_at(end);
        let argument = |name: &str| {
            let inner = step.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')?;
            Some(inner.trim_matches(|it| it == '\'' || it == '"').to_owned())
        };
        match step {
            "$this" => {}
            "resolve()" => all.push(Step::Resolve),
            _ => {
                let extension = argument("extension").map(Step::Extension);
                let of_type = || argument("ofType").or_else(|| argument("as")).map(|_| Step::OfType);
                let step = extension.or_else(of_type).or_else(|| {
                    step.bytes().all(|it| it.is_ascii_alphanumeric()).then(|| Step::Member(step.to_owned()))
                });
                all.push(step?);
            }
        }
        rest = behind.strip_prefix('.').unwrap_or(behind);
    }
    Some(all)
}
