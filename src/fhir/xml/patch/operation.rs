//! `add`, `replace` and `remove` (RFC 5261 sections 4.3 to 4.5).

use super::super::error::Problem;
use super::super::source::{Source, Tag};
use super::super::text;
use super::select::{Selector, Way};
use super::tree::{self, DEEPEST, Element, Node};
use crate::validate::hint::shown;
use quick_xml::events::Event;
use std::borrow::Cow;

/// One operation of a patch.
#[derive(Debug)]
pub(super) struct Operation {
    kind: Kind,
    /// Why a selector is none is told when its turn comes, with the operation's number.
    selector: Result<Selector, String>,
    content: Content,
}

#[derive(Debug)]
enum Kind {
    Add(Place),
    Replace,
    Remove,
}

/// Where an addition goes.
#[derive(Debug)]
enum Place {
    /// `type="@name"`
    Attribute(String),
    /// Without `pos`.
    Last,
    /// `pos="prepend"`
    First,
    Before,
    After,
}

/// What is in an operation's element.
#[derive(Debug, Default)]
struct Content {
    nodes: Vec<Node>,
    /// The value for an attribute.
    text: String,
}

impl Operation {
    /// Reads the operation that has begun with `tag`.
    pub(super) fn read<'x>(source: &mut Source<'x>, tag: Tag<'x>) -> Result<Operation, Problem> {
        let attribute = |name: &str| given(&tag, name);
        let kind = match tag.name() {
            "add" => Kind::Add(place(attribute("type")?, attribute("pos")?).map_err(|told| tag.problem(told))?),
            "replace" => Kind::Replace,
            "remove" => Kind::Remove,
            name => return Err(tag.problem(format!("\"{}\" is not add, replace or remove", shown(name)))),
        };
        let Some(selector) = attribute("sel")? else {
            return Err(tag.problem("an operation has no attribute sel"));
        };
        let selector = Selector::parse(&selector, source);
        let content = if tag.is_empty { Content::default() } else { Content::read(source)? };
        Ok(Operation { kind, selector, content })
    }

    /// Carries it out; the error is to go on after "Operation 1 of the patch …".
    pub(super) fn apply(self, document: &mut Element) -> Result<(), String> {
        let selector = self.selector.map_err(|told| format!("has a selector that {told}"))?;
        let way = selector.find(document).map_err(|told| format!("has a selector that {told}"))?;
        match (self.kind, selector.attribute) {
            (Kind::Add(place), None) => add(document, way, place, self.content),
            (Kind::Add(_), Some(_)) => Err("adds to an attribute: use replace".into()),
            (Kind::Replace, None) => replace(document, way, self.content),
            (Kind::Replace, Some(name)) => {
                let text = self.content.into_text()?;
                *attribute(document, &way, &name)? = text;
                Ok(())
            }
            (Kind::Remove, None) => remove(document, &way),
            (Kind::Remove, Some(name)) => {
                attribute(document, &way, &name)?;
                element(document, &way)?.attributes.retain(|(it, _)| *it != name);
                Ok(())
            }
        }
    }
}

/// The value of an attribute of an operation.
fn given(tag: &Tag<'_>, name: &str) -> Result<Option<String>, Problem> {
    for attribute in tag.attributes() {
        let attribute = attribute?;
        if attribute.name == name {
            let value = text::attribute(&attribute.raw).map(Cow::into_owned);
            return value.map(Some).ok_or_else(|| tag.problem("an attribute is broken"));
        }
    }
    Ok(None)
}

fn place(of: Option<String>, position: Option<String>) -> Result<Place, String> {
    match (of.as_deref(), position.as_deref()) {
        (Some(of), None) => match of.strip_prefix('@') {
            Some(name) if !name.is_empty() => Ok(Place::Attribute(name.to_owned())),
            _ => Err("the type of an addition is @ and the name of an attribute".into()),
        },
        (None, None) => Ok(Place::Last),
        (None, Some("prepend")) => Ok(Place::First),
        (None, Some("before")) => Ok(Place::Before),
        (None, Some("after")) => Ok(Place::After),
        _ => Err("the pos of an addition is prepend, before or after, and an attribute has none".into()),
    }
}

impl Content {
    fn read(source: &mut Source<'_>) -> Result<Content, Problem> {
        let mut nodes = Vec::new();
        let mut raw = String::new();
        loop {
            let (namespace, event, range) = source.event()?;
            let at = range.start;
            match event {
                Event::Start(start) => nodes.push(tree::read(source, Tag::new(namespace, false, range, start), 1)?),
                Event::Empty(start) => nodes.push(tree::read(source, Tag::new(namespace, true, range, start), 1)?),
                Event::Text(_) | Event::GeneralRef(_) => raw.push_str(source.slice(range)),
                Event::CData(_) => return Err(Problem::new(at, "a value is not given as CDATA")),
                Event::End(_) | Event::Eof => {
                    let text = text::resolved(&raw).ok_or_else(|| Problem::new(at, "a text is broken"))?.into_owned();
                    return Ok(Content { nodes, text });
                }
                _ => {}
            }
        }
    }

    /// The elements, which must not have text between them.
    fn into_nodes(self) -> Result<Vec<Node>, String> {
        if !self.text.trim_ascii().is_empty() {
            return Err("has text where elements are expected: a value is added or replaced as an attribute".into());
        }
        Ok(self.nodes)
    }

    fn into_text(self) -> Result<String, String> {
        if self.nodes.is_empty() { Ok(self.text) } else { Err("gives an attribute an element as its value".into()) }
    }
}

const NOT_THERE: &str = "points to what is not there";

/// The element at the end of a way.
fn element<'d>(document: &'d mut Element, way: &[usize]) -> Result<&'d mut Element, String> {
    let mut here = document;
    for position in way {
        here = match here.children.get_mut(*position) {
            Some(Node::Element(child)) => child,
            Some(Node::Narrative(_)) => return Err("points into the narrative, which is changed as a whole".into()),
            None => return Err(NOT_THERE.into()),
        };
    }
    Ok(here)
}

/// The value of an attribute that is there.
fn attribute<'d>(document: &'d mut Element, way: &[usize], name: &str) -> Result<&'d mut String, String> {
    let attributes = &mut element(document, way)?.attributes;
    attributes.iter_mut().find(|(it, _)| it == name).map(|(_, value)| value).ok_or_else(|| NOT_THERE.to_owned())
}

/// The children among which the element at the end of a way is, and its position.
fn siblings<'d>(document: &'d mut Element, way: &[usize]) -> Result<(&'d mut Vec<Node>, usize), String> {
    match way {
        [] | [_] => Err("would leave no resource, or more than one".into()),
        [parents @ .., position] => Ok((&mut element(document, parents)?.children, *position)),
    }
}

fn add(document: &mut Element, way: Way, place: Place, content: Content) -> Result<(), String> {
    if let Place::Attribute(name) = place {
        let value = content.into_text()?;
        let attributes = &mut element(document, &way)?.attributes;
        if attributes.iter().any(|(it, _)| *it == name) {
            return Err("adds an attribute that is there: use replace".into());
        }
        attributes.push((name, value));
        return Ok(());
    }
    let nodes = content.into_nodes()?;
    if nodes.is_empty() {
        return Err("adds nothing".into());
    }
    check_depth(&way, &nodes)?;
    let (children, position) = match place {
        Place::Before => siblings(document, &way)?,
        Place::After => siblings(document, &way).map(|(children, position)| (children, position + 1))?,
        Place::First => (&mut element(document, &way)?.children, 0),
        Place::Last | Place::Attribute(_) => {
            let children = &mut element(document, &way)?.children;
            let end = children.len();
            (children, end)
        }
    };
    children.splice(position..position, nodes);
    Ok(())
}

fn replace(document: &mut Element, way: Way, content: Content) -> Result<(), String> {
    let nodes = content.into_nodes()?;
    check_depth(&way, &nodes)?;
    let [node] = <[Node; 1]>::try_from(nodes).map_err(|_| "replaces an element by other than one element")?;
    let Some((position, parents)) = way.split_last() else { return Err(NOT_THERE.into()) };
    let children = &mut element(document, parents)?.children;
    *children.get_mut(*position).ok_or(NOT_THERE)? = node;
    Ok(())
}

fn remove(document: &mut Element, way: &[usize]) -> Result<(), String> {
    let (children, position) = siblings(document, way)?;
    children.remove(position);
    Ok(())
}

/// Checks that what is put at the end of a way or below keeps the tree's bound.
fn check_depth(way: &[usize], nodes: &[Node]) -> Result<(), String> {
    let deepest = way.len() + nodes.iter().map(Node::depth).max().unwrap_or(0);
    if deepest > DEEPEST { Err(format!("nests deeper than {DEEPEST} levels")) } else { Ok(()) }
}
