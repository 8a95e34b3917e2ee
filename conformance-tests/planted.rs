//! Words that cases send and that no server may write down: tokens, cookies, what stands in forms and queries, names of people. Every
//! line that a server logs while cases run, at the finest level, is looked through for them; a case fails where one came up.

use serde_json::Value;
use std::collections::HashSet;
use std::io::{BufRead, Write};
use std::sync::{LazyLock, Mutex, PoisonError, RwLock};

/// The shortest word that is told from those which any line may have.
const SHORTEST: usize = 12;
/// The same of people's names, which have no digits.
const SHORTEST_NAME: usize = 8;
/// Members of forms that are no secret, and come up in lines that tell what was done to whom.
const OPEN: [&str; 4] = ["client_id", "client", "clinic", "id"];
/// Members of resources that hold what is a person's.
const PERSONAL: [&str; 8] = ["family", "given", "line", "city", "div", "value", "valueString", "data"];

static SENT: LazyLock<RwLock<HashSet<Box<str>>>> = LazyLock::new(RwLock::default);
/// Names of tenants, which lines tell.
static TENANTS: LazyLock<RwLock<HashSet<Box<str>>>> = LazyLock::new(RwLock::default);
static LEAKS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Remembers the name of a tenant: no secret, wherever it is sent.
pub fn tenant(name: &str) {
    TENANTS.write().unwrap_or_else(PoisonError::into_inner).insert(name.into());
}

/// Remembers what a header, such as a token, holds.
pub fn secret(text: &str) {
    remember(text, is_telling);
}

/// Remembers the values of a query or form.
pub fn form(text: &str) {
    for (name, value) in text.split('&').filter_map(|it| it.split_once('=')) {
        if !OPEN.contains(&name) {
            remember(value, is_telling);
        }
    }
}

/// Remembers what a resource says of people.
pub fn resource(resource: &Value) {
    match resource {
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(text) if PERSONAL.contains(&name.as_str()) => remember(text, is_telling),
                    _ => self::resource(value),
                }
                if let ("given" | "line", Some(all)) = (name.as_str(), value.as_array()) {
                    all.iter().filter_map(Value::as_str).for_each(|it| remember(it, is_name));
                }
                if let ("family", Some(text)) = (name.as_str(), value.as_str()) {
                    remember(text, is_name);
                }
            }
        }
        Value::Array(all) => all.iter().for_each(self::resource),
        _ => {}
    }
}

/// Looks through all that a server logs, and hands on what a person who runs the cases should see.
pub fn watch(log: impl BufRead, mut keep: impl FnMut(&str)) {
    for line in log.lines().map_while(Result::ok) {
        let sent = SENT.read().unwrap_or_else(PoisonError::into_inner);
        // The time comes first, which cases may have asked about.
        let told = line.split_once(' ').map_or("", |(_, told)| told);
        if let Some(word) = words(told).find(|it| sent.contains(*it)) {
            LEAKS.lock().unwrap_or_else(PoisonError::into_inner).push(format!("`{word}` in: {line}"));
        }
        drop(sent);
        if line.contains(" WARN ") || line.contains("ERROR ") {
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        keep(&line);
    }
}

/// Fails once something came up that was sent.
#[track_caller]
pub fn check() {
    // One case tells of each; the others go on.
    let leaks = std::mem::take(&mut *LEAKS.lock().unwrap_or_else(PoisonError::into_inner));
    assert!(leaks.is_empty(), "a server logged what it was sent: {leaks:#?}");
}

fn remember(text: &str, is_telling: fn(&str) -> bool) {
    let tenants = TENANTS.read().unwrap_or_else(PoisonError::into_inner);
    let new: Vec<&str> = words(text).filter(|it| is_telling(it) && !tenants.contains(*it)).collect();
    if !new.is_empty() {
        SENT.write().unwrap_or_else(PoisonError::into_inner).extend(new.into_iter().map(Into::into));
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|it: char| !it.is_ascii_alphanumeric() && !matches!(it, '-' | '_'))
}

/// Whether a word comes up nowhere by chance.
fn is_telling(word: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| word.bytes().any(|it| kind(&it));
    word.len() >= SHORTEST && has(u8::is_ascii_alphabetic) && has(u8::is_ascii_digit)
}

fn is_name(word: &str) -> bool {
    word.len() >= SHORTEST_NAME && word.starts_with(|it: char| it.is_ascii_uppercase())
}
