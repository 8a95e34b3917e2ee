//! Finding elements in documents.

use super::answers;
use crate::json::{Doc, Step};
use crate::path::{Context, Expression, Item, Node};
use crate::spec::r4;

const PATIENT: &str = r##"{"resourceType":"Patient","id":"p",
    "_birthDate":{"id":"b","extension":[{"url":"http://e/time","valueDateTime":"1974-12-25T14:35:45-05:00"}]},"birthDate":"1974-12-25",
    "name":[{"given":["A",null,"C"],"_given":[null,{"extension":[{"url":"http://e/x","valueCode":"y"}]}]},{"family":"B"}],
    "deceasedBoolean":false,
    "contained":[{"resourceType":"Organization","id":"o","name":"Org"}],
    "managingOrganization":{"reference":"#o"},
    "_gender":{"extension":[{"url":"http://e/x","valueString":"unsaid"}]}}"##;

#[test]
fn a_choice_is_named_without_its_type() {
    assert_eq!(answers("deceased", PATIENT), ["false"]);
    assert_eq!(answers("deceased is boolean", PATIENT), ["true"]);
    assert_eq!(answers("deceasedBoolean", PATIENT), [""; 0]);
    assert_eq!(answers("deceased.ofType(dateTime)", PATIENT), [""; 0]);
}

#[test]
fn primitives_have_their_companions() {
    assert_eq!(answers("birthDate.id", PATIENT), ["b"]);
    assert_eq!(answers("birthDate.extension('http://e/time').value", PATIENT), ["1974-12-25T14:35:45-05:00"]);
    assert_eq!(answers("name.given.count()", PATIENT), ["3"]);
    assert_eq!(answers("name.given.select(hasValue())", PATIENT), ["true", "false", "true"]);
    assert_eq!(answers("name.given[1].extension.value", PATIENT), ["y"]);
    assert_eq!(answers("gender.exists() and gender.hasValue().not()", PATIENT), ["true"]);
    assert_eq!(answers("gender = 'male'", PATIENT), ["false"]);
}

#[test]
fn an_element_may_be_named_like_its_type() {
    assert_eq!(answers("id.id", PATIENT), [""; 0]);
    assert_eq!(answers("Patient.id", PATIENT), ["p"]);
    assert_eq!(answers("Resource.id", PATIENT), ["p"]);
    assert_eq!(answers("Person.id", PATIENT), [""; 0]);
}

#[test]
fn contained_resources_have_their_own_types() {
    assert_eq!(answers("contained.name", PATIENT), ["Org"]);
    assert_eq!(answers("contained is Organization", PATIENT), ["true"]);
    assert_eq!(answers("managingOrganization.resolve().name", PATIENT), ["Org"]);
}

#[test]
fn children_come_in_the_documents_order() {
    let order = "children().select(iif($this is HumanName, 'name', iif($this is date, 'date', 'other'))).join(' ')";
    assert_eq!(answers(order, PATIENT), ["other date name name other other other other"]);
    assert_eq!(answers("descendants().where($this is Extension).count()", PATIENT), ["3"]);
}

#[test]
fn a_node_tells_its_place_type_and_element() {
    let doc = Doc::parse(PATIENT).unwrap();
    let context = Context::resource(doc.root()).unwrap();
    let given = Expression::parse("Patient.name.given").unwrap();
    let found = given.evaluate(&context).unwrap();
    let node = found.last().and_then(Item::node).unwrap();
    let place = doc.root().steps_to(node.value().unwrap());
    assert_eq!(place, [Step::Member("name"), Step::Item(0), Step::Member("given"), Step::Item(2)]);
    assert_eq!(&*r4().of(node.of).name, "string");
    let (owner, element) = node.element.unwrap();
    assert_eq!(&*r4().of(owner).elements[element as usize].name, "given");
    let mut all = 0;
    given.each_node(&context, |_: Node<'_>| all += 1).unwrap();
    assert_eq!(all, 3);
}

#[test]
fn no_debug_output_tells_a_value() {
    let doc = Doc::parse(PATIENT).unwrap();
    let context = Context::resource(doc.root()).unwrap();
    let all = Expression::parse("birthDate | name.given | 'secret' | 42 | 1.5 'mg'").unwrap();
    let shown = format!("{:?} {context:?}", all.evaluate(&context).unwrap());
    assert!(!shown.contains(['4', '5']) && !shown.contains("secret"), "{shown}");
}
