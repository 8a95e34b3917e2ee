//! The examples that R4 comes with: all are valid, but for those with a real fault.

use super::*;
use crate::json::Doc;
use crate::outcome::{IssueType, Severity};
use crate::r4_package::{files, package};
use std::path::Path;

const NO_TEXT: &str = "The narrative must have some text or an image";
const NO_BASE: &str = "base is required";
const NOT_ITS_URL: &str = "fullUrl must end with the type and id";
const NO_DEFINITION: &str = "sdf-4: If the structure is not abstract";

/// Examples with a fault, and what is said of it.
const FAULTY: &[(&str, &str)] = &[
    ("ActivityDefinition-blood-tubes-supply", NO_TEXT),
    ("ActivityDefinition-heart-valve-replacement", NO_TEXT),
    ("Bundle-10bb101f-a121-4264-a920-67be9cb82c74", NOT_ITS_URL),
    ("Bundle-3a0707d3-549e-4467-b8b8-5a2ab3800efe", NOT_ITS_URL),
    ("Bundle-dataelements", "bdl-7: FullUrl must be unique"),
    ("Bundle-lri-example", NOT_ITS_URL),
    ("DeviceMetric-example", "parent must point to one of: Device."),
    ("DeviceUseStatement-example", "reasonReference must point to"),
    ("EventDefinition-example", NO_TEXT),
    ("ImplementationGuide-fhir", "name is required"),
    ("MedicationRequest-medrx0301", "performer must point to one of: Organization."),
    ("Observation-clinical-gender", "performer must point to"),
    ("Questionnaire-qs1", "linkId is required"),
    ("Questionnaire-zika-virus-exposure-assessment", NO_TEXT),
    ("SearchParameter-codesystem-extensions-CodeSystem-author", NO_BASE),
    ("SearchParameter-codesystem-extensions-CodeSystem-effective", NO_BASE),
    ("SearchParameter-codesystem-extensions-CodeSystem-end", NO_BASE),
    ("SearchParameter-codesystem-extensions-CodeSystem-keyword", NO_BASE),
    ("SearchParameter-codesystem-extensions-CodeSystem-workflow", NO_BASE),
    // 65 characters.
    ("SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject", "id must be an id"),
    ("SearchParameter-valueset-extensions-ValueSet-author", NO_BASE),
    ("SearchParameter-valueset-extensions-ValueSet-effective", NO_BASE),
    ("SearchParameter-valueset-extensions-ValueSet-end", NO_BASE),
    ("SearchParameter-valueset-extensions-ValueSet-keyword", NO_BASE),
    ("SearchParameter-valueset-extensions-ValueSet-workflow", NO_BASE),
    ("StructureDefinition-Definition", NO_DEFINITION),
    ("StructureDefinition-Event", NO_DEFINITION),
    ("StructureDefinition-FiveWs", NO_DEFINITION),
    ("StructureDefinition-Request", NO_DEFINITION),
    ("ig-r4", "name is required"),
];

fn validate(path: &Path) -> Vec<Issue> {
    let text = std::fs::read_to_string(path).expect("an example is readable");
    let doc = Doc::parse(text).expect("an example is JSON");
    let demands = Demands { warnings: true, ..Demands::errors(References::Literal) };
    r4().check(doc.root(), &demands)
}

/// Warnings are for people to judge; that an invariant could not be checked is no warning for people.
fn is_fault(issue: &Issue) -> bool {
    issue.severity <= Severity::Error || issue.code == IssueType::NotSupported
}

#[test]
fn every_example_without_a_fault_is_valid() {
    let Some(files) = files() else { return };
    let mut wrong = Vec::new();
    let mut count = 0;
    for path in &files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "package" {
            continue;
        }
        count += 1;
        let issues = validate(path);
        let fault = FAULTY.iter().find(|(faulty, _)| *faulty == name).map(|(_, fault)| *fault);
        match fault {
            None => wrong.extend(issues.iter().filter(|it| is_fault(it)).map(|it| format!("{name}: {it:?}"))),
            Some(fault) if !issues.iter().any(|it| it.diagnostics.contains(fault)) => {
                wrong.push(format!("{name}: no issue says {fault:?}"));
            }
            _ => {}
        }
    }
    assert!(count > 4000, "only {count} examples");
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
}

/// Examples with an extension where its definition does not allow it.
const MISPLACED: &[(&str, &str)] = &[
    (
        "Bundle-valueset-expansions",
        "it is for string, code, markdown. (Profile http://hl7.org/fhir/StructureDefinition/translation.)",
    ),
    ("Bundle-valuesets", "it is for ValueSet.compose.include.concept."),
];

#[test]
fn examples_meet_the_profiles_they_claim() {
    let Some(package) = package() else { return };
    let members = |_: &str, _: Option<&str>, _: &str| None;
    let mut wrong = Vec::new();
    for path in std::fs::read_dir(package).expect("the package is readable").map(|it| it.unwrap().path()) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        // These are many, and of one kind.
        let is_other =
            ["ValueSet-", "CodeSystem-", "SearchParameter-", "package", "."].iter().all(|it| !name.starts_with(it));
        let is_faulty = FAULTY.iter().any(|(it, _)| *it == name);
        if !is_other || is_faulty || path.extension().is_none_or(|it| it != "json") {
            continue;
        }
        let doc =
            Doc::parse(std::fs::read_to_string(&path).expect("an example is readable")).expect("an example is JSON");
        let profiling = Profiling { known: Profiles::r4(), asked: &[], severity: Severity::Error, members: &members };
        let demands = Demands { profiling: Some(profiling), ..Demands::errors(References::Literal) };
        let is_known = |it: &Issue| MISPLACED.iter().any(|(of, words)| *of == name && it.diagnostics.contains(words));
        let issues = r4().check(doc.root(), &demands).into_iter().filter(|it| is_fault(it) && !is_known(it));
        wrong.extend(issues.map(|it| format!("{name}: {it:?}")));
    }
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
}
