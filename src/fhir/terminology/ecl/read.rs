//! Reads expressions.

use super::lexer::Lexer;
use super::{Attribute, Comparison, Constraint, Count, End, Kin, Literal, Refinement, ValueAttribute, Way};
use crate::{Failure, IssueType, Result};

/// How deep parts may lie within one another.
const DEPTH: usize = 32;
/// The most dots and filters of an expression, each of which makes it a level deeper.
const MOST_WRAPPED: usize = 64;
/// The most concepts that an expression may name, each `*` among them.
const MOST: usize = 500;

/// The signs and words of the hierarchy; a longer one before one that it begins with.
const KINSHIPS: [(&str, &str, Kin); 8] = [
    ("<<!", "childOrSelfOf", Kin { way: Way::Below, is_direct: true, has_self: true }),
    ("<<", "descendantOrSelfOf", Kin { way: Way::Below, is_direct: false, has_self: true }),
    ("<!", "childOf", Kin { way: Way::Below, is_direct: true, has_self: false }),
    ("<", "descendantOf", Kin { way: Way::Below, is_direct: false, has_self: false }),
    (">>!", "parentOrSelfOf", Kin { way: Way::Above, is_direct: true, has_self: true }),
    (">>", "ancestorOrSelfOf", Kin { way: Way::Above, is_direct: false, has_self: true }),
    (">!", "parentOf", Kin { way: Way::Above, is_direct: true, has_self: false }),
    (">", "ancestorOf", Kin { way: Way::Above, is_direct: false, has_self: false }),
];

/// The signs and words of the ends of a set.
const ENDS: [(&str, &str, End); 2] = [("!!>", "top", End::Top), ("!!<", "bottom", End::Bottom)];

/// What joins two parts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joint {
    And,
    Or,
    Minus,
}

pub(super) struct Reader<'t> {
    pub(super) lexer: Lexer<'t>,
    depth: usize,
    named: usize,
    wrapped: usize,
}

impl Constraint {
    /// Reads an expression. Fails for what is wrong, and by name for what is not served.
    pub fn read(text: &str) -> Result<Constraint> {
        let mut reader = Reader { lexer: Lexer::new(text)?, depth: 0, named: 0, wrapped: 0 };
        let constraint = reader.expression()?;
        match reader.lexer.is_end() {
            true => Ok(constraint),
            false => Err(reader.lexer.wrong("the end, or AND, OR, MINUS, a colon or a dot once")),
        }
    }
}

impl Reader<'_> {
    /// `expressionConstraint`
    fn expression(&mut self) -> Result<Constraint> {
        let first = self.operand()?;
        if self.lexer.eat(":") {
            return Ok(Constraint::Refined(Box::new(first), self.refinement(false)?));
        }
        if self.lexer.is_next(".") {
            return self.values(first);
        }
        let Some(joint) = self.joint() else { return Ok(first) };
        let mut parts = vec![first, self.operand()?];
        if joint == Joint::Minus {
            let [first, second] = parts.try_into().map_err(|_| Failure::internal("MINUS stands between two"))?;
            return match self.joint() {
                None => Ok(Constraint::Without(Box::new(first), Box::new(second))),
                Some(_) => Err(self.mixed()),
            };
        }
        while let Some(next) = self.joint() {
            if next != joint {
                return Err(self.mixed());
            }
            parts.push(self.operand()?);
        }
        Ok(if joint == Joint::And { Constraint::All(parts) } else { Constraint::Either(parts) })
    }

    /// `dottedExpressionConstraint`
    fn values(&mut self, mut of: Constraint) -> Result<Constraint> {
        while self.lexer.eat(".") {
            self.wrap()?;
            of = Constraint::Values(Box::new(of), Box::new(self.operand()?));
        }
        Ok(of)
    }

    pub(super) fn wrap(&mut self) -> Result<()> {
        self.wrapped += 1;
        if self.wrapped > MOST_WRAPPED {
            let told = format!("An expression constraint has {MOST_WRAPPED} dots and filters at the most.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        Ok(())
    }

    fn joint(&mut self) -> Option<Joint> {
        let words = [("AND", Joint::And), ("OR", Joint::Or), ("MINUS", Joint::Minus)];
        match self.lexer.eat(",") {
            true => Some(Joint::And),
            false => words.into_iter().find(|it| self.lexer.eat_word(it.0)).map(|it| it.1),
        }
    }

    fn mixed(&mut self) -> Failure {
        Failure::new(
            IssueType::Invalid,
            "AND, OR and MINUS beside one another need parentheses in an expression constraint.",
        )
    }

    /// `subExpressionConstraint`
    pub(super) fn operand(&mut self) -> Result<Constraint> {
        let end = ENDS.into_iter().find(|it| self.lexer.eat(it.0) || self.lexer.eat_word(it.1)).map(|it| it.2);
        let kin = KINSHIPS.into_iter().find(|it| self.lexer.eat(it.0) || self.lexer.eat_word(it.1)).map(|it| it.2);
        let is_members = self.lexer.eat("^") || self.lexer.eat_word("memberOf");
        let field = match is_members && self.lexer.eat("[") {
            true => Some(self.member_field()?),
            false => None,
        };
        let mut found = self.focus()?;
        if is_members {
            found = self.members(found, field)?;
        }
        if let Some(kin) = kin {
            found = Constraint::Related(kin, Box::new(found));
        }
        if let Some(end) = end {
            found = Constraint::Ends(end, Box::new(found));
        }
        while self.lexer.eat("{{") {
            found = self.filtered(found)?;
        }
        Ok(found)
    }

    /// One more concept, text or day is named.
    pub(super) fn name(&mut self) -> Result<()> {
        self.named += 1;
        if self.named > MOST {
            let told = format!("An expression constraint names {MOST} concepts, texts and days at the most.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        Ok(())
    }

    /// A concept, all of them, or an expression in parentheses.
    pub(super) fn focus(&mut self) -> Result<Constraint> {
        if self.lexer.eat("(") {
            let inner = self.deeper(Self::expression)?;
            self.lexer.expect(")")?;
            return Ok(inner);
        }
        self.name()?;
        if self.lexer.eat("*") {
            return Ok(Constraint::Any);
        }
        let code = self.lexer.digits();
        if code.is_empty() || code.len() > 18 {
            return Err(self.lexer.wrong("the identifier of a concept, * or a parenthesis"));
        }
        if self.lexer.eat("|") {
            self.lexer.until("|")?;
        }
        Ok(Constraint::Concept(code.to_owned()))
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEPTH {
            let told = format!("An expression constraint is {DEPTH} parentheses deep at the most.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    /// `eclRefinement`, or what is in a group.
    fn refinement(&mut self, is_group: bool) -> Result<Refinement> {
        let first = self.refined(is_group)?;
        let Some(joint) = self.joint() else { return Ok(first) };
        let mut parts = vec![first, self.refined(is_group)?];
        while let Some(next) = self.joint() {
            if next != joint {
                return Err(self.mixed());
            }
            parts.push(self.refined(is_group)?);
        }
        match joint {
            Joint::And => Ok(Refinement::All(parts)),
            Joint::Or => Ok(Refinement::Either(parts)),
            Joint::Minus => Err(self.lexer.refused("MINUS between attributes")),
        }
    }

    /// An attribute, a group of some, or a refinement in parentheses.
    fn refined(&mut self, is_group: bool) -> Result<Refinement> {
        let count = self.count()?;
        if self.lexer.is_next("{") && is_group {
            return Err(self.lexer.wrong("an attribute, as groups are in no groups,"));
        }
        if self.lexer.eat("{") {
            let inner = self.deeper(|it| it.refinement(true))?;
            self.lexer.expect("}")?;
            return Ok(Refinement::Group(count.unwrap_or_default(), Box::new(inner)));
        }
        // Parentheses also stand around the name of an attribute.
        if self.lexer.is_next("(")
            && count.is_none()
            && !self.lexer.behind_parentheses().starts_with(['=', '!', '<', '>'])
        {
            self.lexer.expect("(")?;
            let inner = self.deeper(|it| it.refinement(is_group))?;
            self.lexer.expect(")")?;
            return Ok(inner);
        }
        self.attribute(count.unwrap_or_default(), is_group)
    }

    /// `[1..3]`, `[0..*]`
    fn count(&mut self) -> Result<Option<Count>> {
        if !self.lexer.eat("[") {
            return Ok(None);
        }
        let least = self.number()?;
        if !self.lexer.eat("..") && !self.lexer.eat_word("to") {
            return Err(self.lexer.wrong(".."));
        }
        let most = if self.lexer.eat("*") || self.lexer.eat_word("many") { u32::MAX } else { self.number()? };
        self.lexer.expect("]")?;
        Ok(Some(Count { least, most }))
    }

    fn number(&mut self) -> Result<u32> {
        let digits = self.lexer.digits();
        digits.parse().map_err(|_| self.lexer.wrong("a number"))
    }

    /// `eclAttribute`
    fn attribute(&mut self, count: Count, is_group: bool) -> Result<Refinement> {
        let is_reverse = self.lexer.eat_word("R") || self.lexer.eat_word("reverseOf");
        if is_reverse && (is_group || count != Count::default()) {
            return Err(self.lexer.refused("reversed attributes (R) in groups, or counted,"));
        }
        let name = Box::new(self.operand()?);
        let comparison = self.comparison()?;
        if let Some(values) = Literal::read(&mut self.lexer)? {
            let are_numbers = values.iter().all(|it| matches!(it, Literal::Number(_)));
            if !comparison.is_of_all() && !are_numbers {
                return Err(self.lexer.wrong("a number, as nothing else is larger or smaller,"));
            }
            return match is_reverse {
                true => Err(self.lexer.refused("reversed attributes (R) with values that are no concepts")),
                false => Ok(Refinement::Value(ValueAttribute { count, name, comparison, values })),
            };
        }
        if !comparison.is_of_all() {
            return Err(self.lexer.wrong("a number, as concepts are not compared,"));
        }
        let (is_in, values) = (comparison == Comparison::Equal, Box::new(self.operand()?));
        Ok(Refinement::Attribute(Attribute { count, is_reverse, name, is_in, values }))
    }
}
