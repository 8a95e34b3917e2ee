//! Exact decimals.

use rust_decimal::Decimal;
use std::str::FromStr;

/// The decimal that a literal or a document says; digits beyond 28 are rounded, and `None` is what no such
/// decimal is near.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    match text.bytes().any(|it| matches!(it, b'e' | b'E')) {
        true => Decimal::from_scientific(text).ok(),
        false => Decimal::from_str(text).ok(),
    }
}

/// What `toDecimal` takes: digits with at most one point between them, perhaps signed.
pub(super) fn decimal_text(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|digit| digit.is_ascii_digit());
    (digits(whole) && digits(fraction)).then(|| decimal(text)).flatten()
}

/// Whether two decimals are the same at the precision of the less precise one (FHIRPath N1, "Equivalent").
pub(super) fn equivalent(a: Decimal, b: Decimal) -> bool {
    let (a, b) = (a.normalize(), b.normalize());
    let places = a.scale().min(b.scale());
    round(a, places) == round(b, places)
}

/// Rounded to so many places, halves away from zero as FHIRPath's `round` has it.
pub(super) fn round(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, rust_decimal::RoundingStrategy::MidpointAwayFromZero)
}

/// The quotient without the zeros that division leaves behind; `None` for a division by zero.
pub(super) fn divide(a: Decimal, b: Decimal) -> Option<Decimal> {
    a.checked_div(b).map(|it| it.normalize())
}
