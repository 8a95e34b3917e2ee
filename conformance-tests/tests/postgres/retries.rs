//! Serialisation failures and deadlocks are the server's to try again: no client hears of them, and nothing is done twice.

use super::*;

/// Failures at the beginning of every write.
const FAILURES: u32 = 3;

/// Lets the first tries of every request fail in the database with this SQLSTATE: some at the statement, some when it commits. The
/// count of a sequence is not undone.
fn fail_first(house: &House, code: &str) {
    let table = house.database.table("change");
    let (schema, _) = table.split_once('.').expect("a schema");
    house.database.query(&format!(
        "CREATE SEQUENCE {schema}.tries; GRANT USAGE, UPDATE ON SEQUENCE {schema}.tries TO medisync_data; \
         CREATE FUNCTION {schema}.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
           IF nextval('{schema}.tries') <= {FAILURES} THEN RAISE EXCEPTION USING ERRCODE = '{code}'; END IF; RETURN NULL; END $$; \
         CREATE TRIGGER fail_first AFTER INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {schema}.fail(); \
         CREATE CONSTRAINT TRIGGER fail_last AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED \
           FOR EACH ROW EXECUTE FUNCTION {schema}.fail()"
    ));
}

/// Lets the next write fail again; it must have been tried so often by then.
fn again(house: &House) {
    let table = house.database.table("change");
    let (schema, _) = table.split_once('.').expect("a schema");
    let tries = house.database.query(&format!("SELECT last_value FROM {schema}.tries"));
    assert!(tries.parse::<u32>().expect("a number") > FAILURES, "it failed {tries} times");
    house.database.query(&format!("SELECT setval('{schema}.tries', 1, false)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_of_serialisation_and_deadlocks_are_not_seen() {
    for code in ["40001", "40P01"] {
        let Some(house) = House::new(&[]) else { return };
        let (_server, client) = house.serve(&[]);
        client.put("Patient/there", &named("there")).await.expect(201);
        fail_first(&house, code);

        let created = answered(client.call("POST", "Patient").json(&patient("created"))).await.expect(201);
        assert_eq!(created.version(), "1");
        again(&house);
        assert_eq!(client.put("Patient/there", &named("there")).await.expect(200).version(), "2");
        again(&house);
        let once = client.call("POST", "Patient").header("if-none-exist", "identifier=once");
        assert_eq!(answered(once.json(&patient("once"))).await.expect(201).version(), "1");
        again(&house);
        let entries = ["a", "b"].map(|id| entry("PUT", &format!("Patient/{id}"), named(id)));
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        answered(client.call("POST", "").json(&bundle)).await.expect(200);
        again(&house);

        for (query, count) in [("identifier=created", 1), ("identifier=once", 1), ("identifier=kept", 3)] {
            assert_eq!(client.found(&format!("Patient?{query}")).await.len(), count, "{query} after {code}");
        }
        for (id, versions) in [("there", 2), ("a", 1), ("b", 1)] {
            assert_eq!(client.page(&format!("Patient/{id}/_history")).await.entries().len(), versions, "{id}");
        }
    }
}
