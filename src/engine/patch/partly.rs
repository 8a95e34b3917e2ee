//! A patch by somebody who does not see all of the resource: it is carried out on what they see, so that none of its tests
//! and paths tells of the rest, and the rest is put back. It changes nothing that is hidden, nor what hidden elements lie in.

use crate::{Context, Engine};
use fhir::json::{Doc, Value, write_string};
use fhir::mask::Mask;
use fhir::{Failure, IssueType, Result};
use rustc_hash::FxHashSet;
use store::Stored;

impl Engine {
    /// A version as the caller sees it, but for the tag that says so; `None` where nothing is hidden of it.
    pub(crate) fn hidden_view(&self, ctx: &Context, stored: &Stored) -> Result<Option<String>> {
        if !ctx.is_masked() {
            return Ok(None);
        }
        let whole = self.parse(&stored.body)?;
        self.without_hidden(ctx, whole.root(), stored.updated, false)
    }
}

/// What a patch made of the view of a resource, with what the view lacks; fails with 403 where it changed some of that.
pub(super) fn restored(whole: &Doc, view: &Doc, after: &Doc, mask: &Mask) -> Result<String> {
    let (whole, view, after) = (whole.root(), view.root(), after.root());
    let kept = kept(whole, view, mask);
    let is_kept = |it: &Value<'_>| kept.contains(plain(it.key()));
    for name in kept.iter().flat_map(|it| [(*it).to_owned(), format!("_{it}")]) {
        let is_same = match (view.get(&name), after.get(&name)) {
            (None, None) => true,
            (Some(before), Some(now)) => before.same(now),
            _ => false,
        };
        if !is_same {
            return Err(hidden(plain(&name)));
        }
    }
    let mut out = String::from("{");
    for member in after.children().filter(|it| !is_kept(it)).chain(whole.children().filter(is_kept)) {
        out.push_str(if out.len() > 1 { "," } else { "" });
        write_string(&mut out, member.key());
        out.push(':');
        out.push_str(member.raw());
    }
    out.push('}');
    Ok(out)
}

/// The elements that are hidden or of which something is: those that a mask names, whether or not they are there, and those
/// that the view shows otherwise.
fn kept<'w>(whole: Value<'w>, view: Value<'_>, mask: &'w Mask) -> FxHashSet<&'w str> {
    let is_other = |it: &Value<'_>| view.get(it.key()).is_none_or(|seen| !seen.same(*it));
    let others = whole.children().filter(is_other).map(|it| plain(it.key()));
    let named = mask.paths().filter_map(|it| it.split('.').next());
    others.chain(named).chain(["text"]).collect()
}

/// A member's name without the mark of a companion.
fn plain(name: &str) -> &str {
    name.strip_prefix('_').unwrap_or(name)
}

fn hidden(name: &str) -> Failure {
    let told = format!(
        "The element {name} is hidden from you, or some of it is, so a patch cannot change it: it changes elements that you \
         see whole."
    );
    Failure::new(IssueType::Forbidden, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(text: &str) -> Doc {
        Doc::parse(text).unwrap()
    }

    fn patched(after: &str) -> Result<String> {
        let whole = doc(r#"{"a":1,"name":[{"family":"f","given":["g"]}],"b":[1.10],"text":{"div":"t"}}"#);
        let view = doc(r#"{"a":1,"name":[{"given":["g"]}],"b":[1.10]}"#);
        let mut mask = Mask::default();
        ["name.family", "identifier"].into_iter().for_each(|it| mask.hide(it));
        restored(&whole, &view, &doc(after), &mask)
    }

    #[test]
    fn what_is_seen_is_changed_and_the_rest_put_back() {
        let text = patched(r#"{"a":2,"name":[{"given":["g"]}],"c":3}"#).unwrap();
        assert_eq!(text, r#"{"a":2,"c":3,"name":[{"family":"f","given":["g"]}],"text":{"div":"t"}}"#);
    }

    #[test]
    fn what_is_hidden_is_not_changed() {
        for after in [
            r#"{"a":1,"name":[{"given":["h"]}]}"#,
            r#"{"a":1}"#,
            r#"{"a":1,"name":[{"given":["g"]}],"identifier":[{"value":"1"}]}"#,
            r#"{"a":1,"name":[{"given":["g"]}],"_identifier":[{"id":"1"}]}"#,
            r#"{"a":1,"name":[{"given":["g"]}],"text":{"div":"other"}}"#,
        ] {
            assert_eq!(patched(after).unwrap_err().status, 403, "{after}");
        }
    }
}
