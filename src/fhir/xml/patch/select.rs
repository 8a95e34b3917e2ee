//! The selectors of XML Patch (RFC 5261 section 4.1): a small part of XPath that names one element or attribute.

use super::super::source::{Namespace, Source};
use super::tree::{Element, Node};

/// What a selector asks for.
#[derive(Debug)]
pub(super) struct Selector {
    steps: Vec<Step>,
    /// The attribute at the end, if it names one.
    pub(super) attribute: Option<String>,
}

#[derive(Debug)]
struct Step {
    test: Test,
    predicates: Vec<Predicate>,
}

#[derive(Debug)]
enum Test {
    Any,
    Element(String),
    Narrative,
}

#[derive(Debug)]
enum Predicate {
    /// `[2]`
    Position(usize),
    /// `[@url='…']`, `[f:use/@value='…']`
    Equals(Vec<Test>, String, String),
}

/// The way to a node: positions among children, from the document down.
pub(super) type Way = Vec<usize>;

impl Selector {
    /// Reads a selector; its prefixes are those of the place that `source` has reached. The error is to go on after
    /// "the selector …".
    pub(super) fn parse(text: &str, source: &Source<'_>) -> Result<Selector, String> {
        let mut parser = Parser { rest: text.trim_ascii(), source };
        parser.skip("/");
        let mut selector = Selector { steps: Vec::new(), attribute: None };
        loop {
            if parser.skip("@") {
                selector.attribute = Some(parser.name()?.to_owned());
                break;
            }
            selector.steps.push(parser.step()?);
            if !parser.skip("/") {
                break;
            }
        }
        if !parser.rest.is_empty() || selector.steps.is_empty() {
            return Err(parser.unknown());
        }
        Ok(selector)
    }

    /// The one node that is selected (section 4.1: "exactly one").
    pub(super) fn find(&self, document: &Element) -> Result<Way, String> {
        let mut found: Vec<(Way, &Element)> = vec![(Way::new(), document)];
        let mut narratives: Vec<Way> = Vec::new();
        for (i, step) in self.steps.iter().enumerate() {
            let is_last = i + 1 == self.steps.len();
            let mut next = Vec::new();
            for (way, element) in found {
                for position in step.of(element) {
                    let mut way = way.clone();
                    way.push(position);
                    match element.children.get(position) {
                        Some(Node::Element(child)) => next.push((way, child)),
                        Some(Node::Narrative(_)) if is_last => narratives.push(way),
                        _ => {}
                    }
                }
            }
            found = next;
        }
        let mut ways = found.into_iter().map(|(way, _)| way).chain(narratives);
        match (ways.next(), ways.next()) {
            (Some(way), None) => Ok(way),
            (None, _) => Err("points to what is not there".into()),
            (Some(_), Some(_)) => Err("points to more than one element".into()),
        }
    }
}

impl Step {
    /// The positions of the children that are meant.
    fn of(&self, element: &Element) -> Vec<usize> {
        let children = element.children.iter().enumerate();
        let mut found: Vec<usize> = children.filter(|(_, it)| self.test.is_met(it)).map(|(at, _)| at).collect();
        for predicate in &self.predicates {
            match predicate {
                Predicate::Position(number) => {
                    let chosen = number.checked_sub(1).and_then(|it| found.get(it)).copied();
                    found = chosen.into_iter().collect();
                }
                Predicate::Equals(way, attribute, value) => {
                    found.retain(|at| element.children.get(*at).is_some_and(|it| has(it, way, attribute, value)));
                }
            }
        }
        found
    }
}

impl Test {
    fn is_met(&self, node: &Node) -> bool {
        match (self, node) {
            (Test::Any, _) | (Test::Narrative, Node::Narrative(_)) => true,
            (Test::Element(name), Node::Element(element)) => *name == element.name,
            _ => false,
        }
    }
}

/// Whether a node, or one at the end of a way below it, has an attribute with this value.
fn has(node: &Node, way: &[Test], attribute: &str, value: &str) -> bool {
    let Node::Element(element) = node else { return false };
    match way {
        [] => element.attributes.iter().any(|(name, it)| name == attribute && it == value),
        [first, rest @ ..] => element.children.iter().any(|it| first.is_met(it) && has(it, rest, attribute, value)),
    }
}

struct Parser<'t, 'x> {
    rest: &'t str,
    source: &'t Source<'x>,
}

impl<'t> Parser<'t, '_> {
    fn skip(&mut self, text: &str) -> bool {
        let behind = self.rest.strip_prefix(text);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    fn unknown(&self) -> String {
        "is none of those that are served: steps of names or *, with [number] or [path/@attribute='value'], and @attribute \
         at the end"
            .into()
    }

    /// A name with its prefix, if it has one.
    fn name(&mut self) -> Result<&'t str, String> {
        let is_part = |it: char| it.is_alphanumeric() || matches!(it, '_' | '-' | '.' | ':');
        let end = self.rest.find(|it| !is_part(it)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() || name.contains("::") {
            return Err(self.unknown());
        }
        self.rest = rest;
        Ok(name)
    }

    fn test(&mut self) -> Result<Test, String> {
        if self.skip("*") {
            return Ok(Test::Any);
        }
        let name = self.name()?;
        let local = name.rsplit(':').next().unwrap_or_default();
        match (self.source.resolve(name), local) {
            (Namespace::Fhir, _) => Ok(Test::Element(local.to_owned())),
            (Namespace::Xhtml, "div") => Ok(Test::Narrative),
            (Namespace::Xhtml, _) => Err("points into the narrative, which is changed as a whole".into()),
            (Namespace::Other, _) => Err("has a name that is not in the namespace http://hl7.org/fhir".into()),
        }
    }

    fn step(&mut self) -> Result<Step, String> {
        let mut step = Step { test: self.test()?, predicates: Vec::new() };
        while self.skip("[") {
            step.predicates.push(self.predicate()?);
        }
        Ok(step)
    }

    fn predicate(&mut self) -> Result<Predicate, String> {
        self.space();
        let digits = self.rest.len() - self.rest.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let predicate = if digits > 0 {
            let (number, rest) = self.rest.split_at(digits);
            self.rest = rest;
            Predicate::Position(number.parse().map_err(|_| self.unknown())?)
        } else {
            let mut way = Vec::new();
            while !self.skip("@") {
                way.push(self.test()?);
                if !self.skip("/") {
                    return Err(self.unknown());
                }
            }
            let attribute = self.name()?.to_owned();
            self.space();
            if !self.skip("=") {
                return Err(self.unknown());
            }
            self.space();
            Predicate::Equals(way, attribute, self.literal()?)
        };
        self.space();
        if self.skip("]") { Ok(predicate) } else { Err(self.unknown()) }
    }

    fn literal(&mut self) -> Result<String, String> {
        let quote = self.rest.chars().next().filter(|it| matches!(it, '"' | '\''));
        let parts = quote.and_then(|it| self.rest[1..].split_once(it));
        let Some((value, rest)) = parts else { return Err(self.unknown()) };
        self.rest = rest;
        Ok(value.to_owned())
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }
}
