//! What is written, as columns: the values of a [`super::statement`].

use super::numbers::Block;
use super::runner::{Number, plain};
use super::statement::{self, Shape};
use crate::audit::Unchained;
use crate::rows::{IndexHash, date_slot};
use crate::{Expect, Method, Put, Reindexed, Rows};
use fhir::search::ParamId;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

/// So many characters of a string are in its index.
const HEAD: usize = 250;

/// One resource's part.
struct Line<'a> {
    number: i64,
    rkey: i64,
    /// The version that must be there; 0: none.
    expect: i64,
    version: i64,
    method: Method,
    of: &'a str,
    id: &'a str,
    body: &'a [u8],
    rows: &'a Rows,
    /// The time it is found by, in milliseconds.
    updated: Option<i64>,
}

/// What a statement writes.
pub(super) struct Batch<'a> {
    lines: Vec<Line<'a>>,
    contents: Vec<&'a [u8]>,
    audit: Option<Unchained>,
    now: i64,
    shape: Shape,
    entry: Entry,
}

/// How a transaction that writes begins: the function `enter` of the migrations tells more.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// What index rows were made by, where that must still hold.
    pub(super) definitions: Option<i64>,
    /// What other nodes are told of a change of definitions.
    pub(super) told: Option<String>,
    /// The edition of the tenant's keys that it was encrypted and marked by, where a later one must not be known.
    pub(super) sealed_by: Option<u32>,
}

impl<'a> Batch<'a> {
    /// New versions at a time, with a number each.
    pub(super) fn of_puts(
        puts: impl Iterator<Item = &'a Put>,
        contents: Vec<&'a [u8]>,
        hash: &IndexHash,
        now: i64,
        numbers: &Block,
        entry: Entry,
    ) -> Batch<'a> {
        let mut shape = Shape::Create;
        let mut lines: Vec<Line<'a>> = Vec::new();
        for (i, put) in puts.enumerate() {
            let expect = if let Expect::Version(before) = put.expect { before } else { 0 };
            if expect > 0 {
                shape = Shape::Change;
            }
            lines.push(Line {
                number: numbers.at(i),
                rkey: hash.resource(&put.key.of, &put.key.id),
                expect,
                version: put.version,
                method: put.method,
                of: &put.key.of,
                id: &put.key.id,
                body: put.kept(),
                rows: &put.rows,
                // A deletion has no time to be found by.
                updated: put.stamp.map(|_| now),
            });
        }
        // All who write several resources take them in one order, so that no two wait for each other.
        lines.sort_unstable_by_key(|it| it.rkey);
        Batch { lines, contents, audit: None, now, shape, entry }
    }

    /// The same with events of the audit log.
    pub(super) fn with_audit(self, audit: Option<Unchained>) -> Batch<'a> {
        Batch { audit, ..self }
    }

    /// Index rows made anew.
    pub(super) fn of_reindexed(reindexed: &'a [Reindexed], hash: &IndexHash) -> Batch<'a> {
        let mut lines: Vec<Line<'a>> = reindexed
            .iter()
            .map(|it| Line {
                number: 0,
                rkey: hash.resource(&it.key.of, &it.key.id),
                expect: it.version,
                version: it.version,
                method: Method::Put,
                of: &it.key.of,
                id: &it.key.id,
                body: &[],
                rows: &it.rows,
                updated: None,
            })
            .collect();
        lines.sort_unstable_by_key(|it| it.rkey);
        Batch { lines, contents: Vec::new(), audit: None, now: 0, shape: Shape::Reindex, entry: Entry::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.has_records() && self.audit.is_none()
    }

    fn has_records(&self) -> bool {
        !self.lines.is_empty() || !self.contents.is_empty()
    }

    /// The statement that writes all of it.
    pub(super) fn query(&self, tenant: &Number) -> Query<'static, Postgres, PgArguments> {
        if !self.has_records() {
            return self.bind_audit(sqlx::query(statement::AUDITED).bind(tenant.text().to_owned()));
        }
        let text = statement::text(self.shape, !self.contents.is_empty(), self.audit.is_some());
        let query = sqlx::query(AssertSqlSafe(text)).bind(tenant.text().to_owned()).bind(self.now);
        let query = self.bind_resources(query);
        let query = self.bind_references(query);
        let query = self.bind_strings(query);
        let query = self.bind_dates(query);
        let query = self.bind_numbers(query);
        let entry = &self.entry;
        let query = query.bind(self.kept_slots()).bind(entry.definitions).bind(entry.told.clone());
        let query = query.bind(entry.sealed_by.map(i64::from));
        let query = if self.contents.is_empty() { query } else { query.bind(owned(&self.contents)) };
        self.bind_audit(query)
    }

    fn bind_audit(&self, query: Query<'static, Postgres, PgArguments>) -> Query<'static, Postgres, PgArguments> {
        match &self.audit {
            Some(it) => query.bind(it.place).bind(it.mac.to_vec()).bind(it.body.to_vec()),
            None => query,
        }
    }

    fn column<T>(&self, value: impl Fn(&Line<'a>) -> T) -> Vec<T> {
        self.lines.iter().map(value).collect()
    }

    fn bind_resources(&self, query: Query<'static, Postgres, PgArguments>) -> Query<'static, Postgres, PgArguments> {
        let mut last = 0;
        let lasts = self.column(|it| it.rows.keys.len() as i32).into_iter().map(|count| {
            last += count;
            last
        });
        let lasts: Vec<i32> = lasts.collect();
        let firsts: Vec<i32> = std::iter::once(1).chain(lasts.iter().map(|it| it + 1)).take(lasts.len()).collect();
        let keys: Vec<i64> = self.lines.iter().flat_map(|it| &it.rows.keys).copied().collect();
        query
            .bind(keys)
            .bind(self.column(|it| it.number))
            .bind(self.column(|it| it.rkey))
            .bind(self.column(|it| it.expect))
            .bind(self.column(|it| it.version))
            .bind(self.column(|it| it.method as i16))
            .bind(self.column(|it| it.of.to_owned()))
            .bind(self.column(|it| it.id.to_owned()))
            .bind(firsts)
            .bind(lasts)
            .bind(self.column(|it| it.body.to_vec()))
    }

    /// Index rows of one kind, each led by its resource: by its number where that is its row id, or else by its place.
    fn entries<T>(&self, rows: impl Fn(&Line<'a>) -> Vec<T>) -> (Vec<i64>, Vec<T>) {
        let mut whose = Vec::new();
        let mut all = Vec::new();
        for (line, n) in self.lines.iter().zip(1..) {
            let rows = rows(line);
            whose.resize(whose.len() + rows.len(), if self.shape == Shape::Create { line.number } else { n });
            all.extend(rows);
        }
        (whose, all)
    }

    fn bind_references(&self, query: Query<'static, Postgres, PgArguments>) -> Query<'static, Postgres, PgArguments> {
        let (whose, all) = self.entries(|it| it.rows.references.clone());
        let (params, targets): (Vec<i64>, Vec<i64>) = all.into_iter().unzip();
        query.bind(whose).bind(params).bind(targets)
    }

    fn bind_strings(&self, query: Query<'static, Postgres, PgArguments>) -> Query<'static, Postgres, PgArguments> {
        let (whose, all) = self.entries(|it| it.rows.strings.clone());
        let (mut params, mut exacts, mut norms, mut wholes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (param, norm, exact) in all {
            let norm = plain(norm);
            let head = head(&norm).to_owned();
            wholes.push((head.len() < norm.len()).then_some(norm));
            params.push(param);
            exacts.push(exact);
            norms.push(head);
        }
        query.bind(whose).bind(params).bind(exacts).bind(norms).bind(wholes)
    }

    fn bind_dates(&self, query: Query<'static, Postgres, PgArguments>) -> Query<'static, Postgres, PgArguments> {
        let (whose, all) = self.entries(|it| {
            let mut dates = it.rows.dates.clone();
            dates.extend(it.updated.map(|at| (updated_slot(it.of), at * 1000, at * 1000 + 999)));
            dates
        });
        let slots: Vec<i64> = all.iter().map(|it| it.0).collect();
        let lows: Vec<i64> = all.iter().map(|it| it.1).collect();
        let highs: Vec<i64> = all.iter().map(|it| it.2).collect();
        query.bind(whose).bind(slots).bind(lows).bind(highs)
    }

    fn bind_numbers(&self, query: Query<'static, Postgres, PgArguments>) -> Query<'static, Postgres, PgArguments> {
        let (whose, all) = self.entries(|it| it.rows.numbers.clone());
        let slots: Vec<i64> = all.iter().map(|it| it.0).collect();
        let lows: Vec<f64> = all.iter().map(|it| it.1).collect();
        let highs: Vec<f64> = all.iter().map(|it| it.2).collect();
        query.bind(whose).bind(slots).bind(lows).bind(highs)
    }

    /// The slots of dates that are no part of what is made anew: the time of a version is the version's own.
    fn kept_slots(&self) -> Vec<i64> {
        if self.shape != Shape::Reindex {
            return Vec::new();
        }
        let mut slots = self.column(|it| updated_slot(it.of));
        slots.sort_unstable();
        slots.dedup();
        slots
    }
}

fn updated_slot(of: &str) -> i64 {
    date_slot(ParamId::of(of, "_lastUpdated"), 0)
}

/// The first characters of a string: as many as its index has.
pub(crate) fn head(text: &str) -> &str {
    text.char_indices().nth(HEAD).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

fn owned(all: &[&[u8]]) -> Vec<Vec<u8>> {
    all.iter().map(|it| it.to_vec()).collect()
}
