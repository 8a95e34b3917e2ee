//! Which tenant a request is for: by path, by host name or by `X-Tenant-ID`, and never by two that disagree.

use super::host::{self, Hosts};
use crate::config::{self, Auto};
use crate::tenants;
use ::fhir::{Failure, IssueType, Result};
use axum::http::request::Parts;
use std::fmt;
use std::str::FromStr;

/// Scheme, host and port: `https://fhir.example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    authority: String,
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Origin, String> {
        let wrong = || format!("`{text}` is not an address such as https://fhir.example.org");
        let (scheme, authority) = text.trim_end_matches('/').split_once("://").ok_or_else(wrong)?;
        if !matches!(scheme, "http" | "https") || !host::is_authority(authority) {
            return Err(wrong());
        }
        Ok(Origin { scheme: scheme.into(), authority: authority.into() })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// How clients may address this server.
pub struct Addresses {
    origin: Option<Origin>,
    /// What the server itself speaks.
    scheme: &'static str,
    /// `.localhost`: what follows the tenant in a tenant's own host name.
    tenant_hosts: String,
    /// As what it answers.
    hosts: Hosts,
}

/// What a FHIR request is addressed to.
#[derive(Debug, PartialEq, Eq)]
pub struct Address {
    /// The tenant's name; it may not exist.
    pub tenant: String,
    /// The tenant's base as the client used it.
    pub base: String,
    /// Path below the base, percent-decoded, without slashes at its ends.
    pub path: String,
}

impl Addresses {
    /// As the settings say. With `is_local`, requests must address this machine as such and come from no other
    /// site's page.
    pub fn new(http: &config::Http, is_local: bool) -> Addresses {
        let origin = match &http.base_url {
            Auto::Auto => None,
            Auto::Given(origin) => Some(origin.clone()),
        };
        let tenant_hosts = format!(".{}", http.tenant_hosts.trim_matches('.').to_ascii_lowercase());
        let hosts = match (is_local, &origin) {
            (true, _) => Hosts::Local,
            (false, None) if !http.listen.ip().is_loopback() => Hosts::Known,
            _ => Hosts::Any,
        };
        Addresses { origin, scheme: http.scheme(), tenant_hosts, hosts }
    }

    /// The domain of which requests must be, beside localhost and the address that was connected to; `None` where
    /// requests may address the server by any name.
    pub fn known_domain(&self) -> Option<&str> {
        (self.hosts == Hosts::Known).then(|| self.tenant_hosts.trim_start_matches('.'))
    }

    /// The host that a request addresses, if this server answers as it.
    fn host<'p>(&self, parts: &'p Parts) -> Result<&'p str> {
        let host = host::of(parts)?;
        if let Some(domain) = self.known_domain() {
            host::check_is_known(parts, host, domain)?;
        }
        Ok(host)
    }

    /// The server's own address as the client used it.
    pub fn origin(&self, parts: &Parts) -> Result<String> {
        match &self.origin {
            Some(origin) => Ok(origin.to_string()),
            None => Ok(format!("{}://{}", self.scheme, self.host(parts)?)),
        }
    }

    fn scheme(&self) -> &str {
        self.origin.as_ref().map_or(self.scheme, |it| &it.scheme)
    }

    /// Whether clients speak TLS with the server, or with the proxy before it.
    pub fn are_secure(&self) -> bool {
        self.scheme() == "https"
    }

    /// The bases by which a tenant can be addressed where the request was sent, the usual one first.
    pub fn bases(&self, parts: &Parts, tenant: &str) -> Result<Vec<String>> {
        let origin = self.origin(parts)?;
        let host = self.host(parts)?;
        let mut bases = vec![format!("{origin}/fhir/{tenant}")];
        if self.tenant_of(host).as_deref() == Some(tenant) {
            let scheme = self.scheme();
            bases.push(format!("{scheme}://{host}/fhir"));
        }
        Ok(bases)
    }

    /// Finds the tenant of a request below `/fhir`.
    pub fn resolve(&self, parts: &Parts) -> Result<Address> {
        let below = parts.uri.path().strip_prefix("/fhir").unwrap_or_default();
        let below = below.strip_prefix('/').unwrap_or(below);
        let (first, rest) = below.split_once('/').unwrap_or((below, ""));
        let by_path = Some(first).filter(|it| tenants::is_name(it));
        let host = self.host(parts)?;
        if self.hosts == Hosts::Local {
            host::check_is_local(parts, host)?;
        }
        let by_host = self.tenant_of(host);
        let by_header = header(parts)?;
        let is_by_host = by_host.is_some();
        let named = [by_path.map(str::to_owned), by_host, by_header];
        let mut names = named.iter().flatten();
        let tenant = names.next().ok_or_else(no_tenant)?.clone();
        if names.any(|it| *it != tenant) {
            return Err(Failure::new(
                IssueType::Invalid,
                "The address, the host name and X-Tenant-ID name different tenants; name one.",
            ));
        }
        let base = match (by_path, &self.origin) {
            (Some(_), _) => format!("{}/fhir/{tenant}", self.origin(parts)?),
            // Below a tenant's own host name, links must stay there.
            (None, Some(origin)) if is_by_host => format!("{}://{host}/fhir", origin.scheme),
            (None, Some(origin)) => format!("{origin}/fhir"),
            (None, None) => format!("{}://{host}/fhir", self.scheme),
        };
        Ok(Address { tenant, base, path: decoded(if by_path.is_some() { rest } else { below })? })
    }

    /// The tenant whose own host name this is.
    fn tenant_of(&self, host: &str) -> Option<String> {
        let name = host::name(host).to_ascii_lowercase();
        let tenant = name.strip_suffix(&self.tenant_hosts)?;
        tenants::is_name(tenant).then(|| tenant.to_owned())
    }
}

fn no_tenant() -> Failure {
    Failure::new(
        IssueType::Required,
        "Name the tenant: by the address /fhir/{tenant}, by its host name, or by the header X-Tenant-ID.",
    )
}

/// The tenant that `X-Tenant-ID` names.
fn header(parts: &Parts) -> Result<Option<String>> {
    let Some(value) = parts.headers.get("x-tenant-id") else { return Ok(None) };
    let name = value.to_str().ok().filter(|it| tenants::is_name(it));
    name.map(|it| Some(it.to_owned()))
        .ok_or_else(|| Failure::new(IssueType::Invalid, "X-Tenant-ID does not hold a tenant's name."))
}

/// A path with its segments percent-decoded. A segment cannot smuggle a slash or a control character in.
fn decoded(path: &str) -> Result<String> {
    let path = path.trim_end_matches('/');
    if !path.contains('%') {
        return Ok(path.to_owned());
    }
    let mut out = String::with_capacity(path.len());
    for (i, segment) in path.split('/').enumerate() {
        let segment = percent_encoding::percent_decode_str(segment).decode_utf8().ok();
        let segment = segment.filter(|it| !it.contains(|c: char| c == '/' || c.is_control()));
        let segment =
            segment.ok_or_else(|| Failure::new(IssueType::Invalid, "The address's path is not well encoded."))?;
        if i > 0 {
            out.push('/');
        }
        out.push_str(&segment);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    const HOSTS: &str = ".fhir.example.org";

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn resolve(origin: Option<&str>, uri: &str, headers: &[(&str, &str)]) -> Result<Address> {
        let origin = origin.map(|it| it.parse().unwrap());
        Addresses { origin, scheme: "http", tenant_hosts: HOSTS.into(), hosts: Hosts::Any }
            .resolve(&parts(uri, headers))
    }

    fn address(tenant: &str, base: &str, path: &str) -> Address {
        Address { tenant: tenant.into(), base: base.into(), path: path.into() }
    }

    #[test]
    fn the_path_names_the_tenant() {
        let plain = resolve(None, "/fhir/north/Patient/1?_pretty=true", &[("host", "localhost:8080")]).unwrap();
        assert_eq!(plain, address("north", "http://localhost:8080/fhir/north", "Patient/1"));
        let behind_proxy = resolve(Some("https://x.org"), "/fhir/north/", &[("host", "10.0.0.1")]).unwrap();
        assert_eq!(behind_proxy, address("north", "https://x.org/fhir/north", ""));
    }

    #[test]
    fn the_host_or_a_header_names_the_tenant() {
        let by_host = resolve(None, "/fhir/Patient", &[("host", "North.fhir.example.org:80")]).unwrap();
        assert_eq!(by_host, address("north", "http://North.fhir.example.org:80/fhir", "Patient"));
        let by_header = resolve(None, "/fhir/metadata", &[("host", "x"), ("x-tenant-id", "north")]).unwrap();
        assert_eq!(by_header, address("north", "http://x/fhir", "metadata"));
        let behind_proxy = resolve(Some("https://x.org"), "/fhir/metadata", &[("host", "y"), ("x-tenant-id", "north")]);
        assert_eq!(behind_proxy.unwrap(), address("north", "https://x.org/fhir", "metadata"));
    }

    #[test]
    fn disagreement_is_refused() {
        let both = [("host", "north.fhir.example.org"), ("x-tenant-id", "south")];
        assert_eq!(resolve(None, "/fhir/Patient", &both).unwrap_err().status, 400);
        assert_eq!(resolve(None, "/fhir/south/Patient", &both).unwrap_err().status, 400);
        assert!(resolve(None, "/fhir/north/Patient", &both[..1]).is_ok());
    }

    #[test]
    fn a_request_for_no_tenant_is_refused() {
        for (uri, host) in [("/fhir", "x"), ("/fhir/Patient/1", "fhir.example.org"), ("/fhir/metadata", "x")] {
            assert_eq!(resolve(None, uri, &[("host", host)]).unwrap_err().code(), IssueType::Required, "{uri}");
        }
        assert!(resolve(None, "/fhir/north", &[]).is_err());
        assert!(resolve(None, "/fhir/north", &[("host", "x<y>")]).is_err());
    }

    #[test]
    fn segments_are_decoded_and_stay_segments() {
        let path = |uri| resolve(None, uri, &[("host", "x")]).map(|it| it.path).ok();
        assert_eq!(path("/fhir/north/Patient/%24everything"), Some("Patient/$everything".into()));
        for wrong in ["/fhir/north/Patient%2F1", "/fhir/north/%FF", "/fhir/north/a%00b"] {
            assert_eq!(path(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn without_tokens_only_this_machine_is_answered() {
        let addresses = Addresses { origin: None, scheme: "http", tenant_hosts: HOSTS.into(), hosts: Hosts::Local };
        let status =
            |headers: &[_]| addresses.resolve(&parts("/fhir/north", headers)).map_or_else(|it| it.status, |_| 200);
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:80", "[::1]:80", "north.localhost:8080"] {
            assert_eq!(status(&[("host", host)]), 200, "{host}");
        }
        for host in ["evil.example:8080", "localhost.evil.example", "10.0.0.1"] {
            assert_eq!(status(&[("host", host)]), 403, "{host}");
        }
        assert_eq!(status(&[("host", "localhost"), ("origin", "http://localhost:5173")]), 200);
        assert_eq!(status(&[("host", "localhost"), ("origin", "https://evil.example")]), 403);
        assert_eq!(status(&[("host", "localhost"), ("origin", "null")]), 403);
    }
}
