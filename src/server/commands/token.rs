//! `medisync token`

use super::user::told;
use super::{block_on, print};
use crate::audit;
use crate::auth::{Claims, KeyRing, ring, roles};
use crate::config::{self, AuthFlags, File, Span, StoreFlags};
use crate::{clock, database, random, tenants};
use anyhow::{Context, Result, bail};
use engine::{Scopes, Security};

/// Arguments of `medisync token`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  medisync token --tenant north --scope \"system/*.cruds\"
  medisync token --tenant north --scope \"user/Patient.rs user/Observation.r\" --subject nurse-17 --role nurse --expires 8h

Scopes are SMART's (system/TYPE.cruds or user/TYPE.cruds, TYPE may be *): c creates, r reads, u changes, d deletes,
s searches; .read, .write and .* are understood too. With --patient ID, patient/TYPE.rs reads what is in that patient's
compartment; ?PARAMETER=VALUE behind a scope narrows it.")]
pub struct Token {
    /// The tenant that the token is for
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// What it allows: SMART scopes, separated by spaces
    #[arg(long, value_name = "SCOPES")]
    scope: String,
    /// Who will use it
    #[arg(long, value_name = "NAME", default_value = "medisync-token")]
    subject: String,
    /// A role that narrows what it allows, as the tenant has it at the time; may be given several times
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// The Organization or Location that the roles are held in
    #[arg(long, value_name = "REFERENCE")]
    place: Option<String>,
    /// The patient whose records patient/ scopes are about
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// The resource that the user is, such as Practitioner/1 (fhirUser): consents and rules of privacy go by it
    #[arg(long, value_name = "REFERENCE")]
    user: Option<String>,
    /// How long it holds
    #[arg(long, value_name = "TIME", default_value = "1h")]
    expires: Span,
    #[command(flatten)]
    auth: AuthFlags,
    #[command(flatten)]
    store: StoreFlags,
}

impl Token {
    /// Prints a token.
    pub fn run(self, file: &File) -> Result<()> {
        check(&self.scope, self.patient.as_deref())?;
        let store = self.store.clone().resolve(file)?;
        let issuer = self.auth.clone().resolve(file)?.issuer;
        block_on(self.issue(store, issuer))
    }

    async fn issue(self, settings: config::Store, issuer: String) -> Result<()> {
        let store = database::open(&settings).await?;
        let tenant = tenants::existing(&*store, &self.tenant).await?;
        let session = store.open(&tenant).await?;
        for name in &self.roles {
            if roles::find(&*session, name).await.map_err(told)?.is_none() {
                bail!("tenant {} has no role `{name}`", self.tenant);
            }
        }
        let now = clock::now_ms() / 1000;
        let seconds = i64::try_from(self.expires.duration().as_secs()).context("--expires is too long")?;
        let claims = Claims {
            iss: Claims::issuer(&issuer, &self.tenant),
            aud: Claims::audience(&self.tenant),
            sub: self.subject,
            tenant: self.tenant,
            roles: self.roles,
            scope: self.scope,
            iat: now,
            exp: now.saturating_add(seconds),
            jti: u128::from_le_bytes(random::bytes()?).to_string(),
            patient: self.patient,
            place: self.place,
            fhir_user: self.user,
            ..Claims::default()
        };
        let until = claims.exp.saturating_mul(1000);
        ring::note(&*session, until, clock::now_ms()).await.map_err(told)?;
        let keys = KeyRing::of(&*session, &tenant).await.map_err(told)?;
        let token = claims.sign(keys.signing(clock::now_ms()).map_err(told)?)?;
        audit::by_operator(&*session, Security::Token, Some(&claims.sub)).await.map_err(told)?;
        store.close().await;
        print(token)
    }
}

/// Refuses scopes that would grant nothing: whoever asks for them should know.
pub(super) fn check(scope: &str, patient: Option<&str>) -> Result<()> {
    let (_, unknown) = Scopes::parse(scope, patient);
    if !unknown.is_empty() {
        bail!(
            "this server has no scope {}; a scope looks like system/Patient.rs or user/*.cruds, or with --patient patient/*.rs",
            unknown.join(", ")
        );
    }
    if scope.trim().is_empty() {
        bail!("--scope is empty; such a token would allow nothing");
    }
    Ok(())
}
