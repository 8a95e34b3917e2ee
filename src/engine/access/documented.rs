//! That `docs/roles.md` tells of the shipped roles what the data says.

use super::role::{Realm, Role, shipped_roles};
use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../../docs/roles.md");

/// The roles of one realm.
fn roles(of: Realm) -> Vec<&'static Role> {
    shipped_roles().iter().filter(|it| it.of == of).collect()
}

/// A row of a table.
fn row(cells: impl IntoIterator<Item = String>) -> String {
    format!("| {} |\n", cells.into_iter().collect::<Vec<_>>().join(" | "))
}

fn head(cells: &[String]) -> String {
    row(cells.to_vec()) + &row(cells.iter().map(|_| "---".to_owned()))
}

/// What each role is for, what it administers, which rights it has and what data may be wanted for.
fn purposes() -> String {
    let listed = |all: Vec<&str>| if all.is_empty() { "–".to_owned() } else { all.join(", ") };
    let shown = |it: &Role| {
        let permissions = listed(it.permissions.iter().map(String::as_str).collect());
        let rights = listed(it.rights.iter().map(|it| it.code()).collect());
        let purposes = listed(it.purposes.iter().map(String::as_str).collect());
        row([format!("`{}`", it.name), it.description.clone(), permissions, rights, purposes])
    };
    let rows: String = shipped_roles().iter().map(shown).collect();
    head(&["Role", "What it is for", "Administers", "Rights", "Purposes"].map(str::to_owned)) + &rows
}

/// What each role of a tenant may do with each type.
fn access() -> String {
    let roles = roles(Realm::Tenant);
    let mut types: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (column, role) in roles.iter().enumerate() {
        for rule in &role.rules {
            let (level, rest) = rule.split_once('/').unwrap();
            let (of, letters) = rest.split_once('.').unwrap();
            let cell = &mut types.entry(of).or_insert_with(|| vec![String::new(); roles.len()])[column];
            let own = if level == "patient" { "own: " } else { "" };
            let joint = if cell.is_empty() { "" } else { ", " };
            cell.push_str(&format!("{joint}{own}{}", letters.replace('?', " if ")));
        }
    }
    let names: Vec<String> = std::iter::once("Type".to_owned()).chain(roles.iter().map(|it| it.name.clone())).collect();
    let rows: String = types.into_iter().map(|(of, cells)| row(std::iter::once(of.to_owned()).chain(cells))).collect();
    head(&names) + &rows
}

#[test]
fn the_page_tells_what_the_data_says() {
    for table in [purposes(), access()] {
        assert!(PAGE.contains(&table), "docs/roles.md lacks this table:\n{table}");
    }
}
