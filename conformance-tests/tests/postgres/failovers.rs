//! The database fails over: a standby is promoted, and the address leads to it. Nothing acknowledged is lost, since the primary waits
//! for its standby (`synchronous_standby_names`), and the server goes on by itself.

use super::*;
use conformance_tests::network::Network;
use conformance_tests::postgres::eventually;

/// A primary with a standby that has all that was acknowledged, and a server that reaches them by one address.
struct Pair {
    network: Network,
    standby: Cluster,
    _server: Server,
    client: Client,
    // Behind the server, so that it is dropped last.
    house: House,
}

impl Pair {
    async fn new() -> Option<Pair> {
        let house = House::new(&[])?;
        let standby = house.cluster.standby();
        house.cluster.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
        house.cluster.query("SELECT pg_reload_conf()");
        let waits_for_it = || house.cluster.query("SELECT sync_state FROM pg_stat_replication") == "sync";
        eventually("the primary waits for its standby", waits_for_it);
        // All of the primary's processes know of it.
        house.cluster.query("CHECKPOINT");
        let network = Network::to(house.cluster.socket()).await;
        let database = network.url(house.database.name());
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", &database];
        let (server, client) = house.on(Server::start(&mut house.program.command(&arguments)));
        Some(Pair { network, standby, _server: server, client, house })
    }

    fn lead_to_standby(&self) {
        self.network.lead(self.standby.socket());
    }

    fn promote(&self) {
        assert_eq!(self.standby.query("SELECT pg_promote()"), "t");
    }

    async fn is_ready(&self) -> bool {
        answered(self.client.call("GET", &readiness(&self.client))).await.status == 200
    }
}

/// The primary dies. For a while the address leads to a standby: it is not written to, and what it has is not taken for all
/// that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_is_replaced() {
    let Some(pair) = Pair::new().await else { return };
    let client = &pair.client;
    let load = Load::on(std::slice::from_ref(client));
    load.goes_on().await;
    pair.house.cluster.kill();
    expect_unavailable(answered(client.call("PUT", "Patient/again").json(&named("again"))).await);
    pair.lead_to_standby();
    expect_unavailable(answered(client.call("GET", "Patient/again")).await);
    expect_unavailable(answered(client.call("PUT", "Patient/again").json(&named("again"))).await);
    assert!(!pair.is_ready().await);
    pair.promote();
    recovered(client).await;
    load.end().await.look(client).await;
}

/// The primary is told to take no more writes, and goes on: whoever is connected stays so, to what is the primary no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_demoted_is_left() {
    let Some(pair) = Pair::new().await else { return };
    let client = &pair.client;
    let load = Load::on(std::slice::from_ref(client));
    load.goes_on().await;
    pair.house.cluster.query("ALTER SYSTEM SET default_transaction_read_only = on");
    pair.house.cluster.query("SELECT pg_reload_conf()");
    let told = async {
        while pair.is_ready().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(RECOVERY, told).await.expect("who asks is told that nothing is written");
    expect_unavailable(answered(client.call("PUT", "Patient/again").json(&named("again"))).await);
    pair.promote();
    pair.lead_to_standby();
    recovered(client).await;
    load.end().await.look(client).await;
}
