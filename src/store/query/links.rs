//! Chains and reverse chains: from what passes a filter to what points to it, and from what points to what is pointed
//! to (search.html#chaining, search.html#has).

use super::filter::{Driver, Filters};
use super::sql::Sql;
use fhir::search::{Filter, ParamId};

impl Filters<'_> {
    /// What refers by `param` to a resource of type `to` that passes the filter.
    pub(crate) fn chain_driver(&self, param: ParamId, to: &str, filter: &Filter) -> Driver {
        let then = self.dialect.then();
        let mut sql = Sql::new("SELECT f.rid FROM (");
        sql.append(self.rids(to, filter));
        sql.push(&format!(
            ") t{then}resource r ON r.rid = t.rid{then}reference f ON f.param = ? AND f.target = r.rkey"
        ));
        sql.bind(param.0 as i64);
        Driver::unordered(vec![sql])
    }

    /// The resources of type `of` to which one of type `from` that passes the filter refers by `param`.
    pub(crate) fn has_driver(&self, of: &str, from: &str, param: ParamId, filter: &Filter) -> Driver {
        let (then, by) = (self.dialect.then(), self.dialect.by("reference_rid"));
        let mut sql = Sql::new("SELECT r.rid FROM (");
        sql.append(self.rids(from, filter));
        sql.push(&format!(
            ") t{then}reference f{by} ON f.rid = t.rid AND f.param = ?{then}resource r ON r.rkey = f.target \
             AND r.type = ? AND r.method < 4"
        ));
        sql.bind(param.0 as i64).bind(of.to_owned());
        Driver::unordered(vec![sql])
    }

    /// Whether the row refers by `param` to a resource of type `to` that passes the filter.
    pub(crate) fn chain_probe(&self, param: ParamId, to: &str, filter: &Filter, rid: &str) -> Sql {
        let (inner, then, by) = (inner_alias(rid), self.dialect.then(), self.dialect.by("reference_rid"));
        let mut sql = Sql::new(&format!(
            "EXISTS (SELECT 1 FROM reference f{by}{then}resource {inner} ON {inner}.rkey = f.target \
             AND {inner}.type = ? AND {inner}.method < 4 WHERE f.rid = {rid} AND f.param = ?"
        ));
        sql.bind(to.to_owned()).bind(param.0 as i64);
        sql.append(self.probes(to, filter, None, &format!("{inner}.rid"), " AND ")).push(")");
        sql
    }

    /// Whether a resource of type `from` that passes the filter refers to the row by `param`.
    pub(crate) fn has_probe(&self, from: &str, param: ParamId, filter: &Filter, rid: &str) -> Sql {
        let (inner, then) = (inner_alias(rid), self.dialect.then());
        let mut sql = Sql::new(&format!(
            "EXISTS (SELECT 1 FROM resource h{then}reference {inner} ON {inner}.param = ? AND {inner}.target = h.rkey \
             WHERE h.rid = {rid}"
        ));
        sql.bind(param.0 as i64);
        sql.append(self.probes(from, filter, None, &format!("{inner}.rid"), " AND ")).push(")");
        sql
    }
}

/// A table name for the next level of nesting, so that a probe's row is never mistaken for its neighbour's.
fn inner_alias(rid: &str) -> String {
    format!("{}x", rid.trim_end_matches(".rid"))
}
