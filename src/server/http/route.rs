//! The pattern behind an address: what may be told of a request without telling whose record it is about, and the
//! methods that it takes.

/// A pattern of addresses.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// For logs and metrics.
    pub pattern: &'static str,
    /// For `Allow`.
    pub methods: &'static str,
}

macro_rules! routes {
    ($($name:ident $pattern:literal $methods:literal,)*) => {
        $(pub static $name: Route = Route { pattern: $pattern, methods: $methods };)*
        #[cfg(test)]
        const ALL: &[&Route] = &[$(&$name),*];
    };
}

routes! {
    OTHER "other" "GET, HEAD",
    SERVER "server" "GET, HEAD",
    BASE "[base]" "GET, HEAD, POST",
    METADATA "[base]/metadata" "GET, HEAD",
    OPEN_API "[base]/openapi.json" "GET, HEAD",
    SMART "[base]/.well-known/smart-configuration" "GET, HEAD",
    SEARCH "[base]/_search" "POST",
    HISTORY "[base]/_history" "GET, HEAD",
    OPERATION "[base]/$[operation]" "GET, HEAD, POST",
    TYPE "[base]/[type]" "GET, HEAD, POST, PUT, PATCH, DELETE",
    TYPE_SEARCH "[base]/[type]/_search" "GET, HEAD, POST",
    TYPE_HISTORY "[base]/[type]/_history" "GET, HEAD",
    TYPE_OPERATION "[base]/[type]/$[operation]" "GET, HEAD, POST",
    INSTANCE "[base]/[type]/[id]" "GET, HEAD, PUT, PATCH, DELETE",
    INSTANCE_HISTORY "[base]/[type]/[id]/_history" "GET, HEAD",
    INSTANCE_OPERATION "[base]/[type]/[id]/$[operation]" "GET, HEAD, POST",
    VERSION "[base]/[type]/[id]/_history/[vid]" "GET, HEAD",
    COMPARTMENT "[base]/[type]/[id]/[type]" "GET, HEAD",
    COMPARTMENT_SEARCH "[base]/[type]/[id]/[type]/_search" "POST",
}

impl Route {
    /// Whether everybody may ask for it: what a server can do is no secret (http.html#capabilities).
    pub fn is_public(&self) -> bool {
        *self == METADATA || *self == OPEN_API
    }

    /// Whether what is asked for there may change who may do what: operations, and Bundles, which may have some.
    pub fn may_administer(&self) -> bool {
        *self == BASE || self.pattern.contains('$')
    }
}

/// The pattern of a path below a tenant's base.
pub fn route(path: &str) -> &'static Route {
    let mut steps = path.split('/');
    let step = (steps.next().unwrap_or_default(), steps.next(), steps.next(), steps.next(), steps.next());
    match step {
        ("", None, ..) => &BASE,
        ("metadata", None, ..) => &METADATA,
        ("openapi.json", None, ..) => &OPEN_API,
        (".well-known", Some("smart-configuration"), None, ..) => &SMART,
        ("_search", None, ..) => &SEARCH,
        ("_history", None, ..) => &HISTORY,
        (first, None, ..) if first.starts_with('$') => &OPERATION,
        (_, None, ..) => &TYPE,
        (_, Some("_search"), None, ..) => &TYPE_SEARCH,
        (_, Some("_history"), None, ..) => &TYPE_HISTORY,
        (_, Some(second), None, ..) if second.starts_with('$') => &TYPE_OPERATION,
        (_, Some(_), None, ..) => &INSTANCE,
        (_, Some(_), Some("_history"), None, ..) => &INSTANCE_HISTORY,
        (_, Some(_), Some(third), None, ..) if third.starts_with('$') => &INSTANCE_OPERATION,
        (_, Some(_), Some(_), None, ..) => &COMPARTMENT,
        (_, Some(_), Some("_history"), Some(_), None) => &VERSION,
        (_, Some(_), Some(_), Some("_search"), None) => &COMPARTMENT_SEARCH,
        _ => &OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of who may do what, which the conformance tests hold the server to.
    const MATRIX: &str = include_str!("../../../conformance-tests/tests/roles/matrix.txt");

    #[test]
    fn every_route_has_a_row_in_the_access_matrix() {
        let rows: Vec<Vec<&str>> = MATRIX.lines().map(|it| it.split_whitespace().collect()).collect();
        let methods = |it: &Route| it.methods.split(", ").filter(|it| *it != "HEAD").collect::<Vec<_>>();
        for route in ALL.iter().filter(|it| it.pattern.starts_with("[base]")) {
            for method in methods(route) {
                let is_row = |row: &Vec<&str>| row.starts_with(&[method, route.pattern]) && row.len() == 3;
                assert!(rows.iter().any(is_row), "{method} {} has no row", route.pattern);
            }
        }
    }

    #[test]
    fn a_path_has_a_pattern_without_ids() {
        for (path, expected) in [
            ("", &BASE),
            ("metadata", &METADATA),
            ("Patient", &TYPE),
            ("Patient/1", &INSTANCE),
            ("Patient/1/_history/2", &VERSION),
            ("Patient/_search", &TYPE_SEARCH),
            ("Patient/$validate", &TYPE_OPERATION),
            ("Patient/1/Observation", &COMPARTMENT),
            ("Patient/1/Observation/_search", &COMPARTMENT_SEARCH),
            ("a/b/c/d/e/f", &OTHER),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }
}
