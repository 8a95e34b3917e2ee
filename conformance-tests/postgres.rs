//! PostgreSQL for the cases: databases of the one that `scripts/test` starts, and private ones that a case may break.

use crate::{skipped, unique};
use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

/// Whether all cases run on PostgreSQL: `MEDISYNC_TEST_DATABASE=postgres`.
pub fn is_on_postgres() -> bool {
    match env::var("MEDISYNC_TEST_DATABASE").as_deref() {
        Ok("postgres") => true,
        Ok("sqlite") | Err(_) => false,
        Ok(other) => panic!("MEDISYNC_TEST_DATABASE is {other:?}; it is sqlite or postgres"),
    }
}

/// Nothing that must come to be takes so long, on whatever machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The name of sessions that hold locks.
const LOCKER: &str = "locker";

/// A database of the PostgreSQL at `MEDISYNC_TEST_POSTGRES`; dropped at the end.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// A new, empty database of the test run's PostgreSQL, which must be there.
    pub fn fresh() -> Database {
        let server = env::var("MEDISYNC_TEST_POSTGRES");
        Database::of(&server.expect("MEDISYNC_TEST_POSTGRES is the URL of `scripts/postgres start FOLDER`"))
    }

    /// A new, empty database of the PostgreSQL with this URL.
    pub fn of(server: &str) -> Database {
        let name = format!("case_{}", unique().replace('-', "_"));
        query(server, &format!("CREATE DATABASE {name}"));
        Database { server: server.to_owned(), name }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value for `--database`.
    pub fn url(&self) -> String {
        with_database(&self.server, &self.name)
    }

    /// The rows of a query by the owner of everything, one in a line, columns parted by `|`.
    #[track_caller]
    pub fn query(&self, sql: &str) -> String {
        query(&self.url(), sql)
    }

    /// Locks a table of the records as somebody else would who forgets to commit, until [`Database::unlock`].
    #[track_caller]
    pub fn lock(&self, table: &str) {
        self.hold(&format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", self.table(table)));
    }

    /// Runs a statement in a transaction that nobody ends until [`Database::unlock`].
    #[track_caller]
    pub fn hold(&self, statement: &str) {
        let before = self.held();
        let mut command = psql(&self.url());
        command.env("PGAPPNAME", LOCKER).arg("--single-transaction");
        command.args(["--command", &format!("{statement}; SELECT pg_sleep(3600)")]);
        let mut locker = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("psql runs");
        // It ends by unlock.
        std::thread::spawn(move || locker.wait());
        eventually(&format!("{statement} is done"), || self.held() > before);
    }

    /// How many have done what they were to do in a transaction, and sleep in it.
    fn held(&self) -> usize {
        let held = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{LOCKER}' AND datname = current_database() \
             AND wait_event = 'PgSleep'"
        );
        self.query(&held).parse().expect("a count")
    }

    /// Gives up everything that [`Database::lock`] and [`Database::hold`] took.
    #[track_caller]
    pub fn unlock(&self) {
        self.query(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE application_name = '{LOCKER}' AND datname = current_database()"
        ));
    }

    /// A table's name with its schema.
    #[track_caller]
    pub fn table(&self, name: &str) -> String {
        self.query(&format!("SELECT schemaname || '.' || tablename FROM pg_tables WHERE tablename = '{name}' LIMIT 1"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // A case may have stopped the server for good, and what lies in it is temporary anyway.
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = psql(&self.server).arg("--command").arg(drop).stderr(Stdio::null()).status();
    }
}

/// A PostgreSQL of a case's own, with fsync, which it may stop and break.
pub struct Cluster {
    folder: TempDir,
}

impl Cluster {
    /// Starts one with these settings (`name=value`). None where there is no PostgreSQL for tests, which is told.
    pub fn start(settings: &[&str]) -> Option<Cluster> {
        if env::var_os("MEDISYNC_TEST_POSTGRES").is_none() {
            static TOLD: Once = Once::new();
            // Past the test harness, which swallows what passing cases print.
            let told = || writeln!(std::io::stderr(), "SKIPPED: PostgreSQL's cases; scripts/test starts one for them");
            TOLD.call_once(|| told().expect("stderr can be written"));
            return None;
        }
        let folder = tempfile::Builder::new().prefix("medisync-").tempdir_in("/tmp").expect("a temporary directory");
        let cluster = Cluster { folder };
        cluster.resume(settings);
        Some(cluster)
    }

    /// A standby of this one, which follows it.
    #[track_caller]
    pub fn standby(&self) -> Cluster {
        let folder = tempfile::Builder::new().prefix("medisync-").tempdir_in("/tmp").expect("a temporary directory");
        let standby = Cluster { folder };
        standby.script(&["standby", standby.path(), self.path()]);
        standby
    }

    /// Starts it again after a stop.
    #[track_caller]
    pub fn resume(&self, settings: &[&str]) {
        self.script(&[&["start", self.path()], settings].concat());
    }

    /// The same, with the network of this namespace (ip-netns(8)).
    #[track_caller]
    pub fn resume_in(&self, namespace: &str, settings: &[&str]) {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).arg(program());
        run(command.args(["start", self.path()]).args(settings));
    }

    /// Stops it: `smart`, `fast` or `immediate` (pg_ctl's modes).
    #[track_caller]
    pub fn stop(&self, mode: &str) {
        self.script(&["stop", mode, self.path()]);
    }

    /// Kills it as a crash of the machine would, every process of it at once.
    #[track_caller]
    pub fn kill(&self) {
        let pid_file = self.folder.path().join("data/postmaster.pid");
        let text = std::fs::read_to_string(pid_file).expect("it runs");
        let postmaster = text.lines().next().expect("a process id");
        // The first signal keeps the postmaster from telling its children to end in order.
        let kill = format!(
            "kill -STOP {postmaster}; pgrep -P {postmaster}; pkill -KILL -P {postmaster}; kill -KILL {postmaster}"
        );
        let children = run(Command::new("sh").arg("-c").arg(kill));
        // A process whose end nobody has seen yet keeps its number, and the next one would take it for alive; a child that
        // writes to the disk still would keep the next one from starting.
        for process in children.lines().chain([postmaster]) {
            eventually(&format!("process {process} ends"), || !Path::new("/proc").join(process).exists());
        }
    }

    /// The URL of its database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost:5432/postgres?host={}", self.path())
    }

    /// A copy of a file that belongs to the user it runs as.
    #[track_caller]
    pub fn adopt(&self, file: &Path) -> PathBuf {
        let copy = self.folder.path().join(file.file_name().expect("a file"));
        std::fs::copy(file, &copy).expect("a copy");
        let owner = format!("--reference={}", self.path());
        for (command, argument) in [("chown", owner.as_str()), ("chmod", "600")] {
            let done = Command::new(command).arg(argument).arg(&copy).status();
            assert!(done.is_ok_and(|it| it.success()), "{command} {}", copy.display());
        }
        copy
    }

    /// Starts PgBouncer before it, which gives each transaction any of a few sessions. The URL of a database past it; none
    /// where there is no PgBouncer, which is told.
    pub fn pool(&self, database: &str) -> Option<String> {
        let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pgbouncer/usr/sbin/pgbouncer");
        let is_there = fetched.exists() || Command::new("pgbouncer").arg("--version").output().is_ok();
        if !is_there {
            skipped("there is no pgbouncer; scripts/setup fetches it");
            return None;
        }
        Some(self.script(&["pool", self.path(), database]))
    }

    /// Runs statements outside of any case's database.
    #[track_caller]
    pub fn query(&self, sql: &str) -> String {
        query(&self.url(), sql)
    }

    /// Runs statements in a database that is there though it was not made here, as a standby's.
    #[track_caller]
    pub fn query_in(&self, database: &str, sql: &str) -> String {
        query(&with_database(&self.url(), database), sql)
    }

    /// Its unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    fn path(&self) -> &str {
        self.folder.path().to_str().expect("a path of UTF-8")
    }

    #[track_caller]
    fn script(&self, arguments: &[&str]) -> String {
        run(Command::new(program()).args(arguments))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop("immediate");
            return;
        }
        // The case's own failure is what is to be told.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.stop("immediate")));
    }
}

/// `scripts/postgres`
fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres")
}

/// Waits until it is so, which takes minutes on no machine.
#[track_caller]
pub fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a command prints.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// The URL with another database's name in it.
pub fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = address.rsplit_once('/').expect("a URL names a database");
    format!("{server}/{name}?{parameters}")
}

/// All data of a database as SQL, bytes in hexadecimal digits.
#[track_caller]
pub fn dump(url: &str) -> String {
    run(Command::new("pg_dump").arg("--data-only").arg(url))
}

/// The rows of a query by the owner of everything, one in a line, columns parted by `|`.
#[track_caller]
pub fn query(url: &str, sql: &str) -> String {
    let output = psql(url).arg("--command").arg(sql).output().expect("psql runs");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("psql prints UTF-8").trim().to_owned()
}

fn psql(url: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]).arg(url);
    command
}
