//! What the audit log is told of requests that are refused for their rate: of whoever is refused, the first within a minute at once, and how
//! many came after it when the minute is over. So the log knows of a flood without being flooded.

use super::{Key, window};
use engine::SecurityEvent;
use rustc_hash::FxHashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Of so many users and apps of a tenant, and of so many addresses, each is told by itself within a minute; all others together.
const EACH: usize = 64;

/// What was refused on this node and is not told whole yet.
#[derive(Default)]
pub struct Refusals(Mutex<FxHashMap<Box<str>, Refused>>);

/// What was refused in a tenant.
#[derive(Default)]
struct Refused {
    /// Of whoever proved who they are.
    known: Callers,
    /// By address, which costs nothing to change: these keep nobody of the others from being told.
    unknown: Callers,
}

/// By whose limit it was; none for all who are told together.
type Callers = FxHashMap<Option<u64>, Caller>;

/// One who was refused.
struct Caller {
    window: i64,
    /// The first event: who, from where, and which limit.
    first: SecurityEvent,
    /// What came after it.
    more: Option<More>,
}

/// Requests that no event tells yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct More {
    /// How many.
    pub count: u64,
    /// When the first of them was refused, in milliseconds since the epoch.
    pub from: i64,
    /// When the last was.
    pub until: i64,
}

impl More {
    /// These and others.
    fn and(self, other: More) -> More {
        More { count: self.count + other.count, from: self.from.min(other.from), until: self.until.max(other.until) }
    }
}

/// Who was refused, and how many requests of theirs an event is to tell.
pub struct Untold {
    /// The tenant.
    pub tenant: Box<str>,
    /// Who, from where, and which limit.
    pub event: SecurityEvent,
    /// How many.
    pub more: More,
    key: Option<u64>,
    is_known: bool,
    window: i64,
}

impl Refusals {
    /// Notes a refusal; `is_known` of who proved who they are. The event that the log is to be told at once, if any: of one caller, or of
    /// all of whom there are too many (`true`) to be told one by one.
    pub fn note(
        &self,
        tenant: &str,
        key: Key,
        is_known: bool,
        now: i64,
        event: impl FnOnce(bool) -> SecurityEvent,
    ) -> Option<SecurityEvent> {
        let mut tenants = self.tenants();
        if !tenants.contains_key(tenant) {
            tenants.insert(tenant.into(), Refused::default());
        }
        let callers = tenants.get_mut(tenant)?.callers(is_known);
        let own = Some(key.0);
        let is_each = callers.contains_key(&own) || callers.len() < EACH;
        let (key, window) = (own.filter(|_| is_each), window(now));
        let one = More { count: 1, from: now, until: now };
        if let Some(caller) = callers.get_mut(&key) {
            // What is left of an earlier minute is told with what comes now.
            if caller.window == window || caller.more.is_some() {
                caller.more = Some(caller.more.map_or(one, |it| it.and(one)));
                return None;
            }
        }
        let first = event(!is_each);
        callers.insert(key, Caller { window, first: first.clone(), more: None });
        Some(first)
    }

    /// Takes what is to be told of minutes that are over; of this one too where it `is_end`.
    pub fn due(&self, now: i64, is_end: bool) -> Vec<Untold> {
        let now = window(now);
        let mut due = Vec::new();
        self.tenants().retain(|tenant, refused| {
            for is_known in [true, false] {
                let over = refused.callers(is_known).extract_if(|_, it| is_end || it.window < now);
                due.extend(over.filter_map(|(key, Caller { window, first: event, more })| {
                    Some(Untold { tenant: tenant.clone(), event, more: more?, key, is_known, window })
                }));
            }
            !refused.known.is_empty() || !refused.unknown.is_empty()
        });
        due
    }

    /// Takes back what could not be told, to be told the next time; `false` of what there is no room for.
    pub fn keep(&self, untold: Untold) -> bool {
        let Untold { tenant, event, more, key, is_known, window } = untold;
        let mut tenants = self.tenants();
        let callers = tenants.entry(tenant).or_default().callers(is_known);
        if let Some(caller) = callers.get_mut(&key) {
            caller.more = Some(caller.more.map_or(more, |it| it.and(more)));
            return true;
        }
        let has_room = callers.len() <= EACH;
        if has_room {
            callers.insert(key, Caller { window, first: event, more: Some(more) });
        }
        has_room
    }

    /// Has a first refusal that could not be told be told with those that come after it.
    pub fn keep_first(&self, tenant: &str, key: Key, is_known: bool, now: i64) {
        let mut tenants = self.tenants();
        let Some(callers) = tenants.get_mut(tenant).map(|it| it.callers(is_known)) else { return };
        let key = Some(key.0).filter(|it| callers.contains_key(&Some(*it)));
        if let Some(caller) = callers.get_mut(&key) {
            let one = More { count: 1, from: now, until: now };
            caller.more = Some(caller.more.map_or(one, |it| it.and(one)));
        }
    }

    fn tenants(&self) -> MutexGuard<'_, FxHashMap<Box<str>, Refused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refused {
    fn callers(&mut self, is_known: bool) -> &mut Callers {
        if is_known { &mut self.known } else { &mut self.unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::super::WINDOW;
    use super::*;
    use engine::{Origin, Security};

    fn event(name: u64) -> SecurityEvent {
        SecurityEvent {
            what: Security::Throttled,
            status: 429,
            subject: format!("n{name}"),
            origin: Origin::default(),
            about: None,
            asked: None,
            reason: None,
        }
    }

    /// Who is told at once.
    fn note(refusals: &Refusals, tenant: &str, name: u64, is_known: bool, now: i64) -> Option<String> {
        let told = refusals.note(tenant, Key(name), is_known, now, |is_others| event(if is_others { 0 } else { name }));
        told.map(|it| it.subject)
    }

    fn first(name: u64) -> Option<String> {
        Some(event(name).subject)
    }

    /// What is due: of whom, and how many.
    fn due(refusals: &Refusals, now: i64, is_end: bool) -> Vec<(String, String, u64)> {
        let untold = refusals.due(now, is_end).into_iter();
        let mut all: Vec<_> = untold.map(|it| (it.tenant.to_string(), it.event.subject, it.more.count)).collect();
        all.sort();
        all
    }

    #[test]
    fn the_first_is_told_and_the_others_are_counted() {
        let refusals = Refusals::default();
        assert_eq!(note(&refusals, "north", 1, true, 0), first(1));
        for now in [1, 2, WINDOW - 1] {
            assert_eq!(note(&refusals, "north", 1, true, now), None);
        }
        assert_eq!(note(&refusals, "north", 2, true, 3), first(2));
        assert_eq!(note(&refusals, "south", 1, true, 3), first(1));
        assert!(due(&refusals, WINDOW - 1, false).is_empty(), "the minute is not over");
        let untold = refusals.due(WINDOW, false);
        let [one] = untold.as_slice() else { panic!("{} are due", untold.len()) };
        assert_eq!((&*one.tenant, one.more), ("north", More { count: 3, from: 1, until: WINDOW - 1 }));
        assert!(refusals.tenants().is_empty(), "nothing is remembered");
        assert_eq!(note(&refusals, "north", 1, true, WINDOW), first(1));
    }

    #[test]
    fn what_is_left_at_the_end_is_told() {
        let refusals = Refusals::default();
        (0..3).for_each(|now| drop(note(&refusals, "north", 1, true, now)));
        assert_eq!(due(&refusals, 5, true), [("north".to_owned(), "n1".to_owned(), 2)]);
        assert!(due(&refusals, 5, true).is_empty());
    }

    #[test]
    fn what_could_not_be_told_is_told_later() {
        let refusals = Refusals::default();
        (0..3).for_each(|now| drop(note(&refusals, "north", 1, true, now)));
        refusals.keep_first("north", Key(1), true, 0);
        let untold = refusals.due(WINDOW, false).pop().unwrap();
        assert_eq!(note(&refusals, "north", 1, true, WINDOW), first(1));
        assert!(refusals.keep(untold));
        assert_eq!(due(&refusals, 2 * WINDOW, false), [("north".to_owned(), "n1".to_owned(), 3)]);
    }

    /// However many addresses ask, those that proved who they are are told, and memory is bounded.
    #[test]
    fn who_is_one_of_too_many_is_told_with_the_others() {
        let refusals = Refusals::default();
        for name in 0..EACH as u64 {
            assert_eq!(note(&refusals, "north", name, false, 0), first(name));
        }
        assert_eq!(note(&refusals, "north", 1000, false, 0), first(0));
        for name in 1001..2000 {
            assert_eq!(note(&refusals, "north", name, false, 0), None);
        }
        assert_eq!(note(&refusals, "north", 3000, true, 0), first(3000));
        assert_eq!(refusals.tenants()["north"].unknown.len(), EACH + 1);
        assert_eq!(due(&refusals, WINDOW, false), [("north".to_owned(), "n0".to_owned(), 999)]);
    }
}
