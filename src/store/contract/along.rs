//! Pages along chains: what they find is what any other way finds, each once, whatever is written between two pages.

use super::filters::{pages, plan};
use super::model::{Entry, Model, Resource};
use super::orders::write_all;
use super::{Engine, Ward, put, ward};
use crate::{Expect, Plan, Sort, SortBy};
use fhir::search::{Clause, Filter, ParamId, StringTest, Test, TokenTest};
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};
use rustc_hash::{FxHashMap, FxHashSet};

/// Of a fifth of them more than a chain may have ends to become references.
const VISITS: usize = 350;
const REPORTS: usize = 1100;
/// Searches between whose pages much is written, and how many writes there are between two.
const ROUNDS: u8 = 4;
const WRITES: usize = 10;

fn any(test: Test) -> Clause {
    Clause::Any(vec![test])
}

fn token(of: &str, param: &str, code: &str) -> Test {
    Test::Token(ParamId::of(of, param), TokenTest::Code(code.into()))
}

fn report(code: &str) -> ParamId {
    ParamId::of("Report", code)
}

fn chain(of: &str, filter: Filter) -> Test {
    Test::Chain { param: report("visit"), is_single: true, of: of.into(), filter }
}

fn visits(filter: Filter) -> Clause {
    any(chain("Visit", filter))
}

/// Patients, each third of one name.
fn patient(i: usize) -> Resource {
    let entries = vec![Entry::String(ParamId::of("Patient", "name"), ["ann", "bob", "cleo"][i % 3].into())];
    Resource { of: "Patient".into(), id: format!("p{i:03}"), entries }
}

/// A visit of one patient or two.
fn visit(i: usize, state: &'static str) -> Resource {
    let of = |patient: usize| Entry::Local(ParamId::of("Visit", "patient"), "Patient".into(), format!("p{patient:03}"));
    let mut entries = vec![
        Entry::Token(ParamId::of("Visit", "state"), None, state),
        Entry::String(ParamId::of("Visit", "ward"), format!("ward {}", i % 5)),
        of(i % 12),
    ];
    entries.extend(i.is_multiple_of(4).then(|| of((i + 1) % 12)));
    Resource { of: "Visit".into(), id: format!("v{i:03}"), entries }
}

/// A report of a visit, of a place, or of what is not there.
fn of_visit(id: usize, visit: usize, code: &'static str) -> Resource {
    let (to, target) = match id % 16 {
        3 => ("Place", format!("l{}", visit % 3)),
        5 => ("Visit", "nowhere".to_owned()),
        _ => ("Visit", format!("v{visit:03}")),
    };
    let entries = vec![Entry::Local(report("visit"), to.into(), target), Entry::Token(report("code"), None, code)];
    Resource { of: "Report".into(), id: format!("r{id:03}"), entries }
}

const STATES: [&str; 2] = ["planned", "finished"];
const CODES: [&str; 3] = ["x", "y", "z"];

/// Reports lie anywhere among those of other visits.
fn population() -> Model {
    let places = (0..3).map(|i| {
        let ward = Entry::String(ParamId::of("Place", "ward"), format!("ward {i}"));
        Resource { of: "Place".into(), id: format!("l{i}"), entries: vec![ward] }
    });
    let visits = (0..VISITS).map(|i| visit(i, STATES[usize::from(!i.is_multiple_of(5))]));
    let reports = (0..REPORTS).map(|i| of_visit(i, (i * 37) % VISITS, CODES[i % CODES.len()]));
    Model(places.chain((0..12).map(patient)).chain(visits).chain(reports).collect())
}

fn filters() -> Vec<Filter> {
    let of_patients = |name: &str| {
        let name = Test::String(ParamId::of("Patient", "name"), StringTest::Prefix(name.into()));
        let (param, of) = (ParamId::of("Visit", "patient"), "Patient".into());
        any(Test::Chain { param, is_single: false, of, filter: vec![any(name)] })
    };
    let state = |it: &str| any(token("Visit", "state", it));
    let in_ward = |of: &str| vec![any(Test::String(ParamId::of(of, "ward"), StringTest::Prefix("ward 1".into())))];
    vec![
        vec![visits(vec![state("planned")])],
        vec![visits(vec![of_patients("ann")])],
        vec![visits(in_ward("Visit"))],
        vec![visits(vec![of_patients(""), state("planned")])],
        vec![visits(Vec::new())],
        vec![visits(vec![of_patients("")])],
        vec![visits(in_ward("Visit")), any(token("Report", "code", "x"))],
        vec![any(token("Report", "code", "y")), visits(vec![state("planned")]), visits(in_ward("Visit"))],
        vec![visits(vec![state("planned")]), Clause::None(vec![token("Report", "code", "z")])],
        vec![Clause::Any(vec![chain("Visit", in_ward("Visit")), chain("Place", in_ward("Place"))])],
        vec![visits(vec![state("nobody knows")])],
    ]
}

/// The order along the reports' reference.
fn along() -> Sort {
    Sort { by: SortBy::Target(report("visit")), descending: false, is_single: true }
}

/// Whether the first page leads on along the chain.
async fn goes_along(ward: &Ward, plan: &Plan) -> bool {
    ward.session.search(plan).await.unwrap().next.is_some_and(|it| it.along == Some(report("visit")))
}

pub(crate) async fn answers_are_the_same(engine: &dyn Engine) {
    let (ward, model) = (ward(engine).await, population());
    write_all(&ward, &model).await;
    let mut went_along = 0;
    for filter in filters() {
        let wanted = plan("Report", filter.clone(), Vec::new(), 23);
        let order = if goes_along(&ward, &wanted).await { vec![along()] } else { Vec::new() };
        went_along += order.len();
        let expected = model.find("Report", &filter, &order);
        assert_eq!(pages(&ward, wanted).await, expected, "{filter:?} by {order:?}");
        // Asked for, the order is the same.
        let sorted = plan("Report", filter.clone(), vec![along()], 150);
        assert_eq!(pages(&ward, sorted).await, model.find("Report", &filter, &[along()]), "{filter:?} sorted");
    }
    assert!(went_along > 0, "no search went along a chain");
}

/// A population that changes, with the version of each resource.
struct Changing<'a> {
    ward: &'a Ward,
    model: Model,
    versions: FxHashMap<String, i64>,
    /// Reports that were written.
    touched: FxHashSet<String>,
}

impl Changing<'_> {
    async fn of(ward: &Ward) -> Changing<'_> {
        let model = population();
        write_all(ward, &model).await;
        let versions = model.0.iter().map(|it| (it.id.clone(), 1)).collect();
        Changing { ward, model, versions, touched: FxHashSet::default() }
    }

    /// Writes a resource, be it new, there, or deleted before.
    async fn write(&mut self, resource: Resource) {
        let version = self.versions.entry(resource.id.clone()).or_insert(0);
        let expect = if *version == 0 { Expect::Absent } else { Expect::Version(*version) };
        *version += 1;
        let written = put(&*self.ward.session, &resource.of, &resource.id, expect, "", &resource.entries);
        self.ward.commit(vec![written]).await.unwrap();
        self.touch(&resource);
        match self.model.0.iter_mut().find(|it| it.id == resource.id) {
            Some(there) => *there = resource,
            None => self.model.0.push(resource),
        }
    }

    async fn delete(&mut self, id: &str) {
        let Some(at) = self.model.0.iter().position(|it| it.id == id) else { return };
        let gone = self.model.0.remove(at);
        let version = self.versions.entry(gone.id.clone()).or_insert(0);
        self.ward.delete(&gone.of, &gone.id, *version).await;
        *version += 1;
        self.touch(&gone);
    }

    fn touch(&mut self, it: &Resource) {
        if it.of == "Report" {
            self.touched.insert(it.id.clone());
        }
    }

    /// Something happens to a visit or a report.
    async fn change(&mut self, rng: &mut TestRng) {
        let (i, n) = (rng.random_range(0..VISITS), rng.random_range(0..REPORTS + 40));
        match rng.random_range(0..5) {
            0 => self.delete(&format!("v{i:03}")).await,
            1 => self.delete(&format!("r{n:03}")).await,
            2 => self.write(visit(i, STATES[n % STATES.len()])).await,
            3 => self.write(visit(VISITS + i, STATES[n % STATES.len()])).await,
            _ => self.write(of_visit(n, i, CODES[n % CODES.len()])).await,
        }
    }

    fn matches(&self, filter: &Filter) -> FxHashSet<String> {
        self.model.find("Report", filter, &[]).into_iter().collect()
    }
}

/// What nobody writes comes once if it passes all the time, and never twice, whatever becomes of what it points to.
pub(crate) async fn while_writing(engine: &dyn Engine) {
    for (round, filter) in (0..ROUNDS).zip(filters()) {
        let ward = ward_of(engine, round).await;
        let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[round; 32]);
        let mut changing = Changing::of(&ward).await;
        let mut always = changing.matches(&filter);
        let mut ever = always.clone();
        let (mut found, mut wanted) = (Vec::new(), plan("Report", filter.clone(), Vec::new(), 9));
        while let Some(next) = {
            let page = ward.session.search(&wanted).await.unwrap();
            found.extend(page.found.into_iter().map(|it| it.key.id));
            page.next
        } {
            wanted.after = Some(next);
            for _ in 0..WRITES {
                changing.change(&mut rng).await;
            }
            let now = changing.matches(&filter);
            always.retain(|it| now.contains(it));
            ever.extend(now);
        }
        found.retain(|it| !changing.touched.contains(it));
        always.retain(|it| !changing.touched.contains(it));
        let once: FxHashSet<String> = found.iter().cloned().collect();
        assert_eq!(once.len(), found.len(), "{filter:?}: something came twice");
        assert!(once.is_subset(&ever), "{filter:?}: {:?} never passed", once.difference(&ever));
        assert!(always.is_subset(&once), "{filter:?}: {:?} was skipped", always.difference(&once));
    }
}

/// A tenant of its own for each round.
async fn ward_of(engine: &dyn Engine, round: u8) -> Ward {
    let store = engine.open().await;
    let tenant = super::tenant(&*store, &format!("round-{round}")).await;
    let session = store.open(&tenant).await.unwrap();
    Ward { store, session }
}

/// A search goes on along its chain when that has few ends by then, and when a logical reference came up meanwhile.
pub(crate) async fn a_page_goes_on_as_it_began(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let mut changing = Changing::of(&ward).await;
    let filter = vec![visits(vec![any(token("Visit", "state", "planned"))])];
    let mut wanted = plan("Report", filter.clone(), Vec::new(), 5);
    wanted.after = ward.session.search(&wanted).await.unwrap().next;
    let after = wanted.after.clone();
    assert!(after.as_ref().is_some_and(|it| it.along.is_some()), "{after:?}");
    for i in (40..VISITS).step_by(5) {
        changing.write(visit(i, "finished")).await;
    }
    let rest = |model: &Model| model.find("Report", &filter, &[along()]).split_off(5);
    assert_eq!(forth(&ward, wanted.clone()).await, rest(&changing.model), "few ends");
    wanted.after = after;
    let mut logical = of_visit(REPORTS, 3, "x");
    logical.entries[0] = Entry::Logical(report("visit"), Some("Visit".into()), None, "unknown");
    changing.write(logical).await;
    assert_eq!(forth(&ward, wanted).await, rest(&changing.model), "a logical reference");
}

/// The ids on this page and all behind it.
async fn forth(ward: &Ward, mut wanted: Plan) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let page = ward.session.search(&wanted).await.unwrap();
        ids.extend(page.found.into_iter().map(|it| it.key.id));
        wanted.after = page.next;
        if wanted.after.is_none() {
            return ids;
        }
    }
}

/// Where a reference may repeat, or a logical one lead to several, results keep the order of creation.
pub(crate) async fn what_may_repeat_keeps_its_order(engine: &dyn Engine) {
    let (ward, mut model) = (ward(engine).await, population());
    write_all(&ward, &model).await;
    let planned = || vec![any(token("Visit", "state", "planned"))];
    let (param, of) = (report("visit"), "Visit".to_owned());
    let repeating = vec![any(Test::Chain { param, is_single: false, of, filter: planned() })];
    let expected = model.find("Report", &repeating, &[]);
    assert_eq!(pages(&ward, plan("Report", repeating, Vec::new(), 7)).await, expected);
    let mut logical = of_visit(REPORTS, 3, "x");
    logical.entries[0] = Entry::Logical(report("visit"), Some("Visit".into()), None, "unknown");
    ward.create("Report", &logical.id, &logical.entries).await;
    model.0.push(logical);
    let single = vec![visits(planned())];
    assert_eq!(pages(&ward, plan("Report", single.clone(), Vec::new(), 7)).await, model.find("Report", &single, &[]));
}
