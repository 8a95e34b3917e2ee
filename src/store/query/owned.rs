//! Membership of the compartments of many: what refers to one of a list, which is hashed once for a statement; and what leads
//! to resources of any type, such as those.

use super::filter::{Driver, Filters};
use super::links::inner_alias;
use super::sql::Sql;
use fhir::search::{Filter, Owners, ParamId};

/// More parameters than this are looked for among a row's references, and not each by itself.
const FEW: usize = 16;

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
        let mut other = Sql::new(&format!(
            "SELECT 1 FROM resource {inner} WHERE {inner}.rkey = f.target AND {inner}.type <> ? AND {inner}.method < 4"
        ));
        other.bind(of.to_owned());
        let mut referring = Sql::new(&format!("SELECT 1 FROM reference f{by} WHERE f.rid = {rid} AND "));
        referring.append(one_of("f.param", params)).push(" AND NOT ").append(self.dialect.exists(other));
        let mut sql = Sql::new("NOT ");
        sql.append(self.dialect.exists(referring));
        sql
    }

    /// Whether the row refers by one of these parameters to a resource that passes the filter, of whatever type.
    pub(crate) fn leads_probe(&self, params: &[ParamId], filter: &Filter, rid: &str) -> Sql {
        let (inner, by) = (inner_alias(rid), self.dialect.by("reference_rid"));
        let end = format!("{inner}.rkey = f.target AND {inner}.method < 4");
        let end = self.dialect.then(&format!("resource {inner}"), &end);
        let mut leading = Sql::new(&format!("SELECT 1 FROM reference f{by}{end} WHERE f.rid = {rid} AND "));
        leading.append(one_of("f.param", params));
        leading.append(self.probes("", filter, &[], &format!("{inner}.rid"), " AND "));
        self.dialect.exists(leading)
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
    let is_range = params.len() <= FEW;
    let mut sql = Sql::new(&if is_range { format!("{column} IN (") } else { format!("({column} + 0) IN (") });
    for (at, param) in params.iter().enumerate() {
        sql.push(if at == 0 { "?" } else { ", ?" }).bind(param.0 as i64);
    }
    sql.push(")");
    sql
}
