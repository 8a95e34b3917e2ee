//! Writing Bundles (bundle.html): stored bodies go in as they are, without being parsed.

use fhir::json::write_string;
use fhir::primitive::datetime;
use http::StatusCode;

/// A Bundle in the making.
pub struct BundleWriter {
    out: String,
    entries: usize,
}

impl BundleWriter {
    /// Begins a Bundle of this type, made at this time (milliseconds since the epoch). The id is the answer's own.
    pub(crate) fn new(kind: &str, id: &str, now: i64) -> BundleWriter {
        let time = datetime::instant(now * 1000);
        let out = format!(r#"{{"resourceType":"Bundle","id":"{id}","meta":{{"lastUpdated":"{time}"}},"type":"{kind}""#);
        BundleWriter { out, entries: 0 }
    }

    /// How many there are in all, on this page and others.
    pub(crate) fn total(&mut self, total: i64) -> &mut Self {
        self.out.push_str(&format!(r#","total":{total}"#));
        self
    }

    /// The links, by relation and URL.
    pub(crate) fn links(&mut self, links: &[(&str, String)]) -> &mut Self {
        self.out.push_str(r#","link":["#);
        for (i, (relation, url)) in links.iter().enumerate() {
            self.out.push_str(if i > 0 { "," } else { "" });
            self.out.push_str(&format!(r#"{{"relation":"{relation}","url":"#));
            write_string(&mut self.out, url);
            self.out.push('}');
        }
        self.out.push(']');
        self
    }

    /// Begins an entry; its parts follow, then [`BundleWriter::end`].
    pub fn begin(&mut self, full_url: Option<&str>) -> &mut Self {
        self.out.push_str(if self.entries == 0 { r#","entry":[{"# } else { ",{" });
        self.entries += 1;
        if let Some(url) = full_url {
            self.out.push_str(r#""fullUrl":"#);
            write_string(&mut self.out, url);
        }
        self
    }

    fn part(&mut self, name: &str) {
        if !self.out.ends_with('{') {
            self.out.push(',');
        }
        self.out.push_str(&format!(r#""{name}":"#));
    }

    /// The entry's resource, as JSON text.
    pub fn resource(&mut self, body: &str) -> &mut Self {
        self.part("resource");
        self.out.push_str(body);
        self
    }

    /// Why a searchset has the entry: `match`, `include` or `outcome`.
    pub fn mode(&mut self, mode: &str) -> &mut Self {
        self.part("search");
        self.out.push_str(&format!(r#"{{"mode":"{mode}"}}"#));
        self
    }

    /// The request that a version came from.
    pub(crate) fn request(&mut self, method: &str, url: &str) -> &mut Self {
        self.part("request");
        self.out.push_str(&format!(r#"{{"method":"{method}","url":"#));
        write_string(&mut self.out, url);
        self.out.push('}');
        self
    }

    /// What the entry's interaction answered.
    pub(crate) fn response(&mut self, response: &Response<'_>) -> &mut Self {
        self.part("response");
        self.out.push_str(&format!(r#"{{"status":"{}""#, status_line(response.status)));
        if let Some(location) = &response.location {
            self.out.push_str(r#","location":"#);
            write_string(&mut self.out, location);
        }
        if let Some(version) = response.version {
            self.out.push_str(&format!(r#","etag":"W/\"{version}\"""#));
        }
        if let Some(updated) = response.last_modified {
            self.out.push_str(&format!(r#","lastModified":"{}""#, datetime::instant(updated * 1000)));
        }
        if let Some(outcome) = response.outcome {
            self.out.push_str(r#","outcome":"#);
            self.out.push_str(outcome);
        }
        self.out.push('}');
        self
    }

    /// Ends an entry.
    pub fn end(&mut self) {
        self.out.push('}');
    }

    /// The Bundle's JSON.
    pub fn finish(mut self) -> String {
        self.out.push_str(if self.entries > 0 { "]}" } else { "}" });
        self.out
    }
}

/// Bundle.entry.response.
#[derive(Default)]
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) version: Option<i64>,
    pub(crate) last_modified: Option<i64>,
    pub(crate) outcome: Option<&'a str>,
}

/// A status code with its phrase (RFC 9110 section 15).
fn status_line(status: u16) -> String {
    match StatusCode::from_u16(status).ok().and_then(|it| it.canonical_reason()) {
        Some(phrase) => format!("{status} {phrase}"),
        None => status.to_string(),
    }
}
