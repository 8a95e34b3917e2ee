//! A filter as SQL. Each test has two forms: a *driver*, which lists row ids from one range of an index, and a
//! *probe*, which looks one row id up.

use super::sql::Sql;
use crate::rows::{DATE_WIDTHS, IndexHash, date_slot};
use fhir::search::fold::fold;
use fhir::search::{Clause, ParamId, RangeTest, Shelf, StringTest, Test, TokenTest, UnitTest};

/// Turns filters into SQL for one tenant.
pub(super) struct Filters<'a> {
    pub(super) hash: &'a IndexHash,
}

/// Rows as a subselect with a column `rid`.
pub(super) struct Driver {
    pub(super) sql: Sql,
    /// Whether the rows come by rising `rid`, each once, so that a page can stop early.
    pub(super) ordered: bool,
}

impl Filters<'_> {
    /// The resources of a type.
    pub(super) fn type_driver(&self, of: &str) -> Driver {
        self.key_driver(self.hash.type_key(of))
    }

    fn key_driver(&self, key: i64) -> Driver {
        let mut sql = Sql::new("SELECT rid FROM key WHERE key = ?");
        sql.bind(key);
        Driver { sql, ordered: true }
    }

    /// A clause as a driver; `None` where only probing makes sense (`:not`, `:missing=true`).
    pub(super) fn clause_driver(&self, of: &str, clause: &Clause) -> Option<Driver> {
        let Clause::Any(tests) = clause else { return None };
        let mut drivers: Vec<Driver> = tests.iter().map(|it| self.driver(of, it)).collect::<Option<_>>()?;
        if drivers.len() == 1 {
            return drivers.pop();
        }
        let ordered = drivers.iter().all(|it| it.ordered);
        let pieces = drivers.into_iter().map(|it| it.sql).collect();
        // UNION of ordered arms is merged in order when the outer query asks for it.
        Some(Driver { sql: Sql::join(pieces, " UNION ", "SELECT rid FROM key WHERE 0"), ordered })
    }

    fn driver(&self, of: &str, test: &Test) -> Option<Driver> {
        let ordered = |sql| Some(Driver { sql, ordered: true });
        let unordered = |sql| Some(Driver { sql, ordered: false });
        match test {
            Test::Id(id) => {
                let mut sql = Sql::new("SELECT rid FROM resource WHERE rkey = ? AND id = ? AND method < 4");
                sql.bind(self.hash.resource(of, id)).bind(id.clone());
                ordered(sql)
            }
            Test::Present(param, Shelf::Key) => Some(self.key_driver(self.hash.present(*param))),
            Test::Present(..) => None,
            Test::Token(param, token) => Some(self.key_driver(self.token_key(*param, token))),
            Test::Uri(param, uri) => Some(self.key_driver(self.hash.uri(*param, uri))),
            Test::Local { param, of, id } => ordered(target_driver(*param, self.hash.resource(of, id))),
            Test::Url(param, url) => ordered(target_driver(*param, self.hash.url(url))),
            Test::String(param, string) => {
                let mut sql = Sql::new("SELECT rid FROM string WHERE ");
                sql.append(self.string_condition(*param, string));
                unordered(sql)
            }
            Test::Date(param, range) => {
                let arms = date_conditions(*param, range).into_iter().map(|it| {
                    let mut sql = Sql::new("SELECT rid FROM date INDEXED BY date_low WHERE ");
                    sql.append(it);
                    sql
                });
                unordered(Sql::join(arms.collect(), " UNION ALL ", ""))
            }
            Test::Number(param, range) => unordered(number_driver(self.hash.number(*param), range)),
            Test::Quantity(param, unit, range) => unordered(number_driver(self.unit_slot(*param, unit), range)),
            Test::Chain { param, of, filter } => {
                let mut sql = Sql::new("SELECT f.rid FROM (");
                sql.append(self.rids(of, filter));
                sql.push(
                    ") t CROSS JOIN resource r ON r.rid = t.rid CROSS JOIN reference f ON f.param = ? AND f.target = r.rkey",
                );
                sql.bind(i64::from(param.0));
                unordered(sql)
            }
            Test::Has { of: from, param, filter } => {
                let mut sql = Sql::new("SELECT r.rid FROM (");
                sql.append(self.rids(from, filter));
                sql.push(
                    ") t CROSS JOIN reference f INDEXED BY reference_rid ON f.rid = t.rid AND f.param = ? \
                     CROSS JOIN resource r ON r.rkey = f.target AND r.type = ? AND r.method < 4",
                );
                sql.bind(i64::from(param.0)).bind(of.to_owned());
                unordered(sql)
            }
            Test::All(filter) => unordered(self.rids(of, filter)),
        }
    }

    /// All rows of a type that pass a filter: driven by its first clause that can, the others probed.
    pub(super) fn rids(&self, of: &str, filter: &[Clause]) -> Sql {
        let driven = filter.iter().enumerate().find_map(|(i, it)| Some((i, self.clause_driver(of, it)?)));
        let (at, driver) = match driven {
            Some((at, driver)) => (Some(at), driver),
            None => (None, self.type_driver(of)),
        };
        let mut sql = Sql::new("SELECT d.rid FROM (");
        sql.append(driver.sql).push(") d");
        sql.append(self.probes(of, filter, at, "d.rid", " WHERE "));
        sql
    }

    /// Every clause but the driving one as probes of `rid`, led by `lead`; empty if there are none.
    pub(super) fn probes(&self, of: &str, filter: &[Clause], but: Option<usize>, rid: &str, lead: &str) -> Sql {
        let pieces: Vec<Sql> = filter
            .iter()
            .enumerate()
            .filter(|(i, _)| Some(*i) != but)
            .map(|(_, it)| self.clause_probe(of, it, rid))
            .collect();
        if pieces.is_empty() {
            return Sql::default();
        }
        let mut sql = Sql::new(lead);
        sql.append(Sql::join(pieces, " AND ", ""));
        sql
    }

    fn clause_probe(&self, of: &str, clause: &Clause, rid: &str) -> Sql {
        let (tests, open) = match clause {
            Clause::Any(tests) => (tests, "("),
            Clause::None(tests) => (tests, "NOT ("),
        };
        let mut sql = Sql::new(open);
        sql.append(Sql::join(tests.iter().map(|it| self.probe(of, it, rid)).collect(), " OR ", "0"));
        sql.push(")");
        sql
    }

    fn probe(&self, of: &str, test: &Test, rid: &str) -> Sql {
        match test {
            Test::Id(id) => {
                let mut sql = Sql::new(&format!("EXISTS (SELECT 1 FROM resource WHERE rid = {rid} AND id = ?)"));
                sql.bind(id.clone());
                sql
            }
            Test::Present(param, Shelf::Key) => key_probe(self.hash.present(*param), rid),
            Test::Present(param, shelf) => self.present_probe(*param, *shelf, rid),
            Test::Token(param, token) => key_probe(self.token_key(*param, token), rid),
            Test::Uri(param, uri) => key_probe(self.hash.uri(*param, uri), rid),
            Test::Local { param, of, id } => target_probe(*param, self.hash.resource(of, id), rid),
            Test::Url(param, url) => target_probe(*param, self.hash.url(url), rid),
            Test::String(param, string) => row_probe("string", rid, self.string_condition(*param, string)),
            Test::Date(param, range) => {
                let conditions = date_conditions(*param, range);
                row_probe("date", rid, parenthesised(conditions))
            }
            Test::Number(param, range) => {
                row_probe("number", rid, parenthesised(number_conditions(self.hash.number(*param), range)))
            }
            Test::Quantity(param, unit, range) => {
                row_probe("number", rid, parenthesised(number_conditions(self.unit_slot(*param, unit), range)))
            }
            Test::Chain { param, of: to, filter } => {
                let inner = inner_alias(rid);
                let mut sql = Sql::new(&format!(
                    "EXISTS (SELECT 1 FROM reference f INDEXED BY reference_rid CROSS JOIN resource {inner} \
                     ON {inner}.rkey = f.target AND {inner}.type = ? AND {inner}.method < 4 \
                     WHERE f.rid = {rid} AND f.param = ?"
                ));
                sql.bind(to.clone()).bind(i64::from(param.0));
                sql.append(self.probes(to, filter, None, &format!("{inner}.rid"), " AND ")).push(")");
                sql
            }
            Test::Has { of: from, param, filter } => {
                let inner = inner_alias(rid);
                let mut sql = Sql::new(&format!(
                    "EXISTS (SELECT 1 FROM resource h CROSS JOIN reference {inner} ON {inner}.param = ? \
                     AND {inner}.target = h.rkey WHERE h.rid = {rid}"
                ));
                sql.bind(i64::from(param.0));
                sql.append(self.probes(from, filter, None, &format!("{inner}.rid"), " AND ")).push(")");
                sql
            }
            Test::All(filter) => {
                let pieces = filter.iter().map(|it| self.clause_probe(of, it, rid)).collect();
                let mut sql = Sql::new("(");
                sql.append(Sql::join(pieces, " AND ", "1")).push(")");
                sql
            }
        }
    }

    fn present_probe(&self, param: ParamId, shelf: Shelf, rid: &str) -> Sql {
        let param_number = i64::from(param.0);
        let (table, condition, bind) = match shelf {
            Shelf::Key => return key_probe(self.hash.present(param), rid),
            Shelf::String => ("string", "param = ?", param_number),
            Shelf::Reference => ("reference INDEXED BY reference_rid", "param = ?", param_number),
            Shelf::Date => ("date", "slot >> 2 = ?", param_number),
            Shelf::Number => ("number", "slot & ~1 = ?", self.hash.number(param)),
        };
        let mut condition = Sql::new(condition);
        condition.bind(bind);
        row_probe(table, rid, condition)
    }

    fn token_key(&self, param: ParamId, token: &TokenTest) -> i64 {
        match token {
            TokenTest::Code(code) => self.hash.code(param, code),
            TokenTest::Coding(system, code) => self.hash.coding(param, system, code),
            TokenTest::NoSystem(code) => self.hash.coding(param, "", code),
            TokenTest::System(system) => self.hash.system(param, system),
        }
    }

    fn unit_slot(&self, param: ParamId, unit: &UnitTest) -> i64 {
        match unit {
            UnitTest::Any => self.hash.number(param),
            UnitTest::Coded(system, code) => self.hash.coded_unit(param, system, code),
            UnitTest::Named(unit) => self.hash.named_unit(param, unit),
        }
    }

    fn string_condition(&self, param: ParamId, string: &StringTest) -> Sql {
        let mut sql = Sql::new("param = ? AND ");
        sql.bind(i64::from(param.0));
        match string {
            StringTest::Prefix(text) => {
                let from = fold(text);
                let to = format!("{from}\u{10FFFF}");
                sql.push("norm >= ? AND norm < ?").bind(from).bind(to);
            }
            StringTest::Exact(text) => {
                sql.push("norm = ? AND exact = ?").bind(fold(text)).bind(self.hash.exact(text));
            }
            StringTest::Contains(text) => {
                sql.push("instr(norm, ?) > 0").bind(fold(text));
            }
        }
        sql
    }
}

/// A table name for the next level of nesting, so that a probe's row is never mistaken for its neighbour's.
fn inner_alias(rid: &str) -> String {
    format!("{}x", rid.trim_end_matches(".rid"))
}

fn key_probe(key: i64, rid: &str) -> Sql {
    let mut sql = Sql::new(&format!("EXISTS (SELECT 1 FROM key WHERE key = ? AND rid = {rid})"));
    sql.bind(key);
    sql
}

fn target_driver(param: ParamId, target: i64) -> Sql {
    let mut sql = Sql::new("SELECT rid FROM reference WHERE param = ? AND target = ?");
    sql.bind(i64::from(param.0)).bind(target);
    sql
}

fn target_probe(param: ParamId, target: i64, rid: &str) -> Sql {
    let mut sql = Sql::new(&format!("EXISTS (SELECT 1 FROM reference WHERE param = ? AND target = ? AND rid = {rid})"));
    sql.bind(i64::from(param.0)).bind(target);
    sql
}

fn row_probe(table: &str, rid: &str, condition: Sql) -> Sql {
    let mut sql = Sql::new(&format!("EXISTS (SELECT 1 FROM {table} WHERE rid = {rid} AND "));
    sql.append(condition).push(")");
    sql
}

fn parenthesised(conditions: Vec<Sql>) -> Sql {
    let mut sql = Sql::new("(");
    sql.append(Sql::join(conditions, " OR ", "0")).push(")");
    sql
}

/// The condition on each class of widths: a class bounds both ends of the range of `low` that can pass.
fn date_conditions(param: ParamId, ranges: &[RangeTest<i64>]) -> Vec<Sql> {
    (0..=DATE_WIDTHS.len())
        .map(|class| {
            let width = DATE_WIDTHS.get(class).copied();
            let mut sql = Sql::new("(slot = ?");
            sql.bind(date_slot(param, class as i64));
            for range in ranges {
                sql.push(" AND ")
                    .append(range_condition(*range, width.map(|it| move |end: i64| end.saturating_sub(it))));
            }
            sql.push(")");
            sql
        })
        .collect()
}

/// Points and ranges: a point's ends are the same.
fn number_conditions(slot: i64, range: &RangeTest<f64>) -> Vec<Sql> {
    let mut points = Sql::new("(slot = ? AND ");
    points.bind(slot).append(range_condition(*range, Some(|end: f64| end))).push(")");
    let mut ranges = Sql::new("(slot = ? AND ");
    ranges.bind(slot | 1).append(range_condition(*range, None::<fn(f64) -> f64>)).push(")");
    vec![points, ranges]
}

fn number_driver(slot: i64, range: &RangeTest<f64>) -> Sql {
    let arms = number_conditions(slot, range).into_iter().map(|it| {
        let mut sql = Sql::new("SELECT rid FROM number INDEXED BY number_low WHERE ");
        sql.append(it);
        sql
    });
    Sql::join(arms.collect(), " UNION ALL ", "")
}

/// The SQL of [`RangeTest::passes`]. Where ranges have a greatest width, `least_low` tells the least start of one
/// that reaches a given end, so that the scan of the index starts there.
fn range_condition<T: Copy + PartialOrd + Into<super::sql::Bind>>(
    range: RangeTest<T>,
    least_low: Option<impl Fn(T) -> T>,
) -> Sql {
    let mut sql = Sql::default();
    let reaching = |sql: &mut Sql, condition: &str, end: T| {
        if let Some(least_low) = &least_low {
            sql.push("low >= ? AND ").bind(least_low(end));
        }
        sql.push(condition).bind(end);
    };
    match range {
        RangeTest::Within(from, to) => {
            sql.push("low >= ? AND low <= ? AND high <= ?").bind(from).bind(to).bind(to);
        }
        RangeTest::NotWithin(from, to) => {
            sql.push("(low < ? OR high > ?)").bind(from).bind(to);
        }
        RangeTest::Overlaps(from, to) => {
            reaching(&mut sql, "high >= ?", from);
            sql.push(" AND low <= ?").bind(to);
        }
        RangeTest::Above(it) => reaching(&mut sql, "high > ?", it),
        RangeTest::AtOrAbove(from, to) => {
            // What starts at `from` or behind passes anyhow; what starts before must reach over `to`.
            if let Some(least_low) = &least_low {
                let reach = least_low(to);
                sql.push("low >= ? AND ").bind(if reach < from { reach } else { from });
            }
            sql.push("(low >= ? OR high > ?)").bind(from).bind(to);
        }
        RangeTest::Below(it) => {
            sql.push("low < ?").bind(it);
        }
        RangeTest::AtOrBelow(from, to) => {
            sql.push("low <= ? AND (low < ? OR high <= ?)").bind(to).bind(from).bind(to);
        }
        RangeTest::StartsAfter(it) => {
            sql.push("low > ?").bind(it);
        }
        RangeTest::EndsBefore(it) => {
            sql.push("low < ? AND high < ?").bind(it).bind(it);
        }
    }
    sql
}
