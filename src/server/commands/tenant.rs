//! `medisync tenant`

use super::patients::Patients;
use super::user::{by_operator, entered, told, within};
use super::{block_on, erase, print, relocate};
use crate::auth::factor::demand::Demand;
use crate::auth::ring;
use crate::auth::session_limits::SessionLimits;
use crate::config::{self, File, ResidenceFlags, SecondUrl, Span, StoreFlags};
use crate::rates::{By, OwnLimits, Rate, Who};
use crate::{clock, database, tenants};
use anyhow::{Result, bail};
use clap::Subcommand;
use engine::Security;
use store::Store;

/// Arguments of `medisync tenant`.
#[derive(clap::Args)]
pub struct Tenant {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make tenants, each with a database and keys of its own
    #[command(after_help = "\
Examples:
  medisync tenant create north-clinic
  medisync tenant create ward-{1..9}
  medisync tenant create south-clinic --placement schema --region eu")]
    Create {
        /// Lower-case letters, digits and hyphens, a letter first
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        residence: ResidenceFlags,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Move a tenant's records to another placement while it is served (PostgreSQL)
    Move(relocate::Relocate),
    /// Take away what moves left behind that were broken off (PostgreSQL)
    #[command(after_help = "\
Copies that are not whole go, and former places but for those that were to be kept (`tenant move --keep`). A move that is broken off goes
on from its copy, so this is for those that are not gone on with. Moving a tenant and erasing it do the same for that one.")]
    Sweep {
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Have a standby answer the reads of a tenant that is kept in another database (PostgreSQL)
    #[command(after_help = "\
Examples:
  medisync tenant standby north postgres://medisync@standby.example.org/north
  medisync tenant standby north none

All servers ask it from then on. That of the servers' own database is given to each server by --read-database.")]
    Standby {
        /// The tenant's name
        name: String,
        /// The standby's URL, or none
        #[arg(value_name = "URL")]
        standby: SecondUrl,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Have a new key sign the tenant's tokens
    #[command(name = "rotate-keys")]
    #[command(after_help = "\
Examples:
  medisync tenant rotate-keys north            tokens signed before hold until they end
  medisync tenant rotate-keys north --at-once  the key may be known to others: nothing holds that it signed")]
    RotateKeys {
        /// The tenant's name
        name: String,
        /// Refuse every token that was signed before
        #[arg(long)]
        at_once: bool,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Say how long sign-ins hold and what they take, or show it
    #[command(after_help = "\
Examples:
  medisync tenant sign-ins north
  medisync tenant sign-ins north --idle 15m --longest 10h
  medisync tenant sign-ins north --second-factor staff")]
    SignIns {
        /// The tenant's name
        name: String,
        /// Without being used
        #[arg(long, value_name = "TIME")]
        idle: Option<Span>,
        /// At all
        #[arg(long, value_name = "TIME")]
        longest: Option<Span>,
        /// Since the sign-in, for whoever changes something about signing in
        #[arg(long, value_name = "TIME")]
        recent: Option<Span>,
        /// Until an app has to have exchanged the code that it was sent
        #[arg(long, value_name = "TIME")]
        code: Option<Span>,
        /// Who is let in by two factors only: optional (nobody who has none), staff (all but patients and those who are
        /// related to them) or all
        #[arg(long, value_name = "WHO")]
        second_factor: Option<Demand>,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Say whether patients may register themselves, or show it
    Patients(Patients),
    /// Say how many requests a tenant is answered in a minute, or show what was said
    #[command(after_help = "\
Examples:
  medisync tenant rates north
  medisync tenant rates north --user 6000 --address none")]
    Rates {
        /// The tenant's name
        name: String,
        #[command(flatten)]
        said: RateArguments,
        #[command(flatten)]
        store: StoreFlags,
    },
    /// Destroy a tenant's keys and take away all that it has
    Erase(erase::Erase),
    /// List tenants that were erased, or verify a certificate of that
    Erased(erase::ErasedList),
    /// List the tenants' names
    List {
        #[command(flatten)]
        store: StoreFlags,
    },
}

/// Limits instead of the server's: numbers, or `none`.
#[derive(clap::Args)]
struct RateArguments {
    /// For all requests with a token
    #[arg(long, value_name = "COUNT")]
    tenant: Option<Rate>,
    /// For one app, program or API key
    #[arg(long, value_name = "COUNT")]
    client: Option<Rate>,
    /// For one user
    #[arg(long, value_name = "COUNT")]
    user: Option<Rate>,
    /// For one address
    #[arg(long, value_name = "COUNT")]
    address: Option<Rate>,
}

impl Tenant {
    /// Makes, moves or lists.
    pub fn run(self, file: &File) -> Result<()> {
        match self.action {
            Action::Create { names, residence, store } => {
                block_on(create(&names, store.resolve(file)?, residence.resolve(file)?))
            }
            Action::Move(it) => it.run(file),
            Action::Sweep { store } => block_on(relocate::sweep(store.resolve(file)?)),
            Action::Standby { name, standby, store } => block_on(stand_by(&name, &standby, store.resolve(file)?)),
            Action::RotateKeys { name, at_once, store } => block_on(rotate_keys(name, at_once, store.resolve(file)?)),
            Action::SignIns { name, idle, longest, recent, code, second_factor, store } => {
                let store = store.resolve(file)?;
                block_on(sign_ins(name, [idle, longest, recent, code], second_factor, store))
            }
            Action::Rates { name, said, store } => block_on(rates(name, said, store.resolve(file)?)),
            Action::Patients(it) => it.run(file),
            Action::Erase(it) => it.run(file),
            Action::Erased(it) => it.run(file),
            Action::List { store } => block_on(list(store.resolve(file)?)),
        }
    }
}

async fn create(names: &[String], settings: config::Store, residence: config::Residence) -> Result<()> {
    let store = database::open_for(&settings, residence.of_tenant()).await?;
    let made = create_each(&*store, names).await;
    store.close().await;
    made
}

async fn create_each(store: &dyn Store, names: &[String]) -> Result<()> {
    for name in names {
        match tenants::create(store, name).await? {
            Some(_) => print(format_args!("created tenant {name}; its FHIR base is /fhir/{name}"))?,
            None => bail!("there is a tenant `{name}` already"),
        }
    }
    Ok(())
}

async fn stand_by(name: &str, standby: &SecondUrl, settings: config::Store) -> Result<()> {
    database::stand_by(&settings, name, standby.whole().as_deref()).await?;
    print(match standby.given() {
        Some(url) => format!("reads of {name} are answered by {url} as well"),
        None => format!("reads of {name} are answered by no standby"),
    })
}

async fn rotate_keys(name: String, at_once: bool, settings: config::Store) -> Result<()> {
    entered(&settings, &name, (Security::Configuration, "keys"), async |session| {
        ring::rotate(&*session, clock::now_ms(), at_once).await.map_err(told)
    })
    .await?;
    tracing::info!(tenant = name, at_once, "the key that signs tokens was changed");
    print(match at_once {
        true => format!("tokens of {name} that were signed before are refused"),
        false => {
            format!("tokens of {name} are signed by a new key in two seconds; those signed before hold until they end")
        }
    })
}

async fn sign_ins(
    name: String,
    asked: [Option<Span>; 4],
    second_factor: Option<Demand>,
    settings: config::Store,
) -> Result<()> {
    let [idle, longest, recent, code] = asked.map(|it| it.map(Span::millis).transpose());
    let (idle, longest, recent, code) = (idle?, longest?, recent?, code?);
    let (limits, demand) = within(&settings, &name, async |session| {
        let made = |now: SessionLimits| SessionLimits {
            idle: idle.unwrap_or(now.idle),
            longest: longest.unwrap_or(now.longest),
            recent: recent.unwrap_or(now.recent),
            code: code.unwrap_or(now.code),
        };
        let now = SessionLimits::of(&*session).await.map_err(told)?;
        let mut asked = made(now);
        if asked != now {
            let keeping = async { SessionLimits::change(&*session, made).await.map_err(told) };
            asked = by_operator(&*session, (Security::Configuration, "session-limits"), keeping).await?;
            tracing::info!(tenant = name, idle = asked.idle, longest = asked.longest, "sign-ins have other limits");
        }
        let demanded = Demand::of(&*session).await.map_err(told)?;
        let demand = second_factor.unwrap_or(demanded);
        if demand != demanded {
            let keeping = async { demand.keep(&*session).await.map_err(told) };
            by_operator(&*session, (Security::Configuration, "second-factor"), keeping).await?;
            tracing::info!(tenant = name, of = demand.to_string(), "a second factor is demanded of others");
        }
        Ok((asked, demand))
    })
    .await?;
    let seconds = |millis: i64| millis / 1000;
    print(format_args!(
        "sign-ins of {name} end after {} s without use, and after {} s; they are recent for {} s; codes hold {} s; second factor: {demand}",
        seconds(limits.idle),
        seconds(limits.longest),
        seconds(limits.recent),
        seconds(limits.code)
    ))
}

async fn rates(name: String, said: RateArguments, settings: config::Store) -> Result<()> {
    let said = [said.tenant, said.client, said.user, said.address];
    let own = within(&settings, &name, async |session| {
        if said.iter().all(Option::is_none) {
            return OwnLimits::of(&*session).await.map_err(told);
        }
        let keeping = async { OwnLimits::keep(&*session, By::Operator, said).await.map_err(told) };
        let own = by_operator(&*session, (Security::Configuration, "rate-limits"), keeping).await?;
        tracing::info!(tenant = name, "requests have other limits");
        Ok(own)
    })
    .await?;
    Who::ALL.into_iter().zip(own.said(By::Operator)).try_for_each(|(who, rate)| match rate {
        Some(rate) => print(format_args!("{} {rate}", who.name())),
        None => print(format_args!("{} as the server has it", who.name())),
    })
}

async fn list(settings: config::Store) -> Result<()> {
    let store = database::open(&settings).await?;
    let names = store.tenants().await?;
    store.close().await;
    names.iter().try_for_each(print)
}
