//! Media types (BCP 13): whether those that stand in no tree of vendors, persons or private ones are registered with IANA.

use rustc_hash::FxHashSet;
use std::sync::LazyLock;

/// Types of the standards tree, in lower case (`profiles/iana`).
static REGISTERED: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| {
    let lines = include_str!("../../../profiles/iana/media-types.txt").lines();
    lines.filter(|it| !it.starts_with('#')).collect()
});

/// How the subtypes of the other trees begin (RFC 6838 sections 3.2 to 3.4).
const TREES: [&str; 4] = ["vnd.", "prs.", "x.", "x-"];

/// Whether a well-formed media type, with or without parameters, may be used: of the standards tree those that are registered,
/// of the other trees all.
pub fn is_registered(media_type: &str) -> bool {
    let bare = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let Some((top, subtype)) = bare.split_once('/') else { return false };
    top.starts_with("x-") || TREES.iter().any(|it| subtype.starts_with(it)) || REGISTERED.contains(bare.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_tree_is_what_iana_has_registered() {
        for (media_type, registered) in [
            ("application/fhir+json", true),
            ("Application/FHIR+xml; charset=utf-8", true),
            ("image/jpeg", true),
            ("image/jpg", false),
            ("application/foo", false),
            ("application/x-foo", true),
            ("application/x.foo", true),
            ("application/vnd.example.foo+xml", true),
            ("application/prs.somebody", true),
            ("x-conference/x-cooltalk", true),
            ("json", false),
            ("", false),
        ] {
            assert_eq!(is_registered(media_type), registered, "{media_type}");
        }
        assert!(REGISTERED.len() > 800);
    }
}
