//! ICD-10 in ClaML (icd.html): chapters, blocks and categories, each beneath another, with modifiers that subdivide
//! categories.

use super::{Choices, Files, named, open, wrong};
use fhir::terminology::release::{Draft, DraftConcept, DraftValue};
use fhir::{Failure, IssueType, Result};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeMap;
use std::io::BufRead;

const WHO: &str = "http://hl7.org/fhir/sid/icd-10";
/// The most that is kept of a label, in bytes.
const LABEL: usize = 1 << 16;

/// A `Class` or `ModifierClass`.
#[derive(Default)]
struct Class {
    code: String,
    kind: String,
    parent: Option<String>,
    label: String,
    modifiers: Vec<String>,
    /// Of a `ModifierClass`: the modifier that it is of.
    modifier: Option<String>,
}

#[derive(Default)]
struct Found {
    title: String,
    version: String,
    classes: Vec<Class>,
    modifiers: BTreeMap<String, Vec<(String, String)>>,
    is_claml: bool,
    /// The one that is being read, and whether its text is its preferred label.
    open: Option<Class>,
    is_preferred: bool,
    is_label: bool,
}

pub(super) fn read(files: &dyn Files, _: &Choices) -> Result<Draft> {
    let all = named(files, |it| it.to_ascii_lowercase().ends_with(".xml"));
    let [name] = all.as_slice() else {
        return Err(Failure::new(IssueType::Invalid, "There are several .xml files; name the one in ClaML."));
    };
    let found = parse(open(files, name)?, name)?;
    let mut draft = Draft::new("", &found.title);
    // National modifications have other URLs, which their files do not tell.
    if found.title == "ICD-10" || found.title == "ICD-10-WHO" {
        draft.url = WHO.to_owned();
    }
    draft.version.clone_from(&found.version);
    for class in &found.classes {
        let mut concept = DraftConcept::named(&class.code, class.label.trim());
        if class.kind != "category" {
            concept.say("notSelectable", DraftValue::Flag(true));
        }
        concept.say("kind", DraftValue::Code(class.kind.clone()));
        if !draft.add(concept)? {
            return Err(told(name, &class.code, "is there twice"));
        }
    }
    for class in &found.classes {
        if let Some(parent) = &class.parent
            && !draft.link(&class.code, parent)
        {
            return Err(told(name, &class.code, "is beneath a class that is not there"));
        }
        found.subdivide(class, name, &mut draft)?;
    }
    Ok(draft)
}

fn told(name: &str, code: &str, what: &str) -> Failure {
    let (name, code) = (fhir::outcome::shown(name), fhir::outcome::shown(code));
    Failure::new(IssueType::Structure, format!("{name}: the class {code} {what}."))
}

impl Found {
    /// A category that is modified has a subcategory for each class of the modifier.
    fn subdivide(&self, class: &Class, name: &str, draft: &mut Draft) -> Result<()> {
        if class.kind != "category" {
            return Ok(());
        }
        for modifier in &class.modifiers {
            let Some(classes) = self.modifiers.get(modifier) else {
                return Err(told(name, &class.code, "is modified by a modifier that is not there"));
            };
            for (suffix, label) in classes {
                let code = format!("{}{suffix}", class.code);
                let mut concept = DraftConcept::named(&code, &format!("{}: {}", class.label.trim(), label.trim()));
                concept.say("kind", DraftValue::Code("category".to_owned()));
                // Where a class of this code is given, it says what it is.
                if draft.add(concept)? {
                    draft.link(&code, &class.code);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, tag: &BytesStart<'_>) -> Option<()> {
        let attribute = |name: &str| {
            let found = tag.try_get_attribute(name).ok().flatten()?;
            Some(found.unescape_value().ok()?.into_owned())
        };
        match tag.name().as_ref() {
            b"ClaML" => self.is_claml = true,
            b"Title" => {
                self.title = attribute("name").unwrap_or_default();
                self.version = attribute("version").unwrap_or_default();
            }
            b"Class" => {
                self.open = Some(Class { code: attribute("code")?, kind: attribute("kind")?, ..Class::default() });
            }
            b"ModifierClass" => {
                let (code, modifier) = (attribute("code")?, Some(attribute("modifier")?));
                self.open = Some(Class { code, modifier, ..Class::default() });
            }
            b"SuperClass" => {
                if let Some(open) = &mut self.open {
                    open.parent = Some(attribute("code")?);
                }
            }
            b"ModifiedBy" => {
                if let Some(open) = &mut self.open {
                    open.modifiers.push(attribute("code")?);
                }
            }
            b"Modifier" => {
                self.modifiers.entry(attribute("code")?).or_default();
            }
            b"Rubric" => self.is_preferred = attribute("kind")? == "preferred",
            b"Label" => self.is_label = true,
            _ => {}
        }
        Some(())
    }

    fn end(&mut self, name: &[u8]) {
        match name {
            b"Class" => self.classes.extend(self.open.take()),
            b"ModifierClass" => {
                if let Some(Class { code, label, modifier: Some(modifier), .. }) = self.open.take() {
                    self.modifiers.entry(modifier).or_default().push((code, label));
                }
            }
            b"Rubric" => self.is_preferred = false,
            b"Label" => self.is_label = false,
            _ => {}
        }
    }

    /// Part of the preferred label.
    fn text(&mut self, text: &str) {
        if let Some(open) = self.open.as_mut().filter(|_| self.is_preferred && self.is_label)
            && open.label.len() + text.len() <= LABEL
        {
            open.label.push_str(text);
        }
    }
}

fn parse(source: Box<dyn BufRead + '_>, name: &str) -> Result<Found> {
    let mut reader = Reader::from_reader(Counted { source, line: 1 });
    reader.config_mut().expand_empty_elements = true;
    let (mut found, mut buffer, mut depth) = (Found::default(), Vec::new(), 0_u32);
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer);
        let expected = match event {
            Ok(Event::Eof) if depth == 0 && found.is_claml => return Ok(found),
            Ok(Event::Eof) => Some("the end of the element ClaML: the file is cut off here, or is no ClaML"),
            Ok(Event::Start(tag)) => {
                depth += 1;
                let is_root = depth > 1 || tag.name().as_ref() == b"ClaML";
                match is_root {
                    true => found.begin(&tag).is_none().then_some("the attributes that ClaML has here"),
                    false => Some("the element ClaML"),
                }
            }
            Ok(Event::End(tag)) => {
                depth -= 1;
                found.end(tag.name().as_ref());
                None
            }
            Ok(Event::Text(text)) => match text.decode() {
                Ok(text) => {
                    found.text(&text);
                    None
                }
                Err(_) => Some("text in UTF-8"),
            },
            Ok(Event::GeneralRef(entity)) => match resolved(&entity) {
                Some(text) => {
                    found.text(&text);
                    None
                }
                None => Some("no entities but those of XML"),
            },
            Ok(_) => None,
            Err(_) => Some("well-formed XML"),
        };
        if let Some(expected) = expected {
            return Err(wrong(name, reader.get_ref().line, expected));
        }
    }
}

/// A character by its number, or one of XML's own entities.
fn resolved(entity: &quick_xml::events::BytesRef<'_>) -> Option<String> {
    if let Some(character) = entity.resolve_char_ref().ok()? {
        return Some(character.to_string());
    }
    quick_xml::escape::resolve_xml_entity(&entity.decode().ok()?).map(str::to_owned)
}

/// Counts the lines that were read.
struct Counted<'f> {
    source: Box<dyn BufRead + 'f>,
    line: u64,
}

impl std::io::Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.line += buffer[..count].iter().filter(|it| **it == b'\n').count() as u64;
        Ok(count)
    }
}

impl BufRead for Counted<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.source.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        let seen = self.source.fill_buf().map_or(0, |it| it.iter().take(amount).filter(|it| **it == b'\n').count());
        self.line += seen as u64;
        self.source.consume(amount);
    }
}
