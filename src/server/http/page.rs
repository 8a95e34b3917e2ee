//! FHIR's answers as pages, for those who ask with a browser.

use super::address::Address;
use super::answer;
use crate::pages::{self, CONTENT_SECURITY_POLICY, Page, ResourceView, SearchField, SearchForm, UnauthorizedView};
use ::fhir::Failure;
use ::fhir::spec::r4;
use axum::http::header::CONTENT_SECURITY_POLICY as CSP;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};

use axum::response::Response;

/// A scope for the token commands that pages show: to read and search everything.
pub const READING: &str = "user/*.rs";

/// The most fields of a search form.
const MOST_FIELDS: usize = 12;

/// The parameters that people search by most, across R4's types.
const MOST_USED: [&str; 18] = [
    "name",
    "family",
    "given",
    "birthdate",
    "gender",
    "patient",
    "subject",
    "identifier",
    "code",
    "category",
    "status",
    "date",
    "performer",
    "practitioner",
    "organization",
    "type",
    "encounter",
    "_lastUpdated",
];

/// The page of an answer.
pub fn of(parts: &Parts, address: &Address, status: u16, body: &[u8]) -> Page {
    let of = address.path.split('/').next().unwrap_or_default();
    let fields = fields(of);
    let search = (!fields.is_empty()).then_some(SearchForm { resource_type: of, fields: &fields });
    pages::resource(&ResourceView {
        tenant: &address.tenant,
        base: &address.base,
        method: parts.method.as_str(),
        target: target(parts),
        status,
        body: &String::from_utf8_lossy(body),
        search,
    })
}

/// The page that tells why a request failed.
pub fn of_failure(parts: &Parts, address: &Address, origin: &str, failure: &Failure) -> Response {
    let page = match failure.status {
        401 => pages::unauthorized(&UnauthorizedView {
            tenant: &address.tenant,
            url: &format!("{origin}{}", target(parts)),
            reason: failure.issues.first().map_or("", |it| &it.diagnostics),
            scope: READING,
        }),
        status => of(parts, address, status, failure.to_json().as_bytes()),
    };
    let mut response = response(failure.status, page);
    answer::add_failure_headers(response.headers_mut(), failure);
    response
}

/// A page as a response.
pub fn response(status: u16, page: Page) -> Response {
    let mut response = answer::response(status, page.content_type, page.body.into());
    protect(response.headers_mut());
    response
}

/// Forbids a page everything that it does not need.
pub fn protect(headers: &mut HeaderMap) {
    headers.insert(CSP, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
}

/// The address as it was asked for.
fn target(parts: &Parts) -> &str {
    parts.uri.path_and_query().map_or("", |it| it.as_str())
}

/// What to offer to search a type by, the most used first; nothing for what is no type.
fn fields(of: &str) -> Vec<SearchField<'static>> {
    let Some(of) = r4().resource(of) else { return Vec::new() };
    let known = MOST_USED.iter().filter_map(|code| r4().param(of, code));
    known.take(MOST_FIELDS).map(|it| SearchField { name: &it.code, kind: it.kind.code(), about: "" }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_searched_by_its_most_used_parameters() {
        let names: Vec<&str> = fields("Patient").iter().map(|it| it.name).collect();
        assert_eq!(names[..4], ["name", "family", "given", "birthdate"]);
        assert!(fields("metadata").is_empty());
    }
}
