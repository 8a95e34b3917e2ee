//! A walk over a resource that knows the type of everything it meets.

use crate::json::Value;
use crate::spec::{Kind, Spec, TypeId};

/// Visits every primitive value of a resource with its type, contained and bundled resources included. What the
/// tables do not know is passed over; the depth is bounded by the limits the document was parsed with.
pub fn primitives<'a>(spec: &Spec, resource: Value<'a>, visit: &mut dyn FnMut(Value<'a>, TypeId)) {
    let Some(of) = resource.str("resourceType").and_then(|it| spec.resource(it)) else { return };
    object(spec, resource, of, visit);
}

fn object<'a>(spec: &Spec, value: Value<'a>, of: TypeId, visit: &mut dyn FnMut(Value<'a>, TypeId)) {
    for member in value.children() {
        let name = member.key();
        // The companion of a primitive is an Element: an id, and extensions.
        let (name, is_companion) = match name.strip_prefix('_') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let Some(property) = spec.of(of).property(name) else { continue };
        let of = if is_companion { spec.type_named("Element") } else { Some(property.of) };
        let Some(of) = of else { continue };
        for item in member.each() {
            match spec.of(of).kind {
                Kind::Primitive => visit(item, of),
                Kind::Resource => primitives(spec, item, visit),
                _ => object(spec, item, of, visit),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Doc;
    use crate::spec::r4;

    #[test]
    fn every_primitive_has_its_type() {
        let doc = Doc::parse(
            r#"{"resourceType":"Patient","_birthDate":{"extension":[{"url":"u","valueUri":"v"}]},
                "contained":[{"resourceType":"Device","url":"w"}],"contact":[{"name":{"given":["x","y"]}}],"nope":"z"}"#,
        );
        let doc = doc.unwrap();
        let mut seen = Vec::new();
        primitives(r4(), doc.root(), &mut |value, of| seen.push(format!("{} {}", &r4().of(of).name, value.raw())));
        assert_eq!(seen, [r#"uri "u""#, r#"uri "v""#, r#"uri "w""#, r#"string "x""#, r#"string "y""#]);
    }
}
