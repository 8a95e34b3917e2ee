//! One clause of every kind of test, for those who look at how each is found.

use crate::query::{self, Along, Answers, Choice, Dialect, Filters, Logical, Place, Sql, Way};
use crate::rows::IndexHash;
use crate::{Branch, Position, SortValue};
use fhir::search::near::Disk;
use fhir::search::{Clause, Filter, Owners, ParamId, RangeTest, Shelf, Side, StringTest, Test, TokenTest, UnitTest};
use std::sync::Arc;

/// What filters are made of.
pub(crate) struct Parts {
    pub(crate) hash: IndexHash,
    pub(crate) texts: Answers,
    pub(crate) logical: Logical,
}

impl Default for Parts {
    fn default() -> Parts {
        Parts { hash: IndexHash::new(&[0; 16]), texts: Answers::default(), logical: Logical::default() }
    }
}

impl Parts {
    /// Filters where there are pairs.
    pub(crate) fn filters(&self, dialect: Dialect) -> Filters<'_> {
        let Parts { hash, texts, logical } = self;
        Filters { dialect, hash, texts, logical, has_pairs: true }
    }
}

/// A parameter of observations.
pub(crate) fn p(code: &str) -> ParamId {
    ParamId::of("Observation", code)
}

/// A clause of one test.
pub(crate) fn any(test: Test) -> Clause {
    Clause::Any(vec![test])
}

/// Patients of these ids, the first of whom an identifier leads to as well.
pub(crate) fn patients(ids: &[&str]) -> Arc<Owners> {
    let of_first = vec![("mrn".into(), "1".into())];
    Arc::new(Owners::new("Patient", ids.iter().map(|it| (*it).into()).collect(), of_first))
}

/// One clause of every kind of test.
pub(crate) fn clauses() -> Vec<Clause> {
    let age = Test::Number(ParamId::of("Patient", "age"), RangeTest::Above(3.0));
    let tests = vec![
        Test::Id("a".into()),
        Test::Present(p("code"), Shelf::Key),
        Test::Token(p("code"), TokenTest::Code("x".into())),
        Test::String(p("text"), StringTest::Prefix("x".into())),
        Test::String(p("text"), StringTest::Exact("x".into())),
        Test::Date(p("date"), vec![RangeTest::AtOrAbove(1, 2), RangeTest::Below(9)]),
        Test::Number(p("n"), RangeTest::Within(1.0, 2.0)),
        Test::Quantity(p("q"), UnitTest::Named("mg".into()), RangeTest::Above(1.0)),
        Test::Local { param: p("subject"), of: "Patient".into(), id: "a".into() },
        Test::Uri(p("uri"), "urn:x".into()),
        Test::String(p("text"), StringTest::Suffix("x".into())),
        Test::Near(p("near"), Disk::around(52.5, 13.4, 10_000.0).unwrap().remove(0)),
        Test::Near(p("near"), Disk::around(52.5, 13.4, 15_000_000.0).unwrap().remove(1)),
        Test::Numbers(p("n"), RangeTest::Above(1.0), RangeTest::Below(2.0)),
        Test::Composite {
            param: p("c"),
            first: Box::new(Test::Token(p("c"), TokenTest::Code("x".into()))),
            last: Box::new(Test::Quantity(p("c"), UnitTest::Any, RangeTest::Above(1.0))),
        },
        Test::Chain { param: p("subject"), is_single: false, of: "Patient".into(), filter: vec![any(age.clone())] },
        Test::Has { of: "Patient".into(), param: ParamId::of("Patient", "link"), filter: vec![any(age)] },
        Test::Kin {
            param: p("subject"),
            of: "Location".into(),
            id: "x".into(),
            parent: ParamId::of("Location", "partof"),
            side: Side::Above,
        },
        Test::Kin { param: p("subject"), of: "X".into(), id: "x".into(), parent: p("subject"), side: Side::Below },
        Test::All(vec![any(Test::Token(p("code"), TokenTest::Code("x".into()))), any(Test::Id("b".into()))]),
        Test::Owned { params: vec![p("subject"), p("performer")], is_owner: false, owners: patients(&["a", "b"]) },
        Test::Owned { params: vec![p("subject")], is_owner: true, owners: patients(&["a"]) },
    ];
    let mut clauses: Vec<Clause> = tests.into_iter().map(any).collect();
    clauses.push(Clause::Any((0..20).map(|i| Test::Id(format!("{i}"))).collect()));
    clauses.push(Clause::Any((0..20).map(|i| Test::Token(p("code"), TokenTest::Code(format!("{i}")))).collect()));
    clauses
}

/// The page behind a place along a chain through the encounters of two patients, of what has a code.
pub(crate) fn along(filters: &Filters<'_>, way: Way) -> Sql {
    let patient =
        |id: &str| Test::Local { param: ParamId::of("Encounter", "patient"), of: "Patient".into(), id: id.into() };
    let encounters = vec![Clause::Any(vec![patient("a"), patient("b")])];
    let middle = Branch { of: "Encounter".into(), filter: encounters.clone(), sort: Vec::new() };
    let after = Position { row: 7, values: vec![SortValue::Int(5)], along: Some(p("encounter")) };
    let choice = Choice { clause: Some(0), walk: None };
    let middle = vec![(middle, choice)];
    let chain = Test::Chain { param: p("encounter"), is_single: true, of: "Encounter".into(), filter: encounters };
    let filter = vec![any(Test::Token(p("code"), TokenTest::Code("a".into()))), any(chain)];
    let branch = Branch { of: "Observation".into(), filter, sort: Vec::new() };
    let after = Place::of(Some(&after), way).unwrap();
    query::along(filters, &branch, &Along { at: 1, param: p("encounter"), middle, after }, 20, way)
}

/// The filter of observations with a code, within dates or not, of a patient or of all, as pairs serve it.
pub(crate) fn paired(within: Option<RangeTest<i64>>, patient: Option<&str>) -> Filter {
    let dates = within.map(|it| any(Test::Date(p("date"), vec![it])));
    let patient = patient.map(|id| any(Test::Local { param: p("patient"), of: "Patient".into(), id: id.into() }));
    let code = any(Test::Token(p("code"), TokenTest::Code("x".into())));
    [Some(code), patient, dates].into_iter().flatten().collect()
}
