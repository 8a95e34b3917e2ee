//! The elements of a profile as a tree: definitions of the same element, from base to most derived, come together.

use super::Fault;
use super::element::ElementDef;
use super::key::Segment;

/// Elements that one profile may have; R4's largest has a few hundred.
const MOST_ELEMENTS: usize = 5_000;

/// An element, its children by name, and its slices.
#[derive(Default)]
pub(super) struct Tree {
    pub def: ElementDef,
    pub children: Vec<(Box<str>, Tree)>,
    pub slices: Vec<(Box<str>, Tree)>,
}

/// A tree that is being made.
#[derive(Default)]
pub(super) struct Growing {
    root: Tree,
    count: usize,
}

impl Growing {
    /// Adds what a definition says, behind what others said of the element before.
    pub(super) fn add(&mut self, mut def: ElementDef) -> Result<(), Fault> {
        self.count += 1;
        if self.count > MOST_ELEMENTS {
            return Err(Fault::new("", format!("the profile has more than {MOST_ELEMENTS} elements")));
        }
        let key = std::mem::take(&mut def.key);
        let mut here = &mut self.root;
        for Segment { name, slice } in &key {
            here = entry(&mut here.children, name);
            if let Some(slice) = slice {
                here = sliced(here, slice);
            }
        }
        here.def.narrow(def);
        Ok(())
    }

    pub(super) fn into_root(self) -> Tree {
        self.root
    }
}

/// A slice; `a/b` is slice b of slice a (profiling.html#reslicing).
fn sliced<'t>(mut here: &'t mut Tree, name: &str) -> &'t mut Tree {
    for part in name.split('/') {
        here = entry(&mut here.slices, part);
    }
    here
}

fn entry<'t>(all: &'t mut Vec<(Box<str>, Tree)>, name: &str) -> &'t mut Tree {
    let at = all.iter().position(|(it, _)| **it == *name).unwrap_or_else(|| {
        all.push((name.into(), Tree::default()));
        all.len() - 1
    });
    &mut all[at].1
}
