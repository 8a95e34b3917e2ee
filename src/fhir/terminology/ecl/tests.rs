use super::*;
use crate::IssueType;
use crate::terminology::release::{Places, Relation};
use proptest::prelude::*;

fn concept(code: &str) -> Constraint {
    Constraint::Concept(code.to_owned())
}

fn read(text: &str) -> Constraint {
    Constraint::read(text).unwrap_or_else(|it| panic!("{text}: {it}"))
}

#[test]
fn the_hierarchy_has_eight_signs_and_words() {
    for (sign, word, way, is_direct, has_self) in [
        ("<", "descendantOf", Way::Below, false, false),
        ("<<", "descendantOrSelfOf", Way::Below, false, true),
        ("<!", "childOf", Way::Below, true, false),
        ("<<!", "childOrSelfOf", Way::Below, true, true),
        (">", "ancestorOf", Way::Above, false, false),
        (">>", "ancestorOrSelfOf", Way::Above, false, true),
        (">!", "parentOf", Way::Above, true, false),
        (">>!", "parentOrSelfOf", Way::Above, true, true),
    ] {
        let expected = Constraint::Related(Kin { way, is_direct, has_self }, Box::new(concept("404684003")));
        assert_eq!(read(&format!("{sign}404684003 |Clinical finding|")), expected);
        assert_eq!(read(&format!(" {word} 404684003 ")), expected);
    }
}

#[test]
fn expressions_are_joined() {
    assert_eq!(read("1 AND 2,3"), Constraint::All(vec![concept("1"), concept("2"), concept("3")]));
    assert_eq!(read("1 or (2 /* (two) */)"), Constraint::Either(vec![concept("1"), concept("2")]));
    let inner = Constraint::Either(vec![concept("2"), concept("3")]);
    assert_eq!(read("(1) MINUS (2 OR 3)"), Constraint::Without(Box::new(concept("1")), Box::new(inner)));
    assert_eq!(read("^ 7 |a (b|"), Constraint::Members(Box::new(concept("7"))));
    let first = Constraint::Values(Box::new(concept("1")), Box::new(concept("2")));
    assert_eq!(read("1.2.*"), Constraint::Values(Box::new(first), Box::new(Constraint::Any)));
}

#[test]
fn attributes_are_grouped_and_counted() {
    let attribute = |name: Constraint, is_in: bool, values: Constraint| {
        let (name, values) = (Box::new(name), Box::new(values));
        Refinement::Attribute(Attribute { count: Count::default(), is_reverse: false, name, is_in, values })
    };
    let refined = |it: Refinement| Constraint::Refined(Box::new(concept("1")), it);
    let (two, four) = (attribute(concept("2"), true, concept("3")), attribute(concept("4"), false, Constraint::Any));
    assert_eq!(read("1: 2 = 3, 4 != *"), refined(Refinement::All(vec![two.clone(), four.clone()])));
    let either = Refinement::Either(vec![two.clone(), four.clone()]);
    assert_eq!(read("1: (2 = 3 OR 4 != *)"), refined(either.clone()));
    assert_eq!(read("1: {2 = 3 OR 4 != *}"), refined(Refinement::Group(Count::default(), Box::new(either))));
    let group = Refinement::Group(Count { least: 0, most: 2 }, Box::new(two.clone()));
    assert_eq!(read("1: [0..2] {2 = 3}, 4 != *"), refined(Refinement::All(vec![group, four])));
    let named = attribute(Constraint::Either(vec![concept("2"), concept("4")]), true, concept("3"));
    assert_eq!(read("1: (2 OR 4) = 3"), refined(named));
    let Constraint::Refined(_, Refinement::Attribute(reverse)) = read("1: R 2 = 3") else { panic!() };
    assert!(reverse.is_reverse);
    let Constraint::Refined(_, Refinement::Attribute(counted)) = read("1: [2..*] 2 = 3") else { panic!() };
    assert_eq!(counted.count, Count { least: 2, most: u32::MAX });
}

#[test]
fn filters_of_descriptions_and_concepts_are_read() {
    let words = |text: &str| Wording::words(text);
    let term = |any: Vec<Wording>| DescriptionTest::Term(Choice { is_in: true, any });
    let worded = Constraint::Described(Box::new(concept("1")), vec![term(vec![words("heart att")])]);
    // Whether concepts are in use is asked first, wherever it stands.
    let unused = Constraint::Filtered(Box::new(concept("1")), ConceptTest::Active(false));
    assert_eq!(read("1 {{ term = \"heart att\" }}"), worded);
    assert_eq!(
        read("1 {{ D term = match:\"heart att\", active = true }} {{C active = 0}}"),
        Constraint::Described(Box::new(unused), vec![term(vec![words("heart att")])])
    );
    let quoted = vec![words("a \"b\""), Wording::wild("c\\d*")];
    let several = Constraint::Described(Box::new(concept("1")), vec![term(quoted)]);
    assert_eq!(read(r#"1 {{ term = ("a \"b\"" wild:"c\\d*") }}"#), several);
    let module = ConceptTest::Module(Choice { is_in: false, any: vec!["2".into(), "3".into()] });
    let day = Days { comparison: Comparison::AtLeast, any: vec!["20240131".into()] };
    for (text, test) in [
        ("active != true", ConceptTest::Active(false)),
        ("definitionStatus = primitive", ConceptTest::Defined(false)),
        ("definitionStatus != primitive", ConceptTest::Defined(true)),
        ("definitionStatusId = 900000000000073002", ConceptTest::Defined(true)),
        ("moduleId != (2 |two| 3)", module),
        ("effectiveTime >= \"20240131\"", ConceptTest::Time(day)),
    ] {
        let expected = Constraint::Filtered(Box::new(concept("1")), test);
        assert_eq!(read(&format!("1 {{{{ C {text} }}}}")), expected, "{text}");
    }
}

#[test]
fn ends_of_sets_and_targets_of_associations_are_read() {
    let either = || Box::new(Constraint::Either(vec![concept("1"), concept("2")]));
    assert_eq!(read("!!> (1 OR 2)"), Constraint::Ends(End::Top, either()));
    assert_eq!(read("!!< (1 OR 2)"), Constraint::Ends(End::Bottom, either()));
    assert_eq!(read("^ [targetComponentId] 7"), Constraint::Targets(Box::new(concept("7"))));
    assert_eq!(read("^ [referencedComponentId] 7"), Constraint::Members(Box::new(concept("7"))));
}

/// What one member has to pass stands behind its reference sets; others are those that are in use.
#[test]
fn filters_of_members_are_read() {
    let listed = |text: &str| {
        let Constraint::Listed(listed) = read(text) else { panic!("{text}") };
        *listed
    };
    let test = |field: Option<&str>, is: Expected| MemberTest { field: field.map(str::to_owned), is };
    let values = |comparison: Comparison, value: Literal| Expected::Values(comparison, vec![value]);
    let active = |is: bool| test(Some("active"), values(Comparison::Equal, Literal::Flag(is)));
    let target = || test(Some("mapTarget"), values(Comparison::Equal, Literal::Text(Wording::words("J45.9"))));
    let group = || test(Some("mapGroup"), values(Comparison::Different, Literal::Number(2.into())));
    let day = Days { comparison: Comparison::Less, any: vec!["20240131".into()] };
    let both = Constraint::Either(vec![concept("2"), concept("3")]);
    for (text, field, tests) in [
        ("^ 1 {{ M mapTarget = \"J45.9\" }}", None, vec![target(), active(true)]),
        ("^ 1 {{M mapTarget = \"J45.9\", active = 0}}", None, vec![target(), active(false)]),
        ("^ 1 {{ M mapGroup != #2 }} {{ m mapTarget = \"j45.9\" }}", None, vec![group(), target(), active(true)]),
        ("^ [mapTarget] 1", Some("mapTarget"), vec![active(true)]),
        (
            "^ [targetComponentId] 1 {{ M referencedComponentId = < 2 }}",
            Some("targetComponentId"),
            vec![test(None, Expected::Concepts(true, read("< 2"))), active(true)],
        ),
        (
            "^ 1 {{ M moduleId != (2 3) }}",
            None,
            vec![test(Some("moduleId"), Expected::Concepts(false, both.clone())), active(true)],
        ),
        (
            "^ 1 {{ M moduleId = (2 OR 3) }}",
            None,
            vec![test(Some("moduleId"), Expected::Concepts(true, both)), active(true)],
        ),
        (
            "^ 1 {{ M effectiveTime < \"20240131\" }}",
            None,
            vec![test(Some("effectiveTime"), Expected::Days(day.clone())), active(true)],
        ),
        ("^ 1 {{ M since < (\"20240131\") }}", None, vec![test(Some("since"), Expected::Days(day)), active(true)]),
    ] {
        let expected = Listed { sets: concept("1"), field: field.map(str::to_owned), tests };
        assert_eq!(listed(text), expected, "{text}");
    }
    // They are of the members, and not of what is beneath these.
    let Constraint::Described(beneath, _) = read("< ^ 1 {{ M active = 1 }} {{ term = \"x\" }}") else { panic!() };
    assert!(matches!(&*beneath, Constraint::Related(_, of) if matches!(**of, Constraint::Listed(_))), "{beneath:?}");
}

#[test]
fn values_that_are_no_concepts_are_compared() {
    let value = |text: &str| {
        let Constraint::Refined(_, Refinement::Value(value)) = read(&format!("1: 2 {text}")) else { panic!("{text}") };
        value
    };
    for (text, has, has_not) in [
        ("= #5", ["#5", "#5.0"], ["#6", "\"5\""]),
        ("!= #5", ["#6", "#-5"], ["#5.00", "true"]),
        ("< #0.5", ["#0.25", "#-1"], ["#0.5", "#1"]),
        ("<= #0.5", ["#0.25", "#0.50"], ["#0.51", "#1"]),
        ("> #-1", ["#0", "#1"], ["#-1", "#-2"]),
        (">= #+2", ["#2", "#3"], ["#1.99", "\"3\""]),
        ("= (#1 #3)", ["#1", "#3"], ["#2", "#13"]),
        ("= \"slow rel\"", ["\"Slow release\"", "\"release slowly\""], ["\"slow\"", "#1"]),
        ("= match:\"tab\"", ["\"tablet\"", "\"a tab\""], ["\"stable\"", "true"]),
        ("= wild:\"*tab*\"", ["\"Stable\"", "\"a tab\""], ["\"tb\"", "true"]),
        ("= (wild:\"a*\" \"x\")", ["\"abc\"", "\"an x\""], ["\"bac\"", "#1"]),
        ("= true", ["true", "true"], ["false", "#1"]),
        ("!= true", ["false", "false"], ["true", "\"true\""]),
    ] {
        let value = value(text);
        assert!(has.iter().all(|it| value.has(it)) && !has_not.iter().any(|it| value.has(it)), "{text}");
    }
    assert_eq!(value("= #1").count, Count::default());
}

#[test]
fn history_supplements_are_read() {
    for (text, expected) in [
        ("{{ + HISTORY }}", Supplement::Most),
        ("{{+history-min}}", Supplement::Least),
        ("{{ + HISTORY_MOD }}", Supplement::Moderate),
        ("{{ + HISTORY-MAX }}", Supplement::Most),
        ("{{ + HISTORY (7) }}", Supplement::These(Box::new(concept("7")))),
    ] {
        assert_eq!(read(&format!("1 {text}")), Constraint::Supplemented(Box::new(concept("1")), expected), "{text}");
    }
}

#[test]
fn what_is_wrong_or_not_served_is_told() {
    for (text, code, told) in [
        ("", IssueType::Invalid, "its end at character 1"),
        ("< x", IssueType::Invalid, "x at character 3"),
        ("1 AND 2 OR 3", IssueType::Invalid, "parentheses"),
        ("1 MINUS 2 MINUS 3", IssueType::Invalid, "parentheses"),
        ("1 2", IssueType::Invalid, "the end"),
        ("(1", IssueType::Invalid, ")"),
        ("1 |heart", IssueType::Invalid, "|"),
        ("1: {{2 = 3}}", IssueType::Invalid, "groups are in no groups"),
        ("1: 2 = #five", IssueType::Invalid, "a number"),
        ("1: 2 >= 3", IssueType::Invalid, "concepts are not compared"),
        ("1: 2 = (\"x\" 3)", IssueType::Invalid, "a number or a text"),
        ("1: R 2 = true", IssueType::NotSupported, "no concepts"),
        ("1: [1..2] R 2 = 3", IssueType::NotSupported, "reversed"),
        ("1: 2 = 3 MINUS 4 = 5", IssueType::NotSupported, "MINUS"),
        ("^ [mapTarget, mapGroup] 1", IssueType::NotSupported, "several fields"),
        ("^ [*] 1", IssueType::NotSupported, "fields"),
        ("1 {{ M active = 1 }}", IssueType::Invalid, "right behind ^"),
        ("^ 1 {{ M id = \"x\" }}", IssueType::NotSupported, "identifiers of members"),
        ("^ 1 {{ M }}", IssueType::Invalid, "a field"),
        ("^ 1 {{ M mapGroup >= true }}", IssueType::Invalid, "a number or a day"),
        ("^ 1 {{ M mapTarget < 2 }}", IssueType::Invalid, "concepts are not compared"),
        ("^ 1 {{ M effectiveTime = 2 }}", IssueType::Invalid, "\""),
        ("1 {{ active = 0 }}", IssueType::NotSupported, "{{ C active = false }}"),
        ("1 {{ type = def }}", IssueType::NotSupported, "definitions"),
        ("1 {{ type = name }}", IssueType::Invalid, "syn, fsn or def"),
        ("1 {{ id = 7 }}", IssueType::NotSupported, "filters of descriptions but"),
        ("1 {{ C term = \"x\" }}", IssueType::NotSupported, "filters of concepts but"),
        ("1 {{ dialect = en-xy }}", IssueType::NotSupported, "dialectId"),
        ("1 {{ dialect = en-gb () }}", IssueType::Invalid, "prefer or accept"),
        ("1 {{ language = english }}", IssueType::Invalid, "two letters"),
        ("1 {{ C moduleId = (< 2) }}", IssueType::NotSupported, "expressions"),
        ("1 {{ C effectiveTime = \"2024\" }}", IssueType::Invalid, "YYYYMMDD"),
        ("1 {{ C definitionStatus = (defined primitive) }}", IssueType::Invalid, "both"),
        ("1 {{ term = \"x }}", IssueType::Invalid, "quotation mark"),
        ("1 {{ + HISTORY-ALL }}", IssueType::Invalid, "MIN, MOD or MAX"),
        ("1 {{ + PAST }}", IssueType::Invalid, "HISTORY"),
        ("1 {{ term = 5 }}", IssueType::Invalid, "quotation marks"),
    ] {
        let failure = Constraint::read(text).unwrap_err();
        assert_eq!(failure.code(), code, "{text}: {failure}");
        assert!(failure.to_string().contains(told), "{text}: {failure}");
    }
    assert_eq!(Constraint::read(&"(".repeat(5000)).unwrap_err().code(), IssueType::TooCostly);
    assert_eq!(Constraint::read(&"1,".repeat(600)).unwrap_err().code(), IssueType::TooCostly);
    assert_eq!(Constraint::read(&format!("1{}", ".1".repeat(65))).unwrap_err().code(), IssueType::TooCostly);
    let filters = " {{ active = 1 }}".repeat(65);
    assert_eq!(Constraint::read(&format!("1{filters}")).unwrap_err().code(), IssueType::TooCostly);
    assert_eq!(Constraint::read(&" ".repeat(20_000)).unwrap_err().code(), IssueType::TooLong);
}

/// Attributes 1 and 2, of which 1 = 5 and 2 = 6 are in one group, 1 = 7 in another, and 2 = 8 stands by itself.
fn relations() -> Vec<Relation> {
    let all = [(0, 2, 8), (0, 3, 9), (1, 1, 5), (1, 2, 6), (2, 1, 7)];
    all.into_iter().map(|(group, kind, value)| Relation { source: 0, group, kind, value }).collect()
}

#[test]
fn attributes_are_counted_as_they_are_grouped() {
    let is = |kind: u32, value: u32, least: u32, most: u32| Test::Attribute {
        count: Count { least, most },
        kinds: Places::one(kind),
        is_in: true,
        values: (value != 0).then(|| Places::one(value)),
    };
    let any = |kind: u32, value: u32| is(kind, value, 1, u32::MAX);
    let group =
        |least: u32, most: u32, tests: Vec<Test>| Test::Group(Count { least, most }, Box::new(Test::All(tests)));
    let not =
        Test::Attribute { count: Count::default(), kinds: Places::one(3), is_in: false, values: Some(Places::one(9)) };
    for (test, passes) in [
        (any(1, 5), true),
        (any(1, 6), false),
        (any(1, 0), true),
        (is(1, 0, 2, 2), true),
        (is(1, 0, 1, 1), false),
        (is(4, 0, 0, 0), true),
        (not, false),
        (Test::All(vec![any(1, 7), any(2, 6)]), true),
        (group(1, u32::MAX, vec![any(1, 7), any(2, 6)]), false),
        (group(1, u32::MAX, vec![any(1, 5), any(2, 6)]), true),
        (group(1, u32::MAX, vec![any(2, 8), any(3, 9)]), false),
        (group(2, 2, vec![any(1, 0)]), true),
        (group(3, 9, vec![any(1, 0)]), false),
        (Test::Either(vec![any(4, 4), Test::At(Places::one(0))]), true),
        (Test::At(Places::one(1)), false),
    ] {
        assert_eq!(test.passes(0, &relations()), passes, "{test:?}");
    }
}

proptest! {
    /// Whatever is written, it is read or refused.
    #[test]
    fn any_text_is_read_or_refused(text in "[<>!^*(){}\\[\\]:.,|=#\"0-9 ARandorMINUS]{0,60}") {
        let _ = Constraint::read(&text);
    }
}
