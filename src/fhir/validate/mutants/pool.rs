//! Valid resources, by what is in them: R4's examples and, where these have no value of an element, made ones.

use super::sample;
use super::seeds::seeds;
use crate::json::Doc;
use crate::outcome::Severity;
use crate::r4_package::files;
use crate::spec::{Kind, TypeId, r4};
use crate::validate::{References, r4 as validator};
use rustc_hash::FxHashMap;
use serde_json::Value as Json;
use std::sync::LazyLock;

/// Larger examples are left out: what they have, smaller ones have too.
const LARGEST: u64 = 60_000;
/// Places of one element that are kept.
const MOST: usize = 8;

/// An object in a valid resource.
#[derive(Clone)]
pub(super) struct Place {
    /// Index of the resource.
    pub resource: usize,
    /// JSON pointer to the object.
    pub pointer: String,
}

/// Valid resources and what is where in them.
#[derive(Default)]
pub(super) struct Pool {
    pub resources: Vec<Json>,
    /// Objects by their type.
    owners: FxHashMap<TypeId, Vec<Place>>,
    /// Objects by their type and a member they have.
    members: FxHashMap<(TypeId, Box<str>), Vec<Place>>,
    /// The first value of each type that is no primitive.
    samples: FxHashMap<TypeId, Json>,
}

/// The pool of R4; `None` without the package of examples.
pub(super) fn pool() -> Option<&'static Pool> {
    static POOL: LazyLock<Option<Pool>> = LazyLock::new(|| {
        let mut files = files()?;
        let size = |it: &std::path::PathBuf| std::fs::metadata(it).map_or(u64::MAX, |it| it.len());
        files.retain(|it| size(it) < LARGEST);
        files.sort_by_key(size);
        let read = |path| std::fs::read_to_string(path).expect("an example is readable");
        let examples: Vec<Json> = files.into_iter().filter_map(|it| serde_json::from_str(&read(it)).ok()).collect();
        // What is contained has to be referred to: a mutant elsewhere is told of as well.
        let (plain, containing): (Vec<_>, Vec<_>) = examples.into_iter().partition(|it| it.get("contained").is_none());
        let mut pool = Pool::default();
        seeds().into_iter().chain(plain).for_each(|it| pool.add(it));
        pool.complete();
        containing.into_iter().for_each(|it| pool.add(it));
        pool.complete();
        Some(pool)
    });
    POOL.as_ref()
}

/// What is wrong with a resource: code, expression and sentence of each error.
pub(super) fn errors(resource: &Json) -> Vec<(String, String, String)> {
    let doc = Doc::parse(resource.to_string()).expect("serde_json writes JSON");
    let issues = validator().resource(doc.root(), References::Literal);
    let errors = issues.into_iter().filter(|it| it.severity <= Severity::Error);
    errors.map(|it| (it.code.code().to_owned(), it.expression, it.diagnostics)).collect()
}

impl Pool {
    /// Objects of a type that have a member.
    pub(super) fn with(&self, of: TypeId, member: &str) -> &[Place] {
        self.members.get(&(of, member.into())).map_or(&[], Vec::as_slice)
    }

    /// Objects of a type.
    pub(super) fn of(&self, of: TypeId) -> &[Place] {
        self.owners.get(&of).map_or(&[], Vec::as_slice)
    }

    /// A value of a type that is no primitive.
    pub(super) fn sample(&self, of: TypeId) -> Option<&Json> {
        self.samples.get(&of)
    }

    /// Takes a resource, if it is valid and has something new.
    fn add(&mut self, json: Json) {
        let Some(of) = resource_type(&json) else { return };
        let mut found = Vec::new();
        collect(&json, of, String::new(), &mut found);
        let is_new = |it: &Found| {
            it.members.iter().any(|member| self.with(it.of, member).len() < MOST) || self.of(it.of).len() < MOST
        };
        if !found.iter().any(is_new) || !errors(&json).is_empty() {
            return;
        }
        let resource = self.resources.len();
        for Found { of, pointer, members } in found {
            let place = Place { resource, pointer };
            let value = json.pointer(&place.pointer).expect("what was found is there");
            self.samples.entry(of).or_insert_with(|| value.clone());
            for member in members {
                push(self.members.entry((of, member)).or_default(), &place);
            }
            push(self.owners.entry(of).or_default(), &place);
        }
        self.resources.push(json);
    }

    /// Makes resources with the elements that no example has.
    fn complete(&mut self) {
        for _ in 0..4 {
            let before = self.resources.len();
            for (at, ty) in r4().types().iter().enumerate() {
                let of = TypeId(at as u16);
                if ty.kind == Kind::Resource && !ty.is_abstract && self.of(of).is_empty() {
                    self.add(sample::object(self, of, 0));
                }
                for (name, property) in &ty.properties {
                    if self.with(of, name).is_empty() {
                        self.insert(of, name, &ty.elements[property.element as usize], property.of);
                    }
                }
            }
            if self.resources.len() == before {
                break;
            }
        }
    }

    fn insert(&mut self, of: TypeId, name: &str, element: &crate::spec::Element, value: TypeId) {
        let is_there = |it: &str| {
            r4().of(of).property(it).is_some_and(|it| *r4().of(of).elements[it.element as usize].name == *element.name)
        };
        for place in self.of(of).to_vec() {
            let mut json = self.resources[place.resource].clone();
            let sample = sample::member(self, element, value, 0);
            let object = json.pointer_mut(&place.pointer).and_then(Json::as_object_mut).expect("it is an object");
            object.retain(|key, _| !is_there(key.trim_start_matches('_')));
            object.insert(name.into(), sample);
            let before = self.resources.len();
            self.add(json);
            if self.resources.len() > before {
                return;
            }
        }
    }
}

fn push(places: &mut Vec<Place>, place: &Place) {
    if places.len() < MOST {
        places.push(place.clone());
    }
}

fn resource_type(json: &Json) -> Option<TypeId> {
    r4().resource(json.get("resourceType")?.as_str()?)
}

/// An object and its members.
struct Found {
    of: TypeId,
    pointer: String,
    members: Vec<Box<str>>,
}

fn collect(json: &Json, of: TypeId, pointer: String, found: &mut Vec<Found>) {
    // An ExampleScenario's instances have an element of this name.
    let is_resource = r4().of(of).kind == Kind::Resource;
    let of = resource_type(json).filter(|_| is_resource).unwrap_or(of);
    let Some(object) = json.as_object() else { return };
    let mut members = Vec::new();
    for (key, value) in object {
        let Some(property) = r4().of(of).property(key) else { continue };
        members.push(key.as_str().into());
        match value.as_array() {
            Some(items) => {
                for (at, item) in items.iter().enumerate() {
                    collect(item, property.of, format!("{pointer}/{key}/{at}"), found);
                }
            }
            None => collect(value, property.of, format!("{pointer}/{key}"), found),
        }
    }
    found.push(Found { of, pointer, members });
}
