//! A filter's clauses as probes: conditions that look one row id up.

use super::filter::{ARMS, Filters};
use super::range::{date_conditions, number_conditions, pair_condition, place_conditions};
use super::sql::Sql;
use crate::rows::date_slot;
use fhir::search::{Clause, ParamId, Shelf, Test};

impl Filters<'_> {
    /// Every clause but those that are settled as probes of `rid`, led by `lead`; empty if there are none.
    pub(crate) fn probes(&self, of: &str, filter: &[Clause], settled: &[usize], rid: &str, lead: &str) -> Sql {
        let pieces: Vec<Sql> = filter
            .iter()
            .enumerate()
            .filter(|(i, _)| !settled.contains(i))
            .map(|(_, it)| self.clause_probe(of, it, rid))
            .collect();
        if pieces.is_empty() {
            return Sql::default();
        }
        let mut sql = Sql::new(lead);
        sql.append(Sql::all(pieces));
        sql
    }

    fn clause_probe(&self, of: &str, clause: &Clause, rid: &str) -> Sql {
        let (tests, lead) = match clause {
            Clause::Any(tests) => (tests, ""),
            Clause::None(tests) => (tests, "NOT "),
        };
        let mut sql = Sql::new(lead);
        // Many values are looked up once, and not for every row.
        match self.tests_driver(of, tests).filter(|_| tests.len() > ARMS) {
            Some(driver) => sql.append(self.dialect.among(rid, driver.all())),
            None => sql.append(Sql::any(tests.iter().map(|it| self.probe(of, it, rid)).collect())),
        };
        sql
    }

    fn probe(&self, of: &str, test: &Test, rid: &str) -> Sql {
        if let Some(last) = self.of_composite(test) {
            return self.probe(of, &last, rid);
        }
        if let Some(key) = self.key(test) {
            return self.key_probe(key, rid);
        }
        if let Some((param, target)) = self.target(test) {
            let condition = "param = ? AND target = ?";
            let mut sql = Sql::new(&format!("SELECT 1 FROM reference WHERE {condition} AND rid = {rid}"));
            sql.bind(param.0 as i64).bind(target);
            return self.dialect.exists(sql);
        }
        match test {
            Test::Id(id) => {
                let mut sql = Sql::new(&format!("SELECT 1 FROM resource WHERE rid = {rid} AND id = ?"));
                sql.bind(id.clone());
                self.dialect.exists(sql)
            }
            Test::Present(param, shelf) => self.present_probe(*param, *shelf, rid),
            // Looked up above.
            Test::Token(..) | Test::Uri(..) | Test::Of(_) | Test::Local { .. } | Test::Url(..) => Sql::new("false"),
            // None that a query can say.
            Test::Composite { .. } => Sql::new("false"),
            Test::String(param, string) => self.row_probe("string", rid, self.string_condition(*param, string)),
            Test::Date(param, range) => self.row_probe("date", rid, Sql::any(date_conditions(*param, range))),
            Test::Number(param, range) => {
                self.row_probe("number", rid, Sql::any(number_conditions(self.hash.number(*param), range)))
            }
            Test::Numbers(param, left, right) => {
                self.row_probe("number", rid, pair_condition(self.hash.numbers(*param), left, right))
            }
            Test::Quantity(param, unit, range) => {
                self.row_probe("number", rid, Sql::any(number_conditions(self.unit_slot(*param, unit), range)))
            }
            Test::Near(param, disk) => {
                self.row_probe("number", rid, Sql::any(place_conditions(self.hash, *param, disk)))
            }
            Test::Chain { param, of: to, filter, .. } => self.chain_probe(*param, to, filter, rid),
            Test::Has { of: from, param, filter } => self.has_probe(from, *param, filter, rid),
            Test::Kin { param, of: root, id, parent, side } => {
                let mut sql = Sql::new(&format!("{rid} IN ("));
                sql.append(self.kin(*param, (root, self.hash.resource(root, id)), *parent, *side)).push(")");
                sql
            }
            Test::Text(param, text) => {
                let mut sql = Sql::new(&format!("SELECT w.value FROM {}", self.dialect.list()));
                sql.bind(self.texts.rids(*param, text));
                self.dialect.among(rid, sql)
            }
            Test::Owned { params, is_owner, owners } => self.owned_probe(params, *is_owner, owners, rid),
            Test::Unowned { params, of } => self.unowned_probe(params, of, rid),
            Test::Leads { params, filter } => self.leads_probe(params, filter, rid),
            Test::All(filter) => {
                let pieces = filter.iter().map(|it| self.clause_probe(of, it, rid)).collect();
                let mut sql = Sql::new("(");
                sql.append(Sql::all(pieces)).push(")");
                sql
            }
        }
    }

    fn present_probe(&self, param: ParamId, shelf: Shelf, rid: &str) -> Sql {
        let referred = format!("reference{}", self.dialect.by("reference_rid"));
        let (table, column, from, to) = match shelf {
            Shelf::Key => return self.key_probe(self.hash.present(param), rid),
            Shelf::String => ("string", "param", param.0 as i64, param.0 as i64),
            Shelf::Reference => (referred.as_str(), "param", param.0 as i64, param.0 as i64),
            Shelf::Date => ("date", "slot", date_slot(param, 0), date_slot(param, 3)),
            Shelf::Number => ("number", "slot", self.hash.number(param), self.hash.number(param) | 1),
        };
        let mut condition = Sql::new(&format!("{column} BETWEEN ? AND ?"));
        condition.bind(from).bind(to);
        self.row_probe(table, rid, condition)
    }

    fn key_probe(&self, key: i64, rid: &str) -> Sql {
        let mut sql = Sql::new(&format!("SELECT 1 FROM key WHERE key = ? AND rid = {rid}"));
        sql.bind(key);
        self.dialect.exists(sql)
    }

    fn row_probe(&self, table: &str, rid: &str, condition: Sql) -> Sql {
        let mut sql = Sql::new(&format!("SELECT 1 FROM {table} WHERE rid = {rid} AND "));
        sql.append(condition);
        self.dialect.exists(sql)
    }
}
