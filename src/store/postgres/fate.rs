//! What became of a write whose connection was lost.

use super::audit::PlaceLog;
use super::records::Records;
use super::runner::Reading;
use crate::Changes;
use crate::query::Sql;
use sqlx::Row;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long it is looked for, how long each look may take, and the rest between them.
const LOOKING: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_secs(1);
const REST: Duration = Duration::from_millis(200);

/// What is in the database if the work is.
enum Trace<'a> {
    /// A number in the change log.
    Change(i64),
    /// An event of the audit log, where no version was to be written.
    Event(&'a str),
}

impl Trace<'_> {
    /// Of a group whose numbers begin with this one; `None` if it leaves none.
    fn of(group: &[Changes], first: i64) -> Option<Trace<'_>> {
        if group.iter().any(|it| !it.puts.is_empty()) {
            return Some(Trace::Change(first));
        }
        let event = group.iter().find_map(|it| it.audit.first().map(|it| it.id.as_str()).or(it.waited.first_id()));
        event.map(Trace::Event)
    }
}

/// Whether the work of a connection that was lost, which this process served, is in the database; `None` if that cannot be known
/// in time.
pub(super) async fn was_written(records: &Records, group: &[Changes], first: i64, pid: i32) -> Option<bool> {
    let trace = Trace::of(group, first)?;
    let looks = async {
        loop {
            if let Ok(Some(known)) = timeout(LOOK, look(records, &trace, pid)).await {
                return known;
            }
            sleep(REST).await;
        }
    };
    timeout(LOOKING, looks).await.ok()
}

/// As long as the database still works for the connection, its work may yet come; once it does not, what is not there never
/// will be.
async fn look(records: &Records, trace: &Trace<'_>, pid: i32) -> Option<bool> {
    let is_at_work = ask(records, "SELECT count(*) FROM pg_stat_activity WHERE pid = ?", i64::from(pid)).await;
    // Asked afterwards: what was written until then is seen.
    let is_there = match trace {
        Trace::Event(id) => crate::audit::by_id(&PlaceLog(records), id).await.ok().map(|it| it.is_some()),
        Trace::Change(number) => ask(records, "SELECT count(*) FROM change WHERE seq = ?", *number).await,
    };
    match (is_at_work, is_there) {
        (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        // It goes on there, or the database does not answer yet.
        _ => None,
    }
}

/// Whether a count is of anything; `None` if the database does not answer.
async fn ask(records: &Records, count: &str, value: i64) -> Option<bool> {
    let reading = Reading { tenancy: &records.tenancy, connections: &records.place.writes, after: None };
    let mut sql = Sql::new(count);
    sql.bind(value);
    let rows = reading.fetch(sql).await.ok()?;
    Some(rows.first()?.try_get::<i64, _>(0).ok()? > 0)
}
