//! Nothing leaks sideways: words that stand for what is nobody else's, in every part of a request where such a thing may be,
//! come up in nothing that the server writes beside its answers: log lines at every level, its output, figures, names of files,
//! subjects of mails, addresses that it makes. And no error repeats a value of a resource.

use crate::smart::place::{Browser, FORM, Person, Place, query};
use conformance_tests::{Answer, Call, Program, Server, file_names, unique};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

/// A server that writes down all that it logs, mails into a folder, and what was planted.
struct Watched {
    program: Program,
    server: Server,
    planted: Vec<(&'static str, String)>,
    /// What came up where.
    leaks: Mutex<BTreeSet<String>>,
}

impl Watched {
    fn new() -> Option<Watched> {
        let program = Program::fresh()?;
        let mails = format!("folder:{}", program.directory().join("mails").display());
        let fixed = ["serve", "--listen", "127.0.0.1:0", "--database", program.database(), "--mail", &mails];
        let mut command = program.command(&fixed);
        command.env("MEDISYNC_REGISTRATION", "open");
        let server = Server::start(&mut command);
        Some(Watched { program, server, planted: Vec::new(), leaks: Mutex::default() })
    }

    /// A new word for something, which nothing else has in it.
    fn plant(&mut self, what: &'static str) -> String {
        let word = format!("zq{what}{}", unique().replace('-', "x"));
        self.planted.push((what, word.clone()));
        word
    }

    /// What comes up in a text, of what was planted.
    fn found_in(&self, text: &str) -> Vec<&'static str> {
        let text = text.to_lowercase();
        self.planted.iter().filter(|(_, word)| text.contains(word.as_str())).map(|(what, _)| *what).collect()
    }

    /// Looks for what was planted in a text.
    fn look(&self, place: &str, text: &str) {
        for line in text.lines() {
            for what in self.found_in(line) {
                self.leaks.lock().expect("a list").insert(format!("{place} tells {what}: {line}"));
            }
        }
    }

    /// Looks for values of resources in the errors of an answer.
    fn look_at_errors(&self, answer: &Answer, what: &[&str]) {
        let body = serde_json::from_slice::<Value>(&answer.bytes).unwrap_or_default();
        let entries = body["entry"].as_array().into_iter().flatten();
        let outcomes = entries.flat_map(|it| [&it["resource"], &it["response"]["outcome"]]).chain([&body]);
        for outcome in outcomes.filter(|it| it["resourceType"] == "OperationOutcome") {
            let found = self.found_in(&outcome.to_string()).into_iter().filter(|it| what.contains(it));
            let mut leaks = self.leaks.lock().expect("a list");
            leaks.extend(found.map(|it| format!("{}: {} repeats {it}: {outcome}", answer.asked, answer.status)));
        }
    }
}

/// Values of resources: what no error repeats.
const VALUES: [&str; 12] = [
    "family",
    "given",
    "identifier",
    "telecom",
    "line",
    "text",
    "extension",
    "value",
    "note",
    "base64",
    "broken",
    "date",
];

/// A Patient of planted words.
fn patient(watched: &mut Watched) -> Value {
    json!({
        "resourceType": "Patient",
        "text": {"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{}</div>", watched.plant("text"))},
        "extension": [{"url": "urn:planted", "valueString": watched.plant("extension")}],
        "identifier": [{"system": "urn:planted", "value": watched.plant("identifier")}],
        "name": [{"family": watched.plant("family"), "given": [watched.plant("given")]}],
        "telecom": [{"system": "email", "value": format!("{}@example.org", watched.plant("telecom"))}],
        "address": [{"line": [watched.plant("line")]}],
        "birthDate": "1971-03-04",
    })
}

/// Everything over FHIR: good and bad.
async fn records(watched: &mut Watched, place: &Place<'_>) {
    let admin = &place.admin;
    let whole = patient(watched);
    let made = admin.post("Patient", &whole).await.expect(201);
    assert!(!watched.found_in(&made.text()).is_empty(), "what is planted can be found");
    watched.look("Location", made.needed_header("location"));
    let id = made.id();
    let mut changed = whole.clone();
    changed["id"] = id.clone().into();
    admin.put(&format!("Patient/{id}"), &changed).await.expect(200);
    admin.get(&format!("Patient/{id}/_history")).await.expect(200);
    admin.get(&format!("Patient/{id}/$everything")).await.expect_in(200..=404);
    bad_resources(watched, place, &id).await;
    searches(watched, place).await;
    headers(watched, place, &id).await;
    bundles(watched, place).await;
}

async fn bad_resources(watched: &mut Watched, place: &Place<'_>, id: &str) {
    let admin = &place.admin;
    let (broken, value, date) = (watched.plant("broken"), watched.plant("value"), watched.plant("date"));
    let fhir = "application/fhir+json";
    let texts = [
        (fhir, format!("{{\"resourceType\":\"Patient\",\"name\":[{{\"family\":\"{broken}")),
        (fhir, format!("{{\"resourceType\":\"Patient\",\"gender\":\"{value}\"}}")),
        (fhir, format!("{{\"resourceType\":\"Patient\",\"birthDate\":\"{date}\"}}")),
        (fhir, format!("{{\"resourceType\":\"Patient\",\"id\":\"{value} x\"}}")),
        (fhir, format!("{{\"resourceType\":\"Patient\",\"multipleBirthInteger\":\"{value}\"}}")),
        (fhir, format!("{{\"resourceType\":\"Patient\",\"active\":\"{value}\",\"deceasedBoolean\":\"{value}\"}}")),
        (
            fhir,
            format!(
                "{{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{{\"text\":\"{value}\"}},\"valueQuantity\":{{\"value\":\"{value}\"}}}}"
            ),
        ),
        (
            fhir,
            format!(
                "{{\"resourceType\":\"Observation\",\"status\":\"{value}\",\"code\":{{\"coding\":[{{\"system\":\"http://loinc.org\",\"code\":\"\",\"display\":\"{value}\"}}]}}}}"
            ),
        ),
        (
            fhir,
            format!(
                "{{\"resourceType\":\"Patient\",\"text\":{{\"status\":\"generated\",\"div\":\"<div>{broken}<script>{broken}</script>\"}}}}"
            ),
        ),
        (fhir, format!("{{\"resourceType\":\"Patient\",\"photo\":[{{\"data\":\"{broken}!\"}}]}}")),
        (fhir, broken.clone()),
        (
            "application/fhir+xml",
            format!(
                "<Patient xmlns=\"http://hl7.org/fhir\"><birthDate value=\"{date}\"/><name><family value=\"{broken}\"</Patient>"
            ),
        ),
        (
            "application/fhir+xml",
            format!("<Patient xmlns=\"http://hl7.org/fhir\"><gender value=\"{value}\"/></Patient>"),
        ),
        (
            "application/fhir+xml",
            format!("<!DOCTYPE x [<!ENTITY e \"{broken}\">]><Patient xmlns=\"http://hl7.org/fhir\">&e;</Patient>"),
        ),
    ];
    for (media_type, text) in texts {
        for (method, path) in [("POST", "Patient"), ("POST", "Patient/$validate"), ("POST", "")] {
            let answer = admin.call(method, path).body(media_type, text.clone()).send().await;
            watched.look_at_errors(&answer, &VALUES);
        }
    }
    let patches = [
        ("application/json-patch+json", json!([{"op": "replace", "path": "/birthDate", "value": date}]).to_string()),
        ("application/json-patch+json", json!([{"op": "test", "path": "/gender", "value": value}]).to_string()),
        ("application/json-patch+json", format!("[{{\"op\":\"{value}\"")),
        (
            "application/fhir+json",
            json!({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
            {"name": "type", "valueCode": "replace"}, {"name": "path", "valueString": "Patient.gender"},
            {"name": "value", "valueCode": value}]}]})
            .to_string(),
        ),
    ];
    for (media_type, text) in patches {
        let answer = admin.call("PATCH", &format!("Patient/{id}")).body(media_type, text).send().await;
        watched.look_at_errors(&answer, &VALUES);
    }
    let note = watched.plant("note");
    let about = json!({"resourceType": "Observation", "status": "final", "code": {"text": note}, "note": [{"text": note}],
        "subject": {"reference": "Patient/nobody-is-there", "display": note}, "valueString": note});
    let answer = admin.post("Observation", &about).await;
    watched.look_at_errors(&answer, &VALUES);
    let binary = watched.plant("base64");
    admin.call("POST", "Binary").body("text/plain", binary).send().await.expect_in(200..=499);
}

async fn searches(watched: &mut Watched, place: &Place<'_>) {
    let admin = &place.admin;
    for parameter in [
        "name",
        "family",
        "birthdate",
        "identifier",
        "_lastUpdated",
        "gender",
        "general-practitioner",
        "_has:Observation:patient:code",
        "_filter",
        "_sort",
        "_include",
        "_revinclude",
        "_elements",
        "_count",
        "_total",
        "_summary",
        "_format",
        "_page",
        "_text",
        "_content",
        "_profile",
        "_security",
        "name:exact",
        "identifier:of-type",
        "unknown-one",
        "organization.name",
        "_id",
        "near",
    ] {
        let word = watched.plant("query");
        let found = admin.get(&format!("Patient?{parameter}={word}")).await;
        for sideways in ["content-location", "location", "link", "warning", "x-search-unindexed"] {
            watched.look(sideways, found.header(sideways).unwrap_or_default());
        }
        admin.get(&format!("Patient?{}=x", watched.plant("parameter"))).await;
        let posted = watched.plant("query");
        let form = format!("{parameter}={posted}&_count=1");
        let found = admin.call("POST", "Patient/_search").body(FORM, form).send().await;
        look_at_links(watched, &found, &posted);
    }
    // A search of several pages.
    let family = watched.plant("query");
    for _ in 0..2 {
        admin.create(&json!({"resourceType": "Patient", "name": [{"family": family}]})).await;
    }
    let form = format!("family={family}&_count=1");
    let page = admin.call("POST", "Patient/_search").body(FORM, form).send().await.expect(200);
    look_at_links(watched, &page, &family);
    for path in [
        watched.plant("path"),
        format!("Patient/{}", watched.plant("path")),
        format!("Patient/${}", watched.plant("path")),
    ] {
        admin.get(&path).await.expect_in(400..=499);
        admin.call("DELETE", &path).send().await;
    }
    for operation in ["$expand?filter", "$expand?url", "$validate-code?code", "$lookup?code"] {
        let of = if operation.starts_with("$lookup") { "CodeSystem" } else { "ValueSet" };
        admin.get(&format!("{of}/{operation}={}", watched.plant("query"))).await;
    }
}

/// The addresses of a Bundle: they have what its caller sent, which the standard asks for (search.html#conformance), and nothing else.
fn look_at_links(watched: &Watched, answer: &Answer, sent: &str) {
    let Ok(bundle) = serde_json::from_slice::<Value>(&answer.bytes) else { return };
    for link in bundle["link"].as_array().into_iter().flatten() {
        watched.look("a link", &link.to_string().replace(sent, ""));
    }
}

async fn headers(watched: &mut Watched, place: &Place<'_>, id: &str) {
    for header in [
        "accept",
        "if-match",
        "if-none-match",
        "if-modified-since",
        "prefer",
        "content-type",
        "content-encoding",
        "accept-encoding",
        "x-tenant-id",
        "x-forwarded-for",
        "forwarded",
        "x-forwarded-host",
        "origin",
        "referer",
        "user-agent",
        "cookie",
        "range",
        "x-provenance",
        "traceparent",
        "accept-charset",
        "if-none-exist",
        "sec-fetch-site",
        "x-anything",
    ] {
        let word = watched.plant("header");
        let path = format!("Patient/{id}");
        let with = |method: &str, path: &str| -> Call { place.admin.call(method, path).header(header, &word) };
        with("GET", &path).send().await;
        with("PUT", &path).body("application/fhir+json", "{}").send().await;
        with("POST", "Patient").send().await;
        place.with(None).call("GET", &format!("{}/account", place.issuer())).header(header, &word).send().await;
    }
    let create = place
        .admin
        .call("POST", "Patient")
        .header("if-none-exist", &format!("identifier=urn:planted|{}", watched.plant("query")));
    create.json(&json!({"resourceType": "Patient"})).send().await.expect_in(200..=201);
}

async fn bundles(watched: &mut Watched, place: &Place<'_>) {
    for kind in ["batch", "transaction", "history", "nonsense"] {
        let (value, path, url) = (watched.plant("value"), watched.plant("query"), watched.plant("value"));
        let entries = vec![
            json!({"resource": {"resourceType": "Patient", "birthDate": value}, "request": {"method": "POST", "url": "Patient"}}),
            json!({"request": {"method": "GET", "url": format!("Patient?family={path}")}}),
            json!({"fullUrl": format!("urn:uuid:{url}"), "resource": {"resourceType": "Observation", "status": "final",
                "code": {"text": value}, "subject": {"reference": format!("Patient?identifier={path}")}},
                "request": {"method": "POST", "url": "Observation", "ifNoneExist": format!("code={path}")}}),
        ];
        let answer = place.admin.bundle(kind, entries).await;
        watched.look_at_errors(&answer, &["value", "query"]);
    }
}

/// Tokens, secrets, passwords and forms of the authorization server.
async fn people(watched: &mut Watched, place: &Place<'_>) {
    for scheme in ["Bearer", "Basic", "Other"] {
        let call = place.with(None).call("GET", "Patient");
        call.header("authorization", &format!("{scheme} {}", watched.plant("token"))).send().await.expect_in(400..=401);
    }
    let key = format!("msk_{}_{}", watched.plant("token"), watched.plant("token"));
    place.with(Some(&key)).get("Patient").await.expect_in(400..=401);
    for endpoint in [
        "token",
        "introspect",
        "revoke",
        "par",
        "sign-in",
        "second",
        "authorize",
        "forgotten",
        "reset",
        "sign-up",
        "end-session",
        "password",
        "email",
        "invitation",
        "passkey",
        "authenticator",
        "link",
        "sign-on/x/logout",
    ] {
        let names = [
            "grant_type",
            "code",
            "code_verifier",
            "refresh_token",
            "client_id",
            "client_secret",
            "client_assertion",
            "token",
            "username",
            "password",
            "state",
            "redirect_uri",
            "scope",
            "id_token_hint",
            "logout_token",
            "email",
            "csrf",
            "next",
            "request",
            "launch",
            "login_hint",
        ];
        let form: Vec<(&str, String)> = names.iter().map(|it| (*it, watched.plant("form"))).collect();
        place.with(None).call("POST", &format!("{}/{endpoint}", place.issuer())).body(FORM, query(&form)).send().await;
        place.with(None).get(&format!("{}/{endpoint}?{}", place.issuer(), query(&form))).await;
    }
    let person = place.practitioner().await;
    watched.planted.push(("password", person.password.to_lowercase()));
    let mut browser = Browser::new(place);
    let page = browser.get("account").await.expect(200);
    let wrong = Person { name: watched.plant("username"), password: watched.plant("password") };
    browser.sign_in(&page, &wrong).await.expect(401);
    let page = browser.get("account").await.expect(200);
    browser.sign_in(&page, &person).await.expect(303);
    let cookie = browser.cookie.clone().expect("a cookie");
    watched.planted.push(("cookie", cookie.split_once('=').expect("a value").1.to_lowercase()));
    let app = place.app("openid user/*.rs offline_access");
    let tokens = place.granted(&app, &person, "openid user/*.rs offline_access", None).await;
    for name in ["access_token", "refresh_token", "id_token"] {
        let token = tokens[name].as_str().expect("a token").to_lowercase();
        watched.planted.push(("token", token.rsplit('.').next().unwrap_or_default().to_owned()));
    }
    place.with(tokens["access_token"].as_str()).get("Patient").await.expect(200);
    place.refresh(&app, tokens["refresh_token"].as_str().expect("a token")).await.expect(200);
    let client = json!({"client_name": watched.plant("client"), "redirect_uris": [format!("https://{}.example.org/", watched.plant("client"))]});
    let register = place.with(None).call("POST", &format!("{}/register", place.issuer()));
    register.body("application/json", client.to_string()).send().await.expect_in(200..=499);
}

/// Mails, providers and operations of administrators.
async fn administration(watched: &mut Watched, place: &Place<'_>) {
    let patient = place.patient(&watched.plant("family")).await;
    let invite = json!({"resourceType": "Parameters", "parameter": [
        {"name": "email", "valueString": format!("{}@example.org", watched.plant("email"))},
        {"name": "user", "valueString": format!("Patient/{patient}")}]});
    place.admin.post("$invite", &invite).await.expect(200);
    let provider = json!({"resourceType": "Parameters", "parameter": [
        {"name": "id", "valueString": "staff"}, {"name": "label", "valueString": "Staff"},
        {"name": "issuer", "valueUri": "https://127.0.0.1:1"}, {"name": "client-id", "valueString": watched.plant("client")},
        {"name": "client-secret", "valueString": watched.plant("secret")},
        {"name": "rule", "part": [{"name": "scope", "valueString": "user/*.rs"}]}]});
    let answer = place.admin.post("$register-provider", &provider).await.expect(200);
    watched.look_at_errors(&answer, &["secret"]);
    let back = format!(
        "{}/sign-on/staff/back?{}",
        place.issuer(),
        query(&[("state", watched.plant("form")), ("code", watched.plant("form"))])
    );
    place.with(None).get(&back).await;
    place.with(None).get(&format!("{}/sign-on/staff", place.issuer())).await.expect(503);
    for operation in [
        "$invite",
        "$link-user",
        "$reset-factors",
        "$register-provider",
        "$brands",
        "$appearance",
        "$rate-limits",
        "$switching",
    ] {
        let parameters = ["username", "email", "user", "provider", "subject", "client-secret", "color", "organization"]
            .map(|it| json!({"name": it, "valueString": watched.plant("value")}));
        place.admin.post(operation, &json!({"resourceType": "Parameters", "parameter": parameters})).await;
    }
    let state = format!("{}/state/{}/Basic", place.root, place.tenant);
    let basic =
        json!({"resourceType": "Basic", "code": {"coding": [{"system": "urn:x", "code": watched.plant("value")}]}});
    place.admin.call("POST", &state).json(&basic).send().await;
    place.admin.get(&format!("{state}?code={}", watched.plant("query"))).await;
    for path in ["fhir", "auth", "state", "livez", "assets"] {
        place.with(None).get(&format!("{}/{path}/{}/Patient", place.root, watched.plant("path"))).await;
    }
}

/// Commands of the operator's, whose mistakes are told on their output.
fn commands(watched: &mut Watched, place: &Place<'_>) {
    let family = watched.plant("family");
    let file = watched.program.directory().join("records.ndjson");
    let lines = [
        json!({"resourceType": "Patient", "name": [{"family": family}], "birthDate": family}).to_string(),
        format!("{{\"resourceType\":\"Patient\",\"name\":[{{\"family\":\"{family}"),
        json!({"resourceType": "Patient", "name": [{"family": family}]}).to_string(),
    ];
    std::fs::write(&file, lines.join("\n")).expect("a file");
    let loaded = watched.program.run(&["load", "--tenant", &place.tenant, file.to_str().expect("UTF-8")]);
    let password = watched.plant("password");
    let asked = ["user", "create", "--tenant", &place.tenant, "--is", "Practitioner/none", "--password-stdin", "ana"];
    let refused = watched.program.run_with_input(&asked, &password);
    for output in [loaded, refused] {
        watched.look("a command", &String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
    }
}

#[tokio::test]
async fn what_was_planted_comes_up_nowhere() {
    let Some(mut watched) = Watched::new() else { return };
    let root = watched.server.root.clone();
    let program = Program::over(watched.program.database().to_owned());
    let place = Place::of(&program, &root);
    records(&mut watched, &place).await;
    people(&mut watched, &place).await;
    administration(&mut watched, &place).await;
    let metrics = place.with(None).get(&format!("{root}/metrics")).await.expect(200).text();
    watched.look("/metrics", &metrics);
    // The mail leaves in its own time.
    tokio::time::sleep(Duration::from_millis(500)).await;
    watched.look("the name of a file", &file_names(watched.program.directory()));
    let mails = std::fs::read_dir(watched.program.directory().join("mails")).expect("mails").flatten();
    let mut count = 0;
    for mail in mails {
        let text = std::fs::read_to_string(mail.path()).expect("a mail");
        let subject = text.lines().find(|it| it.starts_with("Subject: ")).expect("a subject");
        watched.look("the subject of a mail", subject);
        count += 1;
    }
    assert!(count > 0, "a mail was sent");
    commands(&mut watched, &place);
    watched.server.terminate();
    for _ in 0..200 {
        if watched.server.log().contains("stopped") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let text = watched.server.log();
    watched.look("the log", &text);
    let lines = text.lines().filter(|it| it.contains("answered")).count();
    assert!(lines > 300 && text.contains("stopped"), "the log has {lines} requests");
    let leaks = watched.leaks.lock().expect("a list");
    assert!(leaks.is_empty(), "{} leaks: {leaks:#?}", leaks.len());
}
