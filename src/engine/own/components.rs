//! The components of a composite SearchParameter of a tenant's own (search.html#composite).

use super::check::refused;
use fhir::Result;
use fhir::path::Expression;
use fhir::search::has_components_served;
use fhir::spec::{ParamType, SearchParam, Spec};

/// Fails unless every component is a parameter that there is, R4's or the tenant's, and its expression can select
/// something of a match of the whole.
pub(super) fn check(spec: &Spec, param: &SearchParam) -> Result<()> {
    if param.kind != ParamType::Composite {
        return Ok(());
    }
    let whole = Expression::parse(&param.expression).and_then(|it| it.answers(&param.base));
    let of = whole.map_err(|it| refused("expression", format!("{it}.")))?;
    for component in &param.components {
        if spec.param_by_url(&component.definition).is_none() {
            let told = "A component's definition is the url of a search parameter of R4, or of an active one of yours.";
            return Err(refused("component.definition", told));
        }
        let part = Expression::parse(&component.expression);
        let part = part.and_then(|it| of.as_ref().map_or(Ok(()), |of| it.check(of)));
        part.map_err(|it| refused("component.expression", format!("{it}.")))?;
    }
    if !has_components_served(spec, param) {
        let told = "A composite is indexed by a token, reference or uri first, and then one other value that is no \
                    composite, or two numbers.";
        return Err(refused("component", told));
    }
    Ok(())
}

/// What tells a version of a composite from every other: also of which types its components' parameters are, which
/// may be another tomorrow. Of other parameters, just the version.
pub(super) fn generation(spec: &Spec, param: &SearchParam, version: &str) -> String {
    let kinds = param.components.iter().filter_map(|it| spec.param_by_url(&it.definition)).map(|it| it.kind.code());
    let kinds: Vec<&str> = kinds.collect();
    if kinds.is_empty() { version.to_owned() } else { format!("{version}#{}", kinds.join("-")) }
}
