//! Writes that widen what somebody sees. A rule on a resource type does not let anybody make them: Consents and labels
//! need a right ([`Right`]), and who somebody is to the records others say.

use super::Right;
use crate::aim::Target;
use crate::privacy::{CONSENT, is_in_force, is_lowered, is_of_patient, me};
use crate::{Context, Engine};
use fhir::json::{Doc, Value};
use fhir::mask::{Labelled, bared, labelled, may_be_labelled};
use fhir::search::Target as Reference;
use fhir::{Failure, Issue, IssueType, Result};
use memchr::memmem;
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;
use store::{Key, Method};

/// Who is in one of these may see more, or less, by what Consents and care teams say.
const TEAMS: [&str; 3] = ["CareTeam", "Group", "PractitionerRole"];
/// These say of a user who acts as one of them for whom, or in which role.
const STANDINGS: [&str; 3] = ["PractitionerRole", "RelatedPerson", "Person"];

/// What becomes of a resource.
struct Change<'v> {
    former: Option<Value<'v>>,
    /// None where it is deleted.
    new: Option<Value<'v>>,
}

impl<'v> Change<'v> {
    fn both(&self) -> impl Iterator<Item = Value<'v>> {
        [self.former, self.new].into_iter().flatten()
    }
}

impl Engine {
    /// Fails with 403 where a write would widen what somebody sees, and the caller has no right to that.
    pub(crate) async fn demand_unwidened(&self, ctx: &Context, target: &Target, new: Option<Value<'_>>) -> Result<()> {
        if ctx.caller.scopes.is_administrator() {
            return Ok(());
        }
        // What was deleted has the labels still that it had.
        let deleted = match &target.current {
            None if target.version > 1 => self.last_content(ctx, &target.key).await?,
            _ => None,
        };
        let last = target.current.as_ref().or(deleted.as_ref());
        let body = last.map(|it| it.body.as_ref()).unwrap_or_default();
        let of = target.key.of.as_str();
        let is_looked_at = of == CONSENT || TEAMS.contains(&of) || STANDINGS.contains(&of);
        let text = std::str::from_utf8(body).map_err(Failure::internal)?;
        let is_labelled_now = |it: Value<'_>| labels_of(it).next().is_some() || may_be_labelled(it.raw());
        let has_labels =
            memmem::find(body, b"\"security\"").is_some() || may_be_labelled(text) || new.is_some_and(is_labelled_now);
        if !is_looked_at && !has_labels {
            return Ok(());
        }
        let last = match text {
            "" => None,
            text => Some(Doc::parse(text).map_err(Failure::internal)?),
        };
        let last = last.as_ref().map(Doc::root);
        labels(ctx, &Change { former: last, new })?;
        let change = Change { former: last.filter(|_| target.current.is_some()), new };
        consents(ctx, of, &change)?;
        standing(ctx, &target.key, &change)?;
        teams(ctx, target, &change)
    }
}

/// Consents in force are written by whom they do not serve: whoever has the right, or the patient whose they are.
fn consents(ctx: &Context, of: &str, change: &Change<'_>) -> Result<()> {
    if of != CONSENT || ctx.caller.scopes.have(Right::Consents) || !change.both().any(is_in_force) {
        return Ok(());
    }
    let own = me(&ctx.caller, ctx.base()).filter(|it| it.of == "Patient");
    if own.is_some_and(|own| change.both().all(|it| is_of_patient(it, &own.id, ctx.base()))) {
        return Ok(());
    }
    refused(
        "Access goes by active Consents on privacy: they are written, changed and ended by the patient whose they are, and \
         by users one of whose roles has the right consents. Leave it a draft or proposed, for one of them to put into force.",
    )
}

/// What has a label is hidden by it, perhaps from others than the caller.
fn labels(ctx: &Context, change: &Change<'_>) -> Result<()> {
    let (Some(former), Some(new)) = (change.former, change.new) else { return Ok(()) };
    if ctx.caller.scopes.have(Right::Labels) {
        return Ok(());
    }
    let there: FxHashSet<_> = labels_of(new).collect();
    if !labels_of(former).all(|it| there.contains(&it)) {
        return refused(
            "Security labels (meta.security) hide what has them: they are taken away by users one of whose roles has the right \
             labels. Send those that the resource has.",
        );
    }
    if let Some(element) = bared(former, new) {
        let told = format!(
            "Elements {element} have security labels, which hide what has them: a label is taken away, with its element or for \
             another one as well, by users one of whose roles has the right labels. Leave it on what has it, and that nowhere \
             without it."
        );
        return Err(Failure::of(vec![Issue::error(IssueType::Forbidden, told).at(element)]));
    }
    let inline = [former, new].map(labelled);
    let [before, after] = [(former, &inline[0]), (new, &inline[1])].map(|(it, inline)| of_whole(it, inline));
    if is_lowered(before.into_iter(), after.into_iter()) {
        return refused(
            "Without a level of confidentiality the resource is of level N: a lower one (U, L or M) is put on it by users one of whose \
             roles has the right labels.",
        );
    }
    Ok(())
}

/// The labels that a resource has as a whole: those of `meta`, and of elements that cannot be taken away alone.
fn of_whole<'v>(resource: Value<'v>, inline: &[Labelled<'v>]) -> Vec<(Option<&'v str>, &'v str)> {
    let own = labels_of(resource).filter_map(|(system, code)| Some((system, code?)));
    own.chain(inline.iter().filter(|it| it.path.is_none()).map(|it| (it.system, it.code))).collect()
}

/// The labels of a resource itself.
pub(super) fn labels_of(resource: Value<'_>) -> impl Iterator<Item = (Option<&str>, Option<&str>)> {
    let labels = resource.get("meta").and_then(|it| it.get("security")).into_iter().flat_map(Value::each);
    labels.map(|it| (it.str("system"), it.str("code")))
}

/// For whom and in which role somebody acts, others say; and who else a Person is that the caller is.
fn standing(ctx: &Context, key: &Key, change: &Change<'_>) -> Result<()> {
    let of = key.of.as_str();
    let Some(me) = me(&ctx.caller, ctx.base()).filter(|_| STANDINGS.contains(&of)) else { return Ok(()) };
    let is_same_person = || of == "Person" && change.both().any(|it| names_one(it, ctx.base(), |named| *named == me));
    if of == "RelatedPerson" && !ctx.caller.scopes.have(Right::Consents) && is_moved_to_another_patient(change) {
        return refused(
            "Whoever acts as a RelatedPerson sees the records of its patient: for another patient it is written by users one of \
             whose roles has the right consents.",
        );
    }
    if me == *key || is_same_person() {
        return refused("It says whose records you see, or in which role: somebody else has to write it.");
    }
    Ok(())
}

/// Nobody enters or leaves a team, group or role that others may have named already; a new one of one's own nobody has.
fn teams(ctx: &Context, target: &Target, change: &Change<'_>) -> Result<()> {
    let of = target.key.of.as_str();
    let Some(limits) = ctx.limits.as_ref().filter(|_| TEAMS.contains(&of)) else { return Ok(()) };
    let is_role = of == "PractitionerRole";
    let own = |it: Option<Value<'_>>| {
        let mut own = it.map(|it| members(of, it, ctx.base())).unwrap_or_default();
        own.retain(|it| limits.is_caller(it));
        own
    };
    let is_own = is_role && (limits.is_caller(&target.key) || change.both().any(|it| !own(Some(it)).is_empty()));
    let is_moved = own(change.former) != own(change.new) || is_own;
    if !is_moved || target.method == Method::Post && !is_role {
        return Ok(());
    }
    refused(
        "What you see may rest on it: nobody enters or leaves a CareTeam, a Group or a PractitionerRole that is there, or \
         changes one of their own. Somebody else has to.",
    )
}

fn is_moved_to_another_patient(change: &Change<'_>) -> bool {
    let patient = |it: Value<'_>| it.get("patient").and_then(|it| it.str("reference").map(str::to_owned));
    change.former.is_some_and(|former| change.new.is_some_and(|new| patient(former) != patient(new)))
}

/// Who belongs to a team, group or role, as long as it counts: whatever else it refers to makes nobody one of it.
fn members(of: &str, resource: Value<'_>, base: &str) -> BTreeSet<Key> {
    let each = |list: &str, member: &'static str| {
        let items = resource.get(list).into_iter().flat_map(Value::each);
        items.filter_map(|it| it.get(member)).collect::<Vec<_>>()
    };
    let found = match of {
        "CareTeam" if resource.str("status") != Some("inactive") => each("participant", "member"),
        "Group" => each("member", "entity"),
        "PractitionerRole" => resource.get("practitioner").into_iter().collect(),
        _ => Vec::new(),
    };
    let references = found.into_iter().filter_map(|it| it.str("reference"));
    let keys = references.filter_map(|it| match Reference::parse(it, base) {
        Reference::Local { of, id } => Some(Key::new(of, id)),
        Reference::Url(_) => None,
    });
    keys.collect()
}

/// Whether a resource refers to one of those.
fn names_one(resource: Value<'_>, base: &str, is_one: impl Fn(&Key) -> bool) -> bool {
    let mut references = resource.descendants().filter_map(|it| it.str("reference"));
    references.any(|it| match Reference::parse(it, base) {
        Reference::Local { of, id } => is_one(&Key::new(of, id)),
        Reference::Url(_) => false,
    })
}

fn refused(told: &str) -> Result<()> {
    Err(Failure::new(IssueType::Forbidden, told))
}
