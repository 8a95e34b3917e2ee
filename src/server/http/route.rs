//! The pattern behind an address: what may be told of a request without telling whose record it is about, and the
//! methods that it takes. Those below a tenant's base are the engine's ([`engine::Route`]).

/// A pattern of addresses.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// For logs and metrics.
    pub pattern: &'static str,
    /// For `Allow`.
    pub methods: &'static str,
}

pub static OTHER: Route = Route { pattern: "other", methods: "GET, HEAD" };
pub static SERVER: Route = Route { pattern: "server", methods: "GET, HEAD" };
pub static SMART: Route = Route { pattern: "[base]/.well-known/smart-configuration", methods: "GET, HEAD" };
pub static BASE: Route = Route::of(engine::Route::Base);
pub static METADATA: Route = Route::of(engine::Route::Metadata);
pub static OPEN_API: Route = Route::of(engine::Route::OpenApi);
pub static INSTANCE: Route = Route::of(engine::Route::Instance);
pub static VERSION: Route = Route::of(engine::Route::Version);

/// The routes below a base, each at its place in [`engine::Route::ALL`].
static OF_BASE: [Route; engine::Route::ALL.len()] = {
    let mut all = [const { Route::of(engine::Route::Base) }; engine::Route::ALL.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = Route::of(engine::Route::ALL[at]);
        at += 1;
    }
    all
};

impl Route {
    const fn of(route: engine::Route) -> Route {
        Route { pattern: route.pattern(), methods: route.methods() }
    }

    /// Whether everybody may ask for it: what a server can do is no secret (http.html#capabilities).
    pub fn is_public(&self) -> bool {
        *self == METADATA || *self == OPEN_API
    }

    /// Whether an operation is called there.
    pub fn is_operation(&self) -> bool {
        self.pattern.contains('$')
    }

    /// Whether what is asked for there may change who may do what: operations, and Bundles, which may have some.
    pub fn may_administer(&self) -> bool {
        *self == BASE || self.is_operation()
    }
}

/// The pattern of a path below a tenant's base.
pub fn route(path: &str) -> &'static Route {
    match engine::Route::of(path) {
        _ if SMART.pattern.strip_prefix("[base]/") == Some(path) => &SMART,
        Some(route) => OF_BASE.get(route as usize).unwrap_or(&OTHER),
        None => &OTHER,
    }
}

#[cfg(test)]
pub mod matrix {
    use super::Route;

    /// The table of who may do what, which the conformance tests hold the server to.
    const MATRIX: &str = include_str!("../../../conformance-tests/tests/roles/matrix.txt");

    /// That the access matrix has a row for each of these, by each method.
    pub fn has_rows<'r>(routes: impl IntoIterator<Item = &'r Route>) {
        for route in routes {
            for method in route.methods.split(", ").filter(|it| *it != "HEAD") {
                has_row(method, route.pattern);
            }
        }
    }

    /// That it has one for an operation that is called like this: `[x]` stands for what is in braces in the row.
    pub fn has_call(method: &str, address: &str) {
        let is_step =
            |(row, step): (&str, &str)| row == step || step == "[x]" && row.starts_with('{') || step == "[type]";
        let is_row = |line: &str| {
            let (methods, row) = line.split_once(' ').unwrap_or_default();
            let row = row.split_whitespace().next().unwrap_or_default();
            let has_steps = row.split('/').count() == address.split('/').count();
            methods.split('|').any(|it| it == method)
                && has_steps
                && row.split('/').zip(address.split('/')).all(is_step)
        };
        assert!(MATRIX.lines().any(is_row), "{method} {address} has no row in roles/matrix.txt");
    }

    /// That it has one for this.
    pub fn has_row(method: &str, pattern: &str) {
        let is_row = |it: &str| it.split_whitespace().take(2).eq([method, pattern]);
        assert!(MATRIX.lines().any(is_row), "{method} {pattern} has no row in roles/matrix.txt");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::{Extra, Operation};
    use serde_json::Value;

    /// Where an operation may be called.
    fn places(operation: &Operation, definition: &Value) -> Vec<String> {
        let code = format!("${}", definition["code"].as_str().unwrap());
        let types = definition["resource"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let types: Vec<&str> = types.map(|it| if it == "Resource" { "[type]" } else { it }).collect();
        let mut places = Vec::new();
        if definition["system"] == true {
            places.push(code.clone());
        }
        if definition["type"] == true {
            places.extend(types.iter().map(|of| format!("{of}/{code}")));
        }
        if definition["instance"] == true {
            places.extend(types.iter().map(|of| format!("{of}/[x]/{code}")));
            if operation.extras.contains(&Extra::Versions) {
                places.extend(types.iter().map(|of| format!("{of}/[x]/_history/1/{code}")));
            }
        }
        places
    }

    /// By GET too if it changes nothing, and a query can hold what it needs (operations.html#executing).
    fn methods(definition: &Value) -> &'static [&'static str] {
        let is_simple = |it: &Value| it["type"].as_str().is_some_and(|it| it.starts_with(char::is_lowercase));
        let parameters = definition["parameter"].as_array().into_iter().flatten();
        let mut needed = parameters.filter(|it| it["use"] == "in" && it["min"] != 0);
        match definition["affectsState"] != true && needed.all(is_simple) {
            true => &["GET", "POST"],
            false => &["POST"],
        }
    }

    #[test]
    fn every_call_of_an_operation_has_a_row_in_the_access_matrix() {
        for operation in crate::database::operations() {
            let definition: Value = serde_json::from_str(operation.definition).unwrap();
            for place in places(&operation, &definition) {
                methods(&definition).iter().for_each(|method| matrix::has_call(method, &place));
            }
        }
    }

    #[test]
    fn every_route_has_a_row_in_the_access_matrix() {
        matrix::has_rows(OF_BASE.iter().chain([&SMART]));
    }

    #[test]
    fn a_path_has_a_pattern_without_ids() {
        for (path, expected) in [
            ("", "[base]"),
            ("metadata", "[base]/metadata"),
            (".well-known/smart-configuration", "[base]/.well-known/smart-configuration"),
            ("Patient/1", "[base]/[type]/[id]"),
            ("Patient/1/_history/2", "[base]/[type]/[id]/_history/[vid]"),
            ("Patient/1/_history/2/$meta", "[base]/[type]/[id]/_history/[vid]/$[operation]"),
            ("a/b/c/d/e/f", "other"),
        ] {
            assert_eq!(route(path).pattern, expected, "{path}");
        }
    }
}
