//! Which of a plan's links are taken by an identifier alone (references.html#logical). Few parameters have such
//! references; the others' links are looked for in one way only.

use super::{Runner, Sql};
use crate::rows::IndexHash;
use crate::{Plan, Result};
use fhir::search::{Clause, Filter, ParamId, Test};
use rustc_hash::FxHashSet;

/// The parameters by which some reference is a logical one.
#[derive(Debug, Default)]
pub(crate) struct Logical(FxHashSet<ParamId>);

impl Logical {
    /// Those among the parameters of a plan's chains, in both directions.
    pub(crate) async fn of(runner: &mut dyn Runner, hash: &IndexHash, plan: &Plan) -> Result<Logical> {
        let mut linking = FxHashSet::default();
        plan.branches.iter().for_each(|it| collect(&it.filter, &mut linking));
        if linking.is_empty() {
            return Ok(Logical::default());
        }
        let params: Vec<ParamId> = linking.into_iter().collect();
        let marks = params.iter().map(|param| {
            let mut mark = Sql::new("(SELECT count(*) FROM (SELECT 1 FROM key WHERE key = ?");
            mark.bind(hash.logical(*param)).limit(1).push(") m)");
            mark
        });
        let mut statement = Sql::new("SELECT ");
        statement.append(Sql::join(marks.collect(), ", ", ""));
        let found = runner.counts(statement).await?;
        Ok(params.into_iter().zip(found).filter(|(_, count)| *count > 0).map(|(param, _)| param).collect())
    }

    /// Whether some reference by this parameter is a logical one.
    pub(crate) fn has(&self, param: ParamId) -> bool {
        self.0.contains(&param)
    }
}

impl FromIterator<ParamId> for Logical {
    fn from_iter<I: IntoIterator<Item = ParamId>>(params: I) -> Logical {
        Logical(params.into_iter().collect())
    }
}

fn collect(filter: &Filter, linking: &mut FxHashSet<ParamId>) {
    let tests = filter.iter().flat_map(|clause| match clause {
        Clause::Any(tests) | Clause::None(tests) => tests,
    });
    for test in tests {
        match test {
            Test::Chain { param, filter, .. } | Test::Has { param, filter, .. } => {
                linking.insert(*param);
                collect(filter, linking);
            }
            Test::All(filter) => collect(filter, linking),
            _ => {}
        }
    }
}
