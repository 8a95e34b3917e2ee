//! ECGs and other sampled signals, to and from FHIR.
//!
//! [`SampledData`] is the datatype of that name with its decimals kept exact; [`Recording`] is a set of
//! leads that becomes, or is read from, an Observation with one component per lead; [`wfdb`] reads the
//! records of PhysioNet into the same struct. A signal's text is bounded by FHIR's limit for strings
//! (datatypes.html#string), and a recording
//! has each of the twelve leads at most once.

mod decimal;
mod lead;
mod observation;
mod sampled;
pub mod wfdb;

pub use decimal::Decimal;
pub use lead::{Lead, MDC};
pub use sampled::{Sample, SampledData, Scale};

/// The leads of one ECG, each with its signal.
#[derive(Clone, PartialEq)]
pub struct Recording {
    /// The leads, each at most once, in the order in which they were recorded or sent.
    pub leads: Vec<(Lead, SampledData)>,
}

/// Prints nothing of the signals: they are a patient's.
impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recording({} leads)", self.leads.len())
    }
}

#[cfg(test)]
mod tests;
