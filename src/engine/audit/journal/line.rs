//! An event as it waits: a line of JSON.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use store::AuditEntry;

#[derive(Serialize, Deserialize)]
struct Line<'l> {
    tenant: Cow<'l, str>,
    id: Cow<'l, str>,
    at: i64,
    keys: Cow<'l, [String]>,
    body: Cow<'l, str>,
}

/// Adds an event to lines.
pub(super) fn write(tenant: &str, entry: &AuditEntry, lines: &mut String) -> serde_json::Result<()> {
    let AuditEntry { id, at, keys, body } = entry;
    let line =
        Line { tenant: tenant.into(), id: id.into(), at: *at, keys: keys.into(), body: String::from_utf8_lossy(body) };
    // A crash may have left the line before without its end: an empty line is none.
    lines.push('\n');
    lines.push_str(&serde_json::to_string(&line)?);
    lines.push('\n');
    Ok(())
}

/// The events of each tenant. A line that is not whole was never acknowledged.
pub(super) fn read(lines: &str) -> BTreeMap<String, Vec<AuditEntry>> {
    let mut entries = BTreeMap::<String, Vec<AuditEntry>>::new();
    for line in lines.lines().filter_map(|it| serde_json::from_str::<Line<'_>>(it).ok()) {
        let Line { tenant, id, at, keys, body } = line;
        let (id, keys, body) = (id.into_owned(), keys.into_owned(), body.into_owned().into_bytes());
        entries.entry(tenant.into_owned()).or_default().push(AuditEntry { id, at, keys, body });
    }
    entries
}
