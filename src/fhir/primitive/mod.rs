//! The primitive types' formats (datatypes.html#primitive), each by a checker written for it: a general engine of
//! regular expressions would cost more than the rest of a resource's validation.

pub mod datetime;
pub mod xhtml;

use crate::json::Kind;

/// A primitive type of R4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Primitive {
    Base64Binary,
    Boolean,
    Canonical,
    Code,
    Date,
    DateTime,
    Decimal,
    Id,
    Instant,
    Integer,
    Markdown,
    Oid,
    PositiveInt,
    String,
    Time,
    UnsignedInt,
    Uri,
    Url,
    Uuid,
    Xhtml,
}

/// The characters a `string` may hold at most.
const STRING_LIMIT: usize = 1024 * 1024;

impl Primitive {
    /// The primitive type with this name, such as `dateTime`.
    pub fn named(name: &str) -> Option<Primitive> {
        Some(match name {
            "base64Binary" => Primitive::Base64Binary,
            "boolean" => Primitive::Boolean,
            "canonical" => Primitive::Canonical,
            "code" => Primitive::Code,
            "date" => Primitive::Date,
            "dateTime" => Primitive::DateTime,
            "decimal" => Primitive::Decimal,
            "id" => Primitive::Id,
            "instant" => Primitive::Instant,
            "integer" => Primitive::Integer,
            "markdown" => Primitive::Markdown,
            "oid" => Primitive::Oid,
            "positiveInt" => Primitive::PositiveInt,
            "string" => Primitive::String,
            "time" => Primitive::Time,
            "unsignedInt" => Primitive::UnsignedInt,
            "uri" => Primitive::Uri,
            "url" => Primitive::Url,
            "uuid" => Primitive::Uuid,
            "xhtml" => Primitive::Xhtml,
            _ => return None,
        })
    }

    /// The JSON kind of its values (json.html#primitive).
    pub fn json_kind(self) -> Kind {
        match self {
            Primitive::Boolean => Kind::Bool,
            Primitive::Decimal | Primitive::Integer | Primitive::PositiveInt | Primitive::UnsignedInt => Kind::Number,
            _ => Kind::String,
        }
    }

    /// Whether a value of the right JSON kind, by its text, has the type's format.
    pub fn accepts(self, text: &str) -> bool {
        match self {
            Primitive::Base64Binary => is_base64(text),
            Primitive::Boolean => matches!(text, "true" | "false"),
            Primitive::Canonical | Primitive::Uri | Primitive::Url => is_uri(text),
            Primitive::Code => is_code(text),
            Primitive::Date => datetime::is_date(text),
            Primitive::DateTime => datetime::is_date_time(text),
            // The grammar is JSON's own; what no computer can hold is of no use to anyone.
            Primitive::Decimal => text.parse::<f64>().is_ok_and(f64::is_finite),
            Primitive::Id => is_id(text),
            Primitive::Instant => datetime::is_instant(text),
            Primitive::Integer => text.parse::<i32>().is_ok(),
            Primitive::Markdown | Primitive::String => is_string(text),
            Primitive::Oid => is_oid(text),
            Primitive::PositiveInt => text.parse::<i32>().is_ok_and(|it| it > 0),
            Primitive::Time => datetime::is_time(text),
            Primitive::UnsignedInt => !text.starts_with('-') && text.parse::<i32>().is_ok(),
            Primitive::Uuid => is_uuid(text),
            Primitive::Xhtml => xhtml::check(text).is_ok(),
        }
    }

    /// What the format is, to end the sentence "the value must be …".
    pub fn format(self) -> &'static str {
        match self {
            Primitive::Base64Binary => "base64: groups of four of A-Z, a-z, 0-9, + and /, the last filled up with =",
            Primitive::Boolean => "true or false",
            Primitive::Canonical => "a canonical URL, without spaces",
            Primitive::Code => "a code: no space at its ends, nor two together, nor any other white space",
            Primitive::Date => "a date of the calendar as YYYY, YYYY-MM or YYYY-MM-DD",
            Primitive::DateTime => {
                "a date of the calendar as YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with Z or ±hh:mm behind it"
            }
            Primitive::Decimal => "a decimal number within the range of a double",
            Primitive::Id => "an id: 1 to 64 of A-Z, a-z, 0-9, - and .",
            Primitive::Instant => "an instant as YYYY-MM-DDThh:mm:ss.sss with Z or ±hh:mm behind it",
            Primitive::Integer => "a whole number from -2147483648 to 2147483647, without point or exponent",
            Primitive::Markdown | Primitive::String => {
                "text that is not blank, has no control characters but tab, CR and LF, and at most 1048576 characters"
            }
            Primitive::Oid => "an OID as urn:oid:1.2.3",
            Primitive::PositiveInt => "a whole number from 1 to 2147483647, without point or exponent",
            Primitive::Time => "a time as hh:mm:ss, without a zone",
            Primitive::UnsignedInt => "a whole number from 0 to 2147483647, without point or exponent",
            Primitive::Uri => "a URI, without spaces",
            Primitive::Url => "a URL, without spaces",
            Primitive::Uuid => "a UUID as urn:uuid:c757873d-ec9a-4326-a141-556f43239520, in lower case",
            Primitive::Xhtml => "a <div> in the XHTML namespace",
        }
    }
}

/// Whether a text is an `id` (datatypes.html#id).
pub fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'.')
}

/// White space is ASCII's, as in the regular expressions of XML Schema that R4's are.
fn is_code(text: &str) -> bool {
    let mut before = b' ';
    for byte in text.bytes() {
        if byte.is_ascii_control() || byte == b' ' && before == b' ' {
            return false;
        }
        before = byte;
    }
    before != b' '
}

fn is_uri(text: &str) -> bool {
    if text.is_ascii() {
        return !text.is_empty() && text.bytes().all(|it| it.is_ascii_graphic());
    }
    !text.chars().any(|it| it.is_whitespace() || it.is_control())
}

fn is_string(text: &str) -> bool {
    let is_forbidden = |it: u8| it < b' ' && !matches!(it, b'\t' | b'\n' | b'\r');
    !text.trim_start().is_empty()
        && !text.bytes().any(is_forbidden)
        && (text.len() <= STRING_LIMIT || text.chars().count() <= STRING_LIMIT)
}

fn is_oid(text: &str) -> bool {
    let Some(arcs) = text.strip_prefix("urn:oid:") else {
        return false;
    };
    let mut arcs = arcs.split('.');
    let is_number = |it: &str| it == "0" || !it.starts_with('0') && is_digits(it);
    arcs.next().is_some_and(|it| matches!(it, "0" | "1" | "2")) && arcs.clone().next().is_some() && arcs.all(is_number)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

fn is_uuid(text: &str) -> bool {
    let is_lower_hex = |it: u8| matches!(it, b'0'..=b'9' | b'a'..=b'f');
    text.strip_prefix("urn:uuid:").is_some_and(|it| {
        it.len() == 36
            && it.bytes().enumerate().all(|(at, it)| match at {
                8 | 13 | 18 | 23 => it == b'-',
                _ => is_lower_hex(it),
            })
    })
}

/// White space may stand anywhere, as MIME encoders break lines (RFC 2045).
fn is_base64(text: &str) -> bool {
    let mut letters = 0_usize;
    let mut padding = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => letters += 1,
            b'=' => padding += 1,
            b' ' | b'\t' | b'\n' | b'\r' => {}
            _ => return false,
        }
    }
    letters > 0 && padding <= 2 && (letters + padding).is_multiple_of(4)
}

#[cfg(test)]
mod tests;
