//! Snapshots: those that were published, the same verdicts by them, and differentials that widen.

mod ips;
mod published;
mod verdicts;
mod widening;
