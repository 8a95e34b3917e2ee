//! Which SearchParameters a tenant may have of its own: those that can be served as they are meant
//! (searchparameter.html).

use super::components;
use super::published::in_fhirpath;
use fhir::json::Value;
use fhir::path::Expression;
use fhir::search::{numbers, own_alternatives};
use fhir::spec::{Kind, Own, ParamType, SearchParam, Spec, TypeId, compile};
use fhir::{Failure, Issue, IssueType, Result};
use rustc_hash::FxHashSet;
use serde_json::Value as Json;

/// What a SearchParameter comes to.
pub(super) enum Reading {
    /// It is not active, or one of the standard's own.
    NotOwn,
    /// It is a parameter of the tenant's own.
    Own(SearchParam),
}

/// Reads the SearchParameter with this id, as an addition to tables that may have a former version of it.
pub(super) fn read(spec: &Spec, resource: Value<'_>, id: &str, generation: &str) -> Result<Reading> {
    if resource.str("status") != Some(super::ACTIVE) {
        return Ok(Reading::NotOwn);
    }
    let json: Json = serde_json::from_str(resource.raw()).map_err(Failure::internal)?;
    let row = compile::search_param(&json).map_err(|it| refused("component", it.problem))?;
    if row.kind == ParamType::Special {
        let told = "What a special search parameter looks for no definition can say, only a server's code: so there are \
                    none of a tenant's own. Choose another type.";
        return Err(refused("type", told));
    }
    types_exist(spec, "base", &row.base)?;
    types_exist(spec, "target", &row.targets)?;
    if let Some(standard) = spec.param_by_url(row.url).filter(|it| it.own.is_none()) {
        let is_same =
            *standard.code == *row.code && standard.kind == row.kind && *standard.expression == *row.expression;
        let told = "This is the url of one of R4's search parameters, which cannot be changed; give yours its own url.";
        return if is_same { Ok(Reading::NotOwn) } else { Err(refused("url", told)) };
    }
    check_code(row.code)?;
    let mut param = spec.build_param(row).map_err(|it| refused("base", format!("{it}.")))?;
    if !is_sound(&param, &param.expression) {
        let meant = in_fhirpath(spec, &param.expression);
        if is_sound(&param, &meant) {
            param.expression = meant.into();
        }
    }
    param.own = Some(Own { generation: components::generation(spec, &param, generation).into(), building: None });
    check_expression(spec, &param)?;
    components::check(spec, &param)?;
    check_collisions(spec, &param, id)?;
    Ok(Reading::Own(param))
}

/// The concrete resource types that a parameter is for.
pub(super) fn types_of<'a>(spec: &'a Spec, param: &'a SearchParam) -> impl Iterator<Item = TypeId> + 'a {
    spec.resources().filter(|of| param.base.iter().any(|base| spec.is_a(*of, *base)))
}

fn types_exist(spec: &Spec, element: &str, names: &[&str]) -> Result<()> {
    let is_type = |name: &&&str| spec.type_named(name).is_some_and(|it| spec.of(it).kind == Kind::Resource);
    match names.iter().all(|it| is_type(&it)) {
        true => Ok(()),
        false => Err(refused(element, "It names something that is not a resource type of R4.")),
    }
}

/// A code must be able to stand in a URL beside modifiers and chains, and must not look like a parameter of all
/// resources.
fn check_code(code: &str) -> Result<()> {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
    if code.starts_with(|it: char| it.is_ascii_alphabetic()) && code.chars().all(is_plain) {
        return Ok(());
    }
    Err(refused(
        "code",
        "A code is a letter, then letters, digits, '-' and '_'; those with '_' first are the standard's.",
    ))
}

/// Whether an expression for this parameter is FHIRPath, whose elements are there.
fn is_sound(param: &SearchParam, expression: &str) -> bool {
    Expression::parse(expression).and_then(|it| it.check(&param.base)).is_ok()
}

fn check_expression(spec: &Spec, param: &SearchParam) -> Result<()> {
    if param.expression.trim().is_empty() {
        return Err(refused("expression", "Without an expression there is nothing to be found by."));
    }
    let compiled = Expression::parse(&param.expression).and_then(|it| it.check(&param.base).map(|()| it));
    compiled.map_err(|it| refused("expression", format!("{it}.")))?;
    for of in types_of(spec, param) {
        let alternatives = own_alternatives(spec, param, of);
        if alternatives.is_empty() || Expression::parse(&alternatives.join(" | ")).is_err() {
            let told = format!("The expression selects nothing of {}, which is among the bases.", spec.of(of).name);
            return Err(refused("expression", told));
        }
    }
    Ok(())
}

/// Neither a code nor the number made of it may be another parameter's.
fn check_collisions(spec: &Spec, param: &SearchParam, id: &str) -> Result<()> {
    let is_former = |it: &SearchParam| it.own.as_ref().is_some_and(|it| resource_id(&it.generation) == Some(id));
    if spec.param_by_url(&param.url).is_some_and(|it| !is_former(it)) {
        return Err(refused("url", "Another active SearchParameter has this url."));
    }
    let mut fresh = FxHashSet::default();
    for of in types_of(spec, param) {
        let name = &spec.of(of).name;
        if let Some(other) = spec.param(of, &param.code).filter(|it| !is_former(it)) {
            let told = format!("{name} has a search parameter of this code already: {}.", other.url);
            return Err(refused("code", told));
        }
        fresh.extend(numbers(name, param));
    }
    let mut taken = spec.resources().flat_map(|of| {
        let params = spec.params_of(of).into_iter().filter(|it| !is_former(it));
        params.flat_map(move |it| numbers(&spec.of(of).name, it))
    });
    if taken.any(|it| fresh.contains(&it)) {
        return Err(refused("code", "The number made of this code is another parameter's; choose another code."));
    }
    Ok(())
}

/// The id in `SearchParameter/id/_history/version`.
fn resource_id(generation: &str) -> Option<&str> {
    generation.split('/').nth(1)
}

pub(super) fn refused(element: &str, told: impl Into<String>) -> Failure {
    let issue = Issue::error(IssueType::BusinessRule, told).at(format!("SearchParameter.{element}"));
    Failure::of(vec![issue]).with_status(422)
}
