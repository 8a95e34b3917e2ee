//! A transaction (http.html#transaction): everything, or nothing.
//!
//! Entries become requests, requests aims; then links are resolved, every new version is made, and all is committed
//! at once. Reads come last and see what was written. If others changed what an aim builds on, all of it runs again.

use super::entry::Entry;
use super::links::{self, Links, Mention};
use super::{BundleWriter, wants_resources, within_entry, write_answer};
use crate::aim::{Aim, Target};
use crate::interaction::Interaction;
use crate::provenance::Source;
use crate::unique::Draft;
use crate::write::{ATTEMPTS, answer, commit_failure, kept_changing};
use crate::{Answer, Context, Engine, Request};
use fhir::json::{Doc, Value};
use fhir::{Failure, Issue, IssueType, Result};
use rustc_hash::FxHashSet;
use store::{Changes, CommitError, Committed, Guard, Key, Method};

/// The interaction's code.
const TRANSACTION: &str = "transaction";
/// A reading entry that waits until everything is written.
const READS_LAST: u8 = 3;

/// What an entry asks for.
struct Asked<'a> {
    entry: Entry<'a>,
    interaction: Interaction,
    /// Where its resource may have links.
    mentions: Vec<Mention<'a>>,
}

/// What becomes of an entry.
enum Step {
    /// A write, and the number of its put.
    Write { target: Target, put: usize },
    /// Nothing is to be done.
    Done(Answer),
    /// A read or search.
    Read,
}

/// What the entries so far are about.
#[derive(Default)]
struct Touched {
    written: FxHashSet<Key>,
    deleted: FxHashSet<Key>,
    /// Types and criteria of conditional creates.
    criteria: FxHashSet<(String, String)>,
}

impl Engine {
    /// Carries out a transaction Bundle, parsed from the request's body. `content` marks what it came from, so that it is taken only once.
    pub(crate) async fn transaction(
        &self,
        ctx: &Context,
        doc: &Doc,
        request: &Request,
        content: Option<[u8; 16]>,
    ) -> Result<Answer> {
        let mut entries = Vec::new();
        for (at, entry) in self.entries(doc, &request.body)?.into_iter().enumerate() {
            let entry = entry.map_err(|it| within_entry(it, at))?;
            let interaction = Interaction::parse(&entry.request).map_err(|it| within_entry(it, at))?;
            if interaction == Interaction::Bundle {
                let told = "A Bundle cannot be posted within a transaction.";
                return Err(within_entry(Failure::new(IssueType::NotSupported, told), at));
            }
            if let Interaction::Operation { at: place, code } = &interaction {
                self.in_transaction(place, code).map_err(|it| within_entry(it, at))?;
            }
            let mentions = entry.resource.map(links::mentions).unwrap_or_default();
            entries.push(Asked { entry, interaction, mentions });
        }
        unique_urls(&entries)?;
        let returns = wants_resources(request)?;
        let source = Source { header: request.headers.provenance.as_deref(), content };
        for _ in 0..ATTEMPTS {
            let ctx = &self.pinned(ctx.clone()).await?;
            if let Some(answers) = self.try_transaction(ctx, &entries, source).await? {
                let mut bundle =
                    BundleWriter::new("transaction-response", &(self.ambient.new_id)(), (self.ambient.now_ms)());
                for answer in answers {
                    write_answer(&mut bundle, ctx, Ok(answer), returns)?;
                }
                return Ok(Answer::new(200, bundle.finish()));
            }
        }
        Err(kept_changing())
    }

    /// One attempt; `None` if others got in between.
    async fn try_transaction(
        &self,
        ctx: &Context,
        entries: &[Asked<'_>],
        source: Source<'_>,
    ) -> Result<Option<Vec<Answer>>> {
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by_key(|it| entries[*it].entry.rank());
        let mut changes = Changes { content: source.content, ..Changes::default() };
        let mut steps: Vec<Option<Step>> = entries.iter().map(|_| None).collect();
        let mut touched = Touched::default();
        for at in &order {
            let Asked { entry, interaction, .. } = &entries[*at];
            let step = match entry.rank() {
                READS_LAST => Ok(Step::Read),
                _ => self.aim_entry(ctx, entry, interaction, &mut touched).await,
            };
            let mut step = step.map_err(|it| within_entry(it, *at))?;
            if let Step::Write { target, .. } = &mut step {
                changes.guards.append(&mut target.guards);
            }
            steps[*at] = Some(step);
        }
        let mut links = entry_links(entries, &steps);
        self.conditional_links(ctx, entries, &mut links, &mut changes.guards).await?;
        let mut drafts = Vec::new();
        for at in &order {
            let Some(Step::Write { target, put }) = &mut steps[*at] else { continue };
            *put = drafts.len();
            let made = self.linked_version(ctx, target, &entries[*at], &links).await;
            drafts.push(made.map_err(|it| within_entry(it, *at))?);
        }
        drafts.extend(self.provenance(ctx, source, &drafts).await?);
        changes.guards.append(&mut self.unique(ctx, &drafts).await?);
        changes.audit = self.events_of(&ctx.within_bundle(TRANSACTION), &drafts).await?;
        changes.puts.extend(drafts.into_iter().map(|it| it.put));
        let Some(done) = self.committed(ctx, changes).await? else { return Ok(None) };
        let mut answers = Vec::with_capacity(steps.len());
        for (Asked { entry, interaction, .. }, step) in entries.iter().zip(steps) {
            answers.push(match step {
                Some(Step::Write { target, put }) => {
                    let body = done.bodies.get(put).cloned().unwrap_or_default();
                    let body = self.seen_of(ctx, &body, done.updated)?;
                    let mut answer = answer(target.status(), &target.key, target.version, done.updated, body, None);
                    // Every write of a Bundle tells where its resource is (bundle.html#transaction-response).
                    if answer.status != 204 {
                        answer.location = Some(format!("{}/_history/{}", target.key, target.version));
                    }
                    answer
                }
                Some(Step::Done(answer)) => {
                    let bundled = ctx.within_bundle(TRANSACTION);
                    bundled.note(interaction, answer.status, |noted| noted.answered(interaction, &answer));
                    answer
                }
                // All is written: a read that fails now says so in its own response.
                Some(Step::Read) | None => {
                    match Box::pin(self.perform(&ctx.within_bundle(TRANSACTION), entry.request.clone())).await {
                        Ok(answer) => answer,
                        Err(failure) => Answer::new(failure.status, failure.to_json()),
                    }
                }
            });
        }
        Ok(Some(answers))
    }

    /// Commits, unless there is nothing to commit; `None` if others got in between.
    async fn committed(&self, ctx: &Context, changes: Changes) -> Result<Option<Committed>> {
        if changes.puts.is_empty() && changes.guards.is_empty() && changes.content.is_none() {
            return Ok(Some(Committed::default()));
        }
        match self.commit(ctx, changes).await {
            Ok(done) => Ok(Some(done)),
            Err(CommitError::Conflict | CommitError::Outdated) => Ok(None),
            Err(error) => Err(commit_failure(error)),
        }
    }

    /// Finds what a writing entry is about. No two may be about one resource (http.html#trules).
    async fn aim_entry(
        &self,
        ctx: &Context,
        entry: &Entry<'_>,
        interaction: &Interaction,
        touched: &mut Touched,
    ) -> Result<Step> {
        if let (Interaction::Create { of }, Some(criteria)) = (interaction, &entry.request.headers.if_none_exist)
            && !touched.criteria.insert((of.clone(), criteria.clone()))
        {
            let told = "Two entries of the transaction create a resource under the same ifNoneExist.";
            return Err(Failure::new(IssueType::Invalid, told));
        }
        let target = match self.aim(ctx, interaction, &entry.request, entry.resource).await? {
            Aim::Write(target) => target,
            Aim::Found(there) if touched.deleted.contains(&there.key) => {
                self.aim_create_after_delete(ctx, &there.key.of, &entry.request).await?
            }
            Aim::Found(there) => return Ok(Step::Done(self.found(ctx, there, None)?)),
            Aim::Done(answer) => return Ok(Step::Done(answer)),
        };
        if target.method == Method::Delete {
            touched.deleted.insert(target.key.clone());
        }
        if !touched.written.insert(target.key.clone()) {
            let told = "Two entries of the transaction change the same resource.";
            return Err(Failure::new(IssueType::Invalid, told));
        }
        Ok(Step::Write { target, put: usize::MAX })
    }

    /// A new version, its links resolved.
    async fn linked_version(&self, ctx: &Context, target: &Target, asked: &Asked<'_>, links: &Links) -> Result<Draft> {
        let entry = &asked.entry;
        let is_plain = target.method != Method::Delete && target.method != Method::Patch;
        match entry.resource.filter(|_| is_plain) {
            Some(resource) => {
                let doc = self.parse(links::replaced(resource, &asked.mentions, links).as_bytes())?;
                self.version(ctx, target, &entry.request, Some(doc.root())).await
            }
            None => self.version(ctx, target, &entry.request, entry.resource).await,
        }
    }

    /// Resolves references that are searches: each must find just one resource. They are looked up once however often
    /// they occur.
    async fn conditional_links(
        &self,
        ctx: &Context,
        entries: &[Asked<'_>],
        links: &mut Links,
        guards: &mut Vec<Guard>,
    ) -> Result<()> {
        let mut seen: FxHashSet<&str> = FxHashSet::default();
        for (at, asked) in entries.iter().enumerate() {
            let references = asked.mentions.iter().filter_map(Mention::reference);
            for reference in references.filter(|it| links::is_criteria(it)) {
                if !seen.insert(reference) {
                    continue;
                }
                let (of, criteria) = reference.split_once('?').unwrap_or((reference, ""));
                let matched = self.only_match(ctx, of, criteria).await.map_err(|it| within_entry(it, at))?;
                let Some(found) = matched.found else {
                    let told = format!("A conditional reference to {of} finds no resource; it must find one.");
                    let failure = Failure::new(IssueType::NotFound, told).with_status(412);
                    return Err(within_entry(failure, at));
                };
                links.insert(reference.to_owned(), found.key.to_string());
                guards.push(matched.guard);
            }
        }
        Ok(())
    }
}

/// No two entries may have one fullUrl (bundle.html#invs, bdl-7).
fn unique_urls(entries: &[Asked<'_>]) -> Result<()> {
    let mut seen = FxHashSet::default();
    for (at, Asked { entry, .. }) in entries.iter().enumerate() {
        let Some(url) = entry.full_url else { continue };
        if !seen.insert(url) {
            let issue = Issue::error(IssueType::Invalid, "Another entry has the same fullUrl.");
            return Err(Failure::of(vec![issue.at(format!("Bundle.entry[{at}].fullUrl"))]));
        }
    }
    Ok(())
}

/// Where the fullUrls of written entries lead. A relative reference leads to an entry as well, if the entry's own
/// fullUrl ends with it (bundle.html#references).
fn entry_links(entries: &[Asked<'_>], steps: &[Option<Step>]) -> Links {
    let mut links = Links::default();
    for (Asked { entry, .. }, step) in entries.iter().zip(steps) {
        let key = match step {
            Some(Step::Write { target, .. }) => target.key.to_string(),
            Some(Step::Done(Answer { key: Some(key), .. })) => key.to_string(),
            _ => continue,
        };
        let Some(url) = entry.full_url else { continue };
        if let Some(relative) = relative_part(url, entry.resource)
            && relative != key
        {
            links.insert(relative.to_owned(), key.clone());
        }
        links.insert(url.to_owned(), key);
    }
    links
}

/// `Type/id` at the end of a RESTful fullUrl whose resource has that type and id.
fn relative_part<'u>(url: &'u str, resource: Option<Value<'_>>) -> Option<&'u str> {
    let resource = resource?;
    let key = format!("{}/{}", resource.str("resourceType")?, resource.str("id")?);
    let is_restful = url.starts_with("http") && url.strip_suffix(&key).is_some_and(|it| it.ends_with('/'));
    is_restful.then(|| &url[url.len() - key.len()..])
}
