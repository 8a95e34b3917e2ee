//! A filter as SQL. Each test has two forms: a *driver*, which lists row ids from one range of an index, and a
//! *probe* ([`super::probe`]), which looks one row id up.

use super::range::{date_conditions, number_conditions, pair_condition, place_conditions};
use super::read::json_array;
use super::sql::Sql;
use super::text::Answers;
use crate::rows::IndexHash;
use fhir::search::fold::fold;
use fhir::search::{Clause, ParamId, RangeTest, Shelf, StringTest, Test, TokenTest, UnitTest};

/// So many values are looked at one by one; more are looked up as a list.
pub(super) const FEW: usize = 8;

/// Turns filters into SQL for one tenant.
pub(super) struct Filters<'a> {
    pub(super) hash: &'a IndexHash,
    /// What the full-text view found.
    pub(super) texts: &'a Answers,
}

/// Rows as selects with a column `rid`: together they list all that pass.
#[derive(Clone)]
pub(super) struct Driver {
    pub(super) arms: Vec<Sql>,
    /// Whether the rows of each arm come by rising `rid`, each once, so that a page can stop early.
    pub(super) ordered: bool,
}

impl Driver {
    fn ordered(sql: Sql) -> Driver {
        Driver { arms: vec![sql], ordered: true }
    }

    fn unordered(arms: Vec<Sql>) -> Driver {
        Driver { arms, ordered: false }
    }

    /// One select of all arms; a row may come more than once.
    pub(super) fn all(self) -> Sql {
        Sql::union_all(self.arms, "SELECT rid FROM key WHERE 0")
    }
}

impl Filters<'_> {
    /// The resources of a type.
    pub(super) fn type_driver(&self, of: &str) -> Driver {
        self.key_driver(self.hash.type_key(of))
    }

    fn key_driver(&self, key: i64) -> Driver {
        let mut sql = Sql::new("SELECT rid FROM key WHERE key = ?");
        sql.bind(key);
        Driver::ordered(sql)
    }

    /// A clause as a driver; `None` where only probing makes sense (`:not`, `:missing=true`).
    pub(super) fn clause_driver(&self, of: &str, clause: &Clause) -> Option<Driver> {
        match clause {
            Clause::Any(tests) => self.tests_driver(of, tests),
            Clause::None(_) => None,
        }
    }

    pub(super) fn tests_driver(&self, of: &str, tests: &[Test]) -> Option<Driver> {
        if let (true, Some(driver)) = (tests.len() > FEW, self.list_driver(of, tests)) {
            return Some(driver);
        }
        let mut whole = Driver { arms: Vec::with_capacity(tests.len()), ordered: true };
        for test in tests {
            let driver = self.driver(of, test)?;
            whole.arms.extend(driver.arms);
            whole.ordered &= driver.ordered;
        }
        Some(whole)
    }

    /// Many values of one kind as one list; `None` if they are of several kinds.
    fn list_driver(&self, of: &str, tests: &[Test]) -> Option<Driver> {
        let all = |value: &dyn Fn(&Test) -> Option<i64>| tests.iter().map(value).collect::<Option<Vec<i64>>>();
        let list = |sql: &str, values: &[i64]| {
            let mut sql = Sql::new(sql);
            sql.bind(json_array(values));
            sql
        };
        let id = |test: &Test| if let Test::Id(id) = test { Some(self.hash.resource(of, id)) } else { None };
        if let Some(rkeys) = all(&id) {
            let from = "SELECT r.rid FROM json_each(?) w CROSS JOIN resource r ON r.rkey = w.value AND r.method < 4";
            return Some(Driver::unordered(vec![list(from, &rkeys)]));
        }
        if let Some(keys) = all(&|test| self.key(test)) {
            let from = "SELECT k.rid FROM json_each(?) w CROSS JOIN key k ON k.key = w.value";
            return Some(Driver::unordered(vec![list(from, &keys)]));
        }
        let param = self.target(tests.first()?)?.0;
        let targets = all(&|test| self.target(test).filter(|it| it.0 == param).map(|it| it.1))?;
        let from = "SELECT f.rid FROM json_each(?) w CROSS JOIN reference f ON f.target = w.value AND f.param = ?";
        let mut sql = list(from, &targets);
        sql.bind(param.0 as i64);
        Some(Driver::unordered(vec![sql]))
    }

    /// The key that a test asks for, if it asks for one.
    pub(super) fn key(&self, test: &Test) -> Option<i64> {
        match test {
            Test::Present(param, Shelf::Key) => Some(self.hash.present(*param)),
            Test::Token(param, token) => Some(self.token_key(*param, token)),
            Test::Uri(param, uri) => Some(self.hash.uri(*param, uri)),
            Test::Composite { .. } => self.key(&self.of_composite(test)?),
            _ => None,
        }
    }

    /// What a test on a reference wants it to point to.
    pub(super) fn target(&self, test: &Test) -> Option<(ParamId, i64)> {
        match test {
            Test::Local { param, of, id } => Some((*param, self.hash.resource(of, id))),
            Test::Url(param, url) => Some((*param, self.hash.url(url))),
            Test::Composite { .. } => self.target(&self.of_composite(test)?),
            _ => None,
        }
    }

    /// A composite as the test on its last value, under the parameter that its first one makes; `None` of other tests.
    pub(super) fn of_composite(&self, test: &Test) -> Option<Test> {
        let Test::Composite { param, first, last } = test else { return None };
        let first = self.key(first).or_else(|| self.target(first).map(|it| it.1))?;
        let param = self.hash.composite(*param, first);
        Some(match (**last).clone() {
            Test::Token(_, token) => Test::Token(param, token),
            Test::String(_, string) => Test::String(param, string),
            Test::Date(_, ranges) => Test::Date(param, ranges),
            Test::Number(_, range) => Test::Number(param, range),
            Test::Numbers(_, left, right) => Test::Numbers(param, left, right),
            Test::Quantity(_, unit, range) => Test::Quantity(param, unit, range),
            Test::Local { of, id, .. } => Test::Local { param, of, id },
            Test::Url(_, url) => Test::Url(param, url),
            Test::Uri(_, uri) => Test::Uri(param, uri),
            _ => return None,
        })
    }

    fn driver(&self, of: &str, test: &Test) -> Option<Driver> {
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
            Test::Present(..) | Test::Token(..) | Test::Uri(..) | Test::Local { .. } | Test::Url(..) => return None,
            Test::Composite { .. } => return None,
            Test::String(param, string) => {
                let mut sql = Sql::new("SELECT rid FROM string INDEXED BY string_norm WHERE ");
                sql.append(self.string_condition(*param, string));
                Driver::unordered(vec![sql])
            }
            Test::Date(param, range) => range_driver("date", "date_low", date_conditions(*param, range)),
            Test::Number(param, range) => self.number_driver(self.hash.number(*param), range),
            Test::Numbers(param, left, right) => {
                range_driver("number", "number_low", vec![pair_condition(self.hash.numbers(*param), left, right)])
            }
            Test::Quantity(param, unit, range) => self.number_driver(self.unit_slot(*param, unit), range),
            Test::Near(param, disk) => range_driver("number", "number_low", place_conditions(self.hash, *param, disk)),
            Test::Chain { param, of, filter } => {
                let mut sql = Sql::new("SELECT f.rid FROM (");
                sql.append(self.rids(of, filter));
                sql.push(
                    ") t CROSS JOIN resource r ON r.rid = t.rid CROSS JOIN reference f ON f.param = ? AND f.target = r.rkey",
                );
                sql.bind(param.0 as i64);
                Driver::unordered(vec![sql])
            }
            Test::Has { of: from, param, filter } => {
                let mut sql = Sql::new("SELECT r.rid FROM (");
                sql.append(self.rids(from, filter));
                sql.push(
                    ") t CROSS JOIN reference f INDEXED BY reference_rid ON f.rid = t.rid AND f.param = ? \
                     CROSS JOIN resource r ON r.rkey = f.target AND r.type = ? AND r.method < 4",
                );
                sql.bind(param.0 as i64).bind(of.to_owned());
                Driver::unordered(vec![sql])
            }
            Test::Text(param, text) => {
                // What was found may have been deleted since.
                let mut sql = Sql::new(
                    "SELECT r.rid FROM json_each(?) w CROSS JOIN resource r ON r.rid = w.value AND r.method < 4",
                );
                sql.bind(self.texts.rids(*param, text));
                Driver::unordered(vec![sql])
            }
            Test::All(filter) => Driver::unordered(vec![self.rids(of, filter)]),
        })
    }

    fn number_driver(&self, slot: i64, range: &RangeTest<f64>) -> Driver {
        range_driver("number", "number_low", number_conditions(slot, range))
    }

    /// All rows of a type that pass a filter: driven by its first clause that can, the others probed.
    pub(super) fn rids(&self, of: &str, filter: &[Clause]) -> Sql {
        let driven = filter.iter().enumerate().find_map(|(i, it)| Some((i, self.clause_driver(of, it)?)));
        let (at, driver) = match driven {
            Some((at, driver)) => (Some(at), driver),
            None => (None, self.type_driver(of)),
        };
        self.driven(of, filter, at, driver)
    }

    /// All rows of a type that pass a filter, listed by the driver of the clause at `at` (none: the type itself).
    pub(super) fn driven(&self, of: &str, filter: &[Clause], at: Option<usize>, driver: Driver) -> Sql {
        let mut sql = Sql::new("SELECT d.rid AS rid FROM (");
        sql.append(driver.all()).push(") d");
        sql.append(self.probes(of, filter, at, "d.rid", " WHERE "));
        sql
    }

    fn token_key(&self, param: ParamId, token: &TokenTest) -> i64 {
        match token {
            TokenTest::Code(code) => self.hash.code(param, code),
            TokenTest::Coding(system, code) => self.hash.coding(param, system, code),
            TokenTest::NoSystem(code) => self.hash.coding(param, "", code),
            TokenTest::System(system) => self.hash.system(param, system),
        }
    }

    pub(super) fn unit_slot(&self, param: ParamId, unit: &UnitTest) -> i64 {
        match unit {
            UnitTest::Any => self.hash.number(param),
            UnitTest::Coded(system, code) => self.hash.coded_unit(param, system, code),
            UnitTest::Named(unit) => self.hash.named_unit(param, unit),
        }
    }

    pub(super) fn string_condition(&self, param: ParamId, string: &StringTest) -> Sql {
        let mut sql = Sql::new("param = ? AND ");
        sql.bind(param.0 as i64);
        match string {
            StringTest::Prefix(text) => {
                let from = fold(text);
                let end = behind_prefix(&from);
                sql.push("norm >= ?").bind(from);
                if let Some(end) = end {
                    sql.push(" AND norm < ?").bind(end);
                }
            }
            StringTest::Exact(text) => {
                sql.push("norm = ? AND exact = ?").bind(fold(text)).bind(self.hash.exact(text));
            }
            StringTest::Contains(text) => {
                sql.push("instr(norm, ?) > 0").bind(fold(text));
            }
            StringTest::Folded(text) => {
                sql.push("norm = ?").bind(fold(text));
            }
            StringTest::Suffix(text) => {
                let end = fold(text);
                // By characters from the end; from the 0th, everything would be taken.
                sql.push("(? = 0 OR substr(norm, -?) = ?)");
                let length = end.chars().count() as i64;
                sql.bind(length).bind(length).bind(end);
            }
        }
        sql
    }
}

fn range_driver(table: &str, index: &str, conditions: Vec<Sql>) -> Driver {
    let arms = conditions.into_iter().map(|it| {
        let mut sql = Sql::new(&format!("SELECT rid FROM {table} INDEXED BY {index} WHERE "));
        sql.append(it);
        sql
    });
    Driver::unordered(arms.collect())
}

/// The least text behind all that start with `prefix`, in the order of code points; `None` if there is none.
fn behind_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // Stepping over the surrogates, which are no characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}
