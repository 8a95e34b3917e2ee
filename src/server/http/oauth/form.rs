//! Parameters of a request: in the address, or in a form.

use super::problem::{Problem, Result};

/// The most bytes of a form.
pub const LARGEST: usize = 64 * 1024;

/// Parameters, each given once (RFC 6749 sections 3.1 and 3.2).
#[derive(Debug, Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads what is written like a query.
    pub fn parse(text: &[u8]) -> Result<Form> {
        let mut form = Form::default();
        for (name, value) in form_urlencoded::parse(text) {
            if form.0.iter().any(|(known, _)| *known == name) {
                return Err(Problem::request("A parameter is given twice."));
            }
            form.0.push((name.into_owned(), value.into_owned()));
        }
        Ok(form)
    }

    /// A parameter's value; an empty one is as good as none.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str()).filter(|it| !it.is_empty())
    }

    /// The value of a parameter that must be given.
    pub fn need(&self, name: &str) -> Result<&str> {
        self.get(name).ok_or_else(|| Problem::request(format!("The parameter {name} is missing.")))
    }

    /// The same without some parameters, as a query.
    pub fn query_without(&self, names: &[&str]) -> String {
        let rest = self.0.iter().filter(|(it, _)| !names.contains(&it.as_str()));
        form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_given_once_and_not_empty() {
        let form = Form::parse(b"a=1&b=&c=x%20y").unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.get("c")), (Some("1"), None, Some("x y")));
        assert!(form.need("b").is_err());
        assert_eq!(form.query_without(&["a"]), "b=&c=x+y");
        assert!(Form::parse(b"a=1&a=1").is_err());
    }
}
