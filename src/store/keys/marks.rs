//! Elements that a tenant has marked: the search index has hashes of their texts only, by the tenant's key.

use fhir::search::ParamId;

/// What is marked. It stands among the tenant's keys, as [`crate::Sealing`] does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The elements, such as `Patient.address`.
    pub elements: Vec<String>,
    /// The string parameters that they are searched by, such as `Patient?address-city`: by equality only.
    pub params: Vec<String>,
    /// Those that were before.
    pub former: Vec<String>,
    /// The build that makes index rows anew: until it is finished, no search by any of these parameters is answered.
    pub build: String,
}

impl Marks {
    /// Whether nothing is marked, nor was.
    pub fn is_empty(&self) -> bool {
        *self == Marks::default()
    }

    /// Whether an element of this type is marked. Bodies of such a type are kept encrypted, and no text search finds them.
    pub fn has_type(&self, of: &str) -> bool {
        self.types().any(|it| it == of)
    }

    /// The types of marked elements.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.elements.iter().filter_map(|it| Some(it.split_once('.')?.0))
    }

    /// The parameters that are searched by equality only.
    pub(crate) fn param_ids(&self) -> Vec<ParamId> {
        self.params.iter().filter_map(|it| id_of(it)).collect()
    }

    /// The parameter, if it is searched by equality only.
    pub(crate) fn param(&self, id: ParamId) -> Option<&str> {
        named(&self.params, id)
    }

    /// The parameter, if what is found by it may change yet.
    pub(crate) fn former_param(&self, id: ParamId) -> Option<&str> {
        named(&self.former, id)
    }

    /// Tells what is left out of a full-text view from what another one leaves out; 0 if it is nothing.
    pub(crate) fn left_out(&self) -> i64 {
        let mut types: Vec<&str> = self.types().collect();
        types.sort_unstable();
        types.dedup();
        match types.is_empty() {
            true => 0,
            // A number made of the types' names, as those of parameters are.
            false => ParamId::of("left out", &types.join(",")).0 as i64 + 1,
        }
    }

    /// As text: lists of names, none of which has a comma or an end of a line.
    pub(super) fn to_text(&self) -> String {
        [&self.elements, &self.params, &self.former].map(|it| it.join(",") + "\n").concat() + &self.build
    }

    /// Of such a text.
    pub(super) fn of_text(text: &str) -> Option<Marks> {
        let mut lines = text.split('\n');
        let mut list = || {
            let line = lines.next()?;
            Some(line.split(',').filter(|_| !line.is_empty()).map(str::to_owned).collect())
        };
        let (elements, params, former) = (list()?, list()?, list()?);
        let marks = Marks { elements, params, former, build: lines.next()?.to_owned() };
        (lines.next().is_none() && !marks.is_empty()).then_some(marks)
    }
}

fn named(params: &[String], id: ParamId) -> Option<&str> {
    params.iter().find(|it| id_of(it) == Some(id)).map(String::as_str)
}

fn id_of(param: &str) -> Option<ParamId> {
    param.split_once('?').map(|(of, code)| ParamId::of(of, code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let marks = Marks {
            elements: names(&["Patient.address", "Patient.telecom"]),
            params: names(&["Patient?address", "Patient?address-city"]),
            former: Vec::new(),
            build: "marks/1".into(),
        };
        assert_eq!(Marks::of_text(&marks.to_text()), Some(marks.clone()));
        assert!(marks.has_type("Patient") && !marks.has_type("Person"));
        assert_eq!(marks.param(ParamId::of("Patient", "address-city")), Some("Patient?address-city"));
        assert_eq!(marks.param(ParamId::of("Person", "address-city")), None);
        for wrong in ["", "\n\n\n", "a\n\n", "a\n\n\nb\nc"] {
            assert_eq!(Marks::of_text(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn views_that_leave_out_others_are_others() {
        let of = |elements: &[&str]| {
            let elements = elements.iter().map(|it| (*it).to_owned()).collect();
            Marks { elements, ..Marks::default() }.left_out()
        };
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&["Patient.address", "Patient.telecom"]), of(&["Patient.telecom"]));
        assert_ne!(of(&["Patient.address"]), of(&["Person.address"]));
    }
}
