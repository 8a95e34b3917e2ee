//! A tenant moves from placement to placement while two servers are written to and read from.

use super::*;
use conformance_tests::postgres::eventually;
use std::process::Stdio;

/// All that is found, by id and version, and what searches tell.
async fn everything(client: &Client) -> Vec<String> {
    let mut found = Vec::new();
    for query in ["Patient?_count=1000", "Patient?identifier=kept&_count=1000", "Patient?family=kept&_count=1000"] {
        let mut ids: Vec<String> = client.found(query).await.into_iter().collect();
        ids.sort();
        found.push(format!("{query}: {ids:?}"));
    }
    found
}

/// Every acknowledged transaction is there, whole and once; searches tell the same on both servers, and after a move as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_from_placement_to_placement() {
    let Some(house) = House::new(&[]) else { return };
    let other = Database::of(&house.cluster.url());
    let ((_first, one), (_second, two)) = (house.serve(&[]), house.serve(&[]));
    let load = Load::on(&[one.clone(), two.clone()]);
    let url = other.url();
    let moves: [&[&str]; 3] = [&["schema"], &["database", "--url", &url], &["pool"]];
    for to in moves {
        load.goes_on().await;
        let arguments = [&["tenant", "move", TENANT, "--to"], to].concat();
        tokio::task::block_in_place(|| house.program.succeed(&arguments));
    }
    let sent = load.end().await;
    for client in [&one, &two] {
        sent.look(client).await;
    }
    let before = everything(&one).await;
    tokio::task::block_in_place(|| house.program.succeed(&["tenant", "move", TENANT, "--to", "schema"]));
    for client in [&one, &two] {
        assert_eq!(everything(client).await, before);
    }
    for client in [&one, &two] {
        client.put("Patient/again", &named("again")).await.expect_in(200..=201);
    }
    assert_eq!(one.page("Patient/again/_history").await.entries().len(), 2, "each write is there once");
}

/// Who has the lock that a mover has, and what else the database does for one.
const MOVERS: &str = "SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1802723941) \
     + (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'medisync move')";

/// A mover that is killed at any time leaves the tenant served, and the next one brings it there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mover_may_be_killed() {
    let Some(house) = House::new(&[]) else { return };
    let (_server, client) = house.serve(&[]);
    let load = Load::on(std::slice::from_ref(&client));
    load.goes_on().await;
    for delay in [30, 60, 100, 150, 250, 400] {
        let arguments = ["tenant", "move", TENANT, "--to", "schema", "--database", house.program.database()];
        let mut command = house.program.command(&arguments);
        let mut mover = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program runs");
        tokio::time::sleep(Duration::from_millis(delay)).await;
        // It may have ended.
        let _ = mover.kill();
        mover.wait().expect("it ended");
        eventually("the database sees its end", || house.database.query(MOVERS) == "0");
        recovered(&client).await;
    }
    let placed = || house.database.query("SELECT placement FROM medisync.tenant");
    if placed() == "pool" {
        tokio::task::block_in_place(|| house.program.succeed(&["tenant", "move", TENANT, "--to", "schema"]));
    }
    assert_eq!(placed(), "schema");
    load.end().await.look(&client).await;
}
