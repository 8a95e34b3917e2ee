//! `$validate` (resource-operation-validate.html): what is wrong or noteworthy with a resource, and whether it would be
//! taken. Nothing is stored.

use engine::{Access, Answer, Call, Extra, HERE, Operation, Place};
use fhir::json::{Doc, Value};
use fhir::outcome::outcome;
use fhir::{Failure, Issue, IssueType, Result, Severity};
use store::Key;

/// The operation.
pub(crate) fn operation() -> Operation {
    Operation {
        definition: include_str!("../../profiles/operations/resource-validate.json"),
        demands: &[(Access::Read, HERE)],
        extras: &[Extra::Narrowed, Extra::AnyResource],
        run: |call| Box::pin(validate(call)),
    }
}

/// What the resource is to be fit for (valueset-resource-validation-mode.html).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    General,
    Create,
    Update,
    Delete,
    Profile,
}

impl Mode {
    fn of(call: &Call<'_>) -> Result<Mode> {
        let mode = match call.arguments.text("mode") {
            None => Mode::General,
            Some("create") => Mode::Create,
            Some("update") => Mode::Update,
            Some("delete") => Mode::Delete,
            Some("profile") => Mode::Profile,
            Some(_) => return refused(IssueType::CodeInvalid, "The mode is create, update, delete or profile."),
        };
        if matches!(mode, Mode::Update | Mode::Delete) && call.instance.is_none() {
            return refused(
                IssueType::Invalid,
                "The modes update and delete are for a resource: [type]/[id]/$validate.",
            );
        }
        if mode == Mode::Profile && call.arguments.text("profile").is_none() {
            return refused(IssueType::Required, "The mode profile needs the parameter profile.");
        }
        Ok(mode)
    }

    /// What the caller must be let do to be told whether it could be done.
    fn access(self) -> Access {
        match self {
            Mode::General | Mode::Profile => Access::Read,
            Mode::Create => Access::Create,
            Mode::Update => Access::Update,
            Mode::Delete => Access::Delete,
        }
    }
}

async fn validate(call: Call<'_>) -> Result<Answer> {
    let mode = Mode::of(&call)?;
    let of = match &call.at {
        Place::Type(of) => of.as_str(),
        Place::Instance(key) | Place::Version { key, .. } => &key.of,
        Place::System => return refused(IssueType::NotSupported, "Resources are validated at their type."),
    };
    call.ctx.caller().scopes.demand(mode.access(), of)?;
    if mode == Mode::Delete {
        return Ok(told(&[Issue::information("The resource may be deleted.")]));
    }
    let given = call.arguments.elements("resource").next();
    let stored = call.instance.as_ref().map(|it| body(&it.body)).transpose()?;
    let resource = given.or(stored.as_ref().map(Doc::root));
    let Some(resource) = resource else {
        return refused(IssueType::Required, "There is no resource to validate: POST it, alone or in Parameters.");
    };
    let asked: Vec<String> = call.arguments.texts("profile").map(str::to_owned).collect();
    let profiles = call.engine.profiles(call.ctx).await?;
    asked.iter().try_for_each(|it| profiles.demand(it))?;
    let mut issues = call.engine.validate(call.ctx, resource, &asked).await?;
    issues.extend(misplaced(&call, mode, of, resource));
    let key = key(&call, mode, of, resource);
    if may_write(&call, of) {
        issues.extend(call.engine.clashes(call.ctx, resource, &key).await?);
    }
    if matches!(mode, Mode::Create | Mode::Update)
        && is_fine(&issues)
        && let Err(failure) = call.engine.would_store(call.ctx, resource, &key).await
    {
        issues.extend(failure.issues);
    }
    if issues.is_empty() {
        issues.push(Issue::information("The resource is valid: nothing is wrong with it."));
    }
    Ok(told(&issues))
}

/// Where a write would store the resource; a create gives it an id that is new.
fn key(call: &Call<'_>, mode: Mode, of: &str, resource: Value<'_>) -> Key {
    let own = resource.str("id").filter(|_| mode != Mode::Create).unwrap_or("new");
    call.instance.as_ref().map_or_else(|| Key::new(of, own), |it| it.key.clone())
}

/// What other resources have is told only to those whom a write would tell it.
fn may_write(call: &Call<'_>, of: &str) -> bool {
    let scopes = &call.ctx.caller().scopes;
    [Access::Create, Access::Update].into_iter().any(|it| scopes.demand(it, of).is_ok())
}

/// What would keep a resource from being written here, whatever it says.
fn misplaced(call: &Call<'_>, mode: Mode, of: &str, resource: Value<'_>) -> Option<Issue> {
    if resource.str("resourceType") != Some(of) {
        let told = format!("This address is for {of}, and the resource is another type.");
        return Some(Issue::error(IssueType::Invalid, told));
    }
    let instance = call.instance.as_ref().filter(|_| mode == Mode::Update)?;
    let is_its = resource.str("id") == Some(&instance.key.id);
    let told = "The resource's id must be the one in the address for an update.";
    (!is_its).then(|| Issue::error(IssueType::Invalid, told).at(format!("{of}.id")))
}

fn body(bytes: &[u8]) -> Result<Doc> {
    let text = std::str::from_utf8(bytes).map_err(Failure::internal)?;
    Doc::parse(text).map_err(Failure::internal)
}

fn is_fine(issues: &[Issue]) -> bool {
    issues.iter().all(|it| it.severity > Severity::Error)
}

/// The answer is 200 whether or not the resource is valid: the validation could be done.
fn told(issues: &[Issue]) -> Answer {
    Answer::new(200, outcome(issues))
}

fn refused<T>(code: IssueType, told: &str) -> Result<T> {
    Err(Failure::new(code, told))
}
