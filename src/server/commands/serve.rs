//! `medisync serve`

use super::print;
use crate::audit_time::drop_what_is_old;
use crate::auth::{Gate, Mode, logout};
use crate::config::{
    self, AuditLogFlags, AuthFlags, File, HttpFlags, LimitFlags, MailFlags, NetworkFlags, PasswordFlags, Place,
    RateFlags, SignInFlags, StoreFlags,
};
use crate::http::{Demo, Server, listen};
use crate::outgoing::Outgoing;
use crate::rates::Rates;
use crate::{clock, database, demo, mail, master};
use anyhow::{Context, Result, bail};
use clap::builder::FalseyValueParser;
use engine::Authorization;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Arguments of `medisync serve`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  medisync serve --demo --no-auth
  medisync serve --listen 0.0.0.0:8080 --database sqlite:/var/lib/medisync --base-url https://fhir.example.org
  medisync serve --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem --base-url https://fhir.example.org
  medisync serve --database 'postgres://medisync@db.example.org/medisync?sslmode=verify-full'

A database is brought up to date before the server listens, unless --no-migrate is given.")]
pub struct Serve {
    /// Make tenant `demo` with a demo hospital in it
    #[arg(long, env = "MEDISYNC_DEMO", value_parser = FalseyValueParser::new())]
    demo: bool,
    /// Answer everybody, without tokens; on a loopback address only
    #[arg(long, env = "MEDISYNC_NO_AUTH", value_parser = FalseyValueParser::new())]
    no_auth: bool,
    /// Keep no audit log, to measure what it costs; on a loopback address only
    #[arg(long, env = "MEDISYNC_NO_AUDIT", value_parser = FalseyValueParser::new())]
    no_audit: bool,
    /// PostgreSQL: refuse to start where `medisync migrate` has something to do
    #[arg(long, env = "MEDISYNC_NO_MIGRATE", value_parser = FalseyValueParser::new())]
    no_migrate: bool,
    #[command(flatten)]
    http: HttpFlags,
    #[command(flatten)]
    store: StoreFlags,
    #[command(flatten)]
    limits: LimitFlags,
    #[command(flatten)]
    rates: RateFlags,
    #[command(flatten)]
    auth: AuthFlags,
    #[command(flatten)]
    sign_in: SignInFlags,
    #[command(flatten)]
    network: NetworkFlags,
    #[command(flatten)]
    audit: AuditLogFlags,
    #[command(flatten)]
    passwords: PasswordFlags,
    #[command(flatten)]
    mail: MailFlags,
}

/// How often a node looks for work in the background that a killed one has left.
const PATROL: Duration = Duration::from_secs(5);

/// How long a server that stops has its last events go into the audit log.
const WAITING: Duration = Duration::from_secs(5);

/// What `serve` works with.
struct Plan {
    demo: bool,
    no_audit: bool,
    no_migrate: bool,
    mode: Mode,
    http: config::Http,
    store: config::Store,
    limits: config::Limits,
    rates: config::Rates,
    sign_in: config::SignIn,
    network: config::Network,
    audit: config::AuditLog,
    passwords: config::Passwords,
    mail: config::Mail,
}

impl Serve {
    /// Serves until told to stop.
    pub fn run(self, file: &File) -> Result<()> {
        let http = self.http.resolve(file)?;
        let mode = if self.no_auth { open(&http)? } else { Mode::Tokens { issuer: self.auth.resolve(file)?.issuer } };
        let (store, limits) = (self.store.resolve(file)?, self.limits.resolve(file)?);
        let rates = self.rates.resolve(file)?;
        let (sign_in, passwords) = (self.sign_in.resolve(file)?, self.passwords.resolve(file)?);
        let network = self.network.resolve(file)?;
        let audit = self.audit.resolve(file)?;
        let mut mail = self.mail.resolve(file)?;
        if self.demo && mail_origin(&http, http.listen).is_some() {
            mail.keep_unless_sent(&store)?;
        }
        if self.no_audit {
            unaudited(&http)?;
        }
        let (demo, no_audit, no_migrate) = (self.demo, self.no_audit, self.no_migrate);
        let plan = Plan {
            demo,
            no_audit,
            no_migrate,
            mode,
            http,
            store,
            limits,
            rates,
            sign_in,
            network,
            audit,
            passwords,
            mail,
        };
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        if let Some(workers) = plan.http.workers.given() {
            runtime.worker_threads((*workers).max(1));
        }
        runtime.enable_all().build()?.block_on(serve(plan))
    }
}

/// The mode in which everybody is let in, which must stay on this machine.
fn open(http: &config::Http) -> Result<Mode> {
    if !http.listen.ip().is_loopback() {
        bail!(
            "--no-auth lets everybody read and change all records, so it works on a loopback address only, not on {}",
            http.listen
        );
    }
    tracing::warn!("--no-auth: EVERYBODY on this machine can read and change ALL records of ALL tenants");
    Ok(Mode::Open)
}

/// Work that nobody can account for must stay on this machine.
fn unaudited(http: &config::Http) -> Result<()> {
    if !http.listen.ip().is_loopback() {
        bail!(
            "--no-audit leaves no trace of who saw what, so it works on a loopback address only, not on {}",
            http.listen
        );
    }
    tracing::warn!("--no-audit: NOTHING that is read or changed is entered in the audit log");
    Ok(())
}

async fn serve(plan: Plan) -> Result<()> {
    // Signals count from now on, also while the demo is being loaded.
    let stop = stop_signal()?;
    let _lock = database::lock_with_texts(&plan.store)?;
    if plan.no_migrate && plan.store.database.place()? == Place::Postgres {
        database::verify(&plan.store).await?;
    }
    let store = database::open(&plan.store).await?;
    master::warn_of_none(&plan.store)?;
    database::wrap_keys(&*store, &plan.store).await?;
    let mut settings = plan.limits.engine(&plan.store);
    settings.audit = !plan.no_audit;
    settings.audit_folder = Some(plan.store.waiting_events()?);
    let origin = plan.http.base_url.given().map(ToString::to_string);
    settings.addresses = plan.http.addresses();
    if let Mode::Tokens { .. } = plan.mode {
        settings.authorization = Some(Authorization { origin });
    }
    let engine = Arc::new(database::engine(store.clone(), settings));
    if plan.demo {
        demo::prepare(&engine).await?;
    }
    // The demo's passwords are known to everybody anyway.
    plan.passwords.breached_passwords.begin()?;
    let certificate = plan.http.certificate()?.map(Arc::new);
    let listener =
        TcpListener::bind(plan.http.listen).await.with_context(|| format!("cannot listen on {}", plan.http.listen))?;
    let address = listener.local_addr()?;
    let times = listen::Times { idle: plan.http.idle_time.duration(), drain: plan.http.drain_time.duration() };
    let authorities = plan.network.private_authorities.certificates()?;
    mail::begin(&plan.mail, &authorities, mail_origin(&plan.http, address), store.clone())?;
    logout::begin(store.clone(), Arc::new(Outgoing::new(&plan.network)?));
    let gate = Gate::new(engine.clone(), plan.mode);
    // Without tokens there is nobody to count for.
    let rates = gate.issuer().map(|_| Rates::new(plan.rates.limits(), store.told().is_some()));
    let others = (&plan.sign_in, &plan.network);
    let demo = plan.demo.then(|| Demo { mails: plan.mail.mail.folder().map(ToOwned::to_owned) });
    let server = Arc::new(Server::new(engine.clone(), gate, &plan.http, &plan.limits, rates, others, demo)?);
    server.warn_of_hosts(address);
    let following = certificate.clone().map(|it| tokio::spawn(it.follow()));
    let own = format!("{}://{address}", plan.http.scheme());
    print(format_args!("listening on {own}"))?;
    let origin = plan.http.base_url.given().map_or(own, ToString::to_string);
    let base_of = move |tenant: &str| format!("{origin}/fhir/{tenant}");
    let (stop_waiting, stopped) = watch::channel(false);
    let logging = engine.clone();
    let waiting = tokio::spawn(async move { logging.log_waiting_events(stopped).await });
    let builds = tokio::spawn(async move {
        loop {
            engine.resume_builds(&base_of).await;
            tokio::time::sleep(PATROL).await;
        }
    });
    let (stop_telling, told) = watch::channel(false);
    let telling = tokio::spawn(tell_refusals(server.clone(), told));
    let drops = tokio::spawn(drop_what_is_old(store.clone(), plan.audit.audit_time.millis()?));
    listen::answer(listener, certificate, server.answers(), stop, times).await;
    builds.abort();
    stop_telling.send_replace(true);
    let _ = tokio::time::timeout(WAITING, telling).await;
    drops.abort();
    stop_waiting.send_replace(true);
    // What could not be put into the log by then waits for the next start.
    let _ = tokio::time::timeout(WAITING, waiting).await;
    if let Some(following) = following {
        following.abort();
    }
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Has the audit logs know how many requests were refused, minute by minute, and at the end.
async fn tell_refusals(server: Arc<Server>, mut stopped: watch::Receiver<bool>) {
    while let Err(_elapsed) = tokio::time::timeout(PATROL, stopped.changed()).await {
        server.tell_refusals(clock::now_ms(), false).await;
    }
    server.tell_refusals(clock::now_ms(), true).await;
}

/// What links in mails begin with: the server's own address as the operator has set it, or one on this machine. What a request
/// says of its host could lead whoever follows the link, and the secret in it, elsewhere.
fn mail_origin(http: &config::Http, listening: SocketAddr) -> Option<String> {
    match http.base_url.given() {
        Some(origin) => Some(origin.to_string()),
        None => listening.ip().is_loopback().then(|| format!("{}://{listening}", http.scheme())),
    }
}

/// Turns true at the first SIGTERM or SIGINT.
fn stop_signal() -> Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: no new requests are taken");
        sender.send_replace(true);
    });
    Ok(receiver)
}
