//! Where changes come from (provenance.html): as clients say it with the change, and of imports by itself.

use super::own_tenant;
use crate::smart::place::{Place, text};
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

/// provenance.html#header: the header comes with the change, so that whoever may make the change may say where it comes from; every
/// shipped role that writes.
#[tokio::test]
async fn every_role_that_writes_says_where_its_changes_come_from() {
    let Some((tenant, client)) = own_tenant() else { return };
    let id = client.create(&patient("whose")).await;
    let subject = json!({"reference": format!("Patient/{id}")});
    let condition = json!({"resourceType": "Condition", "subject": subject});
    let answers = json!({"resourceType": "QuestionnaireResponse", "status": "completed", "subject": subject});
    let task = json!({"resourceType": "Task", "status": "requested", "intent": "order"});
    for (role, resource) in [
        ("owner", patient("p")),
        ("admin", patient("p")),
        ("manager", json!({"resourceType": "Location", "name": "Ward 3"})),
        ("doctor", condition.clone()),
        ("nurse", condition),
        ("receptionist", patient("p")),
        ("billing", json!({"resourceType": "Account", "status": "active"})),
        ("lab_technician", json!({"resourceType": "Specimen", "subject": subject})),
        ("pharmacist", json!({"resourceType": "Medication", "code": {"text": "m"}})),
        ("staff", task),
        ("patient", answers),
    ] {
        let is = if role == "patient" { format!("Patient/{id}") } else { "Practitioner/d".to_owned() };
        let mut arguments = vec!["token", "--tenant", &tenant, "--role", role, "--subject", role, "--user", &is];
        match role {
            "patient" => arguments.extend(["--scope", "patient/*.cruds", "--patient", &id]),
            _ => arguments.extend(["--scope", "user/*.cruds"]),
        }
        let (program, _) = conformance_tests::program();
        let holder = client.with_token(Some(program.succeed(&arguments).trim().to_owned()));
        let of = resource["resourceType"].as_str().expect("a type");
        let call = holder.call("POST", of).json(&resource).header("x-provenance", &header());
        let written = call.send().await.expect(201).id();
        let found = client.page(&format!("Provenance?target={of}/{written}")).await;
        assert_eq!(found.matches().len(), 1, "{role}");
        assert_eq!(found.matches()[0]["agent"][0]["who"]["display"], "Jürgen", "{role}");
        // Alone it is what it was.
        let alone = without(found.matches()[0], "id");
        holder.post("Provenance", &alone).await.expect_outcome(403..=403);
    }
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

fn without(resource: &Value, member: &str) -> Value {
    let mut resource = resource.clone();
    resource.as_object_mut().expect("a resource").shift_remove(member);
    resource
}

/// The code of Provenance.activity.
fn activity(provenance: &Value) -> Option<&str> {
    provenance["activity"]["coding"][0]["code"].as_str()
}

/// A registered app's client in a place, with access to everything of a user's, and the app's id.
async fn app(place: &Place<'_>) -> (Client, String) {
    let app = place.app("user/*.cruds");
    let person = place.practitioner().await;
    let granted = place.granted(&app, &person, "user/*.cruds", None).await;
    (place.with(Some(&text(&granted, "access_token"))), app)
}

/// What a registered app writes and deletes has Provenance by itself, which names it.
#[tokio::test]
async fn what_an_app_does_has_provenance() {
    let Some(place) = Place::new() else { return };
    let (client, app) = app(&place).await;
    let id = client.create(&patient("app")).await;
    let path = format!("Patient/{id}");
    client.put(&path, &with(patient("app"), json!({"id": id, "active": true}))).await.expect(200);
    client.delete(&path).await.expect_in(200..=204);
    let found = place.admin.page(&format!("Provenance?target={path}")).await;
    let mut told: Vec<_> = found.matches().into_iter().map(|it| (targets(it), activity(it))).collect();
    told.sort();
    let version = |number: u8| format!("{path}/_history/{number}");
    let (first, second) = (version(1), version(2));
    assert_eq!(told, [(vec![&*first], None), (vec![&*second], None), (vec![&*second], Some("DELETE"))]);
    for provenance in found.matches() {
        let agents = provenance["agent"].as_array().expect("agents");
        assert!(agents[0]["who"]["reference"].as_str().is_some_and(|it| it.contains("Practitioner/")));
        assert_eq!(agents[1]["who"]["identifier"]["value"], app.as_str());
    }
    // Who deletes what is not there changes nothing.
    client.delete(&path).await.expect_in(200..=204);
    assert_eq!(place.admin.page("Provenance").await.matches().len(), 3);
}

/// A transaction's own Provenance tells of what it names; of all else the server does.
#[tokio::test]
async fn what_a_supplied_provenance_leaves_out_is_told() {
    let Some(place) = Place::new() else { return };
    let (client, app) = app(&place).await;
    let gone = client.create(&patient("gone")).await;
    let full = |name: &str, entry: Value| with(entry, json!({"fullUrl": name}));
    let [one, two] = ["urn:uuid:00000000-0000-4000-8000-000000000001", "urn:uuid:00000000-0000-4000-8000-000000000002"];
    let provenance = json!({
        "resourceType": "Provenance", "recorded": "2026-11-20T08:30:00Z",
        "target": [{"reference": one}], "agent": [{"who": {"display": "Jürgen"}}],
    });
    let entries = vec![
        full(one, entry("POST", "Patient", patient("named"))),
        full(two, entry("POST", "Patient", patient("unnamed"))),
        entry("POST", "Provenance", provenance),
        bare_entry("DELETE", &format!("Patient/{gone}")),
    ];
    client.bundle("transaction", entries).await.expect(200);
    let of = async |name: &str| {
        let id = place.admin.page(&format!("Patient?identifier={name}")).await.ids().remove(0);
        let found = place.admin.page(&format!("Provenance?target=Patient/{id}")).await;
        assert_eq!(found.matches().len(), 1, "{name}");
        (format!("Patient/{id}/_history/1"), found.matches()[0].clone())
    };
    let (_, named) = of("named").await;
    assert_eq!(named["agent"][0]["who"]["display"], "Jürgen");
    let (unnamed, made) = of("unnamed").await;
    assert_eq!((targets(&made), activity(&made)), (vec![&*unnamed], None));
    assert_eq!(made["agent"][1]["who"]["identifier"]["value"], app.as_str());
    let found = place.admin.page(&format!("Provenance?target=Patient/{gone}")).await;
    let deleted = found.matches().into_iter().find(|it| activity(it) == Some("DELETE")).expect("of the deletion");
    assert_eq!(targets(deleted), [format!("Patient/{gone}/_history/1")]);
}

/// What the server says of a change nobody changes, nor does anybody say it in its place.
#[tokio::test]
async fn what_the_server_says_of_a_change_stays() {
    let Some(place) = Place::new() else { return };
    let (client, _) = app(&place).await;
    let id = client.create(&patient("kept")).await;
    let found = place.admin.page(&format!("Provenance?target=Patient/{id}")).await;
    let made = found.matches()[0].clone();
    let path = format!("Provenance/{}", made["id"].as_str().expect("an id"));
    let patch = r#"[{"op":"remove","path":"/meta/tag"}]"#;
    let tags = json!({"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {"tag": made["meta"]["tag"]}}]});
    for client in [&client, &place.admin] {
        let refused = [
            client.delete(&path).await,
            client.put(&path, &without(&made, "meta")).await,
            client.call("PATCH", &path).body("application/json-patch+json", patch).send().await,
            client.post(&format!("{path}/$meta-delete"), &tags).await,
        ];
        for answer in refused {
            assert!(answer.expect_outcome(405..=405).to_string().contains("server made"));
        }
    }
    let forged = without(&made, "id");
    client.post("Provenance", &forged).await.expect_outcome(403..=403);
    // What a client said of a change is the client's.
    let update = with(patient("kept"), json!({"id": id, "active": true}));
    let call = client.call("PUT", &format!("Patient/{id}")).json(&update).header("x-provenance", &header());
    call.send().await.expect(200);
    let found = place.admin.page(&format!("Provenance?target=Patient/{id}")).await;
    let own = found.matches().into_iter().find(|it| it["agent"][0]["who"]["display"] == "Jürgen");
    let own = own.expect("the client's")["id"].as_str().expect("an id").to_owned();
    client.delete(&format!("Provenance/{own}")).await.expect_in(200..=204);
}
