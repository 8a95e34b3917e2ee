//! The database does not tell in time whose the records are that something points at.

use super::*;
use crate::audit::unlooked::{expect_written_perhaps, list, list_of};

/// That a query takes too long is no reason to narrow it, where it is not the client's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_looked_up_is_no_query_of_the_clients() {
    let Some(house) = House::new(&[]) else { return };
    let (_server, client) = house.serve(&["--query-time", "1s"]);
    let list = list(&client).await;
    house.database.lock("history");
    expect_written_perhaps(&client, &list).await;
    let refused = client.call("POST", "List").json(&list_of("Observation/none"));
    expect_unavailable(answered(refused).await);
    house.database.unlock();
    recovered(&client).await;
    assert_eq!(client.page("Observation?_summary=count").await.0["total"], 2);
    assert_eq!(client.page("List?_summary=count").await.0["total"], 1);
}
