//! References, and what lies beyond the document.

use super::{answers, answers_in, refusal};
use crate::json::Doc;
use crate::path::{Context, Expression, Item, Node, PathError, Services};
use rust_decimal::Decimal;

fn reference(reference: &str) -> String {
    format!(r#"{{"resourceType":"Observation","subject":{{"reference":"{reference}"}}}}"#)
}

#[test]
fn a_reference_tells_its_type_unread() {
    for text in ["Patient/1", "Patient/1/_history/2", "https://ehr.example/fhir/Patient/1", "Patient?identifier=a|b/c"]
    {
        assert_eq!(answers("subject.where(resolve() is Patient).count()", &reference(text)), ["1"], "{text}");
        assert_eq!(answers("subject.where(resolve() is Group).count()", &reference(text)), ["0"], "{text}");
    }
    for text in ["urn:uuid:0", "#missing", "https://ehr.example/other", "", "Patient"] {
        assert_eq!(answers("subject.resolve().count()", &reference(text)), ["0"], "{text}");
    }
    let typed = r#"{"resourceType":"Observation","subject":{"type":"Patient","identifier":{"value":"1"}}}"#;
    assert_eq!(answers("subject.where(resolve() is Patient).count()", typed), ["1"]);
}

const BUNDLE: &str = r#"{"resourceType":"Bundle","type":"collection","entry":[
    {"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"a","active":true}},
    {"fullUrl":"https://ehr.example/fhir/Group/b","resource":{"resourceType":"Group","id":"b","actual":true}},
    {"fullUrl":"urn:uuid:2","resource":{"resourceType":"Observation","subject":{"reference":"urn:uuid:1"},"focus":[{"reference":"Group/b"}]}}]}"#;

#[test]
fn references_in_a_bundle_go_by_full_url() {
    assert_eq!(answers("entry.resource.subject.resolve().active", BUNDLE), ["true"]);
    assert_eq!(answers("entry.resource.focus.resolve().actual", BUNDLE), ["true"]);
    let doc = Doc::parse(BUNDLE).unwrap();
    let context = Context::resource(doc.root()).unwrap();
    let third = Node::resource(doc.root().get("entry").unwrap().item(2).unwrap().get("resource").unwrap()).unwrap();
    assert_eq!(answers_in("subject.resolve() is Patient", &context.within(third)), ["true"]);
    assert_eq!(answers_in("%resource is Observation and %rootResource is Bundle", &context.within(third)), ["true"]);
}

/// Knows centimetres and metres, and one code.
struct Small;

impl Services for Small {
    fn convert(&self, value: Decimal, from: &str, to: &str) -> Option<Decimal> {
        match (from, to) {
            ("cm", "m") => Some(value / Decimal::ONE_HUNDRED),
            ("m", "cm") => Some(value * Decimal::ONE_HUNDRED),
            _ => None,
        }
    }

    fn member_of(&self, item: &Item<'_>, value_set: &str) -> Result<Option<bool>, PathError> {
        Ok((value_set == "http://e/set").then_some(item.as_str() == Some("a")))
    }
}

#[test]
fn services_convert_units_and_know_codes() {
    let doc = Doc::parse(r#"{"resourceType":"Basic"}"#).unwrap();
    let context = Context::resource(doc.root()).unwrap().with_services(&Small);
    assert_eq!(answers_in("150 'cm' = 1.5 'm'", &context), ["true"]);
    assert_eq!(answers_in("150 'cm' < 2 'm'", &context), ["true"]);
    assert_eq!(answers_in("150 'cm'.toQuantity('m')", &context), ["1.50 'm'"]);
    assert_eq!(answers_in("1 'cm' = 1 's'", &context), [""; 0]);
    assert_eq!(answers_in("1 'm' + 50 'cm'", &context), ["1.50 'm'"]);
    assert_eq!(answers_in("'a'.memberOf('http://e/set')", &context), ["true"]);
    assert_eq!(answers_in("'a'.memberOf('http://e/other')", &context), [""; 0]);
}

#[test]
fn what_is_not_there_is_refused_with_a_reason() {
    assert!(refusal("%nothing").contains("there is no variable %nothing"));
    assert!(refusal("now()").contains("time of day"));
    assert!(refusal("'a'.memberOf('http://e')").contains("memberOf()"));
    assert!(refusal("slice('a', 'b')").contains("slice()"));
    assert!(refusal("elementDefinition()").contains("elementDefinition()"));
}

#[test]
fn variables_are_the_callers() {
    let doc = Doc::parse(r#"{"resourceType":"Basic","id":"x"}"#).unwrap();
    let context = Context::resource(doc.root()).unwrap().with_variable("limit", vec![Item::Integer(3)]);
    assert_eq!(answers_in("%limit + 1", &context), ["4"]);
    assert_eq!(answers_in("%context.id = %resource.id", &context), ["true"]);
}

#[test]
fn unknown_modifier_extensions_are_found() {
    let text = r#"{"resourceType":"Basic","modifierExtension":[{"url":"http://e/not","valueBoolean":true}]}"#;
    assert_eq!(answers("checkModifiers('http://e/not').exists()", text), ["true"]);
    let doc = Doc::parse(text).unwrap();
    let context = Context::resource(doc.root()).unwrap();
    let unknown = Expression::parse("checkModifiers('http://e/other')").unwrap();
    assert!(unknown.evaluate(&context).is_err());
}
