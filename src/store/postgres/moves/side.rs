//! One of the two places, as the mover works on it: one connection, with the role of requests and the tenant set within
//! each transaction.

use super::copy::State;
use crate::postgres::owner::Owner;
use crate::postgres::residence::Spot;
use crate::postgres::schema::{self, Kind};
use crate::postgres::target::Target;
use crate::{Error, Result};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Postgres, Row};

/// Statements of the mover's own go by indexes as requests' do and may take their time, as may what the mover does on the other
/// side meanwhile. They end with a mover whose machine does not answer any more.
const SETTINGS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off; \
     SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '5s'; SET client_connection_check_interval = '1s'; \
     SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4; ";

/// The SQLSTATE that a mover is refused with whose copy another one has taken over.
const OVERTAKEN: &str = "MS007";

pub(super) struct Side {
    target: Target,
    /// What statements go by. Past a pooler it is set within each transaction, of which no two may have the same session.
    setup: String,
    /// The schema, as SQL writes it.
    schema: String,
    pub(super) connection: PgConnection,
    /// The tenant in every table.
    pub(super) number: i32,
    owner: Owner,
    /// Of the mover whose copy this is: it is not written any more once another one has taken it over.
    pub(super) attempt: Option<i64>,
}

impl Side {
    /// A transaction that sees one moment.
    pub(super) const SNAPSHOT: &'static str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    /// A transaction in which each statement sees what is committed by then.
    pub(super) const SHARED_VIEW: &'static str = "BEGIN ISOLATION LEVEL READ COMMITTED";

    /// Fails where another installation's records are.
    pub(super) async fn open(spot: &Spot, directory: &Target, owner: &Owner) -> Result<Side> {
        let mut target = spot.target(directory)?;
        target.options = target.options.application_name("medisync move");
        let mut setup = schema::entering(&spot.schema, Kind::Records)? + SETTINGS;
        if target.is_pooled {
            // Whoever had the session before may have left statements of the same names in it.
            setup = format!("DEALLOCATE ALL; {}", setup.replace("SET ", "SET LOCAL "));
        }
        let connection = connect(&target, &setup).await?;
        let (schema, owner) = (schema::quoted(&spot.schema)?, owner.clone());
        let mut side = Side { target, setup, schema, connection, number: owner.number, owner, attempt: None };
        side.begin(Side::SNAPSHOT).await?;
        schema::verify_role(&mut side.connection).await?;
        side.commit().await?;
        side.verify_owner().await?;
        Ok(side)
    }

    /// Fails where another installation's records are.
    pub(super) async fn verify_owner(&mut self) -> Result<()> {
        self.begin(Side::SNAPSHOT).await?;
        // A version before made no marks.
        let marks = sqlx::query("SELECT to_regclass('resident') IS NOT NULL");
        if self.row(marks).await?.try_get(0)? {
            self.simple(&self.owner.verification()).await?;
        }
        self.commit().await
    }

    /// What tells the place from all others, whatever URL leads to it.
    pub(super) async fn identity(&mut self) -> Result<String> {
        let identity = "SELECT concat_ws(' ', c.system_identifier, d.oid, current_schema()) \
             FROM pg_control_system() c, pg_database d WHERE d.datname = current_database()";
        self.begin(Side::SNAPSHOT).await?;
        let identity = self.row(sqlx::query(identity)).await?.try_get(0)?;
        self.commit().await?;
        Ok(identity)
    }

    /// Whether records can be there: the schema of one tenant's own is dropped with all that is in it.
    pub(super) async fn has_tables(&mut self) -> Result<bool> {
        self.begin(Side::SNAPSHOT).await?;
        let there = self.row(sqlx::query("SELECT to_regclass('resource') IS NOT NULL")).await?.try_get(0)?;
        self.commit().await?;
        Ok(there)
    }

    /// Gives up whatever is under way.
    pub(super) async fn reconnect(&mut self) -> Result<()> {
        self.connection = connect(&self.target, &self.setup).await?;
        Ok(())
    }

    pub(super) async fn begin(&mut self, how: &str) -> Result<()> {
        self.simple(&self.beginning(how)).await
    }

    fn beginning(&self, how: &str) -> String {
        let setup = if self.target.is_pooled { self.setup.as_str() } else { "" };
        let begin = format!("{how}; {setup}SELECT set_config('medisync.tenant', '{}', true)", self.number);
        match self.attempt.filter(|_| how == Side::SHARED_VIEW) {
            None => begin,
            Some(attempt) => format!(
                "{begin}; SELECT refuse('{OVERTAKEN}', 'somebody else makes this copy now') \
                 WHERE NOT EXISTS (SELECT FROM arriving WHERE attempt = {attempt} FOR SHARE)"
            ),
        }
    }

    pub(super) async fn commit(&mut self) -> Result<()> {
        self.simple("COMMIT").await
    }

    pub(super) async fn roll_back(&mut self) -> Result<()> {
        self.simple("ROLLBACK").await
    }

    /// Statements in one transaction of their own.
    pub(super) async fn at_once(&mut self, statements: &str) -> Result<()> {
        self.simple(&format!("{}; {statements}; COMMIT", self.beginning(Side::SHARED_VIEW))).await
    }

    pub(super) async fn simple(&mut self, statements: &str) -> Result<()> {
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut self.connection).await?;
        Ok(())
    }

    pub(super) async fn rows(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>> {
        Ok(query.fetch_all(&mut self.connection).await?)
    }

    pub(super) async fn row(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<PgRow> {
        Ok(query.fetch_one(&mut self.connection).await?)
    }

    /// Runs a statement, and tells how many rows it changed.
    pub(super) async fn execute(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<u64> {
        Ok(query.execute(&mut self.connection).await?.rows_affected())
    }

    /// The first column of all rows.
    pub(super) async fn texts(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<String>> {
        self.rows(query).await?.iter().map(|it| it.try_get(0).map_err(Error::from)).collect()
    }

    /// Adds rows as the other side has printed them.
    pub(super) async fn insert(&mut self, table: &str, rows: &[String]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        // A type of PostgreSQL's own may be called as a table is: `date`.
        let schema = &self.schema;
        let insert = format!("INSERT INTO {table} SELECT * FROM unnest($1::text[]::{schema}.{table}[])");
        self.execute(sqlx::query(AssertSqlSafe(insert)).bind(rows)).await.map(|_| ())
    }

    /// Keeps how far the copy here has come.
    pub(super) async fn save(&mut self, state: &State) -> Result<()> {
        self.begin(Side::SHARED_VIEW).await?;
        self.save_within(state).await?;
        self.commit().await
    }

    /// The same within a transaction.
    pub(super) async fn save_within(&mut self, state: &State) -> Result<()> {
        let query = sqlx::query("UPDATE arriving SET seen = $1::text::pg_snapshot, rid = $2, tx = $3, seq = $4")
            .bind(state.seen.clone())
            .bind(state.rid)
            .bind(state.tx)
            .bind(state.seq);
        self.execute(query).await.map(|_| ())
    }
}

async fn connect(target: &Target, setup: &str) -> Result<PgConnection> {
    let mut connection = target.options.connect().await?;
    if !target.is_pooled {
        sqlx::raw_sql(AssertSqlSafe(setup)).execute(&mut connection).await?;
    }
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::tests::database;

    async fn side(pooling: &str) -> Option<(Side, crate::postgres::tests::Database)> {
        let database = database(1000).await?;
        let url = database.url();
        let target: Target = format!("{url}{}{pooling}", if url.contains('?') { '&' } else { '?' }).parse().unwrap();
        let owner = Owner { number: 1, installation: "00000000-0000-0000-0000-000000000000".to_owned() };
        Some((Side::open(&Spot::pool(), &target, &owner).await.unwrap(), database))
    }

    /// The next transaction past a pooler may be somebody else's.
    #[tokio::test]
    async fn nothing_is_left_in_a_pooled_session() {
        let Some((mut side, _database)) = side("pooling=transaction").await else { return };
        side.at_once("DELETE FROM leaving").await.unwrap();
        side.begin(Side::SNAPSHOT).await.unwrap();
        assert_eq!(side.texts(sqlx::query("SELECT current_user::text")).await.unwrap(), [schema::DATA_ROLE]);
        side.commit().await.unwrap();
        let left = "SELECT current_user = session_user AND current_setting('search_path') LIKE '%public%' \
             AND current_setting('enable_seqscan')::bool";
        assert!(side.row(sqlx::query(left)).await.unwrap().get::<bool, _>(0));
    }

    /// One side waits in its transaction for as long as the other one takes.
    #[tokio::test]
    async fn waiting_for_the_other_side_takes_as_long_as_it_takes() {
        let Some((mut side, _database)) = side("").await else { return };
        side.begin(Side::SNAPSHOT).await.unwrap();
        let limit = "SELECT current_setting('idle_in_transaction_session_timeout')";
        assert_eq!(side.texts(sqlx::query(limit)).await.unwrap(), ["0"]);
    }
}
