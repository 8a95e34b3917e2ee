//! PostgreSQL as the store: each case has one of its own, which it may break.
//!
//! What every case holds: a request is answered in bounded time, by what was asked for or by 503 with Retry-After
//! (RFC 9110 §15.6.4); what was acknowledged is there afterwards; nothing is there by half; nobody has to help.

mod failovers;
mod failures;
mod full_disk;
mod late_reads;
mod moves;
mod networks;
mod nodes;
mod placements;
mod pointing;
mod pooler;
mod program;
mod rates;
mod retries;
mod standbys;
mod upgrades;
mod verified;

use conformance_tests::postgres::{Cluster, Database, PATIENCE};
use conformance_tests::{Answer, Call, Client, Program, Server, samples::*};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// No request takes longer, whatever happens to the database.
const BOUND: Duration = Duration::from_secs(30);
/// After a failure is over, requests succeed again within this time, on whatever machine.
const RECOVERY: Duration = PATIENCE;
/// The tenant of every case.
const TENANT: &str = "kept";
/// Requests at the same time.
const CLIENTS: usize = 4;
/// Resources in each transaction of a [`Load`].
const PARTS: usize = 3;

/// A PostgreSQL with a database, and the program on it with a tenant.
struct House {
    // Before the cluster, so that it is dropped while that still runs.
    database: Database,
    cluster: Cluster,
    program: Program,
    token: String,
}

impl House {
    /// None where there is no PostgreSQL for tests.
    fn new(settings: &[&str]) -> Option<House> {
        let cluster = Cluster::start(settings)?;
        let database = Database::of(&cluster.url());
        Some(House::of(cluster, database))
    }

    fn of(cluster: Cluster, database: Database) -> House {
        let program = Program::over(database.url());
        program.create_tenant(TENANT);
        let token = program.token(TENANT, "system/*.*");
        House { database, cluster, program, token }
    }

    fn serve(&self, more: &[&str]) -> (Server, Client) {
        self.on(self.program.serve(more))
    }

    fn on(&self, server: Server) -> (Server, Client) {
        let client = Client::new(&server.base(TENANT), Some(self.token.clone()));
        (server, client)
    }
}

/// Sends a request, which is answered in time.
async fn answered(call: Call) -> Answer {
    timeout(BOUND, call.send()).await.expect("no request hangs")
}

/// The same answer, which must say that the server cannot do it now and when to try again.
#[track_caller]
fn expect_unavailable(answer: Answer) {
    let answer = answer.expect(503);
    answer.needed_header("retry-after").parse::<u64>().expect("seconds");
    answer.expect_outcome(503..=503);
}

/// Waits until the server writes again, without help, reads and says that it is ready.
async fn recovered(client: &Client) {
    let recovered = async {
        let write = || client.call("PUT", "Patient/again").json(&named("again"));
        let read = || client.call("GET", "Patient/again");
        let look = || client.call("GET", &readiness(client));
        for call in [&write as &dyn Fn() -> Call, &read, &look] {
            while answered(call()).await.status >= 300 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    };
    timeout(RECOVERY, recovered).await.expect("the server recovers by itself");
}

/// The address of /readyz.
fn readiness(client: &Client) -> String {
    let (root, _) = client.base.split_once("/fhir/").expect("a base below the root");
    format!("{root}/readyz")
}

fn named(id: &str) -> Value {
    with(patient("kept"), json!({"id": id}))
}

/// Transactions that are sent until told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    /// How many were acknowledged.
    count: Arc<AtomicUsize>,
    senders: JoinSet<Sent>,
}

/// What became of the transactions of a [`Load`].
#[derive(Default)]
struct Sent {
    acknowledged: BTreeSet<usize>,
    /// Refused, or without an answer because the server was gone.
    others: BTreeSet<usize>,
}

impl Load {
    /// Sends to these servers by turns; one that is gone is passed over.
    fn on(clients: &[Client]) -> Load {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut senders = JoinSet::new();
        for first in 0..CLIENTS {
            senders.spawn(send(clients.to_vec(), first, stop.clone(), count.clone()));
        }
        Load { stop, count, senders }
    }

    /// Waits until some more were acknowledged.
    async fn goes_on(&self) {
        let enough = self.count.load(Ordering::Relaxed) + 2 * CLIENTS;
        let acknowledged = async {
            while self.count.load(Ordering::Relaxed) < enough {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, acknowledged).await.expect("something is acknowledged");
    }

    /// Ends it, and tells what became of it.
    async fn end(self) -> Sent {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Sent::default();
        for sent in self.senders.join_all().await {
            all.acknowledged.extend(sent.acknowledged);
            all.others.extend(sent.others);
        }
        all
    }
}

async fn send(clients: Vec<Client>, first: usize, stop: Arc<AtomicBool>, count: Arc<AtomicUsize>) -> Sent {
    let mut sent = Sent::default();
    let mut number = first;
    while !stop.load(Ordering::Relaxed) {
        let client = &clients[number / CLIENTS % clients.len()];
        let entries: Vec<Value> = parts(number).map(|id| entry("PUT", &format!("Patient/{id}"), named(&id))).collect();
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        let answer = timeout(BOUND, client.call("POST", "").json(&bundle).attempt()).await.expect("no request hangs");
        match answer {
            Ok(answer) if answer.status == 200 => {
                sent.acknowledged.insert(number);
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(answer) => {
                expect_unavailable(answer);
                sent.others.insert(number);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(_) => {
                sent.others.insert(number);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        number += CLIENTS;
    }
    sent
}

fn parts(number: usize) -> impl Iterator<Item = String> {
    (0..PARTS).map(move |part| format!("b-{number}-{part}"))
}

impl Sent {
    /// Everything acknowledged is there, and nothing by half.
    async fn look(&self, client: &Client) {
        assert!(!self.acknowledged.is_empty(), "nothing was acknowledged at all");
        let found = client.found("Patient?identifier=kept&_count=1000&_elements=id").await;
        for number in self.acknowledged.iter().chain(&self.others) {
            let there = parts(*number).filter(|id| found.contains(id)).count();
            let expected: &[usize] = if self.acknowledged.contains(number) { &[PARTS] } else { &[0, PARTS] };
            assert!(expected.contains(&there), "{there} of {PARTS} resources of Bundle {number} are there");
        }
    }
}
