//! A resource's XML as a tree that can be changed.

use super::super::error::Problem;
use super::super::source::{Namespace, Next, Source, Tag};
use super::super::{FHIR, narrative, text};

/// Elements in elements: a tree must not exhaust the stack.
pub(super) const DEEPEST: usize = 64;

#[derive(Debug)]
pub(super) enum Node {
    /// In FHIR's namespace.
    Element(Element),
    /// A `<div>` as it is written.
    Narrative(String),
}

#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    /// Names and values, references resolved.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
}

impl Node {
    /// How many elements stand in each other.
    pub(super) fn depth(&self) -> usize {
        match self {
            Node::Narrative(_) => 1,
            Node::Element(element) => 1 + element.children.iter().map(Node::depth).max().unwrap_or(0),
        }
    }
}

/// Reads the element that has begun with `tag`, within `depth` others.
pub(super) fn read<'x>(source: &mut Source<'x>, tag: Tag<'x>, depth: usize) -> Result<Node, Problem> {
    match tag.namespace {
        _ if depth > DEEPEST => Err(Problem::limit(tag.range.start, format!("there are more than {DEEPEST} levels"))),
        Namespace::Xhtml => Ok(Node::Narrative(narrative::read(source, tag)?)),
        Namespace::Fhir => {
            let mut element = Element { name: tag.name().to_owned(), ..Element::default() };
            for attribute in tag.attributes() {
                let attribute = attribute?;
                let value = text::attribute(&attribute.raw).ok_or_else(|| tag.problem("an attribute is broken"))?;
                element.attributes.push((attribute.name.to_owned(), value.into_owned()));
            }
            while let Next::Child(child) = source.next_in(&tag)? {
                element.children.push(read(source, child, depth + 1)?);
            }
            Ok(Node::Element(element))
        }
        Namespace::Other => Err(tag.problem(format!("the element must be in the namespace {FHIR}"))),
    }
}

impl Element {
    /// Writes the children, each with its namespace where that is not the parent's.
    pub(super) fn write_children(&self, out: &mut String) {
        for child in &self.children {
            match child {
                Node::Narrative(div) => out.push_str(div),
                Node::Element(element) => element.write(out, self.name.is_empty()),
            }
        }
    }

    fn write(&self, out: &mut String, is_root: bool) {
        out.extend(["<", &self.name]);
        if is_root {
            out.extend([" xmlns=\"", FHIR, "\""]);
        }
        for (name, value) in &self.attributes {
            out.extend([" ", name, "=\""]);
            text::write_attribute(out, value);
            out.push('"');
        }
        out.push('>');
        self.write_children(out);
        out.extend(["</", &self.name, ">"]);
    }
}
