//! Queries, each told twice: as a search and as FHIRPath.

use super::resources::{AMOUNTS, CODES, DATES, SYSTEMS, UCUM, URLS, WORDS};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A search on one resource type.
#[derive(Clone, Debug)]
pub struct Query {
    pub of: &'static str,
    pub clauses: Vec<Clause>,
}

/// One parameter.
#[derive(Clone, Debug)]
pub struct Clause {
    pub name: String,
    pub value: String,
    /// The same in FHIRPath, of the resource at the other end of the link.
    pub holds: String,
    pub link: Link,
}

/// Whether a clause is on the resource itself.
#[derive(Clone, Copy, Debug)]
pub enum Link {
    None,
    /// `subject:Patient.…` of an Observation.
    Subject,
    /// `_has:Observation:subject:…` of a Patient.
    HasObservation,
}

/// A value, and the FHIRPath that tells what it asks for.
type Told = (String, String);

pub fn query() -> impl Strategy<Value = Query> {
    let chained = patients().prop_map(|it| linked("subject:Patient.", it, Link::Subject));
    let reverse = observations().prop_map(|it| linked("_has:Observation:subject:", it, Link::HasObservation));
    let patients = vec(prop_oneof![4 => patients(), 1 => reverse], 1..3);
    let observations = vec(prop_oneof![6 => observations(), 1 => chained], 1..3);
    prop_oneof![
        2 => patients.prop_map(|clauses| Query { of: "Patient", clauses }),
        4 => observations.prop_map(|clauses| Query { of: "Observation", clauses }),
        1 => value_sets().prop_map(|clause| Query { of: "ValueSet", clauses: vec![clause] }),
    ]
}

fn linked(lead: &str, clause: Clause, link: Link) -> Clause {
    Clause { name: format!("{lead}{}", clause.name), link, ..clause }
}

/// Values joined by commas; with `:not` and its like none of them may hold.
fn clause(name: &str, values: Vec<Told>) -> Clause {
    let (values, holds): (Vec<_>, Vec<_>) = values.into_iter().unzip();
    let holds = holds.iter().map(|it| format!("({it})")).collect::<Vec<_>>().join(" or ");
    let is_turned = name.ends_with(":not") || name.ends_with(":not-in");
    let holds = if is_turned { format!("({holds}).not()") } else { holds };
    Clause { name: name.into(), value: values.join(","), holds, link: Link::None }
}

/// A clause on one of these names, each with its path, whose values `told` makes of the path.
fn on<T, S: Strategy<Value = Told>>(
    names: &'static [(&'static str, T)],
    told: impl Fn(&'static T) -> S + 'static,
) -> BoxedStrategy<Clause> {
    let clauses = (0..names.len()).prop_flat_map(move |at| {
        let (name, path) = &names[at];
        vec(told(path), 1..3).prop_map(move |values| clause(name, values))
    });
    clauses.boxed()
}

fn missing(names: &'static [(&'static str, &'static str)]) -> BoxedStrategy<Clause> {
    let clause = |((name, there), missing): (&(&str, &str), bool)| {
        let holds = format!("({there}) = {}", !missing);
        clause(&format!("{name}:missing"), vec![(missing.to_string(), holds)])
    };
    (select(names), any::<bool>()).prop_map(move |(named, missing)| clause((&named, missing))).boxed()
}

/// A token, and the condition on an element with `system` and this member.
fn token(member: &'static str) -> impl Strategy<Value = Told> {
    (select(&SYSTEMS[..]), select(&CODES[..]), 0..4_u8).prop_map(move |(system, code, form)| match form {
        0 => (code.to_owned(), format!("{member} = '{code}'")),
        1 => (format!("{system}|{code}"), format!("system = '{system}' and {member} = '{code}'")),
        2 => (format!("|{code}"), format!("system.empty() and {member} = '{code}'")),
        _ => (format!("{system}|"), format!("system = '{system}'")),
    })
}

fn coded(path: &'static str, member: &'static str) -> impl Strategy<Value = Told> {
    token(member).prop_map(move |(value, holds)| (value, format!("{path}.where({holds}).exists()")))
}

const SIGNS: [(&str, &str); 6] = [("gt", ">"), ("lt", "<"), ("ge", ">="), ("le", "<="), ("sa", ">"), ("eb", "<")];

/// A day, compared with dates of this path: `T` behind a literal makes it a dateTime.
fn day(path: &'static str, mark: &'static str) -> impl Strategy<Value = Told> {
    let sign = prop_oneof![select(&SIGNS[..]), Just(("", "=")), Just(("eq", "=")), Just(("ne", "!="))];
    (sign, select(&DATES[..])).prop_map(move |((prefix, sign), day)| {
        (format!("{prefix}{day}"), format!("{path}.where($this {sign} @{day}{mark}).exists()"))
    })
}

/// A day, compared with an observation's time or period (search.html#prefix).
fn effective() -> impl Strategy<Value = Told> {
    let cases = [
        ("gt", "end.empty() or end > $d"),
        ("lt", "start.empty() or start < $d"),
        ("ge", "start >= $d or end.empty() or end > $d"),
        ("le", "end <= $d or start.empty() or start < $d"),
        ("eq", "start >= $d and end <= $d"),
        ("sa", "start > $d"),
        ("eb", "end < $d"),
    ];
    (select(cases.to_vec()), select(&DATES[..])).prop_map(|((prefix, holds), day)| {
        let sign = SIGNS.iter().find(|it| it.0 == prefix).map_or("=", |it| it.1);
        let (period, literal) = (holds.replace("$d", &format!("@{day}T")), format!("@{day}T"));
        let time = format!("Observation.effective.ofType(dateTime).where($this {sign} {literal}).exists()");
        let period = format!("Observation.effective.ofType(Period).where({period}).exists()");
        (format!("{prefix}{day}"), format!("{time} or {period}"))
    })
}

/// A quantity, and the condition on a Quantity.
fn quantity() -> impl Strategy<Value = Told> {
    let sign = prop_oneof![select(&SIGNS[..]), Just(("", "=")), Just(("ne", "!="))];
    let unit = prop_oneof![
        Just((String::new(), "")),
        Just(("||mg".to_owned(), " and (code = 'mg' or unit = 'mg')")),
        Just((format!("|{UCUM}|mg"), " and system = 'http://unitsofmeasure.org' and code = 'mg'")),
        Just(("|urn:s|tab".to_owned(), " and system = 'urn:s' and code = 'tab'")),
    ];
    (sign, select(&AMOUNTS[..]), unit).prop_map(|((prefix, sign), amount, (unit, in_unit))| {
        // An exact value stands for all that round to it (search.html#number).
        let half = if amount.contains('.') { "0.05" } else { "0.5" };
        let is_equal = format!("value >= {amount} - {half} and value < {amount} + {half}");
        let compared = match sign {
            "=" => format!("({is_equal})"),
            "!=" => format!("({is_equal}).not()"),
            sign => format!("value {sign} {amount}"),
        };
        (format!("{prefix}{amount}{unit}"), format!("{compared}{in_unit}"))
    })
}

fn measured(path: &'static str) -> impl Strategy<Value = Told> {
    quantity().prop_map(move |(value, holds)| (value, format!("{path}.where({holds}).exists()")))
}

fn words(sign: &'static str) -> impl Fn(&'static &'static str) -> BoxedStrategy<Told> {
    move |path| {
        let word = (select(&WORDS[..]), 1..4_usize, any::<bool>());
        let told = word.prop_map(move |(word, length, is_upper)| {
            let part: String = word.chars().take(length).collect();
            let lower = part.to_lowercase();
            let asked = if is_upper { part.to_uppercase() } else { part };
            match sign {
                "=" => (word.to_owned(), format!("({path}).where($this = '{word}').exists()")),
                sign => (asked, format!("({path}).where(lower().{sign}('{lower}')).exists()")),
            }
        });
        told.boxed()
    }
}

fn patients() -> BoxedStrategy<Clause> {
    const ALL: &str = "Patient.name.family | Patient.name.given";
    let gender = |_: &'static ()| {
        let codes = select(&["male", "female", "unknown"][..]);
        codes.prop_map(|it| (it.to_owned(), format!("Patient.gender.where($this = '{it}').exists()")))
    };
    let of_type = |_: &'static ()| {
        (select(&SYSTEMS[..]), select(&CODES[..]), select(&CODES[..])).prop_map(|(system, of, value)| {
            let is_type = format!("type.coding.where(system = '{system}' and code = '{of}').exists()");
            let holds = format!("Patient.identifier.where(value = '{value}' and {is_type}).exists()");
            (format!("{system}|{of}|{value}"), holds)
        })
    };
    let in_set = |_: &'static ()| {
        let set = "http://hl7.org/fhir/ValueSet/administrative-gender".to_owned();
        Just((set, "Patient.gender.exists()".to_owned()))
    };
    prop_oneof![
        on(&[("gender", ()), ("gender:not", ())], gender),
        on(&[("gender:in", ()), ("gender:not-in", ())], in_set),
        on(&[("identifier", ()), ("identifier:not", ())], |()| coded("Patient.identifier", "value")),
        on(&[("identifier:of-type", ())], of_type),
        on(&[("birthdate", ())], |()| day("Patient.birthDate", "")),
        on(&[("name", ALL), ("family", "Patient.name.family"), ("given", "Patient.name.given")], words("startsWith")),
        on(&[("name:contains", ALL), ("given:contains", "Patient.name.given")], words("contains")),
        on(&[("name:exact", ALL), ("family:exact", "Patient.name.family")], words("=")),
        missing(&[
            ("gender", "gender.exists()"),
            ("birthdate", "birthDate.exists()"),
            ("identifier", "identifier.exists()"),
            ("given", "name.given.exists()"),
            ("active", "active.exists()"),
        ]),
    ]
    .boxed()
}

/// A composite's value, and the condition on a match.
fn composite(last: BoxedStrategy<Told>) -> impl Strategy<Value = Told> {
    let with_code = token("code").prop_filter("a code", |(value, _)| !value.ends_with('|'));
    (with_code, last).prop_map(|((code, is_code), (value, holds))| {
        (format!("{code}${value}"), format!("code.coding.where({is_code}).exists() and {holds}"))
    })
}

/// A clause on each of three composites: of the observation, of its components, of both.
fn composites(
    names: &'static [(&'static str, &'static str)],
    last: fn() -> BoxedStrategy<Told>,
) -> BoxedStrategy<Clause> {
    on(names, move |path| {
        composite(last()).prop_map(move |(value, holds)| (value, format!("({path}).where({holds}).exists()")))
    })
}

fn observations() -> BoxedStrategy<Clause> {
    const OWN: &str = "Observation";
    const PARTS: &str = "Observation.component";
    const BOTH: &str = "Observation | Observation.component";
    let subject = |_: &'static ()| {
        (0..9_u8).prop_map(|i| {
            (format!("Patient/r{i}"), format!("Observation.subject.where(reference = 'Patient/r{i}').exists()"))
        })
    };
    prop_oneof![
        on(&[("code", ()), ("code:not", ())], |()| coded("Observation.code.coding", "code")),
        on(&[("combo-code", ())], |()| coded("(Observation.code.coding | Observation.component.code.coding)", "code")),
        on(&[("value-concept", ())], |()| coded("Observation.value.ofType(CodeableConcept).coding", "code")),
        on(&[("subject", ()), ("patient", ())], subject),
        on(&[("subject:identifier", ())], |()| coded("Observation.subject.identifier", "value")),
        on(&[("date", ())], |()| effective()),
        on(&[("value-quantity", ())], |()| measured("Observation.value.ofType(Quantity)")),
        on(&[("component-value-quantity", ())], |()| measured("Observation.component.value.ofType(Quantity)")),
        composites(
            &[
                ("code-value-quantity", OWN),
                ("component-code-value-quantity", PARTS),
                ("combo-code-value-quantity", BOTH),
            ],
            || measured("value.ofType(Quantity)").boxed(),
        ),
        composites(
            &[
                ("code-value-concept", OWN),
                ("component-code-value-concept", PARTS),
                ("combo-code-value-concept", BOTH),
            ],
            || coded("value.ofType(CodeableConcept).coding", "code").boxed(),
        ),
        composites(&[("code-value-date", OWN)], || day("value.ofType(dateTime)", "T").boxed()),
        composites(&[("code-value-string", OWN)], || words("startsWith")(&"value.ofType(string)")),
        missing(&[
            ("code", "code.coding.exists()"),
            ("subject", "subject.exists()"),
            ("date", "effective.exists()"),
            ("value-quantity", "value.ofType(Quantity).exists()"),
            ("code-value-concept", "code.coding.exists() and value.ofType(CodeableConcept).coding.exists()"),
            (
                "combo-code-value-quantity",
                "(Observation | component).where(code.coding.exists() and value.ofType(Quantity).exists()).exists()",
            ),
        ]),
    ]
    .boxed()
}

fn value_sets() -> BoxedStrategy<Clause> {
    let whole = |_: &'static ()| select(&URLS[..]).prop_map(|url| (url.to_owned(), format!("url = '{url}'")));
    let below = |_: &'static ()| {
        let told = |url: &str| (url.to_owned(), format!("url = '{url}' or url.startsWith('{url}/')"));
        select(&URLS[..4]).prop_map(told)
    };
    let above = |_: &'static ()| {
        let told = |url: &str| (url.to_owned(), format!("url = '{url}' or '{url}'.startsWith(url & '/')"));
        select(&URLS[..4]).prop_map(told)
    };
    prop_oneof![
        on(&[("url", ())], whole),
        on(&[("url:below", ())], below),
        on(&[("url:above", ())], above),
        missing(&[("url", "url.exists()")]),
    ]
    .boxed()
}
