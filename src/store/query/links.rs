//! Chains and reverse chains: from what passes a filter to what points to it, and from what points to what is pointed
//! to (search.html#chaining, search.html#has). Where a parameter has logical references, each way has a second arm,
//! which goes by the identifiers of what is pointed to (references.html#logical).

use super::filter::{Driver, Filters};
use super::sql::Sql;
use fhir::search::{Filter, ParamId};

impl Filters<'_> {
    /// What refers by `param` to a resource of type `to` that passes the filter.
    pub(crate) fn chain_driver(&self, param: ParamId, to: &str, filter: &Filter) -> Driver {
        let (then, by) = (self.dialect.then(), self.dialect.by("reference_rid"));
        let from = |join: &str| {
            let mut sql = Sql::new("SELECT f.rid FROM (");
            sql.append(self.rids(to, filter)).push(") t").push(join);
            sql
        };
        let mut literal =
            from(&format!("{then}resource r ON r.rid = t.rid{then}reference f ON f.param = ? AND f.target = r.rkey"));
        literal.bind(param.0 as i64);
        let mut arms = vec![literal];
        if self.logical.has(param) {
            let identity = format!("{then}reference i{by} ON i.rid = t.rid AND i.param = ?");
            let mut logical = from(&format!("{identity}{then}reference f ON f.param = ? AND f.target = i.target"));
            logical.bind(ParamId::IDENTITY.0 as i64).bind(param.0 as i64);
            arms.push(logical);
        }
        Driver::unordered(arms)
    }

    /// The resources of type `of` to which one of type `from` that passes the filter refers by `param`.
    pub(crate) fn has_driver(&self, of: &str, from: &str, param: ParamId, filter: &Filter) -> Driver {
        let (then, by) = (self.dialect.then(), self.dialect.by("reference_rid"));
        // Many may refer to the same: that is looked up once.
        let referred = || {
            let mut sql = Sql::new("SELECT r.rid FROM (SELECT DISTINCT f.target AS target FROM (");
            sql.append(self.rids(from, filter));
            sql.push(&format!(") t{then}reference f{by} ON f.rid = t.rid AND f.param = ?) e")).bind(param.0 as i64);
            sql
        };
        let is_of = "AND r.type = ? AND r.method < 4";
        let mut literal = referred();
        literal.push(&format!("{then}resource r ON r.rkey = e.target {is_of}")).bind(of.to_owned());
        let mut arms = vec![literal];
        if self.logical.has(param) {
            let mut logical = referred();
            logical.push(&format!("{then}reference i ON i.param = ? AND i.target = e.target"));
            logical.bind(ParamId::IDENTITY.0 as i64);
            logical.push(&format!("{then}resource r ON r.rid = i.rid {is_of}")).bind(of.to_owned());
            arms.push(logical);
        }
        Driver::unordered(arms)
    }

    /// Whether the row refers by `param` to a resource of type `to` that passes the filter.
    pub(crate) fn chain_probe(&self, param: ParamId, to: &str, filter: &Filter, rid: &str) -> Sql {
        let (inner, then, by) = (inner_alias(rid), self.dialect.then(), self.dialect.by("reference_rid"));
        let is_to = format!("AND {inner}.type = ? AND {inner}.method < 4 WHERE f.rid = {rid} AND f.param = ?");
        let passes = |mut sql: Sql| {
            sql.bind(to.to_owned()).bind(param.0 as i64);
            sql.append(self.probes(to, filter, None, &format!("{inner}.rid"), " AND ")).push(")");
            sql
        };
        let literal = passes(Sql::new(&format!(
            "EXISTS (SELECT 1 FROM reference f{by}{then}resource {inner} ON {inner}.rkey = f.target {is_to}"
        )));
        if !self.logical.has(param) {
            return literal;
        }
        let mut logical = Sql::new(&format!(
            "EXISTS (SELECT 1 FROM reference f{by}{then}reference i ON i.param = ? AND i.target = f.target\
             {then}resource {inner} ON {inner}.rid = i.rid {is_to}"
        ));
        logical.bind(ParamId::IDENTITY.0 as i64);
        Sql::any(vec![literal, passes(logical)])
    }

    /// Whether a resource of type `from` that passes the filter refers to the row by `param`.
    pub(crate) fn has_probe(&self, from: &str, param: ParamId, filter: &Filter, rid: &str) -> Sql {
        let (inner, then, by) = (inner_alias(rid), self.dialect.then(), self.dialect.by("reference_rid"));
        let passes = |mut sql: Sql| {
            sql.append(self.probes(from, filter, None, &format!("{inner}.rid"), " AND ")).push(")");
            sql
        };
        let mut literal = Sql::new(&format!(
            "EXISTS (SELECT 1 FROM resource h{then}reference {inner} ON {inner}.param = ? AND {inner}.target = h.rkey \
             WHERE h.rid = {rid}"
        ));
        literal.bind(param.0 as i64);
        if !self.logical.has(param) {
            return passes(literal);
        }
        let mut logical = Sql::new(&format!(
            "EXISTS (SELECT 1 FROM reference i{by}{then}reference {inner} ON {inner}.param = ? \
             AND {inner}.target = i.target WHERE i.rid = {rid} AND i.param = ?"
        ));
        logical.bind(param.0 as i64).bind(ParamId::IDENTITY.0 as i64);
        Sql::any(vec![passes(literal), passes(logical)])
    }
}

/// A table name for the next level of nesting, so that a probe's row is never mistaken for its neighbour's.
fn inner_alias(rid: &str) -> String {
    format!("{}x", rid.trim_end_matches(".rid"))
}
