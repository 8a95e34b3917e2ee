//! Words that cases send and that no server may write down: tokens, cookies, what stands in forms and queries, values of resources.
//! Every line that a server logs or prints to its end, at the finest level, its figures and the names of its files at its end, and
//! what commands print are looked through for them; a case fails where one came up, and the run where one did after the last case.

use serde_json::Value;
use std::collections::HashSet;
use std::io::{BufRead, Write};
use std::path::Path;
use std::process::Output;
use std::sync::{LazyLock, Mutex, PoisonError, RwLock};

/// The shortest word that is told from those which any line may have.
const SHORTEST: usize = 12;
/// The same of people's names, which have no digits.
const SHORTEST_NAME: usize = 8;
/// Members of forms that are no secret, and come up in lines that tell what was done to whom.
const OPEN: [&str; 4] = ["client_id", "client", "clinic", "id"];
/// Members of resources that are names of people and of places.
const NAMES: [&str; 3] = ["family", "given", "line"];
/// Members of resources that say what something is called by programs, and no more.
const TECHNICAL: [&str; 9] =
    ["resourceType", "id", "reference", "url", "fullUrl", "system", "profile", "versionId", "instantiatesCanonical"];

type Words = LazyLock<RwLock<HashSet<Box<str>>>>;

static SENT: Words = LazyLock::new(RwLock::default);
/// Of forms and queries: an operator's commands may name a user or client.
static IN_FORMS: Words = LazyLock::new(RwLock::default);
/// Names of tenants, which lines tell.
static TENANTS: Words = LazyLock::new(RwLock::default);
static LEAKS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Remembers the name of a tenant: no secret, wherever it is sent.
pub fn tenant(name: &str) {
    TENANTS.write().unwrap_or_else(PoisonError::into_inner).insert(name.into());
}

/// Remembers what a header, such as a token, holds.
pub fn secret(text: &str) {
    remember(&SENT, text, is_telling);
}

/// Remembers what a body holds, where it is a form, JSON or XML.
pub fn body(media_type: &str, bytes: &[u8]) {
    if media_type.contains("json") {
        serde_json::from_slice::<Value>(bytes).iter().for_each(resource);
    } else if media_type.contains("xml") {
        xml(&String::from_utf8_lossy(bytes));
    } else if media_type.contains("form-urlencoded") {
        form(&String::from_utf8_lossy(bytes));
    }
}

/// Remembers the values of a query or form.
pub fn form(text: &str) {
    for (name, value) in text.split('&').filter_map(|it| it.split_once('=')) {
        if !OPEN.contains(&name) {
            remember(&IN_FORMS, value, is_telling);
        }
    }
}

/// Remembers what a resource says.
pub fn resource(resource: &Value) {
    match resource {
        Value::Object(members) => {
            for (name, value) in members {
                if TECHNICAL.contains(&name.as_str()) {
                    continue;
                }
                self::resource(value);
                if NAMES.contains(&name.as_str()) {
                    let all = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                    all.iter().filter_map(Value::as_str).for_each(|it| remember(&SENT, it, is_name));
                }
            }
        }
        Value::Array(all) => all.iter().for_each(self::resource),
        Value::String(text) => remember(&SENT, text, is_telling),
        _ => {}
    }
}

/// Remembers what XML says, well-formed or not: attributes, and what stands between tags.
fn xml(text: &str) {
    for part in text.split('<') {
        let (tag, between) = part.split_once('>').unwrap_or((part, ""));
        let element = tag.split(|it: char| !it.is_ascii_alphanumeric()).next().unwrap_or_default();
        for (name, value) in attributes(tag) {
            if name.starts_with("xmlns") || TECHNICAL.contains(&name) || name == "value" && TECHNICAL.contains(&element)
            {
                continue;
            }
            remember(&SENT, value, is_telling);
            if NAMES.contains(&element) {
                remember(&SENT, value, is_name);
            }
        }
        remember(&SENT, between, is_telling);
    }
}

/// The attributes of a tag: names with their values.
fn attributes(tag: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = tag;
    std::iter::from_fn(move || {
        let (before, behind) = rest.split_once('=')?;
        let behind = behind.trim_start();
        let quote = behind.chars().next().filter(|it| matches!(it, '"' | '\''))?;
        let (value, left) = behind.get(1..)?.split_once(quote)?;
        rest = left;
        Some((before.trim().rsplit(char::is_whitespace).next()?, value))
    })
}

/// Looks through all that a server logs, and hands on what a person who runs the cases should see.
pub fn watch(log: impl BufRead, mut keep: impl FnMut(&str)) {
    for line in log.lines().map_while(Result::ok) {
        // The time comes first, which cases may have asked about.
        look("the log", line.split_once(' ').map_or("", |(_, told)| told));
        if line.contains(" WARN ") || line.contains("ERROR ") {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        keep(&line);
    }
}

/// Looks for what was sent in what a server writes beside its log.
pub fn look(place: &str, text: &str) {
    for line in text.lines() {
        if let Some(word) = words(line).find(|it| has(&SENT, it) || has(&IN_FORMS, it)) {
            leak(place, word, line);
        }
    }
}

/// Looks for it in what a command prints, beside what it was called with. A token is what `token` is for, and begins like others;
/// users are what `user` shows, who may have been added over HTTP.
pub fn look_at_output(arguments: &[&str], output: &Output) {
    let is_shown = arguments.first().is_some_and(|it| ["token", "user"].contains(it));
    let shown = if is_shown { &[][..] } else { &output.stdout };
    for text in [shown, &output.stderr].map(|it| String::from_utf8_lossy(it).into_owned()) {
        for line in text.lines() {
            let is_new = |it: &&str| has(&SENT, it) && !arguments.iter().any(|argument| argument.contains(it));
            if let Some(word) = words(line).find(is_new) {
                leak(&format!("medisync {}", arguments.first().unwrap_or(&"")), word, line);
            }
        }
    }
}

/// Looks for it in the names of all files below a folder.
pub fn look_at_files(folder: &Path) {
    look("the names of files", &file_names(folder));
}

/// The names of all files below a folder, a line each.
pub fn file_names(folder: &Path) -> String {
    let mut all = String::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        all.push_str(&format!("{}\n", entry.file_name().to_string_lossy()));
        if entry.path().is_dir() {
            all.push_str(&file_names(&entry.path()));
        }
    }
    all
}

fn has(words: &Words, word: &str) -> bool {
    words.read().unwrap_or_else(PoisonError::into_inner).contains(word)
}

fn leak(place: &str, word: &str, line: &str) {
    LEAKS.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{place} has `{word}`: {line}"));
}

/// Fails like [`check`], at the end of something that a case uses, unless the case has failed already.
pub fn check_at_end() {
    if !std::thread::panicking() {
        check();
    }
}

/// What came up that was sent, and was told nobody yet: one case tells of each, and the others go on.
pub fn leaks() -> Vec<String> {
    std::mem::take(&mut *LEAKS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Fails once something came up that was sent.
#[track_caller]
pub fn check() {
    let leaks = leaks();
    assert!(leaks.is_empty(), "a server wrote down what it was sent: {leaks:#?}");
}

fn remember(all: &Words, text: &str, is_telling: fn(&str) -> bool) {
    let tenants = TENANTS.read().unwrap_or_else(PoisonError::into_inner);
    let new: Vec<&str> = words(text).filter(|it| is_telling(it) && !tenants.contains(*it)).collect();
    if !new.is_empty() {
        all.write().unwrap_or_else(PoisonError::into_inner).extend(new.into_iter().map(Into::into));
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|it: char| !it.is_ascii_alphanumeric() && !matches!(it, '-' | '_'))
}

/// Whether a word comes up nowhere by chance.
fn is_telling(word: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| word.bytes().any(|it| kind(&it));
    word.len() >= SHORTEST && has(u8::is_ascii_alphabetic) && has(u8::is_ascii_digit) && !is_time(word)
}

/// Whether a word is the first part of a time, such as `2026-11-20T08`.
fn is_time(word: &str) -> bool {
    word.len() > 10 && word.as_bytes().get(4) == Some(&b'-') && word.bytes().take(4).all(|it| it.is_ascii_digit())
}

fn is_name(word: &str) -> bool {
    word.len() >= SHORTEST_NAME && word.starts_with(|it: char| it.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_says_is_remembered() {
        let patient = "<Patient xmlns=\"urn:zqname0space1\"><id value='zqlogical00id1'/><text><div>zqnarrative001</div></text>\
             <name><family value=\"Zwiebelturmer\"/></name><birthDate value = 'zqborn0000001'/><x zqbroken='zqattribute01' ><y value=\"zqunclosed001\"";
        body("application/fhir+xml", patient.as_bytes());
        for word in ["zqnarrative001", "Zwiebelturmer", "zqborn0000001", "zqattribute01", "zqunclosed001"] {
            assert!(has(&SENT, word), "{word}");
        }
        assert!(["zqlogical00id1", "zqname0space1"].iter().all(|it| !has(&SENT, it)));
    }
}
