//! The profiles, tags and security labels that resources of a type, or of all types, have: each once, as far as the caller may
//! find the resources. They are read from these, a page of a search after the other, up to a bound.

use engine::{Call, Headers, Place, Request, Verb};
use fhir::json::{Doc, Limits, Value, quote};
use fhir::spec::r4;
use fhir::{Failure, IssueType, Result};
use std::collections::BTreeMap;
use store::Branch;

/// The most resources that are looked at.
const MOST: usize = 10_000;
/// How many of them are read at once.
const PAGE: usize = 500;

/// The lists of a meta, and the search parameters that find resources by them.
const LISTS: [(&str, &str); 3] = [("profile", "_profile"), ("security", "_security"), ("tag", "_tag")];

/// The lists with what is in use, as a Meta.
pub(super) async fn meta(call: &Call<'_>) -> Result<String> {
    let path = match &call.at {
        Place::Type(of) => of.clone(),
        _ => String::new(),
    };
    let types = match &call.at {
        Place::Type(_) => None,
        _ => Some(findable(call)?),
    };
    let mut left = MOST;
    let mut members = Vec::new();
    for (list, parameter) in LISTS {
        let mut walk = Walk { call, path: &path, list, left };
        let items = walk.items(query(parameter, types.as_deref())).await?;
        left = walk.left;
        if !items.is_empty() {
            let items: Vec<String> = items.into_values().collect();
            members.push(format!("{}:[{}]", quote(list), items.join(",")));
        }
    }
    Ok(format!("{{{}}}", members.join(",")))
}

/// What finds resources by one of the parameters.
fn query(parameter: &str, types: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(&format!("{parameter}:missing"), "false").append_pair("_count", &PAGE.to_string());
    query.extend_pairs(types.map(|it| ("_type", it)));
    query.finish()
}

/// The types of which the caller may find some resources.
fn findable(call: &Call<'_>) -> Result<String> {
    let mut types: Vec<&str> = Vec::new();
    for of in r4().resources() {
        let name = &*r4().of(of).name;
        let branch = Branch { of: name.to_owned(), filter: Vec::new(), sort: Vec::new() };
        match call.findable(branch) {
            // What the audit log has, has no meta but its own.
            Ok(_) if name != "AuditEvent" => types.push(name),
            Err(failure) if failure.status != 403 => return Err(failure),
            _ => {}
        }
    }
    match types.is_empty() {
        true => Err(Failure::new(IssueType::Forbidden, "There is no resource type that you may search.")),
        false => Ok(types.join(",")),
    }
}

/// A walk over the resources that have something in one of the lists.
struct Walk<'w, 'c> {
    call: &'w Call<'c>,
    path: &'w str,
    list: &'w str,
    left: usize,
}

impl Walk<'_, '_> {
    /// What they have there, as JSON: tags and labels by system and code, profiles by their URL.
    async fn items(&mut self, mut query: String) -> Result<BTreeMap<(String, String), String>> {
        let mut found = BTreeMap::new();
        loop {
            // Pages may be empty where much is looked at.
            self.left = self.left.checked_sub(PAGE / 10).ok_or_else(|| too_many(self.path))?;
            let page = self.page(query).await?;
            for resource in resources(&page) {
                self.left = self.left.checked_sub(1).ok_or_else(|| too_many(self.path))?;
                let list = resource.get("meta").and_then(|it| it.get(self.list));
                for item in list.into_iter().flat_map(Value::each).filter(|it| !it.is_null()) {
                    found.entry(identity(item)).or_insert_with(|| item.raw().to_owned());
                }
            }
            match next(&page) {
                Some(next) => query = next,
                None => return Ok(found),
            }
        }
    }

    async fn page(&self, query: String) -> Result<Doc> {
        let headers = Headers { prefer: Some("handling=strict".into()), ..Headers::default() };
        let path = self.path.to_owned();
        let request = Request { verb: Verb::Get, path, query, headers, body: Default::default() };
        let answer = self.call.engine.perform(self.call.ctx, request).await?;
        let text = std::str::from_utf8(&answer.body).map_err(Failure::internal)?;
        // A page holds many resources, each of which was held to the limits.
        Doc::parse_within(text, &Limits { depth: 256, values: usize::MAX }).map_err(Failure::internal)
    }
}

/// What an item is the same by.
fn identity(item: Value<'_>) -> (String, String) {
    let text = |name: &str| item.str(name).unwrap_or_default().to_owned();
    match item.as_str() {
        Some(url) => (url.to_owned(), String::new()),
        None => (text("system"), text("code")),
    }
}

fn resources(page: &Doc) -> impl Iterator<Item = Value<'_>> {
    page.root().get("entry").into_iter().flat_map(Value::each).filter_map(|it| it.get("resource"))
}

/// The query of the page that comes next.
fn next(page: &Doc) -> Option<String> {
    let mut links = page.root().get("link").into_iter().flat_map(Value::each);
    let next = links.find(|it| it.str("relation") == Some("next"))?.str("url")?;
    Some(next.split_once('?')?.1.to_owned())
}

fn too_many(path: &str) -> Failure {
    let narrower = if path.is_empty() { " Ask a resource type." } else { "" };
    let told = format!(
        "More than {MOST} resources have profiles, tags or labels; this server reads so many at the most.{narrower}"
    );
    Failure::new(IssueType::TooCostly, told)
}
