//! What expression constraints choose by the members of reference sets: their rows are read, part by part, and each is held
//! against the filters.

use super::filters::Chooser;
use fhir::outcome::shown;
use fhir::terminology::ecl::{Constraint, Expected, Listed, MemberTest};
use fhir::terminology::release::{MEMBERS, MEMBERSHIP, MemberCell, MemberRow, MemberRows, MemberTable, Places};
use fhir::{Failure, IssueType, Result};
use store::Terms;

/// What reading a part of a reference set's rows costs of what an expression may read.
const PART: usize = 10;
/// The most reference sets that a release may have.
const MOST_SETS: usize = 10_000;

/// A filter of members, its concepts looked up.
struct Test<'t> {
    of: &'t MemberTest,
    concepts: Option<Places>,
}

/// Which cells of a row a question is about.
#[derive(Clone, Copy)]
enum Column {
    /// What the member is about.
    Component,
    /// A field of its own.
    At(usize),
}

impl Column {
    fn of<'r>(self, row: &MemberRow<'r>) -> Option<MemberCell<'r>> {
        match self {
            Column::Component => Some(MemberCell::Concept(row.concept)),
            Column::At(field) => row.cell(field),
        }
    }
}

impl Test<'_> {
    fn passes(&self, cell: MemberCell<'_>) -> bool {
        match (cell, &self.of.is, &self.concepts) {
            (MemberCell::Concept(place), Expected::Concepts(is_in, _), Some(concepts)) => concepts.has(place) == *is_in,
            (MemberCell::Concept(_), ..) => false,
            (MemberCell::Text(text), is, _) => is.has(text),
        }
    }
}

impl Chooser<'_> {
    /// What the members that pass name. It is right within these concepts, and need not be for others.
    pub(super) async fn listed(&mut self, of: &Listed, within: &Places) -> Result<Places> {
        let tables = self.tables(&of.sets).await?;
        self.needs_fields(of, &tables)?;
        let mut tests = Vec::new();
        for test in &of.tests {
            let concepts = match &test.is {
                Expected::Concepts(_, concepts) => Some(self.all(concepts).await?),
                _ => None,
            };
            tests.push(Test { of: test, concepts });
        }
        let (mut found, mut has_texts) = (Vec::new(), false);
        for (set, table) in &tables {
            let Some(chosen) = column(table, of.field.as_deref()) else { continue };
            let columns = tests.iter().map(|it| Some((it, column(table, it.of.field.as_deref())?)));
            // A set without such a field has no member that is so.
            let Some(columns) = columns.collect::<Option<Vec<_>>>() else { continue };
            // What fields name may be in any row.
            let parts = if of.field.is_none() { table.parts_of(within) } else { table.parts_of(&self.everything()) };
            for part in parts {
                let rows = self.rows(set, part).await?;
                let is_so = |row: &MemberRow<'_>| {
                    columns.iter().all(|(test, column)| column.of(row).is_some_and(|it| test.passes(it)))
                };
                for row in rows.rows().filter(is_so) {
                    match chosen.of(&row) {
                        Some(MemberCell::Concept(place)) => found.push(place..place + 1),
                        _ => has_texts = true,
                    }
                }
            }
        }
        match (&of.field, found.is_empty() && has_texts) {
            (Some(field), true) => {
                let told = format!("The field {} of the reference set names no concepts.", shown(field));
                Err(Failure::new(IssueType::NotSupported, told))
            }
            _ => Ok(Places::of(found)),
        }
    }

    /// The reference sets, each with what its rows are.
    async fn tables(&mut self, sets: &Constraint) -> Result<Vec<(String, MemberTable)>> {
        let all = self.session.postings(self.loaded.number, MEMBERS, Terms::Begins(""), MOST_SETS).await?;
        if all.is_empty() {
            let told = format!(
                "What the members of reference sets say was not kept when {} was loaded; if its files tell it, load it again.",
                shown(&self.loaded.url)
            );
            return Err(Failure::new(IssueType::NotSupported, told));
        }
        let sets = match sets {
            Constraint::Any => return all.iter().map(|(set, bytes)| Ok((set.clone(), table(bytes)?))).collect(),
            Constraint::Concept(code) => {
                self.members(code).await?;
                vec![code.clone()]
            }
            several => {
                let several = self.all(several).await?;
                self.codes(&several).await?
            }
        };
        let mut tables = Vec::new();
        for set in sets {
            match all.iter().find(|it| it.0 == set) {
                Some((_, bytes)) => tables.push((set, table(bytes)?)),
                None if self.loaded.posted(self.session, MEMBERSHIP, Terms::Is(&set), 1).await?.is_empty() => {}
                None => {
                    let told = format!("What the members of the reference set {} say is not kept.", shown(&set));
                    return Err(Failure::new(IssueType::NotSupported, told));
                }
            }
        }
        Ok(tables)
    }

    /// Each field has to be one of some set.
    fn needs_fields(&self, of: &Listed, tables: &[(String, MemberTable)]) -> Result<()> {
        let named = of.tests.iter().filter_map(|it| it.field.as_deref()).chain(of.field.as_deref());
        for field in named {
            if !tables.iter().any(|it| it.1.position(field).is_some())
                && let Some((set, table)) = tables.first()
            {
                let told = format!(
                    "The reference set {} has no field {}; it has {}.",
                    shown(set),
                    shown(field),
                    table.fields.join(", ")
                );
                return Err(Failure::new(IssueType::Invalid, told));
            }
        }
        Ok(())
    }

    async fn rows(&mut self, set: &str, part: u32) -> Result<MemberRows> {
        self.spend(PART)?;
        let (property, term) = (MemberTable::property(set), MemberTable::term(part));
        let found = self.session.postings(self.loaded.number, &property, Terms::Is(&term), 1).await?;
        let rows = found.first().and_then(|it| MemberRows::read(&it.1));
        rows.ok_or_else(|| Failure::internal("the rows of a reference set are broken"))
    }
}

fn column(table: &MemberTable, field: Option<&str>) -> Option<Column> {
    match field {
        None => Some(Column::Component),
        Some(field) => table.position(field).map(Column::At),
    }
}

fn table(bytes: &[u8]) -> Result<MemberTable> {
    MemberTable::read(bytes).ok_or_else(|| Failure::internal("the fields of a reference set are broken"))
}
