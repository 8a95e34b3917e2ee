use super::*;
use crate::search::{ParamId, Shelf, TokenTest};
use crate::spec::r4;

fn filter(of: &str, text: &str) -> Result<Clause> {
    Query { spec: r4(), of: r4().resource(of).unwrap(), base: "http://here", now: 0, codes: &crate::search::NO_CODES }
        .clause("_filter", text)
}

/// What an ordinary parameter asks for.
fn plain(of: &str, name: &str, value: &str) -> Clause {
    Query { spec: r4(), of: r4().resource(of).unwrap(), base: "http://here", now: 0, codes: &crate::search::NO_CODES }
        .clause(name, value)
        .unwrap()
}

fn and(parts: Vec<Clause>) -> Clause {
    Clause::Any(vec![Test::All(parts)])
}

/// The examples of search_filter.html.
#[test]
fn the_examples_of_the_standard() {
    assert_eq!(filter("Patient", r#"name co "pet""#).unwrap(), plain("Patient", "name:contains", "pet"));
    let given = Clause::Any(vec![Test::String(ParamId::of("Patient", "given"), StringTest::Folded("peter".into()))]);
    assert_eq!(
        filter("Patient", r#"given eq "peter" and birthdate ge 2014-10-10"#).unwrap(),
        and(vec![given, plain("Patient", "birthdate", "ge2014-10-10")])
    );
    assert_eq!(
        filter("Observation", "code eq http://loinc.org|1234-5").unwrap(),
        plain("Observation", "code", "http://loinc.org|1234-5")
    );
    // R4 has no search parameter of this name.
    let told = filter("Observation", r#"related[type eq "has-component"].target pr true"#).unwrap_err();
    assert!(told.told().contains("related"), "{told:?}");
}

#[test]
fn chains_are_chains() {
    assert_eq!(filter("Encounter", r#"patient.name sw "pet""#).unwrap(), plain("Encounter", "patient.name", "pet"));
    assert_eq!(
        filter("Encounter", "part-of.patient.gender eq female").unwrap(),
        plain("Encounter", "part-of.patient.gender", "female")
    );
    let deep = format!("{}status eq planned", "part-of.".repeat(9));
    assert!(filter("Encounter", &deep).unwrap_err().told().contains("links"));
}

/// What stands in brackets holds of the very resource that is compared.
#[test]
fn brackets_narrow_what_a_link_leads_to() {
    let patient = |parts: Vec<Clause>| {
        let param = ParamId::of("Encounter", "patient");
        Clause::Any(vec![Test::Chain { param, is_single: true, of: "Patient".into(), filter: vec![and(parts)] }])
    };
    let (male, name) = (plain("Patient", "gender", "male"), plain("Patient", "name", "pet"));
    let read = filter("Encounter", r#"patient[gender eq male].name sw "pet""#).unwrap();
    assert_eq!(read, patient(vec![male.clone(), name.clone()]));
    let either = Clause::Any([male, plain("Patient", "active", "true")].into_iter().flat_map(alternatives).collect());
    let read = filter("Encounter", r#"patient[(gender eq male or active eq true)].name sw pet"#).unwrap();
    assert_eq!(read, patient(vec![either, name]));
    let inner = filter("Encounter", "part-of[status eq planned].patient[gender eq male].name sw pet").unwrap();
    assert!(format!("{inner:?}").matches("Chain").count() == 2, "{inner:?}");
}

#[test]
fn and_and_or_go_from_left_to_right() {
    let (a, b, c) = (
        plain("Patient", "gender", "male"),
        plain("Patient", "active", "true"),
        plain("Patient", "birthdate", "lt2000"),
    );
    let either = |parts: Vec<Clause>| Clause::Any(parts.into_iter().flat_map(alternatives).collect());
    let read = |text: &str| filter("Patient", text).unwrap();
    let (x, y, z) = ("gender eq male", "active eq true", "birthdate lt 2000");
    assert_eq!(read(&format!("{x} or {y} and {z}")), and(vec![either(vec![a.clone(), b.clone()]), c.clone()]));
    assert_eq!(read(&format!("{x} and {y} or {z}")), either(vec![and(vec![a.clone(), b.clone()]), c.clone()]));
    assert_eq!(read(&format!("{x} or ({y} and {z})")), either(vec![a.clone(), and(vec![b.clone(), c.clone()])]));
    assert_eq!(read(&format!("{x} and {y} and {z}")), and(vec![a.clone(), b.clone(), c.clone()]));
    assert_eq!(read(&format!("not({x} or {y})")), Clause::None(alternatives(either(vec![a, b]))));
    let not = Clause::None(alternatives(c));
    assert_eq!(read(&format!("not (not ({z}))")), Clause::None(vec![Test::All(vec![not])]));
}

#[test]
fn operators_by_the_parameters_type() {
    let date = |range| Clause::Any(vec![Test::Date(ParamId::of("Patient", "birthdate"), vec![range])]);
    let Clause::Any(within) = plain("Patient", "birthdate", "2000") else { unreachable!() };
    let [Test::Date(_, ranges)] = within.as_slice() else { unreachable!() };
    let [RangeTest::Within(low, high)] = ranges.as_slice() else { unreachable!() };
    assert_eq!(filter("Patient", "birthdate po 2000").unwrap(), date(RangeTest::Overlaps(*low, *high)));
    for (of, text, name, value) in [
        ("Patient", "birthdate sa 2000-01", "birthdate", "sa2000-01"),
        ("Patient", "birthdate ap 2000-01", "birthdate", "ap2000-01"),
        (
            "Observation",
            "value-quantity gt 5.4|http://unitsofmeasure.org|mg",
            "value-quantity",
            "gt5.4|http://unitsofmeasure.org|mg",
        ),
        ("Observation", "subject re Patient/1", "subject", "Patient/1"),
        ("Observation", "code-value-quantity eq a$gt5", "code-value-quantity", "a$gt5"),
        ("Location", "near eq 1|2|3|km", "near", "1|2|3|km"),
        ("Patient", r#"identifier eq "a,b\\c|d""#, "identifier", r"a\,b\\c|d"),
        ("Patient", "gender pr true", "gender:missing", "false"),
        ("Patient", "gender pr false", "gender:missing", "true"),
    ] {
        assert_eq!(filter(of, text).unwrap(), plain(of, name, value), "{text}");
    }
    let gender = ParamId::of("Patient", "gender");
    let male = Test::Token(gender, TokenTest::Code("male".into()));
    let present = Clause::Any(vec![Test::Present(gender, Shelf::Key)]);
    assert_eq!(filter("Patient", "gender ne male").unwrap(), and(vec![present, Clause::None(vec![male])]));
}

#[test]
fn what_cannot_be_answered_is_refused_with_a_reason() {
    for (text, told) in [
        ("code ss 1", "[system]|[code]"),
        ("date sb 2020", "does not go with date"),
        ("code sw 12", "does not go with code"),
        ("category ne x", "several values"),
        ("date gt soon", "date"),
        ("code like 1", "operator like"),
        ("shoe-size eq 43", "shoe-size"),
        ("subject.shoe-size eq 43", "shoe-size"),
        ("code pr maybe", "true or false"),
        ("", "at character 1"),
        ("code", "operator"),
        ("code eq", "a value is expected"),
        (r#"code eq "x"#, "not ended"),
        ("code eq x and", "name of a search parameter"),
        ("(code eq x", "closing parenthesis"),
        ("code eq x code eq y", "'and', 'or'"),
        ("code eq x)", "'and', 'or'"),
        ("code[status eq final].subject eq x", "not a reference"),
        ("subject[gender eq male] eq x", "behind the brackets"),
        ("subject[gender eq male.name eq x", "closing bracket"),
        ("subject[shoe-size eq 43].name eq x", "shoe-size"),
    ] {
        let Err(QueryError::Invalid(refusal)) = filter("Observation", text) else { panic!("{text} is read") };
        assert!(refusal.contains(told), "{text}: {refusal}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let nested = |n: usize| format!("{}status eq final{}", "(".repeat(n), ")".repeat(n));
    assert!(filter("Observation", &nested(16)).is_ok());
    assert!(filter("Observation", &nested(17)).is_err());
    assert!(filter("Observation", &nested(100_000)).is_err());
    assert!(filter("Observation", &"not(".repeat(100_000)).is_err());
    assert!(filter("Observation", &"subject[".repeat(100_000)).is_err());
    let many = |n: usize, join: &str| vec!["status eq final"; n].join(join);
    assert!(filter("Observation", &many(100, " or ")).is_ok());
    assert!(filter("Observation", &many(101, " or ")).is_err());
    assert!(filter("Observation", &many(60, " or status eq x and ")).is_err());
}
