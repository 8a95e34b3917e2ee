//! Where data is kept, as `--database` says it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A database URL. What is printed of it holds no password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

/// What a database URL names.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// `sqlite:DIRECTORY`
    Folder(PathBuf),
    /// `postgres://…`
    Postgres,
}

impl DatabaseUrl {
    /// What it names; fails with what to write instead.
    pub fn place(&self) -> anyhow::Result<Place> {
        match self.0.split_once(':') {
            Some(("sqlite", folder)) if !folder.is_empty() => {
                Ok(Place::Folder(PathBuf::from(folder.strip_prefix("//").unwrap_or(folder))))
            }
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => Ok(Place::Postgres),
            _ => {
                anyhow::bail!("`{self}` is not a database URL; give --database sqlite:DIRECTORY, such as sqlite:./data")
            }
        }
    }

    /// The whole URL, password included: for the database alone.
    pub fn whole(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = std::convert::Infallible;

    /// Takes every text: what is wrong with one is told by [`DatabaseUrl::place`], without a password in it.
    fn from_str(text: &str) -> Result<DatabaseUrl, Self::Err> {
        Ok(DatabaseUrl(text.to_owned()))
    }
}

/// The URL without its password and without its parameters, which may hold one too.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.split('?').next().unwrap_or_default();
        let Some((scheme, rest)) = shown.split_once("://") else { return f.write_str(shown) };
        // A password may hold an `@` that somebody forgot to encode: the last one parts it from the host.
        match rest.rsplit_once('@') {
            Some((user, host)) => write!(f, "{scheme}://{}@{host}", user.split(':').next().unwrap_or_default()),
            None => write!(f, "{scheme}://{rest}"),
        }
    }
}

/// The same as [`fmt::Display`].
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn url(text: &str) -> DatabaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_url_names_a_folder_or_postgres() {
        let folder = |text| match url(text).place() {
            Ok(Place::Folder(folder)) => folder,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(folder("sqlite:./data"), Path::new("./data"));
        assert_eq!(folder("sqlite:///var/lib/medisync"), Path::new("/var/lib/medisync"));
        for text in ["postgres://db/medisync", "postgresql://u:p@db:5433/medisync?sslmode=verify-full"] {
            assert_eq!(url(text).place().unwrap(), Place::Postgres, "{text}");
        }
        for wrong in ["postgres:db", "sqlite:", "./data", "mysql://db/x"] {
            assert!(url(wrong).place().unwrap_err().to_string().contains("--database sqlite:"), "{wrong}");
        }
    }

    #[test]
    fn no_password_is_shown() {
        for (whole, shown) in [
            ("postgres://medisync:s3cret@db:5433/m", "postgres://medisync@db:5433/m"),
            ("postgres://medisync:s3c@ret:s3cret@db/m", "postgres://medisync@db/m"),
            ("postgres:///m?host=/run&password=s3cret", "postgres:///m"),
            ("sqlite:./data", "sqlite:./data"),
        ] {
            assert_eq!((url(whole).to_string(), format!("{:?}", url(whole))), (shown.to_owned(), shown.to_owned()));
        }
        assert!(!url("mysql://u:s3cret@db/x").place().unwrap_err().to_string().contains("s3cret"));
    }
}
