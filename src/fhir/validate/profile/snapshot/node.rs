//! The elements of a snapshot as a tree: what is said of each, its children, and its slices.

use super::super::key::Segment;
use serde_json::{Map, Value as Json};

/// What is said of an element, without `id`, `path` and `sliceName`, which follow from where it is.
pub(super) type Said = Map<String, Json>;

/// An element, or a slice of one.
#[derive(Clone, Default)]
pub(super) struct Node {
    /// The last part of its path; of a slice, its whole name, as `systolic/sitting`.
    pub name: String,
    pub said: Said,
    pub children: Vec<Node>,
    pub slices: Vec<Node>,
}

impl Node {
    pub(super) fn named(name: &str) -> Node {
        Node { name: name.to_owned(), ..Node::default() }
    }

    /// The element or slice at a key, if it is there.
    pub(super) fn at(&self, key: &[Segment]) -> Option<&Node> {
        key.iter().try_fold(self, |here, step| {
            let element = here.children.iter().find(|it| *it.name == *step.name)?;
            step.slice.as_deref().map_or(Some(element), |it| element.slice(it))
        })
    }

    /// The same, to be changed.
    pub(super) fn at_mut(&mut self, key: &[Segment]) -> Option<&mut Node> {
        key.iter().try_fold(self, |here, step| {
            let element = here.children.iter_mut().find(|it| *it.name == *step.name)?;
            match step.slice.as_deref() {
                None => Some(element),
                Some(slice) => prefixes(slice).try_fold(element, |it, name| it.own_slice_mut(name)),
            }
        })
    }

    fn slice(&self, name: &str) -> Option<&Node> {
        prefixes(name).try_fold(self, |it, name| it.slices.iter().find(|it| *it.name == *name))
    }

    /// A slice of this, which is not one of a slice.
    pub(super) fn own_slice_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.slices.iter_mut().find(|it| *it.name == *name)
    }

    /// The element at a path below this, such as `component.referenceRange`, past slices.
    pub(super) fn below(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(self, |it, name| it.children.iter().find(|it| *it.name == *name))
    }

    /// How many elements it is made of.
    pub(super) fn size(&self) -> usize {
        1 + self.children.iter().chain(&self.slices).map(Node::size).sum::<usize>()
    }

    /// The text of a member.
    pub(super) fn text(&self, member: &str) -> Option<&str> {
        self.said.get(member)?.as_str()
    }

    /// The codes of its types.
    pub(super) fn types(&self) -> impl Iterator<Item = &str> {
        list(&self.said, "type").filter_map(|it| it["code"].as_str())
    }

    /// Every element as an ElementDefinition, in the order of a snapshot.
    pub(super) fn write(self, path: &str, id: &str, slice: Option<&str>, out: &mut Vec<Json>) {
        let mut element = Said::new();
        element.insert("id".to_owned(), id.into());
        element.insert("path".to_owned(), path.into());
        element.extend(slice.map(|it| ("sliceName".to_owned(), it.into())));
        element.extend(self.said);
        out.push(element.into());
        for child in self.children {
            let name = child.name.clone();
            child.write(&format!("{path}.{name}"), &format!("{id}.{name}"), None, out);
        }
        // Of a slice of a slice the id has the whole name, which begins with that of the slice.
        let bare = slice.map_or(id, |it| id.strip_suffix(it).and_then(|it| it.strip_suffix(':')).unwrap_or(id));
        for child in self.slices {
            let name = child.name.clone();
            child.write(path, &format!("{bare}:{name}"), Some(&name), out);
        }
    }
}

/// `a/b/c` as `a`, `a/b`, `a/b/c`: a slice of a slice is named behind it (profiling.html#reslicing).
pub(super) fn prefixes(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at]).chain([name])
}

/// The items of a member that is a list.
pub(super) fn list<'a>(said: &'a Said, member: &str) -> impl Iterator<Item = &'a Json> {
    said.get(member).and_then(Json::as_array).into_iter().flatten()
}
