//! The database's disk is full.

use super::*;
use conformance_tests::skipped;
use std::hash::{BuildHasher, RandomState};
use std::process::Command;
use tempfile::TempDir;

/// A disk of a few megabytes.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// None where this user may not mount one.
    fn mount() -> Option<Disk> {
        let folder = tempfile::Builder::new().prefix("medisync-disk-").tempdir_in("/tmp").expect("a folder");
        let disk = Disk { folder };
        let mounted = disk.command("mount", &["-t", "tmpfs", "-o", "size=24m,mode=0777", "medisync"]);
        if !mounted {
            skipped("a full disk: this user may not mount one (root may)");
            return None;
        }
        Some(disk)
    }

    fn grow(&self) {
        assert!(self.command("mount", &["-o", "remount,size=200m"]), "the disk grows");
    }

    fn path(&self) -> &str {
        self.folder.path().to_str().expect("a path of UTF-8")
    }

    fn command(&self, name: &str, arguments: &[&str]) -> bool {
        let output = Command::new(name).args(arguments).arg(self.path()).output();
        output.is_ok_and(|it| it.status.success())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the cluster may still be using it.
        self.command("umount", &["--lazy"]);
    }
}

/// A Patient with a picture that cannot be compressed.
fn pictured(id: &str) -> Value {
    let noise = RandomState::new();
    let data: String = (0..10_000).map(|i| format!("{:016x}", noise.hash_one(i))).collect();
    with(named(id), json!({"photo": [{"contentType": "image/png", "data": data}]}))
}

/// Writes are refused, reads go on; with room again, so do writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_and_nothing_else() {
    let Some(disk) = Disk::mount() else { return };
    let Some(cluster) = Cluster::start(&[]) else { return };
    let place = format!("{}/tablespace", disk.path());
    // Only root mounts, and for root the database runs as this user.
    let made = Command::new("install").args(["-d", "-m", "0700", "-o", "postgres", &place]).status();
    assert!(made.is_ok_and(|it| it.success()), "a folder on the disk");
    let database = Database::of(&cluster.url());
    cluster.query(&format!("CREATE TABLESPACE tiny LOCATION '{place}'"));
    cluster.query(&format!("ALTER DATABASE {} SET TABLESPACE tiny", database.name()));
    let house = House::of(cluster, database);
    // An event of a read that has no room in the database has its room on the node's disk.
    let waiting = house.program.directory().join("waiting");
    let (_server, client) =
        house.serve(&["--audit-reads", "node", "--audit-folder", waiting.to_str().expect("a path")]);
    client.put("Patient/there", &named("there")).await.expect(201);
    let mut acknowledged = Vec::new();
    let refused = loop {
        let id = format!("picture-{}", acknowledged.len());
        let answer = answered(client.call("PUT", &format!("Patient/{id}")).json(&pictured(&id))).await;
        if answer.status != 201 {
            break answer;
        }
        acknowledged.push(id);
        assert!(acknowledged.len() < 1000, "the disk is never full");
    };
    expect_unavailable(refused);
    client.get("Patient/there").await.expect(200);
    disk.grow();
    recovered(&client).await;
    for id in acknowledged {
        client.get(&format!("Patient/{id}")).await.expect(200);
    }
}
