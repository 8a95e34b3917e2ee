//! What rules say to a caller of the resources of a type: criteria, as far as it is not said by who asks.
//!
//! Of exceptions to one provision, those that deny go before those that permit; an exception goes before what it is an
//! exception to. What is not known counts against being seen.

use super::consent::{Action, Code, Datum, Effect, Provision};
use super::labels::{self, Whose};
use super::who::Who;
use fhir::search::{Clause, Filter, ParamId, Query, Test, TokenTest};
use fhir::spec::{ParamType, TypeId, r4};
use store::Key;

/// The system of resource types, as classes of data.
const RESOURCE_TYPES: &str = "http://hl7.org/fhir/resource-types";
/// The system of media types, as classes of data.
const MEDIA_TYPES: &str = "urn:ietf:bcp:13";
/// By these parameters resources refer to who made them.
const AUTHORS: [&str; 8] =
    ["author", "performer", "recorder", "asserter", "requester", "source", "informant", "prescriber"];

/// Which way what is not known falls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Whether something is denied is asked: what is not known holds.
    Deny,
    /// Whether something is permitted is asked: what is not known does not hold.
    Permit,
}

/// Whoever asks to do something with the resources of a type.
pub(super) struct Asked<'a> {
    pub(super) who: &'a Who,
    pub(super) action: Action,
    /// Whose they are: the patient's id.
    pub(super) patient: &'a str,
    /// Reads parameters of the type.
    pub(super) query: Query<'a>,
    /// What labels are asked for of.
    pub(super) whose: Whose,
}

impl Asked<'_> {
    /// What is denied of the patient's resources: all that passes; `None`: nothing.
    pub(super) fn denied(&self, it: &Provision) -> Option<Filter> {
        let mut filter = self.holds(it, Side::Deny)?;
        let mut ways = Vec::new();
        for exception in &it.exceptions {
            match self.denied(exception) {
                Some(all) if all.is_empty() => return Some(filter),
                Some(some) => ways.push(Test::All(some)),
                None => {}
            }
        }
        if it.effect == Effect::Deny {
            match self.none_of(it, Asked::permitted) {
                Some(all) if all.is_empty() => return Some(filter),
                Some(some) => ways.push(Test::All(some)),
                None => {}
            }
        }
        if ways.is_empty() {
            return None;
        }
        filter.push(Clause::Any(ways));
        Some(filter)
    }

    /// What is permitted of the patient's resources.
    pub(super) fn permitted(&self, it: &Provision) -> Option<Filter> {
        let mut filter = self.holds(it, Side::Permit)?;
        filter.extend(self.none_of(it, Asked::denied)?);
        if it.effect == Effect::Permit {
            return Some(filter);
        }
        let mut ways = Vec::new();
        for exception in &it.exceptions {
            match self.permitted(exception) {
                Some(all) if all.is_empty() => return Some(filter),
                Some(some) => ways.push(Test::All(some)),
                None => {}
            }
        }
        if ways.is_empty() {
            return None;
        }
        filter.push(Clause::Any(ways));
        Some(filter)
    }

    /// What none of a provision's exceptions says; `None`: nothing is left.
    fn none_of(&self, it: &Provision, said: fn(&Self, &Provision) -> Option<Filter>) -> Option<Filter> {
        let mut exceptions = Vec::new();
        for exception in &it.exceptions {
            match said(self, exception) {
                Some(all) if all.is_empty() => return None,
                Some(some) => exceptions.push(Test::All(some)),
                None => {}
            }
        }
        Some(if exceptions.is_empty() { Vec::new() } else { vec![Clause::None(exceptions)] })
    }

    /// What a provision's own conditions leave of the resources; `None`: nothing.
    fn holds(&self, it: &Provision, side: Side) -> Option<Filter> {
        let by_caller = [
            one(&it.actors, |key| self.who.is(key)),
            self.who.wants(&it.purposes, side == Side::Permit, self.patient),
            one(&it.actions, |action| Some(self.is_done(*action))),
            Some(self.who.is_within(it.period)),
        ];
        if by_caller.into_iter().any(|known| !known.unwrap_or(side == Side::Deny)) {
            return None;
        }
        let mut filter = Filter::new();
        for told in [
            self.any(&it.classes, side, |code| self.class(code)),
            self.any(&it.codes, side, |code| Told::When(self.code(code, side))),
            self.any(&it.labels, side, |code| Told::When(self.label(code, side))),
            self.any(&it.data, side, |datum| Told::When(self.datum(datum))),
        ] {
            filter.extend(told?);
        }
        match (it.care, side) {
            (None, _) => {}
            // What has no date at all, such as a patient, is of no period.
            (Some(care), Side::Deny) => filter.push(self.query.care_overlaps(care)?),
            (Some(care), Side::Permit) => filter.push(self.query.care_within(care)),
        }
        Some(filter)
    }

    /// Whoever may not see something may not correct it.
    fn is_done(&self, action: Action) -> bool {
        self.action == action || self.action == Action::Correct && action == Action::See
    }

    /// The clause that one of several conditions holds on a resource; `None` if none can, no clause if one does anyway.
    fn any<T>(&self, all: &[Option<T>], side: Side, told: impl Fn(&T) -> Told) -> Option<Option<Clause>> {
        let mut tests = Vec::new();
        for it in all {
            match it.as_ref().map(&told) {
                Some(Told::Always) => return Some(None),
                Some(Told::When(more)) => tests.extend(more),
                Some(Told::Unknown) | None if side == Side::Deny => return Some(None),
                Some(Told::Unknown) | None => {}
            }
        }
        match (all.is_empty(), tests.is_empty()) {
            (true, _) => Some(None),
            (false, true) => None,
            (false, false) => Some(Some(Clause::Any(tests))),
        }
    }

    fn name(&self) -> &'static str {
        &r4().of(self.query.of).name
    }

    /// A resource type, a profile, a media type of documents; others are not known.
    fn class(&self, class: &Code) -> Told {
        match class.system.as_deref() {
            Some(RESOURCE_TYPES) | None if class.code == self.name() => Told::Always,
            Some(RESOURCE_TYPES) => Told::When(Vec::new()),
            None if r4().resource(&class.code).is_some() => Told::When(Vec::new()),
            Some(MEDIA_TYPES) if self.name() != "DocumentReference" => Told::When(Vec::new()),
            Some(MEDIA_TYPES) => {
                Told::When(vec![Test::Token(self.param("contenttype"), TokenTest::Code(class.code.clone()))])
            }
            _ if class.code.starts_with("http") => {
                Told::When(vec![Test::Uri(self.param("_profile"), class.code.clone())])
            }
            _ => Told::Unknown,
        }
    }

    /// Anywhere among the codes that a resource is found by. What is denied is also what contains the code, and what refers to
    /// a resource of the code in place of one, or to one of which that cannot be told.
    fn code(&self, code: &Code, side: Side) -> Vec<Test> {
        let mut tests = coded(self.query.of, code);
        if side == Side::Permit {
            return tests;
        }
        tests.push(Test::Token(ParamId::CODES, labels::token((code.system.as_deref(), &code.code))));
        let standing = self.query.standing_for_codes();
        if standing.is_empty() {
            return tests;
        }
        let by = vec![ParamId::CODED_BY, self.param("medication")];
        let codes = standing.iter().flat_map(|it| coded_itself(*it, code)).collect();
        tests.push(Test::Leads { params: by, filter: vec![Clause::Any(codes)] });
        // What comes with what it refers to is not here yet.
        if self.action != Action::Collect {
            let told = Test::Unowned { params: vec![ParamId::CODED_BY], of: String::new() };
            tests.push(Test::All(vec![Clause::None(vec![told])]));
        }
        tests
    }

    fn label(&self, label: &Code, side: Side) -> Vec<Test> {
        let coding = (label.system.as_deref(), label.code.as_str());
        let param = match self.whose {
            Whose::Resource => self.param("_security"),
            Whose::Element => labels::element_labels(self.name()),
            Whose::Elements => ParamId::inline_labels(self.name()),
        };
        match (self.whose, side) {
            (Whose::Elements, Side::Permit) => Vec::new(),
            (Whose::Elements, Side::Deny) => {
                labels::from_inline(param, coding).into_iter().chain([labels::unread(self.name())]).collect()
            }
            (_, Side::Deny) => labels::from(param, coding),
            (_, Side::Permit) => labels::up_to(param, coding),
        }
    }

    fn datum(&self, datum: &Datum) -> Vec<Test> {
        let itself = |key: &Key| (key.of == self.name()).then(|| Test::Id(key.id.clone()));
        match datum {
            Datum::Instance(key) => itself(key).into_iter().collect(),
            Datum::Dependents(key) => itself(key).into_iter().chain(self.referring(key, |_| true)).collect(),
            Datum::AuthoredBy(key) => self.referring(key, |code| AUTHORS.contains(&code)),
        }
    }

    fn referring(&self, key: &Key, is_asked: impl Fn(&str) -> bool) -> Vec<Test> {
        let params = r4().params_of(self.query.of).into_iter();
        let references = params.filter(|it| it.kind == ParamType::Reference && is_asked(&it.code));
        let local = |code: &str| Test::Local { param: self.param(code), of: key.of.clone(), id: key.id.clone() };
        references.map(|it| local(&it.code)).collect()
    }

    fn param(&self, code: &str) -> ParamId {
        ParamId::of(self.name(), code)
    }
}

/// That a resource of a type has a code where its parameters look for codes.
fn coded(of: TypeId, code: &Code) -> Vec<Test> {
    let tokens = r4().params_of(of).into_iter().filter(|it| it.kind == ParamType::Token && !it.expression.is_empty());
    let params = tokens.filter(|it| !matches!(&*it.code, "_id" | "_security" | "_tag" | "identifier"));
    params.map(|it| has(of, &it.code, code)).collect()
}

/// That one that stands for a code has it as its own.
fn coded_itself(of: TypeId, code: &Code) -> Vec<Test> {
    let own =
        ["code", "type"].into_iter().filter(|it| r4().param(of, it).is_some_and(|it| it.kind == ParamType::Token));
    own.map(|it| has(of, it, code)).collect()
}

fn has(of: TypeId, param: &str, code: &Code) -> Test {
    Test::Token(ParamId::of(&r4().of(of).name, param), labels::token((code.system.as_deref(), &code.code)))
}

/// What a condition says of resources.
enum Told {
    Always,
    /// Of those that pass one of these.
    When(Vec<Test>),
    Unknown,
}

/// Whether one of these is so; an empty list says nothing.
fn one<T>(all: &[Option<T>], is_so: impl Fn(&T) -> Option<bool>) -> Option<bool> {
    let mut known = Some(all.is_empty());
    for it in all {
        match it.as_ref().and_then(&is_so) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => known = None,
        }
    }
    known
}
