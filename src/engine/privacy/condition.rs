//! Conditions of provisions as criteria: on the resources of one type, or on those of any type, to which others point.

use super::labels::{self, Whose};
use super::provision::{Action, Code, Datum};
use super::verdict::{Asked, Side};
use fhir::search::{Clause, NO_CODES, Owners, ParamId, Query, Test, TokenTest, record_types};
use fhir::spec::{ParamType, SearchParam, TypeId, r4};
use std::sync::Arc;
use store::Key;

/// The system of resource types, as classes of data.
pub(super) const RESOURCE_TYPES: &str = "http://hl7.org/fhir/resource-types";
/// The system of media types, as classes of data.
const MEDIA_TYPES: &str = "urn:ietf:bcp:13";
/// The type whose resources have media types.
const DOCUMENTS: &str = "DocumentReference";
/// By these parameters resources refer to who made them.
const AUTHORS: [&str; 8] =
    ["author", "performer", "recorder", "asserter", "requester", "source", "informant", "prescriber"];
/// Conditions of one clause on resources of any type: a store would look for each of more from its own end.
const MOST: usize = 32;

/// What resources conditions are asked of.
#[derive(Clone, Copy)]
pub(super) enum Of<'a> {
    /// Those of a type, with what reads its parameters.
    Type(Query<'a>),
    /// Those of any type that may be somebody's: each condition is asked of all of them at once.
    Any,
}

/// What a condition says of resources.
pub(super) enum Told {
    Always,
    /// Of those that pass one of these.
    When(Vec<Test>),
    Unknown,
}

/// Reads parameters of a type that need no context.
pub(super) fn plain(of: TypeId) -> Query<'static> {
    Query { spec: r4(), of, base: "", now: 0, codes: &NO_CODES }
}

impl Asked<'_> {
    /// The types of the resources.
    fn types(&self) -> &[TypeId] {
        match &self.of {
            Of::Type(query) => std::slice::from_ref(&query.of),
            Of::Any => record_types(),
        }
    }

    /// The parameters with a code of those types that have it.
    fn params(&self, code: &str) -> Vec<ParamId> {
        let having = self.types().iter().filter(|it| r4().param(**it, code).is_some());
        having.map(|it| param(*it, code)).collect()
    }

    /// A resource type, a profile, a media type of documents; others are not known.
    pub(super) fn class(&self, class: &Code) -> Told {
        let code = || class.code.clone();
        match (class.system.as_deref(), r4().resource(&class.code)) {
            (Some(RESOURCE_TYPES) | None, Some(named)) => match self.of {
                Of::Type(query) if query.of == named => Told::Always,
                Of::Type(_) => Told::When(Vec::new()),
                Of::Any => Told::When(vec![Test::Of(code())]),
            },
            (Some(RESOURCE_TYPES), None) => Told::When(Vec::new()),
            (Some(MEDIA_TYPES), _) => {
                let documents = self.types().iter().filter(|it| &*r4().of(**it).name == DOCUMENTS);
                let media = |of: &TypeId| Test::Token(param(*of, "contenttype"), TokenTest::Code(code()));
                Told::When(documents.map(media).collect())
            }
            _ if class.code.starts_with("http") => {
                Told::When(self.types().iter().map(|it| Test::Uri(param(*it, "_profile"), code())).collect())
            }
            _ => Told::Unknown,
        }
    }

    /// Anywhere among the codes that a resource is found by. What is denied is also what contains the code, and what refers to
    /// a resource of the code in place of one, or to one of which that cannot be told.
    pub(super) fn code(&self, code: &Code, side: Side) -> Vec<Test> {
        let mut tests: Vec<Test> = self.types().iter().flat_map(|it| coded(*it, code)).collect();
        if side == Side::Permit {
            return tests;
        }
        tests.push(Test::Token(ParamId::CODES, labels::token((code.system.as_deref(), &code.code))));
        let standing = self.types().iter().map(|it| plain(*it).standing_for_codes()).find(|it| !it.is_empty());
        let Some(standing) = standing else { return tests };
        let by = [ParamId::CODED_BY].into_iter().chain(self.params("medication")).collect();
        let codes = standing.iter().flat_map(|it| coded_itself(*it, code)).collect();
        tests.push(Test::Leads { params: by, filter: vec![Clause::Any(codes)] });
        // What comes with what it refers to is not here yet.
        if self.action != Action::Collect {
            let told = Test::Unowned { params: vec![ParamId::CODED_BY], of: String::new() };
            tests.push(Test::All(vec![Clause::None(vec![told])]));
        }
        tests
    }

    pub(super) fn label(&self, label: &Code, side: Side) -> Vec<Test> {
        let coding = (label.system.as_deref(), label.code.as_str());
        let Of::Type(query) = self.of else { return by_label(ParamId::LABELS, coding, side) };
        let of = &*r4().of(query.of).name;
        match (self.whose, side) {
            (Whose::Resource, _) => by_label(ParamId::of(of, "_security"), coding, side),
            (Whose::Element, _) => by_label(labels::element_labels(of), coding, side),
            (Whose::Elements, Side::Permit) => Vec::new(),
            (Whose::Elements, Side::Deny) => {
                let inline = labels::from_inline(ParamId::inline_labels(of), coding);
                inline.into_iter().chain([labels::unread(of)]).collect()
            }
        }
    }

    pub(super) fn datum(&self, datum: &Datum) -> Vec<Test> {
        match datum {
            Datum::Instance(key) => self.itself(key),
            Datum::Dependents(key) => self.itself(key).into_iter().chain(self.referring(key, |_| true)).collect(),
            Datum::AuthoredBy(key) => self.referring(key, |code| AUTHORS.contains(&code)),
        }
    }

    fn itself(&self, key: &Key) -> Vec<Test> {
        let is = Test::Id(key.id.clone());
        match self.of {
            Of::Type(query) if *r4().of(query.of).name != *key.of => Vec::new(),
            Of::Type(_) => vec![is],
            Of::Any => vec![Test::All(vec![Clause::Any(vec![Test::Of(key.of.clone())]), Clause::Any(vec![is])])],
        }
    }

    /// What refers to a resource by one of these parameters.
    pub(super) fn referring(&self, key: &Key, is_asked: impl Fn(&str) -> bool) -> Vec<Test> {
        let is_asked = |it: &&SearchParam| it.kind == ParamType::Reference && is_asked(&it.code);
        let of_type = |of: &TypeId| {
            let references = r4().params_of(*of).into_iter().filter(is_asked);
            references.map(|it| param(*of, &it.code)).collect::<Vec<_>>()
        };
        let params: Vec<ParamId> = self.types().iter().flat_map(of_type).collect();
        match self.of {
            Of::Type(_) => {
                let local = |param| Test::Local { param, of: key.of.clone(), id: key.id.clone() };
                params.into_iter().map(local).collect()
            }
            Of::Any => {
                let owners = Arc::new(Owners::new(&key.of, vec![key.id.as_str().into()], Vec::new()));
                vec![Test::Owned { params, is_owner: false, owners }]
            }
        }
    }

    /// When care was given. What has no date by its type, such as a patient, is of no period; `None` if nothing has one.
    pub(super) fn care(&self, care: (i64, i64), side: Side) -> Option<Clause> {
        let told = |of: Query<'_>| match side {
            Side::Deny => of.care_overlaps(care),
            Side::Permit => Some(of.care_within(care)),
        };
        if let Of::Type(query) = self.of {
            return told(query);
        }
        let of_type = |of: &TypeId| {
            let is_of = Clause::Any(vec![Test::Of(r4().of(*of).name.to_string())]);
            Some(Test::All(vec![is_of, told(plain(*of))?]))
        };
        Some(self.one_of(self.types().iter().filter_map(of_type).collect()))
    }

    /// That one of these holds. Codes of any type are looked up as one list, and the others in parts.
    pub(super) fn one_of(&self, tests: Vec<Test>) -> Clause {
        if let Of::Type(_) = self.of {
            return Clause::Any(tests);
        }
        let (keys, others): (Vec<Test>, Vec<Test>) =
            tests.into_iter().partition(|it| matches!(it, Test::Token(..) | Test::Uri(..) | Test::Of(_)));
        let keys = (!keys.is_empty()).then(|| Test::All(vec![Clause::Any(keys)]));
        Clause::Any(in_parts(keys.into_iter().chain(others).collect()))
    }
}

/// The same alternatives, few of them side by side.
pub(super) fn in_parts(mut tests: Vec<Test>) -> Vec<Test> {
    while tests.len() > MOST {
        tests = tests.chunks(MOST).map(|it| Test::All(vec![Clause::Any(it.to_vec())])).collect();
    }
    tests
}

fn param(of: TypeId, code: &str) -> ParamId {
    ParamId::of(&r4().of(of).name, code)
}

fn by_label(param: ParamId, label: labels::Coding<'_>, side: Side) -> Vec<Test> {
    match side {
        Side::Deny => labels::from(param, label),
        Side::Permit => labels::up_to(param, label),
    }
}

/// That a resource of a type has a code where its parameters look for codes.
fn coded(of: TypeId, code: &Code) -> Vec<Test> {
    let tokens = r4().params_of(of).into_iter().filter(|it| it.kind == ParamType::Token && !it.expression.is_empty());
    let params = tokens.filter(|it| !matches!(&*it.code, "_id" | "_security" | "_tag" | "identifier"));
    params.map(|it| has(of, &it.code, code)).collect()
}

/// That one that stands for a code has it as its own.
fn coded_itself(of: TypeId, code: &Code) -> Vec<Test> {
    let own =
        ["code", "type"].into_iter().filter(|it| r4().param(of, it).is_some_and(|it| it.kind == ParamType::Token));
    own.map(|it| has(of, it, code)).collect()
}

fn has(of: TypeId, name: &str, code: &Code) -> Test {
    Test::Token(param(of, name), labels::token((code.system.as_deref(), &code.code)))
}
