//! The `medisync` program: its commands, and servers that it runs.

mod shared;

use crate::postgres::{self, Database};
use crate::{planted, skipped, unique};
pub use shared::program;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// The level at which servers log, of which nobody sees more than warnings.
const FINEST: &str = "trace";

/// How long a server's last words are waited for.
const TO_THE_END: Duration = Duration::from_secs(2);

/// The base and the token of `FHIR_BASE` and `FHIR_TOKEN`, when the cases run against a server that is there.
pub fn foreign_base() -> Option<(String, Option<String>)> {
    env::var("FHIR_BASE").ok().map(|base| (base, env::var("FHIR_TOKEN").ok()))
}

/// The program over one database.
pub struct Program {
    binary: PathBuf,
    directory: Folder,
    url: String,
    /// Removes the database at the end; none where it is SQLite's, in the directory.
    database: Option<Database>,
}

/// A folder, whose files' names are looked at when it is done with.
struct Folder {
    path: PathBuf,
    /// Removes it at the end; none for the shared server, whose shell does.
    _temporary: Option<TempDir>,
}

impl Folder {
    fn temporary() -> Folder {
        let temporary = temporary();
        Folder { path: temporary.path().to_owned(), _temporary: Some(temporary) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        planted::look_at_files(&self.path);
        planted::check_at_end();
    }
}

impl Program {
    /// The program over a new, empty database; none when the cases run against another server.
    pub fn fresh() -> Option<Program> {
        if foreign_base().is_some() {
            skipped("this is about our own program");
            return None;
        }
        Some(Program::with_directory(Folder::temporary()))
    }

    /// The program over the database with this URL.
    pub fn over(url: String) -> Program {
        Program { binary: binary().clone(), directory: Folder::temporary(), url, database: None }
    }

    fn with_directory(directory: Folder) -> Program {
        let database = postgres::is_on_postgres().then(Database::fresh);
        let url = database.as_ref().map_or_else(|| format!("sqlite:{}", directory.path.display()), Database::url);
        Program { binary: binary().clone(), directory, url, database }
    }

    /// A folder of this program's own; SQLite's data lies in it.
    pub fn directory(&self) -> &Path {
        &self.directory.path
    }

    /// The value for `--database`.
    pub fn database(&self) -> &str {
        &self.url
    }

    /// The program with these arguments, not yet running, with no settings from the outside.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.without_settings(&self.binary);
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// A command with no settings from the outside.
    fn without_settings(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for (name, _) in env::vars().filter(|(name, _)| name.starts_with("MEDISYNC_")) {
            command.env_remove(name);
        }
        // A line for each request would bury what the cases say.
        command.env("MEDISYNC_LOG_LEVEL", "warn");
        // Each server has a folder of its own for what it makes from the database.
        command.env("MEDISYNC_AUDIT_FOLDER", self.directory().join("audit"));
        command.env("MEDISYNC_TEXT_FOLDER", self.directory().join("text").join(unique()));
        command
    }

    /// Runs a command to its end, over this database.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(arguments);
        let output = command.arg("--database").arg(self.database()).output().expect("the program runs");
        planted::look_at_output(arguments, &output);
        output
    }

    /// Runs a command to its end that reads this text, over this database.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command.arg("--database").arg(self.database()).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        // A program that refuses its arguments reads nothing.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("its end is seen");
        planted::look_at_output(arguments, &output);
        output
    }

    /// Runs a command that must succeed, and returns what it printed.
    #[track_caller]
    pub fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let command = arguments.first().copied().unwrap_or_default();
        assert!(output.status.success(), "medisync {command}: {}: {errors}", output.status);
        String::from_utf8(output.stdout).expect("the program prints UTF-8")
    }

    /// Creates a tenant.
    #[track_caller]
    pub fn create_tenant(&self, name: &str) {
        planted::tenant(name);
        self.succeed(&["tenant", "create", name]);
    }

    /// A bearer token for a tenant.
    #[track_caller]
    pub fn token(&self, tenant: &str, scope: &str) -> String {
        self.succeed(&["token", "--tenant", tenant, "--scope", scope]).trim().to_owned()
    }

    /// What a server says that must refuse to start with these arguments.
    #[track_caller]
    pub fn refuse_to_serve(&self, more: &[&str]) -> String {
        let served = self.command(&[&["serve"], more].concat());
        let mut limited = Command::new("timeout");
        limited.arg("120").arg(served.get_program()).args(served.get_args()).stdin(Stdio::null());
        for (name, value) in served.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        let output = limited.output().expect("the program runs");
        assert!(!matches!(output.status.code(), Some(0 | 124)), "medisync serve {more:?} started");
        String::from_utf8(output.stderr).expect("the program prints UTF-8")
    }

    /// Does something to a table of a tenant's data past the program, in the words of SQLite or of PostgreSQL.
    pub async fn tamper(&self, tenant: &str, table: &str, sqlite: &str, postgres: &str) {
        match &self.database {
            Some(database) => {
                database.query(&postgres.replace(table, &database.table(table)));
            }
            None => {
                let file = self.directory().join("tenants").join(format!("{tenant}.sqlite"));
                let options = SqliteConnectOptions::new().filename(file);
                let mut connection = SqliteConnection::connect_with(&options).await.expect("the tenant's file opens");
                sqlx::raw_sql(sqlx::AssertSqlSafe(sqlite)).execute(&mut connection).await.expect("the statement runs");
                connection.close().await.expect("the file is closed");
            }
        }
    }

    /// Starts a server over this database, with more arguments.
    #[track_caller]
    pub fn serve(&self, more: &[&str]) -> Server {
        let fixed = ["serve", "--listen", "127.0.0.1:0", "--database", self.database()];
        Server::start(&mut self.command(&[&fixed, more].concat()))
    }
}

/// A running server; it is killed when dropped.
pub struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
    /// They look through what it writes, to its end.
    readers: Vec<JoinHandle<()>>,
    /// `http://host:port`.
    pub root: String,
}

impl Server {
    /// Starts this command and waits until it listens.
    #[track_caller]
    pub fn start(command: &mut Command) -> Server {
        command.env("MEDISYNC_LOG_LEVEL", FINEST).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program runs");
        let log = Arc::new(Mutex::new(String::new()));
        let kept = log.clone();
        let logged = watched(&mut child, move |line| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push_str(line);
            kept.push('\n');
        });
        let (root, printed) = listening_line(&mut child);
        Server { child, log, readers: vec![logged, printed], root }
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The base of a tenant.
    pub fn base(&self, tenant: &str) -> String {
        format!("{}/fhir/{tenant}", self.root)
    }

    /// Kills the server as a power cut would (SIGKILL).
    pub fn kill(mut self) {
        self.child.kill().expect("the server was running");
        self.child.wait().expect("its end is seen");
    }

    /// Asks the server to end (SIGTERM) without waiting for it.
    pub fn terminate(&self) {
        let sent = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status();
        assert!(sent.expect("kill runs").success(), "the server was running");
    }

    /// Ends the server as an operator does: SIGTERM, and its end is awaited.
    pub fn stop(self) {
        self.terminate();
        assert!(self.wait().success(), "the server ended well");
    }

    /// Waits for its end.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("its end is seen")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        planted::look("/metrics", &metrics(&self.root).unwrap_or_default());
        // An error says that it has ended already.
        if self.child.kill().is_ok() {
            self.child.wait().expect("its end is seen");
        }
        read_to_the_end(&self.readers);
        planted::check_at_end();
    }
}

/// Waits until all was looked through that a server wrote, or that whoever it started has open still.
fn read_to_the_end(readers: &[JoinHandle<()>]) {
    for _ in 0..TO_THE_END.as_millis() {
        if readers.iter().all(JoinHandle::is_finished) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A server's figures; nothing where it has ended, or is reached by TLS alone.
fn metrics(root: &str) -> Option<String> {
    let mut stream = TcpStream::connect(root.strip_prefix("http://")?).ok()?;
    stream.set_read_timeout(Some(TO_THE_END)).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.split_once("\r\n\r\n")?.1.to_owned())
}

/// Has all looked through that a server logs.
fn watched(child: &mut Child, keep: impl FnMut(&str) + Send + 'static) -> JoinHandle<()> {
    let log = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
    std::thread::spawn(move || planted::watch(log, keep))
}

/// The root in the line `listening on http://HOST:PORT`; what the server prints after it is looked through.
#[track_caller]
fn listening_line(child: &mut Child) -> (String, JoinHandle<()>) {
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
    let line = lines.next().expect("the server printed a line before it ended").expect("it prints UTF-8");
    let root = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("the server's first line is {line:?}"));
    let root = root.trim().to_owned();
    let reader = std::thread::spawn(move || lines.map_while(Result::ok).for_each(|it| planted::look("stdout", &it)));
    (root, reader)
}

fn temporary() -> TempDir {
    tempfile::Builder::new().prefix("conformance-").tempdir().expect("a temporary directory")
}

/// The program's file: `MEDISYNC_BIN`, or the one that Cargo puts beside this test program, built when absent.
fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = env::var_os("MEDISYNC_BIN") {
            return PathBuf::from(path);
        }
        let tests = env::current_exe().expect("this test program has a path");
        let profile = tests.parent().and_then(Path::parent).expect("a test program lies in target/PROFILE/deps");
        let binary = profile.join("medisync");
        if !binary.exists() {
            build(profile);
        }
        binary
    })
}

fn build(profile: &Path) {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "-p", "medisync", "--bin", "medisync"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.arg("--target-dir").arg(profile.parent().expect("target/PROFILE has a parent"));
    if profile.ends_with("release") {
        command.arg("--release");
    }
    assert!(command.status().expect("Cargo runs").success(), "the program does not build");
}
