//! Comparisons of ranges as conditions on `slot, low, high` ([`RangeTest::passes`] is what they must agree with).

use super::sql::{Bind, Sql};
use crate::rows::{DATE_WIDTHS, IndexHash, date_slot};
use fhir::search::near::Disk;
use fhir::search::{ParamId, RangeTest};

/// The condition on each class of widths: a class bounds both ends of the range of `low` that can pass.
pub(crate) fn date_conditions(param: ParamId, ranges: &[RangeTest<i64>]) -> Vec<Sql> {
    (0..=DATE_WIDTHS.len())
        .map(|class| {
            let width = DATE_WIDTHS.get(class).copied();
            let mut sql = Sql::new("(slot = ?");
            sql.bind(date_slot(param, class as i64));
            for range in ranges {
                sql.push(" AND ")
                    .append(range_condition(*range, width.map(|it| move |end: i64| end.saturating_sub(it))));
            }
            sql.push(")");
            sql
        })
        .collect()
}

/// Points and ranges: a point's ends are the same.
pub(crate) fn number_conditions(slot: i64, range: &RangeTest<f64>) -> Vec<Sql> {
    let mut points = Sql::new("(slot = ? AND ");
    points.bind(slot).append(range_condition(*range, Some(|end: f64| end))).push(")");
    let mut ranges = Sql::new("(slot = ? AND ");
    ranges.bind(slot | 1).append(range_condition(*range, None::<fn(f64) -> f64>)).push(")");
    vec![points, ranges]
}

/// Two numbers in one row, a point each: the first stands in `low`, the second in `high`.
pub(crate) fn pair_condition(slot: i64, left: &RangeTest<f64>, right: &RangeTest<f64>) -> Sql {
    let point = |range: &RangeTest<f64>, column: &str| {
        let mut sql = range_condition(*range, Some(|end: f64| end));
        sql.text = sql.text.replace("low", column).replace("high", column);
        sql
    };
    let mut sql = Sql::new("(slot = ? AND ");
    sql.bind(slot).append(point(left, "low")).push(" AND ").append(point(right, "high")).push(")");
    sql
}

/// The SQL of [`Disk::holds`] on each row of the map that the disk touches.
pub(crate) fn place_conditions(hash: &IndexHash, param: ParamId, disk: &Disk) -> Vec<Sql> {
    let (low, high) = disk.ends();
    let side = if disk.is_inside { "<=" } else { ">" };
    let condition =
        format!("(slot = ? AND low BETWEEN ? AND ? AND (low - ?) * (low - ?) + (high - ?) * (high - ?) {side} ? * ?)");
    let rows = disk.rows().into_iter().map(|row| {
        let mut sql = Sql::new(&condition);
        sql.bind(hash.places(param, row));
        for it in [low, high, disk.x, disk.x, disk.y, disk.y, disk.radius, disk.radius] {
            sql.bind(it);
        }
        sql
    });
    rows.collect()
}

/// The SQL of [`RangeTest::passes`]. Where ranges have a greatest width, `least_low` tells the least start of one
/// that reaches a given end, so that the scan of the index starts there.
fn range_condition<T: Copy + PartialOrd + Into<Bind>>(range: RangeTest<T>, least_low: Option<impl Fn(T) -> T>) -> Sql {
    let mut sql = Sql::default();
    let reaching = |sql: &mut Sql, condition: &str, end: T| {
        if let Some(least_low) = &least_low {
            sql.push("low >= ? AND ").bind(least_low(end));
        }
        sql.push(condition).bind(end);
    };
    match range {
        RangeTest::Within(from, to) => {
            sql.push("low >= ? AND low <= ? AND high <= ?").bind(from).bind(to).bind(to);
        }
        RangeTest::NotWithin(from, to) => {
            sql.push("(low < ? OR high > ?)").bind(from).bind(to);
        }
        RangeTest::Overlaps(from, to) => {
            reaching(&mut sql, "high >= ?", from);
            sql.push(" AND low <= ?").bind(to);
        }
        RangeTest::Above(it) => reaching(&mut sql, "high > ?", it),
        RangeTest::AtOrAbove(from, to) => {
            // What starts at `from` or behind passes anyhow; what starts before must reach over `to`.
            if let Some(least_low) = &least_low {
                let reach = least_low(to);
                sql.push("low >= ? AND ").bind(if reach < from { reach } else { from });
            }
            sql.push("(low >= ? OR high > ?)").bind(from).bind(to);
        }
        RangeTest::Below(it) => {
            sql.push("low < ?").bind(it);
        }
        RangeTest::AtOrBelow(from, to) => {
            sql.push("low <= ? AND (low < ? OR high <= ?)").bind(to).bind(from).bind(to);
        }
        RangeTest::StartsAfter(it) => {
            sql.push("low > ?").bind(it);
        }
        RangeTest::EndsBefore(it) => {
            sql.push("low < ? AND high < ?").bind(it).bind(it);
        }
    }
    sql
}
