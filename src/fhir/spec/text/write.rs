//! Rows to text.

use super::{flag, level};
use crate::spec::rows::{CompartmentRow, ConstraintRow, ElementRow, OperationRow, ParamRow, TypeRow, ValueSetRow};

/// `types.txt`.
pub fn write_types(types: &[TypeRow]) -> String {
    let mut out = String::new();
    for row in types {
        let is_abstract = if row.is_abstract { "abstract" } else { "" };
        line(&mut out, &["T", row.name, row.kind.code(), row.base.unwrap_or_default(), is_abstract]);
        write_constraints(&mut out, &row.constraints);
        for element in &row.elements {
            write_element(&mut out, element);
        }
    }
    out
}

fn write_element(out: &mut String, row: &ElementRow) {
    let max = row.max.map_or_else(|| "*".to_owned(), |it| it.to_string());
    let binding = row.binding.map(|(strength, url)| format!("{} {url}", strength.code()));
    let columns = [
        "E",
        row.name,
        &format!("{}..{max}", row.min),
        &flags(&[
            (flag::ARRAY, row.is_array),
            (flag::CHOICE, row.is_choice),
            (flag::SUMMARY, row.is_summary),
            (flag::MODIFIER, row.is_modifier),
            (flag::ATTRIBUTE, row.is_attribute),
            (flag::HIERARCHY, row.is_hierarchy),
        ]),
        &row.types.join(" "),
        &row.targets.join(" "),
        &binding.unwrap_or_default(),
        &row.max_length.map(|it| it.to_string()).unwrap_or_default(),
        row.fixed.as_deref().unwrap_or_default(),
    ];
    line(out, &columns);
    write_constraints(out, &row.constraints);
}

fn write_constraints(out: &mut String, rows: &[ConstraintRow]) {
    for row in rows {
        let severity = if row.is_error { "error" } else { "warning" };
        line(out, &["C", row.key, severity, &row.human, &row.expression]);
    }
}

/// `params.txt`.
pub fn write_params(rows: &[ParamRow]) -> String {
    let mut out = String::new();
    for row in rows {
        let (base, targets) = (row.base.join(" "), row.targets.join(" "));
        let columns = ["P", row.code, row.kind.code(), &base, &targets, row.url, &row.expression, &row.description];
        line(&mut out, &columns);
        for (definition, expression) in &row.components {
            line(&mut out, &["C", definition, expression]);
        }
    }
    out
}

/// `compartments.txt`.
pub fn write_compartments(rows: &[CompartmentRow]) -> String {
    let mut out = String::new();
    for row in rows {
        line(&mut out, &["K", row.of]);
        for (of, codes) in &row.members {
            line(&mut out, &["M", of, &codes.join(" ")]);
        }
    }
    out
}

/// `operations.txt`.
pub fn write_operations(rows: &[OperationRow]) -> String {
    let mut out = String::new();
    for row in rows {
        let levels = flags(&[
            (level::SYSTEM, row.system),
            (level::TYPE, row.on_type),
            (level::INSTANCE, row.instance),
            (level::AFFECTS_STATE, row.affects_state),
        ]);
        line(&mut out, &["O", row.code, &levels, &row.resources.join(" "), row.url]);
    }
    out
}

/// `codes.txt`.
pub fn write_codes(rows: &[ValueSetRow]) -> String {
    let mut out = String::new();
    for row in rows {
        line(&mut out, &["V", row.url, row.open.as_deref().unwrap_or_default()]);
        for (system, codes) in &row.codes {
            line(&mut out, &[&["S", system][..], codes].concat());
        }
    }
    out
}

fn flags(all: &[(char, bool)]) -> String {
    all.iter().filter(|(_, on)| *on).map(|(letter, _)| letter).collect()
}

fn line(out: &mut String, columns: &[&str]) {
    let used = columns.iter().rposition(|it| !it.is_empty()).map_or(0, |it| it + 1);
    for (at, column) in columns[..used].iter().enumerate() {
        if at > 0 {
            out.push('\t');
        }
        for letter in column.chars() {
            match letter {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\\' => out.push_str("\\\\"),
                other => out.push(other),
            }
        }
    }
    out.push('\n');
}
