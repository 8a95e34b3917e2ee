//! The parameters of a call (operations.html#executing): read from the query, and from a Parameters resource.

use super::definition::{Definition, PARTS, Parameter};
use super::{Extra, Operation};
use crate::{Engine, Request, Verb};
use fhir::json::{Doc, Value};
use fhir::outcome::shown;
use fhir::primitive::Primitive;
use fhir::spec::r4;
use fhir::validate::References;
use fhir::{Failure, IssueType, Result, Severity};

/// The parameter that says in which form resources are handed out, as bulk data has it, and the form of lines.
const OUTPUT_FORMAT: &str = "_outputFormat";
const LINES: &str = "application/fhir+ndjson";

/// What the parameters of a definition were given as.
#[derive(Debug, Default)]
pub struct Arguments {
    given: Vec<(String, Argument)>,
}

#[derive(Debug)]
enum Argument {
    /// A primitive, by its text.
    Text(String),
    /// A data type or resource.
    Element(Doc),
}

impl Arguments {
    /// The text of a primitive parameter.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    /// The texts of a primitive parameter that may be given several times.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.of(name).filter_map(|it| match it {
            Argument::Text(text) => Some(text.as_str()),
            Argument::Element(_) => None,
        })
    }

    /// The values of a parameter that is a data type or resource; of one with parts the whole of it.
    pub fn elements(&self, name: &str) -> impl Iterator<Item = Value<'_>> {
        self.of(name).filter_map(|it| match it {
            Argument::Element(doc) => Some(doc.root()),
            Argument::Text(_) => None,
        })
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &Argument> {
        self.given.iter().filter(move |(given, _)| given == name).map(|(_, it)| it)
    }
}

/// All that a request gives an operation.
#[derive(Default)]
pub(super) struct Given {
    pub(super) arguments: Arguments,
    /// Search parameters, where the operation takes them: names and values.
    pub(super) criteria: Vec<(String, String)>,
    /// The page asked for, where the operation has pages.
    pub(super) page: Option<String>,
    /// Whether the body is the parameter itself, and no Parameters resource.
    pub(super) is_bare: bool,
    /// Every parameter that can stand in a URL, in the order given.
    pub(super) simple: Vec<(String, String)>,
}

impl Engine {
    /// Reads the parameters of a request as the operation's definition has them.
    pub(super) fn given(&self, operation: &Operation, definition: &Definition, request: &Request) -> Result<Given> {
        let mut reader = Reader { operation, definition, given: Given::default() };
        for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
            reader.in_query(&name, &value)?;
        }
        if request.verb == Verb::Post && !request.body.is_empty() && !reader.in_graphql(request)? {
            let doc = self.json_body(request)?;
            reader.in_body(doc.root())?;
        }
        if request.headers.accepts_lines && reader.given.arguments.text(OUTPUT_FORMAT).is_none() {
            reader.in_query(OUTPUT_FORMAT, LINES)?;
        }
        reader.counted()
    }
}

struct Reader<'d> {
    operation: &'d Operation,
    definition: &'d Definition,
    given: Given,
}

impl Reader<'_> {
    /// GraphQL's own ways to POST a query (graphql.html): as it is, or in a JSON object with its variables. `false` for a body
    /// that is neither.
    fn in_graphql(&mut self, request: &Request) -> Result<bool> {
        let text = || std::str::from_utf8(&request.body).map_err(|_| not_graphql());
        let of = request.headers.content_type.as_deref();
        if !self.operation.takes(Extra::GraphQl) {
            return Ok(false);
        }
        if of == Some("application/graphql") {
            self.graphql("query", text()?);
            return Ok(true);
        }
        let Some(doc) = Doc::parse(text()?).ok().filter(|it| it.root().get("resourceType").is_none()) else {
            return Ok(false);
        };
        for member in doc.root().children().filter(|it| !it.is_null()) {
            match (member.key(), member.as_str()) {
                ("query" | "operationName", Some(text)) => self.graphql(member.key(), text),
                ("variables", _) if member.is_object() => self.graphql("variables", member.raw()),
                // What clients tell their own servers, GraphQL says nothing of.
                ("extensions", _) => {}
                _ => return Err(not_graphql()),
            }
        }
        Ok(true)
    }

    fn graphql(&mut self, name: &str, text: &str) {
        self.given.arguments.given.push((name.to_owned(), Argument::Text(text.to_owned())));
    }

    fn in_query(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "_format" | "_pretty" => return Ok(()),
            "_page" if self.operation.takes(Extra::Pages) => {
                self.given.page = Some(value.to_owned());
                return Ok(());
            }
            _ => {}
        }
        let Some(parameter) = self.definition.parameter(name) else { return self.criterion(name, value) };
        let Some(primitive) = Primitive::named(&parameter.of) else {
            let told = format!(
                "The parameter {name} is a {}, which no URL can hold: POST a Parameters resource.",
                parameter.of
            );
            return Err(Failure::new(IssueType::Invalid, told));
        };
        // A '+' of a time zone that was not percent-encoded arrives as a space.
        let is_time = matches!(primitive, Primitive::DateTime | Primitive::Instant);
        self.text(parameter.name.clone(), primitive, &if is_time { value.replace(' ', "+") } else { value.to_owned() })
    }

    fn text(&mut self, name: String, primitive: Primitive, value: &str) -> Result<()> {
        if !primitive.accepts(value) {
            let told = format!("The value of the parameter {name} must be {}.", primitive.format());
            return Err(Failure::new(IssueType::Value, told));
        }
        self.given.simple.push((name.clone(), value.to_owned()));
        self.given.arguments.given.push((name, Argument::Text(value.to_owned())));
        Ok(())
    }

    fn criterion(&mut self, name: &str, value: &str) -> Result<()> {
        if !self.operation.takes(Extra::Criteria) {
            let known: Vec<&str> = self.definition.parameters.iter().map(|it| it.name.as_str()).collect();
            let told = format!(
                "The operation ${} takes no parameter {}; it takes {}.",
                self.definition.code,
                shown(name),
                known.join(", ")
            );
            return Err(Failure::new(IssueType::NotSupported, told));
        }
        self.given.simple.push((name.to_owned(), value.to_owned()));
        self.given.criteria.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// A Parameters resource (parameters.html).
    fn in_body(&mut self, body: Value<'_>) -> Result<()> {
        if self.operation.takes(Extra::AnyResource)
            && let Some(parameter) = self.definition.parameters.iter().find(|it| it.of == "Resource")
            && let Some(of) = body.str("resourceType").filter(|it| *it != "Parameters")
        {
            self.given.is_bare = true;
            return self.argument(parameter, of, body);
        }
        if body.str("resourceType") != Some("Parameters") {
            let told = "The body of an operation is a Parameters resource.";
            return Err(Failure::new(IssueType::Structure, told));
        }
        let mut issues = fhir::validate::r4().resource(body, References::Literal);
        if self.operation.takes(Extra::AnyResource) {
            issues.retain(|it| !it.expression.contains(".resource"));
        }
        if issues.iter().any(|it| it.severity <= Severity::Error) {
            return Err(Failure::of(issues));
        }
        for part in body.get("parameter").into_iter().flat_map(Value::each) {
            let name = part.str("name").unwrap_or_default();
            match (self.definition.parameter(name), value(part)) {
                (Some(parameter), Some((of, value))) => self.argument(parameter, of, value)?,
                (None, Some((_, value))) if value.scalar().is_some() => {
                    self.criterion(name, value.scalar().unwrap_or_default())?;
                }
                (None, _) => self.criterion(name, "")?,
                (Some(_), None) => {
                    let told = format!("The parameter {name} has no value.");
                    return Err(Failure::new(IssueType::Value, told));
                }
            }
        }
        Ok(())
    }

    fn argument(&mut self, parameter: &Parameter, of: &str, value: Value<'_>) -> Result<()> {
        let name = &parameter.name;
        if parameter.of != of && !(parameter.of == "Resource" && value.str("resourceType").is_some()) {
            let told = format!("The parameter {name} is a {}, not a {of}.", parameter.of);
            return Err(Failure::new(IssueType::Value, told));
        }
        match (Primitive::named(of), value.scalar()) {
            (Some(primitive), Some(text)) => self.text(name.clone(), primitive, text),
            _ => {
                let element = Doc::parse(value.raw()).map_err(Failure::internal)?;
                self.given.arguments.given.push((name.clone(), Argument::Element(element)));
                Ok(())
            }
        }
    }

    /// The same, if each parameter was given as often as it may be.
    fn counted(self) -> Result<Given> {
        for parameter in &self.definition.parameters {
            let (name, count) = (&parameter.name, self.given.arguments.of(&parameter.name).count());
            if count < parameter.min {
                let told = format!("The operation ${} needs the parameter {name}.", self.definition.code);
                return Err(Failure::new(IssueType::Required, told));
            }
            if parameter.max.is_some_and(|max| count > max) {
                let told = format!("The parameter {name} is given {count} times, which is too often.");
                return Err(Failure::new(IssueType::Invalid, told));
            }
        }
        Ok(self.given)
    }
}

fn not_graphql() -> Failure {
    let told =
        "The body is a GraphQL query as application/graphql, or a JSON object with query, operationName and variables.";
    Failure::new(IssueType::Structure, told)
}

/// The value of Parameters.parameter and its type: of `value[x]`, the resource, or itself where it has parts.
fn value(part: Value<'_>) -> Option<(&str, Value<'_>)> {
    if let Some(resource) = part.get("resource") {
        return Some((resource.str("resourceType")?, resource));
    }
    if part.get("part").is_some() {
        return Some((PARTS, part));
    }
    let spec = r4();
    let of = spec.of(spec.type_named(PARTS)?);
    let value = part.children().find(|it| it.key().starts_with("value"))?;
    Some((&spec.of(of.property(value.key())?.of).name, value))
}
