//! `$translate` (conceptmap-operation-translate.html): the codes that concept maps have for a code.

use super::Parameters;
use super::asked::{self, Asked, flag, needed_system};
use engine::{Answer, Call, Resolver};
use fhir::json::Value;
use fhir::outcome::shown;
use fhir::terminology::{ConceptMap, Mapped, Product, Translate};
use fhir::{Failure, IssueType, Result};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// How many maps one may lead to, each telling of what the one before has not.
const OTHERS: usize = 16;

pub(super) async fn translate(call: Call<'_>) -> Result<Answer> {
    let mut resolver = call.engine.resolver(call.ctx).await?;
    let dependencies = dependencies(&call)?;
    let mut found = Found::default();
    for asked in asked::codes(&call.arguments, "system", "version")? {
        translate_one(&call, &mut resolver, (&asked, &dependencies), &mut found).await?;
    }
    let Found { matches, lacking } = found;
    let is_translated = matches.iter().any(|(_, it)| it.is_match());
    let mut out = Parameters::default();
    out.add("result", "valueBoolean", Some(is_translated));
    match (lacking.first(), is_translated) {
        (Some(element), _) => {
            let told =
                format!("There is a translation that depends on {}: give its code as dependency.", shown(element));
            out.add("message", "valueString", Some(told));
        }
        (None, false) => {
            out.add("message", "valueString", Some("No concept map that this server has translates the code."));
        }
        (None, true) => {}
    }
    for (map, mapped) in &matches {
        out.parts("match", parts(map, mapped));
    }
    Ok(out.answer())
}

/// What maps tell.
#[derive(Default)]
struct Found {
    matches: Vec<(Arc<ConceptMap>, Mapped)>,
    /// Elements on whose codes further translations depend.
    lacking: Vec<String>,
}

/// `dependency`: an element, and its concept.
fn dependencies(call: &Call<'_>) -> Result<Vec<Product>> {
    let mut all = Vec::new();
    for dependency in call.arguments.elements("dependency") {
        let part = |name: &str| {
            let parts = dependency.get("part").into_iter().flat_map(Value::each);
            parts.into_iter().find(|it| it.str("name") == Some(name))
        };
        let element = part("element").and_then(|it| it.str("valueUri"));
        let concept = part("concept").and_then(|it| it.get("valueCodeableConcept"));
        let (Some(property), Some(concept)) = (element, concept) else {
            let told = "A dependency has the parts element, a uri, and concept, a CodeableConcept.";
            return Err(Failure::new(IssueType::Required, told));
        };
        let codings = concept.get("coding").into_iter().flat_map(Value::each).filter_map(asked::coding);
        all.extend(codings.map(|it| Product {
            property: property.to_owned(),
            system: it.system,
            value: it.code,
            display: it.display,
        }));
    }
    Ok(all)
}

async fn translate_one(
    call: &Call<'_>,
    resolver: &mut Resolver<'_>,
    (asked, dependencies): (&Asked, &[Product]),
    found: &mut Found,
) -> Result<()> {
    let is_reverse = flag(call, "reverse");
    let system = needed_system(asked.system.as_deref())?;
    let to = call.arguments.text("targetsystem");
    let wanted =
        Translate { system, version: asked.version.as_deref(), code: &asked.code, to, is_reverse, dependencies };
    let mut left = match asked::concept_map(call, resolver, &asked.code).await? {
        Some(map) => vec![map],
        None => resolver.concept_maps_of(system, is_reverse).await?,
    };
    left.retain(|it| is_between(call, it));
    left.reverse();
    let mut others = 0;
    while let Some(map) = left.pop() {
        let translation = map.translate(&wanted);
        found.lacking.extend(translation.lacking);
        found.matches.extend(translation.found.into_iter().map(|it| (map.clone(), it)));
        for url in translation.others {
            others += 1;
            if others > OTHERS {
                let told = format!("The concept maps refer to one another more than {OTHERS} times.");
                return Err(Failure::new(IssueType::TooCostly, told));
            }
            left.push(resolver.concept_map(&url).await?.ok_or_else(|| asked::unknown("concept map", &url))?);
        }
    }
    Ok(())
}

/// Whether a map is between the value sets that are asked for.
fn is_between(call: &Call<'_>, map: &ConceptMap) -> bool {
    let is = |name: &str, end: &Option<String>| call.arguments.text(name).is_none_or(|it| end.as_deref() == Some(it));
    let (from, to) = if flag(call, "reverse") { (&map.target, &map.source) } else { (&map.source, &map.target) };
    is("source", from) && is("target", to)
}

fn parts(map: &ConceptMap, mapped: &Mapped) -> Parameters {
    let mut parts = Parameters::default();
    parts.add("equivalence", "valueCode", Some(mapped.equivalence.as_str()));
    if !mapped.code.is_empty() {
        parts.add(
            "concept",
            "valueCoding",
            Some(coding(mapped.system.as_deref(), &mapped.code, mapped.display.as_deref())),
        );
    }
    for product in &mapped.products {
        let mut inner = Parameters::default();
        inner.add("element", "valueUri", Some(product.property.as_str()));
        let concept = coding(product.system.as_deref(), &product.value, product.display.as_deref());
        inner.add("concept", "valueCoding", Some(concept));
        parts.parts("product", inner);
    }
    parts.add("source", "valueUri", map.url.as_deref());
    parts
}

fn coding(system: Option<&str>, code: &str, display: Option<&str>) -> Json {
    let mut coding = json!({});
    for (name, value) in [("system", system), ("code", Some(code)), ("display", display)] {
        if let Some(value) = value {
            coding[name] = value.into();
        }
    }
    coding
}
