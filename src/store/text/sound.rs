//! How words sound: Double Metaphone, made for names as they are spoken in English.

use rphonetic::DoubleMetaphone;
use std::sync::LazyLock;

/// Letters of a code: enough to tell long names apart.
const LENGTH: usize = 8;

static CODER: LazyLock<DoubleMetaphone> = LazyLock::new(|| DoubleMetaphone::new(Some(LENGTH)));

/// The codes of a folded word: how its letters sound and, where that differs, how they may sound too. A word with other
/// letters than a to z, or without a sound, is its own code.
pub(super) fn codes(word: &str) -> Vec<String> {
    let letters: String = word.chars().filter(|it| !it.is_numeric()).collect();
    if !letters.bytes().all(|it| it.is_ascii_lowercase()) {
        return vec![word.to_owned()];
    }
    let coded = CODER.double_metaphone(&letters);
    let mut codes = vec![coded.primary(), coded.alternate()];
    codes.dedup();
    codes.retain(|it| !it.is_empty());
    if codes.is_empty() {
        codes.push(word.to_owned());
    }
    codes
}
