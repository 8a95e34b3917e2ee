//! Settings files: `medisync config schema` prints a JSON Schema (draft 2020-12), and a file is right by it just where the program
//! takes it.

use conformance_tests::Program;
use serde_json::Value;
use std::path::PathBuf;

/// Values that stand in settings files, rightly or not, as TOML and JSON both write them: each is tried with each setting.
const VALUES: [&str; 60] = [
    "0",
    "1",
    "4096",
    "-1",
    "1.5",
    "true",
    "[1]",
    "\"\"",
    "\" \"",
    "\"0\"",
    "\"12\"",
    "\"-3\"",
    "\"many\"",
    "\"auto\"",
    "\"none\"",
    "\"any\"",
    "\"all\"",
    "\"open\"",
    "\"closed\"",
    "\"approval\"",
    "\"error\"",
    "\"warning\"",
    "\"fatal\"",
    "\"imports\"",
    "\"text\"",
    "\"json\"",
    "\"xml\"",
    "\"pool\"",
    "\"schema\"",
    "\"database\"",
    "\"cloud\"",
    "\"loopback\"",
    "\"4 KiB\"",
    "\"2GiB\"",
    "\"64MB\"",
    "\"5 km\"",
    "\"30s\"",
    "\"250 ms\"",
    "\"1h\"",
    "\"90\"",
    "\"127.0.0.1:8080\"",
    "\"[::1]:0\"",
    "\"localhost\"",
    "\"10.0.0.0/8\"",
    "\"10.0.0.0/8, ::1\"",
    "\"https://fhir.example.org\"",
    "\"https://fhir.example.org/a?b\"",
    "\"https://a.example, http://localhost:3000\"",
    "\"fhir.example.org\"",
    "\"a.internal, b.internal\"",
    "\"*.internal\"",
    "\"eu\"",
    "\"eu,us-east\"",
    "\"EU\"",
    "\"postgres://u:p@h/d\"",
    "\"sqlite:./data\"",
    "\"mysql://h/d\"",
    "\"smtp://mail.example.org:25\"",
    "\"folder:./mails\"",
    "\"North Clinic <noreply@example.org>\"",
];

fn schema(program: &Program) -> Value {
    let output = program.command(&["config", "schema"]).output().expect("the program runs");
    serde_json::from_slice(&output.stdout).expect("the schema is JSON")
}

/// Each setting with each value.
fn lines(schema: &Value) -> Vec<(&str, &'static str)> {
    let settings = schema["properties"].as_object().expect("settings");
    assert!(settings.len() > 30, "{}", settings.len());
    settings.keys().flat_map(|key| VALUES.iter().map(move |value| (key.as_str(), *value))).collect()
}

/// Whether the program takes a file with each of these lines alone.
fn taken(program: &Program, lines: &[(&str, &str)]) -> Vec<bool> {
    let files: Vec<PathBuf> =
        (0..lines.len()).map(|at| program.directory().join(format!("settings-{at}.toml"))).collect();
    for (file, (key, value)) in files.iter().zip(lines) {
        std::fs::write(file, format!("{key} = {value}")).expect("a file");
    }
    let names: Vec<&str> = files.iter().map(|it| it.to_str().expect("UTF-8")).collect();
    let mut taken = Vec::new();
    for names in names.chunks(500) {
        let output = program.command(&[&["config", "check"], names].concat()).output().expect("the program runs");
        let told = String::from_utf8(output.stdout).expect("UTF-8");
        taken.extend(told.lines().map(|it| it.ends_with(": nothing is wrong")));
        assert_eq!(output.status.success(), taken.iter().rev().take(names.len()).all(|it| *it));
    }
    assert_eq!(taken.len(), lines.len(), "a line for each file");
    taken
}

#[test]
fn the_schema_is_a_schema() {
    let Some(program) = Program::fresh() else { return };
    let schema = schema(&program);
    assert!(jsonschema::meta::is_valid(&schema), "{:?}", jsonschema::meta::validate(&schema));
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for (key, property) in schema["properties"].as_object().expect("settings") {
        let default = serde_json::json!({ key: property["default"] });
        assert!(validator.is_valid(&default), "{key} is not its own default");
    }
    assert!(!validator.is_valid(&serde_json::json!({ "max-bodies": 3 })), "an unknown setting");
}

#[test]
fn what_is_right_by_the_schema_is_taken() {
    let Some(program) = Program::fresh() else { return };
    let schema = schema(&program);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let lines = lines(&schema);
    let by_program = taken(&program, &lines);
    let differs = lines.iter().zip(&by_program).filter_map(|((key, value), is_taken)| {
        let said: Value = serde_json::from_str(value).expect("JSON");
        let is_right = validator.is_valid(&serde_json::json!({ *key: said }));
        (is_right != *is_taken).then(|| format!("{key} = {value}: right by the schema: {is_right}"))
    });
    let differs: Vec<String> = differs.collect();
    assert!(differs.is_empty(), "{} differ:\n{}", differs.len(), differs.join("\n"));
    let right = by_program.iter().filter(|it| **it).count();
    assert!(right > 300 && lines.len() - right > 300, "{right} of {}", lines.len());
}
