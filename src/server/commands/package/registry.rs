//! A package registry, by NPM's protocol: what there is of a package (`GET NAME`), and the package itself, which must be what
//! the registry says it is. Every request is guarded as all that this program makes ([`crate::outgoing`]).

use super::archive::{Archive, Bounds};
use super::manifest::{self, is_asked};
use super::source::by_parts;
use crate::outgoing::Outgoing;
use anyhow::{Context, Result, bail};
use axum::http::header::{ACCEPT, LOCATION};
use axum::http::{HeaderValue, Request, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use sha1::{Digest as _, Sha1};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// How long one request may take.
const TIME: Duration = Duration::from_secs(120);
/// How often a download shows that it goes on.
const TICK: Duration = Duration::from_millis(200);
/// The most bytes of what is said of a package, and of a package.
const LARGEST_ANSWER: usize = 16 << 20;
const LARGEST_PACKAGE: usize = 256 << 20;
/// Redirects from one address on; each is looked at like the first.
const REDIRECTS: usize = 3;

/// A registry that may be asked.
pub struct Registry {
    url: String,
    outgoing: Outgoing,
}

/// What a registry says of a package.
#[derive(Deserialize)]
struct Known {
    #[serde(default, rename = "dist-tags")]
    tags: BTreeMap<String, String>,
    versions: BTreeMap<String, Version>,
}

#[derive(Deserialize)]
struct Version {
    dist: Dist,
}

/// Where a version is, and what its bytes are.
#[derive(Deserialize)]
struct Dist {
    tarball: String,
    /// SHA-1 in hexadecimal digits.
    shasum: Option<String>,
    /// Subresource Integrity: `sha512-…`, perhaps several.
    integrity: Option<String>,
}

impl Registry {
    /// The registry at an address.
    pub fn new(url: &str, outgoing: Outgoing) -> Registry {
        Registry { url: url.to_owned(), outgoing: outgoing.within(TIME) }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Fetches a package: in the version that is asked for, or the newest.
    pub async fn fetch(&self, name: &str, asked: Option<&str>) -> Result<Archive> {
        let answer = self.get(&format!("{}/{name}", self.url), LARGEST_ANSWER).await?;
        let known: Known = serde_json::from_slice(&answer).context("what it says of the package cannot be read")?;
        let version = known
            .choose(asked)
            .with_context(|| format!("it has no {name}@{}; it has {}", asked.unwrap_or("latest"), known.told()))?;
        let dist = &known.versions[version].dist;
        let shown = Fetching::begin(format!("fetching {name}@{version} from {}", self.url));
        let bytes = self.get(&dist.tarball, LARGEST_PACKAGE).await;
        shown.end();
        let bytes = bytes?;
        dist.check(&bytes).with_context(|| format!("{name}@{version} is refused"))?;
        let archive =
            Archive::read(&*bytes, &Bounds::default()).with_context(|| format!("{name}@{version} is refused"))?;
        let id = manifest::id(name, version);
        if archive.manifest.id() != id {
            bail!("{id} is refused: it says of itself that it is {}", archive.manifest.id());
        }
        Ok(archive)
    }

    /// What is at an address, past a few redirects.
    async fn get(&self, url: &str, most: usize) -> Result<Bytes> {
        let mut uri: Uri = url.parse().with_context(|| format!("{url} is no address"))?;
        for _ in 0..=REDIRECTS {
            let request = Request::get(&uri).header(ACCEPT, "application/json, application/octet-stream, */*");
            let request = request.body(Bytes::new()).context("the address cannot be asked")?;
            let answer = self.outgoing.send(request, most).await.map_err(|it| anyhow::anyhow!("{uri}: {it}"))?;
            match answer.status().as_u16() {
                200 => return Ok(answer.into_body()),
                301 | 302 | 303 | 307 | 308 => uri = target(&uri, answer.headers().get(LOCATION))?,
                404 => bail!("{uri} is not there (404)"),
                status => bail!("{uri} answered with the status {status}"),
            }
        }
        bail!("{url} leads on more than {REDIRECTS} times")
    }
}

/// Where a redirect leads (RFC 9110 section 10.2.2), relative or not.
fn target(from: &Uri, location: Option<&HeaderValue>) -> Result<Uri> {
    let location = location.and_then(|it| it.to_str().ok()).with_context(|| format!("{from} leads nowhere"))?;
    let whole = match (location.starts_with('/'), from.scheme_str(), from.authority()) {
        (true, Some(scheme), Some(authority)) if !location.starts_with("//") => {
            format!("{scheme}://{authority}{location}")
        }
        _ => location.to_owned(),
    };
    whole.parse().with_context(|| format!("{from} leads to what is no address"))
}

impl Known {
    /// The version that is asked for: itself, the greatest that begins so, or the newest.
    fn choose(&self, asked: Option<&str>) -> Option<&str> {
        let newest = || self.tags.get("latest").filter(|it| self.versions.contains_key(*it)).map(String::as_str);
        let fits = |it: &&String| asked.is_none_or(|asked| is_asked(it, asked));
        let greatest = || self.versions.keys().filter(fits).max_by(|a, b| by_parts(a, b)).map(String::as_str);
        match asked {
            None | Some("latest" | "current" | "dev") => newest().or_else(greatest),
            Some(_) => greatest(),
        }
    }

    fn told(&self) -> String {
        let mut all: Vec<&str> = self.versions.keys().map(String::as_str).collect();
        all.sort_by(|a, b| by_parts(b, a));
        let more = if all.len() > 5 { " and others" } else { "" };
        all.truncate(5);
        if all.is_empty() { "none".to_owned() } else { all.join(", ") + more }
    }
}

impl Dist {
    /// Fails unless the bytes are those that the registry means: by every digest that it tells, of which there must be one.
    fn check(&self, bytes: &[u8]) -> Result<()> {
        let mut count = 0;
        for told in self.integrity.iter().flat_map(|it| it.split_ascii_whitespace()) {
            let (algorithm, digest) = told.split_once('-').unwrap_or((told, ""));
            let own = match algorithm {
                "sha256" => STANDARD.encode(Sha256::digest(bytes)),
                "sha384" => STANDARD.encode(Sha384::digest(bytes)),
                "sha512" => STANDARD.encode(Sha512::digest(bytes)),
                _ => continue,
            };
            count += 1;
            if own != digest.split('?').next().unwrap_or_default() {
                bail!("its bytes are not those that the registry tells ({algorithm})");
            }
        }
        if let Some(told) = &self.shasum {
            count += 1;
            let own: String = Sha1::digest(bytes).iter().map(|it| format!("{it:02x}")).collect();
            if !own.eq_ignore_ascii_case(told) {
                bail!("its bytes are not those that the registry tells (sha1)");
            }
        }
        if count == 0 {
            bail!("the registry tells no digest of it, so that it could not be checked");
        }
        Ok(())
    }
}

/// A download under way: on a terminal a sign that moves, with the time that it takes; elsewhere a line. On stderr, as it is no
/// result. How much there is to come is not known before it is there.
struct Fetching(ProgressBar);

impl Fetching {
    fn begin(told: String) -> Fetching {
        if !std::io::stderr().is_terminal() {
            // Progress that nobody can read is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{told}");
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.set_message(told);
        bar.enable_steady_tick(TICK);
        Fetching(bar)
    }

    fn end(self) {
        self.0.finish_and_clear();
    }
}
