//! A tenant's base as OpenAPI 3.1 (spec.openapis.org/oas/v3.1.0), made from the tables that serve it.

use crate::capability::served_params;
use crate::{Answer, Context, Engine};
use fhir::Result;
use fhir::spec::{Kind, Spec, Type, TypeId, r4};
use serde_json::{Map, Value as Json, json};
use std::sync::LazyLock;

/// Stands where the tenant's base belongs.
const BASE: &str = "medisync:base";

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| {
    let spec = r4();
    let mut paths = Map::new();
    paths.insert("/metadata".into(), json!({ "get": operation("capabilities", "CapabilityStatement", "200") }));
    paths.insert("/".into(), json!({ "get": operation("search-system", "Bundle", "200"), "post": with_body(operation("batch or transaction", "Bundle", "200"), "Bundle") }));
    paths.insert("/_history".into(), json!({ "get": operation("history-system", "Bundle", "200") }));
    for of in spec.resources() {
        resource_paths(spec, of, &mut paths);
    }
    let schemas: Map<String, Json> = spec.types().iter().map(|it| (it.name.to_string(), schema(spec, it))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "MediSync FHIR R4",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The FHIR R4 base of one tenant.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
        },
        "servers": [{ "url": BASE }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
            "schemas": schemas
        }
    })
    .to_string()
});

impl Engine {
    /// The OpenAPI description of the tenant's base.
    pub(crate) fn open_api(&self, ctx: &Context) -> Result<Answer> {
        Ok(Answer::new(200, DESCRIPTION.replace(BASE, ctx.base())))
    }
}

fn resource_paths(spec: &'static Spec, of: TypeId, paths: &mut Map<String, Json>) {
    let name = &*spec.of(of).name;
    let id = json!([{ "name": "id", "in": "path", "required": true, "schema": { "$ref": "#/components/schemas/id" } }]);
    let mut search = operation("search-type", "Bundle", "200");
    search["parameters"] = served_params(spec, of)
        .map(|it| {
            let schema = json!({ "type": "array", "items": { "type": "string" } });
            json!({ "name": it.code, "in": "query", "description": it.description, "explode": true, "schema": schema })
        })
        .collect();
    paths.insert(
        format!("/{name}"),
        json!({
            "get": search,
            "post": with_body(operation("create", name, "201"), name),
            "put": with_body(operation("update, conditional", name, "200"), name),
            "patch": with_patch(operation("patch, conditional", name, "200")),
            "delete": operation("delete, conditional", "OperationOutcome", "200"),
        }),
    );
    paths.insert(
        format!("/{name}/{{id}}"),
        json!({
            "parameters": id,
            "get": operation("read", name, "200"),
            "put": with_body(operation("update", name, "200"), name),
            "patch": with_patch(operation("patch", name, "200")),
            "delete": operation("delete", "OperationOutcome", "200"),
        }),
    );
    paths.insert(format!("/{name}/_history"), json!({ "get": operation("history-type", "Bundle", "200") }));
    paths.insert(
        format!("/{name}/{{id}}/_history"),
        json!({ "parameters": id, "get": operation("history-instance", "Bundle", "200") }),
    );
    let mut versioned = id.clone();
    if let Some(parameters) = versioned.as_array_mut() {
        parameters.push(
            json!({ "name": "vid", "in": "path", "required": true, "schema": { "$ref": "#/components/schemas/id" } }),
        );
    }
    paths.insert(
        format!("/{name}/{{id}}/_history/{{vid}}"),
        json!({ "parameters": versioned, "get": operation("vread", name, "200") }),
    );
}

fn content(of: &str) -> Json {
    json!({ "application/fhir+json": { "schema": { "$ref": format!("#/components/schemas/{of}") } } })
}

fn operation(summary: &str, answer: &str, status: &str) -> Json {
    json!({
        "summary": summary,
        "responses": {
            status: { "description": "Done", "content": content(answer) },
            "default": { "description": "Refused", "content": content("OperationOutcome") }
        }
    })
}

fn with_body(mut operation: Json, of: &str) -> Json {
    operation["requestBody"] = json!({ "required": true, "content": content(of) });
    operation
}

fn with_patch(mut operation: Json) -> Json {
    let mut content = content("Parameters");
    content["application/json-patch+json"] = json!({ "schema": { "type": "array", "items": { "type": "object" } } });
    operation["requestBody"] = json!({ "required": true, "content": content });
    operation
}

/// JSON Schema of a type: its members, which of them must be there, and what arrays are.
fn schema(spec: &Spec, of: &Type) -> Json {
    if of.kind == Kind::Primitive {
        return match &*of.name {
            "boolean" => json!({ "type": "boolean" }),
            "integer" => json!({ "type": "integer" }),
            "unsignedInt" => json!({ "type": "integer", "minimum": 0 }),
            "positiveInt" => json!({ "type": "integer", "minimum": 1 }),
            "decimal" => json!({ "type": "number" }),
            _ => json!({ "type": "string" }),
        };
    }
    let mut names: Vec<&str> = of.properties.keys().map(|it| &**it).collect();
    names.sort_unstable();
    let mut properties = Map::new();
    for name in names {
        let Some(property) = of.property(name) else { continue };
        let item = json!({ "$ref": format!("#/components/schemas/{}", spec.of(property.of).name) });
        let is_array = of.elements[usize::from(property.element)].is_array;
        let value = if is_array { json!({ "type": "array", "items": item }) } else { item };
        properties.insert(name.to_owned(), value);
    }
    let mut required: Vec<&str> =
        of.elements.iter().filter(|it| it.min > 0 && !it.is_choice).map(|it| &*it.name).collect();
    if of.kind == Kind::Resource {
        required.insert(0, "resourceType");
        let shape = if of.is_abstract { json!({ "type": "string" }) } else { json!({ "const": of.name }) };
        properties.insert("resourceType".into(), shape);
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_the_description_leads_somewhere() {
        let description: Json = serde_json::from_str(&DESCRIPTION).unwrap();
        let schemas = description["components"]["schemas"].as_object().unwrap();
        let mut rest = DESCRIPTION.as_str();
        while let Some(at) = rest.find("#/components/schemas/") {
            rest = &rest[at + 21..];
            let name = rest.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
        assert!(description["paths"]["/Patient/{id}"]["put"].is_object());
    }
}
