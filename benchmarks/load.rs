//! Load on a server: several connections, each sending its next request as soon as the last is answered.

use crate::client::Connection;
use crate::process::Process;
use crate::request::Request;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long, and over how many connections.
#[derive(Clone, Copy)]
pub struct Load {
    /// Connections, each with one request under way.
    pub connections: usize,
    /// What is not counted.
    pub warm_up: Duration,
    /// What is.
    pub length: Duration,
}

/// What a load took.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// What was done: requests, or resources.
    count: u64,
    /// Wall-clock time for all.
    elapsed: Duration,
    /// CPU time of the server for all.
    cpu: Duration,
    /// Of each request, sorted.
    latencies: Vec<Duration>,
}

impl Measured {
    /// From each request's latency.
    pub fn new(count: u64, elapsed: Duration, cpu: Duration, mut latencies: Vec<Duration>) -> Measured {
        latencies.sort_unstable();
        Measured { count, elapsed, cpu, latencies }
    }

    /// This and what was measured later, as one.
    pub fn and(mut self, later: Measured) -> Measured {
        self.latencies.extend(later.latencies);
        Measured::new(self.count + later.count, self.elapsed + later.elapsed, self.cpu + later.cpu, self.latencies)
    }

    /// The latency that `percent` of all requests do not exceed.
    pub fn percentile(&self, percent: usize) -> Duration {
        let at = (self.latencies.len() * percent).div_ceil(100).saturating_sub(1);
        self.latencies.get(at).copied().unwrap_or_default()
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many in a second.
    pub fn rate(&self) -> f64 {
        self.count as f64 / self.elapsed.as_secs_f64()
    }

    /// Milliseconds of the server's CPU for each.
    pub fn cpu_ms(&self) -> f64 {
        self.cpu.as_secs_f64() * 1000.0 / self.count as f64
    }
}

impl Load {
    /// Sends the requests in turn, again and again. Every answer must say success.
    pub async fn put_on(&self, server: &Process, requests: &[Request]) -> Result<Measured> {
        let turn = Arc::new(Turn { requests: requests.to_vec(), next: AtomicU64::new(1) });
        self.for_a_while(server.address, &turn, self.warm_up).await?;
        let (cpu, begun) = (server.cpu()?, Instant::now());
        let latencies = self.for_a_while(server.address, &turn, self.length).await?;
        let (elapsed, cpu) = (begun.elapsed(), server.cpu()?.saturating_sub(cpu));
        Ok(Measured::new(latencies.len() as u64, elapsed, cpu, latencies))
    }

    async fn for_a_while(&self, address: SocketAddr, turn: &Arc<Turn>, length: Duration) -> Result<Vec<Duration>> {
        let end = Instant::now() + length;
        let mut connections = JoinSet::new();
        for _ in 0..self.connections {
            connections.spawn(keep_sending(address, turn.clone(), end));
        }
        let mut latencies = Vec::new();
        while let Some(done) = connections.join_next().await {
            latencies.extend(done.context("a connection's task failed")??);
        }
        Ok(latencies)
    }
}

/// Requests that all connections take from.
struct Turn {
    requests: Vec<Request>,
    next: AtomicU64,
}

/// The latencies of the requests that one connection sent until the end.
async fn keep_sending(address: SocketAddr, turn: Arc<Turn>, end: Instant) -> Result<Vec<Duration>> {
    let mut connection = Connection::open(address).await?;
    let (mut bytes, mut latencies) = (Vec::new(), Vec::new());
    loop {
        let n = turn.next.fetch_add(1, Ordering::Relaxed);
        turn.requests[n as usize % turn.requests.len()].write(n, &mut bytes);
        let begun = Instant::now();
        if begun >= end {
            return Ok(latencies);
        }
        connection.send(&bytes).await?.check(&bytes)?;
        latencies.push(begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_taken_from_the_sorted_latencies() {
        let latencies: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        let measured = Measured::new(200, Duration::from_secs(2), Duration::from_millis(50), latencies);
        assert_eq!((measured.percentile(50).as_millis(), measured.percentile(99).as_millis()), (100, 198));
        assert_eq!((measured.rate(), measured.cpu_ms()), (100.0, 0.25));
    }

    #[test]
    fn rounds_count_as_one() {
        let round = |seconds| Measured::new(100, Duration::from_secs(seconds), Duration::from_millis(50), Vec::new());
        assert_eq!(round(1).and(round(3)).rate(), 50.0);
    }
}
