//! Resources are kept encrypted by their tenant's data key (docs/operator.md#keys): what stands in them lies open in no file of the
//! store and in no table.

use crate::keys::{House, named, north, told};
use conformance_tests::{Server, postgres, samples::*, unique};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// A word that stands nowhere else, and that is base64 as well.
fn word() -> String {
    let word = format!("zq{}", unique().replace('-', "x"));
    let length = word.len().next_multiple_of(4);
    format!("{word:x<length$}")
}

/// All that is kept, as text: SQLite's files as they are, the log of changes included, or what PostgreSQL dumps.
fn all_kept(house: &House) -> String {
    let url = house.program.database();
    match url.strip_prefix("sqlite:") {
        Some(folder) => {
            let mut all = String::new();
            gather(Path::new(folder), &mut all);
            all
        }
        None => postgres::dump(url),
    }
}

fn gather(folder: &Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|it| it.expect("an entry").path()) {
        match entry.is_dir() {
            true => gather(&entry, all),
            false => all.push_str(&String::from_utf8_lossy(&std::fs::read(entry).unwrap_or_default())),
        }
    }
}

/// Whether something kept shows a word, be it in hexadecimal digits.
fn shows(kept: &str, word: &str) -> bool {
    let hex: String = word.bytes().map(|it| format!("{it:02x}")).collect();
    kept.contains(word) || kept.contains(&hex)
}

/// Words in every kind of place, current and superseded, deleted and in a file.
async fn planted(server: &Server, token: &Option<String>) -> Vec<String> {
    let client = north(server, token);
    let words: Vec<String> = (0..7).map(|_| word()).collect();
    let [contact, status, identifier, phone, former, deleted, file] = &words[..] else { panic!("seven words") };
    let with_words = |status: &str| {
        with(
            named("b"),
            json!({
                "identifier": [{"system": "urn:sample", "value": identifier}],
                "telecom": [{"system": "phone", "value": phone}],
                "contact": [{"name": {"text": contact}}],
                "maritalStatus": {"text": status},
                "photo": [{"contentType": "text/plain", "data": file}]
            }),
        )
    };
    client.put("Patient/b", &with_words(former)).await.expect(201);
    client.put("Patient/b", &with_words(status)).await.expect(200);
    client.put("Patient/c", &with(named("c"), json!({"contact": [{"name": {"text": deleted}}]}))).await.expect(201);
    client.delete("Patient/c").await.expect(204);
    let binary = json!({"resourceType": "Binary", "id": "d", "contentType": "text/plain", "data": file});
    client.put("Binary/d", &binary).await.expect(201);

    assert!(client.read("Patient/b").await.to_string().contains(status));
    assert!(client.get("Patient/b/_history").await.expect(200).text().contains(former));
    assert!(client.get("Patient/c/_history").await.expect(200).text().contains(deleted));
    words
}

/// A new tenant's resources lie open nowhere: not while it is served, nor afterwards, nor in a copy from before it was erased.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_in_resources_lies_open_nowhere() {
    let Some(house) = House::new() else { return };
    let (server, token) = house.filled().await;
    assert_eq!(house.succeed(&["keys", "seal", "--tenant", "north"]), "all\n");
    let words = planted(&server, &token).await;
    let while_served = all_kept(&house);
    server.stop();
    let copy = all_kept(&house);
    for (at, kept) in [("while it is served", &while_served), ("afterwards", &copy)] {
        // What searches go by by its letters does: that it is found shows that all is looked through.
        assert!(shows(kept, "sample"), "{at}");
        for word in &words {
            assert!(!shows(kept, word), "{word} lies open {at}");
        }
    }
    let (erased, _) = house.erase(&["--confirm", "north"]);
    assert!(erased.status.success(), "{}", told(&erased));
    let left = all_kept(&house);
    assert!(words.iter().all(|it| !shows(&left, it)));
}

/// A tenant's resources are encrypted anew by a new key, and those that lay open are encrypted, while it is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resources_are_encrypted_anew_while_serving() {
    let Some(house) = House::new() else { return };
    let (server, token) = house.filled().await;
    let client = north(&server, &token);
    assert_eq!(house.succeed(&["keys", "seal", "--tenant", "north", "--bodies", "files"]), "files\n");
    let (open, encrypted) = (word(), word());
    let written = with(named("b"), json!({"contact": [{"name": {"text": open}}]}));
    client.put("Patient/b", &written).await.expect(201);
    let binary = json!({"resourceType": "Binary", "id": "d", "contentType": "text/plain", "data": encrypted});
    client.put("Binary/d", &binary).await.expect(201);
    let kept = all_kept(&house);
    assert!(shows(&kept, &open) && !shows(&kept, &encrypted));

    let clinic = tokio::spawn({
        let client = client.clone();
        async move {
            for i in 0..200 {
                let id = format!("e{i}");
                client.put(&format!("Patient/{id}"), &named(&id)).await.expect(201);
                client.get("Patient/b").await.expect(200);
            }
        }
    });
    house.succeed(&["keys", "seal", "--tenant", "north", "--bodies", "all"]);
    let rotated = house.succeed(&["keys", "rotate", "--tenant", "north"]);
    assert!(rotated.starts_with("north encrypts by data key ") && !rotated.contains(" key 1;"), "{rotated}");
    clinic.await.expect("the clinic works");
    assert!(client.read("Patient/b").await.to_string().contains(&open));
    let found = client.search("Patient?family=sample&_count=300").await;
    assert_eq!(found.matches().len(), 202);
    server.stop();
    // What is no row any more may stand in a file until it is vacuumed; a dump does not show it.
    if house.program.database().starts_with("postgres") {
        assert!(!shows(&all_kept(&house), &open));
    }
    assert!(north(&house.serve(), &token).read("Patient/b").await.to_string().contains(&open));
}

/// What was changed in the database is said to be damaged, and is not shown; the log tells its row and no id, and an index run passes it by and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_resource_is_not_shown() {
    let Some(house) = House::new() else { return };
    if !house.program.database().starts_with("postgres") {
        return;
    }
    let (server, token) = house.filled().await;
    let client = north(&server, &token);
    let id = word();
    client.put(&format!("Patient/{id}"), &named(&id)).await.expect(201);
    let damage = format!(
        "UPDATE medisync_pool.resource SET body = set_byte(body, 90, get_byte(body, 90) # 1) WHERE id = '{id}'"
    );
    postgres::query(house.program.database(), &damage);
    for path in [format!("Patient/{id}"), format!("Patient/{id}/_history"), "Patient?family=sample".into()] {
        let outcome = client.get(&path).await.expect_outcome(500..=500);
        assert!(outcome["issue"][0]["diagnostics"].as_str().expect("told").contains("damaged"), "{outcome}");
    }
    client.get("Patient/a").await.expect(200);
    let log = server.log();
    let rid = format!("SELECT rid FROM medisync_pool.resource WHERE id = '{id}'");
    let named = format!("of a Patient (rid {})", postgres::query(house.program.database(), &rid));
    let told: Vec<&str> = log.lines().filter(|it| it.contains("damaged")).collect();
    assert!(told.len() >= 3 && told.iter().all(|it| it.contains(&named) && !it.contains(&id)), "{named}: {told:?}");

    client.post("$reindex", &json!({"resourceType": "Parameters"})).await.expect(200);
    let part = |status: &Value, name: &str| {
        let run = status["parameter"].as_array().and_then(|it| it.iter().find(|it| it["name"] == "run"))?;
        run["part"].as_array()?.iter().find(|it| it["name"] == name).cloned()
    };
    let mut status = client.read("$reindex-status").await;
    while part(&status, "state").is_none_or(|it| it["valueCode"] != "finished") {
        tokio::time::sleep(Duration::from_millis(50)).await;
        status = client.read("$reindex-status").await;
    }
    assert_eq!(part(&status, "damaged").expect("it is told")["valueInteger"], 1, "{status}");
    assert_eq!(client.search("Patient?_id=a").await.ids(), ["a"]);
}

/// The index has hashes of marked elements only: what is equal is found, what asks for more is refused by name, and no file shows a word
/// of them, the full-text view's included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marked_elements_are_found_by_equality_alone() {
    let Some(house) = House::new() else { return };
    let (server, token) = house.filled().await;
    let client = north(&server, &token);
    let in_leeds = |id: &str, line: &str| {
        with(
            named(id),
            json!({"address": [{"city": "Leeds", "line": [line]}], "telecom": [{"system": "phone", "value": line}]}),
        )
    };
    client.put("Patient/b", &in_leeds("b", "Long Lane 1")).await.expect(201);
    assert_eq!(client.search("Patient?address-city=lee").await.ids(), ["b"]);
    for element in ["Patient.shoeSize", "Patient.birthDate"] {
        let refused = house.run(&["keys", "seal", "--tenant", "north", "--mark", element]);
        assert!(!refused.status.success() && told(&refused).contains(element), "{}", told(&refused));
    }
    let mark = ["keys", "seal", "--tenant", "north", "--mark", "Patient.address", "--mark", "Patient.telecom"];
    assert!(house.succeed(&mark).ends_with("all\nPatient.address\nPatient.telecom\n"));

    let line = word();
    client.put("Patient/c", &in_leeds("c", &line)).await.expect(201);
    assert_eq!(client.found("Patient?address-city:exact=Leeds").await.len(), 2);
    assert_eq!(client.search("Patient?_filter=address-city eq \"leeds\"").await.ids().len(), 2);
    assert_eq!(client.search(&format!("Patient?phone={line}")).await.ids(), ["c"]);
    assert_eq!(client.search("Patient?family=samp").await.ids().len(), 3);
    for (query, name) in [
        ("Patient?address-city=Leeds", "Patient?address-city"),
        ("Patient?address:contains=eed", "Patient?address"),
        ("Patient?_sort=address-city", "Patient?address-city"),
        ("Observation?subject:Patient.address-city=Leeds", "Patient?address-city"),
        ("Patient?_content=lane", "Patient"),
        ("Patient?family:fuzzy=sampel", "Patient"),
    ] {
        let outcome = client.get(query).await.expect_outcome(400..=400);
        let told = outcome["issue"][0]["diagnostics"].as_str().expect("told");
        assert!(told.starts_with(name) && told.contains("marked"), "{query}: {told}");
    }
    let own = json!({
        "resourceType": "SearchParameter", "url": "http://example.org/line", "name": "line", "status": "active",
        "description": "The line.", "code": "line", "base": ["Patient"], "type": "string", "expression": "Patient.address.line"
    });
    let refused = client.post("SearchParameter", &own).await.expect_outcome(422..=422);
    assert!(refused.to_string().contains("marked"), "{refused}");
    // A view of the others' words is made for this.
    client.search("Observation?_content=word").await;
    // The audit log has what was asked for.
    let unasked = word();
    client.put("Patient/d", &in_leeds("d", &unasked)).await.expect(201);
    client.search("Observation?_content=word").await;
    assert!(!shows(&all_kept(&house), &unasked));

    assert_eq!(
        house.succeed(&["keys", "seal", "--tenant", "north", "--unmark", "Patient.address"]).lines().last(),
        Some("Patient.telecom")
    );
    assert_eq!(client.search("Patient?address-city=lee").await.ids().len(), 3);
    server.stop();
}
