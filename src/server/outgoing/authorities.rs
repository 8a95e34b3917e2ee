//! Certificate authorities of the operator's own, trusted beside those of the public internet. They vouch for who answers, and
//! open no address: where the server may be sent stays as it is.

use anyhow::{Context, Result, bail};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::PathBuf;
use std::str::FromStr;

/// `none`, or a file of certificates (PEM, RFC 7468).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorities(Option<PathBuf>);

impl FromStr for Authorities {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Authorities, Self::Err> {
        Ok(Authorities((text != "none").then(|| text.into())))
    }
}

impl Authorities {
    /// Their certificates; fails where the file has none, or something else in it that looks like one.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        let Some(file) = &self.0 else { return Ok(Vec::new()) };
        let told = || format!("the certificate authorities in {}", file.display());
        let text = std::fs::read(file).with_context(told)?;
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        match all.with_context(told)? {
            all if all.is_empty() => bail!("{} has no certificate (-----BEGIN CERTIFICATE-----)", file.display()),
            all => Ok(all),
        }
    }

    /// They and those that Mozilla trusts.
    pub fn with_public(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in self.certificates()? {
            roots.add(certificate).context("a certificate in the file of authorities cannot be used")?;
        }
        Ok(roots)
    }
}
