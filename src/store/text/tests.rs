use super::*;
use fhir::search::text::parse;
use proptest::prelude::*;
use tempfile::TempDir;

const OWNER: i64 = 7;

/// A view of patients with these names, numbered from 1 on.
fn named(names: &[&str]) -> (TempDir, View) {
    let folder = tempfile::tempdir().unwrap();
    let (view, _) = View::open(folder.path(), OWNER).unwrap();
    let mut writer = view.writer().unwrap();
    for (name, rid) in names.iter().zip(1..) {
        writer.put(rid, patient(name).as_bytes()).unwrap();
    }
    writer.commit(names.len() as i64).unwrap();
    writer.close().unwrap();
    view.refresh().unwrap();
    (folder, view)
}

fn patient(name: &str) -> String {
    format!(r#"{{"resourceType":"Patient","name":[{{"text":"{name}"}}]}}"#)
}

fn find(view: &View, code: &str, test: &TextTest) -> Vec<i64> {
    view.find(ParamId::of("Patient", code), test, 100).unwrap()
}

fn content(view: &View, query: &str) -> Vec<i64> {
    find(view, "_content", &parse(query).unwrap())
}

#[test]
fn words_are_found_as_asked() {
    let (_folder, view) = named(&["Anna-Lena Groß", "Lena Anna Meier", "José 山田", "Ana Große"]);
    for (query, expected) in [
        ("lena", vec![1, 2]),
        ("ANNA lena", vec![1, 2]),
        ("\"anna lena\"", vec![1]),
        ("anna-lena", vec![1]),
        ("gross or meier", vec![1, 2]),
        ("(gross or meier) and lena", vec![1, 2]),
        ("gross*", vec![1, 4]),
        ("JOSE\u{301}", vec![3]),
        ("田", vec![3]),
        ("山田", vec![3]),
        ("田山", vec![]),
        ("len", vec![]),
        ("name:lena", vec![]),
    ] {
        assert_eq!(content(&view, query), expected, "{query}");
    }
}

#[test]
fn a_parameter_has_its_own_words_and_a_type_too() {
    let (_folder, view) = named(&["Anna"]);
    let anna = parse("anna").unwrap();
    assert_eq!(find(&view, "name", &anna), [1]);
    assert!(find(&view, "family", &anna).is_empty());
    assert!(find(&view, "_text", &anna).is_empty());
    assert!(view.find(ParamId::of("Person", "name"), &anna, 100).unwrap().is_empty());
}

#[test]
fn a_phrase_stays_within_a_text() {
    let folder = tempfile::tempdir().unwrap();
    let (view, _) = View::open(folder.path(), OWNER).unwrap();
    let mut writer = view.writer().unwrap();
    writer.put(1, br#"{"resourceType":"Patient","name":[{"text":"Anna"},{"text":"Lena"}]}"#).unwrap();
    writer.commit(1).unwrap();
    view.refresh().unwrap();
    assert_eq!(content(&view, "anna lena"), [1]);
    assert!(content(&view, "\"anna lena\"").is_empty());
}

#[test]
fn misspelt_names_are_found() {
    let (_folder, view) = named(&["Schmidt", "Schmitt", "Meier", "Meyer", "Li", "Lo", "Björn Schmied"]);
    for (name, expected) in [
        ("schmidt", vec![1, 2, 7]),
        ("Shcmidt", vec![1, 2]),
        ("meier", vec![3, 4]),
        ("miere", vec![]),
        ("li", vec![5]),
        ("bjorm schmied", vec![7]),
    ] {
        assert_eq!(find(&view, "name", &TextTest::near(name).unwrap()), expected, "{name}");
    }
}

#[test]
fn names_that_sound_alike_are_found() {
    let (_folder, view) =
        named(&["Catherine Smith", "Kathryn Smyth", "Katherine Schmidt", "Stephen", "Иван", "Robert604"]);
    for (name, expected) in [
        ("Katharine", vec![1, 2, 3]),
        ("katherin smith", vec![1, 2, 3]),
        ("Steven", vec![4]),
        ("иван", vec![5]),
        ("Rupert", vec![6]),
        ("Thomas", vec![]),
    ] {
        assert_eq!(find(&view, "name", &TextTest::sounds(name).unwrap()), expected, "{name}");
    }
}

#[test]
fn what_was_put_again_or_removed_is_found_no_more() {
    let (_folder, view) = named(&["Anna", "Anna"]);
    let mut writer = view.writer().unwrap();
    writer.put(1, patient("Berta").as_bytes()).unwrap();
    writer.remove(2);
    writer.commit(3).unwrap();
    view.refresh().unwrap();
    assert!(content(&view, "anna").is_empty());
    assert_eq!(content(&view, "berta"), [1]);
}

#[test]
fn more_than_are_combined_are_refused() {
    let (_folder, view) = named(&["Anna", "Anna", "Anna"]);
    let (name, anna) = (ParamId::of("Patient", "name"), parse("anna").unwrap());
    assert!(matches!(view.find(name, &anna, 2), Err(Error::TextTooMany)));
    assert_eq!(view.find(name, &anna, 3).unwrap(), [1, 2, 3]);
}

#[test]
fn a_view_goes_on_where_it_was_committed_and_only_for_its_owner() {
    let (folder, view) = named(&["Anna", "Berta"]);
    let mut writer = view.writer().unwrap();
    writer.put(3, patient("Clara").as_bytes()).unwrap();
    // Not committed: as if the process had ended here.
    drop(writer);
    drop(view);
    let (view, seq) = View::open(folder.path(), OWNER).unwrap();
    assert_eq!((seq, content(&view, "anna"), content(&view, "clara")), (2, vec![1], vec![]));
    drop(view);
    let (view, seq) = View::open(folder.path(), OWNER + 1).unwrap();
    assert_eq!((seq, content(&view, "anna")), (0, vec![]));
}

#[test]
fn a_broken_view_is_made_anew() {
    let (folder, view) = named(&["Anna"]);
    drop(view);
    std::fs::write(folder.path().join("meta.json"), "{").unwrap();
    let (view, seq) = View::open(folder.path(), OWNER).unwrap();
    assert_eq!((seq, content(&view, "anna")), (0, vec![]));
}

proptest! {
    #[test]
    fn every_word_has_a_sound(word in "[a-z0-9]{1,40}") {
        prop_assert!(!sound::codes(&word).is_empty());
    }
}
