//! Which resource a write is about, and what is there now (http.html#create, #update, #patch, #delete, each also
//! conditional).

use crate::access::Bounds;
use crate::audit::{is_of_log, unchangeable};
use crate::content::type_of;
use crate::interaction::Interaction;
use crate::read::existing;
use crate::{Access, Answer, Context, Engine, Request};
use fhir::json::Value;
use fhir::{Failure, Issue, IssueType, Result};
use store::{Expect, Guard, Key, Method, Stored};

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
    pub(crate) bounds: Bounds,
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
    /// Finds the resource that a write is about.
    pub(crate) async fn aim(
        &self,
        ctx: &Context,
        interaction: &Interaction,
        request: &Request,
        resource: Option<Value<'_>>,
    ) -> Result<Aim> {
        if is_of_log(interaction) {
            return Err(unchangeable());
        }
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
                let there = self.replaced_by(ctx, key, &bounds).await?;
                self.aim_update(ctx, Target::of(key.clone(), Method::Put, there).within(bounds), request)
            }
            Interaction::UpdateWhere { of } => {
                let bounds = self.bounds(ctx, Access::Update, of)?;
                same_type(resource, of)?;
                self.aim_update_where(ctx, of, request, resource, bounds).await
            }
            Interaction::Patch { key } => {
                let bounds = self.patch_bounds(ctx, &key.of)?;
                let there = existing(self.current_within(ctx, key, &bounds).await?)?;
                aim_existing(Target::of(key.clone(), Method::Patch, Some(there)).within(bounds), request)
            }
            Interaction::PatchWhere { of } => {
                let bounds = self.patch_bounds(ctx, of)?;
                let matched = self.only_match(ctx, of, &request.query).await?;
                let there = existing(matched.found)?;
                self.demand_reach(ctx, &there, &bounds).await?;
                let target = Target::of(there.key.clone(), Method::Patch, Some(there)).guarded(matched.guard);
                aim_existing(target.within(bounds), request)
            }
            Interaction::Delete { key } => {
                let bounds = self.bounds(ctx, Access::Delete, &key.of)?;
                let there = self.current_within(ctx, key, &bounds).await?;
                match there.filter(|it| !it.is_deleted()) {
                    None => Ok(Aim::Done(Answer::empty(204))),
                    Some(there) => aim_existing(Target::of(key.clone(), Method::Delete, Some(there)), request),
                }
            }
            Interaction::DeleteWhere { of } => {
                let bounds = self.bounds(ctx, Access::Delete, of)?;
                let matched = self.only_match(ctx, of, &request.query).await?;
                match matched.found {
                    None => Ok(Aim::Done(Answer::empty(204))),
                    Some(there) => {
                        self.demand_reach(ctx, &there, &bounds).await?;
                        let target = Target::of(there.key.clone(), Method::Delete, Some(there)).guarded(matched.guard);
                        aim_existing(target, request)
                    }
                }
            }
            _ => Err(Failure::new(IssueType::NotSupported, "This interaction writes nothing.")),
        }
    }

    /// What is there where a resource is to be put. What is out of bounds and what is not there are answered alike, so that
    /// within bounds nothing comes to be by a PUT. What is decided by what it has may: of what is there, or was until it was deleted,
    /// the caller must see the last content.
    async fn replaced_by(&self, ctx: &Context, key: &Key, bounds: &Bounds) -> Result<Option<Stored>> {
        if !bounds.is_empty() {
            return existing(self.current_within(ctx, key, bounds).await?).map(Some);
        }
        let there = ctx.session.read(key).await?;
        if there.is_some() && self.is_decided_inside(ctx, &key.of) {
            let last = self.last_content(ctx, key).await?;
            existing(self.open_inside(ctx, last).await?)?;
        }
        there.iter().for_each(|it| ctx.look(it));
        Ok(there)
    }

    /// The current version of what is to be changed, unless it is out of bounds.
    async fn current_within(&self, ctx: &Context, key: &Key, bounds: &Bounds) -> Result<Option<Stored>> {
        let found = self.within(ctx, ctx.session.read(key).await?, bounds).await?;
        let found = self.open_inside(ctx, found).await?;
        found.iter().for_each(|it| ctx.look(it));
        Ok(found)
    }

    /// http.html#create and #ccreate
    async fn aim_create(&self, ctx: &Context, of: &str, request: &Request, bounds: Bounds) -> Result<Aim> {
        let target = Target::fresh(Key::new(of, (self.ambient.new_id)()), Method::Post).within(bounds);
        let Some(criteria) = &request.headers.if_none_exist else { return Ok(Aim::Write(target)) };
        let matched = self.only_match(ctx, of, criteria.trim_start_matches('?')).await?;
        match matched.found {
            None => Ok(Aim::Write(target.guarded(matched.guard))),
            Some(there) => {
                let readable = self.bounds(ctx, Access::Read, of)?;
                self.demand_reach(ctx, &there, &readable).await?;
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
    fn aim_update(&self, ctx: &Context, mut target: Target, request: &Request) -> Result<Aim> {
        if target.current.is_none() {
            target.bounds.extend(self.bounds(ctx, Access::Create, &target.key.of)?);
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
        bounds: Bounds,
    ) -> Result<Aim> {
        let matched = self.only_match(ctx, of, &request.query).await?;
        let submitted = resource.and_then(|it| it.str("id"));
        let target = match (matched.found, submitted) {
            (Some(there), _) => {
                if submitted.is_some() {
                    same_id(resource, &there.key.id)?;
                }
                self.demand_reach(ctx, &there, &bounds).await?;
                Target::of(there.key.clone(), Method::Put, Some(there))
            }
            (None, None) => Target::fresh(Key::new(of, (self.ambient.new_id)()), Method::Put),
            (None, Some(id)) if !fhir::primitive::is_id(id) => {
                let told = "An id has 1 to 64 letters, digits, '-' and '.' (datatypes.html#id).";
                return Err(Failure::of(vec![Issue::error(IssueType::Value, told).at(format!("{of}.id"))]));
            }
            (None, Some(_)) if !bounds.is_empty() => {
                let told = "With scopes that are narrowed to a patient or by criteria, no id can be chosen for a new \
                            resource: leave it out of the body.";
                return Err(Failure::new(IssueType::Forbidden, told));
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
        self.aim_update(ctx, target.guarded(matched.guard).within(bounds), request)
    }
}

/// The resource's type must be the one that the address names.
pub(crate) fn same_type(resource: Option<Value<'_>>, of: &str) -> Result<()> {
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
