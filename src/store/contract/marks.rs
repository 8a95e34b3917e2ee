//! Marked elements: the index has hashes of their texts, searched by equality.

use super::model::Entry;
use super::{Engine, WARD, Ward, put, ward};
use crate::{
    Branch, Build, BuildChange, Changes, Error, Expect, Key, Marks, Plan, Put, Reindexed, Result, Sort, SortBy,
};
use fhir::search::text::parse;
use fhir::search::{Clause, ParamId, Shelf, StringTest, Test};

const CITY: &str = "Leeds";

fn city() -> ParamId {
    ParamId::of("Patient", "address-city")
}

fn entries(city: &str) -> Vec<Entry> {
    let family = Entry::String(ParamId::of("Patient", "family"), "Bloggs".into());
    vec![Entry::String(self::city(), city.into()), family]
}

fn marks(build: &str) -> Marks {
    let elements = vec!["Patient.address".to_owned()];
    Marks { elements, params: vec!["Patient?address-city".to_owned()], build: build.into(), ..Marks::default() }
}

/// The same store's tenant, opened with what is marked now.
async fn opened(ward: &Ward) -> Ward {
    let tenant = ward.store.tenant(WARD).await.unwrap().unwrap();
    Ward { store: ward.store.clone(), session: ward.store.open(&tenant).await.unwrap() }
}

/// Says what is marked, with its index rows made anew unless a server is yet to do so.
async fn mark(ward: &Ward, marks: &Marks, is_finished: bool) -> Ward {
    ward.store.set_marks(WARD, marks).await.unwrap();
    let ward = opened(ward).await;
    let types = vec!["Patient".to_owned()];
    let build = Build { name: marks.build.clone(), types, position: 0, done: 0, total: 1, damaged: 0, is_finished };
    let change = Changes { build: Some(BuildChange::Begin(build)), ..Changes::default() };
    ward.session.commit(change).await.unwrap();
    ward
}

async fn found(ward: &Ward, test: Test) -> Result<Vec<String>> {
    let branch = Branch { of: "Patient".into(), filter: vec![Clause::Any(vec![test])], sort: Vec::new() };
    let page = ward.session.search(&Plan { branches: vec![branch], after: None, limit: 10 }).await?;
    Ok(page.found.into_iter().map(|it| it.key.id).collect())
}

fn equals(text: &str) -> Test {
    Test::String(city(), StringTest::Folded(text.into()))
}

/// What is equal is found, whether it was written before or afterwards, and nothing of it is in the index.
pub(crate) async fn searched_by_equality(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.create("Patient", "before", &entries(CITY)).await;
    let ward = mark(&ward, &marks("marks/1"), true).await;
    let rows = put(&*ward.session, "Patient", "before", Expect::Absent, "", &entries(CITY)).rows;
    let reindexed = vec![Reindexed { key: Key::new("Patient", "before"), version: 1, rows }];
    ward.session.commit(Changes { reindexed, ..Changes::default() }).await.unwrap();
    ward.create("Patient", "after", &entries(CITY)).await;
    ward.create("Patient", "elsewhere", &entries("Leeds Castle")).await;

    assert_eq!(found(&ward, equals("LEEDS")).await.unwrap(), ["before", "after"]);
    let exact = |text: &str| Test::String(city(), StringTest::Exact(text.into()));
    assert_eq!(found(&ward, exact(CITY)).await.unwrap(), ["before", "after"]);
    assert!(found(&ward, exact("leeds")).await.unwrap().is_empty());
    assert_eq!(found(&ward, Test::Present(city(), Shelf::String)).await.unwrap().len(), 3);
    let prefix = Test::String(ParamId::of("Patient", "family"), StringTest::Prefix("blo".into()));
    assert_eq!(found(&ward, prefix).await.unwrap().len(), 3);
    let kept = engine.kept_texts(WARD).await;
    assert!(kept.len() == 6 && !kept.iter().any(|it| it.contains("leeds")), "{kept:?}");
    let bodies = engine.kept_bodies(WARD).await;
    assert!(bodies.iter().skip(1).all(|it| it.first() != Some(&b'{')), "bodies of its type are encrypted");
}

/// A resource that is damaged, and of which no index rows can be made anew, shows nothing of what is marked either; what is not marked
/// of it stays.
pub(crate) async fn nothing_shows_of_what_is_damaged(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.create("Patient", "sound", &entries(CITY)).await;
    ward.create("Patient", "damaged", &entries("Leipzig")).await;
    engine
        .change_bodies(
            WARD,
            "UPDATE resource SET body = (SELECT s.body FROM resource s WHERE s.id = 'sound') WHERE id = 'damaged'",
        )
        .await;
    let ward = mark(&ward, &marks("marks/1"), false).await;
    let walked = ward.session.walk(&["Patient".to_owned()], 0, 10).await.unwrap();
    assert!(walked.found.iter().all(|it| it.key.id == "sound"), "it is passed by");
    let rows = put(&*ward.session, "Patient", "sound", Expect::Absent, "", &entries(CITY)).rows;
    let reindexed = vec![Reindexed { key: Key::new("Patient", "sound"), version: 1, rows }];
    let types = vec!["Patient".to_owned()];
    let (name, damaged) = ("marks/1".to_owned(), walked.damaged);
    let build = Build { name, types, position: 2, done: 2, total: 2, damaged, is_finished: true };
    let build = Some(BuildChange::Advance(build));
    ward.session.commit(Changes { reindexed, build, ..Changes::default() }).await.unwrap();

    let kept = engine.kept_texts(WARD).await;
    assert!(!kept.iter().any(|it| it.contains("leipzig")), "{kept:?}");
    assert_eq!(kept.iter().filter(|it| it.contains("bloggs")).count(), 2, "{kept:?}");
    assert_eq!(found(&ward, equals(CITY)).await.unwrap(), ["sound"]);
    assert_eq!(ward.session.builds().await.unwrap().iter().map(|it| it.damaged).sum::<i64>(), 1);
}

/// What hashes cannot tell is refused, wherever it stands.
pub(crate) async fn refused_by_name(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let ward = mark(&ward, &marks("marks/1"), true).await;
    ward.create("Patient", "a", &entries(CITY)).await;
    let refused = |test: StringTest| Test::String(city(), test);
    for test in [StringTest::Prefix("lee".into()), StringTest::Contains("eed".into()), StringTest::Suffix("ds".into())]
    {
        let within = Test::All(vec![Clause::None(vec![refused(test.clone())])]);
        let (param, of) = (ParamId::of("Patient", "link"), "Patient".to_owned());
        let filter = vec![Clause::Any(vec![refused(test.clone())])];
        let chain = Test::Chain { param, is_single: false, of, filter };
        for test in [refused(test), within, chain] {
            let error = found(&ward, test).await.unwrap_err();
            assert!(matches!(&error, Error::Marked(param) if param == "Patient?address-city"), "{error}");
        }
    }
    let sort = vec![Sort { by: SortBy::String(city()), descending: false, is_single: false }];
    let branch = Branch { of: "Patient".into(), filter: Vec::new(), sort };
    let plan = Plan { branches: vec![branch], after: None, limit: 10 };
    assert!(matches!(ward.session.search(&plan).await, Err(Error::Marked(_))));
}

/// As long as index rows are made anew, and some are as they were, no search by them is answered: neither when an element is
/// marked, nor when it is not any more.
pub(crate) async fn half_is_not_answered(engine: &dyn Engine) {
    let ward = ward(engine).await;
    ward.create("Patient", "a", &entries(CITY)).await;
    let finish = async |ward: &Ward, name: &str| {
        let types = vec!["Patient".to_owned()];
        let build = Build { name: name.into(), types, position: 1, done: 1, total: 1, damaged: 0, is_finished: true };
        let rows = put(&*ward.session, "Patient", "a", Expect::Absent, "", &entries(CITY)).rows;
        let reindexed = vec![Reindexed { key: Key::new("Patient", "a"), version: 1, rows }];
        let build = Some(BuildChange::Advance(build));
        ward.session.commit(Changes { reindexed, build, ..Changes::default() }).await.unwrap();
    };
    let ward = mark(&ward, &marks("marks/1"), false).await;
    assert!(matches!(found(&ward, equals(CITY)).await, Err(Error::Marking(_))));
    finish(&ward, "marks/1").await;
    assert_eq!(found(&ward, equals(CITY)).await.unwrap(), ["a"]);

    let former = vec!["Patient?address-city".to_owned()];
    let ward = mark(&ward, &Marks { former, build: "marks/2".into(), ..Marks::default() }, false).await;
    assert!(matches!(found(&ward, equals(CITY)).await, Err(Error::Marking(_))));
    finish(&ward, "marks/2").await;
    let prefix = Test::String(city(), StringTest::Prefix("lee".into()));
    assert_eq!(found(&ward, prefix).await.unwrap(), ["a"]);
}

/// A full-text view leaves out what has marked elements: a search that would need it is refused; it has them again when nothing is marked any more.
pub(crate) async fn texts_are_left_out(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let body = br#"{"resourceType":"Patient","id":"a","name":[{"text":"Anna"}]}"#.to_vec();
    let patient = put(&*ward.session, "Patient", "a", Expect::Absent, "", &[]);
    ward.commit(vec![Put { body, stamp: None, ..patient }]).await.unwrap();
    let content = || Test::Text(ParamId::of("Patient", "_content"), parse("anna").unwrap());
    assert_eq!(found(&ward, content()).await.unwrap(), ["a"]);
    let ward = mark(&ward, &marks("marks/1"), true).await;
    let refused = found(&ward, content()).await.unwrap_err();
    assert!(matches!(&refused, Error::MarkedText(of) if of == "Patient"), "{refused}");
    let ward = mark(&ward, &Marks { build: "marks/2".into(), ..Marks::default() }, true).await;
    assert_eq!(found(&ward, content()).await.unwrap(), ["a"]);
}
