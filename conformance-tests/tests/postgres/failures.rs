//! The database stops, crashes, breaks connections, is locked or slow.

use super::*;

/// What is done to the database while it is under load.
async fn break_and_mend(house: &House, failure: impl AsyncFnOnce(&Client)) {
    let (_server, client) = house.serve(&[]);
    let load = Load::on(std::slice::from_ref(&client));
    load.goes_on().await;
    failure(&client).await;
    recovered(&client).await;
    let sent = load.end().await;
    sent.look(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_stops_or_crashes_is_survived() {
    let Some(house) = House::new(&[]) else { return };
    for mode in ["fast", "immediate", "kill"] {
        break_and_mend(&house, async |client| {
            match mode {
                "kill" => house.cluster.kill(),
                mode => house.cluster.stop(mode),
            }
            expect_unavailable(answered(client.call("GET", "Patient?name=nobody")).await);
            expect_unavailable(answered(client.call("PUT", "Patient/again").json(&named("again"))).await);
            assert_eq!(answered(client.call("GET", &readiness(client))).await.status, 503);
            house.cluster.resume(&[]);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_the_database_ends_are_replaced() {
    let Some(house) = House::new(&[]) else { return };
    break_and_mend(&house, async |_| {
        for _ in 0..10 {
            house.database.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

/// A lock that somebody holds too long: requests that need it are refused in time, and go on when it is given up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_lock_is_not_waited_for_for_ever() {
    let Some(house) = House::new(&[]) else { return };
    let (_server, client) = house.serve(&[]);
    client.put("Patient/there", &named("there")).await.expect(201);
    house.database.lock("resource");
    let write = client.call("PUT", "Patient/again").json(&named("again"));
    let (read, written) = tokio::join!(answered(client.call("GET", "Patient/there")), answered(write));
    expect_unavailable(read);
    expect_unavailable(written);
    house.database.unlock();
    recovered(&client).await;
    assert_eq!(client.get("Patient/again").await.expect(200).version(), "1", "what was refused was not done");
}

/// More requests than connections, none of which comes back: they are refused in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_pool_is_told() {
    let Some(house) = House::new(&[]) else { return };
    let (_server, client) = house.serve(&["--database-connections", "2"]);
    client.put("Patient/there", &named("there")).await.expect(201);
    house.database.lock("resource");
    let mut requests = JoinSet::new();
    for _ in 0..12 {
        requests.spawn(answered(client.call("GET", "Patient/there")));
    }
    for refused in requests.join_all().await {
        expect_unavailable(refused);
    }
    house.database.unlock();
    recovered(&client).await;
}

/// A statement that takes longer than it may is ended by the database, and what it did is undone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_takes_too_long_is_ended() {
    let Some(house) = House::new(&[]) else { return };
    let (_server, client) = house.serve(&["--write-time", "5s"]);
    let table = house.database.table("resource");
    house.database.query(&format!(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'; \
         CREATE TRIGGER slow BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION slow()"
    ));
    expect_unavailable(answered(client.call("PUT", "Patient/slow").json(&named("slow"))).await);
    client.get("Patient/slow").await.expect(404);
    house.database.query(&format!("DROP TRIGGER slow ON {table}"));
    recovered(&client).await;
}
