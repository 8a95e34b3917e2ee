//! Gives the concepts of a release their places: those of a tree that spans the hierarchy, each before what is beneath
//! it. What is beneath a concept is then the range of its own branch, with ranges of other branches where concepts have
//! several parents (docs/decisions/0020-loaded-code-systems.md).

use super::draft::{DraftConcept, DraftProperty, DraftValue, Origin};
use super::members::TEXT;
use super::{About, CONCRETE, CONCRETES, Draft, LONGEST_TERM, Links, MemberRows, MemberTable, Places, Relation, words};
use crate::json::quote;
use crate::outcome::shown;
use crate::{Failure, IssueType, Result};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// The property under which the members of reference sets are posted, by the codes of the sets; those of any under `*`, and
/// the sets themselves under nothing. No property of a code system is called so.
pub const MEMBERSHIP: &str = "^";
/// The property that says since when a concept is as it is, as YYYYMMDD.
pub const EFFECTIVE_TIME: &str = "effectiveTime";
/// The member of a designation that says where it comes from.
pub const ORIGIN: &str = "origin";
/// The term for values that are too long to be terms.
pub const LONG: &str = "\u{1}";

/// The most ranges that the hierarchy of a release may take.
const MOST_RANGES: usize = 200_000_000;

/// A release with places.
pub struct Arranged {
    /// The release as a whole.
    pub about: About,
    draft: Draft,
    /// The concepts by place, as numbers of the draft.
    order: Vec<u32>,
    /// By number of the draft.
    places: Vec<u32>,
    children: Vec<Vec<u32>>,
    above: Vec<Places>,
    below: Vec<Places>,
}

/// The places of the concepts that have a word, or a value of a property.
#[derive(Debug, PartialEq, Eq)]
pub struct PostedTerm {
    /// The property; empty for words.
    pub property: String,
    /// The word or value; empty for any value.
    pub term: String,
    /// The places.
    pub places: Places,
}

impl Draft {
    /// Gives every concept its place. Fails where a concept is above itself.
    pub fn arranged(self) -> Result<Arranged> {
        let count = self.concepts.len();
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); count];
        for (at, concept) in self.concepts.iter().enumerate() {
            for parent in &concept.parents {
                children[*parent as usize].push(at as u32);
            }
        }
        let falling = self.falling(&children)?;
        let (order, places) = self.planted(&children);
        let mut arranged = Arranged {
            about: self.about(),
            draft: self,
            order,
            places,
            children,
            above: vec![Places::default(); count],
            below: vec![Places::default(); count],
        };
        arranged.fill(&falling)?;
        Ok(arranged)
    }

    fn about(&self) -> About {
        let properties: BTreeSet<&str> =
            self.concepts.iter().flat_map(|it| &it.properties).map(|it| it.code.as_str()).collect();
        About {
            name: self.name.clone(),
            has_subsumption: self.has_subsumption,
            is_case_sensitive: self.is_case_sensitive,
            properties: properties.into_iter().map(str::to_owned).collect(),
            count: self.concepts.len() as u32,
        }
    }

    /// Every concept behind all that are above it.
    fn falling(&self, children: &[Vec<u32>]) -> Result<Vec<u32>> {
        let mut waits: Vec<usize> = self.concepts.iter().map(|it| it.parents.len()).collect();
        let mut order: Vec<u32> = (0..waits.len() as u32).filter(|it| waits[*it as usize] == 0).collect();
        let mut at = 0;
        while let Some(here) = order.get(at).copied() {
            for child in &children[here as usize] {
                let left = &mut waits[*child as usize];
                *left -= 1;
                if *left == 0 {
                    order.push(*child);
                }
            }
            at += 1;
        }
        match waits.iter().position(|it| *it > 0) {
            None => Ok(order),
            Some(at) => {
                let told =
                    format!("The hierarchy goes round in a circle at or above {}.", shown(&self.concepts[at].code));
                Err(Failure::new(IssueType::BusinessRule, told))
            }
        }
    }

    /// The concepts in the order of a tree in which each is beneath its first parent; and the place of each.
    fn planted(&self, children: &[Vec<u32>]) -> (Vec<u32>, Vec<u32>) {
        let count = self.concepts.len();
        let (mut order, mut places) = (Vec::with_capacity(count), vec![0; count]);
        let is_root = |it: &u32| self.concepts[*it as usize].parents.is_empty();
        let mut left: Vec<u32> = (0..count as u32).rev().filter(is_root).collect();
        while let Some(here) = left.pop() {
            places[here as usize] = order.len() as u32;
            order.push(here);
            let own = |it: &&u32| self.concepts[**it as usize].parents.first() == Some(&here);
            left.extend(children[here as usize].iter().rev().filter(own));
        }
        (order, places)
    }
}

impl Arranged {
    /// Finds what is above and beneath each.
    fn fill(&mut self, falling: &[u32]) -> Result<()> {
        let mut ranges = 0;
        for here in falling {
            let parents = &self.draft.concepts[*here as usize].parents;
            self.above[*here as usize] = self.direct(parents).or(&gathered(parents, &self.above));
            ranges += self.above[*here as usize].ranges().len();
            bounded(ranges)?;
        }
        for here in falling.iter().rev() {
            let children = &self.children[*here as usize];
            self.below[*here as usize] = self.direct(children).or(&gathered(children, &self.below));
            ranges += self.below[*here as usize].ranges().len();
            bounded(ranges)?;
        }
        Ok(())
    }

    /// The places of these.
    fn direct(&self, of: &[u32]) -> Places {
        Places::of(of.iter().map(|it| self.places[*it as usize]).map(|it| it..it + 1).collect())
    }

    /// How many concepts there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The URL of the code system, and its version.
    pub fn identity(&self) -> (&str, &str) {
        (&self.draft.url, &self.draft.version)
    }

    /// The concept at a place: its code, its links, and what is said of it as `CodeSystem.concept`.
    pub fn row(&self, place: u32) -> Option<(&str, Links, String)> {
        let at = *self.order.get(place as usize)? as usize;
        let concept = &self.draft.concepts[at];
        let links = Links {
            parents: self.direct(&concept.parents),
            children: self.direct(&self.children[at]),
            above: self.above[at].clone(),
            below: self.below[at].clone(),
        };
        Some((&concept.code, links, said(concept)))
    }

    /// What concepts are found by, in the order of properties and terms.
    pub fn posted(&self) -> Vec<PostedTerm> {
        let mut posted: FxHashMap<&str, FxHashMap<String, Places>> = FxHashMap::default();
        for (place, at) in (0..).zip(&self.order) {
            let concept = &self.draft.concepts[*at as usize];
            let names = concept.designations.iter().map(|it| it.value.as_str()).chain(concept.display.as_deref());
            for word in names.chain([concept.code.as_str()]).flat_map(words) {
                posted.entry("").or_default().entry(word).or_default().push(place..place + 1);
            }
            for DraftProperty { code, value } in &concept.properties {
                let terms = posted.entry(code).or_default();
                terms.entry(String::new()).or_default().push(place..place + 1);
                let term = if value.text().len() <= LONGEST_TERM { value.text() } else { LONG };
                terms.entry(term.to_owned()).or_default().push(place..place + 1);
            }
        }
        if self.draft.concepts.iter().any(|it| !it.relations.is_empty()) {
            let numbers = posted.entry(CONCRETES).or_default();
            let mut all: Vec<(&String, &u32)> = self.draft.concretes.iter().collect();
            all.sort_unstable_by_key(|it| it.1);
            numbers.insert(String::new(), Places::default());
            for (value, number) in all {
                numbers.entry(String::new()).or_default().push(*number..number + 1);
                numbers.entry(value.clone()).or_default().push(*number..number + 1);
            }
        }
        self.post_links(&mut posted);
        self.post_sets(posted.entry(MEMBERSHIP).or_default());
        let mut all: Vec<PostedTerm> = Vec::new();
        for (property, terms) in posted {
            let terms = terms.into_iter();
            all.extend(terms.map(|(term, places)| PostedTerm { property: property.to_owned(), term, places }));
        }
        all.sort_unstable_by(|a, b| (&a.property, &a.term).cmp(&(&b.property, &b.term)));
        all
    }
}

impl Arranged {
    /// Which concepts have others above them, and which beneath.
    fn post_links(&self, posted: &mut FxHashMap<&str, FxHashMap<String, Places>>) {
        let having = |test: &dyn Fn(usize) -> bool| {
            let places = (0..).zip(&self.order).filter(|(_, at)| test(**at as usize)).map(|it| it.0..it.0 + 1);
            Places::of(places.collect())
        };
        let parents = having(&|at| !self.draft.concepts[at].parents.is_empty());
        let children = having(&|at| !self.children[at].is_empty());
        for (property, places) in [("parent", parents), ("child", children)] {
            posted.entry(property).or_default().insert(String::new(), places);
        }
    }

    fn post_sets(&self, terms: &mut FxHashMap<String, Places>) {
        let (mut sets, mut all) = (Vec::new(), Places::default());
        for (set, members) in &self.draft.sets {
            let members = self.direct(members);
            all = all.or(&members);
            terms.insert(set.clone(), members);
            sets.extend(self.draft.position(set));
        }
        terms.insert("*".to_owned(), all);
        terms.insert(String::new(), self.direct(&sets));
    }

    /// What concepts are to one another besides the hierarchy, in order.
    pub fn relations(&self) -> Vec<Relation> {
        // Values that are no concepts keep their numbers.
        let place = |at: u32| if at < CONCRETE { self.places[at as usize] } else { at };
        let mut table: Vec<Relation> = Vec::new();
        for (source, at) in (0..).zip(&self.order) {
            let own = &self.draft.concepts[*at as usize].relations;
            table.extend(own.iter().map(|it| Relation { source, group: it.0, kind: place(it.1), value: place(it.2) }));
        }
        table.sort_unstable();
        table
    }

    /// What the members of reference sets say: by set, its fields, and its rows in parts.
    pub fn members(&self) -> impl Iterator<Item = (&str, MemberTable, Vec<Vec<u8>>)> {
        // Texts keep their numbers.
        let place = |cell: &u32| if *cell < TEXT { self.places[*cell as usize] } else { *cell };
        self.draft.rows.iter().map(move |(set, rows)| {
            let width = rows.fields.len();
            let mut order: Vec<&[u32]> = rows.cells.chunks_exact(width + 1).collect();
            order.sort_by_key(|row| row.first().map(place));
            let flat: Vec<u32> = order.into_iter().flatten().map(place).collect();
            let (starts, parts) = MemberRows::parts(&flat, width, |it| &self.draft.numbered[it as usize]);
            (set.as_str(), MemberTable { fields: rows.fields.clone(), starts }, parts)
        })
    }
}

/// What these have, together.
fn gathered(of: &[u32], each: &[Places]) -> Places {
    Places::of(of.iter().flat_map(|it| each[*it as usize].ranges().iter().cloned()).collect())
}

fn bounded(ranges: usize) -> Result<()> {
    match ranges > MOST_RANGES {
        true => {
            Err(Failure::new(IssueType::TooCostly, "The hierarchy is more entangled than this server is ready for."))
        }
        false => Ok(()),
    }
}

/// `CodeSystem.concept` without what is beneath it.
fn said(concept: &DraftConcept) -> String {
    let mut out = format!("{{\"code\":{}", quote(&concept.code));
    if let Some(display) = &concept.display {
        out.push_str(&format!(",\"display\":{}", quote(display)));
    }
    let designations = concept.designations.iter().map(|it| {
        let language = it.language.as_ref().map(|it| format!("\"language\":{},", quote(it))).unwrap_or_default();
        let usage = it.usage.map(|it| {
            let (system, code, display) = (quote(it.system), quote(it.code), quote(it.display));
            format!("\"use\":{{\"system\":{system},\"code\":{code},\"display\":{display}}},")
        });
        let origin = it.origin.as_ref().map(origin).unwrap_or_default();
        format!("{{{language}{}\"value\":{}{origin}}}", usage.unwrap_or_default(), quote(&it.value))
    });
    push_list(&mut out, "designation", designations);
    let properties = concept.properties.iter().map(|it| {
        let (member, value) = match &it.value {
            DraftValue::Code(text) => ("valueCode", quote(text)),
            DraftValue::Text(text) => ("valueString", quote(text)),
            DraftValue::Flag(_) => ("valueBoolean", it.value.text().to_owned()),
        };
        format!("{{\"code\":{},\"{member}\":{value}}}", quote(&it.code))
    });
    push_list(&mut out, "property", properties);
    out.push('}');
    out
}

/// Where a designation comes from, behind its other members.
fn origin(of: &Origin) -> String {
    let dialects = of.dialects.iter().map(|(set, is_preferred)| {
        let preferred = if *is_preferred { ",\"preferred\":true" } else { "" };
        format!("{{\"set\":{}{preferred}}}", quote(set))
    });
    let mut out = format!(",{}:{{\"module\":{},\"time\":{}", quote(ORIGIN), quote(&of.module), quote(&of.time));
    push_list(&mut out, "dialect", dialects);
    out.push('}');
    out
}

fn push_list(out: &mut String, name: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if !items.is_empty() {
        out.push_str(&format!(",\"{name}\":[{}]", items.join(",")));
    }
}
