//! XML as publishers have it: without entities of its own, and whole to its end.

use super::wrong;
use fhir::Result;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use std::io::{BufRead, Read};

/// How deep elements may lie within one another.
const DEPTH: u32 = 100;

/// Takes what a document has.
pub(super) trait Visitor {
    /// An element begins; `None` if it has not the attributes that it should.
    fn begin(&mut self, tag: &BytesStart<'_>) -> Option<()>;
    /// It ends.
    fn end(&mut self, name: &[u8]);
    /// Text in it.
    fn text(&mut self, text: &str);
}

/// The value of an attribute.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.try_get_attribute(name).ok().flatten()?;
    Some(found.unescape_value().ok()?.into_owned())
}

/// Goes over a document whose root is this element.
pub(super) fn parse(source: Box<dyn BufRead + '_>, name: &str, root: &str, visitor: &mut dyn Visitor) -> Result<()> {
    let mut reader = Reader::from_reader(Counted { source, line: 1 });
    reader.config_mut().expand_empty_elements = true;
    let (mut buffer, mut depth, mut is_begun) = (Vec::new(), 0_u32, false);
    loop {
        buffer.clear();
        let taken = match reader.read_event_into(&mut buffer) {
            Ok(Event::Eof) if depth == 0 && is_begun => return Ok(()),
            Ok(Event::Eof) => {
                Err(format!("the end of the element {root}: the file is cut off here, or is another one"))
            }
            Ok(Event::Start(_)) if depth >= DEPTH => Err(format!("no more than {DEPTH} elements in one another")),
            Ok(Event::Start(tag)) if depth == 0 && tag.name().as_ref() != root.as_bytes() => {
                Err(format!("the element {root}"))
            }
            Ok(Event::Start(tag)) => {
                (depth, is_begun) = (depth + 1, true);
                visitor.begin(&tag).ok_or_else(|| format!("the attributes that {root} has here"))
            }
            Ok(Event::End(tag)) => {
                depth -= 1;
                visitor.end(tag.name().as_ref());
                Ok(())
            }
            Ok(Event::Text(text)) => text.decode().map(|it| visitor.text(&it)).map_err(|_| "text in UTF-8".to_owned()),
            Ok(Event::GeneralRef(entity)) => {
                resolved(&entity).map(|it| visitor.text(&it)).ok_or_else(|| "no entities but those of XML".to_owned())
            }
            Ok(_) => Ok(()),
            Err(_) => Err("well-formed XML".to_owned()),
        };
        taken.map_err(|expected| wrong(name, reader.get_ref().line, &expected))?;
    }
}

/// A character by its number, or one of XML's own entities.
fn resolved(entity: &BytesRef<'_>) -> Option<String> {
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

impl Read for Counted<'_> {
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
