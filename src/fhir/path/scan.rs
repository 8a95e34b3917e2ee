//! Reading dates and times.

use super::temporal::{Precision, Stamp};

impl Stamp {
    /// The date or date with time at the start of `text`, and how many bytes it takes.
    pub(super) fn scan(text: &str) -> Option<(Stamp, usize)> {
        let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
        let mut stamp = Stamp { year: scan.number(4)? as u16, ..Stamp::START };
        if let Some(month) = scan.part(b'-', 2) {
            (stamp.month, stamp.precision) = (month, Precision::Month);
            if let Some(day) = scan.part(b'-', 2) {
                (stamp.day, stamp.precision) = (day, Precision::Day);
            }
        }
        if scan.eat(b'T') && stamp.precision == Precision::Day {
            scan.time(&mut stamp);
        }
        if stamp.precision >= Precision::Hour {
            stamp.offset = scan.offset();
        }
        stamp.is_valid().then_some((stamp, scan.at))
    }

    /// The time of day at the start of `text`, and how many bytes it takes.
    pub(super) fn scan_time(text: &str) -> Option<(Stamp, usize)> {
        let mut scan = Scan { bytes: text.as_bytes(), at: 0 };
        let mut stamp = Stamp::START;
        scan.time(&mut stamp);
        (stamp.precision >= Precision::Hour && stamp.is_valid()).then_some((stamp, scan.at))
    }
}

/// A place in a text of digits and separators.
struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Scan<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        let eaten = self.bytes.get(self.at) == Some(&byte);
        self.at += eaten as usize;
        eaten
    }

    /// Exactly so many digits.
    fn number(&mut self, len: usize) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + len).filter(|it| it.iter().all(u8::is_ascii_digit))?;
        self.at += len;
        Some(digits.iter().fold(0, |sum, it| sum * 10 + (it - b'0') as u32))
    }

    /// A separator with digits behind it; takes neither where one is missing.
    fn part(&mut self, separator: u8, len: usize) -> Option<u8> {
        let before = self.at;
        let found = if self.eat(separator) { self.number(len) } else { None };
        if found.is_none() {
            self.at = before;
        }
        found.map(|it| it as u8)
    }

    /// `14`, `14:34`, `14:34:28`, `14:34:28.123`.
    fn time(&mut self, stamp: &mut Stamp) {
        let Some(hour) = self.number(2) else { return };
        (stamp.hour, stamp.precision) = (hour as u8, Precision::Hour);
        let Some(minute) = self.part(b':', 2) else { return };
        (stamp.minute, stamp.precision) = (minute, Precision::Minute);
        let Some(second) = self.part(b':', 2) else { return };
        (stamp.second, stamp.precision) = (second, Precision::Second);
        let digits = |it: &[u8]| it.iter().take_while(|it| it.is_ascii_digit()).count();
        let fraction = self.bytes.get(self.at + 1..).map_or(0, digits);
        if fraction > 0 && self.eat(b'.') {
            // Digits beyond nanoseconds are dropped: no clock that writes FHIR has them.
            let kept = fraction.min(9);
            stamp.nanos = self.number(kept).unwrap_or(0) * 10u32.pow(9 - kept as u32);
            stamp.digits = kept as u8;
            self.at += fraction - kept;
        }
    }

    /// `Z`, `+10:00`, `-03:30`.
    fn offset(&mut self) -> Option<i16> {
        if self.eat(b'Z') {
            return Some(0);
        }
        let sign = match self.bytes.get(self.at) {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return None,
        };
        let before = self.at;
        self.at += 1;
        let hours = self.number(2);
        match (hours, self.part(b':', 2)) {
            (Some(hours @ 0..=14), Some(minutes @ 0..=59)) => Some(sign * (hours as i16 * 60 + minutes as i16)),
            _ => {
                self.at = before;
                None
            }
        }
    }
}
