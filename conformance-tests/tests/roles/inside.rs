//! What is decided by what it has: Binaries by their security context (binary.html#security), stored Bundles by their entries.

use crate::smart::place::Place;
use conformance_tests::Client;
use conformance_tests::samples::{entry, observation, patient, with};
use serde_json::{Value, json};

/// A place with patients `a` and `b`, each with an observation and a Binary and Bundles about them.
async fn place() -> Option<Place<'static>> {
    let place = Place::new()?;
    let mut entries = Vec::new();
    for id in ["a", "b"] {
        let patient = with(patient(id), json!({ "id": id }));
        let subject = json!({ "reference": format!("Patient/{id}") });
        let observed = with(observation(id), json!({ "id": id, "subject": subject }));
        let context = json!({ "reference": format!("Observation/{id}") });
        let all = [patient.clone(), observed.clone()];
        entries.push(entry("PUT", &format!("Patient/{id}"), patient));
        entries.push(entry("PUT", &format!("Observation/{id}"), observed));
        entries.push(entry("PUT", &format!("Binary/{id}"), binary(id, Some(context))));
        entries.push(entry("PUT", &format!("Bundle/{id}"), collection(id, &all)));
    }
    let elsewhere = json!({ "reference": "https://elsewhere.example/Observation/1" });
    entries.push(entry("PUT", "Binary/elsewhere", binary("elsewhere", Some(elsewhere))));
    entries.push(entry("PUT", "Binary/free", binary("free", None)));
    place.admin.bundle("transaction", entries).await.expect(200);
    let both: Vec<Value> = vec![place.admin.read("Observation/a").await, place.admin.read("Observation/b").await];
    place.admin.put("Bundle/both", &collection("both", &both)).await.expect(201);
    Some(place)
}

fn binary(id: &str, context: Option<Value>) -> Value {
    let binary = json!({ "resourceType": "Binary", "id": id, "contentType": "text/plain", "data": "eA==" });
    context.map_or_else(|| binary.clone(), |it| with(binary.clone(), json!({ "securityContext": it })))
}

fn collection(id: &str, resources: &[Value]) -> Value {
    let entries: Vec<Value> = resources.iter().map(|it| json!({ "resource": it })).collect();
    json!({ "resourceType": "Bundle", "id": id, "type": "collection", "entry": entries })
}

fn caller(place: &Place<'_>, scope: &str) -> Client {
    let issue = ["token", "--tenant", &place.tenant, "--scope", scope, "--subject", "somebody"];
    place.with(Some(place.program.succeed(&issue).trim()))
}

/// That just these of a type are seen, by whatever way.
async fn sees(client: &Client, of: &str, all: &[&str], seen: &[&str]) {
    for id in all {
        let is_seen = seen.contains(id);
        for path in [format!("{of}/{id}"), format!("{of}/{id}/_history/1"), format!("{of}/{id}/_history")] {
            let status = client.get(&path).await.status;
            assert_eq!(status, if is_seen { 200 } else { 404 }, "{path}");
        }
    }
    let found = client.page(&format!("{of}?_sort=_id&_total=accurate")).await;
    assert_eq!(
        (found.ids(), found.total()),
        (seen.iter().map(|it| (*it).to_owned()).collect(), Some(seen.len() as u64))
    );
    assert_eq!(client.page(&format!("{of}?_summary=count")).await.total(), Some(seen.len() as u64));
    assert_eq!(client.page(&format!("{of}/_history")).await.entries().len(), seen.len());
}

#[tokio::test]
async fn a_binary_is_seen_by_who_sees_its_context() {
    let Some(place) = place().await else { return };
    let all = ["a", "b", "elsewhere", "free"];
    sees(&place.admin, "Binary", &all, &all).await;
    sees(&caller(&place, "user/Binary.rs user/Observation.rs"), "Binary", &all, &["a", "b", "free"]).await;
    sees(&caller(&place, "user/Binary.rs user/Patient.rs"), "Binary", &all, &["free"]).await;
    let some = caller(&place, "user/Binary.cruds user/Observation.rs?code=a");
    sees(&some, "Binary", &all, &["a", "free"]).await;
    some.put("Binary/b", &binary("b", None)).await.expect(404);
    some.delete("Binary/b").await.expect(204);
    place.admin.get("Binary/b").await.expect(200);
    // An id that is free may be chosen (http.html#upsert); one that was somebody's hidden Binary stays theirs.
    some.put("Binary/new", &binary("new", None)).await.expect(201);
    some.put("Binary/new", &binary("new", None)).await.expect(200);
    caller(&place, "user/Binary.rus").put("Binary/other", &binary("other", None)).await.expect_outcome(403..=403);
    place.admin.delete("Binary/b").await.expect(204);
    some.put("Binary/b", &binary("b", None)).await.expect(404);
    some.get("Binary/b/_history/1").await.expect(404);
    some.delete("Binary/new").await.expect(204);
    some.get("Binary/new/_history/2").await.expect(200);
    some.put("Binary/new", &binary("new", None)).await.expect(201);

    let own = place.acting_for("a", "patient/*.rs");
    for path in ["Binary/a", "Binary/a/_history/1", "Binary/a/_history"] {
        own.get(path).await.expect(200);
    }
    for hidden in ["Binary/b/_history/1", "Binary/free/_history/1", "Binary/free/_history"] {
        own.get(hidden).await.expect(404);
    }
    for hidden in ["b", "elsewhere", "free"] {
        own.get(&format!("Binary/{hidden}")).await.expect_in(403..=404);
    }
}

/// What finds more than can all be looked at is answered page after page, each of what may be seen; none but an only page says how many there are.
#[tokio::test]
async fn many_binaries_are_found_by_pages() {
    let Some(place) = place().await else { return };
    let context = |id: &str| Some(json!({ "reference": format!("Observation/{id}") }));
    // Of 1100, the first 500 are hidden, and of the others each but the last 100.
    let seen: Vec<String> = (500..1000).map(|at| format!("n{at:04}")).collect();
    for part in 0..11 {
        let each = |at: usize| {
            let of = if (500..1000).contains(&at) { "a" } else { "b" };
            let id = format!("n{at:04}");
            entry("PUT", &format!("Binary/{id}"), binary(&id, context(of)))
        };
        place.admin.bundle("transaction", (part * 100..part * 100 + 100).map(each).collect()).await.expect(200);
    }
    let some = caller(&place, "user/Binary.rs user/Observation.rs?code=a");
    for count in [1000, 170] {
        let mut found = Vec::new();
        let mut next = Some(format!("Binary?_sort=_id&_count={count}"));
        while let Some(link) = next {
            let page = some.page(&link).await;
            let is_all = found.is_empty() && page.link("next").is_none();
            assert!(page.ids().len() <= count && page.total().is_some() == is_all, "{link}");
            assert!(page.link("last").is_none() && page.link("previous").is_none(), "{link}");
            found.extend(page.ids());
            next = page.link("next").map(str::to_owned);
        }
        found.retain(|it| it.starts_with('n'));
        assert_eq!(found, seen, "{count}");
    }
    for query in ["Binary?_total=accurate", "Binary?_summary=count"] {
        let told = some.get(query).await.expect_outcome(400..=422).to_string();
        assert!(told.contains("too-costly"), "{told}");
    }
    let conditional = some.call("POST", "Binary").header("if-none-exist", "_lastUpdated=gt2000");
    conditional.json(&binary("x", None)).send().await.expect_outcome(403..=422);
}

#[tokio::test]
async fn a_stored_bundle_is_seen_by_who_sees_all_of_it() {
    let Some(place) = place().await else { return };
    let all = ["a", "b", "both"];
    sees(&place.admin, "Bundle", &all, &all).await;
    sees(&caller(&place, "user/Bundle.rs user/Observation.rs"), "Bundle", &all, &["both"]).await;
    sees(&caller(&place, "user/Bundle.rs user/Observation.rs user/Patient.rs?_id=a"), "Bundle", &all, &["a", "both"])
        .await;
    let own = place.acting_for("b", "patient/*.rs");
    own.get("Bundle/b").await.expect(200);
    for hidden in ["a", "both"] {
        own.get(&format!("Bundle/{hidden}")).await.expect_in(403..=404);
    }
}
