//! What fuzz targets share with the engine's property tests.

#[path = "../src/engine/tests/sandbox/mod.rs"]
mod sandbox;

pub use sandbox::{OBSERVATION, PATIENT, Sandbox};
