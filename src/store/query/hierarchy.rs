//! Hierarchies: all that stands above or below a resource by the references of its type (search.html#recursive).

use super::filter::Filters;
use super::sql::Sql;
use fhir::search::{ParamId, Side};

impl Filters<'_> {
    /// The rows that refer by `param` to the resource of type `of` with this key, or to what is above or below it by
    /// `parent`. Circles, which no strict hierarchy has, end by themselves.
    pub(crate) fn kin(&self, param: ParamId, (of, root): (&str, i64), parent: ParamId, side: Side) -> Sql {
        let then = |rows: &str, condition: &str| self.dialect.then(rows, condition);
        let refers = format!("reference f{}", self.dialect.by("reference_rid"));
        let mut sql = Sql::new("SELECT rid FROM (WITH RECURSIVE kin(rkey) AS (SELECT ? UNION SELECT r.rkey FROM kin");
        sql.bind(root);
        match side {
            Side::Below => sql.push(&then("reference f", "f.param = ? AND f.target = kin.rkey")),
            Side::Above => sql
                .push(&then("resource h", "h.rkey = kin.rkey AND h.method < 4"))
                .push(&then(&refers, "f.rid = h.rid AND f.param = ?")),
        };
        sql.bind(parent.0 as i64);
        let is_next = match side {
            Side::Below => "r.rid = f.rid AND r.type = ? AND r.method < 4",
            Side::Above => "r.rkey = f.target AND r.type = ? AND r.method < 4",
        };
        sql.push(&then("resource r", is_next)).bind(of.to_owned());
        let refers = then("reference f", "f.param = ? AND f.target = kin.rkey");
        sql.push(&format!(") SELECT f.rid FROM kin{refers}) kin"));
        sql.bind(param.0 as i64);
        sql
    }
}
