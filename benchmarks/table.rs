//! The table that goes into the README.

use crate::load::Measured;
use std::fmt::{self, Write};
use std::time::Duration;

/// A workload's figures.
pub struct Row {
    /// What was done.
    pub name: String,
    /// By the server, or why not.
    pub server: Result<Measured, String>,
    /// By axum with sqlx.
    pub sqlx: Option<Measured>,
    /// By axum from memory.
    pub memory: Option<Measured>,
}

/// All figures of a run.
#[derive(Default)]
pub struct Table {
    /// What they were taken on and with.
    pub setting: String,
    /// In the order of the run.
    pub rows: Vec<Row>,
    /// Figures that are no workload's.
    pub notes: Vec<String>,
}

const HEAD: &str = "\
| | per second | p50 ms | p99 ms | CPU ms | axum + sqlx: per second | CPU ms | ours to it: rate | CPU | axum from memory: per second | CPU ms |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
";

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.setting)?;
        if !self.rows.is_empty() {
            f.write_str(HEAD)?;
        }
        for row in &self.rows {
            writeln!(f, "{}", line(row))?;
        }
        f.write_char('\n')?;
        self.notes.iter().try_for_each(|it| writeln!(f, "- {it}"))
    }
}

fn line(row: &Row) -> String {
    let mut cells = vec![row.name.clone()];
    match &row.server {
        Ok(it) => cells.extend([rate(it), millis(it.percentile(50)), millis(it.percentile(99)), cpu(it)]),
        Err(why) => cells.extend([why.clone(), String::new(), String::new(), String::new()]),
    }
    let limit = |it: &Option<Measured>| it.as_ref().map_or([String::new(), String::new()], |it| [rate(it), cpu(it)]);
    cells.extend(limit(&row.sqlx));
    cells.extend(match (&row.server, &row.sqlx) {
        (Ok(ours), Some(limit)) => {
            [format!("{:.2}", ours.rate() / limit.rate()), format!("{:.2}", ours.cpu_ms() / limit.cpu_ms())]
        }
        _ => [String::new(), String::new()],
    });
    cells.extend(limit(&row.memory));
    format!("| {} |", cells.join(" | "))
}

fn rate(it: &Measured) -> String {
    grouped(it.rate().round() as u64)
}

/// A number with its thousands apart.
pub fn grouped(it: u64) -> String {
    let digits = it.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn cpu(it: &Measured) -> String {
    format!("{:.3}", it.cpu_ms())
}

fn millis(it: Duration) -> String {
    format!("{:.1}", it.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(count: u64, cpu: u64) -> Measured {
        let latencies = vec![Duration::from_millis(2)];
        Measured::new(count, Duration::from_secs(1), Duration::from_millis(cpu), latencies)
    }

    #[test]
    fn a_row_tells_the_ratio_to_the_limit() {
        let row = Row {
            name: "read".into(),
            server: Ok(measured(12_000, 480)),
            sqlx: Some(measured(16_000, 320)),
            memory: None,
        };
        assert_eq!(line(&row), "| read | 12,000 | 2.0 | 2.0 | 0.040 | 16,000 | 0.020 | 0.75 | 2.00 |  |  |");
    }

    #[test]
    fn a_workload_the_server_refuses_says_so() {
        let row = Row { name: "chain".into(), server: Err("failed".into()), sqlx: None, memory: None };
        assert!(line(&row).starts_with("| chain | failed |"));
    }
}
