//! Units of measure in UCUM (<http://unitsofmeasure.org>, datatypes.html#Quantity): what a value of one unit is in
//! another, and in the base units by which quantities of any unit are compared.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// UCUM's URL, as in Quantity.system.
pub const UCUM: &str = "http://unitsofmeasure.org";

/// Codes longer than this are no units that anybody measures in.
const LONGEST: usize = 128;

/// How values of a unit become values in UCUM's base units.
///
/// Units on a scale of their own (temperatures) have an offset. Logarithmic units (`[pH]`, `dB`) and arbitrary ones
/// (`[iU]`) have no scale: only the same unit is comparable with them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    base: ::ucum::Dimension,
    factor: f64,
    offset: f64,
}

impl Scale {
    /// The scale of a unit; `None` for what is not UCUM, and for units that are not on a linear scale.
    pub fn of(code: &str) -> Option<Scale> {
        let unit = (code.len() <= LONGEST).then(|| ::ucum::analyze(code).ok()).flatten()?;
        let is_linear = !unit.is_special || unit.offset != 0.0;
        let is_sound = unit.factor.is_finite() && unit.factor > 0.0;
        let scale = Scale { base: unit.dimension, factor: unit.factor, offset: unit.offset };
        (is_linear && is_sound).then_some(scale)
    }

    /// The code of its base unit: `g` for `mg`, `m-3.g` for `mg/dL`. Units that measure the same have the same.
    pub fn base(&self) -> String {
        self.base.to_string()
    }

    /// A value in the base unit. 12 significant digits are kept: so many survive the factors, and `5.4 mg` and
    /// `0.0054 g` become the same number.
    pub fn to_base(&self, value: f64) -> f64 {
        significant(value * self.factor + self.offset)
    }
}

/// Whether a code is one of UCUM's.
pub fn is_unit(code: &str) -> bool {
    code.len() <= LONGEST && ::ucum::analyze(code).is_ok()
}

/// What a unit is called: `milligram`; `None` of what is none.
pub fn name(code: &str) -> Option<String> {
    let name = is_unit(code).then(|| ::ucum::display_name(code).ok()).flatten()?;
    // The crate puts each part in parentheses, one that is alone, too.
    let bare = name.strip_prefix('(').and_then(|it| it.strip_suffix(')')).filter(|it| !it.contains(['(', ')']));
    Some(bare.unwrap_or(&name).to_owned())
}

/// A value of one unit in another, exact to 12 significant digits; `None` where one is no unit of UCUM, or both
/// measure different things.
pub fn convert(value: Decimal, from: &str, to: &str) -> Option<Decimal> {
    if from.len() > LONGEST || to.len() > LONGEST {
        return None;
    }
    let value = ::ucum::convert(value.to_f64()?, from, to).ok()?;
    Decimal::from_scientific(&format!("{:e}", significant(value))).ok().map(|it| it.normalize())
}

fn significant(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(value: &str, from: &str, to: &str) -> Option<String> {
        convert(value.parse().unwrap(), from, to).map(|it| it.to_string())
    }

    #[test]
    fn units_have_names() {
        for (code, called) in
            [("mm", Some("millimeter")), ("mg/dL", Some("(milligram) / (deciliter)")), ("flurble", None)]
        {
            assert_eq!(name(code).as_deref(), called, "{code}");
        }
    }

    #[test]
    fn units_of_the_same_kind_convert() {
        for (value, from, to, expected) in [
            ("5.4", "mg", "g", "0.0054"),
            ("1", "mg/dL", "g/L", "0.01"),
            ("120", "mm[Hg]", "kPa", "15.99864"),
            ("98.6", "[degF]", "Cel", "37"),
            ("37", "Cel", "K", "310.15"),
            ("1", "[lb_av]", "kg", "0.45359237"),
            ("1", "[oz_av]", "g", "28.349523125"),
            ("1", "[in_i]", "cm", "2.54"),
            ("5", "{cells}/uL", "/mL", "5000"),
            ("5", "10*9/L", "10*3/uL", "5"),
            ("5.5", "mmol/L", "mol/m3", "5.5"),
            ("50", "%", "1", "0.5"),
            ("1", "meq/L", "eq/L", "0.001"),
            ("1", "kcal", "kJ", "4.184"),
            ("1", "mo", "d", "30.4375"),
            ("60", "{beats}/min", "Hz", "1"),
            ("1", "ng/kg/min", "ug/kg/h", "0.06"),
            ("1", "U/L", "nkat/L", "16.6666666667"),
            ("1", "cm[H2O]", "Pa", "98.0665"),
            ("1", "[gal_us]", "L", "3.785411784"),
            ("1", "mL/min/{1.73_m2}", "L/h", "0.06"),
            ("25", "kg/m2", "g/cm2", "2.5"),
        ] {
            assert_eq!(is(value, from, to).as_deref(), Some(expected), "{value} {from} in {to}");
        }
    }

    #[test]
    fn what_does_not_measure_the_same_does_not_convert() {
        for (from, to) in [("g", "m"), ("mmHg", "kPa"), ("[iU]/L", "mol/L"), ("", "1"), ("g", "g(")] {
            assert_eq!(is("1", from, to), None, "{from} in {to}");
        }
    }

    #[test]
    fn scales_meet_in_base_units() {
        let base = |value: f64, code: &str| Scale::of(code).map(|it| (it.base(), it.to_base(value)));
        assert_eq!(base(5.4, "mg"), base(0.0054, "g"));
        assert_eq!(base(5.35, "mg/dL"), base(0.0535, "g/L"));
        assert_eq!(base(98.6, "[degF]"), base(37.0, "Cel"));
        assert_eq!(base(7.0, "{score}"), base(7.0, "1"));
        assert_ne!(base(1.0, "g"), base(1.0, "m"));
    }

    #[test]
    fn only_linear_and_finite_units_have_a_scale() {
        let long = format!("m{}", ".m".repeat(LONGEST));
        for code in ["", "mmHg", "[pH]", "dB", "[iU]/L", "Cel/s", "10*400", "L/0", "10*-500", &long] {
            assert_eq!(Scale::of(code), None, "{code}");
        }
    }
}
