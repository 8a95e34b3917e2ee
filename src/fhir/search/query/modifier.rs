//! Modifiers that ask for something else than the parameter's own values (search.html#modifiers).

use super::super::modifier::{SEGMENTS, aside, borders};
use super::{QueryError, Reader, Result, invalid, split, unescape};
use crate::search::{CodesAsked, Side, Test, TokenTest};
use crate::spec::{ParamType, Spec, TypeId};
use std::sync::Arc;

impl Reader<'_, '_> {
    /// The tests of a value with such a modifier; `None` of another modifier.
    pub(super) fn modified(&self, modifier: &str, value: &str) -> Result<Option<Vec<Test>>> {
        let tests = match (self.param.kind, modifier) {
            (ParamType::Token, "of-type") => vec![self.of_type(value)?],
            (ParamType::Token, "in" | "not-in") => self.codes(CodesAsked::In(unescape(value)))?,
            (ParamType::Token, "above" | "below") => self.subsumption(modifier, value)?,
            (ParamType::Reference, "identifier") => vec![self.identifier(value)?],
            (ParamType::Reference, "above") => self.along(Side::Above, value)?,
            (ParamType::Reference, "below") => self.along(Side::Below, value)?,
            (ParamType::Uri, "below") => vec![self.below(&unescape(value))?],
            (ParamType::Uri, "above") => self.above(&unescape(value))?,
            _ => return Ok(None),
        };
        Ok(Some(tests))
    }

    /// `identifier:of-type=system|code|value`: type and value of one identifier.
    fn of_type(&self, value: &str) -> Result<Test> {
        let parts: Vec<String> = split(value, '|').into_iter().map(unescape).collect();
        let is_complete = parts.iter().all(|it| !it.is_empty());
        let ([system, code, value], true) = (parts.as_slice(), is_complete) else {
            return invalid(format!("{}:of-type takes [system]|[code]|[value].", self.code));
        };
        if !may_select(self.query.spec, &self.param.expression, "Identifier") {
            return invalid(format!("{} is not an identifier, so it takes no :of-type.", self.code));
        }
        let of_type = Test::Token(self.id, TokenTest::Coding(system.clone(), code.clone()));
        let last = Test::Uri(self.id, value.clone());
        Ok(Test::Composite { param: self.id, first: Box::new(of_type), last: Box::new(last) })
    }

    /// `subject:identifier=system|value`: Reference.identifier.
    fn identifier(&self, value: &str) -> Result<Test> {
        match (self.token(value)?, aside(self.query.type_name(), self.param)) {
            (Test::Token(_, token), Some(aside)) => Ok(Test::Token(aside, token)),
            _ => invalid(format!("{} takes no :identifier.", self.code)),
        }
    }

    /// `code:below=system|code`: the codes that it subsumes; `:above`: those that subsume it. Without its system a code
    /// has no place in a hierarchy.
    fn subsumption(&self, modifier: &str, value: &str) -> Result<Vec<Test>> {
        match self.token(value)? {
            Test::Token(_, TokenTest::Coding(system, code)) => self.codes(match modifier {
                "below" => CodesAsked::Below { system, code },
                _ => CodesAsked::Above { system, code },
            }),
            _ => invalid(format!("{}:{modifier} takes [system]|[code].", self.code)),
        }
    }

    /// One of these codes.
    fn codes(&self, asked: CodesAsked) -> Result<Vec<Test>> {
        if self.code == "_id" {
            return invalid("_id is no code: it takes none of :in, :not-in, :above and :below.");
        }
        let Some(codings) = self.query.codes.get(&asked) else { return Err(QueryError::Needs(asked)) };
        let coding = |(system, code): &(Arc<str>, String)| {
            Test::Token(self.id, TokenTest::Coding(system.to_string(), code.clone()))
        };
        Ok(codings.iter().map(coding).collect())
    }

    /// search.html#uri: all URLs that begin with this one.
    fn below(&self, url: &str) -> Result<Test> {
        let Some(aside) = aside(self.query.type_name(), self.param) else {
            return invalid(format!("{}:below is not served.", self.code));
        };
        let whole = self.segments(url)?.pop().unwrap_or(url);
        Ok(Test::Uri(aside, whole.to_owned()))
    }

    /// search.html#uri: all URLs that this one begins with.
    fn above(&self, url: &str) -> Result<Vec<Test>> {
        let segments = self.segments(url)?;
        let both = |it: &str| [it.to_owned(), format!("{it}/")];
        Ok(segments.into_iter().flat_map(both).map(|it| Test::Uri(self.id, it)).collect())
    }

    fn segments<'u>(&self, url: &'u str) -> Result<Vec<&'u str>> {
        let segments: Vec<&str> = borders(url).take(SEGMENTS + 1).collect();
        if segments.is_empty() || segments.len() > SEGMENTS {
            return invalid(format!("{} takes a URL of at most {SEGMENTS} segments here, and no URN.", self.code));
        }
        Ok(segments)
    }
}

/// Whether an expression may select elements of this type: plain paths tell, other expressions may.
pub(super) fn may_select(spec: &Spec, expression: &str, wanted: &str) -> bool {
    let Some(wanted) = spec.type_named(wanted) else { return false };
    expression.split('|').any(|path| match types_of(spec, path.trim()) {
        Some(types) => types.contains(&wanted),
        None => true,
    })
}

/// The types of the elements at the end of a plain path; `None` of another expression.
fn types_of(spec: &Spec, path: &str) -> Option<Vec<TypeId>> {
    let mut steps = path.split('.');
    let mut types = vec![spec.type_named(steps.next()?)?];
    for step in steps {
        let [only] = types.as_slice() else { return None };
        types.clone_from(&spec.of(*only).element(step)?.types);
    }
    Some(types)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::query::Query;
    use crate::search::{Clause, Codes, NO_CODES, ParamId};
    use crate::spec::r4;

    fn clause(of: &str, name: &str, value: &str) -> Result<Clause> {
        Query { spec: r4(), of: r4().resource(of).unwrap(), base: "http://here", now: 0, codes: &NO_CODES }
            .clause(name, value)
    }

    /// search.html#uri: a version behind the canonical URL.
    #[test]
    fn a_canonical_url_may_have_a_version() {
        let Ok(Clause::Any(tests)) = clause("ValueSet", "url", "http://a.org/x|2.0,urn:y") else { unreachable!() };
        let [Test::All(parts), Test::Uri(..)] = tests.as_slice() else { panic!("{tests:?}") };
        assert_eq!(parts.first(), clause("ValueSet", "url", "http://a.org/x").as_ref().ok());
        assert_eq!(parts.last(), clause("ValueSet", "version", "2.0").as_ref().ok());
    }

    #[test]
    fn beginnings_and_what_begins_are_asked_for_by_segment() {
        let param = ParamId::of("ValueSet", "url");
        let uri = |it: &str| Test::Uri(param, it.to_owned());
        let above = clause("ValueSet", "url:above", "http://a.org/x");
        let expected = ["http://a.org", "http://a.org/", "http://a.org/x", "http://a.org/x/"].map(uri);
        assert_eq!(above, Ok(Clause::Any(expected.into())));
        let below = Test::Uri(ParamId::of("ValueSet", "url:below"), "http://a.org/x".into());
        assert_eq!(clause("ValueSet", "url:below", "http://a.org/x/"), Ok(Clause::Any(vec![below])));
    }

    #[test]
    fn a_set_of_codes_is_needed_until_it_is_there() {
        let below = || CodesAsked::Below { system: "urn:a".into(), code: "1".into() };
        for (name, value, asked) in [
            ("code:in", "urn:set", CodesAsked::In("urn:set".into())),
            ("code:not-in", "urn:set", CodesAsked::In("urn:set".into())),
            ("code:below", "urn:a|1", below()),
            ("code:above", "urn:a|1", CodesAsked::Above { system: "urn:a".into(), code: "1".into() }),
            ("_has:Observation:focus:code:below", "urn:a|1", below()),
            ("subject:Patient._has:Condition:subject:code:below", "urn:a|1", below()),
            ("_filter", "code sb urn:a|1", below()),
        ] {
            assert_eq!(clause("Observation", name, value), Err(QueryError::Needs(asked)), "{name}");
        }
        let mut codes = Codes::none();
        codes.add(below(), [(Arc::from("urn:a"), "1".to_owned()), (Arc::from("urn:a"), "2".to_owned())].into());
        let of = r4().resource("Observation").unwrap();
        let query = Query { spec: r4(), of, base: "http://here", now: 0, codes: &codes };
        let Ok(Clause::Any(tests)) = query.clause("code:below", "urn:a|1") else { unreachable!() };
        let two = TokenTest::Coding("urn:a".into(), "2".into());
        assert!(tests.len() == 2 && tests[1] == Test::Token(ParamId::of("Observation", "code"), two));
    }

    #[test]
    fn what_cannot_be_answered_is_refused() {
        for (of, name, value) in [
            ("Patient", "identifier:of-type", "a|b"),
            ("Patient", "identifier:of-type", "a||c"),
            ("Patient", "identifier:of-type", "a|b|c|d"),
            ("Patient", "gender:of-type", "a|b|c"),
            ("Patient", "_id:in", "http://nobody.org/knows"),
            ("Patient", "_id:below", "a|1"),
            ("Observation", "code:below", "1-8"),
            ("Observation", "code:above", "|1-8"),
            ("Observation", "code:below", "http://loinc.org|"),
            ("Observation", "subject:above", "Patient/1"),
            ("Observation", "subject:above", "urn:x"),
            ("Observation", "subject:identifier", "|"),
            ("ValueSet", "url:below", "urn:oid:1.2.3"),
            ("ValueSet", "url:above", &format!("http://a{}", "/b".repeat(40))),
            ("ValueSet", "url:contains", "a"),
        ] {
            assert!(matches!(clause(of, name, value), Err(QueryError::Invalid(_))), "{name}={value}");
        }
    }
}
