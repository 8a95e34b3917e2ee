//! `medisync user`

use super::import::{self, Imported};
use super::{block_on, print};
use crate::auth::account::{self, Account, NewAccount};
use crate::auth::roles::{self, Assignment};
use crate::auth::{factor, kept, leaving, password, secret, sign_ins};
use crate::config::{self, File, PasswordFlags, StoreFlags};
use crate::{act, audit, clock, database, tenants};
use anyhow::{Context, Result, anyhow, bail};
use clap::Subcommand;
use engine::Security;
use fhir::Failure;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use store::Session;

/// The most users, or clients, that are listed.
pub(super) const LISTED: usize = 10_000;
/// The role of whom `medisync user administrator` names.
const ADMIN: &str = "admin";
/// Characters of a password that is made up: 120 bits.
const MADE_UP: usize = 20;

/// Arguments of `medisync user`.
#[derive(clap::Args)]
pub struct User {
    #[command(subcommand)]
    action: Action,
}

/// Whose accounts.
#[derive(clap::Args)]
pub(super) struct Where {
    /// The tenant
    #[arg(long, value_name = "NAME")]
    pub(super) tenant: String,
    #[command(flatten)]
    pub(super) store: StoreFlags,
}

#[derive(Subcommand)]
enum Action {
    /// Make a user who signs in; prints a password that is made up, unless one is given
    #[command(after_help = "Example:\n  medisync user create --tenant north --is Practitioner/17 --role doctor ana")]
    Create {
        #[command(flatten)]
        at: Where,
        /// The name to sign in with
        name: String,
        /// Who it is: a Practitioner, Patient, RelatedPerson or Person of the tenant
        #[arg(long, value_name = "REFERENCE")]
        is: String,
        /// A role, perhaps in one Organization or Location only: nurse@Location/1; may be given several times
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<Assignment>,
        /// Rules that the user has alone, beside roles: scopes such as "user/*.rs patient/*.rs"
        #[arg(long, value_name = "SCOPES")]
        scope: Option<String>,
        /// Where mails for the user go; make sure that it is the user's
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        #[command(flatten)]
        given: GivenFlags,
    },
    /// Make users of a file who bring bcrypt hashes of their passwords; names that are there are left as they are
    #[command(after_help = "\
A line of the file is JSON such as
  {\"username\": \"ana\", \"user\": \"Practitioner/17\", \"password_hash\": \"$2b$12$…\", \"email\": \"ana@example.org\"}
Example:
  medisync user import --tenant north users.ndjson")]
    Import {
        #[command(flatten)]
        at: Where,
        /// The file
        file: PathBuf,
    },
    /// Give a user another password, and end all that was granted; prints it if it is made up
    Password {
        #[command(flatten)]
        at: Where,
        /// The name to sign in with
        name: String,
        #[command(flatten)]
        given: GivenFlags,
    },
    /// Give a user these roles and no others, nor rules of their own; the operator may take the last owner away
    Roles {
        #[command(flatten)]
        at: Where,
        /// The name to sign in with
        name: String,
        /// A role, perhaps in one Organization or Location only: nurse@Location/1; may be given several times
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<Assignment>,
    },
    /// Let a user administer the tenant by the role admin, or no longer
    Administrator {
        #[command(flatten)]
        at: Where,
        /// The name to sign in with
        name: String,
        /// No longer
        #[arg(long)]
        revoke: bool,
    },
    /// Take a user's second factors away, who has lost them
    ResetFactors {
        #[command(flatten)]
        at: Where,
        /// The name to sign in with
        name: String,
    },
    /// List the users
    List {
        #[command(flatten)]
        at: Where,
    },
    /// Let a user sign in no longer, and end all that was granted
    Disable {
        #[command(flatten)]
        at: Where,
        /// The name to sign in with
        name: String,
    },
    /// Take a user away, with sign-ins, factors, links and what apps keep about who it is; the record of who it is stays
    Remove {
        #[command(flatten)]
        at: Where,
        /// The name to sign in with
        name: String,
    },
    /// Let a user sign in again
    Enable {
        #[command(flatten)]
        at: Where,
        /// The name to sign in with
        name: String,
    },
}

impl User {
    /// Does what was asked.
    pub fn run(self, file: &File) -> Result<()> {
        match self.action {
            Action::Create { at, name, is, roles, scope, email, given } => {
                let given = given.read(file)?;
                let store = at.store.resolve(file)?;
                let email = email.map(|it| it.parse()).transpose().map_err(told)?;
                let new = NewAccount { username: name, fhir_user: is, scope, roles, email };
                block_on(create(store, at.tenant, new, given))
            }
            Action::Import { at, file: users } => block_on(import_users(at.store.resolve(file)?, at.tenant, users)),
            Action::Password { at, name, given } => {
                let given = given.read(file)?;
                block_on(renew(at.store.resolve(file)?, at.tenant, name, given))
            }
            Action::Roles { at, name, roles } => block_on(assign(at.store.resolve(file)?, at.tenant, name, roles)),
            Action::Administrator { at, name, revoke } => {
                block_on(administrator(at.store.resolve(file)?, at.tenant, name, !revoke))
            }
            Action::ResetFactors { at, name } => block_on(reset_factors(at.store.resolve(file)?, at.tenant, name)),
            Action::List { at } => block_on(list(at.store.resolve(file)?, at.tenant)),
            Action::Disable { at, name } => block_on(enable(at.store.resolve(file)?, at.tenant, name, false)),
            Action::Remove { at, name } => block_on(remove(at.store.resolve(file)?, at.tenant, name)),
            Action::Enable { at, name } => block_on(enable(at.store.resolve(file)?, at.tenant, name, true)),
        }
    }
}

/// Where a password comes from, and what it must not be.
#[derive(clap::Args)]
struct GivenFlags {
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    passwords: PasswordFlags,
}

impl GivenFlags {
    fn read(self, file: &File) -> Result<Given> {
        self.passwords.resolve(file)?.breached_passwords.begin()?;
        Given::read(self.password_stdin)
    }
}

/// A password, given or made up.
struct Given {
    password: String,
    is_made_up: bool,
}

impl Given {
    /// The first line of standard input, or one that nobody can guess.
    fn read(from_stdin: bool) -> Result<Given> {
        if !from_stdin {
            let password = secret::new().map_err(told)?.chars().take(MADE_UP).collect();
            return Ok(Given { password, is_made_up: true });
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("cannot read the password from standard input")?;
        Ok(Given { password: text.lines().next().unwrap_or_default().to_owned(), is_made_up: false })
    }

    fn print(&self, done: &str) -> Result<()> {
        match self.is_made_up {
            true => print(format_args!("{done}; the password is {}", self.password)),
            false => print(done),
        }
    }
}

async fn create(settings: config::Store, tenant: String, new: NewAccount, given: Given) -> Result<()> {
    let done = format!("made user {}", new.username);
    let name = new.username.clone();
    entered(&settings, &tenant, (Security::User, &name), async |session| {
        roles::checked(&*session, &tenant, &new.roles).await.map_err(told)?;
        account::create(&*session, new, &given.password).await.map_err(told)
    })
    .await?;
    given.print(&done)
}

async fn import_users(settings: config::Store, tenant: String, file: PathBuf) -> Result<()> {
    let Imported { made, known } = entered(&settings, &tenant, (Security::User, "import"), async |session| {
        import::import(&*session, &tenant, &file).await
    })
    .await?;
    print(format_args!("made {made} users; {known} were there"))
}

async fn renew(settings: config::Store, tenant: String, name: String, given: Given) -> Result<()> {
    password::check(&given.password, &name).await.map_err(told)?;
    let hash = password::hash(given.password.clone()).await.map_err(told)?;
    change(settings, tenant, (Security::User, &name), |account| {
        account.password = hash;
        account.signed_out = clock::now_ms();
    })
    .await?;
    given.print(&format!("user {name} has another password"))
}

async fn assign(settings: config::Store, tenant: String, name: String, given: Vec<Assignment>) -> Result<()> {
    within(&settings, &tenant, async |session| roles::checked(&*session, &tenant, &given).await.map_err(told)).await?;
    let told = given.iter().map(Assignment::to_string).collect::<Vec<_>>().join(", ");
    change(settings, tenant, (Security::Roles, &name), |account| {
        (account.roles, account.scope, account.is_administrator) = (given, String::new(), false);
    })
    .await?;
    print(format_args!("user {name} has the roles {}", if told.is_empty() { "none" } else { &told }))
}

async fn administrator(settings: config::Store, tenant: String, name: String, is_one: bool) -> Result<()> {
    change(settings, tenant.clone(), (Security::Roles, &name), |account| {
        account.is_administrator = false;
        account.roles.retain(|it| *it != Assignment::everywhere(ADMIN));
        account.roles.extend(is_one.then(|| Assignment::everywhere(ADMIN)));
    })
    .await?;
    tracing::info!(tenant, user = name, is_one, "a user administers the tenant, or no longer");
    print(match is_one {
        true => format!("user {name} administers {tenant}, by apps that are granted user/*.cruds from now on"),
        false => format!("user {name} administers {tenant} no longer"),
    })
}

async fn reset_factors(settings: config::Store, tenant: String, name: String) -> Result<()> {
    entered(&settings, &tenant, (Security::User, &name), async |session| {
        factor::reset(&*session, &name).await.map_err(told)
    })
    .await?;
    tracing::info!(tenant, user = name, "a user's second factors were taken away");
    print(format_args!("user {name} has no second factor any more"))
}

async fn list(settings: config::Store, tenant: String) -> Result<()> {
    let all = within(&settings, &tenant, async |session| kept::list::<Account>(&*session, LISTED).await.map_err(told));
    for entry in all.await? {
        let state = if entry.value.is_enabled { "" } else { "  disabled" };
        let roles = entry.value.roles.iter().map(Assignment::to_string).chain([entry.value.scope.clone()]);
        let may = roles.filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ");
        print(format_args!("{}  {}  {may}{state}", entry.key, entry.value.fhir_user))?;
    }
    Ok(())
}

async fn enable(settings: config::Store, tenant: String, name: String, is_enabled: bool) -> Result<()> {
    change(settings, tenant, (Security::User, &name), |account| {
        account.is_enabled = is_enabled;
        if !is_enabled {
            account.signed_out = clock::now_ms();
        }
    })
    .await
}

async fn remove(settings: config::Store, tenant: String, name: String) -> Result<()> {
    entered(&settings, &tenant, (Security::User, &name), async |session| {
        if !leaving::user(&*session, &name).await.map_err(told)? {
            bail!("there is no user `{name}`");
        }
        Ok(())
    })
    .await?;
    tracing::info!(tenant, user = name, "a user was taken away");
    Ok(())
}

async fn change(
    settings: config::Store,
    tenant: String,
    (what, name): (Security, &str),
    step: impl FnOnce(&mut Account),
) -> Result<()> {
    entered(&settings, &tenant, (what, name), async |session| {
        let account = account::find(&*session, name).await.map_err(told)?;
        let mut account = account.with_context(|| format!("there is no user `{name}`"))?;
        let was_out = account.value.signed_out;
        step(&mut account.value);
        let mut changes = vec![account.replace().map_err(told)?];
        if account.value.signed_out != was_out {
            changes.extend(sign_ins::end_all(&*session, &account.key).await.map_err(told)?);
        }
        if !kept::write(&*session, changes).await.map_err(told)? {
            bail!("the user is being changed by somebody else; try again");
        }
        Ok(())
    })
    .await
}

/// Changes something of a tenant's security, and enters in its audit log what and whose.
pub(super) async fn entered<T>(
    settings: &config::Store,
    tenant: &str,
    (what, about): (Security, &str),
    work: impl AsyncFnOnce(Arc<dyn Session>) -> Result<T>,
) -> Result<T> {
    within(settings, tenant, async |session| by_operator(&*session, (what, about), work(session.clone())).await).await
}

/// Does what the operator asked for: the event goes with the change that it makes, or is entered when it is done.
pub(super) async fn by_operator<T>(
    session: &dyn Session,
    (what, about): (Security, &str),
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let followed = async {
        act::begin(session, audit::of_operator(what, Some(about)));
        let done = work.await;
        (done, act::end())
    };
    let (done, is_kept) = act::may_act(followed).await;
    let done = done?;
    if !is_kept {
        audit::by_operator(session, what, Some(about)).await.map_err(told)?;
    }
    Ok(done)
}

/// Does something with a tenant's data.
pub(super) async fn within<T>(
    settings: &config::Store,
    tenant: &str,
    work: impl AsyncFnOnce(Arc<dyn Session>) -> Result<T>,
) -> Result<T> {
    let store = database::open(settings).await?;
    let tenant = tenants::existing(&*store, tenant).await?;
    let session = store.open(&tenant).await?;
    let result = work(session).await;
    store.close().await;
    result
}

/// A failure as a person is told it.
pub(super) fn told(failure: Failure) -> anyhow::Error {
    let told = failure.issues.first().map(|it| it.diagnostics.to_string()).unwrap_or_default();
    match failure.cause {
        Some(cause) => anyhow!("{told} ({cause})"),
        None => anyhow!(told),
    }
}
