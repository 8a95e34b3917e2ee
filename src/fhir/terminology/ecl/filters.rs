//! Reads filters (`{{ … }}`).

use super::filter::{Choice, ConceptTest, Days, DescriptionTest, Dialect};
use super::read::Reader;
use super::value::Comparison;
use super::wording::Wording;
use super::{Constraint, Supplement};
use crate::{Failure, IssueType, Result};

/// The words for types of descriptions, with their codes.
const KINDS: [(&str, &str); 2] = [("syn", "900000000000013009"), ("fsn", "900000000000003001")];
/// The words for what a description is in a reference set, with their codes.
const PREFERRED: [&str; 3] = ["prefer", "preferred", "900000000000548007"];
const ACCEPTABLE: [&str; 3] = ["accept", "acceptable", "900000000000549004"];
/// Words for reference sets of languages and dialects; a longer one before one that it begins with.
const DIALECTS: [(&str, &str); 18] = [
    ("da-dk", "554461000005103"),
    ("en-au", "32570271000036106"),
    ("en-ca", "19491000087109"),
    ("en-gb", "900000000000508004"),
    ("en-ie", "21000220103"),
    ("en-nz", "271000210107"),
    ("en-us", "900000000000509007"),
    ("et-ee", "71000181105"),
    ("fr-be", "21000172104"),
    ("fr-ca", "20581000087109"),
    ("nb-no", "61000202103"),
    ("nl-be", "31000172101"),
    ("nl-nl", "31000146106"),
    ("sv-se", "46011000052107"),
    ("de", "722130004"),
    ("es", "448879004"),
    ("fr", "722131000"),
    ("ja", "722129009"),
];
/// The status of a concept that is defined by what is said of it, and of one that is not.
const DEFINED: &str = "900000000000073002";
const PRIMITIVE: &str = "900000000000074008";

impl Reader<'_> {
    /// A filter or a supplement, behind `{{`.
    pub(super) fn filtered(&mut self, of: Constraint) -> Result<Constraint> {
        self.wrap()?;
        if self.lexer.eat("+") {
            return self.supplemented(of);
        }
        if self.lexer.eat_word("M") {
            return Err(self.lexer.wrong("no filter of members, but right behind ^ and its reference sets,"));
        }
        if self.lexer.eat_word("C") {
            return self.of_concepts(of);
        }
        // Where nothing is said, it is descriptions.
        let _ = self.lexer.eat_word("D");
        self.of_descriptions(of)
    }

    /// `+ HISTORY`, behind `{{`.
    fn supplemented(&mut self, of: Constraint) -> Result<Constraint> {
        if !self.lexer.eat_word("HISTORY") {
            return Err(self.lexer.wrong("HISTORY"));
        }
        let has_level = self.lexer.eat("-") || self.lexer.eat("_");
        let levels = [("MIN", Supplement::Least), ("MOD", Supplement::Moderate), ("MAX", Supplement::Most)];
        let supplement = match levels.into_iter().find(|it| has_level && self.lexer.eat_word(it.0)) {
            Some((_, level)) => level,
            None if has_level => return Err(self.lexer.wrong("MIN, MOD or MAX")),
            None if self.lexer.is_next("(") => Supplement::These(Box::new(self.focus()?)),
            None => Supplement::Most,
        };
        self.lexer.expect("}}")?;
        Ok(Constraint::Supplemented(Box::new(of), supplement))
    }

    fn of_concepts(&mut self, mut of: Constraint) -> Result<Constraint> {
        loop {
            let test = self.concept_test()?;
            of = match test {
                ConceptTest::Active(_) => above_the_focus(of, test),
                test => Constraint::Filtered(Box::new(of), test),
            };
            if !self.lexer.eat(",") {
                self.lexer.expect("}}")?;
                return Ok(of);
            }
            self.wrap()?;
        }
    }

    fn concept_test(&mut self) -> Result<ConceptTest> {
        if self.lexer.eat_word("active") {
            return Ok(ConceptTest::Active(self.flag()?));
        }
        if self.lexer.eat_word("definitionStatusId") {
            return Ok(ConceptTest::Defined(self.status(&[DEFINED], &[PRIMITIVE])?));
        }
        if self.lexer.eat_word("definitionStatus") {
            return Ok(ConceptTest::Defined(self.status(&["defined"], &["primitive"])?));
        }
        if self.lexer.eat_word("moduleId") {
            return Ok(ConceptTest::Module(self.codes()?));
        }
        match self.lexer.eat_word("effectiveTime") {
            true => Ok(ConceptTest::Time(self.times()?)),
            false => Err(self
                .lexer
                .refused("filters of concepts but those of active, definitionStatus, moduleId and effectiveTime")),
        }
    }

    /// All filters between two braces are about the same description.
    fn of_descriptions(&mut self, of: Constraint) -> Result<Constraint> {
        let mut tests = Vec::new();
        loop {
            // Descriptions that are not in use are not kept: all that there are, are.
            match self.lexer.eat_word("active") {
                true if self.flag()? => {}
                true => {
                    return Err(self
                        .lexer
                        .refused("descriptions that are not active; concepts are, with {{ C active = false }},"));
                }
                false => tests.push(self.description_test()?),
            }
            if !self.lexer.eat(",") {
                self.lexer.expect("}}")?;
                return Ok(Constraint::Described(Box::new(of), tests));
            }
            self.wrap()?;
        }
    }

    fn description_test(&mut self) -> Result<DescriptionTest> {
        if self.lexer.eat_word("term") {
            let expected = "a text in quotation marks";
            let wording = |it: &mut Self| Wording::read(&mut it.lexer)?.ok_or_else(|| it.lexer.wrong(expected));
            return Ok(DescriptionTest::Term(self.choice(wording)?));
        }
        if self.lexer.eat_word("language") {
            return Ok(DescriptionTest::Language(self.choice(Self::language)?));
        }
        if self.lexer.eat_word("typeId") {
            return Ok(DescriptionTest::Kind(self.codes()?));
        }
        if self.lexer.eat_word("type") {
            return Ok(DescriptionTest::Kind(self.choice(Self::kind)?));
        }
        if self.lexer.eat_word("dialectId") {
            return Ok(DescriptionTest::Dialect(self.dialects(Self::code)?));
        }
        if self.lexer.eat_word("dialect") {
            return Ok(DescriptionTest::Dialect(self.dialects(Self::dialect)?));
        }
        if self.lexer.eat_word("moduleId") {
            return Ok(DescriptionTest::Module(self.codes()?));
        }
        match self.lexer.eat_word("effectiveTime") {
            true => Ok(DescriptionTest::Time(self.times()?)),
            false => Err(self.lexer.refused(
                "filters of descriptions but those of term, language, type, dialect, moduleId, effectiveTime and active",
            )),
        }
    }

    /// `=` or `!=`, and a value or several in parentheses.
    fn choice<T>(&mut self, read: impl Fn(&mut Self) -> Result<T>) -> Result<Choice<T>> {
        let is_in = !self.lexer.eat("!=");
        if is_in {
            self.lexer.expect("=")?;
        }
        Ok(Choice { is_in, any: self.several(read)? })
    }

    pub(super) fn several<T>(&mut self, read: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        if !self.lexer.eat("(") {
            return Ok(vec![read(self)?]);
        }
        let mut any = vec![read(self)?];
        while !self.lexer.eat(")") {
            self.name()?;
            any.push(read(self)?);
        }
        Ok(any)
    }

    fn codes(&mut self) -> Result<Choice<String>> {
        self.choice(Self::code)
    }

    /// A code; what an expression would choose is not looked up here.
    pub(super) fn code(&mut self) -> Result<String> {
        let is_expression = self.lexer.rest().starts_with(['<', '>', '!', '^', '(']);
        match self.focus() {
            Ok(Constraint::Concept(code)) => Ok(code),
            Err(failure) if !is_expression => Err(failure),
            _ => Err(self.lexer.refused("expressions as values of filters, but codes,")),
        }
    }

    fn language(&mut self) -> Result<String> {
        match self.lexer.word() {
            word if word.len() == 2 => Ok(word.to_owned()),
            _ => Err(self.lexer.wrong("the two letters of a language")),
        }
    }

    fn kind(&mut self) -> Result<String> {
        if self.lexer.eat_word("def") {
            return Err(self.lexer.refused("definitions (type = def), which are not kept,"));
        }
        let found = KINDS.into_iter().find(|it| self.lexer.eat_word(it.0));
        found.map(|it| it.1.to_owned()).ok_or_else(|| self.lexer.wrong("syn, fsn or def"))
    }

    fn dialect(&mut self) -> Result<String> {
        let found = DIALECTS.into_iter().find(|it| self.lexer.eat_word(it.0));
        found.map(|it| it.1.to_owned()).ok_or_else(|| self.lexer.refused("this dialect by name; by dialectId it does:"))
    }

    fn dialects(&mut self, set: impl Fn(&mut Self) -> Result<String>) -> Result<Choice<Dialect>> {
        self.choice(|it| {
            let set = set(it)?;
            let is_preferred = if it.lexer.is_next("(") { it.acceptability()? } else { None };
            Ok(Dialect { set, is_preferred })
        })
    }

    /// `(prefer)`, `(accept)`, or both; also by codes.
    fn acceptability(&mut self) -> Result<Option<bool>> {
        self.lexer.expect("(")?;
        let (mut preferred, mut acceptable) = (false, false);
        while !self.lexer.eat(")") {
            if PREFERRED.iter().any(|it| self.lexer.eat_word(it)) {
                preferred = true;
            } else if ACCEPTABLE.iter().any(|it| self.lexer.eat_word(it)) {
                acceptable = true;
            } else {
                return Err(self.lexer.wrong("prefer or accept"));
            }
        }
        match (preferred, acceptable) {
            (false, false) => Err(self.lexer.wrong("prefer or accept before it")),
            (true, true) => Ok(None),
            _ => Ok(Some(preferred)),
        }
    }

    fn status(&mut self, yes: &[&str], no: &[&str]) -> Result<bool> {
        let chosen = self.choice(|it| {
            let is_yes = yes.iter().any(|word| it.lexer.eat_word(word));
            match is_yes || no.iter().any(|word| it.lexer.eat_word(word)) {
                true => Ok(is_yes),
                false => Err(it.lexer.wrong(&[yes, no].concat().join(" or "))),
            }
        })?;
        match chosen.any.as_slice() {
            [only] => Ok(*only == chosen.is_in),
            _ => Err(Failure::new(
                IssueType::Invalid,
                "A filter of definitions that asks for both chooses nothing out: leave it out.",
            )),
        }
    }

    pub(super) fn flag(&mut self) -> Result<bool> {
        let is_turned = self.lexer.eat("!=");
        if !is_turned {
            self.lexer.expect("=")?;
        }
        let is_true = self.lexer.eat_word("true") || self.lexer.eat_word("1");
        match is_true || self.lexer.eat_word("false") || self.lexer.eat_word("0") {
            true => Ok(is_true != is_turned),
            false => Err(self.lexer.wrong("true or false")),
        }
    }

    fn times(&mut self) -> Result<Days> {
        let comparison = self.comparison()?;
        self.days(comparison)
    }

    pub(super) fn comparison(&mut self) -> Result<Comparison> {
        Comparison::read(&mut self.lexer).ok_or_else(|| self.lexer.wrong("=, !=, <, <=, > or >="))
    }

    /// Days, behind the sign that tells how another one is to stand to them.
    pub(super) fn days(&mut self, comparison: Comparison) -> Result<Days> {
        let any = self.several(|it| {
            let day = it.lexer.quoted()?;
            match day.len() == 8 && day.bytes().all(|it| it.is_ascii_digit()) {
                true => Ok(day),
                false => Err(it.lexer.wrong("a day as \"YYYYMMDD\" before it")),
            }
        })?;
        Ok(Days { comparison, any })
    }
}

/// A filter of whether concepts are in use, before all others of the same focus: `*` leaves those out that are not, unless it is
/// asked for them, wherever among the filters that stands.
fn above_the_focus(of: Constraint, test: ConceptTest) -> Constraint {
    match of {
        Constraint::Filtered(of, other) => Constraint::Filtered(Box::new(above_the_focus(*of, test)), other),
        Constraint::Described(of, tests) => Constraint::Described(Box::new(above_the_focus(*of, test)), tests),
        focus => Constraint::Filtered(Box::new(focus), test),
    }
}
