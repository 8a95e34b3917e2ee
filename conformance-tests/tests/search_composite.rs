//! Composite search parameters (search.html#composite).

use conformance_tests::{Client, Labelled};
use serde_json::{Value, json};

const LOINC: &str = "http://loinc.org";

fn concept(code: &str) -> Value {
    json!({"coding": [{"system": LOINC, "code": code}]})
}

fn pressure(value: u32) -> Value {
    json!({"value": value, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"})
}

fn observation(label: &'static str, code: &str, more: Value) -> (&'static str, Value) {
    let mut observation = json!({"resourceType": "Observation", "status": "final", "code": concept(code)});
    for (name, value) in more.as_object().expect("members") {
        observation[name] = value.clone();
    }
    (label, observation)
}

fn panel(systolic: u32, diastolic: u32) -> Value {
    json!({"component": [
        {"code": concept("8480-6"), "valueQuantity": pressure(systolic)},
        {"code": concept("8462-4"), "valueQuantity": pressure(diastolic)}
    ]})
}

async fn observations(client: &Client) -> Labelled<'_> {
    let observations = vec![
        observation("alone", "8480-6", json!({"valueQuantity": pressure(150)})),
        observation("high", "85354-9", panel(150, 80)),
        observation("low", "85354-9", panel(100, 150)),
        observation("coded", "8480-6", json!({"valueCodeableConcept": concept("LA6576-8")})),
        observation("told", "8480-6", json!({"valueString": "$ 5, or so"})),
        observation("dated", "8480-6", json!({"valueDateTime": "2026-03-04"})),
        observation("none", "8480-6", json!({})),
    ];
    Labelled::create(client, observations).await
}

/// search.html#composite: the values of one match go together.
#[tokio::test]
async fn values_of_one_match_go_together() {
    let client = Client::fresh();
    observations(&client)
        .await
        .check(&[
            ("Observation?code-value-quantity=8480-6$gt120", "alone"),
            ("Observation?code-value-quantity=8480-6$lt120", ""),
            ("Observation?component-code-value-quantity=8480-6$gt120", "high"),
            ("Observation?component-code-value-quantity=http://loinc.org|8462-4$gt120", "low"),
            ("Observation?component-code-value-quantity=urn:other|8462-4$gt120", ""),
            ("Observation?component-code-value-quantity=|8462-4$gt120", ""),
            ("Observation?combo-code-value-quantity=8480-6$gt120||mmHg", "alone high"),
            ("Observation?combo-code-value-quantity=8480-6$150|http://unitsofmeasure.org|mm[Hg]", "alone high"),
            ("Observation?combo-code-value-quantity=8480-6$gt120||kPa", ""),
            ("Observation?component-code-value-quantity=8480-6$gt120,8462-4$gt120", "high low"),
            (
                "Observation?component-code-value-quantity=8480-6$gt120&component-code-value-quantity=8462-4$lt90",
                "high",
            ),
            ("Observation?code-value-concept=8480-6$LA6576-8", "coded"),
            ("Observation?code-value-concept=8480-6$http://loinc.org|LA6576-8", "coded"),
            ("Observation?code-value-string=8480-6$\\$ 5\\, or", "told"),
            ("Observation?code-value-date=8480-6$ge2026-03", "dated"),
            ("Observation?code-value-date=8480-6$lt2026-03-04", ""),
        ])
        .await;
}

/// search.html#modifiers: a composite takes `:missing` and no other.
#[tokio::test]
async fn a_composite_may_be_missing() {
    let client = Client::fresh();
    observations(&client)
        .await
        .check(&[
            ("Observation?code-value-quantity:missing=false", "alone"),
            ("Observation?combo-code-value-quantity:missing=false", "alone high low"),
            ("Observation?combo-code-value-quantity:missing=true", "coded told dated none"),
        ])
        .await;
    for query in ["code-value-quantity:not=a$5", "code-value-quantity=a", "code-value-quantity=a$b"] {
        client.get(&format!("Observation?{query}")).await.expect(400);
    }
}

/// molecularsequence.html#search: a code and two numbers of one variant.
#[tokio::test]
async fn two_numbers_are_of_one_match() {
    let client = Client::fresh();
    let sequence = |variants: Value| {
        json!({"resourceType": "MolecularSequence", "coordinateSystem": 0, "variant": variants,
            "referenceSeq": {"genomeBuild": "GRCh37", "chromosome": {"coding": [{"code": "X"}]}, "windowStart": 1, "windowEnd": 99}})
    };
    let sequences = vec![
        ("crossed", sequence(json!([{"start": 3, "end": 4}, {"start": 8, "end": 9}]))),
        ("wide", sequence(json!([{"start": 3, "end": 9}]))),
    ];
    Labelled::create(&client, sequences)
        .await
        .check(&[
            ("MolecularSequence?chromosome-variant-coordinate=X$lt5$gt5", "wide"),
            ("MolecularSequence?chromosome-variant-coordinate=X$3$4", "crossed"),
            ("MolecularSequence?chromosome-variant-coordinate=Y$3$4", ""),
        ])
        .await;
}
