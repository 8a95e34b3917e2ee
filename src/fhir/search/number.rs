//! Decimals in searches: their value and the precision they are written with (search.html#number).

/// A number of a query, and the range that its significant digits stand for: `100` is 99.5 to 100.5,
/// `5.40` is 5.395 to 5.405. An exponent counts as one decimal at least, for search.html#number has `1e2` stand
/// for 95 to 105.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precise {
    /// The number itself.
    pub value: f64,
    /// Lower end of what it stands for.
    pub low: f64,
    /// Upper end, exclusive.
    pub high: f64,
}

impl Precise {
    /// Reads a decimal; `None` if the text is not one, or too large for a 64-bit float.
    pub fn parse(text: &str) -> Option<Precise> {
        let value = decimal(text)?;
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
            None => (text, 0),
        };
        let fraction = mantissa.find('.').map_or(0, |at| mantissa.len() - at - 1);
        let digits = if mantissa.len() < text.len() { fraction.max(1) } else { fraction };
        let half = format!("5e{}", exponent.checked_sub(digits as i32)? - 1).parse::<f64>().ok()?;
        // Beyond 15 digits the range is narrower than the float's own steps, and must not miss the number.
        let (low, high) = (round(value - half).min(value), round(value + half).max(value.next_up()));
        Some(Precise { value, low, high })
    }
}

/// The value of a JSON number or of a query's number: an optional sign, digits with an optional fraction, an
/// optional exponent.
pub fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let shaped = digits.starts_with(|it: char| it.is_ascii_digit())
        && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
        && !text.ends_with('.');
    text.parse().ok().filter(|it: &f64| shaped && it.is_finite())
}

/// The nearest number with 15 significant digits, so that 5.4 − 0.05 is the same 5.35 that a resource says.
fn round(value: f64) -> f64 {
    format!("{value:.14e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_give_the_range() {
        for (text, low, high) in [
            ("100", 99.5, 100.5),
            ("100.00", 99.995, 100.005),
            ("5.4", 5.35, 5.45),
            ("5.40", 5.395, 5.405),
            ("1e2", 95.0, 105.0),
            ("1.00e2", 99.5, 100.5),
            ("5.4e-3", 0.00535, 0.00545),
            ("-7", -7.5, -6.5),
            ("0", -0.5, 0.5),
        ] {
            let it = Precise::parse(text).unwrap();
            assert_eq!((it.low, it.high), (low, high), "{text}");
        }
    }

    #[test]
    fn the_range_has_the_number_however_long() {
        for text in ["444444444444444444", "0.1234567890123456789", "-99999999999999999999"] {
            let it = Precise::parse(text).unwrap();
            assert!(it.low <= it.value && it.value < it.high, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", "1.", ".5", "NaN", "inf", "1e999", "0x1", "1 ", "one"] {
            assert_eq!(Precise::parse(text), None, "{text}");
        }
    }
}
