//! TLS 1.3 (RFC 8446), and no other version, where the settings name a certificate. Connections go on with the certificate
//! that they began with; new ones get the one that lies in the files now.

use anyhow::{Context, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// A certificate with its key, as they lie in files.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    config: RwLock<Arc<ServerConfig>>,
}

/// What shows that a file is another one.
type Marks = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads the files (PEM): the certificate with those that lead to its authority, and its key.
    pub fn open(chain: &Path, key: &Path) -> Result<Certificate> {
        let config = RwLock::new(config(chain, key)?);
        Ok(Certificate { chain: chain.to_owned(), key: key.to_owned(), config })
    }

    /// What speaks TLS with the certificate of now.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Reads the files again at SIGHUP and whenever they have changed, for ever. What cannot be used is told, and the former
    /// certificate stays.
    pub async fn follow(self: Arc<Self>) {
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => hangup,
            Err(cause) => return tracing::error!(%cause, "SIGHUP cannot be heard; a new certificate needs a restart"),
        };
        let mut seen = self.marks();
        loop {
            tokio::select! {
                _ = hangup.recv() => {}
                _ = tokio::time::sleep(LOOK) => {
                    if self.marks() == seen {
                        continue;
                    }
                }
            }
            // As of before they are read: what changes meanwhile is read again.
            seen = self.marks();
            self.reload();
        }
    }

    fn reload(&self) {
        match config(&self.chain, &self.key) {
            Ok(config) => {
                *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
                tracing::info!(file = %self.chain.display(), "the certificate was read again");
            }
            // A key may be written a moment after its certificate.
            Err(cause) => tracing::warn!("the former certificate stays: {cause:#}"),
        }
    }

    fn marks(&self) -> Marks {
        [&self.chain, &self.key].map(|it| {
            let about = std::fs::metadata(it).ok()?;
            Some((about.modified().ok()?, about.len()))
        })
    }
}

fn config(chain: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let of = |what: &str, file: &Path| format!("{what} {} cannot be read", file.display());
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .with_context(|| of("the certificate", chain))?;
    let private = PrivateKeyDer::from_pem_file(key).with_context(|| of("the certificate's key", key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(certificates, private)
        .with_context(|| {
            format!("the certificate {} cannot be used with the key {}", chain.display(), key.display())
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;
