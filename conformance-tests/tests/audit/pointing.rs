//! Whose records those are that other resources are about: the event of a Provenance, and of what else tells of a record without
//! naming a patient, names the patient of that record.

use super::{codes, events, own_tenant, references};
use crate::smart::place::{Place, text};
use conformance_tests::{Client, encode, program, samples::*};
use serde_json::{Value, json};

fn to(reference: &str) -> Value {
    json!({ "reference": reference })
}

fn provenance(targets: &[&str]) -> Value {
    let targets: Vec<Value> = targets.iter().map(|it| to(it)).collect();
    let agent = json!({ "who": { "display": "Jürgen" } });
    json!({ "resourceType": "Provenance", "recorded": "2026-11-20T08:30:00Z", "target": targets, "agent": [agent] })
}

/// A patient with an Observation: the address of each.
async fn measured(client: &Client, name: &str) -> (String, String) {
    let of = format!("Patient/{}", client.create(&patient(name)).await);
    let measured = with(observation(name), json!({ "subject": to(&of) }));
    let observation = client.create(&measured).await;
    (of, format!("Observation/{observation}"))
}

async fn created(client: &Client, resource: &Value) -> String {
    format!("{}/{}", resource["resourceType"].as_str().expect("a type"), client.create(resource).await)
}

/// A patient's events that name something: codes, the newest first.
async fn told(client: &Client, of: &str, what: &str) -> Vec<String> {
    let found = events(client, &format!("patient={of}")).await;
    let naming: Vec<Value> = found
        .into_iter()
        .filter(|it| references(it).iter().any(|it| it.starts_with(&format!("{what}/_history/"))))
        .collect();
    codes(&naming).into_iter().map(str::to_owned).collect()
}

/// A client that sees what a patient sees.
fn as_patient(client: &Client, tenant: &str, of: &str) -> Client {
    let id = of.trim_start_matches("Patient/");
    let (program, _) = program();
    let arguments = ["token", "--tenant", tenant, "--scope", "patient/*.rs", "--patient", id];
    client.with_token(Some(program.succeed(&arguments).trim().to_owned()))
}

/// Provenance.target: whichever way it is looked at, it is of the patient whose record it is about.
#[tokio::test]
async fn a_provenance_is_of_whom_its_targets_are() {
    let Some((_, client)) = own_tenant() else { return };
    let (one, first) = measured(&client, "one").await;
    let (other, second) = measured(&client, "other").await;
    let about = provenance(&[&first]);
    let path = created(&client, &about).await;
    let id = path.trim_start_matches("Provenance/");
    client.read(&path).await;
    client.get(&format!("{path}/_history/1")).await.expect(200);
    client.get(&format!("{path}/_history")).await.expect(200);
    client.get(&format!("Provenance?_id={id}")).await.expect(200);
    client.get(&format!("{first}/_history/1")).await.expect(200);
    let first_id = first.trim_start_matches("Observation/");
    client.get(&format!("Observation?_id={first_id}&_revinclude=Provenance:target")).await.expect(200);
    client.get(&format!("{path}/$meta")).await.expect(200);
    client.put(&path, &with(provenance(&[&second]), json!({ "id": id }))).await.expect(200);
    let patch = r#"[{"op":"test","path":"/recorded","value":"2020"}]"#;
    client.call("PATCH", &path).body("application/json-patch+json", patch).send().await.expect_in(400..=499);
    client.delete(&path).await.expect_in(200..=204);
    let before = ["create", "read", "vread", "history-instance", "search-type", "search-type", "operation", "update"];
    let before: Vec<&str> = before.into_iter().rev().collect();
    assert_eq!(told(&client, &one, &path).await, before);
    assert_eq!(told(&client, &other, &path).await, ["delete", "patch", "update"]);
    let of_both: Vec<Value> = events(&client, &format!("entity={path}")).await;
    assert_eq!(of_both.len(), 10, "{of_both:#?}");
}

/// A version that is named is whose it was; what is gone is whose it last was.
#[tokio::test]
async fn a_version_and_what_was_deleted_tell_whose_they_were() {
    let Some((_, client)) = own_tenant() else { return };
    let (one, measured_first) = measured(&client, "before").await;
    let other = format!("Patient/{}", client.create(&patient("after")).await);
    let id = measured_first.trim_start_matches("Observation/");
    let corrected = with(observation("before"), json!({ "id": id, "subject": to(&other) }));
    client.put(&measured_first, &corrected).await.expect(200);
    let of_version = created(&client, &provenance(&[&format!("{measured_first}/_history/1")])).await;
    let of_current = created(&client, &provenance(&[&measured_first])).await;
    client.delete(&measured_first).await.expect_in(200..=204);
    let of_gone = created(&client, &provenance(&[&format!("{measured_first}/_history/3")])).await;
    for path in [&of_version, &of_current, &of_gone] {
        client.read(path).await;
    }
    for (of, expected) in [(&one, [2, 0, 0]), (&other, [0, 2, 2])] {
        for (path, expected) in [&of_version, &of_current, &of_gone].into_iter().zip(expected) {
            assert_eq!(told(&client, of, path).await.len(), expected, "{of} {path}");
        }
    }
    // That it is another's now takes nothing from what can be found.
    assert_eq!(events(&client, &format!("entity={of_current}")).await.len(), 2);
}

/// A page is one event that names the patients of all that it has, and each patient is told of what is theirs.
#[tokio::test]
async fn a_patient_is_told_of_the_own_alone() {
    let Some((tenant, client)) = own_tenant() else { return };
    let (one, first) = measured(&client, "one").await;
    let (other, second) = measured(&client, "other").await;
    let mine = created(&client, &provenance(&[&first])).await;
    let theirs = created(&client, &provenance(&[&second])).await;
    let both = created(&client, &provenance(&[&first, &second])).await;
    let of_nobody =
        created(&client, &provenance(&["Organization/none", "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"])).await;
    client.get("Provenance?_sort=_id").await.expect(200);
    let page = events(&client, &format!("patient={one}&subtype=search-type")).await;
    assert_eq!(page.len(), 1, "{page:#?}");
    for expected in [&one, &other] {
        assert!(references(&page[0]).contains(&expected.as_str()), "{page:#?}");
    }
    for expected in [&mine, &theirs, &both, &of_nobody] {
        assert!(references(&page[0]).contains(&format!("{expected}/_history/1").as_str()), "{page:#?}");
    }
    let seen = events(&as_patient(&client, &tenant, &one), "").await;
    assert_eq!(codes(&seen), ["search-type", "create", "create", "create", "create"]);
    let shown = format!("{seen:#?}");
    for own in [&one, &mine, &both] {
        assert!(shown.contains(own.as_str()), "{own}: {shown}");
    }
    for hidden in [&other, &second, &theirs, &of_nobody] {
        assert!(!shown.contains(hidden.as_str()), "{hidden}: {shown}");
    }
}

/// Entries of a transaction that tell of each other are of one commit: whose they are is told without its being there yet.
#[tokio::test]
async fn what_is_written_together_is_told_together() {
    let Some((tenant, client)) = own_tenant() else { return };
    let [one, other] = ["one", "other"].map(patient);
    let (one, other) = (created(&client, &one).await, created(&client, &other).await);
    let uuid = |it: u8| format!("urn:uuid:00000000-0000-4000-8000-00000000000{it}");
    let mut entries = Vec::new();
    for (at, of) in [(1, &one), (2, &other)] {
        let measured = with(observation("together"), json!({ "subject": to(of) }));
        entries.push(with(entry("POST", "Observation", measured), json!({ "fullUrl": uuid(at) })));
        entries.push(entry("POST", "Provenance", provenance(&[&uuid(at)])));
    }
    let answer = client.bundle("transaction", entries).await.expect(200).json();
    let address = |at: usize| {
        let location = answer["entry"][at]["response"]["location"].as_str().expect("a location");
        let (address, _) = location.split_once("/_history").expect("a version");
        format!("Provenance/{}", address.rsplit('/').next().unwrap_or_default())
    };
    for (of, own, hidden) in [(&one, 1, 3), (&other, 3, 1)] {
        let seen = events(&as_patient(&client, &tenant, of), "subtype=transaction").await;
        let shown = format!("{seen:#?}");
        assert!(shown.contains(&address(own)) && !shown.contains(&address(hidden)), "{of}: {shown}");
    }
}

/// What the server says of an app's changes is of the patients whose records these were, be they there or gone.
#[tokio::test]
async fn what_the_server_makes_is_of_whom_it_tells() {
    let Some(place) = Place::new() else { return };
    let app = place.app("user/*.cruds");
    let granted = place.granted(&app, &place.practitioner().await, "user/*.cruds", None).await;
    let client = place.with(Some(&text(&granted, "access_token")));
    let (of, path) = measured(&client, "app").await;
    client.delete(&path).await.expect_in(200..=204);
    let found = place.admin.page(&format!("Provenance?target={path}")).await;
    let made: Vec<String> = found.ids().iter().map(|it| format!("Provenance/{it}")).collect();
    assert_eq!(made.len(), 2);
    let patient = place.acting_for(of.trim_start_matches("Patient/"), "patient/*.rs");
    let seen = format!("{:#?}", events(&patient, "action=C").await);
    for path in &made {
        assert!(seen.contains(path.as_str()), "{path}: {seen}");
        place.admin.read(path).await;
        assert_eq!(told(&place.admin, &of, path).await, ["read", "search-type", "create"]);
    }
}

/// binary.html#security: a Binary is of whom the record is that it names, and so is what tells of the Binary.
#[tokio::test]
async fn a_binary_is_of_whom_its_context_is() {
    let Some((_, client)) = own_tenant() else { return };
    let of = format!("Patient/{}", client.create(&patient("scanned")).await);
    let document = json!({
        "resourceType": "DocumentReference", "status": "current", "subject": to(&of),
        "content": [{ "attachment": { "title": "scan" } }],
    });
    let context = created(&client, &document).await;
    let binary = json!({
        "resourceType": "Binary", "contentType": "text/plain", "data": "aGVsZA==", "securityContext": to(&context),
    });
    let binary = created(&client, &binary).await;
    client.read(&binary).await;
    assert_eq!(told(&client, &of, &binary).await, ["read", "create"]);
    let about = created(&client, &provenance(&[&binary])).await;
    client.read(&about).await;
    assert_eq!(told(&client, &of, &about).await, ["read", "create"]);
}

/// What points at a record and names no patient is of whom the record is; what names one is that patient's.
#[tokio::test]
async fn what_points_at_a_record_is_of_whom_that_is() {
    let Some((_, client)) = own_tenant() else { return };
    let (of, path) = measured(&client, "pointed").await;
    let other = format!("Patient/{}", client.create(&patient("named")).await);
    let task = json!({ "resourceType": "Task", "status": "requested", "intent": "order", "focus": to(&path) });
    let list =
        json!({ "resourceType": "List", "status": "current", "mode": "working", "entry": [{ "item": to(&path) }] });
    let source = json!({ "endpoint": "https://example.org" });
    let event = json!({ "system": "https://example.org", "code": "e" });
    let linked =
        json!([{ "type": "source", "resource": to(&path) }, { "type": "alternate", "resource": to("Device/none") }]);
    let used = json!({ "role": "source", "what": to(&path) });
    for pointing in [
        task.clone(),
        list.clone(),
        json!({ "resourceType": "DocumentManifest", "status": "current", "content": [to(&path)] }),
        json!({ "resourceType": "Linkage", "item": linked }),
        json!({ "resourceType": "MessageHeader", "eventCoding": event, "source": source, "focus": [to(&path)] }),
        with(provenance(&["Organization/none"]), json!({ "entity": [used] })),
        json!({ "resourceType": "Bundle", "type": "collection", "entry": [{ "fullUrl": "https://example.org/List/1", "resource": list }] }),
    ] {
        let pointing = created(&client, &pointing).await;
        client.read(&pointing).await;
        assert_eq!(told(&client, &of, &pointing).await, ["read", "create"], "{pointing}");
    }
    let task_id = created(&client, &task).await;
    let own = created(&client, &with(task, json!({ "for": to(&other) }))).await;
    client.read(&own).await;
    assert_eq!(told(&client, &other, &own).await, ["read", "create"]);
    assert_eq!(told(&client, &of, &own).await, Vec::<String>::new());
    let query = encode(&format!("{{Task(id: \"{}\") {{status}}}}", task_id.trim_start_matches("Task/")));
    client.get(&format!("$graphql?query={query}")).await.expect(200);
    assert_eq!(told(&client, &of, &task_id).await.len(), 2);
}

/// An event that cannot tell of all that something points at says so.
#[tokio::test]
async fn what_is_too_much_to_look_at_is_said() {
    let Some((_, client)) = own_tenant() else { return };
    let (of, path) = measured(&client, "much").await;
    let made_up: Vec<String> = (0..6000).map(|it| format!("Observation/made-up-{it}")).collect();
    let mut targets: Vec<&str> = vec![&path];
    targets.extend(made_up.iter().map(String::as_str));
    let about = created(&client, &provenance(&targets)).await;
    let event = events(&client, &format!("entity={about}")).await.remove(0);
    assert!(references(&event).contains(&of.as_str()), "{event:#}");
    let told = event["entity"].as_array().into_iter().flatten().find_map(|it| it["description"].as_str());
    assert!(told.is_some_and(|it| it.contains("1001")), "{event:#}");
}
