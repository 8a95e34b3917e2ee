//! Provenance of what is written (provenance.html): as the client sends it with the change (`X-Provenance`,
//! provenance.html#header), or made by the server for what an app or an import wrote.
//!
//! It is part of the commit: one for all versions that the commit makes, and one for those that it deletes. What a client says of a
//! change comes with the permission to make the change; what the server says nobody changes.

use crate::aim::Target;
use crate::unique::Draft;
use crate::{Context, Engine, Interaction};
use fhir::json::{Doc, Value, write_compact, write_string};
use fhir::primitive::datetime;
use fhir::{Failure, Issue, IssueType, Result};
use rustc_hash::FxHashSet;
use serde_json::{Value as Json, json};
use std::fmt::Write;
use std::str::FromStr;
use store::{Expect, Key, Method};

/// The resource type.
const PROVENANCE: &str = "Provenance";
const PARTICIPANT: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
const OPERATION: &str = "http://terminology.hl7.org/CodeSystem/v3-DataOperation";
/// The tag of what the server made.
const MADE: (&str, &str) = ("https://medisync.dev/fhir/CodeSystem/provenance", "server-made");

/// For which changes the server makes a Provenance by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MadeProvenance {
    /// For those of apps and programs that are registered, and for imports.
    #[default]
    All,
    /// For imports.
    Imports,
    /// For none.
    None,
}

impl FromStr for MadeProvenance {
    type Err = String;

    fn from_str(text: &str) -> Result<MadeProvenance, String> {
        match text {
            "all" => Ok(MadeProvenance::All),
            "imports" => Ok(MadeProvenance::Imports),
            "none" => Ok(MadeProvenance::None),
            _ => Err(format!("`{text}` is not all, imports or none")),
        }
    }
}

/// Where the changes of a commit come from.
#[derive(Clone, Copy, Default)]
pub(crate) struct Source<'a> {
    /// `X-Provenance`.
    pub(crate) header: Option<&'a str>,
    /// The digest of an imported document.
    pub(crate) content: Option<[u8; 16]>,
}

/// Fails for an interaction that makes no version which X-Provenance could be about.
pub(crate) fn demand_fitting(interaction: &Interaction) -> Result<()> {
    match interaction {
        Interaction::Create { .. }
        | Interaction::Update { .. }
        | Interaction::UpdateWhere { .. }
        | Interaction::Patch { .. }
        | Interaction::PatchWhere { .. }
        | Interaction::Bundle => Ok(()),
        _ => Err(unfitting()),
    }
}

/// The refusal of X-Provenance.
pub(crate) fn unfitting() -> Failure {
    let told = "The header X-Provenance goes with a create, an update, a patch or a transaction.";
    Failure::new(IssueType::Invalid, told)
}

/// Fails for a change of what the server made, and for what only looks as if it had been made so.
pub(crate) fn demand_unmade(ctx: &Context, target: &Target, new: Option<Value<'_>>) -> Result<()> {
    if target.key.of != PROVENANCE {
        return Ok(());
    }
    if let Some(current) = &target.current {
        let text = std::str::from_utf8(&current.body).map_err(Failure::internal)?;
        if is_made(Doc::parse(text).map_err(Failure::internal)?.root()) {
            let told = "The server made this Provenance of a change: nobody changes or deletes it.";
            return Err(Failure::new(IssueType::NotSupported, told).with_status(405));
        }
    }
    // Copies of what a server made come back by loading and by administrators' programs.
    if new.is_some_and(is_made) && !ctx.caller.scopes.is_administrator() {
        return Err(forged());
    }
    Ok(())
}

fn forged() -> Failure {
    let told = format!("The tag {}|{} says that the server made it: leave it out.", MADE.0, MADE.1);
    Failure::new(IssueType::Forbidden, told)
}

fn is_made(provenance: Value<'_>) -> bool {
    let mut tags = provenance.get("meta").and_then(|it| it.get("tag")).into_iter().flat_map(Value::each);
    tags.any(|it| (it.str("system"), it.str("code")) == (Some(MADE.0), Some(MADE.1)))
}

impl Engine {
    /// What of Provenance is to be written with these versions.
    pub(crate) async fn provenance(&self, ctx: &Context, source: Source<'_>, drafts: &[Draft]) -> Result<Vec<Draft>> {
        let mut texts = Vec::new();
        if let Some(header) = source.header {
            let targets: Vec<String> = drafts.iter().filter(|it| !is_deletion(it)).map(reference).collect();
            if !targets.is_empty() {
                texts.push(self.of_header(header, &targets)?);
            }
        }
        if self.makes_one(ctx, source) {
            let named = named(drafts, ctx.base())?;
            let is_untold = |it: &&Draft| {
                let is_told = is_new_provenance(it) || source.header.is_some() && !is_deletion(it);
                !is_told && !named.contains(&it.put.key.to_string()) && !named.contains(&reference(it))
            };
            let (deleted, written): (Vec<&Draft>, Vec<&Draft>) =
                drafts.iter().filter(is_untold).partition(|it| is_deletion(it));
            for (drafts, is_deleted) in [(written, false), (deleted, true)] {
                let targets: Vec<String> = drafts.into_iter().map(reference).collect();
                if !targets.is_empty() {
                    texts.push(self.made(ctx, source, &targets, is_deleted).to_string());
                }
            }
        }
        let mut made = Vec::with_capacity(texts.len());
        for text in texts {
            let doc = self.parse(text.as_bytes())?;
            let doc = self.at_home(ctx, doc.root())?.unwrap_or(doc);
            let key = Key::new(PROVENANCE, (self.ambient.new_id)());
            made.push(self.put(ctx, doc.root(), key, Expect::Fresh, 1, Method::Post).await?);
        }
        Ok(made)
    }

    /// Whether the server tells by itself where changes come from.
    fn makes_one(&self, ctx: &Context, source: Source<'_>) -> bool {
        match self.settings.provenance {
            MadeProvenance::All => source.content.is_some() || ctx.origin.client.is_some(),
            MadeProvenance::Imports => source.content.is_some(),
            MadeProvenance::None => false,
        }
    }

    /// What a client sent, with the target that only the server knows.
    fn of_header(&self, header: &str, targets: &[String]) -> Result<String> {
        let doc: Doc = self.parse(header.as_bytes())?;
        let root = doc.root();
        if is_made(root) {
            return Err(forged());
        }
        if root.str("resourceType") != Some(PROVENANCE) {
            let told = "The header X-Provenance takes a Provenance as JSON, without its target.";
            return Err(Failure::of(vec![Issue::error(IssueType::Structure, told).at("X-Provenance")]));
        }
        let mut out = String::from(r#"{"resourceType":"Provenance","target":["#);
        for (at, target) in targets.iter().enumerate() {
            out.push_str(if at > 0 { r#",{"reference":"# } else { r#"{"reference":"# });
            write_string(&mut out, target);
            out.push('}');
        }
        out.push(']');
        let is_own = |it: &Value<'_>| !matches!(it.key(), "resourceType" | "id" | "target" | "_target");
        for member in root.children().filter(is_own) {
            out.push(',');
            write_string(&mut out, member.key());
            out.push(':');
            write_compact(&mut out, member);
        }
        out.push('}');
        Ok(out)
    }

    /// What the server itself knows: who, by what, and from which document.
    fn made(&self, ctx: &Context, source: Source<'_>, targets: &[String], is_deleted: bool) -> Json {
        let target: Vec<Json> = targets.iter().map(|it| json!({ "reference": it })).collect();
        let mut made = json!({
            "resourceType": PROVENANCE,
            "meta": { "tag": [{ "system": MADE.0, "code": MADE.1 }] },
            "target": target,
            "recorded": datetime::instant(self.now_micros()),
        });
        let mut agents = Vec::new();
        if let Some(user) = &ctx.origin.user {
            agents.push(agent("author", json!({ "reference": user })));
        }
        let program = ctx.origin.client.as_ref().unwrap_or(&ctx.caller.subject);
        agents.push(agent("assembler", json!({ "identifier": { "value": program } })));
        made["agent"] = agents.into();
        if let Some(content) = source.content {
            let mut digest = String::new();
            for byte in content {
                let _ = write!(digest, "{byte:02x}");
            }
            made["activity"] = json!({ "coding": [{ "system": OPERATION, "code": "APPEND" }], "text": "import" });
            made["entity"] = json!([{ "role": "source", "what": { "identifier": { "value": digest } } }]);
        }
        if is_deleted {
            made["activity"] = json!({ "coding": [{ "system": OPERATION, "code": "DELETE" }] });
        }
        made
    }
}

fn agent(role: &str, who: Json) -> Json {
    json!({ "type": { "coding": [{ "system": PARTICIPANT, "code": role }] }, "who": who })
}

fn is_deletion(draft: &Draft) -> bool {
    draft.put.method == Method::Delete
}

/// Whether it says itself where it comes from.
fn is_new_provenance(draft: &Draft) -> bool {
    draft.put.key.of == PROVENANCE && draft.put.version == 1
}

/// The version that a draft makes, or deletes.
fn reference(draft: &Draft) -> String {
    let version = draft.put.version - i64::from(is_deletion(draft));
    format!("{}/_history/{version}", draft.put.key)
}

/// What new Provenances among these name, relative to the base.
fn named(drafts: &[Draft], base: &str) -> Result<FxHashSet<String>> {
    let mut named = FxHashSet::default();
    for draft in drafts.iter().filter(|it| is_new_provenance(it)) {
        let text = std::str::from_utf8(&draft.put.body).map_err(Failure::internal)?;
        let doc = Doc::parse(text).map_err(Failure::internal)?;
        let targets = doc.root().get("target").into_iter().flat_map(Value::each);
        for reference in targets.filter_map(|it| it.str("reference")) {
            let own = reference.strip_prefix(base).map_or(reference, |it| it.trim_start_matches('/'));
            named.insert(own.to_owned());
        }
    }
    Ok(named)
}
