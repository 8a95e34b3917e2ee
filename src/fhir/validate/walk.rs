//! The walk: every value once, with the element it stands for.

use super::bundle::Entries;
use super::invariant::{Conditions, Invariant};
use super::profile::{Checker, Profiling};
use super::report::Report;
use super::resource::Container;
use super::rules::{Elements, Place, Shape, TypeRules};
use super::{Demands, References, Validator, hint};
use crate::json::Value;
use crate::outcome::{Issue, IssueType, Severity};
use crate::spec::{Binding, Spec, Type, TypeId};

/// Objects in objects; no resource of R4 comes near, and a hostile one must not exhaust the stack.
const DEEPEST: usize = 100;

pub(super) struct Walk<'a, 's> {
    pub(super) validator: &'a Validator<'s>,
    pub(super) references: References,
    /// The resource around the current place.
    pub(super) container: Container<'a>,
    pub(super) conditions: Conditions<'a>,
    report: Report<'a, 's>,
    /// The resources of the Bundle that the root is; listed at the first look-up.
    pub(super) entries: Option<Entries<'a>>,
    depth: usize,
    profiling: Option<Profiling<'a>>,
    /// What profiles apply to, as the walk comes by.
    claims: Vec<Claim<'a>>,
}

/// What a profile applies to.
pub(super) enum Claim<'a> {
    /// A resource that names some in `meta.profile`.
    Resource(Value<'a>),
    /// One in a resource.
    Extension { resource: Value<'a>, value: Value<'a>, is_modifier: bool },
    /// A code that should be in a value set.
    Code { value: Value<'a>, of: TypeId, binding: &'a Binding },
}

impl<'a, 's> Walk<'a, 's> {
    pub(super) fn new(validator: &'a Validator<'s>, root: Value<'a>, demands: &Demands<'a>) -> Walk<'a, 's> {
        Walk {
            validator,
            references: demands.references,
            container: Container::new(root),
            conditions: Conditions::new(root, demands.now, demands.services),
            report: Report::new(validator.spec, root, demands.warnings),
            entries: None,
            depth: 0,
            profiling: demands.profiling,
            claims: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> Vec<Issue> {
        let root = self.report.root;
        self.resource(root, None);
        if let Some(profiling) = self.profiling {
            let mut checker = Checker::new(profiling, &mut self.report, &mut self.conditions);
            checker.resource(root, profiling.asked);
            for claim in self.claims {
                match claim {
                    Claim::Resource(it) => checker.resource(it, &[]),
                    Claim::Extension { resource, value, is_modifier } => {
                        checker.extension(resource, value, is_modifier)
                    }
                    Claim::Code { value, of, binding } => checker.advise(binding, of, value),
                }
            }
            checker.finish();
        }
        self.report.into_issues()
    }

    /// Notes what profiles apply to.
    pub(super) fn claim(&mut self, claim: Claim<'a>) {
        if self.profiling.is_some() {
            self.claims.push(claim);
        }
    }

    pub(super) fn root(&self) -> Value<'a> {
        self.report.root
    }

    pub(super) fn is_full(&self) -> bool {
        self.report.is_full()
    }

    /// Reports a problem of a value.
    pub(super) fn report(&mut self, code: IssueType, at: Value<'a>, diagnostics: impl Into<String>) {
        self.report.tell(Severity::Error, code, at, diagnostics);
    }

    /// Tells what is no error, if such is wanted.
    pub(super) fn warn(&mut self, severity: Severity, code: IssueType, at: Value<'a>, told: &str) {
        self.report.tell(severity, code, at, told);
    }

    pub(super) fn wants_warnings(&self) -> bool {
        self.report.warnings
    }

    pub(super) fn spec(&self) -> &'s Spec {
        self.validator.spec
    }

    /// Reports that a value lacks an element.
    fn report_missing(&mut self, ty: &Type, position: usize, at: Value<'a>) {
        if let Some(element) = ty.elements.get(position) {
            let choice = if element.is_choice { "[x]" } else { "" };
            let told = || format!("{}{choice} is required in {}.", element.name, ty.name);
            self.report.tell_missing(at, &element.name, told);
        }
    }

    /// Checks an element against invariants.
    fn invariants(&mut self, all: &'a [Invariant<'s>], of: TypeId, value: Value<'a>, seen: Option<Elements>) {
        if !all.is_empty() {
            self.conditions.check(all, (of, value), seen, &mut self.report);
        }
    }

    /// An object of a type: its members, and what is missing.
    /// Gives the elements that are there.
    pub(super) fn object(&mut self, of: TypeId, value: Value<'a>) -> Option<Elements> {
        if self.depth == DEEPEST {
            self.report(IssueType::Structure, value, format!("The resource nests deeper than {DEEPEST} levels."));
            return None;
        }
        if value.is_empty() {
            self.report(IssueType::Structure, value, "An object must not be empty; leave the element out.");
            return None;
        }
        self.depth += 1;
        let ty = self.validator.spec.of(of);
        let rules = self.validator.rules(of);
        let mut seen = Elements::default();
        for child in value.children() {
            if self.is_full() {
                break;
            }
            self.member(ty, rules, value, child, &mut seen);
        }
        for position in rules.required.without(seen).positions() {
            self.report_missing(ty, position, value);
        }
        self.whole(of, rules, value, seen);
        self.invariants(&rules.invariants, of, value, Some(seen));
        self.depth -= 1;
        Some(seen)
    }

    /// What is asked of an object as a whole, by the elements it has.
    fn whole(&mut self, of: TypeId, rules: &TypeRules<'s>, value: Value<'a>, seen: Elements) {
        if rules.shape == Shape::Resource || seen.is_empty() {
            return;
        }
        let is_companion = self.validator.companion == Some(of);
        if seen.without(rules.id).is_empty() && !is_companion {
            self.report(IssueType::Invariant, value, "An object must have more than an id (ele-1).");
        }
        if rules.shape == Shape::Extension && seen.has_any(rules.value) == seen.has_any(rules.extension) {
            let text = "An extension must have either a value[x] or extensions in it, and not both (ext-1).";
            self.report(IssueType::Invariant, value, text);
        }
    }

    fn member(
        &mut self,
        ty: &'s Type,
        rules: &'a TypeRules<'s>,
        parent: Value<'a>,
        child: Value<'a>,
        seen: &mut Elements,
    ) {
        let key = child.key();
        if key == "resourceType" && rules.shape == Shape::Resource {
            return;
        }
        let name = key.strip_prefix('_').unwrap_or(key);
        let Some(property) = ty.property(name) else {
            self.unknown(ty, parent, key);
            return;
        };
        let position = property.element as usize;
        let (Some(element), Some(element_rules)) = (ty.elements.get(position), rules.elements.get(position)) else {
            return;
        };
        let place = Place { name, element, rules: element_rules, of: property.of };
        if seen.has(position) && element.is_choice {
            self.second_choice(ty, place, parent, child);
        }
        seen.add(position);
        if element.max == Some(0) {
            self.report(IssueType::Structure, child, format!("{name} is not allowed here."));
        }
        if key.len() == name.len() { self.values(place, parent, child) } else { self.companions(place, parent, child) }
    }

    fn unknown(&mut self, ty: &Type, parent: Value<'a>, key: &str) {
        let name = key.strip_prefix('_').unwrap_or(key);
        let why = if name == "resourceType" {
            " Only a resource has one.".to_string()
        } else {
            hint::for_property(self.validator.spec, ty, name)
        };
        let text = format!("{} is not an element of {}.{why}", hint::shown(key), ty.name);
        self.report(IssueType::Structure, parent, text);
    }

    /// Reports a choice that another member has made already (formats.html#choice).
    fn second_choice(&mut self, ty: &Type, place: Place<'a, 's>, parent: Value<'a>, child: Value<'a>) {
        let is_other = |key: &str| {
            let name = key.strip_prefix('_').unwrap_or(key);
            name != place.name
                && ty.property(name).is_some_and(|it| *ty.elements[it.element as usize].name == *place.element.name)
        };
        let other = parent.children().take_while(|it| it.index() < child.index()).find(|it| is_other(it.key()));
        if let Some(other) = other {
            let text = format!(
                "{0}[x] may be given once, but {1} and {2} are there.",
                place.element.name,
                other.key(),
                child.key()
            );
            self.report(IssueType::Structure, child, text);
        }
    }

    /// One value of an element.
    pub(super) fn value(&mut self, place: Place<'a, 's>, value: Value<'a>) {
        let shape = self.validator.rules(place.of).shape;
        if let Some(binding) = place.rules.advice.filter(|_| self.report.warnings) {
            self.claim(Claim::Code { value, of: place.of, binding });
        }
        match shape {
            Shape::Primitive(primitive) => {
                self.primitive(place, place.rules.narrowed.unwrap_or(primitive), value);
                self.invariants(&place.rules.invariants, place.of, value, None);
            }
            Shape::Resource if place.rules.holds_contained => self.contained_resource(value, place.of),
            Shape::Resource => self.resource(value, Some(place.of)),
            _ if !value.is_object() => {
                let ty = &self.validator.spec.of(place.of).name;
                let text = format!("{} must be an object ({ty}), but is {}.", place.name, value.kind());
                self.report(IssueType::Structure, value, text);
            }
            _ => {
                let seen = self.object(place.of, value);
                self.invariants(&place.rules.invariants, place.of, value, seen);
                match shape {
                    Shape::Extension => {
                        let resource = self.conditions.resource;
                        self.claim(Claim::Extension { resource, value, is_modifier: place.element.is_modifier });
                    }
                    Shape::Reference => self.reference(place, value),
                    _ => self.concept(place, shape, value),
                }
            }
        }
    }
}
