//! The label of an element stays with it, whoever changes the resource.

use super::elements::{clinic, inline, keeps_quiet};
use super::*;

/// Who may see what is labelled, and may not take labels away, does not move one to another repetition either: what it hid would
/// be shown, and something else be hidden.
#[tokio::test]
async fn a_label_is_not_moved_to_another_element() {
    let Some(clinic) = clinic().await else { return };
    let cleared = clinic.holder("doctor", "user/*.cruds");
    let whole = clinic.admin.read("Patient/a").await;
    let phone = |value: &str| json!({ "system": "phone", "value": value });
    let labelled = |value: &str| with(phone(value), json!({ "extension": inline("HIV") }));
    let moved = with(whole.clone(), json!({ "telecom": [labelled("555-0100"), phone("555-secret")] }));
    for (what, telecom) in [
        ("moved", moved["telecom"].clone()),
        ("moved, in another order", json!([phone("555-secret"), labelled("555-0100")])),
        ("moved, and changed", json!([with(phone("555-secret"), json!({ "rank": 1 })), labelled("555-0100")])),
        ("written beside it", json!([phone("555-0100"), labelled("555-secret"), phone("555-secret")])),
        ("replaced, and written beside it", json!([labelled("555-0199"), phone("555-secret")])),
    ] {
        let told = cleared.put("Patient/a", &with(whole.clone(), json!({ "telecom": telecom }))).await;
        let told = told.expect_outcome(403..=403);
        assert_eq!(told["issue"][0]["expression"][0], "Patient.telecom", "{what}: {told}");
    }
    let patch = json!([
        { "op": "add", "path": "/telecom/0/extension", "value": inline("HIV") },
        { "op": "remove", "path": "/telecom/1/extension" }
    ]);
    let patched =
        cleared.call("PATCH", "Patient/a").body("application/json-patch+json", patch.to_string()).send().await;
    patched.expect_outcome(403..=403);
    cleared.bundle("transaction", vec![entry("PUT", "Patient/a", moved.clone())]).await.expect_in(400..=403);
    // Of a primitive the label is on its companion.
    let date = with(whole.clone(), json!({ "birthDate": "1977-07-07", "_birthDate": null }));
    cleared.put("Patient/a", &date).await.expect_in(400..=403);

    let number = json!([phone("555-0100"), labelled("555-secret-2"), phone("555-0300")]);
    cleared.put("Patient/a", &with(whole.clone(), json!({ "telecom": number }))).await.expect(200);
    keeps_quiet(clinic.doctor().get("Patient/a").await, "another number");
    clinic.admin.put("Patient/a", &with(whole, json!({ "telecom": moved["telecom"] }))).await.expect(200);
    assert!(clinic.doctor().get("Patient/a").await.text().contains("555-secret"));
}
