//! Writes of single resources: create, update, patch, delete, each also conditional (http.html#create, #update,
//! #patch, #delete).
//!
//! A write has two halves. [`Engine::aim`] finds out which resource is meant and what is there now; then its new
//! version is made and committed under the expectation that nothing of it changed. Where it did change, the whole
//! interaction runs again. A transaction uses the same halves for all of its entries at once.

use crate::access::Bounds;
use crate::content::{tombstone, type_of};
use crate::interaction::Interaction;
use crate::prefer::{Prefer, Return};
use crate::read::existing;
use crate::unique::Draft;
use crate::{Access, Answer, Context, Engine, Request};
use bytes::Bytes;
use fhir::json::{Doc, Value};
use fhir::{Failure, Issue, IssueType, Result};
use store::{Changes, CommitError, Expect, Guard, Key, Method, Stored};

/// How often a write is tried when others change what it builds on.
pub(crate) const ATTEMPTS: usize = 64;

/// A resource that a write is about.
pub(crate) enum Aim {
    /// Its next version is to be written.
    Write(Target),
    /// The resource that was to be created exists.
    Found(Stored),
    /// There is nothing to do: what was to be deleted does not exist.
    Done(Answer),
}

/// Where a new version goes.
pub(crate) struct Target {
    pub(crate) key: Key,
    pub(crate) expect: Expect,
    /// The number of the new version.
    pub(crate) version: i64,
    pub(crate) method: Method,
    /// The current version, unless there is none or it is a deletion.
    pub(crate) current: Option<Stored>,
    pub(crate) guards: Vec<Guard>,
    /// What the new version must be within.
    bounds: Bounds,
}

impl Target {
    fn fresh(key: Key, method: Method) -> Target {
        let (guards, bounds) = (Vec::new(), Bounds::new());
        Target { key, expect: Expect::Fresh, version: 1, method, current: None, guards, bounds }
    }

    fn of(key: Key, method: Method, there: Option<Stored>) -> Target {
        let version = there.as_ref().map_or(0, |it| it.version);
        let expect = there.as_ref().map_or(Expect::Absent, |it| Expect::Version(it.version));
        let current = there.filter(|it| !it.is_deleted());
        Target { key, expect, version: version + 1, method, current, guards: Vec::new(), bounds: Bounds::new() }
    }

    fn within(mut self, bounds: Bounds) -> Target {
        self.bounds = bounds;
        self
    }

    fn guarded(mut self, guard: Guard) -> Target {
        self.guards.push(guard);
        self
    }

    /// 201 for what was not there before, 200 for what was, 204 for what is no longer there.
    pub(crate) fn status(&self) -> u16 {
        match (self.method, &self.current) {
            (Method::Delete, _) => 204,
            (_, None) => 201,
            (_, Some(_)) => 200,
        }
    }
}

impl Engine {
    /// Carries out a write, again and again while others get in between.
    pub(crate) async fn write(&self, ctx: &Context, interaction: &Interaction, request: &Request) -> Result<Answer> {
        let prefer = Prefer::parse(request.headers.prefer.as_deref())?;
        let is_bodiless = matches!(interaction, Interaction::Delete { .. } | Interaction::DeleteWhere { .. });
        let is_patch = matches!(interaction, Interaction::Patch { .. } | Interaction::PatchWhere { .. });
        // A patch is read with what it changes.
        let doc = if is_bodiless || is_patch { None } else { Some(self.json_body(request)?) };
        for _ in 0..ATTEMPTS {
            let ctx = &self.pinned(ctx).await?;
            let resource = doc.as_ref().map(Doc::root);
            let target = match self.aim(ctx, interaction, request, resource).await? {
                Aim::Done(answer) => return Ok(answer),
                Aim::Found(there) => return Ok(found(there, prefer.returns)),
                Aim::Write(target) => target,
            };
            let status = target.status();
            let draft = self.version(ctx, &target, request, resource).await?;
            let mut guards = self.unique(ctx, std::slice::from_ref(&draft)).await?;
            let (key, version) = (target.key.clone(), target.version);
            guards.extend(target.guards);
            let changes = Changes { puts: vec![draft.put], guards, ..Changes::default() };
            match self.commit(ctx, changes).await {
                Ok(done) => {
                    let body = done.bodies.into_iter().next().unwrap_or_default();
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
        match (target.method, resource, &target.current) {
            (Method::Delete, ..) => Ok(tombstone(ctx, key, expect, version)),
            (Method::Patch, _, Some(current)) => {
                let patched = self.patched(current, request)?;
                self.demand_within(ctx, &key, patched.root(), &target.bounds)?;
                self.put(ctx, patched.root(), key, expect, version, Method::Patch).await
            }
            (method, Some(resource), _) => {
                self.demand_within(ctx, &key, resource, &target.bounds)?;
                self.put(ctx, resource, key, expect, version, method).await
            }
            _ => Err(Failure::new(IssueType::Required, "The request has no resource.")),
        }
    }

    /// Finds the resource that a write is about.
    pub(crate) async fn aim(
        &self,
        ctx: &Context,
        interaction: &Interaction,
        request: &Request,
        resource: Option<Value<'_>>,
    ) -> Result<Aim> {
        let scopes = &ctx.caller.scopes;
        match interaction {
            Interaction::Create { of } => {
                let bounds = self.bounds(ctx, Access::Create, of)?;
                same_type(resource, of)?;
                self.aim_create(ctx, of, request, bounds).await
            }
            Interaction::Update { key } => {
                let bounds = self.bounds(ctx, Access::Update, &key.of)?;
                same_type(resource, &key.of)?;
                same_id(resource, &key.id)?;
                let mut there = self.within(ctx, ctx.session.read(key).await?, &bounds)?;
                if !bounds.is_empty() {
                    // What is out of bounds and what is not there are answered alike, so nothing comes to be by a PUT.
                    there = Some(existing(there)?);
                }
                self.aim_update(ctx, Target::of(key.clone(), Method::Put, there).within(bounds), request)
            }
            Interaction::UpdateWhere { of } => {
                scopes.demand(Access::Update, of)?;
                same_type(resource, of)?;
                self.aim_update_where(ctx, of, request, resource).await
            }
            Interaction::Patch { key } => {
                let bounds = self.patch_bounds(ctx, &key.of)?;
                let there = existing(self.within(ctx, ctx.session.read(key).await?, &bounds)?)?;
                aim_existing(Target::of(key.clone(), Method::Patch, Some(there)).within(bounds), request)
            }
            Interaction::PatchWhere { of } => {
                scopes.demand_patch(of)?;
                let matched = self.only_match(ctx, of, &request.query).await?;
                let there = existing(matched.found)?;
                let target = Target::of(there.key.clone(), Method::Patch, Some(there)).guarded(matched.guard);
                aim_existing(target, request)
            }
            Interaction::Delete { key } => {
                let bounds = self.bounds(ctx, Access::Delete, &key.of)?;
                let there = self.within(ctx, ctx.session.read(key).await?, &bounds)?;
                match there.filter(|it| !it.is_deleted()) {
                    None => Ok(Aim::Done(Answer::empty(204))),
                    Some(there) => aim_existing(Target::of(key.clone(), Method::Delete, Some(there)), request),
                }
            }
            Interaction::DeleteWhere { of } => {
                scopes.demand(Access::Delete, of)?;
                let matched = self.only_match(ctx, of, &request.query).await?;
                match matched.found {
                    None => Ok(Aim::Done(Answer::empty(204))),
                    Some(there) => {
                        let target = Target::of(there.key.clone(), Method::Delete, Some(there)).guarded(matched.guard);
                        aim_existing(target, request)
                    }
                }
            }
            _ => Err(Failure::new(IssueType::NotSupported, "This interaction writes nothing.")),
        }
    }

    /// http.html#create and #ccreate
    async fn aim_create(&self, ctx: &Context, of: &str, request: &Request, bounds: Bounds) -> Result<Aim> {
        let target = Target::fresh(Key::new(of, (self.ambient.new_id)()), Method::Post).within(bounds);
        let Some(criteria) = &request.headers.if_none_exist else { return Ok(Aim::Write(target)) };
        let matched = self.only_match(ctx, of, criteria.trim_start_matches('?')).await?;
        match matched.found {
            None => Ok(Aim::Write(target.guarded(matched.guard))),
            Some(there) => {
                ctx.caller.scopes.demand(Access::Read, of)?;
                Ok(Aim::Found(there))
            }
        }
    }

    /// A conditional create whose criteria match a resource that the same transaction deletes: what is to be deleted goes
    /// first (http.html#trules), so there is no match when the create's turn comes.
    pub(crate) async fn aim_create_after_delete(&self, ctx: &Context, of: &str, request: &Request) -> Result<Target> {
        let criteria = request.headers.if_none_exist.as_deref().unwrap_or_default();
        let matched = self.only_match(ctx, of, criteria.trim_start_matches('?')).await?;
        let target = Target::fresh(Key::new(of, (self.ambient.new_id)()), Method::Post);
        Ok(target.guarded(matched.guard).within(self.bounds(ctx, Access::Create, of)?))
    }

    /// http.html#update and #upsert
    fn aim_update(&self, ctx: &Context, target: Target, request: &Request) -> Result<Aim> {
        if target.current.is_none() {
            ctx.caller.scopes.demand(Access::Create, &target.key.of)?;
        }
        if let (Some("*"), Some(_)) = (request.headers.if_none_match.as_deref().map(str::trim), &target.current) {
            let told = "The resource exists, and If-None-Match: * asks that it does not.";
            return Err(Failure::new(IssueType::Conflict, told).with_status(412));
        }
        check_if_match(&target, request)?;
        Ok(Aim::Write(target))
    }

    /// http.html#cond-update
    async fn aim_update_where(
        &self,
        ctx: &Context,
        of: &str,
        request: &Request,
        resource: Option<Value<'_>>,
    ) -> Result<Aim> {
        let matched = self.only_match(ctx, of, &request.query).await?;
        let submitted = resource.and_then(|it| it.str("id"));
        let target = match (matched.found, submitted) {
            (Some(there), _) => {
                if submitted.is_some() {
                    same_id(resource, &there.key.id)?;
                }
                Target::of(there.key.clone(), Method::Put, Some(there))
            }
            (None, None) => Target::fresh(Key::new(of, (self.ambient.new_id)()), Method::Put),
            (None, Some(id)) if !fhir::primitive::is_id(id) => {
                let told = "An id has 1 to 64 letters, digits, '-' and '.' (datatypes.html#id).";
                return Err(Failure::of(vec![Issue::error(IssueType::Value, told).at(format!("{of}.id"))]));
            }
            (None, Some(id)) => {
                let key = Key::new(of, id);
                let there = ctx.session.read(&key).await?;
                if there.as_ref().is_some_and(|it| !it.is_deleted()) {
                    let told = "No resource matches the criteria, but there is one with the id of the body.";
                    return Err(Failure::new(IssueType::Conflict, told));
                }
                Target::of(key, Method::Put, there)
            }
        };
        self.aim_update(ctx, target.guarded(matched.guard), request)
    }
}

/// The resource's type must be the one that the address names.
fn same_type(resource: Option<Value<'_>>, of: &str) -> Result<()> {
    let Some(resource) = resource else { return Ok(()) };
    let own = &fhir::spec::r4().of(type_of(resource)?).name;
    if **own == *of {
        return Ok(());
    }
    let told = format!("The address takes a {of}, and the body is a {own}.");
    Err(Failure::of(vec![Issue::error(IssueType::Invalid, told).at("resourceType")]))
}

/// The resource's id must be there and be the URL's (http.html#update).
fn same_id(resource: Option<Value<'_>>, id: &str) -> Result<()> {
    let Some(resource) = resource else { return Ok(()) };
    let told = match resource.str("id") {
        Some(own) if own == id => return Ok(()),
        Some(_) => "The resource's id is not the one that the address names.",
        None => "The resource has no id; it must be the one that the address names.",
    };
    let at = type_of(resource).map_or(String::from("id"), |of| format!("{}.id", fhir::spec::r4().of(of).name));
    Err(Failure::of(vec![Issue::error(IssueType::Invalid, told).at(at)]))
}

fn aim_existing(target: Target, request: &Request) -> Result<Aim> {
    check_if_match(&target, request)?;
    Ok(Aim::Write(target))
}

/// `If-Match` (http.html#concurrency): the version that the change builds on must be the current one.
fn check_if_match(target: &Target, request: &Request) -> Result<()> {
    let Some(header) = &request.headers.if_match else { return Ok(()) };
    let tags: Option<Vec<&str>> = header.split(',').map(|it| etag(it.trim())).collect();
    let tags =
        tags.ok_or_else(|| Failure::new(IssueType::Value, "If-Match takes the ETag of a version, such as W/\"3\"."))?;
    let current = target.current.as_ref().map(|it| it.version.to_string());
    if current.is_some_and(|it| tags.iter().any(|tag| *tag == "*" || *tag == it)) {
        return Ok(());
    }
    let told = "The resource was changed since the version that If-Match names; read it again.";
    Err(Failure::new(IssueType::Conflict, told).with_status(412))
}

/// The version in `W/"3"` or `"3"`; `*` as it is.
pub(crate) fn etag(text: &str) -> Option<&str> {
    if text == "*" {
        return Some(text);
    }
    let quoted = text.strip_prefix("W/").unwrap_or(text);
    quoted.strip_prefix('"')?.strip_suffix('"').filter(|it| !it.is_empty() && !it.contains('"'))
}

/// What is sent back for a resource that need not be created.
pub(crate) fn found(there: Stored, returns: Option<Return>) -> Answer {
    answer(200, &there.key, there.version, there.updated, there.body, returns)
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
