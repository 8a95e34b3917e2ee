//! A resource of a summary in words: what it is, its value, and when it was.

use fhir::json::Value;

/// Elements that say what a resource is about, the first that there is.
const WHAT: [&str; 10] = [
    "code",
    "medicationCodeableConcept",
    "medicationReference",
    "vaccineCode",
    "device",
    "title",
    "description",
    "type",
    "category",
    "recommendation",
];

/// Elements that say when.
const WHEN: [&str; 12] = [
    "effectiveDateTime",
    "effectivePeriod",
    "occurrenceDateTime",
    "performedDateTime",
    "performedPeriod",
    "onsetDateTime",
    "authoredOn",
    "timingDateTime",
    "recordedDate",
    "dateTime",
    "startDate",
    "date",
];

/// One line.
pub(super) fn line(resource: Value<'_>) -> String {
    let what = WHAT.iter().filter_map(|it| resource.get(it)).flat_map(Value::each).find_map(name);
    let mut line = what.unwrap_or_else(|| "Not named".to_owned());
    if let Some(value) = value(resource) {
        line.push_str(&format!(": {value}"));
    }
    if let Some(when) = WHEN.iter().filter_map(|it| resource.get(it)).find_map(time) {
        line.push_str(&format!(" ({when})"));
    }
    line
}

/// What a CodeableConcept, a Reference or a text says; of a recommendation, for what vaccine it is.
fn name(element: Value<'_>) -> Option<String> {
    let element = element.get("vaccineCode").and_then(|it| it.each().next()).unwrap_or(element);
    let codings = || element.get("coding").into_iter().flat_map(Value::each);
    let text = element.as_str().or(element.str("text")).or(element.str("display"));
    let text =
        text.or_else(|| codings().find_map(|it| it.str("display"))).or_else(|| codings().find_map(|it| it.str("code")));
    text.map(str::to_owned)
}

/// The value of an Observation, or of its components.
fn value(resource: Value<'_>) -> Option<String> {
    if let Some(components) = resource.get("component") {
        let part = |it: Value<'_>| Some(format!("{} {}", it.get("code").and_then(name)?, value(it)?));
        let parts: Vec<String> = components.each().filter_map(part).collect();
        return (!parts.is_empty()).then(|| parts.join(", "));
    }
    if let Some(quantity) = resource.get("valueQuantity") {
        let unit = quantity.str("unit").or(quantity.str("code")).unwrap_or_default();
        let number = quantity.get("value")?.scalar()?;
        return Some(
            format!("{}{number} {unit}", quantity.str("comparator").unwrap_or_default()).trim_end().to_owned(),
        );
    }
    let given = ["valueCodeableConcept", "valueString", "valueDateTime"].iter().find_map(|it| resource.get(it));
    given.and_then(name).or_else(|| resource.get("valueInteger")?.scalar().map(str::to_owned))
}

/// A date, or the beginning and end of a period.
fn time(element: Value<'_>) -> Option<String> {
    let text = element.as_str().map(str::to_owned);
    text.or_else(|| Some(format!("{} – {}", element.str("start")?, element.str("end").unwrap_or("?"))))
}

/// Text as XHTML.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML has no other control characters.
            it if it.is_control() && !matches!(it, '\n' | '\t') => out.push(' '),
            it => out.push(it),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use fhir::json::Doc;

    #[test]
    fn a_resource_is_told_in_a_line() {
        for (resource, told) in [
            (
                r#"{"code":{"coding":[{"code":"1"},{"code":"2","display":"Asthma"}]},"onsetDateTime":"2020"}"#,
                "Asthma (2020)",
            ),
            (r#"{"code":{"text":"Weight"},"valueQuantity":{"value":70.50,"unit":"kg"}}"#, "Weight: 70.50 kg"),
            (r#"{"code":{"text":"CRP"},"valueQuantity":{"comparator":"<","value":5,"code":"mg/L"}}"#, "CRP: <5 mg/L"),
            (
                r#"{"code":{"text":"BP"},"component":[{"code":{"text":"sys"},"valueQuantity":{"value":1}},{"code":{"text":"x"}}]}"#,
                "BP: sys 1",
            ),
            (
                r#"{"medicationReference":{"display":"Aspirin"},"effectivePeriod":{"start":"2021"}}"#,
                "Aspirin (2021 – ?)",
            ),
            (
                r#"{"category":[{"coding":[{"code":"dnr","display":"Do Not Resuscitate"}]}],"dateTime":"2021"}"#,
                "Do Not Resuscitate (2021)",
            ),
            (r#"{"date":"2022","recommendation":[{"vaccineCode":[{"text":"Tetanus"}]}]}"#, "Tetanus (2022)"),
            (r#"{"status":"active"}"#, "Not named"),
        ] {
            assert_eq!(line(Doc::parse(resource).unwrap().root()), told);
        }
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escaped("a<b & \"c\">\u{1}"), "a&lt;b &amp; &quot;c&quot;&gt; ");
    }
}
