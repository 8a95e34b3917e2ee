//! Settings: a flag goes before its `MEDISYNC_…` variable, that before the settings file, that before the default.
//!
//! Every setting is told once, in one line of `settings!`: that makes the flag, the variable, the key in the file
//! and the value that the program works with.

mod auto;
mod file;
mod mail;
mod master;
mod place;
mod registration;
mod registry;
mod residence;
mod schema;
mod units;

#[cfg(test)]
mod tests;

pub use auto::Auto;
pub use file::File;
pub use mail::{Correspondent, MailRoute, Secret, SmtpServer, SmtpTls};
pub use master::{MasterKey, OptionalFile, Transit};
pub use place::{DatabaseUrl, Place};
pub use registration::Registration;
pub use registry::Registry;
pub use residence::{Region, Regions, SecondUrl};
pub use schema::schema;
pub use units::{Size, Span};

use anyhow::{Context, Result, anyhow};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Makes a group of settings: `$flags` as clap reads it, and `$values` as the program uses it.
macro_rules! settings {
    ($(#[$about_group:meta])* $values:ident, $flags:ident, $heading:literal {
        $($(#[$more:meta])* $name:ident: $type:ty = $default:literal, $variable:literal, $unit:literal, $about:literal;)*
    }) => {
        $(#[$about_group])*
        // What helps at the prompt has addresses as they are typed.
        #[allow(rustdoc::bare_urls)]
        #[derive(Clone, Debug)]
        pub struct $values { $(#[doc = $about] pub $name: $type,)* }

        #[doc = concat!("The flags and variables of [`", stringify!($values), "`].")]
        #[derive(Clone, Debug, Default, clap::Args)]
        #[command(next_help_heading = $heading)]
        pub struct $flags {
            $(#[arg(long, env = $variable, value_name = $unit, hide_env_values = true)]
              #[arg(help = concat!($about, " [default: ", $default, "]"))]
              $(#[$more])*
              $name: Option<$type>,)*
        }

        impl $flags {
            /// What a settings file may say of them.
            fn properties() -> Vec<schema::Property> {
                vec![$(schema::property::<$type>(stringify!($name), $default, $about)),*]
            }

            /// Completes what was given by flags and variables from the file and the defaults.
            pub fn resolve(self, file: &File) -> Result<$values> {
                Ok($values { $($name: settle(self.$name, file, stringify!($name), $default)?,)* })
            }
        }
    };
}

settings! {
    /// Where data is kept.
    Store, StoreFlags, "Data" {
        database: DatabaseUrl = "sqlite:./data", "MEDISYNC_DATABASE", "URL", "Where data is kept: sqlite:DIRECTORY or postgres://USER@HOST/DATABASE";
        read_database: SecondUrl = "none", "MEDISYNC_READ_DATABASE", "URL", "PostgreSQL: a standby of the database that answers reads and searches: postgres://USER@HOST/DATABASE";
        database_connections: u32 = "24", "MEDISYNC_DATABASE_CONNECTIONS", "COUNT", "PostgreSQL: the most connections to one database for records at the same time; a few more are for the directory of tenants";
        write_time: Span = "30s", "MEDISYNC_WRITE_TIME", "TIME", "PostgreSQL: the longest a write may take in the database";
        text_folder: PathBuf = "./data/text", "MEDISYNC_TEXT_FOLDER", "FOLDER", "PostgreSQL: where this node keeps its full-text indexes, which are made from the records";
        audit_folder: PathBuf = "./data/audit", "MEDISYNC_AUDIT_FOLDER", "FOLDER", "PostgreSQL: where events of the audit log wait on this node: those of reads where audit-reads says so, and those of what a standby answers while the primary database is away; SQLite has it in its data folder";
        audit_reads: engine::ReadEvents = "auto", "MEDISYNC_AUDIT_READS", "WHERE", "What is on disk before the answer to a read leaves: its event in the database, or on this node (in the folder of audit-folder, which must outlive the process, and within a second in the database), or auto, which is node with SQLite, whose data is on that disk as well, and database with PostgreSQL";
        regions: Regions = "any", "MEDISYNC_REGIONS", "LABELS", "PostgreSQL: serve only tenants that are kept in these regions, such as eu,uk; any serves all";
        master_key: MasterKey = "auto", "MEDISYNC_MASTER_KEY", "WHERE", "The key that tenants' keys are wrapped by: file:PATH, env:VARIABLE (lines of an id and 32 bytes in base64, the last of which wraps), vault:https://HOST:8200/MOUNT/KEY (HashiCorp Vault's Transit), none, or auto, which makes a file in SQLite's data folder and is none with PostgreSQL";
        vault_token: Secret = "none", "MEDISYNC_VAULT_TOKEN", "TOKEN", "What shows Vault who asks: file:PATH, read each time, or the token; better as variable or in the settings file, as others may see a flag";
        vault_authorities: crate::outgoing::Authorities = "none", "MEDISYNC_VAULT_AUTHORITIES", "FILE", "Certificate authorities that may have given Vault its certificate, beside the public ones: none, or a file of certificates in PEM";
        query_time: Span = "10s", "MEDISYNC_QUERY_TIME", "TIME", "The longest a query of the database may take";
    }
}

settings! {
    /// Where a tenant's records are kept, on PostgreSQL.
    Residence, ResidenceFlags, "Placement" {
        placement: store::Placement = "pool", "MEDISYNC_PLACEMENT", "PLACEMENT", "PostgreSQL: pool (tables that tenants share), schema (a schema of its own) or database (another database, given by --url)";
        url: SecondUrl = "none", "MEDISYNC_URL", "URL", "The other database, for the placement `database`";
        region: Region = "none", "MEDISYNC_REGION", "LABEL", "What the place's region is called, such as eu";
        standby: SecondUrl = "none", "MEDISYNC_STANDBY", "URL", "A standby of the other database that answers reads and searches";
    }
}

impl Mail {
    /// Has mails go into a folder beside the data where they would not go anywhere, so that everything can be tried.
    pub fn keep_unless_sent(&mut self, store: &Store) -> Result<()> {
        if self.mail == MailRoute::None {
            self.mail = MailRoute::Folder(match store.database.place()? {
                Place::Folder(data) => data.join("mails"),
                Place::Postgres => "./data/mails".into(),
            });
        }
        Ok(())
    }
}

impl Store {
    /// Whether data is kept on this node's disk.
    fn is_on_this_node(&self) -> bool {
        matches!(self.database.place(), Ok(Place::Folder(_)))
    }

    /// Where events of the audit log wait on this node.
    pub fn waiting_events(&self) -> Result<PathBuf> {
        Ok(match self.database.place()? {
            Place::Folder(data) => data.join("audit"),
            Place::Postgres => self.audit_folder.clone(),
        })
    }
}

impl Residence {
    /// The same, as the store has it.
    pub fn of_tenant(self) -> store::Residence {
        store::Residence {
            placement: self.placement,
            url: self.url.whole(),
            region: self.region.label(),
            standby: self.standby.whole(),
        }
    }
}

settings! {
    /// What is told about the work.
    Log, LogFlags, "Log" {
        #[arg(global = true)]
        log_level: String = "info", "MEDISYNC_LOG_LEVEL", "LEVEL", "What is logged: error, warn, info, debug, trace, or by part: info,store=debug";
        #[arg(global = true)]
        log_format: crate::logging::Format = "text", "MEDISYNC_LOG_FORMAT", "FORMAT", "How log lines are written to stderr: text or json";
    }
}

settings! {
    /// Who signs access tokens.
    Auth, AuthFlags, "Access" {
        issuer: String = "medisync", "MEDISYNC_ISSUER", "NAME", "Issuer in access tokens; a tenant's tokens say NAME:TENANT";
    }
}

settings! {
    /// How long the audit log is kept.
    AuditLog, AuditLogFlags, "Audit log" {
        audit_time: Span = "2192d", "MEDISYNC_AUDIT_TIME", "TIME", "How long events of the audit log are kept; the default is six years";
    }
}

settings! {
    /// What passwords must not be.
    Passwords, PasswordFlags, "Passwords" {
        breached_passwords: crate::auth::breached::Breached = "none", "MEDISYNC_BREACHED_PASSWORDS", "FILE", "Passwords that nobody may choose: none, or a file of SHA-1 hashes in ascending order, as Have I Been Pwned publishes it";
    }
}

settings! {
    /// How people and apps come in.
    SignIn, SignInFlags, "Sign-in" {
        registration: Registration = "approval", "MEDISYNC_REGISTRATION", "WHO", "Apps that register themselves: open takes them at once, approval has them wait for `medisync client approve`, closed refuses them";
    }
}

settings! {
    /// Whom the program may ask.
    Network, NetworkFlags, "Outgoing requests" {
        private_hosts: crate::outgoing::Hosts = "none", "MEDISYNC_PRIVATE_HOSTS", "HOSTS", "Hosts in private networks that the server may ask, for the keys of a client, for providers of sign-on and for packages: none, or a list such as keys.hospital.internal";
        private_authorities: crate::outgoing::Authorities = "none", "MEDISYNC_PRIVATE_AUTHORITIES", "FILE", "Certificate authorities that are trusted beside the public ones, for requests that the server makes and for its mail server: none, or a file of certificates in PEM";
    }
}

settings! {
    /// How mails are sent.
    Mail, MailFlags, "E-mail" {
        mail: MailRoute = "none", "MEDISYNC_MAIL", "WHERE", "Where mails go: none, folder:PATH (a file for each, to try things out), smtp://HOST:PORT (STARTTLS is demanded, unless the host is this machine) or smtps://HOST:PORT";
        mail_user: Secret = "none", "MEDISYNC_MAIL_USER", "NAME", "The name by which the mail server knows this server: none, or a name";
        mail_password: Secret = "none", "MEDISYNC_MAIL_PASSWORD", "PASSWORD", "The password that goes with it; better as variable or in the settings file, as others may see a flag";
        mail_from: Correspondent = "none", "MEDISYNC_MAIL_FROM", "ADDRESS", "Whom mails come from, such as North Clinic <noreply@example.org>; SMTP needs it";
        mail_reply_to: Correspondent = "none", "MEDISYNC_MAIL_REPLY_TO", "ADDRESS", "Where answers to mails go: none, or an address";
        mails_per_address: u32 = "5", "MEDISYNC_MAILS_PER_ADDRESS", "COUNT", "The most mails that a tenant sends to one address in an hour";
        mails_per_tenant: u32 = "500", "MEDISYNC_MAILS_PER_TENANT", "COUNT", "The most mails that a tenant sends in an hour";
        invitation_time: Span = "72h", "MEDISYNC_INVITATION_TIME", "TIME", "How long an invitation can be accepted";
    }
}

settings! {
    /// How the server is reached, and how much it does at a time.
    Http, HttpFlags, "Server" {
        listen: SocketAddr = "127.0.0.1:8080", "MEDISYNC_LISTEN", "ADDRESS", "Address and port to listen on; port 0 takes a free one";
        tls_cert: OptionalFile = "none", "MEDISYNC_TLS_CERT", "FILE", "The server's certificate and those that lead to its authority (PEM), to speak TLS 1.3: none, or a file, read again when it changes and at SIGHUP";
        tls_key: OptionalFile = "none", "MEDISYNC_TLS_KEY", "FILE", "The certificate's key (PEM)";
        base_url: Auto<crate::http::Origin> = "auto", "MEDISYNC_BASE_URL", "URL", "The server's own address as clients see it, such as https://fhir.example.org; auto takes it from each request's Host header, and on an address that is not loopback answers only as localhost, its IP address and tenant-hosts";
        cors_origins: crate::http::Origins = "none", "MEDISYNC_CORS_ORIGINS", "ORIGINS", "Pages of which other origins may call the server from a browser: none, any, or a list such as https://app.example.org,https://www.example.org";
        trusted_proxies: crate::http::Proxies = "loopback", "MEDISYNC_TRUSTED_PROXIES", "ADDRESSES", "Proxies that are believed whom they speak for (X-Forwarded-For): loopback, none, or a list of addresses and blocks such as 10.0.0.0/8";
        tenant_hosts: String = "localhost", "MEDISYNC_TENANT_HOSTS", "DOMAIN", "Requests to TENANT.DOMAIN are for that tenant";
        workers: Auto<usize> = "auto", "MEDISYNC_WORKERS", "COUNT", "Threads that answer requests; auto takes one for each core";
        max_requests: usize = "1024", "MEDISYNC_MAX_REQUESTS", "COUNT", "Requests carried out at the same time; more of them wait";
        request_time: Span = "60s", "MEDISYNC_REQUEST_TIME", "TIME", "The longest a request may take";
        idle_time: Span = "75s", "MEDISYNC_IDLE_TIME", "TIME", "How long a connection may wait for its next request, or take to send a request's head";
        drain_time: Span = "20s", "MEDISYNC_DRAIN_TIME", "TIME", "How long requests under way may go on after SIGTERM";
        max_body: Size = "50 MiB", "MEDISYNC_MAX_BODY", "SIZE", "The largest request body, as sent";
    }
}

settings! {
    /// How much one document or request may ask for, whether it comes over HTTP or from a file.
    Limits, LimitFlags, "Limits" {
        max_unpacked: Size = "200 MiB", "MEDISYNC_MAX_UNPACKED", "SIZE", "The largest document after decompression";
        max_json_depth: usize = "64", "MEDISYNC_MAX_JSON_DEPTH", "COUNT", "The deepest nesting of JSON objects and arrays";
        max_json_values: usize = "10000000", "MEDISYNC_MAX_JSON_VALUES", "COUNT", "The most values in one JSON document";
        max_bundle_entries: usize = "20000", "MEDISYNC_MAX_BUNDLE_ENTRIES", "COUNT", "The most entries in a submitted Bundle";
        default_count: usize = "20", "MEDISYNC_DEFAULT_COUNT", "COUNT", "Resources on a page where a search does not say";
        max_count: usize = "1000", "MEDISYNC_MAX_COUNT", "COUNT", "The most resources on a page";
        max_includes: usize = "10000", "MEDISYNC_MAX_INCLUDES", "COUNT", "The most resources that includes may add to a page";
        index_rest: u32 = "3", "MEDISYNC_INDEX_REST", "TIMES", "How many times as long as it works the making of index rows in the background rests";
        profile_breach: engine::ProfileBreach = "error", "MEDISYNC_PROFILE_BREACH", "SEVERITY", "What a breach of a profile that a resource names in meta.profile is to a write: error refuses it, warning lets it pass";
        provenance: engine::MadeProvenance = "all", "MEDISYNC_PROVENANCE", "CHANGES", "For which changes the server makes a Provenance by itself: all (of registered apps and programs, and imports), imports or none";
    }
}

settings! {
    /// How many requests are answered in a minute.
    Rates, RateFlags, "Rate limits" {
        tenant_rate: crate::rates::Rate = "1200000", "MEDISYNC_TENANT_RATE", "COUNT", "Requests with a token that one tenant is answered in a minute, costly ones counted for more; none for no limit";
        client_rate: crate::rates::Rate = "120000", "MEDISYNC_CLIENT_RATE", "COUNT", "The same for one app, program or API key";
        user_rate: crate::rates::Rate = "30000", "MEDISYNC_USER_RATE", "COUNT", "The same for one user";
        address_rate: crate::rates::Rate = "60000", "MEDISYNC_ADDRESS_RATE", "COUNT", "Requests to a tenant, with or without a token, from one address that is not this machine's; version 6 is counted by /64";
    }
}

impl Rates {
    /// As requests are counted by them.
    pub fn limits(&self) -> crate::rates::Limits {
        crate::rates::Limits([self.tenant_rate, self.client_rate, self.user_rate, self.address_rate])
    }
}

settings! {
    /// Where FHIR packages come from.
    Packages, PackageFlags, "Packages" {
        package_folder: PathBuf = "./packages", "MEDISYNC_PACKAGE_FOLDER", "FOLDER", "Where FHIR packages are looked up by name first, as NAME-VERSION.tgz";
        package_registry: Registry = "https://packages.fhir.org", "MEDISYNC_PACKAGE_REGISTRY", "URL", "The registry (NPM's protocol) that FHIR packages are fetched from which the folder does not have; none fetches nothing";
    }
}

impl Http {
    /// The certificate, if the server is to speak TLS.
    pub fn certificate(&self) -> Result<Option<crate::http::tls::Certificate>> {
        match (self.tls_cert.given(), self.tls_key.given()) {
            (None, None) => Ok(None),
            (Some(chain), Some(key)) => crate::http::tls::Certificate::open(chain, key).map(Some),
            _ => anyhow::bail!("TLS takes two files: give both --tls-cert and --tls-key"),
        }
    }

    /// What the server's own addresses begin with.
    pub fn scheme(&self) -> &'static str {
        if self.tls_cert.given().is_some() { "https" } else { "http" }
    }

    /// By which addresses clients may know the server, as far as the settings tell.
    pub fn addresses(&self) -> engine::Addresses {
        let origin = self.base_url.given().map(ToString::to_string);
        let tenant_hosts = self.tenant_hosts.trim_matches('.').to_ascii_lowercase();
        engine::Addresses { origin, tenant_hosts }
    }
}

impl Limits {
    /// The engine's settings.
    pub fn engine(&self, store: &Store) -> engine::Settings {
        engine::Settings {
            json: fhir::json::Limits { depth: self.max_json_depth, values: self.max_json_values },
            bundle_entries: self.max_bundle_entries,
            default_count: self.default_count,
            max_count: self.max_count,
            max_includes: self.max_includes,
            index_rest: self.index_rest,
            profile_breach: self.profile_breach,
            query_time: store.query_time.duration(),
            provenance: self.provenance,
            audit: true,
            audit_folder: None,
            audit_reads: store.audit_reads.settled(store.is_on_this_node()),
            authorization: None,
            addresses: engine::Addresses::default(),
        }
    }
}

/// Everything that a settings file may say.
fn properties() -> impl Iterator<Item = schema::Property> {
    let all = [
        StoreFlags::properties(),
        ResidenceFlags::properties(),
        LogFlags::properties(),
        AuthFlags::properties(),
        AuditLogFlags::properties(),
        PasswordFlags::properties(),
        SignInFlags::properties(),
        NetworkFlags::properties(),
        MailFlags::properties(),
        HttpFlags::properties(),
        LimitFlags::properties(),
        RateFlags::properties(),
        PackageFlags::properties(),
    ];
    all.into_iter().flatten()
}

/// The first of flag (or variable), file and default. What the file says must be right even where a flag goes before
/// it: a mistake is told when it is made, not when the flag is left out one day.
fn settle<T>(flag: Option<T>, file: &File, key: &str, default: &str) -> Result<T>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    let read = |text: &str| text.parse().map_err(|cause| anyhow!("{cause}"));
    let from_file = file.text(key)?.map(|it| read(&it).with_context(|| file.place(key))).transpose()?;
    match flag.or(from_file) {
        Some(given) => Ok(given),
        None => read(default).with_context(|| format!("the default of {key}")),
    }
}
