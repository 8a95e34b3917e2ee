//! What a tenant's file has, as it is kept, to be encrypted anew.

use super::place::Place;
use super::runner::query;
use crate::Result;
use crate::keys::{Raw, RawBody, RawRecords, Size, edition, size};
use crate::query::{Dialect, Sql};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, SqliteConnection};

/// The edition of the tenant's keys that writes must be by.
const FENCED: &str = "SELECT coalesce(max(edition), 0) FROM fence";

/// The same, as a place's readers see it.
pub(super) async fn fenced(place: &Place) -> Result<u32> {
    edition(&place.readers.fetch_one(query(Sql::new(FENCED))?).await?)
}

/// On a connection of its own.
#[async_trait]
impl RawRecords for SqliteConnection {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    /// A file has one writer at a time, who looks at the fence within his transaction.
    async fn fence(&mut self, edition: u32) -> Result<()> {
        let statements = ["DELETE FROM fence WHERE edition <= ?", "INSERT INTO fence (edition) VALUES (?)"].map(|it| {
            let mut sql = Sql::new(it);
            sql.bind(i64::from(edition));
            sql
        });
        self.change(statements.into()).await
    }

    async fn fenced(&mut self) -> Result<u32> {
        edition(rows(self, Sql::new(FENCED)).await?.first().ok_or(sqlx::Error::RowNotFound)?)
    }

    async fn entries(&mut self, statement: Sql) -> Result<Vec<Raw>> {
        rows(self, statement).await?.iter().map(Raw::read).collect()
    }

    async fn sizes(&mut self, statement: Sql) -> Result<Vec<Size>> {
        rows(self, statement).await?.iter().map(size).collect()
    }

    async fn bodies(&mut self, statement: Sql) -> Result<Vec<RawBody>> {
        rows(self, statement).await?.iter().map(RawBody::read).collect()
    }

    async fn change(&mut self, statements: Vec<Sql>) -> Result<()> {
        let mut transaction = self.begin_with("BEGIN IMMEDIATE").await?;
        for statement in statements {
            query(statement)?.execute(&mut *transaction).await?;
        }
        Ok(transaction.commit().await?)
    }
}

async fn rows(connection: &mut SqliteConnection, statement: Sql) -> Result<Vec<SqliteRow>> {
    Ok(query(statement)?.fetch_all(connection).await?)
}
