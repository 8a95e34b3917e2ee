//! The records that are loaded: Synthea's transaction Bundles, and how fast a server takes them.

use crate::client::Connection;
use crate::load::Measured;
use crate::process::Process;
use crate::request::Request;
use anyhow::{Context, Result};
use std::collections::VecDeque;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Bundles, ready to be sent.
pub struct Records {
    /// Hospitals and practitioners, which the others refer to.
    pub first: Vec<Vec<u8>>,
    /// A patient's record each.
    pub patients: Vec<Vec<u8>>,
}

/// What became of a Bundle.
pub struct Loaded {
    /// Its number among those that were sent.
    pub number: usize,
    /// `Type/id` of what it made.
    pub made: Vec<String>,
    latency: Duration,
}

impl Records {
    /// Reads the `.json.bz2` files of a folder, `most` patients at most, or none if the folder is not there.
    pub fn read(folder: &Path, most: usize) -> Result<Option<Records>> {
        if !folder.is_dir() {
            return Ok(None);
        }
        let files = std::fs::read_dir(folder)?.map(|it| Ok(it?.path())).collect::<Result<Vec<_>>>()?;
        let (mut first, mut patients): (Vec<PathBuf>, Vec<PathBuf>) = files
            .into_iter()
            .filter(|it| it.extension().is_some_and(|it| it == "bz2"))
            .partition(|it| it.file_name().is_some_and(|it| it.to_string_lossy().starts_with("0-")));
        first.sort();
        patients.sort();
        // Spread over the folder, so that a part of the patients is like the whole.
        let step = patients.len().div_ceil(most.max(1)).max(1);
        let read = |files: Vec<PathBuf>| files.iter().map(|it| unpacked(it)).collect::<Result<Vec<_>>>();
        Ok(Some(Records { first: read(first)?, patients: read(patients.into_iter().step_by(step).collect())? }))
    }
}

fn unpacked(file: &Path) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    let reader = bzip2::read::MultiBzDecoder::new(std::fs::File::open(file)?);
    std::io::BufReader::new(reader).read_to_end(&mut body).with_context(|| file.display().to_string())?;
    Ok(body)
}

/// Sends Bundles, `parallel` at a time; counts what they made, or else what `expected` says.
pub async fn load(
    server: &Process,
    requests: Vec<Request>,
    parallel: usize,
    expected: Option<u64>,
) -> Result<(Measured, Vec<Loaded>)> {
    let queue: Arc<Mutex<VecDeque<(usize, Request)>>> =
        Arc::new(Mutex::new(requests.into_iter().enumerate().collect()));
    let (cpu, begun) = (server.cpu()?, Instant::now());
    let mut senders = JoinSet::new();
    for _ in 0..parallel {
        senders.spawn(send_all(server.address, queue.clone()));
    }
    let mut loaded = Vec::new();
    while let Some(done) = senders.join_next().await {
        loaded.extend(done.context("a sender's task failed")??);
    }
    let (elapsed, cpu) = (begun.elapsed(), server.cpu()?.saturating_sub(cpu));
    let count = expected.unwrap_or_else(|| loaded.iter().map(|it| it.made.len() as u64).sum());
    let latencies = loaded.iter().map(|it| it.latency).collect();
    Ok((Measured::new(count, elapsed, cpu, latencies), loaded))
}

async fn send_all(address: std::net::SocketAddr, queue: Arc<Mutex<VecDeque<(usize, Request)>>>) -> Result<Vec<Loaded>> {
    let mut connection = Connection::open(address).await?;
    let (mut bytes, mut loaded) = (Vec::new(), Vec::new());
    loop {
        let next = queue.lock().ok().and_then(|mut it| it.pop_front());
        let Some((number, request)) = next else { return Ok(loaded) };
        request.write(0, &mut bytes);
        let begun = Instant::now();
        let answer = connection.send(&bytes).await?;
        answer.check(&bytes)?;
        let latency = begun.elapsed();
        loaded.push(Loaded { number, made: locations(&String::from_utf8_lossy(answer.body)), latency });
    }
}

/// `Type/id` of every `location` in a transaction-response Bundle (http.html#transaction-response).
fn locations(bundle: &str) -> Vec<String> {
    let after = bundle.split("\"location\"").skip(1).filter_map(|it| it.split('"').nth(1));
    after.filter_map(type_and_id).collect()
}

fn type_and_id(location: &str) -> Option<String> {
    let (resource, _) = location.split_once("/_history/")?;
    let mut segments = resource.rsplit('/');
    let id = segments.next()?;
    Some(format!("{}/{id}", segments.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_found_in_any_form() {
        let bundle = r#"{"entry":[{"response":{"location": "Patient/1/_history/1"}},
            {"response":{"status":"201","location":"http://localhost/fhir/a/Device/2/_history/3"}}]}"#;
        assert_eq!(locations(bundle), ["Patient/1", "Device/2"]);
    }
}
