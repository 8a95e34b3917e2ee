//! `$summary` of a patient (<http://hl7.org/fhir/uv/ips/OperationDefinition/summary>): an International Patient Summary, a
//! document made of what the record has now. Nothing is stored.
//!
//! Every resource comes by a search of its own, so that nothing is in a summary that its caller could not search for. A section
//! that must be there and has nothing says why: `unavailable` where the record has nothing (which is not to say that the
//! patient has nothing), `withheld` where the caller may not see it.

mod document;
mod record;
mod section;
mod words;

use document::Document;
use engine::{Access, Answer, Call, Extra, Operation};
use fhir::outcome::shown;
use fhir::{Failure, IssueType, Result};
use record::Record;

/// IPS's profile of the document, and that of what stands at its head.
const BUNDLE: &str = "http://hl7.org/fhir/uv/ips/StructureDefinition/Bundle-uv-ips";
const COMPOSITION: &str = "http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips";

/// The operation.
pub(crate) fn operation() -> Operation {
    Operation {
        definition: include_str!("../../../profiles/operations/patient-summary.json"),
        demands: &[(Access::Read, "Patient")],
        extras: &[Extra::Narrowed],
        run: |call| Box::pin(summary(call)),
    }
}

async fn summary(call: Call<'_>) -> Result<Answer> {
    if let Some(profile) = call.arguments.text("profile") {
        let bare = profile.split('|').next().unwrap_or_default();
        if bare != COMPOSITION && bare != BUNDLE {
            let told = format!("A summary is made by {COMPOSITION}; {} is not served.", shown(profile));
            return Err(Failure::new(IssueType::NotSupported, told));
        }
    }
    let record = Record::of(&call).await?;
    let mut document = Document::of(&record)?;
    for section in section::ALL {
        let found = record.section(section).await?;
        document.section(section, &found)?;
    }
    let support = record.support(document.resources()).await?;
    document.support(support);
    Ok(Answer::new(200, document.finish()?))
}
