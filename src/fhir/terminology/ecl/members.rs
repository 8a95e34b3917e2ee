//! Members of reference sets: filters of these (`{{ M … }}`), and fields of theirs (`^ [field]`).

use super::Constraint;
use super::filter::Days;
use super::read::Reader;
use super::value::{Comparison, Literal};
use crate::Result;

/// What the members of a reference set are about.
const COMPONENT: &str = "referencedComponentId";
/// What those of an association name in its place.
const TARGET: &str = "targetComponentId";

/// Members of reference sets that pass, and what they name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The reference sets.
    pub sets: Constraint,
    /// The field whose concepts are chosen; without one, those that the members are about.
    pub field: Option<String>,
    /// What one and the same member has to pass.
    pub tests: Vec<MemberTest>,
}

/// What is asked of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberTest {
    /// The field; `None` is what the member is about.
    pub field: Option<String>,
    /// What is to be there.
    pub is: Expected,
}

/// What is to be in a field of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// One of these concepts, or none of them.
    Concepts(
        /// Whether it is to be one.
        bool,
        /// The concepts.
        Constraint,
    ),
    /// What stands so to these values; with several, to any.
    Values(Comparison, Vec<Literal>),
    /// A day.
    Days(Days),
}

impl MemberTest {
    /// That the member is in use, or is not.
    fn active(is_active: bool) -> MemberTest {
        let is = Expected::Values(Comparison::Equal, vec![Literal::Flag(is_active)]);
        MemberTest { field: Some("active".to_owned()), is }
    }

    fn is_of(&self, field: &str) -> bool {
        self.field.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(field))
    }
}

impl Expected {
    /// Whether a text, as publishers' files have it in a field, is so.
    pub fn has(&self, text: &str) -> bool {
        match self {
            // What is no concept is none of these.
            Expected::Concepts(is_in, _) => !is_in,
            Expected::Values(comparison, values) => comparison.holds(values.iter().filter_map(|it| it.order(text))),
            Expected::Days(days) => days.has(text),
        }
    }
}

impl Reader<'_> {
    /// The field behind `^ [`.
    pub(super) fn member_field(&mut self) -> Result<String> {
        let field = self.lexer.word().to_owned();
        if self.lexer.is_next("*") || self.lexer.is_next(",") {
            return Err(self.lexer.refused("several fields of reference sets at once"));
        }
        self.lexer.expect("]")?;
        Ok(field)
    }

    /// The members of sets, behind which filters of them may come: those that are in use where these say nothing else.
    pub(super) fn members(&mut self, sets: Constraint, field: Option<String>) -> Result<Constraint> {
        let mut tests = Vec::new();
        while self.lexer.eat_filter("M") {
            self.member_tests(&mut tests)?;
        }
        let field = field.filter(|it| !it.eq_ignore_ascii_case(COMPONENT));
        match &field {
            None if tests.is_empty() => return Ok(Constraint::Members(Box::new(sets))),
            Some(field) if tests.is_empty() && field.eq_ignore_ascii_case(TARGET) => {
                return Ok(Constraint::Targets(Box::new(sets)));
            }
            _ => {}
        }
        if !tests.iter().any(|it| it.is_of("active")) {
            tests.push(MemberTest::active(true));
        }
        Ok(Constraint::Listed(Box::new(Listed { sets, field, tests })))
    }

    /// Filters up to `}}`.
    fn member_tests(&mut self, tests: &mut Vec<MemberTest>) -> Result<()> {
        loop {
            self.wrap()?;
            tests.push(self.member_test()?);
            if !self.lexer.eat(",") {
                return self.lexer.expect("}}");
            }
        }
    }

    fn member_test(&mut self) -> Result<MemberTest> {
        if self.lexer.eat_word("active") {
            return Ok(MemberTest::active(self.flag()?));
        }
        let field = self.lexer.word().to_owned();
        if field.is_empty() {
            return Err(self.lexer.wrong("a field of the reference set"));
        }
        if field.eq_ignore_ascii_case("id") {
            return Err(self.lexer.refused("identifiers of members, which are not kept,"));
        }
        let is = self.expected(&field)?;
        Ok(MemberTest { field: Some(field).filter(|it| !it.eq_ignore_ascii_case(COMPONENT)), is })
    }

    fn expected(&mut self, field: &str) -> Result<Expected> {
        let comparison = self.comparison()?;
        let is_text = self.lexer.rest().trim_start_matches(['(', ' ']).starts_with('"');
        if field.eq_ignore_ascii_case("effectiveTime") || (is_text && !comparison.is_of_all()) {
            return Ok(Expected::Days(self.days(comparison)?));
        }
        if let Some(values) = Literal::read(&mut self.lexer)? {
            let are_numbers = values.iter().all(|it| matches!(it, Literal::Number(_)));
            return match comparison.is_of_all() || are_numbers {
                true => Ok(Expected::Values(comparison, values)),
                false => Err(self.lexer.wrong("a number or a day, as nothing else is larger or smaller,")),
            };
        }
        if !comparison.is_of_all() {
            return Err(self.lexer.wrong("a number or a day, as concepts are not compared,"));
        }
        Ok(Expected::Concepts(comparison == Comparison::Equal, self.concepts()?))
    }

    /// An expression, or concepts side by side in parentheses.
    fn concepts(&mut self) -> Result<Constraint> {
        let before = self.lexer.clone();
        if self.lexer.is_next("(")
            && let Ok(codes) = self.several(Self::code)
        {
            return Ok(Constraint::Either(codes.into_iter().map(Constraint::Concept).collect()));
        }
        self.lexer = before;
        self.operand()
    }
}
