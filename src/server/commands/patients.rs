//! `medisync tenant patients`

use super::user::{by_operator, told, within};
use super::{block_on, print};
use crate::auth::sign_up::SignUps;
use crate::config::{self, File, StoreFlags};
use anyhow::Result;
use engine::Security;

/// Arguments of `medisync tenant patients`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  medisync tenant patients north
  medisync tenant patients north --registration approval")]
pub struct Patients {
    /// The tenant's name
    name: String,
    /// What becomes of patients who register themselves
    #[arg(long, value_name = "WHO")]
    registration: Option<Registration>,
    #[command(flatten)]
    store: StoreFlags,
}

/// What becomes of patients who register themselves.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Registration {
    /// They are refused
    Closed,
    /// They wait for `$approve-applicant`
    Approval,
}

impl Patients {
    /// Keeps what was said, or tells what holds.
    pub fn run(self, file: &File) -> Result<()> {
        block_on(patients(self.name, self.registration, self.store.resolve(file)?))
    }
}

async fn patients(name: String, asked: Option<Registration>, settings: config::Store) -> Result<()> {
    let sign_ups = within(&settings, &name, async |session| match asked {
        None => SignUps::of(&*session).await.map_err(told),
        Some(asked) => {
            let sign_ups = SignUps { are_taken: asked == Registration::Approval };
            let keeping = async { sign_ups.keep(&*session).await.map_err(told) };
            by_operator(&*session, (Security::Configuration, "sign-ups"), keeping).await?;
            tracing::info!(tenant = name, are_taken = sign_ups.are_taken, "who may register was said");
            Ok(sign_ups)
        }
    })
    .await?;
    print(match sign_ups.are_taken {
        true => format!("patients register themselves at {name}, and wait for approval"),
        false => format!("patients do not register themselves at {name}"),
    })
}
