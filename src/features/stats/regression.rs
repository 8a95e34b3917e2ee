//! The statistic `regression` (valueset-observation-statistics.html): the straight line that fits measurements over time
//! best, by the least squares.

/// Microseconds of a day.
const DAY: f64 = 86_400_000_000.0;

/// A line over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    /// How much the value rises in a day.
    pub(super) gradient: f64,
    /// The value at `origin`.
    pub(super) intercept: f64,
    /// The time of the first measurement, in microseconds since the epoch.
    pub(super) origin: i64,
}

impl Line {
    /// The line through points of time and value; `None` where they are of fewer than two times.
    pub(super) fn through(points: &[(i64, f64)]) -> Option<Line> {
        let origin = points.iter().map(|it| it.0).min()?;
        let days = |time: i64| time.saturating_sub(origin) as f64 / DAY;
        let count = points.len() as f64;
        let mean_day = points.iter().map(|it| days(it.0)).sum::<f64>() / count;
        let mean_value = points.iter().map(|it| it.1).sum::<f64>() / count;
        let spread: f64 = points.iter().map(|it| (days(it.0) - mean_day).powi(2)).sum();
        let together: f64 = points.iter().map(|it| (days(it.0) - mean_day) * (it.1 - mean_value)).sum();
        (spread > 0.0).then(|| {
            let gradient = together / spread;
            Line { gradient, intercept: mean_value - gradient * mean_day, origin }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROS: i64 = DAY as i64;

    #[test]
    fn a_known_line_is_found() {
        let points = [(10 * MICROS, 1.0), (11 * MICROS, 3.0), (12 * MICROS, 2.0), (13 * MICROS, 5.0)];
        let line = Line::through(&points).unwrap();
        assert!((line.gradient - 1.1).abs() < 1e-9, "{line:?}");
        assert!((line.intercept - 1.1).abs() < 1e-9, "{line:?}");
        assert_eq!(line.origin, 10 * MICROS);
    }

    #[test]
    fn one_time_has_no_line() {
        assert_eq!(Line::through(&[]), None);
        assert_eq!(Line::through(&[(5, 1.0), (5, 2.0)]), None);
    }
}
