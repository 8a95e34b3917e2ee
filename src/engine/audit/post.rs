//! AuditEvents that clients send (IHE ATNA's RESTful feed, ITI-20): new ones are added to the log as they are, with an id
//! and the time at which the server got them. That they were sent is an event of the server's own, and each is shown with a tag that says so: what the
//! server tells itself nobody else can say.

use super::{AUDIT_EVENT, keys};
use crate::content::stamped_at;
use crate::{Access, Answer, Context, Engine, Interaction, Request};
use bytes::Bytes;
use fhir::json::{Doc, Value, quote, write_replacing};
use fhir::search::{IndexSink, ParamId, Target};
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use store::{AuditEntry, Key, Method, Stored};

/// What begins an entry that is a whole AuditEvent.
const WHOLE: &[u8] = br#"{"resourceType""#;

/// The tag of what was sent.
const SENT: (&str, &str) = ("https://medisync.dev/fhir/CodeSystem/audit-event", "sent");

/// An AuditEvent that was sent, as it is shown.
pub(super) fn marked(body: &[u8]) -> Result<Bytes> {
    let doc = Doc::parse(std::str::from_utf8(body).map_err(Failure::internal)?).map_err(Failure::internal)?;
    let Some(meta) = doc.root().get("meta") else { return Err(Failure::internal("a sent AuditEvent has no meta")) };
    let mark = format!(r#"{{"system":"{}","code":"{}"}}"#, SENT.0, SENT.1);
    let tags = meta.get("tag").into_iter().flat_map(Value::each);
    let others = tags.filter(|it| (it.str("system"), it.str("code")) != (Some(SENT.0), Some(SENT.1)));
    let tags: Vec<&str> = [mark.as_str()].into_iter().chain(others.map(Value::raw)).collect();
    let rest = meta.children().filter(|it| !matches!(it.key(), "tag" | "_tag"));
    let mut members: Vec<String> = rest.map(|it| format!("{}:{}", quote(it.key()), it.raw())).collect();
    members.push(format!(r#""tag":[{}]"#, tags.join(",")));
    let mut out = String::with_capacity(body.len() + 128);
    write_replacing(&mut out, doc.root(), &|it| {
        (it.index() == meta.index()).then(|| format!("{{{}}}", members.join(",")))
    });
    Ok(out.into())
}

/// Whether an entry is an AuditEvent as it was sent.
pub(super) fn is_whole(body: &[u8]) -> bool {
    body.starts_with(WHOLE)
}

impl Engine {
    /// Adds an AuditEvent to the log.
    pub(super) async fn create_event(
        &self,
        ctx: &Context,
        interaction: &Interaction,
        request: &Request,
    ) -> Result<Answer> {
        let bounds = self.bounds(ctx, Access::Create, AUDIT_EVENT)?;
        let returns = crate::prefer::Prefer::parse(request.headers.prefer.as_deref())?.returns;
        if request.headers.if_none_exist.is_some() {
            let told = "AuditEvents are added to the log whatever is there: If-None-Exist is not for them.";
            return Err(Failure::new(IssueType::NotSupported, told));
        }
        let doc = self.json_body(request)?;
        let doc = self.at_home(ctx, doc.root())?.unwrap_or(doc);
        crate::aim::same_type(Some(doc.root()), AUDIT_EVENT)?;
        self.demand_valid(ctx, doc.root()).await?;
        let at = (self.ambient.now_ms)();
        let id = self.event_id(at);
        let key = Key::new(AUDIT_EVENT, &id);
        self.demand_within(ctx, &key, doc.root(), &bounds).await?;
        self.demand_of_own(ctx, &key, None, doc.root())?;
        let body = stamped_at(doc.root(), &key, at).into_bytes();
        let entry = AuditEntry { id, at, keys: self.keys_of_whole(ctx, doc.root()), body: body.clone() };
        let stored = Stored { key, version: 1, updated: at, method: Method::Post, body: body.into() };
        ctx.note(interaction, 201, |noted| noted.touched(&stored));
        ctx.leave(entry)?;
        Ok(crate::write::answer(201, &stored.key, 1, at, marked(&stored.body)?, returns))
    }

    fn keys_of_whole(&self, ctx: &Context, event: Value<'_>) -> Vec<String> {
        let mut found = Keys::default();
        if let Some(of) = r4().resource(AUDIT_EVENT) {
            ctx.params().index(&self.indexer, (of, event), ctx.base(), &mut found, |_, _| true);
        }
        found.0.sort();
        found.0.dedup();
        found.0
    }
}

/// Takes what a whole AuditEvent is found by.
#[derive(Default)]
struct Keys(Vec<String>);

impl IndexSink for Keys {
    fn reference(&mut self, param: ParamId, target: &Target<'_>) {
        let Target::Local { of, id } = target else { return };
        let is = |code| param == ParamId::of(AUDIT_EVENT, code);
        if is("agent") {
            self.0.push(keys::agent(of, id));
        } else if is("patient") || is("entity") {
            self.0.push(keys::entity(of, id));
        }
    }

    fn token(&mut self, param: ParamId, _: Option<&str>, code: &str) {
        let is = |name| param == ParamId::of(AUDIT_EVENT, name);
        if is("type") {
            self.0.push(keys::kind(code));
        } else if is("outcome") {
            self.0.push(keys::outcome(code));
        }
    }
}
