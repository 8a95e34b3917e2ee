//! Search by number and quantity (search.html#number, search.html#quantity).

use conformance_tests::{Client, Labelled, samples::*};
use serde_json::Value;

/// `ChargeItem.factorOverride` by label.
const FACTORS: &[(&str, &str)] = &[
    ("a", "100"),
    ("b", "99.5"),
    ("c", "100.5"),
    ("d", "1.0"),
    ("e", "0.8"),
    ("f", "-1"),
    ("g", "0.0054"),
    ("h", "0.005395"),
    ("i", "150"),
    ("j", "100.00"),
    ("k", "0"),
    ("l", "104"),
];

fn charge(factor: &str) -> Value {
    parsed(&format!(
        r#"{{"resourceType":"ChargeItem","status":"billable","code":{{"text":"x"}},"subject":{{"display":"x"}},"factorOverride":{factor}}}"#
    ))
}

/// What each value finds: without a prefix the range that its digits imply (`100` is [99.5, 100.5), `1e2` is
/// [95, 105)), `ne` what lies outside it; the other prefixes compare with the number itself.
const NUMBER_ROWS: &[(&str, &str)] = &[
    ("ChargeItem?factor-override=100", "a b j"),
    ("ChargeItem?factor-override=ne100", "c d e f g h i k l"),
    ("ChargeItem?factor-override=gt100", "c i l"),
    ("ChargeItem?factor-override=ge100", "a c i j l"),
    ("ChargeItem?factor-override=lt100", "b d e f g h k"),
    ("ChargeItem?factor-override=le100", "a b d e f g h j k"),
    ("ChargeItem?factor-override=sa100", "c i l"),
    ("ChargeItem?factor-override=eb100", "b d e f g h k"),
    ("ChargeItem?factor-override=100.00", "a j"),
    ("ChargeItem?factor-override=ne100.00", "b c d e f g h i k l"),
    ("ChargeItem?factor-override=gt100.00", "c i l"),
    ("ChargeItem?factor-override=ge100.00", "a c i j l"),
    ("ChargeItem?factor-override=lt100.00", "b d e f g h k"),
    ("ChargeItem?factor-override=le100.00", "a b d e f g h j k"),
    ("ChargeItem?factor-override=sa100.00", "c i l"),
    ("ChargeItem?factor-override=eb100.00", "b d e f g h k"),
    ("ChargeItem?factor-override=1e2", "a b c j l"),
    ("ChargeItem?factor-override=ne1e2", "d e f g h i k"),
    ("ChargeItem?factor-override=gt1e2", "c i l"),
    ("ChargeItem?factor-override=ge1e2", "a c i j l"),
    ("ChargeItem?factor-override=lt1e2", "b d e f g h k"),
    ("ChargeItem?factor-override=le1e2", "a b d e f g h j k"),
    ("ChargeItem?factor-override=sa1e2", "c i l"),
    ("ChargeItem?factor-override=eb1e2", "b d e f g h k"),
    ("ChargeItem?factor-override=1.00e2", "a b j"),
    ("ChargeItem?factor-override=ne1.00e2", "c d e f g h i k l"),
    ("ChargeItem?factor-override=gt1.00e2", "c i l"),
    ("ChargeItem?factor-override=ge1.00e2", "a c i j l"),
    ("ChargeItem?factor-override=lt1.00e2", "b d e f g h k"),
    ("ChargeItem?factor-override=le1.00e2", "a b d e f g h j k"),
    ("ChargeItem?factor-override=sa1.00e2", "c i l"),
    ("ChargeItem?factor-override=eb1.00e2", "b d e f g h k"),
    ("ChargeItem?factor-override=5.40e-3", "g h"),
    ("ChargeItem?factor-override=ne5.40e-3", "a b c d e f i j k l"),
    ("ChargeItem?factor-override=gt5.40e-3", "a b c d e i j l"),
    ("ChargeItem?factor-override=ge5.40e-3", "a b c d e g i j l"),
    ("ChargeItem?factor-override=lt5.40e-3", "f h k"),
    ("ChargeItem?factor-override=le5.40e-3", "f g h k"),
    ("ChargeItem?factor-override=sa5.40e-3", "a b c d e i j l"),
    ("ChargeItem?factor-override=eb5.40e-3", "f h k"),
    ("ChargeItem?factor-override=-1", "f"),
    ("ChargeItem?factor-override=ne-1", "a b c d e g h i j k l"),
    ("ChargeItem?factor-override=gt-1", "a b c d e g h i j k l"),
    ("ChargeItem?factor-override=ge-1", "a b c d e f g h i j k l"),
    ("ChargeItem?factor-override=lt-1", ""),
    ("ChargeItem?factor-override=le-1", "f"),
    ("ChargeItem?factor-override=sa-1", "a b c d e g h i j k l"),
    ("ChargeItem?factor-override=eb-1", ""),
    ("ChargeItem?factor-override=0", "g h k"),
    ("ChargeItem?factor-override=ne0", "a b c d e f i j l"),
    ("ChargeItem?factor-override=gt0", "a b c d e g h i j l"),
    ("ChargeItem?factor-override=ge0", "a b c d e g h i j k l"),
    ("ChargeItem?factor-override=lt0", "f"),
    ("ChargeItem?factor-override=le0", "f k"),
    ("ChargeItem?factor-override=sa0", "a b c d e g h i j l"),
    ("ChargeItem?factor-override=eb0", "f"),
    ("ChargeItem?factor-override=1", "d e"),
    ("ChargeItem?factor-override=ne1", "a b c f g h i j k l"),
    ("ChargeItem?factor-override=gt1", "a b c i j l"),
    ("ChargeItem?factor-override=ge1", "a b c d i j l"),
    ("ChargeItem?factor-override=lt1", "e f g h k"),
    ("ChargeItem?factor-override=le1", "d e f g h k"),
    ("ChargeItem?factor-override=sa1", "a b c i j l"),
    ("ChargeItem?factor-override=eb1", "e f g h k"),
    ("ChargeItem?factor-override=ap100", "a b c j l"),
    ("ChargeItem?factor-override=0.8,1", "d e"),
    ("ChargeItem?factor-override=gt1&factor-override=lt100", "b"),
];

/// search.html#number
#[tokio::test]
async fn numbers_have_the_precision_they_are_written_with() {
    let client = Client::fresh();
    let charges = FACTORS.iter().map(|(label, factor)| (*label, charge(factor))).collect();
    Labelled::create(&client, charges).await.check(NUMBER_ROWS).await;
}

/// search.html#errors
#[tokio::test]
async fn a_malformed_number_is_400() {
    let client = Client::fresh();
    for value in ["many", "1,x", "1.2.3", "gt", "1e", "0x10", "--1", "NaN", "Infinity", "5|mg"] {
        client.get(&format!("ChargeItem?factor-override={value}")).await.expect_outcome(400..=400);
    }
}

/// Observations by label: `valueQuantity`.
const QUANTITIES: &[(&str, &str)] = &[
    ("a", r#"{"value":5.4,"unit":"milligram","system":"http://unitsofmeasure.org","code":"mg"}"#),
    ("b", r#"{"value":5.40,"unit":"milligram","system":"http://unitsofmeasure.org","code":"mg"}"#),
    ("c", r#"{"value":5.35,"unit":"milligram","system":"http://unitsofmeasure.org","code":"mg"}"#),
    ("d", r#"{"value":5.45,"unit":"milligram","system":"http://unitsofmeasure.org","code":"mg"}"#),
    ("e", r#"{"value":5.4,"unit":"gram","system":"http://unitsofmeasure.org","code":"g"}"#),
    ("f", r#"{"value":5.4,"unit":"mg"}"#),
    ("g", r#"{"value":100,"system":"http://unitsofmeasure.org","code":"mg"}"#),
    ("h", r#"{"value":99.5,"system":"http://unitsofmeasure.org","code":"mg"}"#),
    ("i", r#"{"value":100.5,"system":"http://unitsofmeasure.org","code":"mg"}"#),
    ("j", r#"{"value":5.4,"system":"urn:other","code":"mg"}"#),
    ("k", r#"{"value":-5.4,"system":"http://unitsofmeasure.org","code":"mg"}"#),
];

/// What each value finds: `number`, `number|system|code`, `number||code` (code or unit).
const QUANTITY_ROWS: &[(&str, &str)] = &[
    ("value-quantity=5.4", "a b c e f j"),
    ("value-quantity=5.40", "a b e f j"),
    ("value-quantity=5.400", "a b e f j"),
    ("value-quantity=0.54e1", "a b c e f j"),
    ("value-quantity=5", "a b c d e f j"),
    ("value-quantity=-5.4", "k"),
    ("value-quantity=-5", "k"),
    ("value-quantity=100", "g h"),
    ("value-quantity=1.00e2", "g h"),
    ("value-quantity=1e2", "g h i"),
    ("value-quantity=100.0", "g"),
    ("value-quantity=eq5.4", "a b c e f j"),
    ("value-quantity=ne5.4", "d g h i k"),
    ("value-quantity=gt5.4", "d g h i"),
    ("value-quantity=ge5.4", "a b d e f g h i j"),
    ("value-quantity=lt5.4", "c k"),
    ("value-quantity=le5.4", "a b c e f j k"),
    ("value-quantity=sa5.4", "d g h i"),
    ("value-quantity=eb5.4", "c k"),
    ("value-quantity=ap5.4", "a b c d e f j"),
    ("value-quantity=5.4|http://unitsofmeasure.org|mg", "a b c"),
    ("value-quantity=5.40|http://unitsofmeasure.org|mg", "a b"),
    ("value-quantity=5.4|http://unitsofmeasure.org|g", "e"),
    ("value-quantity=5.4|http://unitsofmeasure.org|kg", ""),
    ("value-quantity=0.0054|http://unitsofmeasure.org|g", "a b c"),
    ("value-quantity=0.00540|http://unitsofmeasure.org|g", "a b"),
    ("value-quantity=5400|http://unitsofmeasure.org|mg", "e"),
    ("value-quantity=0.0054|http://unitsofmeasure.org|kg", "e"),
    ("value-quantity=lt1|http://unitsofmeasure.org|g", "a b c d g h i k"),
    ("value-quantity=gt0|http://unitsofmeasure.org|m", ""),
    ("value-quantity=0.0054||g", ""),
    ("value-quantity=5.4|urn:other|mg", "j"),
    ("value-quantity=5.4|urn:another|mg", ""),
    ("value-quantity=5.4||mg", "a b c f j"),
    ("value-quantity=5.4||g", "e"),
    ("value-quantity=5.4||gram", "e"),
    ("value-quantity=gt5.4|http://unitsofmeasure.org|mg", "d e g h i"),
    ("value-quantity=ge5.4|http://unitsofmeasure.org|mg", "a b d e g h i"),
    ("value-quantity=lt5.4|http://unitsofmeasure.org|mg", "c k"),
    ("value-quantity=le5.4|http://unitsofmeasure.org|mg", "a b c k"),
    ("value-quantity=le5.4||mg", "a b c f j k"),
    ("value-quantity=gt100|http://unitsofmeasure.org|mg", "e i"),
    ("value-quantity=ap100|http://unitsofmeasure.org|mg", "g h i"),
    ("value-quantity=100|http://unitsofmeasure.org|mg,5.4|http://unitsofmeasure.org|g", "g h e"),
    ("value-quantity=gt5.4&value-quantity=lt100", "d h"),
    ("value-quantity:missing=true", "none"),
    ("value-quantity:missing=false", "a b c d e f g h i j k"),
];

/// search.html#quantity
#[tokio::test]
async fn quantities_are_found_by_value_and_unit() {
    let client = Client::fresh();
    let valued = |json: &str| with(observation("quantity"), parsed(&format!(r#"{{"valueQuantity":{json}}}"#)));
    let mut observations: Vec<(&str, Value)> =
        QUANTITIES.iter().map(|(label, quantity)| (*label, valued(quantity))).collect();
    observations.push(("none", observation("quantity")));
    let stored = Labelled::create(&client, observations).await;
    let rows: Vec<(String, &str)> =
        QUANTITY_ROWS.iter().map(|(query, found)| (format!("Observation?{query}"), *found)).collect();
    stored.check(&rows).await;
}

/// search.html#errors
#[tokio::test]
async fn a_malformed_quantity_is_400() {
    let client = Client::fresh();
    for value in ["much", "gt", "5.4.3", "|http://unitsofmeasure.org|mg", "5.4|a|b|c"] {
        client.get(&format!("Observation?value-quantity={value}")).await.expect_outcome(400..=400);
    }
}
