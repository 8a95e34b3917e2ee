//! LOINC (loinc.html): the table of its terms, and where they are among the files the hierarchy of parts, the parts and the
//! lists of answers.

use super::lines::Tail;
use super::{Choices, Files, one, open, wrong};
use csv::StringRecord;
use fhir::terminology::release::{Draft, DraftConcept, DraftDesignation, DraftValue, later};
use fhir::{Failure, IssueType, Result};

const URL: &str = "http://loinc.org";

/// The columns that are properties by which may be filtered (loinc.html#filters).
const PROPERTIES: [&str; 10] = [
    "COMPONENT",
    "PROPERTY",
    "TIME_ASPCT",
    "SYSTEM",
    "SCALE_TYP",
    "METHOD_TYP",
    "CLASS",
    "STATUS",
    "CLASSTYPE",
    "ORDER_OBS",
];

pub(super) fn read(files: &dyn Files, _: &Choices) -> Result<Draft> {
    let mut draft = Draft::new(URL, "LOINC");
    // "LOINC codes are not case sensitive."
    draft.is_case_sensitive = false;
    let file = |names: &[&str]| one(files, names[0], |it| names.iter().any(|name| it.eq_ignore_ascii_case(name)));
    let Some(terms) = file(&["Loinc.csv"])? else {
        return Err(Failure::new(IssueType::NotFound, "There is no file Loinc.csv among the files."));
    };
    read_terms(files, &terms, &mut draft)?;
    if let Some(parts) = file(&["Part.csv"])? {
        each(files, &parts, ["PartNumber", "PartName"], |[code, name], _| {
            let _ = draft.add(DraftConcept::named(&code.to_uppercase(), name)).map_err(|it| it.to_string())?;
            Ok(())
        })?;
    }
    if let Some(hierarchy) = file(&["MultiAxialHierarchy.csv", "ComponentHierarchyBySystem.csv"])? {
        read_hierarchy(files, &hierarchy, &mut draft)?;
    }
    if let Some(answers) = file(&["AnswerList.csv"])? {
        read_answers(files, &answers, &mut draft)?;
    }
    if let Some(links) = file(&["LoincAnswerListLink.csv"])? {
        say_each(files, &links, ["LoincNumber", "AnswerListId"], &mut draft, |_, list| {
            Some(("answer-list".to_owned(), list.to_uppercase()))
        })?;
    }
    for links in ["LoincPartLink_Primary.csv", "LoincPartLink_Supplementary.csv"] {
        let Some(links) = file(&[links])? else { continue };
        say_each(files, &links, ["LoincNumber", "PartNumber"], &mut draft, |row, part| {
            // A URL such as http://loinc.org/property/COMPONENT.
            let property = row.get("Property")?.rsplit('/').next()?;
            Some((property.to_owned(), part.to_uppercase()))
        })?;
    }
    Ok(draft)
}

/// Gives terms a code as a property, which `said` makes of each row and its second column.
fn say_each(
    files: &dyn Files,
    name: &str,
    columns: [&str; 2],
    draft: &mut Draft,
    said: impl Fn(&Row<'_>, &str) -> Option<(String, String)>,
) -> Result<()> {
    each(files, name, columns, |[term, code], row| {
        let (property, code) = said(row, code).ok_or("a column Property")?;
        let concept = draft.concept(&term.to_uppercase()).ok_or("a code of Loinc.csv in LoincNumber")?;
        let is_said = concept.properties.iter().any(|it| it.code == property && it.is(&code));
        if !is_said {
            concept.say(&property, DraftValue::Code(code));
        }
        Ok(())
    })
}

fn read_terms(files: &dyn Files, name: &str, draft: &mut Draft) -> Result<()> {
    let mut latest = String::new();
    each(files, name, ["LOINC_NUM", "LONG_COMMON_NAME", "STATUS"], |[code, display, status], row| {
        if code.is_empty() || display.is_empty() {
            return Err("a code in LOINC_NUM and a name in LONG_COMMON_NAME".to_owned());
        }
        let mut concept = DraftConcept::named(&code.to_uppercase(), display);
        for other in ["SHORTNAME", "DisplayName"].iter().filter_map(|it| row.get(it)).filter(|it| !it.is_empty()) {
            let designation =
                DraftDesignation { language: Some("en".into()), usage: None, origin: None, value: other.to_owned() };
            concept.designations.push(designation);
        }
        for property in PROPERTIES {
            if let Some(value) = row.get(property).filter(|it| !it.is_empty()) {
                concept.say(property, DraftValue::Text(value.to_owned()));
            }
        }
        if let Some(notice) = row.get("EXTERNAL_COPYRIGHT_NOTICE") {
            let owner = if notice.is_empty() { "LOINC" } else { "3rdParty" };
            concept.say("copyright", DraftValue::Text(owner.to_owned()));
        }
        if status == "DEPRECATED" {
            concept.say("inactive", DraftValue::Flag(true));
        }
        let changed = row.get("VersionLastChanged").unwrap_or_default();
        if later(changed, &latest).is_gt() {
            latest = changed.to_owned();
        }
        match draft.add(concept).map_err(|it| it.to_string())? {
            true => Ok(()),
            false => Err("each code once".to_owned()),
        }
    })?;
    // The release in which a term was changed last is the release itself.
    draft.version = latest;
    Ok(())
}

/// Terms beneath parts, and parts beneath parts; a part may come behind what is beneath it.
fn read_hierarchy(files: &dyn Files, name: &str, draft: &mut Draft) -> Result<()> {
    let columns = ["IMMEDIATE_PARENT", "CODE", "CODE_TEXT"];
    each(files, name, columns, |[_, code, text], _| {
        if code.is_empty() {
            return Err("a code in CODE".to_owned());
        }
        draft.add(DraftConcept::named(&code.to_uppercase(), text)).map(|_| ()).map_err(|it| it.to_string())
    })?;
    each(files, name, columns, |[parent, code, _], _| {
        match parent.is_empty() || draft.link(&code.to_uppercase(), &parent.to_uppercase()) {
            true => Ok(()),
            false => Err("a code of this file in IMMEDIATE_PARENT".to_owned()),
        }
    })
}

/// Answers, each with the lists that it is in.
fn read_answers(files: &dyn Files, name: &str, draft: &mut Draft) -> Result<()> {
    each(files, name, ["AnswerListId", "AnswerStringId", "DisplayText"], |[list, code, text], _| {
        // A list that is kept elsewhere names no answers.
        if code.is_empty() {
            return Ok(());
        }
        let code = code.to_uppercase();
        let _ = draft.add(DraftConcept::named(&code, text)).map_err(|it| it.to_string())?;
        if let Some(answer) = draft.concept(&code) {
            answer.say("LIST", DraftValue::Code(list.to_uppercase()));
        }
        Ok(())
    })
}

/// A row by the names of its columns.
struct Row<'r> {
    header: &'r StringRecord,
    record: &'r StringRecord,
}

impl Row<'_> {
    /// The field of a column; `None` if there is no such column.
    fn get(&self, column: &str) -> Option<&str> {
        self.record.get(self.header.iter().position(|it| it == column)?)
    }
}

/// Hands the fields of these columns to `take`, row by row.
fn each<const N: usize>(
    files: &dyn Files,
    name: &str,
    columns: [&str; N],
    mut take: impl FnMut([&str; N], &Row<'_>) -> Result<(), String>,
) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new().from_reader(Tail { source: open(files, name)?, last: b'\n' });
    let broken = |cause: csv::Error| {
        let line = cause.position().map_or(1, csv::Position::line);
        wrong(name, line, "as many fields as the header has, in UTF-8")
    };
    let mut header = reader.headers().map_err(broken)?.clone();
    if let Some(first) = header.get(0).and_then(|it| it.strip_prefix('\u{feff}')).map(str::to_owned) {
        header = std::iter::once(first.as_str()).chain(header.iter().skip(1)).collect();
    }
    let header = header;
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        let found = header.iter().position(|it| it == column);
        *place = found.ok_or_else(|| wrong(name, 1, &format!("a column {column}")))?;
    }
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(broken)? {
        let line = record.position().map_or(0, csv::Position::line);
        let fields = places.map(|it| record.get(it).unwrap_or_default());
        take(fields, &Row { header: &header, record: &record }).map_err(|expected| wrong(name, line, &expected))?;
    }
    let line = reader.position().line();
    match reader.get_ref().last {
        b'\n' => Ok(()),
        _ => Err(wrong(name, line, "the end of the line: the file is cut off here")),
    }
}
