//! Broken glass: the record of one patient, open to one caller for a while, whatever rules and consents say.

use super::who::Patients;
use fhir::Result;
use fhir::json::quote;
use store::{Key, LedgerChange, LedgerStep, Session};

/// The kind of entries in the ledger.
const KIND: &str = "open-glass";
/// Records open to one caller at the same time, at the most.
const MOST: usize = 100;

/// The change that opens a patient's record to whom this subject stands for, from a time until another, in milliseconds.
pub fn break_glass(subject: &str, patient: &str, (now, until): (i64, i64)) -> LedgerChange {
    let key = format!("{}{now:013}/{patient}", start(subject));
    let step = LedgerStep::Insert { value: quote(patient), expires: Some(until) };
    LedgerChange { kind: KIND, key, step }
}

/// With what the keys of a subject's entries begin: its length tells where it ends.
fn start(subject: &str) -> String {
    format!("{}:{subject}/", subject.len())
}

/// The patients whose records are open to a subject.
pub(super) async fn open(session: &dyn Session, subject: &str) -> Result<Patients> {
    let start = start(subject);
    let found = session.entries(KIND, &start, MOST).await?;
    let keys = found.iter().filter_map(|it| it.key.strip_prefix(&start)?.split_once('/'));
    let keys: Vec<Key> = keys.map(|(_, patient)| Key::new("Patient", patient)).collect();
    let mut patients = Patients::default();
    for patient in session.read_many(&keys).await? {
        patients.add(&patient)?;
    }
    Ok(patients)
}
