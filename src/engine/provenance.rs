//! Provenance of what is written (provenance.html): as the client sends it with the change (`X-Provenance`,
//! provenance.html#header), or made by the server for what an app or an import wrote.
//!
//! There is one Provenance for a commit, and it is part of it: its target are all versions that the commit makes.

use crate::unique::Draft;
use crate::{Access, Context, Engine, Interaction};
use fhir::json::{Doc, Value, write_compact, write_string};
use fhir::primitive::datetime;
use fhir::{Failure, Issue, IssueType, Result};
use serde_json::{Value as Json, json};
use std::fmt::Write;
use std::str::FromStr;
use store::{Expect, Key, Method};

/// The resource type.
const PROVENANCE: &str = "Provenance";
const PARTICIPANT: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
const OPERATION: &str = "http://terminology.hl7.org/CodeSystem/v3-DataOperation";

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

impl Engine {
    /// The Provenance that is to be written with these versions, if one is.
    pub(crate) async fn provenance(
        &self,
        ctx: &Context,
        source: Source<'_>,
        drafts: &[Draft],
    ) -> Result<Option<Draft>> {
        let targets: Vec<String> = drafts.iter().filter(|it| it.put.method != Method::Delete).map(reference).collect();
        if targets.is_empty() {
            return Ok(None);
        }
        let (text, bounds) = match source.header {
            Some(header) => (self.of_header(header, &targets)?, self.bounds(ctx, Access::Create, PROVENANCE)?),
            None if !self.is_made(ctx, source) || drafts.iter().any(|it| it.put.key.of == PROVENANCE) => {
                return Ok(None);
            }
            None => (self.made(ctx, source, &targets).to_string(), Vec::new()),
        };
        let doc = self.parse(text.as_bytes())?;
        let key = Key::new(PROVENANCE, (self.ambient.new_id)());
        self.demand_within(ctx, &key, doc.root(), &bounds)?;
        self.put(ctx, doc.root(), key, Expect::Fresh, 1, Method::Post).await.map(Some)
    }

    /// Whether the server makes one where none was sent.
    fn is_made(&self, ctx: &Context, source: Source<'_>) -> bool {
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
    fn made(&self, ctx: &Context, source: Source<'_>, targets: &[String]) -> Json {
        let target: Vec<Json> = targets.iter().map(|it| json!({ "reference": it })).collect();
        let mut made = json!({
            "resourceType": PROVENANCE,
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
        made
    }
}

fn agent(role: &str, who: Json) -> Json {
    json!({ "type": { "coding": [{ "system": PARTICIPANT, "code": role }] }, "who": who })
}

/// The version that a draft makes.
fn reference(draft: &Draft) -> String {
    format!("{}/_history/{}", draft.put.key, draft.put.version)
}
