//! Who may do what (http.html#security), and that tenants never meet.

use crate::smart::times::{opens, runs_out};
use conformance_tests::{Client, Program, foreign_base, program, samples::*, skipped, unique};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// A new tenant of the shared server; none when the cases run against another server.
fn new_tenant() -> Option<(&'static Program, String, String)> {
    if foreign_base().is_some() {
        skipped("tokens are issued for the server's own program only");
        return None;
    }
    let (program, root) = program();
    let tenant = format!("access-{}", unique());
    program.create_tenant(&tenant);
    let base = format!("{root}/fhir/{tenant}");
    Some((program, tenant, base))
}

/// A request of every kind, as method and path; bodies are a Patient or a Bundle.
const REQUESTS: &[(&str, &str)] = &[
    ("GET", "Patient/1"),
    ("HEAD", "Patient/1"),
    ("GET", "Patient/1/_history/1"),
    ("GET", "Patient/1/_history"),
    ("GET", "Patient/_history"),
    ("GET", "_history"),
    ("GET", "Patient"),
    ("GET", "?_type=Patient"),
    ("GET", "Patient/1/Observation"),
    ("POST", "Patient/_search"),
    ("POST", "_search"),
    ("POST", "Patient"),
    ("PUT", "Patient/1"),
    ("PUT", "Patient?_id=1"),
    ("PATCH", "Patient/1"),
    ("DELETE", "Patient/1"),
    ("DELETE", "Patient?_id=1"),
    ("POST", ""),
    ("GET", "$any"),
    ("POST", "Patient/1/$everything"),
];

/// http.html#Status-Codes: "401 Not Authorized", RFC 6750: with WWW-Authenticate, on every route.
#[tokio::test]
async fn without_a_token_every_route_is_401() {
    let Some((_, _, base)) = new_tenant() else { return };
    let client = Client::new(&base, None);
    for (method, path) in REQUESTS {
        let call = client.call(method, path);
        let call = if matches!(*method, "POST" | "PUT") { call.json(&patient("nobody")) } else { call };
        let answer = call.send().await.expect(401);
        assert!(answer.needed_header("www-authenticate").starts_with("Bearer"), "{method} {path}");
        if *method != "HEAD" {
            answer.expect_outcome(401..=401);
        }
    }
}

/// RFC 6750 §3.1: a token that is none, was changed, or is not signed is 401.
#[tokio::test]
async fn a_token_that_is_not_ours_is_401() {
    let Some((program, tenant, base)) = new_tenant() else { return };
    let token = program.token(&tenant, "system/*.*");
    let client = Client::new(&base, Some(token.clone()));
    client.get("Patient").await.expect(200);
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("a JWT has three parts") };
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let flipped: String = signature.chars().rev().collect();
    for bad in [
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{header}.{payload}."),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{flipped}"),
        format!("{header}.{}.{signature}", payload.chars().rev().collect::<String>()),
    ] {
        client.with_token(Some(bad)).get("Patient").await.expect_outcome(401..=401);
    }
    for authorization in ["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", &format!("Token {token}")] {
        let call = Client::new(&base, None).call("GET", "Patient").header("authorization", authorization);
        call.send().await.expect_outcome(401..=401);
    }
}

/// RFC 7519 §4.1.4: a token holds until it expires.
#[tokio::test]
async fn a_token_that_has_expired_is_401() {
    let Some((program, tenant, base)) = new_tenant() else { return };
    let of = |time: &str| {
        let issue = ["token", "--tenant", &tenant, "--scope", "system/*.*", "--expires", time];
        Client::new(&base, Some(program.succeed(&issue).trim().to_owned()))
    };
    assert!(opens(&of("1h")).await);
    let begun = Instant::now();
    let client = of("5s");
    runs_out(begun, Duration::from_secs(5), async || opens(&client).await).await;
}

/// A token speaks for its own tenant: elsewhere it is refused, and shows nothing.
#[tokio::test]
async fn a_token_of_another_tenant_is_refused_on_every_route() {
    let Some((program, _, north)) = new_tenant() else { return };
    let Some((_, south_tenant, south)) = new_tenant() else { return };
    let intruder = Client::new(&north, Some(program.token(&south_tenant, "system/*.*")));
    for (method, path) in REQUESTS {
        let call = intruder.call(method, path);
        let call = if matches!(*method, "POST" | "PUT") { call.json(&patient("intruder")) } else { call };
        call.send().await.expect_in(401..=403);
    }
    Client::new(&south, Some(program.token(&south_tenant, "system/*.*"))).get("Patient").await.expect(200);
}

/// What one tenant stores, another neither reads nor finds nor overwrites, with the same ids.
#[tokio::test]
async fn tenants_never_meet() {
    let Some((program, north_tenant, north)) = new_tenant() else { return };
    let Some((_, south_tenant, south)) = new_tenant() else { return };
    let north = Client::new(&north, Some(program.token(&north_tenant, "system/*.*")));
    let south = Client::new(&south, Some(program.token(&south_tenant, "system/*.*")));
    north.put("Patient/same", &with(patient("north"), json!({"id": "same"}))).await.expect(201);
    south.get("Patient/same").await.expect(404);
    assert!(south.found("Patient").await.is_empty());
    assert!(south.page("_history").await.entries().is_empty());
    south.put("Patient/same", &with(patient("south"), json!({"id": "same"}))).await.expect(201);
    assert_eq!(north.read("Patient/same").await["identifier"][0]["value"], "north");
    south.delete("Patient/same").await.expect_in(200..=204);
    north.get("Patient/same").await.expect(200);
    // A page link belongs to the tenant, and so does its token.
    for number in 0..3 {
        north.create(&patient(&number.to_string())).await;
        south.create(&patient(&number.to_string())).await;
    }
    let next = north.page("Patient?_count=1").await.link("next").expect("a next link").to_owned();
    let elsewhere = next.replace(&north.base, &south.base);
    assert_ne!(next, elsewhere);
    south.get(&elsewhere).await.expect_outcome(400..=403);
}

/// The base may be named by path or by `X-Tenant-ID`; disagreement is refused.
#[tokio::test]
async fn a_disagreement_about_the_tenant_is_refused() {
    let Some((program, tenant, base)) = new_tenant() else { return };
    let Some((_, other, _)) = new_tenant() else { return };
    let client = Client::new(&base, Some(program.token(&tenant, "system/*.*")));
    let get = async |tenant: &str| client.call("GET", "Patient").header("x-tenant-id", tenant).send().await;
    get(&tenant).await.expect(200);
    get(&other).await.expect_outcome(400..=403);
    let short = base.trim_end_matches(&format!("/{tenant}"));
    let by_header = Client::new(short, Some(program.token(&tenant, "system/*.*")));
    let call = |tenant: &str| by_header.call("GET", "Patient?_count=1").header("x-tenant-id", tenant);
    call(&tenant).send().await.expect(200);
    call(&other).send().await.expect_outcome(400..=403);
}

/// An unknown tenant is no more told than a wrong token.
#[tokio::test]
async fn an_unknown_tenant_is_401_or_404() {
    let Some((program, tenant, base)) = new_tenant() else { return };
    let token = program.token(&tenant, "system/*.*");
    let unknown = base.replace(&tenant, "nobody-here");
    Client::new(&unknown, Some(token)).get("Patient").await.expect_outcome(401..=404);
    Client::new(&unknown, None).get("Patient").await.expect_outcome(401..=404);
}

/// SMART App Launch scopes (`system/[type].[read|write|*]`, and v2 `cruds`): what is not granted is 403.
#[tokio::test]
async fn scopes_say_what_may_be_done() {
    let Some((program, tenant, base)) = new_tenant() else { return };
    let all = Client::new(&base, Some(program.token(&tenant, "system/*.*")));
    let id = all.create(&patient("scoped")).await;
    let path = format!("Patient/{id}");
    let changed = with(patient("changed"), json!({"id": id}));

    let reader = all.with_token(Some(program.token(&tenant, "system/*.read")));
    reader.get(&path).await.expect(200);
    reader.get("Patient").await.expect(200);
    reader.post("Patient", &patient("x")).await.expect_outcome(403..=403);
    reader.put(&path, &changed).await.expect_outcome(403..=403);
    reader.delete(&path).await.expect_outcome(403..=403);
    let patch = reader.call("PATCH", &path).body("application/json-patch+json", "[]");
    patch.send().await.expect_outcome(403..=403);

    let observer = all.with_token(Some(program.token(&tenant, "system/Observation.*")));
    observer.get(&path).await.expect_outcome(403..=403);
    observer.get("Patient").await.expect_outcome(403..=403);
    observer.get(&format!("{path}/_history")).await.expect_outcome(403..=403);
    observer.create(&observation("scoped")).await;

    let writer = all.with_token(Some(program.token(&tenant, "system/Patient.write")));
    writer.create(&patient("written")).await;
    writer.get(&path).await.expect_outcome(403..=403);
    assert_eq!(all.read(&path).await["identifier"][0]["value"], "scoped");
}

/// A patch is answered with the whole resource, and its tests and paths tell of what is there: who may change but not read
/// sends whole resources.
#[tokio::test]
async fn a_patch_needs_a_scope_to_read() {
    let Some((program, tenant, base)) = new_tenant() else { return };
    let all = Client::new(&base, Some(program.token(&tenant, "system/*.*")));
    let id = all.create(&patient("hidden")).await;
    let path = format!("Patient/{id}");
    let writer = all.with_token(Some(program.token(&tenant, "system/Patient.cuds")));
    let guess = json!([{"op": "test", "path": "/identifier/0/value", "value": "hidden"}]);
    let asking = json!({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
        {"name": "type", "valueCode": "delete"},
        {"name": "path", "valueString": "Patient.name.where(family = 'hidden')"}]}]});
    for path in [path.clone(), "Patient?identifier=hidden".to_owned()] {
        for (media_type, body) in [("application/json-patch+json", &guess), ("application/fhir+json", &asking)] {
            let answer = writer.call("PATCH", &path).body(media_type, body.to_string()).send().await;
            let told = answer.expect_outcome(403..=403).to_string();
            assert!(told.contains("to read Patient"), "{told}");
        }
    }
    let entries = || vec![entry("PATCH", &path, asking.clone())];
    let answers = crate::bundle::responses(writer.bundle("batch", entries()).await, "batch-response");
    assert_eq!(crate::bundle::statuses(&answers), [403]);
    writer.bundle("transaction", entries()).await.expect_outcome(403..=403);
    let changed = with(patient("changed"), json!({"id": id}));
    writer.put(&path, &changed).await.expect(200);
    writer.call("PUT", &path).header("if-match", "W/\"1\"").json(&changed).send().await.expect_outcome(412..=412);
    let both = all.with_token(Some(program.token(&tenant, "system/Patient.ru")));
    let test = json!([{"op": "test", "path": "/identifier/0/value", "value": "changed"}]);
    both.call("PATCH", &path).body("application/json-patch+json", test.to_string()).send().await.expect(200);
}

/// What a scope refuses alone, it refuses in a Bundle, and includes bring nothing that is not granted.
#[tokio::test]
async fn bundles_and_includes_open_no_way_around_a_scope() {
    let Some((program, tenant, base)) = new_tenant() else { return };
    let all = Client::new(&base, Some(program.token(&tenant, "system/*.*")));
    let person = format!("Patient/{}", all.create(&patient("hidden")).await);
    all.create(&with(observation("open"), json!({"subject": {"reference": person}}))).await;
    let observer = all.with_token(Some(program.token(&tenant, "system/Observation.*")));

    let page = observer.page("Observation?_include=Observation:subject").await;
    assert_eq!((page.ids().len(), page.included().len()), (1, 0));
    for chain in ["Observation?patient.identifier=hidden", "Observation?_has:DiagnosticReport:result:code=x"] {
        observer.get(chain).await.expect_outcome(403..=403);
    }
    let entries = || vec![bare_entry("GET", &person), entry("POST", "Patient", patient("sneaked"))];
    let answers = crate::bundle::responses(observer.bundle("batch", entries()).await, "batch-response");
    assert_eq!(crate::bundle::statuses(&answers), [403, 403]);
    observer.bundle("transaction", entries()).await.expect_outcome(403..=403);
    let conditional = json!({"subject": {"reference": "Patient?identifier=hidden"}});
    let asking = entry("POST", "Observation", with(observation("x"), conditional));
    observer.bundle("transaction", vec![asking]).await.expect_outcome(400..=422);
    assert!(all.found("Patient?identifier=sneaked").await.is_empty());
}
