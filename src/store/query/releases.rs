//! What is read of releases of code systems: the statements, and what their rows say, for both engines.

use super::{Dialect, Sql};
use crate::releases::Terms;
use crate::{Release, ReleaseConcept, Result};
use sqlx::{ColumnIndex, Decode, Row, Type};

/// The most codes or places that one statement asks for.
pub(crate) const GROUP: usize = 1000;

/// Behind every character.
const LAST: char = char::MAX;

/// Finished releases, the oldest first.
pub(crate) fn releases() -> Sql {
    Sql::new("SELECT number, url, version, about FROM code_release WHERE finished ORDER BY number")
}

/// Concepts by their codes.
pub(crate) fn concepts_with(release: i64, codes: &[&str]) -> Sql {
    let mut sql = Sql::new("SELECT place, code, links, about FROM code_concept WHERE release = ? AND code IN (");
    sql.bind(release);
    for (i, code) in codes.iter().enumerate() {
        sql.push(if i == 0 { "?" } else { ", ?" }).bind((*code).to_owned());
    }
    sql.push(")");
    sql
}

/// Concepts by their places.
pub(crate) fn concepts_at(dialect: Dialect, release: i64, places: &[i64]) -> Sql {
    let concepts = dialect.then("code_concept c", "c.release = ? AND c.place = w.value");
    let mut sql = Sql::new(&format!("SELECT c.place, c.code, c.links, c.about FROM {}{concepts}", dialect.list()));
    sql.bind(places.to_vec()).bind(release);
    sql
}

/// Postings of a property.
pub(crate) fn postings(release: i64, property: &str, terms: Terms<'_>, most: usize) -> Sql {
    let mut sql = Sql::new("SELECT term, places FROM code_posting WHERE release = ? AND property = ? AND ");
    sql.bind(release).bind(property.to_owned());
    match terms {
        Terms::Is(term) => sql.push("term = ?").bind(term.to_owned()),
        Terms::Begins(start) => {
            sql.push("term >= ? AND term < ?").bind(start.to_owned()).bind(format!("{start}{LAST}"))
        }
    };
    sql.limit(i64::try_from(most).unwrap_or(i64::MAX));
    sql
}

/// Reads a row of [`releases`].
pub(crate) fn release<R>(row: &R) -> Result<Release>
where
    R: Row,
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(Release { number: row.try_get(0)?, url: row.try_get(1)?, version: row.try_get(2)?, about: row.try_get(3)? })
}

/// Reads a row of [`concepts_with`] or [`concepts_at`].
pub(crate) fn concept<R>(row: &R) -> Result<ReleaseConcept>
where
    R: Row,
    usize: ColumnIndex<R>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(ReleaseConcept { place: row.try_get(0)?, code: row.try_get(1)?, links: row.try_get(2)?, about: row.try_get(3)? })
}

/// Reads a row of [`postings`].
pub(crate) fn posting<R>(row: &R) -> Result<(String, Vec<u8>)>
where
    R: Row,
    usize: ColumnIndex<R>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok((row.try_get(0)?, row.try_get(1)?))
}
