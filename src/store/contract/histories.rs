//! Histories (http.html#history): newest first, within scope and time, page by page.

use super::{Engine, Ward, ward};
use crate::{History, Key, Scope};

/// `Patient/a` with three versions, the last a deletion, `Patient/b` with one, `Device/a` with two.
async fn versions(engine: &dyn Engine) -> Ward {
    let ward = ward(engine).await;
    ward.create("Patient", "a", &[]).await;
    ward.create("Device", "a", &[]).await;
    ward.update("Patient", "a", 1, &[]).await;
    ward.create("Patient", "b", &[]).await;
    ward.delete("Patient", "a", 2).await;
    ward.update("Device", "a", 1, &[]).await;
    ward
}

fn history(scope: Scope) -> History {
    History { scope, since: None, at: None, before: None, limit: 100 }
}

fn patient_a() -> Scope {
    Scope::Instance(Key::new("Patient", "a"))
}

/// All pages of `limit`, as `Type/id/version`, and checks that the total and the bodies are right.
async fn list(ward: &Ward, mut history: History, limit: usize) -> Vec<String> {
    history.limit = limit;
    let mut all = Vec::new();
    loop {
        let page = ward.session.history(&history).await.unwrap();
        assert!(page.versions.len() <= limit);
        for it in &page.versions {
            let read = ward.session.read_version(&it.key, it.version).await.unwrap().unwrap();
            assert_eq!((&it.body, it.updated, it.method), (&read.body, read.updated, read.method));
            all.push(format!("{}/{}", it.key, it.version));
        }
        match page.next {
            Some(next) => history.before = Some(next),
            None => {
                assert_eq!(page.total, all.len() as i64);
                return all;
            }
        }
    }
}

pub(crate) async fn of_an_instance(engine: &dyn Engine) {
    let ward = versions(engine).await;
    for limit in [1, 2, 3, 10] {
        let all = list(&ward, history(patient_a()), limit).await;
        assert_eq!(all, ["Patient/a/3", "Patient/a/2", "Patient/a/1"]);
    }
    let nobody = Scope::Instance(Key::new("Patient", "nobody"));
    assert!(list(&ward, history(nobody), 10).await.is_empty());
}

pub(crate) async fn of_types_and_all(engine: &dyn Engine) {
    let ward = versions(engine).await;
    for limit in [1, 2, 10] {
        let patients = list(&ward, history(Scope::Type("Patient".into())), limit).await;
        assert_eq!(patients, ["Patient/a/3", "Patient/b/1", "Patient/a/2", "Patient/a/1"]);
        let all = list(&ward, history(Scope::System), limit).await;
        let expected = ["Device/a/2", "Patient/a/3", "Patient/b/1", "Patient/a/2", "Device/a/1", "Patient/a/1"];
        assert_eq!(all, expected);
    }
    assert!(list(&ward, history(Scope::Type("Person".into())), 10).await.is_empty());
}

async fn made(ward: &Ward, of: &str, id: &str, version: i64) -> i64 {
    ward.session.read_version(&Key::new(of, id), version).await.unwrap().unwrap().updated
}

pub(crate) async fn since(engine: &dyn Engine) {
    let ward = versions(engine).await;
    let second = made(&ward, "Patient", "a", 2).await;
    let from = |scope, since| History { since: Some(since), ..history(scope) };
    assert_eq!(list(&ward, from(patient_a(), second), 1).await, ["Patient/a/3", "Patient/a/2"]);
    assert_eq!(list(&ward, from(patient_a(), second + 1), 1).await, ["Patient/a/3"]);
    let all = list(&ward, from(Scope::System, second + 1), 2).await;
    assert_eq!(all, ["Device/a/2", "Patient/a/3", "Patient/b/1"]);
    let patients = list(&ward, from(Scope::Type("Patient".into()), second), 2).await;
    assert_eq!(patients, ["Patient/a/3", "Patient/b/1", "Patient/a/2"]);
    assert_eq!(list(&ward, from(Scope::System, 0), 2).await.len(), 6);
    assert!(list(&ward, from(Scope::System, i64::MAX / 2), 2).await.is_empty());
}

/// `_at`: what was current at some time of the range (http.html#history).
pub(crate) async fn at(engine: &dyn Engine) {
    let ward = versions(engine).await;
    let first = made(&ward, "Patient", "a", 1).await;
    let second = made(&ward, "Patient", "a", 2).await;
    let third = made(&ward, "Patient", "a", 3).await;
    let during = |scope, from, to| History { at: Some((from, to)), ..history(scope) };
    for (from, to, expected) in [
        (first, first, &["Patient/a/1"][..]),
        (second - 1, second - 1, &["Patient/a/1"]),
        (second, second, &["Patient/a/2"]),
        (first, second, &["Patient/a/2", "Patient/a/1"]),
        (third, i64::MAX, &["Patient/a/3"]),
        (0, first - 1, &[]),
    ] {
        assert_eq!(list(&ward, during(patient_a(), from, to), 1).await, expected, "{from} to {to}");
    }
    let all = list(&ward, during(Scope::System, second, second), 1).await;
    assert_eq!(all, ["Patient/a/2", "Device/a/1"]);
    let patients = list(&ward, during(Scope::Type("Patient".into()), third, third), 1).await;
    assert_eq!(patients, ["Patient/a/3", "Patient/b/1"]);
}

/// A page without room tells how many versions there are, by which a reader knows whether anything was written.
pub(crate) async fn of_no_version(engine: &dyn Engine) {
    let ward = versions(engine).await;
    let nothing = History { limit: 0, ..history(Scope::Type("Patient".into())) };
    let page = ward.session.history(&nothing).await.unwrap();
    assert!(page.versions.is_empty() && page.next.is_none());
    assert_eq!(page.total, 4);
}
