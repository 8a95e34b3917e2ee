//! How long FHIRPath takes: every search expression of a resource's type, and single expressions, on resources of
//! about 2 KB. Run with `cargo run --release -p fhir --example fhirpath_speed [FILE…]`.
#![allow(clippy::print_stdout)]

use fhir::json::Doc;
use fhir::path::{Context, Expression};
use fhir::spec::r4;
use std::hint::black_box;
use std::time::Instant;

const PATIENT: &str = include_str!("patient.json");
const OBSERVATION: &str = include_str!("observation.json");

const EXPRESSIONS: [&str; 12] = [
    "Patient.name.given",
    "Patient.birthDate",
    "Patient.telecom.where(system='phone')",
    "Patient.deceased.exists() and Patient.deceased != false",
    "Patient.link.other.where(resolve() is Patient)",
    "Patient.extension('http://hl7.org/fhir/us/core/StructureDefinition/us-core-race')",
    "Observation.value as Quantity",
    "Observation.subject.where(resolve() is Patient)",
    "(Observation.value as Quantity) | (Observation.component.value as Quantity)",
    "hasValue() or (children().count() > id.count())",
    "contained.contained.empty()",
    "value.empty() or component.code.where(coding.intersect(%resource.code.coding).exists()).empty()",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: Vec<String> = std::env::args().skip(1).map(std::fs::read_to_string).collect::<Result<_, _>>()?;
    let own = [PATIENT.to_string(), OBSERVATION.to_string()];
    for text in own.into_iter().chain(files) {
        report(&Doc::parse(text)?)?;
    }
    Ok(())
}

fn report(doc: &Doc) -> Result<(), Box<dyn std::error::Error>> {
    let context = Context::resource(doc.root()).ok_or("not an R4 resource")?;
    let name = doc.root().str("resourceType").unwrap_or_default();
    let of = r4().resource(name).ok_or("not an R4 resource")?;
    let params: Vec<_> = r4().params_of(of).into_iter().filter(|it| !it.expression.is_empty()).collect();
    let compiled = params.iter().map(|it| Expression::parse(&it.expression)).collect::<Result<Vec<_>, _>>()?;
    let mut found = 0;
    let all = micros(|| {
        found = 0;
        for expression in &compiled {
            let _ = expression.each_node(&context, |node| found += usize::from(black_box(node).value().is_some()));
        }
    });
    let each = all / compiled.len() as f64;
    println!(
        "{name}, {} bytes: {} search expressions, {found} values, {all:.2} µs, {each:.3} µs each",
        doc.source().len(),
        compiled.len()
    );
    for text in EXPRESSIONS {
        let expression = Expression::parse(text)?;
        println!(
            "  {:7.3} µs  {text}",
            micros(|| {
                let _ = black_box(expression.evaluate(&context));
            })
        );
    }
    Ok(())
}

/// The best of several runs: what the machine does besides only adds.
// Measuring is what this program is for.
#[allow(clippy::disallowed_methods)]
fn micros(mut work: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..30 {
        let start = Instant::now();
        for _ in 0..500 {
            work();
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / 500.0);
    }
    best
}
