//! Strings (FHIRPath N1, section "String manipulation").

use super::super::ast::Expr;
use super::super::error::{PathError, Result, fail};
use super::super::item::{Item, Items};
use super::{Called, Function, boolean, count, maybe, one};
use regex::{Regex, RegexBuilder};
use std::borrow::Cow;

/// How long a string may become.
const MAX_LENGTH: usize = 1 << 20;
/// How large a compiled regular expression may be: R4's eld-19 takes more than one would think.
const MAX_PATTERN: usize = 4 << 20;

pub(super) const TABLE: &[Function] = &[
    Function::new("indexOf", 1..=1, |it| {
        with_text(it, |text, part| one(text.find(part).map_or(Item::Integer(-1), |at| count(characters(&text[..at])))))
    }),
    Function::new("lastIndexOf", 1..=1, |it| {
        with_text(it, |text, part| one(text.rfind(part).map_or(Item::Integer(-1), |at| count(characters(&text[..at])))))
    }),
    Function::new("startsWith", 1..=1, |it| with_text(it, |text, part| boolean(text.starts_with(part)))),
    Function::new("endsWith", 1..=1, |it| with_text(it, |text, part| boolean(text.ends_with(part)))),
    Function::new("contains", 1..=1, |it| with_text(it, |text, part| boolean(text.contains(part)))),
    Function::new("substring", 1..=2, substring),
    Function::new("upper", 0..=0, |it| mapped(it, str::to_uppercase)),
    Function::new("lower", 0..=0, |it| mapped(it, str::to_lowercase)),
    Function::new("trim", 0..=0, |it| mapped(it, |text| text.trim().to_string())),
    Function::new("length", 0..=0, |it| match input(it)? {
        Some(text) => one(count(characters(&text))),
        None => Ok(Items::new()),
    }),
    Function::new("toChars", 0..=0, |it| match input(it)? {
        Some(text) => Ok(text.chars().map(Item::string).collect()),
        None => Ok(Items::new()),
    }),
    Function::new("replace", 2..=2, replace),
    Function::new("matches", 1..=1, |it| match (input(it)?, pattern(it, false)?) {
        (Some(text), Some(pattern)) => boolean(pattern.is_match(&text)),
        _ => Ok(Items::new()),
    }),
    Function::new("matchesFull", 1..=1, |it| match (input(it)?, pattern(it, true)?) {
        (Some(text), Some(pattern)) => boolean(pattern.is_match(&text)),
        _ => Ok(Items::new()),
    }),
    Function::new("replaceMatches", 2..=2, replace_matches),
    Function::new("split", 1..=1, |it| {
        with_text(it, |text, separator| match separator {
            "" => Ok(text.chars().map(Item::string).collect()),
            _ => Ok(text.split(separator).map(Item::string).collect()),
        })
    }),
    Function::new("join", 0..=1, join),
];

fn characters(text: &str) -> usize {
    text.chars().count()
}

/// The input, if it is a string.
pub(super) fn input<'a>(called: &Called<'a, '_, '_>) -> Result<Option<Cow<'a, str>>> {
    Ok(called.input_text()?.and_then(|it| it.to_text()))
}

/// An argument, if it is a string.
pub(super) fn argument<'a>(called: &Called<'a, '_, '_>, at: usize) -> Result<Option<Cow<'a, str>>> {
    Ok(called.text(at)?.and_then(|it| it.to_text()))
}

/// What is made of the input and a first argument, if both are there.
fn with_text<'a>(
    called: &Called<'a, '_, '_>,
    answer: impl FnOnce(&str, &str) -> Result<Items<'a>>,
) -> Result<Items<'a>> {
    match (input(called)?, argument(called, 0)?) {
        (Some(text), Some(part)) => answer(&text, &part),
        _ => Ok(Items::new()),
    }
}

/// What becomes of the input, if it is there.
pub(super) fn mapped<'a>(called: &Called<'a, '_, '_>, map: impl FnOnce(&str) -> String) -> Result<Items<'a>> {
    maybe(input(called)?.map(|it| Item::string(map(&it))))
}

fn substring<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let (Some(text), Some(start)) = (input(called)?, called.integer(0)?) else { return Ok(Items::new()) };
    let Ok(start) = usize::try_from(start) else { return Ok(Items::new()) };
    let length = match called.call.args.len() {
        1 => usize::MAX,
        _ => called.integer(1)?.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(0)),
    };
    if start >= characters(&text) {
        return Ok(Items::new());
    }
    one(Item::string(text.chars().skip(start).take(length).collect::<String>()))
}

/// Fails where a string would become too long.
fn bounded(length: usize) -> Result<()> {
    if length <= MAX_LENGTH { Ok(()) } else { Err(PathError::TooCostly) }
}

fn replace<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let (Some(text), Some(from), Some(to)) = (input(called)?, argument(called, 0)?, argument(called, 1)?) else {
        return Ok(Items::new());
    };
    let places = text.matches(&*from).count();
    bounded(text.len().saturating_add(places.saturating_mul(to.len())))?;
    one(Item::string(text.replace(&*from, &to)))
}

fn compile(pattern: &str, whole: bool) -> Option<Regex> {
    let anchored = if whole { format!("^(?:{pattern})$") } else { pattern.to_string() };
    // The standard's `.` matches line ends too.
    let mut builder = RegexBuilder::new(&anchored);
    builder.dot_matches_new_line(true).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).nest_limit(64);
    builder.build().ok()
}

/// The regular expression in the first argument. Of a literal it is compiled once.
fn pattern<'a>(called: &Called<'a, '_, '_>, whole: bool) -> Result<Option<Cow<'a, Regex>>> {
    let Some(text) = argument(called, 0)? else { return Ok(None) };
    let compiled = match called.call.args.first() {
        Some(Expr::Literal(_)) => called.call.pattern.get_or_init(|| compile(&text, whole)).as_ref().map(Cow::Borrowed),
        _ => {
            called.eval.spend(100 + text.len())?;
            compile(&text, whole).map(Cow::Owned)
        }
    };
    match compiled {
        Some(it) => Ok(Some(it)),
        None => fail(format!("'{}' has a regular expression that is wrong, too large or not regular", called.name())),
    }
}

fn replace_matches<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let (Some(text), Some(to)) = (input(called)?, argument(called, 1)?) else { return Ok(Items::new()) };
    let Some(pattern) = pattern(called, false)? else { return Ok(Items::new()) };
    if pattern.as_str().is_empty() {
        return one(Item::String(text));
    }
    let to = numbered(&to);
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for found in pattern.captures_iter(&text) {
        let Some(all) = found.get(0) else { continue };
        replaced.push_str(text.get(done..all.start()).unwrap_or(""));
        found.expand(&to, &mut replaced);
        bounded(replaced.len())?;
        done = all.end();
    }
    replaced.push_str(text.get(done..).unwrap_or(""));
    one(Item::string(replaced))
}

/// `$1` as `${1}`, so that letters behind it do not count as part of the name.
fn numbered(replacement: &str) -> String {
    let mut written = String::with_capacity(replacement.len());
    let mut rest = replacement;
    while let Some((before, behind)) = rest.split_once('$') {
        written.push_str(before);
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = behind.split_at_checked(digits).unwrap_or(("", behind));
        match number {
            "" => written.push('$'),
            number => written.push_str(&format!("${{{number}}}")),
        }
        rest = after;
    }
    written.push_str(rest);
    written
}

fn join<'a>(called: &Called<'a, '_, '_>) -> Result<Items<'a>> {
    let separator = argument(called, 0)?.unwrap_or(Cow::Borrowed(""));
    let mut joined = String::new();
    for (at, item) in called.input.iter().enumerate() {
        let Some(text) = item.as_str() else { return fail("'join' can be used on strings only") };
        if at > 0 {
            joined.push_str(&separator);
        }
        joined.push_str(text);
        bounded(joined.len())?;
    }
    if called.input.is_empty() { Ok(Items::new()) } else { one(Item::string(joined)) }
}
