//! What waits on a node's disk until the log has it: it cannot be read there, and a change of it is found.

use super::events;
use conformance_tests::{Client, Program, samples::*};
use std::path::{Path, PathBuf};
use std::process::Output;

/// The segments with bytes of events in them.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).into_iter().flatten().map(|it| it.expect("an entry").path());
    let files = files.filter(|it| it.extension().is_some_and(|it| it == "events"));
    files.filter(|it| std::fs::metadata(it).is_ok_and(|it| it.len() > 0)).collect()
}

/// How many events the log has, chained or not, as `verify` tells.
fn logged(told: &Output) -> usize {
    let told = String::from_utf8_lossy(&told.stdout);
    let counts = told.lines().filter_map(|it| it.trim_start_matches("kept: ").split_once(" events "));
    let counts = counts.filter(|(_, rest)| rest.starts_with("in ") || rest.starts_with("more wait to be chained"));
    counts.map(|(count, _)| count.parse::<usize>().expect("a number")).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_encrypted_and_a_change_is_found() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("kept");
    let token = program.token("kept", "system/*.*");
    let folder = match program.database().strip_prefix("sqlite:") {
        Some(data) => Path::new(data).join("audit"),
        None => program.directory().join("waiting"),
    };
    let (reads, place) = (["--audit-reads", "node"], folder.to_str().expect("a path").to_owned());
    let flags = [&reads[..], &["--audit-folder", &place]].concat();
    let verify = || program.run(&["audit", "verify", "--tenant", "kept", "--audit-folder", &place]);
    let (mut id, mut left) = (String::new(), None);
    // The server puts what waits into the log each second, perhaps right before it is killed, or while: then what waits may be there as well.
    for _ in 0..20 {
        let before = logged(&verify());
        let server = program.serve(&flags);
        let client = Client::new(&server.base("kept"), Some(token.clone()));
        id = client.create(&patient("waiting")).await;
        for _ in 0..2 {
            client.read(&format!("Patient/{id}")).await;
        }
        server.kill();
        let mut waiting = segments(&folder);
        let reads = logged(&verify()) - before - 1;
        if reads + waiting.len() <= 2 {
            left = waiting.pop();
        }
        if left.is_some() {
            break;
        }
        program.serve(&flags).stop();
    }
    let left = left.expect("events wait");
    let mut bytes = std::fs::read(&left).expect("a segment");
    assert!(!bytes.windows(id.len()).any(|it| it == id.as_bytes()), "it names a patient");
    let told = verify();
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success() && said.contains("wait on this node's disk"), "{said}");
    bytes[40] ^= 1;
    std::fs::write(&left, bytes).expect("a segment");
    let told = verify();
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(!told.status.success() && said.contains("not as they were written"), "{said}");
    let server = program.serve(&flags);
    let client = Client::new(&server.base("kept"), Some(token));
    let found = events(&client, &format!("patient=Patient/{id}")).await;
    let read = |it: &serde_json::Value| it["subtype"][0]["code"] == "read";
    assert_eq!(found.iter().filter(|it| read(it)).count(), 1, "the other one is in the log");
    drop(server);
    let told = verify();
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(!told.status.success() && said.contains("could not be read"), "{said}");
}
