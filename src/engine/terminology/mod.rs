//! Terminology as interactions need it (terminologies.html): code systems and value sets by their canonical URLs, the
//! tenant's own first, then R4's; and the codes that a search asks for.

mod cache;
mod choose;
pub(crate) mod claims;
mod described;
mod ecl;
mod filters;
mod history;
mod loaded;
mod maps;
mod members;
mod past;
mod resolve;
mod supplements;

pub(crate) use cache::AllCaches;
pub use choose::Narrow;
pub use loaded::Around;
pub use resolve::Resolver;

use crate::{Context, Engine};
use fhir::search::{Codes, CodesAsked, Codings};
use fhir::terminology::Versions;
use fhir::{Failure, IssueType, Result};
use past::Past;

/// The most codes that one value or modifier may stand for in a search.
const MOST_CODES: usize = 10_000;
/// The most value sets and concepts that one search may ask for.
const MOST_SETS: usize = 20;

/// Why a query could not be read yet.
#[derive(Debug)]
pub(crate) enum Unread {
    /// These codes are missing.
    Needs(CodesAsked),
    /// It is wrong.
    Failed(Failure),
}

impl From<Failure> for Unread {
    fn from(it: Failure) -> Self {
        Unread::Failed(it)
    }
}

impl Engine {
    /// Reads a query, again with each set of codes that it turns out to need.
    pub(crate) async fn with_codes<T>(&self, ctx: &Context, read: impl Fn(&Codes) -> Result<T, Unread>) -> Result<T> {
        let mut codes = Codes::none();
        let mut resolver = None;
        loop {
            let asked = match read(&codes) {
                Ok(done) => return Ok(done),
                Err(Unread::Failed(failure)) => return Err(failure),
                Err(Unread::Needs(asked)) => asked,
            };
            if codes.len() >= MOST_SETS {
                let told = format!("A search takes {MOST_SETS} value sets and concepts (:in, :below …) at the most.");
                return Err(Failure::new(IssueType::TooCostly, told));
            }
            let resolver = match &mut resolver {
                Some(resolver) => resolver,
                none => none.insert(self.resolver(ctx).await?),
            };
            let found = resolver.codes(&asked).await.map_err(in_query)?;
            codes.add(asked, found);
        }
    }

    /// What resolves terminology for this caller, as it is stored now.
    pub async fn resolver<'c>(&self, ctx: &'c Context) -> Result<Resolver<'c>> {
        Resolver::new(ctx, self.terminology.of(&ctx.tenant), None).await
    }

    /// The same, as it was stored at a time that is past, in milliseconds since the epoch. Nothing of that is kept for others.
    pub async fn resolver_at<'c>(&self, ctx: &'c Context, at_ms: i64) -> Result<Resolver<'c>> {
        Resolver::new(ctx, Default::default(), Some(Past::new(at_ms))).await
    }
}

/// What a query names and is not there is a fault of the query, and does not make its address one that is not there.
fn in_query(failure: Failure) -> Failure {
    match failure.status {
        404 => failure.with_status(400),
        _ => failure,
    }
}

impl Resolver<'_> {
    /// The codes that a search asks for.
    async fn codes(&mut self, asked: &CodesAsked) -> Result<Codings> {
        if let Some(known) = self.known_codes(asked)? {
            return Ok(known);
        }
        let codings = match asked {
            CodesAsked::In(url) => {
                let set = self.value_set_or_reference(url).await?;
                let expansion = self.expansion(set, &Versions::default(), "", MOST_CODES).await?;
                expansion.members.iter().map(|it| (it.system.clone(), it.code().to_owned())).collect()
            }
            CodesAsked::Below { system, code } => {
                let found = self.hierarchy(system, &[code], Around::Below(MOST_CODES)).await?;
                codings(&found.url, found.at_or_below(code)?)?
            }
            CodesAsked::Above { system, code } => {
                let found = self.hierarchy(system, &[code], Around::Above).await?;
                codings(&found.url, found.at_or_above(code)?)?
            }
        };
        Ok(self.keep_codes(asked.clone(), codings))
    }
}

fn codings(system: &str, codes: Vec<&str>) -> Result<Codings> {
    if codes.len() > MOST_CODES {
        let told = format!("There are more than {MOST_CODES} such codes, which is more than a search looks for.");
        return Err(Failure::new(IssueType::TooCostly, told));
    }
    let system = std::sync::Arc::from(system);
    Ok(codes.into_iter().map(|it| (std::sync::Arc::clone(&system), it.to_owned())).collect())
}
