use super::*;
use proptest::prelude::*;

/// Type, values that it takes, values that it refuses.
const FORMATS: &[(&str, &[&str], &[&str])] = &[
    (
        "base64Binary",
        &["AAAA", "AA==", "AAA=", " AA\nAA\r\n AAA= "],
        &["", " ", "A", "AAA", "=AAA", "AA=A", "A===", "AA-_"],
    ),
    ("boolean", &["true", "false"], &["", "True", "1"]),
    ("canonical", &["http://a.b/c|1", "#x", "é:b"], &["", "a b", "a\u{a0}b", "a\n"]),
    ("code", &["a", "a b", "é", ">="], &["", " a", "a ", "a  b", "a\tb", "a\nb", "a\u{0}"]),
    ("date", &["2020", "2020-02-29"], &["2021-02-29", "2020-01-01T00:00:00Z"]),
    ("dateTime", &["2020-01", "2020-01-01T00:00:00Z"], &["2020-01-01T00:00:00", "2020-1-1"]),
    ("decimal", &["0", "-1.10", "1E-3", "1e300"], &["1e999", "-1e400"]),
    ("id", &["a", "A-1.b"], &["", "a_b", "a b", "é", "a/b"]),
    ("instant", &["2020-01-01T00:00:00.1+01:00"], &["2020-01-01", "2020-01-01T00:00Z"]),
    ("integer", &["0", "-0", "2147483647", "-2147483648"], &["2147483648", "-2147483649", "1.0", "1e2"]),
    ("markdown", &["# a\n\tb"], &["", "  \n"]),
    (
        "oid",
        &["urn:oid:1.2.3", "urn:oid:2.0.16.840"],
        &["1.2.3", "urn:oid:", "urn:oid:1", "urn:oid:3.1", "urn:oid:1.01", "urn:oid:1..2", "urn:oid:1.a"],
    ),
    ("positiveInt", &["1", "2147483647"], &["0", "-1", "1.0", "2147483648"]),
    ("string", &["a", " é ", "\ta\r\n"], &["", " ", "\u{a0}", "a\u{1}", "\u{1b}a"]),
    ("time", &["10:00:00", "10:00:60.5"], &["10:00", "25:00:00", "10:00:00Z"]),
    ("unsignedInt", &["0", "2147483647"], &["-1", "-0", "0.5"]),
    ("uri", &["urn:a", "a/b?c=d#e"], &["", "a b"]),
    ("url", &["mailto:a@b"], &["http://a b"]),
    (
        "uuid",
        &["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
        &[
            "c757873d-ec9a-4326-a141-556f43239520",
            "urn:uuid:C757873D-ec9a-4326-a141-556f43239520",
            "urn:uuid:c757873dec9a4326a141556f43239520",
            "urn:uuid:c757873d-ec9a-4326-a141-556f4323952",
        ],
    ),
    ("xhtml", &[r#"<div xmlns="http://www.w3.org/1999/xhtml">a</div>"#], &["<div>a</div>", "a"]),
];

#[test]
fn every_type_takes_its_format_and_no_other() {
    for (name, good, bad) in FORMATS {
        let primitive = Primitive::named(name).expect(name);
        for text in *good {
            assert!(primitive.accepts(text), "{name} refuses {text:?}");
        }
        for text in *bad {
            assert!(!primitive.accepts(text), "{name} takes {text:?}");
        }
    }
}

#[test]
fn an_id_has_at_most_64_characters() {
    assert!(is_id(&"a".repeat(64)));
    assert!(!is_id(&"a".repeat(65)));
}

#[test]
fn a_string_is_measured_in_characters() {
    assert!(Primitive::String.accepts(&"é".repeat(STRING_LIMIT)));
    assert!(!Primitive::String.accepts(&"a".repeat(STRING_LIMIT + 1)));
}

#[test]
fn a_type_that_is_not_primitive_has_no_format() {
    assert_eq!(Primitive::named("HumanName"), None);
}

proptest! {
    #[test]
    fn no_text_breaks_a_checker(text in "\\PC{0,40}|[<>/a-z\"'=& !-]{0,60}", which in 0..FORMATS.len()) {
        let primitive = Primitive::named(FORMATS[which].0).unwrap();
        primitive.accepts(&text);
    }
}
