//! Reads queries (GraphQL section 2, appendix B).

use super::ast::{Directive, Document, Field, Fragment, Input, Operation, Selection, Variable};
use super::lexer::{Token, tokens, wrong};
use fhir::{Failure, IssueType, Result};

/// How deep selections and lists may lie within one another.
const DEPTH: usize = 24;

struct Reader<'t> {
    text: &'t str,
    tokens: Vec<(Token, usize)>,
    at: usize,
    depth: usize,
}

impl Document {
    /// Reads a document of queries and fragments.
    pub(super) fn parse(text: &str) -> Result<Document> {
        let mut reader = Reader { text, tokens: tokens(text)?, at: 0, depth: 0 };
        let mut document = Document::default();
        while reader.peek().is_some() {
            reader.definition(&mut document)?;
        }
        Ok(document)
    }
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|it| &it.0)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += usize::from(token.is_some());
        token
    }

    fn wrong(&self) -> Failure {
        wrong(self.text, self.tokens.get(self.at).map_or(self.text.len(), |it| it.1))
    }

    fn is_next(&self, sign: char) -> bool {
        self.peek() == Some(&Token::Sign(sign))
    }

    fn eat(&mut self, sign: char) -> bool {
        let is_next = self.is_next(sign);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, sign: char) -> Result<()> {
        if self.eat(sign) { Ok(()) } else { Err(self.wrong()) }
    }

    /// The name that comes next, if it is one.
    fn word(&mut self) -> Option<String> {
        let Some(Token::Name(name)) = self.peek().cloned() else { return None };
        self.at += 1;
        Some(name)
    }

    fn name(&mut self) -> Result<String> {
        self.word().ok_or_else(|| self.wrong())
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= DEPTH {
            let told = format!("A query is {DEPTH} selections deep at the most.");
            return Err(Failure::new(IssueType::TooCostly, told));
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    fn definition(&mut self, document: &mut Document) -> Result<()> {
        if self.is_next('{') {
            let selections = self.selections()?;
            document.operations.push(Operation { selections, ..Operation::default() });
            return Ok(());
        }
        match self.name()?.as_str() {
            "query" => {
                let name = self.word();
                let variables = self.variables()?;
                self.directives()?;
                let selections = self.selections()?;
                document.operations.push(Operation { name, variables, selections });
            }
            "fragment" => {
                let (name, on) = (self.name()?, self.on()?.ok_or_else(|| self.wrong())?);
                self.directives()?;
                let selections = self.selections()?;
                document.fragments.insert(name, Fragment { on, selections });
            }
            refused @ ("mutation" | "subscription") => {
                let told = format!("This server carries out no GraphQL {refused}: write by FHIR's own interactions.");
                return Err(Failure::new(IssueType::NotSupported, told));
            }
            _ => {
                self.at -= 1;
                return Err(self.wrong());
            }
        }
        Ok(())
    }

    /// `on Type`, if it comes next.
    fn on(&mut self) -> Result<Option<String>> {
        if self.peek() != Some(&Token::Name("on".to_owned())) {
            return Ok(None);
        }
        self.at += 1;
        self.name().map(Some)
    }

    fn variables(&mut self) -> Result<Vec<Variable>> {
        let mut all = Vec::new();
        if !self.eat('(') {
            return Ok(all);
        }
        while !self.eat(')') {
            self.expect('$')?;
            let name = self.name()?;
            self.expect(':')?;
            let is_required = self.of_type()?;
            let default = if self.eat('=') { Some(self.input()?) } else { None };
            self.directives()?;
            all.push(Variable { name, is_required, default });
        }
        Ok(all)
    }

    /// A variable's type: all values are texts here, so only whether there must be one is kept.
    fn of_type(&mut self) -> Result<bool> {
        if self.eat('[') {
            self.deeper(Self::of_type)?;
            self.expect(']')?;
        } else {
            self.name()?;
        }
        Ok(self.eat('!'))
    }

    fn selections(&mut self) -> Result<Vec<Selection>> {
        self.expect('{')?;
        self.deeper(|it| {
            let mut all = Vec::new();
            while !it.eat('}') {
                all.push(it.selection()?);
            }
            if all.is_empty() { Err(it.wrong()) } else { Ok(all) }
        })
    }

    fn selection(&mut self) -> Result<Selection> {
        if self.peek() == Some(&Token::Spread) {
            self.at += 1;
            let on = self.on()?;
            if on.is_none()
                && let Some(name) = self.word()
            {
                return Ok(Selection::Spread(name, self.directives()?));
            }
            return Ok(Selection::Inline(on, self.directives()?, self.selections()?));
        }
        let first = self.name()?;
        let (alias, name) = match self.eat(':') {
            true => (Some(first), self.name()?),
            false => (None, first),
        };
        let (arguments, directives) = (self.arguments()?, self.directives()?);
        let selections = if self.is_next('{') { self.selections()? } else { Vec::new() };
        Ok(Selection::Field(Field { alias, name, arguments, directives, selections }))
    }

    fn arguments(&mut self) -> Result<Vec<(String, Input)>> {
        let mut all: Vec<(String, Input)> = Vec::new();
        if !self.eat('(') {
            return Ok(all);
        }
        while !self.eat(')') {
            let name = self.name()?;
            self.expect(':')?;
            if all.iter().any(|it| it.0 == name) {
                return Err(self.wrong());
            }
            all.push((name, self.input()?));
        }
        Ok(all)
    }

    fn directives(&mut self) -> Result<Vec<Directive>> {
        let mut all = Vec::new();
        while self.eat('@') {
            all.push(Directive { name: self.name()?, arguments: self.arguments()? });
        }
        Ok(all)
    }

    fn input(&mut self) -> Result<Input> {
        let place = self.at;
        Ok(match self.next() {
            Some(Token::Text(text) | Token::Number(text)) => Input::Text(text),
            Some(Token::Name(name)) if name == "null" => Input::Null,
            Some(Token::Name(name)) => Input::Text(name),
            Some(Token::Sign('$')) => Input::Variable(self.name()?),
            Some(Token::Sign('[')) => self.deeper(|it| {
                let mut items = Vec::new();
                while !it.eat(']') {
                    items.push(it.input()?);
                }
                Ok(Input::List(items))
            })?,
            _ => {
                self.at = place;
                return Err(self.wrong());
            }
        })
    }
}
