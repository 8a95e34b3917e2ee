//! The limit's writer: one connection, and a commit for all that waited while the one before reached the disk.

use super::resource::{Copy, Resource, connect, execute, last, write};
use anyhow::{Context, Result};
use sqlx::SqliteConnection;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// What is written together, and who waits for it.
struct Job {
    resources: Vec<Arc<Resource>>,
    done: oneshot::Sender<()>,
}

/// Handle to the task that writes.
#[derive(Clone)]
pub struct Writer(mpsc::Sender<Job>);

impl Writer {
    /// Starts writing to `file`, up to `group` requests in a transaction.
    pub async fn start(file: &Path, group: usize) -> Result<Writer> {
        let mut connection = connect(file).await?;
        let (rid, seq) = last(&mut connection).await?;
        let (jobs, queue) = mpsc::channel(1024);
        tokio::spawn(async move {
            if let Err(error) = work(connection, queue, group, rid, seq).await {
                eprintln!("the writer ended: {error:#}");
            }
        });
        Ok(Writer(jobs))
    }

    /// Returns when copies of these are on disk.
    pub async fn write(&self, resources: Vec<Arc<Resource>>) -> Result<()> {
        let (done, answer) = oneshot::channel();
        self.0.send(Job { resources, done }).await.ok().context("the writer has ended")?;
        answer.await.context("the writer has ended")
    }
}

async fn work(
    mut connection: SqliteConnection,
    mut queue: mpsc::Receiver<Job>,
    group: usize,
    mut rid: i64,
    mut seq: i64,
) -> Result<()> {
    let mut jobs = Vec::with_capacity(group);
    while queue.recv_many(&mut jobs, group).await > 0 {
        let resources = jobs.iter().flat_map(|it| &it.resources);
        let copies: Vec<Copy> = resources.zip(rid + 1..).map(|(it, rid)| Copy { resource: it.clone(), rid }).collect();
        execute(&mut connection, "BEGIN IMMEDIATE").await?;
        write(&mut connection, &copies, seq + 1).await?;
        execute(&mut connection, "COMMIT").await?;
        rid += copies.len() as i64;
        seq += copies.len() as i64;
        for job in jobs.drain(..) {
            // A client that went away needs no answer.
            let _ = job.done.send(());
        }
    }
    Ok(())
}
