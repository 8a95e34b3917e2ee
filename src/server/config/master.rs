//! Where the master key is, as `--master-key` says it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// `auto`, `none`, `file:PATH`, `env:VARIABLE` or `vault:URL/MOUNT/KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterKey {
    /// A file in the data folder, made where there is none.
    Auto,
    /// No master key.
    None,
    /// A file of keys.
    File(PathBuf),
    /// A variable of the environment that holds what a file would.
    Variable(String),
    /// HashiCorp Vault's Transit engine.
    Vault(Transit),
}

/// A key of Vault's Transit engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transit {
    /// Vault's address, without a slash at its end.
    pub url: String,
    /// Where the engine is mounted.
    pub mount: String,
    /// The key's name.
    pub key: String,
}

impl FromStr for MasterKey {
    type Err = String;

    fn from_str(text: &str) -> Result<MasterKey, String> {
        let told =
            || format!("`{text}` is not auto, none, file:PATH, env:VARIABLE or vault:https://HOST:8200/MOUNT/KEY");
        match (text, text.split_once(':')) {
            ("auto", _) => Ok(MasterKey::Auto),
            ("none", _) => Ok(MasterKey::None),
            (_, Some(("file", path))) if !path.is_empty() => Ok(MasterKey::File(path.into())),
            (_, Some(("env", name))) if !name.is_empty() && !name.contains('=') => {
                Ok(MasterKey::Variable(name.to_owned()))
            }
            (_, Some(("vault", url))) => transit(url).map(MasterKey::Vault).ok_or_else(told),
            _ => Err(told()),
        }
    }
}

fn transit(text: &str) -> Option<Transit> {
    let (scheme, rest) = text.split_once("://")?;
    let (host, path) = rest.trim_end_matches('/').split_once('/')?;
    let (mount, key) = path.rsplit_once('/')?;
    let is_name = |it: &str| {
        !it.is_empty()
            && !it.starts_with('.')
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.".contains(&it))
    };
    let is_plain = matches!(scheme, "https" | "http")
        && !host.is_empty()
        && !host.contains(['@', '?', '#', ' '])
        && mount.split('/').chain([key]).all(is_name);
    is_plain.then(|| Transit { url: format!("{scheme}://{host}"), mount: mount.to_owned(), key: key.to_owned() })
}

/// Shows no key: none stands in it.
impl fmt::Display for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MasterKey::Auto => f.write_str("auto"),
            MasterKey::None => f.write_str("none"),
            MasterKey::File(path) => write!(f, "file:{}", path.display()),
            MasterKey::Variable(name) => write!(f, "env:{name}"),
            MasterKey::Vault(Transit { url, mount, key }) => write!(f, "vault:{url}/{mount}/{key}"),
        }
    }
}

/// `none`, or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionalFile(Option<PathBuf>);

impl OptionalFile {
    /// The file's path.
    pub fn given(&self) -> Option<&PathBuf> {
        self.0.as_ref()
    }
}

impl FromStr for OptionalFile {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<OptionalFile, Self::Err> {
        Ok(OptionalFile((text != "none").then(|| text.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_key_is_somewhere() {
        let vault = |url: &str, mount: &str, key: &str| {
            MasterKey::Vault(Transit { url: url.into(), mount: mount.into(), key: key.into() })
        };
        for (text, is) in [
            ("auto", MasterKey::Auto),
            ("none", MasterKey::None),
            ("file:/etc/medisync/master.keys", MasterKey::File("/etc/medisync/master.keys".into())),
            ("env:MEDISYNC_KEYS", MasterKey::Variable("MEDISYNC_KEYS".into())),
            (
                "vault:https://vault.internal:8200/transit/medisync",
                vault("https://vault.internal:8200", "transit", "medisync"),
            ),
            ("vault:https://v/a/b/key", vault("https://v", "a/b", "key")),
        ] {
            assert_eq!(text.parse().as_ref(), Ok(&is), "{text}");
            assert_eq!(is.to_string(), text);
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for text in [
            "",
            "file:",
            "env:",
            "env:A=b",
            "vault:",
            "vault:https://v",
            "vault:https://v/key",
            "vault:ftp://v/m/k",
            "vault:https://u@v/m/k",
            "vault:https://v/m/../k",
            "vault:https://v/m/k?x",
            "AAEC",
        ] {
            assert!(text.parse::<MasterKey>().is_err(), "{text}");
        }
    }
}
