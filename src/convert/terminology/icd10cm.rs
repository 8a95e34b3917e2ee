//! ICD-10-CM by its order file (icd.html): lines of fixed columns, of which each is a code that may be used or a heading.

use super::lines::Lines;
use super::{Choices, Files, base, one};
use fhir::Result;
use fhir::terminology::release::{Draft, DraftConcept, DraftDesignation, DraftValue};

const URL: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const EXPECTED: &str =
    "a number in columns 1 to 5, a code in 7 to 13, 0 or 1 in 15, a short name from 17 and a long one from 78 on";

/// Whether a file is called as order files are: `icd10cm_order_2025.txt`, `icd10cm-order-April-2025.txt`.
pub(super) fn is_order_file(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("icd10cm") && name.contains("order") && name.ends_with(".txt") && !name.contains("addenda")
}

pub(super) fn read(files: &dyn Files, _: &Choices) -> Result<Draft> {
    let mut draft = Draft::new(URL, "ICD-10-CM");
    let Some(name) = one(files, "icd10cm_order_….txt", is_order_file)? else { return Ok(draft) };
    // The year is told by the name alone.
    let digits: Vec<&str> = base(&name).split(|it: char| !it.is_ascii_digit()).filter(|it| it.len() == 4).collect();
    draft.version = digits.last().copied().unwrap_or_default().to_owned();
    let mut lines = Lines::open(files, &name)?;
    let mut expected = 1_u32;
    while let Some(line) = lines.next()? {
        let Some(row) = Row::of(line) else { return Err(lines.wrong(EXPECTED)) };
        if row.number != expected {
            return Err(lines.wrong(&format!("the number {expected:05}: lines are missing")));
        }
        expected += 1;
        let mut concept = DraftConcept::named(&row.code, row.long);
        if row.short != row.long {
            let value = row.short.to_owned();
            concept.designations.push(DraftDesignation {
                language: Some("en".into()),
                usage: None,
                origin: None,
                value,
            });
        }
        if !row.is_valid {
            concept.say("notSelectable", DraftValue::Flag(true));
        }
        let added = draft.add(concept)?;
        if !added {
            return Err(lines.wrong("each code once"));
        }
        if let Some(parent) = parent(&draft, &row.code) {
            draft.link(&row.code, &parent);
        }
    }
    Ok(draft)
}

/// The longest beginning of a code that is a code.
fn parent(draft: &Draft, code: &str) -> Option<String> {
    let starts = (3..code.len()).rev().filter_map(|it| code.get(..it)).map(|it| it.trim_end_matches('.'));
    starts.into_iter().find(|it| draft.position(it).is_some()).map(str::to_owned)
}

struct Row<'l> {
    number: u32,
    code: String,
    is_valid: bool,
    short: &'l str,
    long: &'l str,
}

impl Row<'_> {
    fn of(line: &str) -> Option<Row<'_>> {
        let plain = line.get(6..13)?.trim_end();
        let is_code = plain.len() >= 3 && plain.bytes().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit());
        let (head, tail) = plain.split_at_checked(3)?;
        let code = if tail.is_empty() { head.to_owned() } else { format!("{head}.{tail}") };
        let is_valid = match line.get(14..15)? {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        let (short, long) = (line.get(16..77)?.trim(), line.get(77..)?.trim());
        let number = line.get(..5)?.parse().ok()?;
        (is_code && !long.is_empty()).then_some(Row { number, code, is_valid, short, long })
    }
}
