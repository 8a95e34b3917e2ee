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
    let profiles = profiles(&package)?;
    let tables = [
        ("types", text::write_types(&rows.types)),
        ("params", text::write_params(&rows.params)),
        ("compartments", text::write_compartments(&rows.compartments)),
        ("operations", text::write_operations(&rows.operations)),
        ("codes", text::write_codes(&rows.value_sets)),
        ("terminology", compile::write_terminology(&definitions)),
        ("profiles", profiles),
        ("definitions", type_definitions(&definitions)),
    ];
    for (name, body) in tables {
        let head = format!("# FHIR R4: {name}. Made by scripts/make-tables from {source}; not to be edited.\n");
        fs::write(out.join(format!("{name}.txt")), head + &body)?;
    }
    Ok(())
}

/// R4's profiles and extensions, a line each: of each StructureDefinition no more than what is checked, without the
/// snapshot, which follows from the rest.
fn profiles(package: &Path) -> Result<String, Box<dyn Error>> {
    let mut lines = Vec::new();
    for file in fs::read_dir(package)? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with("StructureDefinition-") || !name.ends_with(".json") {
            continue;
        }
        let definition = read(&path)?;
        if definition["derivation"] == "constraint" {
            lines.push((definition["url"].to_string(), profile(definition).to_string()));
        }
    }
    lines.sort();
    Ok(lines.into_iter().map(|(_, line)| line + "\n").collect())
}

/// R4's types, a line each: of each StructureDefinition the differential, with what snapshots of profiles take over.
fn type_definitions(definitions: &[Value]) -> String {
    const MORE: [&str; 6] = ["short", "definition", "condition", "representation", "isSummary", "isModifierReason"];
    let is_type = |it: &&Value| {
        it["resourceType"] == "StructureDefinition" && it["derivation"] != "constraint" && it["kind"] != "logical"
    };
    let mut lines: Vec<_> = definitions
        .iter()
        .filter(is_type)
        .map(|it| (it["url"].to_string(), trimmed(it.clone(), &MORE).to_string()))
        .collect();
    lines.sort();
    lines.into_iter().map(|(_, line)| line + "\n").collect()
}

fn profile(definition: Value) -> Value {
    trimmed(definition, &["extension", "mustSupport"])
}

/// A StructureDefinition and its differential in their most important members, and those of elements that are named.
fn trimmed(mut definition: Value, more: &[&str]) -> Value {
    const KEPT: [&str; 7] = ["url", "version", "kind", "type", "baseDefinition", "derivation", "context"];
    const OF_ELEMENT: [&str; 12] = [
        "id",
        "path",
        "sliceName",
        "slicing",
        "min",
        "max",
        "type",
        "contentReference",
        "maxLength",
        "constraint",
        "binding",
        "isModifier",
    ];
    const OF_VALUES: [&str; 4] = ["fixed", "pattern", "minValue", "maxValue"];
    let is_kept = |name: &str| {
        OF_ELEMENT.contains(&name) || more.contains(&name) || OF_VALUES.iter().any(|it| name.starts_with(it))
    };
    let mut elements = definition["differential"]["element"].take();
    for element in elements.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        element.retain(|name, _| is_kept(name));
        for constraint in element.get_mut("constraint").and_then(Value::as_array_mut).into_iter().flatten() {
            constraint.as_object_mut().map(|it| it.remove("xpath"));
        }
    }
    let mut kept = definition.as_object().cloned().unwrap_or_default();
    kept.retain(|name, _| KEPT.contains(&name.as_str()));
    kept.insert("differential".to_owned(), serde_json::json!({ "element": elements }));
    Value::Object(kept)
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
