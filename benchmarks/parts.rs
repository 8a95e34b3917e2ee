//! The parts that every write passes, on a Patient and an Observation of about 2 KB, and what a start waits for: `cargo bench
//! -p benchmarks`.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use fhir::Severity;
use fhir::json::Doc;
use fhir::path::{Context, Expression};
use fhir::search::index::Indexer;
use fhir::search::{IndexSink, ParamId, Target, Unit};
use fhir::spec::{self, Spec};
use fhir::validate::{self, AskedProfile, Demands, Profiles, Profiling, References, Validator};

const RESOURCES: [(&str, &str); 2] = [
    ("Patient", include_str!("../src/fhir/examples/patient.json")),
    ("Observation", include_str!("../src/fhir/examples/observation.json")),
];

const EXPRESSIONS: [&str; 6] = [
    "Patient.name.given",
    "Patient.telecom.where(system='phone')",
    "(Observation.value as Quantity) | (Observation.component.value as Quantity)",
    "Observation.subject.where(resolve() is Patient)",
    "hasValue() or (children().count() > id.count())",
    "value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()",
];

/// What the medians are held against.
const AIMS: &str = "\
Aims, without parsing: validation of a Patient 25 µs, of an Observation 15 µs, both with R4's invariants; by a profile of ten
slices 60 µs; start_all 50 ms (what is not read at the start is read when it is first needed).";

fn main() {
    eprintln!("{AIMS}");
    divan::main();
}

/// R4's tables: types, search parameters, codes.
#[divan::bench]
fn start_tables() -> Spec {
    Spec::read_r4()
}

/// What is compiled of them for validation.
#[divan::bench]
fn start_validator(bencher: Bencher<'_, '_>) {
    let spec = Spec::read_r4();
    bencher.bench(|| Validator::new(black_box(&spec)).rules_of_types());
}

/// R4's profiles, as far as they are read before one is needed.
#[divan::bench]
fn start_profiles() -> Profiles {
    Profiles::read_r4()
}

/// All of it.
#[divan::bench]
fn start_all() -> (usize, Profiles) {
    let spec = Spec::read_r4();
    (Validator::new(&spec).rules_of_types(), Profiles::read_r4())
}

fn doc(text: &str) -> Doc {
    Doc::parse(text).expect("the sample is JSON")
}

#[divan::bench(args = RESOURCES.map(|it| it.0))]
fn json_doc(bencher: Bencher<'_, '_>, of: &str) {
    let text = text(of);
    bencher.counter(BytesCount::of_str(text)).bench(|| doc(black_box(text)));
}

#[divan::bench(args = RESOURCES.map(|it| it.0))]
fn json_serde_value(bencher: Bencher<'_, '_>, of: &str) {
    let text = text(of);
    bencher.counter(BytesCount::of_str(text)).bench(|| serde_json::from_str::<serde_json::Value>(black_box(text)));
}

#[divan::bench(args = RESOURCES.map(|it| it.0))]
fn validation(bencher: Bencher<'_, '_>, of: &str) {
    let doc = doc(text(of));
    let validator = validate::r4();
    bencher.bench(|| validator.resource(black_box(doc.root()), References::Literal));
}

/// A profile with ten slices of an element that the sample has several of, told by their systems.
fn profile_of_ten_slices(of: &str) -> String {
    let (element, member) = if of == "Patient" { ("identifier", "system") } else { ("category", "text") };
    let slice = |number: usize| {
        let path = format!("{of}.{element}");
        format!(
            r#",{{"id":"{path}:s{number}","path":"{path}","sliceName":"s{number}","max":"1"}},{{"id":"{path}:s{number}.{member}","path":"{path}.{member}","min":1,"patternString":"urn:slice:{number}"}}"#
        )
    };
    let slices: String = (0..10).map(slice).collect();
    format!(
        r#"{{"resourceType":"StructureDefinition","url":"{PROFILE}","type":"{of}","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/{of}","differential":{{"element":[{{"id":"{of}.{element}","path":"{of}.{element}","slicing":{{"discriminator":[{{"type":"value","path":"{member}"}}],"rules":"open"}}}}{slices}]}}}}"#
    )
}

const PROFILE: &str = "http://example.org/StructureDefinition/ten";

#[divan::bench(args = RESOURCES.map(|it| it.0))]
fn validation_by_profile_of_ten_slices(bencher: Bencher<'_, '_>, of: &str) {
    let doc = doc(text(of));
    let validator = validate::r4();
    let known = Profiles::with([profile_of_ten_slices(of)]);
    let members = |_: &str, _: Option<&str>, _: &str| None;
    let asked = [AskedProfile { profile: PROFILE.to_owned(), severity: Severity::Error }];
    let profiling = Profiling { known: &known, asked: &asked, severity: Severity::Error, members: &members };
    let demands = Demands { profiling: Some(profiling), ..Demands::errors(References::Literal) };
    assert!(validator.check(doc.root(), &demands).is_empty(), "the sample meets the profile");
    bencher.bench(|| validator.check(black_box(doc.root()), &demands));
}

#[divan::bench(args = RESOURCES.map(|it| it.0))]
fn index_entries(bencher: Bencher<'_, '_>, of: &str) {
    let doc = doc(text(of));
    let indexer = Indexer::new(spec::r4());
    let id = spec::r4().resource(of).expect("the sample is a resource");
    let count = || {
        let mut entries = Count(0);
        indexer.index(id, black_box(doc.root()), "http://localhost/fhir/bench", &mut entries);
        entries.0
    };
    // The first time, expressions are compiled.
    assert!(count() > 0, "the sample has index entries");
    bencher.bench(count);
}

#[divan::bench(args = EXPRESSIONS)]
fn fhirpath(bencher: Bencher<'_, '_>, expression: &str) {
    let of = if expression.contains("Patient.") { "Patient" } else { "Observation" };
    let doc = doc(text(of));
    let context = Context::resource(doc.root()).expect("the sample is a resource");
    let expression = Expression::parse(expression).expect("the expression is FHIRPath");
    bencher.bench(|| expression.evaluate(black_box(&context)).map(|it| it.len()));
}

fn text(of: &str) -> &'static str {
    RESOURCES.iter().find(|it| it.0 == of).map_or("", |it| it.1)
}

/// Counts what it is told.
struct Count(usize);

impl IndexSink for Count {
    fn present(&mut self, _: ParamId) {
        self.0 += 1;
    }

    fn token(&mut self, _: ParamId, _: Option<&str>, _: &str) {
        self.0 += 1;
    }

    fn system(&mut self, _: ParamId, _: &str) {
        self.0 += 1;
    }

    fn string(&mut self, _: ParamId, _: &str) {
        self.0 += 1;
    }

    fn date(&mut self, _: ParamId, _: i64, _: i64) {
        self.0 += 1;
    }

    fn number(&mut self, _: ParamId, _: f64, _: f64) {
        self.0 += 1;
    }

    fn quantity(&mut self, _: ParamId, _: Unit<'_>, _: f64, _: f64) {
        self.0 += 1;
    }

    fn reference(&mut self, _: ParamId, _: &Target<'_>) {
        self.0 += 1;
    }

    fn uri(&mut self, _: ParamId, _: &str) {
        self.0 += 1;
    }
}
