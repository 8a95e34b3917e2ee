//! A recording as an Observation with one component per lead (observation.html, and its example `ekg`).

use super::{Lead, MDC, Recording, SampledData};
use fhir::json::Value;
use fhir::{Failure, IssueType, Result};

impl Recording {
    /// The components of an Observation, as a JSON array: one for each lead.
    pub fn to_components(&self) -> String {
        let component = |(lead, signal): &(Lead, SampledData)| {
            let (code, display, sampled) = (lead.code(), lead.reference_id(), signal.to_json());
            format!(
                r#"{{"code":{{"coding":[{{"system":"{MDC}","code":"{code}","display":"{display}"}}],"text":"{}"}},"valueSampledData":{sampled}}}"#,
                lead.name()
            )
        };
        format!("[{}]", self.leads.iter().map(component).collect::<Vec<_>>().join(","))
    }

    /// The Observation with this recording as its components. `frame` is the Observation without them:
    /// status, code, subject, time, device and whatever else is known.
    pub fn to_observation(&self, frame: Value<'_>) -> Result<String> {
        if frame.str("resourceType") != Some("Observation") {
            return Err(Failure::new(IssueType::Structure, "An ECG is kept as an Observation."));
        }
        if frame.get("component").is_some() {
            return refuse(IssueType::Structure, "There are components already.", "Observation.component".into());
        }
        // The frame has a member, so a comma goes before the next one; its last character is its brace.
        let open = frame.raw().strip_suffix('}').unwrap_or_default();
        Ok(format!(r#"{open},"component":{}}}"#, self.to_components()))
    }

    /// Reads the leads of an Observation. Components that are no signals, such as a heart rate, are
    /// passed over; a signal whose lead is not one of the twelve is refused, because leaving it out
    /// would look like a whole recording.
    pub fn read(observation: Value<'_>) -> Result<Recording> {
        let mut leads: Vec<(Lead, SampledData)> = Vec::new();
        let components = observation.get("component").into_iter().flat_map(Value::children);
        for (i, component) in components.enumerate() {
            let Some(signal) = component.get("valueSampledData") else { continue };
            let at = format!("Observation.component[{i}]");
            let Some(lead) = lead_of(component) else {
                return refuse(
                    IssueType::NotSupported,
                    "The code is not one of the twelve standard leads.",
                    at + ".code",
                );
            };
            if leads.iter().any(|(known, _)| *known == lead) {
                return refuse(IssueType::Duplicate, format!("Lead {} is given twice.", lead.name()), at + ".code");
            }
            let signal = SampledData::read(signal).map_err(|it| located(it, at + ".value"))?;
            leads.push((lead, signal));
        }
        if leads.is_empty() {
            return refuse(IssueType::Required, "The Observation has no signal.", "Observation.component".into());
        }
        Ok(Recording { leads })
    }
}

fn lead_of(component: Value<'_>) -> Option<Lead> {
    let codings = component.get("code")?.get("coding")?;
    codings.children().find_map(|it| Lead::coded(it.str("system")?, it.str("code")?))
}

fn refuse<T>(code: IssueType, problem: impl Into<String>, expression: String) -> Result<T> {
    Err(located(Failure::new(code, problem), expression))
}

fn located(mut failure: Failure, expression: String) -> Failure {
    for issue in &mut failure.issues {
        issue.expression.clone_from(&expression);
    }
    failure
}
