//! Values that only a modifier asks for: `:identifier` of references, `:of-type` of identifiers, `:below` of uris.

use super::ParamId;
use crate::spec::{ParamType, SearchParam};

/// So many segments of a URL can be asked for with `:below` and `:above`.
pub(super) const SEGMENTS: usize = 32;

/// The parameter under which the values for a modifier are kept: a token's pairs of type and value under its own, a
/// reference's identifiers (or the versions of a canonical, or the version that it names) and the beginnings of a uri under one that has the modifier in
/// its name.
pub(super) fn aside(of: &str, param: &SearchParam) -> Option<ParamId> {
    let named = |modifier: &str| {
        let generation = param.own.iter().flat_map(|it| ["|", &*it.generation]);
        let name: String = [&*param.code, modifier].into_iter().chain(generation).collect();
        Some(ParamId::of(of, &name))
    };
    match param.kind {
        ParamType::Token => named(""),
        ParamType::Reference => named(":identifier"),
        ParamType::Uri => named(":below"),
        _ => None,
    }
}

/// All numbers under which a parameter's values are kept.
pub fn numbers(of: &str, param: &SearchParam) -> impl Iterator<Item = ParamId> {
    let own = ParamId::of_param(of, param);
    [own].into_iter().chain(aside(of, param).filter(move |it| *it != own))
}

/// The beginnings of a URL that end where a segment of its path ends, itself included, without a slash at the end;
/// none of a URN (search.html#uri).
pub(super) fn borders(url: &str) -> impl Iterator<Item = &str> {
    let url = url.trim_end_matches('/');
    let authority = url.find("://").map(|at| at + 3).filter(|at| *at < url.len());
    let ends = authority
        .into_iter()
        .flat_map(move |at| url[at..].match_indices('/').map(move |(slash, _)| at + slash).chain([url.len()]));
    ends.map(move |end| &url[..end])
}

/// The beginnings of a canonical that end where a part of its version ends, itself included; none without a version.
pub(super) fn versions(canonical: &str) -> impl Iterator<Item = &str> {
    let version = canonical.find('|').map(|at| at + 1).filter(|at| *at < canonical.len());
    let ends = version
        .into_iter()
        .flat_map(move |at| canonical[at..].match_indices('.').map(move |(dot, _)| at + dot).chain([canonical.len()]));
    ends.map(move |end| &canonical[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::r4;
    use std::collections::HashSet;

    #[test]
    fn urls_have_borders_and_urns_have_none() {
        let all = |url| borders(url).collect::<Vec<_>>();
        assert_eq!(all("http://a.org/fhir/x/"), ["http://a.org", "http://a.org/fhir", "http://a.org/fhir/x"]);
        assert_eq!(all("http://a.org"), ["http://a.org"]);
        assert!(all("urn:oid:1.2/3").is_empty());
        assert!(all("http:///").is_empty());
        assert!(all("").is_empty());
    }

    #[test]
    fn numbers_of_what_is_kept_aside_are_unique() {
        let mut seen = HashSet::new();
        for of in r4().resources() {
            let name = &r4().of(of).name;
            for param in r4().params_of(of) {
                let own = ParamId::of(name, &param.code);
                assert!(seen.insert(own));
                assert!(aside(name, param).filter(|it| *it != own).is_none_or(|it| seen.insert(it)));
            }
        }
    }
}
