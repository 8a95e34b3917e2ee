//! What nodes tell each other: that a tenant's definitions changed.

use crate::Told;
use sqlx::postgres::PgListener;
use std::time::Duration;
use tokio::sync::broadcast;

const CHANNEL: &str = "medisync";
/// How long after a failure we listen again.
const RETRY: Duration = Duration::from_secs(1);

/// What a node tells of a tenant; its own is known to itself.
pub(super) fn notice(node: i64, tenant: &str) -> String {
    format!("{node} {tenant}")
}

fn read(payload: &str, node: i64) -> Option<Told> {
    let (from, tenant) = payload.split_once(' ')?;
    (from != node.to_string()).then(|| Told::Definitions(tenant.to_owned()))
}

/// Passes on what other nodes tell, for ever. While nothing can be heard something may be missed, which is told as well.
pub(super) async fn listen(url: String, node: i64, tell: broadcast::Sender<Told>) {
    loop {
        if let Err(error) = listen_once(&url, node, &tell).await {
            tracing::warn!(%error, "other nodes cannot be heard; it is tried again");
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn listen_once(url: &str, node: i64, tell: &broadcast::Sender<Told>) -> sqlx::Result<()> {
    let mut listener = PgListener::connect(url).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // Nobody may be there to be told.
        let _ = tell.send(Told::Anything);
        while let Some(notification) = listener.try_recv().await? {
            if let Some(told) = read(notification.payload(), node) {
                let _ = tell.send(told);
            }
        }
        // It listens again by itself when it is asked next.
    }
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
