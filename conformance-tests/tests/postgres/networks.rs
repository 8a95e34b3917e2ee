//! The network between the server and its database fails.

use super::*;
use conformance_tests::network::{Network, Weather};

async fn through(weather: Weather) {
    let Some(house) = House::new(&[]) else { return };
    let network = Network::to(house.cluster.socket()).await;
    let database = network.url(house.database.name());
    let arguments =
        ["serve", "--listen", "127.0.0.1:0", "--query-time", "2s", "--write-time", "2s", "--database", &database];
    let (_server, client) = house.on(Server::start(&mut house.program.command(&arguments)));
    let load = Load::on(std::slice::from_ref(&client));
    tokio::time::sleep(Duration::from_millis(500)).await;
    network.turn(weather);
    expect_unavailable(answered(client.call("PUT", "Patient/again").json(&named("again"))).await);
    assert_eq!(answered(client.call("GET", &readiness(&client))).await.status, 503);
    network.turn(Weather::Fair);
    recovered(&client).await;
    load.end().await.look(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_reset_are_replaced() {
    through(Weather::Down).await;
}

/// Nobody is told that a packet is lost: the server has to give up by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_swallows_everything_is_given_up() {
    through(Weather::Silent).await;
}
