//! `medisync audit verify` on PostgreSQL: whoever has all rights in the database, and changes, adds or takes away what a log is kept in, is
//! found, wherever that is: rows, blocks, their index, the head in the directory, and what waits to be chained.

use super::*;
use conformance_tests::postgres::eventually;
use conformance_tests::unique;

/// No power is lost here.
const CARELESS: [&str; 1] = ["fsync=off"];
/// More events than a block has, in batches.
const MANY: usize = 2400;
const BATCH: usize = 400;
/// What is kept of a log.
const TABLES: [&str; 5] = ["audit_new", "audit_row", "audit_block", "audit_key", "medisync.audit_head"];
/// The first of some events behind the last block.
const BEHIND: &str = "(SELECT min(number) + 1 FROM audit_row)";

impl House {
    /// Statements by the owner of everything.
    fn tamper(&self, sql: &str) -> String {
        self.database.query(&format!("SET search_path = medisync_pool; {sql}"))
    }

    /// Waits until nothing waits to be chained, and the directory knows of it.
    async fn chained(&self) {
        let last = "greatest((SELECT max(number) FROM audit_row), (SELECT max(last) FROM audit_block))";
        let known = "(SELECT max(number) FROM medisync.audit_head)";
        let open = format!("SELECT (SELECT count(*) FROM audit_new) + {last} - {known}");
        eventually("nothing waits to be chained", || self.tamper(&open) == "0");
    }

    /// Changes what is kept of the log, which must be found and told with these words; then all is put back.
    fn finds(&self, change: &str, words: &str) {
        self.tamper(change);
        let (told, is_good) = self.verified();
        assert!(!is_good && told.contains(words), "{change}: {words}: {told}");
        for table in TABLES {
            self.tamper(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM public.{}", copy(table)));
        }
    }

    /// What the command says, and whether it finds nothing wrong.
    fn verified(&self) -> (String, bool) {
        let output = self.program.run(&["audit", "verify", "--tenant", TENANT]);
        let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}: {told}", output.status);
        (told, output.status.success())
    }
}

/// A tenant's log of a block, some rows behind it and an event that waits; nobody serves it any more.
async fn logged() -> Option<House> {
    let house = House::new(&CARELESS)?;
    let (server, client) = house.serve(&[]);
    let reads: Vec<Value> =
        (0..BATCH).map(|_| json!({ "request": { "method": "GET", "url": format!("Patient/{}", unique()) } })).collect();
    for _ in 0..MANY / BATCH {
        client.bundle("batch", reads.clone()).await.expect(200);
    }
    house.chained().await;
    for _ in 0..5 {
        client.get("Patient").await.expect(200);
        house.chained().await;
    }
    server.stop();
    house.chained().await;
    let blocks = house.tamper("SELECT count(*) FROM audit_block").parse::<usize>().expect("a count");
    let rows = house.tamper("SELECT count(*) FROM audit_row").parse::<usize>().expect("a count");
    assert!(blocks > 0 && rows >= 4, "{blocks} blocks, {rows} rows");
    // A command's event is chained by the next server.
    house.program.token(TENANT, "system/*.rs");
    for table in TABLES {
        house.tamper(&format!("CREATE TABLE public.{} AS SELECT * FROM {table}", copy(table)));
    }
    Some(house)
}

/// Where a copy of a table is.
fn copy(table: &str) -> String {
    format!("kept_{}", table.trim_start_matches("medisync."))
}

fn byte_of(table: &str, column: &str, which: &str) -> String {
    format!("UPDATE {table} SET {column} = set_byte({column}, 10, get_byte({column}, 10) # 1) WHERE {which}")
}

#[tokio::test]
async fn whatever_the_owner_changes_of_a_log_is_found() {
    let Some(house) = logged().await else { return };
    let (told, is_good) = house.verified();
    assert!(is_good && told.contains("1 events more wait to be chained"), "{told}");
    let row = house.tamper(&format!("SELECT {BEHIND}"));
    let this = format!("number = {row}");
    let [of_row, missing] = ["is not what was written", "is missing"].map(|it| format!("row {row} {it}"));
    let cut = format!("the log ends with row {row}, and had come to row ");
    let block = "number = (SELECT min(number) FROM audit_block)".to_owned();
    let unsigned = "the directory has no head of the log that the tenant's key signed";
    let add = "audit_new SELECT tenant, place + 1, mac, body FROM audit_new";
    let next = "(SELECT max(number) + 1 FROM audit_row), total, newest, low, high, mac, body";
    // What waits first: after a minute it is a fault that it does.
    for change in [
        byte_of("audit_new", "body", "true"),
        byte_of("audit_new", "mac", "true"),
        "UPDATE audit_new SET place = place + 1".into(),
        format!("INSERT INTO {add}"),
    ] {
        house.finds(&change, "to be chained is not what was written");
    }
    house.tamper("DELETE FROM audit_new; DELETE FROM public.kept_audit_new");
    for (change, words) in [
        (byte_of("audit_row", "body", &this), of_row.as_str()),
        (byte_of("audit_row", "mac", &this), &of_row),
        (format!("UPDATE audit_row SET total = total + 1 WHERE {this}"), &of_row),
        (format!("UPDATE audit_row SET high = high + 1 WHERE {this}"), &of_row),
        (format!("DELETE FROM audit_row WHERE {this}"), &missing),
        (format!("DELETE FROM audit_row WHERE number > {row}"), &cut),
        (format!("INSERT INTO audit_row SELECT tenant, {next} FROM audit_row WHERE {this}"), "is not what was written"),
        (byte_of("audit_block", "body", &block), "the block of the rows 1 to "),
        (byte_of("audit_block", "seal", &block), "the block of the rows 1 to "),
        (format!("UPDATE audit_block SET total = total - 1 WHERE {block}"), "the block of the rows 1 to "),
        (format!("DELETE FROM audit_block WHERE {block}"), "are missing"),
        (
            "DELETE FROM audit_key WHERE hash = (SELECT min(hash) FROM audit_key)".into(),
            "the index lacks keys of the block",
        ),
        (byte_of("medisync.audit_head", "hash", "true"), unsigned),
        (byte_of("medisync.audit_head", "signature", "true"), unsigned),
        ("UPDATE medisync.audit_head SET number = number - 1".into(), unsigned),
        ("DELETE FROM medisync.audit_head".into(), unsigned),
    ] {
        house.finds(&change, words);
    }
    let (told, is_good) = house.verified();
    assert!(is_good, "all is as it was: {told}");
}

/// What was changed before it was chained is left out of the log and kept, so that it stays a fault; what others wrote goes on.
#[tokio::test]
async fn what_was_changed_before_it_was_chained_stays_a_fault() {
    let Some(house) = logged().await else { return };
    house.tamper(&byte_of("audit_new", "body", "true"));
    let (server, client) = house.serve(&[]);
    let before = house.tamper("SELECT max(number) FROM audit_row");
    client.get("Patient").await.expect(200);
    eventually("others' events are chained", || house.tamper("SELECT max(number) FROM audit_row") != before);
    server.stop();
    let (told, is_good) = house.verified();
    assert!(!is_good && told.contains("to be chained is not what was written"), "{told}");
    assert!(told.contains("NOT as it was written: 1 fault"), "{told}");
}
