//! Searches of a tenant that has marked elements: what asks for equality is asked of the hashes, and what hashes cannot tell is refused by name,
//! as nothing found would be wrong.

use crate::keys::{Marks, Sealer};
use crate::{Branch, Error, Guard, Plan, Result, Session, SortBy};
use fhir::search::{Clause, Filter, ParamId, Shelf, StringTest, Test};
use std::borrow::Cow;

/// Under these numbers stand the hashes of a marked parameter's texts: none of the standard's is as great.
const MARKED: u64 = 1 << 33;

/// The number of a marked parameter.
pub(crate) fn marked(param: ParamId) -> ParamId {
    ParamId(param.0 | MARKED)
}

/// Whether a parameter's texts are kept as hashes. What a store makes of composites is greater.
pub(crate) fn is_marked(param: ParamId) -> bool {
    param.0 >> 33 == 1
}

/// A plan as it is asked, by what is marked as of two seconds ago at the most, unless the directory does not answer: a session may be
/// older. Where nothing is marked, or nothing is asked of texts, the plan is what it was.
pub(crate) async fn asked<'a>(session: &dyn Session, sealer: &Sealer, plan: &'a Plan) -> Result<Cow<'a, Plan>> {
    if !plan.branches.iter().any(asks_of_texts) {
        return Ok(Cow::Borrowed(plan));
    }
    let secrets = sealer.secrets().await?;
    let marks = &secrets.marks;
    if marks.is_empty() {
        return Ok(Cow::Borrowed(plan));
    }
    let asking = Asking { marks, is_settled: is_settled(session, sealer, marks).await? };
    let mut plan = plan.clone();
    for branch in &mut plan.branches {
        asking.filter(&branch.of, &mut branch.filter)?;
        branch.sort.iter().try_for_each(|it| asking.sort(&it.by))?;
    }
    Ok(Cow::Owned(plan))
}

/// Whether something is asked that marks may concern.
fn asks_of_texts(branch: &Branch) -> bool {
    branch.sort.iter().any(|it| matches!(it.by, SortBy::String(_))) || has_texts(&branch.filter)
}

fn has_texts(filter: &Filter) -> bool {
    let mut tests = filter.iter().flat_map(|it| match it {
        Clause::Any(tests) | Clause::None(tests) => tests,
    });
    tests.any(|it| match it {
        Test::Text(..) | Test::String(..) | Test::Present(_, Shelf::String) => true,
        Test::Chain { filter, .. } | Test::Has { filter, .. } | Test::All(filter) => has_texts(filter),
        _ => false,
    })
}

/// The same of what a change demands, which a search has asked for before.
pub(crate) fn guard(marks: &Marks, guard: &mut Guard) -> Result<()> {
    let Guard::Matches { of, filter, .. } = guard;
    Asking { marks, is_settled: true }.filter(of, filter)
}

/// Whether all index rows are as the marks want them.
async fn is_settled(session: &dyn Session, sealer: &Sealer, marks: &Marks) -> Result<bool> {
    if sealer.is_settled(&marks.build) {
        return Ok(true);
    }
    let is_finished = session.builds().await?.iter().any(|it| it.name == marks.build && it.is_finished);
    if is_finished {
        sealer.settle(&marks.build);
    }
    Ok(is_finished)
}

struct Asking<'a> {
    marks: &'a Marks,
    is_settled: bool,
}

impl Asking<'_> {
    fn filter(&self, of: &str, filter: &mut Filter) -> Result<()> {
        let mut tests = filter.iter_mut().flat_map(|it| match it {
            Clause::Any(tests) | Clause::None(tests) => tests,
        });
        tests.try_for_each(|it| self.test(of, it))
    }

    fn test(&self, of: &str, test: &mut Test) -> Result<()> {
        match test {
            Test::Text(..) if self.marks.has_type(of) => Err(Error::MarkedText(of.to_owned())),
            Test::String(param, string) => match (self.code(*param)?, string) {
                (None, _) => Ok(()),
                (Some(_), StringTest::Exact(_) | StringTest::Folded(_)) => {
                    *param = marked(*param);
                    Ok(())
                }
                (Some(code), _) => Err(Error::Marked(code.to_owned())),
            },
            Test::Present(param, Shelf::String) => {
                if self.code(*param)?.is_some() {
                    *param = marked(*param);
                }
                Ok(())
            }
            Test::Chain { of, filter, .. } | Test::Has { of, filter, .. } => self.filter(of, filter),
            Test::All(filter) => self.filter(of, filter),
            _ => Ok(()),
        }
    }

    fn sort(&self, by: &SortBy) -> Result<()> {
        match by {
            SortBy::String(param) => match self.code(*param)? {
                Some(code) => Err(Error::Marked(code.to_owned())),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// The name of a marked parameter; fails if it is not known yet what is found by it.
    fn code(&self, param: ParamId) -> Result<Option<&str>> {
        let code = self.marks.param(param);
        match code.or_else(|| self.marks.former_param(param)) {
            Some(code) if !self.is_settled => Err(Error::Marking(code.to_owned())),
            _ => Ok(code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_parameters_are_told_from_others() {
        let city = ParamId::of("Patient", "address-city");
        assert!(is_marked(marked(city)));
        for other in [city, ParamId::IDENTITY, ParamId::DATED, ParamId(1 << 61 | 1 << 33)] {
            assert!(!is_marked(other), "{other:?}");
        }
    }
}
