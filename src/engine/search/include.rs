//! `_include` and `_revinclude` (search.html#include): resources that those found point to, or that point to them.

use super::params::Search;
use crate::audit::AUDIT_EVENT;
use crate::own::Params;
use crate::{Context, Engine};
use fhir::json::Doc;
use fhir::outcome::shown;
use fhir::search::{Clause, IndexSink, ParamId, Target, Test, is_served};
use fhir::spec::{ParamType, SearchParam, Spec, TypeId, r4};
use fhir::{Failure, Issue, IssueType, Result};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{Branch, Key, Plan, Stored};

/// Targets in one query of a `_revinclude`.
const BATCH: usize = 200;

/// One `_include` or `_revinclude`.
pub(crate) struct Include {
    pub(crate) is_reverse: bool,
    /// `:iterate`: also for what was included.
    iterates: bool,
    /// The type whose reference it is; `None` for `*`.
    source: Option<TypeId>,
    /// The reference parameter; `None` for all.
    param: Option<String>,
    /// Only targets of this type.
    target: Option<TypeId>,
}

impl Include {
    /// Reads `_include[:iterate]=Type:param[:Target]`, `Type:*` or `*`, and `_revinclude` alike.
    pub(crate) fn parse(spec: &Spec, name: &str, value: &str) -> Result<Include> {
        let (head, modifier) = name.split_once(':').unwrap_or((name, ""));
        let iterates = match modifier {
            "" => false,
            // `:recurse` is what STU3 called it.
            "iterate" | "recurse" => true,
            _ => return Err(refused(format!("{head} takes no other modifier than :iterate."))),
        };
        let is_reverse = match head {
            "_include" => false,
            "_revinclude" => true,
            _ => return Err(refused("A parameter that begins with _include or _revinclude is unknown.")),
        };
        if value == "*" {
            return Ok(Include { is_reverse, iterates, source: None, param: None, target: None });
        }
        let mut parts = value.split(':');
        let (Some(source), Some(code), target, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            let told =
                format!("{head} takes [type]:[reference parameter], perhaps with :[target type], [type]:* or *.");
            return Err(refused(told));
        };
        let resource = |name: &str| {
            r4().resource(name).ok_or_else(|| refused(format!("{head} names a resource type that R4 has not.")))
        };
        if is_reverse && source == AUDIT_EVENT {
            return Err(refused("AuditEvents are not included: search them by themselves."));
        }
        let source = resource(source)?;
        let target = target.filter(|it| !it.is_empty()).map(resource).transpose()?;
        let param = (code != "*").then(|| code.to_owned());
        if let Some(code) = &param {
            let is_reference = spec.param(source, code).is_some_and(is_reference_served);
            if !is_reference {
                let shown = shown(code);
                return Err(refused(format!("{} has no reference parameter {shown}.", r4().of(source).name)));
            }
        }
        Ok(Include { is_reverse, iterates, source: Some(source), param, target })
    }
}

fn is_reference_served(param: &SearchParam) -> bool {
    param.kind == ParamType::Reference && is_served(param)
}

fn refused(told: impl Into<String>) -> Failure {
    Failure::new(IssueType::Invalid, told)
}

/// What includes add to a page.
#[derive(Default)]
pub(crate) struct Included {
    pub(crate) resources: Vec<Stored>,
    pub(crate) issues: Vec<Issue>,
}

impl Include {
    /// The type and the parameter, where they are named.
    pub(super) fn named(&self) -> Option<(&'static str, &str)> {
        Some((&*r4().of(self.source?).name, self.param.as_deref()?))
    }
}

impl Engine {
    /// All that the search's includes ask for, each resource once and none that was found itself.
    pub(crate) async fn included(&self, ctx: &Context, search: &Search, found: &[Stored]) -> Result<Included> {
        let mut included = Included::default();
        if search.includes.is_empty() || found.is_empty() {
            return Ok(included);
        }
        let mut seen: FxHashSet<Key> = found.iter().map(|it| it.key.clone()).collect();
        let mut hidden = FxHashSet::default();
        let mut round: Vec<Stored> = found.to_vec();
        let mut is_first = true;
        while !round.is_empty() {
            let mut fresh = Vec::new();
            for include in search.includes.iter().filter(|it| is_first || it.iterates) {
                let more = match include.is_reverse {
                    // Nothing follows a reference that is hidden.
                    false => self.forward(ctx, include, &self.as_seen(ctx, &round)?).await?,
                    true => self.reverse(ctx, include, &round).await?,
                };
                let more = more.into_iter().filter(|it| !seen.contains(&it.key)).collect();
                let (readable, not_granted) = self.readable(ctx, more).await?;
                hidden.extend(not_granted);
                fresh.extend(readable.into_iter().filter(|it| seen.insert(it.key.clone())));
            }
            if included.resources.len() + fresh.len() > self.settings.max_includes {
                let told =
                    "The includes add more resources to a page than this server allows; ask for fewer with _count.";
                return Err(Failure::new(IssueType::TooCostly, told));
            }
            included.resources.extend(fresh.iter().cloned());
            round = fresh;
            is_first = false;
        }
        included.issues = hidden
            .iter()
            .map(|of| {
                Issue::warning(IssueType::Suppressed, format!("The access token does not allow to include {of}."))
            })
            .collect();
        Ok(included)
    }

    async fn forward(&self, ctx: &Context, include: &Include, from: &[Stored]) -> Result<Vec<Stored>> {
        let params = ctx.params();
        let mut pointed = Pointed { only: include.target, ..Pointed::default() };
        for stored in from {
            let Some(of) = r4().resource(&stored.key.of) else { continue };
            if include.source.is_some_and(|it| it != of) {
                continue;
            }
            let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
            let doc = Doc::parse(text).map_err(Failure::internal)?;
            let is_asked = |code: &str, kind: ParamType| {
                kind == ParamType::Reference && include.param.as_deref().is_none_or(|it| it == code)
            };
            pointed.source = Some(stored.key.clone());
            params.index(&self.indexer, (of, doc.root()), ctx.base(), &mut pointed, is_asked);
        }
        let keys: Vec<Key> = pointed.keys.into_iter().collect();
        let mut found = ctx.session.read_many(&keys).await?;
        for (param, sources) in pointed.by_identifier {
            found.extend(self.identified(ctx, include, param, &sources).await?);
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// What resources, all of one type, refer to by a parameter of theirs; for those that do so by an identifier alone.
    async fn identified(
        &self,
        ctx: &Context,
        include: &Include,
        param: ParamId,
        sources: &[Key],
    ) -> Result<Vec<Stored>> {
        let (params, Some(first)) = (ctx.params(), sources.first()) else { return Ok(Vec::new()) };
        let spec = params.spec();
        let known = spec.resource(&first.of).map(|it| spec.params_of(it)).unwrap_or_default();
        let definition = known.into_iter().find(|it| ParamId::of_param(&first.of, it) == param);
        let targets: Vec<TypeId> = match definition.map(|it| it.targets.as_slice()) {
            None | Some([]) => spec.resources().collect(),
            Some(targets) => targets.to_vec(),
        };
        let mut filter = vec![Clause::Any(sources.iter().map(|it| Test::Id(it.id.clone())).collect())];
        // Of several identifiers one may be hidden, and they are followed together.
        self.leave_unlabelled(ctx, &first.of, &mut filter)?;
        let pointing = Test::Has { of: first.of.clone(), param, filter };
        let wanted = targets.into_iter().filter(|it| include.target.is_none_or(|only| only == *it));
        let branch = |it: TypeId| {
            let (of, mut filter) = (spec.of(it).name.to_string(), vec![Clause::Any(vec![pointing.clone()])]);
            // It is by its identifier that it is found.
            self.leave_unlabelled(ctx, &of, &mut filter)?;
            Ok(Branch { of, filter, sort: Vec::new() })
        };
        let plan = Plan {
            branches: wanted.map(branch).collect::<Result<_>>()?,
            after: None,
            limit: self.settings.max_includes + 1,
        };
        Ok(ctx.session.search(&plan).await?.found)
    }

    /// All that points to resources by the parameters asked for.
    async fn reverse(&self, ctx: &Context, include: &Include, to: &[Stored]) -> Result<Vec<Stored>> {
        let is_target = |it: &&Stored| include.target.is_none_or(|of| *r4().of(of).name == *it.key.of);
        let mut targets: Vec<&Key> = to.iter().filter(is_target).map(|it| &it.key).collect();
        targets.sort();
        let mut all = Vec::new();
        for batch in targets.chunk_by(|a, b| a.of == b.of).flat_map(|it| it.chunks(BATCH)) {
            let is_shown = |of: &str, code: &str| self.is_param_shown(ctx, of, code);
            let mut branches = pointing(&ctx.params(), include, batch, &is_shown);
            for branch in &mut branches {
                self.narrow_filter_to_unlabelled(ctx, &branch.of, &mut branch.filter)?;
                self.follow_seen(ctx, &branch.of, &mut branch.filter)?;
            }
            if !branches.is_empty() {
                let plan = Plan { branches, after: None, limit: self.settings.max_includes + 1 };
                all.extend(ctx.session.search(&plan).await?.found);
            }
        }
        Ok(all)
    }
}

/// A search for all that points to resources of one type, a branch for each type that has a parameter for it.
fn pointing(params: &Params, include: &Include, to: &[&Key], is_shown: &dyn Fn(&str, &str) -> bool) -> Vec<Branch> {
    let spec = params.spec();
    let Some((of, target)) = to.first().and_then(|it| Some((&it.of, r4().resource(&it.of)?))) else {
        return Vec::new();
    };
    let ids = vec![Clause::Any(to.iter().map(|it| Test::Id(it.id.clone())).collect())];
    let is_asked = |it: &&SearchParam| {
        let may_point = it.targets.is_empty() || it.targets.contains(&target);
        is_reference_served(it) && may_point && include.param.as_deref().is_none_or(|code| *it.code == *code)
    };
    let sources = spec.resources().filter(|it| include.source.is_none_or(|source| source == *it));
    let branch = |source: TypeId| {
        let name = &spec.of(source).name;
        let known = spec.params_of(source);
        let tests: Vec<Test> = known
            .into_iter()
            .filter(is_asked)
            .filter(|it| is_shown(name, &it.code))
            .map(|it| {
                let param = ParamId::of_param(name, it);
                Test::Chain { param, is_single: false, of: of.clone(), filter: ids.clone() }
            })
            .collect();
        (!tests.is_empty()).then(|| Branch { of: name.to_string(), filter: vec![Clause::Any(tests)], sort: Vec::new() })
    };
    sources.filter_map(branch).collect()
}

/// Takes the references of resources to this server's own.
#[derive(Default)]
struct Pointed {
    keys: FxHashSet<Key>,
    only: Option<TypeId>,
    /// Whose references come now.
    source: Option<Key>,
    /// What refers by an identifier alone, by the parameter.
    by_identifier: FxHashMap<ParamId, Vec<Key>>,
}

impl IndexSink for Pointed {
    fn reference(&mut self, _: ParamId, target: &Target<'_>) {
        if let Target::Local { of, id } = target {
            let of_type = r4().resource(of);
            if of_type.is_some() && self.only.is_none_or(|it| Some(it) == of_type) {
                self.keys.insert(Key::new(*of, *id));
            }
        }
    }

    fn logical(&mut self, param: ParamId, _of: Option<&str>, _system: Option<&str>, _value: &str) {
        self.by_identifier.entry(param).or_default().extend(self.source.clone());
    }
}
