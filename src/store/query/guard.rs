//! What a change demands of other resources.

use super::{Answers, Runner, Way, page};
use crate::{Branch, Guard, Plan, Result};
use rustc_hash::FxHashSet;

/// Whether criteria still match what they matched.
pub(crate) async fn still_holds(runner: &mut dyn Runner, guard: &Guard) -> Result<bool> {
    let Guard::Matches { of, filter, ids } = guard;
    let branch = Branch { of: of.clone(), filter: filter.clone(), sort: Vec::new() };
    let plan = Plan { branches: vec![branch], after: None, limit: ids.len() + 1 };
    let page = page(runner, &Answers::default(), &plan, Way::On).await?;
    let found: FxHashSet<&str> = page.found.iter().map(|it| it.key.id.as_str()).collect();
    let expected: FxHashSet<&str> = ids.iter().map(String::as_str).collect();
    Ok(found == expected)
}
