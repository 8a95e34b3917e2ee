//! The addresses below a tenant's base (http.html#summary), in one table: [`Interaction::parse`](crate::Interaction::parse)
//! serves what has a row here and nothing else, and whoever tells of a request without telling whose record it is about names
//! the row.

use crate::Verb;
use std::sync::LazyLock;

macro_rules! routes {
    ($($name:ident $pattern:literal $methods:literal,)*) => {
        /// A pattern of addresses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Route {
            $($name,)*
        }

        impl Route {
            /// All of them. Of those that fit a path, the first one is meant.
            pub const ALL: &[Route] = &[$(Route::$name),*];

            /// How its addresses look.
            pub const fn pattern(self) -> &'static str {
                match self {
                    $(Route::$name => $pattern,)*
                }
            }

            /// The methods that it takes, as `Allow` names them.
            pub const fn methods(self) -> &'static str {
                match self {
                    $(Route::$name => $methods,)*
                }
            }
        }
    };
}

routes! {
    Base "[base]" "GET, HEAD, POST",
    Metadata "[base]/metadata" "GET, HEAD",
    OpenApi "[base]/openapi.json" "GET, HEAD",
    Search "[base]/_search" "POST",
    History "[base]/_history" "GET, HEAD",
    Operation "[base]/$[operation]" "GET, HEAD, POST",
    Type "[base]/[type]" "GET, HEAD, POST, PUT, PATCH, DELETE",
    TypeSearch "[base]/[type]/_search" "POST",
    TypeHistory "[base]/[type]/_history" "GET, HEAD",
    TypeOperation "[base]/[type]/$[operation]" "GET, HEAD, POST",
    Instance "[base]/[type]/[id]" "GET, HEAD, PUT, PATCH, DELETE",
    InstanceHistory "[base]/[type]/[id]/_history" "GET, HEAD",
    InstanceOperation "[base]/[type]/[id]/$[operation]" "GET, HEAD, POST",
    Compartment "[base]/[type]/[id]/[type]" "GET, HEAD",
    CompartmentSearch "[base]/[type]/[id]/[type]/_search" "POST",
    Version "[base]/[type]/[id]/_history/[vid]" "GET, HEAD",
    VersionOperation "[base]/[type]/[id]/_history/[vid]/$[operation]" "GET, HEAD, POST",
}

/// A route with the steps of its pattern below the base.
type Row = (Route, Vec<&'static str>);

/// The table, by how many steps there are.
static BY_LENGTH: LazyLock<Vec<Vec<Row>>> = LazyLock::new(|| {
    let mut all: Vec<Vec<Row>> = Vec::new();
    for route in Route::ALL {
        let steps: Vec<&str> = route.pattern().split('/').skip(1).collect();
        all.resize_with(all.len().max(steps.len() + 1), Vec::new);
        if let Some(rows) = all.get_mut(steps.len()) {
            rows.push((*route, steps));
        }
    }
    all
});

impl Route {
    /// The route of a path below the base, if it has one.
    pub fn of(path: &str) -> Option<Route> {
        let length = if path.is_empty() { 0 } else { path.split('/').count() };
        let fits = |(_, steps): &&Row| steps.iter().zip(path.split('/')).all(|(row, step)| is_step(row, step));
        BY_LENGTH.get(length)?.iter().find(fits).map(|(route, _)| *route)
    }

    /// Whether it takes this method.
    pub fn takes(self, verb: Verb) -> bool {
        self.methods().split(", ").any(|it| Verb::parse(it) == Some(verb))
    }
}

/// Whether a step of a path may stand where the pattern has this one.
fn is_step(pattern: &str, step: &str) -> bool {
    match pattern {
        "$[operation]" => step.starts_with('$'),
        it if it.starts_with('[') => !step.starts_with(['$', '_']),
        literal => literal == step,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_route() {
        for (path, expected) in [
            ("", Some(Route::Base)),
            ("metadata", Some(Route::Metadata)),
            ("$graphql", Some(Route::Operation)),
            ("_search", Some(Route::Search)),
            ("Patient", Some(Route::Type)),
            ("Patient/_search", Some(Route::TypeSearch)),
            ("Patient/$validate", Some(Route::TypeOperation)),
            ("Patient/1", Some(Route::Instance)),
            ("Patient/1/Observation", Some(Route::Compartment)),
            ("Patient/1/*", Some(Route::Compartment)),
            ("Patient/1/Observation/_search", Some(Route::CompartmentSearch)),
            ("Patient/1/_history/2", Some(Route::Version)),
            ("Patient/1/_history/2/$meta", Some(Route::VersionOperation)),
            ("Patient/1/_history/$meta", None),
            ("_nothing", None),
            ("Patient/_nothing", None),
            ("a/b/c/d/e/f", None),
        ] {
            assert_eq!(Route::of(path), expected, "{path}");
        }
    }

    #[test]
    fn an_address_of_each_pattern_leads_to_its_route() {
        for route in Route::ALL {
            let path = route.pattern().trim_start_matches("[base]").trim_start_matches('/');
            let path = path.replace("$[operation]", "$x").replace("[type]", "Patient").replace("[id]", "1");
            assert_eq!(Route::of(&path.replace("[vid]", "2")), Some(*route));
        }
    }

    #[test]
    fn a_route_takes_its_methods() {
        assert!(Route::Type.takes(Verb::Patch) && Route::Version.takes(Verb::Head));
        assert!(!Route::TypeSearch.takes(Verb::Get) && !Route::Instance.takes(Verb::Post));
    }
}
