//! What an OperationDefinition says of an operation (operationdefinition.html), as far as it governs here.

use super::Place;
use fhir::spec::r4;
use serde_json::Value as Json;

/// An OperationDefinition, read.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Name without `$`.
    pub(crate) code: String,
    /// Canonical URL.
    pub(crate) url: String,
    /// Resource types it is for; `Resource` is all of them.
    pub(crate) resources: Vec<String>,
    /// On the base.
    pub(crate) on_system: bool,
    /// On a type.
    pub(crate) on_type: bool,
    /// On an instance.
    pub(crate) on_instance: bool,
    /// Whether it changes anything, so that GET is refused.
    pub(crate) affects_state: bool,
    /// What goes in.
    pub(crate) parameters: Vec<Parameter>,
    /// What comes out: the type of `return`, or Parameters where several come.
    pub(crate) returns: String,
}

/// The type of a parameter that has parts: that of a Parameters resource's parameters.
pub(crate) const PARTS: &str = "Parameters.parameter";

/// An input parameter.
#[derive(Debug)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: String,
    /// Its type; [`PARTS`] where it has parts.
    pub(crate) of: String,
    /// How often it must be given.
    pub(crate) min: usize,
    /// How often it may be given; `None` is `*`.
    pub(crate) max: Option<usize>,
    /// What it is about.
    pub(crate) documentation: String,
}

impl Definition {
    /// Reads an OperationDefinition; fails with what it lacks.
    pub(crate) fn parse(text: &str) -> Result<Definition, String> {
        let json: Json = serde_json::from_str(text).map_err(|it| it.to_string())?;
        let flag = |name: &str| json[name].as_bool().unwrap_or(false);
        let all: &[Json] = json["parameter"].as_array().map_or(&[], Vec::as_slice);
        let outs: Vec<&Json> = all.iter().filter(|it| it["use"] == "out").collect();
        let returns = match outs.as_slice() {
            [only] if only["name"] == "return" => string(only, "type")?,
            _ => "Parameters".to_owned(),
        };
        let resources = json["resource"].as_array().into_iter().flatten().filter_map(Json::as_str).map(str::to_owned);
        Ok(Definition {
            code: string(&json, "code")?,
            url: string(&json, "url")?,
            resources: resources.collect(),
            on_system: flag("system"),
            on_type: flag("type"),
            on_instance: flag("instance"),
            affects_state: flag("affectsState"),
            parameters: all.iter().filter(|it| it["use"] == "in").map(parameter).collect::<Result<_, _>>()?,
            returns,
        })
    }

    /// Whether it can be called there.
    pub(crate) fn serves(&self, at: &Place) -> bool {
        match at {
            Place::System => self.on_system,
            Place::Type(of) => self.on_type && self.is_for(of),
            Place::Instance(key) | Place::Version { key, .. } => self.on_instance && self.is_for(&key.of),
        }
    }

    /// Whether it is for this resource type.
    pub(crate) fn is_for(&self, of: &str) -> bool {
        self.resources.iter().any(|it| it == of || it == "Resource")
    }

    /// The input parameter with this name.
    pub(crate) fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|it| it.name == name)
    }
}

fn parameter(json: &Json) -> Result<Parameter, String> {
    let of = if json["part"].is_array() { PARTS.to_owned() } else { string(json, "type")? };
    if r4().type_named(&of).is_none() {
        return Err(format!("{of} is not a type"));
    }
    let max = string(json, "max")?;
    let max = if max == "*" { None } else { Some(max.parse().map_err(|_| format!("{max} is no maximum"))?) };
    Ok(Parameter {
        name: string(json, "name")?,
        of,
        min: json["min"].as_u64().unwrap_or(0) as usize,
        max,
        documentation: json["documentation"].as_str().unwrap_or_default().to_owned(),
    })
}

fn string(json: &Json, name: &str) -> Result<String, String> {
    json[name].as_str().map(str::to_owned).ok_or_else(|| format!("{name} is missing"))
}
