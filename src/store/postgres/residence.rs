//! Where a tenant is to be kept.

use super::target::Target;
use crate::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// The schema that tenants share unless they have one of their own.
const POOL: &str = "medisync_pool";

/// How a tenant's records are kept apart from other tenants'. Row-level security guards them in every placement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// In tables that many tenants share.
    #[default]
    Pool,
    /// In a schema of its own.
    Schema,
    /// In a schema of another database.
    Database,
}

impl Placement {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Placement::Pool => "pool",
            Placement::Schema => "schema",
            Placement::Database => "database",
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Placement {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Placement, Self::Err> {
        let all = [Placement::Pool, Placement::Schema, Placement::Database];
        all.into_iter().find(|it| it.word() == text).ok_or("pool, schema or database")
    }
}

/// Where a tenant's records are to be kept.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Residence {
    /// How they are kept apart.
    pub placement: Placement,
    /// The other database, for [`Placement::Database`] only.
    pub url: Option<String>,
    /// What the place's region is called, such as `eu`.
    pub region: Option<String>,
    /// The URL of a standby of the other database that answers reads.
    pub standby: Option<String>,
}

/// Tells no URL, which may hold a password.
impl fmt::Debug for Residence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Residence({}, region {:?})", self.placement, self.region)
    }
}

impl Residence {
    /// Fails where the parts do not go together.
    pub(super) fn verify(&self) -> Result<()> {
        let wrong = match (self.placement, &self.url) {
            (Placement::Database, None) => "give the other database's URL",
            (Placement::Pool | Placement::Schema, Some(_)) => "only the placement `database` has a URL",
            (Placement::Database, Some(url)) => match url.parse::<Target>() {
                Ok(_) => return self.verify_standby(),
                Err(_) => "the other database's URL is none of PostgreSQL",
            },
            _ => return self.verify_standby(),
        };
        Err(Error::CannotMove(wrong.to_owned()))
    }

    fn verify_standby(&self) -> Result<()> {
        verify_standby(self.url.is_some(), self.standby.as_deref()).map_err(Error::CannotMove)
    }

    /// The place for the tenant with this number.
    pub(super) fn spot(&self, number: i32) -> Spot {
        Spot { database: self.url.clone(), schema: self.schema_pattern().replace("{}", &number.to_string()) }
    }

    /// The schema's name, with `{}` for the tenant's number.
    pub(super) fn schema_pattern(&self) -> &'static str {
        match self.placement {
            Placement::Pool => POOL,
            Placement::Schema | Placement::Database => "medisync_t{}",
        }
    }
}

/// Fails for what cannot be the standby of a place, which is in another database than the directory, or is not.
pub(super) fn verify_standby(is_elsewhere: bool, url: Option<&str>) -> std::result::Result<(), String> {
    match url.map(str::parse::<Target>) {
        None => Ok(()),
        Some(Ok(_)) if is_elsewhere => Ok(()),
        Some(Ok(_)) => {
            Err("only a tenant in another database has a standby of its own; servers are given that of their \
                            database by --read-database"
                .to_owned())
        }
        Some(Err(_)) => Err("the standby's URL is none of PostgreSQL".to_owned()),
    }
}

/// A schema that records are in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Spot {
    /// Another database's URL; `None`: the directory's.
    pub(super) database: Option<String>,
    pub(super) schema: String,
}

impl Spot {
    /// Whether no other tenant's records are there.
    pub(super) fn is_own(&self) -> bool {
        self.schema != POOL
    }

    pub(super) fn pool() -> Spot {
        Spot { database: None, schema: POOL.to_owned() }
    }

    /// How its database is reached, if the directory's is so.
    pub(super) fn target(&self, directory: &Target) -> Result<Target> {
        match &self.database {
            Some(url) => Ok(url.parse()?),
            None => Ok(directory.clone()),
        }
    }
}
