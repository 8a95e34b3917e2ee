//! Snapshots (profiling.html#snapshot): everything that holds for a profile's elements, made from what it changes of
//! those of its base.
//!
//! The base's elements are a tree. What the differential says of an element is laid over what is said there
//! ([`merge`]); where it goes inside an element that the base does not unfold, the children come from the element's
//! type, from the profile of its type, or from the element that a content reference names; a slice begins as a copy of
//! the element that it is of. `valueQuantity` is the slice of that type of `value[x]` (profiling.html#slicing). A differential that allows
//! what its base does not is refused ([`narrowing`]). R4's own types are made in the same way from theirs ([`types`]).

mod merge;
mod narrowing;
mod node;
#[cfg(test)]
mod tests;
mod types;

use super::key::{Keys, Segment};
use super::{DEEPEST, Fault, Profiles, compile};
use crate::outcome::{Failure, Issue, IssueType, shown};
use crate::spec::r4;
use node::{Node, Said, list, prefixes};
use rustc_hash::FxHashMap;
use serde_json::{Value as Json, json};
use std::borrow::Cow;
use std::rc::Rc;

/// The most elements that a snapshot may have, those of what it is made from included.
const MOST_ELEMENTS: usize = 50_000;
/// The most faults that are told.
const MOST_FAULTS: usize = 100;

impl Profiles {
    /// A profile, given as JSON, with the snapshot that its differential makes over its base (profiling.html#snapshot).
    /// Fails with everything in which the differential allows what the base does not.
    pub fn snapshot(&self, definition: &str) -> Result<String, Failure> {
        let read = |it: serde_json::Error| Failure::new(IssueType::Structure, format!("The profile is no JSON: {it}."));
        let mut definition: Json = serde_json::from_str(definition).map_err(read)?;
        let elements = self.snapshot_of(&definition).map_err(refused)?;
        definition["snapshot"] = json!({ "element": elements });
        Ok(definition.to_string())
    }

    /// Fails if a profile has no snapshot; what needs a definition that is not known yet is let pass.
    pub(super) fn demand_snapshot(&self, definition: &str) -> Result<(), Failure> {
        let definition: Json = serde_json::from_str(definition).map_err(Failure::internal)?;
        match self.snapshot_of(&definition) {
            Err(faults) if !faults.iter().any(|it| it.is_open) => Err(refused(faults)),
            _ => Ok(()),
        }
    }

    /// The elements of the snapshot.
    pub(super) fn snapshot_of(&self, definition: &Json) -> Result<Vec<Json>, Vec<Fault>> {
        let mut maker = Maker { known: self, made: FxHashMap::default(), faults: Vec::new(), count: 0 };
        let root = maker.over_base(definition, 0).map_err(|it| vec![it])?;
        if !maker.faults.is_empty() {
            return Err(maker.faults);
        }
        let mut elements = Vec::with_capacity(root.size());
        let name = root.name.clone();
        root.write(&name, &name, None, &mut elements);
        Ok(elements)
    }

    /// The canonical URL of what a profile is built on.
    fn base_of(&self, canonical: &str) -> Option<&str> {
        self.source(canonical)?.base.as_deref()
    }
}

fn refused(faults: Vec<Fault>) -> Failure {
    let told = |it: Fault| {
        Issue::error(IssueType::BusinessRule, format!("The profile has no snapshot: {it}."))
            .at("StructureDefinition.differential")
    };
    Failure::of(faults.into_iter().map(told).collect()).with_status(422)
}

/// Makes snapshots from each other.
struct Maker<'p> {
    known: &'p Profiles,
    /// By canonical URL.
    made: FxHashMap<String, Rc<Node>>,
    /// In what the profile that is asked for is wrong.
    faults: Vec<Fault>,
    count: usize,
}

impl Maker<'_> {
    /// The elements of the definition with this canonical URL; `depth` is how many others wait for it.
    fn definition(&mut self, canonical: &str, depth: usize) -> Result<Rc<Node>, Fault> {
        if let Some(made) = self.made.get(canonical) {
            return Ok(Rc::clone(made));
        }
        if depth == DEEPEST {
            return Err(Fault::new("", format!("it builds on more than {DEEPEST} others, or on itself")));
        }
        let unknown = || Fault { is_open: true, ..Fault::new("", format!("{} is not known here", shown(canonical))) };
        let core = types::definition(canonical.split('|').next().unwrap_or_default());
        let text = match core {
            Some(line) => Cow::Borrowed(line),
            None => self.known.source(canonical).ok_or_else(unknown)?.kept.json()?,
        };
        let definition: Json = serde_json::from_str(&text).map_err(|it| Fault::new("", it.to_string()))?;
        let made = match list_at(&definition, "snapshot") {
            Some(elements) => self.read(&definition, elements)?,
            None => self.over_base(&definition, depth)?,
        };
        let made = Rc::new(made);
        self.made.insert(canonical.to_owned(), Rc::clone(&made));
        Ok(made)
    }

    /// A snapshot as it is told.
    fn read(&mut self, definition: &Json, elements: &[Json]) -> Result<Node, Fault> {
        let mut root = Node::named(definition["type"].as_str().unwrap_or_default());
        let mut keys = Keys::default();
        for (key, said) in keyed(&mut keys, elements) {
            let key = key?;
            self.spend(1)?;
            *placed(&mut root, &key) = said.clone();
        }
        Ok(root)
    }

    /// The differential laid over the base.
    fn over_base(&mut self, definition: &Json, depth: usize) -> Result<Node, Fault> {
        let is_profile = definition["derivation"] == "constraint";
        let name = definition["type"].as_str().unwrap_or_default();
        let mut root = match definition["baseDefinition"].as_str() {
            None if is_profile => return Err(Fault::new("", "it does not say its baseDefinition")),
            None => Node::named(name),
            Some(base) => (*self.definition(base, depth + 1)?).clone(),
        };
        self.spend(root.size())?;
        if is_profile && root.name != name {
            return Err(Fault::new("", format!("it is on {}, and its base on {}", shown(name), shown(&root.name))));
        }
        name.clone_into(&mut root.name);
        let Some(elements) = list_at(definition, "differential") else {
            return Err(Fault::new("", "it has no differential"));
        };
        let mut keys = Keys::default();
        for (key, said) in keyed(&mut keys, elements) {
            let key = self.reach(&mut root, &key?, is_profile, depth)?;
            let Some(node) = root.at_mut(&key) else { continue };
            if is_profile && depth == 0 {
                self.faults.extend(narrowing::widened(self.known, &shown_at(name, &key), &node.said, said));
                if self.faults.len() > MOST_FAULTS {
                    break;
                }
            }
            let is_new = node.said.is_empty();
            merge::merge(&mut node.said, said);
            if is_new && !is_profile {
                types::complete(&mut node.said, &shown_at(name, &key));
            }
        }
        Ok(root)
    }

    /// Makes sure that an element is there; gives its key as the snapshot has it.
    fn reach(
        &mut self,
        root: &mut Node,
        key: &[Segment],
        is_profile: bool,
        depth: usize,
    ) -> Result<Vec<Segment>, Fault> {
        let mut done: Vec<Segment> = Vec::with_capacity(key.len());
        for step in key {
            self.unfold(root, &done, depth)?;
            let name = root.name.clone();
            let Some(here) = root.at_mut(&done) else { break };
            let step = match chosen(here, step) {
                Some(step) => step,
                None if !is_profile => {
                    here.children.push(Node::named(&step.name));
                    step.clone()
                }
                None => {
                    return Err(Fault::new(
                        &shown_at(&name, &done),
                        format!("it has no element {}", shown(&step.name)),
                    ));
                }
            };
            self.spend(slice(here, &step).map_err(|problem| Fault::new(&shown_at(&name, &done), problem))?)?;
            done.push(step);
        }
        Ok(done)
    }

    /// Gives an element the children that its type has, if it has none yet.
    fn unfold(&mut self, root: &mut Node, key: &[Segment], depth: usize) -> Result<(), Fault> {
        let Some(node) = root.at(key).filter(|it| it.children.is_empty() && !key.is_empty()) else { return Ok(()) };
        let children = match node.text("contentReference").and_then(|it| it.split_once('#')) {
            Some((_, id)) => {
                let path = id.split_once('.').map_or("", |(_, path)| path);
                root.below(path).map(|it| it.children.clone()).unwrap_or_default()
            }
            None => {
                let url = type_of(node);
                self.definition(&url, depth + 1)?.children.clone()
            }
        };
        self.spend(children.iter().map(Node::size).sum())?;
        if let Some(node) = root.at_mut(key) {
            node.children = children;
        }
        Ok(())
    }

    fn spend(&mut self, elements: usize) -> Result<(), Fault> {
        self.count += elements;
        match self.count > MOST_ELEMENTS {
            true => Err(Fault::new("", format!("its snapshot takes more than {MOST_ELEMENTS} elements"))),
            false => Ok(()),
        }
    }
}

/// The URL of what defines an element's children: its type's one profile, or its one type.
fn type_of(node: &Node) -> String {
    let mut profiles = list(&node.said, "type").flat_map(|it| list_of(&it["profile"]));
    let mut codes = node.types();
    match (codes.next(), codes.next(), profiles.next(), profiles.next()) {
        (Some(_), None, Some(profile), None) => profile.to_owned(),
        (Some(code), None, ..) if r4().type_named(code).is_some() => format!("{}{code}", compile::CORE),
        _ => format!("{}Element", compile::CORE),
    }
}

fn list_of(json: &Json) -> impl Iterator<Item = &str> {
    json.as_array().into_iter().flatten().filter_map(Json::as_str)
}

fn list_at<'a>(definition: &'a Json, member: &str) -> Option<&'a [Json]> {
    definition[member]["element"].as_array().map(Vec::as_slice)
}

/// Elements that are told one after the other, with their keys.
fn keyed<'a>(
    keys: &'a mut Keys,
    elements: &'a [Json],
) -> impl Iterator<Item = (Result<Vec<Segment>, Fault>, &'a Said)> {
    elements.iter().filter_map(Json::as_object).map(|it| {
        let text = |name: &str| it.get(name).and_then(Json::as_str);
        (keys.of(text("path").unwrap_or_default(), text("id"), text("sliceName")), it)
    })
}

/// Where what is said of an element of a whole snapshot is kept.
fn placed<'n>(mut here: &'n mut Node, key: &[Segment]) -> &'n mut Said {
    fn entry<'n>(all: &'n mut Vec<Node>, name: &str) -> &'n mut Node {
        let at = all.iter().position(|it| it.name == name).unwrap_or_else(|| {
            all.push(Node::named(name));
            all.len() - 1
        });
        &mut all[at]
    }
    for step in key {
        here = entry(&mut here.children, &step.name);
        for name in step.slice.iter().flat_map(|it| prefixes(it)) {
            here = entry(&mut here.slices, name);
        }
    }
    &mut here.said
}

/// The step to a child as the snapshot has it: `valueQuantity` is the slice of that type of `value[x]`.
fn chosen(here: &Node, step: &Segment) -> Option<Segment> {
    if here.children.iter().any(|it| *it.name == *step.name) {
        return Some(step.clone());
    }
    let is_meant = |it: &&Node| {
        let bare = it.name.strip_suffix("[x]");
        bare.and_then(|bare| step.name.strip_prefix(bare)).is_some_and(|of| it.types().any(|code| is_suffix(of, code)))
    };
    let choice = here.children.iter().find(is_meant)?;
    let slice = step.slice.as_ref().map_or_else(|| step.name.clone(), |it| format!("{}/{it}", step.name).into());
    Some(Segment { name: (*choice.name).into(), slice: Some(slice) })
}

/// Whether a type is named by the end of an element's name: `Quantity`, `DateTime`.
fn is_suffix(end: &str, code: &str) -> bool {
    let mut letters = code.chars();
    letters.next().is_some_and(|first| end.strip_prefix(first.to_ascii_uppercase()) == Some(letters.as_str()))
}

/// Makes sure that the slice of a step is there; says how many elements that took.
fn slice(here: &mut Node, step: &Segment) -> Result<usize, String> {
    let Some(name) = &step.slice else { return Ok(0) };
    let Some(mut node) = here.children.iter_mut().find(|it| *it.name == *step.name) else { return Ok(0) };
    let mut made = 0;
    let element = node.name.clone();
    for name in prefixes(name) {
        if node.own_slice_mut(name).is_none() {
            demand_slicing(node, &element)?;
            let new = sliced(node, &element, name);
            made += new.size();
            node.slices.push(new);
        }
        let Some(found) = node.own_slice_mut(name) else { break };
        node = found;
    }
    Ok(made)
}

/// Extensions are sliced by their URL, and choices by their types, without being told to; what is there once at the most
/// needs nothing to be told by.
fn demand_slicing(node: &mut Node, element: &str) -> Result<(), String> {
    if node.said.contains_key("slicing") {
        return Ok(());
    }
    let discriminator = match element {
        "extension" | "modifierExtension" => json!({ "type": "value", "path": "url" }),
        element if element.ends_with("[x]") => json!({ "type": "type", "path": "$this" }),
        _ if node.said.get("base").is_some_and(|it| it["max"] == "1") => json!({ "type": "exists", "path": "$this" }),
        _ => return Err(format!("{} has slices, but no slicing says how they are told apart", shown(element))),
    };
    let slicing = json!({ "discriminator": [discriminator], "ordered": false, "rules": "open" });
    node.said.insert("slicing".to_owned(), slicing);
    Ok(())
}

/// A slice as it is before anything is said of it.
fn sliced(node: &Node, element: &str, name: &str) -> Node {
    let mut said = node.said.clone();
    said.remove("slicing");
    said.insert("min".to_owned(), 0.into());
    let bare = element.strip_suffix("[x]").unwrap_or_default();
    if let Some(of) = name.strip_prefix(bare).filter(|_| !bare.is_empty()) {
        let own: Vec<Json> = list(&said, "type")
            .filter(|it| it["code"].as_str().is_some_and(|code| is_suffix(of, code)))
            .cloned()
            .collect();
        if !own.is_empty() {
            said.insert("type".to_owned(), own.into());
        }
    }
    Node { name: name.to_owned(), said, children: node.children.clone(), slices: Vec::new() }
}

/// A key as ids have it.
fn shown_at(name: &str, key: &[Segment]) -> String {
    let shown = |it: &Segment| match &it.slice {
        Some(slice) => format!(".{}:{slice}", it.name),
        None => format!(".{}", it.name),
    };
    key.iter().fold(name.to_owned(), |id, it| id + &shown(it))
}
