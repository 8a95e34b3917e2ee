//! A question that is asked in another tenant, with what its Consents permit.

use super::{Consented, get};
use engine::{Access, Answer, Call, Caller, Interaction, Origin, Scopes, Share, of_tenant};
use fhir::json::{Doc, Value, quote, write_replacing};
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use store::Tenant;

/// Asks a query of a patient's records in the other tenant.
pub(super) async fn ask(
    call: &Call<'_>,
    other: &Tenant,
    (patient, query): (&str, &str),
    consents: &[Consented],
) -> Result<Answer> {
    let shares: Vec<&Share> = consents.iter().filter_map(|it| it.shared.share.as_ref().ok()).collect();
    if shares.is_empty() {
        let told =
            "The patient's Consents share nothing with this tenant now; without query they are listed with the reason.";
        return Err(Failure::new(IssueType::Forbidden, told));
    }
    let (path, rest) = query.trim_start_matches('/').split_once('?').unwrap_or((query.trim_start_matches('/'), ""));
    let mut request = get(path, rest);
    request.headers.purpose_of_use = Some(purpose(call).to_owned());
    if !matches!(Interaction::parse(&request)?, Interaction::Read { .. } | Interaction::Search { .. }) {
        let told = "What another tenant shares can be read (Observation/1) and searched (Observation?code=…), and nothing else.";
        return Err(Failure::new(IssueType::NotSupported, told));
    }
    let caller = call.ctx.caller();
    let caller = Caller {
        subject: asker(call),
        roles: Vec::new(),
        // Who somebody is in their own tenant they are not there.
        fhir_user: Some(of_tenant(call.ctx.tenant().name())),
        scopes: scopes(caller, patient, &shares),
        purposes: call.engine.purposes(call.ctx).await?,
        ..caller.clone()
    };
    let base = format!("{}/$shared/{}", call.ctx.base(), other.name());
    let there = call.engine.context(other, caller, &base).await?.from_origin(origin(call));
    let mut answer = call.engine.perform(&there, request).await?;
    let text = std::str::from_utf8(&answer.body).map_err(Failure::internal)?;
    let doc = Doc::parse(text).map_err(Failure::internal)?;
    let view = Link { call, tenant: other.name(), patient, base: &base };
    answer.body = view.through(&doc).into();
    Ok(answer)
}

/// What data is asked for: a code of v3-ActReason.
pub(super) fn purpose<'c>(call: &'c Call<'_>) -> &'c str {
    call.arguments.text("purpose").unwrap_or("TREAT")
}

/// Who asks, as the other tenant knows them.
pub(super) fn asker(call: &Call<'_>) -> String {
    of_here(call, &call.ctx.caller().subject)
}

/// From where, as the other tenant's log tells it: its users and apps are others.
pub(super) fn origin(call: &Call<'_>) -> Origin {
    let origin = call.ctx.origin();
    Origin { client: origin.client.as_ref().map(|it| of_here(call, it)), user: None, ..origin.clone() }
}

fn of_here(call: &Call<'_>, name: &str) -> String {
    format!("tenant:{}/{name}", call.ctx.tenant().name())
}

/// What the caller may do in the own tenant, of the types that the Consents are about. What of them the Consents permit, the other
/// tenant's rules say.
fn scopes(caller: &Caller, patient: &str, shares: &[&Share]) -> Scopes {
    let is_of = |it: &&Share, of: &str| it.types.as_ref().is_none_or(|it| it.contains(of));
    // Of who looked at a record, its tenant alone tells.
    let is_shared = |of: &&str| *of != "AuditEvent" && shares.iter().any(|it| is_of(it, of));
    let mut words = Vec::new();
    for of in r4().resources().map(|it| &*r4().of(it).name).filter(is_shared) {
        let letters: String = [('r', Access::Read), ('s', Access::Search)]
            .into_iter()
            .filter_map(|(letter, access)| caller.scopes.allow(access, of).then_some(letter))
            .collect();
        if !letters.is_empty() {
            words.push(format!("patient/{of}.{letters}{}", masked(of, &caller.scopes)));
        }
    }
    Scopes::parse(&words.join(" "), Some(patient)).0
}

/// The links of a Bundle.
pub(super) fn links(bundle: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    bundle.get("link").into_iter().flat_map(Value::each)
}

/// What stands behind a scope's letters: what is hidden from the caller in the own tenant.
fn masked(of: &str, scopes: &Scopes) -> String {
    let hidden: Vec<String> = scopes.hidden(of).paths().map(|it| format!("{of}.{it}")).collect();
    if hidden.is_empty() { String::new() } else { format!("?_mask={}", hidden.join(",")) }
}

/// Links that lead through the view again.
struct Link<'a> {
    call: &'a Call<'a>,
    tenant: &'a str,
    patient: &'a str,
    base: &'a str,
}

impl Link<'_> {
    /// An answer whose links do.
    fn through(&self, doc: &Doc) -> String {
        let urls: Vec<u32> = match doc.root().str("resourceType") {
            Some("Bundle") => links(doc.root()).filter_map(|it| it.get("url")).map(Value::index).collect(),
            _ => Vec::new(),
        };
        let mut out = String::new();
        let replaced = |it: Value<'_>| {
            let url = urls.contains(&it.index()).then(|| it.as_str()).flatten()?;
            Some(quote(&self.of(url.strip_prefix(self.base)?.trim_start_matches('/'))))
        };
        write_replacing(&mut out, doc.root(), &replaced);
        out
    }

    fn of(&self, query: &str) -> String {
        let address = format!("{}/$shared?", self.call.ctx.base());
        let start = address.len();
        let mut url = form_urlencoded::Serializer::for_suffix(address, start);
        url.append_pair("tenant", self.tenant).append_pair("patient", self.patient);
        if let Some(purpose) = self.call.arguments.text("purpose") {
            url.append_pair("purpose", purpose);
        }
        url.append_pair("query", query).finish()
    }
}
