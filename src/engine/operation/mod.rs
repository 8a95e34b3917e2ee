//! Operations (operations.html): a registry that their definitions govern, and the call of one.

mod arguments;
mod call;
mod definition;

pub use arguments::Arguments;
pub use call::Call;
pub(crate) use definition::{Definition, Parameter};

use crate::access::Latest;
use crate::read::existing;
use crate::{Access, Answer, Context, Engine, Interaction, Request, Verb};
use fhir::outcome::shown;
use fhir::{Failure, IssueType, Result};
use std::future::Future;
use std::pin::Pin;
use store::{Key, Stored};

/// What carries an operation out.
pub type Run = for<'c> fn(Call<'c>) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send + 'c>>;

/// An operation that is served.
#[derive(Clone, Copy)]
pub struct Operation {
    /// The OperationDefinition, as JSON: it governs the address, the parameters and the methods.
    pub definition: &'static str,
    /// The accesses that the caller must have, all of them; an operation that names none is refused to everybody.
    pub demands: &'static [(Access, &'static str)],
    /// What it takes beyond its definition's parameters.
    pub extras: &'static [Extra],
    /// Carries it out, once the call was let in and its parameters were read.
    pub run: Run,
}

/// What an operation may take beyond its definition's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// The search parameters of its resource type ([`Call::criteria`]).
    Criteria,
    /// The token of a link that it gave ([`Call::position`]).
    Pages,
    /// Access that is granted to some resources of a type only: the operation looks at no others ([`Call::findable`],
    /// [`Call::readable`]).
    Narrowed,
    /// Resources that may be wrong: their content is the operation's to look at. A body that is no Parameters resource
    /// is its parameter `resource` (operations.html#executing).
    AnyResource,
    /// Resources as lines: `Accept: application/fhir+ndjson` stands for its parameter `_outputFormat`.
    Lines,
    /// Queries in GraphQL's own forms beside a Parameters resource: as `application/graphql`, or as JSON (graphql.html).
    GraphQl,
    /// Every caller: the operation looks at nothing but by interactions of their own, each of which is held to what the
    /// caller may do.
    ByItsParts,
    /// To be called on a version of a resource as well.
    Versions,
    /// Resources of the tenant that its parameter `tenant` names, and perhaps of the patient there whom `patient` names: none of
    /// its own are looked at, so that what is granted counts, and not what the tenant's rules leave of that.
    Elsewhere,
}

/// Stands in [`Operation::demands`] for the resource type that the operation is called on.
pub const HERE: &str = "";

impl Operation {
    fn takes(&self, extra: Extra) -> bool {
        self.extras.contains(&extra)
    }
}

/// Where an operation is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `[base]/$op`
    System,
    /// `[base]/[type]/$op`
    Type(String),
    /// `[base]/[type]/[id]/$op`
    Instance(Key),
    /// `[base]/[type]/[id]/_history/[vid]/$op`
    Version {
        /// Whose version.
        key: Key,
        /// Which.
        version: i64,
    },
}

/// The operations of an engine.
pub(crate) struct Operations {
    all: Vec<(Definition, Operation)>,
}

impl Operations {
    /// Reads the definitions, which are part of the program.
    pub(crate) fn new(operations: Vec<Operation>) -> Operations {
        let read = |it: Operation| match Definition::parse(it.definition) {
            Ok(definition) => (definition, it),
            Err(problem) => panic!("an OperationDefinition of this program is wrong: {problem}"),
        };
        Operations { all: operations.into_iter().map(read).collect() }
    }

    /// The definitions of what is served.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.all.iter().map(|(definition, _)| definition)
    }

    /// The operation with this code that can be called there.
    pub(crate) fn find(&self, at: &Place, code: &str) -> Result<&(Definition, Operation)> {
        let is_served = |(definition, operation): &&(Definition, Operation)| {
            let is_version = matches!(at, Place::Version { .. });
            definition.code == code && definition.serves(at) && (!is_version || operation.takes(Extra::Versions))
        };
        self.all.iter().find(is_served).ok_or_else(|| {
            let told = format!("This server has no operation ${} at this address; see metadata.", shown(code));
            Failure::new(IssueType::NotSupported, told).with_status(404)
        })
    }
}

impl Engine {
    /// Calls an operation.
    pub(crate) async fn operation(
        &self,
        ctx: &Context,
        interaction: &Interaction,
        (at, code): (&Place, &str),
        request: &Request,
    ) -> Result<Answer> {
        let (definition, operation) = self.operations.find(at, code)?;
        if definition.affects_state && request.verb != Verb::Post {
            let told = format!("The operation ${code} changes what is stored: POST it.");
            return Err(Failure::new(IssueType::NotSupported, told).with_status(405));
        }
        self.demand(ctx, definition, operation, at)?;
        if request.headers.accepts_lines && !operation.takes(Extra::Lines) {
            let told = format!("The operation ${code} does not answer in application/fhir+ndjson.");
            return Err(Failure::new(IssueType::NotSupported, told).with_status(406));
        }
        let given = self.given(operation, definition, request)?;
        let instance = match at {
            Place::Instance(key) => Some(existing(self.read_within(ctx, key).await?)?),
            Place::Version { key, version } => Some(existing(self.version_within(ctx, key, *version).await?)?),
            _ => None,
        };
        let looked_at = instance.clone();
        let instance = match instance {
            Some(stored) => {
                Some(Stored { body: self.version_seen(ctx, &stored, &mut Latest::default()).await?, ..stored })
            }
            None => None,
        };
        let elsewhere = operation.takes(Extra::Elsewhere).then(|| {
            let text = |name| given.arguments.text(name).map(str::to_owned);
            (text("tenant").unwrap_or_default(), text("patient"))
        });
        let answer = (operation.run)(Call::new(self, ctx, (&request.path, at), instance, given)).await?;
        ctx.note(interaction, answer.status, |noted| match elsewhere {
            Some((tenant, patient)) => noted.handed_out_of(&tenant, patient.as_deref(), request, &answer),
            None => noted.handed_out(ctx, looked_at.as_ref(), request, &answer),
        });
        Ok(answer)
    }

    /// Whether an interaction is about another tenant's resources.
    pub(crate) fn is_elsewhere(&self, interaction: &Interaction) -> bool {
        let Interaction::Operation { at, code } = interaction else { return false };
        self.operations.find(at, code).is_ok_and(|(_, operation)| operation.takes(Extra::Elsewhere))
    }

    /// Fails if a transaction may not have this operation: what changes something would stand outside of it.
    pub(crate) fn in_transaction(&self, at: &Place, code: &str) -> Result<()> {
        let (definition, _) = self.operations.find(at, code)?;
        if definition.affects_state {
            let told = format!("The operation ${code} changes what is stored, so no transaction can hold it.");
            return Err(Failure::new(IssueType::NotSupported, told));
        }
        Ok(())
    }

    /// Deny by default: an operation that demands nothing is nobody's, and one without a rule nobody's who has roles.
    fn demand(&self, ctx: &Context, definition: &Definition, operation: &Operation, at: &Place) -> Result<()> {
        if operation.demands.is_empty() {
            return Err(Failure::new(IssueType::Forbidden, "Nobody may call this operation."));
        }
        if ctx.caller.scopes.settled_by_role(&definition.code)? || operation.takes(Extra::ByItsParts) {
            return Ok(());
        }
        let here = match at {
            Place::System => "*",
            Place::Type(of) => of,
            Place::Instance(key) | Place::Version { key, .. } => &key.of,
        };
        operation.demands.iter().try_for_each(|(access, of)| {
            let of = if *of == HERE { here } else { of };
            match operation {
                it if it.takes(Extra::Elsewhere) => ctx.caller.scopes.demand(*access, of),
                it if it.takes(Extra::Narrowed) => self.reach(ctx, *access, of).map(drop),
                _ => self.demand_whole(ctx, *access, of),
            }
        })
    }
}
