//! What a query says (GraphQL, October 2021 edition, section 2).

use fhir::json::{Doc, Value};
use fhir::outcome::shown;
use fhir::{Failure, IssueType, Result};
use std::collections::HashMap;

/// A document: operations, and fragments that these use.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) operations: Vec<Operation>,
    pub(super) fragments: HashMap<String, Fragment>,
}

/// A query.
#[derive(Debug, Default)]
pub(super) struct Operation {
    pub(super) name: Option<String>,
    pub(super) variables: Vec<Variable>,
    pub(super) selections: Vec<Selection>,
}

/// A variable of a query.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) is_required: bool,
    pub(super) default: Option<Input>,
}

/// Selections that are used by name.
#[derive(Debug)]
pub(super) struct Fragment {
    pub(super) on: String,
    pub(super) selections: Vec<Selection>,
}

/// What is selected.
#[derive(Debug)]
pub(super) enum Selection {
    Field(Field),
    /// `...name`
    Spread(String, Vec<Directive>),
    /// `... on Type { }`
    Inline(Option<String>, Vec<Directive>, Vec<Selection>),
}

/// A field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) alias: Option<String>,
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Input)>,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
}

/// `@name(…)`
#[derive(Debug)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) arguments: Vec<(String, Input)>,
}

/// The value of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Variable(String),
    /// A string, a number, a boolean or a name, as text.
    Text(String),
    Null,
    List(Vec<Input>),
}

/// The values of variables: none for null.
pub(super) type Variables = HashMap<String, Vec<String>>;

impl Document {
    /// The operation with this name, or the only one.
    pub(super) fn operation(&self, name: Option<&str>) -> Result<&Operation> {
        let found = match (name, self.operations.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(name), all) => all.iter().find(|it| it.name.as_deref() == Some(name)),
        };
        found.ok_or_else(|| {
            Failure::new(IssueType::Invalid, "The query has not one operation; operationName says which is meant.")
        })
    }
}

impl Operation {
    /// The variables with the values that a JSON object gives them, or else their own.
    pub(super) fn variables(&self, given: Option<&str>) -> Result<Variables> {
        let wrong =
            || Failure::new(IssueType::Value, "The variables are a JSON object of texts, numbers, booleans and lists.");
        let doc = Doc::parse(given.unwrap_or("{}")).map_err(|_| wrong())?;
        let root = Some(doc.root()).filter(|it| it.is_object()).ok_or_else(wrong)?;
        let mut values = Variables::new();
        for variable in &self.variables {
            let name = &variable.name;
            let texts = match (root.get(name), &variable.default) {
                (Some(given), _) => json_texts(given).ok_or_else(wrong)?,
                (None, Some(default)) => default.texts(&Variables::new())?,
                (None, None) => Vec::new(),
            };
            if texts.is_empty() && variable.is_required {
                let told = format!("The variable ${} has no value.", shown(name));
                return Err(Failure::new(IssueType::Required, told));
            }
            values.insert(name.clone(), texts);
        }
        Ok(values)
    }
}

/// The texts of a JSON value; `None` for objects.
fn json_texts(value: Value<'_>) -> Option<Vec<String>> {
    let scalars = value.each().filter(|it| !it.is_null());
    scalars.map(|it| it.scalar().map(str::to_owned)).collect()
}

impl Input {
    /// Its texts: several of a list, none of null.
    pub(super) fn texts(&self, variables: &Variables) -> Result<Vec<String>> {
        Ok(match self {
            Input::Text(text) => vec![text.clone()],
            Input::Null => Vec::new(),
            Input::Variable(name) => variables.get(name).cloned().ok_or_else(|| {
                Failure::new(IssueType::Invalid, format!("The query declares no variable ${}.", shown(name)))
            })?,
            Input::List(items) => {
                let texts: Result<Vec<Vec<String>>> = items.iter().map(|it| it.texts(variables)).collect();
                texts?.concat()
            }
        })
    }
}
