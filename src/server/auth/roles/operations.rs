//! Roles and who has them, administered over FHIR. The operations are ours; R4 has none for it.

use super::{Assignment, MOST, OwnRole, TOP, all, checked, duties, find, owners, realm};
use crate::auth::account::{self, Account};
use crate::auth::glass::silence;
use crate::auth::kept::{self, Entry};
use crate::auth::operations::{ALL, demand_administrator, parameters};
use crate::auth::standing::{Side, Standing};
use engine::{Answer, Call, Duties, Operation, PrivacySettings, Right, Role};
use fhir::json::Value;
use fhir::outcome::shown;
use fhir::{Failure, IssueType, Result};
use futures_util::future::BoxFuture;
use serde_json::{Value as Json, json};
use store::Session;

/// The operations.
pub fn operations() -> [Operation; 6] {
    [
        operation(include_str!("../../../../profiles/operations/role-define.json"), |call| Box::pin(define(call))),
        operation(include_str!("../../../../profiles/operations/role-list.json"), |call| Box::pin(list(call))),
        operation(include_str!("../../../../profiles/operations/role-delete.json"), |call| Box::pin(delete(call))),
        operation(include_str!("../../../../profiles/operations/user-roles.json"), |call| Box::pin(assign(call))),
        operation(include_str!("../../../../profiles/operations/users.json"), |call| Box::pin(users(call))),
        super::elevation::operation(),
    ]
}

fn operation(definition: &'static str, run: fn(Call<'_>) -> BoxFuture<'_, Result<Answer>>) -> Operation {
    Operation { definition, demands: ALL, extras: &[], run }
}

/// Fails with 403 unless the caller may give others these roles. An administrator's token may give anything.
pub async fn demand_giving(call: &Call<'_>, roles: &[Role]) -> Result<()> {
    let caller = call.ctx.caller();
    if caller.scopes.is_administrator() {
        return Ok(());
    }
    let giver = giver(call).await?;
    match roles.iter().find_map(|it| giver.missing_for(it)) {
        None => Ok(()),
        Some(missing) => {
            let told = format!("Nobody gives what they may not give themselves, or takes it: {missing} is not yours.");
            Err(Failure::new(IssueType::Forbidden, told))
        }
    }
}

/// The same of purposes that data may be wanted for.
pub async fn demand_giving_purposes(call: &Call<'_>, purposes: Vec<String>) -> Result<()> {
    demand_giving(call, &[Role { purposes, ..alone("") }]).await
}

/// The same of the assignments of a user and of rules that the user has alone.
pub async fn demand_giving_all(call: &Call<'_>, assignments: &[Assignment], own: Option<&str>) -> Result<()> {
    let mut roles = checked(call.ctx.session(), call.ctx.tenant().name(), assignments).await?;
    roles.extend(own.map(alone));
    demand_giving(call, &roles).await
}

/// The roles that the caller gives a new user, who is the parameter `user`; those that the kind of user has where nothing
/// is said. Fails with 403 unless the caller may give them, and the rules of the parameter `scope`.
pub async fn given(call: &Call<'_>) -> Result<Vec<Assignment>> {
    let mut given = call.arguments.elements("role").map(assignment).collect::<Result<Vec<_>>>()?;
    let scope = call.arguments.text("scope");
    if given.is_empty() && scope.is_none() {
        given = super::usual(call.arguments.text("user").and_then(|it| it.split('/').next()).unwrap_or_default());
    }
    demand_giving_all(call, &given, scope).await?;
    Ok(given)
}

/// Fails with 403 unless the caller could have given a user all that the user has: whoever may change a user's roles or
/// ways to sign in could otherwise become that user.
pub async fn demand_rank(call: &Call<'_>, user: &Account) -> Result<()> {
    let mut roles = Vec::new();
    for Assignment { role, .. } in &user.roles {
        roles.extend(find(call.ctx.session(), role).await?);
    }
    let mut own = alone(&user.scope);
    if user.is_administrator {
        own.permissions = super::OF_ADMINISTRATORS.map(str::to_owned).into();
    }
    roles.push(own);
    demand_giving(call, &roles).await
}

/// Rules that somebody has alone, as a role.
fn alone(scope: &str) -> Role {
    Role {
        name: String::new(),
        title: String::new(),
        description: String::new(),
        of: engine::Realm::Tenant,
        rules: scope.split_whitespace().map(str::to_owned).collect(),
        permissions: Vec::new(),
        gives: Vec::new(),
        rights: Vec::new(),
        purposes: Vec::new(),
    }
}

/// What the caller has, by the account that it acts for, wherever its roles hold.
async fn giver(call: &Call<'_>) -> Result<Duties> {
    let (session, caller) = (call.ctx.session(), call.ctx.caller());
    let account = kept::all::<Account>(session).await?.into_iter().find(|it| it.value.id == caller.subject);
    match account {
        // What somebody has in one place only is nothing to give elsewhere.
        Some(Entry { value: account, .. }) => {
            let fhir_user = caller.fhir_user.clone().unwrap_or_else(|| account.fhir_user.clone());
            let side = Side::of(&account, &fhir_user);
            duties(session, &account, None, &Standing { fhir_user, patient: None, side }).await
        }
        None => super::duties_of(session, &caller.roles, None, None).await,
    }
}

/// Whether the caller has the permission that the call needs in all of the tenant, and not in a place of it only.
pub async fn administers_all(call: &Call<'_>) -> Result<bool> {
    Ok(giver(call).await?.administer(call.code()))
}

/// Fails with 403 if the caller has the role, anywhere: nobody changes what they may do themselves.
async fn demand_others(call: &Call<'_>, role: &str) -> Result<()> {
    let (session, caller) = (call.ctx.session(), call.ctx.caller());
    let account = kept::all::<Account>(session).await?.into_iter().find(|it| it.value.id == caller.subject);
    let assigned = account.is_some_and(|it| it.value.roles.iter().any(|it| it.role == role));
    if assigned || caller.roles.iter().any(|it| it == role) {
        let told = "Nobody changes a role that they have: somebody else has to.";
        return Err(Failure::new(IssueType::Forbidden, told));
    }
    Ok(())
}

/// `$role-define`: makes a role of the tenant's own, or changes one, shipped ones among them.
async fn define(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let (session, tenant) = (call.ctx.session(), call.ctx.tenant().name());
    let text = |name: &str| call.arguments.text(name).unwrap_or_default().trim().to_owned();
    let texts = |name: &str| call.arguments.texts(name).map(str::to_owned).collect();
    let role = Role {
        name: text("name"),
        title: text("title"),
        description: text("description"),
        of: realm(tenant),
        rules: texts("rule"),
        permissions: texts("permission"),
        gives: texts("gives"),
        rights: call.arguments.texts("right").map(right).collect::<Result<_>>()?,
        purposes: texts("purpose"),
    };
    if let Some(problem) = role.problem() {
        return Err(refused(problem));
    }
    if TOP.contains(&role.name.as_str()) {
        return Err(refused("The roles owner and super_admin are the same everywhere."));
    }
    demand_others(&call, &role.name).await?;
    demand_giving(&call, std::slice::from_ref(&role)).await?;
    let change = match kept::find::<OwnRole>(session, &role.name).await? {
        Some(mut entry) => {
            // Its holders would lose what the caller could not give back.
            demand_giving(&call, std::slice::from_ref(&entry.value.0)).await?;
            entry.value.0 = role.clone();
            entry.replace()?
        }
        None => {
            demand_giving(&call, find(session, &role.name).await?.as_slice()).await?;
            if kept::list::<OwnRole>(session, MOST).await?.len() >= MOST {
                return Err(refused(format!("A tenant has {MOST} roles of its own at the most.")));
            }
            kept::insert(role.name.clone(), &OwnRole(role.clone()), None)?
        }
    };
    kept::decided(kept::write(session, vec![change]).await?)?;
    tracing::info!(tenant, role = role.name, by = call.ctx.caller().subject, "a role is defined");
    let mut answer = vec![told(&role, true)];
    if role.rights.contains(&Right::BreakGlass) {
        let silence = silence(&PrivacySettings::find(session).await?);
        answer.extend(silence.map(|it| json!({ "name": "warning", "valueString": it })));
    }
    Ok(parameters(&answer.into()))
}

fn right(code: &str) -> Result<Right> {
    let known = || Right::ALL.map(Right::code).join(", ");
    Right::named(code).ok_or_else(|| refused(format!("{} is no right; there are {}.", shown(code), known())))
}

/// `$role-list`
async fn list(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let session = call.ctx.session();
    let own = kept::list::<OwnRole>(session, MOST).await?;
    let is_own = |it: &Role| own.iter().any(|own| own.key == it.name);
    let roles = all(session, call.ctx.tenant().name()).await?;
    Ok(parameters(&roles.iter().map(|it| told(it, is_own(it))).collect()))
}

/// A role as a parameter.
fn told(role: &Role, is_own: bool) -> Json {
    let string = |name: &str, value: &str| json!({ "name": name, "valueString": value });
    let mut part = vec![string("name", &role.name), string("title", &role.title)];
    if !role.description.is_empty() {
        part.push(string("description", &role.description));
    }
    part.extend(role.rules.iter().map(|it| string("rule", it)));
    part.extend(role.permissions.iter().map(|it| json!({ "name": "permission", "valueCode": it })));
    part.extend(role.gives.iter().map(|it| string("gives", it)));
    part.extend(role.rights.iter().map(|it| json!({ "name": "right", "valueCode": it.code() })));
    part.extend(role.purposes.iter().map(|it| json!({ "name": "purpose", "valueCode": it })));
    part.push(json!({ "name": "own", "valueBoolean": is_own }));
    json!({ "name": "role", "part": part })
}

/// `$role-delete`: ends a role of the tenant's own that nobody has; a shipped role is afterwards what it was.
async fn delete(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let (session, name) = (call.ctx.session(), call.arguments.text("name").unwrap_or_default());
    let none = || Failure::new(IssueType::NotFound, "The tenant has no role of its own of this name.");
    let entry = kept::find::<OwnRole>(session, name).await?.ok_or_else(none)?;
    demand_others(&call, name).await?;
    let shipped = engine::shipped_roles().iter().find(|it| it.name == name);
    demand_giving(&call, std::slice::from_ref(&entry.value.0)).await?;
    demand_giving(&call, shipped.map_or(&[], std::slice::from_ref)).await?;
    let has_it = |it: &Entry<Account>| it.value.roles.iter().any(|it| it.role == name);
    if shipped.is_none() && kept::all::<Account>(session).await?.iter().any(has_it) {
        let told = "Users have this role: take it from them first ($users tells who).";
        return Err(Failure::new(IssueType::BusinessRule, told).with_status(409));
    }
    kept::decided(kept::write(session, vec![entry.delete()]).await?)?;
    tracing::info!(tenant = call.ctx.tenant().name(), role = name, by = call.ctx.caller().subject, "a role is deleted");
    Ok(Answer::empty(204))
}

/// `$user-roles`: gives a user these roles and no others.
async fn assign(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let (session, tenant) = (call.ctx.session(), call.ctx.tenant().name());
    let assignments = call.arguments.elements("role").map(assignment).collect::<Result<Vec<_>>>()?;
    let username = account::folded(call.arguments.text("username").unwrap_or_default());
    let mut user = existing(session, &username).await?;
    if user.value.provider.is_some() {
        return Err(refused("The rules of the provider by which this user signs in say what roles there are."));
    }
    if user.value.id == call.ctx.caller().subject {
        return Err(Failure::new(IssueType::Forbidden, "Nobody changes their own roles."));
    }
    let own = call.arguments.text("scope").map(str::to_owned);
    demand_rank(&call, &user.value).await?;
    demand_giving_all(&call, &assignments, own.as_deref()).await?;
    let loss = owners::change(session, &username, &user.value.roles, &assignments).await?;
    user.value.roles = assignments;
    // What there was before roles goes with the first roles.
    user.value.is_administrator = false;
    user.value.scope = own.unwrap_or_default();
    let changes = [user.replace()?].into_iter().chain(loss).collect();
    kept::decided(kept::write(session, changes).await?)?;
    tracing::info!(tenant, user = user.value.id, by = call.ctx.caller().subject, "a user's roles are changed");
    Ok(parameters(&json!([user_told(&user)])))
}

/// A role as it is given: `valueCode`, or the parts `name` and `place`.
pub fn assignment(of: Value<'_>) -> Result<Assignment> {
    let part = |name: &str| of.get("part")?.each().find(|it| it.str("name") == Some(name));
    let role = part("name").and_then(|it| it.str("valueCode").or_else(|| it.str("valueString")));
    let role = role.ok_or_else(|| refused("A role has the part name, and where it holds in one place only, place."))?;
    let place = part("place").and_then(|it| it.get("valueReference")?.str("reference"));
    Ok(Assignment { role: role.to_owned(), place: place.map(str::to_owned) })
}

/// A role as [`assignment`] reads it.
pub fn assignment_told(of: &Assignment) -> Json {
    let mut part = vec![json!({ "name": "name", "valueCode": of.role })];
    part.extend(of.place.as_ref().map(|it| json!({ "name": "place", "valueReference": { "reference": it } })));
    json!({ "name": "role", "part": part })
}

/// `$users`
async fn users(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let session = call.ctx.session();
    let found = match call.arguments.text("username") {
        Some(username) => vec![existing(session, &account::folded(username)).await?],
        None => kept::all(session).await?,
    };
    Ok(parameters(&found.iter().map(user_told).collect()))
}

fn user_told(user: &Entry<Account>) -> Json {
    let string = |name: &str, value: &str| json!({ "name": name, "valueString": value });
    let mut part = vec![
        string("username", &user.key),
        string("id", &user.value.id),
        string("user", &user.value.fhir_user),
        json!({ "name": "enabled", "valueBoolean": user.value.is_enabled }),
    ];
    part.extend(user.value.roles.iter().map(assignment_told));
    if !user.value.scope.is_empty() {
        part.push(string("scope", &user.value.scope));
    }
    json!({ "name": "user", "part": part })
}

async fn existing(session: &dyn Session, username: &str) -> Result<Entry<Account>> {
    let none = || Failure::new(IssueType::NotFound, "There is no such user.");
    kept::find::<Account>(session, username).await?.ok_or_else(none)
}

fn refused(told: impl Into<String>) -> Failure {
    Failure::new(IssueType::Value, told)
}
