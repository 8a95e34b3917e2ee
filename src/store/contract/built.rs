//! Index rows that an earlier version did not write.

use super::commits::none_matches;
use super::{Engine, Ward, ward};
use crate::{ALL_ROWS, Branch, Build, BuildChange, Changes, CommitError, Error, Guard, Plan};
use fhir::search::{Clause, ParamId, Test, TokenTest};

/// None of a label, as it is told by such rows.
fn unlabelled() -> Vec<Clause> {
    let label = Test::Token(ParamId::LABELS, TokenTest::Code("R".into()));
    vec![Clause::None(vec![Test::All(vec![Clause::Any(vec![label])])])]
}

async fn change(ward: &Ward, build: BuildChange) {
    ward.session.commit(Changes { build: Some(build), ..Changes::default() }).await.unwrap();
}

/// What rules of privacy ask is not answered by half: what is to be hidden would be found.
pub(crate) async fn rules_wait_for_all_rows(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.create("Patient", "a", &[]).await;
    let branch = Branch { of: "Patient".into(), filter: unlabelled(), sort: Vec::new() };
    let plan = Plan { branches: vec![branch], after: None, limit: 10 };
    let guarded = || {
        let guard = Guard::Matches { of: "Patient".into(), filter: unlabelled(), ids: vec!["a".into()] };
        Changes { guards: vec![guard], ..Changes::default() }
    };
    let build = |is_finished| Build {
        name: ALL_ROWS.into(),
        types: vec!["Patient".into()],
        position: 0,
        done: 0,
        total: 1,
        damaged: 0,
        is_finished,
    };
    for step in [None, Some(BuildChange::Begin(build(false)))] {
        if let Some(step) = step {
            change(&ward, step).await;
        }
        assert!(matches!(ward.session.search(&plan).await, Err(Error::Unindexed)));
        assert!(matches!(ward.session.count(&plan).await, Err(Error::Unindexed)));
        let refused = ward.session.commit(guarded()).await;
        assert!(matches!(refused, Err(CommitError::Store(Error::Unindexed))), "{refused:?}");
        let others = Changes { guards: vec![none_matches("x")], ..Changes::default() };
        ward.session.commit(others).await.expect("others do not wait");
    }
    change(&ward, BuildChange::Advance(build(true))).await;
    assert_eq!(ward.session.search(&plan).await.unwrap().found.len(), 1);
    assert_eq!(ward.session.count(&plan).await.unwrap(), 1);
    ward.session.commit(guarded()).await.unwrap();
}
