//! A resource against profiles: from rule to rule, along with the values that they are about.

use super::element::Max;
use super::rules::{Child, Rules, TypeRule};
use super::{AskedProfile, Profiling, compile};
use crate::json::Value;
use crate::outcome::{IssueType, Severity};
use crate::path::{Expression, Item, Node};
use crate::spec::{TypeId, r4};
use crate::validate::invariant::Conditions;
use crate::validate::report::{Report, shown_url};
use std::sync::LazyLock;

/// Profiles in elements in profiles; a circle of profiles ends here.
const DEEPEST: usize = 60;
/// Values that are looked at, beyond those that the resource has bytes for.
const LEAST_WORK: usize = 100_000;
/// How many of them each byte of a resource adds.
const WORK_PER_BYTE: usize = 16;

/// Checks elements of one resource.
pub(in crate::validate) struct Checker<'a, 'w, 's> {
    pub(super) profiling: Profiling<'a>,
    pub(super) report: &'w mut Report<'a, 's>,
    pub(super) conditions: &'w mut Conditions<'a>,
    depth: usize,
    left: usize,
}

impl<'a, 'w, 's> Checker<'a, 'w, 's> {
    pub(in crate::validate) fn new(
        profiling: Profiling<'a>,
        report: &'w mut Report<'a, 's>,
        conditions: &'w mut Conditions<'a>,
    ) -> Checker<'a, 'w, 's> {
        let left = LEAST_WORK + report.root.raw().len() * WORK_PER_BYTE;
        Checker { profiling, report, conditions, depth: 0, left }
    }

    /// Checks a resource against the profiles that it claims to meet (resource.html#Meta), and others.
    pub(in crate::validate) fn resource(&mut self, resource: Value<'a>, asked: &'a [AskedProfile]) {
        let Some(node) = Node::resource(resource) else { return };
        self.conditions.resource = resource;
        let claims = resource.get("meta").and_then(|it| it.get("profile"));
        let claimed = claims.into_iter().flat_map(Value::each).filter_map(Value::as_str);
        let severity = self.profiling.severity;
        for AskedProfile { profile, severity } in asked {
            self.profiling.severity = *severity;
            self.conforms(profile, node);
        }
        self.profiling.severity = severity;
        let mut done: Vec<&str> = Vec::new();
        for url in claimed {
            if !done.contains(&url) && !asked.iter().any(|it| it.profile == url && it.severity <= severity) {
                done.push(url);
                self.conforms(url, node);
            }
        }
    }

    /// Checks an extension in a resource against the definition that its url names, if that is known (extensibility.html).
    pub(in crate::validate) fn extension(&mut self, resource: Value<'a>, extension: Value<'a>, is_modifier: bool) {
        self.conditions.resource = resource;
        let (Some(url), Some(of)) = (extension.str("url"), r4().type_named("Extension")) else { return };
        if let Some(found) = self.profiling.known.find(url) {
            self.conforms(url, Node::new(of, Some(extension), None));
            if let Ok(profile) = found {
                self.usage(&profile.usage, url, extension, is_modifier);
            }
        } else if is_modifier {
            let told = "This modifier extension is not known here: what it changes is not understood.";
            self.report.tell(Severity::Warning, IssueType::Extension, extension, told);
        }
    }

    /// Checks an element against a profile.
    pub(super) fn conforms(&mut self, url: &'a str, node: Node<'a>) {
        let Some(at) = place(&node) else { return };
        let of = compile::core_type(r4(), url);
        let (of, rules) = match (of, self.profiling.known.find(url)) {
            (Some(of), None) => (of, None),
            (_, Some(Ok(profile))) => (profile.of, Some(&profile.rules)),
            (None, None) => {
                let told = format!("The profile {} is not known here; it was not checked.", shown_url(url));
                return self.report.tell(Severity::Warning, IssueType::NotFound, at, told);
            }
            (_, Some(Err(fault))) => {
                let told = format!("The profile {} cannot be used, and was not checked: {fault}.", shown_url(url));
                return self.report.tell(Severity::Warning, IssueType::NotSupported, at, told);
            }
        };
        let outer = self.report.profile.replace(url);
        let ceiling = std::mem::replace(&mut self.report.ceiling, self.profiling.severity);
        if !r4().is_a(node.of, of) {
            let told = format!("The profile is on {}, and this is not one.", r4().of(of).name);
            self.report.tell(Severity::Error, IssueType::Structure, at, told);
        } else if let Some(rules) = rules {
            self.rules(rules, node);
        }
        self.report.profile = outer;
        self.report.ceiling = ceiling;
    }

    /// Checks one value.
    pub(super) fn rules(&mut self, rules: &'a Rules, node: Node<'a>) {
        let Some(at) = place(&node) else { return };
        if self.report.is_full() || !self.spend() {
            return;
        }
        self.depth += 1;
        // What is said of values of the right type says nothing of others.
        if rules.types.is_empty() || self.types(&rules.types, node, at) {
            self.value(rules, &node, at);
            self.conditions.check(&rules.invariants, (node.of, at), None, self.report);
            for child in &rules.children {
                self.child(child, node, at);
            }
        }
        self.depth -= 1;
    }

    fn spend(&mut self) -> bool {
        self.left = if self.depth < DEEPEST { self.left.saturating_sub(1) } else { 0 };
        self.left > 0
    }

    /// Whether nothing more is checked: what a trial says then is worth nothing.
    pub(super) fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Tells if not everything was checked: it may have been in a trial that it came to an end.
    pub(in crate::validate) fn finish(self) {
        if self.is_spent() {
            let told = "The profiles ask for too much work on this resource; the rest was not checked.";
            self.report.tell(Severity::Warning, IssueType::TooCostly, self.report.root, told);
        }
    }

    fn child(&mut self, child: &'a Child, parent: Node<'a>, at: Value<'a>) {
        let mut values = child.values.of(&parent);
        if let Some(only) = child.only {
            values.retain(|it| it.of == only);
        }
        self.count(&child.name, (child.min, child.max), values.len(), at);
        for value in &values {
            self.rules(&child.rules, *value);
        }
        self.additional_of_any(child, &values);
        if let Some(slicing) = &child.slicing {
            self.slices(&child.name, slicing, &values, at);
        }
    }

    /// Whether there are as many as there must be; `name` is what the issue calls them.
    pub(super) fn count(&mut self, name: &str, (min, max): (u32, Max), count: usize, at: Value<'a>) {
        if count < min as usize {
            let name_only = name.split(':').next().unwrap_or(name);
            let told = || match count {
                0 => format!("{name} is required: it must be there at least {}.", times(min)),
                _ => format!("{name} must be there at least {}, but is there {}.", times(min), times(count as u32)),
            };
            self.report.tell_missing(at, name_only, told);
        }
        let Max::Times(max) = max else { return };
        if count > max as usize {
            let told = match max {
                0 => format!("{name} must not be there."),
                _ => format!("{name} may be there at most {}, but is there {}.", times(max), times(count as u32)),
            };
            self.report.tell(Severity::Error, IssueType::Structure, at, told);
        }
    }

    /// Whether a value has one of these types; checks what is asked of that.
    fn types(&mut self, types: &'a [TypeRule], node: Node<'a>, at: Value<'a>) -> bool {
        let mut fitting = types.iter().filter(|it| r4().is_a(node.of, it.of)).peekable();
        if fitting.peek().is_none() {
            let names: Vec<_> = types.iter().map(|it| &*r4().of(it.of).name).collect();
            let told = format!("The value must have the type {}.", names.join(" or "));
            self.report.tell(Severity::Error, IssueType::Structure, at, told);
            return false;
        }
        let fitting: Vec<_> = fitting.collect();
        let aggregation: Vec<_> = fitting.iter().map(|it| it.aggregation).collect();
        self.aggregation(&aggregation, node, at);
        let (profiles, targets): (Vec<_>, Vec<_>) = fitting.iter().map(|it| (&it.profiles, &it.targets)).unzip();
        if profiles.iter().all(|it| !it.is_empty()) {
            let all: Vec<&'a str> = profiles.into_iter().flatten().map(|it| &**it).collect();
            self.one_of(&all, node, at);
        }
        if targets.iter().all(|it| !it.is_empty()) {
            let all: Vec<&'a str> = targets.into_iter().flatten().map(|it| &**it).collect();
            self.target(&all, node, at);
        }
        true
    }

    /// Checks an element of which one profile of several has to be met.
    fn one_of(&mut self, urls: &[&'a str], node: Node<'a>, at: Value<'a>) {
        match urls {
            [] => {}
            [one] => self.conforms(one, node),
            all if all.iter().any(|it| self.would_conform(it, node)) => {}
            all => {
                let names: Vec<_> = all.iter().map(|it| shown_url(it)).collect();
                let told = format!("None of these profiles is met: {}.", names.join(", "));
                self.report.tell(Severity::Error, IssueType::Structure, at, told);
            }
        }
    }

    /// Whether an element meets a profile; one that is not known is not met.
    pub(super) fn would_conform(&mut self, url: &'a str, node: Node<'a>) -> bool {
        let is_usable =
            compile::core_type(r4(), url).is_some() || matches!(self.profiling.known.find(url), Some(Ok(_)));
        if !is_usable {
            return false;
        }
        if let Some(other) = node.value().filter(|it| !self.report.root.contains(*it)) {
            return self.would_conform_elsewhere(url, node, other);
        }
        let trial = Report::new(self.report.spec, self.report.root, false);
        let outer = std::mem::replace(self.report, trial);
        let severity = std::mem::replace(&mut self.profiling.severity, Severity::Error);
        self.conforms(url, node);
        self.profiling.severity = severity;
        !std::mem::replace(self.report, outer).has_errors()
    }

    /// The same for a resource in another document, of which nothing can be told in this one's places.
    fn would_conform_elsewhere(&mut self, url: &'a str, node: Node<'a>, other: Value<'a>) -> bool {
        let mut report = Report::new(self.report.spec, other, false);
        let mut conditions = self.conditions.elsewhere(other);
        let profiling = Profiling { severity: Severity::Error, ..self.profiling };
        let (depth, left) = (self.depth, self.left);
        let mut checker = Checker { profiling, report: &mut report, conditions: &mut conditions, depth, left };
        checker.conforms(url, node);
        self.left = checker.left;
        self.conditions.spent(&conditions);
        !report.has_errors()
    }

    /// Whether a Reference or canonical points to what one of these profiles allows, as far as that can be seen.
    fn target(&mut self, urls: &[&'a str], node: Node<'a>, at: Value<'a>) {
        let Some(target) = self.resolved(node) else { return };
        let known = self.profiling.known;
        let own = |url: &str| known.find(url)?.as_ref().ok().map(|it| it.of);
        let type_of = |url: &&'a str| compile::core_type(r4(), url).or_else(|| own(url));
        let types: Option<Vec<TypeId>> = urls.iter().map(type_of).collect();
        // What is not known may allow anything.
        let Some(types) = types else { return };
        let fitting: Vec<&'a str> =
            urls.iter().zip(&types).filter(|(_, of)| r4().is_a(target.of, **of)).map(|(url, _)| *url).collect();
        let is_there = target.value().is_some();
        if fitting.is_empty() {
            let names: Vec<_> = types.iter().map(|it| &*r4().of(*it).name).collect();
            let told = format!("The reference must point to {}.", names.join(" or "));
            self.report.tell(Severity::Error, IssueType::Value, at, told);
        } else if is_there && !fitting.iter().any(|it| self.would_conform(it, target)) {
            let names: Vec<_> = fitting.iter().map(|it| shown_url(it)).collect();
            let told = format!("What the reference points to must meet {}.", names.join(" or "));
            self.report.tell(Severity::Error, IssueType::Value, at, told);
        }
    }

    /// What a Reference points to: the resource if it is in the document, else no more than its type.
    pub(super) fn resolved(&mut self, node: Node<'a>) -> Option<Node<'a>> {
        static RESOLVE: LazyLock<Option<Expression>> = LazyLock::new(|| Expression::parse("resolve()").ok());
        let found = self.conditions.evaluate(RESOLVE.as_ref()?, node).ok()?;
        found.first().and_then(Item::node).copied()
    }
}

/// Where a value is told of.
pub(super) fn place<'a>(node: &Node<'a>) -> Option<Value<'a>> {
    node.value().or(node.companion())
}

fn times(count: u32) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}
