//! Hierarchies: all that stands above or below a resource by the references of its type (search.html#recursive).

use super::filter::Filters;
use super::sql::Sql;
use fhir::search::{ParamId, Side};

impl Filters<'_> {
    /// The rows that refer by `param` to the resource of type `of` with this key, or to what is above or below it by
    /// `parent`. Circles, which no strict hierarchy has, end by themselves.
    pub(crate) fn kin(&self, param: ParamId, (of, root): (&str, i64), parent: ParamId, side: Side) -> Sql {
        let (then, by) = (self.dialect.then(), self.dialect.by("reference_rid"));
        let mut sql = Sql::new("SELECT rid FROM (WITH RECURSIVE kin(rkey) AS (SELECT ? UNION SELECT r.rkey FROM kin");
        sql.bind(root);
        match side {
            Side::Below => sql.push(&format!("{then}reference f ON f.param = ? AND f.target = kin.rkey")),
            Side::Above => sql.push(&format!(
                "{then}resource h ON h.rkey = kin.rkey AND h.method < 4{then}reference f{by} ON f.rid = h.rid AND f.param = ?"
            )),
        };
        sql.bind(parent.0 as i64);
        sql.push(&match side {
            Side::Below => format!("{then}resource r ON r.rid = f.rid"),
            Side::Above => format!("{then}resource r ON r.rkey = f.target"),
        });
        sql.push(" AND r.type = ? AND r.method < 4").bind(of.to_owned());
        sql.push(&format!(") SELECT f.rid FROM kin{then}reference f ON f.param = ? AND f.target = kin.rkey) kin"));
        sql.bind(param.0 as i64);
        sql
    }
}
