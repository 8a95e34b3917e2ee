use super::resource::plain;
use super::*;
use crate::json::Doc;
use crate::search::{Clause, Indexer, ParamId, Query, QueryError, Test};
use crate::spec::r4;

fn phrase(words: &[&str]) -> TextTest {
    TextTest::Phrase(words.iter().map(|it| (*it).to_owned()).collect())
}

#[test]
fn words_are_folded_and_parted() {
    for (text, expected) in [
        ("Éléonore, 2nd  STRASSE!", vec!["eleonore", "2nd", "strasse"]),
        ("well-being (acute)", vec!["well", "being", "acute"]),
        ("山田hanako太郎", vec!["山", "田", "hanako", "太", "郎"]),
        ("… — !", vec![]),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
    assert!(words(&"x".repeat(65)).is_empty());
}

#[test]
fn a_query_is_read_as_the_standard_shows_it() {
    let (bone, liver, metastases) = (phrase(&["bone"]), phrase(&["liver"]), phrase(&["metastases"]));
    let either = TextTest::Any(vec![bone.clone(), liver.clone()]);
    assert_eq!(parse("(bone OR liver) and metastases"), Ok(TextTest::All(vec![either, metastases.clone()])));
    let both = TextTest::All(vec![liver, metastases]);
    assert_eq!(parse("bone or liver metastases"), Ok(TextTest::Any(vec![bone, both])));
    assert_eq!(parse("\"Chest  pain\""), Ok(phrase(&["chest", "pain"])));
    assert_eq!(parse("well-being"), Ok(phrase(&["well", "being"])));
    assert_eq!(parse("Fieb*"), Ok(TextTest::Prefix("fieb".to_owned())));
}

#[test]
fn what_is_no_query_is_refused() {
    let deep = format!("{}a{}", "(".repeat(9), ")".repeat(9));
    let long = "a ".repeat(33);
    for text in ["", "  ", "!?", "a and", "or b", "(a", "a)", "\"a", "()", "* -", "a or or b", &deep, &long] {
        assert!(parse(text).is_err(), "{text}");
    }
    assert!(parse(&format!("{}a{}", "(".repeat(8), ")".repeat(8))).is_ok());
}

#[test]
fn markup_of_other_searches_is_only_words() {
    for text in ["body:secret", "a^2", "[a TO z]", "a~2", "+a -b", "/a.*/", "a && b || !c", "x\\", "{a}", "'a'"] {
        assert!(parse(text).is_ok(), "{text}");
    }
    assert_eq!(parse("body:secret"), Ok(phrase(&["body", "secret"])));
}

#[test]
fn more_letters_may_differ_in_longer_words() {
    let near = |text: &str, edits| TextTest::Near(text.to_owned(), edits);
    let expected = TextTest::All(vec![near("li", 0), near("meier", 1), near("schmidt", 2)]);
    assert_eq!(TextTest::near("Li Meier Schmidt"), Some(expected));
    assert_eq!(TextTest::near("-"), None);
}

#[test]
fn tags_part_words_and_references_are_read() {
    let text = plain("<div xmlns=\"u\"><b>Fever</b><br/>of 39&#xA0;&deg; &amp; A&lt;B</div>");
    assert_eq!(words(&text), ["fever", "of", "39", "a", "b"]);
    assert_eq!(words(&plain("open <b")), ["open"]);
}

#[test]
fn texts_go_to_their_parameters() {
    let doc = Doc::parse(
        r#"{"resourceType":"Observation","text":{"status":"generated","div":"<div>Told <i>here</i></div>"},
            "status":"final","code":{"text":"Body height","coding":[{"system":"http://loinc.org","code":"8302-2",
            "display":"Stature"}]},"subject":{"reference":"Patient/p","display":"Ada Lovelace"},
            "valueSampledData":{"data":"1 2 3"},"effectiveDateTime":"2026-11-20"}"#,
    );
    let doc = doc.unwrap();
    let mut told = Vec::new();
    let of = r4().resource("Observation").unwrap();
    texts(r4(), &Indexer::new(r4()), of, doc.root(), &mut |it| told.push((it.param, words(it.text).join(" "))));
    let of = |code: &str| {
        let param = ParamId::of("Observation", code);
        told.iter().filter(|it| it.0 == param).map(|it| it.1.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("_text"), ["told here"]);
    assert_eq!(of("_content"), ["generated", "told here", "final", "body height", "8302 2", "stature", "ada lovelace"]);
    assert_eq!(of("code"), ["body height", "stature"]);
    assert_eq!(of("subject"), ["ada lovelace"]);
}

#[test]
fn a_query_names_the_parameter() {
    let query =
        Query { spec: r4(), of: r4().resource("Patient").unwrap(), base: "", now: 0, codes: &crate::search::NO_CODES };
    let text = |code: &str, test| Ok(Clause::Any(vec![Test::Text(ParamId::of("Patient", code), test)]));
    assert_eq!(query.clause("_text", "fever"), text("_text", phrase(&["fever"])));
    assert_eq!(query.clause("name:phonetic", "Meier"), text("name", TextTest::sounds("Meier").unwrap()));
    assert_eq!(
        query.clause("identifier:text", "Medical rec"),
        text("identifier", TextTest::starts("medical rec").unwrap())
    );
    assert_eq!(query.clause("_filter", "_content co \"fever\""), text("_content", phrase(&["fever"])));
    for (name, value) in [
        ("_filter", "_content eq \"fever\""),
        ("_filter", "_text pr true"),
        ("_text:exact", "a"),
        ("_content:missing", "true"),
        ("_text", "(a"),
        ("identifier:fuzzy", "a"),
        ("general-practitioner:phonetic", "a"),
        ("birthdate:text", "a"),
        ("_id:text", "a"),
        ("name:fuzzy", "--"),
        ("name:fuzzy", ""),
    ] {
        assert!(matches!(query.clause(name, value), Err(QueryError::Invalid(_))), "{name}={value}");
    }
}
