//! Which fields a selection has: fragments that apply gone into, fields of one key put together (GraphQL section 6.3.2), what
//! `@skip` and `@include` leave out.

use super::ast::{Directive, Field, Selection};
use super::{Run, unknown};
use fhir::outcome::shown;
use fhir::spec::{TypeId, r4};
use fhir::{Failure, IssueType, Result};

/// How deep fragments may use one another.
const DEPTH: usize = 24;

/// The selections of one field, which may have been named several times.
pub(super) type Selections<'c> = Vec<&'c [Selection]>;

/// A field of an answer.
pub(super) struct Chosen<'c> {
    /// Its name in the answer.
    pub(super) key: &'c str,
    pub(super) field: &'c Field,
    pub(super) selections: Selections<'c>,
}

impl Chosen<'_> {
    /// The directive with this name.
    pub(super) fn directive(&self, name: &str) -> Option<&Directive> {
        self.field.directives.iter().find(|it| it.name == name)
    }

    /// Fails if one of these directives stands on a field that it cannot shape.
    pub(super) fn refuse_shaping(&self, names: &[&str]) -> Result<()> {
        match names.iter().find(|it| self.directive(it).is_some()) {
            Some(name) => {
                let told = format!("@{name} is for elements, not for {}.", shown(&self.field.name));
                Err(Failure::new(IssueType::NotSupported, told))
            }
            None => Ok(()),
        }
    }
}

impl<'c> Run<'c> {
    /// The fields of selections on a value of a type; on the whole system without one.
    pub(super) fn collect(&mut self, of: Option<TypeId>, selections: Selections<'c>) -> Result<Vec<Chosen<'c>>> {
        let mut chosen = Vec::new();
        for list in selections {
            self.gather(of, list, &mut chosen, 0)?;
        }
        Ok(chosen)
    }

    fn gather(
        &mut self,
        of: Option<TypeId>,
        selections: &'c [Selection],
        chosen: &mut Vec<Chosen<'c>>,
        depth: usize,
    ) -> Result<()> {
        if depth > DEPTH {
            return Err(Failure::new(
                IssueType::TooCostly,
                "The query's fragments use one another too deep, or in a circle.",
            ));
        }
        for selection in selections {
            self.spend(1)?;
            match selection {
                Selection::Field(field) if self.is_included(&field.directives)? => put(chosen, field)?,
                Selection::Inline(on, directives, inner)
                    if self.is_included(directives)? && on.as_deref().map_or(Ok(true), |on| applies(of, on))? =>
                {
                    self.gather(of, inner, chosen, depth + 1)?;
                }
                Selection::Spread(name, directives) if self.is_included(directives)? => {
                    let fragment = self.document.fragments.get(name).ok_or_else(|| unknown("The query", name))?;
                    if applies(of, &fragment.on)? {
                        self.gather(of, &fragment.selections, chosen, depth + 1)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// `@skip(if:)` and `@include(if:)`; fails for directives that are not known.
    fn is_included(&self, directives: &[Directive]) -> Result<bool> {
        let mut is_included = true;
        for directive in directives {
            let condition = || -> Result<bool> {
                let given = directive.arguments.iter().find(|it| it.0 == "if");
                let texts = given.map(|it| it.1.texts(&self.variables)).transpose()?.unwrap_or_default();
                match texts.first().map(String::as_str) {
                    Some("true") => Ok(true),
                    Some("false") => Ok(false),
                    _ => {
                        let told = format!("@{} has the argument if, true or false.", directive.name);
                        Err(Failure::new(IssueType::Required, told))
                    }
                }
            };
            match directive.name.as_str() {
                "skip" => is_included &= !condition()?,
                "include" => is_included &= condition()?,
                "first" | "singleton" | "flatten" | "slice" => {}
                other => {
                    let told = format!("This server does not know the directive @{}.", shown(other));
                    return Err(Failure::new(IssueType::NotSupported, told));
                }
            }
        }
        Ok(is_included)
    }
}

fn put<'c>(chosen: &mut Vec<Chosen<'c>>, field: &'c Field) -> Result<()> {
    let key = field.alias.as_deref().unwrap_or(&field.name);
    match chosen.iter_mut().find(|it| it.key == key) {
        Some(same) if same.field.name == field.name && same.field.arguments == field.arguments => {
            same.selections.push(&field.selections);
        }
        Some(_) => {
            let told = format!("{} is selected in two ways; give one of them another name.", shown(key));
            return Err(Failure::new(IssueType::Invalid, told));
        }
        None => chosen.push(Chosen { key, field, selections: vec![&field.selections] }),
    }
    Ok(())
}

/// Whether a fragment on a type is for a value of this one.
fn applies(of: Option<TypeId>, on: &str) -> Result<bool> {
    let general = r4().type_named(on);
    match (of, general) {
        (Some(of), Some(general)) => Ok(r4().is_a(of, general)),
        (None, None) if on == "Query" => Ok(true),
        _ => Err(Failure::new(IssueType::Invalid, format!("{} is no type that a fragment can be on here.", shown(on)))),
    }
}
