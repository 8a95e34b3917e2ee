//! The smallest expressions: literals, variables, names of types.

use super::ast::{Expr, Start, Variable};
use super::error::Result;
use super::item::Item;
use super::lexer::TokenKind;
use super::number::decimal;
use super::parser::{Parser, Tree};
use super::quantity::{Calendar, Quantity, Unit};
use super::types::TypeSpec;
use crate::units::UCUM;

impl Parser<'_> {
    pub(super) fn term(&mut self) -> Result<Tree> {
        let literal = |item| Ok((Expr::Literal(item), 1));
        match self.peek().clone() {
            TokenKind::Name(word) if word == "true" || word == "false" => {
                self.at += 1;
                literal(Item::Boolean(word == "true"))
            }
            TokenKind::Name(_) | TokenKind::Quoted(_) => {
                let (step, inside) = self.named(true)?;
                Ok((Expr::Path(Start::This, vec![step]), self.around([inside])?))
            }
            TokenKind::String(text) => {
                self.at += 1;
                literal(Item::string(text))
            }
            TokenKind::Number(text) => self.number(&text),
            TokenKind::Date(stamp) => {
                self.at += 1;
                literal(Item::Date(stamp))
            }
            TokenKind::DateTime(stamp) => {
                self.at += 1;
                literal(Item::DateTime(stamp))
            }
            TokenKind::Time(stamp) => {
                self.at += 1;
                literal(Item::Time(stamp))
            }
            TokenKind::Dollar(name) => {
                let start = match name.as_str() {
                    "this" => Start::This,
                    "index" => Start::Index,
                    "total" => Start::Total,
                    _ => return self.wrong("expected $this, $index or $total"),
                };
                self.at += 1;
                Ok((Expr::Path(start, Vec::new()), 1))
            }
            TokenKind::Variable(name) => {
                self.at += 1;
                Ok((Expr::Path(Start::Variable(variable(name)), Vec::new()), 1))
            }
            TokenKind::Symbol("(") => {
                self.at += 1;
                let (inside, depth) = self.expression(0)?;
                self.expect(")")?;
                // Kept apart, so that steps and unions behind it do not join those in it.
                let depth = self.around([depth])?;
                Ok((Expr::Path(Start::Expr(Box::new(inside)), Vec::new()), depth))
            }
            TokenKind::Symbol("{") => {
                self.at += 1;
                self.expect("}")?;
                Ok((Expr::Empty, 1))
            }
            _ => self.wrong("expected a value, a name or '('"),
        }
    }

    /// An integer, a decimal, or a quantity.
    fn number(&mut self, text: &str) -> Result<Tree> {
        let unit = match self.tokens.get(self.at + 1).map(|it| &it.kind) {
            Some(TokenKind::String(code)) => Some(Unit::Ucum(code.clone().into())),
            Some(TokenKind::Name(word)) => Calendar::named(word).map(Unit::Calendar),
            _ => None,
        };
        let Some(value) = decimal(text) else { return self.wrong("the number is too large") };
        let item = match unit {
            Some(unit) => {
                self.at += 1;
                Item::Quantity(Quantity { value, unit })
            }
            None if text.contains('.') => Item::Decimal(value),
            None => match text.parse() {
                Ok(it) => Item::Integer(it),
                Err(_) => return self.wrong("an integer may not be larger than 2147483647"),
            },
        };
        self.at += 1;
        Ok((Expr::Literal(item), 1))
    }

    pub(super) fn type_specifier(&mut self) -> Result<TypeSpec> {
        let first = self.type_name()?;
        let (namespace, name) = if self.eat(".") { (Some(first), self.type_name()?) } else { (None, first) };
        match TypeSpec::named(namespace.as_deref(), &name) {
            Some(spec) => Ok(spec),
            None => {
                self.at -= 1;
                self.wrong(format!("there is no type '{name}'"))
            }
        }
    }

    fn type_name(&mut self) -> Result<String> {
        match self.next() {
            TokenKind::Name(name) | TokenKind::Quoted(name) => Ok(name),
            _ => {
                self.at -= 1;
                self.wrong("expected the name of a type")
            }
        }
    }
}

/// Words that the grammar does not let stand for a name.
pub(super) fn is_reserved(word: &str) -> bool {
    matches!(word, "and" | "or" | "xor" | "implies" | "div" | "mod" | "true" | "false")
}

/// The variables that the standard defines (FHIRPath N1 "Environment variables", fhirpath.html#variables).
fn variable(name: String) -> Variable {
    match name.as_str() {
        "context" => Variable::Context,
        "resource" => Variable::Resource,
        "rootResource" => Variable::RootResource,
        "ucum" => Variable::Text(UCUM.into()),
        "sct" => Variable::Text("http://snomed.info/sct".into()),
        "loinc" => Variable::Text("http://loinc.org".into()),
        _ => {
            if let Some(set) = name.strip_prefix("vs-") {
                Variable::Text(format!("http://hl7.org/fhir/ValueSet/{set}"))
            } else if let Some(extension) = name.strip_prefix("ext-") {
                Variable::Text(format!("http://hl7.org/fhir/StructureDefinition/{extension}"))
            } else {
                Variable::Named(name)
            }
        }
    }
}
