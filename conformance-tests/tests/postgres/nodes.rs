//! Several servers on one database.

use super::*;
use crate::smart::place::{Browser, Place, text};
use conformance_tests::Bundle;
use conformance_tests::postgres::eventually as comes_true;
use tokio::time::Instant;

/// Two nodes on one database.
fn pair(house: &House) -> [(Server, Client); 2] {
    [house.serve(&[]), house.serve(&[])]
}

/// Asks until the answer is right; another node hears of a change a moment later.
async fn eventually(client: &Client, query: &str, is_right: impl Fn(&Answer) -> bool) {
    let since = Instant::now();
    let mut last = client.get(query).await;
    while !is_right(&last) {
        assert!(since.elapsed() < PATIENCE, "{query} is still {}: {}", last.status, last.text());
        tokio::time::sleep(Duration::from_millis(20)).await;
        last = client.get(query).await;
    }
}

/// http.html#update: the next read shows it, whichever node is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_node_sees_what_the_other_wrote() {
    let Some(house) = House::new(&[]) else { return };
    let [(first, one), (second, two)] = pair(&house);
    for round in 1..=20 {
        let (writer, reader) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let written = with(named("shared"), json!({"birthDate": format!("19{round:02}")}));
        let version = writer.put("Patient/shared", &written).await.expect_in(200..=201).version();
        let read = reader.get("Patient/shared").await.expect(200);
        assert_eq!(read.version(), version);
        assert_eq!(reader.found(&format!("Patient?birthdate=19{round:02}")).await.len(), 1);
    }
    house.program.create_tenant("later");
    let token = house.program.token("later", "system/*.*");
    for server in [&first, &second] {
        let client = Client::new(&server.base("later"), Some(token.clone()));
        client.get("Patient").await.expect(200);
    }
}

/// search.html#searchparameter: a tenant's own search parameter that one node took is searched by on the other, and
/// what the other one writes meanwhile is found by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_node_has_the_others_search_parameters() {
    let Some(house) = House::new(&[]) else { return };
    let [(_first, one), (_second, two)] = pair(&house);
    let nicknamed = |id: &str| with(named(id), json!({"name": [{"use": "nickname", "given": [format!("nick-{id}")]}]}));
    for (client, id) in [(&one, "before-1"), (&two, "before-2")] {
        client.put(&format!("Patient/{id}"), &nicknamed(id)).await.expect(201);
    }
    let parameter = json!({
        "resourceType": "SearchParameter", "id": "nickname", "url": "urn:sample:nickname", "name": "nickname",
        "status": "active", "description": "Nickname", "code": "nickname", "base": ["Patient"], "type": "string",
        "expression": "Patient.name.where(use='nickname').given"
    });
    one.put("SearchParameter/nickname", &parameter).await.expect(201);
    let writing = async {
        for number in 0..30 {
            let id = format!("while-{number}");
            two.put(&format!("Patient/{id}"), &nicknamed(&id)).await.expect(201);
        }
    };
    let query = "Patient?nickname=nick-&_count=100";
    // A search says in its link to itself which parameters it went by (search.html#errors).
    let is_served = |it: &Answer| Bundle(it.json()).link("self").is_some_and(|it| it.contains("nickname"));
    tokio::join!(writing, eventually(&one, query, is_served));
    eventually(&two, query, is_served).await;
    for client in [&one, &two] {
        assert_eq!(client.page(query).await.matches().len(), 32);
    }
    two.delete("SearchParameter/nickname").await.expect_in(200..=204);
    for client in [&two, &one] {
        eventually(client, query, |it| !is_served(it)).await;
    }
}

/// `$reindex-status`: how far a search parameter is, whichever node indexes it and whichever is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_node_tells_how_far_the_other_is() {
    const COUNT: usize = 1000;
    let Some(house) = House::new(&[]) else { return };
    let [(_first, one), (_second, two)] = [house.serve(&["--index-rest", "40"]), house.serve(&["--index-rest", "40"])];
    let entries = (0..COUNT).map(|it| entry("PUT", &format!("Patient/p-{it}"), named(&format!("p-{it}")))).collect();
    one.bundle("transaction", entries).await.expect(200);
    let parameter = json!({
        "resourceType": "SearchParameter", "id": "nickname", "url": "urn:sample:nickname", "name": "nickname",
        "status": "active", "description": "Nickname", "code": "nickname", "base": ["Patient"], "type": "string",
        "expression": "Patient.name.where(use='nickname').given"
    });
    one.put("SearchParameter/nickname", &parameter).await.expect(201);
    let mut told = BTreeSet::new();
    let followed = async {
        loop {
            // Nothing else is asked of this node, which would have it look.
            let status = two.get("$reindex-status").await.expect(200).json();
            let part = |name: &str| {
                let parts = status["parameter"][0]["part"].as_array().into_iter().flatten();
                parts.into_iter().find(|it| it["name"] == name).cloned().unwrap_or_default()
            };
            if part("state")["valueCode"] == "ready" {
                return;
            }
            told.extend(part("done")["valueInteger"].as_u64());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(2 * PATIENCE, followed).await.expect("it becomes ready");
    assert!(told.len() > 2 && told.iter().any(|it| *it > 0), "it goes on from time to time: {told:?}");
}

/// A node that is killed under load loses nothing that it acknowledged, and the other goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_killed_loses_nothing() {
    let Some(house) = House::new(&[]) else { return };
    let [(first, one), (_second, two)] = pair(&house);
    let load = Load::on(&[one, two.clone()]);
    load.goes_on().await;
    first.kill();
    recovered(&two).await;
    load.goes_on().await;
    load.end().await.look(&two).await;
}

/// Index rows that a node is making when it is killed are made by the other one, though nobody asks it to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_in_the_background_is_taken_over() {
    const COUNT: usize = 3000;
    let Some(house) = House::new(&[]) else { return };
    // It rests so long that it is never through.
    let (first, one) = house.serve(&["--index-rest", "1000"]);
    for lot in 0..COUNT / 500 {
        let entries = (0..500).map(|it| format!("p-{}", lot * 500 + it));
        let entries: Vec<Value> = entries.map(|id| entry("PUT", &format!("Patient/{id}"), named(&id))).collect();
        one.post("", &json!({"resourceType": "Bundle", "type": "transaction", "entry": entries})).await.expect(200);
    }
    one.post("$reindex", &json!({"resourceType": "Parameters"})).await.expect(200);
    let claimed = "SELECT count(*) FROM medisync.job WHERE until > clock_timestamp()";
    comes_true("the first node has claimed the work", || house.database.query(claimed) == "1");
    // It does nothing for this tenant, and is asked for nothing of it, as long as the first one is there.
    let (second, two) = house.serve(&["--index-rest", "0"]);
    let work = || house.database.query("SELECT turn FROM medisync.job");
    let claimed = work();
    // Longer than a claim holds that is not renewed.
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(work(), claimed, "nobody took it over");
    first.kill();
    let done = async {
        while !work().is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(2 * PATIENCE, done).await.expect("the second node takes it over");
    let build = house.database.table("build");
    // Those for what earlier versions wrote found nothing to do: the tenant was new.
    let build = format!("SELECT finished, done >= {COUNT} FROM {build} WHERE name NOT IN ('pairs/1', 'rows/1')");
    assert_eq!(house.database.query(&build), "t|t");
    two.get("Patient/p-0").await.expect(200);
    drop(second);
}

/// http.html#concurrency: of updates that start from the same version one wins, the others are told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_racing_updates_one_wins() {
    let Some(house) = House::new(&[]) else { return };
    let [(_first, one), (_second, two)] = pair(&house);
    one.put("Patient/raced", &named("raced")).await.expect(201);
    for version in 1..=20 {
        let update = |client: &Client| {
            let call = client.call("PUT", "Patient/raced").header("if-match", &format!("W/\"{version}\""));
            answered(call.json(&with(named("raced"), json!({"birthDate": format!("19{version:02}")}))))
        };
        let (first, second, third) = tokio::join!(update(&one), update(&two), update(&one));
        let mut statuses = [first.status, second.status, third.status];
        statuses.sort_unstable();
        assert_eq!(statuses[0], 200, "one wins");
        assert!(statuses[1..].iter().all(|it| [409, 412].contains(it)), "the others are told: {statuses:?}");
        assert_eq!(two.get("Patient/raced").await.expect(200).version(), (version + 1).to_string());
    }
    assert_eq!(one.page("Patient/raced/_history?_count=100").await.entries().len(), 21, "nothing is lost");
}

/// http.html#ccreate: of conditional creates with the same criteria one creates.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_racing_conditional_creates_one_creates() {
    let Some(house) = House::new(&[]) else { return };
    let [(_first, one), (_second, two)] = pair(&house);
    for round in 0..10 {
        let value = format!("once-{round}");
        let create = |client: &Client| {
            let call = client.call("POST", "Patient").header("if-none-exist", &format!("identifier={value}"));
            answered(call.json(&patient(&value)))
        };
        let (first, second, third) = tokio::join!(create(&one), create(&two), create(&two));
        let mut statuses = [first.status, second.status, third.status];
        statuses.sort_unstable();
        assert!(statuses.iter().all(|it| [200, 201, 409, 412].contains(it)), "{statuses:?}");
        assert_eq!(one.found(&format!("Patient?identifier={value}")).await.len(), 1);
    }
}

/// Every node knows the keys that a tenant has now, and no other.
#[tokio::test]
async fn each_node_follows_a_change_of_keys() {
    let Some(house) = House::new(&[]) else { return };
    let nodes = pair(&house);
    for (_, client) in &nodes {
        client.get("Patient").await.expect(200);
    }
    house.program.succeed(&["tenant", "rotate-keys", TENANT, "--at-once"]);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let token = house.program.token(TENANT, "system/*.*");
    for (_, client) in &nodes {
        client.get("Patient").await.expect_outcome(401..=401);
        client.with_token(Some(token.clone())).get("Patient").await.expect(200);
    }
}

/// RFC 7009 section 2, RFC 6749 section 10.5: what is revoked on one node, in whichever way, opens nothing on the other one
/// within two seconds, also where that one knows the token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_node_follows_a_revocation() {
    const SCOPE: &str = "user/*.rs offline_access";
    let Some(house) = House::new(&[]) else { return };
    let [(first, _), (second, _)] = pair(&house);
    let place = Place::of(&house.program, &first.root);
    let app = place.app(SCOPE);
    for way in ["revoke", "reuse", "everywhere", "disable", "remove"] {
        let person = place.practitioner().await;
        let tokens = place.granted(&app, &person, SCOPE, None).await;
        let token = Some(text(&tokens, "access_token"));
        let nodes = [&first, &second].map(|it| Client::new(&it.base(&place.tenant), token.clone()));
        for node in &nodes {
            node.get("Patient").await.expect(200);
        }
        let (refresh, command) = (text(&tokens, "refresh_token"), ["--tenant", &*place.tenant, &*person.name]);
        match way {
            "revoke" => {
                place.post("revoke", &[("client_id", &app), ("token", &refresh)]).await.expect(200);
            }
            "reuse" => {
                place.refresh(&app, &refresh).await.expect(200);
                place.refresh(&app, &refresh).await.expect(400);
            }
            "everywhere" => {
                let mut browser = Browser::new(&place);
                let page = browser.get("account").await.expect(200);
                browser.sign_in(&page, &person).await.expect(303);
                let page = browser.get("account").await.expect(200);
                browser.submit(&page, "account", &[("leave", "everywhere")]).await.expect(200);
            }
            other => {
                place.program.succeed(&[&["user", other], &command[..]].concat());
            }
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        for node in &nodes {
            let answer = node.get("Patient").await;
            assert_eq!(answer.status, 401, "{way}: {}", answer.text());
        }
    }
}
