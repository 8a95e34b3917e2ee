//! Search by date (search.html#date, search.html#prefix).

use conformance_tests::{Client, Labelled, encode, samples::*};
use serde_json::{Value, json};

/// The values that are searched: Observations by label with what is effective.
fn effective() -> Vec<(&'static str, Value)> {
    let date_time = |label, value: &str| (label, json!({"effectiveDateTime": value}));
    let period = |label, period: Value| (label, json!({"effectivePeriod": period}));
    let members = vec![
        date_time("a", "2013-01-14"),
        date_time("b", "2013-01-14T10:00:00Z"),
        date_time("c", "2013-01"),
        date_time("d", "2013"),
        period("e", json!({"start": "2013-01-10", "end": "2013-01-20"})),
        period("f", json!({"start": "2013-01-14"})),
        period("g", json!({"end": "2013-01-14"})),
        date_time("h", "2013-01-14T23:30:00-05:00"),
        date_time("i", "2012-12-31"),
        date_time("j", "2013-01-15T00:00:00.000Z"),
        ("k", json!({"effectiveInstant": "2013-01-14T10:00:00.500Z"})),
        period("l", json!({"start": "2013-01-14T08:00:00Z", "end": "2013-01-14T12:00:00Z"})),
        ("none", json!({})),
    ];
    members.into_iter().map(|(label, member)| (label, with(observation("date"), member))).collect()
}

/// What each value of `Observation?date=` finds, by the text of search.html#prefix: a value is the range that
/// its precision gives (`2013-01` a month); `eq` holds what lies inside it, `gt` what reaches beyond its end,
/// `lt` what begins before it, `sa` what begins at or after its end, `eb` what ends at or before its beginning.
/// Days and months of the rows are of UTC.
const ROWS: &[(&str, &str)] = &[
    ("2013", "a b c d e h j k l"),
    ("ne2013", "f g i"),
    ("gt2013", "f"),
    ("ge2013", "a b c d e f h j k l"),
    ("lt2013", "g i"),
    ("le2013", "a b c d e g h i j k l"),
    ("sa2013", ""),
    ("eb2013", "i"),
    ("2013-01", "a b c e h j k l"),
    ("ne2013-01", "d f g i"),
    ("gt2013-01", "d f"),
    ("ge2013-01", "a b c d e f h j k l"),
    ("lt2013-01", "g i"),
    ("le2013-01", "a b c e g h i j k l"),
    ("sa2013-01", ""),
    ("eb2013-01", "i"),
    ("2013-01-14", "a b k l"),
    ("eq2013-01-14", "a b k l"),
    ("ne2013-01-14", "c d e f g h i j"),
    ("gt2013-01-14", "c d e f h j"),
    ("ge2013-01-14", "a b c d e f h j k l"),
    ("lt2013-01-14", "c d e g i"),
    ("le2013-01-14", "a b c d e g i k l"),
    ("sa2013-01-14", "h j"),
    ("eb2013-01-14", "i"),
    ("2013-01-14T10:00Z", "b k"),
    ("ne2013-01-14T10:00Z", "a c d e f g h i j l"),
    ("gt2013-01-14T10:00Z", "a c d e f g h j l"),
    ("ge2013-01-14T10:00Z", "a b c d e f g h j k l"),
    ("lt2013-01-14T10:00Z", "a c d e f g i l"),
    ("le2013-01-14T10:00Z", "a b c d e f g i k l"),
    ("sa2013-01-14T10:00Z", "h j"),
    ("eb2013-01-14T10:00Z", "i"),
    ("2013-01-14T10:00:00Z", "b k"),
    ("ne2013-01-14T10:00:00Z", "a c d e f g h i j l"),
    ("gt2013-01-14T10:00:00Z", "a c d e f g h j l"),
    ("ge2013-01-14T10:00:00Z", "a b c d e f g h j k l"),
    ("lt2013-01-14T10:00:00Z", "a c d e f g i l"),
    ("le2013-01-14T10:00:00Z", "a b c d e f g i k l"),
    ("sa2013-01-14T10:00:00Z", "h j"),
    ("eb2013-01-14T10:00:00Z", "i"),
    ("2013-01-14T10:00:00.500Z", "k"),
    ("ne2013-01-14T10:00:00.500Z", "a b c d e f g h i j l"),
    ("gt2013-01-14T10:00:00.500Z", "a b c d e f g h j l"),
    ("ge2013-01-14T10:00:00.500Z", "a b c d e f g h j k l"),
    ("lt2013-01-14T10:00:00.500Z", "a b c d e f g i l"),
    ("le2013-01-14T10:00:00.500Z", "a b c d e f g i k l"),
    ("sa2013-01-14T10:00:00.500Z", "h j"),
    ("eb2013-01-14T10:00:00.500Z", "i"),
    ("2013-01-14T23:30:00-05:00", "h"),
    ("ne2013-01-14T23:30:00-05:00", "a b c d e f g i j k l"),
    ("gt2013-01-14T23:30:00-05:00", "c d e f"),
    ("ge2013-01-14T23:30:00-05:00", "c d e f h"),
    ("lt2013-01-14T23:30:00-05:00", "a b c d e f g i j k l"),
    ("le2013-01-14T23:30:00-05:00", "a b c d e f g h i j k l"),
    ("sa2013-01-14T23:30:00-05:00", ""),
    ("eb2013-01-14T23:30:00-05:00", "a b g i j k l"),
    ("2013-01-15", "h j"),
    ("ne2013-01-15", "a b c d e f g i k l"),
    ("gt2013-01-15", "c d e f"),
    ("ge2013-01-15", "c d e f h j"),
    ("lt2013-01-15", "a b c d e f g i k l"),
    ("le2013-01-15", "a b c d e f g h i j k l"),
    ("sa2013-01-15", ""),
    ("eb2013-01-15", "a b g i k l"),
    ("2012-12", "i"),
    ("ne2012-12", "a b c d e f g h j k l"),
    ("gt2012-12", "a b c d e f g h j k l"),
    ("ge2012-12", "a b c d e f g h i j k l"),
    ("lt2012-12", "g"),
    ("le2012-12", "g i"),
    ("sa2012-12", "a b c d e f h j k l"),
    ("eb2012-12", ""),
];

/// search.html#prefix over every precision
#[tokio::test]
async fn each_prefix_finds_what_its_range_says() {
    let client = Client::fresh();
    let stored = Labelled::create(&client, effective()).await;
    let rows: Vec<(String, &str)> =
        ROWS.iter().map(|(value, found)| (format!("Observation?date={}", encode(value)), *found)).collect();
    stored.check(&rows).await;
}

/// search.html#prefix: `ap` is approximate: the same day is near, forty years are far.
#[tokio::test]
async fn approximately_holds_the_near_and_not_the_far() {
    let client = Client::fresh();
    let day = |label, value: &str| (label, with(observation("ap"), json!({"effectiveDateTime": value})));
    let stored = Labelled::create(&client, vec![day("near", "2020-05-05"), day("far", "1980-05-05")]).await;
    stored.check(&[("Observation?date=ap2020-05-05", "near")]).await;
}

/// search.html#combining: repeated parameters are AND, commas are OR.
#[tokio::test]
async fn two_dates_make_a_span_and_commas_make_a_choice() {
    let client = Client::fresh();
    let stored = Labelled::create(&client, effective()).await;
    stored
        .check(&[
            ("Observation?date=ge2013-01-14&date=lt2013-01-15&date=sa2012", "a b c d e f k l"),
            ("Observation?date=2012,2013-01-14", "i a b k l"),
            ("Observation?date=2012-12-31,gt2013", "i f"),
            ("Observation?date:missing=true", "none"),
            ("Observation?date:missing=false", "a b c d e f g h i j k l"),
        ])
        .await;
}

/// search.html#date: elements of type date, and of type Timing (the span of its events).
#[tokio::test]
async fn dates_of_other_types_are_found() {
    let client = Client::fresh();
    let born = |label, value: &str| (label, with(patient("born"), json!({"birthDate": value})));
    let people = Labelled::create(&client, vec![born("day", "1970-03-30"), born("year", "1970")]).await;
    people
        .check(&[
            ("Patient?birthdate=1970-03-30", "day"),
            ("Patient?birthdate=1970", "day year"),
            ("Patient?birthdate=ge1970-06", "year"),
            ("Patient?birthdate=lt1970-03-30", "year"),
            ("Patient?birthdate=1970-03", "day"),
        ])
        .await;

    let request = json!({
        "resourceType": "ServiceRequest", "status": "active", "intent": "order", "subject": {"display": "x"},
        "occurrenceTiming": {"event": ["2020-02-01", "2020-02-20"]}
    });
    let requests = Labelled::create(&client, vec![("timed", request)]).await;
    requests
        .check(&[
            ("ServiceRequest?occurrence=2020-02", "timed"),
            ("ServiceRequest?occurrence=2020-03", ""),
            ("ServiceRequest?occurrence=sa2020-01", "timed"),
        ])
        .await;
}

/// search.html#date: a value that is no date is refused however lenient the handling
/// (search.html#errors).
#[tokio::test]
async fn a_malformed_date_is_400() {
    let client = Client::fresh();
    let values = [
        "soon",
        "2013-13",
        "2013-02-30",
        "2013-1-1",
        "20130114",
        "2013-01-14T10",
        "2013-01-14T25:00Z",
        "xx2013",
        "ge",
        "2013-01-14T10:00:00%2B25:00",
        "2013-01-14T",
        "",
    ];
    for value in values {
        let call = client.call("GET", &format!("Observation?date={value}")).header("prefer", "handling=lenient");
        let answer = call.send().await;
        match value {
            // An empty value says nothing: it may be ignored (search.html#combining).
            "" => drop(answer.expect_in(200..=400)),
            _ => drop(answer.expect_outcome(400..=400)),
        }
    }
}

/// search.html#lastUpdated
#[tokio::test]
async fn last_updated_is_searched_like_any_date() {
    let client = Client::fresh();
    let first = client.create(&patient("first")).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let second = client.create(&patient("second")).await;
    let read = client.read(&format!("Patient/{second}")).await;
    let instant = encode(read["meta"]["lastUpdated"].as_str().expect("lastUpdated"));
    let found = async |prefix: &str| {
        let mut ids = client.found(&format!("Patient?_lastUpdated={prefix}{instant}")).await;
        (ids.remove(&first), ids.remove(&second))
    };
    assert_eq!(found("lt").await, (true, false));
    assert_eq!(found("ge").await, (false, true));
    assert_eq!(found("gt").await, (false, false));
    assert_eq!(found("").await, (false, true));
    assert_eq!(client.found("Patient?_lastUpdated=gt2001").await.len(), 2);
    assert!(client.found("Patient?_lastUpdated=lt2001").await.is_empty());
}
