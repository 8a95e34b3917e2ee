//! What nodes tell each other: that a tenant's definitions changed.

use super::target::Target;
use crate::Told;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::timeout;

const CHANNEL: &str = "medisync";
/// How long after a failure we listen again.
const RETRY: Duration = Duration::from_secs(1);
/// After so much silence the database is asked whether it is still there: a network that is cut tells nobody.
const SILENCE: Duration = Duration::from_secs(10);
/// So often those who cannot hear look by themselves.
const DEAF: Duration = Duration::from_secs(2);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a node tells of a tenant; its own is known to itself.
pub(super) fn notice(node: i64, tenant: &str) -> String {
    format!("{node} {tenant}")
}

fn read(payload: &str, node: i64) -> Option<Told> {
    let (from, tenant) = payload.split_once(' ')?;
    (from != node.to_string()).then(|| Told::Definitions(tenant.to_owned()))
}

/// Passes on what other nodes tell, for ever. While nothing can be heard something may be missed, which is told as well:
/// past a pooler, where nobody can listen, from time to time.
pub(super) async fn listen(target: Target, node: i64, tell: broadcast::Sender<Told>) {
    loop {
        if target.is_pooled {
            tokio::time::sleep(DEAF).await;
            let _ = tell.send(Told::Anything);
            continue;
        }
        if let Err(error) = listen_once(&target.options, node, &tell).await {
            tracing::warn!(%error, "other nodes cannot be heard; it is tried again");
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn listen_once(options: &PgConnectOptions, node: i64, tell: &broadcast::Sender<Told>) -> sqlx::Result<()> {
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
    let pool = pool.connect_lazy_with(options.clone());
    let mut listener = in_time(PgListener::connect_with(&pool)).await?;
    listener.eager_reconnect(false);
    in_time(listener.listen(CHANNEL)).await?;
    // Nobody may be there to be told.
    let _ = tell.send(Told::Anything);
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                if let Some(told) = read(notification.payload(), node) {
                    let _ = tell.send(told);
                }
            }
            Ok(Ok(None)) => return Err(sqlx::Error::PoolClosed),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                in_time(sqlx::query("SELECT 1").execute(&mut listener)).await?;
            }
        }
    }
}

async fn in_time<T>(work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    timeout(PATIENCE, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_does_not_hear_itself() {
        assert_eq!(read(&notice(3, "north"), 4), Some(Told::Definitions("north".into())));
        assert_eq!(read(&notice(3, "north"), 3), None);
        assert_eq!(read("", 3), None);
    }
}
