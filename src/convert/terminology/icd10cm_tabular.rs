//! ICD-10-CM by its tabular list in XML (icd.html): chapters, sections and diagnoses, each in another, inclusion terms, and the
//! seventh characters that make further codes of some.

use super::xml::{self, Visitor};
use super::{Choices, Files, one, open};
use fhir::outcome::shown;
use fhir::terminology::release::{Draft, DraftConcept, DraftDesignation, DraftValue};
use fhir::{Failure, IssueType, Result};
use quick_xml::events::BytesStart;

const URL: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const ROOT: &str = "ICD10CM.tabular";
/// The most that is kept of a text, in bytes.
const TEXT: usize = 1 << 16;
/// Codes have so many characters before the seventh, `X` where there is none.
const BEFORE: usize = 6;

/// Whether a file is called as tabular lists are: `icd10cm_tabular_2025.xml`, `icd10cm-tabular-April-2025.xml`.
pub(super) fn is_tabular(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("icd10cm") && name.contains("tabular") && name.ends_with(".xml") && !name.contains("addenda")
}

/// A chapter, section or diagnosis.
#[derive(Default)]
struct Node {
    kind: &'static str,
    code: String,
    label: String,
    inclusions: Vec<String>,
    /// The seventh characters, with what they mean.
    extensions: Vec<(String, String)>,
    /// The position of the one that it is in.
    parent: Option<usize>,
    has_diagnoses: bool,
}

#[derive(Default)]
struct Tabular {
    version: String,
    nodes: Vec<Node>,
    /// Positions of those that are being read.
    within: Vec<usize>,
    /// The elements that are being read.
    path: Vec<String>,
    text: String,
    character: String,
}

pub(super) fn read(files: &dyn Files, _: &Choices) -> Result<Draft> {
    let mut draft = Draft::new(URL, "ICD-10-CM");
    let Some(name) = one(files, "icd10cm_tabular_….xml", is_tabular)? else { return Ok(draft) };
    let mut tabular = Tabular::default();
    xml::parse(open(files, &name)?, &name, ROOT, &mut tabular)?;
    draft.version = tabular.version.trim().to_owned();
    for node in &tabular.nodes {
        tabular.enter(node, &mut draft)?;
    }
    for (at, node) in tabular.nodes.iter().enumerate() {
        tabular.extend(at, node, &mut draft)?;
    }
    Ok(draft)
}

impl Tabular {
    fn enter(&self, node: &Node, draft: &mut Draft) -> Result<()> {
        let mut concept = DraftConcept::named(&node.code, &node.label);
        for inclusion in &node.inclusions {
            let value = inclusion.clone();
            concept.designations.push(DraftDesignation {
                language: Some("en".into()),
                usage: None,
                origin: None,
                value,
            });
        }
        concept.say("kind", DraftValue::Code(node.kind.to_owned()));
        if node.kind != "category" || node.has_diagnoses {
            concept.say("notSelectable", DraftValue::Flag(true));
        }
        if node.code.is_empty() || !draft.add(concept)? {
            let told = format!("The code {} is there twice, or is none.", shown(&node.code));
            return Err(Failure::new(IssueType::Structure, told));
        }
        if let Some(parent) = node.parent.and_then(|it| self.nodes.get(it)) {
            draft.link(&node.code, &parent.code);
        }
        Ok(())
    }

    /// A diagnosis without others beneath it has a further code for each seventh character that holds for it.
    fn extend(&self, at: usize, node: &Node, draft: &mut Draft) -> Result<()> {
        if node.kind != "category" || node.has_diagnoses {
            return Ok(());
        }
        let mut way = std::iter::successors(Some(at), |it| self.nodes.get(*it)?.parent);
        let Some(owner) = way.find_map(|it| self.nodes.get(it).filter(|it| !it.extensions.is_empty())) else {
            return Ok(());
        };
        let bare = node.code.replace('.', "");
        for (character, meaning) in &owner.extensions {
            let whole = format!("{bare:X<BEFORE$}{character}");
            let (head, tail) = whole.split_at_checked(3).unwrap_or((&whole, ""));
            let code = format!("{head}.{tail}");
            let mut concept = DraftConcept::named(&code, &format!("{}, {meaning}", node.label));
            concept.say("kind", DraftValue::Code("category".to_owned()));
            if draft.add(concept)? {
                draft.link(&code, &node.code);
            }
        }
        match draft.concept(&node.code) {
            Some(base) => base.say("notSelectable", DraftValue::Flag(true)),
            None => return Err(Failure::internal("a diagnosis was not entered")),
        }
        Ok(())
    }

    fn open(&mut self, kind: &'static str, code: String) {
        let parent = self.within.last().copied();
        if let Some(parent) = parent.and_then(|it| self.nodes.get_mut(it)).filter(|_| kind == "category") {
            parent.has_diagnoses = true;
        }
        self.within.push(self.nodes.len());
        self.nodes.push(Node { kind, code, parent, ..Node::default() });
    }
}

impl Visitor for Tabular {
    fn begin(&mut self, tag: &BytesStart<'_>) -> Option<()> {
        self.text.clear();
        match tag.name().as_ref() {
            b"chapter" => self.open("chapter", String::new()),
            b"section" => self.open("block", xml::attribute(tag, "id")?),
            b"diag" => self.open("category", String::new()),
            b"extension" => self.character = xml::attribute(tag, "char")?,
            _ => {}
        }
        self.path.push(String::from_utf8_lossy(tag.name().as_ref()).into_owned());
        Some(())
    }

    fn end(&mut self, name: &[u8]) {
        self.path.pop();
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.text.clear();
        let above = self.path.last().map_or("", String::as_str);
        if above == ROOT && name == b"version" {
            self.version = text;
            return;
        }
        let Some(open) = self.within.last().and_then(|it| self.nodes.get_mut(*it)) else { return };
        match (above, name) {
            ("chapter" | "diag", b"name") => open.code = text,
            ("chapter" | "section" | "diag", b"desc") => open.label = text,
            ("inclusionTerm", b"note") => open.inclusions.push(text),
            ("sevenChrDef", b"extension") => open.extensions.push((std::mem::take(&mut self.character), text)),
            (_, b"chapter" | b"section" | b"diag") => drop(self.within.pop()),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.text.len() + text.len() <= TEXT {
            self.text.push_str(text);
        }
    }
}
