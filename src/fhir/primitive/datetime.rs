//! Dates and times: the text of `date`, `dateTime` and `instant` as a range of microseconds.
//!
//! A partial date is a range (datatypes.html#dateTime, search.html#date): `2020` is the whole year. Times are
//! counted from 1970-01-01T00:00:00Z in the proleptic Gregorian calendar, without leap seconds: second 60 counts as
//! the first of the next minute. Where a text gives no time zone it is taken as UTC.

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// How finely a text tells the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Precision {
    Year,
    Month,
    Day,
    /// Hours and minutes: only searches may stop there (search.html#date).
    Minute,
    Second,
    /// Parts of a second, as many digits as there are up to six.
    Fraction,
}

/// What a text tells: some moment from `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first microsecond, since the epoch.
    pub low: i64,
    /// The last microsecond, since the epoch.
    pub high: i64,
    /// How finely the text tells it.
    pub precision: Precision,
    /// Whether the text names a time zone.
    pub has_zone: bool,
}

/// The range of a date or time in any of the forms that resources or searches have: `YYYY`, `YYYY-MM`,
/// `YYYY-MM-DD`, and behind these `Thh:mm`, `:ss`, a fraction, and `Z` or `±hh:mm` after a time. Days that the
/// calendar does not have are refused.
pub fn range(text: &str) -> Option<Range> {
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4).filter(|it| *it > 0)?;
    if rest.is_empty() {
        return Some(days(Precision::Year, day_number(year, 1, 1), day_number(year + 1, 1, 1)));
    }
    let month = after(&mut rest, b'-', 2).filter(|it| (1..=12).contains(it))?;
    let first = day_number(year, month, 1);
    if rest.is_empty() {
        return Some(days(Precision::Month, first, first + days_in(year, month)));
    }
    let day = after(&mut rest, b'-', 2).filter(|it| (1..=days_in(year, month)).contains(it))?;
    let date = first + day - 1;
    if rest.is_empty() {
        return Some(days(Precision::Day, date, date + 1));
    }
    literal(&mut rest, b'T')?;
    let time = time_of_day(&mut rest)?;
    let offset = if rest.is_empty() { None } else { Some(zone(&mut rest)?) };
    let low = date * DAY + time.start - offset.unwrap_or(0);
    rest.is_empty().then_some(Range {
        low,
        high: low + time.length - 1,
        precision: time.precision,
        has_zone: offset.is_some(),
    })
}

/// Whether a text is a `date` (datatypes.html#date).
pub fn is_date(text: &str) -> bool {
    range(text).is_some_and(|it| it.precision <= Precision::Day)
}

/// Whether a text is a `dateTime` (datatypes.html#dateTime): with a time come seconds and a zone.
pub fn is_date_time(text: &str) -> bool {
    range(text).is_some_and(|it| it.precision <= Precision::Day || it.is_instant())
}

/// Whether a text is an `instant` (datatypes.html#instant).
pub fn is_instant(text: &str) -> bool {
    range(text).is_some_and(|it| it.is_instant())
}

/// Whether a text is a `time` (datatypes.html#time): seconds and no zone.
pub fn is_time(text: &str) -> bool {
    let mut rest = text.as_bytes();
    time_of_day(&mut rest).is_some_and(|it| it.precision >= Precision::Second) && rest.is_empty()
}

impl Range {
    fn is_instant(&self) -> bool {
        self.precision >= Precision::Second && self.has_zone
    }
}

/// The `instant` at so many microseconds since the epoch, in UTC to the millisecond. Years that FHIR cannot write
/// (before 1, after 9999) give the nearest that it can.
pub fn instant(micros: i64) -> String {
    let earliest = day_number(1, 1, 1) * DAY;
    let latest = day_number(10_000, 1, 1) * DAY - 1;
    let micros = micros.clamp(earliest, latest);
    let (year, month, day) = civil(micros.div_euclid(DAY));
    let time = micros.rem_euclid(DAY);
    let (hour, minute) = (time / (60 * MINUTE), time / MINUTE % 60);
    let (second, milli) = (time / SECOND % 60, time / 1000 % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

fn days(precision: Precision, from: i64, to: i64) -> Range {
    Range { low: from * DAY, high: to * DAY - 1, precision, has_zone: false }
}

struct Time {
    /// Microseconds since midnight.
    start: i64,
    /// Microseconds until the next time of this precision.
    length: i64,
    precision: Precision,
}

fn time_of_day(rest: &mut &[u8]) -> Option<Time> {
    let hour = number(rest, 2).filter(|it| *it < 24)?;
    let minute = after(rest, b':', 2).filter(|it| *it < 60)?;
    let start = (hour * 60 + minute) * MINUTE;
    if rest.first() != Some(&b':') {
        return Some(Time { start, length: MINUTE, precision: Precision::Minute });
    }
    let second = after(rest, b':', 2).filter(|it| *it <= 60)?;
    let start = start + second * SECOND;
    if rest.first() != Some(&b'.') {
        return Some(Time { start, length: SECOND, precision: Precision::Second });
    }
    let digits = rest[1..].iter().take_while(|it| it.is_ascii_digit()).count();
    let (fraction, behind) = rest[1..].split_at(digits);
    *rest = behind;
    let mut length = SECOND;
    let mut part = 0;
    // Digits finer than a microsecond are not told apart.
    for digit in fraction.iter().take(6) {
        length /= 10;
        part += i64::from(digit - b'0') * length;
    }
    (digits > 0).then_some(Time { start: start + part, length, precision: Precision::Fraction })
}

/// `Z`, or an offset from -14:00 to +14:00, in microseconds.
fn zone(rest: &mut &[u8]) -> Option<i64> {
    let (sign, behind) = rest.split_first()?;
    *rest = behind;
    let sign = match sign {
        b'Z' => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = number(rest, 2)?;
    let minutes = after(rest, b':', 2).filter(|it| *it < 60)?;
    let offset = hours * 60 + minutes;
    (offset <= 14 * 60).then_some(sign * offset * MINUTE)
}

/// Takes so many digits off the front.
fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let (head, behind) = rest.split_at_checked(digits)?;
    *rest = behind;
    head.iter().try_fold(0, |sum, it| it.is_ascii_digit().then(|| sum * 10 + i64::from(it - b'0')))
}

fn literal(rest: &mut &[u8], expected: u8) -> Option<()> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    (*first == expected).then_some(())
}

fn after(rest: &mut &[u8], separator: u8, digits: usize) -> Option<i64> {
    literal(rest, separator)?;
    number(rest, digits)
}

pub(crate) fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to 0000-03-01, the day from which the calendar repeats every 400 years.
const EPOCH: i64 = 719_468;
/// Days of 400 years.
const CYCLE: i64 = 146_097;

/// The day's number, counted from 1970-01-01. A year is taken to begin in March, so that the leap day is its last
/// and the months before it follow one rule.
pub(crate) fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (cycle, year) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    cycle * CYCLE + year * 365 + year / 4 - year / 100 + day_of_year - EPOCH
}

/// Year, month and day of a day's number: the inverse of [`day_number`].
pub(crate) fn civil(number: i64) -> (i64, i64, i64) {
    let (cycle, day) = ((number + EPOCH).div_euclid(CYCLE), (number + EPOCH).rem_euclid(CYCLE));
    let year = (day - day / 1460 + day / 36_524 - day / (CYCLE - 1)) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = (from_march + 2) % 12 + 1;
    let year = cycle * 400 + year + i64::from(month <= 2);
    (year, month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(text: &str) -> (i64, i64) {
        let found = range(text).expect(text);
        (found.low.div_euclid(SECOND), found.high.div_euclid(SECOND))
    }

    #[test]
    fn a_partial_date_is_the_range_of_all_it_may_be() {
        assert_eq!(seconds("1970"), (0, 365 * 86_400 - 1));
        assert_eq!(seconds("2020-02"), (1_580_515_200, 1_583_020_799));
        assert_eq!(seconds("2020-02-29"), (1_582_934_400, 1_583_020_799));
        assert_eq!(seconds("2020-01-01T10:00"), (1_577_872_800, 1_577_872_859));
        assert_eq!(seconds("0001-01-01").0, -62_135_596_800);
        assert_eq!(seconds("9999-12-31").1, 253_402_300_799);
    }

    #[test]
    fn a_zone_moves_the_moment_and_its_absence_means_utc() {
        assert_eq!(range("2020-01-01T10:00:00+02:30").unwrap().low, range("2020-01-01T07:30:00Z").unwrap().low);
        assert_eq!(range("2020-01-01T10:00:00-14:00").unwrap().low, range("2020-01-02T00:00:00Z").unwrap().low);
        let bare = range("2020-01-01T10:00:00").unwrap();
        assert_eq!(bare.low, range("2020-01-01T10:00:00Z").unwrap().low);
        assert!(!bare.has_zone);
    }

    #[test]
    fn a_fraction_is_as_wide_as_its_last_digit() {
        let half = range("1970-01-01T00:00:00.5Z").unwrap();
        assert_eq!((half.low, half.high, half.precision), (500_000, 599_999, Precision::Fraction));
        let nano = range("1970-01-01T00:00:00.123456789Z").unwrap();
        assert_eq!((nano.low, nano.high), (123_456, 123_456));
    }

    #[test]
    fn second_sixty_is_the_next_minute() {
        assert_eq!(range("2016-12-31T23:59:60Z").unwrap().low, range("2017-01-01T00:00:00Z").unwrap().low);
    }

    #[test]
    fn what_no_calendar_has_is_refused() {
        let wrong = "0000 20 02020 2020- 2020-13 2020-00 2020-1 2020-02-30 2021-02-29 1900-02-29 2020-04-31 2020-01-00 \
                     2020-01-01T 2020-01-01T24:00 2020-01-01T10 2020-01-01T10:60 2020-01-01T10:00:61Z \
                     2020-01-01T10:00:00.Z 2020-01-01T10:00:00+15:00 2020-01-01T10:00:00+14:01 2020-01-01T10:00:00+01 \
                     2020-01-01Z 2020Z é020 2020-01-01t10:00:00z +202 2020-01-01T10:00:00+1:000";
        for text in wrong.split(' ').chain(["", "2020-01-01T10:00:00Z ", "2020-01-01 10:00:00Z"]) {
            assert_eq!(range(text), None, "{text:?} was taken");
        }
    }

    #[test]
    fn each_type_has_its_forms() {
        for (text, date, date_time, instant) in [
            ("2020", true, true, false),
            ("2020-01", true, true, false),
            ("2000-02-29", true, true, false),
            ("2020-01-01T10:00:00Z", false, true, true),
            ("2020-01-01T10:00:60.123+01:00", false, true, true),
            ("2020-01-01T10:00Z", false, false, false),
            ("2020-01-01T10:00:00", false, false, false),
        ] {
            assert_eq!((is_date(text), is_date_time(text), is_instant(text)), (date, date_time, instant), "{text}");
        }
        for (text, good) in [
            ("10:00:00", true),
            ("23:59:60.1234567", true),
            ("10:00", false),
            ("24:00:00", false),
            ("10:00:00Z", false),
            ("", false),
        ] {
            assert_eq!(is_time(text), good, "{text}");
        }
    }

    #[test]
    fn instants_are_written_in_utc_to_the_millisecond() {
        assert_eq!(instant(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(instant(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(instant(1_582_934_400_123_456), "2020-02-29T00:00:00.123Z");
        assert_eq!(instant(i64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(instant(i64::MIN), "0001-01-01T00:00:00.000Z");
    }

    proptest! {
        #[test]
        fn any_text_gives_a_range_in_order_or_nothing(text in "\\PC{0,30}|[0-9TZ:.+-]{0,30}") {
            if let Some(found) = range(&text) {
                prop_assert!(found.low <= found.high);
            }
        }

        #[test]
        fn what_is_written_is_read_back(millis in -62_135_596_800_000_i64..253_402_300_800_000) {
            prop_assert_eq!(range(&instant(millis * 1000)).map(|it| it.low), Some(millis * 1000));
        }

        #[test]
        fn days_follow_each_other(number in -719_162_i64..2_932_896) {
            let (year, month, day) = civil(number);
            prop_assert_eq!(day_number(year, month, day), number);
            let next = if day < days_in(year, month) { (year, month, day + 1) }
                else if month < 12 { (year, month + 1, 1) }
                else { (year + 1, 1, 1) };
            prop_assert_eq!(civil(number + 1), next);
        }
    }
}
