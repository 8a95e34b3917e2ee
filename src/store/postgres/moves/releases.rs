//! The copy of loaded code systems: rows that are only ever added, in the order of their keys, and taken away as a whole.

use super::Mover;
use super::side::Side;
use crate::Result;
use sqlx::{AssertSqlSafe, Row};

/// The most rows that are copied together.
const LOT: i64 = 2_000;

/// A table of releases' rows, as SQL.
struct Table {
    name: &'static str,
    /// What is behind a key of two texts, $2 and $3,
    behind: &'static str,
    /// the key of a row,
    key: &'static str,
    /// the order of keys, and backwards,
    order: [&'static str; 2],
    /// and a key before all.
    first: [&'static str; 2],
}

const TABLES: [Table; 2] = [
    Table {
        name: "code_concept",
        behind: "place > $2::text::bigint AND $3::text = ''",
        key: "place::text, ''",
        // Not the columns of the answer of the same names, which are texts.
        order: ["t.place", "t.place DESC"],
        first: ["-1", ""],
    },
    Table {
        name: "code_posting",
        behind: "(property, term) > ($2, $3)",
        key: "property, term",
        order: ["t.property, t.term", "t.property DESC, t.term DESC"],
        // No term is empty where the property is.
        first: ["", ""],
    },
];

impl Mover<'_> {
    /// Copies what the copy lacks of each release that there is, and takes away what is no more.
    pub(super) async fn copy_releases(&mut self) -> Result<()> {
        let numbers = self.from.rows(sqlx::query("SELECT number FROM code_release ORDER BY number")).await?;
        let numbers = numbers.iter().map(|it| it.try_get(0)).collect::<sqlx::Result<Vec<i64>>>()?;
        for table in &TABLES {
            let gone = format!("DELETE FROM {} WHERE release <> ALL ($1)", table.name);
            self.to.begin(Side::SHARED_VIEW).await?;
            self.to.execute(sqlx::query(AssertSqlSafe(gone)).bind(&numbers)).await?;
            self.to.commit().await?;
            for number in &numbers {
                self.copy_release(table, *number).await?;
            }
        }
        Ok(())
    }

    async fn copy_release(&mut self, table: &Table, number: i64) -> Result<()> {
        let Table { name, behind, key, order: [order, _], .. } = table;
        let mut last = self.begun(table, number).await?;
        let next = format!(
            "SELECT t::text, {key} FROM {name} t WHERE release = $1 AND {behind} ORDER BY release, {order} LIMIT $4"
        );
        loop {
            let query = sqlx::query(AssertSqlSafe(next.as_str())).bind(number).bind(&last.0).bind(&last.1).bind(LOT);
            let rows = self.from.rows(query).await?;
            let Some(end) = rows.last() else { return Ok(()) };
            let end: (String, String) = (end.try_get(1)?, end.try_get(2)?);
            let rows: Vec<String> = rows.iter().map(|it| it.try_get(0)).collect::<sqlx::Result<_>>()?;
            self.to.begin(Side::SHARED_VIEW).await?;
            self.to.insert(name, &rows).await?;
            self.to.commit().await?;
            last = end;
        }
    }

    /// The key of the last row that the copy has of a release; of none, if it has more than there is: there it is being
    /// taken away.
    async fn begun(&mut self, table: &Table, number: i64) -> Result<(String, String)> {
        let Table { name, key, order: [_, backwards], first, .. } = table;
        let count = format!("SELECT count(*) FROM {name} WHERE release = $1");
        let count = || sqlx::query(AssertSqlSafe(count.clone())).bind(number);
        let there: i64 = self.from.row(count()).await?.try_get(0)?;
        self.to.begin(Side::SHARED_VIEW).await?;
        let here: i64 = self.to.row(count()).await?.try_get(0)?;
        if here > there {
            let delete = format!("DELETE FROM {name} WHERE release = $1");
            self.to.execute(sqlx::query(AssertSqlSafe(delete)).bind(number)).await?;
        }
        let last = format!("SELECT {key} FROM {name} t WHERE release = $1 ORDER BY release DESC, {backwards} LIMIT 1");
        let rows = self.to.rows(sqlx::query(AssertSqlSafe(last)).bind(number)).await?;
        self.to.commit().await?;
        match rows.first() {
            Some(row) => Ok((row.try_get(0)?, row.try_get(1)?)),
            None => Ok((first[0].to_owned(), first[1].to_owned())),
        }
    }
}
