//! What is told of a resource: its issues, each at its place.

use super::expression;
use crate::json::Value;
use crate::outcome::{Issue, IssueType, Severity};
use crate::spec::Spec;
use std::fmt::Write;

/// More problems than this help nobody.
const MOST_ISSUES: usize = 100;
/// Of longer URLs the beginning is told.
const LONGEST_URL: usize = 200;

/// The issues of one resource.
pub(super) struct Report<'a, 's> {
    pub spec: &'s Spec,
    /// The resource.
    pub root: Value<'a>,
    /// Whether warnings are wanted as well.
    pub warnings: bool,
    /// How bad a problem is at most: a breach of a profile may be a warning only.
    pub ceiling: Severity,
    /// The profile that asks for what is told, if it is not R4 itself.
    pub profile: Option<&'a str>,
    issues: Vec<Issue>,
    /// How many of them are no errors: these must not take the errors' room.
    lesser: usize,
}

impl<'a, 's> Report<'a, 's> {
    pub(super) fn new(spec: &'s Spec, root: Value<'a>, warnings: bool) -> Report<'a, 's> {
        Report { spec, root, warnings, ceiling: Severity::Fatal, profile: None, issues: Vec::new(), lesser: 0 }
    }

    /// Whether there is no room for more.
    pub(super) fn is_full(&self) -> bool {
        self.issues.len() - self.lesser >= MOST_ISSUES
    }

    /// Whether an issue this bad is wanted.
    pub(super) fn wants(&self, severity: Severity) -> bool {
        let severity = severity.max(self.ceiling);
        !self.is_full() && (severity <= Severity::Error || (self.warnings && self.lesser < MOST_ISSUES))
    }

    /// Tells a problem of a value, if it is wanted.
    pub(super) fn tell(&mut self, severity: Severity, code: IssueType, at: Value<'a>, told: impl Into<String>) {
        if self.wants(severity) {
            let path = expression::of(self.spec, self.root, at);
            self.push(severity, code, path, told.into());
        }
    }

    /// Tells an error in what a value lacks: an element of this name.
    pub(super) fn tell_missing(&mut self, at: Value<'a>, name: &str, told: impl FnOnce() -> String) {
        if self.wants(Severity::Error) {
            let path = expression::of(self.spec, self.root, at);
            self.push(Severity::Error, IssueType::Required, format!("{path}.{name}"), told());
        }
    }

    fn push(&mut self, severity: Severity, code: IssueType, path: String, mut told: String) {
        let severity = severity.max(self.ceiling);
        if let Some(profile) = self.profile {
            let _ = write!(told, " (Profile {}.)", shown_url(profile));
        }
        let issue = Issue { severity, ..Issue::error(code, told) }.at(path);
        // What several ways lead to, such as an extension that a profile demands, is told once.
        if !self.issues.contains(&issue) {
            self.lesser += usize::from(severity > Severity::Error);
            self.issues.push(issue);
        }
    }

    /// Whether there are errors.
    pub(super) fn has_errors(&self) -> bool {
        self.issues.len() > self.lesser
    }

    /// All issues, with a word on those for which there was no room.
    pub(super) fn into_issues(mut self) -> Vec<Issue> {
        if self.is_full() {
            let text = format!("There are more problems than these {MOST_ISSUES}; the rest was not looked at.");
            self.issues.push(Issue::information(text));
        } else if self.lesser >= MOST_ISSUES {
            let text = format!("There are more warnings than these {MOST_ISSUES}; the rest is not told.");
            self.issues.push(Issue::information(text));
        }
        self.issues
    }
}

/// A canonical URL, fit to be said back.
pub(super) fn shown_url(url: &str) -> String {
    url.chars().take(LONGEST_URL).flat_map(char::escape_debug).collect()
}
