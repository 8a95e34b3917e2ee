//! What no two resources of a tenant may share: Identifiers that a profile wants to be unique (our extension `unique`).
//!
//! A resource is held to it by each profile that it names or that the tenant demands of its type. The others are found
//! by their index, and that there are no more of them is a condition of the commit: of two writes at the same time, one
//! wins and the other finds its resource.

use crate::access::Reach;
use crate::{Access, Context, Engine};
use bytes::Bytes;
use fhir::json::Value;
use fhir::search::{Clause, ParamId, Test, TokenTest};
use fhir::validate::Profiles;
use fhir::{Failure, Issue, IssueType, Result};
use store::{Branch, Guard, Key, Plan, Put};

/// The most resources with one Identifier that are looked at: a transaction takes it from the one and gives it to another.
const HOLDERS: usize = 20;

/// A new version that is to be written.
pub(crate) struct Draft {
    pub(crate) put: Put,
    /// What it has to itself; `None` where no profile holds it to that.
    pub(crate) owned: Option<Vec<Owned>>,
    /// The version that it takes the place of, unless that is a deletion.
    pub(crate) former: Option<Bytes>,
}

/// An Identifier that is one resource's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owned {
    parameter: ParamId,
    token: TokenTest,
    /// Where it stands.
    expression: String,
}

impl Owned {
    fn is_same(&self, other: &Owned) -> bool {
        self.parameter == other.parameter && self.token == other.token
    }
}

impl Engine {
    /// What of a resource is to be its own alone.
    pub(crate) async fn owned(&self, ctx: &Context, resource: Value<'_>, of: &str) -> Result<Option<Vec<Owned>>> {
        let demanded = ctx.demanded().await?;
        let claimed = resource.get("meta").and_then(|it| it.get("profile"));
        let claimed = claimed.into_iter().flat_map(Value::each).filter_map(Value::as_str);
        let names: Vec<&str> = demanded.of(of).iter().map(|it| it.profile.as_str()).chain(claimed).collect();
        if names.is_empty() {
            return Ok(None);
        }
        let profiles = self.profiles(ctx).await?;
        owned(&profiles, &names, resource, of)
    }

    /// That what these versions have to themselves is nobody else's, as conditions of their commit. Fails with 409 where
    /// it is not so.
    pub(crate) async fn unique(&self, ctx: &Context, drafts: &[Draft]) -> Result<Vec<Guard>> {
        let mut guards = Vec::new();
        for (at, draft) in drafts.iter().enumerate() {
            for owned in draft.owned.iter().flatten() {
                let of = &draft.put.key.of;
                let is_another = |it: &Draft| it.put.key.of == *of && it.has(owned);
                if drafts[..at].iter().any(is_another) {
                    return Err(shared(of, owned, "Another resource of the same transaction"));
                }
                guards.push(self.unshared(ctx, &draft.put.key, owned, drafts).await?);
            }
        }
        Ok(guards)
    }

    /// What of a resource another one has already, though it is to be its own: as a write under this key would be told.
    pub async fn clashes(&self, ctx: &Context, resource: Value<'_>, key: &Key) -> Result<Vec<Issue>> {
        let mut issues = Vec::new();
        // It would be told without anything being written.
        if self.hides_some(ctx, &key.of) {
            return Ok(issues);
        }
        for owned in self.owned(ctx, resource, &key.of).await?.iter().flatten() {
            match self.unshared(ctx, key, owned, &[]).await {
                Err(failure) if failure.status == 409 => issues.extend(failure.issues),
                other => drop(other?),
            }
        }
        Ok(issues)
    }

    async fn unshared(&self, ctx: &Context, key: &Key, owned: &Owned, drafts: &[Draft]) -> Result<Guard> {
        let filter = vec![Clause::Any(vec![Test::Token(owned.parameter, owned.token.clone())])];
        let branch = Branch { of: key.of.clone(), filter: filter.clone(), sort: Vec::new() };
        let found = ctx.session.search(&Plan { branches: vec![branch], after: None, limit: HOLDERS }).await?.found;
        let gives_it_up = |holder: &Key| {
            let draft = drafts.iter().find(|it| it.put.key == *holder);
            draft.is_some_and(|it| it.owned.is_some() && !it.has(owned))
        };
        if found.iter().any(|it| it.key != *key && !gives_it_up(&it.key)) {
            return Err(match self.hides_some(ctx, &key.of) {
                true => shared_by_hidden(&key.of),
                false => shared(&key.of, owned, "Another resource"),
            });
        }
        Ok(Guard::Matches { of: key.of.clone(), filter, ids: found.into_iter().map(|it| it.key.id).collect() })
    }

    /// Whether the caller does not see all of such resources: they would be told which hidden identifier there is.
    fn hides_some(&self, ctx: &Context, of: &str) -> bool {
        let sees_all = matches!(self.reach(ctx, Access::Read, of), Ok(Reach::Whole));
        !sees_all || ctx.lacks_clearance() || !ctx.caller.scopes.hidden_by_any(of).is_empty()
    }
}

impl Draft {
    fn has(&self, wanted: &Owned) -> bool {
        self.owned.iter().flatten().any(|it| it.is_same(wanted))
    }
}

fn owned(profiles: &Profiles, names: &[&str], resource: Value<'_>, of: &str) -> Result<Option<Vec<Owned>>> {
    let mut all: Option<Vec<Owned>> = None;
    for rule in names.iter().flat_map(|it| profiles.unique(it)) {
        let all = all.get_or_insert_default();
        let values = rule.values(resource).map_err(|error| {
            let told = format!("What of the resource has to be unique cannot be told: {error}.");
            Failure::new(IssueType::TooCostly, told).with_status(422)
        })?;
        for value in values {
            let token = match value.system {
                "" => TokenTest::NoSystem(value.value.to_owned()),
                system => TokenTest::Coding(system.to_owned(), value.value.to_owned()),
            };
            let owned = Owned { parameter: ParamId::of(of, &rule.parameter), token, expression: value.expression };
            if !all.iter().any(|it| it.is_same(&owned)) {
                all.push(owned);
            }
        }
    }
    Ok(all)
}

/// Fails as [`shared`] does, and leaves open which identifier it is.
fn shared_by_hidden(of: &str) -> Failure {
    let told =
        format!("It has an identifier that a profile has unique among resources of type {of}, and that is taken.");
    Failure::new(IssueType::Duplicate, told).with_status(409)
}

fn shared(of: &str, owned: &Owned, who: &str) -> Failure {
    let told = format!("{who} has this identifier already; a profile has it unique among those of type {of}.");
    Failure::of(vec![Issue::error(IssueType::Duplicate, told).at(owned.expression.clone())]).with_status(409)
}
