//! The document: a Bundle with the Composition at its head (documents.html), as IPS's profiles have it.

use super::record::{Found, Record, key};
use super::section::Section;
use super::{BUNDLE, COMPOSITION, words};
use fhir::json::{Doc, Value};
use fhir::mask::is_subsetted;
use fhir::primitive::datetime;
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashSet;
use serde_json::{Value as Json, json};

const LOINC: &str = "http://loinc.org";
const EMPTY: &str = "http://terminology.hl7.org/CodeSystem/list-empty-reason";
const ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

/// A document in the making.
pub(super) struct Document<'c> {
    base: &'c str,
    now: String,
    /// The ids of the Bundle, of its Composition and of the Device that made them.
    ids: [String; 3],
    patient: String,
    patient_url: String,
    sections: Vec<Json>,
    /// What sections have.
    resources: Vec<Doc>,
    /// What these refer to.
    support: Vec<Doc>,
    listed: FxHashSet<String>,
}

impl<'c> Document<'c> {
    pub(super) fn of(record: &Record<'c>) -> Result<Document<'c>> {
        let (engine, base) = (record.call.engine, record.call.ctx.base());
        Ok(Document {
            base,
            now: datetime::instant(engine.now_micros()),
            ids: [engine.new_id(), engine.new_id(), engine.new_id()],
            patient: identified(record.patient.root())?,
            patient_url: format!("{base}/{}", key(record.patient.root())),
            sections: Vec::new(),
            resources: Vec::new(),
            support: Vec::new(),
            listed: FxHashSet::default(),
        })
    }

    /// Adds a section, if it has something or must be there.
    pub(super) fn section(&mut self, section: &Section, found: &Found) -> Result<()> {
        if found.resources.is_empty() && !section.is_required && !found.is_withheld {
            return Ok(());
        }
        let mut entries = Vec::new();
        for resource in &found.resources {
            let key = key(resource.root()).to_string();
            entries.push(json!({ "reference": format!("{}/{key}", self.base) }));
            if self.listed.insert(key) {
                self.resources.push(Doc::parse(resource.source()).map_err(Failure::internal)?);
            }
        }
        let mut told = json!({
            "title": section.title,
            "code": { "coding": [{ "system": LOINC, "code": section.code, "display": section.display }] },
            "text": { "status": "generated", "div": narrative(found) },
        });
        if entries.is_empty() {
            let (code, display) =
                if found.is_withheld { ("withheld", "Information Withheld") } else { ("unavailable", "Unavailable") };
            told["emptyReason"] = json!({ "coding": [{ "system": EMPTY, "code": code, "display": display }] });
        } else {
            told["entry"] = entries.into();
        }
        self.sections.push(told);
        Ok(())
    }

    /// What the sections have.
    pub(super) fn resources(&self) -> &[Doc] {
        &self.resources
    }

    /// Adds what these refer to.
    pub(super) fn support(&mut self, support: Vec<Doc>) {
        self.support = support;
    }

    /// The document.
    pub(super) fn finish(self) -> Result<String> {
        let [bundle, composition, device] = &self.ids;
        let mut entries = vec![
            entry(&format!("urn:uuid:{composition}"), &self.composition(composition, device).to_string()),
            entry(&self.patient_url, &self.patient),
        ];
        for resource in self.resources.iter().chain(&self.support) {
            entries.push(entry(&format!("{}/{}", self.base, key(resource.root())), resource.source()));
        }
        let author = json!({
            "resourceType": "Device", "id": device,
            "deviceName": [{ "name": "MediSync", "type": "manufacturer-name" }],
            "version": [{ "value": env!("CARGO_PKG_VERSION") }],
        });
        entries.push(entry(&format!("urn:uuid:{device}"), &author.to_string()));
        let head = json!({
            "resourceType": "Bundle", "id": bundle, "meta": { "profile": [BUNDLE] },
            "identifier": { "system": "urn:ietf:rfc:3986", "value": format!("urn:uuid:{bundle}") },
            "type": "document", "timestamp": self.now,
        });
        let head = head.to_string();
        let head = head.strip_suffix('}').ok_or_else(|| Failure::internal("a Bundle is an object"))?;
        Ok(format!(r#"{head},"entry":[{}]}}"#, entries.join(",")))
    }

    fn composition(&self, id: &str, device: &str) -> Json {
        let author = json!({ "reference": format!("urn:uuid:{device}"), "display": "MediSync" });
        json!({
            "resourceType": "Composition", "id": id, "meta": { "profile": [COMPOSITION] },
            "status": "final",
            "type": { "coding": [{ "system": LOINC, "code": "60591-5", "display": "Patient summary Document" }] },
            "subject": { "reference": self.patient_url },
            "date": self.now,
            "author": [author],
            "title": "International Patient Summary",
            "section": self.sections,
        })
    }
}

fn entry(url: &str, resource: &str) -> String {
    format!(r#"{{"fullUrl":{},"resource":{resource}}}"#, fhir::json::quote(url))
}

/// The patient with what IPS asks of each: a name and a date of birth, which are said to be unknown where they are, and to be
/// masked where they may be.
fn identified(patient: Value<'_>) -> Result<String> {
    let raw = patient.raw().trim_end();
    let mut text =
        raw.strip_suffix('}').ok_or_else(|| Failure::new(IssueType::Invalid, "It is no patient."))?.to_owned();
    let mut tags = patient.get("meta").and_then(|it| it.get("tag")).into_iter().flat_map(Value::each);
    let reason = if tags.any(is_subsetted) { "masked" } else { "unknown" };
    let unknown = json!({ "extension": [{ "url": ABSENT, "valueCode": reason }] });
    if patient.get("birthDate").is_none() && patient.get("_birthDate").is_none() {
        text.push_str(&format!(r#","_birthDate":{unknown}"#));
    }
    if patient.get("name").is_none() {
        text.push_str(&format!(r#","name":[{{"_text":{unknown}}}]"#));
    }
    text.push('}');
    Ok(text)
}

/// What a section has, for people.
fn narrative(found: &Found) -> String {
    let lines = found.resources.iter().map(|it| format!("<li>{}</li>", words::escaped(&words::line(it.root()))));
    let lines: String = lines.collect();
    let list = if lines.is_empty() { String::new() } else { format!("<ul>{lines}</ul>") };
    let mut notes = Vec::new();
    if found.resources.is_empty() && !found.is_withheld {
        notes.push("The record has nothing about this.");
    }
    if found.is_withheld {
        notes.push("Something about this is withheld from who asked for the summary.");
    }
    if found.is_cut {
        notes.push("These are the most recent ones; the record has more.");
    }
    let notes: String = notes.iter().map(|it| format!("<p>{it}</p>")).collect();
    format!(r#"<div xmlns="http://www.w3.org/1999/xhtml">{list}{notes}</div>"#)
}
