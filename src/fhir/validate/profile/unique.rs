//! What no two resources of a tenant may share: our extension `unique` on a profile.

use super::{DEEPEST, Fault, Profiles};
use crate::json::Value;
use crate::path::{Context, Expression, PathError};
use crate::spec::r4;
use crate::validate::expression;

/// The extension.
const URL: &str = "https://medisync.dev/fhir/StructureDefinition/unique";

/// Which Identifiers of a resource are its own alone.
pub struct Unique {
    /// The token parameter that finds other resources by them.
    pub parameter: Box<str>,
    identifiers: Expression,
}

/// An Identifier that has to be unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueValue<'a> {
    /// Identifier.system, empty where there is none.
    pub system: &'a str,
    /// Identifier.value.
    pub value: &'a str,
    /// Its FHIRPath.
    pub expression: String,
}

impl Unique {
    /// What a definition of a profile says.
    pub(super) fn read(definition: Value<'_>) -> Result<Vec<Unique>, Fault> {
        let mut all = Vec::new();
        for extension in extensions(definition).filter(|it| it.str("url") == Some(URL)) {
            let parts: Vec<Value<'_>> = extensions(extension).collect();
            let part = |url: &str, value: &str| parts.iter().find(|it| it.str("url") == Some(url))?.str(value);
            let (Some(parameter), Some(text)) = (part("parameter", "valueCode"), part("expression", "valueString"))
            else {
                return Err(Fault::new("", "its extension unique lacks parameter or expression"));
            };
            let identifiers =
                Expression::parse(text).map_err(|it| Fault::new("", format!("its extension unique: {it}")))?;
            all.push(Unique { parameter: parameter.into(), identifiers });
        }
        Ok(all)
    }

    /// The Identifiers of a resource that are meant; those without a value are none.
    pub fn values<'a>(&'a self, resource: Value<'a>) -> Result<Vec<UniqueValue<'a>>, PathError> {
        let mut all = Vec::new();
        let Some(context) = Context::resource(resource) else { return Ok(all) };
        self.identifiers.each_node(&context, |node| {
            let Some(found) = node.value() else { return };
            if let Some(value) = found.str("value") {
                let system = found.str("system").unwrap_or_default();
                all.push(UniqueValue { system, value, expression: expression::of(r4(), resource, found) });
            }
        })?;
        Ok(all)
    }
}

fn extensions(of: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    of.get("extension").into_iter().flat_map(Value::each)
}

impl Profiles {
    /// What the profile with this canonical URL, and those it builds on, want to be unique.
    pub fn unique(&self, canonical: &str) -> impl Iterator<Item = &Unique> {
        self.find(canonical).and_then(|it| it.as_ref().ok()).into_iter().flat_map(|it| &it.unique)
    }

    /// What a definition says, and those it builds on.
    pub(super) fn all_unique(&self, definition: Value<'_>, depth: usize) -> Result<Vec<Unique>, Fault> {
        let mut all = Unique::read(definition)?;
        let base = definition.str("baseDefinition").and_then(|it| self.source(it));
        if let Some(base) = base.filter(|_| depth < DEEPEST) {
            let doc = base.read()?;
            all.extend(self.all_unique(doc.root(), depth + 1)?);
        }
        Ok(all)
    }
}
