//! The table of verdicts through `$validate` (resource-operation-validate.html).

use conformance_tests::Client;
use conformance_tests::verdicts::{Case, Group, Said, groups};
use serde_json::{Value, json};
use std::path::Path;

/// What the server says of a case's resource.
async fn verdict(client: &Client, group: &Group, case: &Case) -> Vec<Said> {
    let asked = group.profile.as_ref().map_or(String::new(), |it| format!("?profile={it}"));
    // Parameters would be taken for those of the operation.
    let body = match &*group.of {
        "Parameters" => {
            json!({ "resourceType": "Parameters", "parameter": [{ "name": "resource", "resource": case.resource }] })
        }
        _ => case.resource.clone(),
    };
    let outcome = client.post(&format!("{}/$validate{asked}", group.of), &body).await.expect(200).json();
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let said = |it: &Value| Said {
        place: format!("{} {} {}", text(&it["severity"]), text(&it["code"]), text(&it["expression"][0])),
        words: text(&it["diagnostics"]),
    };
    outcome["issue"].as_array().expect("issues").iter().map(said).collect()
}

/// Errors are exactly those that the standard asks for; what is expected besides is among the rest.
#[tokio::test]
async fn verdicts_are_the_standards() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("verdicts");
    let plain = Client::fresh();
    let mut wrong = Vec::new();
    for group in groups(&folder) {
        let client = if group.definitions.is_empty() { plain.clone() } else { Client::fresh() };
        for known in group.resources.iter().chain(&group.definitions) {
            client.create(known).await;
        }
        for case in &group.cases {
            let said = verdict(&client, &group, case).await;
            let is_right =
                case.unexpected(&said).is_some_and(|left| left.iter().all(|it| !it.place.starts_with("error")));
            if !is_right {
                wrong.push(format!("{} {} {}: {said:#?}", group.of, group.see, case.what));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
