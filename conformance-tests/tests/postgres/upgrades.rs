//! `medisync migrate` over many schemas.

use super::*;
use conformance_tests::postgres::eventually;
use std::collections::HashSet;
use std::process::{Child, Stdio};

const SCHEMAS: usize = 200;
/// No power is lost here.
const CARELESS: [&str; 1] = ["fsync=off"];
/// Which migrations every schema has, and when each was made: a `row` for each.
const MADE: &str = "SELECT string_agg(query_to_xml(format('SELECT %1$L AS schema, version, installed_on FROM %1$I.migration \
     ORDER BY version', schemaname), false, true, '')::text, '') \
     FROM pg_tables WHERE schemaname ~ '^medisync_t[0-9]+$' AND tablename = 'migration'";

/// How many migrations a tenant's schema has.
fn migrations() -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/postgres/tenant");
    std::fs::read_dir(folder).expect("the migrations").count()
}

impl House {
    /// Enters tenants that have a schema each, which nobody has made yet; the last one's schema.
    fn enter_many(&self) -> String {
        // Keys that a master key wraps are bound to one tenant's name.
        self.program.succeed(&["tenant", "create", "bare", "--master-key", "none"]);
        self.database.query(&format!(
            "INSERT INTO medisync.tenant (number, name, created, index_key, page_key, token_key, wrapped, wrapped_by, placement, schema) \
             OVERRIDING SYSTEM VALUE \
             SELECT n, 'many-' || n, created, index_key, page_key, token_key, wrapped, wrapped_by, 'schema', 'medisync_t' || n \
             FROM medisync.tenant, generate_series(1001, {}) n WHERE name = 'bare'",
            1000 + SCHEMAS
        ));
        format!("medisync_t{}", 1000 + SCHEMAS)
    }

    fn count(&self, query: &str) -> usize {
        self.database.query(query).parse().expect("a count")
    }

    fn made(&self) -> Vec<String> {
        let rows = self.database.query(MADE);
        rows.split_inclusive("</row>").map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect()
    }

    /// How many schemas have all migrations.
    fn whole(&self) -> usize {
        let newest = format!("<version>{}</version>", migrations());
        self.made().iter().filter(|it| it.contains(&newest)).count()
    }

    fn begin_to_migrate(&self) -> Child {
        let mut command = self.program.command(&["migrate", "--database", self.program.database()]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program runs")
    }
}

/// Killed in the middle it goes on where it was; a schema that cannot be made is named, and does not hold up the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_may_be_killed_and_goes_on() {
    let Some(house) = House::new(&CARELESS) else { return };
    let spoiled = house.enter_many();
    house.database.query(&format!("CREATE SCHEMA {spoiled}; CREATE TABLE {spoiled}.resource ()"));
    // One of the schemas waits for somebody else, so that it cannot come to its end before it is killed.
    house.database.hold("SELECT pg_advisory_xact_lock(hashtextextended('medisync migrate medisync_t1002', 0))");
    let mut first = house.begin_to_migrate();
    eventually("it is in the middle", || house.whole() >= SCHEMAS / 4);
    first.kill().expect("it was running");
    first.wait().expect("its end is seen");
    house.database.unlock();
    // What the database was doing for it ends with its statement.
    let at_work = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'medisync'";
    eventually("nothing is done for it", || house.count(at_work) == 0);
    assert!(house.whole() < SCHEMAS - 1);
    let made = house.made();

    let second = tokio::task::block_in_place(|| house.program.run(&["migrate"]));
    let told = String::from_utf8_lossy(&second.stderr);
    assert!(!second.status.success() && told.contains(&format!("{spoiled}: ")), "{told}");
    assert!(told.contains(&format!("{SCHEMAS} schemas are up to date")), "with the shared one: {told}");
    assert_eq!(house.whole(), SCHEMAS - 1);
    let now: HashSet<String> = house.made().into_iter().collect();
    assert!(made.iter().all(|it| now.contains(it)), "what was made is not made again");

    house.database.query(&format!("DROP SCHEMA {spoiled} CASCADE"));
    let told = tokio::task::block_in_place(|| house.program.succeed(&["migrate"]));
    assert!(told.contains(&format!("{} schemas", SCHEMAS + 1)), "{told}");
    let server = house.program.serve(&["--no-migrate"]);
    for number in [1001, 1000 + SCHEMAS] {
        let name = format!("many-{number}");
        let client = Client::new(&server.base(&name), Some(house.program.token(&name, "system/*.*")));
        client.create(&patient("kept")).await;
    }
}

/// Two that run at the same time make each schema once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_may_run_side_by_side() {
    let Some(house) = House::new(&CARELESS) else { return };
    house.enter_many();
    let both = [house.begin_to_migrate(), house.begin_to_migrate()];
    for mut one in both {
        let ended = tokio::task::block_in_place(|| one.wait()).expect("its end is seen");
        assert!(ended.success());
    }
    assert_eq!(house.whole(), SCHEMAS);
}
