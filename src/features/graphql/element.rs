//! What a query selects of a resource and its elements (graphql.html): fields are the elements' names, a choice's with its type;
//! lists are narrowed by arguments; directives shape what comes out.

use super::ast::Field;
use super::collect::{Chosen, Selections};
use super::output::{Members, Out};
use super::{Run, Selected, unknown};
use fhir::json::{Value, quote};
use fhir::outcome::shown;
use fhir::path::{Context, Expression, Item, Node};
use fhir::spec::{Kind, TypeId, r4};
use fhir::{Failure, IssueType, Result};

/// Steps that a FHIRPath in a query may take on a list.
const STEPS: u32 = 100_000;

/// A value that is selected from.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) of: TypeId,
    pub(super) value: Value<'a>,
    /// The resource that it is in, with what that contains.
    pub(super) resource: Value<'a>,
}

impl<'a> At<'a> {
    /// A resource.
    pub(super) fn resource(resource: Value<'a>) -> Result<At<'a>> {
        let of = resource.str("resourceType").and_then(|it| r4().resource(it));
        let of = of.ok_or_else(|| Failure::new(IssueType::Invalid, "What was found is no resource of R4."))?;
        Ok(At { of, value: resource, resource })
    }

    pub(super) fn name(&self) -> &'static str {
        &r4().of(self.of).name
    }

    fn is_resource(&self) -> bool {
        r4().of(self.of).kind == Kind::Resource
    }

    /// A value in this one; a resource has the type that it says.
    fn inner(&self, of: TypeId, value: Value<'a>) -> At<'a> {
        let own = value.str("resourceType").and_then(|it| r4().resource(it));
        At { of: own.unwrap_or(of), value, resource: self.resource }
    }

    fn node(&self) -> Node<'a> {
        Node::new(self.of, Some(self.value), None)
    }
}

/// An element by the name of a field.
struct Element<'a> {
    values: Vec<At<'a>>,
    is_list: bool,
    /// As FHIRPath has it.
    path: &'static str,
    is_primitive: bool,
}

impl<'a> Element<'a> {
    /// `_name` is what a primitive has besides its value (json.html#primitive).
    fn of(at: At<'a>, name: &str) -> Result<Element<'a>> {
        let of = r4().of(at.of);
        let companion = name.strip_prefix('_').and_then(|it| of.property(it));
        let companion = companion.filter(|it| r4().of(it.of).kind == Kind::Primitive);
        let property = of.property(name).or(companion).ok_or_else(|| unknown(&of.name, name))?;
        let element = of.elements.get(usize::from(property.element));
        let element = element.ok_or_else(|| Failure::internal("an element has no definition"))?;
        let inner = if companion.is_some() { r4().type_named("Element").unwrap_or(property.of) } else { property.of };
        let values = at.value.get(name).into_iter().flat_map(Value::each).filter(|it| !it.is_null());
        Ok(Element {
            values: values.map(|it| at.inner(inner, it)).collect(),
            is_list: element.is_array,
            path: &element.name,
            is_primitive: companion.is_none() && r4().of(property.of).kind == Kind::Primitive,
        })
    }
}

impl<'c> Run<'c> {
    /// What is selected of a value.
    pub(super) fn members<'f>(&'f mut self, at: At<'f>, selections: Selections<'c>) -> Selected<'f, Members>
    where
        'c: 'f,
    {
        Box::pin(async move {
            let mut members = Members::default();
            for chosen in self.collect(Some(at.of), selections)? {
                let name = chosen.field.name.as_str();
                match name {
                    "__typename" => members.add(chosen.key, Out::Raw(quote(at.name()))),
                    "resourceType" if at.is_resource() => members.add(chosen.key, Out::Raw(quote(at.name()))),
                    "resource" if at.name() == "Reference" => {
                        let out = self.referred(at, chosen.field, &chosen.selections).await?;
                        shape(&mut members, &chosen, out)?;
                    }
                    _ if at.is_resource() && name.ends_with(['t', 'n']) && r4().of(at.of).property(name).is_none() => {
                        let found = self.searched(Some(at), chosen.field, &chosen.selections).await?;
                        chosen.refuse_shaping(&["first", "singleton", "flatten", "slice"])?;
                        members.add(chosen.key, found.ok_or_else(|| unknown(at.name(), name))?);
                    }
                    _ => self.element(at, &chosen, &mut members).await?,
                }
            }
            Ok(members)
        })
    }

    async fn element(&mut self, at: At<'_>, chosen: &Chosen<'c>, members: &mut Members) -> Result<()> {
        let mut element = Element::of(at, &chosen.field.name)?;
        self.narrow(at, &mut element, chosen.field)?;
        if chosen.directive("first").is_some() {
            element.values.truncate(1);
        }
        self.spend(element.values.len())?;
        let has_selections = chosen.selections.iter().any(|it| !it.is_empty());
        if has_selections == element.is_primitive {
            let name = shown(&chosen.field.name);
            let told = match has_selections {
                true => format!("{name} is a primitive, of which nothing can be selected."),
                false => format!("{name} has elements: say in braces which are selected."),
            };
            return Err(Failure::new(IssueType::Invalid, told));
        }
        let mut outs = Vec::new();
        let mut flattened = Vec::new();
        for (position, value) in element.values.iter().enumerate() {
            if element.is_primitive {
                outs.push(Out::Raw(value.value.raw().to_owned()));
                continue;
            }
            let inner = self.members(*value, chosen.selections.clone()).await?;
            match chosen.directive("flatten").is_some() {
                true => flattened.push((inner, self.slice(chosen, *value, position)?)),
                false => outs.push(Out::Object(inner)),
            }
        }
        if chosen.directive("flatten").is_some() && !element.is_primitive {
            members.flatten(flattened);
            return Ok(());
        }
        let out = match (element.is_list, element.values.is_empty()) {
            (_, true) => Out::Null,
            (true, _) => Out::List(outs),
            (false, _) => outs.pop().unwrap_or(Out::Null),
        };
        shape(members, chosen, out)
    }

    /// What `@slice(path:)` adds to the names of what is flattened: `$index`, or the text of a FHIRPath.
    fn slice(&self, chosen: &Chosen<'_>, at: At<'_>, position: usize) -> Result<Option<String>> {
        let Some(directive) = chosen.directive("slice") else { return Ok(None) };
        let given = directive.arguments.iter().find(|it| it.0 == "path");
        let texts = given.map(|it| it.1.texts(&self.variables)).transpose()?.unwrap_or_default();
        let [path] = texts.as_slice() else {
            return Err(Failure::new(IssueType::Required, "@slice has the argument path, a FHIRPath."));
        };
        if path == "$index" {
            return Ok(Some(position.to_string()));
        }
        let expression = Expression::parse(path).map_err(not_a_path)?;
        let context = Context::of(at.node()).with_budget(STEPS);
        let found = expression.evaluate(&context).map_err(not_a_path)?;
        Ok(found.first().and_then(Item::to_text).map(|it| it.into_owned()))
    }

    /// Leaves of a list what the arguments ask for: `fhirpath`, elements that have a text, then `_offset` and `_count`.
    fn narrow(&mut self, at: At<'_>, element: &mut Element<'_>, field: &Field) -> Result<()> {
        let (mut offset, mut count) = (0, usize::MAX);
        if !field.arguments.is_empty() && !element.is_list {
            let told = format!("{} is no list, so it takes no arguments.", shown(&field.name));
            return Err(Failure::new(IssueType::Invalid, told));
        }
        for (name, input) in &field.arguments {
            let texts = input.texts(&self.variables)?;
            let text = texts.first().map(String::as_str);
            match (name.as_str(), text) {
                (_, None) => {}
                ("fhirpath", Some(text)) => self.where_true(at, element, text)?,
                ("_offset", Some(text)) => offset = number(name, text)?,
                ("_count", Some(text)) => count = number(name, text)?,
                (name, Some(_)) => {
                    let of = element.values.first().map(|it| r4().of(it.of));
                    if of.is_some_and(|it| it.property(name).is_none()) {
                        return Err(unknown(&field.name, name));
                    }
                    let has = |it: Value<'_>| it.scalar().is_some_and(|it| texts.iter().any(|text| text == it));
                    element.values.retain(|it| it.value.get(name).is_some_and(|it| it.each().any(has)));
                }
            }
        }
        element.values = std::mem::take(&mut element.values).into_iter().skip(offset).take(count).collect();
        Ok(())
    }

    /// Leaves of a list that for which a FHIRPath is true; `$index` is the position in it.
    fn where_true(&mut self, at: At<'_>, element: &mut Element<'_>, condition: &str) -> Result<()> {
        let expression = Expression::parse(&format!("{}.where({condition})", element.path)).map_err(not_a_path)?;
        let context = Context::resource(at.resource).unwrap_or_else(|| Context::of(at.node()));
        let context = context.on(Item::Node(at.node())).with_budget(STEPS);
        let found = expression.evaluate(&context).map_err(not_a_path)?;
        let is_found = |value: Value<'_>| {
            let mut values = found.iter().filter_map(Item::node).filter_map(Node::value);
            values.any(|it| it.index() == value.index())
        };
        element.values.retain(|it| is_found(it.value));
        Ok(())
    }
}

/// Adds what was selected, as `@singleton` has it.
fn shape(members: &mut Members, chosen: &Chosen<'_>, out: Out) -> Result<()> {
    if chosen.directive("singleton").is_none() {
        members.add(chosen.key, out);
        return Ok(());
    }
    let out = match out {
        Out::List(mut items) if items.len() <= 1 => items.pop().unwrap_or(Out::Null),
        Out::List(_) => {
            let told = format!("{} has several values, and @singleton wants one.", shown(&chosen.field.name));
            return Err(Failure::new(IssueType::Invalid, told));
        }
        other => other,
    };
    members.add_single(chosen.key, out);
    Ok(())
}

fn number(name: &str, text: &str) -> Result<usize> {
    text.parse().map_err(|_| Failure::new(IssueType::Value, format!("{name} is a whole number, not below 0.")))
}

fn not_a_path(error: fhir::path::PathError) -> Failure {
    Failure::new(IssueType::Invalid, format!("The query's FHIRPath cannot be evaluated: {error}."))
}
