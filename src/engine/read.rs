//! `read` and `vread` (http.html#read, #vread), conditional as well (#cread).

use crate::access::Latest;
use crate::aim::etag;
use crate::summary::View;
use crate::{Answer, Context, Engine, Interaction, Request};
use bytes::Bytes;
use fhir::{Failure, IssueType, Result};
use store::Stored;

impl Engine {
    /// The current version of a resource, or one of its versions.
    pub(crate) async fn read(&self, ctx: &Context, interaction: &Interaction, request: &Request) -> Result<Answer> {
        let found = match interaction {
            Interaction::Read { key } => self.read_within(ctx, key).await?,
            Interaction::Vread { key, version } => self.version_within(ctx, key, *version).await?,
            _ => None,
        };
        self.show(ctx, interaction, existing(found)?, request).await
    }

    /// What is sent of a resource that was found.
    pub(crate) async fn show(
        &self,
        ctx: &Context,
        interaction: &Interaction,
        stored: Stored,
        request: &Request,
    ) -> Result<Answer> {
        let view = View::of_read(&request.query)?;
        let (version, updated) = (Some(stored.version), Some(stored.updated));
        let unchanged = is_unchanged(&stored, request);
        let body = match interaction {
            _ if unchanged => Bytes::new(),
            Interaction::Vread { .. } => view.apply(self.version_seen(ctx, &stored, &mut Latest::default()).await?)?,
            _ => view.apply(self.seen(ctx, &stored)?)?,
        };
        let status = if unchanged { 304 } else { 200 };
        ctx.note(interaction, status, |noted| noted.touched(&stored));
        Ok(Answer { version, last_modified: updated, key: Some(stored.key), ..Answer::new(status, body) })
    }
}

/// The resource, unless it is not there or was deleted.
pub(crate) fn existing(found: Option<Stored>) -> Result<Stored> {
    match found {
        None => Err(Failure::new(IssueType::NotFound, "There is no such resource.")),
        Some(stored) if stored.is_deleted() => {
            Err(Failure::new(IssueType::Deleted, "The resource was deleted; its history has what it was."))
        }
        Some(stored) => Ok(stored),
    }
}

/// Whether the client has this version already. `If-None-Match` wins over `If-Modified-Since` (RFC 9110 section 13.2.2),
/// whose dates have no fractions of a second.
fn is_unchanged(stored: &Stored, request: &Request) -> bool {
    match (&request.headers.if_none_match, request.headers.if_modified_since) {
        (Some(tags), _) => {
            let version = stored.version.to_string();
            tags.split(',').filter_map(|it| etag(it.trim())).any(|it| it == "*" || it == version)
        }
        (None, Some(since)) => stored.updated / 1000 <= since / 1000,
        _ => false,
    }
}
