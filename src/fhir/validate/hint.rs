//! What somebody may have meant by a name that is not known.

use crate::spec::{Spec, Type};

/// Names longer than this are not compared: nobody misspells so long a name.
const LONGEST: usize = 40;

/// A property name as an issue shows it: short, and without characters that could mislead a reader of a log.
pub(crate) fn shown(name: &str) -> String {
    let mut shown: String = name.chars().take(LONGEST).flat_map(char::escape_default).collect();
    if name.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// A sentence that helps with a property that the type does not have; empty where none does.
pub(crate) fn for_property(spec: &Spec, ty: &Type, name: &str) -> String {
    let choice = ty.elements.iter().find(|it| it.is_choice && name.starts_with(&*it.name));
    if let Some(element) = choice {
        let types: Vec<_> = element.types.iter().take(6).map(|it| &*spec.of(*it).name).collect();
        let more = if element.types.len() > types.len() { ", …" } else { "" };
        return format!(" {0}[x] has its type in its name, one of: {1}{more}.", element.name, types.join(", "));
    }
    match nearest(name, ty.properties.keys().map(|it| &**it)) {
        Some(near) => format!(" Is {near} meant?"),
        None => String::new(),
    }
}

/// The name that differs from `name` in at most two letters (one in short names), upper and lower case apart.
pub(super) fn nearest<'t>(name: &str, names: impl Iterator<Item = &'t str>) -> Option<&'t str> {
    if name.len() > LONGEST || !name.is_ascii() {
        return None;
    }
    let allowed = if name.len() < 5 { 1 } else { 2 };
    names
        .map(|it| (distance(name.as_bytes(), it.as_bytes()), it))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, it)| it)
}

/// How many letters have to be added, dropped or replaced (Levenshtein), case apart.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut corner = i;
        let mut left = i + 1;
        row[0] = left;
        for (above, to) in row[1..].iter_mut().zip(b) {
            let replaced = corner + usize::from(!from.eq_ignore_ascii_case(to));
            corner = *above;
            left = replaced.min(left + 1).min(corner + 1);
            *above = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_letters() {
        for (a, b, expected) in
            [("", "", 0), ("a", "", 1), ("gendr", "gender", 1), ("Gender", "gender", 0), ("abc", "cab", 2)]
        {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_name_is_close() {
        let names = ["birthDate", "gender", "id"];
        assert_eq!(nearest("birthdate", names.into_iter()), Some("birthDate"));
        assert_eq!(nearest("gendre", names.into_iter()), Some("gender"));
        assert_eq!(nearest("shoeSize", names.into_iter()), None);
        assert_eq!(nearest("xy", names.into_iter()), None);
    }

    #[test]
    fn names_are_shown_short_and_escaped() {
        assert_eq!(shown("a\n\u{202e}"), "a\\n\\u{202e}");
        assert_eq!(shown(&"a".repeat(50)), format!("{}…", "a".repeat(40)));
    }
}
