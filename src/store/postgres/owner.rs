//! Whose the records at a place are. Installations number their tenants alike and may be given the same database, where a schema
//! is called by the number: so a place is marked, and the mark is looked at before it is read, written or taken away.

/// The SQLSTATE that a statement is refused with which comes to another's records.
pub(crate) const FOREIGN: &str = "MS006";

/// A tenant, told from those of other installations.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    /// The tenant in every table.
    pub(super) number: i32,
    /// Of the directory that gave the number: a UUID, as PostgreSQL prints it.
    pub(super) installation: String,
}

impl Owner {
    /// The statement that fails where another installation's records are.
    pub(super) fn verification(&self) -> String {
        let id = &self.installation;
        format!("SELECT refuse('{FOREIGN}', 'foreign') FROM resident WHERE installation <> '{id}'")
    }

    /// The statements that mark a place, which fail where it has another's mark.
    pub(super) fn marking(&self) -> String {
        let Owner { number, installation } = self;
        let mark = format!("INSERT INTO resident VALUES ({number}, '{installation}') ON CONFLICT DO NOTHING");
        format!("{mark}; {}", self.verification())
    }
}
