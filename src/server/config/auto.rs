//! A setting that the program may choose itself.

use std::str::FromStr;

/// `auto`, or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auto<T> {
    /// The program chooses.
    Auto,
    /// The operator has chosen.
    Given(T),
}

impl<T> Auto<T> {
    /// What the operator has chosen.
    pub fn given(&self) -> Option<&T> {
        match self {
            Auto::Auto => None,
            Auto::Given(value) => Some(value),
        }
    }
}

impl<T: FromStr> FromStr for Auto<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        match text {
            "auto" => Ok(Auto::Auto),
            value => value.parse().map(Auto::Given),
        }
    }
}
