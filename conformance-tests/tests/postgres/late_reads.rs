//! Reads while the primary is gone: 503, or what a standby has, for those who say that it may be old (RFC 9111 section 5.2.1.2).

use super::standbys::Copied;
use super::*;
use tokio::time::Instant;

fn late(client: &Client, path: &str, directive: &str) -> Call {
    client.call("GET", path).header("cache-control", directive)
}

/// The first answer that is so: a busy machine may take longer to let a read in than the server waits for it.
async fn first(call: impl Fn() -> Call, is_so: fn(&Answer) -> bool) -> Answer {
    let answer = async {
        loop {
            let answer = answered(call()).await;
            if is_so(&answer) {
                return answer;
            }
        }
    };
    timeout(PATIENCE, answer).await.expect("such an answer")
}

/// What a standby answers.
async fn late_answer(call: impl Fn() -> Call) -> Answer {
    first(call, |it| it.status != 503).await
}

/// What the primary answers, also to those who take what is late.
async fn expect_current(client: &Client) {
    let call = || late(client, "Patient/there", "max-stale");
    let current = first(call, |it| it.status == 200 && it.header("age").is_none()).await;
    assert_eq!(current.header("warning"), None);
}

/// The age that an answer tells, in seconds.
#[track_caller]
fn age(answer: &Answer) -> u64 {
    assert!(answer.needed_header("warning").starts_with("110 "), "it says that it is stale");
    answer.needed_header("age").parse().expect("seconds")
}

/// The same, which must not be less than the time since nothing could be known any more.
#[track_caller]
fn true_age(answer: &Answer, since: Duration) -> u64 {
    let age = age(answer);
    assert!(Duration::from_secs(age) >= since, "{age} s, though {since:?} have gone by");
    age
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_answers_late_only_where_that_is_asked_for() {
    let Some(copied) = Copied::new() else { return };
    for client in copied.clients() {
        client.put("Patient/there", &named("there")).await.expect_in(200..=201);
        expect_current(client).await;
    }
    copied.standby_is_asked().await;
    copied.follows();
    copied.house.cluster.kill();
    let killed = Instant::now();
    for client in copied.clients() {
        for path in ["Patient/there", "Patient/there/_history/1", "Patient/there/_history", "Patient?identifier=kept"] {
            expect_unavailable(answered(client.call("GET", path)).await);
            expect_unavailable(answered(late(client, path, "max-age=60")).await);
            let since = killed.elapsed();
            let answer = late_answer(|| late(client, path, "no-transform, max-stale=600")).await.expect(200);
            assert!(true_age(&answer, since) <= 600);
        }
        let since = killed.elapsed();
        true_age(&late_answer(|| late(client, "Patient/nobody", "max-stale")).await.expect(404), since);
        let search = || {
            let search = client.call("POST", "Patient/_search").header("cache-control", "max-stale");
            search.body("application/x-www-form-urlencoded", "identifier=kept")
        };
        age(&late_answer(search).await.expect(200));
        expect_unavailable(answered(late(client, "Patient?_content=kept", "max-stale")).await);
        let write = client.call("PUT", "Patient/there").header("cache-control", "max-stale");
        expect_unavailable(answered(write.json(&named("there"))).await);
        let stranger = client.with_token(Some("nobody".into()));
        answered(late(&stranger, "Patient/there", "max-stale")).await.expect(401);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    for client in copied.clients() {
        expect_unavailable(answered(late(client, "Patient/there", "max-stale=1")).await);
    }
    copied.house.cluster.resume(&[]);
    for client in copied.clients() {
        recovered(client).await;
        expect_current(client).await;
    }
}

/// What the standby lacks is within the age that is told; and whoever knows that it lacks something does not take its word
/// for who may see what.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_is_not_older_than_told() {
    let Some(copied) = Copied::new() else { return };
    let [knows, client] = copied.clients();
    client.put("Patient/there", &named("there")).await.expect(201);
    copied.standby_is_asked().await;
    copied.follows();
    copied.pause();
    knows.put("Patient/there", &with(named("there"), json!({"birthDate": "1970"}))).await.expect(200);
    let acknowledged = Instant::now();
    knows.get("Patient/there").await.expect(200);
    copied.house.cluster.kill();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let since = acknowledged.elapsed();
    let answer = late_answer(|| late(client, "Patient/there", "max-stale")).await.expect(200);
    assert_eq!(answer.version(), "1", "the standby was stopped before");
    true_age(&answer, since);
    expect_unavailable(answered(late(knows, "Patient/there", "max-stale")).await);
    copied.house.cluster.resume(&[]);
}
