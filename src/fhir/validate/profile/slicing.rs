//! Slicing (profiling.html#slicing): what tells each slice, found in the slice's own rules.

use super::Fault;
use super::compile::{Base, Compiler, check_range, core_type, shown};
use super::element::{Max, SlicingDef, SlicingRules, Wanted};
use super::rules::{Child, Proof, Rules, Shown, Slice, Slicing, Test};
use super::tree::Tree;
use crate::json::{Doc, quote};
use crate::path::Expression;
use crate::spec::{Strength, TypeId};
use std::sync::Arc;

/// The name of the slice of what is in no other (profiling.html#default-slice).
const DEFAULT: &str = "@default";

/// A step of a discriminator's path (profiling.html#discriminator).
enum Step {
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
        rules.types.push(super::rules::TypeRule { of, profiles: Vec::new(), targets: Vec::new() });
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
        let wanted = proof(compiler, base, of, &steps, rules)
            .ok_or_else(|| format!("it says nothing that the discriminator {} could tell it by", shown(path)))?;
        let path = Expression::parse(path).map_err(|it| it.to_string())?;
        Ok(Test { path, wanted })
    };
    def.discriminators.iter().map(test).collect()
}

/// `$this`, names, `extension('url')`, `ofType(T)` and `resolve()`, joined by dots.
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
                let step = extension.or_else(|| argument("ofType").map(|_| Step::OfType)).or_else(|| {
                    step.bytes().all(|it| it.is_ascii_alphanumeric()).then(|| Step::Member(step.to_owned()))
                });
                all.push(step?);
            }
        }
        rest = behind.strip_prefix('.').unwrap_or(behind);
    }
    Some(all)
}

/// What a slice shows at the path of a discriminator; `None` where it shows nothing.
fn proof(compiler: &Compiler<'_>, base: &Base<'_>, of: &str, steps: &[Step], rules: &Rules) -> Option<Proof> {
    match of {
        "value" | "pattern" => values(steps, rules).map(Proof::Value),
        "exists" => exists(steps, rules).map(Proof::Exists),
        "type" => types(compiler, base, steps, rules).map(Proof::Type),
        "profile" => {
            let (steps, is_target) = before_resolve(steps);
            let found = reached(steps, rules);
            let profiles = found.iter().flat_map(|it| &it.types);
            let all: Vec<_> =
                profiles.flat_map(|it| if is_target { &it.targets } else { &it.profiles }).cloned().collect();
            (!all.is_empty()).then_some(Proof::Profile(all))
        }
        _ => None,
    }
}

fn before_resolve(steps: &[Step]) -> (&[Step], bool) {
    match steps.split_last() {
        Some((Step::Resolve, before)) => (before, true),
        _ => (steps, false),
    }
}

/// The rules on what is at a path: of the element itself, and of slices of it that must be there.
fn reached<'r>(steps: &[Step], rules: &'r Rules) -> Vec<&'r Rules> {
    let Some((step, rest)) = steps.split_first() else { return vec![rules] };
    let (name, url) = match step {
        Step::Member(name) => (name.as_str(), None),
        Step::Extension(url) => ("extension", Some(url.as_str())),
        Step::OfType => return reached(rest, rules),
        Step::Resolve => return Vec::new(),
    };
    let children = rules.children.iter().filter(|it| *it.name == *name);
    children.flat_map(|it| of_child(it, url)).flat_map(|it| reached(rest, it)).collect()
}

fn of_child<'r>(child: &'r Child, url: Option<&str>) -> Vec<&'r Rules> {
    let slices = child.slicing.iter().flat_map(|it| &it.slices);
    let wanted = slices.filter(|it| match url {
        Some(url) => it.rules.types.iter().any(|it| it.profiles.iter().any(|it| **it == *url)),
        None => it.min > 0,
    });
    let of_slices = wanted.map(|it| &it.rules);
    if url.is_some() { of_slices.collect() } else { std::iter::once(&child.rules).chain(of_slices).collect() }
}

fn values(steps: &[Step], rules: &Rules) -> Option<Vec<Shown>> {
    let mut all: Vec<Shown> = Vec::new();
    for found in reached(steps, rules) {
        all.extend(found.value.as_ref().cloned().map(Shown::Wanted));
        let binding = found.binding.as_ref().filter(|it| it.strength == Strength::Required && found.value.is_none());
        all.extend(binding.cloned().map(Shown::Binding));
    }
    // The profile of an extension is named as the extension is.
    if let ([Step::Member(url)], true) = (steps, all.is_empty())
        && url == "url"
        && let [profile] = rules.types.iter().flat_map(|it| &it.profiles).collect::<Vec<_>>()[..]
    {
        let bare = profile.split('|').next().unwrap_or_default();
        all.extend(shown_as(true, quote(bare)));
    }
    if all.is_empty() {
        all = within(steps, rules);
    }
    (!all.is_empty()).then_some(all)
}

/// What is fixed below the element at a path, as a pattern around it.
fn within(steps: &[Step], rules: &Rules) -> Vec<Shown> {
    let mut all = Vec::new();
    for child in reached(steps, rules).into_iter().flat_map(|it| &it.children) {
        for value in child.slicing.iter().flat_map(|it| &it.slices).map(|it| &it.rules).chain([&child.rules]) {
            let Some(wanted) = &value.value else { continue };
            let (open, close) = if child.is_array { ("[", "]") } else { ("", "") };
            all.extend(shown_as(false, format!("{{{}:{open}{}{close}}}", quote(&child.name), wanted.value.source())));
        }
    }
    all
}

fn shown_as(is_exact: bool, json: String) -> Option<Shown> {
    let value = Arc::new(Doc::parse(json).ok()?);
    Some(Shown::Wanted(Wanted { is_exact, value }))
}

fn exists(steps: &[Step], rules: &Rules) -> Option<bool> {
    let Some((last, before)) = steps.split_last() else { return Some(true) };
    let Step::Member(name) = last else { return None };
    let found = reached(before, rules);
    let mut children = found.iter().flat_map(|it| &it.children).filter(|it| *it.name == **name);
    children.find_map(|it| match (it.min, it.max) {
        (_, Max::Times(0)) => Some(false),
        (1.., _) => Some(true),
        _ => None,
    })
}

fn types(compiler: &Compiler<'_>, base: &Base<'_>, steps: &[Step], rules: &Rules) -> Option<Vec<TypeId>> {
    let (steps, is_target) = before_resolve(steps);
    let found = reached(steps, rules);
    let told = found.iter().flat_map(|it| &it.types);
    let all: Vec<TypeId> = match is_target {
        true => told.flat_map(|it| &it.targets).map(|it| core_type(compiler.spec, it)).collect::<Option<_>>()?,
        false => told.map(|it| it.of).collect(),
    };
    match (all.is_empty(), steps, base.types) {
        (false, ..) => Some(all),
        (true, [], [one]) if !is_target => Some(vec![*one]),
        _ => None,
    }
}
