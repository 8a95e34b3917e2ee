//! Which elements may be marked: those that are searched by equality of hashes, or by their letters and can do with equality.

use anyhow::{Context, Result, bail};
use fhir::json::{Doc, Value};
use fhir::search::own_alternatives;
use fhir::spec::{ParamType, r4};
use store::{Branch, Plan, Session};

/// Own search parameters that are read at once.
const BATCH: usize = 200;

/// The string parameters by which an element is searched; fails for an element that there is not, or whose values cannot be kept as hashes.
pub(super) fn params_of(element: &str) -> Result<Vec<String>> {
    let unknown = || format!("{element} is no element of a resource type; mark one such as Patient.address");
    let (of, name) = element.split_once('.').with_context(unknown)?;
    let id = r4().resource(of).with_context(unknown)?;
    r4().of(id).element(name).with_context(unknown)?;
    let mut params = Vec::new();
    for param in r4().params_of(id) {
        let is_selected = own_alternatives(r4(), param, id).into_iter().any(|it| selects(it, element));
        match param.kind {
            _ if !is_selected => {}
            ParamType::Token | ParamType::Reference | ParamType::Uri => {}
            ParamType::String => params.push(format!("{of}?{}", param.code)),
            kind => bail!(
                "{element} is searched by {}, of type {kind:?}, whose values cannot be kept as hashes: it cannot be marked",
                param.code
            ),
        }
    }
    Ok(params)
}

/// Whether an expression selects an element, or what stands in it.
fn selects(expression: &str, element: &str) -> bool {
    let ends = |at: usize| expression[at + element.len()..].chars().next().is_none_or(|it| !it.is_alphanumeric());
    expression.match_indices(element).any(|(at, _)| ends(at))
}

/// Fails if a type with a marked element has search parameters of the tenant's own that show values: nobody but their author knows of what.
pub(super) async fn demand_no_own(session: &dyn Session, elements: &[String]) -> Result<()> {
    let branch = Branch { of: "SearchParameter".into(), filter: Vec::new(), sort: Vec::new() };
    let mut plan = Plan { branches: vec![branch], after: None, limit: BATCH };
    loop {
        let page = session.search(&plan).await?;
        for found in &page.found {
            let doc = std::str::from_utf8(&found.body).ok().and_then(|it| Doc::parse(it).ok());
            let doc = doc.context("a SearchParameter cannot be read")?;
            let mut types = elements.iter().filter_map(|it| Some(it.split_once('.')?.0));
            if types.any(|of| engine::shows_values(doc.root(), of)) {
                bail!(
                    "SearchParameter \"{}\" keeps values of a type with marked elements as they are; retire it first",
                    doc.root().get("code").and_then(Value::as_str).unwrap_or_default()
                );
            }
        }
        plan.after = page.next;
        if plan.after.is_none() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_marked_with_what_they_are_searched_by() {
        let params = params_of("Patient.address").unwrap();
        assert!(
            params.contains(&"Patient?address".into()) && params.contains(&"Patient?address-city".into()),
            "{params:?}"
        );
        assert!(!params.iter().any(|it| it.contains("name")), "{params:?}");
        let names = params_of("Patient.name").unwrap();
        assert!(
            ["Patient?family", "Patient?given", "Patient?name", "Patient?phonetic"]
                .iter()
                .all(|it| names.contains(&(*it).to_owned()))
        );
        // Tokens are hashes anyway.
        assert!(
            params_of("Patient.identifier").unwrap().is_empty() && params_of("Patient.telecom").unwrap().is_empty()
        );
        assert!(params_of("Patient.photo").unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_marked_is_told() {
        for (element, why) in [
            ("Patient.birthDate", "birthdate"),
            ("Patient.deceased", "death-date"),
            ("Patient.shoeSize", "no element"),
            ("Patient", "no element"),
            ("HumanName.family", "no element"),
        ] {
            let refused = params_of(element).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
