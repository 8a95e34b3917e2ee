//! Reads from a standby: whoever is asked, what was acknowledged is seen.

use super::*;
use conformance_tests::network::Network;
use conformance_tests::postgres::{eventually, with_database};
use std::sync::atomic::AtomicUsize;

/// A database with a standby, and two nodes that read there.
pub(super) struct Copied {
    pub(super) standby: Cluster,
    pub(super) house: House,
    nodes: [(Server, Client); 2],
    /// The name of the database that the tenant's records are in.
    place: String,
}

impl Copied {
    /// With `--read-database` at the standby.
    pub(super) fn new() -> Option<Copied> {
        let house = House::new(&[])?;
        let standby = house.cluster.standby();
        let url = with_database(&standby.url(), house.database.name());
        let arguments = ["--read-database", url.as_str()];
        let nodes = [house.serve(&arguments), house.serve(&arguments)];
        let place = house.database.name().to_owned();
        Some(Copied { standby, house, nodes, place })
    }

    pub(super) fn clients(&self) -> [&Client; 2] {
        [&self.nodes[0].1, &self.nodes[1].1]
    }

    /// How often something was looked up on the standby.
    fn looked_up(&self) -> u64 {
        let count = "SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_tables";
        self.query(count).parse().expect("a number")
    }

    fn query(&self, sql: &str) -> String {
        self.standby.query_in(&self.place, sql)
    }

    /// Waits until the standby has all that the primary has by now.
    pub(super) fn follows(&self) {
        let end = self.house.cluster.query("SELECT pg_current_wal_flush_lsn()");
        has_replayed(&self.standby, &end);
    }

    /// Has the standby replay nothing more.
    pub(super) fn pause(&self) {
        self.query("SELECT pg_wal_replay_pause()");
        let state = || self.query("SELECT pg_get_wal_replay_pause_state()");
        eventually("the standby stands still", || state() == "paused");
    }

    /// Moves the tenant, whose records are in this database then.
    fn relocate(&mut self, to: &[&str], place: &str) {
        let arguments = [&["tenant", "move", TENANT, "--to"], to].concat();
        tokio::task::block_in_place(|| self.house.program.succeed(&arguments));
        place.clone_into(&mut self.place);
    }

    /// Each node writes in turn, and both see it at once by every kind of read.
    async fn read_what_is_written(&self, id: &str) {
        for round in 1..=10 {
            let written = with(named(id), json!({"birthDate": format!("18{round:02}")}));
            let writer = self.clients()[round % 2];
            let version = writer.put(&format!("Patient/{id}"), &written).await.expect_in(200..=201).version();
            for reader in self.clients() {
                let read = answered(reader.call("GET", &format!("Patient/{id}"))).await.expect(200);
                assert_eq!(read.version(), version);
                let query = format!("Patient?birthdate=18{round:02}&_id={id}");
                assert!(reader.found(&query).await.contains(id), "{query}");
                let history = reader.page(&format!("Patient/{id}/_history")).await;
                assert_eq!(history.entries().len(), round);
                reader.get(&format!("Patient/{id}/_history/{version}")).await.expect(200);
            }
        }
    }

    /// Reads until the standby has had a part in it.
    pub(super) async fn standby_is_asked(&self) {
        let before = self.looked_up();
        let asked = async {
            while self.looked_up() <= before {
                for reader in self.clients() {
                    reader.get("Patient?identifier=kept").await.expect(200);
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        timeout(RECOVERY, asked).await.expect("the standby is asked");
        assert_eq!(self.query("SELECT pg_is_in_recovery()"), "t");
    }
}

/// Waits until a standby has come so far.
fn has_replayed(standby: &Cluster, end: &str) {
    let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'");
    eventually("the standby follows", || standby.query(&replayed) == "t");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_answers_and_lacks_nothing() {
    let Some(copied) = Copied::new() else { return };
    copied.read_what_is_written("followed").await;
    copied.standby_is_asked().await;
    copied.read_what_is_written("again").await;
}

/// A standby that replays nothing more: what was written since is read on the primary, on whichever node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_behind_is_passed_over() {
    let Some(copied) = Copied::new() else { return };
    copied.read_what_is_written("before").await;
    copied.standby_is_asked().await;
    copied.pause();
    copied.read_what_is_written("meanwhile").await;
    let lacks = format!("SELECT count(*) FROM {} WHERE id = 'meanwhile'", copied.house.database.table("resource"));
    assert_eq!((copied.query(&lacks), copied.query("SELECT pg_is_in_recovery()")), ("0".into(), "t".into()));
    copied.query("SELECT pg_wal_replay_resume()");
    copied.standby_is_asked().await;
    copied.read_what_is_written("after").await;
}

/// A standby that stops or crashes is missed by nobody, and asked again when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_gone_is_passed_over() {
    let Some(copied) = Copied::new() else { return };
    copied.standby_is_asked().await;
    for mode in ["fast", "kill"] {
        match mode {
            "kill" => copied.standby.kill(),
            mode => copied.standby.stop(mode),
        }
        copied.read_what_is_written(mode).await;
        copied.standby.resume(&[]);
        copied.standby_is_asked().await;
    }
}

/// One resource that is written by turns on both nodes, and read on both all the time: what is read is never older than what was
/// acknowledged when the read began.
struct Watch {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<usize>,
}

impl Watch {
    fn on(clients: [&Client; 2]) -> Watch {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        let clients = clients.map(Client::clone);
        for reader in clients.clone() {
            tasks.spawn(Watch::read(reader, stop.clone(), acknowledged.clone()));
        }
        tasks.spawn(Watch::write(clients, stop.clone(), acknowledged));
        Watch { stop, tasks }
    }

    async fn write(clients: [Client; 2], stop: Arc<AtomicBool>, acknowledged: Arc<AtomicUsize>) -> usize {
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            count += 1;
            let written = with(named("watched"), json!({"birthDate": format!("{:04}", 1000 + count)}));
            let call = clients[count % 2].call("PUT", "Patient/watched").json(&written);
            let version = answered(call).await.expect_in(200..=201).version();
            acknowledged.store(version.parse().expect("a number"), Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        count
    }

    async fn read(client: Client, stop: Arc<AtomicBool>, acknowledged: Arc<AtomicUsize>) -> usize {
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            let least = acknowledged.load(Ordering::SeqCst);
            if least == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
            let read = answered(client.call("GET", "Patient/watched")).await.expect(200).version();
            assert!(read.parse::<usize>().expect("a number") >= least, "version {read} is read after {least}");
            let least = acknowledged.load(Ordering::SeqCst);
            let found = client.page("Patient?_id=watched").await.matches()[0]["meta"]["versionId"].clone();
            let found: usize = found.as_str().and_then(|it| it.parse().ok()).expect("a version");
            assert!(found >= least, "version {found} is found after {least}");
            count += 1;
        }
        count
    }

    async fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(count) = self.tasks.join_next().await {
            assert!(count.expect("nothing older is read") > 10);
        }
    }
}

/// Reads go to a standby before, during and after moves among all placements, and lack nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_moves_is_read_as_it_is() {
    let Some(mut copied) = Copied::new() else { return };
    let other = Database::of(&copied.house.cluster.url());
    let (url, standby) = (other.url(), with_database(&copied.standby.url(), other.name()));
    let (here, there) = (copied.house.database.name().to_owned(), other.name().to_owned());
    let watch = Watch::on(copied.clients());
    copied.standby_is_asked().await;
    let moves: [(&[&str], &str); 4] = [
        (&["schema"], &here),
        (&["database", "--url", &url, "--standby", &standby], &there),
        (&["pool"], &here),
        (&["database", "--url", &url, "--standby", &standby], &there),
    ];
    for (round, (to, place)) in moves.into_iter().enumerate() {
        copied.relocate(to, place);
        copied.standby_is_asked().await;
        copied.read_what_is_written(&format!("moved-{round}")).await;
    }
    watch.end().await;
}

/// A tenant in a database elsewhere is read from a standby of that, once it is given one, and as long as it has one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_elsewhere_has_a_standby_of_its_own() {
    let (Some(house), Some(elsewhere)) = (House::new(&[]), Cluster::start(&[])) else { return };
    let other = Database::of(&elsewhere.url());
    let standby = elsewhere.standby();
    let url = with_database(&standby.url(), other.name());
    let stand_by = |url: &str| house.program.run(&["tenant", "standby", TENANT, url]);
    let refused = stand_by(&url);
    assert!(!refused.status.success(), "its database is the servers' own");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--read-database"));
    house.program.succeed(&["tenant", "move", TENANT, "--to", "database", "--url", &other.url()]);
    let nodes = [house.serve(&[]), house.serve(&[])];
    let copied = Copied { standby, house, nodes, place: other.name().to_owned() };
    copied.read_what_is_written("alone").await;
    let sessions = || copied.query("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'medisync'");
    assert_eq!(sessions(), "0");
    let stand_by = |url: &str| copied.house.program.succeed(&["tenant", "standby", TENANT, url]);
    stand_by(&url);
    copied.standby_is_asked().await;
    copied.read_what_is_written("copied").await;
    stand_by("none");
    let forgotten = async {
        while sessions() != "0" {
            for client in copied.clients() {
                client.get("Patient?identifier=kept").await.expect(200);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(RECOVERY, forgotten).await.expect("the standby is asked no more");
    copied.read_what_is_written("again").await;
}

/// A standby that was made a primary goes its own way, and another cluster always did: neither is believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_standby_is_not_believed() {
    let Some(copied) = Copied::new() else { return };
    copied.read_what_is_written("before").await;
    copied.query("SELECT pg_promote()");
    copied.read_what_is_written("promoted").await;
    // Another hospital's has a tenant of the same number.
    let Copied { house, .. } = copied;
    let Some(stranger) = House::new(&[]) else { return };
    let strange = stranger.cluster.standby();
    let url = with_database(&strange.url(), stranger.database.name());
    let (_server, client) = house.serve(&["--read-database", &url]);
    let (_other, of_stranger) = stranger.serve(&[]);
    of_stranger.put("Patient/theirs", &named("theirs")).await.expect(201);
    for _ in 0..20 {
        answered(client.call("GET", "Patient/theirs")).await.expect(404);
    }
    assert!(!client.found("Patient?identifier=kept").await.contains("theirs"));
}

/// A failover to a standby that lacked something: another one that had it is further in a log that counts no more, and is not
/// believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_of_a_history_that_ended_is_not_believed() {
    let Some(house) = House::new(&[]) else { return };
    let (ahead, behind) = (house.cluster.standby(), house.cluster.standby());
    let network = Network::to(house.cluster.socket()).await;
    let database = network.url(house.database.name());
    let read_database = with_database(&ahead.url(), house.database.name());
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--database", &database, "--read-database", &read_database];
    let (_server, client) = house.on(Server::start(&mut house.program.command(&arguments)));
    client.put("Patient/read", &named("read")).await.expect(201);
    behind.stop("fast");
    house.cluster.query("SELECT pg_switch_wal()");
    client.put("Patient/lost", &named("lost")).await.expect(201);
    let end = house.cluster.query("SELECT pg_current_wal_flush_lsn()");
    has_replayed(&ahead, &end);
    house.cluster.kill();
    behind.resume(&[]);
    assert_eq!(behind.query("SELECT pg_promote()"), "t");
    network.lead(behind.socket());
    recovered(&client).await;
    for round in 1..=10 {
        let written = with(named("read"), json!({"birthDate": format!("19{round:02}")}));
        let version = client.put("Patient/read", &written).await.expect_in(200..=201).version();
        assert_eq!(answered(client.call("GET", "Patient/read")).await.expect(200).version(), version);
        answered(client.call("GET", "Patient/lost")).await.expect(404);
    }
    assert_eq!(ahead.query("SELECT pg_is_in_recovery()"), "t");
    let now = behind.query("SELECT pg_current_wal_flush_lsn()");
    assert_eq!(ahead.query(&format!("SELECT pg_last_wal_replay_lsn() > '{now}'")), "t", "it is ahead all the time");
}
