//! FHIRPath Patch (fhirpatch.html): a Parameters resource whose `operation` parameters add, insert, delete, replace
//! and move elements found by FHIRPath.

use super::{OPERATIONS, refused, tree};
use crate::Engine;
use fhir::Result;
use fhir::json::{Doc, Step, Value};
use fhir::outcome::shown;
use fhir::path::{Context, Expression, Node};
use fhir::spec::{TypeId, r4};
use serde_json::{Map, Value as Json};

/// The document with all operations carried out, each on what the one before it left.
pub(super) fn patch(engine: &Engine, before: Doc, patch: Value<'_>) -> Result<String> {
    if patch.str("resourceType") != Some("Parameters") {
        return Err(refused("A FHIRPath Patch is a Parameters resource (fhirpatch.html)."));
    }
    let operations: Vec<Value<'_>> = patch.get("parameter").into_iter().flat_map(Value::each).collect();
    if operations.is_empty() || operations.len() > OPERATIONS {
        return Err(refused(format!("A FHIRPath Patch has 1 to {OPERATIONS} parameters named operation.")));
    }
    let mut doc = before;
    for (i, parameter) in operations.into_iter().enumerate() {
        let after = Operation::read(parameter)
            .and_then(|it| it.apply(&doc))
            .map_err(|told| refused(format!("Operation {} of the patch: {told}", i + 1)))?;
        doc = engine.parse(after.as_bytes())?;
    }
    Ok(doc.into_source())
}

/// A sentence that says what is wrong with an operation.
type Told<T> = std::result::Result<T, String>;

/// One operation; parts that its type does not need are refused when they are needed and missing.
struct Operation<'a> {
    kind: &'a str,
    path: Expression,
    parameter: Value<'a>,
}

impl<'a> Operation<'a> {
    fn read(parameter: Value<'a>) -> Told<Operation<'a>> {
        if parameter.str("name") != Some("operation") {
            return Err("every parameter is named operation.".into());
        }
        let kind = part(parameter, "type").and_then(|it| it.str("valueCode").or(it.str("valueString")));
        let kind = kind.ok_or("the part type is missing.")?;
        let path = part(parameter, "path").and_then(|it| it.str("valueString")).ok_or("the part path is missing.")?;
        let path = Expression::parse(path).map_err(|it| format!("the path is no FHIRPath: {it}."))?;
        Ok(Operation { kind, path, parameter })
    }

    fn apply(&self, doc: &Doc) -> Told<String> {
        let context = Context::resource(doc.root()).ok_or("the resource has no known type.")?;
        let items = self.path.evaluate(&context).map_err(|it| format!("the path fails: {it}."))?;
        let nodes: Option<Vec<Node<'_>>> = items.iter().map(|it| it.node().copied()).collect();
        let nodes = nodes.ok_or("the path selects a computed value, not an element.")?;
        let mut document = tree(doc.root()).map_err(|_| "the resource cannot be read.")?;
        match self.kind {
            "add" => self.add(doc, &nodes, &mut document)?,
            "insert" => {
                let index = self.index("index")?;
                let list = List::of(doc, &nodes)?;
                let value = self.value(list.of)?.1;
                list.change(&mut document, |items, companions| {
                    if index > items.len() {
                        return Err("the index lies beyond the end of the list.".into());
                    }
                    items.insert(index, value);
                    companions.inspect_mut(|it| it.insert(index.min(it.len()), Json::Null));
                    Ok(())
                })?;
            }
            "delete" => match nodes.as_slice() {
                [] => {}
                [only] => remove(&mut document, &steps(doc, only)?)?,
                _ => return Err("the path of a delete selects one element at the most.".into()),
            },
            "replace" => self.replace(doc, &nodes, &mut document)?,
            "move" => {
                let (from, to) = (self.index("source")?, self.index("destination")?);
                List::of(doc, &nodes)?.change(&mut document, |items, companions| {
                    if from >= items.len() || to >= items.len() {
                        return Err("source and destination lie within the list.".into());
                    }
                    let item = items.remove(from);
                    items.insert(to, item);
                    companions.inspect_mut(|it| {
                        it.resize(items.len(), Json::Null);
                        let item = it.remove(from);
                        it.insert(to, item);
                    });
                    Ok(())
                })?;
            }
            other => {
                return Err(format!(
                    "the type {} is unknown; it is add, insert, delete, replace or move.",
                    shown(other)
                ));
            }
        }
        Ok(document.to_string())
    }

    fn add(&self, doc: &Doc, nodes: &[Node<'_>], document: &mut Json) -> Told<()> {
        let [parent] = nodes else { return Err("the path of an add selects one element.".into()) };
        let name =
            part(self.parameter, "name").and_then(|it| it.str("valueString")).ok_or("the part name is missing.")?;
        let (element, of) = element(parent.of, name)?;
        let (suffix, value) = self.value(of)?;
        let parent =
            at(document, &steps(doc, parent)?)?.as_object_mut().ok_or("nothing can be added to a primitive.")?;
        let member = if element.is_choice { format!("{name}{suffix}") } else { name.to_owned() };
        if element.is_array {
            match parent.entry(member).or_insert_with(|| Json::Array(Vec::new())) {
                Json::Array(items) => items.push(value),
                _ => return Err(format!("{name} is not a list.")),
            }
        } else if parent.insert(member, value).is_some() {
            return Err(format!("{name} has a value already; use replace."));
        }
        Ok(())
    }

    fn replace(&self, doc: &Doc, nodes: &[Node<'_>], document: &mut Json) -> Told<()> {
        let [target] = nodes else { return Err("the path of a replace selects one element.".into()) };
        let (suffix, value) = self.value(Some(target.of))?;
        let steps = steps(doc, target)?;
        let (Some(Step::Member(member)), Some((owner, index))) = (steps.last(), target.element) else {
            *at(document, &steps)? = value;
            return Ok(());
        };
        let element = &r4().of(owner).elements[usize::from(index)];
        let wanted = if element.is_choice { format!("{}{suffix}", element.name) } else { (*member).to_owned() };
        let parent = at(document, &steps[..steps.len() - 1])?.as_object_mut().ok_or("the path leads nowhere.")?;
        if wanted != *member {
            parent.shift_remove(*member);
            parent.shift_remove(&format!("_{member}"));
        }
        parent.insert(wanted, value);
        Ok(())
    }

    fn index(&self, name: &str) -> Told<usize> {
        let value = part(self.parameter, name).and_then(|it| it.get("valueInteger")).and_then(Value::as_number);
        value.and_then(|it| it.parse().ok()).ok_or_else(|| format!("the part {name} is missing or no index."))
    }

    /// The part `value` as JSON, with its type as a choice's suffix.
    fn value(&self, of: Option<TypeId>) -> Told<(String, Json)> {
        let part = part(self.parameter, "value").ok_or("the part value is missing.")?;
        part_value(part, of)
    }
}

fn part<'a>(parameter: Value<'a>, name: &str) -> Option<Value<'a>> {
    parameter.get("part")?.each().find(|it| it.str("name") == Some(name))
}

/// A value: `value[x]`, or an element without a type of its own, given by its parts (fhirpatch.html).
fn part_value(part: Value<'_>, of: Option<TypeId>) -> Told<(String, Json)> {
    if let Some(value) = part.children().find(|it| it.key().starts_with("value")) {
        let json = tree(value).map_err(|_| "the value cannot be read.")?;
        return Ok((value.key()["value".len()..].to_owned(), json));
    }
    if let Some(resource) = part.get("resource") {
        return Ok((String::new(), tree(resource).map_err(|_| "the value cannot be read.")?));
    }
    let mut object = Map::new();
    for child in part.get("part").into_iter().flat_map(Value::each) {
        let name = child.str("name").ok_or("a part of the value has no name.")?;
        let of = of.ok_or("the parts of the value fit no element.")?;
        let (element, inner) = element(of, name)?;
        let (suffix, value) = part_value(child, inner)?;
        let member = if element.is_choice { format!("{name}{suffix}") } else { name.to_owned() };
        if element.is_array {
            let list = object.entry(member).or_insert_with(|| Json::Array(Vec::new()));
            list.as_array_mut().into_iter().for_each(|it| it.push(value.clone()));
        } else {
            object.insert(member, value);
        }
    }
    if object.is_empty() {
        return Err("the part value holds nothing.".into());
    }
    Ok((String::new(), Json::Object(object)))
}

fn element(of: TypeId, name: &str) -> Told<(&'static fhir::spec::Element, Option<TypeId>)> {
    let found = r4().of(of).element(name);
    let element = found.ok_or_else(|| format!("{} has no element {}.", r4().of(of).name, shown(name)))?;
    Ok((element, if element.is_choice { None } else { element.types.first().copied() }))
}

fn steps<'a>(doc: &'a Doc, node: &Node<'a>) -> Told<Vec<Step<'a>>> {
    let value =
        node.value().filter(|it| doc.root().contains(*it)).ok_or("the path selects nothing that has a value.")?;
    Ok(doc.root().steps_to(value))
}

/// The place in the tree.
fn at<'t>(document: &'t mut Json, steps: &[Step<'_>]) -> Told<&'t mut Json> {
    let mut here = document;
    for step in steps {
        let next = match step {
            Step::Member(name) => here.get_mut(*name),
            Step::Item(index) => here.get_mut(*index),
        };
        here = next.ok_or("the path leads nowhere.")?;
    }
    Ok(here)
}

fn remove(document: &mut Json, steps: &[Step<'_>]) -> Told<()> {
    let Some((last, before)) = steps.split_last() else { return Err("the resource itself cannot be removed.".into()) };
    match last {
        Step::Member(name) => {
            let parent = at(document, before)?.as_object_mut().ok_or("the path leads nowhere.")?;
            parent.shift_remove(*name);
            parent.shift_remove(&format!("_{name}"));
        }
        Step::Item(index) => {
            let Some((Step::Member(name), above)) = before.split_last() else {
                return Err("the path leads nowhere.".into());
            };
            let parent = at(document, above)?.as_object_mut().ok_or("the path leads nowhere.")?;
            for member in [(*name).to_owned(), format!("_{name}")] {
                let Some(Json::Array(items)) = parent.get_mut(&member) else { continue };
                if *index < items.len() {
                    items.remove(*index);
                }
                // Neither an empty list nor one of nothing but gaps may stay (json.html#primitive).
                if items.iter().all(Json::is_null) && (items.is_empty() || member.starts_with('_')) {
                    parent.shift_remove(&member);
                }
            }
        }
    }
    Ok(())
}

/// A list of the resource, found by its items.
struct List<'a> {
    /// Where the object stands that holds it.
    parent: Vec<Step<'a>>,
    name: &'a str,
    /// Type of its items.
    of: Option<TypeId>,
}

/// The list of companions of a list of primitives, if there is one.
struct Companions<'t>(Option<&'t mut Vec<Json>>);

impl Companions<'_> {
    fn inspect_mut(self, change: impl FnOnce(&mut Vec<Json>)) {
        if let Some(list) = self.0 {
            change(list);
        }
    }
}

impl<'a> List<'a> {
    fn of(doc: &'a Doc, nodes: &[Node<'a>]) -> Told<List<'a>> {
        let first = nodes.first().ok_or("the path selects no list; use add for its first item.")?;
        let mut steps = steps(doc, first)?;
        let (Some(Step::Item(_)), Some(Step::Member(name))) = (steps.pop(), steps.pop()) else {
            return Err("the path selects something that is not a list.".into());
        };
        Ok(List { parent: steps, name, of: Some(first.of) })
    }

    fn change(&self, document: &mut Json, change: impl FnOnce(&mut Vec<Json>, Companions<'_>) -> Told<()>) -> Told<()> {
        let parent = at(document, &self.parent)?.as_object_mut().ok_or("the path leads nowhere.")?;
        let beside = format!("_{}", self.name);
        let mut companions = parent.remove(&beside);
        let items = parent.get_mut(self.name).and_then(Json::as_array_mut).ok_or("the path leads nowhere.")?;
        change(items, Companions(companions.as_mut().and_then(Json::as_array_mut)))?;
        parent.extend(companions.map(|it| (beside, it)));
        Ok(())
    }
}
