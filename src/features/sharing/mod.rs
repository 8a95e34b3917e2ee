//! `$shared`: what patients of another tenant let this one see, by their Consents there: a view that reads and searches.
//! Ours; R4 has no operation for it. What is shared stays in the tenant it is of: nothing is copied, each question is asked
//! there by a caller who is granted what the Consents permit and the caller's own access here allows, and no more.

mod view;

use engine::{Access, Answer, Call, Caller, Context, Extra, Operation, Request, Scopes, Shared, TENANTS, Verb};
use fhir::json::{Doc, Value};
use fhir::{Failure, IssueType, Result};
use serde_json::{Value as Json, json};

/// The most Consents that are looked at for one question.
const MANY: usize = 1000;

/// The operation. Who asks is granted all patients of the own tenant, as far as its rules leave them: what is shared is shared with
/// the tenant.
pub(crate) fn operation() -> Operation {
    Operation {
        definition: include_str!("../../../profiles/operations/shared.json"),
        demands: &[(Access::Read, "Patient")],
        extras: &[Extra::Elsewhere],
        run: |call| Box::pin(shared(call)),
    }
}

/// A Consent that names this tenant.
struct Consented {
    /// Its id.
    consent: String,
    shared: Shared,
}

async fn shared(call: Call<'_>) -> Result<Answer> {
    let name = call.arguments.text("tenant").unwrap_or_default();
    let (patient, query) = (call.arguments.text("patient"), call.arguments.text("query"));
    let base = format!("{}/$shared/{name}", call.ctx.base());
    let found = if name == call.ctx.tenant().name() { None } else { call.engine.store().tenant(name).await? };
    let Some(other) = found else { return Err(nothing()) };
    let lister = Caller { subject: view::asker(&call), scopes: Scopes::all(), ..Caller::default() };
    let there = call.engine.context(&other, lister, &base).await?.from_origin(view::origin(&call));
    let consents = consents(&call, &there, patient).await?;
    if consents.is_empty() {
        return Err(nothing());
    }
    match (patient, query) {
        (_, None) => Ok(Answer::new(200, listed(&consents).to_string())),
        (None, Some(_)) => {
            Err(Failure::new(IssueType::Required, "query needs the parameter patient: the id of whom it is about."))
        }
        (Some(patient), Some(query)) => view::ask(&call, &other, (patient, query), &consents).await,
    }
}

/// Told alike whether there is no such tenant or it shares nothing, so that nobody learns which tenants there are.
fn nothing() -> Failure {
    Failure::new(IssueType::NotFound, "No tenant of this name has a patient who shares anything with this one.")
}

/// The active Consents there that name this tenant, of one patient or of all.
async fn consents(call: &Call<'_>, there: &Context, patient: Option<&str>) -> Result<Vec<Consented>> {
    let (tenant, purposes) = (call.ctx.tenant().name(), [view::purpose(call).to_owned()]);
    let read = |consent: Value<'_>| {
        let shared = Shared::read(consent, there.base(), tenant, (&purposes, call.engine.now_micros()))?;
        Some(Consented { consent: consent.str("id")?.to_owned(), shared })
    };
    let (mut found, mut next) = (Vec::new(), Some(naming(tenant, patient)));
    while let Some(query) = next.take() {
        let mut request = get("Consent", &query);
        request.headers.purpose_of_use = Some(view::purpose(call).to_owned());
        let answer = call.engine.perform(there, request).await?;
        let text = std::str::from_utf8(&answer.body).map_err(Failure::internal)?;
        let page = Doc::parse(text).map_err(Failure::internal)?;
        let entries = page.root().get("entry").into_iter().flat_map(Value::each);
        found.extend(entries.filter_map(|it| read(it.get("resource")?)));
        if found.len() > MANY {
            return Err(Failure::new(
                IssueType::TooCostly,
                "More Consents than this looks at at once; name the patient.",
            ));
        }
        next = view::links(page.root())
            .find(|it| it.str("relation") == Some("next"))
            .and_then(|it| it.str("url")?.split_once('?').map(|(_, query)| query.to_owned()));
    }
    Ok(found)
}

/// The search for active Consents that name a tenant.
fn naming(tenant: &str, patient: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("status", "active").append_pair("_count", "100");
    query.append_pair("actor:identifier", &format!("{TENANTS}|{tenant}"));
    if let Some(patient) = patient {
        query.append_pair("patient", &format!("Patient/{patient}"));
    }
    query.finish()
}

fn get(path: &str, query: &str) -> Request {
    Request {
        verb: Verb::Get,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Default::default(),
        body: Default::default(),
    }
}

/// Who shares what until when; and Consents that share nothing, with the reason.
fn listed(consents: &[Consented]) -> Json {
    let parameters = consents.iter().map(|it| {
        let mut parts = vec![
            json!({ "name": "patient", "valueId": it.shared.patient }),
            json!({ "name": "consent", "valueId": it.consent }),
        ];
        match &it.shared.share {
            Ok(share) => {
                parts.push(json!({ "name": "until", "valueDateTime": share.until }));
                parts.extend(share.types.iter().flatten().map(|it| json!({ "name": "type", "valueCode": it })));
            }
            Err(reason) => parts.push(json!({ "name": "reason", "valueString": reason })),
        }
        json!({ "name": "shared", "part": parts })
    });
    json!({ "resourceType": "Parameters", "parameter": parameters.collect::<Vec<_>>() })
}
