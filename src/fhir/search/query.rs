//! A search parameter's text, read into [`Clause`]s (search.html#3.1.1.4 and on).

mod composite;
mod filter;
mod hierarchy;
mod join;
mod modifier;
mod near;
mod special;
mod text;
mod value;

use super::composite::kept_as;
use super::single::selects_one_value;
use super::{Clause, Codes, CodesAsked, Filter, ParamId, Shelf, Test, is_served};
use crate::outcome::shown;
use crate::spec::{Own, ParamType, SearchParam, Spec, TypeId};
pub use join::join_dates;
use std::cell::Cell;
pub use text::is_full_text;
use value::Reader;

/// Links of a chain, at the most.
const CHAIN: usize = 8;
/// Values of one parameter at the most.
const VALUES: usize = 2000;
/// Ways that a chain may take at the most: with each link whose type is left open there are as many as types.
const WAYS: usize = 2000;

/// Why a parameter could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// No such parameter: lenient handling goes on without it (search.html#errors).
    Unknown(String),
    /// The modifier or the value is wrong: always refused.
    Invalid(String),
    /// These codes are needed to read it.
    Needs(CodesAsked),
}

impl QueryError {
    /// The sentence for the caller.
    pub fn told(&self) -> &str {
        match self {
            QueryError::Unknown(told) | QueryError::Invalid(told) => told,
            QueryError::Needs(_) => "Codes of a value set or code system cannot be asked for here.",
        }
    }
}

type Result<T> = std::result::Result<T, QueryError>;

fn invalid<T>(told: impl Into<String>) -> Result<T> {
    Err(QueryError::Invalid(told.into()))
}

/// Reads the parameters of a search on one resource type.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The tables.
    pub spec: &'a Spec,
    /// The resource type searched.
    pub of: TypeId,
    /// This server's base URL, without a slash at its end.
    pub base: &'a str,
    /// The time, in microseconds since the epoch: `ap` on a date depends on it.
    pub now: i64,
    /// Codes of value sets and code systems.
    pub codes: &'a Codes,
}

impl<'a> Query<'a> {
    /// Reads one `name=value`, percent-decoded: the name with modifier and chain, the value with its commas.
    pub fn clause(&self, name: &str, value: &str) -> Result<Clause> {
        self.clause_within(name, value, &Left { links: CHAIN, ways: &Cell::new(WAYS) })
    }

    fn clause_within(&self, name: &str, value: &str, left: &Left<'_>) -> Result<Clause> {
        if let Some(clause) = self.special(name, value, left) {
            return clause;
        }
        if let Some(rest) = name.strip_prefix("_has:") {
            return self.has(rest, value, left);
        }
        if let Some((head, rest)) = name.split_once('.') {
            return self.chain(head, left, &|inner, left| inner.clause_within(rest, value, left));
        }
        let (code, modifier) = match name.split_once(':') {
            Some((code, modifier)) => (code, Some(modifier)),
            None => (name, None),
        };
        let param = self.param(code)?;
        if value.is_empty() {
            return invalid(format!("The search parameter {code} has no value."));
        }
        if let Some(clause) = self.full_text(param, modifier, value) {
            return clause;
        }
        if modifier == Some("missing") {
            return self.missing(param, value);
        }
        let values = split(value, ',');
        if values.len() > VALUES {
            return invalid(format!("{code} takes {VALUES} values at the most; ask for them in several searches."));
        }
        if param.kind == ParamType::Composite {
            return self.composite(param, modifier, &values);
        }
        let reader = Reader { query: self, param, id: self.id(code), code };
        let tests = values.iter().map(|it| reader.test(modifier, it)).collect::<Result<Vec<_>>>()?;
        let tests = tests.into_iter().flatten().collect();
        Ok(if matches!(modifier, Some("not" | "not-in")) { Clause::None(tests) } else { Clause::Any(tests) })
    }

    /// Membership of a compartment (compartmentdefinition.html): the resource is in it by one of its parameters, or is
    /// the compartment itself. `None` if this type is in no such compartment.
    pub fn in_compartment(&self, compartment: TypeId, id: &str) -> Option<Clause> {
        let (_, codes) = self.spec.compartment(compartment)?.members.iter().find(|(of, _)| *of == self.of)?;
        let owner = self.spec.of(compartment).name.to_string();
        let tests = codes.iter().map(|code| match &**code {
            "{def}" => Test::Id(id.to_owned()),
            code => Test::Local { param: self.id(code), of: owner.clone(), id: id.to_owned() },
        });
        Some(Clause::Any(tests.collect()))
    }

    /// Membership of any compartment of this type: a filter, empty where every resource is in one, as the compartment
    /// itself. `None` if this type is in no such compartment.
    pub fn in_some_compartment(&self, compartment: TypeId) -> Option<Filter> {
        let (_, codes) = self.spec.compartment(compartment)?.members.iter().find(|(of, _)| *of == self.of)?;
        if codes.iter().any(|it| &**it == "{def}") {
            return Some(Vec::new());
        }
        let owner = &self.spec.of(compartment).name;
        let points =
            |code| Test::Chain { param: self.id(code), is_single: false, of: owner.to_string(), filter: Vec::new() };
        Some(vec![Clause::Any(codes.iter().map(|it| points(it)).collect())])
    }

    fn type_name(&self) -> &'a str {
        &self.spec.of(self.of).name
    }

    pub(super) fn id(&self, code: &str) -> ParamId {
        let of = self.type_name();
        self.spec.param(self.of, code).map_or_else(|| ParamId::of(of, code), |it| ParamId::of_param(of, it))
    }

    fn param(&self, code: &str) -> Result<&'a SearchParam> {
        let found = self.spec.param(self.of, code);
        found.filter(|it| is_served(it)).ok_or_else(|| {
            let why = match found.map(|it| &it.own) {
                Some(Some(Own { building: Some(progress), .. })) => {
                    let (code, of) = (shown(code), self.type_name());
                    let told = format!("The search parameter {code} for {of} is still being indexed: {progress}.");
                    return QueryError::Unknown(told);
                }
                Some(_) => "not supported by this server",
                None => "unknown",
            };
            QueryError::Unknown(format!("The search parameter {} is {why} for {}.", shown(code), self.type_name()))
        })
    }

    /// `:missing=true|false` (search.html#modifiers).
    fn missing(&self, param: &'a SearchParam, value: &str) -> Result<Clause> {
        let (Some(shelf), false) = (Shelf::of(param.kind), &*param.code == "_id") else {
            return invalid(format!("The search parameter {} takes no :missing.", param.code));
        };
        let kept = kept_as(self.spec, self.of, param);
        let present = kept.iter().map(|it| Test::Present(self.id(&it.code), shelf)).collect();
        match value {
            "true" => Ok(Clause::None(present)),
            "false" => Ok(Clause::Any(present)),
            _ => invalid(format!("{}:missing is either true or false.", param.code)),
        }
    }

    /// `subject:Patient.name=…` (search.html#chaining): `head` is what stands before the point, `read` reads the rest
    /// on the types that it leads to.
    fn chain(
        &self,
        head: &str,
        left: &Left<'_>,
        read: &dyn Fn(&Query<'a>, &Left<'_>) -> Result<Clause>,
    ) -> Result<Clause> {
        let (code, wanted) = match head.split_once(':') {
            Some((code, of)) => (code, Some(of)),
            None => (head, None),
        };
        let param = self.param(code)?;
        if param.kind != ParamType::Reference {
            return invalid(format!("{code} is not a reference, so nothing can be chained to it."));
        }
        let is_single = selects_one_value(self.spec, self.of, param);
        let mut tests = Vec::new();
        let mut unknown = None;
        for target in self.targets(param, wanted)? {
            let inner = Query { of: target, ..*self };
            left.way()?;
            match read(&inner, &left.link()?) {
                Ok(clause) => tests.push(Test::Chain {
                    param: self.id(code),
                    is_single,
                    of: inner.type_name().to_owned(),
                    filter: vec![clause],
                }),
                Err(QueryError::Unknown(told)) => unknown = Some(told),
                Err(error) => return Err(error),
            }
        }
        match (tests.is_empty(), unknown) {
            (true, Some(told)) => Err(QueryError::Unknown(told)),
            _ => Ok(Clause::Any(tests)),
        }
    }

    /// `_has:Observation:patient:code=…` (search.html#has).
    fn has(&self, rest: &str, value: &str, left: &Left<'_>) -> Result<Clause> {
        let mut parts = rest.splitn(3, ':');
        let (Some(from), Some(code), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            return invalid("A reverse chain is written _has:[type]:[reference parameter]:[parameter].");
        };
        let Some(of) = self.spec.resource(from) else {
            return invalid(format!("{} in _has is not a resource type.", shown(from)));
        };
        let inner = Query { of, ..*self };
        let param = inner.param(code)?;
        let points_here = param.targets.is_empty() || param.targets.contains(&self.of);
        if param.kind != ParamType::Reference || !points_here {
            return invalid(format!("{from}.{code} is not a reference to {}.", self.type_name()));
        }
        let filter = vec![inner.clause_within(rest, value, &left.link()?)?];
        Ok(Clause::Any(vec![Test::Has { of: from.to_owned(), param: inner.id(code), filter }]))
    }

    /// The types a reference may point to: the one asked for, or all that the parameter allows.
    fn targets(&self, param: &SearchParam, wanted: Option<&str>) -> Result<Vec<TypeId>> {
        let Some(wanted) = wanted else {
            return Ok(if param.targets.is_empty() { self.spec.resources().collect() } else { param.targets.clone() });
        };
        match self.spec.resource(wanted) {
            Some(of) if param.targets.is_empty() || param.targets.contains(&of) => Ok(vec![of]),
            Some(_) => invalid(format!("{} never points to {wanted}.", param.code)),
            None => invalid(format!("{}:{} names no resource type.", param.code, shown(wanted))),
        }
    }
}

/// How far a chain may still go.
struct Left<'a> {
    links: usize,
    ways: &'a Cell<usize>,
}

impl<'a> Left<'a> {
    /// One link further.
    fn link(&self) -> Result<Left<'a>> {
        match self.links {
            0 | 1 => invalid(format!("A chain may have at most {CHAIN} links.")),
            links => Ok(Left { links: links - 1, ways: self.ways }),
        }
    }

    /// One way more.
    fn way(&self) -> Result<()> {
        let Some(ways) = self.ways.get().checked_sub(1) else {
            return invalid("The chain may lead through too many types; name the types, as in subject:Patient.name.");
        };
        self.ways.set(ways);
        Ok(())
    }
}

/// Splits at a separator that no backslash escapes (search.html#escaping); the parts keep their escapes.
pub fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == separator {
            parts.push(&text[start..at]);
            start = at + c.len_utf8();
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Takes the backslashes from `\$`, `\,`, `\|` and `\\` (search.html#escaping).
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('$' | ',' | '|' | '\\')) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'.')
}
