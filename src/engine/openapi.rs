//! A tenant's base as OpenAPI 3.1 (spec.openapis.org/oas/v3.1.0), made from the tables that serve it.

use crate::audit::AUDIT_EVENT;
use crate::capability::served_params;
use crate::operation::{Definition, Operations, Parameter};
use crate::{Answer, Context, Engine};
use fhir::Result;
use fhir::primitive::Primitive;
use fhir::spec::{Kind, Spec, Type, TypeId, r4};
use serde_json::{Map, Value as Json, json};

/// Stands where the tenant's base belongs.
const BASE: &str = "medisync:base";

/// The description with everything but the base.
fn description(spec: &Spec, operations: &Operations) -> String {
    let mut paths = Map::new();
    paths.insert("/metadata".into(), json!({ "get": operation("capabilities", "CapabilityStatement", "200") }));
    paths.insert("/".into(), json!({ "get": operation("search-system", "Bundle", "200"), "post": with_body(operation("batch or transaction", "Bundle", "200"), "Bundle") }));
    paths.insert("/_history".into(), json!({ "get": operation("history-system", "Bundle", "200") }));
    for of in spec.resources() {
        resource_paths(spec, of, &mut paths);
    }
    for definition in operations.definitions() {
        operation_paths(spec, definition, &mut paths);
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
}

impl Engine {
    /// The OpenAPI description of the tenant's base.
    pub(crate) fn open_api(&self, ctx: &Context) -> Result<Answer> {
        let of_tenant = ctx.params().own_spec().map(|spec| description(spec, &self.operations));
        let standard = || self.description.get_or_init(|| description(r4(), &self.operations));
        Ok(Answer::new(200, of_tenant.as_ref().unwrap_or_else(standard).replace(BASE, ctx.base())))
    }
}

fn resource_paths(spec: &Spec, of: TypeId, paths: &mut Map<String, Json>) {
    let name = &*spec.of(of).name;
    let id = path_id();
    let mut search = operation("search-type", "Bundle", "200");
    search["parameters"] = served_params(spec, of)
        .map(|it| {
            let schema = json!({ "type": "array", "items": { "type": "string" } });
            json!({ "name": it.code, "in": "query", "description": it.description, "explode": true, "schema": schema })
        })
        .collect();
    if name == AUDIT_EVENT {
        // What is logged is not changed.
        paths.insert(
            format!("/{name}"),
            json!({ "get": search, "post": with_body(operation("create", name, "201"), name) }),
        );
        let read = json!({ "parameters": id, "get": operation("read", name, "200") });
        paths.insert(format!("/{name}/{{id}}"), read);
        return;
    }
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

/// An operation on its levels: by POST, and by GET if it changes nothing and a URL can hold what it needs.
fn operation_paths(spec: &Spec, definition: &Definition, paths: &mut Map<String, Json>) {
    let code = &definition.code;
    let summary = format!("operation ${code}");
    let is_simple = |it: &&Parameter| Primitive::named(&it.of).is_some();
    let mut get = operation(&summary, &definition.returns, "200");
    get["parameters"] = definition.parameters.iter().filter(is_simple).map(query_parameter).collect();
    let mut methods = json!({ "post": with_body(operation(&summary, &definition.returns, "200"), "Parameters") });
    if !definition.affects_state && definition.parameters.iter().all(|it| it.min == 0 || is_simple(&it)) {
        methods["get"] = get;
    }
    if definition.on_system {
        paths.insert(format!("/${code}"), methods.clone());
    }
    for of in spec.resources().map(|it| &*spec.of(it).name).filter(|it| definition.is_for(it)) {
        if definition.on_type {
            paths.insert(format!("/{of}/${code}"), methods.clone());
        }
        if definition.on_instance {
            let mut methods = methods.clone();
            methods["parameters"] = path_id();
            paths.insert(format!("/{of}/{{id}}/${code}"), methods);
        }
    }
}

fn query_parameter(parameter: &Parameter) -> Json {
    let mut schema = json!({ "$ref": format!("#/components/schemas/{}", parameter.of) });
    if parameter.max != Some(1) {
        schema = json!({ "type": "array", "items": schema });
    }
    json!({
        "name": parameter.name, "in": "query", "required": parameter.min > 0,
        "description": parameter.documentation, "explode": true, "schema": schema
    })
}

/// The `{id}` of a path.
fn path_id() -> Json {
    json!([{ "name": "id", "in": "path", "required": true, "schema": { "$ref": "#/components/schemas/id" } }])
}

fn content(of: &str) -> Json {
    // What XML looks like, JSON Schema cannot say.
    let schema = json!({ "$ref": format!("#/components/schemas/{of}") });
    json!({ "application/fhir+json": { "schema": schema }, "application/fhir+xml": {} })
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
    content["application/xml-patch+xml"] = json!({});
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
        let text = description(r4(), &Operations::new(Vec::new()));
        let description: Json = serde_json::from_str(&text).unwrap();
        let schemas = description["components"]["schemas"].as_object().unwrap();
        let mut rest = text.as_str();
        while let Some(at) = rest.find("#/components/schemas/") {
            rest = &rest[at + 21..];
            let name = rest.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
        assert!(description["paths"]["/Patient/{id}"]["put"].is_object());
    }
}
