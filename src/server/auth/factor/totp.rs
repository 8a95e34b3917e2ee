//! Codes of authenticator apps: time-based one-time passwords (RFC 6238) of six digits, by SHA-1, every 30 seconds, as all
//! such apps make them.

use crate::random;
use fhir::{Failure, Result};
use ring::hmac;

/// How long a code is shown, in milliseconds.
const STEP: i64 = 30_000;
/// Steps that a clock may be wrong by (RFC 6238 section 5.2).
const WRONG_BY: i64 = 1;
const DIGITS: usize = 6;
/// RFC 4226 section 4 recommends 160 bits.
pub const SECRET: usize = 20;

/// A new secret.
pub fn new_secret() -> Result<[u8; SECRET]> {
    random::bytes().map_err(|cause| Failure::internal(format!("{cause:#}")))
}

/// The step whose code was given, if it is one of now and later than the last one that was used: a code is good once.
pub fn step(secret: &[u8], given: &str, now: i64, last: i64) -> Option<i64> {
    let given: String = given.chars().filter(|it| !it.is_whitespace()).collect();
    let current = now.div_euclid(STEP);
    let steps = current - WRONG_BY..=current + WRONG_BY;
    steps.filter(|it| *it > last).find(|it| code(secret, *it) == given)
}

/// RFC 4226 section 5.3
fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let mac = hmac::sign(&key, &step.to_be_bytes());
    let mac = mac.as_ref();
    let offset = mac.last().map_or(0, |it| usize::from(it & 0x0f));
    let four = mac.iter().skip(offset).take(4).fold(0, |sum: u32, byte| sum << 8 | u32::from(*byte));
    format!("{:0DIGITS$}", (four & 0x7fff_ffff) % 10_u32.pow(DIGITS as u32))
}

/// What authenticator apps read from a picture (github.com/google/google-authenticator, Key Uri Format).
pub fn uri(secret: &[u8], issuer: &str, user: &str) -> String {
    let encoded =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let (issuer, user) = (encoded(issuer), encoded(user));
    format!(
        "otpauth://totp/{issuer}:{user}?secret={}&issuer={issuer}&algorithm=SHA1&digits={DIGITS}&period={}",
        base32(secret),
        STEP / 1000
    )
}

/// RFC 4648 section 6, without padding
pub fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let bits = chunk.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)) << (8 * (5 - chunk.len()));
        let letters = (chunk.len() * 8).div_ceil(5);
        let letter = |at: usize| char::from(LETTERS[(bits >> (35 - 5 * at) & 31) as usize]);
        text.extend((0..letters).map(letter));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B
    const RFC: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_the_standards() {
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(RFC, seconds / 30), expected);
        }
    }

    #[test]
    fn a_code_is_good_for_a_step_before_and_behind_and_once() {
        let (now, of) = (59_000 + 30_000, |step| code(RFC, step));
        assert_eq!([0, 1, 2, 3, 4].map(|it| step(RFC, &of(it), now, -1)), [None, Some(1), Some(2), Some(3), None]);
        assert_eq!([1, 2, 3].map(|it| step(RFC, &of(it), now, 2)), [None, None, Some(3)]);
        assert_eq!(step(RFC, "287 082", now, 0), Some(1));
        assert_eq!(step(RFC, "", now, 0), None);
    }

    /// RFC 4648 section 10
    #[test]
    fn secrets_are_written_in_base32() {
        for (text, expected) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(text.as_bytes()), expected);
        }
    }

    #[test]
    fn an_app_is_told_whose_codes_they_are() {
        let uri = uri(b"foobar", "MediSync north", "ana@x");
        assert!(uri.starts_with("otpauth://totp/MediSync%20north:ana%40x?secret=MZXW6YTBOI&issuer=MediSync%20north&"));
    }
}
