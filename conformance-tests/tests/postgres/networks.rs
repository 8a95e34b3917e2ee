//! The network between the server and its database fails.

use super::*;
use conformance_tests::network::{Cable, Network, Weather};

/// Serves from a database behind a network that fails and is mended.
async fn through(house: &House, database: &str, time: &str, fail: impl FnOnce(), mend: impl FnOnce()) {
    let arguments =
        ["serve", "--listen", "127.0.0.1:0", "--query-time", time, "--write-time", time, "--database", database];
    let (_server, client) = house.on(Server::start(&mut house.program.command(&arguments)));
    let load = Load::on(std::slice::from_ref(&client));
    load.goes_on().await;
    fail();
    expect_unavailable(answered(client.call("GET", "Patient?name=nobody")).await);
    expect_unavailable(answered(client.call("PUT", "Patient/again").json(&named("again"))).await);
    assert_eq!(answered(client.call("GET", &readiness(&client))).await.status, 503);
    mend();
    recovered(&client).await;
    load.end().await.look(&client).await;
}

async fn through_weather(weather: Weather, time: &str) {
    let Some(house) = House::new(&[]) else { return };
    let network = Network::to(house.cluster.socket()).await;
    let database = network.url(house.database.name());
    through(&house, &database, time, || network.turn(weather), || network.turn(Weather::Fair)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_reset_are_replaced() {
    through_weather(Weather::Down, "2s").await;
}

/// Nobody is told that what was sent does not arrive: the server has to give up by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_swallows_everything_is_given_up() {
    through_weather(Weather::Silent, "2s").await;
}

/// However long statements may take, it is not looked for long whether a write was done whose answer never came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_became_of_a_write_is_soon_known_or_given_up() {
    through_weather(Weather::Silent, "10s").await;
}

/// Packets are lost between two machines: connections stay half open, nothing is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_packets_are_not_waited_for() {
    let Some(cable) = Cable::lay() else { return };
    let Some(house) = House::new(&[]) else { return };
    house.cluster.query("COPY (SELECT 'host all all samenet trust') TO PROGRAM 'cat >> pg_hba.conf'");
    house.cluster.stop("fast");
    house.cluster.resume_in(cable.namespace(), &[&format!("listen_addresses={}", cable.address())]);
    let database = format!("postgres://postgres@{}/{}?sslmode=disable", cable.address(), house.database.name());
    through(&house, &database, "2s", || cable.cut(), || cable.mend()).await;
}
