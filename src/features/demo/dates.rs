//! Days told relative to today.

use fhir::primitive::datetime::{Precision, instant, range};
use fhir::{Failure, IssueType, Result};

const MICROSECONDS_OF_A_DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// The days around today.
pub(super) struct Dates {
    midnight: i64,
}

impl Dates {
    /// The days around this `YYYY-MM-DD`.
    pub(super) fn around(today: &str) -> Result<Dates> {
        match range(today) {
            Some(it) if it.precision == Precision::Day => Ok(Dates { midnight: it.low }),
            _ => Err(Failure::new(IssueType::Value, "The demo's day has to be a date, YYYY-MM-DD.")),
        }
    }

    /// The date so many days after today.
    pub(super) fn day(&self, after_today: i64) -> String {
        let mut text = instant(self.midnight.saturating_add(after_today.saturating_mul(MICROSECONDS_OF_A_DAY)));
        text.truncate("YYYY-MM-DD".len());
        text
    }

    /// The text with `{{day}}`, `{{day-3}}` and `{{day+3}}` replaced by dates.
    pub(super) fn fill(&self, template: &str) -> Result<String> {
        let mut parts = template.split("{{");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let filled = part.split_once("}}").and_then(|(name, behind)| Some((self.named(name)?, behind)));
            let Some((date, behind)) = filled else {
                return Err(Failure::internal("a demo file has braces around something that is not a day"));
            };
            out.push_str(&date);
            out.push_str(behind);
        }
        Ok(out)
    }

    fn named(&self, name: &str) -> Option<String> {
        let offset = name.strip_prefix("day")?;
        let after_today = if offset.is_empty() { 0 } else { offset.parse().ok()? };
        Some(self.day(after_today))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_over_the_ends_of_months_and_years() {
        let dates = Dates::around("2024-03-01").unwrap();
        let filled = dates.fill("{{day}}T09:00:00Z {{day-1}} {{day+306}} {}").unwrap();
        assert_eq!(filled, "2024-03-01T09:00:00Z 2024-02-29 2025-01-01 {}");
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for today in ["", "2024", "2024-02", "2023-02-29", "2024-03-01T10:00:00Z"] {
            assert!(Dates::around(today).is_err(), "{today:?} was taken");
        }
        let dates = Dates::around("2024-03-01").unwrap();
        for template in ["{{day", "{{week}}", "{{day-x}}"] {
            assert!(dates.fill(template).is_err(), "{template:?} was filled");
        }
    }
}
