//! A filter as SQL. Each test has two forms: a *driver*, which lists row ids from one range of an index, and a
//! *probe* ([`super::probe`]), which looks one row id up.

use super::Dialect;
use super::logical::Logical;
use super::range::{date_conditions, number_conditions, pair_condition, place_conditions};
use super::sql::Sql;
use crate::rows::IndexHash;
use fhir::search::{Clause, ParamId, RangeTest, Test, TextTest};
use rustc_hash::FxHashMap;

/// So many values are looked up one by one where all of them are wanted; more are looked up as a list.
const FEW: usize = 8;
/// So many values are walked side by side, or probed one by one.
pub(crate) const ARMS: usize = 64;

/// Turns filters into SQL for one tenant.
pub(crate) struct Filters<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) hash: &'a IndexHash,
    /// What the full-text view found.
    pub(crate) texts: &'a Answers,
    /// Which links are taken by identifiers too.
    pub(crate) logical: &'a Logical,
    /// Whether there are pairs of all resources.
    pub(crate) has_pairs: bool,
}

/// What full-text tests found: the rows of each, rising.
#[derive(Default)]
pub(crate) struct Answers(FxHashMap<(ParamId, TextTest), Vec<i64>>);

impl Answers {
    pub(crate) fn insert(&mut self, param: ParamId, test: TextTest, rids: Vec<i64>) {
        self.0.insert((param, test), rids);
    }

    /// The rows that pass a test; none for a test that was not asked beforehand.
    pub(crate) fn rids(&self, param: ParamId, test: &TextTest) -> Vec<i64> {
        self.0.get(&(param, test.clone())).cloned().unwrap_or_default()
    }
}

/// Rows as selects with a column `rid`: together they list all that pass.
#[derive(Clone)]
pub(crate) struct Driver {
    pub(crate) arms: Vec<Sql>,
    /// Whether the rows of each arm come by rising `rid`, each once, so that a page can stop early.
    pub(crate) ordered: bool,
    /// The same rows in one select, where that is the better way to all of them.
    list: Option<Sql>,
}

impl Driver {
    fn ordered(sql: Sql) -> Driver {
        Driver { arms: vec![sql], ordered: true, list: None }
    }

    pub(crate) fn unordered(arms: Vec<Sql>) -> Driver {
        Driver { arms, ordered: false, list: None }
    }

    /// One select of all arms; a row may come more than once.
    pub(crate) fn all(self) -> Sql {
        self.list.unwrap_or_else(|| Sql::union_all(self.arms, "SELECT rid FROM key WHERE false"))
    }
}

impl Filters<'_> {
    /// The resources of a type.
    pub(crate) fn type_driver(&self, of: &str) -> Driver {
        self.key_driver(self.hash.type_key(of))
    }

    fn key_driver(&self, key: i64) -> Driver {
        let mut sql = Sql::new("SELECT rid FROM key WHERE key = ?");
        sql.bind(key);
        Driver::ordered(sql)
    }

    /// A clause as a driver; `None` where only probing makes sense (`:not`, `:missing=true`).
    pub(crate) fn clause_driver(&self, of: &str, clause: &Clause) -> Option<Driver> {
        match clause {
            Clause::Any(tests) => self.tests_driver(of, tests),
            Clause::None(_) => None,
        }
    }

    pub(crate) fn tests_driver(&self, of: &str, tests: &[Test]) -> Option<Driver> {
        let list = if tests.len() > FEW { self.list(of, tests) } else { None };
        if let (true, Some(list)) = (tests.len() > ARMS, &list) {
            return Some(Driver::unordered(vec![list.clone()]));
        }
        let mut whole = Driver { arms: Vec::with_capacity(tests.len()), ordered: true, list };
        for test in tests {
            let driver = self.driver(of, test)?;
            whole.arms.extend(driver.arms);
            whole.ordered &= driver.ordered;
        }
        Some(whole)
    }

    /// Many values of one kind as one list; `None` if they are of several kinds.
    fn list(&self, of: &str, tests: &[Test]) -> Option<Sql> {
        let all = |value: &dyn Fn(&Test) -> Option<i64>| tests.iter().map(value).collect::<Option<Vec<i64>>>();
        let list = self.dialect.list();
        let looked_up = |columns: &str, rows: &str, condition: &str, values: Vec<i64>| {
            let mut sql = Sql::new(&format!("SELECT {columns} FROM {list}{}", self.dialect.then(rows, condition)));
            sql.bind(values);
            sql
        };
        let id = |test: &Test| if let Test::Id(id) = test { Some(self.hash.resource(of, id)) } else { None };
        if let Some(rkeys) = all(&id) {
            return Some(looked_up("r.rid", "resource r", "r.rkey = w.value AND r.method < 4", rkeys));
        }
        if let Some(keys) = all(&|test| self.key(test)) {
            return Some(looked_up("k.rid", "key k", "k.key = w.value", keys));
        }
        let param = self.target(tests.first()?)?.0;
        let targets = all(&|test| self.target(test).filter(|it| it.0 == param).map(|it| it.1))?;
        let mut sql = looked_up("f.rid", "reference f", "f.target = w.value AND f.param = ?", targets);
        sql.bind(param.0 as i64);
        Some(sql)
    }

    pub(crate) fn driver(&self, of: &str, test: &Test) -> Option<Driver> {
        if let Some(last) = self.of_composite(test) {
            return self.driver(of, &last);
        }
        if let Some(key) = self.key(test) {
            return Some(self.key_driver(key));
        }
        if let Some((param, target)) = self.target(test) {
            let mut sql = Sql::new("SELECT rid FROM reference WHERE param = ? AND target = ?");
            sql.bind(param.0 as i64).bind(target);
            return Some(Driver::ordered(sql));
        }
        Some(match test {
            Test::Id(id) => {
                let mut sql = Sql::new("SELECT rid FROM resource WHERE rkey = ? AND id = ? AND method < 4");
                sql.bind(self.hash.resource(of, id)).bind(id.clone());
                Driver::ordered(sql)
            }
            Test::Present(..) | Test::Token(..) | Test::Uri(..) | Test::Of(_) => return None,
            Test::Local { .. } | Test::Url(..) | Test::Composite { .. } => return None,
            Test::String(param, string) => {
                let mut sql = Sql::new(&format!("SELECT rid FROM string{} WHERE ", self.dialect.by("string_norm")));
                sql.append(self.string_condition(*param, string));
                Driver::unordered(vec![sql])
            }
            Test::Date(param, range) => self.range_driver("date", "date_low", date_conditions(*param, range)),
            Test::Number(param, range) => self.number_driver(self.hash.number(*param), range),
            Test::Numbers(param, left, right) => {
                self.range_driver("number", "number_low", vec![pair_condition(self.hash.numbers(*param), left, right)])
            }
            Test::Quantity(param, unit, range) => self.number_driver(self.unit_slot(*param, unit), range),
            Test::Near(param, disk) => {
                self.range_driver("number", "number_low", place_conditions(self.hash, *param, disk))
            }
            Test::Chain { param, of: to, filter, .. } => self.chain_driver(*param, to, filter),
            Test::Has { of: from, param, filter } => self.has_driver(of, from, *param, filter),
            Test::Kin { param, of: root, id, parent, side } => {
                Driver::unordered(vec![self.kin(*param, (root, self.hash.resource(root, id)), *parent, *side)])
            }
            Test::Text(param, text) => {
                // What was found may have been deleted since.
                let (list, then) =
                    (self.dialect.list(), self.dialect.then("resource r", "r.rid = w.value AND r.method < 4"));
                let mut sql = Sql::new(&format!("SELECT r.rid FROM {list}{then}"));
                sql.bind(self.texts.rids(*param, text));
                Driver::unordered(vec![sql])
            }
            Test::Owned { params, is_owner, owners } => self.owned_driver(params, *is_owner, owners),
            Test::Unowned { .. } | Test::Leads { .. } => return None,
            Test::All(filter) => Driver::unordered(vec![self.rids(of, filter)]),
        })
    }

    fn number_driver(&self, slot: i64, range: &RangeTest<f64>) -> Driver {
        self.range_driver("number", "number_low", number_conditions(slot, range))
    }

    fn range_driver(&self, table: &str, index: &str, conditions: Vec<Sql>) -> Driver {
        let by = self.dialect.by(index);
        let arms = conditions.into_iter().map(|it| {
            let mut sql = Sql::new(&format!("SELECT rid FROM {table}{by} WHERE "));
            sql.append(it);
            sql
        });
        Driver::unordered(arms.collect())
    }

    /// All rows of a type that pass a filter: driven by its first clause that can, the others probed.
    pub(crate) fn rids(&self, of: &str, filter: &[Clause]) -> Sql {
        let driven = filter.iter().enumerate().find_map(|(i, it)| Some((i, self.clause_driver(of, it)?)));
        let (at, driver) = match driven {
            Some((at, driver)) => (Some(at), driver),
            None => (None, self.type_driver(of)),
        };
        self.driven(of, filter, at.as_slice(), driver)
    }

    /// All rows of a type that pass a filter, listed by a driver that settles some of its clauses.
    pub(crate) fn driven(&self, of: &str, filter: &[Clause], settled: &[usize], driver: Driver) -> Sql {
        let mut sql = Sql::new("SELECT d.rid AS rid FROM (");
        sql.append(driver.all()).push(") d");
        sql.append(self.probes(of, filter, settled, "d.rid", " WHERE "));
        sql
    }
}
