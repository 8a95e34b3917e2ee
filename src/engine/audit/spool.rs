//! Where events wait while the database is away that keeps the log: reads that a standby answers meanwhile, as their
//! callers allow (`Cache-Control: max-stale`), are kept on this node's disk before the answer leaves, and go into the log when
//! it is back. Without such a folder those reads are refused as well.

use crate::Engine;
use fhir::{Failure, Result};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions, read_dir, read_to_string, remove_file, rename};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use store::{AuditEntry, Session};

/// What events wait in, by tenant; and what is on its way into the log.
const WAITING: &str = "waiting";
const LEAVING: &str = "leaving";
/// Events that go into the log at a time.
const BATCH: usize = 500;

/// A folder of events that wait.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    /// Whoever writes a file, or takes it away.
    turn: Mutex<()>,
}

/// An event as it waits: a line of JSON.
#[derive(Serialize, Deserialize)]
struct Line {
    id: String,
    at: i64,
    keys: Vec<String>,
    body: String,
}

impl Spool {
    pub(crate) fn new(folder: PathBuf) -> Spool {
        Spool { folder, turn: Mutex::default() }
    }

    fn file(&self, tenant: &str, state: &str) -> PathBuf {
        self.folder.join(format!("{tenant}.{state}"))
    }

    /// Has events wait; they are on disk when this returns.
    fn keep(&self, tenant: &str, entries: &[AuditEntry]) -> std::io::Result<()> {
        let mut lines = String::new();
        for AuditEntry { id, at, keys, body } in entries {
            let body = String::from_utf8_lossy(body).into_owned();
            let line = Line { id: id.clone(), at: *at, keys: keys.clone(), body };
            // A crash may have left the line before without its end: an empty line is none.
            lines.push('\n');
            lines.push_str(&serde_json::to_string(&line)?);
            lines.push('\n');
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.make_folder()?;
        let file = self.file(tenant, WAITING);
        let is_new = !file.exists();
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut open = options.open(&file)?;
        let whole = open.metadata()?.len();
        let written = open.write_all(lines.as_bytes()).and_then(|()| open.sync_data());
        if written.is_err() {
            // What is not whole would spoil the line that comes next.
            open.set_len(whole)?;
        }
        written?;
        if is_new { File::open(&self.folder)?.sync_all() } else { Ok(()) }
    }

    /// Only its owner looks into it: the events name patients.
    fn make_folder(&self) -> std::io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)
    }

    /// The tenants whose events wait.
    fn tenants(&self) -> std::io::Result<Vec<String>> {
        let entries = match read_dir(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let tenant = name.strip_suffix(".waiting").or_else(|| name.strip_suffix(".leaving"));
            names.extend(tenant.map(str::to_owned));
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Takes away what waits of a tenant.
    fn forget(&self, tenant: &str) -> std::io::Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        for state in [WAITING, LEAVING] {
            match remove_file(self.file(tenant, state)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The file of what is to go into the log now: what was on its way when a server was killed, before what came later.
    fn leaving(&self, tenant: &str) -> std::io::Result<Option<PathBuf>> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (waiting, leaving) = (self.file(tenant, WAITING), self.file(tenant, LEAVING));
        if !leaving.exists() {
            match rename(&waiting, &leaving) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                done => done?,
            }
        }
        Ok(Some(leaving))
    }
}

/// The events of a file. A line that is not whole was never acknowledged.
fn read(file: &Path) -> std::io::Result<Vec<AuditEntry>> {
    let lines = read_to_string(file)?;
    let read = lines.lines().filter_map(|it| serde_json::from_str::<Line>(it).ok());
    Ok(read.map(|Line { id, at, keys, body }| AuditEntry { id, at, keys, body: body.into_bytes() }).collect())
}

impl Engine {
    /// Has events wait on this node; fails where there is no folder for them.
    pub(super) async fn spool(&self, tenant: &str, entries: Vec<AuditEntry>) -> Result<()> {
        let Some(spool) = self.spool.clone() else { return Err(Failure::internal("there is no folder for events")) };
        let tenant = tenant.to_owned();
        let kept = tokio::task::spawn_blocking(move || spool.keep(&tenant, &entries)).await;
        kept.map_err(Failure::internal)?.map_err(Failure::internal)
    }

    /// Puts the events into the log that waited on this node, each once, however often that is interrupted.
    pub async fn log_waiting_events(&self) {
        if let Err(failure) = self.try_log_waiting_events().await {
            tracing::warn!(%failure, "events of the audit log wait on this node's disk");
        }
    }

    async fn try_log_waiting_events(&self) -> Result<()> {
        let Some(spool) = &self.spool else { return Ok(()) };
        let mut last = Ok(());
        for name in spool.tenants().map_err(Failure::internal)? {
            // One tenant's database may be away while another's is back.
            if let Err(failure) = self.log_waiting(spool, &name).await {
                last = Err(failure);
            }
        }
        last
    }

    async fn log_waiting(&self, spool: &Spool, name: &str) -> Result<()> {
        let Some(tenant) = self.store.tenant(name).await? else {
            if self.store.erased().await?.iter().any(|it| it.name == name) {
                spool.forget(name).map_err(Failure::internal)?;
                tracing::warn!(tenant = name, "events that waited were taken away with their tenant, which is erased");
            }
            return Ok(());
        };
        let session = self.store.open(&tenant).await?;
        while let Some(file) = spool.leaving(name).map_err(Failure::internal)? {
            let entries = read(&file).map_err(Failure::internal)?;
            tracing::info!(tenant = name, events = entries.len(), "events that waited go into the audit log");
            for batch in entries.chunks(BATCH) {
                let fresh = unknown(&*session, batch).await?;
                session.audit(fresh).await?;
            }
            remove_file(&file).map_err(Failure::internal)?;
        }
        Ok(())
    }
}

/// Those of the events that the log does not have.
async fn unknown(session: &dyn Session, entries: &[AuditEntry]) -> Result<Vec<AuditEntry>> {
    let mut fresh = Vec::new();
    for entry in entries {
        if session.audit_entry(&entry.id).await?.is_none() {
            fresh.push(entry.clone());
        }
    }
    Ok(fresh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_wait_in_order_and_are_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path().join("audit"));
        assert_eq!(spool.tenants().unwrap(), Vec::<String>::new());
        let entry =
            |id: &str| AuditEntry { id: id.into(), at: 1, keys: vec!["patient|1".into()], body: b"{}".to_vec() };
        spool.keep("north", &[entry("a")]).unwrap();
        spool.keep("north", &[entry("b")]).unwrap();
        assert_eq!(spool.tenants().unwrap(), ["north"]);
        let leaving = spool.leaving("north").unwrap().unwrap();
        // What comes meanwhile waits for its own turn, behind what is on its way.
        spool.keep("north", &[entry("c")]).unwrap();
        assert_eq!(spool.leaving("north").unwrap().unwrap(), leaving);
        assert!(read(&leaving).unwrap() == [entry("a"), entry("b")]);
        remove_file(&leaving).unwrap();
        assert!(read(&spool.leaving("north").unwrap().unwrap()).unwrap() == [entry("c")]);
        remove_file(&leaving).unwrap();
        assert_eq!(spool.leaving("north").unwrap(), None);
        // A crash in the middle of a line takes no other with it.
        spool.keep("north", &[entry("d")]).unwrap();
        let file = spool.file("north", WAITING);
        OpenOptions::new().append(true).open(&file).unwrap().write_all(b"{\"id\":\"torn").unwrap();
        spool.keep("north", &[entry("e")]).unwrap();
        assert!(read(&file).unwrap() == [entry("d"), entry("e")]);
    }

    #[test]
    fn what_waits_of_a_tenant_goes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::new(folder.path().to_owned());
        let entry = AuditEntry { id: "a".into(), at: 1, keys: Vec::new(), body: b"{}".to_vec() };
        for tenant in ["north", "south"] {
            spool.keep(tenant, std::slice::from_ref(&entry)).unwrap();
        }
        spool.leaving("north").unwrap();
        spool.keep("north", &[entry]).unwrap();
        spool.forget("north").unwrap();
        spool.forget("north").unwrap();
        assert_eq!(spool.tenants().unwrap(), ["south"]);
    }

    #[test]
    fn a_line_that_was_cut_off_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("north.leaving");
        std::fs::write(&file, "{\"id\":\"a\",\"at\":1,\"keys\":[],\"body\":\"{}\"}\n{\"id\":\"b\",\"a").unwrap();
        assert_eq!(read(&file).unwrap().len(), 1);
    }
}
