//! Taking in files: each document once, however often it is loaded.

use crate::{Answer, Context, Engine, Headers, Request, Verb};
use bytes::Bytes;
use fhir::json::{Doc, Value, write_compact};
use fhir::{Failure, IssueType, Result};

/// A document to be loaded.
#[derive(Clone, Debug)]
pub struct LoadItem {
    /// A Bundle or another resource, as JSON.
    pub body: Bytes,
    /// A digest of the document, which tells whether it was loaded before.
    pub content: [u8; 16],
}

/// What loading a document did.
#[derive(Debug)]
pub enum Loaded {
    /// It is in, whole.
    New {
        /// How many resources were written.
        resources: usize,
    },
    /// It was loaded before; nothing was done.
    Before,
    /// A batch of which some entries were refused.
    Partly {
        /// How many resources were written.
        resources: usize,
        /// The entries that were refused, by number, and why.
        refused: Vec<(usize, Failure)>,
    },
}

impl Engine {
    /// Loads a document: a transaction at once, a batch entry by entry, any other Bundle's resources and a single
    /// resource by their ids (or as new ones where they have none). All of it is written with the mark that it was
    /// loaded, so an interrupted load can be run again.
    pub async fn load(&self, ctx: &Context, item: LoadItem) -> Result<Loaded> {
        let doc = self.parse(&item.body)?;
        let root = doc.root();
        if root.str("resourceType") != Some("Bundle") {
            return self.load_as_transaction(ctx, transaction_of(&[root]), item.content).await;
        }
        match root.str("type") {
            Some("transaction") => self.load_transaction(ctx, &doc, item.body.clone(), item.content).await,
            Some("batch") => self.load_batch(ctx, root, item.content).await,
            _ => {
                let entries = root.get("entry").into_iter().flat_map(Value::each);
                let resources: Vec<Value<'_>> = entries.filter_map(|it| it.get("resource")).collect();
                self.load_as_transaction(ctx, transaction_of(&resources), item.content).await
            }
        }
    }

    async fn load_as_transaction(&self, ctx: &Context, bundle: String, content: [u8; 16]) -> Result<Loaded> {
        let doc = self.parse(bundle.as_bytes())?;
        self.load_transaction(ctx, &doc, bundle.into(), content).await
    }

    async fn load_transaction(&self, ctx: &Context, doc: &Doc, body: Bytes, content: [u8; 16]) -> Result<Loaded> {
        let ctx = &ctx.clone().pinned();
        if ctx.session.loaded(&content).await? {
            return Ok(Loaded::Before);
        }
        match self.transaction(ctx, doc, &posted(body), Some(content)).await {
            Ok(answer) => Ok(Loaded::New { resources: written(self, &answer)? }),
            // Another load of the same was faster.
            Err(failure) if failure.code() == IssueType::Duplicate && ctx.session.loaded(&content).await? => {
                Ok(Loaded::Before)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Each entry of a batch is a transaction of its own, with a mark of its own.
    async fn load_batch(&self, ctx: &Context, root: Value<'_>, content: [u8; 16]) -> Result<Loaded> {
        let (mut resources, mut refused, mut is_new) = (0, Vec::new(), false);
        for (at, entry) in root.get("entry").into_iter().flat_map(Value::each).enumerate() {
            let mut bundle = String::from(r#"{"resourceType":"Bundle","type":"transaction","entry":["#);
            write_compact(&mut bundle, entry);
            bundle.push_str("]}");
            match self.load_as_transaction(ctx, bundle, nth(content, at)).await {
                Ok(Loaded::New { resources: more }) => {
                    resources += more;
                    is_new = true;
                }
                Ok(_) => {}
                Err(failure) => refused.push((at, failure)),
            }
        }
        Ok(match (refused.is_empty(), is_new) {
            (false, _) => Loaded::Partly { resources, refused },
            (true, true) => Loaded::New { resources },
            (true, false) => Loaded::Before,
        })
    }
}

fn posted(body: Bytes) -> Request {
    Request { verb: Verb::Post, path: String::new(), query: String::new(), headers: Headers::default(), body }
}

/// The mark of a batch's entry: the batch's own with the entry's number folded in.
fn nth(mut content: [u8; 16], at: usize) -> [u8; 16] {
    for (byte, own) in content.iter_mut().zip((at as u64 + 1).to_le_bytes()) {
        *byte ^= own;
    }
    content
}

/// A transaction that stores each resource under its id, or as a new one.
fn transaction_of(resources: &[Value<'_>]) -> String {
    let mut out = String::from(r#"{"resourceType":"Bundle","type":"transaction","entry":["#);
    for (i, resource) in resources.iter().enumerate() {
        let of = resource.str("resourceType").unwrap_or_default();
        let (method, url) = match resource.str("id") {
            Some(id) => ("PUT", format!("{of}/{id}")),
            None => ("POST", of.to_owned()),
        };
        out.push_str(if i > 0 { "," } else { "" });
        out.push_str(r#"{"resource":"#);
        write_compact(&mut out, *resource);
        out.push_str(&format!(r#","request":{{"method":"{method}","url":{}}}}}"#, fhir::json::quote(&url)));
    }
    out.push_str("]}");
    out
}

/// How many resources a transaction wrote.
fn written(engine: &Engine, answer: &Answer) -> Result<usize> {
    let doc = engine.parse(&answer.body)?;
    let entries = doc.root().get("entry").into_iter().flat_map(Value::each);
    let is_write = |it: &Value<'_>| {
        let status = it.get("response").and_then(|it| it.str("status")).unwrap_or_default();
        status.starts_with("201") || status.starts_with("200")
    };
    Ok(entries.filter(is_write).count())
}
