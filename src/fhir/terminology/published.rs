//! The code systems and value sets that R4 publishes (terminologies.html), as lines of `profiles/r4/terminology.txt`, and those of
//! our own profiles. A line is read when somebody asks for it.

use crate::json::Doc;
use rustc_hash::FxHashMap;
use std::sync::LazyLock;

/// What a canonical URL of a terminology names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Kind {
    CodeSystem,
    ConceptMap,
    ValueSet,
}

impl Kind {
    /// The resource type.
    pub fn type_name(self) -> &'static str {
        match self {
            Kind::CodeSystem => "CodeSystem",
            Kind::ConceptMap => "ConceptMap",
            Kind::ValueSet => "ValueSet",
        }
    }

    fn from_name(name: &str) -> Option<Kind> {
        [Kind::CodeSystem, Kind::ConceptMap, Kind::ValueSet].into_iter().find(|it| it.type_name() == name)
    }
}

/// The lines' JSON by type and URL.
type Lines = FxHashMap<(Kind, &'static str), &'static str>;

static LINES: LazyLock<Lines> = LazyLock::new(|| {
    let lines = include_str!("../../../profiles/r4/terminology.txt").lines();
    lines.filter_map(line).chain([BLOOD_TYPE]).collect()
});

/// What our profile of Patient binds blood types to.
const BLOOD_TYPE: ((Kind, &str), &str) = (
    (Kind::ValueSet, "https://medisync.dev/fhir/ValueSet/blood-type"),
    include_str!("../../../profiles/value-sets/blood-type.json"),
);

fn line(line: &'static str) -> Option<((Kind, &'static str), &'static str)> {
    let mut columns = line.splitn(3, '\t');
    Some(((Kind::from_name(columns.next()?)?, columns.next()?), columns.next()?))
}

/// What R4 publishes under this URL. Publishers, narratives and extensions are left out.
pub fn published(kind: Kind, url: &str) -> Option<Doc> {
    let json = LINES.get(&(kind, url))?;
    // The table is part of the program; a test reads all of it.
    Doc::parse(*json).ok()
}

/// The URLs of what R4 publishes of a kind.
pub fn published_urls(kind: Kind) -> impl Iterator<Item = &'static str> {
    LINES.keys().filter(move |(of, _)| *of == kind).map(|(_, url)| *url)
}
