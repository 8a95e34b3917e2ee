//! PostgreSQL for the cases: databases of the one that `scripts/test` starts, and private ones that a case may break.

use crate::unique;
use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Once;
use tempfile::TempDir;

/// Whether all cases run on PostgreSQL: `MEDISYNC_TEST_DATABASE=postgres`.
pub fn is_on_postgres() -> bool {
    match env::var("MEDISYNC_TEST_DATABASE").as_deref() {
        Ok("postgres") => true,
        Ok("sqlite") | Err(_) => false,
        Ok(other) => panic!("MEDISYNC_TEST_DATABASE is {other:?}; it is sqlite or postgres"),
    }
}

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

    /// The value for `--database`.
    pub fn url(&self) -> String {
        with_database(&self.server, &self.name)
    }

    /// The rows of a query by the owner of everything, one in a line, columns parted by `|`.
    #[track_caller]
    pub fn query(&self, sql: &str) -> String {
        query(&self.url(), sql)
    }

    /// Runs statements by the owner of everything, in a session of its own that lasts as long as they do.
    pub fn session(&self, sql: &str) -> std::process::Child {
        psql(&self.url()).arg("--command").arg(sql).stdout(Stdio::null()).spawn().expect("psql runs")
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

    /// Starts it again after a stop.
    #[track_caller]
    pub fn resume(&self, settings: &[&str]) {
        self.script(&[&["start", self.path()], settings].concat());
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
        let kill = format!("kill -STOP {postmaster}; pkill -KILL -P {postmaster}; kill -KILL {postmaster}");
        assert!(Command::new("sh").arg("-c").arg(kill).status().expect("a shell").success(), "it was killed");
    }

    /// The URL of its database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@localhost:5432/postgres?host={}", self.path())
    }

    /// Its unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    fn path(&self) -> &str {
        self.folder.path().to_str().expect("a path of UTF-8")
    }

    #[track_caller]
    fn script(&self, arguments: &[&str]) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres");
        let output = Command::new(script).args(arguments).output().expect("scripts/postgres runs");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "scripts/postgres {arguments:?}: {errors}");
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

/// The URL with another database's name in it.
pub fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (server, _) = address.rsplit_once('/').expect("a URL names a database");
    format!("{server}/{name}?{parameters}")
}

#[track_caller]
fn query(url: &str, sql: &str) -> String {
    let output = psql(url).arg("--command").arg(sql).output().expect("psql runs");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("psql prints UTF-8").trim().to_owned()
}

fn psql(url: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]).arg(url);
    command
}
