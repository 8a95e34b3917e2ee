//! What the server that cases share writes after the last of them is looked through like what it wrote before.

use conformance_tests::{Client, foreign_base, program, skipped, unique};
use std::env;
use std::process::Command;

/// Names the word that a run of this case alone is to leave behind.
const WORD: &str = "CONFORMANCE_LEFT_BEHIND";
/// This case.
const NAME: &str = "leaks::end::what_is_left_after_the_last_case_fails_the_run";

/// Leaves a file behind whose name was sent: nobody looks at names before the server's end.
async fn leave(word: &str) {
    let client = Client::fresh();
    client.get(&format!("Patient?family={word}")).await.expect(200);
    std::fs::write(program().0.directory().join(word), "").expect("a file");
}

#[tokio::test]
async fn what_is_left_after_the_last_case_fails_the_run() {
    if foreign_base().is_some() {
        skipped("this is about servers that the cases start");
        return;
    }
    if let Ok(word) = env::var(WORD) {
        return leave(&word).await;
    }
    let word = format!("left-{}", unique());
    let mut run = Command::new(env::current_exe().expect("this program"));
    let output = run.args(["--exact", NAME]).env(WORD, &word).output().expect("it runs");
    let [printed, told] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it).into_owned());
    assert!(printed.contains("1 passed"), "the case itself is fine: {printed}{told}");
    assert!(!output.status.success(), "the run is not: {told}");
    assert!(told.contains(&format!("has `{word}`")), "{told}");
}
