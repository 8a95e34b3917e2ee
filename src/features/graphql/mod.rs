//! `$graphql` (graphql.html): what a GraphQL query selects of one resource, or of what is read and searched.
//!
//! Every resource comes by an interaction of its own (read, search), so that what a caller may not see there is not seen here
//! either. A query is carried out as a whole: what goes wrong is told in `errors`, each with its OperationOutcome, and
//! there is no data then. Mutations, subscriptions and introspection are refused by name.

mod ast;
mod collect;
mod element;
mod fetch;
mod lexer;
mod output;
mod parse;
#[cfg(test)]
mod tests;

use ast::{Document, Operation as Query, Variables};
use collect::Selections;
use element::At;
use engine::{Access, Answer, Call, Extra, HERE, Operation};
use fhir::json::{Doc, quote};
use fhir::outcome::shown;
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use output::{Members, Out};
use std::future::Future;
use std::pin::Pin;

/// The resources that one query may look at.
const RESOURCES: usize = 1000;
/// The values that one query may select, fields that are not there included.
const VALUES: usize = 100_000;

/// The operation.
pub(crate) fn operation() -> Operation {
    Operation {
        definition: include_str!("../../../profiles/operations/resource-graphql.json"),
        demands: &[(Access::Read, HERE)],
        extras: &[Extra::Narrowed, Extra::GraphQl, Extra::ByItsParts],
        run: |call| Box::pin(graphql(call)),
    }
}

async fn graphql(call: Call<'_>) -> Result<Answer> {
    let (status, body) = match selected(&call).await {
        Ok(data) => (200, format!(r#"{{"data":{}}}"#, data.written())),
        // What went wrong within is logged, and told as everywhere.
        Err(failure) if failure.cause.is_some() => return Err(failure),
        Err(failure) => (failure.status, errors(&failure)),
    };
    Ok(Answer { plain: Some("application/json"), ..Answer::new(status, body) })
}

/// What GraphQL says of a query that failed, with the outcome as FHIR has it.
fn errors(failure: &Failure) -> String {
    let told: Vec<&str> = failure.issues.iter().map(|it| it.diagnostics.as_ref()).collect();
    let outcome = failure.to_json();
    format!(r#"{{"errors":[{{"message":{},"extensions":{{"resource":{outcome}}}}}]}}"#, quote(&told.join(" ")))
}

async fn selected(call: &Call<'_>) -> Result<Out> {
    let text = call.arguments.text("query").unwrap_or_default();
    let document = Document::parse(text)?;
    let query = document.operation(call.arguments.text("operationName"))?;
    let variables = query.variables(call.arguments.text("variables"))?;
    let mut run = Run { call, document: &document, variables, resources: RESOURCES, values: VALUES };
    let members = match &call.instance {
        Some(stored) => {
            let text = std::str::from_utf8(&stored.body).map_err(Failure::internal)?;
            let doc = Doc::parse(text).map_err(Failure::internal)?;
            let at = At::resource(doc.root())?;
            run.members(at, vec![&query.selections]).await?
        }
        None => run.on_system(query).await?,
    };
    Ok(Out::Object(members))
}

/// A selection of what lies deeper; how deep, reading the query has bounded.
type Selected<'f, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'f>>;

/// A query that is carried out.
struct Run<'c> {
    call: &'c Call<'c>,
    document: &'c Document,
    variables: Variables,
    /// How many resources may still be looked at.
    resources: usize,
    /// How many values may still be selected.
    values: usize,
}

impl<'c> Run<'c> {
    /// What is selected of the whole system: `Patient(id: …)`, `PatientList(…)` and `PatientConnection(…)`.
    async fn on_system(&mut self, query: &'c Query) -> Result<Members> {
        let mut members = Members::default();
        for chosen in self.collect(None, vec![&query.selections])? {
            let name = chosen.field.name.as_str();
            if name == "__typename" {
                members.add(chosen.key, Out::Raw(quote("Query")));
                continue;
            }
            let out = match self.searched(None, chosen.field, &chosen.selections).await? {
                Some(found) => found,
                None => self.one(chosen.field, &chosen.selections).await?,
            };
            chosen.refuse_shaping(&["first", "singleton", "flatten", "slice"])?;
            members.add(chosen.key, out);
        }
        Ok(members)
    }

    /// `Patient(id: "1")`
    async fn one(&mut self, field: &'c ast::Field, selections: &Selections<'c>) -> Result<Out> {
        let of = field.name.as_str();
        if r4().resource(of).is_none() {
            return Err(unknown("The query", of));
        }
        let ids = self.texts(field, "id")?;
        let [id] = ids.as_slice() else {
            let told = format!("{of} is asked for by its id; {of}List searches.");
            return Err(Failure::new(IssueType::Required, told));
        };
        self.only(field, &["id"])?;
        let doc = self.read(&format!("{of}/{id}")).await?;
        Ok(Out::Object(self.members(At::resource(doc.root())?, selections.clone()).await?))
    }

    /// Accounts for resources that are looked at.
    fn look_at(&mut self, count: usize) -> Result<()> {
        self.resources = self.resources.checked_sub(count).ok_or_else(|| {
            let told =
                format!("A query looks at {RESOURCES} resources at the most; ask for fewer, or by _count and _cursor.");
            Failure::new(IssueType::TooCostly, told)
        })?;
        Ok(())
    }

    /// Accounts for values that are selected.
    fn spend(&mut self, count: usize) -> Result<()> {
        self.values = self.values.checked_sub(count).ok_or_else(|| {
            let told = format!("A query selects {VALUES} values at the most.");
            Failure::new(IssueType::TooCostly, told)
        })?;
        Ok(())
    }
}

/// That a type has no such field.
fn unknown(of: &str, field: &str) -> Failure {
    let told = match field.starts_with("__") {
        true => "This server does not serve introspection; its fields are those of R4's resources.".to_owned(),
        false => format!("{of} has no field {}.", shown(field)),
    };
    Failure::new(IssueType::Invalid, told)
}
