//! `$convert` (resource-operation-convert.html): a resource in another format. It is read in the format that it is sent in, and
//! answered in the one that the caller accepts, so there is nothing to do but to see that it is a resource of R4.

use engine::{Access, Answer, Call, Extra, HERE, Operation};
use fhir::validate::References;
use fhir::{Failure, IssueType, Result, Severity};

/// The operation.
pub(crate) fn operation() -> Operation {
    Operation {
        definition: include_str!("../../profiles/operations/resource-convert.json"),
        demands: &[(Access::Read, HERE)],
        // It looks at nothing that is stored.
        extras: &[Extra::AnyResource, Extra::ByItsParts],
        run: |call| Box::pin(convert(call)),
    }
}

/// A resource that came bare goes bare; one that came as `input` goes as `output`.
async fn convert(call: Call<'_>) -> Result<Answer> {
    let input = call.arguments.elements("input").next();
    let input = input.ok_or_else(|| Failure::new(IssueType::Required, "There is no resource to convert."))?;
    let issues = fhir::validate::r4().resource(input, References::Literal);
    if issues.iter().any(|it| it.severity <= Severity::Error) {
        return Err(Failure::of(issues).with_status(422));
    }
    let resource = input.raw();
    let body = match call.is_bare {
        true => resource.to_owned(),
        false => format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"output","resource":{resource}}}]}}"#),
    };
    Ok(Answer::new(200, body))
}
