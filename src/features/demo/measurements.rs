//! Vital signs and laboratory results as Observations (observation.html), told in two tables: what can be
//! measured, and what was.

use super::{Dates, Resource};
use fhir::{Failure, Result};
use serde_json::{Number, Value, json};
use std::collections::HashMap;

const LOINC: &str = "http://loinc.org";
const UCUM: &str = "http://unitsofmeasure.org";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";

/// Something that can be measured.
struct Kind {
    /// Its part of an Observation's id.
    name: &'static str,
    loinc: &'static str,
    display: &'static str,
    unit: &'static str,
    ucum: &'static str,
    /// Reference range; an empty end is open.
    range: (&'static str, &'static str),
}

const fn kind(
    name: &'static str,
    (loinc, display): (&'static str, &'static str),
    (unit, ucum): (&'static str, &'static str),
    range: (&'static str, &'static str),
) -> Kind {
    Kind { name, loinc, display, unit, ucum, range }
}

const MMHG: (&str, &str) = ("mmHg", "mm[Hg]");
const MMOL: (&str, &str) = ("mmol/L", "mmol/L");
const CELLS: (&str, &str) = ("10*3/uL", "10*3/uL");

const SYSTOLIC: Kind = kind("systolic", ("8480-6", "Systolic blood pressure"), MMHG, ("90", "140"));
const DIASTOLIC: Kind = kind("diastolic", ("8462-4", "Diastolic blood pressure"), MMHG, ("60", "90"));

/// What nurses measure. A blood pressure's value is its two components', such as `120/80`.
const VITAL_SIGNS: [Kind; 8] = [
    kind("blood-pressure", ("85354-9", "Blood pressure panel with all children optional"), MMHG, ("", "")),
    kind("heart-rate", ("8867-4", "Heart rate"), ("beats/minute", "/min"), ("50", "100")),
    kind("respiratory-rate", ("9279-1", "Respiratory rate"), ("breaths/minute", "/min"), ("12", "20")),
    kind("temperature", ("8310-5", "Body temperature"), ("°C", "Cel"), ("36.0", "37.5")),
    kind("oxygen-saturation", ("2708-6", "Oxygen saturation in Arterial blood"), ("%", "%"), ("94", "100")),
    kind("weight", ("29463-7", "Body weight"), ("kg", "kg"), ("", "")),
    kind("height", ("8302-2", "Body height"), ("cm", "cm"), ("", "")),
    kind("head-circumference", ("9843-4", "Head Occipital-frontal circumference"), ("cm", "cm"), ("", "")),
];

/// What the laboratory measures.
const LABORATORY: [Kind; 13] = [
    kind("sodium", ("2951-2", "Sodium [Moles/volume] in Serum or Plasma"), MMOL, ("135", "145")),
    kind("potassium", ("2823-3", "Potassium [Moles/volume] in Serum or Plasma"), MMOL, ("3.5", "5.1")),
    kind(
        "creatinine",
        ("14682-9", "Creatinine [Moles/volume] in Serum or Plasma"),
        ("µmol/L", "umol/L"),
        ("45", "105"),
    ),
    kind("glucose", ("14749-6", "Glucose [Moles/volume] in Serum or Plasma"), MMOL, ("3.9", "7.8")),
    kind("hba1c", ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"), ("%", "%"), ("4.0", "5.6")),
    kind("haemoglobin", ("718-7", "Hemoglobin [Mass/volume] in Blood"), ("g/dL", "g/dL"), ("13.0", "17.5")),
    kind("leukocytes", ("6690-2", "Leukocytes [#/volume] in Blood by Automated count"), CELLS, ("4.0", "11.0")),
    kind("platelets", ("777-3", "Platelets [#/volume] in Blood by Automated count"), CELLS, ("150", "400")),
    kind(
        "nt-probnp",
        ("33762-6", "Natriuretic peptide.B prohormone N-Terminal [Mass/volume] in Serum or Plasma"),
        ("pg/mL", "pg/mL"),
        ("", "450"),
    ),
    kind("cholesterol", ("14647-2", "Cholesterol [Moles/volume] in Serum or Plasma"), MMOL, ("", "5.2")),
    kind("hdl", ("14646-4", "Cholesterol in HDL [Moles/volume] in Serum or Plasma"), MMOL, ("1.0", "")),
    kind("ldl", ("22748-8", "Cholesterol in LDL [Moles/volume] in Serum or Plasma"), MMOL, ("", "3.4")),
    kind("tsh", ("3016-3", "Thyrotropin [Units/volume] in Serum or Plasma"), ("mIU/L", "m[IU]/L"), ("0.40", "4.00")),
];

/// What was measured at one time: values by the name of their kind.
struct Reading {
    patient: &'static str,
    /// The Encounter's id; empty where there was none.
    encounter: &'static str,
    day: i64,
    time: &'static str,
    performer: &'static str,
    values: &'static [(&'static str, &'static str)],
}

const NURSE: &str = "Practitioner/tomas-silva";
const LAB: &str = "Organization/laboratory";

#[rustfmt::skip]
const READINGS: [Reading; 15] = [
    Reading { patient: "amina-diallo", encounter: "", day: -60, time: "10:00", performer: NURSE,
        values: &[("blood-pressure", "162/98"), ("weight", "71.4")] },
    Reading { patient: "amina-diallo", encounter: "amina-diallo-checkup", day: -14, time: "09:05", performer: NURSE,
        values: &[("blood-pressure", "148/92"), ("heart-rate", "76"), ("weight", "70.8"), ("height", "168")] },
    Reading { patient: "amina-diallo", encounter: "amina-diallo-checkup", day: -14, time: "09:25", performer: LAB,
        values: &[("sodium", "139"), ("potassium", "4.2"), ("creatinine", "71"), ("glucose", "5.10")] },
    Reading { patient: "jose-garcia-nunez", encounter: "jose-garcia-nunez-palpitations", day: -3, time: "10:05", performer: NURSE,
        values: &[("blood-pressure", "134/82"), ("heart-rate", "66"), ("oxygen-saturation", "97")] },
    Reading { patient: "jose-garcia-nunez", encounter: "", day: -180, time: "08:30", performer: LAB,
        values: &[("cholesterol", "5.9"), ("hdl", "1.2"), ("ldl", "3.8"), ("tsh", "2.10")] },
    Reading { patient: "fatima-al-sayed", encounter: "fatima-al-sayed-diabetes", day: -21, time: "11:05", performer: NURSE,
        values: &[("blood-pressure", "128/80"), ("weight", "83.0")] },
    Reading { patient: "fatima-al-sayed", encounter: "fatima-al-sayed-diabetes", day: -21, time: "11:20", performer: LAB,
        values: &[("hba1c", "8.1"), ("glucose", "11.40")] },
    Reading { patient: "soren-ostergaard", encounter: "soren-ostergaard-admission", day: -2, time: "16:30", performer: NURSE,
        values: &[("blood-pressure", "104/62"), ("heart-rate", "108"), ("respiratory-rate", "26"), ("oxygen-saturation", "90"), ("weight", "92.3")] },
    Reading { patient: "soren-ostergaard", encounter: "soren-ostergaard-admission", day: -2, time: "17:00", performer: LAB,
        values: &[("haemoglobin", "12.4"), ("leukocytes", "9.8"), ("platelets", "214"), ("nt-probnp", "4210"), ("creatinine", "118")] },
    Reading { patient: "soren-ostergaard", encounter: "soren-ostergaard-admission", day: 0, time: "06:00", performer: NURSE,
        values: &[("blood-pressure", "112/68"), ("heart-rate", "88"), ("respiratory-rate", "18"), ("oxygen-saturation", "95"), ("weight", "90.1")] },
    Reading { patient: "mia-nguyen", encounter: "mia-nguyen-ear", day: -6, time: "09:32", performer: NURSE,
        values: &[("temperature", "38.6"), ("weight", "22.5")] },
    Reading { patient: "elif-yildiz", encounter: "elif-yildiz-emergency", day: -30, time: "22:15", performer: NURSE,
        values: &[("heart-rate", "118"), ("respiratory-rate", "28"), ("oxygen-saturation", "91")] },
    Reading { patient: "zofia-zielinska", encounter: "zofia-zielinska-knee", day: -10, time: "10:32", performer: NURSE,
        values: &[("blood-pressure", "138/76"), ("weight", "61.0")] },
    Reading { patient: "noah-lefevre", encounter: "noah-lefevre-six-weeks", day: -1, time: "09:05", performer: NURSE,
        values: &[("weight", "4.85"), ("height", "56.5"), ("head-circumference", "38.2")] },
    Reading { patient: "tamati-kereama", encounter: "tamati-kereama-today", day: 0, time: "09:02", performer: NURSE,
        values: &[("blood-pressure", "142/88"), ("heart-rate", "72")] },
];

/// All readings as Observations, with ids such as `amina-diallo-weight-2`: the patient's second weight.
pub(super) fn observations(dates: &Dates) -> Result<Vec<Resource>> {
    let mut counts = HashMap::new();
    let mut all = Vec::new();
    for reading in &READINGS {
        for (name, value) in reading.values {
            let count = counts.entry((reading.patient, *name)).or_insert(0);
            *count += 1;
            let id = format!("{}-{name}-{count}", reading.patient);
            all.push(observation(id, reading, name, value, dates)?);
        }
    }
    Ok(all)
}

fn observation(id: String, reading: &Reading, name: &str, value: &str, dates: &Dates) -> Result<Resource> {
    let laboratory = LABORATORY.iter().find(|it| it.name == name);
    let category = if laboratory.is_some() { ("laboratory", "Laboratory") } else { ("vital-signs", "Vital Signs") };
    let vital_sign = || VITAL_SIGNS.iter().find(|it| it.name == name);
    let kind = laboratory.or_else(vital_sign).ok_or_else(|| Failure::internal("the demo has no such measurement"))?;
    let mut all = Resource::new();
    all.insert("resourceType".into(), "Observation".into());
    all.insert("id".into(), id.into());
    all.insert("status".into(), "final".into());
    all.insert("category".into(), json!([concept(CATEGORY, category.0, category.1)]));
    all.insert("code".into(), concept(LOINC, kind.loinc, kind.display));
    all.insert("subject".into(), json!({ "reference": format!("Patient/{}", reading.patient) }));
    if !reading.encounter.is_empty() {
        all.insert("encounter".into(), json!({ "reference": format!("Encounter/{}", reading.encounter) }));
    }
    let time = format!("{}T{}:00Z", dates.day(reading.day), reading.time);
    all.insert("effectiveDateTime".into(), time.into());
    all.insert("performer".into(), json!([{ "reference": reading.performer }]));
    match value.split_once('/') {
        Some(pressures) => all.insert("component".into(), blood_pressure(pressures)?),
        None => {
            all.extend(measured(kind, value)?);
            None
        }
    };
    Ok(all)
}

/// Value, interpretation and reference range, as an Observation or a component has them.
fn measured(kind: &Kind, value: &str) -> Result<Resource> {
    let (low, high) = kind.range;
    let mut all = Resource::new();
    all.insert("valueQuantity".into(), quantity(kind, value)?);
    if !(low.is_empty() && high.is_empty()) {
        let (code, display) = interpretation(value, low, high)?;
        all.insert("interpretation".into(), json!([concept(INTERPRETATION, code, display)]));
        let mut range = Resource::new();
        for (end, limit) in [("low", low), ("high", high)].into_iter().filter(|(_, it)| !it.is_empty()) {
            range.insert(end.into(), quantity(kind, limit)?);
        }
        all.insert("referenceRange".into(), json!([range]));
    }
    Ok(all)
}

/// The components of a blood pressure (observation-vitalsigns.html).
fn blood_pressure((systolic, diastolic): (&str, &str)) -> Result<Value> {
    let component = |kind: &Kind, value: &str| -> Result<Resource> {
        let mut component = Resource::new();
        component.insert("code".into(), concept(LOINC, kind.loinc, kind.display));
        component.extend(measured(kind, value)?);
        Ok(component)
    };
    Ok(json!([component(&SYSTOLIC, systolic)?, component(&DIASTOLIC, diastolic)?]))
}

fn concept(system: &str, code: &str, display: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code, "display": display }] })
}

/// The value digit for digit: `5.10` stays `5.10`.
fn quantity(kind: &Kind, value: &str) -> Result<Value> {
    let number: Number = value.parse().map_err(|_| unreadable(value))?;
    Ok(json!({ "value": number, "unit": kind.unit, "system": UCUM, "code": kind.ucum }))
}

fn interpretation(value: &str, low: &str, high: &str) -> Result<(&'static str, &'static str)> {
    let number = |text: &str, open: f64| match text {
        "" => Ok(open),
        text => text.parse::<f64>().map_err(|_| unreadable(text)),
    };
    let value = number(value, 0.0)?;
    Ok(if value < number(low, f64::NEG_INFINITY)? {
        ("L", "Low")
    } else if value > number(high, f64::INFINITY)? {
        ("H", "High")
    } else {
        ("N", "Normal")
    })
}

fn unreadable(value: &str) -> Failure {
    Failure::internal(format!("the demo's measurement {value:?} is not a value of its kind"))
}
