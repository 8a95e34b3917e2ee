//! `medisync completions`

use super::Cli;
use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

/// Arguments of `medisync completions`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  medisync completions bash > /etc/bash_completion.d/medisync")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub fn run(self) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "medisync", &mut script);
        super::print(String::from_utf8(script)?.trim_end())
    }
}
