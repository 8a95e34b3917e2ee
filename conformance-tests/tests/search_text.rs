//! Full text: `_text` and `_content` (search.html#content), `:text` (search.html#modifiers), and the server's own
//! `:fuzzy` and `:phonetic`.

use conformance_tests::{Client, Labelled, samples::*};
use serde_json::json;

async fn records(client: &Client) -> Labelled<'_> {
    let told = |text: &str| {
        let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{text}</p></div>");
        json!({"status": "additional", "div": div})
    };
    let subject = json!({"reference": "Patient/p", "display": "Katharina Schmidt"});
    let code = |text: &str, display: &str| json!({"text": text, "coding": [{"system": "http://snomed.info/sct", "code": "1", "display": display}]});
    let records = vec![
        (
            "bone",
            json!({"resourceType": "Condition", "subject": subject, "text": told("Metastases in the <b>bone</b>"),
            "code": code("Secondary malignancy", "Metastatic tumour")}),
        ),
        (
            "liver",
            json!({"resourceType": "Condition", "subject": subject, "text": told("M&#xE9;tastases of the liver"),
            "code": code("Liver", "Tumour of liver")}),
        ),
        (
            "knee",
            json!({"resourceType": "Condition", "subject": {"reference": "Patient/p"},
            "text": told("Bone bruise at the knee"), "note": [{"text": "Fell from a ladder"}]}),
        ),
        ("kathryn", json!({"resourceType": "Patient", "name": [{"family": "Smyth", "given": ["Kathryn"]}]})),
        (
            "katharina",
            json!({"resourceType": "Patient", "name": [{"family": "Schmidt", "given": ["Katharina"]}],
            "identifier": [{"type": {"text": "Medical record number"}, "value": "7"}]}),
        ),
    ];
    Labelled::create(client, records).await
}

/// search.html#content, with the standard's own example.
#[tokio::test]
async fn text_and_content_find_words() {
    let client = Client::fresh();
    records(&client)
        .await
        .check(&[
            ("Condition?_text=bone", "bone knee"),
            ("Condition?_text=BONE%20metastases", "bone"),
            ("Condition?_text=(bone%20OR%20liver)%20and%20metastases", "bone liver"),
            ("Condition?_text=%22bone%20bruise%22", "knee"),
            ("Condition?_text=%22bruise%20bone%22", ""),
            ("Condition?_text=metasta*", "bone liver"),
            ("Condition?_text=knee,liver", "knee liver"),
            ("Condition?_text=ladder", ""),
            ("Condition?_content=ladder", "knee"),
            ("Condition?_content=malignancy", "bone"),
            ("Condition?_text=bone&_content=ladder", "knee"),
            ("Condition?_text=p", ""),
            ("Condition?_filter=_text%20co%20bone%20and%20not%20(_content%20co%20ladder)", "bone"),
        ])
        .await;
}

/// search.html#modifiers: `:text` looks at CodeableConcept.text, Coding.display, Identifier.type.text; of a reference
/// at its display.
#[tokio::test]
async fn the_text_of_codes_and_references() {
    let client = Client::fresh();
    records(&client)
        .await
        .check(&[
            ("Condition?code:text=tumour", "bone liver"),
            ("Condition?code:text=tum", "bone liver"),
            ("Condition?code:text=secondary", "bone"),
            ("Condition?code:text=knee", ""),
            ("Condition?subject:text=schmidt", "bone liver"),
            ("Patient?identifier:text=medical%20rec", "katharina"),
            ("Patient?name:text=smy", "kathryn"),
        ])
        .await;
}

/// Names as people mistype and mishear them: the server's own modifiers.
#[tokio::test]
async fn names_nearly_right() {
    let client = Client::fresh();
    records(&client)
        .await
        .check(&[
            ("Patient?name:fuzzy=schmitd", "katharina"),
            ("Patient?given:fuzzy=Katarina", "katharina"),
            ("Patient?family:phonetic=smith", "kathryn katharina"),
            ("Patient?given:phonetic=catherine", "kathryn katharina"),
            ("Patient?name:fuzzy=johnson", ""),
        ])
        .await;
}

/// A change is found by the next search, and what it replaced no more.
#[tokio::test]
async fn a_search_sees_the_changes_before_it() {
    let client = Client::fresh();
    let person = |family: &str| with(patient("7"), json!({"name": [{"family": family}]}));
    let id = client.create(&person("Quillfeather")).await;
    assert_eq!(client.found("Patient?_content=quillfeather").await.len(), 1);
    let inkwell = with(client.marked(&person("Inkwell")), json!({"id": id}));
    client.put(&format!("Patient/{id}"), &inkwell).await.expect(200);
    assert_eq!(client.found("Patient?_content=quillfeather").await.len(), 0);
    assert_eq!(client.found("Patient?_content=inkwell").await.len(), 1);
    client.delete(&format!("Patient/{id}")).await.expect(204);
    assert_eq!(client.found("Patient?_content=inkwell").await.len(), 0);
}

/// What is no query is refused, and so is text as a criterion of a conditional interaction.
#[tokio::test]
async fn what_is_no_text_query_is_refused() {
    let client = Client::fresh();
    for query in [
        "Condition?_text=(bone",
        "Condition?_text=%22bone",
        "Condition?_text=!!",
        "Condition?_text:exact=bone",
        "Condition?code:fuzzy=bone",
        "Patient?birthdate:text=2020",
        "Patient?_id:text=a",
    ] {
        client.get(query).await.expect(400);
    }
    client.delete("Patient?_content=a").await.expect(400);
}
