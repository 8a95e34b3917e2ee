//! Releases of code systems in a tenant's file. They are loaded on a connection of their own: the writer of resources
//! keeps nothing in mind that concerns them.

use super::door::Door;
use super::options;
use super::runner::query;
use crate::Result;
use crate::query::{Dialect, Sql, releases};
use crate::releases::{Posting, Release, ReleaseConcept, ReleasePart, Releases, Terms};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};

/// Rows that one statement adds.
const ROWS: usize = 200;
/// Places that are taken away at once: what waits for the file meanwhile does not wait long.
const SWEEP: i64 = 50_000;

impl Door {
    async fn rows(&self, statement: Sql) -> Result<Vec<SqliteRow>> {
        self.place().await?.readers.fetch_all(query(statement)?).await
    }

    /// A connection to load by.
    async fn loading(&self) -> Result<SqliteConnection> {
        Ok(options(&self.file).connect().await?)
    }

    /// Runs one statement that changes something; how many rows it changed.
    async fn change(&self, statement: Sql) -> Result<u64> {
        let mut connection = self.loading().await?;
        let changed = query(statement)?.execute(&mut connection).await?.rows_affected();
        connection.close().await?;
        Ok(changed)
    }
}

#[async_trait]
impl Releases for Door {
    async fn releases(&self) -> Result<Vec<Release>> {
        self.rows(releases::releases()).await?.iter().map(releases::release).collect()
    }

    async fn begin_release(&self, url: &str, version: &str, about: &str) -> Result<i64> {
        let mut connection = self.loading().await?;
        let row = sqlx::query(
            "INSERT INTO code_release (number, url, version, about, finished) \
             SELECT max(?, coalesce(max(number), 0) + 1), ?, ?, ?, 0 FROM code_release RETURNING number",
        )
        .bind((self.settings.clock)())
        .bind(url.to_owned())
        .bind(version.to_owned())
        .bind(about.to_owned())
        .fetch_one(&mut connection)
        .await?;
        connection.close().await?;
        Ok(row.try_get(0)?)
    }

    async fn fill_release(&self, number: i64, part: ReleasePart) -> Result<()> {
        let mut connection = self.loading().await?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        match part {
            ReleasePart::Concepts(concepts) => {
                for rows in concepts.chunks(ROWS) {
                    query(added_concepts(number, rows))?.execute(&mut *transaction).await?;
                }
            }
            ReleasePart::Postings(postings) => {
                for rows in postings.chunks(ROWS) {
                    query(added_postings(number, rows))?.execute(&mut *transaction).await?;
                }
            }
        }
        transaction.commit().await?;
        Ok(connection.close().await?)
    }

    async fn finish_release(&self, number: i64) -> Result<bool> {
        let mut sql = Sql::new(
            "UPDATE code_release SET finished = (number = ?) WHERE EXISTS (SELECT 1 FROM code_release r \
             WHERE r.number = ? AND r.url = code_release.url AND r.version = code_release.version) \
             AND (finished OR number = ?)",
        );
        sql.bind(number).bind(number).bind(number);
        Ok(self.change(sql).await? > 0)
    }

    async fn drop_release(&self, number: i64) -> Result<bool> {
        let mut sql = Sql::new("UPDATE code_release SET finished = 0 WHERE number = ? AND finished");
        sql.bind(number);
        Ok(self.change(sql).await? > 0)
    }

    async fn sweep_releases(&self, url: &str, before: i64) -> Result<()> {
        let mut connection = self.loading().await?;
        let mut unfinished = Sql::new(
            "SELECT r.number, coalesce((SELECT max(place) FROM code_concept WHERE release = r.number), -1) \
             FROM code_release r WHERE r.url = ? AND r.number < ? AND NOT r.finished",
        );
        unfinished.bind(url.to_owned()).bind(before);
        for row in query(unfinished)?.fetch_all(&mut connection).await? {
            let (number, last): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            for until in (0..=last / SWEEP + 1).map(|it| it * SWEEP) {
                let sql = sqlx::query("DELETE FROM code_concept WHERE release = ? AND place < ?");
                sql.bind(number).bind(until).execute(&mut connection).await?;
            }
            for statement in ["DELETE FROM code_posting WHERE release = ?", "DELETE FROM code_release WHERE number = ?"]
            {
                sqlx::query(statement).bind(number).execute(&mut connection).await?;
            }
        }
        Ok(connection.close().await?)
    }

    async fn concepts_with(&self, release: i64, codes: &[&str]) -> Result<Vec<ReleaseConcept>> {
        let mut found = Vec::new();
        for codes in codes.chunks(releases::GROUP) {
            found.extend(self.rows(releases::concepts_with(release, codes)).await?);
        }
        found.iter().map(releases::concept).collect()
    }

    async fn concepts_at(&self, release: i64, places: &[i64]) -> Result<Vec<ReleaseConcept>> {
        let mut found = Vec::new();
        for places in places.chunks(releases::GROUP) {
            found.extend(self.rows(releases::concepts_at(Dialect::Sqlite, release, places)).await?);
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
        self.rows(releases::postings(release, property, terms, most)).await?.iter().map(releases::posting).collect()
    }
}

fn added_concepts(number: i64, rows: &[ReleaseConcept]) -> Sql {
    let mut sql = Sql::new("INSERT INTO code_concept (release, place, code, links, about) VALUES ");
    for (i, it) in rows.iter().enumerate() {
        sql.push(if i == 0 { "(?, ?, ?, ?, ?)" } else { ", (?, ?, ?, ?, ?)" });
        sql.bind(number).bind(it.place).bind(it.code.clone()).bind(it.links.clone()).bind(it.about.clone());
    }
    sql
}

fn added_postings(number: i64, rows: &[Posting]) -> Sql {
    let mut sql = Sql::new("INSERT INTO code_posting (release, property, term, places) VALUES ");
    for (i, it) in rows.iter().enumerate() {
        sql.push(if i == 0 { "(?, ?, ?, ?)" } else { ", (?, ?, ?, ?)" });
        sql.bind(number).bind(it.property.clone()).bind(it.term.clone()).bind(it.places.clone());
    }
    sql
}
