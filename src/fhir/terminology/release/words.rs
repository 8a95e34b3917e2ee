//! The words of names, by which a text filter finds concepts.

/// The longest value of a property that is found by a filter, in bytes: a database's index takes no longer ones.
pub const LONGEST_TERM: usize = 256;

/// The words of a text: letters and digits in a row, in lower case.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    split(text).map(str::to_lowercase)
}

/// The same as they stand there.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty() && it.len() <= LONGEST_TERM / 2)
}
