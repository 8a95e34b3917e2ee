//! CodeSystem (codesystem.html): its concepts by code.

use super::Grammar;
use crate::json::Value;
use rustc_hash::FxHashMap;
use std::borrow::Cow;

/// How much of a code system a resource holds (CodeSystem.content).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Content {
    #[default]
    Complete,
    Fragment,
    Example,
    NotPresent,
    Supplement,
}

impl Content {
    fn from_code(code: Option<&str>) -> Content {
        match code {
            Some("complete") => Content::Complete,
            Some("fragment") => Content::Fragment,
            Some("example") => Content::Example,
            Some("supplement") => Content::Supplement,
            _ => Content::NotPresent,
        }
    }

    /// The code in the resource.
    pub fn code(self) -> &'static str {
        match self {
            Content::Complete => "complete",
            Content::Fragment => "fragment",
            Content::Example => "example",
            Content::NotPresent => "not-present",
            Content::Supplement => "supplement",
        }
    }
}

/// A code system, read.
#[derive(Debug, Default)]
pub struct CodeSystem {
    /// Canonical URL: what codings have as their system.
    pub url: String,
    /// Its version.
    pub version: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Whether case makes a difference between its codes.
    pub is_case_sensitive: bool,
    /// How much of it is here.
    pub content: Content,
    /// What its hierarchy means, where that is said (CodeSystem.hierarchyMeaning).
    pub hierarchy_meaning: Option<String>,
    /// The value set of all its codes.
    pub value_set: Option<String>,
    /// Codes of the properties that it defines.
    pub defined: Vec<String>,
    /// What tells its codes where they are not listed.
    pub grammar: Option<Grammar>,
    pub(super) concepts: Vec<Concept>,
    pub(super) by_code: FxHashMap<String, u32>,
}

/// A concept of a code system.
#[derive(Debug, Default)]
pub struct Concept {
    /// The code.
    pub code: String,
    /// The name to show.
    pub display: Option<String>,
    /// The formal definition.
    pub definition: Option<String>,
    /// Other names.
    pub designations: Vec<Designation>,
    /// What else is said of it.
    pub properties: Vec<Property>,
    /// Positions of the concepts above it.
    pub(super) parents: Vec<u32>,
    /// Positions of the concepts beneath it.
    pub(super) children: Vec<u32>,
}

/// Another name of a concept, as the JSON object that the resource has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Designation {
    /// Its language.
    pub language: Option<String>,
    /// What it is used for, as the JSON of a Coding.
    pub usage: Option<String>,
    /// The name.
    pub value: String,
}

impl Designation {
    /// Reads `CodeSystem.concept.designation` and `ValueSet.compose.include.concept.designation`.
    pub(super) fn read_all(concept: Value<'_>) -> Vec<Designation> {
        let all = concept.get("designation").into_iter().flat_map(Value::each);
        let read = |it: Value<'_>| {
            Some(Designation {
                language: it.str("language").map(str::to_owned),
                usage: it.get("use").map(|it| it.raw().to_owned()),
                value: it.str("value")?.to_owned(),
            })
        };
        all.filter_map(read).collect()
    }
}

/// The name in a language (RFC 4647: `de` finds `de-CH`, and `de-CH` falls back on `de`).
pub fn in_language<'d>(designations: impl Iterator<Item = &'d Designation> + Clone, wanted: &str) -> Option<&'d str> {
    let begins = |whole: &str, start: &str| {
        let (head, tail) = whole.split_at_checked(start.len()).unwrap_or((whole, "-"));
        head.eq_ignore_ascii_case(start) && (tail.is_empty() || tail.starts_with('-'))
    };
    let find = |test: &dyn Fn(&str) -> bool| {
        designations.clone().find(|it| it.language.as_deref().is_some_and(test)).map(|it| it.value.as_str())
    };
    find(&|it| it.eq_ignore_ascii_case(wanted))
        .or_else(|| find(&|it| begins(it, wanted)))
        .or_else(|| find(&|it| begins(wanted, it)))
}

/// A property of a concept (CodeSystem.concept.property).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Its code.
    pub code: String,
    /// The member that holds its value: `valueCode`, `valueBoolean` …
    pub member: String,
    /// The value, as JSON.
    pub json: String,
    /// The value's text; of a Coding its code.
    pub text: String,
}

impl CodeSystem {
    /// Reads a CodeSystem resource.
    pub fn read(resource: Value<'_>) -> CodeSystem {
        let text = |name: &str| resource.str(name).map(str::to_owned);
        let codes = |name: &str| resource.get(name).into_iter().flat_map(Value::each);
        let mut system = CodeSystem {
            url: text("url").unwrap_or_default(),
            version: text("version"),
            name: text("name"),
            // "If not specified, then it is not known": what differs only in case is then no code of it.
            is_case_sensitive: resource.get("caseSensitive").and_then(Value::as_bool).unwrap_or(true),
            content: Content::from_code(resource.str("content")),
            hierarchy_meaning: text("hierarchyMeaning"),
            value_set: text("valueSet"),
            defined: codes("property").filter_map(|it| it.str("code")).map(str::to_owned).collect(),
            ..CodeSystem::default()
        };
        let mut left: Vec<(Value<'_>, Option<u32>)> = Vec::new();
        push_concepts(&mut left, resource, None);
        while let Some((concept, parent)) = left.pop() {
            let at = system.add(concept, parent);
            push_concepts(&mut left, concept, at);
        }
        system.link_by_properties();
        system
    }

    /// A code system whose codes are told by a grammar, and not listed.
    pub(super) fn by_grammar(url: &str, name: &str, grammar: Grammar) -> CodeSystem {
        CodeSystem {
            url: url.to_owned(),
            name: Some(name.to_owned()),
            is_case_sensitive: grammar == Grammar::Unit,
            content: Content::NotPresent,
            grammar: Some(grammar),
            ..CodeSystem::default()
        }
    }

    /// A whole code system without a hierarchy.
    pub(super) fn listed(url: &str, name: &str, concepts: impl Iterator<Item = Concept>) -> CodeSystem {
        let concepts: Vec<Concept> = concepts.collect();
        CodeSystem {
            url: url.to_owned(),
            name: Some(name.to_owned()),
            is_case_sensitive: true,
            by_code: concepts.iter().zip(0..).map(|(it, at)| (it.code.clone(), at)).collect(),
            concepts,
            ..CodeSystem::default()
        }
    }

    /// Enters a concept; a code that is there already is the same concept at another place. `None` if it has no code.
    pub(super) fn add(&mut self, concept: Value<'_>, parent: Option<u32>) -> Option<u32> {
        let code = concept.str("code")?;
        let folded = self.folded(code).into_owned();
        let fresh = self.concepts.len() as u32;
        let at = *self.by_code.entry(folded).or_insert(fresh);
        if at == fresh {
            self.concepts.push(Concept {
                code: code.to_owned(),
                display: concept.str("display").map(str::to_owned),
                definition: concept.str("definition").map(str::to_owned),
                designations: Designation::read_all(concept),
                properties: properties(concept).collect(),
                ..Concept::default()
            });
        }
        if let Some(parent) = parent {
            self.link(parent, at);
        }
        Some(at)
    }

    /// Adds the names and properties that a supplement has for codes that are here (codesystem.html#supplements).
    pub fn supplement(&mut self, supplement: Value<'_>) {
        let mut left: Vec<(Value<'_>, Option<u32>)> = Vec::new();
        push_concepts(&mut left, supplement, None);
        while let Some((concept, _)) = left.pop() {
            push_concepts(&mut left, concept, None);
            let Some(at) = concept.str("code").and_then(|it| self.position(it)) else { continue };
            if let Some(own) = self.concepts.get_mut(at as usize) {
                own.designations.extend(Designation::read_all(concept));
                own.properties.extend(properties(concept));
            }
        }
        for code in supplement.get("property").into_iter().flat_map(Value::each).filter_map(|it| it.str("code")) {
            if !self.defined.iter().any(|it| it == code) {
                self.defined.push(code.to_owned());
            }
        }
    }

    /// The properties `parent`, `child` and `subsumedBy` make a hierarchy of several parents
    /// (codesystem.html#hierarchy).
    fn link_by_properties(&mut self) {
        let mut links = Vec::new();
        for (at, concept) in self.concepts.iter().enumerate() {
            for property in &concept.properties {
                let Some(other) = self.position(&property.text) else { continue };
                match property.code.as_str() {
                    "parent" | "subsumedBy" => links.push((other, at as u32)),
                    "child" => links.push((at as u32, other)),
                    _ => {}
                }
            }
        }
        for (parent, child) in links {
            self.link(parent, child);
        }
    }

    pub(super) fn link(&mut self, parent: u32, child: u32) {
        if parent == child || self.concepts[child as usize].parents.contains(&parent) {
            return;
        }
        self.concepts[child as usize].parents.push(parent);
        self.concepts[parent as usize].children.push(child);
    }

    /// Every concept, in the order of the resource.
    pub fn concepts(&self) -> &[Concept] {
        &self.concepts
    }

    /// The concept with this code.
    pub fn find(&self, code: &str) -> Option<&Concept> {
        self.position(code).map(|it| &self.concepts[it as usize])
    }

    /// The position among [`CodeSystem::concepts`] of this code.
    pub(super) fn position(&self, code: &str) -> Option<u32> {
        self.by_code.get(&*self.folded(code)).copied()
    }

    fn folded<'c>(&self, code: &'c str) -> Cow<'c, str> {
        match self.is_case_sensitive {
            true => Cow::Borrowed(code),
            false => Cow::Owned(code.to_lowercase()),
        }
    }

    /// Whether it has this code; `None` where that is not known here.
    pub fn has(&self, code: &str) -> Option<bool> {
        match (self.position(code), self.grammar) {
            (Some(_), _) => Some(true),
            (None, Some(grammar)) => Some(grammar.has(code)),
            (None, None) => self.is_whole().then_some(false),
        }
    }

    /// Whether all its codes are here.
    pub fn is_whole(&self) -> bool {
        self.content == Content::Complete
    }

    /// The URL with the version, where it has one.
    pub fn canonical(&self) -> String {
        match &self.version {
            Some(version) => format!("{}|{version}", self.url),
            None => self.url.clone(),
        }
    }
}

impl Concept {
    pub(super) fn named(code: String, display: &str) -> Concept {
        Concept { code, display: Some(display.to_owned()), ..Concept::default() }
    }

    /// The codes directly above and directly beneath it.
    pub fn neighbours<'s>(&self, system: &'s CodeSystem) -> (Vec<&'s Concept>, Vec<&'s Concept>) {
        let of = |positions: &[u32]| positions.iter().filter_map(|it| system.concepts.get(*it as usize)).collect();
        (of(&self.parents), of(&self.children))
    }

    /// Whether it only groups others, and is not to be chosen (concept-properties.html#notSelectable).
    pub fn is_abstract(&self) -> bool {
        self.has("notSelectable", "true") || self.has("abstract", "true")
    }

    /// Whether it is no longer to be used (concept-properties.html#inactive). A deprecated one still may be.
    pub fn is_inactive(&self) -> bool {
        self.has("inactive", "true") || self.has("status", "retired") || self.has("status", "inactive")
    }

    fn has(&self, code: &str, text: &str) -> bool {
        self.properties.iter().any(|it| it.code == code && it.text == text)
    }
}

/// The concepts directly beneath `owner` go on a stack, so that the first of them comes next.
fn push_concepts<'v>(left: &mut Vec<(Value<'v>, Option<u32>)>, owner: Value<'v>, parent: Option<u32>) {
    let from = left.len();
    left.extend(owner.get("concept").into_iter().flat_map(Value::each).map(|it| (it, parent)));
    left[from..].reverse();
}

fn properties(concept: Value<'_>) -> impl Iterator<Item = Property> {
    concept.get("property").into_iter().flat_map(Value::each).filter_map(property)
}

fn property(property: Value<'_>) -> Option<Property> {
    let value = property.children().find(|it| it.key().starts_with("value"))?;
    Some(Property {
        code: property.str("code")?.to_owned(),
        member: value.key().to_owned(),
        json: value.raw().to_owned(),
        text: value.scalar().or_else(|| value.str("code"))?.to_owned(),
    })
}
