//! The narrative (narrative.html): XHTML inside FHIR's XML, a string with the same letters in JSON. What it may hold
//! is [`xhtml::check`]'s to say.

use super::XHTML;
use super::error::Problem;
use super::source::{Namespace, Source, Tag};
use super::text;
use crate::primitive::xhtml;
use quick_xml::events::Event;

/// Elements in elements; prefixes are looked up through all of them.
const DEEPEST: usize = 100;

/// Reads the `<div>` that has begun with `tag`, as it is written: line ends and references too. Only prefixes are taken
/// away, because outside this document nobody would know them.
pub(super) fn read<'x>(source: &mut Source<'x>, tag: Tag<'x>) -> Result<String, Problem> {
    let mut out = String::new();
    let mut open = usize::from(!tag.is_empty);
    write_tag(&mut out, source, &tag, true)?;
    while open > 0 {
        let (namespace, event, range) = source.event()?;
        match event {
            Event::Start(start) => {
                open += 1;
                if open > DEEPEST {
                    let told = format!("the narrative nests deeper than {DEEPEST} levels");
                    return Err(Problem::limit(range.start, told));
                }
                write_tag(&mut out, source, &Tag::new(namespace, false, range, start), false)?;
            }
            Event::Empty(start) => write_tag(&mut out, source, &Tag::new(namespace, true, range, start), false)?,
            Event::End(end) if end.name().prefix().is_some() => {
                open -= 1;
                let local = end.local_name();
                out.push_str("</");
                out.push_str(&String::from_utf8_lossy(local.as_ref()));
                out.push('>');
            }
            Event::End(_) => {
                open -= 1;
                out.push_str(source.slice(range));
            }
            _ => out.push_str(source.slice(range)),
        }
    }
    Ok(out)
}

fn write_tag(out: &mut String, source: &Source<'_>, tag: &Tag<'_>, is_root: bool) -> Result<(), Problem> {
    if tag.namespace != Namespace::Xhtml {
        return Err(tag.problem(format!("the narrative's elements must be in the namespace {XHTML}")));
    }
    if !tag.has_prefix() && (!is_root || tag.binds_default()) {
        out.push_str(source.slice(tag.range.clone()));
        return Ok(());
    }
    out.push('<');
    out.push_str(tag.name());
    if is_root {
        out.push_str(" xmlns=\"");
        out.push_str(XHTML);
        out.push('"');
    }
    for attribute in tag.attributes() {
        let attribute = attribute?;
        let quote = if attribute.raw.contains('"') { '\'' } else { '"' };
        out.extend([" ", attribute.name, "="]);
        out.push(quote);
        out.push_str(&attribute.raw);
        out.push(quote);
    }
    out.push_str(if tag.is_empty { "/>" } else { ">" });
    Ok(())
}

/// Checks that a narrative may stand in XML as it is; the error ends the sentence "the narrative …".
pub(super) fn check(div: &str) -> Result<(), &'static str> {
    xhtml::check(div)?;
    if text::foreign(div).is_some() {
        return Err("has a character that XML does not have");
    }
    Ok(())
}
