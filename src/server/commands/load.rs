//! `medisync load`

use crate::config::File;
use anyhow::Result;
use std::process::ExitCode;

/// Arguments of `medisync load`.
#[derive(clap::Args)]
pub struct Load {}

impl Load {
    /// Loads.
    pub fn run(self, _file: &File) -> Result<ExitCode> {
        Ok(ExitCode::SUCCESS)
    }
}
