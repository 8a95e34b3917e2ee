//! The parameters of a search: filters of every type searched, and what controls the result (search.html#table).

use super::include::Include;
use super::unindexed::unindexed;
use super::unknown_parameter;
use crate::audit::AUDIT_EVENT;
use crate::prefer::Prefer;
use crate::summary::View;
use crate::terminology::Unread;
use crate::{Context, Engine, Request};
use fhir::outcome::shown;
use fhir::search::query::{is_full_text, join_dates};
use fhir::search::{Codes, ParamId, Query, QueryError, has_one_value, is_served};
use fhir::spec::{ParamType, Spec, TypeId, r4};
use fhir::{Failure, Issue, IssueType, Result};
use store::{Branch, Key, Sort, SortBy};

/// `_total` (search.html#total).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    None,
    Estimate,
    Accurate,
}

/// Parameters of a search at the most.
const PARAMETERS: usize = 200;

/// A key of `_sort`.
#[derive(Clone, Debug)]
pub(crate) struct SortKey {
    /// The parameter.
    pub(crate) code: String,
    /// Greatest first.
    pub(crate) descending: bool,
}

/// The parameters of a query string, each with its value.
pub(crate) fn parameters(query: &str) -> Result<Vec<(String, String)>> {
    let parameters: Vec<_> =
        form_urlencoded::parse(query.as_bytes()).map(|(a, b)| (a.into_owned(), b.into_owned())).collect();
    if parameters.len() > PARAMETERS {
        let told = format!("A search takes {PARAMETERS} parameters at the most.");
        return Err(Failure::new(IssueType::TooCostly, told));
    }
    Ok(parameters)
}

/// A search, read.
pub(crate) struct Search {
    pub(crate) branches: Vec<Branch>,
    /// The order, where no index keeps it; the branches have none then.
    pub(crate) gathered: Option<Vec<SortKey>>,
    pub(crate) includes: Vec<Include>,
    pub(crate) count: usize,
    pub(crate) view: View,
    pub(crate) total: Total,
    /// The page asked for.
    pub(crate) token: Option<String>,
    /// The search's URL relative to the base, with just the parameters that are honoured.
    pub(crate) address: String,
    /// What was not honoured.
    pub(crate) ignored: Vec<Issue>,
    /// What no index serves.
    pub(crate) unindexed: Vec<String>,
}

impl Engine {
    /// Reads the parameters of a search; fails for malformed ones always, and for unknown ones under strict handling.
    pub(crate) fn search_params(
        &self,
        ctx: &Context,
        of: Option<&str>,
        compartment: Option<&Key>,
        request: &Request,
        codes: &Codes,
    ) -> Result<Search, Unread> {
        let pairs = parameters(&request.query)?;
        let params = ctx.params();
        let spec = params.spec();
        let types = searched_types(of, compartment, &pairs)?;
        let mut reader = Reader {
            spec,
            queries: types
                .iter()
                .map(|it| Query { spec, of: *it, base: ctx.base(), now: self.now_micros(), codes })
                .collect(),
            filters: vec![Vec::new(); types.len()],
            names: Vec::new(),
            sort: Vec::new(),
            unknown: Vec::new(),
            search: Search {
                branches: Vec::new(),
                gathered: None,
                includes: Vec::new(),
                count: self.settings.default_count,
                view: View::Whole,
                total: Total::None,
                token: None,
                address: String::new(),
                ignored: Vec::new(),
                unindexed: Vec::new(),
            },
            honoured: form_urlencoded::Serializer::new(String::new()),
        };
        if let Some(owner) = compartment {
            reader.within(owner)?;
        }
        for (name, value) in &pairs {
            reader.parameter(self, name, value)?;
        }
        let strict = Prefer::parse(request.headers.prefer.as_deref())?.is_strict;
        if strict && !reader.unknown.is_empty() {
            let issues = reader.unknown.iter().map(|it| Issue::error(IssueType::NotSupported, it.clone()));
            return Err(Failure::of(issues.collect()).into());
        }
        Ok(reader.finish(of, compartment))
    }
}

/// The types a search looks at: the address's, those of `_type`, or all that can be in the compartment.
fn searched_types(of: Option<&str>, compartment: Option<&Key>, pairs: &[(String, String)]) -> Result<Vec<TypeId>> {
    let resource = |name: &str| {
        r4().resource(name)
            .ok_or_else(|| Failure::new(IssueType::Value, "_type names something that is not a resource type."))
    };
    if let Some(of) = of {
        return Ok(vec![resource(of)?]);
    }
    let mut types = Vec::new();
    for (_, value) in pairs.iter().filter(|(name, _)| name == "_type") {
        for name in value.split(',') {
            let of = resource(name)?;
            if name == AUDIT_EVENT {
                let told = "AuditEvents are searched by themselves: GET AuditEvent?….";
                return Err(Failure::new(IssueType::NotSupported, told));
            }
            if !types.contains(&of) {
                types.push(of);
            }
        }
    }
    if !types.is_empty() {
        return Ok(types);
    }
    match compartment.and_then(|it| r4().resource(&it.of)).and_then(|it| r4().compartment(it)) {
        Some(compartment) => Ok(compartment.members.iter().map(|(of, _)| *of).collect()),
        None => Ok(r4().resources().collect()),
    }
}

struct Reader<'a> {
    spec: &'a Spec,
    /// One for each type searched, as are the filters.
    queries: Vec<Query<'a>>,
    filters: Vec<Vec<fhir::search::Clause>>,
    /// The names of the filters' clauses.
    names: Vec<String>,
    sort: Vec<SortKey>,
    unknown: Vec<String>,
    search: Search,
    honoured: form_urlencoded::Serializer<'static, String>,
}

impl Reader<'_> {
    fn within(&mut self, owner: &Key) -> Result<()> {
        let of = r4().resource(&owner.of).filter(|it| r4().compartment(*it).is_some()).ok_or_else(|| {
            let told = format!(
                "{} has no compartment; Patient, Encounter, Practitioner, RelatedPerson and Device have.",
                owner.of
            );
            Failure::new(IssueType::NotSupported, told).with_status(404)
        })?;
        for (query, filter) in self.queries.iter().zip(&mut self.filters) {
            let clause = query.in_compartment(of, &owner.id).ok_or_else(|| {
                let told = format!("{} is never in the compartment of a {}.", r4().of(query.of).name, owner.of);
                Failure::new(IssueType::NotSupported, told).with_status(404)
            })?;
            filter.push(clause);
        }
        Ok(())
    }

    fn parameter(&mut self, engine: &Engine, name: &str, value: &str) -> Result<(), Unread> {
        match name {
            "_format" | "_pretty" => {}
            "_page" => {
                self.search.token = Some(value.to_owned());
                return Ok(());
            }
            "_count" => self.search.count = engine.count(value)?,
            "_type" if self.queries.len() > 1 || !value.is_empty() => {}
            "_summary" => {
                let told = "_summary is true, text, data, count or false.";
                self.search.view = View::summary(value).ok_or_else(|| Failure::new(IssueType::Value, told))?;
            }
            "_elements" => self.search.view = View::elements(value),
            "_total" => {
                self.search.total = match value {
                    "none" => Total::None,
                    "estimate" => Total::Estimate,
                    "accurate" => Total::Accurate,
                    _ => return Err(Failure::new(IssueType::Value, "_total is none, estimate or accurate.").into()),
                }
            }
            "_sort" => return Ok(self.sort(value)?),
            "_contained" => return Ok(self.contained(value)?),
            _ if name.starts_with("_include") || name.starts_with("_revinclude") => {
                self.search.includes.push(Include::parse(self.spec, name, value)?);
            }
            _ => return self.filter(name, value),
        }
        self.honoured.append_pair(name, value);
        Ok(())
    }

    fn filter(&mut self, name: &str, value: &str) -> Result<(), Unread> {
        let clauses: Result<Vec<_>, QueryError> = self.queries.iter().map(|it| it.clause(name, value)).collect();
        match clauses {
            Ok(clauses) => {
                for (filter, clause) in self.filters.iter_mut().zip(clauses) {
                    filter.push(clause);
                }
                self.names.push(name.to_owned());
                self.honoured.append_pair(name, value);
                Ok(())
            }
            Err(QueryError::Unknown(told)) => {
                self.unknown.push(told);
                Ok(())
            }
            Err(QueryError::Invalid(told)) => Err(Failure::new(IssueType::Invalid, told).into()),
            Err(QueryError::Needs(asked)) => Err(Unread::Needs(asked)),
        }
    }

    /// search.html#contained: what is contained in others is not matched by itself, which is what `false` asks for.
    fn contained(&mut self, value: &str) -> Result<()> {
        match value {
            "false" => {
                self.honoured.append_pair("_contained", value);
            }
            "true" | "both" => {
                let told = "Contained resources are not matched by themselves: _contained is false.";
                self.unknown.push(told.to_owned());
            }
            _ => return Err(Failure::new(IssueType::Value, "_contained is true, false or both.")),
        }
        Ok(())
    }

    /// search.html#sort; a key that is unknown, or of a kind that has no order here, is said and left out.
    fn sort(&mut self, value: &str) -> Result<()> {
        let mut kept = Vec::new();
        for key in value.split(',') {
            let (code, descending) = match key.strip_prefix('-') {
                Some(code) => (code, true),
                None => (key, false),
            };
            if self.queries.iter().all(|it| is_sortable(it, code)) {
                self.sort.push(SortKey { code: code.to_owned(), descending });
                kept.push(key);
            } else {
                let shown = shown(code);
                self.unknown.push(format!("The result cannot be sorted by {shown}."));
            }
        }
        if !kept.is_empty() {
            self.honoured.append_pair("_sort", &kept.join(","));
        }
        Ok(())
    }

    fn finish(mut self, of: Option<&str>, compartment: Option<&Key>) -> Search {
        let has_index = |key: &SortKey| self.queries.iter().all(|it| sort_by(it, &key.code).is_some());
        let (sort, gathered) = match self.sort.iter().all(has_index) {
            true => (self.sort, None),
            false => (Vec::new(), Some(self.sort)),
        };
        self.search.unindexed = unindexed(&self.filters, &self.names, gathered.is_some());
        self.search.gathered = gathered;
        self.search.branches = self
            .queries
            .iter()
            .zip(self.filters)
            .map(|(query, filter)| Branch {
                of: r4().of(query.of).name.to_string(),
                filter: join_dates(query.spec, query.of, filter),
                sort: sort
                    .iter()
                    .filter_map(|key| {
                        let by = sort_by(query, &key.code)?;
                        let is_single = matches!(by, SortBy::Date(param) if has_one_value(query.spec, query.of, param));
                        Some(Sort { by, descending: key.descending, is_single })
                    })
                    .collect(),
            })
            .collect();
        let path = match (compartment, of) {
            (Some(owner), of) => format!("{owner}/{}", of.unwrap_or("*")),
            (None, of) => of.unwrap_or_default().to_owned(),
        };
        self.search.address = format!("{path}?{}", self.honoured.finish());
        self.search.ignored = self.unknown.iter().map(|it| unknown_parameter(it)).collect();
        self.search
    }
}

/// Whether a type can be sorted by a parameter: by all but composites and special ones, which have no order.
fn is_sortable(query: &Query<'_>, code: &str) -> bool {
    let param = query.spec.param(query.of, code).filter(|it| it.own.is_none() || is_served(it));
    param.is_some_and(|it| !matches!(it.kind, ParamType::Composite | ParamType::Special))
}

/// The index that keeps the order of a type by a parameter.
fn sort_by(query: &Query<'_>, code: &str) -> Option<SortBy> {
    if code == "_id" {
        return Some(SortBy::Id);
    }
    let param = query.spec.param(query.of, code)?;
    let id = ParamId::of_param(&query.spec.of(query.of).name, param);
    match param.kind {
        _ if is_full_text(param) => None,
        ParamType::String => Some(SortBy::String(id)),
        ParamType::Date => Some(SortBy::Date(id)),
        ParamType::Number | ParamType::Quantity => Some(SortBy::Number(id)),
        _ => None,
    }
}
