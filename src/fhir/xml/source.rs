//! The XML beneath FHIR: tags with their namespaces; what no FHIR document has is refused here.

use super::error::Problem;
use super::text;
use super::{FHIR, XHTML};
use crate::validate::hint::shown;
use quick_xml::events::attributes::{AttrError, Attribute as Bytes};
use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::name::{Namespace as Bound, QName, ResolveResult};
use quick_xml::{Error, NsReader};
use std::borrow::Cow;
use std::ops::Range;

/// The most attributes of one tag; XHTML has about fifty.
const MOST_ATTRIBUTES: usize = 64;
/// The least bytes that an attribute takes: ` a=""`.
const LEAST_ATTRIBUTE: usize = 5;

/// The namespaces that a resource has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    Fhir,
    Xhtml,
    Other,
}

/// A start tag, or an empty element's only one.
pub(super) struct Tag<'x> {
    pub(super) namespace: Namespace,
    pub(super) is_empty: bool,
    /// Where it stands in the source.
    pub(super) range: Range<usize>,
    start: BytesStart<'x>,
}

/// An attribute that binds no prefix.
pub(super) struct Attribute<'t> {
    /// With its prefix, if it has one.
    pub(super) name: &'t str,
    /// As it stands between the quotes.
    pub(super) raw: Cow<'t, str>,
}

impl<'x> Tag<'x> {
    pub(super) fn new(namespace: Namespace, is_empty: bool, range: Range<usize>, start: BytesStart<'x>) -> Tag<'x> {
        Tag { namespace, is_empty, range, start }
    }

    /// The name without its prefix.
    pub(super) fn name(&self) -> &str {
        std::str::from_utf8(self.start.local_name().into_inner()).unwrap_or_default()
    }

    pub(super) fn has_prefix(&self) -> bool {
        self.start.name().prefix().is_some()
    }

    pub(super) fn binds_default(&self) -> bool {
        self.start.attributes().with_checks(false).flatten().any(|it| it.key.as_ref() == b"xmlns")
    }

    /// The attributes, those that bind a prefix to a namespace left out.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Result<Attribute<'_>, Problem>> {
        let binds = |it: &Bytes<'_>| it.key.as_namespace_binding().is_some();
        self.start.attributes().filter(move |it| !it.as_ref().is_ok_and(binds)).map(|it| {
            let it = it.map_err(|error| Problem::new(self.range.start, broken_attribute(&error)))?;
            let name = std::str::from_utf8(it.key.into_inner()).unwrap_or_default();
            let raw = match it.value {
                Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
                Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
            };
            Ok(Attribute { name, raw })
        })
    }

    /// A problem with the tag as a whole.
    pub(super) fn problem(&self, told: impl Into<String>) -> Problem {
        Problem::new(self.range.start, told)
    }
}

/// What comes next within an element.
pub(super) enum Next<'x> {
    /// A child.
    Child(Tag<'x>),
    /// The element's end, or that of the document.
    End,
}

/// A document that is read from its start to its end.
pub(super) struct Source<'x> {
    text: &'x str,
    reader: NsReader<&'x [u8]>,
    /// How many elements are open.
    open: usize,
}

impl<'x> Source<'x> {
    pub(super) fn new(text: &'x str) -> Result<Source<'x>, Problem> {
        if let Some(at) = text::foreign(text) {
            return Err(Problem::new(at, "there is a character that XML does not have"));
        }
        let mut reader = NsReader::from_str(text);
        reader.config_mut().check_comments = true;
        Ok(Source { text, reader, open: 0 })
    }

    /// Where reading has come to.
    pub(super) fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// The namespace of an element's name, by the bindings of the tag that was read last.
    pub(super) fn resolve(&self, name: &str) -> Namespace {
        namespace(&self.reader.resolve_element(QName(name.as_bytes())).0)
    }

    /// A part of the source.
    pub(super) fn slice(&self, range: Range<usize>) -> &'x str {
        self.text.get(range).unwrap_or_default()
    }

    /// The next tag; between tags a resource has white space, comments and processing instructions only.
    pub(super) fn next(&mut self) -> Result<Next<'x>, Problem> {
        loop {
            let (namespace, event, range) = self.event()?;
            let at = range.start;
            match event {
                Event::Start(start) => return Ok(Next::Child(Tag::new(namespace, false, range, start))),
                Event::Empty(start) => return Ok(Next::Child(Tag::new(namespace, true, range, start))),
                Event::End(_) => return Ok(Next::End),
                Event::Eof => return Ok(Next::End),
                Event::Text(text) if text.iter().all(|it| it.is_ascii_whitespace()) => {}
                Event::Text(_) | Event::CData(_) | Event::GeneralRef(_) => {
                    let told = "there is text outside a tag: a value stands in the attribute value";
                    return Err(Problem::new(at, told));
                }
                _ => {}
            }
        }
    }

    /// The next tag within an element whose children are not read yet, or are read up to here.
    pub(super) fn next_in(&mut self, tag: &Tag<'_>) -> Result<Next<'x>, Problem> {
        if tag.is_empty { Ok(Next::End) } else { self.next() }
    }

    /// The next event with what namespace its name is in and where it stands. A document type is refused, and what
    /// quick-xml leaves to its caller is checked.
    pub(super) fn event(&mut self) -> Result<(Namespace, Event<'x>, Range<usize>), Problem> {
        let start = self.position();
        let (namespace, event) = match self.reader.read_resolved_event() {
            Ok((found, event)) => (namespace(&found), event),
            Err(error) => return Err(Problem::new(self.position(), broken(&error))),
        };
        let range = start..self.position();
        match &event {
            Event::Start(tag) => {
                self.open += 1;
                check_size(tag, start)?;
            }
            Event::Empty(tag) => check_size(tag, start)?,
            Event::End(_) => self.open = self.open.saturating_sub(1),
            Event::DocType(_) => {
                return Err(Problem::new(start, "a resource must not have a document type or entities"));
            }
            // Section 2.4 of XML 1.0; a narrative's text is the only one that may stay.
            Event::Text(text) if text.windows(3).any(|it| it == b"]]>") => {
                return Err(Problem::new(start, "there is ]]> in a text: write ]]&gt;"));
            }
            Event::Decl(declaration) => check_declaration(declaration, start)?,
            Event::Eof if self.open > 0 => {
                return Err(Problem::new(start, "the document ends before its elements are closed"));
            }
            _ => {}
        }
        Ok((namespace, event, range))
    }
}

fn namespace(found: &ResolveResult<'_>) -> Namespace {
    match found {
        ResolveResult::Bound(Bound(name)) if *name == FHIR.as_bytes() => Namespace::Fhir,
        ResolveResult::Bound(Bound(name)) if *name == XHTML.as_bytes() => Namespace::Xhtml,
        _ => Namespace::Other,
    }
}

/// Attributes are compared with each other and prefixes looked up one by one: their number is bounded.
fn check_size(tag: &BytesStart<'_>, at: usize) -> Result<(), Problem> {
    let may_be_many = tag.len() > MOST_ATTRIBUTES * LEAST_ATTRIBUTE;
    if may_be_many && tag.attributes().with_checks(false).nth(MOST_ATTRIBUTES).is_some() {
        return Err(Problem::limit(at, format!("a tag has more than {MOST_ATTRIBUTES} attributes")));
    }
    Ok(())
}

/// The declaration stands first, is of XML 1.0, and names UTF-8 if it names an encoding.
fn check_declaration(declaration: &BytesDecl<'_>, at: usize) -> Result<(), Problem> {
    let is_utf8 = match declaration.encoding() {
        None => true,
        Some(Ok(name)) => name.eq_ignore_ascii_case(b"utf-8") || name.eq_ignore_ascii_case(b"us-ascii"),
        Some(Err(_)) => false,
    };
    match declaration.version() {
        Ok(version) if at == 0 && *version == *b"1.0" && is_utf8 => Ok(()),
        _ => Err(Problem::new(at, "the XML declaration must stand first and say version 1.0 and UTF-8, if anything")),
    }
}

fn broken(error: &Error) -> String {
    use quick_xml::errors::{IllFormedError as Form, SyntaxError as Syntax};
    match error {
        Error::Syntax(Syntax::UnclosedTag) => "a tag has no end".into(),
        Error::Syntax(Syntax::UnclosedComment) => "a comment has no end".into(),
        Error::Syntax(_) => "there is markup that is not XML's".into(),
        Error::IllFormed(Form::MismatchedEndTag { expected, found }) => {
            format!("</{}> was expected, but </{}> is there", shown(expected), shown(found))
        }
        Error::IllFormed(Form::UnmatchedEndTag(found)) => format!("</{}> closes nothing", shown(found)),
        Error::IllFormed(Form::DoubleHyphenInComment) => "a comment has -- in it".into(),
        Error::IllFormed(Form::UnclosedReference) => "an & begins no reference: write &amp;".into(),
        Error::InvalidAttr(error) => broken_attribute(error).into(),
        Error::Namespace(_) => "a prefix is bound to a namespace that it cannot have".into(),
        _ => "the document is not well-formed".into(),
    }
}

fn broken_attribute(error: &AttrError) -> &'static str {
    match error {
        AttrError::Duplicated(..) => "a tag has an attribute twice",
        _ => "a tag has an attribute that is not well-formed",
    }
}
