//! Files of lines: each ends with a line break, so that one that was cut off is told from one that is whole.

use super::{Files, open, wrong};
use fhir::Result;
use std::io::{BufRead, Read};

/// The longest line, in bytes.
const LONGEST: u64 = 1 << 20;

/// The lines of a file.
pub(super) struct Lines<'f> {
    name: String,
    source: Box<dyn BufRead + 'f>,
    number: u64,
    line: Vec<u8>,
}

impl<'f> Lines<'f> {
    pub(super) fn open(files: &'f dyn Files, name: &str) -> Result<Lines<'f>> {
        Ok(Lines { name: name.to_owned(), source: open(files, name)?, number: 0, line: Vec::new() })
    }

    /// The next line without its end; `None` behind the last one.
    pub(super) fn next(&mut self) -> Result<Option<&str>> {
        self.line.clear();
        self.number += 1;
        let read = self.source.as_mut().take(LONGEST).read_until(b'\n', &mut self.line);
        match read {
            Ok(0) => return Ok(None),
            Ok(_) if self.line.last() == Some(&b'\n') => {}
            Ok(_) => return Err(self.wrong("the end of the line: the file is cut off here, or the line is too long")),
            Err(_) => return Err(self.wrong("a line that can be read: the file is damaged")),
        }
        let text = std::str::from_utf8(&self.line).map_err(|_| wrong(&self.name, self.number, "text in UTF-8"))?;
        let text = text.trim_end_matches(['\n', '\r']);
        Ok(Some(if self.number == 1 { text.trim_start_matches('\u{feff}') } else { text }))
    }

    /// That the line that was read last is not what it should be.
    pub(super) fn wrong(&self, expected: &str) -> fhir::Failure {
        wrong(&self.name, self.number, expected)
    }
}

/// A file of lines with fields between separators.
pub(super) struct Table<'f> {
    lines: Lines<'f>,
    separator: char,
    columns: &'static [&'static str],
    /// The columns that follow these.
    others: Vec<String>,
}

impl<'f> Table<'f> {
    /// One whose first line names its columns.
    pub(super) fn with_header(
        files: &'f dyn Files,
        name: &str,
        separator: char,
        columns: &'static [&'static str],
    ) -> Result<Table<'f>> {
        Table::headed(files, name, (separator, columns), false)
    }

    /// One whose first line begins with these columns; others may follow.
    pub(super) fn beginning_with(
        files: &'f dyn Files,
        name: &str,
        separator: char,
        columns: &'static [&'static str],
    ) -> Result<Table<'f>> {
        Table::headed(files, name, (separator, columns), true)
    }

    fn headed(
        files: &'f dyn Files,
        name: &str,
        (separator, columns): (char, &'static [&'static str]),
        takes_others: bool,
    ) -> Result<Table<'f>> {
        let mut lines = Lines::open(files, name)?;
        let header: Vec<String> = lines.next()?.unwrap_or_default().split(separator).map(str::to_owned).collect();
        let has_columns = header.len() >= columns.len() && header.iter().zip(columns).all(|(a, b)| a == b);
        if has_columns && (takes_others || header.len() == columns.len()) {
            let others = header.into_iter().skip(columns.len()).collect();
            return Ok(Table { lines, separator, columns, others });
        }
        let others = if takes_others { ", and perhaps others" } else { "" };
        Err(lines.wrong(&format!("the columns {}{others}", columns.join(" "))))
    }

    /// One without a header.
    pub(super) fn bare(
        files: &'f dyn Files,
        name: &str,
        separator: char,
        columns: &'static [&'static str],
    ) -> Result<Table<'f>> {
        Ok(Table { lines: Lines::open(files, name)?, separator, columns, others: Vec::new() })
    }

    /// The columns that follow those that it has to begin with.
    pub(super) fn others(&self) -> &[String] {
        &self.others
    }

    /// Hands each row to `take`, which says what it expected if the row is wrong.
    pub(super) fn each(mut self, mut take: impl FnMut(&[&str]) -> Result<(), String>) -> Result<()> {
        let (separator, columns, width) = (self.separator, self.columns, self.columns.len() + self.others.len());
        loop {
            let taken = match self.lines.next()? {
                None => return Ok(()),
                Some(line) => {
                    let fields: Vec<&str> = line.split(separator).take(width + 1).collect();
                    match fields.len() == width {
                        true => take(&fields),
                        false => Err(format!("{width} fields: {}", columns.join(" "))),
                    }
                }
            };
            taken.map_err(|expected| self.lines.wrong(&expected))?;
        }
    }
}

/// Leaves carriage returns out, so that lines are counted alike wherever they were written, and remembers the last byte.
pub(super) struct Tail<R> {
    pub(super) source: R,
    pub(super) last: u8,
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let count = self.source.read(buffer)?;
            let mut kept = 0;
            for at in 0..count {
                buffer[kept] = buffer[at];
                kept += usize::from(buffer[at] != b'\r');
            }
            self.last = buffer[..kept].last().copied().unwrap_or(self.last);
            if kept > 0 || count == 0 {
                return Ok(kept);
            }
        }
    }
}
