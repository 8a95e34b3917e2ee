//! Releases of code systems in a placement. They are written beside the resources, each part by a transaction of its own.

use super::attempts::Attempts;
use super::records::Records;
use super::session::{Door, at_home};
use crate::query::{Dialect, Sql, releases};
use crate::releases::{Posting, Release, ReleaseConcept, ReleasePart, Releases, Terms};
use crate::{Error, Result};
use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres, Row};

/// Places that are taken away at once, in a time that a write may take.
const SWEEP: i64 = 50_000;

type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// Runs one statement that changes something, as this tenant, again if others are in the way; the rows it returns.
pub(super) async fn change<'q>(records: &Records, statement: impl Fn() -> Statement<'q>) -> Result<Vec<PgRow>> {
    let mut attempts = Attempts::default();
    loop {
        let done = change_once(records, statement()).await;
        let Some(rest) = done.as_ref().err().and_then(|it| attempts.after(it)) else { return done };
        tokio::time::sleep(rest).await;
    }
}

async fn change_once(records: &Records, statement: Statement<'_>) -> Result<Vec<PgRow>> {
    let writes = &records.place.writes;
    let mut taken = writes.take().await?;
    let beginning = if taken.is_in_transaction() { "" } else { "BEGIN; " };
    let enter = format!("{beginning}SELECT enter('{}', NULL, NULL)", tenant(records));
    let work = run(&mut taken.connection, &enter, statement);
    let Ok(done) = tokio::time::timeout(writes.patience(), work).await else {
        taken.lose(&Error::Silent);
        return Err(Error::Silent);
    };
    match done {
        Ok(rows) => {
            taken.give_back();
            Ok(rows)
        }
        Err(error) => {
            let error = Error::from(error);
            taken.fail(&error).await;
            Err(error)
        }
    }
}

/// The tenant's number, as text.
fn tenant(records: &Records) -> &str {
    records.tenancy.number.text()
}

async fn run(connection: &mut PgConnection, enter: &str, statement: Statement<'_>) -> sqlx::Result<Vec<PgRow>> {
    sqlx::raw_sql(AssertSqlSafe(enter)).execute(&mut *connection).await?;
    let rows = statement.fetch_all(&mut *connection).await?;
    sqlx::raw_sql("COMMIT").execute(connection).await?;
    Ok(rows)
}

#[async_trait]
impl Releases for Door {
    async fn releases(&self) -> Result<Vec<Release>> {
        let found = at_home!(self, it => it.reading().fetch(releases::releases()))?;
        found.iter().map(releases::release).collect()
    }

    async fn begin_release(&self, url: &str, version: &str, about: &str) -> Result<i64> {
        at_home!(self, it => begin(&it, url, version, about))
    }

    async fn fill_release(&self, number: i64, part: ReleasePart) -> Result<()> {
        at_home!(self, it => fill(&it, number, &part))
    }

    async fn finish_release(&self, number: i64) -> Result<bool> {
        let finish = "UPDATE code_release c SET finished = (c.number = $1) FROM code_release r \
             WHERE r.number = $1 AND r.url = c.url AND r.version = c.version AND (c.finished OR c.number = $1) \
             RETURNING c.number";
        let done = at_home!(self, it => change(&it, || sqlx::query(finish).bind(number)))?;
        Ok(!done.is_empty())
    }

    async fn drop_release(&self, number: i64) -> Result<bool> {
        let drop = "UPDATE code_release SET finished = false WHERE number = $1 AND finished RETURNING number";
        let done = at_home!(self, it => change(&it, || sqlx::query(drop).bind(number)))?;
        Ok(!done.is_empty())
    }

    async fn sweep_releases(&self, url: &str, before: i64) -> Result<()> {
        at_home!(self, it => sweep(&it, url, before))
    }

    async fn concepts_with(&self, release: i64, codes: &[&str]) -> Result<Vec<ReleaseConcept>> {
        let mut found = Vec::new();
        for codes in codes.chunks(releases::GROUP) {
            found.extend(at_home!(self, it => it.reading().fetch(releases::concepts_with(release, codes)))?);
        }
        found.iter().map(releases::concept).collect()
    }

    async fn concepts_at(&self, release: i64, places: &[i64]) -> Result<Vec<ReleaseConcept>> {
        let mut found = Vec::new();
        for places in places.chunks(releases::GROUP) {
            let statement = || releases::concepts_at(Dialect::Postgres, release, places);
            found.extend(at_home!(self, it => it.reading().fetch(statement()))?);
        }
        found.iter().map(releases::concept).collect()
    }

    async fn postings(
        &self,
        release: i64,
        property: &str,
        terms: Terms<'_>,
        most: usize,
    ) -> Result<Vec<(String, Vec<u8>)>> {
        let statement = || releases::postings(release, property, terms, most);
        at_home!(self, it => it.reading().fetch(statement()))?.iter().map(releases::posting).collect()
    }
}

async fn begin(records: &Records, url: &str, version: &str, about: &str) -> Result<i64> {
    let begin = "INSERT INTO code_release (tenant, number, url, version, about, finished) \
         SELECT $1::text::int, greatest($2, coalesce(max(number), 0) + 1), $3, $4, $5, false FROM code_release \
         RETURNING number";
    let statement =
        || sqlx::query(begin).bind(tenant(records)).bind(records.clock()).bind(url).bind(version).bind(about);
    Ok(change(records, statement).await?.first().ok_or(sqlx::Error::RowNotFound)?.try_get(0)?)
}

async fn fill(records: &Records, number: i64, part: &ReleasePart) -> Result<()> {
    let statement = || match part {
        ReleasePart::Concepts(concepts) => added_concepts(concepts),
        ReleasePart::Postings(postings) => added_postings(postings),
    };
    change(records, || statement().bind(tenant(records)).bind(number)).await.map(|_| ())
}

async fn sweep(records: &Records, url: &str, before: i64) -> Result<()> {
    let mut unfinished = Sql::new(
        "SELECT r.number, coalesce((SELECT max(place) FROM code_concept WHERE release = r.number), -1) \
         FROM code_release r WHERE r.url = ? AND r.number < ? AND NOT r.finished",
    );
    unfinished.bind(url.to_owned()).bind(before);
    for row in records.reading().fetch(unfinished).await? {
        let (number, last): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        for until in (0..=last / SWEEP + 1).map(|it| it * SWEEP) {
            let delete = "DELETE FROM code_concept WHERE release = $1 AND place < $2";
            change(records, || sqlx::query(delete).bind(number).bind(until)).await?;
        }
        for statement in ["DELETE FROM code_posting WHERE release = $1", "DELETE FROM code_release WHERE number = $1"] {
            change(records, || sqlx::query(statement).bind(number)).await?;
        }
    }
    Ok(())
}

/// All but the tenant and the release are bound.
fn added_concepts(rows: &[ReleaseConcept]) -> Statement<'_> {
    sqlx::query(
        "INSERT INTO code_concept (place, code, links, about, tenant, release) \
         SELECT u.*, $5::text::int, $6 FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::text[]) u",
    )
    .bind(rows.iter().map(|it| it.place).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| it.code.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| it.links.as_slice()).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| it.about.as_str()).collect::<Vec<_>>())
}

/// All but the tenant and the release are bound.
fn added_postings(rows: &[Posting]) -> Statement<'_> {
    sqlx::query(
        "INSERT INTO code_posting (property, term, places, tenant, release) \
         SELECT u.*, $4::text::int, $5 FROM unnest($1::text[], $2::text[], $3::bytea[]) u",
    )
    .bind(rows.iter().map(|it| it.property.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| it.term.as_str()).collect::<Vec<_>>())
    .bind(rows.iter().map(|it| it.places.as_slice()).collect::<Vec<_>>())
}
