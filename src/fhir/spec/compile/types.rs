//! StructureDefinition (structuredefinition.html): a type and the backbone elements inside it, from the snapshot.

use super::{Unusable, errata, last_part, list, required, text, texts, unusable, unversioned};
use crate::spec::rows::{ConstraintRow, ElementRow, TypeRow};
use crate::spec::{Kind, Strength};
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

/// The own invariants of profiles on data types, such as `SimpleQuantity`, by URL. An element whose type is
/// narrowed by such a profile has its type's elements and these invariants.
pub type TypeProfiles<'a> = FxHashMap<&'a str, Vec<ConstraintRow<'a>>>;

/// Where an element says that its references make a strict hierarchy.
const HIERARCHY: &str = "http://hl7.org/fhir/StructureDefinition/structuredefinition-hierarchy";
/// Where a type that FHIRPath calls `System.String` says what it is in FHIR.
const FHIR_TYPE: &str = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type";
const SYSTEM_TYPE: &str = "http://hl7.org/fhirpath/System.";

/// The type that a StructureDefinition defines, then the backbone elements in it, each with all its elements.
pub fn types<'a>(definition: &'a Value, profiles: &TypeProfiles<'a>) -> Result<Vec<TypeRow<'a>>, Unusable> {
    let snapshot = Snapshot::of(definition)?;
    let kind = Kind::from_code(required(definition, "kind")?)
        .ok_or_else(|| unusable(definition, "its kind is not a type's"))?;
    let mut all: Vec<TypeRow> = Vec::new();
    let mut place: FxHashMap<&str, usize> = FxHashMap::default();
    for element in snapshot.elements {
        let path = required(element, "path")?;
        let parent = path.rsplit_once('.');
        if let Some((parent, name)) = parent {
            let row = snapshot.element(element, path, name, profiles)?;
            let at = place.get(parent).ok_or_else(|| unusable(element, "its parent does not come before it"))?;
            all[*at].elements.push(row);
        }
        if parent.is_none() || snapshot.parents.contains(path) {
            place.insert(path, all.len());
            let (kind, base, is_abstract) = match parent {
                None => (kind, text(definition, "baseDefinition").map(last_part), is_abstract(definition)),
                Some(_) => (Kind::Backbone, list(element, "type").first().and_then(|it| text(it, "code")), false),
            };
            let constraints = snapshot.constraints(element)?;
            all.push(TypeRow { name: path, kind, base, is_abstract, elements: Vec::new(), constraints });
        }
    }
    Ok(all)
}

/// The invariants that a StructureDefinition adds to the type as a whole.
pub(super) fn own_constraints(definition: &Value) -> Result<Vec<ConstraintRow<'_>>, Unusable> {
    let snapshot = Snapshot::of(definition)?;
    snapshot.elements.first().map_or(Ok(Vec::new()), |root| snapshot.constraints(root))
}

fn is_abstract(definition: &Value) -> bool {
    definition.get("abstract").and_then(Value::as_bool).unwrap_or_default()
}

struct Snapshot<'a> {
    url: &'a str,
    elements: &'a [Value],
    /// Paths that have elements beneath them.
    parents: FxHashSet<&'a str>,
}

impl<'a> Snapshot<'a> {
    fn of(definition: &'a Value) -> Result<Snapshot<'a>, Unusable> {
        let elements = definition.get("snapshot").map_or(&[][..], |it| list(it, "element"));
        if elements.is_empty() {
            return Err(unusable(definition, "it has no snapshot"));
        }
        let parents = elements.iter().filter_map(|it| Some(text(it, "path")?.rsplit_once('.')?.0)).collect();
        Ok(Snapshot { url: required(definition, "url")?, elements, parents })
    }

    fn element(
        &self,
        element: &'a Value,
        path: &'a str,
        name: &'a str,
        profiles: &TypeProfiles<'a>,
    ) -> Result<ElementRow<'a>, Unusable> {
        let is_group = self.parents.contains(path);
        let choice = name.strip_suffix("[x]");
        let flag = |name| element.get(name).and_then(Value::as_bool).unwrap_or_default();
        let fixed = element.as_object().and_then(|it| it.iter().find(|(name, _)| name.starts_with("fixed")));
        Ok(ElementRow {
            name: choice.unwrap_or(name),
            min: min(element)?,
            max: max(element, required(element, "max")?)?,
            is_array: base(element, "max").unwrap_or(required(element, "max")?) != "1",
            is_choice: choice.is_some(),
            is_summary: flag("isSummary"),
            is_modifier: flag("isModifier"),
            is_attribute: texts(element, "representation").contains(&"xmlAttr"),
            is_hierarchy: list(element, "type").iter().any(is_hierarchy),
            types: if is_group { vec![path] } else { element_types(element)? },
            targets: targets(element),
            binding: binding(element)?,
            max_length: element.get("maxLength").and_then(Value::as_u64).and_then(|it| it.try_into().ok()),
            fixed: fixed.map(|(_, value)| value.to_string().into()),
            constraints: match is_group {
                true => Vec::new(),
                false => {
                    let narrowed = list(element, "type").iter().flat_map(|it| texts(it, "profile"));
                    let mut all = self.constraints(element)?;
                    all.extend(narrowed.filter_map(|it| profiles.get(it)).flatten().cloned());
                    all
                }
            },
        })
    }

    /// The invariants stated here. Those with another definition as `source` come from the element's type.
    fn constraints(&self, element: &'a Value) -> Result<Vec<ConstraintRow<'a>>, Unusable> {
        list(element, "constraint")
            .iter()
            .filter(|it| text(it, "source").is_none_or(|it| it == self.url))
            .map(|it| {
                Ok(ConstraintRow {
                    key: required(it, "key")?,
                    is_error: required(it, "severity")? == "error",
                    human: required(it, "human")?.into(),
                    expression: text(it, "expression").unwrap_or_default().into(),
                })
            })
            .collect()
    }
}

/// Whether a type of an element is marked as one whose references make a strict hierarchy.
fn is_hierarchy(of: &Value) -> bool {
    let is_mark = |it: &Value| text(it, "url") == Some(HIERARCHY) && it["valueBoolean"] == true;
    list(of, "extension").iter().any(is_mark)
}

fn min(element: &Value) -> Result<u16, Unusable> {
    let found = element.get("min").and_then(Value::as_u64).and_then(|it| it.try_into().ok());
    found.ok_or_else(|| unusable(element, "its min is not a number"))
}

fn max(element: &Value, max: &str) -> Result<Option<u16>, Unusable> {
    match max {
        "*" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| unusable(element, "its max is neither a number nor *")),
    }
}

fn base<'a>(element: &'a Value, name: &str) -> Option<&'a str> {
    text(element.get("base")?, name)
}

/// The names of an element's types. A `contentReference` names the element whose content it has.
fn element_types(element: &Value) -> Result<Vec<&str>, Unusable> {
    if let Some(reference) = text(element, "contentReference") {
        let (_, path) = reference.split_once('#').ok_or_else(|| unusable(element, "its contentReference has no #"))?;
        return Ok(vec![path]);
    }
    list(element, "type").iter().map(|it| type_name(element, it)).collect()
}

fn type_name<'a>(element: &'a Value, of: &'a Value) -> Result<&'a str, Unusable> {
    let code = required(of, "code")?;
    let Some(system_type) = code.strip_prefix(SYSTEM_TYPE) else { return Ok(code) };
    if let Some(corrected) = errata::type_of(base(element, "path").unwrap_or_default()) {
        return Ok(corrected);
    }
    let said = list(of, "extension").iter().find(|it| text(it, "url") == Some(FHIR_TYPE));
    let said = said.and_then(|it| text(it, "valueUrl"));
    said.or((system_type == "String").then_some("string"))
        .ok_or_else(|| unusable(element, "it does not say which FHIR type it has"))
}

/// Names of the resource types that References and canonicals may point to; `Resource` is any.
fn targets(element: &Value) -> Vec<&str> {
    let mut targets: Vec<&str> = Vec::new();
    for name in list(element, "type").iter().flat_map(|it| texts(it, "targetProfile")).map(last_part) {
        if !targets.contains(&name) {
            targets.push(name);
        }
    }
    if targets.contains(&"Resource") { Vec::new() } else { targets }
}

fn binding(element: &Value) -> Result<Option<(Strength, &str)>, Unusable> {
    let Some(binding) = element.get("binding") else { return Ok(None) };
    let strength = Strength::from_code(required(binding, "strength")?)
        .ok_or_else(|| unusable(element, "its binding's strength is not one of R4's"))?;
    Ok(text(binding, "valueSet").map(|it| (strength, unversioned(it))))
}
