//! Which texts of a resource belong to which parameter.

use super::super::{Indexer, ParamId};
use crate::json::Value;
use crate::primitive::xhtml;
use crate::spec::{Spec, TypeId};
use crate::walk;

/// A text of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a> {
    /// The parameter that finds it.
    pub param: ParamId,
    /// Whether that is a string parameter, which people misspell and mishear (`:fuzzy`, `:phonetic`).
    pub is_string: bool,
    /// The text as written.
    pub text: &'a str,
}

/// Tells every text of a resource with its parameter: of `_text` the narrative, of `_content` all texts and codes, of
/// string, token and reference parameters what `:text` looks at.
///
/// Left out of `_content` are references, addresses, dates, numbers, and data, which have parameters of their own or
/// no words.
pub fn texts(spec: &Spec, indexer: &Indexer, of: TypeId, resource: Value<'_>, tell: &mut dyn FnMut(Text<'_>)) {
    let name = &spec.of(of).name;
    if let Some(narrative) = resource.get("text").and_then(|it| it.str("div")) {
        tell(Text { param: ParamId::of(name, "_text"), is_string: false, text: &plain(narrative) });
    }
    let param = ParamId::of(name, "_content");
    let mut content = |text: &str| tell(Text { param, is_string: false, text });
    walk::primitives(spec, resource, &mut |value, of| {
        let Some(text) = value.as_str() else { return };
        match (&*spec.of(of).name, value.key()) {
            (_, "reference" | "data") => {}
            ("string" | "markdown" | "code", _) => content(text),
            ("xhtml", _) => content(&plain(text)),
            _ => {}
        }
    });
    indexer.texts(of, resource, tell);
}

/// The text of XHTML. Every tag parts words.
pub(super) fn plain(div: &str) -> String {
    let mut out = String::with_capacity(div.len());
    let mut rest = div;
    while let Some(at) = rest.find(['<', '&']) {
        let (text, markup) = rest.split_at(at);
        out.push_str(text);
        let end = if markup.starts_with('<') { '>' } else { ';' };
        let (inside, behind) = markup[1..].split_once(end).unwrap_or((&markup[1..], ""));
        match end {
            '>' => out.push(' '),
            _ => out.push(xhtml::decode(inside).unwrap_or(' ')),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}
