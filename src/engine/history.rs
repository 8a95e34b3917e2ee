//! `history` of an instance, a type and the system (http.html#history).

use crate::access::Latest;
use crate::bundle::{BundleWriter, Response};
use crate::page::{self, Turn};
use crate::sight::Sight;
use crate::{Answer, Context, Engine, Interaction, Request};
use fhir::outcome::shown;
use fhir::primitive::datetime;
use fhir::{Failure, IssueType, Result};
use store::{History, Method, Position, Scope, Stored};

/// What a request's parameters ask for.
struct Asked {
    history: History,
    /// Where to go on.
    token: Option<String>,
    /// The request's URL relative to the base, with the parameters that are honoured.
    query: String,
}

impl Engine {
    /// A page of versions, newest first.
    pub(crate) async fn history(
        &self,
        ctx: &Context,
        interaction: &Interaction,
        scope: &Scope,
        request: &Request,
    ) -> Result<Answer> {
        let mut sight = Sight::of(self, ctx, scope)?;
        let Asked { mut history, token, query } = self.read_query(scope, request)?;
        if let Some(token) = &token {
            history.before = page::open(ctx, &query, token)?.position().map(|it| it.row);
        }
        if let Scope::Instance(key) = scope
            && !sight.has_history(key).await?
        {
            return Err(Failure::new(IssueType::NotFound, "There is no such resource."));
        }
        let found = sight.versions(history).await?;
        let url = format!("{}/{}", ctx.base(), query.trim_end_matches('?'));
        let mut links = vec![("self", url.clone())];
        if let Some(row) = found.next {
            let token = page::seal(ctx, &query, &Turn::After(Position { row, ..Position::default() }));
            let sign = if url.contains('?') { '&' } else { '?' };
            links.push(("next", format!("{url}{sign}_page={token}")));
        }
        let mut bundle = BundleWriter::new("history", &(self.ambient.new_id)(), (self.ambient.now_ms)());
        if let Some(total) = found.total {
            bundle.total(total);
        }
        bundle.links(&links);
        let mut latest = Latest::default();
        for version in &found.shown {
            let shown = self.version_seen(ctx, version, &mut latest).await?;
            write_version(&mut bundle, ctx.base(), version, &shown)?;
        }
        ctx.note(interaction, 200, |noted| {
            noted.asked(request);
            found.shown.iter().for_each(|it| noted.touched(it));
        });
        Ok(Answer::new(200, bundle.finish()))
    }

    fn read_query(&self, scope: &Scope, request: &Request) -> Result<Asked> {
        let mut history =
            History { scope: scope.clone(), since: None, at: None, before: None, limit: self.settings.default_count };
        let mut token = None;
        let mut honoured = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
            match &*name {
                "_format" | "_pretty" => {}
                "_page" => {
                    token = Some(value.into_owned());
                    continue;
                }
                "_count" => history.limit = self.count(&value)?.max(1),
                "_since" => history.since = Some(instant(&name, &value)?.0.div_euclid(1000)),
                "_at" => {
                    let (low, high) = instant(&name, &value)?;
                    history.at = Some((low.div_euclid(1000), high.div_euclid(1000)));
                }
                other => {
                    let shown = shown(other);
                    let told = format!("A history takes no parameter {shown}; it takes _count, _since and _at.");
                    return Err(Failure::new(IssueType::Invalid, told));
                }
            }
            honoured.append_pair(&name, &value);
        }
        let query = format!("{}?{}", request.path, honoured.finish());
        Ok(Asked { history, token, query })
    }

    /// Reads `_count`: what is more than the server's maximum is cut to it (search.html#count).
    pub(crate) fn count(&self, value: &str) -> Result<usize> {
        let count: usize = value
            .parse()
            .map_err(|_| Failure::new(IssueType::Value, "_count is a whole number of resources on a page."))?;
        Ok(count.min(self.settings.max_count))
    }
}

/// A time of a query, in microseconds.
fn instant(name: &str, value: &str) -> Result<(i64, i64)> {
    let range = datetime::range(&value.replace(' ', "+")).ok_or_else(|| {
        Failure::new(IssueType::Value, format!("{name} takes a date or time such as 2026-11-20T08:30:00Z."))
    })?;
    Ok((range.low, range.high))
}

fn write_version(bundle: &mut BundleWriter, base: &str, version: &Stored, shown: &[u8]) -> Result<()> {
    bundle.begin(Some(&format!("{base}/{}", version.key)));
    if !version.is_deleted() {
        bundle.resource(std::str::from_utf8(shown).map_err(Failure::internal)?);
    }
    let url = if version.method == Method::Post { version.key.of.clone() } else { version.key.to_string() };
    let status = match version.method {
        Method::Delete => 204,
        _ if version.version == 1 => 201,
        _ => 200,
    };
    bundle.request(version.method.name(), &url);
    bundle.response(&Response {
        status,
        version: Some(version.version),
        last_modified: Some(version.updated),
        ..Response::default()
    });
    bundle.end();
    Ok(())
}
