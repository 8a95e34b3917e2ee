//! ICD-10 in ClaML (icd.html): chapters, blocks and categories, each beneath another, with modifiers that subdivide
//! categories.

use super::xml::{self, Visitor};
use super::{Choices, Files, named, open};
use fhir::terminology::release::{Draft, DraftConcept, DraftValue};
use fhir::{Failure, IssueType, Result};
use quick_xml::events::BytesStart;
use std::collections::BTreeMap;

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
    let mut found = Found::default();
    xml::parse(open(files, name)?, name, "ClaML", &mut found)?;
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
}

impl Visitor for Found {
    fn begin(&mut self, tag: &BytesStart<'_>) -> Option<()> {
        let attribute = |name: &str| xml::attribute(tag, name);
        match tag.name().as_ref() {
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
