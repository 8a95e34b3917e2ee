//! What a slice shows at the path of a discriminator (profiling.html#discriminator): found in the slice's own rules and,
//! where the path goes through `resolve()` or what is there has a profile of its own, in that profile's.

use super::compile::{Base, Compiler};
use super::element::{Max, Wanted};
use super::rules::{Child, Proof, Rules, Shown};
use super::slicing::Step;
use crate::json::{Doc, quote};
use crate::spec::{Strength, TypeId};
use std::sync::Arc;

/// What a slice shows; `None` where it shows nothing.
pub(super) fn of(compiler: &Compiler<'_>, base: &Base<'_>, of: &str, steps: &[Step], rules: &Rules) -> Option<Proof> {
    let finder = Finder { compiler };
    match of {
        "value" | "pattern" => finder.values(steps, rules).map(Proof::Value),
        "exists" => finder.exists(steps, rules).map(Proof::Exists),
        "type" => finder.types(base, steps, rules).map(Proof::Type),
        "profile" => finder.profiles(steps, rules).map(Proof::Profile),
        _ => None,
    }
}

struct Finder<'c, 's> {
    compiler: &'c Compiler<'s>,
}

/// Whether the profiles that a value has to meet are looked into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Own,
    Profiles,
}

impl Finder<'_, '_> {
    /// Visits the rules on what is at a path: of the element itself, and of slices of it that must be there.
    fn visit(&self, steps: &[Step], rules: &Rules, reach: Reach, visit: &mut dyn FnMut(&Rules)) {
        if reach == Reach::Profiles
            && let Some(profile) = only(rules.types.iter().flat_map(|it| &it.profiles))
            && let Some(found) = self.compiler.other(profile)
        {
            self.visit(steps, &found, Reach::Own, visit);
        }
        let (name, url, rest) = match steps.split_first() {
            None => return visit(rules),
            Some((Step::Member(name), rest)) => (name.as_str(), None, rest),
            Some((Step::Extension(url), rest)) => ("extension", Some(url.as_str()), rest),
            Some((Step::OfType, rest)) => return self.visit(rest, rules, reach, visit),
            Some((Step::Resolve, rest)) => return self.visit_target(rest, rules, reach, visit),
        };
        for child in rules.children.iter().filter(|it| *it.name == *name) {
            for found in of_child(child, url) {
                self.visit(rest, found, reach, visit);
            }
        }
    }

    /// Visits what the profile of what a reference points to says; there must be one such only.
    fn visit_target(&self, rest: &[Step], rules: &Rules, reach: Reach, visit: &mut dyn FnMut(&Rules)) {
        let target = only(rules.types.iter().flat_map(|it| &it.targets));
        if let Some(found) = target.and_then(|it| self.compiler.other(it)) {
            self.visit(rest, &found, reach, visit);
        }
    }

    fn values(&self, steps: &[Step], rules: &Rules) -> Option<Vec<Shown>> {
        let mut all = Vec::new();
        self.visit(steps, rules, Reach::Own, &mut |it| all.extend(shown(it)));
        // The profile of an extension is named as the extension is.
        if let ([Step::Member(url)], true) = (steps, all.is_empty())
            && url == "url"
            && let Some(profile) = only(rules.types.iter().flat_map(|it| &it.profiles))
        {
            let bare = profile.split('|').next().unwrap_or_default();
            all.extend(shown_as(true, quote(bare)));
        }
        if all.is_empty() {
            self.visit(steps, rules, Reach::Own, &mut |it| all.extend(shown_within(it)));
        }
        if all.is_empty() {
            self.visit(steps, rules, Reach::Profiles, &mut |it| all.extend(shown(it)));
        }
        if all.is_empty() {
            self.visit(steps, rules, Reach::Profiles, &mut |it| all.extend(shown_within(it)));
        }
        (!all.is_empty()).then_some(all)
    }

    fn exists(&self, steps: &[Step], rules: &Rules) -> Option<bool> {
        let Some((last, before)) = steps.split_last() else { return Some(true) };
        let (name, url) = match last {
            Step::Member(name) => (name.as_str(), None),
            Step::Extension(url) => ("extension", Some(url.as_str())),
            Step::OfType | Step::Resolve => return None,
        };
        let mut found = None;
        self.visit(before, rules, Reach::Profiles, &mut |it| {
            let counts = it.children.iter().filter(|it| *it.name == *name).flat_map(|it| counts(it, url));
            found = found.or(counts.filter_map(must_exist).next());
        });
        found
    }

    fn types(&self, base: &Base<'_>, steps: &[Step], rules: &Rules) -> Option<Vec<TypeId>> {
        let (steps, is_target) = before_resolve(steps);
        let mut all = Vec::new();
        self.visit(steps, rules, Reach::Own, &mut |it| match is_target {
            true => all.extend(it.types.iter().flat_map(|it| &it.targets).map(|it| self.compiler.type_of(it))),
            false => all.extend(it.types.iter().map(|it| Some(it.of))),
        });
        match (all.is_empty(), steps, base.types) {
            (false, ..) => all.into_iter().collect(),
            (true, [], [one]) if !is_target => Some(vec![*one]),
            _ => None,
        }
    }

    fn profiles(&self, steps: &[Step], rules: &Rules) -> Option<Vec<Box<str>>> {
        let (steps, is_target) = before_resolve(steps);
        let mut all: Vec<Box<str>> = Vec::new();
        self.visit(steps, rules, Reach::Own, &mut |it| {
            all.extend(it.types.iter().flat_map(|it| if is_target { &it.targets } else { &it.profiles }).cloned());
        });
        (!all.is_empty()).then_some(all)
    }
}

/// The one item, if there is one only.
fn only<'r>(mut all: impl Iterator<Item = &'r Box<str>>) -> Option<&'r str> {
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

fn before_resolve(steps: &[Step]) -> (&[Step], bool) {
    match steps.split_last() {
        Some((Step::Resolve, before)) => (before, true),
        _ => (steps, false),
    }
}

/// The rules of an element and of those of its slices that must be there; for an extension of its slice only.
fn of_child<'r>(child: &'r Child, url: Option<&str>) -> Vec<&'r Rules> {
    let slices = child.slicing.iter().flat_map(|it| &it.slices);
    let wanted = slices.filter(|it| match url {
        Some(url) => is_of(&it.rules, url),
        None => it.min > 0,
    });
    let of_slices = wanted.map(|it| &it.rules);
    if url.is_some() { of_slices.collect() } else { std::iter::once(&child.rules).chain(of_slices).collect() }
}

/// Whether a slice is of extensions with this url.
fn is_of(slice: &Rules, url: &str) -> bool {
    slice.types.iter().any(|it| it.profiles.iter().any(|it| **it == *url))
}

/// How often an element, or its extension with this url, may be there.
fn counts<'r>(child: &'r Child, url: Option<&'r str>) -> impl Iterator<Item = (u32, Max)> + 'r {
    let slices = child.slicing.iter().flat_map(|it| &it.slices);
    let of_url = slices.filter(move |it| url.is_some_and(|url| is_of(&it.rules, url))).map(|it| (it.min, it.max));
    url.is_none().then_some((child.min, child.max)).into_iter().chain(of_url)
}

fn must_exist(count: (u32, Max)) -> Option<bool> {
    match count {
        (_, Max::Times(0)) => Some(false),
        (1.., _) => Some(true),
        _ => None,
    }
}

/// What rules fix of the value that they are on.
fn shown(rules: &Rules) -> Vec<Shown> {
    let value = rules.value.clone().map(Shown::Wanted);
    let binding = rules.binding.as_ref().filter(|it| it.strength == Strength::Required && rules.value.is_none());
    value.into_iter().chain(binding.cloned().map(Shown::Binding)).collect()
}

/// What rules fix one level below the value that they are on, as a pattern around it.
fn shown_within(rules: &Rules) -> Vec<Shown> {
    let mut all = Vec::new();
    for child in &rules.children {
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
