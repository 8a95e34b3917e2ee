//! Where a server that is measured keeps its data: a folder of SQLite files, or a database of a private PostgreSQL.

use crate::process;
use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Makes places of one kind.
pub enum Places {
    /// Folders.
    Sqlite,
    /// Databases.
    Postgres(Arc<Cluster>),
}

/// An empty store of its own; it goes with this value.
pub enum Place {
    /// A folder.
    Sqlite(TempDir),
    /// A database.
    Postgres {
        /// Where it is.
        cluster: Arc<Cluster>,
        /// What it is called.
        name: String,
    },
}

impl Places {
    /// A new one.
    pub fn make(&self) -> Result<Place> {
        Ok(match self {
            Places::Sqlite => Place::Sqlite(tempfile::tempdir()?),
            Places::Postgres(cluster) => Place::Postgres { cluster: cluster.clone(), name: cluster.new_database()? },
        })
    }
}

impl Place {
    /// The value for `--database`.
    pub fn url(&self) -> String {
        match self {
            Place::Sqlite(folder) => format!("sqlite:{}", folder.path().display()),
            Place::Postgres { cluster, name } => cluster.url(name),
        }
    }

    /// What works for a server besides itself.
    pub fn cluster(&self) -> Option<Arc<Cluster>> {
        match self {
            Place::Sqlite(_) => None,
            Place::Postgres { cluster, .. } => Some(cluster.clone()),
        }
    }

    /// The name of the store, for the table.
    pub fn kind(&self) -> &'static str {
        match self {
            Place::Sqlite(_) => "SQLite",
            Place::Postgres { .. } => "PostgreSQL",
        }
    }
}

/// A private PostgreSQL; it is stopped and removed with this value.
pub struct Cluster {
    script: PathBuf,
    folder: TempDir,
    databases: AtomicUsize,
}

impl Cluster {
    /// Starts one by `scripts/postgres`, as Debian configures it: a commit waits for the disk.
    pub fn start(script: &Path) -> Result<Cluster> {
        // In a folder that the user `postgres` can enter.
        let folder = tempfile::Builder::new().prefix("medisync-").tempdir_in("/var/tmp")?;
        let cluster = Cluster { script: script.to_owned(), folder, databases: AtomicUsize::new(1) };
        process::run(script, &["start".as_ref(), cluster.folder.path().as_os_str()])?;
        Ok(cluster)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost:5432/{database}?host={}", self.folder.path().display())
    }

    fn new_database(&self) -> Result<String> {
        let name = format!("bench_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let create = format!("CREATE DATABASE {name}");
        let url = self.url("postgres");
        process::run(Path::new("psql"), &["--quiet", "--dbname", &url, "--command", &create].map(OsStr::new))?;
        Ok(name)
    }

    /// CPU time that all its processes took so far, those that have ended too.
    pub fn cpu(&self) -> Result<Duration> {
        let file = self.folder.path().join("data/postmaster.pid");
        let text = std::fs::read_to_string(&file).with_context(|| format!("no {}", file.display()))?;
        let postmaster = text.lines().next().context("no process in postmaster.pid")?;
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        let children = std::fs::read_to_string(&children).with_context(|| format!("no {children}"))?;
        let alive: Duration = children.split_whitespace().filter_map(|it| process::cpu_of(it).ok()).sum();
        Ok(process::cpu_of(postmaster)? + process::cpu_of_ended_children(postmaster)? + alive)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its folder is removed next, whether it stopped in order or not.
        let stopped = Command::new(&self.script).arg("stop").arg("immediate").arg(self.folder.path()).status();
        if !stopped.is_ok_and(|it| it.success()) {
            eprintln!("PostgreSQL in {} was not stopped", self.folder.path().display());
        }
    }
}
