//! `PATCH` (http.html#patch): JSON Patch (RFC 6902), XML Patch (RFC 5261) and FHIRPath Patch (fhirpatch.html).

mod fhirpath;
mod json;
mod partly;
mod xml;

use crate::{Context, Engine, Request};
use fhir::json::{Doc, Value};
use fhir::{Failure, Issue, IssueType, Result};
use serde_json::Value as Json;
use store::Stored;

/// Media types of a patch.
const JSON_PATCH: &str = "application/json-patch+json";
const XML_PATCH: &str = "application/xml-patch+xml";

/// The most operations in one patch.
const OPERATIONS: usize = 1000;

impl Engine {
    /// The current version with a request's patch carried out. Nothing is stored yet, and the result is not validated.
    pub(crate) fn patched(&self, ctx: &Context, current: &Stored, request: &Request) -> Result<Doc> {
        let after = match self.hidden_view(ctx, current)? {
            None => self.carried_out(self.parse(&current.body)?, request)?,
            Some(view) => {
                let (whole, view) = (self.parse(&current.body)?, self.parse(view.as_bytes())?);
                let after = self.parse(self.carried_out(self.parse(view.source().as_bytes())?, request)?.as_bytes())?;
                partly::restored(&whole, &view, &after, &ctx.caller.scopes.hidden_by_any(&current.key.of))?
            }
        };
        let after = self.parse(after.as_bytes())?;
        for member in ["resourceType", "id"] {
            let own = if member == "id" { &current.key.id } else { &current.key.of };
            if after.root().str(member) != Some(own) {
                let at = format!("{}.{member}", current.key.of);
                let told = "A patch must not change what identifies the resource.";
                return Err(Failure::of(vec![Issue::error(IssueType::BusinessRule, told).at(at)]));
            }
        }
        Ok(after)
    }

    /// A resource with a request's patch carried out, as text.
    fn carried_out(&self, before: Doc, request: &Request) -> Result<String> {
        Ok(match request.headers.content_type.as_deref() {
            Some(JSON_PATCH) => json::patch(&before, &request.body)?,
            Some(XML_PATCH) => xml::patch(self, &before, &request.body)?,
            Some("application/fhir+json" | "application/json" | "text/json") | None => {
                let patch = self.parse(&request.body)?;
                if request.headers.content_type.is_none() && patch.root().is_array() {
                    json::patch(&before, &request.body)?
                } else {
                    fhirpath::patch(self, before, patch.root())?
                }
            }
            Some(_) => {
                let told = format!(
                    "A patch is sent as {JSON_PATCH}, as {XML_PATCH}, or, for FHIRPath Patch, as application/fhir+json or \
                     application/fhir+xml."
                );
                return Err(Failure::new(IssueType::NotSupported, told).with_status(415));
            }
        })
    }
}

/// A patch in a Bundle is a Parameters resource, or a Binary that holds a JSON Patch or XML Patch
/// (http.html#patch).
pub(crate) fn from_entry(resource: Value<'_>) -> Result<(Option<String>, Vec<u8>)> {
    use base64::Engine as _;
    if resource.str("resourceType") != Some("Binary") {
        return Ok((None, resource.raw().as_bytes().to_vec()));
    }
    let data = resource.str("data").unwrap_or_default();
    let decoded = base64::engine::general_purpose::STANDARD.decode(data);
    let decoded = decoded.map_err(|_| Failure::new(IssueType::Value, "Binary.data is not base64."))?;
    Ok((resource.str("contentType").map(str::to_owned), decoded))
}

/// A parsed document as a tree that can be changed; numbers keep their digits.
fn tree(value: Value<'_>) -> Result<Json> {
    serde_json::from_str(value.raw()).map_err(Failure::internal)
}

fn refused(told: impl Into<String>) -> Failure {
    Failure::new(IssueType::Processing, told)
}
