//! How many rows clauses find, and what it takes to probe them: estimated from the sizes of index ranges. Of a chain
//! these are the ranges at its end, so that an estimate costs little however much the chain finds.

use super::Runner;
use super::counts::{Counts, range};
use super::filter::{ARMS, Filters};
use super::sql::Sql;
use crate::Result;
use fhir::search::{Clause, Filter, Test};

/// The size of something, over the ranges that [`Sizes`] counts.
pub(super) enum Size {
    /// Known without counting.
    Known(i64),
    /// The size of the range at this position.
    Range(usize),
    /// Of alternatives.
    Sum(Vec<Size>),
    /// Of what must hold together: at most its least part.
    Least(Vec<Size>),
    /// What refers to so many resources of the type at `to`, where the type at `from` refers to them, and whether an index
    /// has these in their order.
    Referring { to: usize, from: usize, rows: Box<Size>, is_in_order: bool },
    /// What so many refer to, where pairs tell of it.
    Coded(Box<Size>),
    /// What so many resources of the type at `from` refer to, of the type at `to`.
    Referred { to: usize, from: usize, rows: Box<Size> },
}

/// Index ranges to be counted, and their counts.
#[derive(Default)]
pub(super) struct Sizes {
    ranges: Vec<Range>,
}

struct Range {
    select: Sql,
    is_type: bool,
    rows: i64,
}

impl Sizes {
    /// All resources of a type.
    pub(super) fn of_type(&mut self, filters: &Filters<'_>, of: &str) -> usize {
        self.range(filters.type_driver(of).all(), true)
    }

    fn range(&mut self, select: Sql, is_type: bool) -> usize {
        let same = |it: &Range| it.select.text == select.text && it.select.binds == select.binds;
        self.ranges.iter().position(same).unwrap_or_else(|| {
            self.ranges.push(Range { select, is_type, rows: 0 });
            self.ranges.len() - 1
        })
    }

    /// What a clause finds; `None` of one that only probes.
    pub(super) fn of_clause(&mut self, filters: &Filters<'_>, of: &str, clause: &Clause) -> Option<Size> {
        let Clause::Any(tests) = clause else { return None };
        if tests.len() > ARMS {
            return Some(Size::Range(self.range(filters.tests_driver(of, tests)?.all(), false)));
        }
        let parts = tests.iter().map(|it| self.of_test(filters, of, it)).collect::<Option<Vec<Size>>>()?;
        Some(Size::Sum(parts))
    }

    fn of_test(&mut self, filters: &Filters<'_>, of: &str, test: &Test) -> Option<Size> {
        Some(match test {
            Test::Id(_) => Size::Known(1),
            Test::Text(param, text) => Size::Known(filters.texts.rids(*param, text).len() as i64),
            Test::Chain { of: to, filter, .. } => {
                let rows = Box::new(self.of_filter(filters, to, filter));
                let mut drivers = filter.iter().filter_map(|it| filters.clause_driver(to, it)).peekable();
                let is_in_order = drivers.peek().is_none() || drivers.any(|it| it.ordered);
                Size::Referring { to: self.of_type(filters, to), from: self.of_type(filters, of), rows, is_in_order }
            }
            Test::Has { of: from, param, filter } => {
                let rows = Box::new(self.of_filter(filters, from, filter));
                if filters.codes_of_patient(from, *param, filter).is_some() {
                    return Some(Size::Coded(rows));
                }
                Size::Referred { to: self.of_type(filters, of), from: self.of_type(filters, from), rows }
            }
            Test::All(filter) => self.of_filter(filters, of, filter),
            _ => Size::Range(self.range(filters.driver(of, test)?.all(), false)),
        })
    }

    fn of_filter(&mut self, filters: &Filters<'_>, of: &str, filter: &Filter) -> Size {
        let parts: Vec<Size> = filter.iter().filter_map(|it| self.of_clause(filters, of, it)).collect();
        if parts.is_empty() { Size::Range(self.of_type(filters, of)) } else { Size::Least(parts) }
    }

    /// Counts the ranges up to `most` rows each, the types up to `most_of_type`, as far as that is not known.
    pub(super) async fn count(&mut self, runner: &mut dyn Runner, most: i64, most_of_type: i64) -> Result<()> {
        let now = runner.counted().map_or(0, Counts::now);
        let mut unknown = Vec::new();
        for it in &mut self.ranges {
            let (range, most) = (range(&it.select), if it.is_type { most_of_type } else { most });
            match runner.counted().and_then(|counts| counts.get(range, most, now)) {
                Some(rows) => it.rows = rows,
                None => unknown.push((it, range, most)),
            }
        }
        // No row has more columns than that, on either engine.
        for group in unknown.chunks_mut(COLUMNS) {
            let columns = group.iter().map(|(it, _, most)| {
                let mut sql = Sql::new("(SELECT count(*) FROM (SELECT 1 AS found FROM (");
                sql.append(it.select.clone()).push(") d").limit(*most).push(") l)");
                sql
            });
            let mut statement = Sql::new("SELECT ");
            statement.append(Sql::join(columns.collect(), ", ", "0"));
            let rows = runner.counts(statement).await?;
            for ((it, range, most), rows) in group.iter_mut().zip(rows) {
                it.rows = rows;
                if let Some(counts) = runner.counted() {
                    counts.put(*range, rows, *most, now);
                }
            }
        }
        Ok(())
    }

    /// The rows of a size.
    pub(super) fn rows(&self, size: &Size) -> i64 {
        match size {
            Size::Known(rows) => *rows,
            Size::Range(at) => self.at(*at),
            Size::Sum(parts) => parts.iter().map(|it| self.rows(it)).fold(0, i64::saturating_add),
            Size::Least(parts) => parts.iter().map(|it| self.rows(it)).min().unwrap_or(0),
            Size::Referring { to, from, rows, .. } => {
                let each = (self.at(*from) / self.at(*to).max(1)).max(1);
                self.rows(rows).saturating_mul(each)
            }
            // Each refers to one, or to a few.
            Size::Referred { rows, .. } | Size::Coded(rows) => self.rows(rows),
        }
    }

    /// How many resources a chain leads through before it has come to so many that refer to them: all, where no index has
    /// them in order.
    pub(super) fn middle(&self, chain: &Size, found: i64) -> i64 {
        match chain {
            Size::Sum(parts) => parts.iter().map(|it| self.middle(it, found)).fold(0, i64::saturating_add),
            Size::Referring { to, from, rows, is_in_order } => {
                let each = (self.at(*to) / self.at(*from).max(1)).max(1);
                let all = self.rows(rows);
                if *is_in_order { all.min(found.saturating_mul(each)) } else { all }
            }
            _ => 0,
        }
    }

    /// About how many rows are looked up to tell of a resource whether it is among these, in units of one that lies close
    /// to others: of one that is, or else of one that is not. What refers to it is looked through until one passes.
    pub(super) fn effort(&self, size: &Size, is_among: bool) -> i64 {
        match size {
            Size::Known(_) | Size::Range(_) => 1,
            Size::Sum(parts) | Size::Least(parts) => {
                parts.iter().map(|it| self.effort(it, is_among)).fold(0, i64::saturating_add)
            }
            Size::Referring { rows, .. } => self.effort(rows, is_among).saturating_add(FOLLOWING),
            Size::Coded(_) => FOLLOWING,
            Size::Referred { to, from, rows } => {
                let passing = if is_among { self.rows(rows) } else { 0 };
                let looked_through = (self.at(*from) / self.at(*to).max(passing).max(1)).max(1);
                looked_through.saturating_mul(self.effort(rows, is_among).saturating_add(1))
            }
        }
    }

    /// The rows of the range at a position.
    pub(super) fn at(&self, at: usize) -> i64 {
        self.ranges.get(at).map_or(0, |it| it.rows)
    }
}

/// What it takes to follow a reference: two rows that lie anywhere.
const FOLLOWING: i64 = 4;

/// Ranges counted by one statement.
const COLUMNS: usize = 64;
