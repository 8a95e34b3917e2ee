//! Resources that a query leads to, by interactions that are held to what the caller may do: reads and searches.

use super::ast::Field;
use super::collect::Selections;
use super::element::At;
use super::output::{Members, Out};
use super::{Run, Selected, unknown};
use engine::{Headers, Request, Verb};
use fhir::json::{Doc, Limits, Value, quote};
use fhir::outcome::shown;
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};

/// What is found by a search that a field names.
#[derive(Clone, Copy)]
enum Shape {
    /// `PatientList`
    List,
    /// `PatientConnection`: with what a page says of itself.
    Connection,
}

impl<'c> Run<'c> {
    /// A resource by its address.
    pub(super) async fn read(&mut self, path: &str) -> Result<Doc> {
        self.look_at(1)?;
        self.got(path, String::new()).await
    }

    async fn got(&self, path: &str, query: String) -> Result<Doc> {
        // What a search does not know would leave it finding too much.
        let headers = Headers { prefer: Some("handling=strict".into()), ..Headers::default() };
        let request = Request { verb: Verb::Get, path: path.to_owned(), query, headers, body: Default::default() };
        let answer = self.call.engine.perform(self.call.ctx, request).await?;
        let text = std::str::from_utf8(&answer.body).map_err(Failure::internal)?;
        Doc::parse_within(text, &Limits { depth: 256, values: usize::MAX }).map_err(Failure::internal)
    }

    /// `resource` of a Reference. What cannot be read is an error, unless the query says `optional: true`.
    pub(super) async fn referred(&mut self, at: At<'_>, field: &'c Field, inner: &Selections<'c>) -> Result<Out> {
        self.only(field, &["optional", "type"])?;
        let is_optional = self.texts(field, "optional")?.first().is_some_and(|it| it == "true");
        let wanted = self.texts(field, "type")?;
        let text = at.value.str("reference").unwrap_or_default();
        if let Some(id) = text.strip_prefix('#') {
            let contained = at.resource.get("contained").into_iter().flat_map(Value::each);
            let target = contained.filter(|it| it.str("id") == Some(id)).chain([at.resource]).next();
            return match target {
                Some(value) if is_wanted(&wanted, value.str("resourceType").unwrap_or_default()) => {
                    let inside = At { resource: at.resource, ..At::resource(value)? };
                    Ok(Out::Object(self.members(inside, inner.clone()).await?))
                }
                _ => Ok(Out::Null),
            };
        }
        let path = text.strip_prefix(self.call.ctx.base()).map_or(text, |it| it.trim_start_matches('/'));
        let of = path.split('/').next().unwrap_or_default();
        let failure = if r4().resource(of).is_none() {
            Failure::new(
                IssueType::NotFound,
                "The reference leads to nothing on this server; optional: true leaves it out.",
            )
        } else if !is_wanted(&wanted, of) {
            return Ok(Out::Null);
        } else {
            match self.read(path).await {
                Ok(doc) => {
                    let members = self.members(At::resource(doc.root())?, inner.clone()).await?;
                    return Ok(Out::Object(members));
                }
                Err(failure) => failure,
            }
        };
        let is_missing = matches!(failure.status, 403 | 404 | 410);
        if is_optional && is_missing { Ok(Out::Null) } else { Err(failure) }
    }

    /// A search that a field names; from a resource on, of those that refer to it. `None` if the field names none.
    pub(super) fn searched<'f>(
        &'f mut self,
        from: Option<At<'f>>,
        field: &'c Field,
        inner: &'f Selections<'c>,
    ) -> Selected<'f, Option<Out>>
    where
        'c: 'f,
    {
        Box::pin(async move {
            let name = field.name.as_str();
            let list = name.strip_suffix("List").map(|it| (it, Shape::List));
            let connection = || name.strip_suffix("Connection").map(|it| (it, Shape::Connection));
            let Some((of, shape)) = list.or_else(connection).filter(|it| r4().resource(it.0).is_some()) else {
                return Ok(None);
            };
            let query = self.query(from, field, shape)?;
            let bundle = self.got(of, query).await?;
            let entries: Vec<Value<'_>> = bundle.root().get("entry").into_iter().flat_map(Value::each).collect();
            self.look_at(entries.len())?;
            let is_match = |it: &Value<'_>| it.get("search").and_then(|it| it.str("mode")) == Some("match");
            let entries: Vec<Value<'_>> = entries.into_iter().filter(is_match).collect();
            match shape {
                Shape::List => {
                    let mut outs = Vec::new();
                    for resource in entries.iter().filter_map(|it| it.get("resource")) {
                        outs.push(Out::Object(self.members(At::resource(resource)?, inner.clone()).await?));
                    }
                    Ok(Some(Out::List(outs)))
                }
                Shape::Connection => self.connection(bundle.root(), &entries, inner).await.map(Some),
            }
        })
    }

    /// The query of a search: names have `_` where parameters have `-`, a list is a parameter several times, `_cursor` is
    /// where a page before said that it goes on.
    fn query(&self, from: Option<At<'_>>, field: &Field, shape: Shape) -> Result<String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let mut refers = from.is_none();
        if matches!(shape, Shape::Connection) {
            query.append_pair("_total", "accurate");
        }
        for (name, input) in &field.arguments {
            for text in input.texts(&self.variables)? {
                match (name.as_str(), from) {
                    ("_reference", Some(at)) => {
                        let id = at.value.str("id").unwrap_or_default();
                        query.append_pair(&text.replace('_', "-"), &format!("{}/{id}", at.name()));
                        refers = true;
                    }
                    ("_cursor", _) => drop(query.append_pair("_page", &text)),
                    ("_include" | "_revinclude" | "_total" | "_elements" | "_summary", _) => {
                        let told = format!("A query in GraphQL does without {name}: it selects itself.");
                        return Err(Failure::new(IssueType::NotSupported, told));
                    }
                    (special, _) if special.starts_with('_') => drop(query.append_pair(special, &text)),
                    (plain, _) => drop(query.append_pair(&plain.replace('_', "-"), &text)),
                }
            }
        }
        if !refers {
            let told =
                format!("{} in a resource has the argument _reference: which parameter refers to it.", field.name);
            return Err(Failure::new(IssueType::Required, told));
        }
        Ok(query.finish())
    }

    async fn connection(&mut self, bundle: Value<'_>, entries: &[Value<'_>], inner: &Selections<'c>) -> Result<Out> {
        let link = |relation: &str| {
            let mut links = bundle.get("link").into_iter().flat_map(Value::each);
            let url = links.find(|it| it.str("relation") == Some(relation))?.str("url")?;
            let query = url.split_once('?').map_or("", |it| it.1);
            let page = form_urlencoded::parse(query.as_bytes()).find(|it| it.0 == "_page")?.1;
            Some(Out::Raw(quote(&page)))
        };
        let mut members = Members::default();
        for chosen in self.collect(None, inner.clone())? {
            chosen.refuse_shaping(&["first", "singleton", "flatten", "slice"])?;
            let out = match chosen.field.name.as_str() {
                "count" => bundle.get("total").map_or(Out::Null, |it| Out::Raw(it.raw().to_owned())),
                "pagesize" => Out::Raw(entries.len().to_string()),
                // Pages go on from where one ended; how far that is from the beginning, or what comes before, nobody counts.
                "offset" | "first" | "previous" | "last" => Out::Null,
                "next" => link("next").unwrap_or(Out::Null),
                "edges" => self.edges(entries, &chosen.selections).await?,
                other => return Err(unknown("A connection", other)),
            };
            members.add(chosen.key, out);
        }
        Ok(Out::Object(members))
    }

    async fn edges(&mut self, entries: &[Value<'_>], inner: &Selections<'c>) -> Result<Out> {
        let mut edges = Vec::new();
        for entry in entries {
            let mut members = Members::default();
            for chosen in self.collect(None, inner.clone())? {
                let search = |name: &str| entry.get("search").and_then(|it| it.get(name));
                let out = match (chosen.field.name.as_str(), entry.get("resource")) {
                    (name @ ("mode" | "score"), _) => {
                        search(name).map_or(Out::Null, |it| Out::Raw(it.raw().to_owned()))
                    }
                    ("resource", Some(resource)) => {
                        Out::Object(self.members(At::resource(resource)?, chosen.selections.clone()).await?)
                    }
                    ("resource", None) => Out::Null,
                    (other, _) => return Err(unknown("An edge", other)),
                };
                members.add(chosen.key, out);
            }
            edges.push(Out::Object(members));
        }
        Ok(Out::List(edges))
    }

    /// The texts of an argument.
    pub(super) fn texts(&self, field: &Field, name: &str) -> Result<Vec<String>> {
        let given = field.arguments.iter().find(|it| it.0 == name);
        Ok(given.map(|it| it.1.texts(&self.variables)).transpose()?.unwrap_or_default())
    }

    /// Fails if a field has other arguments than these.
    pub(super) fn only(&self, field: &Field, names: &[&str]) -> Result<()> {
        match field.arguments.iter().find(|it| !names.contains(&it.0.as_str())) {
            Some((other, _)) => {
                let told = format!("{} takes no argument {}.", field.name, shown(other));
                Err(Failure::new(IssueType::Invalid, told))
            }
            None => Ok(()),
        }
    }
}

fn is_wanted(types: &[String], of: &str) -> bool {
    types.is_empty() || types.iter().any(|it| it == of)
}
