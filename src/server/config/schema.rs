//! The settings file as a JSON Schema (draft 2020-12): `medisync config schema` prints it, for editors to complete and
//! check by. It is made from the settings themselves: each type of value says what it looks like in a file. A file is held
//! to the types when it is read; a test holds thousands of files against both.

use super::{
    Auto, Correspondent, DatabaseUrl, MailRoute, MasterKey, OptionalFile, Place, Region, Regions, Registration,
    Registry, SecondUrl, Secret, Size, Span,
};
use crate::auth::breached::Breached;
use crate::http::{Origin, Origins, Proxies};
use crate::logging::Format;
use crate::outgoing::{Authorities, Hosts};
use crate::rates::Rate;
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// What a value looks like in a settings file.
pub(super) trait Described: FromStr {
    /// What is expected, as a sentence goes on after "it must be".
    fn expected() -> String;
    /// Its schema.
    fn schema() -> Json;

    /// Whether a text is a value of it.
    fn fits(text: &str) -> bool {
        text.parse::<Self>().is_ok()
    }
}

/// A setting: its key, and its schema.
pub(super) struct Property {
    pub key: String,
    expected: String,
    schema: Json,
    /// Whether a text can be read as a value of it.
    fits: fn(&str) -> bool,
}

/// Describes a setting; what it is unless it is said is shown with what it is about.
pub(super) fn property<T: Described>(key: &str, default: &str, about: &str) -> Property {
    let mut schema = T::schema();
    schema["description"] = format!("{about} It must be {}.", T::expected()).into();
    schema["default"] = default.into();
    Property { key: super::file::name(key), expected: T::expected(), schema, fits: T::fits }
}

/// The schema of a settings file.
pub fn schema() -> Json {
    let properties: serde_json::Map<String, Json> = super::properties().map(|it| (it.key, it.schema)).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of medisync",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

/// What is wrong with the settings of a file: a sentence for each key, sorted, none of which repeats a value.
pub(super) fn problems(settings: &toml::Table) -> Vec<String> {
    let known: Vec<Property> = super::properties().collect();
    let of = |(key, value): (&String, &toml::Value)| match known.iter().find(|it| it.key == *key) {
        Some(property) => property.problem(value),
        None => {
            let all: Vec<&str> = known.iter().map(|it| it.key.as_str()).collect();
            Some(format!("`{key}` is not a setting; the settings are {}", all.join(", ")))
        }
    };
    let mut all: Vec<String> = settings.iter().filter_map(of).collect();
    all.sort();
    all
}

impl Property {
    fn problem(&self, value: &toml::Value) -> Option<String> {
        let fits = super::file::scalar(value).is_some_and(|it| self.may_be(value) && (self.fits)(&it));
        (!fits).then(|| format!("{}: it must be {}", self.key, self.expected))
    }

    /// Whether the schema lets a value of this kind stand: a number only where one is meant, and an empty text hardly anywhere.
    fn may_be(&self, value: &toml::Value) -> bool {
        let alternatives = self.schema["anyOf"].as_array().map_or(std::slice::from_ref(&self.schema), Vec::as_slice);
        alternatives.iter().any(|it| match value {
            toml::Value::Integer(_) => it["type"].as_array().is_some_and(|all| all.iter().any(|it| it == "integer")),
            toml::Value::String(text) if !it["const"].is_null() => it["const"] == text.as_str(),
            toml::Value::String(text) => !text.is_empty() || it["minLength"].is_null(),
            _ => false,
        })
    }
}

/// A text that matches.
fn text(pattern: &str) -> Json {
    json!({ "type": "string", "pattern": pattern })
}

macro_rules! described {
    ($($type:ty: $expected:literal, $schema:expr;)*) => {
        $(impl Described for $type {
            fn expected() -> String {
                $expected.to_owned()
            }

            fn schema() -> Json {
                $schema
            }
        })*
    };
}

described! {
    String: "a text", json!({ "type": "string", "minLength": 1 });
    PathBuf: "a path", json!({ "type": "string", "minLength": 1 });
    u32: "a whole number", whole();
    usize: "a whole number", whole();
    Size: "a size such as 50 MiB", json!({ "type": ["string", "integer"], "minimum": 0, "pattern": r"^\s*[0-9]+\s*([KMG]i)?B?\s*$" });
    Span: "a length of time such as 30s, 5m or 1h", text(r"^\s*[0-9]+\s*(ms|s|m|h|d)\s*$");
    SocketAddr: "an address and a port such as 127.0.0.1:8080", text(r"^([0-9.]+|\[[0-9a-fA-F:.%]+\]):[0-9]{1,5}$");
    Region: "none or a label such as eu", text("^(?!any$)[a-z0-9-]+$");
    Regions: "any or labels such as eu,uk", text("^(any|(?!(any|none)(,|$))[a-z0-9-]+(,(?!(any|none)(,|$))[a-z0-9-]+)*)$");
    Rate: "none or a whole number above 0", json!({ "type": ["integer", "string"], "minimum": 1, "pattern": "^(none|0*[1-9][0-9]*)$" });
    MailRoute: "none, folder:PATH, smtp://HOST:PORT or smtps://HOST:PORT", text("^(none|folder:.+|smtps?://.+)$");
    Correspondent: "none or an address such as North Clinic <noreply@example.org>", text(r"^(none|[^@<>:/]*<[^@<>() :/]+@[^@<>() :/]+>|[^@<>() :/]+@[^@<>() :/]+)$");
    Secret: "none or a text", json!({ "type": "string" });
    MasterKey: "auto, none, file:PATH, env:VARIABLE or vault:https://HOST:8200/MOUNT/KEY", text("^(auto|none|file:.+|env:[^=]+|vault:https?://[^/?#@ ]+(/[A-Za-z0-9_-][A-Za-z0-9_.-]*){2,}/*)$");
    OptionalFile: "none or a file", json!({ "type": "string", "minLength": 1 });
    Registry: "none or an address such as https://packages.fhir.org", text("^(none|https?://[^?#@ ]+)$");
    Registration: "open, approval or closed", json!({ "enum": ["open", "approval", "closed"] });
    Authorities: "none or a file", json!({ "type": "string", "minLength": 1 });
    Breached: "none or a file", json!({ "type": "string", "minLength": 1 });
    Hosts: "none or hosts such as keys.hospital.internal", text(r"^\s*[^/@ *,]+(\s*,\s*[^/@ *,]+)*\s*$");
    Origin: "an address such as https://fhir.example.org", text("^https?://[^/?#@ ]+/*$");
    Origins: "none, any or addresses such as https://app.example.org", text(r"^\s*(none|any|https?://[^/?#@, ]+/*(\s*,\s*https?://[^/?#@, ]+/*)*)\s*$");
    Proxies: "loopback, none, or addresses and blocks such as 10.0.0.0/8", text(&format!(r"^\s*{NETWORK}(\s*,\s*{NETWORK})*\s*$"));
    Format: "text or json", json!({ "enum": ["text", "json"] });
    store::Placement: "pool, schema or database", json!({ "enum": ["pool", "schema", "database"] });
    engine::ProfileBreach: "error or warning", json!({ "enum": ["error", "warning"] });
    engine::ReadEvents: "auto, database or node", json!({ "enum": ["auto", "database", "node"] });
    engine::MadeProvenance: "all, imports or none", json!({ "enum": ["all", "imports", "none"] });
}

/// One of those that stand before the server.
const NETWORK: &str = r"(loopback|none|([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)(/[0-9]{1,3})?)";

/// URLs take every text, so as to tell what is wrong with one without a password in it; a file has only right ones.
impl Described for DatabaseUrl {
    fn expected() -> String {
        "sqlite:DIRECTORY or postgres://USER@HOST/DATABASE".to_owned()
    }

    fn schema() -> Json {
        text("^(sqlite:.+|postgres(ql)?://.*)$")
    }

    fn fits(text: &str) -> bool {
        text.parse::<DatabaseUrl>().is_ok_and(|it| it.place().is_ok())
    }
}

impl Described for SecondUrl {
    fn expected() -> String {
        "none or postgres://USER@HOST/DATABASE".to_owned()
    }

    fn schema() -> Json {
        text("^(none|postgres(ql)?://.*)$")
    }

    fn fits(text: &str) -> bool {
        let is_postgres = |it: &DatabaseUrl| it.place().is_ok_and(|it| it == Place::Postgres);
        text.parse::<SecondUrl>().is_ok_and(|it| it.given().is_none_or(is_postgres))
    }
}

fn whole() -> Json {
    json!({ "type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+$" })
}

impl<T: Described> Described for Auto<T> {
    fn expected() -> String {
        format!("auto or {}", T::expected())
    }

    fn schema() -> Json {
        json!({ "anyOf": [{ "const": "auto" }, T::schema()] })
    }
}
