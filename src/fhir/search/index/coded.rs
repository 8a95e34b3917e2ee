//! What says what a resource is about by a code of its own: a resource that it contains, and one to which it refers where its
//! definition would have a code as well, as `medication[x]` of a MedicationRequest.

use super::super::{IndexSink, ParamId, Target};
use crate::json::Value;
use crate::spec::{Element, Kind, TypeId, r4};
use rustc_hash::FxHashSet;
use std::sync::LazyLock;

/// The JSON members of R4's resources that are a reference in place of a code: one choice of both, or a pair of elements.
static MEMBERS: LazyLock<FxHashSet<String>> = LazyLock::new(|| elements().map(|(_, member, _)| member).collect());
/// The types with such elements, and those to which they refer.
static TYPES: LazyLock<(FxHashSet<TypeId>, Vec<TypeId>)> = LazyLock::new(|| {
    let mut to: Vec<TypeId> = elements().flat_map(|(_, _, it)| it.targets.iter().copied()).collect();
    to.sort_unstable();
    to.dedup();
    (r4().resources().filter(|it| has_element(*it, &mut FxHashSet::default())).collect(), to)
});

/// The types of resources that say what a resource of this type is about, by their codes; none where it refers to none so.
pub(in crate::search) fn standing_for_codes(of: TypeId) -> &'static [TypeId] {
    if TYPES.0.contains(&of) { &TYPES.1 } else { &[] }
}

/// Tells the codes of what is contained, and what is referred to in place of a code.
pub(super) fn tell(resource: Value<'_>, base: &str, sink: &mut dyn IndexSink) {
    let contained = resource.get("contained").into_iter().flat_map(Value::each);
    for coding in contained.flat_map(Value::descendants).filter(|it| it.is_object()) {
        if let Some(code) = coding.str("code") {
            sink.token(ParamId::CODES, coding.str("system"), code);
        }
    }
    let members = resource.descendants().filter(|it| MEMBERS.contains(it.key()));
    for reference in members.flat_map(Value::each) {
        match reference.str("reference") {
            // Its codes are told above.
            Some(local) if local.starts_with('#') => {}
            Some(text) => sink.reference(ParamId::CODED_BY, &Target::parse(text, base)),
            None => sink.reference(ParamId::CODED_BY, &Target::Url("#")),
        }
    }
}

/// Each such element, with the type that has it and its JSON member.
fn elements() -> impl Iterator<Item = (TypeId, String, &'static Element)> {
    let is = |it: &Element, name: &str| it.types.iter().any(|of| &*r4().of(*of).name == name);
    let types = r4().types().iter().zip(0..).map(|(it, at)| (TypeId(at), it));
    let types = types.filter(|(_, it)| !matches!(&*it.name, "Extension" | "ElementDefinition"));
    types.flat_map(|(at, of)| of.elements.iter().map(move |it| (at, of, it))).filter_map(move |(at, of, it)| {
        if !is(it, "Reference") {
            return None;
        }
        // A value of any type says what it likes.
        if it.is_choice && &*it.name != "value" && is(it, "CodeableConcept") {
            return Some((at, format!("{}Reference", it.name), it));
        }
        let pair = it.name.strip_suffix("Reference").map(|it| format!("{it}Code"));
        pair.filter(|pair| of.element(pair).is_some()).map(|_| (at, it.name.to_string(), it))
    })
}

/// Whether a type, or what is part of it, has such an element.
fn has_element(of: TypeId, seen: &mut FxHashSet<TypeId>) -> bool {
    static HAVING: LazyLock<FxHashSet<TypeId>> = LazyLock::new(|| elements().map(|(of, ..)| of).collect());
    if HAVING.contains(&of) {
        return true;
    }
    let parts = r4().of(of).elements.iter().flat_map(|it| it.types.iter().copied());
    seen.insert(of) && parts.into_iter().any(|it| r4().of(it).kind == Kind::Backbone && has_element(it, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_code_is_known_by_its_definition() {
        for (member, is_one) in [
            ("medicationReference", true),
            ("reasonReference", true),
            ("itemReference", true),
            ("subject", false),
            ("valueReference", false),
            ("authorReference", false),
        ] {
            assert_eq!(MEMBERS.contains(member), is_one, "{member}");
        }
        for (of, has_some) in
            [("MedicationRequest", true), ("Procedure", true), ("SupplyRequest", true), ("Flag", false)]
        {
            let told = standing_for_codes(r4().resource(of).unwrap());
            assert_eq!(told.contains(&r4().resource("Medication").unwrap()), has_some, "{of}");
        }
    }
}
