//! Membership of the compartments of many: what refers to one of a list, which is hashed once for a statement.

use super::filter::{Driver, Filters};
use super::links::inner_alias;
use super::sql::Sql;
use fhir::search::{Owners, ParamId};

impl Filters<'_> {
    /// What refers to one of these by a parameter, and themselves.
    pub(crate) fn owned_driver(&self, params: &[ParamId], is_owner: bool, owners: &Owners) -> Driver {
        let looked_up = |column: &str, rows: &str, condition: &str, values: Vec<i64>| {
            let then = self.dialect.then(rows, condition);
            let mut sql = Sql::new(&format!("SELECT {column} FROM {}{then}", self.dialect.list()));
            sql.bind(values);
            sql
        };
        let targets = self.targets(owners);
        let referring = params.iter().map(|param| {
            let condition = "f.param = ? AND f.target = w.value";
            let mut sql = looked_up("f.rid", "reference f", condition, targets.clone());
            sql.bind(param.0 as i64);
            sql
        });
        let itself = || looked_up("r.rid", "resource r", "r.rkey = w.value AND r.method < 4", self.resources(owners));
        Driver::unordered(referring.chain(is_owner.then(itself)).collect())
    }

    /// Whether the row refers to one of these by a parameter, or is one.
    pub(crate) fn owned_probe(&self, params: &[ParamId], is_owner: bool, owners: &Owners, rid: &str) -> Sql {
        let by = self.dialect.by("reference_rid");
        let mut referring = Sql::new(&format!("SELECT 1 FROM reference f{by} WHERE f.rid = {rid} AND "));
        referring.append(one_of("f.param", params)).push(" AND ");
        referring.append(self.dialect.among("f.target", self.listed(self.targets(owners))));
        let mut ways = vec![self.dialect.exists(referring)];
        if is_owner {
            let mut itself = Sql::new(&format!("SELECT 1 FROM resource q WHERE q.rid = {rid} AND "));
            itself.append(self.dialect.among("q.rkey", self.listed(self.resources(owners))));
            ways.push(self.dialect.exists(itself));
        }
        Sql::any(ways)
    }

    /// Whether all that the row refers to by these parameters is here, and of another type.
    pub(crate) fn unowned_probe(&self, params: &[ParamId], of: &str, rid: &str) -> Sql {
        let (inner, by) = (inner_alias(rid), self.dialect.by("reference_rid"));
        let mut other =
            Sql::new(&format!("SELECT 1 FROM resource {inner} WHERE {inner}.rkey = f.target AND {inner}.type <> ?"));
        other.bind(of.to_owned());
        let mut referring = Sql::new(&format!("SELECT 1 FROM reference f{by} WHERE f.rid = {rid} AND "));
        referring.append(one_of("f.param", params)).push(" AND NOT ").append(self.dialect.exists(other));
        let mut sql = Sql::new("NOT ");
        sql.append(self.dialect.exists(referring));
        sql
    }

    fn listed(&self, values: Vec<i64>) -> Sql {
        let mut sql = Sql::new(&format!("SELECT w.value FROM {}", self.dialect.list()));
        sql.bind(values);
        sql
    }

    fn resources(&self, owners: &Owners) -> Vec<i64> {
        owners.ids().iter().map(|id| self.hash.resource(&owners.of, id)).collect()
    }

    /// What references to these point to: themselves, and their identifiers, with their type and without one.
    fn targets(&self, owners: &Owners) -> Vec<i64> {
        let mut targets = self.resources(owners);
        for (system, value) in owners.identifiers() {
            targets.extend(["", &owners.of].map(|of| self.hash.identifier(of, Some(system), value)));
        }
        targets
    }
}

/// That a column is one of these parameters.
fn one_of(column: &str, params: &[ParamId]) -> Sql {
    let mut sql = Sql::new(&format!("{column} IN ("));
    for (at, param) in params.iter().enumerate() {
        sql.push(if at == 0 { "?" } else { ", ?" }).bind(param.0 as i64);
    }
    sql.push(")");
    sql
}
