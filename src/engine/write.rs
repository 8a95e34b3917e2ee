//! Writes of single resources: create, update, patch, delete, each also conditional (http.html#create, #update,
//! #patch, #delete).
//!
//! A write has two halves. [`Engine::aim`] finds out which resource is meant and what is there now; then its new
//! version is made and committed under the expectation that nothing of it changed. Where it did change, the whole
//! interaction runs again. A transaction uses the same halves for all of its entries at once.

use crate::aim::{Aim, Target};
use crate::content::tombstone;
use crate::interaction::Interaction;
use crate::prefer::{Prefer, Return};
use crate::provenance::{Source, demand_unmade};
use crate::unique::Draft;
use crate::{Answer, Context, Engine, Request};
use bytes::Bytes;
use fhir::json::{Doc, Value};
use fhir::mask::is_subsetted;
use fhir::{Failure, Issue, IssueType, Result};
use store::{Changes, CommitError, Key, Method, Stored};

/// How often a write is tried when others change what it builds on.
pub(crate) const ATTEMPTS: usize = 64;

impl Engine {
    /// Carries out a write, again and again while others get in between.
    pub(crate) async fn write(&self, ctx: &Context, interaction: &Interaction, request: &Request) -> Result<Answer> {
        let prefer = Prefer::parse(request.headers.prefer.as_deref())?;
        let is_bodiless = matches!(interaction, Interaction::Delete { .. } | Interaction::DeleteWhere { .. });
        let is_patch = matches!(interaction, Interaction::Patch { .. } | Interaction::PatchWhere { .. });
        // A patch is read with what it changes.
        let doc = if is_bodiless || is_patch { None } else { Some(self.json_body(request)?) };
        let source = Source { header: request.headers.provenance.as_deref(), content: None };
        for attempt in 0..ATTEMPTS {
            // The first goes by what the interaction goes by.
            let anew = if attempt == 0 { None } else { Some(self.pinned(ctx.clone()).await?) };
            let ctx = anew.as_ref().unwrap_or(ctx);
            let resource = doc.as_ref().map(Doc::root);
            let target = match self.aim(ctx, interaction, request, resource).await? {
                Aim::Done(answer) => {
                    ctx.note(interaction, answer.status, |noted| noted.named(interaction));
                    return Ok(answer);
                }
                Aim::Found(there) => {
                    ctx.note(interaction, 200, |noted| noted.touched(&there));
                    return self.found(ctx, there, prefer.returns);
                }
                Aim::Write(target) => target,
            };
            let status = target.status();
            let mut drafts = vec![self.version(ctx, &target, request, resource).await?];
            drafts.extend(self.provenance(ctx, source, &drafts).await?);
            let mut guards = self.unique(ctx, &drafts).await?;
            let (key, version) = (target.key.clone(), target.version);
            guards.extend(target.guards);
            let audit = self.events_of(ctx, &drafts).await?;
            let puts = drafts.into_iter().map(|it| it.put).collect();
            let changes = Changes { puts, guards, audit, ..Changes::default() };
            match self.commit(ctx, changes).await {
                Ok(done) => {
                    let body = done.bodies.into_iter().next().unwrap_or_default();
                    let body = self.seen_of(ctx, &body, done.updated)?;
                    return Ok(answer(status, &key, version, done.updated, body, prefer.returns));
                }
                Err(CommitError::Conflict | CommitError::Outdated) => continue,
                Err(error) => return Err(commit_failure(error)),
            }
        }
        Err(kept_changing())
    }

    /// The new version of an aim.
    pub(crate) async fn version(
        &self,
        ctx: &Context,
        target: &Target,
        request: &Request,
        resource: Option<Value<'_>>,
    ) -> Result<Draft> {
        let (key, expect, version) = (target.key.clone(), target.expect, target.version);
        let draft = match (target.method, resource, &target.current) {
            (Method::Delete, ..) => {
                self.demand_writable(ctx, target, None).await?;
                tombstone(ctx, key, expect, version)
            }
            (Method::Patch, _, Some(current)) => {
                let patched = self.patched(ctx, current, request)?;
                let patched = self.at_home(ctx, patched.root())?.unwrap_or(patched);
                self.demand_within(ctx, &key, patched.root(), &target.bounds).await?;
                self.demand_of_own(ctx, &key, Some(current), patched.root())?;
                self.demand_writable(ctx, target, Some(patched.root())).await?;
                self.demand_still_hidden(ctx, current, patched.root())?;
                self.put(ctx, patched.root(), key, expect, version, Method::Patch).await?
            }
            (method, Some(resource), current) => {
                let at_home = self.at_home(ctx, resource)?;
                let resource = at_home.as_ref().map_or(resource, Doc::root);
                if let Some(current) = current {
                    self.demand_whole_view(ctx, current, resource)?;
                }
                self.demand_within(ctx, &key, resource, &target.bounds).await?;
                self.demand_of_own(ctx, &key, current.as_ref(), resource)?;
                self.demand_writable(ctx, target, Some(resource)).await?;
                self.put(ctx, resource, key, expect, version, method).await?
            }
            _ => return Err(Failure::new(IssueType::Required, "The request has no resource.")),
        };
        Ok(Draft { former: target.current.as_ref().map(|it| it.body.clone()), ..draft })
    }

    /// Fails for a write that nobody may make, or that the caller may not.
    async fn demand_writable(&self, ctx: &Context, target: &Target, new: Option<Value<'_>>) -> Result<()> {
        demand_unmade(ctx, target, new)?;
        self.demand_unwidened(ctx, target, new).await
    }

    /// What is sent back for a resource that need not be created.
    pub(crate) fn found(&self, ctx: &Context, there: Stored, returns: Option<Return>) -> Result<Answer> {
        let body = self.seen(ctx, &there)?;
        Ok(answer(200, &there.key, there.version, there.updated, body, returns))
    }

    /// Fails with 403 unless a resource that is to be replaced is seen whole, and with 422 if what replaces it is not.
    fn demand_whole_view(&self, ctx: &Context, current: &Stored, by: Value<'_>) -> Result<()> {
        let tags = by.get("meta").and_then(|it| it.get("tag")).into_iter().flat_map(Value::each);
        if tags.into_iter().any(is_subsetted) {
            let told = "The resource is tagged SUBSETTED, so it is not whole: an update by it would lose what it leaves out. \
                        Read the whole resource, or send a PATCH.";
            return Err(Failure::new(IssueType::BusinessRule, told));
        }
        match self.hidden_view(ctx, current)? {
            None => Ok(()),
            Some(_) => Err(Failure::new(
                IssueType::Forbidden,
                "Elements of this resource are hidden from you, and an update would lose them: change what you see by a PATCH.",
            )),
        }
    }
}

/// What is sent back after a write.
pub(crate) fn answer(
    status: u16,
    key: &Key,
    version: i64,
    updated: i64,
    body: Bytes,
    returns: Option<Return>,
) -> Answer {
    let body = match (status, returns.unwrap_or(Return::Representation)) {
        (204, Return::Outcome) => done_outcome("The resource was deleted."),
        (204, _) | (_, Return::Minimal) => Bytes::new(),
        (_, Return::Representation) => body,
        (_, Return::Outcome) => done_outcome("The resource was stored."),
    };
    let status = if status == 204 && !body.is_empty() { 200 } else { status };
    Answer {
        version: Some(version),
        last_modified: Some(updated),
        location: (status == 201).then(|| format!("{key}/_history/{version}")),
        key: Some(key.clone()),
        ..Answer::new(status, body)
    }
}

fn done_outcome(told: &str) -> Bytes {
    fhir::outcome::outcome(&[Issue::information(told)]).into()
}

pub(crate) fn kept_changing() -> Failure {
    let told = "Others kept changing what this request builds on; nothing was changed. Try again.";
    Failure::new(IssueType::Conflict, told)
}

pub(crate) fn commit_failure(error: CommitError) -> Failure {
    match error {
        CommitError::Conflict | CommitError::Outdated => kept_changing(),
        CommitError::LoadedBefore => Failure::new(IssueType::Duplicate, "This content was loaded before."),
        CommitError::Store(error) => error.into(),
    }
}
