//! Language tags (BCP 47, RFC 5646): whether their parts are in IANA's registry, and what they are called.

use rustc_hash::FxHashMap;
use std::sync::LazyLock;

/// Tags longer than this are none.
const LONGEST: usize = 256;
/// The extensions that there are (RFC 6067, RFC 6497).
const EXTENSIONS: [&str; 2] = ["u", "t"];

/// What IANA has registered.
struct Registry {
    /// Of each kind and part, the language that it stands behind, and its name.
    parts: FxHashMap<(&'static str, &'static str), (&'static str, &'static str)>,
    /// Ranges of parts for private use.
    ranges: Vec<(&'static str, &'static str, &'static str)>,
}

static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
    let mut registry = Registry { parts: FxHashMap::default(), ranges: Vec::new() };
    for line in include_str!("../../../profiles/iana/languages.txt").lines().filter(|it| !it.starts_with('#')) {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        let (kind, part, prefix, name) = (next(), next(), next(), next());
        match part.split_once("..") {
            Some((first, last)) => registry.ranges.push((kind, first, last)),
            None => drop(registry.parts.insert((kind, part), (prefix, name))),
        }
    }
    registry
});

impl Registry {
    /// The language that a part stands behind, if only one, and its name.
    fn find(&self, kind: &'static str, part: &str) -> Option<(&'static str, &'static str)> {
        let is_private = |(of, first, last): &&(&str, &str, &str)| {
            *of == kind && part.len() == first.len() && (*first..=*last).contains(&part)
        };
        // What lives as long as the key is asked for by a shorter one.
        let found = self.parts.get(&(kind, part) as &(&str, &str)).copied();
        found.or_else(|| self.ranges.iter().find(is_private).map(|_| ("", "Private use")))
    }
}

/// What a valid tag is called: `German (Switzerland)`; `None` of what is none.
pub(super) fn name(tag: &str) -> Option<String> {
    let tag = (tag.len() <= LONGEST).then(|| tag.to_ascii_lowercase())?;
    if let Some((_, name)) = REGISTRY.find("grandfathered", &tag) {
        return Some(name.to_owned());
    }
    let mut names = Tag { left: tag.split('-').collect(), names: Vec::new() }.names()?.into_iter();
    let first = names.next()?;
    let others: Vec<&str> = names.collect();
    Some(if others.is_empty() { first.to_owned() } else { format!("{first} ({})", others.join(", ")) })
}

/// A tag that is being read (RFC 5646 section 2.1).
struct Tag<'t> {
    left: std::collections::VecDeque<&'t str>,
    names: Vec<&'static str>,
}

impl<'t> Tag<'t> {
    /// What its parts are called; `None` if one is not registered, or not where it belongs.
    fn names(mut self) -> Option<Vec<&'static str>> {
        let is_letters = |it: &str| it.bytes().all(|it| it.is_ascii_lowercase());
        let is_digits = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
        if self.left.front() != Some(&"x") {
            let language = self.left.pop_front()?;
            self.names.push(REGISTRY.find("language", language)?.1);
            if let Some(part) = self.next_if(|it| it.len() == 3 && is_letters(it)) {
                let (prefix, name) = REGISTRY.find("extlang", part)?;
                self.names.push(Some(name).filter(|_| prefix == language)?);
            }
            if let Some(part) = self.next_if(|it| it.len() == 4 && is_letters(it)) {
                self.names.push(REGISTRY.find("script", part)?.1);
            }
            let is_region = |it: &str| (it.len() == 2 && is_letters(it)) || (it.len() == 3 && is_digits(it));
            if let Some(part) = self.next_if(is_region) {
                self.names.push(REGISTRY.find("region", part)?.1);
            }
            self.variants()?;
            self.extensions()?;
        }
        if self.next_if(|it| it == "x").is_some() {
            self.names.push("private use");
            self.some(1)?;
        }
        self.left.is_empty().then_some(self.names)
    }

    fn variants(&mut self) -> Option<()> {
        let is_variant = |it: &str| it.len() > 4 || (it.len() == 4 && it.starts_with(|it: char| it.is_ascii_digit()));
        let mut seen = Vec::new();
        while let Some(part) = self.next_if(is_variant) {
            self.names.push(REGISTRY.find("variant", part)?.1);
            seen.push(Some(part).filter(|it| !seen.contains(it))?);
        }
        Some(())
    }

    fn extensions(&mut self) -> Option<()> {
        let mut seen = Vec::new();
        while let Some(part) = self.next_if(|it| EXTENSIONS.contains(&it)) {
            seen.push(Some(part).filter(|it| !seen.contains(it))?);
            self.some(2)?;
        }
        Some(())
    }

    /// One or more parts of letters and digits, of at least so many.
    fn some(&mut self, least: usize) -> Option<()> {
        let is_one = |it: &str| (least..=8).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_alphanumeric());
        let before = self.left.len();
        while self.next_if(is_one).is_some() {}
        (self.left.len() < before).then_some(())
    }

    fn next_if(&mut self, test: impl Fn(&str) -> bool) -> Option<&'t str> {
        let is_next = self.left.front().is_some_and(|it| test(it));
        if is_next { self.left.pop_front() } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_have_names_by_their_parts() {
        for (tag, called) in [
            ("de", "German"),
            ("de-CH", "German (Switzerland)"),
            ("ZH-hant-tw", "Chinese (Han (Traditional variant), Taiwan, Province of China)"),
            ("zh-yue", "Chinese (Yue Chinese)"),
            ("sl-rozaj-biske", "Slovenian (Resian, The San Giorgio dialect of Resian)"),
            ("es-419", "Spanish (Latin America and the Caribbean)"),
            ("de-DE-u-co-phonebk", "German (Germany)"),
            ("en-x-nhs", "English (private use)"),
            ("x-a-b", "private use"),
            ("i-klingon", "Klingon"),
            ("qtz-Qabx-XZ", "Private use (Private use, Private use)"),
        ] {
            assert_eq!(name(tag).as_deref(), Some(called), "{tag}");
        }
    }

    #[test]
    fn what_is_not_registered_or_out_of_order_is_no_tag() {
        for tag in [
            "",
            "e",
            "en-",
            "-en",
            "de_CH",
            "english",
            "xqx-DE",
            "en-UX",
            "en-Xyzz",
            "de-yue",
            "en-US-Latn",
            "de-1996-1996",
            "de-12345",
            "en-a-bbb",
            "en-u",
            "en-u-co-u-co",
            "en-x",
            "x",
            "i-nothing",
            "de-ärt",
        ] {
            assert_eq!(name(tag), None, "{tag}");
        }
        assert_eq!(name(&"en-u-co".repeat(100)), None);
    }

    proptest! {
        #[test]
        fn any_text_is_told(tag in "[a-zA-Z0-9_-]{0,40}", other in ".{0,20}") {
            let _ = (name(&tag), name(&other));
        }
    }
}
