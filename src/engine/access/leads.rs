//! Whether what a resource points at passes, for one that no row tells of: a version that is not stored yet, or not the
//! current one any more.

use crate::content::type_of;
use crate::{Context, Engine};
use fhir::Result;
use fhir::json::Value;
use fhir::search::{Clause, Filter, IndexSink, ParamId, Target, Test};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::VecDeque;
use store::{Branch, Key, Plan};

/// What is asked of what a resource refers to by these parameters.
enum Question {
    /// Whether one of them passes.
    Leads(Vec<ParamId>, Filter),
    /// Whether all of them are here.
    AreHere(Vec<ParamId>),
}

impl Engine {
    /// Criteria with what they ask of resources that this one points at answered by the store.
    pub(super) async fn settled(&self, ctx: &Context, resource: Value<'_>, filter: &Filter) -> Result<Filter> {
        let mut questions = Vec::new();
        each_question(filter, &mut |it| questions.push(it));
        let mut answers = VecDeque::with_capacity(questions.len());
        for question in questions {
            answers.push_back(self.answer(ctx, resource, question).await?);
        }
        Ok(answered(filter, &mut answers))
    }

    async fn answer(&self, ctx: &Context, resource: Value<'_>, question: Question) -> Result<bool> {
        match question {
            Question::Leads(params, filter) => {
                let pointed = self.pointed(ctx, resource, params)?;
                let branch = |(of, ids): (String, FxHashSet<String>)| {
                    let these = Clause::Any(ids.into_iter().map(Test::Id).collect());
                    Branch { of, filter: [these].into_iter().chain(filter.iter().cloned()).collect(), sort: Vec::new() }
                };
                for branch in pointed.into_iter().map(branch) {
                    let plan = Plan { branches: vec![branch], after: None, limit: 1 };
                    if ctx.session.count(&plan).await? > 0 {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Question::AreHere(params) => {
                let pointed = self.pointed(ctx, resource, params)?.into_iter();
                let keys: Vec<Key> =
                    pointed.flat_map(|(of, ids)| ids.into_iter().map(move |id| Key::new(&*of, id))).collect();
                Ok(ctx.session.read_many(&keys).await?.len() == keys.len())
            }
        }
    }

    /// The resources to which one refers by some parameters: ids by type.
    fn pointed(
        &self,
        ctx: &Context,
        resource: Value<'_>,
        params: Vec<ParamId>,
    ) -> Result<FxHashMap<String, FxHashSet<String>>> {
        let mut pointed = Pointed { params, ids: FxHashMap::default() };
        ctx.params().index(&self.indexer, (type_of(resource)?, resource), ctx.base(), &mut pointed, |_, _| true);
        Ok(pointed.ids)
    }
}

/// Takes what a resource refers to by some parameters.
struct Pointed {
    params: Vec<ParamId>,
    ids: FxHashMap<String, FxHashSet<String>>,
}

impl IndexSink for Pointed {
    fn reference(&mut self, param: ParamId, target: &Target<'_>) {
        if let Target::Local { of, id } = target
            && self.params.contains(&param)
        {
            self.ids.entry((*of).to_owned()).or_default().insert((*id).to_owned());
        }
    }
}

fn tests(clause: &Clause) -> &[Test] {
    match clause {
        Clause::Any(tests) | Clause::None(tests) => tests,
    }
}

/// Whether criteria ask something of what one refers to.
pub(super) fn has_questions(filter: &Filter) -> bool {
    let mut has = false;
    each_question(filter, &mut |_| has = true);
    has
}

fn each_question(filter: &Filter, take: &mut dyn FnMut(Question)) {
    for test in filter.iter().flat_map(tests) {
        match test {
            Test::Leads { params, filter } => take(Question::Leads(params.clone(), filter.clone())),
            Test::Unowned { params, of } if of.is_empty() => take(Question::AreHere(params.clone())),
            Test::All(inner) => each_question(inner, take),
            _ => {}
        }
    }
}

/// The criteria with answers, in the order of the questions.
fn answered(filter: &Filter, answers: &mut VecDeque<bool>) -> Filter {
    let mut all = |of: &[Test]| of.iter().map(|it| answer(it, answers)).collect();
    let clause = |it: &Clause| match it {
        Clause::Any(of) => Clause::Any(all(of)),
        Clause::None(of) => Clause::None(all(of)),
    };
    filter.iter().map(clause).collect()
}

fn answer(test: &Test, answers: &mut VecDeque<bool>) -> Test {
    let is_so = |is_so: bool| Test::All(if is_so { Vec::new() } else { vec![Clause::Any(Vec::new())] });
    match test {
        Test::Leads { .. } => is_so(answers.pop_front().unwrap_or(true)),
        // Whether it refers to what no store has is told by the resource itself.
        Test::Unowned { of, .. } if of.is_empty() && answers.pop_front() != Some(true) => is_so(false),
        Test::All(inner) => Test::All(answered(inner, answers)),
        other => other.clone(),
    }
}
