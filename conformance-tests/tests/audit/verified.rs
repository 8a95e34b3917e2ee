//! `medisync audit verify` finds what was done to a log past the program, whichever database it is in.

use conformance_tests::{Program, skipped};
use std::process::Output;

const TENANT: &str = "clinic";
/// The log's rows, as SQLite has them.
const ROWS: &str = "audit_row";

/// A tenant's log of some rows.
fn logged() -> Option<Program> {
    if conformance_tests::postgres::is_on_postgres() {
        skipped("events of commands are put into PostgreSQL's chain by a server only");
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
    let sqlite = "UPDATE audit_row SET body = unhex(substr(hex(body), 1, 20) || \
                  iif(substr(hex(body), 21, 1) = '0', '1', '0') || substr(hex(body), 22)) WHERE number = 3";
    let postgres = "UPDATE audit_row SET body = set_byte(body, 10, (get_byte(body, 10) + 1) % 256) WHERE number = 3";
    program.tamper(TENANT, ROWS, sqlite, postgres).await;
    finds(&program, "row 3 is not what was written");
}

/// A row that is taken from the middle.
#[tokio::test]
async fn a_missing_row_is_found() {
    let Some(program) = logged() else { return };
    let delete = "DELETE FROM audit_row WHERE number = 3";
    program.tamper(TENANT, ROWS, delete, delete).await;
    finds(&program, "row 3 is missing");
}

/// The end of the log.
#[tokio::test]
async fn a_cut_end_is_found() {
    let Some(program) = logged() else { return };
    let delete = "DELETE FROM audit_row WHERE number > 3";
    program.tamper(TENANT, ROWS, delete, delete).await;
    finds(&program, "the log ends with row 3, and had come to row ");
}
