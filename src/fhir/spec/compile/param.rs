//! SearchParameter (searchparameter.html).

use super::{Unusable, errata, last_part, list, required, text, texts, unusable};
use crate::spec::ParamType;
use crate::spec::rows::ParamRow;
use serde_json::Value;

/// The row of a SearchParameter. A target of `Resource` is any.
pub fn search_param(definition: &Value) -> Result<ParamRow<'_>, Unusable> {
    let kind = ParamType::from_code(required(definition, "type")?)
        .ok_or_else(|| unusable(definition, "its type is not one of R4's search parameter types"))?;
    let base = texts(definition, "base");
    if base.is_empty() {
        return Err(unusable(definition, "it has no base"));
    }
    let mut targets = texts(definition, "target");
    if targets.contains(&"Resource") {
        targets.clear();
    }
    let mut components = list(definition, "component")
        .iter()
        .map(|it| Ok((required(it, "definition")?, required(it, "expression")?.into())))
        .collect::<Result<Vec<_>, Unusable>>()?;
    if components.is_empty() == (kind == ParamType::Composite) {
        return Err(unusable(definition, "it must have components if, and only if, it is a composite"));
    }
    let url = required(definition, "url")?;
    errata::components(url, &mut components);
    Ok(ParamRow {
        code: required(definition, "code")?,
        kind,
        base: base.into_iter().map(last_part).collect(),
        targets,
        url,
        expression: text(definition, "expression").unwrap_or_default().into(),
        description: text(definition, "description").unwrap_or_default().into(),
        components,
    })
}
