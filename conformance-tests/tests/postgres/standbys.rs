//! Reads from a standby: whoever is asked, what was acknowledged is seen.

use super::*;
use conformance_tests::postgres::with_database;

/// A database with a standby, and two nodes that read there.
struct Copied {
    standby: Cluster,
    house: House,
    nodes: [(Server, Client); 2],
}

impl Copied {
    /// With `--read-database` at the standby.
    fn new() -> Option<Copied> {
        let house = House::new(&[])?;
        let standby = house.cluster.standby();
        let url = with_database(&standby.url(), house.database.name());
        let arguments = ["--read-database", url.as_str()];
        let nodes = [house.serve(&arguments), house.serve(&arguments)];
        Some(Copied { standby, house, nodes })
    }

    fn clients(&self) -> [&Client; 2] {
        [&self.nodes[0].1, &self.nodes[1].1]
    }

    /// How often something was looked up on the standby.
    fn looked_up(&self) -> u64 {
        let count = "SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_tables";
        self.query(count).parse().expect("a number")
    }

    fn query(&self, sql: &str) -> String {
        self.standby.query_in(self.house.database.name(), sql)
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
    async fn standby_is_asked(&self) {
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
    copied.query("SELECT pg_wal_replay_pause()");
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
