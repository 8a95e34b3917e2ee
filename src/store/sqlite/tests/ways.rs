//! The ways that searches take to a page: what is gathered, and which order is walked before.

use super::{Folder, folder};
use crate::contract::{WARD, model::Entry, put, tenant, ward};
use crate::query::{self, Aim, Answers, Choice, Dialect, Filters, Logical, Walk};
use crate::sqlite::place::Place;
use crate::sqlite::runner::Reading;
use crate::{Branch, Changes, Expect, Plan, Sort, SortBy};
use fhir::search::{Clause, Filter, ParamId, RangeTest, Test, TokenTest};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

const ALL: usize = 2000;

fn p(code: &str) -> ParamId {
    ParamId::of("Observation", code)
}

fn any(test: Test) -> Clause {
    Clause::Any(vec![test])
}

fn code(it: &str) -> Test {
    Test::Token(p("code"), TokenTest::Code(it.into()))
}

fn patients(sex: &str) -> Filter {
    vec![any(Test::Token(ParamId::of("Patient", "sex"), TokenTest::Code(sex.into())))]
}

/// A place where ten rows are many: Observations of a hundred patients, of which each is `common`, every other
/// `frequent`, one in forty `rare`, and one in a hundred `rarest`.
async fn place() -> (Folder, Arc<Place>) {
    let folder = folder(10);
    let ward = ward(&folder).await;
    let mut puts = Vec::new();
    for i in 0..100 {
        let sex = if i < 3 { "other" } else { "female" };
        let entry = Entry::Token(ParamId::of("Patient", "sex"), None, sex);
        puts.push(put(&*ward.session, "Patient", &format!("p{i}"), Expect::Absent, "", &[entry]));
    }
    for i in 0..ALL {
        let token = |code| Entry::Token(p("code"), None, code);
        let mut entries = vec![
            token("common"),
            Entry::Date(p("date"), i as i64, i as i64),
            Entry::Local(p("subject"), "Patient".into(), format!("p{}", i % 100)),
        ];
        entries.extend(i.is_multiple_of(2).then(|| token("frequent")));
        entries.extend(i.is_multiple_of(40).then(|| token("rare")));
        entries.extend(i.is_multiple_of(100).then(|| token("rarest")));
        puts.push(put(&*ward.session, "Observation", &format!("o{i}"), Expect::Absent, "", &entries));
    }
    ward.session.commit(Changes { puts, ..Changes::default() }).await.unwrap();
    let store = folder.store(Duration::from_secs(20)).await;
    let place = store.door(&tenant(&store, WARD).await).place().await.unwrap();
    (folder, place)
}

async fn chosen(place: &Place, of: &str, filter: Filter, aim: Aim) -> Choice {
    let (texts, logical) = (Answers::default(), Logical::default());
    let filters =
        Filters { dialect: Dialect::Sqlite, hash: &place.hash, texts: &texts, logical: &logical, has_pairs: true };
    let branch = Branch { of: of.into(), filter, sort: Vec::new() };
    query::choose(&mut Reading(place), &filters, &branch, aim).await.unwrap()
}

fn walked(choice: &Choice) -> Option<Option<usize>> {
    choice.walk.as_ref().map(|it| it.clause)
}

#[tokio::test]
async fn what_is_frequent_is_walked_to_and_what_is_rare_is_gathered() {
    let (_folder, place) = place().await;
    let date = || any(Test::Date(p("date"), vec![RangeTest::AtOrAbove(0, 0)]));
    let (first, sorted) = (Aim::First(4), Aim::Sorted(4, None));
    let within = Aim::Sorted(4, Some(1));
    for (filter, aim, gathered, walk) in [
        // A range in the order asked for is no walk: it is read no further than the page anyhow.
        (vec![any(code("frequent")), any(code("common"))], first, Some(0), None),
        (vec![any(code("rare")), date()], first, Some(0), None),
        (vec![date(), any(code("frequent"))], first, Some(1), None),
        (vec![any(code("frequent"))], sorted, Some(0), Some(None)),
        (vec![any(code("rare"))], sorted, Some(0), Some(None)),
        (vec![any(code("absent"))], sorted, Some(0), None),
        (vec![any(code("frequent")), date()], within, Some(0), Some(Some(1))),
        (Vec::new(), sorted, None, Some(None)),
        (Vec::new(), first, None, None),
    ] {
        let choice = chosen(&place, "Observation", filter.clone(), aim).await;
        assert_eq!((choice.clause, walked(&choice)), (gathered, walk), "{filter:?}");
    }
}

#[tokio::test]
async fn chains_are_walked_to_where_their_ends_are_many() {
    let (_folder, place) = place().await;
    let of =
        |sex: &str| Test::Chain { param: p("subject"), is_single: false, of: "Patient".into(), filter: patients(sex) };
    let choice = chosen(&place, "Observation", vec![any(of("female"))], Aim::First(4)).await;
    assert_eq!(walked(&choice), Some(None));
    let choice = chosen(&place, "Observation", vec![any(of("absent"))], Aim::First(4)).await;
    assert_eq!(walked(&choice), None);
    let by = |code_: &str| Test::Has { of: "Observation".into(), param: p("subject"), filter: vec![any(code(code_))] };
    let choice = chosen(&place, "Patient", vec![any(by("common"))], Aim::First(4)).await;
    assert_eq!(walked(&choice), Some(None));
    let choice = chosen(&place, "Patient", vec![any(by("rarest"))], Aim::First(4)).await;
    assert_eq!(walked(&choice), None);
}

/// A walk goes as far as takes no longer than to gather, or else some way further than what it looks for should be.
#[tokio::test]
async fn walks_are_bounded() {
    let (_folder, place) = place().await;
    for (name, most) in [("frequent", 5000), ("rare", 400)] {
        let choice = chosen(&place, "Observation", vec![any(code(name))], Aim::Sorted(4, None)).await;
        assert_eq!(choice.walk, Some(Walk { clause: None, most: Some(most) }));
    }
}

/// The second search of a kind counts nothing any more.
#[tokio::test]
async fn what_was_counted_is_remembered() {
    let (_folder, place) = place().await;
    let filter = || vec![any(code("common")), any(code("frequent"))];
    let before = chosen(&place, "Observation", filter(), Aim::All).await;
    place.readers.close().await;
    assert_eq!(chosen(&place, "Observation", filter(), Aim::All).await, before);
}

/// What pairs keep in the order asked for is walked to its end, unless something else finds less.
#[tokio::test]
async fn what_pairs_keep_in_order_is_not_gathered() {
    let (_folder, place) = place().await;
    let (texts, logical) = (Answers::default(), Logical::default());
    let dialect = Dialect::Sqlite;
    let filters = Filters { dialect, hash: &place.hash, texts: &texts, logical: &logical, has_pairs: true };
    let key = Sort { by: SortBy::Date(p("date")), descending: true, is_single: true };
    let date = || any(Test::Date(p("date"), vec![RangeTest::AtOrAbove(0, 0)]));
    let nobody = || any(Test::Local { param: p("subject"), of: "Patient".into(), id: "nobody".into() });
    for (filter, is_whole) in [
        (vec![any(code("frequent"))], true),
        (vec![any(code("absent"))], true),
        (vec![any(code("rare")), date()], true),
        (vec![any(code("rare")), any(code("common"))], true),
        (vec![any(code("common")), any(code("rarest"))], false),
        (vec![any(code("frequent")), date(), nobody()], false),
        (vec![date(), nobody()], false),
    ] {
        let branch = Branch { of: "Observation".into(), filter: filter.clone(), sort: vec![key.clone()] };
        let plan = Plan { branches: vec![branch], after: None, limit: 4 };
        let plan = query::paired(&filters, Cow::Owned(plan)).into_owned();
        let branch = &plan.branches[0];
        let aim = Aim::Sorted(4, query::bounds(&filters, branch, &key));
        let choice = query::choose(&mut Reading(&place), &filters, branch, aim).await.unwrap();
        assert_eq!(choice.walk.is_some_and(|it| it.most.is_none()), is_whole, "{filter:?}");
    }
}
