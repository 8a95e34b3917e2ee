//! Pairs: the date of a resource once more, under a parameter made of its code, and under one made of its code and its
//! patient ([`Pairing`]). So "this patient's results of this kind, newest first" is one range of one index.
//!
//! Where rows were written before there were pairs, they are made anew first ([`PAIRS`]); until all are, no search goes by
//! them.

use crate::rows::{IndexHash, date_slot};
use fhir::search::{Pairing, ParamId};

/// The build that makes the pairs of what was written before there were any. Pairs of another shape have another number.
pub const PAIRS: &str = "pairs/1";

/// The class of rows that stand for a resource without a date, behind the classes of widths. No test on a date finds it.
pub(crate) const UNDATED: i64 = 3;

/// The resource types that have pairs.
pub fn paired_types() -> Vec<String> {
    Pairing::types().map(str::to_owned).collect()
}

/// The bits of what stands for a patient that count: not the class of a slot, nor the sign, which marks made parameters.
pub(crate) const PATIENT: i64 = i64::MAX - 3;

/// The parameter of a code and a patient, of the one that the code alone has ([`IndexHash::dated`]): the engines' SQL can
/// make it, too, from [`PATIENT`] of a resource's key.
pub(crate) fn of_patient(dated: ParamId, patient: i64) -> ParamId {
    ParamId((date_slot(dated, 0) ^ patient & PATIENT) as u64 >> 2)
}

/// What is to be paired of a resource.
pub(crate) struct Pairs {
    pairing: Pairing,
    /// Hashes of the codes.
    codes: Vec<i64>,
    patients: Vec<i64>,
    dates: Vec<(i64, i64)>,
}

impl Pairs {
    /// Of a resource of this type; `None` if it has none.
    pub(crate) fn of(of: &str) -> Option<Pairs> {
        let pairing = Pairing::of(of)?;
        Some(Pairs { pairing, codes: Vec::new(), patients: Vec::new(), dates: Vec::new() })
    }

    pub(crate) fn code(&mut self, param: ParamId, code: i64) {
        if param == self.pairing.code {
            self.codes.push(code);
        }
    }

    pub(crate) fn patient(&mut self, param: ParamId, patient: i64) {
        if param == self.pairing.patient {
            self.patients.push(patient);
        }
    }

    pub(crate) fn date(&mut self, param: ParamId, low: i64, high: i64) {
        if param == self.pairing.date {
            self.dates.push((low, high));
        }
    }

    /// The parameters under which the resource's dates stand.
    pub(crate) fn params<'a>(&'a self, hash: &'a IndexHash) -> impl Iterator<Item = ParamId> + 'a {
        self.codes.iter().flat_map(|code| {
            let dated = hash.dated(*code);
            std::iter::once(dated).chain(self.patients.iter().map(move |patient| of_patient(dated, *patient)))
        })
    }

    /// The dates; none of a resource that has none.
    pub(crate) fn dates(&self) -> &[(i64, i64)] {
        &self.dates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_parameters_are_none_of_the_standards() {
        let hash = IndexHash::new(&[3; 16]);
        for patient in [0, 1, -1, i64::MIN, i64::MAX, 0x1234_5678_9abc_def0] {
            let param = of_patient(hash.dated(7), patient);
            assert!(date_slot(param, 0) < 0 && date_slot(param, UNDATED) < 0);
            assert_eq!(date_slot(param, 0) & 3, 0);
            assert_eq!(date_slot(param, 0) ^ date_slot(hash.dated(7), 0), patient & PATIENT);
        }
    }
}
