//! What rules say to a caller of the resources of a type: criteria, as far as it is not said by who asks.
//!
//! Of exceptions to one provision, those that deny go before those that permit; an exception goes before what it is an
//! exception to. What is not known counts against being seen.

use super::condition::{Of, Told};
use super::labels::Whose;
use super::provision::{Action, Effect, Provision};
use super::role::{Actor, Part};
use super::who::Who;
use fhir::search::{Clause, Filter, Test};
use store::Key;

/// Which way what is not known falls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Whether something is denied is asked: what is not known holds.
    Deny,
    /// Whether something is permitted is asked: what is not known does not hold.
    Permit,
}

/// Whoever asks to do something with resources.
pub(super) struct Asked<'a> {
    pub(super) who: &'a Who,
    pub(super) action: Action,
    /// Whose they are: the patient's id.
    pub(super) patient: &'a str,
    /// What resources.
    pub(super) of: Of<'a>,
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
        let named = self.named(it, side)?;
        let mut filter = Filter::new();
        for told in [
            self.from(&named),
            self.any(&it.classes, side, |code| self.class(code)),
            self.any(&it.codes, side, |code| Told::When(self.code(code, side))),
            self.any(&it.labels, side, |code| Told::When(self.label(code, side))),
            self.any(&it.data, side, |datum| Told::When(self.datum(datum))),
        ] {
            filter.extend(told?);
        }
        if let Some(care) = it.care {
            filter.push(self.care(care, side)?);
        }
        Some(filter)
    }

    /// For whom a provision holds, as far as who asks, when and what for tells; `None`: not for them.
    fn named<'p>(&self, it: &'p Provision, side: Side) -> Option<Named<'p>> {
        let by_caller = [
            (!it.is_modified).then_some(true),
            self.who.wants(&it.purposes, side == Side::Permit, self.patient),
            one(&it.actions, |action| Some(self.is_done(*action))),
            Some(self.who.is_within(it.period)),
        ];
        if by_caller.into_iter().any(|known| !known.unwrap_or(side == Side::Deny)) {
            return None;
        }
        match side {
            Side::Deny => self.denied_to(&it.actors),
            Side::Permit => self.permitted_to(&it.actors).then_some(Named::Whoever),
        }
    }

    /// A rule that names nobody who receives data or whom it is from is for everybody, and so is one of which that is not known.
    fn denied_to<'p>(&self, actors: &'p [Actor]) -> Option<Named<'p>> {
        let named = || actors.iter().filter(|it| it.part != Part::Gives);
        let mut sources = Vec::new();
        for actor in named() {
            match (&actor.key, actor.part) {
                (Some(key), Part::Receives) if self.who.is(key) == Some(false) => {}
                (Some(key), Part::Source) => sources.push(key),
                _ => return Some(Named::Whoever),
            }
        }
        match (named().next(), sources.is_empty()) {
            (None, _) => Some(Named::Whoever),
            (Some(_), true) => None,
            (Some(_), false) => Some(Named::From(sources)),
        }
    }

    /// Nothing is permitted by a rule that has other conditions on actors than who receives data.
    fn permitted_to(&self, actors: &[Actor]) -> bool {
        let is_plain = actors.iter().all(|it| matches!(it.part, Part::Receives | Part::Gives));
        let is_one =
            |it: &Actor| it.part == Part::Receives && it.key.as_ref().and_then(|it| self.who.is(it)) == Some(true);
        is_plain && (actors.is_empty() || actors.iter().any(is_one))
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
            (false, false) => Some(Some(self.one_of(tests))),
        }
    }

    fn from(&self, named: &Named<'_>) -> Option<Option<Clause>> {
        let Named::From(sources) = named else { return Some(None) };
        let tests: Vec<Test> = sources.iter().flat_map(|key| self.referring(key, |_| true)).collect();
        if tests.is_empty() { None } else { Some(Some(self.one_of(tests))) }
    }

    /// What tells a provision from others as far as it says something of resources to who asks: the same for all of which the
    /// same is denied and permitted.
    pub(super) fn shape(&self, it: &Provision) -> String {
        let named = [Side::Deny, Side::Permit].map(|side| self.named(it, side));
        if named.iter().all(Option::is_none) {
            return String::new();
        }
        let said = (it.effect, &it.classes, &it.codes, &it.labels, &it.data, it.care);
        let exceptions: Vec<String> = it.exceptions.iter().map(|it| self.shape(it)).collect();
        format!("{named:?} {said:?} {exceptions:?}")
    }
}

/// For whom a provision holds.
#[derive(Debug)]
enum Named<'a> {
    Whoever,
    /// For whoever asks, of what is from one of these.
    From(Vec<&'a Key>),
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
