//! References by an identifier alone (references.html#logical), which chains and includes follow to what has it, for callers
//! who do not see all elements: one that is followed tells of the identifier, at either end.
//!
//! So a chain or `_has` that may go by one finds nothing by it unless what refers has no hidden element, and neither has
//! whatever it leads to. References by address tell no more than the ids that they have.

use super::labelled::is_of_element;
use crate::{Context, Engine};
use fhir::Result;
use fhir::search::{Clause, Filter, ParamId, Test};

impl Engine {
    /// Has criteria on resources of a type follow no identifier that is hidden. They have been narrowed to what they look at.
    pub(crate) fn follow_seen(&self, ctx: &Context, of: &str, filter: &mut Filter) -> Result<()> {
        if !ctx.lacks_clearance() {
            return Ok(());
        }
        let tests = filter.iter_mut().flat_map(|it| match it {
            Clause::Any(tests) | Clause::None(tests) => tests,
        });
        for test in tests {
            let guard = match test {
                Test::All(inner) => {
                    self.follow_seen(ctx, of, inner)?;
                    continue;
                }
                Test::Chain { param, of: target, filter: inner, .. } => {
                    self.follow_seen(ctx, target, inner)?;
                    let (param, target) = (*param, target.clone());
                    self.led_to_seen(ctx, (of, param), target)?
                }
                Test::Has { of: source, param, filter: inner } => {
                    self.follow_seen(ctx, source, inner)?;
                    inner.extend(self.seen_or_by_address(ctx, (source, *param))?);
                    self.seen_or_pointed_to(ctx, of, (source.clone(), *param))?
                }
                _ => continue,
            };
            let followed = std::mem::replace(test, Test::All(Filter::new()));
            *test = Test::All([Clause::Any(vec![followed])].into_iter().chain(guard).collect());
        }
        Ok(())
    }

    /// That a resource refers by a parameter by address alone, or has nothing hidden, nor has what it leads to.
    fn led_to_seen(&self, ctx: &Context, (of, param): (&str, ParamId), target: String) -> Result<Filter> {
        let hidden = hidden(self.unlabelled(ctx, &target)?);
        let chain = |filter| Test::Chain { param, is_single: false, of: target, filter };
        let mut seen: Filter = hidden.map(|it| Clause::None(vec![chain(it)])).into_iter().collect();
        seen.extend(self.seen_if_aside(ctx, (of, param))?);
        Ok(one_of(seen, by_address(param)))
    }

    /// That a resource refers by a parameter by address alone, or has nothing hidden.
    fn seen_or_by_address(&self, ctx: &Context, (of, param): (&str, ParamId)) -> Result<Filter> {
        Ok(one_of(self.seen_if_aside(ctx, (of, param))?, by_address(param)))
    }

    /// That a resource has nothing hidden, if a reference by this parameter was not looked at as its elements are.
    fn seen_if_aside(&self, ctx: &Context, (of, param): (&str, ParamId)) -> Result<Filter> {
        match is_of_element(of, param) {
            true => Ok(Filter::new()),
            false => self.unlabelled(ctx, of),
        }
    }

    /// That a resource has nothing hidden, or that what refers to it by a parameter does so by address alone.
    fn seen_or_pointed_to(&self, ctx: &Context, of: &str, (source, param): (String, ParamId)) -> Result<Filter> {
        let by_identifier = vec![Clause::None(vec![by_address(param)])];
        let pointing = Test::Has { of: source, param, filter: by_identifier };
        Ok(one_of(self.unlabelled(ctx, of)?, Test::All(vec![Clause::None(vec![pointing])])))
    }
}

/// That each reference by a parameter leads to something that is here, by its address.
fn by_address(param: ParamId) -> Test {
    Test::Unowned { params: vec![param], of: String::new() }
}

/// What does not pass a filter; `None` where all does.
fn hidden(unlabelled: Filter) -> Option<Filter> {
    (!unlabelled.is_empty()).then(|| vec![Clause::None(vec![Test::All(unlabelled)])])
}

/// That a filter is passed or a test; nothing where all pass the filter.
fn one_of(filter: Filter, test: Test) -> Filter {
    match filter.is_empty() {
        true => filter,
        false => vec![Clause::Any(vec![Test::All(filter), test])],
    }
}
