//! Dates as ranges of time (search.html#date), computed naively.

use super::walk::texts;
use serde_json::Value;

/// Milliseconds since 1970 in UTC: from the first to before the second.
pub type Range = (i64, i64);

const DAY: i64 = 86_400_000;

/// What a date, dateTime or instant covers: `2020`, `2020-05`, `2020-05-17`, `2020-05-17T08:30:00.123+02:00`. A
/// day without a zone is one of UTC.
pub fn range(text: &str) -> Range {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let parts: Vec<i64> = date.split('-').map(|part| part.parse().expect("a number")).collect();
    let from = match parts[..] {
        [year] => return (day(year, 1, 1), day(year + 1, 1, 1)),
        [year, 12] => return (day(year, 12, 1), day(year + 1, 1, 1)),
        [year, month] => return (day(year, month, 1), day(year, month + 1, 1)),
        [year, month, date] => day(year, month, date),
        _ => panic!("{text} is no date"),
    };
    time.map_or((from, from + DAY), |time| moment(from, time))
}

/// What the Period covers; an end that is not there is open.
pub fn period(period: &Value) -> Range {
    let from = period["start"].as_str().map_or(i64::MIN, |start| range(start).0);
    (from, period["end"].as_str().map_or(i64::MAX, |end| range(end).1))
}

/// Some date at this path compares so with the searched one.
pub fn dated(resource: &Value, path: &str, prefix: &str, searched: &str) -> bool {
    texts(resource, path).into_iter().any(|text| compares(range(text), prefix, range(searched)))
}

/// The meaning of the prefixes (search.html#prefix).
pub fn compares(target: Range, prefix: &str, searched: Range) -> bool {
    let within = searched.0 <= target.0 && target.1 <= searched.1;
    match prefix {
        "eq" => within,
        "ne" => !within,
        "gt" => target.1 > searched.1,
        "lt" => target.0 < searched.0,
        "ge" => target.1 > searched.1 || within,
        "le" => target.0 < searched.0 || within,
        "sa" => target.0 >= searched.1,
        "eb" => target.1 <= searched.0,
        other => panic!("{other} is no prefix"),
    }
}

/// `HH:MM:SS`, perhaps with milliseconds, and a zone, on the day that begins at `midnight`.
fn moment(midnight: i64, time: &str) -> Range {
    let (clock, zone) = time.split_at(time.find(['Z', '+', '-']).expect("a zone"));
    let (clock, fraction) = clock.split_once('.').map_or((clock, None), |(clock, digits)| (clock, Some(digits)));
    let seconds = clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().expect("a number"));
    let from = midnight + seconds * 1000 - offset(zone);
    match fraction {
        None => (from, from + 1000),
        Some(digits) => {
            assert_eq!(digits.len(), 3, "{time}");
            let from = from + digits.parse::<i64>().expect("a number");
            (from, from + 1)
        }
    }
}

fn offset(zone: &str) -> i64 {
    let Some((hours, minutes)) = zone.split_once(':') else { return 0 };
    let hours: i64 = hours.parse().expect("hours with a sign");
    let minutes: i64 = minutes.parse().expect("minutes");
    (hours * 60 + minutes * hours.signum()) * 60_000
}

/// When this day begins; counted, with leap years, from the year 0.
fn day(year: i64, month: i64, date: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let earlier = year - 1;
    let years = earlier * 365 + earlier / 4 - earlier / 100 + earlier / 400;
    let month = usize::try_from(month).expect("a month");
    let days = years + BEFORE[month - 1] + i64::from(leap && month > 2) + date - 1;
    (days - 719_162) * DAY
}

/// The arithmetic above, against moments that are known.
#[test]
fn days_are_counted_right() {
    assert_eq!(range("1970-01-01"), (0, DAY));
    assert_eq!(range("2001-09-09T01:46:40Z").0, 1_000_000_000_000);
    assert_eq!(range("2001-09-09T03:46:40.007+02:00"), (1_000_000_000_007, 1_000_000_000_008));
    assert_eq!(range("2024-02").1 - range("2024-02").0, 29 * DAY);
    assert_eq!(range("2024-02-29").1, range("2024-03-01").0);
}
