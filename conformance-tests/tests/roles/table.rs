//! The reviewed table of who may do what.

/// Its text.
const TABLE: &str = include_str!("matrix.txt");

/// The lines of a section, each in words.
pub fn section(name: &str) -> Vec<Vec<&'static str>> {
    let heading = format!("[{name}]");
    let lines = TABLE.lines().skip_while(|it| *it != heading).skip(1).take_while(|it| !it.starts_with('['));
    let rows: Vec<_> = lines.filter(|it| !it.trim().is_empty() && !it.starts_with('#')).map(words).collect();
    assert!(!rows.is_empty(), "the table has no section {name}");
    rows
}

fn words(line: &'static str) -> Vec<&'static str> {
    line.split_whitespace().collect()
}

/// The roles of the table.
pub fn roles() -> Vec<&'static str> {
    section("records")[0][1..].to_vec()
}

/// A role's column in a section whose rows begin with so many words.
pub fn column(role: &str, lead: usize) -> usize {
    lead + roles().iter().position(|it| *it == role).expect("a role of the table")
}

/// Whether the table gives a role all these kinds of access to a kind of record, which is the own patient's or not.
pub fn reaches(role: &str, needs: &str, kind: &str, is_own: bool) -> bool {
    let rows = section("records");
    let row = rows.iter().find(|row| row[0] == kind).unwrap_or_else(|| panic!("no row for {kind}"));
    let cell = row[column(role, 1)];
    let (letters, is_of_own) = match cell.strip_prefix("own:") {
        Some(letters) => (letters, true),
        None => (cell, false),
    };
    needs.chars().all(|it| letters.contains(it)) && (!is_of_own || is_own)
}
