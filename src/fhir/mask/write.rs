//! A resource without what a mask hides.

use super::element::group;
use super::{Mask, below};
use crate::json::{Value, quote, write_compact, write_string};
use crate::spec::{Element, Kind, Type, TypeId, r4};
use rustc_hash::{FxHashMap, FxHashSet};

/// Tells that a resource is not whole (resource.html#simple-tags).
const SUBSETTED: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;
/// Stands where an element must be that is hidden (extension-data-absent-reason.html).
const ABSENT: &str =
    r#""extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]"#;

/// What is hidden of a resource and of those that lie in it.
pub struct Masking<'m> {
    /// The mask of each resource, by [`Value::index`].
    pub masks: &'m FxHashMap<u32, Mask>,
    /// Single elements that are hidden, by [`Value::index`], each with its companion.
    pub values: &'m FxHashSet<u32>,
    /// Whether references do not tell the identifiers of what they lead to: where somebody does not see a resource's own, its
    /// references would tell.
    pub hides_identities: bool,
    /// Whether the tag is set that says that a resource is not whole.
    pub is_marked: bool,
}

/// The resource without what is hidden of it; `None` where that is nothing. Narratives go with whatever else is hidden, as
/// they may say the same.
pub fn masked(resource: Value<'_>, masking: &Masking<'_>) -> Option<String> {
    let hides = !masking.values.is_empty() || masking.masks.values().any(|it| !it.is_empty());
    let written = |has_narrative: bool| {
        let mut writer = Writer { out: String::new(), masking, has_narrative, is_identity_dropped: false };
        writer.resource(resource, true);
        (writer.out, writer.is_identity_dropped)
    };
    match hides {
        true => Some(written(false).0),
        false if masking.hides_identities && written(true).1 => Some(written(false).0),
        false => None,
    }
}

/// Writes a resource's meta with the tag that says that the resource is not whole.
pub fn write_subsetted(out: &mut String, meta: Option<Value<'_>>) {
    let tags: Vec<Value<'_>> = meta.and_then(|it| it.get("tag")).into_iter().flat_map(Value::each).collect();
    out.push('{');
    for member in meta.into_iter().flat_map(Value::children).filter(|it| it.key() != "tag") {
        write_string(out, member.key());
        out.push(':');
        write_compact(out, member);
        out.push(',');
    }
    out.push_str(r#""tag":["#);
    for tag in tags.iter().filter(|it| !is_subsetted(**it)) {
        write_compact(out, *tag);
        out.push(',');
    }
    out.push_str(SUBSETTED);
    out.push_str("]}");
}

/// Whether a tag says that a resource is not whole.
pub fn is_subsetted(tag: Value<'_>) -> bool {
    let is_its_system = |it: &str| it == "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
    tag.str("code") == Some("SUBSETTED") && tag.str("system").is_none_or(is_its_system)
}

struct Writer<'m> {
    out: String,
    masking: &'m Masking<'m>,
    has_narrative: bool,
    is_identity_dropped: bool,
}

/// Where members of an object are.
#[derive(Clone, Copy)]
struct At<'a> {
    /// The type of the object.
    of: TypeId,
    /// Its path; empty for the resource.
    path: &'a str,
    /// The resource's type.
    root: &'a str,
    mask: &'a Mask,
}

impl Writer<'_> {
    fn resource(&mut self, resource: Value<'_>, is_root: bool) {
        let Some(of) = resource.str("resourceType").and_then(|it| r4().resource(it)) else {
            return write_compact(&mut self.out, resource);
        };
        let none = Mask::default();
        let mask = self.masking.masks.get(&resource.index()).unwrap_or(&none);
        let root = &*r4().of(of).name;
        self.out.push_str(r#"{"resourceType":"#);
        self.out.push_str(&quote(root));
        if let Some(id) = resource.get("id") {
            self.out.push_str(r#","id":"#);
            write_compact(&mut self.out, id);
        }
        let is_marked = is_root && self.masking.is_marked;
        if is_marked {
            self.out.push_str(r#","meta":"#);
            write_subsetted(&mut self.out, resource.get("meta"));
        }
        let at = At { of, path: "", root, mask };
        for member in resource.children() {
            match member.key() {
                "resourceType" | "id" => {}
                "meta" if is_marked => {}
                _ => self.member(resource, member, at),
            }
        }
        self.out.push('}');
    }

    fn object(&mut self, object: Value<'_>, at: At<'_>) {
        self.out.push('{');
        for member in object.children() {
            self.member(object, member, at);
        }
        if self.out.ends_with('{') {
            self.out.push_str(ABSENT);
        }
        self.out.push('}');
    }

    fn member(&mut self, object: Value<'_>, member: Value<'_>, at: At<'_>) {
        let of = r4().of(at.of);
        let (name, is_companion) = match member.key().strip_prefix('_') {
            Some(name) => (name, true),
            None => (member.key(), false),
        };
        let Some(property) = of.property(name) else { return };
        let Some(element) = of.elements.get(usize::from(property.element)) else { return };
        let own = r4().of(property.of);
        let path = below(at.path, &element.name);
        if at.mask.hides(&path) || self.is_taken(member) {
            // Of a value and its companion the first one stands for both.
            if element.min > 0 && !(is_companion && object.get(name).is_some()) {
                self.absent(name, element, own);
            }
        } else if self.keeps(of, name, own) {
            self.key(member.key());
            self.value(member, is_companion, At { of: property.of, path: group(own, at.root).unwrap_or(&path), ..at });
        }
    }

    /// Whether all that a member has is hidden, value by value.
    fn is_taken(&self, member: Value<'_>) -> bool {
        let is_taken = |it: &Value<'_>| self.masking.values.contains(&it.index());
        member.each().any(|it| is_taken(&it)) && member.each().all(|it| it.is_null() || is_taken(&it))
    }

    /// Whether something is written that no mask hides.
    fn keeps(&mut self, of: &Type, name: &str, own: &Type) -> bool {
        if &*of.name == "Reference" && name == "identifier" && self.masking.hides_identities {
            self.is_identity_dropped = true;
            return false;
        }
        self.has_narrative || &*own.name != "Narrative"
    }

    fn value(&mut self, value: Value<'_>, is_companion: bool, at: At<'_>) {
        let kind = r4().of(at.of).kind;
        let values = self.masking.values;
        let left = value.each().filter(|it| !values.contains(&it.index()));
        if value.is_array() {
            self.out.push('[');
        }
        for (position, item) in left.enumerate() {
            self.out.push_str(if position > 0 { "," } else { "" });
            match kind {
                _ if is_companion => write_compact(&mut self.out, item),
                Kind::Primitive => write_compact(&mut self.out, item),
                Kind::Resource => self.resource(item, false),
                _ => self.object(item, at),
            }
        }
        if value.is_array() {
            self.out.push(']');
        }
    }

    /// What stands for an element that must be there.
    fn absent(&mut self, name: &str, element: &Element, own: &Type) {
        let is_primitive = own.kind == Kind::Primitive;
        self.key(&if is_primitive { format!("_{name}") } else { name.to_owned() });
        let (open, close) = if element.is_array { ("[{", "}]") } else { ("{", "}") };
        self.out.push_str(open);
        self.out.push_str(ABSENT);
        self.out.push_str(close);
    }

    fn key(&mut self, key: &str) {
        if !self.out.ends_with('{') {
            self.out.push(',');
        }
        write_string(&mut self.out, key);
        self.out.push(':');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Doc;

    fn masks(doc: &Doc, paths: &[(&str, &str)]) -> FxHashMap<u32, Mask> {
        let resources = doc.root().descendants().filter(|it| it.str("resourceType").is_some());
        let of = |it: Value<'_>| {
            let mut mask = Mask::default();
            let own = paths.iter().filter(|(of, _)| it.str("resourceType") == Some(of));
            own.for_each(|(_, path)| mask.hide(*path));
            (it.index(), mask)
        };
        resources.map(of).collect()
    }

    fn shown(text: &str, paths: &[(&str, &str)], hides_identities: bool) -> Option<String> {
        let doc = Doc::parse(text).unwrap();
        let (masks, values) = (masks(&doc, paths), FxHashSet::default());
        masked(doc.root(), &Masking { masks: &masks, values: &values, hides_identities, is_marked: false })
    }

    #[test]
    fn single_values_are_hidden_and_others_stay() {
        let patient = r#"{"resourceType":"Patient","text":{"status":"generated","div":"<div/>"},"name":[{"given":["a","b"],"_given":[null,{"id":"g"}]}],"telecom":[{"value":"1"},{"value":"2"}],"gender":"male","_gender":{"id":"x"},"link":[{"other":{"reference":"Patient/2"},"type":"refer"}]}"#;
        let doc = Doc::parse(patient).unwrap();
        let at = |value: &str| doc.root().descendants().find(|it| it.raw() == value).unwrap().index();
        let taken =
            ["\"b\"", r#"{"id":"g"}"#, r#"{"value":"1"}"#, "\"male\"", r#"{"id":"x"}"#, r#"{"reference":"Patient/2"}"#];
        let values = taken.map(at).into_iter().collect();
        let masking =
            Masking { masks: &FxHashMap::default(), values: &values, hides_identities: false, is_marked: false };
        assert_eq!(
            masked(doc.root(), &masking).unwrap(),
            format!(
                r#"{{"resourceType":"Patient","name":[{{"given":["a"]}}],"telecom":[{{"value":"2"}}],"link":[{{"other":{{{ABSENT}}},"type":"refer"}}]}}"#
            )
        );
    }

    #[test]
    fn what_is_hidden_is_gone_with_what_may_repeat_it() {
        let patient = r#"{"resourceType":"Patient","id":"1","text":{"status":"generated","div":"<div>7</div>"},"identifier":[{"value":"7"}],"birthDate":"1970","_birthDate":{"id":"b"},"telecom":[{"system":"phone","value":"1"},{"value":"2"}],"link":[{"other":{"reference":"Patient/2"},"type":"refer"}]}"#;
        let paths = [
            ("Patient", "identifier"),
            ("Patient", "birthDate"),
            ("Patient", "telecom.value"),
            ("Patient", "link.other"),
        ];
        let absent = format!("{{{ABSENT}}}");
        assert_eq!(
            shown(patient, &paths, false).unwrap(),
            format!(
                r#"{{"resourceType":"Patient","id":"1","telecom":[{{"system":"phone"}},{absent}],"link":[{{"other":{absent},"type":"refer"}}]}}"#
            )
        );
        assert_eq!(shown(patient, &[("Observation", "note")], true), None);
    }

    #[test]
    fn a_mandatory_primitive_and_a_choice_are_hidden_in_their_own_ways() {
        let patient = r#"{"resourceType":"Patient","communication":[{"language":{"text":"x"}}],"link":[{"type":"refer","_type":{"id":"a"}}],"multipleBirthInteger":2,"_multipleBirthInteger":{"id":"m"}}"#;
        let paths = [("Patient", "link.type"), ("Patient", "multipleBirth"), ("Patient", "communication.language")];
        assert_eq!(
            shown(patient, &paths, false).unwrap(),
            format!(
                r#"{{"resourceType":"Patient","communication":[{{"language":{{{ABSENT}}}}}],"link":[{{"_type":{{{ABSENT}}}}}]}}"#
            )
        );
    }

    #[test]
    fn resources_within_others_are_masked_by_their_own_types() {
        let observation = r##"{"resourceType":"Observation","text":{"status":"generated","div":"<div/>"},"contained":[{"resourceType":"Patient","id":"p","gender":"male","birthDate":"1970"}],"note":[{"text":"n"}]}"##;
        assert_eq!(
            shown(observation, &[("Patient", "birthDate")], false).unwrap(),
            r#"{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"p","gender":"male"}],"note":[{"text":"n"}]}"#
        );
        let bundle = r#"{"resourceType":"Bundle","type":"document","entry":[{"resource":{"resourceType":"Composition","section":[{"text":{"status":"generated","div":"<div/>"}}]}},{"resource":{"resourceType":"Patient","birthDate":"1970"}}]}"#;
        let text = shown(bundle, &[("Patient", "birthDate")], false).unwrap();
        assert!(!text.contains("1970") && !text.contains("<div"), "{text}");
    }

    #[test]
    fn groups_within_themselves_are_hidden_at_every_depth() {
        let response = r#"{"resourceType":"QuestionnaireResponse","item":[{"linkId":"1","item":[{"linkId":"2","answer":[{"valueString":"x"}]}]}]}"#;
        assert_eq!(
            shown(response, &[("QuestionnaireResponse", "item.answer")], false).unwrap(),
            r#"{"resourceType":"QuestionnaireResponse","item":[{"linkId":"1","item":[{"linkId":"2"}]}]}"#
        );
    }

    #[test]
    fn references_tell_no_identifiers_where_these_are_hidden() {
        let observation = r#"{"resourceType":"Observation","text":{"status":"generated","div":"<div/>"},"subject":{"identifier":{"value":"7"}}}"#;
        let text = format!(r#"{{"resourceType":"Observation","subject":{{{ABSENT}}}}}"#);
        assert_eq!(shown(observation, &[], true), Some(text));
        assert_eq!(shown(r#"{"resourceType":"Patient","identifier":[{"value":"7"}]}"#, &[], true), None);
    }

    #[test]
    fn the_tag_is_set_once() {
        let patient = r#"{"resourceType":"Patient","id":"1","meta":{"versionId":"1","tag":[{"code":"a"},{"code":"SUBSETTED"}]},"gender":"male"}"#;
        let doc = Doc::parse(patient).unwrap();
        let (masks, values) = (masks(&doc, &[("Patient", "gender")]), FxHashSet::default());
        let masking = Masking { masks: &masks, values: &values, hides_identities: false, is_marked: true };
        assert_eq!(
            masked(doc.root(), &masking).unwrap(),
            format!(
                r#"{{"resourceType":"Patient","id":"1","meta":{{"versionId":"1","tag":[{{"code":"a"}},{SUBSETTED}]}}}}"#
            )
        );
    }
}
