//! Where an element of a profile is: its path, with the slices it is in (elementdefinition.html#id).

use super::Fault;
use crate::json::Value;

/// A step below the root: an element's name, `[x]` and all, and the slice it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub name: Box<str>,
    pub slice: Option<Box<str>>,
}

/// Elements in elements; no profile nests deeper.
const DEEPEST: usize = 40;

/// Tells the key of one element definition after the other, in their order. An `id` is taken at its word; without one
/// the path is taken with the slices that the elements before it were in.
#[derive(Default)]
pub(super) struct Keys {
    last: Vec<Segment>,
}

impl Keys {
    pub(super) fn next(&mut self, element: Value<'_>) -> Result<Vec<Segment>, Fault> {
        let path = element.str("path").ok_or_else(|| Fault::at(element, "it has no path"))?;
        self.of(path, element.str("id"), element.str("sliceName"))
    }

    /// The key of an element with this path, id and slice name.
    pub(super) fn of(&mut self, path: &str, id: Option<&str>, slice: Option<&str>) -> Result<Vec<Segment>, Fault> {
        let key = match id.filter(|it| is_of(it, path)) {
            Some(id) => segments(id).skip(1).map(named).collect(),
            None => self.by_path(path, slice),
        };
        let parts = |it: &Segment| it.slice.as_ref().map_or(1, |it| 1 + it.split('/').count());
        if key.iter().map(parts).sum::<usize>() > DEEPEST {
            return Err(Fault::new(id.unwrap_or(path), "it is nested too deep"));
        }
        self.last.clone_from(&key);
        Ok(key)
    }

    fn by_path(&self, path: &str, slice: Option<&str>) -> Vec<Segment> {
        let names: Vec<&str> = path.split('.').skip(1).collect();
        let mut key: Vec<Segment> = Vec::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            let is_last = at + 1 == names.len();
            // Those around it are in the slices of the element before.
            let is_around = key.iter().zip(&self.last).all(|(mine, its)| mine == its);
            let before = self.last.get(at).filter(|it| is_around && *it.name == **name);
            let of = if is_last { slice.map(Box::from) } else { before.and_then(|it| it.slice.clone()) };
            // `valueQuantity` as a slice of itself: the path names the type already.
            key.push(Segment { name: (*name).into(), slice: of.filter(|it| **it != **name) });
        }
        key
    }
}

/// Whether an id names the elements that a path names.
fn is_of(id: &str, path: &str) -> bool {
    let bare = |it: &str| it.split(':').next().unwrap_or_default().to_owned();
    segments(id).map(bare).eq(path.split('.').map(str::to_owned))
}

/// The parts of an id; the dots of a slice's name are not told from others, as R4's names have none.
fn segments(id: &str) -> impl Iterator<Item = &str> {
    id.split('.')
}

fn named(segment: &str) -> Segment {
    match segment.split_once(':') {
        Some((name, slice)) => Segment { name: name.into(), slice: Some(slice.into()) },
        None => Segment { name: segment.into(), slice: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Doc;

    fn keys(elements: &str) -> Vec<String> {
        let doc = Doc::parse(elements).unwrap();
        let mut keys = Keys::default();
        let shown = |it: Segment| it.slice.map_or(it.name.to_string(), |slice| format!("{}:{slice}", it.name));
        let key = |it| keys.next(it).unwrap().into_iter().map(shown).collect::<Vec<_>>().join(".");
        doc.root().each().map(key).collect()
    }

    #[test]
    fn an_id_says_all() {
        let elements = r#"[{"id":"Patient","path":"Patient"},
            {"id":"Patient.identifier:mrn.system","path":"Patient.identifier.system"}]"#;
        assert_eq!(keys(elements), ["", "identifier:mrn.system"]);
    }

    #[test]
    fn without_ids_slices_go_on_from_element_to_element() {
        let elements = r#"[{"path":"Patient.identifier"},{"path":"Patient.identifier","sliceName":"mrn"},
            {"path":"Patient.identifier.type"},{"path":"Patient.identifier.type.coding"},
            {"path":"Patient.identifier","sliceName":"ssn"},{"path":"Patient.identifier.system"},{"path":"Patient.name.use"}]"#;
        assert_eq!(
            keys(elements),
            [
                "identifier",
                "identifier:mrn",
                "identifier:mrn.type",
                "identifier:mrn.type.coding",
                "identifier:ssn",
                "identifier:ssn.system",
                "name.use"
            ]
        );
    }
}
