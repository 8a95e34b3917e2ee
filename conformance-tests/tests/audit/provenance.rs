//! Where changes come from (provenance.html): as clients say it with the change, and of imports by itself.

use super::own_tenant;
use conformance_tests::{Client, Program, samples::*};
use serde_json::{Value, json};

fn header() -> String {
    let agent = json!({"who": {"display": "Jürgen"}});
    json!({"resourceType": "Provenance", "recorded": "2026-11-20T08:30:00Z", "agent": [agent]}).to_string()
}

fn targets(provenance: &Value) -> Vec<&str> {
    let targets = provenance["target"].as_array().expect("targets").iter();
    targets.filter_map(|it| it["reference"].as_str()).collect()
}

/// provenance.html#header: the Provenance in the header is stored with the change, its target set by the server.
#[tokio::test]
async fn x_provenance_is_stored_with_the_change() {
    let Some((_, client)) = own_tenant() else { return };
    let created = client.call("POST", "Patient").json(&patient("told")).header("x-provenance", &header()).send().await;
    let id = created.expect(201).id();
    let update = with(patient("told"), json!({"id": id, "active": true}));
    let path = format!("Patient/{id}");
    client.call("PUT", &path).json(&update).header("x-provenance", &header()).send().await.expect(200);
    let found = client.page(&format!("Provenance?target={path}")).await;
    let mut all: Vec<Vec<&str>> = found.matches().into_iter().map(targets).collect();
    all.sort();
    assert_eq!(all, [[format!("{path}/_history/1")], [format!("{path}/_history/2")]]);
    assert_eq!(found.matches()[0]["agent"][0]["who"]["display"], "Jürgen");
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        entry("POST", "Patient", patient("one")), entry("POST", "Patient", patient("two")),
    ]});
    client.call("POST", "").json(&bundle).header("x-provenance", &header()).send().await.expect(200);
    let both = client.page("Provenance?target:Patient.identifier=one").await;
    assert_eq!(targets(both.matches()[0]).len(), 2);
}

/// A header that is no Provenance, and one that has nothing to be about, change nothing.
#[tokio::test]
async fn a_wrong_x_provenance_refuses_the_change() {
    let Some((_, client)) = own_tenant() else { return };
    for wrong in ["", "{}", r#"{"resourceType":"Patient"}"#, r#"{"resourceType":"Provenance"}"#, "nonsense"] {
        let call = client.call("POST", "Patient").json(&patient("wrong")).header("x-provenance", wrong);
        call.send().await.expect_outcome(400..=422);
    }
    client.call("GET", "Patient").header("x-provenance", &header()).send().await.expect_outcome(400..=422);
    assert_eq!(client.page("Patient?identifier=wrong").await.matches().len(), 0);
}

/// What `medisync load` writes has one Provenance for each document, which says by whom and from what.
#[tokio::test]
async fn imports_have_provenance() {
    let Some(program) = Program::fresh() else { return };
    program.create_tenant("loaded");
    let file = program.directory().join("loaded.json");
    let put = |id: &str| entry("PUT", &format!("Patient/{id}"), with(patient("loaded"), json!({"id": id})));
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [put("a"), put("b")]});
    std::fs::write(&file, bundle.to_string()).expect("the file can be written");
    program.succeed(&["load", "--tenant", "loaded", &file.to_string_lossy()]);
    let token = program.token("loaded", "system/*.rs");
    let server = program.serve(&[]);
    let client = Client::new(&server.base("loaded"), Some(token));
    let found = client.page("Provenance?target=Patient/a").await;
    assert_eq!(targets(found.matches()[0]), ["Patient/a/_history/1", "Patient/b/_history/1"]);
    assert_eq!(found.matches()[0]["agent"][0]["who"]["identifier"]["value"], "system:load");
    assert_eq!(found.matches()[0]["entity"][0]["role"], "source");
}
