//! When care was given that a resource tells of.

use super::{Clause, ParamId, Query, RangeTest, Shelf, Test};
use crate::spec::{ParamType, r4};

/// Parameters of type date that do not tell when care was given. What a tenant's own ones tell is not known.
const NOT_CARE: [&str; 4] = ["_lastUpdated", "birthdate", "death-date", "value-date"];

impl Query<'_> {
    /// The parameters of type date that tell when care was given.
    fn care_dates(&self) -> impl Iterator<Item = ParamId> {
        let name = &r4().of(self.of).name;
        let dates = r4().params_of(self.of).into_iter().filter(|it| it.kind == ParamType::Date);
        dates.filter(|it| !NOT_CARE.contains(&&*it.code)).map(|it| ParamId::of(name, &it.code))
    }

    /// That one of a resource's care dates, in microseconds, lies within the period at least in part, or that it has none.
    /// `None` where the type has none, such as a patient: that is of all times.
    pub fn care_overlaps(&self, (low, high): (i64, i64)) -> Option<Clause> {
        let mut tests: Vec<Test> =
            self.care_dates().map(|it| Test::Date(it, vec![RangeTest::Overlaps(low, high)])).collect();
        if tests.is_empty() {
            return None;
        }
        let present = self.care_dates().map(|it| Test::Present(it, Shelf::Date)).collect();
        tests.push(Test::All(vec![Clause::None(present)]));
        Some(Clause::Any(tests))
    }

    /// That one of a resource's care dates lies within the period as a whole; nothing passes where the type has none.
    pub fn care_within(&self, (low, high): (i64, i64)) -> Clause {
        Clause::Any(self.care_dates().map(|it| Test::Date(it, vec![RangeTest::Within(low, high)])).collect())
    }
}
