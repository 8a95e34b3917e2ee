//! Broken glass: the record of one patient, open to one caller for a while, whatever rules and consents say.

use super::who::Patients;
use fhir::Result;
use fhir::json::quote;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use store::{Key, LedgerChange, LedgerStep, Session};

/// The kind of entries in the ledger.
const KIND: &str = "open-glass";
/// Records open to one caller at the same time, at the most.
const MOST: usize = 100;

/// The change that opens a patient's record to whom this subject stands for, for a purpose, from a time until another, in
/// milliseconds.
pub fn break_glass(subject: &str, patient: &str, purpose: &str, (now, until): (i64, i64)) -> LedgerChange {
    let key = format!("{}{now:013}/{patient}", start(subject));
    let step = LedgerStep::Insert { value: quote(purpose), expires: Some(until) };
    LedgerChange { kind: KIND, key, step }
}

/// With what the keys of a subject's entries begin: its length tells where it ends.
fn start(subject: &str) -> String {
    format!("{}:{subject}/", subject.len())
}

/// What is open to a subject.
#[derive(Default)]
pub(super) struct Open {
    /// The patients whose records are.
    pub(super) patients: Patients,
    /// And for which purposes.
    pub(super) purposes: FxHashMap<Arc<str>, &'static str>,
}

/// The patients whose records are open to a subject.
pub(super) async fn open(session: &dyn Session, subject: &str) -> Result<Open> {
    let start = start(subject);
    let found = session.entries(KIND, &start, MOST).await?;
    let (mut keys, mut open) = (Vec::new(), Open::default());
    for entry in &found {
        let Some((_, patient)) = entry.key.strip_prefix(&start).and_then(|it| it.split_once('/')) else { continue };
        keys.push(Key::new("Patient", patient));
        open.purposes.insert(patient.into(), if entry.value == quote("ETREAT") { "ETREAT" } else { "BTG" });
    }
    for patient in session.read_many(&keys).await? {
        open.patients.add(&patient)?;
    }
    Ok(open)
}
