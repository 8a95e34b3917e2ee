//! RxNorm in Rich Release Format (rxnorm.html): its own names, what they stand to one another, its own attributes, and semantic
//! types; of other sources which concepts they have, too.

use super::lines::Table;
use super::{Choices, Files, one};
use fhir::terminology::release::{Draft, DraftConcept, DraftDesignation, DraftValue};
use fhir::{Failure, IssueType, Result};
use std::collections::{BTreeMap, BTreeSet};

const URL: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
const OWN: &str = "RXNORM";
/// Types of names that are not the one to be shown: synonyms, and names for prescribing and for tall letters.
const SYNONYMS: [&str; 4] = ["SY", "TMSY", "ET", "PSN"];

/// Each line ends with a separator, behind which there is nothing.
const CONSO: &[&str] = &[
    "RXCUI", "LAT", "TS", "LUI", "STT", "SUI", "ISPREF", "RXAUI", "SAUI", "SCUI", "SDUI", "SAB", "TTY", "CODE", "STR",
    "SRL", "SUPPRESS", "CVF", "",
];
const REL: &[&str] = &[
    "RXCUI1", "RXAUI1", "STYPE1", "REL", "RXCUI2", "RXAUI2", "STYPE2", "RELA", "RUI", "SRUI", "SAB", "SL", "DIR", "RG",
    "SUPPRESS", "CVF", "",
];
const SAT: &[&str] =
    &["RXCUI", "LUI", "SUI", "RXAUI", "STYPE", "CODE", "ATUI", "SATUI", "ATN", "SAB", "ATV", "SUPPRESS", "CVF", ""];
const STY: &[&str] = &["RXCUI", "TUI", "STN", "STY", "ATUI", "CVF", ""];

pub(super) fn read(files: &dyn Files, _: &Choices) -> Result<Draft> {
    let mut draft = Draft::new(URL, "RxNorm");
    draft.has_subsumption = false;
    draft.version = version(files);
    let file = |name: &str| one(files, name, |it| it.eq_ignore_ascii_case(name));
    let Some(names) = file("RXNCONSO.RRF")? else {
        return Err(Failure::new(IssueType::NotFound, "There is no file RXNCONSO.RRF among the files."));
    };
    concepts(files, &names, &mut draft)?;
    if let Some(relations) = file("RXNREL.RRF")? {
        relationships(files, &relations, &mut draft)?;
    }
    if let Some(attributes) = file("RXNSAT.RRF")? {
        read_attributes(files, &attributes, &mut draft)?;
    }
    if let Some(types) = file("RXNSTY.RRF")? {
        Table::bare(files, &types, '|', STY)?.each(|row| {
            // Other sources' concepts have types, too.
            if let (Some(code), Some(kind)) = (row.first(), row.get(1))
                && let Some(concept) = draft.concept(code)
            {
                concept.say("STY", DraftValue::Code((*kind).to_owned()));
            }
            Ok(())
        })?;
    }
    Ok(draft)
}

/// The date that the folder's name tells: `RxNorm_full_01062025`.
fn version(files: &dyn Files) -> String {
    let names = files.names();
    let parts = names.iter().flat_map(|it| it.split('/')).filter(|it| it.to_ascii_lowercase().starts_with("rxnorm_"));
    let dates = parts.flat_map(|it| it.split(['_', '.'])).filter(|it| it.len() == 8);
    let mut dates = dates.filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
    dates.next().unwrap_or_default().to_owned()
}

fn concepts(files: &dyn Files, name: &str, draft: &mut Draft) -> Result<()> {
    // Of each concept, in the order of the draft, whether it has a name to be shown, and one that is in use.
    let mut known: Vec<(bool, bool)> = Vec::new();
    let mut sources: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    Table::bare(files, name, '|', CONSO)?.each(|row| {
        let (Some(code), Some(source), Some(kind)) = (row.first(), row.get(11), row.get(12)) else {
            return Err(String::new());
        };
        let (Some(name), Some(suppressed)) = (row.get(14), row.get(16)) else { return Err(String::new()) };
        if code.is_empty() || !code.bytes().all(|it| it.is_ascii_digit()) {
            return Err("a number in RXCUI".to_owned());
        }
        if !sources.get(*code).is_some_and(|it| it.contains(*source)) {
            sources.entry((*code).to_owned()).or_default().insert((*source).to_owned());
        }
        if *source != OWN {
            return Ok(());
        }
        let (is_shown, is_used) = (!SYNONYMS.contains(kind), *suppressed == "N");
        if draft.position(code).is_none() {
            draft.add(DraftConcept::named(code, name)).map_err(|it| it.to_string())?;
            known.push((false, false));
        }
        let at = draft.position(code).unwrap_or_default() as usize;
        let (Some(concept), Some(known)) = (draft.concept(code), known.get_mut(at)) else { return Err(String::new()) };
        if is_shown && !known.0 {
            concept.display = Some((*name).to_owned());
        }
        *known = (known.0 || is_shown, known.1 || is_used);
        let value = (*name).to_owned();
        concept.designations.push(DraftDesignation { language: Some("en".into()), usage: None, origin: None, value });
        if !concept.properties.iter().any(|it| it.code == "TTY" && it.is(kind)) {
            concept.say("TTY", DraftValue::Code((*kind).to_owned()));
        }
        Ok(())
    })?;
    for (concept, (_, is_used)) in draft.concepts_mut().iter_mut().zip(known) {
        let display = concept.display.clone();
        concept.designations.retain(|it| Some(&it.value) != display.as_ref());
        if !is_used {
            concept.say("inactive", DraftValue::Flag(true));
        }
        for source in sources.remove(&concept.code).into_iter().flatten() {
            concept.say("SAB", DraftValue::Code(source));
        }
    }
    Ok(())
}

/// What RxNorm itself says of its concepts: strengths, forms, national drug codes.
fn read_attributes(files: &dyn Files, name: &str, draft: &mut Draft) -> Result<()> {
    Table::bare(files, name, '|', SAT)?.each(|row| {
        let [code, _, _, _, _, _, _, _, attribute, source, value, suppressed, ..] = row else {
            return Err(String::new());
        };
        if *source != OWN || *suppressed != "N" {
            return Ok(());
        }
        if attribute.is_empty() {
            return Err("a name in ATN".to_owned());
        }
        let concept = draft.concept(code).ok_or("a concept of RXNCONSO.RRF in RXCUI")?;
        if !concept.properties.iter().any(|it| it.code == *attribute && it.is(value)) {
            concept.say(attribute, DraftValue::Text((*value).to_owned()));
        }
        Ok(())
    })
}

/// The second concept of a row stands to the first as it says; a filter names the other as `CUI:` with its code.
fn relationships(files: &dyn Files, name: &str, draft: &mut Draft) -> Result<()> {
    Table::bare(files, name, '|', REL)?.each(|row| {
        let [first, _, stands, relation, second, _, _, attribute, _, _, source, ..] = row else {
            return Err(String::new());
        };
        if *source != OWN || *stands != "CUI" {
            return Ok(());
        }
        if draft.position(first).is_none() {
            return Err("a concept of RXNCONSO.RRF in RXCUI1".to_owned());
        }
        let concept = draft.concept(second).ok_or("a concept of RXNCONSO.RRF in RXCUI2")?;
        for code in [relation, attribute].into_iter().filter(|it| !it.is_empty()) {
            concept.say(code, DraftValue::Text(format!("CUI:{first}")));
        }
        Ok(())
    })
}
