//! Nothing leaks sideways: words that stand for what is nobody else's, in every part of a request where such a thing may be,
//! come up in nothing that the server writes beside its answers: log lines at every level, its output, figures, names of files,
//! subjects of mails, addresses that it makes. And no error repeats a value of a resource.

mod end;
mod people;
mod records;
mod searches;
mod xml;

use crate::smart::place::Place;
use conformance_tests::{Answer, Program, Server, eventually, file_names, unique};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Mutex;

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

    /// Looks for values of resources in an answer that is an error as a whole.
    fn look_at_text(&self, answer: &Answer, what: &[&str]) {
        let text = answer.text();
        if answer.status >= 400 {
            let found = self.found_in(&text).into_iter().filter(|it| what.contains(it));
            let mut leaks = self.leaks.lock().expect("a list");
            leaks.extend(found.map(|it| format!("{}: {} repeats {it}: {text}", answer.asked, answer.status)));
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
    records::records(&mut watched, &place).await;
    people::people(&mut watched, &place).await;
    people::administration(&mut watched, &place).await;
    let metrics = place.with(None).get(&format!("{root}/metrics")).await.expect(200).text();
    watched.look("/metrics", &metrics);
    // The mail leaves in its own time.
    let sent = || {
        let files = std::fs::read_dir(watched.program.directory().join("mails")).into_iter().flatten().flatten();
        let mails: Vec<_> =
            files.map(|it| it.path()).filter(|it| it.extension().is_some_and(|it| it == "eml")).collect();
        Some(mails).filter(|it| !it.is_empty())
    };
    for mail in eventually("a mail", async || sent()).await {
        let text = std::fs::read_to_string(mail).expect("a mail");
        let subject = text.lines().find(|it| it.starts_with("Subject: ")).expect("a subject");
        watched.look("the subject of a mail", subject);
    }
    watched.look("the name of a file", &file_names(watched.program.directory()));
    commands(&mut watched, &place);
    watched.server.terminate();
    let ended = async || Some(watched.server.log()).filter(|it| it.contains("stopped"));
    let text = eventually("the server's end", ended).await;
    watched.look("the log", &text);
    let lines = text.lines().filter(|it| it.contains("answered")).count();
    assert!(lines > 300, "the log has {lines} requests");
    let leaks = watched.leaks.lock().expect("a list");
    assert!(leaks.is_empty(), "{} leaks: {leaks:#?}", leaks.len());
}
