//! Addresses that are safe to follow, and where the strings of a resource lead.

/// An `http(s)` address or a path on this server; nothing that runs code, such as `javascript:`.
pub(super) struct Href(String);

impl Href {
    /// Takes `address` if it is safe and clean.
    pub(super) fn new(address: &str) -> Option<Href> {
        let follows = |scheme: &str| {
            address.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme))
                && address.len() > scheme.len()
        };
        // Browsers read `//host` and `/\host` as another host.
        let local = address.strip_prefix('/').is_some_and(|rest| !rest.starts_with(['/', '\\']));
        let clean = !address
            .contains(|it: char| it.is_control() || it.is_whitespace() || matches!(it, '"' | '<' | '>' | '\\' | '`'));
        (clean && (local || follows("http://") || follows("https://"))).then(|| Href(address.to_owned()))
    }

    /// The address of `path` below a base.
    pub(super) fn below(base: &str, path: &str) -> Option<Href> {
        Href::new(&format!("{base}/{path}"))
    }

    /// The address.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a string under this element name leads: an absolute address anywhere, or a literal reference
/// in an element that holds one (references.html#literal).
pub(super) fn destination(base: &str, element: &str, text: &str) -> Option<Href> {
    if matches!(element, "reference" | "location" | "url" | "fullUrl") && is_relative_reference(text) {
        return Href::below(base, text);
    }
    if text.starts_with('/') { None } else { Href::new(text) }
}

/// Whether `text` is `Type/id` or `Type/id/_history/version`.
fn is_relative_reference(text: &str) -> bool {
    let steps: Vec<&str> = text.splitn(5, '/').collect();
    match steps.as_slice() {
        [kind, id] => is_type_name(kind) && is_id(id),
        [kind, id, "_history", version] => is_type_name(kind) && is_id(id) && is_id(version),
        _ => false,
    }
}

/// Whether `text` could name a resource type.
pub(super) fn is_type_name(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_uppercase()) && text.chars().all(|it| it.is_ascii_alphabetic())
}

/// Whether `text` is an id (datatypes.html#id).
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(element: &str, text: &str) -> Option<String> {
        destination("http://here/fhir/demo", element, text).map(|it| it.0)
    }

    #[test]
    fn only_web_addresses_and_local_paths_are_safe() {
        for address in ["http://a", "HTTPS://a/b?c=d|e", "/fhir/demo"] {
            assert!(Href::new(address).is_some(), "{address} was refused");
        }
        for address in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//evil",
            "/\\evil",
            "http://",
            "",
            "http://a b",
            "vbscript:x",
            "http://a\"b",
        ] {
            assert!(Href::new(address).is_none(), "{address} was taken");
        }
    }

    #[test]
    fn literal_references_lead_below_the_base() {
        assert_eq!(leads("reference", "Patient/1").unwrap(), "http://here/fhir/demo/Patient/1");
        assert_eq!(leads("location", "Patient/1/_history/2").unwrap(), "http://here/fhir/demo/Patient/1/_history/2");
        assert_eq!(leads("reference", "https://there/Patient/1").unwrap(), "https://there/Patient/1");
    }

    #[test]
    fn other_strings_lead_nowhere() {
        for (element, text) in [
            ("reference", "#contained"),
            ("reference", "urn:uuid:1"),
            ("reference", "Patient/../../x"),
            ("reference", "javascript:alert(1)"),
            ("display", "Patient/1"),
            ("url", "/etc"),
        ] {
            assert!(leads(element, text).is_none(), "{element} {text} was linked");
        }
    }
}
