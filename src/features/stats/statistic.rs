//! The statistics of R4's list (valueset-observation-statistics.html), over numbers in rising order.

/// A statistic: what is computed, under which code.
#[derive(Clone, Copy)]
pub(super) struct Statistic {
    /// Its code in the code system.
    pub(super) code: &'static str,
    /// Its display there.
    pub(super) display: &'static str,
    /// What it tells.
    pub(super) tells: Tells,
}

/// What a statistic tells.
#[derive(Clone, Copy)]
pub(super) enum Tells {
    /// How many measurements there are.
    Count,
    /// How many there are, those without a valid value included.
    TotalCount,
    /// A quantity in the unit of the measurements; `None` where it is not defined.
    Quantity(fn(&[f64]) -> Option<f64>),
    /// A quantity in the square of their unit.
    Square(fn(&[f64]) -> Option<f64>),
    /// A number without a unit.
    Number(fn(&[f64]) -> Option<f64>),
    /// The straight line through the measurements over time: gradient and intercept.
    Line,
}

use Tells::{Count, Line, Number, Quantity, Square, TotalCount};

/// All that can be asked for.
const STATISTICS: [Statistic; 21] = [
    statistic("average", "Average", Quantity(average)),
    statistic("maximum", "Maximum", Quantity(|it| it.last().copied())),
    statistic("minimum", "Minimum", Quantity(|it| it.first().copied())),
    statistic("count", "Count", Count),
    statistic("total-count", "Total Count", TotalCount),
    statistic("median", "Median", Quantity(|it| percentile(it, 0.5))),
    statistic("std-dev", "Standard Deviation", Quantity(|it| variance(it).map(f64::sqrt))),
    statistic("sum", "Sum", Quantity(|it| Some(it.iter().sum()))),
    statistic("variance", "Variance", Square(variance)),
    statistic("20-percent", "20th Percentile", Quantity(|it| percentile(it, 0.2))),
    statistic("80-percent", "80th Percentile", Quantity(|it| percentile(it, 0.8))),
    statistic("4-lower", "Lower Quartile", Quantity(|it| percentile(it, 0.25))),
    statistic("4-upper", "Upper Quartile", Quantity(|it| percentile(it, 0.75))),
    statistic("4-dev", "Quartile Deviation", Quantity(quartile_deviation)),
    statistic("5-1", "1st Quintile", Quantity(|it| percentile(it, 0.2))),
    statistic("5-2", "2nd Quintile", Quantity(|it| percentile(it, 0.4))),
    statistic("5-3", "3rd Quintile", Quantity(|it| percentile(it, 0.6))),
    statistic("5-4", "4th Quintile", Quantity(|it| percentile(it, 0.8))),
    statistic("skew", "Skew", Number(|it| standard_moment(it, 3))),
    statistic("kurtosis", "Kurtosis", Number(|it| standard_moment(it, 4))),
    statistic("regression", "Regression", Line),
];

const fn statistic(code: &'static str, display: &'static str, tells: Tells) -> Statistic {
    Statistic { code, display, tells }
}

impl Statistic {
    /// The statistic with this code.
    pub(super) fn named(code: &str) -> Option<Statistic> {
        STATISTICS.into_iter().find(|it| it.code == code)
    }

    /// Every code, to tell what can be asked for.
    pub(super) fn codes() -> Vec<&'static str> {
        STATISTICS.iter().map(|it| it.code).collect()
    }
}

fn average(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Of a sample: divided by one less than there are values, so that one value has none.
fn variance(values: &[f64]) -> Option<f64> {
    let mean = average(values)?;
    let squares: f64 = values.iter().map(|it| (it - mean).powi(2)).sum();
    (values.len() > 1).then(|| squares / (values.len() - 1) as f64)
}

/// Interpolated between the values on either side.
fn percentile(values: &[f64], part: f64) -> Option<f64> {
    let at = values.len().checked_sub(1)? as f64 * part;
    let (below, above) = (values.get(at.floor() as usize)?, values.get(at.ceil() as usize)?);
    Some(below + (above - below) * at.fract())
}

fn quartile_deviation(values: &[f64]) -> Option<f64> {
    Some((percentile(values, 0.75)? - percentile(values, 0.25)?) / 2.0)
}

/// The central moment of this order, in powers of the population's standard deviation; none where all values are the
/// same.
fn standard_moment(values: &[f64], order: i32) -> Option<f64> {
    let mean = average(values)?;
    let moment = |order: i32| values.iter().map(|it| (it - mean).powi(order)).sum::<f64>() / values.len() as f64;
    let deviation = moment(2).sqrt();
    (deviation > 0.0).then(|| moment(order) / deviation.powi(order))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str, values: &[f64]) -> Option<f64> {
        match Statistic::named(code).map(|it| it.tells) {
            Some(Quantity(compute) | Square(compute) | Number(compute)) => compute(values),
            _ => None,
        }
    }

    #[test]
    fn statistics_of_a_known_sample() {
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        for (code, expected) in [
            ("average", 5.0),
            ("maximum", 9.0),
            ("minimum", 2.0),
            ("median", 4.5),
            ("sum", 40.0),
            ("variance", 32.0 / 7.0),
            ("std-dev", (32.0_f64 / 7.0).sqrt()),
            ("20-percent", 4.0),
            ("80-percent", 6.2),
            ("4-lower", 4.0),
            ("4-upper", 5.5),
            ("4-dev", 0.75),
            ("5-2", 4.0),
            ("5-3", 5.0),
            ("skew", 42.0 / 8.0 / 8.0),
            ("kurtosis", 356.0 / 8.0 / 16.0),
        ] {
            let found = of(code, &values).unwrap();
            assert!((found - expected).abs() < 1e-9, "{code}: {found}, not {expected}");
        }
    }

    #[test]
    fn what_is_not_defined_is_none() {
        assert_eq!(of("average", &[]), None);
        assert_eq!(of("median", &[]), None);
        assert_eq!(of("std-dev", &[1.0]), None);
        assert_eq!(of("skew", &[1.0, 1.0]), None);
    }
}
