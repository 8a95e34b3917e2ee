//! From a parsed resource to XML: elements in the order of their type's definition, whatever order JSON had.

use super::error::Unwritable;
use super::{FHIR, narrative, text};
use crate::json::Value;
use crate::spec::{Kind, Property, Spec, Type, r4};
use crate::validate::expression;
use smallvec::SmallVec;

/// Whether lines are for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// No white space between tags.
    Compact,
    /// Every element on its own line, indented by two spaces a level.
    Pretty,
}

/// Writes a resource as XML (xml.html). Fails for what is no R4 resource, and for characters that XML does not have.
pub fn write(resource: Value<'_>, layout: Layout) -> Result<String, Unwritable> {
    let out = String::with_capacity(resource.raw().len() + resource.raw().len() / 2);
    let mut writer = Writer { spec: r4(), root: resource, out, layout, level: 0 };
    writer.out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    writer.resource(resource, true)?;
    if layout == Layout::Pretty {
        writer.out.push('\n');
    }
    Ok(writer.out)
}

struct Writer<'a, 's> {
    spec: &'s Spec,
    root: Value<'a>,
    out: String,
    layout: Layout,
    level: usize,
}

/// The members of one object that become child elements: a value with its companion.
type Members<'a, 's> = SmallVec<[(Property, &'s str, Value<'a>); 16]>;

impl<'a, 's> Writer<'a, 's> {
    fn resource(&mut self, value: Value<'a>, is_root: bool) -> Result<(), Unwritable> {
        let of = value.str("resourceType").and_then(|it| self.spec.resource(it));
        let Some(of) = of.map(|it| self.spec.of(it)) else {
            return Err(self.unwritable(value, "is not a resource of R4"));
        };
        self.begin(&of.name);
        if is_root {
            self.out.extend([" xmlns=\"", FHIR, "\""]);
        }
        let members = self.attributes(value, of)?;
        self.content(&of.name, value, members)
    }

    /// An element with what an object holds.
    fn object(&mut self, name: &str, value: Value<'a>, of: &'s Type) -> Result<(), Unwritable> {
        self.begin(name);
        let members = self.attributes(value, of)?;
        self.content(name, value, members)
    }

    /// A primitive: its value, and what its companion holds.
    fn primitive(
        &mut self,
        name: &str,
        value: Option<Value<'a>>,
        companion: Option<Value<'a>>,
        of: &'s Type,
    ) -> Result<(), Unwritable> {
        self.begin(name);
        let members = companion.map(|it| self.attributes(it, of)).transpose()?;
        if let Some(value) = value {
            self.attribute("value", value)?;
        }
        match (companion, members) {
            (Some(companion), Some(members)) => self.content(name, companion, members),
            _ => {
                self.out.push_str("/>");
                Ok(())
            }
        }
    }

    /// Writes those members of an object that are attributes; gives the others, in the order of their elements.
    fn attributes(&mut self, value: Value<'a>, of: &'s Type) -> Result<Members<'a, 's>, Unwritable> {
        if !value.is_object() {
            return Err(self.unwritable(value, "is not an object"));
        }
        let mut members = Members::new();
        for member in value.children() {
            let key = member.key();
            if key == "resourceType" && of.kind == Kind::Resource {
                continue;
            }
            let name = key.strip_prefix('_').unwrap_or(key);
            let found = of.properties.get_key_value(name);
            let element = found.and_then(|(_, it)| of.elements.get(usize::from(it.element)));
            let (Some((name, property)), Some(element)) = (found, element) else {
                return Err(self.unwritable(member, "is not an element of R4"));
            };
            if element.is_attribute && name.len() == key.len() {
                self.attribute(name, member)?;
            } else {
                members.push((*property, name, member));
            }
        }
        members.sort_by_key(|(property, ..)| property.element);
        Ok(members)
    }

    fn attribute(&mut self, name: &str, value: Value<'a>) -> Result<(), Unwritable> {
        let Some(text) = value.scalar() else {
            return Err(self.unwritable(value, "is not one value"));
        };
        if text::foreign(text).is_some() {
            return Err(self.unwritable(value, "has a character that XML does not have"));
        }
        self.out.extend([" ", name, "=\""]);
        text::write_attribute(&mut self.out, text);
        self.out.push('"');
        Ok(())
    }

    /// Ends a start tag, writes the children and the end tag.
    fn content(&mut self, name: &str, parent: Value<'a>, members: Members<'a, 's>) -> Result<(), Unwritable> {
        if members.is_empty() {
            self.out.push_str("/>");
            return Ok(());
        }
        self.out.push('>');
        self.level += 1;
        let mut members = members.as_slice();
        while let [(property, name, first), rest @ ..] = members {
            // A value and its companion have one name, and stand together since they are sorted by element.
            let (twin, rest) = match rest {
                [(_, other, twin), rest @ ..] if other == name => (Some(*twin), rest),
                _ => (None, rest),
            };
            let (value, companion) =
                if first.key().len() == name.len() { (Some(*first), twin) } else { (twin, Some(*first)) };
            self.member(name, *property, value, companion, parent)?;
            members = rest;
        }
        self.level -= 1;
        self.line();
        self.out.extend(["</", name, ">"]);
        Ok(())
    }

    /// All elements of one name.
    fn member(
        &mut self,
        name: &str,
        property: Property,
        value: Option<Value<'a>>,
        companion: Option<Value<'a>>,
        parent: Value<'a>,
    ) -> Result<(), Unwritable> {
        let of = self.spec.of(property.of);
        if of.kind == Kind::Primitive && &*of.name != "xhtml" {
            return self.primitives(name, value, companion, of);
        }
        if companion.is_some() {
            return Err(self.unwritable(parent, "has a companion of what is no primitive"));
        }
        for item in value.into_iter().flat_map(Value::each) {
            match of.kind {
                Kind::Primitive => self.narrative(item)?,
                Kind::Resource => {
                    self.begin(name);
                    self.out.push('>');
                    self.level += 1;
                    self.resource(item, false)?;
                    self.level -= 1;
                    self.line();
                    self.out.extend(["</", name, ">"]);
                }
                _ => self.object(name, item, of)?,
            }
        }
        Ok(())
    }

    fn primitives(
        &mut self,
        name: &str,
        value: Option<Value<'a>>,
        companion: Option<Value<'a>>,
        of: &'s Type,
    ) -> Result<(), Unwritable> {
        let mut values = value.into_iter().flat_map(Value::each);
        let mut companions = companion.into_iter().flat_map(Value::each);
        loop {
            let (value, companion) = (values.next(), companions.next());
            let Some(either) = value.or(companion) else { return Ok(()) };
            let (value, companion) = (value.filter(|it| !it.is_null()), companion.filter(|it| !it.is_null()));
            if value.is_none() && companion.is_none() {
                return Err(self.unwritable(either, "is null"));
            }
            self.primitive(name, value, companion, of)?;
        }
    }

    fn narrative(&mut self, div: Value<'a>) -> Result<(), Unwritable> {
        let text = div.as_str().ok_or("must be a string");
        match text.and_then(|it| narrative::check(it).map(|()| it)) {
            Ok(text) => {
                self.line();
                self.out.push_str(text.trim_ascii());
                Ok(())
            }
            Err(why) => Err(self.unwritable(div, why)),
        }
    }

    fn begin(&mut self, name: &str) {
        self.line();
        self.out.extend(["<", name]);
    }

    fn line(&mut self) {
        if self.layout == Layout::Pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", self.level));
        }
    }

    fn unwritable(&self, at: Value<'a>, problem: &str) -> Unwritable {
        Unwritable { problem: problem.into(), expression: expression::of(self.spec, self.root, at) }
    }
}
