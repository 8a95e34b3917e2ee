//! Rate limits of several nodes on one database.

use super::*;
use tokio::time::Instant;

/// The limit, and what a node may let in on top of it without asking the others.
const LIMIT: usize = 64;
const SLACK: usize = LIMIT / 16;

/// Requests that are let in, of so many sent to the nodes by turns.
async fn let_in(clients: &[&Client], count: usize) -> usize {
    let mut let_in = 0;
    for number in 0..count {
        match clients[number % clients.len()].get("Patient/none").await.status {
            404 => let_in += 1,
            429 => {}
            other => panic!("{other}"),
        }
    }
    let_in
}

/// Waits for another minute where this one ends soon, so that what is counted is counted before it does. Until then it goes on.
async fn early_in_a_minute(client: &Client) -> Instant {
    loop {
        let since = Instant::now();
        let answer = client.get("metadata").await;
        let (_, seconds) = answer.needed_header("ratelimit").rsplit_once("t=").expect("when counts begin anew");
        let seconds = seconds.parse().expect("seconds");
        if seconds > 30 {
            // They are rounded up.
            return since + Duration::from_secs(seconds - 1);
        }
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

/// How often a node asked the database.
async fn shares(node: &Server, client: &Client) -> usize {
    let metrics = client.get(&format!("{}/metrics", node.root)).await.text();
    let shares = metrics.lines().find_map(|it| it.strip_prefix("medisync_rate_shares_total ")).expect("a figure");
    shares.parse().expect("a number")
}

/// What all nodes let in together is the limit, but for each node's share of a sixteenth.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_keep_a_limit_together() {
    let Some(house) = House::new(&[]) else { return };
    let limit = LIMIT.to_string();
    let limits = ["--tenant-rate", limit.as_str()];
    for _ in 0..10 {
        let [(first, one), (second, two)] = [house.serve(&limits), house.serve(&limits)];
        let until = early_in_a_minute(&one).await;
        let together = let_in(&[&one, &two], 2 * LIMIT).await;
        let asked = [shares(&first, &one).await, shares(&second, &one).await];
        // A node that comes later knows what the others let in.
        let (_third, three) = house.serve(&limits);
        let more = let_in(&[&three], LIMIT).await;
        // Counts began anew in between where it took longer.
        if Instant::now() < until {
            assert!((LIMIT - 2 * SLACK..=LIMIT + 2 * SLACK).contains(&together), "{together}");
            assert!(asked.iter().all(|it| (1..=16).contains(it)), "few of the requests asked the database: {asked:?}");
            assert!(more <= SLACK, "{more}");
            return;
        }
    }
    panic!("so few requests take longer than a minute");
}
