//! What says what a resource is about by a code of its own: a resource that it contains, and one to which it refers where its
//! definition would have a code as well, as `medication[x]` of a MedicationRequest.

use super::super::{IndexSink, ParamId, Target};
use crate::json::Value;
use crate::spec::r4;
use rustc_hash::FxHashSet;
use std::sync::LazyLock;

/// The JSON members of R4's resources that are a reference in place of a code: one choice of both, or a pair of elements.
static MEMBERS: LazyLock<FxHashSet<String>> = LazyLock::new(members);

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

fn members() -> FxHashSet<String> {
    let is = |types: &[crate::spec::TypeId], name: &str| types.iter().any(|it| &*r4().of(*it).name == name);
    let mut all = FxHashSet::default();
    for of in r4().types().iter().filter(|it| !matches!(&*it.name, "Extension" | "ElementDefinition")) {
        for element in of.elements.iter().filter(|it| is(&it.types, "Reference")) {
            // A value of any type says what it likes.
            if element.is_choice && &*element.name != "value" && is(&element.types, "CodeableConcept") {
                all.insert(format!("{}Reference", element.name));
            }
            let pair = element.name.strip_suffix("Reference").map(|it| format!("{it}Code"));
            if pair.is_some_and(|it| of.element(&it).is_some()) {
                all.insert(element.name.to_string());
            }
        }
    }
    all
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
    }
}
