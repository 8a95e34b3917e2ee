//! Code systems that are part of this server without a resource: ISO's countries, their parts and currencies as lists
//! (iso3166.html, terminologies-systems.html), and those whose codes a grammar tells (ucum.html, RFC 5646, RFC 6838).

use super::{CodeSystem, Concept, Filter, languages};
use crate::outcome::shown;
use crate::units::{self, Scale, UCUM};
use crate::{Failure, IssueType, Result};
use iso_currency::Currency;
use regex::Regex;
use std::sync::LazyLock;

/// R4's value set of all tags of languages.
pub const ALL_LANGUAGES: &str = "http://hl7.org/fhir/ValueSet/all-languages";

/// Codes longer than this are none.
const LONGEST: usize = 256;

/// A grammar that tells the codes of a code system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// UCUM's units.
    Unit,
    /// Valid tags of languages (RFC 5646 section 2.2.9): those whose parts are in IANA's registry.
    Language,
    /// Well-formed media types (RFC 6838 section 4.2), with or without parameters; whether they are registered is another
    /// question ([`super::is_registered`]).
    MediaType,
}

static MEDIA_TYPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let name = "[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}";
    let token = "[A-Za-z0-9!#$%&'*+.^_`|~-]+";
    Regex::new(&format!(r#"^{name}/{name}(?:\s*;\s*{token}=(?:{token}|"[^"]*"))*$"#)).ok()
});

impl Grammar {
    /// Whether this is a code.
    pub fn has(self, code: &str) -> bool {
        let matches = |it: &Option<Regex>| it.as_ref().is_some_and(|it| it.is_match(code));
        code.len() <= LONGEST
            && match self {
                Grammar::Unit => units::is_unit(code),
                Grammar::Language => languages::name(code).is_some(),
                Grammar::MediaType => matches(&MEDIA_TYPE),
            }
    }

    /// What one of its codes is called, where that can be told.
    pub fn name(self, code: &str) -> Option<String> {
        match self {
            Grammar::Unit => units::name(code),
            Grammar::Language => languages::name(code),
            Grammar::MediaType => None,
        }
    }

    /// Whether a code passes a filter; of those that there may be, UCUM's by canonical unit (ucum.html).
    pub(super) fn passes(self, filter: &Filter, code: &str) -> Result<bool> {
        match (self, filter.property.as_str(), filter.op.as_str(), Scale::of(&filter.value)) {
            (Grammar::Unit, "canonical", "=", Some(canonical)) => {
                Ok(Scale::of(code).is_some_and(|it| it.base() == canonical.base()))
            }
            _ => {
                let told =
                    format!("The filter {} {} is not supported here.", shown(&filter.property), shown(&filter.op));
                Err(Failure::new(IssueType::NotSupported, told))
            }
        }
    }
}

/// A code system whose codes can be told one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltIn {
    /// Media types; in CapabilityStatement.format also the short words for FHIR's own (capabilitystatement.html).
    MediaTypes,
    /// ISO's currencies.
    Currencies,
    /// UCUM's units.
    Units,
    /// Tags of languages.
    Languages,
}

impl BuiltIn {
    /// What a value set of R4's has all codes of.
    pub fn all_in(value_set: &str) -> Option<BuiltIn> {
        match value_set {
            "http://hl7.org/fhir/ValueSet/mimetypes" => Some(BuiltIn::MediaTypes),
            "http://hl7.org/fhir/ValueSet/currencies" => Some(BuiltIn::Currencies),
            "http://hl7.org/fhir/ValueSet/ucum-units" => Some(BuiltIn::Units),
            ALL_LANGUAGES => Some(BuiltIn::Languages),
            _ => None,
        }
    }

    /// The code system's URL.
    pub fn system(self) -> &'static str {
        match self {
            BuiltIn::MediaTypes => "urn:ietf:bcp:13",
            BuiltIn::Currencies => "urn:iso:std:iso:4217",
            BuiltIn::Units => UCUM,
            BuiltIn::Languages => "urn:ietf:bcp:47",
        }
    }

    /// Whether this is a code of it.
    pub fn has(self, code: &str) -> bool {
        match self {
            // What stands behind a semicolon is often not written as RFC 2045 has it, in R4's own examples neither.
            BuiltIn::MediaTypes => {
                let bare = code.split(';').next().unwrap_or_default().trim_end();
                Grammar::MediaType.has(bare) || matches!(code, "xml" | "json" | "ttl")
            }
            BuiltIn::Currencies => Currency::from_code(code).is_some(),
            BuiltIn::Units => Grammar::Unit.has(code),
            BuiltIn::Languages => Grammar::Language.has(code),
        }
    }
}

/// The built-in code system with this URL.
pub fn builtin(url: &str) -> Option<CodeSystem> {
    match url {
        UCUM => Some(CodeSystem::by_grammar(url, "UCUM", Grammar::Unit)),
        "urn:ietf:bcp:47" => Some(CodeSystem::by_grammar(url, "BCP47", Grammar::Language)),
        "urn:ietf:bcp:13" => Some(CodeSystem::by_grammar(url, "MIMETypes", Grammar::MediaType)),
        "urn:iso:std:iso:3166" => Some(CodeSystem::listed(url, "ISO3166", countries())),
        "urn:iso:std:iso:3166:-2" => Some(CodeSystem::listed(url, "ISO3166Part2", subdivisions())),
        "urn:iso:std:iso:4217" => Some(CodeSystem::listed(url, "ISO4217", currencies())),
        _ => None,
    }
}

/// Each country by its three codes, which are of one code system.
fn countries() -> impl Iterator<Item = Concept> {
    rust_iso3166::ALL.iter().flat_map(|it| {
        [it.alpha2.to_owned(), it.alpha3.to_owned(), it.numeric_str()].map(|code| Concept::named(code, it.name))
    })
}

/// The parts of countries, by code.
fn subdivisions() -> impl Iterator<Item = Concept> {
    let mut all: Vec<_> = rust_iso3166::iso3166_2::SUBDIVISION_MAP.values().collect();
    all.sort_unstable_by_key(|it| it.code);
    all.into_iter().map(|it| Concept::named(it.code.to_owned(), it.name))
}

/// Each currency by its letters: of all that three letters can say, those that are one.
fn currencies() -> impl Iterator<Item = Concept> {
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(move |a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    codes.filter_map(|code| Some(Concept::named(code.clone(), Currency::from_code(&code)?.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_their_parts_and_currencies_are_listed() {
        let parts = builtin("urn:iso:std:iso:3166:-2").unwrap();
        assert_eq!(parts.find("GB-EDH").and_then(|it| it.display.as_deref()), Some("Edinburgh, City of"));
        assert!(parts.find("GB-QQQ").is_none() && parts.concepts().len() > 4000);
        let countries = builtin("urn:iso:std:iso:3166").unwrap();
        for code in ["CH", "CHE", "756"] {
            assert_eq!(countries.find(code).and_then(|it| it.display.as_deref()), Some("Switzerland"), "{code}");
        }
        let currencies = builtin("urn:iso:std:iso:4217").unwrap();
        assert_eq!(currencies.find("CHF").and_then(|it| it.display.as_deref()), Some("Swiss franc"));
        assert!(currencies.find("QQQ").is_none() && currencies.concepts().len() > 150);
    }

    #[test]
    fn value_sets_of_all_codes_tell_them() {
        for (set, code, is_in) in [
            ("mimetypes", "image/png", true),
            ("mimetypes", "application/dicom; variant=DICOM STOW-RS", true),
            ("mimetypes", "png", false),
            ("currencies", "CHF", true),
            ("currencies", "chf", false),
            ("ucum-units", "mg/dL", true),
            ("ucum-units", "furlong per fortnight", false),
        ] {
            let set = crate::spec::r4().value_set(&format!("http://hl7.org/fhir/ValueSet/{set}")).unwrap();
            let system = set.all_of.unwrap().system();
            assert_eq!((set.has_code(code), set.has_coding(system, code)), (is_in, is_in), "{code}");
            assert!(set.is_known() && !set.has_coding("urn:other", code));
        }
    }

    #[test]
    fn grammars_tell_codes() {
        for (grammar, code, is_code) in [
            (Grammar::Unit, "mg/dL", true),
            (Grammar::Unit, "[degF]", true),
            (Grammar::Unit, "furlongs per", false),
            (Grammar::Language, "de-CH-1996", true),
            (Grammar::Language, "ZH-hant-tw", true),
            (Grammar::Language, "en-x-nhs", true),
            (Grammar::Language, "i-klingon", true),
            (Grammar::Language, "xq-CH", false),
            (Grammar::Language, "de_CH", false),
            (Grammar::Language, "e", false),
            (Grammar::Language, "en-", false),
            (Grammar::MediaType, "application/fhir+json; charset=utf-8", true),
            (Grammar::MediaType, "image/png", true),
            (Grammar::MediaType, "png", false),
            (Grammar::MediaType, "image/", false),
        ] {
            assert_eq!(grammar.has(code), is_code, "{code}");
        }
        assert!(!Grammar::Language.has(&"en-a-bb".repeat(100)));
    }

    #[test]
    fn units_are_filtered_by_what_they_measure() {
        let filter = |property: &str, value: &str| Filter {
            property: property.to_owned(),
            op: "=".to_owned(),
            value: value.to_owned(),
        };
        let passes = |code: &str| Grammar::Unit.passes(&filter("canonical", "a"), code).unwrap();
        assert!(passes("min") && !passes("m"));
        assert!(Grammar::Unit.passes(&filter("colour", "red"), "m").is_err());
        assert!(Grammar::Language.passes(&filter("canonical", "m"), "de").is_err());
    }
}
