//! Code systems from their publishers' own files: SNOMED CT (RF2), LOINC (tables of commas), RxNorm (RRF), ICD-10 (ClaML) and
//! ICD-10-CM (its tabular list in XML, or its order file). What they are is told by their names and headers. A file that is not what it should be is
//! refused with the line and what was expected there; nothing is left out in silence.

mod claml;
mod icd10cm;
mod icd10cm_tabular;
mod lines;
mod loinc;
mod rf2;
mod rxnorm;
#[cfg(test)]
mod tests;
mod xml;

use fhir::outcome::shown;
use fhir::terminology::release::Draft;
use fhir::{Failure, IssueType, Result};
use std::io::BufRead;

/// The files of a release, wherever they are: a folder, an archive.
pub trait Files {
    /// Their paths, with `/` between folders.
    fn names(&self) -> Vec<String>;
    /// Opens one.
    fn open<'f>(&'f self, name: &str) -> std::io::Result<Box<dyn BufRead + 'f>>;
}

/// What the files do not tell, or are not to be believed in.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// URL of the code system.
    pub system: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// SNOMED CT: the edition, by its module.
    pub edition: Option<String>,
    /// SNOMED CT: the language reference set whose preferred terms are shown.
    pub language: Option<String>,
}

/// Reads the one release that is among some files.
pub fn read(files: &dyn Files, choices: &Choices) -> Result<Draft> {
    let all = files.names();
    let has = |test: &dyn Fn(&str) -> bool| all.iter().any(|it| test(base(it)));
    let mut found: Vec<Reader> = Vec::new();
    if has(&|it| it.starts_with("sct2_")) {
        found.push(rf2::read);
    }
    if has(&|it| it.eq_ignore_ascii_case("Loinc.csv")) {
        found.push(loinc::read);
    }
    if has(&|it| it.eq_ignore_ascii_case("RXNCONSO.RRF")) {
        found.push(rxnorm::read);
    }
    // The tabular list has the codes of the order file, and the chapters and sections above them.
    if has(&icd10cm_tabular::is_tabular) {
        found.push(icd10cm_tabular::read);
    } else if has(&icd10cm::is_order_file) {
        found.push(icd10cm::read);
    }
    if has(&|it| it.to_ascii_lowercase().ends_with(".xml")) && found.is_empty() {
        found.push(claml::read);
    }
    let mut draft = match found.as_slice() {
        [only] => only(files, choices)?,
        [] => {
            let told = "There is no code system among the files: expected SNOMED CT's sct2_Concept_Snapshot_….txt, Loinc.csv, \
                 RXNCONSO.RRF, icd10cm_tabular_YYYY.xml or icd10cm_order_YYYY.txt, or ClaML in an .xml file.";
            return Err(Failure::new(IssueType::NotFound, told));
        }
        _ => {
            return Err(Failure::new(
                IssueType::Invalid,
                "There are several code systems among the files; load each by itself.",
            ));
        }
    };
    if let Some(system) = &choices.system {
        draft.url.clone_from(system);
    }
    if let Some(version) = &choices.version {
        draft.version.clone_from(version);
    }
    if draft.url.is_empty() {
        return Err(untold("URL", "--system URL"));
    }
    if draft.version.is_empty() {
        return Err(untold("version", "--release VERSION"));
    }
    Ok(draft)
}

type Reader = fn(&dyn Files, &Choices) -> Result<Draft>;

fn untold(what: &str, flag: &str) -> Failure {
    Failure::new(IssueType::Required, format!("The files do not tell the code system's {what}; give it by {flag}."))
}

/// The last part of a path.
fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The paths of the files whose names pass.
fn named(files: &dyn Files, test: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found: Vec<String> = files.names().into_iter().filter(|it| test(base(it))).collect();
    found.sort();
    found
}

/// The one file whose name passes, or none.
fn one(files: &dyn Files, what: &str, test: impl Fn(&str) -> bool) -> Result<Option<String>> {
    let mut found = named(files, test);
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(Failure::new(
            IssueType::Invalid,
            format!("There are several files {what}; name the one that is meant."),
        )),
    }
}

fn open<'f>(files: &'f dyn Files, name: &str) -> Result<Box<dyn BufRead + 'f>> {
    files.open(name).map_err(|cause| {
        let mut failure = Failure::new(IssueType::NotFound, format!("{} cannot be read.", shown(name)));
        failure.cause = Some(Box::new(cause));
        failure
    })
}

/// That a line of a file is not what it should be.
fn wrong(name: &str, line: u64, expected: &str) -> Failure {
    let told = format!("{} line {line}: expected {expected}.", base(name));
    Failure::new(IssueType::Structure, told)
}
