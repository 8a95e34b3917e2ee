//! Requests that are refused for their rate (RFC 6585 section 4): the log is told who was refused, by which limit, and how many times, and is
//! not filled by whoever can send requests.

use super::events;
use crate::smart::place::{Person, Place};
use crate::smart::rates::young_minute;
use conformance_tests::{Answer, Client, Program, Server};
use serde_json::Value;

/// Asks for nothing that there is, and counts for one.
const ASKED: &str = "Patient/none";

/// The events of refusals in a tenant's log, the oldest first, as another server finds them that knows no limits: what the one before has
/// not told at its end is lost.
async fn told(program: &Program, server: Server, tenant: &str) -> Vec<Value> {
    server.stop();
    let server = program.serve(&[]);
    let auditor = Client::new(&server.base(tenant), Some(program.token(tenant, "system/*.*")));
    let mut all = events(&auditor, "_count=100").await;
    all.reverse();
    all.retain(|it| it["subtype"][0]["code"] == "throttled");
    all
}

/// How many of so many answers are 429.
async fn refused(times: usize, ask: impl AsyncFn() -> Answer) -> usize {
    let mut refused = 0;
    for _ in 0..times {
        refused += usize::from(ask().await.status == 429);
    }
    refused
}

/// Who, which limit, and what is said of how many.
fn line(event: &Value) -> [String; 3] {
    let entities = || event["entity"].as_array().into_iter().flatten();
    let limit = entities().find(|it| it["role"]["code"] == "13").expect("a limit");
    let detail = entities().find_map(|it| it["detail"][0]["valueString"].as_str());
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    [text(&event["agent"][0]["altId"]), text(&limit["name"]), detail.unwrap_or_default().to_owned()]
}

/// The first refusal of each is told at once, with what was asked for; the others are counted, and told at the end.
#[tokio::test]
async fn a_flood_is_told_by_two_events() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--user-rate", "10", "--client-rate", "none"]);
    let place = Place::of(&program, &server.root);
    let app = place.app("user/*.rs");
    let (ana, ben) = (place.practitioner().await, place.practitioner().await);
    let client_of = async |person: &Person| {
        let granted = place.granted(&app, person, "user/*.rs", None).await;
        place.with(granted["access_token"].as_str())
    };
    let (of_ana, of_ben) = (client_of(&ana).await, client_of(&ben).await);
    young_minute().await;
    assert_eq!(refused(30, async || of_ana.get(&format!("{ASKED}?_pretty=true")).await).await, 20);
    assert_eq!(refused(11, async || of_ben.get(ASKED).await).await, 1);
    let told = told(&program, server, &place.tenant).await;
    let lines: Vec<_> = told.iter().map(line).collect();
    assert_eq!(lines.len(), 3, "{told:#?}");
    let asked =
        |event: &Value| event["entity"].as_array().is_some_and(|it| it.iter().any(|it| it["query"].is_string()));
    for (event, [_, limit, _]) in told.iter().zip(&lines) {
        assert_eq!((&event["type"]["code"], &event["outcomeDesc"]), (&"110113".into(), &"HTTP 429".into()));
        assert!(event["agent"][0]["network"]["address"].is_string(), "{event}");
        assert_eq!(limit, "limit of the user: 10 a minute");
    }
    assert_eq!(told.iter().map(asked).collect::<Vec<_>>(), [true, true, false]);
    // The first and the last are about one of the two.
    let [[one, ..], [other, ..], [again, _, more]] = lines.as_slice() else { unreachable!("there are three") };
    assert!(one == again && one != other && !one.is_empty() && !other.is_empty(), "{lines:#?}");
    assert!(more.starts_with("19 more requests were refused, from "), "{lines:#?}");
}

/// Whoever has no token is told by the address; of many addresses the first are told one by one, the others together. There is no log of a
/// tenant that there is not.
#[tokio::test]
async fn a_flood_from_many_addresses_is_told_by_few_events() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--address-rate", "4"]);
    let place = Place::of(&program, &server.root);
    let from = |client: Client, address: usize| async move {
        client.call("GET", "metadata").header("x-forwarded-for", &format!("203.0.113.{address}")).send().await
    };
    young_minute().await;
    let mut count = 0;
    for address in 0..70 {
        count += refused(6, async || from(place.with(None), address).await).await;
    }
    assert_eq!(count, 2 * 70);
    let elsewhere = Client::new(&server.base("nobodys"), None);
    assert!(refused(8, async || from(elsewhere.clone(), 200).await).await > 0);
    let lines: Vec<_> = told(&program, server, &place.tenant).await.iter().map(line).collect();
    assert!(lines.iter().all(|it| it[1] == "limit of the address: 4 a minute"), "{lines:#?}");
    let (more, first): (Vec<_>, Vec<_>) = lines.iter().partition(|it| it[2].contains(" more request"));
    assert_eq!((first.len(), more.len()), (65, 65), "{lines:#?}");
    // Of six addresses, two requests each.
    let others: Vec<_> = lines.iter().filter(|it| it[0] == "others").collect();
    assert!(others.len() == 2 && others[1][2].starts_with("11 more requests"), "{others:#?}");
}

/// Endpoints of the authorization server that leave events leave no more of them than that for what is over a limit.
#[tokio::test]
async fn a_flood_at_the_token_endpoint_is_told_by_two_events() {
    let Some(program) = Program::fresh() else { return };
    let server = program.serve(&["--client-rate", "4"]);
    let place = Place::of(&program, &server.root);
    let app = place.app("user/*.rs");
    young_minute().await;
    assert_eq!(refused(12, async || place.redeem(&app, "wrong").await).await, 10);
    server.stop();
    let server = program.serve(&[]);
    let auditor = Client::new(&server.base(&place.tenant), Some(program.token(&place.tenant, "system/*.*")));
    let all = events(&auditor, "_count=100").await;
    let over: Vec<&Value> = all.iter().filter(|it| it["outcomeDesc"] == "HTTP 429").collect();
    assert!(over.len() == 2 && over.iter().all(|it| it["subtype"][0]["code"] == "throttled"), "{over:#?}");
}
