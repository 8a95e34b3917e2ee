//! `$snapshot` (structuredefinition-operation-snapshot.html): a profile with the snapshot that its differential makes over
//! its base. Nothing is stored.

use engine::{Access, Answer, Call, HERE, Operation};
use fhir::json::Value;
use fhir::{Failure, IssueType, Result};

/// The operation.
pub(crate) fn operation() -> Operation {
    Operation {
        definition: include_str!("../../profiles/operations/structuredefinition-snapshot.json"),
        demands: &[(Access::Read, HERE)],
        extras: &[],
        run: |call| Box::pin(snapshot(call)),
    }
}

async fn snapshot(call: Call<'_>) -> Result<Answer> {
    let definition = definition(&call).await?;
    let profiles = call.engine.profiles(call.ctx).await?;
    Ok(Answer::new(200, profiles.snapshot(&definition)?))
}

/// The profile that is meant: the one that the operation is called on, or else the one that is given or named.
async fn definition(call: &Call<'_>) -> Result<String> {
    if let Some(stored) = &call.instance {
        return String::from_utf8(stored.body.to_vec()).map_err(Failure::internal);
    }
    match (call.arguments.elements("definition").next().map(Value::raw), call.arguments.text("url")) {
        (Some(given), None) => Ok(given.to_owned()),
        (None, Some(url)) => named(call, url).await,
        _ => Err(Failure::new(
            IssueType::Required,
            "Give one of definition and url, or call it on a StructureDefinition.",
        )),
    }
}

async fn named(call: &Call<'_>, url: &str) -> Result<String> {
    call.ctx.caller().scopes.demand(Access::Search, "StructureDefinition")?;
    let found = call.engine.structure_definition(call.ctx, url).await?;
    found.ok_or_else(|| {
        let told = "The tenant has no StructureDefinition with this URL, and it is none of the server's own profiles.";
        Failure::new(IssueType::NotFound, told).with_status(404)
    })
}
