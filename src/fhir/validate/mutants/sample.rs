//! Values of a type, good and bad.

use super::pool::Pool;
use crate::spec::{Element, Kind, Strength, TypeId, r4};
use serde_json::{Map, Value as Json, json};

/// All of UCUM, which no list has.
const UNITS: &str = "http://hl7.org/fhir/ValueSet/ucum-units";
/// Of these, any tag of a language is allowed.
const LANGUAGES: &str = "http://hl7.org/fhir/ValueSet/languages";
/// Types in types; what nests deeper is left out.
const DEEPEST: usize = 6;

/// A member's value: of a repeating element an array.
pub(super) fn member(pool: &Pool, element: &Element, of: TypeId, depth: usize) -> Json {
    let value = value(pool, element, of, depth);
    if element.is_array { json!([value]) } else { value }
}

fn value(pool: &Pool, element: &Element, of: TypeId, depth: usize) -> Json {
    let ty = r4().of(of);
    if let Some(fixed) = element.fixed.as_deref().and_then(|it| serde_json::from_str(it).ok()) {
        return fixed;
    }
    let is_language = element.binding.as_ref().is_some_and(|it| &*it.value_set == LANGUAGES);
    match (ty.kind, &*ty.name) {
        (Kind::Primitive, "code") if is_language => json!("de"),
        (Kind::Primitive, name) => {
            codes(element).into_iter().next().map_or_else(|| good(name), |(_, code)| json!(code))
        }
        (_, "Reference") => {
            let target = element.targets.iter().map(|it| r4().of(*it)).find(|it| !it.is_abstract);
            json!({ "reference": format!("{}/x", target.map_or("Patient", |it| &*it.name)) })
        }
        (_, "CodeableConcept") => match codes(element).into_iter().next() {
            Some((system, code)) => json!({ "coding": [{ "system": system, "code": code }] }),
            None => json!({ "text": "x" }),
        },
        (_, "Coding") => match codes(element).into_iter().next() {
            Some((system, code)) => json!({ "system": system, "code": code }),
            None => json!({ "display": "x" }),
        },
        (_, name @ ("Count" | "Distance" | "Duration" | "Age")) => {
            let code = match name {
                "Count" => "1",
                "Distance" => "m",
                _ => "a",
            };
            json!({ "value": 1, "system": "http://unitsofmeasure.org", "code": code })
        }
        (_, "Extension") => json!({ "url": "http://example.org/x", "valueCode": "x" }),
        (_, "Resource" | "DomainResource") => json!({ "resourceType": "Basic", "id": "x", "code": { "text": "x" } }),
        _ => pool.sample(of).cloned().unwrap_or_else(|| object(pool, of, depth)),
    }
}

/// An object with what it must have, or with its first element if that is nothing.
pub(super) fn object(pool: &Pool, of: TypeId, depth: usize) -> Json {
    let ty = r4().of(of);
    let mut members = Map::new();
    if ty.kind == Kind::Resource {
        members.insert("resourceType".into(), json!(ty.name));
    }
    if depth == DEEPEST {
        return Json::Object(members);
    }
    let inherited = ["id", "extension", "modifierExtension"];
    let mut wanted: Vec<&Element> = ty.elements.iter().filter(|it| it.min > 0).collect();
    if wanted.is_empty() && ty.kind != Kind::Resource {
        wanted.extend(ty.elements.iter().find(|it| !inherited.contains(&&*it.name)));
    }
    for element in wanted {
        let Some(of) = element.types.first().copied() else { continue };
        let position = ty.elements.iter().position(|it| it.name == element.name);
        let fits = |it: &crate::spec::Property| Some(it.element as usize) == position && it.of == of;
        if let Some((name, _)) = ty.properties.iter().find(|(_, it)| fits(it)) {
            members.insert(name.to_string(), member(pool, element, of, depth + 1));
        }
    }
    Json::Object(members)
}

/// Codes that a required binding lists, with their systems; all others bind nobody.
pub(super) fn codes(element: &Element) -> Vec<(&'static str, &'static str)> {
    let binding = element.binding.as_ref().filter(|it| it.strength == Strength::Required);
    if binding.is_some_and(|it| it.value_set.starts_with(UNITS)) {
        return vec![("http://unitsofmeasure.org", "mg")];
    }
    let set = binding.and_then(|it| r4().value_set(&it.value_set)).filter(|it| it.open.is_none());
    let systems = set.into_iter().flat_map(|it| &it.codes);
    systems.flat_map(|it| it.codes.iter().map(|code| (&*it.system, &**code))).collect()
}

/// A value of a primitive type.
pub(super) fn good(name: &str) -> Json {
    match name {
        "boolean" => json!(true),
        "integer" | "positiveInt" | "unsignedInt" | "decimal" => json!(1),
        "date" => json!("2020-01-01"),
        "dateTime" | "instant" => json!("2020-01-01T00:00:00Z"),
        "time" => json!("12:00:00"),
        "base64Binary" => json!("AAAA"),
        "uri" | "url" | "canonical" => json!("http://example.org/x"),
        "oid" => json!("urn:oid:1.2.3"),
        "uuid" => json!("urn:uuid:c757873d-ec9a-4326-a141-556f43239520"),
        "xhtml" => json!("<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"),
        _ => json!("x"),
    }
}

/// A value of the right kind that a primitive type's format does not allow; `None` where it allows all.
pub(super) fn malformed(name: &str) -> Option<Json> {
    Some(match name {
        "integer" => json!(3_000_000_000_u32),
        "positiveInt" => json!(0),
        "unsignedInt" => json!(-1),
        "date" => json!("2020-13-01"),
        "dateTime" | "instant" => json!("2020-01-01T00:00"),
        "time" => json!("24:00:00"),
        "base64Binary" => json!("AAA"),
        "uri" | "url" | "canonical" => json!("http://example.org/a b"),
        "oid" => json!("1.2.3"),
        "uuid" => json!("c757873d"),
        "id" => json!("a_b"),
        "code" => json!("two  spaces"),
        "xhtml" => json!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><script>x</script></div>"),
        "string" | "markdown" => json!("a\u{1}b"),
        _ => return None,
    })
}
