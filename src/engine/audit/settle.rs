//! An event tells whose the resources are that point at records, once it is known whose these are.

use super::event::Event;
use super::known::Known;
use super::pointed::Record;
use super::whose::Touched;
use rustc_hash::{FxHashMap, FxHashSet};

/// So many times an event tells at the most that something which points at records is a patient's: what a page of such resources
/// tells of is the number of them times that of the patients.
const MOST_TOLD: usize = 50_000;

impl Event {
    /// Adds what points at records, with the patients whose these are.
    pub(super) fn settle(&mut self, known: &Known) {
        let mut pointing = std::mem::take(&mut self.pointing);
        let mut numbers = Numbers::of(self);
        for Touched { key, version, owners, records } in &mut pointing {
            let untold = numbers.tell(self, known, owners, &std::mem::take(records));
            self.add_untold(untold);
            self.entities.add(&key.of, &key.id, *version, owners);
        }
        self.pointing = pointing;
    }

    /// So many more references of which it is not told whose the records are.
    pub(super) fn add_untold(&mut self, more: usize) {
        if more > 0 {
            self.untold = Some(self.untold.unwrap_or_default() + more as u64);
        }
    }
}

/// The numbers of an event's patients by their ids: there may be thousands.
struct Numbers {
    of: FxHashMap<String, u32>,
    /// How much more may be told.
    left: usize,
}

impl Numbers {
    fn of(event: &Event) -> Numbers {
        Numbers { of: event.patients.iter().cloned().zip(0..).collect(), left: MOST_TOLD }
    }

    /// Adds to a resource's owners those whose records it points at; of how many references that is not told.
    fn tell(&mut self, event: &mut Event, known: &Known, owners: &mut Vec<u32>, records: &[Record]) -> usize {
        let mut is_owner: FxHashSet<u32> = owners.iter().copied().collect();
        // What tells of this resource's records, and whether it was told.
        let mut met: FxHashMap<usize, bool> = FxHashMap::default();
        let mut untold = 0;
        for record in records {
            let mut is_told = false;
            if let Some(tellers) = known.tellers(record) {
                is_told = tellers.fold(true, |is_told, it| {
                    let is_this = *met.entry(it).or_insert_with(|| {
                        self.tell_one(event, known, it, &mut |number| {
                            if is_owner.insert(number) {
                                owners.push(number);
                            }
                        })
                    });
                    is_told && is_this
                });
            }
            untold += usize::from(!is_told);
        }
        untold
    }

    fn tell_one(&mut self, event: &mut Event, known: &Known, teller: usize, tell: &mut dyn FnMut(u32)) -> bool {
        let Some(patients) = known.patients(teller) else { return false };
        let Some(left) = self.left.checked_sub(patients.len()) else { return false };
        self.left = left;
        for id in patients {
            let number = match self.of.get(id) {
                Some(number) => *number,
                None => {
                    let number = u32::try_from(event.patients.len()).unwrap_or(u32::MAX);
                    event.patients.push(id.clone());
                    self.of.insert(id.clone(), number);
                    number
                }
            };
            tell(number);
        }
        true
    }
}
