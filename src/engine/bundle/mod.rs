//! `batch` and `transaction` (http.html#transaction): entries become requests of their own and take the same way.

mod entry;
mod links;
mod transaction;
mod writer;

pub use writer::BundleWriter;
pub(crate) use writer::Response;

use crate::provenance::unfitting;
use crate::{Answer, Context, Engine, Request, Verb};
use base64::Engine as _;
use bytes::Bytes;
use entry::Entry;
use fhir::json::{Doc, Value};
use fhir::{Failure, Issue, IssueType, Result};

impl Engine {
    /// A Bundle posted to the base.
    pub(crate) async fn bundle(&self, ctx: &Context, request: &Request) -> Result<Answer> {
        let doc = self.json_body(request)?;
        match kind_of(doc.root())? {
            "batch" => self.batch(ctx, &doc, request).await,
            "transaction" => self.transaction(ctx, &doc, request, None).await,
            _ => {
                let told = "A Bundle posted to the base is a batch or a transaction; other types are posted to Bundle.";
                Err(Failure::of(vec![Issue::error(IssueType::Value, told).at("Bundle.type")]))
            }
        }
    }

    /// Every entry on its own, in the order of http.html#trules; one that fails says so in its own response.
    async fn batch(&self, ctx: &Context, doc: &Doc, request: &Request) -> Result<Answer> {
        if request.headers.provenance.is_some() {
            return Err(unfitting());
        }
        let entries = self.entries(doc, &request.body)?;
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by_key(|it| entries[*it].as_ref().map_or(0, Entry::rank));
        let mut answers: Vec<Option<Result<Answer>>> = entries.iter().map(|_| None).collect();
        let mut entries: Vec<Option<Result<Entry<'_>>>> = entries.into_iter().map(Some).collect();
        for at in order {
            let answer = match entries[at].take() {
                Some(Ok(entry)) => self.batch_entry(ctx, entry, request).await,
                Some(Err(failure)) => Err(failure),
                None => continue,
            };
            answers[at] = Some(answer);
        }
        let returns = wants_resources(request)?;
        let mut bundle = BundleWriter::new("batch-response", &(self.ambient.new_id)(), (self.ambient.now_ms)());
        for (at, answer) in answers.into_iter().flatten().enumerate() {
            write_answer(&mut bundle, ctx, answer.map_err(|it| within_entry(it, at)), returns)?;
        }
        Ok(Answer::new(200, bundle.finish()))
    }

    async fn batch_entry(&self, ctx: &Context, entry: Entry<'_>, request: &Request) -> Result<Answer> {
        let mut own = entry.request;
        own.headers.prefer = request.headers.prefer.clone();
        // A Bundle within a batch would be a way round the limit on entries.
        if own.path.is_empty() && own.verb == Verb::Post {
            return Err(Failure::new(IssueType::NotSupported, "A Bundle cannot be posted within a batch."));
        }
        Box::pin(self.perform(&ctx.within_bundle("batch"), own)).await
    }

    /// The entries as requests, each with what is wrong with it.
    fn entries<'a>(&self, doc: &'a Doc, source: &Bytes) -> Result<Vec<Result<Entry<'a>>>> {
        let entries: Vec<Value<'_>> = doc.root().get("entry").into_iter().flat_map(Value::each).collect();
        if entries.len() > self.settings.bundle_entries {
            let told = format!("The Bundle has more than {} entries.", self.settings.bundle_entries);
            return Err(Failure::new(IssueType::TooLong, told));
        }
        Ok(entries.into_iter().map(|it| Entry::read(it, source)).collect())
    }
}

/// The type of a Bundle; fails if it is no Bundle.
fn kind_of(bundle: Value<'_>) -> Result<&str> {
    if bundle.str("resourceType") != Some("Bundle") {
        let told = "A Bundle of type batch or transaction was expected.";
        return Err(Failure::of(vec![Issue::error(IssueType::Structure, told).at("resourceType")]));
    }
    bundle.str("type").ok_or_else(|| {
        Failure::of(vec![Issue::error(IssueType::Required, "The Bundle has no type.").at("Bundle.type")])
    })
}

/// Whether writes return their resource: only when asked, for a Bundle is answered by what happened.
fn wants_resources(request: &Request) -> Result<bool> {
    let prefer = crate::prefer::Prefer::parse(request.headers.prefer.as_deref())?;
    Ok(prefer.returns == Some(crate::prefer::Return::Representation))
}

/// The same failure, its expressions counted from the Bundle.
fn within_entry(mut failure: Failure, at: usize) -> Failure {
    for issue in &mut failure.issues {
        let rest = issue.expression.find('.').map_or("", |dot| &issue.expression[dot..]);
        issue.expression = match issue.expression.as_str() {
            "" => format!("Bundle.entry[{at}]"),
            own if own.starts_with("Bundle.entry[") => continue,
            _ => format!("Bundle.entry[{at}].resource{rest}"),
        };
    }
    failure
}

/// What is no resource, as the Binary that stands for it in a Bundle.
fn binary(media_type: &str, content: &[u8]) -> Bytes {
    let data = base64::engine::general_purpose::STANDARD.encode(content);
    format!(r#"{{"resourceType":"Binary","contentType":"{media_type}","data":"{data}"}}"#).into()
}

/// One entry of the response (bundle.html#batch-response).
fn write_answer(bundle: &mut BundleWriter, ctx: &Context, answer: Result<Answer>, returns: bool) -> Result<()> {
    match answer {
        Ok(answer) => {
            let is_write = answer.version.is_some() && answer.status != 304 && answer.location.is_some();
            let location = answer.location.map(|it| format!("{}/{it}", ctx.base()));
            bundle.begin(None);
            if !answer.body.is_empty() && (returns || !is_write) {
                let body = answer.plain.map_or(answer.body.clone(), |it| binary(it, &answer.body));
                bundle.resource(std::str::from_utf8(&body).map_err(Failure::internal)?);
            }
            bundle.response(&Response {
                status: answer.status,
                location,
                version: answer.version,
                last_modified: answer.last_modified,
                outcome: None,
            });
        }
        Err(failure) => {
            log_cause(&failure);
            let outcome = failure.to_json();
            bundle.begin(None).response(&Response {
                status: failure.status,
                outcome: Some(&outcome),
                ..Response::default()
            });
        }
    }
    bundle.end();
    Ok(())
}

/// An entry's failure does not reach the edge, where causes are logged.
fn log_cause(failure: &Failure) {
    if let Some(cause) = &failure.cause {
        tracing::error!(%cause, "an entry of a batch failed");
    }
}
