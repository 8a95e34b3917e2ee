//! A store that an earlier version of the server wrote lacks index rows that tell what is hidden: the server makes them by itself, and shows
//! nothing meanwhile that they would hide.

use conformance_tests::{Client, Program, Server, eventually, samples::*};
use serde_json::{Value, json};

const TENANT: &str = "north";
/// The index rows that one observation has, and one like it without a label has not.
const LABELS: &str = "DELETE FROM key WHERE rid = (SELECT rid FROM resource WHERE type = 'Observation' AND id = 'o') \
    AND key NOT IN (SELECT key FROM key WHERE rid = (SELECT rid FROM resource WHERE type = 'Observation' AND id = 'plain'))";
/// What is kept of them with the resource.
const KEPT: &str = "UPDATE resource SET keys = (SELECT p.keys FROM resource p WHERE p.type = 'Observation' AND p.id = 'plain') \
    WHERE type = 'Observation' AND id = 'o'";
const ALL_DONE: &str = "DELETE FROM build WHERE name LIKE 'rows/%'";
/// What points at the labelled observation.
const POINTING: &str = "Provenance?target=Observation/o";

/// A tenant of a program's own, with an observation that has a label for which doctors have no clearance, and a Provenance of it.
async fn filled(server: &Server, token: String) -> Client {
    let admin = Client::new(&server.base(TENANT), Some(token));
    let label = json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" });
    let clearance = json!([{ "name": "label", "valueCoding": label }, { "name": "role", "valueCode": "psychiatrist" }]);
    let settings = json!({ "resourceType": "Parameters", "parameter": [{ "name": "clearance", "part": clearance }] });
    admin.post("$privacy-settings", &settings).await.expect(200);
    let labelled = json!({ "id": "o", "meta": { "security": [label] }, "subject": { "reference": "Patient/p" } });
    let provenance = json!({
        "resourceType": "Provenance", "recorded": "2026-11-20T08:00:00Z", "target": [{ "reference": "Observation/o" }],
        "agent": [{ "who": { "reference": "Practitioner/d" } }]
    });
    let entries = vec![
        entry("PUT", "Practitioner/d", json!({ "resourceType": "Practitioner", "id": "d" })),
        entry("PUT", "Patient/p", with(patient("p"), json!({ "id": "p" }))),
        entry("PUT", "Observation/o", with(observation("x"), labelled)),
        entry(
            "PUT",
            "Observation/plain",
            with(observation("x"), json!({ "id": "plain", "subject": { "reference": "Patient/p" } })),
        ),
        entry("POST", "Provenance", provenance),
    ];
    admin.bundle("transaction", entries).await.expect(200);
    admin
}

fn doctor(program: &Program, server: &Server) -> Client {
    let token = ["token", "--tenant", TENANT, "--scope", "user/*.rs", "--subject", "d", "--user", "Practitioner/d"];
    Client::new(&server.base(TENANT), Some(program.succeed(&token).trim().to_owned()))
}

/// The state of what the server makes by itself.
async fn state(admin: &Client) -> Option<String> {
    let status = admin.read("$reindex-status").await;
    let upgrades = status["parameter"].as_array()?.iter().filter(|it| it["name"] == "upgrade");
    let state = |it: &Value| {
        it["part"].as_array()?.iter().find(|it| it["name"] == "state")?["valueCode"].as_str().map(str::to_owned)
    };
    upgrades.filter_map(state).next()
}

#[tokio::test]
async fn what_an_earlier_version_stored_is_indexed_before_it_is_searched() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant(TENANT);
    let token = program.token(TENANT, "system/*.cruds");
    let server = program.serve(&[]);
    let admin = filled(&server, token.clone()).await;
    assert_eq!(admin.page(POINTING).await.ids().len(), 1);
    assert_eq!(doctor(&program, &server).page(POINTING).await.ids().len(), 0);
    assert_eq!(state(&admin).await, None, "there was nothing before");
    server.stop();
    for delete in [LABELS, KEPT, ALL_DONE] {
        let in_pool = format!("SET search_path = medisync_pool; {delete}");
        program.tamper(TENANT, "resource", delete, &in_pool).await;
    }
    let server = program.serve(&[]);
    let (doctor, admin) = (doctor(&program, &server), Client::new(&server.base(TENANT), Some(token)));
    eventually("what is lacking is made", async || {
        let found = doctor.get(POINTING).await;
        let told = found.text();
        assert!(
            found.status == 503 || found.status == 200 && !told.contains("Observation/o\""),
            "{}: {told}",
            found.status
        );
        (state(&admin).await.as_deref() == Some("finished")).then_some(())
    })
    .await;
    assert_eq!(doctor.page(POINTING).await.ids().len(), 0);
    assert_eq!(doctor.page("Observation?code=x").await.ids(), ["plain"]);
    assert_eq!(admin.page("Observation?code=x").await.ids().len(), 2);
}
