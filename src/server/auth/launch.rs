//! What an EHR shows when it launches an app (SMART App Launch 2.2, app-launch.html#launch-app-ehr-launch), and
//! `$launch-context`, by which it says so. The operation is ours; R4 has none for it.

use super::kept::{self, Kept};
use super::secret;
use crate::clock;
use engine::{Access, Answer, Call, Extra, Operation};
use fhir::json::{Doc, Value};
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use store::Key;

/// How long a launch context can be used, in milliseconds.
const TIME: i64 = 10 * 60 * 1000;

/// A launch context, kept under the hash of its name.
#[derive(Clone, Serialize, Deserialize)]
pub struct Launch {
    /// The patient's id.
    pub patient: String,
    /// The encounter's id.
    pub encounter: Option<String>,
    /// What else is shown.
    #[serde(default)]
    pub scene: Scene,
}

impl Kept for Launch {
    const KIND: &'static str = "launch";
}

/// What an app is told of its surroundings, beside patient and encounter (scopes-and-launch-context.html).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// What the app is to do.
    pub intent: Option<String>,
    /// Further resources, as the app is told of them.
    #[serde(default)]
    pub fhir_context: Vec<Json>,
    /// Whether the app is to say whose records it shows.
    #[serde(default)]
    pub need_patient_banner: Option<bool>,
}

/// `$launch-context`
pub fn operation() -> Operation {
    Operation {
        definition: include_str!("../../../profiles/operations/launch-context.json"),
        demands: &[(Access::Read, "Patient"), (Access::Read, "Encounter")],
        extras: &[Extra::Narrowed],
        run: |call| Box::pin(launch_context(call)),
    }
}

async fn launch_context(call: Call<'_>) -> Result<Answer> {
    // A launch is for whoever may see any patient, as far as the tenant's rules let them.
    call.ctx.caller().scopes.demand(Access::Read, "Patient")?;
    call.ctx.caller().scopes.demand(Access::Read, "Encounter")?;
    let Some(patient) = &call.instance else {
        return Err(Failure::new(IssueType::Required, "The operation is called on a Patient."));
    };
    let encounter = call.arguments.text("encounter").map(str::to_owned);
    if let Some(id) = &encounter
        && !is_of(&call, id, &patient.key.id).await?
    {
        return Err(Failure::new(IssueType::Value, "The patient has no such encounter."));
    }
    let fhir_context = call.arguments.elements("fhirContext").map(item).collect::<Result<Vec<_>>>()?;
    let scene = Scene {
        intent: call.arguments.text("intent").map(str::to_owned),
        fhir_context,
        need_patient_banner: call.arguments.text("needPatientBanner").map(|it| it == "true"),
    };
    crate::act::end();
    let (name, launch) = (secret::new()?, Launch { patient: patient.key.id.clone(), encounter, scene });
    let change = kept::insert(secret::hash(&name), &launch, Some(clock::now_ms() + TIME))?;
    kept::write(call.ctx.session(), vec![change]).await?;
    let parameter = json!([{ "name": "launch", "valueString": name }]);
    Ok(Answer::new(200, json!({ "resourceType": "Parameters", "parameter": parameter }).to_string()))
}

/// Whether an encounter is the patient's.
async fn is_of(call: &Call<'_>, encounter: &str, patient: &str) -> Result<bool> {
    let Some(stored) = call.readable(&[Key::new("Encounter", encounter)]).await?.pop() else { return Ok(false) };
    let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
    let doc = Doc::parse(text).map_err(Failure::internal)?;
    let subject = doc.root().get("subject").and_then(|it| it.str("reference"));
    Ok(subject.and_then(|it| it.strip_prefix("Patient/")) == Some(patient))
}

/// An item of fhirContext as apps get it (scopes-and-launch-context.html#fhir-context).
fn item(parameter: Value<'_>) -> Result<Json> {
    let mut item = Map::new();
    for part in parameter.get("part").into_iter().flat_map(Value::each) {
        let known = match part.str("name").unwrap_or_default() {
            "reference" => part.get("valueReference").map(|it| add_reference(&mut item, it)).transpose()?,
            "canonical" => part.str("valueCanonical").map(|it| _ = item.insert("canonical".into(), it.into())),
            "role" => part.str("valueUri").map(|it| _ = item.insert("role".into(), it.into())),
            _ => None,
        };
        known.ok_or_else(|| {
            refused("The parts of fhirContext are reference (Reference), canonical (canonical) and role (uri).")
        })?;
    }
    let has = |name: &str| item.contains_key(name);
    if !has("reference") && !has("canonical") && !has("identifier") {
        return Err(refused("A fhirContext has a reference (with reference or identifier) or a canonical."));
    }
    let role = item.get("role").and_then(Json::as_str).unwrap_or("launch");
    if role != "launch" && !role.contains(':') {
        return Err(refused("The role of a fhirContext is launch or an absolute URI."));
    }
    let of = item.get("reference").and_then(Json::as_str).and_then(|it| it.split('/').next());
    if role == "launch" && matches!(of, Some("Patient" | "Encounter")) {
        let told = "A Patient or Encounter in fhirContext has a role; the launch's own are not among it.";
        return Err(refused(told));
    }
    Ok(item.into())
}

fn add_reference(item: &mut Map<String, Json>, reference: Value<'_>) -> Result<()> {
    for name in ["reference", "type"] {
        if let Some(text) = reference.str(name) {
            item.insert(name.into(), text.into());
        }
    }
    if let Some(identifier) = reference.get("identifier") {
        item.insert("identifier".into(), serde_json::from_str(identifier.raw()).map_err(Failure::internal)?);
    }
    match reference.str("reference") {
        Some(text) if !is_relative(text) => Err(refused("A reference in fhirContext is relative: Observation/1.")),
        _ => Ok(()),
    }
}

fn is_relative(reference: &str) -> bool {
    let is_plain = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"-.".contains(&it));
    reference.split_once('/').is_some_and(|(of, id)| is_plain(of) && is_plain(id))
}

fn refused(told: &str) -> Failure {
    Failure::new(IssueType::Value, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parts: Json) -> Option<Json> {
        let doc = Doc::parse(json!({ "name": "fhirContext", "part": parts }).to_string()).unwrap();
        item(doc.root()).ok()
    }

    #[test]
    fn an_item_of_the_context_refers_to_something_else() {
        let to = |it: &str| json!({ "name": "reference", "valueReference": { "reference": it } });
        let role = |it: &str| json!({ "name": "role", "valueUri": it });
        assert_eq!(read(json!([to("ImagingStudy/1")])), Some(json!({ "reference": "ImagingStudy/1" })));
        let mother = json!([to("Patient/2"), role("https://example.org/mother")]);
        let told = json!({ "reference": "Patient/2", "role": "https://example.org/mother" });
        assert_eq!(read(mother), Some(told));
        let canonical = json!([{ "name": "canonical", "valueCanonical": "https://example.org/q|1" }]);
        assert_eq!(read(canonical), Some(json!({ "canonical": "https://example.org/q|1" })));
        for wrong in [
            json!([]),
            json!([to("Patient/2")]),
            json!([to("Encounter/2"), role("launch")]),
            json!([to("https://elsewhere.example/Observation/1")]),
            json!([to("Observation/1"), role("reviewing")]),
            json!([role("launch")]),
            json!([{ "name": "colour", "valueString": "red" }]),
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }

    #[test]
    fn a_kept_launch_is_read_again() {
        let fhir_context = vec![json!({ "reference": "ImagingStudy/1" })];
        let scene = Scene { intent: None, fhir_context, need_patient_banner: Some(false) };
        let launch = Launch { patient: "1".into(), encounter: None, scene: scene.clone() };
        let read: Launch = serde_json::from_str(&serde_json::to_string(&launch).unwrap()).unwrap();
        assert_eq!(read.scene, scene);
    }
}
