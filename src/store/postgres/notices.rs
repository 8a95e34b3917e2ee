//! What nodes tell each other: that a tenant's definitions changed, and that its records moved.

use super::target::Target;
use crate::{Result, Told};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use std::time::Duration;
use tokio::time::{Instant, timeout};

const CHANNEL: &str = "medisync";
/// How long after a failure we listen again.
const RETRY: Duration = Duration::from_secs(1);
/// After so much silence the database is asked whether it is still there: a network that is cut tells nobody.
const SILENCE: Duration = Duration::from_secs(10);
/// So often those who cannot hear look by themselves.
const DEAF: Duration = Duration::from_secs(2);
/// After so long we listen anew: an address may lead to another database by now, of which the old one does not tell.
const AGE: Duration = Duration::from_secs(300);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Held by each who listens, as long as it does.
const HERE: &str = "SELECT pg_advisory_lock_shared(hashtextextended('medisync serves', 0))";
const NOBODY: &str = "SELECT pg_try_advisory_xact_lock(hashtextextended('medisync serves', 0))";

/// Whether somebody listens. Past a pooler nobody does.
pub(super) async fn is_heard(target: &Target) -> Result<bool> {
    if target.is_pooled {
        return Ok(true);
    }
    let mut connection = target.options.connect().await?;
    let is_nobody: bool = sqlx::query_scalar(NOBODY).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(!is_nobody)
}

/// What a node tells of a tenant; its own is known to itself.
pub(super) fn notice(node: i64, tenant: &str) -> String {
    format!("{node} {tenant}")
}

/// What a node hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Another node tells of its work.
    Told(Told),
    /// The directory says something else of this tenant.
    Moved(String),
    /// From now on, or until now, nothing could be heard.
    Deaf,
}

/// The directory itself tells of tenants by `-`, nodes by their number.
fn read(payload: &str, node: i64) -> Option<Heard> {
    let (from, tenant) = payload.split_once(' ')?;
    match from {
        "-" => Some(Heard::Moved(tenant.to_owned())),
        from => (from != node.to_string()).then(|| Heard::Told(Told::Definitions(tenant.to_owned()))),
    }
}

/// Passes on what is told in a database, for ever. While nothing can be heard something may be missed, which is told as
/// well, again and again: past a pooler, where nobody can listen, from time to time.
pub(super) async fn listen(target: Target, node: i64, hear: impl Fn(Heard)) {
    loop {
        if target.is_pooled {
            tokio::time::sleep(DEAF).await;
            hear(Heard::Deaf);
            hear(Heard::Told(Told::Anything));
            continue;
        }
        if let Err(error) = listen_once(&target.options, node, &hear).await {
            tracing::warn!(%error, "other nodes cannot be heard; it is tried again");
        }
        hear(Heard::Deaf);
        tokio::time::sleep(RETRY).await;
    }
}

async fn listen_once(options: &PgConnectOptions, node: i64, hear: &impl Fn(Heard)) -> sqlx::Result<()> {
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let pool = pool.connect_lazy_with(options.clone());
    let mut listener = in_time(PgListener::connect_with(&pool)).await?;
    listener.eager_reconnect(false);
    in_time(listener.listen(CHANNEL)).await?;
    in_time(sqlx::query(HERE).execute(&mut listener)).await?;
    hear(Heard::Deaf);
    hear(Heard::Told(Told::Anything));
    let since = Instant::now();
    while since.elapsed() < AGE {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                if let Some(heard) = read(notification.payload(), node) {
                    hear(heard);
                }
            }
            Ok(Ok(None)) => return Err(sqlx::Error::PoolClosed),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                in_time(sqlx::query("SELECT 1").execute(&mut listener)).await?;
            }
        }
    }
    Ok(())
}

async fn in_time<T>(work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    timeout(PATIENCE, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_does_not_hear_itself() {
        assert_eq!(read(&notice(3, "north"), 4), Some(Heard::Told(Told::Definitions("north".into()))));
        assert_eq!(read(&notice(3, "north"), 3), None);
        assert_eq!(read("- north", 3), Some(Heard::Moved("north".into())));
        assert_eq!(read("", 3), None);
    }
}
