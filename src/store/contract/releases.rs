//! Releases of code systems: seen whole or not at all, and only by their tenant.

use super::{Engine, Ward, tenant, ward};
use crate::{Posting, ReleaseConcept, ReleasePart, Terms};

fn concept(place: i64) -> ReleaseConcept {
    ReleaseConcept { place, code: format!("c{place}"), links: vec![place as u8], about: format!("{{\"n\":{place}}}") }
}

fn posting(property: &str, term: &str, places: &[u8]) -> Posting {
    Posting { property: property.into(), term: term.into(), places: places.to_vec() }
}

/// A release with three concepts that is not finished.
async fn begun(ward: &Ward, version: &str) -> i64 {
    let number = ward.session.begin_release("urn:x", version, "{}").await.unwrap();
    let concepts = ReleasePart::Concepts((0..3).map(concept).collect());
    ward.session.fill_release(number, concepts).await.unwrap();
    let postings = [posting("", "heart", b"a"), posting("", "hearth", b"b"), posting("p", "heart", b"c")];
    ward.session.fill_release(number, ReleasePart::Postings(postings.to_vec())).await.unwrap();
    number
}

async fn seen(ward: &Ward) -> Vec<(i64, String)> {
    ward.session.releases().await.unwrap().into_iter().map(|it| (it.number, it.version)).collect()
}

/// Nothing is seen before the end, and then one takes the place of the other of its version.
pub(crate) async fn finished_or_nothing(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let first = begun(&ward, "1").await;
    assert!(seen(&ward).await.is_empty());
    assert!(ward.session.finish_release(first).await.unwrap());
    let (again, other) = (begun(&ward, "1").await, begun(&ward, "2").await);
    assert_eq!(seen(&ward).await, [(first, "1".into())]);
    assert!(ward.session.finish_release(again).await.unwrap());
    assert!(ward.session.finish_release(other).await.unwrap());
    assert_eq!(seen(&ward).await, [(again, "1".into()), (other, "2".into())]);
    assert!(ward.session.drop_release(other).await.unwrap() && !ward.session.drop_release(other).await.unwrap());
    assert_eq!(seen(&ward).await, [(again, "1".into())]);
}

/// What is not seen is taken away, and what is seen stays.
pub(crate) async fn sweeping(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let (left, kept) = (begun(&ward, "1").await, begun(&ward, "2").await);
    assert!(ward.session.finish_release(kept).await.unwrap());
    let later = begun(&ward, "3").await;
    ward.session.sweep_releases("urn:x", later).await.unwrap();
    for (number, count) in [(left, 0), (kept, 3), (later, 3)] {
        let found = ward.session.concepts_at(number, &[0, 1, 2, 3]).await.unwrap();
        assert_eq!(found.len(), count, "{number}");
        assert_eq!(ward.session.postings(number, "", Terms::Is("heart"), 9).await.unwrap().len(), count.min(1));
    }
    assert!(!ward.session.finish_release(left).await.unwrap(), "it is gone");
    assert!(ward.session.finish_release(later).await.unwrap());
}

/// Concepts by code and by place, postings by term and by its beginning.
pub(crate) async fn looked_up(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let number = begun(&ward, "1").await;
    assert_eq!(ward.session.concepts_with(number, &["c1", "d"]).await.unwrap(), [concept(1)]);
    let mut found = ward.session.concepts_at(number, &[2, 0, 7]).await.unwrap();
    found.sort_by_key(|it| it.place);
    assert_eq!(found, [concept(0), concept(2)]);
    let many: Vec<i64> = (0..5000).collect();
    assert_eq!(ward.session.concepts_at(number, &many).await.unwrap().len(), 3);
    for (property, terms, most, expected) in [
        ("", Terms::Is("heart"), 9, vec![("heart", b"a")]),
        ("", Terms::Begins("hear"), 9, vec![("heart", b"a"), ("hearth", b"b")]),
        ("", Terms::Begins("hear"), 1, vec![("heart", b"a")]),
        ("p", Terms::Begins("h"), 9, vec![("heart", b"c")]),
        ("p", Terms::Is("hearth"), 9, vec![]),
    ] {
        let mut found = ward.session.postings(number, property, terms, most).await.unwrap();
        found.sort();
        let expected: Vec<_> = expected.into_iter().map(|(term, places)| (term.to_owned(), places.to_vec())).collect();
        assert_eq!(found, expected, "{property} {terms:?} {most}");
    }
    assert!(ward.session.fill_release(number, ReleasePart::Concepts(vec![concept(2)])).await.is_err());
}

/// Another tenant sees nothing of it, nor can it end it.
pub(crate) async fn releases_of_two_tenants(engine: &dyn Engine) {
    let ward = ward(engine).await;
    let number = begun(&ward, "1").await;
    let other = ward.store.open(&tenant(&*ward.store, "other").await).await.unwrap();
    assert!(!other.finish_release(number).await.unwrap());
    assert!(ward.session.finish_release(number).await.unwrap());
    assert!(other.releases().await.unwrap().is_empty());
    assert!(other.concepts_with(number, &["c1"]).await.unwrap().is_empty());
    assert!(other.concepts_at(number, &[1]).await.unwrap().is_empty());
    assert!(other.postings(number, "", Terms::Is("heart"), 9).await.unwrap().is_empty());
    assert!(!other.drop_release(number).await.unwrap());
}
