//! What a change does to the labels of elements ([`labelled`]): an element that had one is not to stand without it.
//!
//! Elements have no identity of their own, so they are known by what they say. Whoever sees what is labelled may replace it, as
//! long as what comes in its place has the label; but the label does not go to something that stood there without, nor does
//! what it was on, or most of it, come to stand there without the label.

use super::below;
use super::label::{Label, is_label, labelled, labels_of};
use super::walk::{Met, Visitor, walk};
use crate::json::Value;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// So many pairs of elements are compared; of a change of more it cannot be told that it bares nothing.
const MOST_PAIRS: usize = 100_000;

/// An element of which a change takes a label away, by the path of its definition with its resource type: with the label
/// alone, with the element, or by giving the label to another one.
pub fn bared(former: Value<'_>, new: Value<'_>) -> Option<String> {
    let labels = labelled(former);
    let asked: BTreeSet<_> = labels.iter().map(|it| (it.at.as_str(), it.system, it.code)).collect();
    if asked.is_empty() {
        return None;
    }
    let paths: BTreeSet<&str> = asked.iter().map(|it| it.0).collect();
    let [before, after] = [former, new].map(|it| standing(it, &paths));
    let is_bared = |(at, system, code): &(&str, Option<&str>, &str)| {
        let [before, after] = [&before, &after].map(|it| it.get(*at).map_or(&[][..], Vec::as_slice));
        bares(&Sides::of(before, (*system, *code)), &Sides::of(after, (*system, *code)))
    };
    asked.iter().find(|it| is_bared(it)).map(|it| it.0.to_owned())
}

/// What an element says: its values with their paths in it, sorted; without ids, and without labels.
type Content = Vec<(String, String)>;

/// An element at one of the paths asked for.
struct Standing<'v> {
    content: Content,
    own: Vec<Label<'v>>,
    /// Its labels, and those of what it lies in.
    all: Vec<Label<'v>>,
}

/// What the elements at a path say, as to one label.
#[derive(Default)]
struct Sides<'s> {
    labelled: Vec<&'s Content>,
    /// Of those that neither have it nor lie in what has it.
    open: Vec<&'s Content>,
}

impl<'s> Sides<'s> {
    fn of(all: &'s [Standing<'_>], label: Label<'_>) -> Sides<'s> {
        let mut sides = Sides::default();
        for it in all {
            match (it.own.contains(&label), it.all.contains(&label)) {
                (true, _) => sides.labelled.push(&it.content),
                (false, true) => {}
                (false, false) => sides.open.push(&it.content),
            }
        }
        sides
    }
}

fn bares(before: &Sides<'_>, after: &Sides<'_>) -> bool {
    let gone = without(&before.labelled, &after.labelled);
    let fresh = without(&after.labelled, &before.labelled);
    let (closed, opened) = (without(&before.open, &after.open), without(&after.open, &before.open));
    let pairs = (fresh.len() + before.labelled.len()).saturating_mul(closed.len() + opened.len());
    if pairs > MOST_PAIRS {
        return true;
    }
    // What stood there without the label and has it now takes no other one's place.
    let in_place = fresh.iter().filter(|it| !closed.iter().any(|open| is_akin(it, open))).count();
    let was_open = |it: &Content| before.open.iter().any(|open| has(open, it));
    let mut hidden = before.labelled.iter().filter(|it| !was_open(it));
    gone.len() > in_place || hidden.any(|it| opened.iter().any(|open| is_akin(it, open)))
}

/// Those of one list that another one has not, each as often as it has it less.
fn without<'s>(all: &[&'s Content], others: &[&Content]) -> Vec<&'s Content> {
    let mut left: FxHashMap<&Content, usize> = FxHashMap::default();
    for it in others {
        *left.entry(it).or_default() += 1;
    }
    let is_left = |it: &&&'s Content| match left.get_mut(**it) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    all.iter().filter(is_left).copied().collect()
}

/// Whether one of two says all that the other one does.
fn is_akin(one: &Content, other: &Content) -> bool {
    one.is_empty() == other.is_empty() && (has(one, other) || has(other, one))
}

/// Whether a content has all of another one.
fn has(whole: &Content, part: &Content) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|wanted| rest.any(|it| it == wanted))
}

fn standing<'v>(resource: Value<'v>, paths: &BTreeSet<&str>) -> FxHashMap<String, Vec<Standing<'v>>> {
    let mut walker = Walker { paths, found: FxHashMap::default(), around: Vec::new() };
    let own: Vec<Label<'v>> = labels_of(resource).collect();
    // The resource stays what it is, whatever it says.
    let itself = Standing { content: Content::new(), own: own.clone(), all: own.clone() };
    walker.found.insert(resource.str("resourceType").unwrap_or_default().to_owned(), vec![itself]);
    walker.around.push(own);
    walk(resource, &mut walker);
    walker.found
}

struct Walker<'p, 'v> {
    paths: &'p BTreeSet<&'p str>,
    found: FxHashMap<String, Vec<Standing<'v>>>,
    /// The labels of what is walked through, each with those of what it lies in.
    around: Vec<Vec<Label<'v>>>,
}

impl<'v> Visitor<'v> for Walker<'_, 'v> {
    fn enter(&mut self, element: &Met<'v>) {
        let own = element.labels();
        let mut all = self.around.last().cloned().unwrap_or_default();
        all.extend(&own);
        let at = below(element.root, &element.path);
        if self.paths.contains(at.as_str()) {
            let standing = Standing { content: content(element), own, all: all.clone() };
            self.found.entry(at).or_default().push(standing);
        }
        self.around.push(all);
    }

    fn leave(&mut self) {
        self.around.pop();
    }
}

fn content(element: &Met<'_>) -> Content {
    let mut content = Content::new();
    [element.value, element.companion].into_iter().flatten().for_each(|it| say(it, "", &mut content));
    content.sort_unstable();
    content
}

fn say(value: Value<'_>, at: &str, content: &mut Content) {
    content.extend(value.scalar().map(|it| (at.to_owned(), it.to_owned())));
    for child in value.children().filter(|it| it.key() != "id" && !is_label(*it)) {
        let path = if child.key().is_empty() { at.to_owned() } else { below(at, child.key()) };
        say(child, &path, content);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Doc;

    /// A patient with these telecoms; `!` stands for a label's extension.
    fn patient(telecoms: &str) -> Doc {
        let label = r#""extension":[{"url":"http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label","valueCoding":{"system":"urn:s","code":"a"}}]"#;
        let text = format!(r#"{{"resourceType":"Patient","telecom":[{telecoms}]}}"#).replace('!', label);
        Doc::parse(text).unwrap()
    }

    fn is_bared(former: &str, new: &str) -> bool {
        let (former, new) = (patient(former), patient(new));
        let told = bared(former.root(), new.root());
        assert!(told.as_deref().is_none_or(|it| it.starts_with("Patient.telecom")), "{told:?}");
        told.is_some()
    }

    #[test]
    fn a_label_stays_with_what_it_is_on() {
        let former = r#"{"system":"phone","value":"1",!},{"system":"phone","value":"2"}"#;
        for (what, new, expected) in [
            ("the same", former, false),
            ("another order", r#"{"value":"2","system":"phone"},{!,"system":"phone","value":"1"}"#, false),
            ("another value in its place", r#"{"system":"phone","value":"3",!},{"system":"phone","value":"2"}"#, false),
            ("another open value", r#"{"system":"phone","value":"1",!},{"system":"phone","value":"3"}"#, false),
            ("a part of it", r#"{"system":"phone","value":"1",!},{"system":"phone"},{"value":"4"}"#, true),
            ("one more", r#"{"system":"phone","value":"1",!},{"system":"email","value":"4"}"#, false),
            ("a second label", r#"{"system":"phone","value":"1",!},{"system":"phone","value":"2",!}"#, false),
            ("no label", r#"{"system":"phone","value":"1"},{"system":"phone","value":"2"}"#, true),
            ("not the element", r#"{"system":"phone","value":"2"}"#, true),
            ("moved", r#"{"system":"phone","value":"1"},{"system":"phone","value":"2",!}"#, true),
            ("moved, and the other gone", r#"{"system":"phone","value":"2",!}"#, true),
            (
                "moved, with more",
                r#"{"system":"phone","value":"1","rank":1},{"system":"phone","value":"2","rank":2,!}"#,
                true,
            ),
            ("written out beside another", r#"{"system":"phone","value":"3",!},{"value":"1"}"#, true),
            (
                "written out beside itself",
                r#"{"system":"phone","value":"1",!},{"id":"x","system":"phone","value":"1"}"#,
                true,
            ),
            ("on a part alone", r#"{"system":"phone","value":"1","_value":{!}},{"system":"phone","value":"2"}"#, true),
        ] {
            assert_eq!(is_bared(former, new), expected, "{what}");
        }
    }

    #[test]
    fn a_primitive_s_label_stays_with_its_value() {
        let former = r#"{"value":"1","_value":{!}},{"value":"2"}"#;
        assert!(!is_bared(former, r#"{"value":"2"},{"value":"1","_value":{!}}"#));
        assert!(!is_bared(former, r#"{"value":"3","_value":{!},"rank":1}"#));
        assert!(is_bared(former, r#"{"value":"1"},{"value":"2","_value":{!}}"#));
        // What the whole element hides is hidden, but not by the label that the value had.
        assert!(is_bared(former, r#"{"value":"1",!}"#));
    }

    #[test]
    fn what_was_open_may_stay_so() {
        let former = r#"{"value":"1",!},{"value":"1"}"#;
        assert!(!is_bared(former, r#"{"value":"1",!},{"value":"1","rank":1}"#));
        assert!(!is_bared(former, r#"{"value":"1",!},{"value":"1"},{"value":"1"}"#));
    }

    #[test]
    fn a_change_of_too_much_at_once_is_not_told() {
        let many = |what: &str, label: &str| {
            (0..400).map(|it| format!(r#"{{"value":"{what}{it}"{label}}}"#)).collect::<Vec<_>>().join(",")
        };
        let former = format!("{},{}", many("a", ",!"), many("b", ""));
        assert!(!is_bared(&former, &former));
        assert!(is_bared(&former, &format!("{},{}", many("a", ",!"), many("c", ""))));
    }
}
