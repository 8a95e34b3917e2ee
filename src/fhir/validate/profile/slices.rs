//! The values of a sliced element, each in the slice it belongs to (profiling.html#slicing).

use super::check::{Checker, place};
use super::element::SlicingRules;
use super::rules::{Proof, Shown, Slice, Slicing, Test};
use crate::json::Value;
use crate::outcome::{IssueType, Severity};
use crate::path::{Item, Node, PathError};
use crate::spec::r4;

impl<'a> Checker<'a, '_, '_> {
    /// Checks the values of an element slice by slice; `name` is the element's.
    pub(super) fn slices(&mut self, name: &str, slicing: &'a Slicing, values: &[Node<'a>], at: Value<'a>) {
        if let Some(problem) = &slicing.problem {
            let told = format!("The slices of {name} cannot be told apart, and were not checked: {problem}.");
            return self.report.tell(Severity::Warning, IssueType::NotSupported, at, told);
        }
        let belongs: Result<Vec<Option<usize>>, PathError> =
            values.iter().map(|it| self.slice_of(slicing, *it)).collect();
        let belongs = match belongs {
            Ok(belongs) => belongs,
            Err(error) => {
                let told = format!("The slices of {name} could not be told apart, and were not checked: {error}.");
                return self.report.tell(Severity::Warning, IssueType::NotSupported, at, told);
            }
        };
        if self.is_spent() {
            return;
        }
        self.order(slicing, values, &belongs);
        for (index, slice) in slicing.slices.iter().enumerate() {
            let those = values.iter().zip(&belongs).filter(|(_, of)| **of == Some(index)).map(|(it, _)| *it);
            let those: Vec<Node<'a>> = those.collect();
            let called = format!("{name}:{}", slice.name);
            self.count(&called, (slice.min, slice.max), those.len(), at);
            for value in &those {
                self.rules(&slice.rules, *value);
            }
            if let Some(inner) = &slice.slicing {
                self.slices(&called, inner, &those, at);
            }
        }
    }

    /// The slice that a value is in, the default one if it is in no other.
    fn slice_of(&mut self, slicing: &'a Slicing, value: Node<'a>) -> Result<Option<usize>, PathError> {
        for (at, slice) in slicing.slices.iter().enumerate().filter(|(at, _)| Some(*at) != slicing.default) {
            if self.is_in(slice, value)? {
                return Ok(Some(at));
            }
        }
        Ok(slicing.default)
    }

    fn is_in(&mut self, slice: &'a Slice, value: Node<'a>) -> Result<bool, PathError> {
        for test in &slice.tests {
            if !self.shows(test, value)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn shows(&mut self, test: &'a Test, value: Node<'a>) -> Result<bool, PathError> {
        let found = self.conditions.evaluate(&test.path, value)?;
        let found: Vec<Node<'a>> = found.iter().filter_map(Item::node).copied().collect();
        Ok(match &test.wanted {
            Proof::Exists(wanted) => found.is_empty() != *wanted,
            Proof::Type(types) => found.iter().any(|it| types.iter().any(|of| r4().is_a(it.of, *of))),
            Proof::Value(all) => found.iter().any(|it| all.iter().all(|shown| self.is_shown(shown, it))),
            Proof::Profile(urls) => found.iter().any(|it| urls.iter().any(|url| self.would_conform(url, *it))),
        })
    }

    fn is_shown(&self, shown: &'a Shown, node: &Node<'a>) -> bool {
        match shown {
            Shown::Wanted(wanted) => node.value().is_some_and(|it| wanted.fits(it)),
            Shown::Binding(binding) => self.in_value_set(&binding.value_set, node) == Some(true),
        }
    }

    /// Closed slicing leaves no value over, `openAtEnd` only behind the others; slices may have to be in order.
    fn order(&mut self, slicing: &'a Slicing, values: &[Node<'a>], belongs: &[Option<usize>]) {
        let mut last = None;
        let mut has_rest = false;
        for (value, of) in values.iter().zip(belongs) {
            let told = match (slicing.rules, of) {
                (SlicingRules::Closed, None) => "This is in none of the profile's slices, which are all there may be.",
                (SlicingRules::OpenAtEnd, Some(_)) if has_rest => {
                    "What is in a slice must stand before all that is in none."
                }
                (_, Some(of)) if slicing.is_ordered && last.is_some_and(|last| last > *of) => {
                    "The values are not in the order of the profile's slices."
                }
                _ => "",
            };
            has_rest |= of.is_none();
            last = of.or(last);
            if let (false, Some(at)) = (told.is_empty(), place(value)) {
                self.report.tell(Severity::Error, IssueType::Structure, at, told);
            }
        }
    }
}
