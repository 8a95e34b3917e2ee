//! A profile by its elements, on what the resource of the sandbox is: it is refused, or held against a resource and comes
//! to an end, whatever its slices, patterns and expressions ask for.
#![no_main]

use fhir::Severity;
use fhir::json::Doc;
use fhir::validate::{self, AskedProfile, Demands, Profiles, Profiling, References};
use fuzz::{OBSERVATION, PATIENT};
use libfuzzer_sys::fuzz_target;

const URL: &str = "http://example.org/fuzzed";

fuzz_target!(|elements: &str| {
    for (of, resource) in [("Patient", PATIENT), ("Observation", OBSERVATION)] {
        let definition = format!(
            r#"{{"resourceType":"StructureDefinition","url":"{URL}","type":"{of}","derivation":"constraint","baseDefinition":"http://hl7.org/fhir/StructureDefinition/{of}","differential":{{"element":[{elements}]}}}}"#
        );
        let Ok(parsed) = Doc::parse(definition.as_str()) else { return };
        let known = Profiles::with([definition.clone()]);
        if known.accept(parsed.root()).is_err() {
            continue;
        }
        let resource = Doc::parse(resource).expect("the sandbox's resources are JSON");
        let members = |_: &str, _: Option<&str>, code: &str| Some(code.len() % 2 == 0);
        let asked = [AskedProfile { profile: URL.to_owned(), severity: Severity::Error }];
        let profiling = Profiling { known: &known, asked: &asked, severity: Severity::Error, members: &members };
        let demands = Demands { warnings: true, profiling: Some(profiling), ..Demands::errors(References::Literal) };
        let issues = validate::r4().check(resource.root(), &demands);
        assert!(issues.len() <= 202, "there are at most a hundred errors and a hundred warnings");
    }
});
