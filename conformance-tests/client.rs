//! A client of one FHIR base.

use crate::{Answer, Bundle, foreign_base, planted, program, unique};
use reqwest::{Method, header::HeaderMap};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A code system for the tags by which cases know their own data on a server that others use too.
const MARK_SYSTEM: &str = "urn:conformance";

/// Speaks to one FHIR base with one bearer token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// The FHIR base, without a slash at its end.
    pub base: String,
    token: Option<String>,
    mark: Option<String>,
    _watch: Watch,
}

/// Looks once more, when whoever uses it is done, whether something came up that was sent.
#[derive(Clone)]
struct Watch;

impl Drop for Watch {
    fn drop(&mut self) {
        planted::check_at_end();
    }
}

impl Client {
    /// A client of this base.
    pub fn new(base: &str, token: Option<String>) -> Client {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        let base = base.trim_end_matches('/').to_owned();
        Client { http: http.expect("a plain HTTP client"), base, token, mark: None, _watch: Watch }
    }

    /// A client for one case: a new tenant of the shared server, or the base that `FHIR_BASE` names, where
    /// the case's resources carry a tag of their own.
    pub fn fresh() -> Client {
        match foreign_base() {
            Some((base, token)) => Client { mark: Some(unique()), ..Client::new(&base, token) },
            None => {
                let (program, root) = program();
                let tenant = format!("case-{}", unique());
                program.create_tenant(&tenant);
                let token = program.token(&tenant, "system/*.*");
                Client::new(&format!("{root}/fhir/{tenant}"), Some(token))
            }
        }
    }

    /// The same base with another token, or none.
    pub fn with_token(&self, token: Option<String>) -> Client {
        Client { token, ..self.clone() }
    }

    /// The value of the Authorization header, for cases that write their requests by hand.
    pub fn authorization(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {token}"))
    }

    /// A request of this path below the base, or of an absolute address.
    pub fn call(&self, method: &str, path: &str) -> Call {
        let address = match path {
            path if path.is_empty() || path.starts_with('?') => format!("{}{path}", self.base),
            path if path.starts_with("http://") || path.starts_with("https://") => path.to_owned(),
            path => format!("{}/{path}", self.base),
        };
        let method_name = Method::from_bytes(method.as_bytes()).expect("an HTTP method");
        let mut request = self.http.request(method_name, &address);
        if let Some((_, query)) = path.split_once('?') {
            planted::form(query);
        }
        if let Some(authorization) = self.authorization() {
            planted::secret(&authorization);
            request = request.header("authorization", authorization);
        }
        Call { request, asked: format!("{method} {path}") }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path).send().await
    }

    /// PUT of this resource.
    pub async fn put(&self, path: &str, resource: &Value) -> Answer {
        self.call("PUT", path).json(resource).send().await
    }

    /// POST of this resource.
    pub async fn post(&self, path: &str, resource: &Value) -> Answer {
        self.call("POST", path).json(resource).send().await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path).send().await
    }

    /// Creates this resource, which must succeed, and returns its id.
    pub async fn create(&self, resource: &Value) -> String {
        let kind = resource["resourceType"].as_str().expect("a resource");
        self.post(kind, &self.marked(resource)).await.expect(201).id()
    }

    /// Reads a resource that must be there.
    pub async fn read(&self, path: &str) -> Value {
        self.get(path).await.expect(200).json()
    }

    /// POSTs a Bundle of this type to the base.
    pub async fn bundle(&self, kind: &str, entries: Vec<Value>) -> Answer {
        self.post("", &json!({"resourceType": "Bundle", "type": kind, "entry": entries})).await
    }

    /// A Bundle got by GET, such as one page of a search.
    pub async fn page(&self, path: &str) -> Bundle {
        Bundle(self.read(path).await)
    }

    /// The first page of a search among this case's own resources.
    pub async fn search(&self, query: &str) -> Bundle {
        self.page(&self.narrowed(query)).await
    }

    /// The ids of everything that matches among this case's own resources, over all pages.
    pub async fn found(&self, query: &str) -> BTreeSet<String> {
        let mut page = self.search(query).await;
        let mut ids = BTreeSet::new();
        loop {
            ids.extend(page.ids());
            let Some(next) = page.link("next").map(str::to_owned) else { return ids };
            page = self.page(&next).await;
        }
    }

    /// The resource with this case's tag, on a server that others use too.
    pub fn marked(&self, resource: &Value) -> Value {
        let mut resource = resource.clone();
        if let Some(mark) = &self.mark {
            resource["meta"]["tag"] = json!([{"system": MARK_SYSTEM, "code": mark}]);
        }
        resource
    }

    /// The query narrowed to this case's resources, on a server that others use too.
    pub fn narrowed(&self, query: &str) -> String {
        let Some(mark) = &self.mark else { return query.to_owned() };
        let joint = if query.contains('?') { '&' } else { '?' };
        format!("{query}{joint}_tag={MARK_SYSTEM}|{mark}")
    }
}

/// A request that is being put together.
#[must_use]
pub struct Call {
    request: reqwest::RequestBuilder,
    asked: String,
}

impl Call {
    /// With this header.
    pub fn header(mut self, name: &str, value: &str) -> Call {
        if matches!(name, "authorization" | "cookie") {
            planted::secret(value);
        }
        self.request = self.request.header(name, value);
        self
    }

    /// With this resource as the body.
    pub fn json(self, body: &Value) -> Call {
        self.body("application/fhir+json", body.to_string())
    }

    /// With these bytes of this media type as the body.
    pub fn body(mut self, media_type: &str, body: impl Into<reqwest::Body>) -> Call {
        let body: reqwest::Body = body.into();
        planted::body(media_type, body.as_bytes().unwrap_or_default());
        self.request = self.request.header("content-type", media_type).body(body);
        self
    }

    /// Sends the request and takes the whole answer.
    pub async fn send(self) -> Answer {
        let asked = self.asked.clone();
        match self.attempt().await {
            Ok(answer) => answer,
            Err(error) => panic!("{asked}: no answer: {error:?}"),
        }
    }

    /// Sends the request to a server that may be gone.
    pub async fn attempt(self) -> reqwest::Result<Answer> {
        planted::check();
        let response = self.request.send().await?;
        let status = response.status().as_u16();
        let headers: HeaderMap = response.headers().clone();
        let bytes = response.bytes().await?.to_vec();
        planted::check();
        Ok(Answer { status, headers, bytes, asked: self.asked })
    }
}

/// The text with everything encoded that has a meaning in a query (RFC 3986).
pub fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
