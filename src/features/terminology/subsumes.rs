//! `$subsumes` (codesystem-operation-subsumes.html): how two codes stand to each other.

use super::Parameters;
use super::asked::{self, needed_system, versioned};
use engine::{Answer, Call};
use fhir::json::{Doc, Value};
use fhir::terminology::{CodeSystem, Subsumption};
use fhir::{Failure, IssueType, Result};

pub(super) async fn subsumes(call: Call<'_>) -> Result<Answer> {
    let (first, second) = (code(&call, "codeA", "codingA")?, code(&call, "codeB", "codingB")?);
    if let (Some(first), Some(second)) = (&first.0, &second.0)
        && first != second
    {
        return Err(Failure::new(IssueType::Invalid, "Both codes must be of one code system."));
    }
    let outcome = subsumption(&call, first.0.or(second.0), [&first.1, &second.1]).await?.code();
    let mut out = Parameters::default();
    out.add("outcome", "valueCode", Some(outcome));
    Ok(out.answer())
}

/// One of the two codes, and the system that its Coding names.
fn code(call: &Call<'_>, code: &str, coding: &str) -> Result<(Option<String>, String)> {
    let element = call.arguments.elements(coding).next().and_then(asked::coding);
    match (call.arguments.text(code), element) {
        (Some(text), None) => Ok((None, text.to_owned())),
        (None, Some(asked)) => Ok((asked.system, asked.code)),
        _ => Err(Failure::new(IssueType::Required, format!("Give one of {code} and {coding}."))),
    }
}

async fn subsumption(call: &Call<'_>, of_coding: Option<String>, codes: [&str; 2]) -> Result<Subsumption> {
    if let Some(stored) = &call.instance {
        let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
        let doc = Doc::parse(text).map_err(Failure::internal)?;
        let url = Value::str(doc.root(), "url");
        if of_coding.as_deref().or(call.arguments.text("system")).is_some_and(|it| Some(it) != url) {
            return Err(Failure::new(IssueType::Invalid, "The codes are of another code system than the one called."));
        }
        let system = CodeSystem::read(doc.root());
        system.needs_whole()?;
        return system.subsumption(codes[0], codes[1]);
    }
    let system = call.arguments.text("system").or(of_coding.as_deref());
    let url = versioned(needed_system(system)?, call.arguments.text("version"));
    call.engine.resolver(call.ctx).await?.subsumption(&url, codes).await
}
