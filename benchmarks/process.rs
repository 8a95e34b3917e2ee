//! A server in a process of its own, and what the kernel says of it.

use crate::client::Connection;
use crate::place::Cluster;
use crate::request::Request;
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// `USER_HZ`, in which Linux counts a process's time, whatever the kernel's own tick.
const TICKS_PER_SECOND: u64 = 100;

/// A running server; it ends with this value.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// What works for it besides itself.
    cluster: Option<Arc<Cluster>>,
}

impl Process {
    /// Starts a program and waits for its line `listening on http://HOST:PORT`.
    pub fn start(program: &Path, arguments: &[&OsStr]) -> Result<Process> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let out = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(out).lines();
        let address = loop {
            let Some(line) = lines.next().transpose()? else {
                bail!("{} ended before it listened: {}", program.display(), child.wait()?)
            };
            if let Some(url) = line.trim().strip_prefix("listening on http://") {
                break url.trim_end_matches('/').parse().with_context(|| format!("not an address: {url}"))?;
            }
        };
        // What it says later must find a reader, or it would be killed by a closed pipe.
        std::thread::spawn(move || lines.map_while(std::io::Result::ok).for_each(drop));
        Ok(Process { child, address, cluster: None })
    }

    /// The same, with the database that works for it: what that takes counts as well.
    pub fn on(mut self, cluster: Option<Arc<Cluster>>) -> Process {
        self.cluster = cluster;
        self
    }

    /// CPU time that all threads took so far, in the kernel too, with the database's processes.
    pub fn cpu(&self) -> Result<Duration> {
        let database = self.cluster.as_ref().map(|it| it.cpu()).transpose()?;
        Ok(cpu_of(&self.child.id().to_string())? + database.unwrap_or_default())
    }

    /// Bytes of memory in use (`VmRSS`).
    pub fn memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }

    /// Answers of a few requests, one after the other, each of which must succeed.
    pub async fn answers(&self, requests: &[Request]) -> Result<Vec<Vec<u8>>> {
        let mut connection = Connection::open(self.address).await?;
        let (mut bytes, mut answers) = (Vec::new(), Vec::with_capacity(requests.len()));
        for (request, n) in requests.iter().zip(0..) {
            request.write(n, &mut bytes);
            let answer = connection.send(&bytes).await?;
            answer.check(&bytes)?;
            answers.push(answer.body.to_vec());
        }
        Ok(answers)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
pub fn run(program: &Path, arguments: &[&OsStr]) -> Result<()> {
    output(program, arguments).map(drop)
}

/// The same; what it says.
pub fn output(program: &Path, arguments: &[&OsStr]) -> Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} failed: {said}", program.display());
    Ok(String::from_utf8(output.stdout)?)
}

/// CPU time of a process (proc(5), `/proc/PID/stat`).
pub fn cpu_of(pid: &str) -> Result<Duration> {
    time(pid, OWN)
}

/// CPU time of those of its children that have ended and were waited for.
pub fn cpu_of_ended_children(pid: &str) -> Result<Duration> {
    time(pid, CHILDREN)
}

/// Where user and system time stand behind the program's name.
const OWN: usize = 11;
const CHILDREN: usize = 13;

fn time(pid: &str, field: usize) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = ticks(&stat, field).context("an unknown form of /proc/PID/stat")?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// User and system time; the program's name, in brackets, may hold anything.
fn ticks(stat: &str, field: usize) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(field);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_user_and_system_time() {
        let stat = "42 (a (b) c) S 1 1 1 0 -1 4194560 100 0 0 0 25 17 3 4 20 0 3 0 1000 1 1";
        assert_eq!(ticks(stat, OWN), Some(42));
        assert_eq!(ticks(stat, CHILDREN), Some(7));
    }
}
