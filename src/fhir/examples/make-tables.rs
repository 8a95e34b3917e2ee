//! Compiles R4's definitions into the tables of `profiles/r4/`; run by `scripts/make-tables`, which says how.
//!
//! `make-tables PACKAGE OUT`: reads the unpacked npm package `hl7.fhir.r4.examples` in PACKAGE and writes the tables
//! to OUT.

use fhir::spec::{compile, text};
use serde_json::Value;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// The Bundles that hold the definitions R4 itself is made of, apart from the package's examples.
const BUNDLES: [&str; 7] =
    ["types", "resources", "searchParams", "valuesets", "v2-valuesets", "v3-valuesets", "conceptmaps"];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(package), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: make-tables PACKAGE OUT".into());
    };
    let source = source(&package)?;
    let mut definitions = Vec::new();
    for name in BUNDLES {
        definitions.extend(entries(&package.join(format!("Bundle-{name}.json")))?);
    }
    let rows = compile::rows(&definitions)?;
    let tables = [
        ("types", text::write_types(&rows.types)),
        ("params", text::write_params(&rows.params)),
        ("compartments", text::write_compartments(&rows.compartments)),
        ("operations", text::write_operations(&rows.operations)),
        ("codes", text::write_codes(&rows.value_sets)),
        ("terminology", compile::write_terminology(&definitions)),
    ];
    for (name, body) in tables {
        let head = format!("# FHIR R4: {name}. Made by scripts/make-tables from {source}; not to be edited.\n");
        fs::write(out.join(format!("{name}.txt")), head + &body)?;
    }
    Ok(())
}

/// Name, version and licence of the package, and who publishes it.
fn source(package: &Path) -> Result<String, Box<dyn Error>> {
    let manifest = read(&package.join("package.json"))?;
    let said = |name: &str| manifest[name].as_str().ok_or(format!("package.json has no {name}"));
    Ok(format!("the npm package {} {} by {} ({})", said("name")?, said("version")?, said("author")?, said("license")?))
}

fn entries(path: &Path) -> Result<Vec<Value>, Box<dyn Error>> {
    match read(path)?["entry"].take() {
        Value::Array(entries) => Ok(entries.into_iter().map(|mut it| it["resource"].take()).collect()),
        _ => Err(format!("{} is not a Bundle with entries", path.display()).into()),
    }
}

fn read(path: &Path) -> Result<Value, Box<dyn Error>> {
    let bytes = fs::read(path).map_err(|cause| format!("{}: {cause}", path.display()))?;
    Ok(serde_json::from_slice(&bytes)?)
}
