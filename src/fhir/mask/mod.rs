//! Masked elements: what is hidden of a resource from somebody who may read the rest of it.
//!
//! A mask names elements by their paths; [`masked`] writes a resource without them, and [`looks_at`] tells which search
//! parameters would tell of them. Elements may also have security labels of their own ([`labelled`]).

mod bared;
mod element;
mod label;
mod look;
mod walk;
mod write;

pub use bared::bared;
pub use element::element;
pub use label::{Labelled, SAYS_LABELLED, labelled, may_be_labelled, says_labelled};
pub use look::{looks_at, looks_at_identities, looks_at_subject};
pub use write::{Masking, is_subsetted, masked, write_subsetted};

use crate::spec::{Kind, Spec, TypeId};
use std::collections::BTreeSet;

/// How deep elements are looked for that are resources themselves.
const DEPTH: usize = 4;

/// Elements of one resource type that are hidden, each with all that it has.
///
/// They go by the path of their definition, without the type: `telecom.value`, and `value` whatever its type. What a group of
/// elements has goes by the group's own path, however deep it lies within itself: `item.answer`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mask(BTreeSet<String>);

impl Mask {
    /// Whether nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hides an element more.
    pub fn hide(&mut self, path: impl Into<String>) {
        self.0.insert(path.into());
    }

    /// The paths.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether an element is hidden, by itself or by what it is in.
    pub fn hides(&self, path: &str) -> bool {
        self.0.iter().any(|it| is_in(path, it))
    }

    /// Whether an element is hidden or has something that is.
    pub fn touches(&self, path: &str) -> bool {
        self.0.iter().any(|it| path.is_empty() || is_in(path, it) || is_in(it, path))
    }

    /// What one of both hides.
    pub fn join(mut self, other: Mask) -> Mask {
        self.0.extend(other.0);
        self
    }

    /// What both hide.
    pub fn meet(&self, other: &Mask) -> Mask {
        let of = |one: &Mask, other: &Mask| one.0.iter().filter(|it| other.hides(it)).cloned().collect::<Vec<_>>();
        Mask(of(self, other).into_iter().chain(of(other, self)).collect())
    }
}

/// Whether an element is another one or lies within it.
fn is_in(path: &str, other: &str) -> bool {
    path.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The elements of a type that are resources: contained ones, and those of a Bundle or of Parameters.
pub fn nested(spec: &Spec, of: TypeId) -> Mask {
    let mut found = Mask::default();
    find_nested(spec, of, "", DEPTH, &mut found);
    found
}

fn find_nested(spec: &Spec, of: TypeId, path: &str, depth: usize, found: &mut Mask) {
    for element in &spec.of(of).elements {
        let at = below(path, &element.name);
        for of in element.types.iter().copied() {
            match spec.of(of).kind {
                Kind::Resource => found.hide(at.as_str()),
                Kind::Backbone if depth > 0 => find_nested(spec, of, &at, depth - 1, found),
                _ => {}
            }
        }
    }
}

/// The path of an element that lies in another one.
fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::r4;

    fn mask(paths: &[&str]) -> Mask {
        Mask(paths.iter().map(|it| (*it).to_owned()).collect())
    }

    #[test]
    fn an_element_is_hidden_with_all_that_it_has() {
        let mask = mask(&["telecom.value", "name"]);
        for (path, hidden, touched) in [
            ("name", true, true),
            ("name.family", true, true),
            ("telecom", false, true),
            ("telecom.value", true, true),
            ("telecom.system", false, false),
            ("names", false, false),
            ("", false, true),
        ] {
            assert_eq!((mask.hides(path), mask.touches(path)), (hidden, touched), "{path}");
        }
        assert!(!Mask::default().touches(""));
    }

    #[test]
    fn of_several_masks_what_all_hide_is_left() {
        let one = mask(&["name", "telecom.value", "birthDate"]);
        let other = mask(&["name.family", "telecom", "gender"]);
        assert_eq!(one.meet(&other), mask(&["name.family", "telecom.value"]));
        assert_eq!(one.meet(&Mask::default()), Mask::default());
        assert_eq!(one.clone().join(Mask::default()), one);
    }

    #[test]
    fn resources_lie_in_others() {
        let of = |name: &str| nested(r4(), r4().resource(name).unwrap());
        assert_eq!(of("Patient"), mask(&["contained"]));
        assert_eq!(of("Bundle"), mask(&["entry.resource", "entry.response.outcome"]));
    }
}
