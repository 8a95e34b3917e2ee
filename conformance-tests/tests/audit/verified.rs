//! `medisync audit verify` finds what was done to a log past the program. On PostgreSQL, where there is more to be done to, see `postgres::verified`.

use conformance_tests::{Program, skipped};
use std::process::Output;

const TENANT: &str = "clinic";

/// A tenant's log of some rows.
fn logged() -> Option<Program> {
    if conformance_tests::postgres::is_on_postgres() {
        skipped("postgres::verified does the same there, and more");
        return None;
    }
    let program = Program::fresh()?;
    program.create_tenant(TENANT);
    // Each token that is given out is an event, of a commit of its own.
    for _ in 0..6 {
        program.token(TENANT, "system/*.rs");
    }
    let (told, is_good) = verified(&program);
    assert!(is_good && told.contains("The log is as it was written"), "{told}");
    Some(program)
}

/// Does something to the log in SQLite's file.
async fn tamper(program: &Program, statement: &str) {
    program.tamper(TENANT, "audit_row", statement, statement).await;
}

/// What the command says, and whether it finds nothing wrong.
fn verified(program: &Program) -> (String, bool) {
    let Output { status, stdout, stderr } = program.run(&["audit", "verify", "--tenant", TENANT]);
    let told = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(matches!(status.code(), Some(0 | 1)), "{status}: {told}");
    (told, status.success())
}

/// That the command fails with these words, and one fault.
fn finds(program: &Program, words: &str) {
    let (told, is_good) = verified(program);
    assert!(!is_good && told.contains(words), "{words}: {told}");
    assert!(told.contains("The log is NOT as it was written: 1 fault"), "{told}");
}

/// A byte of an event.
#[tokio::test]
async fn a_changed_byte_is_found() {
    let Some(program) = logged() else { return };
    let change = "UPDATE audit_row SET body = unhex(substr(hex(body), 1, 20) || \
                  iif(substr(hex(body), 21, 1) = '0', '1', '0') || substr(hex(body), 22)) WHERE number = 3";
    tamper(&program, change).await;
    finds(&program, "row 3 is not what was written");
}

/// A row that is taken from the middle.
#[tokio::test]
async fn a_missing_row_is_found() {
    let Some(program) = logged() else { return };
    tamper(&program, "DELETE FROM audit_row WHERE number = 3").await;
    finds(&program, "row 3 is missing");
}

/// The end of the log.
#[tokio::test]
async fn a_cut_end_is_found() {
    let Some(program) = logged() else { return };
    tamper(&program, "DELETE FROM audit_row WHERE number > 3").await;
    finds(&program, "the log ends with row 3, and had come to row ");
}
