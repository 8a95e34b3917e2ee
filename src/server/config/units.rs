//! Sizes and times as people write them.

use anyhow::{Context, Result};
use std::str::FromStr;
use std::time::Duration;

/// A number of bytes: `50 MiB`, `2GiB`, `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let units = [("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
        amount(text, &units).map(Size).ok_or_else(|| format!("`{text}` is not a size such as 50 MiB"))
    }
}

/// A length of time: `500ms`, `30s`, `5m`, `1h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(Duration);

impl Span {
    /// As the standard library has it.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// In milliseconds, as the ledger has times.
    pub fn millis(self) -> Result<i64> {
        i64::try_from(self.0.as_millis()).context("the time is too long")
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        let millis = amount(text, &units).and_then(|it| u64::try_from(it).ok());
        millis
            .map(|it| Span(Duration::from_millis(it)))
            .ok_or_else(|| format!("`{text}` is not a length of time such as 30s, 5m or 1h"))
    }
}

/// A whole number with a unit behind it, in the least of the units.
fn amount(text: &str, units: &[(&str, usize)]) -> Option<usize> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<usize>().ok()?.checked_mul(*factor)
}
