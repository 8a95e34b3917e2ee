//! From a submitted body to what is stored: parsed within limits, validated, given its identity, indexed.

use crate::own::SEARCH_PARAMETER;
use crate::privacy::{CONSENT, demand_enforceable};
use crate::profiles::STRUCTURE_DEFINITION;
use crate::unique::Draft;
use crate::{Context, Engine, Request};
use fhir::json::{Doc, JsonError, Value, quote, write_compact, write_string};
use fhir::outcome::shown;
use fhir::primitive::datetime;
use fhir::spec::{TypeId, r4};
use fhir::validate::Profiles;
use fhir::{Failure, Issue, IssueType, Result};
use store::{Expect, Key, Method, Put};

/// Stands in a body where the store will write the time; as long as what replaces it.
const TIME: &str = "0000-00-00T00:00:00.000Z";

impl Engine {
    /// Parses a body within the limits.
    pub(crate) fn parse(&self, body: &[u8]) -> Result<Doc> {
        let text =
            std::str::from_utf8(body).map_err(|_| Failure::new(IssueType::Structure, "The body is not UTF-8 text."))?;
        if text.trim_start().is_empty() {
            return Err(Failure::new(IssueType::Structure, "The body is empty where a resource was expected."));
        }
        Doc::parse_within(text, &self.settings.json).map_err(not_json)
    }

    /// Parses the body of a request that carries a resource; other media types than JSON's, which
    /// XML has become on its way here, are refused with 415.
    pub(crate) fn json_body(&self, request: &Request) -> Result<Doc> {
        match request.headers.content_type.as_deref() {
            None | Some("application/fhir+json" | "application/json" | "text/json") => self.parse(&request.body),
            Some(_) => {
                let told = "The body's media type is not one this server takes: send application/fhir+json or application/fhir+xml.";
                Err(Failure::new(IssueType::NotSupported, told).with_status(415))
            }
        }
    }

    /// A new version of a resource, ready for the store: validated, with its identity, and with what it is found by.
    pub(crate) async fn put(
        &self,
        ctx: &Context,
        resource: Value<'_>,
        key: Key,
        expect: Expect,
        version: i64,
        method: Method,
    ) -> Result<Draft> {
        let of = type_of(resource)?;
        self.demand_valid(ctx, resource).await?;
        let mut rows = ctx.session.rows();
        rows.of_type(&key.of);
        let params = ctx.params();
        let checked_by = self.acceptable(ctx, resource, &key, version).await?;
        params.index(&self.indexer, (of, resource), ctx.base(), &mut rows, |_, _| true);
        let owned = self.owned(ctx, resource, &key.of).await?;
        let (body, stamp) = stamped(resource, &key, version);
        let put = Put {
            key,
            expect,
            version,
            method,
            body: body.into_bytes(),
            stamp: Some(stamp),
            rows,
            checked_by,
            sealed: None,
        };
        Ok(Draft { put, owned, former: None })
    }
}

impl Engine {
    /// Fails if a definition could not be served as it is meant. Where that depends on what is marked, it tells by which edition
    /// of the tenant's keys.
    pub(crate) async fn acceptable(
        &self,
        ctx: &Context,
        resource: Value<'_>,
        key: &Key,
        version: i64,
    ) -> Result<Option<u32>> {
        match key.of.as_str() {
            SEARCH_PARAMETER => {
                let edition = demand_unmarked(ctx, resource).await?;
                ctx.params().check(resource, key, version)?;
                Ok(Some(edition))
            }
            STRUCTURE_DEFINITION => self.acceptable_profile(ctx, resource).await.map(|()| None),
            CONSENT => demand_enforceable(resource, ctx.base()).map(|()| None),
            _ => Ok(None),
        }
    }

    /// The tenant's own profiles are read for one that builds on them and leaves its snapshot to be made.
    async fn acceptable_profile(&self, ctx: &Context, profile: Value<'_>) -> Result<()> {
        let built_in = Profiles::built_in();
        built_in.accept(profile)?;
        let base = profile.str("baseDefinition").filter(|it| built_in.demand(it).is_err());
        if base.is_some() && profile.get("snapshot").is_none() {
            self.profiles(ctx).await?.accept(profile)?;
        }
        Ok(())
    }
}

/// Fails for a SearchParameter that would keep values of a type with marked elements as they are.
async fn demand_unmarked(ctx: &Context, param: Value<'_>) -> Result<u32> {
    let (marks, edition) = ctx.session.marks().await?;
    match marks.types().find(|of| shows_values(param, of)) {
        None => Ok(edition),
        Some(of) => {
            let told = format!(
                "{of} has elements that the tenant has marked, so its own search parameters are of type token, reference or uri, whose values are kept as hashes."
            );
            Err(Failure::new(IssueType::BusinessRule, told))
        }
    }
}

/// Whether a SearchParameter that is in force keeps values of a resource type so that they can be read: those of tokens, references and URIs are kept as
/// hashes.
pub fn shows_values(param: Value<'_>, of: &str) -> bool {
    let is_active = param.str("status") == Some("active");
    let is_hashed = matches!(param.str("type"), Some("token" | "reference" | "uri"));
    let mut bases = param.get("base").into_iter().flat_map(Value::each).filter_map(|it| it.as_str());
    is_active && !is_hashed && bases.any(|it| it == of || matches!(it, "Resource" | "DomainResource"))
}

/// A deletion: a version without a body.
pub(crate) fn tombstone(ctx: &Context, key: Key, expect: Expect, version: i64) -> Draft {
    let rows = ctx.session.rows();
    let put = Put {
        key,
        expect,
        version,
        method: Method::Delete,
        body: Vec::new(),
        stamp: None,
        rows,
        checked_by: None,
        sealed: None,
    };
    Draft { put, owned: Some(Vec::new()), former: None }
}

/// The resource type that a body names.
pub(crate) fn type_of(resource: Value<'_>) -> Result<TypeId> {
    let named = resource.str("resourceType").ok_or_else(|| {
        let told = "The body is not a resource: a JSON object with the member \"resourceType\" was expected.";
        Failure::new(IssueType::Structure, told)
    })?;
    r4().resource(named).ok_or_else(|| {
        let shown = shown(named);
        Failure::of(vec![
            Issue::error(IssueType::Structure, format!("\"{shown}\" is not a resource type of R4.")).at("resourceType"),
        ])
    })
}

fn not_json(error: JsonError) -> Failure {
    let told = format!("The body is not acceptable JSON: {error}.");
    if error.limit {
        Failure::new(IssueType::TooCostly, told).with_status(413)
    } else {
        Failure::new(IssueType::Structure, told)
    }
}

/// The resource as it is served: type, id and meta first, the rest in its order; with the place of the time.
fn stamped(resource: Value<'_>, key: &Key, version: i64) -> (String, usize) {
    let mut out = String::with_capacity(resource.raw().len() + 160);
    out.push_str(&format!(
        r#"{{"resourceType":"{}","id":{},"meta":{{"versionId":"{version}","lastUpdated":""#,
        key.of,
        quote(&key.id)
    ));
    let stamp = out.len();
    out.push_str(TIME);
    out.push('"');
    let meta = resource.get("meta").into_iter().flat_map(Value::children);
    write_members(&mut out, meta.filter(|it| !matches!(it.key(), "versionId" | "lastUpdated")));
    out.push('}');
    write_members(&mut out, resource.children().filter(|it| !matches!(it.key(), "resourceType" | "id" | "meta")));
    out.push('}');
    (out, stamp)
}

/// The first version of a resource that is kept as it is at this time, in milliseconds since the epoch.
pub(crate) fn stamped_at(resource: Value<'_>, key: &Key, at: i64) -> String {
    let (mut text, stamp) = stamped(resource, key, 1);
    text.replace_range(stamp..stamp + TIME.len(), &datetime::instant(at * 1000));
    text
}

fn write_members<'a>(out: &mut String, members: impl Iterator<Item = Value<'a>>) {
    for member in members {
        out.push(',');
        write_string(out, member.key());
        out.push(':');
        write_compact(out, member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamped_resource_keeps_all_but_its_identity() {
        let doc = Doc::parse(
            r#"{ "id":"x", "resourceType":"Patient", "meta":{"lastUpdated":"y","tag":[{"code":"t"}]}, "name":[ {"family":"0000-00-00T00:00:00.000Z"} ] }"#,
        );
        let (text, stamp) = stamped(doc.unwrap().root(), &Key::new("Patient", "7"), 3);
        assert_eq!(&text[stamp..stamp + TIME.len()], TIME);
        assert_eq!(
            text,
            r#"{"resourceType":"Patient","id":"7","meta":{"versionId":"3","lastUpdated":"0000-00-00T00:00:00.000Z","tag":[{"code":"t"}]},"name":[{"family":"0000-00-00T00:00:00.000Z"}]}"#
        );
    }
}
