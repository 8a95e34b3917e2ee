//! What proof of who asks costs: the CPU that a token and limits add to a request, and that of a whole code flow
//! (`scripts/bench --auth`). Passwords are hashed before the clock starts.

use crate::client::Connection;
use crate::load::Measured;
use crate::place::Place;
use crate::process::Process;
use crate::request::Request;
use crate::run::Plan;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::ffi::OsStr;
use std::process::Command;
use std::time::Instant;

const TENANT: &str = "bench";
const PATIENT: &str = "/fhir/bench/Patient/measured";
const REDIRECT: &str = "https://app.example.org/back";
const SCOPE: &str = "openid fhirUser offline_access user/*.rs user/Patient.c";
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// How often reads go round the three ways to serve them.
const ROUNDS: usize = 4;
/// Code flows that are measured, and those before.
const FLOWS: usize = 600;
const FIRST: usize = 50;
/// Limits that no load reaches, each counted.
pub const LIMITED: [&str; 8] = [
    "--tenant-rate",
    "1000000000",
    "--client-rate",
    "1000000000",
    "--user-rate",
    "1000000000",
    "--address-rate",
    "1000000000",
];
const UNLIMITED: [&str; 8] =
    ["--tenant-rate", "none", "--client-rate", "none", "--user-rate", "none", "--address-rate", "none"];

/// Measures, and tells the figures line by line.
pub async fn run(plan: &Plan) -> Result<String> {
    let place = plan.places.make()?;
    let house = House::make(plan, &place).await?;
    let (flows, token) = house.flows().await?;
    let bearer = [("authorization", format!("Bearer {token}")), ("x-forwarded-for", "192.0.2.1".to_owned())];
    let read = Request::get(PATIENT);
    let with_token = read.with_headers(&bearer);
    let (mut open, mut told, mut limited) = (Measured::default(), Measured::default(), Measured::default());
    for _ in 0..ROUNDS {
        open = open.and(house.load(&["--no-auth"], &read).await?);
        told = told.and(house.load(&UNLIMITED, &with_token).await?);
        limited = limited.and(house.load(&LIMITED, &with_token).await?);
    }
    let micros = |it: &Measured| it.cpu_ms() * 1000.0;
    Ok(format!(
        "What proof of who asks costs, on {}, {}: CPU of the server{}.\n\n\
         - a read without tokens: {:.1} µs; with a token, known from before: {:.1} µs, {:+.1}; counted for tenant, client, \
         user and address too: {:.1} µs, {:+.1}\n\
         - a code flow (authorization page, letting in, token endpoint; signed in already): {:.2} ms\n",
        place.kind(),
        plan.date,
        if place.cluster().is_some() { " and of PostgreSQL" } else { "" },
        micros(&open),
        micros(&told),
        micros(&told) - micros(&open),
        micros(&limited),
        micros(&limited) - micros(&told),
        flows.cpu_ms()
    ))
}

/// A tenant with a patient, a user and an app.
pub struct House<'p> {
    plan: &'p Plan,
    place: &'p Place,
    client: String,
    password: String,
}

impl House<'_> {
    /// Makes it.
    pub async fn make<'p>(plan: &'p Plan, place: &'p Place) -> Result<House<'p>> {
        let server = plan.serve_new(place).await?;
        let person =
            |of: &str| format!("{{\"resourceType\":\"{of}\",\"id\":\"measured\",\"name\":[{{\"family\":\"Doe\"}}]}}");
        let put = |of: &str| Request::with_body("PUT", format!("/fhir/bench/{of}/measured"), person(of).as_bytes());
        server.answers(&[put("Patient"), put("Practitioner")]).await?;
        drop(server);
        let url = place.url();
        let said = |more: &[&str]| said(plan, &[more, &["--tenant", TENANT, "--database", &url]].concat());
        let user = said(&["user", "create", "--is", "Practitioner/measured", "--role", "doctor", "ana"])?;
        let app = ["client", "create", "--name", "App", "--public", "--redirect", REDIRECT, "--scope", SCOPE];
        let client = said(&app)?;
        let word = |text: &str, at: usize| text.split_whitespace().nth(at).map(str::to_owned);
        Ok(House {
            plan,
            place,
            client: word(client.lines().next().unwrap_or_default(), 1).context("no client id")?,
            password: user.split_whitespace().last().context("no password")?.to_owned(),
        })
    }

    /// A server on it.
    pub fn serve(&self, more: &[&str]) -> Result<Process> {
        let url = self.place.url();
        let arguments =
            [&["serve", "--listen", "127.0.0.1:0", "--database", &url, "--log-level", "warn"], more].concat();
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        Ok(Process::start(&self.plan.server, &arguments)?.on(self.place.cluster()))
    }

    async fn load(&self, more: &[&str], request: &Request) -> Result<Measured> {
        self.plan.load.put_on(&self.serve(more)?, std::slice::from_ref(request)).await
    }

    /// What code flows take, one after the other, and the last one's access token.
    pub async fn flows(&self) -> Result<(Measured, String)> {
        let server = self.serve(&UNLIMITED)?;
        let mut browser = Browser { connection: Connection::open(server.address).await?, cookie: String::new() };
        let page = browser.send("GET", &self.asked(), None).await?;
        let mut form = hidden(&page.body);
        form.extend([("username".to_owned(), "ana".to_owned()), ("password".to_owned(), self.password.clone())]);
        browser.send("POST", "/auth/bench/sign-in", Some(&form)).await?;
        for _ in 0..FIRST {
            self.flow(&mut browser).await?;
        }
        let (cpu, begun) = (server.cpu()?, Instant::now());
        let (mut token, mut latencies) = (String::new(), Vec::with_capacity(FLOWS));
        for _ in 0..FLOWS {
            let begun = Instant::now();
            token = self.flow(&mut browser).await?;
            latencies.push(begun.elapsed());
        }
        let (elapsed, cpu) = (begun.elapsed(), server.cpu()?.saturating_sub(cpu));
        Ok((Measured::new(FLOWS as u64, elapsed, cpu, latencies), token))
    }

    fn asked(&self) -> String {
        let asked = [
            ("response_type", "code"),
            ("client_id", &self.client),
            ("redirect_uri", REDIRECT),
            ("scope", SCOPE),
            ("state", "measured"),
            ("aud", "http://localhost/fhir/bench"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        format!("/auth/bench/authorize?{}", query(&asked))
    }

    /// One code flow; the access token.
    async fn flow(&self, browser: &mut Browser) -> Result<String> {
        let page = browser.send("GET", &self.asked(), None).await?;
        let mut form = hidden(&page.body);
        form.push(("action".to_owned(), "allow".to_owned()));
        let allowed = browser.send("POST", "/auth/bench/authorize", Some(&form)).await?;
        let location = header(&allowed.head, "location").context("letting the app in leads nowhere")?;
        let code = location.split(['?', '&']).find_map(|it| it.strip_prefix("code=")).context("no code")?;
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.client),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let answer = browser.send("POST", "/auth/bench/token", Some(&form)).await?;
        let answer: Value = serde_json::from_str(&answer.body)?;
        Ok(answer["access_token"].as_str().context("no access token")?.to_owned())
    }
}

/// What a command prints.
fn said(plan: &Plan, arguments: &[&str]) -> Result<String> {
    let output = Command::new(&plan.server).args(arguments).output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{arguments:?} failed: {errors}");
    Ok(String::from_utf8(output.stdout)?)
}

/// A browser with its cookie.
struct Browser {
    connection: Connection,
    cookie: String,
}

/// A page or redirect.
struct Shown {
    head: String,
    body: String,
}

impl Browser {
    async fn send(&mut self, method: &str, target: &str, form: Option<&[(String, String)]>) -> Result<Shown> {
        let body = form.map(|it| query(&it.iter().map(|(name, value)| (&**name, &**value)).collect::<Vec<_>>()));
        let body = body.unwrap_or_default();
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: localhost\r\ncookie: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            self.cookie,
            body.len()
        );
        let answer = self.connection.send(request.as_bytes()).await?;
        let shown = Shown {
            head: String::from_utf8_lossy(answer.head).into_owned(),
            body: String::from_utf8_lossy(answer.body).into_owned(),
        };
        ensure!(answer.status < 400, "{method} {target} was answered {}: {}", answer.status, shown.body);
        if let Some(set) = header(&shown.head, "set-cookie") {
            self.cookie = set.split(';').next().unwrap_or_default().to_owned();
        }
        Ok(shown)
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut pairs = head.lines().filter_map(|it| it.split_once(':'));
    pairs.find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Pairs as a query or form.
fn query(pairs: &[(&str, &str)]) -> String {
    let encoded = |text: &str| -> String {
        let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._~".contains(&it);
        text.bytes().map(|it| if plain(it) { char::from(it).to_string() } else { format!("%{it:02X}") }).collect()
    };
    pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&")
}

/// The hidden fields of a page's first form.
fn hidden(page: &str) -> Vec<(String, String)> {
    let form = page.split("</form>").next().unwrap_or_default();
    let field = |it: &str| {
        let (name, rest) = it.split_once("\" value=\"")?;
        let value = rest.split_once('"')?.0.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<");
        Some((name.to_owned(), value.replace("&gt;", ">").replace("&amp;", "&")))
    };
    form.split("<input type=\"hidden\" name=\"").skip(1).filter_map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_and_written() {
        let page = "<form><input type=\"hidden\" name=\"csrf\" value=\"a&amp;b\"></form><form></form>";
        assert_eq!(hidden(page), [("csrf".to_owned(), "a&b".to_owned())]);
        assert_eq!(query(&[("a b", "c&d"), ("e", "f")]), "a%20b=c%26d&e=f");
        assert_eq!(header("HTTP/1.1 303\r\nLocation: /x\r\n", "location"), Some("/x"));
    }
}
