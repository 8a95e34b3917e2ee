//! Other spellings of strings (FHIRPath 2.1, section "Additional String Functions").

use super::super::error::{Result, fail};
use super::super::item::{Item, Items};
use super::string::{argument, input};
use super::{Called, Function, maybe};
use crate::json::{Doc, quote};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

pub(super) const TABLE: &[Function] = &[
    Function::new("encode", 1..=1, |it| {
        spelled(it, |text, way| {
            Ok(Some(match way {
                "base64" => STANDARD.encode(text),
                "urlbase64" => URL_SAFE.encode(text),
                "hex" => text.bytes().map(|it| format!("{it:02x}")).collect(),
                _ => return unknown("base64, urlbase64 and hex"),
            }))
        })
    }),
    Function::new("decode", 1..=1, |it| {
        spelled(it, |text, way| {
            let bytes = match way {
                "base64" => STANDARD.decode(text).ok(),
                "urlbase64" => URL_SAFE.decode(text).ok(),
                "hex" => from_hex(text),
                _ => return unknown("base64, urlbase64 and hex"),
            };
            Ok(bytes.and_then(|it| String::from_utf8(it).ok()))
        })
    }),
    Function::new("escape", 1..=1, |it| {
        spelled(it, |text, way| match way {
            "html" => Ok(Some(HTML.iter().fold(text.to_string(), |text, (plain, name)| text.replace(plain, name)))),
            "json" => {
                let quoted = quote(text);
                Ok(quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"')).map(str::to_string))
            }
            _ => unknown("html and json"),
        })
    }),
    Function::new("unescape", 1..=1, |it| {
        spelled(it, |text, way| match way {
            "html" => {
                Ok(Some(HTML.iter().rev().fold(text.to_string(), |text, (plain, name)| text.replace(name, plain))))
            }
            "json" => Ok(from_json(text)),
            _ => unknown("html and json"),
        })
    }),
];

/// `&` first: what the others become begins with it.
const HTML: [(&str, &str); 5] = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];

fn unknown<T>(known: &str) -> Result<T> {
    fail(format!("only the spellings {known} are known"))
}

fn spelled<'a>(
    called: &Called<'a, '_, '_>,
    spell: impl FnOnce(&str, &str) -> Result<Option<String>>,
) -> Result<Items<'a>> {
    match (input(called)?, argument(called, 0)?) {
        (Some(text), Some(way)) => maybe(spell(&text, &way)?.map(Item::string)),
        _ => Ok(Items::new()),
    }
}

/// What a JSON string says; quotes in it need no escape here, as there are none around it.
fn from_json(text: &str) -> Option<String> {
    let mut quoted = String::from("\"");
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => quoted.extend([Some(letter), letters.next()].into_iter().flatten()),
            '"' => quoted.push_str("\\\""),
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    Doc::parse(quoted).ok()?.root().as_str().map(str::to_string)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |it: u8| char::from(it).to_digit(16).map(|it| it as u8);
    text.as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? * 16 + digit(*low)?),
            _ => None,
        })
        .collect()
}
