//! XML to JSON by R4's tables (xml.html, json.html), for the official suite's inputs.

use crate::json::{quote, write_string};
use crate::spec::{Kind, Type, TypeId, r4};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// An element with what is in it.
pub(super) struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    /// The text directly in it.
    pub text: String,
    /// Its source, tags included.
    source: std::ops::Range<usize>,
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
    }
}

/// The root element of a document.
pub(super) fn read(source: &str) -> Element {
    let mut reader = Reader::from_str(source);
    let mut open =
        vec![Element { name: String::new(), attributes: vec![], children: vec![], text: String::new(), source: 0..0 }];
    loop {
        let start = reader.buffer_position() as usize;
        let event = reader.read_event().expect("well-formed XML");
        let end = reader.buffer_position() as usize;
        match event {
            Event::Start(tag) => open.push(element(&tag, start..end)),
            Event::Empty(tag) => {
                let done = element(&tag, start..end);
                open.last_mut().unwrap().children.push(done);
            }
            Event::End(_) => {
                let mut done = open.pop().unwrap();
                done.source.end = end;
                open.last_mut().unwrap().children.push(done);
            }
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text.decode().unwrap()),
            Event::GeneralRef(reference) => open.last_mut().unwrap().text.push_str(&resolved(&reference)),
            Event::CData(text) => open.last_mut().unwrap().text.push_str(&text.decode().unwrap()),
            Event::Eof => return open.pop().unwrap().children.pop().expect("a root element"),
            _ => {}
        }
    }
}

fn resolved(reference: &BytesRef<'_>) -> String {
    match reference.resolve_char_ref().unwrap() {
        Some(letter) => letter.to_string(),
        None => match &*reference.decode().unwrap() {
            "lt" => "<".into(),
            "gt" => ">".into(),
            "amp" => "&".into(),
            "quot" => "\"".into(),
            "apos" => "'".into(),
            other => panic!("unknown entity {other}"),
        },
    }
}

fn element(tag: &BytesStart<'_>, source: std::ops::Range<usize>) -> Element {
    let attributes = tag.attributes().map(|it| {
        let it = it.expect("a well-formed attribute");
        (String::from_utf8(it.key.as_ref().to_vec()).unwrap(), it.unescape_value().unwrap().into_owned())
    });
    Element {
        name: String::from_utf8(tag.name().as_ref().to_vec()).unwrap(),
        attributes: attributes.collect(),
        children: vec![],
        text: String::new(),
        source,
    }
}

/// A resource's XML as JSON.
pub(super) fn to_json(source: &str) -> String {
    resource(&read(source), source)
}

fn resource(element: &Element, source: &str) -> String {
    let of = r4().resource(&element.name).unwrap_or_else(|| panic!("no resource type {}", element.name));
    let mut members = vec![format!("\"resourceType\":{}", quote(&element.name))];
    members.extend(children(element, r4().of(of), source));
    format!("{{{}}}", members.join(","))
}

/// The members of an object: attributes first, then children grouped by name.
fn children(element: &Element, of: &Type, source: &str) -> Vec<String> {
    let mut members = Vec::new();
    for name in ["id", "url"] {
        let is_ours = of.element(name).is_some_and(|it| it.is_attribute);
        if let Some(value) = element.attribute(name).filter(|_| is_ours) {
            members.push(format!("\"{name}\":{}", quote(value)));
        }
    }
    let mut names: Vec<&str> = element.children.iter().map(|it| it.name.as_str()).collect();
    let mut seen = Vec::new();
    names.retain(|it| {
        !seen.contains(it) && {
            seen.push(*it);
            true
        }
    });
    for name in names {
        let all: Vec<_> = element.children.iter().filter(|it| it.name == name).collect();
        let property = of.property(name).unwrap_or_else(|| panic!("{} has no {name}", of.name));
        let is_array = of.elements[property.element as usize].is_array;
        let mut add = |name: &str, values: Vec<String>| {
            if values.iter().any(|it| it != "null") {
                let value = if is_array { format!("[{}]", values.join(",")) } else { values.concat() };
                members.push(format!("\"{name}\":{value}"));
            }
        };
        let kind = r4().of(property.of).kind;
        add(name, all.iter().map(|it| value(it, property.of, source)).collect());
        if kind == Kind::Primitive {
            add(&format!("_{name}"), all.iter().map(|it| companion(it, property.of, source)).collect());
        }
    }
    members
}

fn value(element: &Element, of: TypeId, source: &str) -> String {
    let found = r4().of(of);
    match found.kind {
        Kind::Resource => resource(&element.children[0], source),
        Kind::Primitive if &*found.name == "xhtml" => quote(&source[element.source.clone()]),
        Kind::Primitive => match (element.attribute("value"), &*found.name) {
            (None, _) => "null".into(),
            (Some(it), "boolean" | "integer" | "positiveInt" | "unsignedInt" | "decimal") => it.trim().into(),
            (Some(it), _) => {
                let mut text = String::new();
                write_string(&mut text, it);
                text
            }
        },
        _ => format!("{{{}}}", children(element, found, source).join(",")),
    }
}

/// A primitive's `id` and extensions.
fn companion(element: &Element, of: TypeId, source: &str) -> String {
    if &*r4().of(of).name == "xhtml" {
        return "null".into();
    }
    match children(element, r4().of(of), source) {
        none if none.is_empty() => "null".into(),
        some => format!("{{{}}}", some.join(",")),
    }
}

#[test]
fn xml_becomes_json_by_the_tables() {
    let xml = r#"<Patient xmlns="http://hl7.org/fhir"><id value="p"/><active value="true"/>
        <name id="n"><given value="A"/><given><extension url="http://e"><valueString value="x&amp;&quot;"/></extension></given></name>
        <contained><Basic><id value="b"/></Basic></contained></Patient>"#;
    let json = r#"{"resourceType":"Patient","id":"p","active":true,"name":[{"id":"n","given":["A",null],"_given":[null,{"extension":[{"url":"http://e","valueString":"x&\""}]}]}],"contained":[{"resourceType":"Basic","id":"b"}]}"#;
    assert_eq!(to_json(xml), json);
}
