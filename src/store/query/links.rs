//! Chains and reverse chains: from what passes a filter to what points to it, and from what points to what is pointed
//! to (search.html#chaining, search.html#has). Where a parameter has logical references, each way has a second arm,
//! which goes by the identifiers of what is pointed to (references.html#logical).

use super::filter::{Driver, Filters};
use super::pairs::CodesAsked;
use super::sql::Sql;
use crate::pairs::{PATIENT, UNDATED};
use crate::rows::date_slot;
use fhir::search::{Filter, ParamId};

impl Filters<'_> {
    /// What refers by `param` to a resource of type `to` that passes the filter.
    pub(crate) fn chain_driver(&self, param: ParamId, to: &str, filter: &Filter) -> Driver {
        let by = self.dialect.by("reference_rid");
        let then = |rows: &str, condition: &str| self.dialect.then(rows, condition);
        let from = |join: &str| {
            let mut sql = Sql::new("SELECT f.rid FROM (");
            sql.append(self.rids(to, filter)).push(") t").push(join);
            sql
        };
        let ends = then("resource r", "r.rid = t.rid");
        let mut literal = from(&(ends + &then("reference f", "f.param = ? AND f.target = r.rkey")));
        literal.bind(param.0 as i64);
        let mut arms = vec![literal];
        if self.logical.has(param) {
            let identity = then(&format!("reference i{by}"), "i.rid = t.rid AND i.param = ?");
            let mut logical = from(&(identity + &then("reference f", "f.param = ? AND f.target = i.target")));
            logical.bind(ParamId::IDENTITY.0 as i64).bind(param.0 as i64);
            arms.push(logical);
        }
        Driver::unordered(arms)
    }

    /// The resources of type `of` to which one of type `from` that passes the filter refers by `param`.
    pub(crate) fn has_driver(&self, of: &str, from: &str, param: ParamId, filter: &Filter) -> Driver {
        let by = self.dialect.by("reference_rid");
        let then = |rows: &str, condition: &str| self.dialect.then(rows, condition);
        // Many may refer to the same: that is looked up once.
        let referred = || {
            let mut sql = Sql::new("SELECT r.rid FROM (SELECT DISTINCT f.target AS target FROM (");
            sql.append(self.rids(from, filter));
            sql.push(") t").push(&then(&format!("reference f{by}"), "f.rid = t.rid AND f.param = ?")).push(") e");
            sql.bind(param.0 as i64);
            sql
        };
        let is_of = "AND r.type = ? AND r.method < 4";
        let mut literal = referred();
        literal.push(&then("resource r", &format!("r.rkey = e.target {is_of}"))).bind(of.to_owned());
        let mut arms = vec![literal];
        if self.logical.has(param) {
            let mut logical = referred();
            logical.push(&then("reference i", "i.param = ? AND i.target = e.target"));
            logical.bind(ParamId::IDENTITY.0 as i64);
            logical.push(&then("resource r", &format!("r.rid = i.rid {is_of}"))).bind(of.to_owned());
            arms.push(logical);
        }
        Driver::unordered(arms)
    }

    /// Whether the row refers by `param` to a resource of type `to` that passes the filter.
    pub(crate) fn chain_probe(&self, param: ParamId, to: &str, filter: &Filter, rid: &str) -> Sql {
        let (inner, by) = (inner_alias(rid), self.dialect.by("reference_rid"));
        let to_end = |condition: &str| {
            let is_to = format!("{condition} AND {inner}.type = ? AND {inner}.method < 4");
            self.dialect.then(&format!("resource {inner}"), &is_to) + &format!(" WHERE f.rid = {rid} AND f.param = ?")
        };
        let passes = |mut sql: Sql| {
            sql.bind(to.to_owned()).bind(param.0 as i64);
            sql.append(self.probes(to, filter, &[], &format!("{inner}.rid"), " AND "));
            self.dialect.exists(sql)
        };
        let literal = to_end(&format!("{inner}.rkey = f.target"));
        let literal = passes(Sql::new(&format!("SELECT 1 FROM reference f{by}{literal}")));
        if !self.logical.has(param) {
            return literal;
        }
        let mut logical = Sql::new(&format!("SELECT 1 FROM reference f{by}"));
        logical.push(&self.dialect.then("reference i", "i.param = ? AND i.target = f.target"));
        logical.push(&to_end(&format!("{inner}.rid = i.rid")));
        logical.bind(ParamId::IDENTITY.0 as i64);
        Sql::any(vec![literal, passes(logical)])
    }

    /// Whether a resource of type `from` that passes the filter refers to the row by `param`.
    pub(crate) fn has_probe(&self, from: &str, param: ParamId, filter: &Filter, rid: &str) -> Sql {
        let (inner, by) = (inner_alias(rid), self.dialect.by("reference_rid"));
        let then = |target: &str| {
            let refers = format!("{inner}.param = ? AND {inner}.target = {target}");
            self.dialect.then(&format!("reference {inner}"), &refers)
        };
        let passes = |mut sql: Sql| {
            sql.append(self.probes(from, filter, &[], &format!("{inner}.rid"), " AND "));
            self.dialect.exists(sql)
        };
        let literal = match self.codes_of_patient(from, param, filter) {
            Some(codes) => self.coded_probe(from, &codes, filter, rid),
            None => {
                let mut literal = Sql::new(&format!("SELECT 1 FROM resource h{} WHERE h.rid = {rid}", then("h.rkey")));
                literal.bind(param.0 as i64);
                passes(literal)
            }
        };
        if !self.logical.has(param) {
            return literal;
        }
        let mut logical = Sql::new(&format!("SELECT 1 FROM reference i{by}{}", then("i.target")));
        logical.push(&format!(" WHERE i.rid = {rid} AND i.param = ?"));
        logical.bind(param.0 as i64).bind(ParamId::IDENTITY.0 as i64);
        Sql::any(vec![literal, passes(logical)])
    }

    /// The codes that a filter asks for of what refers to a patient by `param`, where pairs tell of patients with them.
    pub(crate) fn codes_of_patient(&self, from: &str, param: ParamId, filter: &Filter) -> Option<CodesAsked> {
        let pairing = self.pairing(from).filter(|it| it.patient == param)?;
        self.codes(filter, pairing.code)
    }

    /// Whether pairs have the row, a patient, with one of the codes, of a resource that passes the filter.
    fn coded_probe(&self, from: &str, codes: &CodesAsked, filter: &Filter, rid: &str) -> Sql {
        let (inner, by) = (inner_alias(rid), self.dialect.by("date_low"));
        let settled = if codes.is_exact { &[codes.at][..] } else { &[] };
        let of_code = codes.dated.iter().map(|dated| {
            let slot = self.dialect.mixed("h.rkey", PATIENT, date_slot(*dated, 0));
            let mut of_patient = Sql::new(&format!("{inner}.slot BETWEEN "));
            of_patient.append(slot.clone()).push(" AND ").append(slot).push(&format!(" + {UNDATED}"));
            let mut sql = Sql::new("SELECT 1 FROM resource h");
            sql.push(&self.dialect.then(&format!("date {inner}{by}"), &of_patient.text));
            sql.binds = of_patient.binds;
            sql.push(&format!(" WHERE h.rid = {rid}"));
            sql.append(self.probes(from, filter, settled, &format!("{inner}.rid"), " AND "));
            self.dialect.exists(sql)
        });
        Sql::any(of_code.collect())
    }
}

/// A table name for the next level of nesting, so that a probe's row is never mistaken for its neighbour's.
pub(super) fn inner_alias(rid: &str) -> String {
    format!("{}x", rid.trim_end_matches(".rid"))
}
