//! What a user may choose from when an app is to be told of a patient or an encounter: searches as the user, through the same
//! door as all others.

use super::Desk;
use super::problem::Result;
use crate::auth::account::human_name;
use crate::pages::{ChoiceView, PickerView};
use ::fhir::Failure;
use ::fhir::json::{Doc, Value};
use engine::{Context, Headers, Request, Verb};

/// The most on a page to choose from.
const MOST: &str = "20";

/// The patients that match what was typed, which has no syntax.
pub async fn patients(desk: &Desk<'_>, context: &Context, typed: &PickerView) -> Result<Vec<ChoiceView>> {
    let mut criteria = vec![("_count", MOST), ("_sort", "family")];
    let typed = [("name", &typed.name), ("birthdate", &typed.birthdate), ("identifier", &typed.identifier)];
    criteria.extend(typed.iter().filter(|(_, it)| !it.is_empty()).map(|(name, it)| (*name, it.as_str())));
    search(desk, context, "Patient", &criteria).await
}

/// A patient, if the user may see it.
pub async fn patient(desk: &Desk<'_>, context: &Context, id: &str) -> Result<Option<ChoiceView>> {
    match get(desk, context, &format!("Patient/{id}"), "").await {
        Ok(patient) => Ok(choice(patient.root())),
        Err(failure) if failure.status < 500 => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// A patient's encounters, the last ones first.
pub async fn encounters(desk: &Desk<'_>, context: &Context, patient: &str) -> Result<Vec<ChoiceView>> {
    let criteria = [("_count", MOST), ("_sort", "-date"), ("patient", patient)];
    search(desk, context, "Encounter", &criteria).await
}

/// An encounter, if it is the patient's and the user may see it.
pub async fn encounter(desk: &Desk<'_>, context: &Context, patient: &str, id: &str) -> Result<Option<ChoiceView>> {
    Ok(search(desk, context, "Encounter", &[("_id", id), ("patient", patient)]).await?.pop())
}

/// The id of the one resource of a type that has an identifier; `None` if there is none, or several have it.
pub async fn identified(
    desk: &Desk<'_>,
    context: &Context,
    of: &str,
    system: &str,
    value: &str,
) -> Result<Option<String>> {
    let identifier = format!("{}|{}", escaped(system), escaped(value));
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("_count", "2"), ("identifier", &*identifier)])
        .finish();
    let mut found = matching(desk, context, of, &query).await?;
    Ok(found.pop().filter(|_| found.is_empty()).map(|it| it.id))
}

/// A text that means itself in a search (search.html#escaping).
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(',', "\\,").replace('$', "\\$").replace('|', "\\|")
}

async fn search(desk: &Desk<'_>, context: &Context, of: &str, criteria: &[(&str, &str)]) -> Result<Vec<ChoiceView>> {
    let criteria = criteria.iter().map(|(name, value)| (*name, escaped(value)));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(criteria).finish();
    matching(desk, context, of, &query).await
}

async fn matching(desk: &Desk<'_>, context: &Context, of: &str, query: &str) -> Result<Vec<ChoiceView>> {
    match get(desk, context, of, query).await {
        Ok(bundle) => {
            let entries = bundle.root().get("entry").into_iter().flat_map(Value::each);
            let found = entries.filter_map(|it| it.get("resource").filter(|it| it.str("resourceType") == Some(of)));
            Ok(found.filter_map(choice).collect())
        }
        // A date that is none, say, or a user who may not search, finds nothing.
        Err(failure) if failure.status < 500 => Ok(Vec::new()),
        Err(failure) => Err(failure.into()),
    }
}

fn choice(resource: Value<'_>) -> Option<ChoiceView> {
    let about = match resource.str("resourceType")? {
        "Encounter" => about_encounter(resource),
        _ => about_patient(resource),
    };
    Some(ChoiceView { id: resource.str("id")?.to_owned(), about })
}

fn about_patient(patient: Value<'_>) -> String {
    let name = human_name(patient).unwrap_or_else(|| "Without a name".to_owned());
    // Set apart, so that a name from right to left does not turn the date round (Unicode's FSI and PDI).
    let name = format!("\u{2068}{name}\u{2069}");
    let more = ["birthDate", "gender"].into_iter().filter_map(|it| patient.str(it));
    std::iter::once(name.as_str()).chain(more).collect::<Vec<_>>().join(", ")
}

/// What it was, when it began, and how far it is.
fn about_encounter(encounter: Value<'_>) -> String {
    let concept = |it: Value<'_>| {
        let coding = || it.get("coding").and_then(|it| it.each().find_map(|it| it.str("display").map(str::to_owned)));
        it.str("text").map(str::to_owned).or_else(coding)
    };
    let of_type = encounter.get("type").and_then(|it| it.each().find_map(concept));
    let class = || encounter.get("class").and_then(|it| it.str("display").or_else(|| it.str("code")));
    let what = of_type.or_else(|| class().map(str::to_owned)).unwrap_or_else(|| "Encounter".to_owned());
    // A time to the minute, as it is written.
    let start = encounter.get("period").and_then(|it| it.str("start"));
    let start = start.map(|it| it.chars().take(16).collect::<String>().replace('T', " "));
    let status = encounter.str("status").map(str::to_owned);
    [Some(what), start, status].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A GET as the user.
async fn get(desk: &Desk<'_>, context: &Context, path: &str, query: &str) -> ::fhir::Result<Doc> {
    let request = Request {
        verb: Verb::Get,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: Headers::default(),
        body: Default::default(),
    };
    let answer = desk.server.engine.perform(context, request).await?;
    let text = std::str::from_utf8(&answer.body).map_err(Failure::internal)?;
    Doc::parse(text).map_err(Failure::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encounter_is_told_by_what_is_there() {
        for (json, words) in [
            (
                r#"{"resourceType":"Encounter","status":"finished","class":{"code":"AMB","display":"ambulatory"},
                "type":[{"coding":[{"display":"Check-up"}]}],"period":{"start":"2026-03-01T09:30:00Z"}}"#,
                "Check-up, 2026-03-01 09:30, finished",
            ),
            (r#"{"resourceType":"Encounter","status":"planned","class":{"code":"IMP"}}"#, "IMP, planned"),
        ] {
            assert_eq!(about_encounter(Doc::parse(json).unwrap().root()), words);
        }
    }

    #[test]
    fn what_is_typed_has_no_syntax() {
        assert_eq!(escaped(r"a|b,c$d\"), r"a\|b\,c\$d\\");
    }
}
