//! What a resource is about, in a few words. Reads the shapes of datatypes rather than resource types,
//! so that every type has a summary.

use fhir::json::Value;

/// Elements that say what a resource is, the most telling first.
const LABELS: [&str; 14] = [
    "name",
    "title",
    "code",
    "medicationCodeableConcept",
    "medicationReference",
    "vaccineCode",
    "serviceType",
    "type",
    "class",
    "deviceName",
    "category",
    "description",
    "issue",
    "event",
];

/// Elements that say whom it is about.
const SUBJECTS: [&str; 4] = ["subject", "patient", "beneficiary", "for"];

/// Elements that say when it was.
const DATES: [&str; 18] = [
    "birthDate",
    "effectiveDateTime",
    "effectivePeriod",
    "effectiveInstant",
    "onsetDateTime",
    "onsetPeriod",
    "performedDateTime",
    "performedPeriod",
    "occurrenceDateTime",
    "occurrencePeriod",
    "authoredOn",
    "period",
    "start",
    "date",
    "recordedDate",
    "recorded",
    "created",
    "issued",
];

/// What a resource is about, such as `Glucose · 6.3 mmol/l · 2013-04-02`.
pub(super) fn summary(resource: Value<'_>) -> String {
    let first = |elements: &[&str]| elements.iter().find_map(|it| words(resource.get(it)?));
    let value = resource.children().filter(|it| it.key().starts_with("value")).find_map(words);
    let when = DATES.iter().find_map(|it| day(resource.get(it)?));
    let parts = [first(&LABELS), value, first(&["gender"]), first(&SUBJECTS), when];
    let parts: Vec<String> = parts.into_iter().flatten().map(|it| clip(&it)).collect();
    parts.join(" · ")
}

/// In which state a resource is.
pub(super) fn status(resource: Value<'_>) -> Option<String> {
    if let Some(status) = ["status", "clinicalStatus"].iter().find_map(|it| words(resource.get(it)?)) {
        return Some(clip(&status));
    }
    let active = resource.get("active")?.as_bool()?;
    Some(if active { "active" } else { "inactive" }.to_owned())
}

/// A datatype in words: a name, a concept, a quantity, a reference, a period, or a plain value.
pub(super) fn words(value: Value<'_>) -> Option<String> {
    if value.is_array() {
        return value.children().find_map(words);
    }
    if !value.is_object() {
        return value.scalar().filter(|it| !it.trim().is_empty()).map(str::to_owned);
    }
    if let Some(text) = ["text", "display", "diagnostics"].iter().find_map(|it| value.str(it)) {
        return Some(text.to_owned());
    }
    // A contained resource's local name says nothing to a reader.
    if value.str("reference").is_some_and(|it| it.starts_with('#')) {
        return None;
    }
    person(value).or_else(|| quantity(value)).or_else(|| period(value)).or_else(|| {
        ["coding", "details", "code", "name", "reference", "value"].iter().find_map(|it| words(value.get(it)?))
    })
}

/// A HumanName (datatypes.html#HumanName) without `text`.
fn person(value: Value<'_>) -> Option<String> {
    let given = value.get("given").into_iter().flat_map(Value::each).filter_map(Value::as_str);
    let name: Vec<&str> = given.chain(value.str("family")).collect();
    (!name.is_empty()).then(|| name.join(" "))
}

/// A Quantity (datatypes.html#Quantity).
fn quantity(value: Value<'_>) -> Option<String> {
    let number = value.get("value")?.as_number()?;
    let comparator = value.str("comparator").unwrap_or_default();
    let unit = value.str("unit").or_else(|| value.str("code")).unwrap_or_default();
    Some(format!("{comparator}{number} {unit}").trim_end().to_owned())
}

/// The day of a dateTime, or from the day a Period starts to the day it ends.
fn day(value: Value<'_>) -> Option<String> {
    let words = words(value)?;
    let days: Vec<&str> = words.split(' ').map(|it| it.split('T').next().unwrap_or(it)).collect();
    Some(days.join(" "))
}

/// A Period (datatypes.html#Period).
fn period(value: Value<'_>) -> Option<String> {
    match (value.str("start"), value.str("end")) {
        (Some(start), Some(end)) => Some(format!("{start} to {end}")),
        (Some(start), None) => Some(format!("since {start}")),
        (None, Some(end)) => Some(format!("until {end}")),
        (None, None) => None,
    }
}

/// As much of a text as a line of a table takes.
fn clip(text: &str) -> String {
    const LENGTH: usize = 120;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

/// `Type/id` of a resource, or its type alone.
pub(super) fn title(resource: Value<'_>) -> Option<String> {
    let kind = resource.str("resourceType")?;
    Some(match resource.str("id") {
        Some(id) => format!("{kind}/{id}"),
        None => kind.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::json::Doc;

    fn of(resource: &str) -> String {
        summary(Doc::parse(resource).unwrap().root())
    }

    #[test]
    fn a_person_is_a_name() {
        assert_eq!(
            of(
                r#"{"name":[{"family":"Chalmers","given":["Peter","James"]}],"gender":"male","birthDate":"1974-12-25"}"#
            ),
            "Peter James Chalmers · male · 1974-12-25"
        );
    }

    #[test]
    fn a_measurement_keeps_its_digits() {
        assert_eq!(
            of(r#"{"code":{"coding":[{"display":"Glucose"}]},"subject":{"reference":"Patient/1","display":"Ann"},
                  "effectivePeriod":{"start":"2013-04-02T09:30:10+01:00","end":"2013-04-05"},"valueQuantity":{"value":6.30,"comparator":"<","unit":"mmol/l"}}"#),
            "Glucose · <6.30 mmol/l · Ann · 2013-04-02 to 2013-04-05"
        );
    }

    #[test]
    fn an_outcome_is_its_first_issue() {
        assert_eq!(of(r#"{"issue":[{"severity":"error","code":"invalid","details":{"text":"No"}}]}"#), "No");
    }

    #[test]
    fn a_status_is_a_code_a_concept_or_a_flag() {
        let of = |text: &str| status(Doc::parse(text).unwrap().root());
        assert_eq!(of(r#"{"status":"final"}"#).unwrap(), "final");
        assert_eq!(of(r#"{"clinicalStatus":{"coding":[{"code":"active"}]}}"#).unwrap(), "active");
        assert_eq!(of(r#"{"active":false}"#).unwrap(), "inactive");
        assert_eq!(of("{}"), None);
    }

    #[test]
    fn long_texts_are_clipped() {
        let text = format!(r#"{{"title":"{}"}}"#, "é".repeat(500));
        assert_eq!(of(&text).chars().count(), 121);
    }
}
