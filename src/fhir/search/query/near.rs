//! Positions (location.html#positional): `near=[latitude]|[longitude]|[distance]|[units]`.

use super::super::Test;
use super::super::near::Disk;
use super::super::number::decimal;
use super::{Reader, Result, invalid, split, unescape};
use crate::units::Scale;

/// What is near when no distance is given, in metres.
const NEAR: f64 = 50_000.0;

impl Reader<'_, '_> {
    /// One test for each map that has some of what is near.
    pub(super) fn near(&self, value: &str) -> Result<Vec<Test>> {
        let parts = split(value, '|');
        let number = |at: usize| parts.get(at).and_then(|it| decimal(it));
        let distance = match parts.as_slice() {
            [_, _] | [_, _, ""] | [_, _, "", _] => Some(NEAR),
            [_, _, distance] | [_, _, distance, ""] => metres(distance, "km"),
            [_, _, distance, unit] => metres(distance, &unescape(unit)),
            _ => None,
        };
        let disks = number(0).zip(number(1)).zip(distance).and_then(|((lat, long), it)| Disk::around(lat, long, it));
        let Some(disks) = disks else {
            return invalid(format!(
                "{} takes [latitude]|[longitude]|[distance]|[units], in degrees and a unit of length of UCUM, such as 52.5|13.4|10|km.",
                self.code
            ));
        };
        Ok(disks.into_iter().map(|it| Test::Near(self.id, it)).collect())
    }
}

/// A distance in metres; miles go by their everyday name too.
fn metres(distance: &str, unit: &str) -> Option<f64> {
    let unit = if unit == "mi" { "[mi_i]" } else { unit };
    let scale = Scale::of(unit).filter(|it| it.base() == "m")?;
    decimal(distance).map(|it| scale.to_base(it))
}

#[cfg(test)]
mod tests {
    use super::super::{Clause, Query};
    use super::*;
    use crate::spec::r4;

    fn near(value: &str) -> Result<Clause> {
        let of = r4().resource("Location").unwrap();
        Query { spec: r4(), of, base: "http://here", now: 0, codes: &crate::search::NO_CODES }.clause("near", value)
    }

    #[test]
    fn distances_have_units() {
        for (a, b) in [
            ("52.5|13.4|10", "52.5|13.4|10|km"),
            ("52.5|13.4", "52.5|13.4|50|km"),
            ("52.5|13.4||", "52.5|13.4|50|"),
            ("52.5|13.4|1|mi", "52.5|13.4|1609.344|m"),
            ("52.5|13.4|1|[mi_i]", "52.5|13.4|1.609344"),
        ] {
            assert_eq!(near(a).unwrap(), near(b).unwrap(), "{a} and {b}");
        }
        assert_ne!(near("52.5|13.4|10").unwrap(), near("52.5|13.4|11").unwrap());
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for value in ["52.5", "95|0", "0|181|1", "0|0|-1", "0|0|1|kg", "0|0|1|leagues", "a|b", "0|0|1|km|x", "0|0|one"]
        {
            assert!(near(value).is_err(), "{value}");
        }
    }
}
