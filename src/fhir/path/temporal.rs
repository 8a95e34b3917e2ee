//! Dates and times of partial precision (FHIRPath N1, sections "Date", "DateTime" and "Time").

use crate::primitive::datetime::{civil, day_number, days_in};
use std::cmp::Ordering;
use std::fmt;

/// How far a date or time is known. Seconds and their fractions are one precision, as FHIRPath compares
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Precision {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

/// A date, a date with time, or a time of day: which of them is said by the item that holds it. What lies
/// beyond the precision has its least value; a time of day has the date 0001-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// 1 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60: a leap second is a time too.
    pub second: u8,
    /// Fraction of the second.
    pub nanos: u32,
    /// How many digits the fraction was given with.
    pub digits: u8,
    /// How far it is known.
    pub precision: Precision,
    /// Minutes east of UTC, where a zone was given.
    pub offset: Option<i16>,
}

const SECOND: i128 = 1_000_000_000;
const MINUTE: i128 = 60 * SECOND;
const HOUR: i128 = 60 * MINUTE;
const DAY: i128 = 24 * HOUR;
/// The days from 0001-01-01 to 9999-12-31, counted from 1970-01-01.
const CALENDAR: std::ops::Range<i64> = -719_162..2_932_897;

impl Stamp {
    pub(super) const START: Stamp = Stamp {
        year: 1,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        nanos: 0,
        digits: 0,
        precision: Precision::Year,
        offset: None,
    };

    /// The date in `text`: `2015`, `2015-02` or `2015-02-04`.
    pub fn date(text: &str) -> Option<Stamp> {
        Stamp::date_time(text).filter(|it| it.precision <= Precision::Day && !text.contains('T'))
    }

    /// The date, perhaps with time, in `text`.
    pub fn date_time(text: &str) -> Option<Stamp> {
        Stamp::scan(text).filter(|(_, len)| *len == text.len()).map(|(stamp, _)| stamp)
    }

    /// The time of day in `text`: `14`, `14:34`, `14:34:28.123`.
    pub fn time(text: &str) -> Option<Stamp> {
        Stamp::scan_time(text).filter(|(_, len)| *len == text.len()).map(|(stamp, _)| stamp)
    }

    pub(super) fn is_valid(&self) -> bool {
        self.year >= 1
            && (1..=12).contains(&self.month)
            && (1..=self.days_in_month()).contains(&self.day)
            && self.hour <= 23
            && self.minute <= 59
            && self.second <= 60
    }

    pub(super) fn days_in_month(&self) -> u8 {
        days_in(self.year.into(), self.month.into()) as u8
    }

    /// Nanoseconds since 1970 began, as the clock on the wall counts them.
    fn wall(&self) -> i128 {
        day_number(self.year.into(), self.month.into(), self.day.into()) as i128 * DAY
            + self.hour as i128 * HOUR
            + self.minute as i128 * MINUTE
            + self.second as i128 * SECOND
            + self.nanos as i128
    }

    /// The first and last nanosecond it may mean, in UTC where a zone is known.
    fn span(&self) -> (i128, i128) {
        let start = self.wall() - self.offset.unwrap_or(0) as i128 * MINUTE;
        let length = match self.precision {
            Precision::Year => (365 + (days_in(self.year.into(), 2) - 28) as i128) * DAY,
            Precision::Month => self.days_in_month() as i128 * DAY,
            Precision::Day => DAY,
            Precision::Hour => HOUR,
            Precision::Minute => MINUTE,
            Precision::Second => 1,
        };
        (start, start + length - 1)
    }

    /// Which is earlier; `None` where their precisions or a missing zone leave it open.
    pub fn compare(&self, other: &Stamp) -> Option<Ordering> {
        let (mut ours, mut theirs) = (self.span(), other.span());
        if self.offset.is_some() == other.offset.is_some() && self.precision == other.precision {
            return Some(ours.0.cmp(&theirs.0));
        }
        match (self.offset, other.offset) {
            (None, Some(_)) => ours = anywhere(ours),
            (Some(_), None) => theirs = anywhere(theirs),
            _ => {}
        }
        match () {
            _ if ours.1 < theirs.0 => Some(Ordering::Less),
            _ if theirs.1 < ours.0 => Some(Ordering::Greater),
            _ => None,
        }
    }

    /// This moment `months` later; the day is cut to the month's last.
    pub(super) fn plus_months(self, months: i64) -> Option<Stamp> {
        let total = (self.year as i64 * 12 + self.month as i64 - 1).checked_add(months)?;
        let year = u16::try_from(total.div_euclid(12)).ok().filter(|it| (1..=9999).contains(it))?;
        let month = total.rem_euclid(12) as u8 + 1;
        let moved = Stamp { year, month, ..self };
        Some(Stamp { day: self.day.min(moved.days_in_month()), ..moved })
    }

    /// This moment `nanos` later, on the same clock.
    pub(super) fn plus_nanos(self, nanos: i128) -> Option<Stamp> {
        let total = self.wall().checked_add(nanos)?;
        let days = i64::try_from(total.div_euclid(DAY)).ok().filter(|it| CALENDAR.contains(it))?;
        let (year, month, day) = civil(days);
        let rest = total.rem_euclid(DAY);
        let digits = match self.digits {
            few if rest % SECOND != 0 && few < 3 && rest % 1_000_000 == 0 => 3,
            few if rest % SECOND != 0 && few < 9 && rest % 1_000_000 != 0 => 9,
            digits => digits,
        };
        Some(Stamp {
            year: year as u16,
            month: month as u8,
            day: day as u8,
            hour: (rest / HOUR) as u8,
            minute: (rest % HOUR / MINUTE) as u8,
            second: (rest % MINUTE / SECOND) as u8,
            nanos: (rest % SECOND) as u32,
            digits,
            ..self
        })
    }

    /// A time of day keeps to its day.
    pub(super) fn on_first_day(self) -> Stamp {
        Stamp { year: 1, month: 1, day: 1, ..self }
    }

    /// The moment so many milliseconds after 1970-01-01T00:00:00Z, in UTC.
    pub fn from_unix_millis(millis: i64) -> Option<Stamp> {
        let epoch = Stamp { year: 1970, precision: Precision::Second, digits: 3, offset: Some(0), ..Stamp::START };
        epoch.plus_nanos(millis as i128 * 1_000_000)
    }

    /// Only the date of it.
    pub(super) fn to_date(self) -> Stamp {
        let precision = self.precision.min(Precision::Day);
        Stamp { year: self.year, month: self.month, day: self.day, precision, ..Stamp::START }
    }

    /// Only the time of day, without zone.
    pub(super) fn to_time(self) -> Stamp {
        Stamp { offset: None, ..self.on_first_day() }
    }

    /// Its text as a date or date with time.
    pub fn date_time_text(&self) -> String {
        let mut text = format!("{:04}", self.year);
        if self.precision >= Precision::Month {
            text.push_str(&format!("-{:02}", self.month));
        }
        if self.precision >= Precision::Day {
            text.push_str(&format!("-{:02}", self.day));
        }
        if self.precision >= Precision::Hour {
            text.push('T');
            text.push_str(&self.time_text());
        }
        match self.offset {
            None => {}
            Some(0) => text.push('Z'),
            Some(offset) => {
                let sign = if offset < 0 { '-' } else { '+' };
                text.push_str(&format!("{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60));
            }
        }
        text
    }

    /// Its text as a time of day.
    pub fn time_text(&self) -> String {
        let mut text = format!("{:02}", self.hour);
        if self.precision >= Precision::Minute {
            text.push_str(&format!(":{:02}", self.minute));
        }
        if self.precision >= Precision::Second {
            text.push_str(&format!(":{:02}", self.second));
            if self.digits > 0 {
                let fraction = format!("{:09}", self.nanos);
                text.push('.');
                text.push_str(fraction.get(..self.digits as usize).unwrap_or(&fraction));
            }
        }
        text
    }
}

/// Prints how far it is known, not what it says: it may be a patient's.
impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}

/// A span on a clock in an unknown zone: zones go from 12 hours west to 14 east.
fn anywhere((start, end): (i128, i128)) -> (i128, i128) {
    (start - 14 * HOUR, end + 12 * HOUR)
}
