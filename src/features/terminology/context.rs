//! `context` of `$expand` and `$validate-code` (valueset-operation-expand.html): the value set that an element is bound to, named by
//! a StructureDefinition's URL, `#`, and the element's path or id.

use super::asked::{past, unknown};
use engine::{Access, Call};
use fhir::json::{Doc, Value};
use fhir::outcome::shown;
use fhir::spec::{Kind, TypeId, r4};
use fhir::{Failure, IssueType, Result};

const CORE: &str = "http://hl7.org/fhir/StructureDefinition/";

/// The value set of a call's context; `None` if it names none. What a client may send and what it may get are the same codes
/// (`contextDirection`).
pub(super) async fn value_set(call: &Call<'_>) -> Result<Option<String>> {
    let direction = call.arguments.text("contextDirection");
    let Some(context) = call.arguments.text("context") else {
        return match direction {
            Some(_) => Err(Failure::new(IssueType::Required, "contextDirection needs the parameter context.")),
            None => Ok(None),
        };
    };
    if direction.is_some_and(|it| !matches!(it, "incoming" | "outgoing")) {
        return Err(Failure::new(IssueType::CodeInvalid, "contextDirection is incoming or outgoing."));
    }
    let (url, element) = context.split_once('#').ok_or_else(|| {
        Failure::new(IssueType::Value, "context is the URL of a StructureDefinition, # and the path of an element.")
    })?;
    let found = match url.strip_prefix(CORE).and_then(|it| r4().type_named(it)) {
        Some(of) => of_type(of, element),
        None => of_profile(call, url, element).await?,
    };
    found.map(Some).ok_or_else(|| {
        let told = format!("The context {} is bound to no value set.", shown(context));
        Failure::new(IssueType::NotFound, told)
    })
}

/// The value set of an element of one of R4's types, by its path.
fn of_type(of: TypeId, path: &str) -> Option<String> {
    let mut of = r4().of(of);
    let mut steps = path.strip_prefix(&*of.name)?.strip_prefix('.')?.split('.').peekable();
    loop {
        let element = of.element(steps.next()?.trim_end_matches("[x]"))?;
        if steps.peek().is_none() {
            return element.binding.as_ref().map(|it| it.value_set.to_string());
        }
        of = element.types.first().map(|it| r4().of(*it)).filter(|it| it.kind != Kind::Primitive)?;
    }
}

/// The value set of an element of a profile, as its snapshot has it.
async fn of_profile(call: &Call<'_>, url: &str, element: &str) -> Result<Option<String>> {
    call.ctx.caller().scopes.demand(Access::Search, "StructureDefinition")?;
    if past(call).is_some() {
        let told = "What an element of a profile was bound to on a date that is past is not told: name its value set.";
        return Err(Failure::new(IssueType::NotSupported, told));
    }
    let found = call.engine.structure_definition(call.ctx, url).await?;
    let definition = found.ok_or_else(|| unknown("StructureDefinition", url))?;
    let snapshot = call.engine.profiles(call.ctx).await?.snapshot(&definition)?;
    let doc = Doc::parse(snapshot).map_err(Failure::internal)?;
    let mut elements = doc.root().get("snapshot").and_then(|it| it.get("element")).into_iter().flat_map(Value::each);
    let is_meant = |it: &Value<'_>| it.str("id") == Some(element) || it.str("path") == Some(element);
    let binding = elements.find(is_meant).and_then(|it| it.get("binding"));
    Ok(binding.and_then(|it| it.str("valueSet")).map(str::to_owned))
}
