//! What a call asks about: codes, and the resource to look into.

use super::context;
use engine::{Arguments, Around, Call, Resolver};
use fhir::json::{Doc, Value};
use fhir::outcome::shown;
use fhir::primitive::datetime;
use fhir::terminology::{CodeSystem, ConceptMap, ValueSet};
use fhir::{Failure, IssueType, Result};
use std::sync::Arc;
use store::{History, Key, Scope, Stored};

/// A code that is asked about.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) system: Option<String>,
    pub(super) version: Option<String>,
    pub(super) code: String,
    pub(super) display: Option<String>,
}

/// The codes of `coding` or `codeableConcept`, or of `code` with a system and a version under these names.
pub(super) fn codes(arguments: &Arguments, system: &str, version: &str) -> Result<Vec<Asked>> {
    let text = |name: &str| arguments.text(name).map(str::to_owned);
    let mut all: Vec<Vec<Asked>> = Vec::new();
    if let Some(code) = text("code") {
        all.push(vec![Asked { system: text(system), version: text(version), code, display: text("display") }]);
    }
    all.extend(arguments.elements("coding").map(|it| coding(it).into_iter().collect()));
    let of_concept = |it: Value<'_>| it.get("coding").into_iter().flat_map(Value::each).filter_map(coding).collect();
    all.extend(arguments.elements("codeableConcept").map(of_concept));
    match (all.pop(), all.is_empty()) {
        (Some(codes), true) if !codes.is_empty() => Ok(codes),
        (_, true) => {
            Err(Failure::new(IssueType::Required, "There is no code to ask about: give code, or a Coding with one."))
        }
        _ => Err(Failure::new(IssueType::Invalid, "Give one of code, coding and codeableConcept.")),
    }
}

/// The one code asked about, where only one may be.
pub(super) fn code(arguments: &Arguments) -> Result<Asked> {
    let mut all = codes(arguments, "system", "version")?;
    all.pop().ok_or_else(|| Failure::new(IssueType::Required, "There is no code to ask about."))
}

/// A Coding; `None` if it has no code.
pub(super) fn coding(coding: Value<'_>) -> Option<Asked> {
    let text = |name: &str| coding.str(name).map(str::to_owned);
    Some(Asked { system: text("system"), version: text("version"), code: text("code")?, display: text("display") })
}

/// A system that must be there.
pub(super) fn needed_system(system: Option<&str>) -> Result<&str> {
    system.ok_or_else(|| Failure::new(IssueType::Required, "A code is asked about with its system."))
}

/// `date`, if it is past: the end of the day, or what else it names, in milliseconds since the epoch.
pub(super) fn past(call: &Call<'_>) -> Option<i64> {
    let date = call.arguments.text("date").and_then(datetime::range)?;
    (date.high < call.engine.now_micros()).then(|| date.high.div_euclid(1000))
}

/// What resolves terminology as it was on the date of a call; without one, as it is.
pub(super) async fn resolver<'c>(call: &Call<'c>) -> Result<Resolver<'c>> {
    match past(call) {
        Some(at_ms) => call.engine.resolver_at(call.ctx, at_ms).await,
        None => call.engine.resolver(call.ctx).await,
    }
}

/// The flag of a boolean parameter.
pub(super) fn flag(call: &Call<'_>, name: &str) -> bool {
    call.arguments.text(name) == Some("true")
}

/// The canonical of `url`, with the version under this name.
fn canonical(call: &Call<'_>, version: &str) -> Option<String> {
    let url = call.arguments.text("url")?;
    Some(versioned(url, call.arguments.text(version)))
}

/// A URL with a version, if there is one.
pub(super) fn versioned(url: &str, version: Option<&str>) -> String {
    match version {
        Some(version) => format!("{url}|{version}"),
        None => url.to_owned(),
    }
}

/// The resource of a call: the instance as it was on the date of the call, or what was sent along under this name.
async fn given<T>(call: &Call<'_>, name: &str, read: impl Fn(Value<'_>) -> T) -> Result<Option<Arc<T>>> {
    if let Some(stored) = &call.instance {
        let stored = match past(call) {
            Some(at_ms) => as_it_was(call, &stored.key, at_ms).await?,
            None => stored.clone(),
        };
        let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
        return Ok(Some(Arc::new(read(Doc::parse(text).map_err(Failure::internal)?.root()))));
    }
    Ok(call.arguments.elements(name).next().map(|it| Arc::new(read(it))))
}

/// The version of a resource that was current then.
async fn as_it_was(call: &Call<'_>, key: &Key, at_ms: i64) -> Result<Stored> {
    let scope = Scope::Instance(key.clone());
    let history = History { scope, since: None, at: Some((at_ms, at_ms)), before: None, limit: 1 };
    let then = call.ctx.session().history(&history).await?.versions.pop().filter(|it| !it.is_deleted());
    let missing = || Failure::new(IssueType::NotFound, format!("There was no {key} on the date that is asked for."));
    then.ok_or_else(missing)
}

/// The value set of a call: the instance, the resource sent along, or the one with the URL.
pub(super) async fn value_set(call: &Call<'_>, resolver: &mut Resolver<'_>) -> Result<Arc<ValueSet>> {
    let url = match (canonical(call, "valueSetVersion"), context::value_set(call).await?) {
        (url, None) | (None, url) => url,
        (Some(_), Some(_)) => return Err(several("value set")),
    };
    match (given(call, "valueSet", ValueSet::read).await?, url) {
        (Some(set), None) => Ok(set),
        (None, Some(url)) => resolver.value_set(&url).await?.ok_or_else(|| unknown("value set", &url)),
        (None, None) => Err(missing("url, context or valueSet")),
        _ => Err(several("value set")),
    }
}

/// The code system of a call, in the same ways; of a loaded one these codes.
pub(super) async fn code_system(
    call: &Call<'_>,
    resolver: &mut Resolver<'_>,
    codes: &[&str],
) -> Result<Arc<CodeSystem>> {
    match (given(call, "codeSystem", CodeSystem::read).await?, canonical(call, "version")) {
        (Some(system), None) => Ok(system),
        (None, Some(url)) => with_url(resolver, &url, codes, Around::Nothing).await,
        (None, None) => Err(missing("url or codeSystem")),
        _ => Err(several("code system")),
    }
}

/// The code system with this URL; of a loaded one these codes and what is around them.
pub(super) async fn with_url(
    resolver: &mut Resolver<'_>,
    url: &str,
    codes: &[&str],
    around: Around,
) -> Result<Arc<CodeSystem>> {
    resolver.concepts(url, codes, around).await?.ok_or_else(|| unknown("code system", url))
}

/// The concept map of a call for a code; `None` if it names none.
pub(super) async fn concept_map(
    call: &Call<'_>,
    resolver: &mut Resolver<'_>,
    code: &str,
) -> Result<Option<Arc<ConceptMap>>> {
    match (given(call, "conceptMap", ConceptMap::read).await?, canonical(call, "conceptMapVersion")) {
        (given, None) => Ok(given),
        (None, Some(url)) => {
            let found = resolver.concept_map_of(&url, code, flag(call, "reverse")).await?;
            Ok(Some(found.ok_or_else(|| unknown("concept map", &url))?))
        }
        _ => Err(several("concept map")),
    }
}

pub(super) fn unknown(what: &str, url: &str) -> Failure {
    Failure::new(IssueType::NotFound, format!("This server has no {what} {}.", shown(url)))
}

fn missing(what: &str) -> Failure {
    Failure::new(IssueType::Required, format!("Give {what}, or call the operation on a resource."))
}

fn several(what: &str) -> Failure {
    Failure::new(IssueType::Invalid, format!("Name the {what} in one way."))
}
