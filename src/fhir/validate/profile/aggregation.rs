//! Where what a reference points to may lie, and whether it is of one version (elementdefinition.html#aggregation).

use super::check::Checker;
use crate::json::Value;
use crate::outcome::{IssueType, Severity};
use crate::path::Node;

/// ElementDefinition.type.aggregation and .versioning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Aggregation {
    modes: Modes,
    /// Whether a version must be named, or must not be.
    is_specific: Option<bool>,
}

/// Where it may lie; nowhere: anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Modes {
    contained: bool,
    bundled: bool,
    referenced: bool,
}

impl Aggregation {
    pub(super) fn read(of: Value<'_>) -> Aggregation {
        let has = |code: &str| of.get("aggregation").is_some_and(|it| it.each().any(|it| it.as_str() == Some(code)));
        Aggregation {
            modes: Modes { contained: has("contained"), bundled: has("bundled"), referenced: has("referenced") },
            is_specific: match of.str("versioning") {
                Some("specific") => Some(true),
                Some("independent") => Some(false),
                _ => None,
            },
        }
    }

    /// Whether it asks for nothing.
    pub(super) fn is_any(self) -> bool {
        self == Aggregation::default()
    }

    /// What is wrong with a reference to something that lies there.
    fn problem(self, reference: &str, lies: Lies) -> Option<String> {
        let Modes { contained, bundled, referenced } = self.modes;
        let is_open = self.modes == Modes::default();
        let may_lie = match lies {
            Lies::Contained => contained,
            // What is in the same Bundle is outside of the resource all the same.
            Lies::Bundled => bundled || referenced,
            Lies::Elsewhere => referenced,
        };
        if !is_open && !may_lie {
            let words = [(contained, "contained"), (bundled, "bundled"), (referenced, "referenced")];
            let words: Vec<_> = words.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
            return Some(format!("What the reference points to must be {}.", words.join(" or ")));
        }
        let names_version = reference.contains("/_history/") || reference.contains('|');
        match self.is_specific {
            Some(true) if !names_version => Some("The reference must name a version.".into()),
            Some(false) if names_version => Some("The reference must not name a version.".into()),
            _ => None,
        }
    }
}

/// Where something that is referred to lies.
#[derive(Clone, Copy)]
enum Lies {
    Contained,
    Bundled,
    Elsewhere,
}

impl<'a> Checker<'a, '_, '_> {
    /// Checks a Reference or canonical, of whose types one has to allow it.
    pub(super) fn aggregation(&mut self, all: &[Aggregation], node: Node<'a>, at: Value<'a>) {
        if all.iter().any(|it| it.is_any()) {
            return;
        }
        let Some(reference) = node.text().or_else(|| node.value()?.str("reference")) else { return };
        let lies = match reference.strip_prefix('#') {
            Some(_) => Lies::Contained,
            None if self.is_bundled(node) => Lies::Bundled,
            None => Lies::Elsewhere,
        };
        let problems: Vec<_> = all.iter().filter_map(|it| it.problem(reference, lies)).collect();
        if let (true, Some(told)) = (problems.len() == all.len(), problems.into_iter().next()) {
            self.report.tell(Severity::Error, IssueType::Value, at, told);
        }
    }

    fn is_bundled(&mut self, node: Node<'a>) -> bool {
        let found = self.resolved(node).and_then(|it| it.value());
        found.is_some_and(|it| self.report.root.contains(it))
    }
}
