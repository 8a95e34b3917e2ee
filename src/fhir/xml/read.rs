//! From XML to JSON text, in one pass: elements that repeat follow each other, so an array is written as they come.

use super::error::{Problem, XmlError};
use super::member::{Member, key, write_literal};
use super::place::{Step, expression};
use super::source::{Namespace, Next, Source, Tag};
use super::{FHIR, narrative, text};
use crate::json::{Limits, write_string};
use crate::spec::{Element, Kind, Property, Spec, Type, r4};
use crate::validate::hint;
use std::borrow::Cow;

/// Reads a resource in XML as the text of the same resource in JSON (xml.html, json.html). The limits are those that
/// the JSON is to keep; the values are not validated.
pub fn read(text: &str, limits: &Limits) -> Result<String, XmlError> {
    // A byte order mark is no part of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let located = |it: Problem| it.located(text, String::new());
    let source = Source::new(text).map_err(located)?;
    let mut reader = Reader { source, spec: r4(), limits, path: Vec::new(), depth: 0, values: 0 };
    let mut out = String::with_capacity(text.len());
    match reader.document(&mut out) {
        Ok(()) => Ok(out),
        Err(problem) => Err(problem.located(text, expression(&reader.path))),
    }
}

struct Reader<'x, 's> {
    source: Source<'x>,
    spec: &'s Spec,
    limits: &'s Limits,
    /// The way from the root to the element that is being read.
    path: Vec<Step<'s>>,
    /// The objects and arrays that the JSON has open.
    depth: usize,
    values: usize,
}

/// The attributes of an element.
#[derive(Default)]
struct Attributes<'s> {
    /// A primitive's value.
    value: Option<String>,
    /// The others, `id` and `url`, with their names.
    others: Vec<(&'s str, String)>,
}

impl<'x, 's> Reader<'x, 's> {
    fn document(&mut self, out: &mut String) -> Result<(), Problem> {
        let Next::Child(root) = self.source.next()? else {
            return Err(Problem::new(0, "the document is empty where a resource was expected"));
        };
        self.resource(root, out)?;
        match self.source.next()? {
            Next::Child(more) => Err(more.problem("there is another element after the resource")),
            Next::End => Ok(()),
        }
    }

    fn resource(&mut self, tag: Tag<'x>, out: &mut String) -> Result<(), Problem> {
        in_fhir(&tag)?;
        let found = self.spec.resource(tag.name()).map(|it| self.spec.of(it));
        let of = found
            .ok_or_else(|| tag.problem(format!("\"{}\" is not a resource type of R4", hint::shown(tag.name()))))?;
        let is_root = self.path.is_empty();
        if is_root {
            self.path.push(Step { name: &of.name, of: None, position: None });
        }
        self.deeper(1, &tag)?;
        self.counted(1, &tag)?;
        let attributes = self.attributes(&tag, of)?;
        out.push_str("{\"resourceType\":\"");
        out.push_str(&of.name);
        out.push('"');
        self.members(tag.is_empty, of, attributes.others, out)?;
        out.push('}');
        self.depth -= 1;
        if is_root {
            self.path.clear();
        }
        Ok(())
    }

    /// The only child of an element that holds a resource.
    fn held_resource(&mut self, tag: Tag<'x>, out: &mut String) -> Result<(), Problem> {
        if let Some(attribute) = tag.attributes().next() {
            return Err(unknown_attribute(&tag, attribute?.name, tag.name()));
        }
        let told = "one resource was expected in the element";
        if tag.is_empty {
            return Err(tag.problem(told));
        }
        match self.source.next()? {
            Next::Child(resource) => self.resource(resource, out)?,
            Next::End => return Err(tag.problem(told)),
        }
        match self.source.next()? {
            Next::Child(_) => Err(tag.problem(told)),
            Next::End => Ok(()),
        }
    }

    fn attributes(&mut self, tag: &Tag<'x>, of: &'s Type) -> Result<Attributes<'s>, Problem> {
        let mut found = Attributes::default();
        for attribute in tag.attributes() {
            let attribute = attribute?;
            if attribute.name.ends_with(":schemaLocation") {
                // Where a schema lies is for the sender's tools, and nothing to follow.
                continue;
            }
            let value = || {
                let value = text::attribute(&attribute.raw).map(Cow::into_owned);
                value.ok_or_else(|| tag.problem("an attribute's value has a < or an & that begins no reference of XML"))
            };
            if attribute.name == "value" && of.kind == Kind::Primitive {
                found.value = Some(value()?);
                continue;
            }
            let element = of.elements.iter().find(|it| it.is_attribute && *it.name == *attribute.name);
            let Some(element) = element.filter(|it| &*it.name != "value") else {
                return Err(unknown_attribute(tag, attribute.name, &of.name));
            };
            found.others.push((&element.name, value()?));
        }
        self.counted(found.others.len(), tag)?;
        Ok(found)
    }

    /// Writes attributes and children as an object's members, without its braces.
    fn members(
        &mut self,
        is_empty: bool,
        of: &'s Type,
        attributes: Vec<(&'s str, String)>,
        out: &mut String,
    ) -> Result<(), Problem> {
        for (name, value) in attributes {
            key(out, "", name);
            write_string(out, &value);
        }
        if !is_empty {
            self.children(of, out)?;
        }
        Ok(())
    }

    fn children(&mut self, of: &'s Type, out: &mut String) -> Result<(), Problem> {
        let mut last: Option<Member<'s>> = None;
        while let Next::Child(tag) = self.source.next()? {
            let (name, property, element) = self.property(of, &tag)?;
            let mut member = match last.take() {
                Some(same) if same.name == name => same.again(&tag)?,
                before => {
                    if let Some(before) = before {
                        before.precedes(of, &property, &tag)?;
                        self.close(before, out);
                    }
                    self.deeper(usize::from(element.is_array), &tag)?;
                    self.counted(usize::from(element.is_array), &tag)?;
                    Member::begin(name, property, element, out)
                }
            };
            self.item(element, tag, &mut member, out)?;
            member.count += 1;
            last = Some(member);
        }
        if let Some(last) = last {
            self.close(last, out);
        }
        Ok(())
    }

    fn close(&mut self, member: Member<'s>, out: &mut String) {
        self.depth -= usize::from(member.is_array);
        member.close(out);
    }

    /// The member and element that a child stands for.
    fn property(&self, of: &'s Type, tag: &Tag<'x>) -> Result<(&'s str, Property, &'s Element), Problem> {
        let name = tag.name();
        let found = of.properties.get_key_value(name);
        let element = found.and_then(|(_, property)| of.elements.get(usize::from(property.element)));
        let (Some((name, property)), Some(element)) = (found, element) else {
            let meant = hint::for_property(self.spec, of, name);
            let meant = meant.strip_suffix('.').unwrap_or(&meant);
            return Err(tag.problem(format!("{} is not an element of {}.{meant}", hint::shown(name), of.name)));
        };
        if element.is_attribute {
            return Err(tag.problem(format!("{name} is an attribute of {}, not an element", of.name)));
        }
        if !self.is_narrative(property) {
            in_fhir(tag)?;
        }
        Ok((name, *property, element))
    }

    fn is_narrative(&self, property: &Property) -> bool {
        &*self.spec.of(property.of).name == "xhtml"
    }

    /// One element of a member.
    fn item(
        &mut self,
        element: &'s Element,
        tag: Tag<'x>,
        member: &mut Member<'s>,
        out: &mut String,
    ) -> Result<(), Problem> {
        let of = self.spec.of(member.property.of);
        self.path.push(Step {
            name: &element.name,
            of: element.is_choice.then_some(&of.name),
            position: element.is_array.then_some(member.count),
        });
        if member.count > 0 {
            out.push(',');
        }
        match of.kind {
            Kind::Primitive if !self.is_narrative(&member.property) => self.primitive(of, tag, member, out)?,
            kind => {
                member.has_value = true;
                match kind {
                    Kind::Primitive => {
                        self.counted(1, &tag)?;
                        write_string(out, &narrative::read(&mut self.source, tag)?);
                    }
                    Kind::Resource => self.held_resource(tag, out)?,
                    Kind::Complex | Kind::Backbone => self.object(of, tag, out)?,
                }
            }
        }
        self.path.pop();
        Ok(())
    }

    fn object(&mut self, of: &'s Type, tag: Tag<'x>, out: &mut String) -> Result<(), Problem> {
        self.deeper(1, &tag)?;
        self.counted(1, &tag)?;
        let attributes = self.attributes(&tag, of)?;
        out.push('{');
        self.members(tag.is_empty, of, attributes.others, out)?;
        out.push('}');
        self.depth -= 1;
        Ok(())
    }

    /// A primitive: its value into `out`, its id and extensions beside it.
    fn primitive(
        &mut self,
        of: &'s Type,
        tag: Tag<'x>,
        member: &mut Member<'s>,
        out: &mut String,
    ) -> Result<(), Problem> {
        self.counted(2, &tag)?;
        let attributes = self.attributes(&tag, of)?;
        match &attributes.value {
            Some(value) => {
                member.has_value = true;
                write_literal(of, value, out).map_err(|told| tag.problem(told))?;
            }
            None => out.push_str("null"),
        }
        let mut companion = String::new();
        self.deeper(1, &tag)?;
        self.members(tag.is_empty, of, attributes.others, &mut companion)?;
        self.depth -= 1;
        if attributes.value.is_none() && companion.is_empty() {
            return Err(tag.problem("the element has neither a value nor an extension"));
        }
        member.add_companion(&companion);
        Ok(())
    }

    fn deeper(&mut self, levels: usize, tag: &Tag<'x>) -> Result<(), Problem> {
        self.depth += levels;
        if self.depth > self.limits.depth {
            let told = format!("the resource nests deeper than {} levels of objects and arrays", self.limits.depth);
            return Err(Problem::limit(tag.range.start, told));
        }
        Ok(())
    }

    fn counted(&mut self, more: usize, tag: &Tag<'x>) -> Result<(), Problem> {
        self.values += more;
        if self.values > self.limits.values {
            let told = format!("the resource holds more than {} values", self.limits.values);
            return Err(Problem::limit(tag.range.start, told));
        }
        Ok(())
    }
}

fn in_fhir(tag: &Tag<'_>) -> Result<(), Problem> {
    if tag.namespace == Namespace::Fhir {
        return Ok(());
    }
    Err(tag.problem(format!("<{}> must be in the namespace {FHIR}", hint::shown(tag.name()))))
}

fn unknown_attribute(tag: &Tag<'_>, name: &str, of: &str) -> Problem {
    tag.problem(format!("{} is not an attribute of {of}", hint::shown(name)))
}
