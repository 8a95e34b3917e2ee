//! FHIR's decimal, exact: digits and the number of them behind the point.

use std::fmt;
use std::str::FromStr;

/// The most digits a [`Decimal`] holds (datatypes.html#decimal asks for 18).
const MAX_DIGITS: usize = 18;

/// A decimal that keeps its precision: `1.10` is 110 with a scale of 2, and stays `1.10`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decimal {
    digits: i64,
    scale: u8,
}

/// The text is no decimal of at most 18 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotADecimal;

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal::new(0, 0);

    /// `digits` with the last `scale` of them behind the point: `new(5, 3)` is 0.005.
    pub const fn new(digits: i64, scale: u8) -> Decimal {
        Decimal { digits, scale }
    }

    /// The decimal nearest to `value` with at most `scale` digits behind the point and no zeros at its
    /// end; `None` for what is not finite or needs more than 18 digits.
    pub fn nearest(value: f64, scale: u8) -> Option<Decimal> {
        let text = format!("{value:.*}", usize::from(scale));
        let shortest = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
        shortest.parse().ok()
    }

    /// The nearest binary number.
    pub fn to_f64(self) -> f64 {
        // Up to 15 digits both numbers are exact and the division rounds once, as parsing the text would.
        self.digits as f64 / 10f64.powi(i32::from(self.scale))
    }
}

/// From whole numbers.
impl From<i32> for Decimal {
    fn from(value: i32) -> Decimal {
        Decimal::new(value.into(), 0)
    }
}

impl FromStr for Decimal {
    type Err = NotADecimal;

    /// Reads FHIR's decimal, with the plus sign and leading zeros that other formats write.
    fn from_str(text: &str) -> Result<Decimal, NotADecimal> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| NotADecimal)?),
            None => (text, 0),
        };
        let negative = mantissa.starts_with('-');
        let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all_digits = |it: &str| it.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || unsigned.ends_with('.') {
            return Err(NotADecimal);
        }
        let places = i32::try_from(fraction.len()).map_err(|_| NotADecimal)?;
        let scale = places.checked_sub(exponent).ok_or(NotADecimal)?;
        let mut significant = format!("{whole}{fraction}");
        if scale < 0 {
            let zeros = usize::try_from(scale.unsigned_abs()).ok().filter(|it| *it <= MAX_DIGITS).ok_or(NotADecimal)?;
            significant.extend(std::iter::repeat_n('0', zeros));
        }
        let significant = significant.trim_start_matches('0');
        let scale = u8::try_from(scale.max(0)).ok().filter(|it| usize::from(*it) <= MAX_DIGITS).ok_or(NotADecimal)?;
        if significant.len() > MAX_DIGITS {
            return Err(NotADecimal);
        }
        let digits = if significant.is_empty() { 0 } else { significant.parse::<i64>().map_err(|_| NotADecimal)? };
        Ok(Decimal { digits: if negative { -digits } else { digits }, scale })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.digits < 0 { "-" } else { "" };
        let scale = usize::from(self.scale);
        let digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let point = if scale > 0 { "." } else { "" };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept() {
        for text in ["0", "0.0", "1.10", "-0.005", "123456789012345678", "0.000000000000000001", "-12.50"] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn exponents_become_digits() {
        for (text, plain) in [("1e3", "1000"), ("1.10E1", "11.0"), ("25e-1", "2.5"), ("+007", "7")] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), plain);
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "1,5",
            "1e",
            "0x1",
            "1e99999999999",
            "1e2147483647",
            "1e-2147483648",
            "1e-19",
            "1234567890123456789",
            "٣",
        ] {
            assert_eq!(text.parse::<Decimal>(), Err(NotADecimal), "{text:?} was taken");
        }
    }

    #[test]
    fn the_nearest_decimal_has_no_empty_digits() {
        assert_eq!(Decimal::nearest(0.0050, 6).unwrap().to_string(), "0.005");
        assert_eq!(Decimal::nearest(1000.0, 6).unwrap().to_string(), "1000");
        assert_eq!(Decimal::nearest(1.0 / 3.0, 4).unwrap().to_string(), "0.3333");
        assert_eq!(Decimal::nearest(f64::NAN, 4), None);
        assert_eq!(Decimal::nearest(1e30, 0), None);
    }
}
