//! Values: equality, order, time, calculation; what the official suite leaves out.

use super::{answers, refusal};

const BASIC: &str = r#"{"resourceType":"Basic"}"#;
const NOTHING: [&str; 0] = [];

#[track_caller]
fn is(expression: &str, answer: &str) {
    let expected: Vec<_> = if answer.is_empty() { vec![] } else { vec![answer] };
    assert_eq!(answers(expression, BASIC), expected, "{expression}");
}

#[test]
fn moments_are_compared_as_far_as_they_are_known() {
    is("@2018-03 < @2018-04-01", "true");
    is("@2018 = @2018-01", "");
    is("@2018-03-01T10:30+01:00 = @2018-03-01T09:30Z", "true");
    is("@2018-03-01T23:30:00 < @2018-03-03T00:00:00Z", "true");
    is("@2018-03-01T23:30:00 < @2018-03-02T00:00:00Z", "");
    is("@T23:59 > @T00:01", "true");
    is("@2018-03-01 ~ @2018-03", "false");
    assert!(refusal("@2018 < 2018").contains("System.Date and System.Integer cannot be compared"));
}

#[test]
fn moments_move_by_calendar_and_clock() {
    is("@2020-01-31 + 1 month", "2020-02-29");
    is("@2020-02-29 + 1 year", "2021-02-28");
    is("@2019 + 18 months", "2020");
    is("@2019-03 + 40 days", "2019-04");
    is("@2020-02-28 + 47 hours", "2020-02-29");
    is("@2020-03-01 - 1 day", "2020-02-29");
    is("@T23:30 + 45 minutes", "00:15");
    is("@2020-12-31T23:59:59Z + 1500 milliseconds", "2021-01-01T00:00:00.500Z");
    is("@9999-12-31 + 1 day", "");
    is("@0001-01-01 - 1 day", "");
    assert!(refusal("@T10:00 + 1 month").contains("does not move by years or months"));
}

#[test]
fn the_clock_is_the_callers() {
    is("now()", "2026-11-18T11:06:40.000Z");
    is("today()", "2026-11-18");
    is("timeOfDay()", "11:06:40.000");
}

#[test]
fn quantities_of_one_unit_are_calculated_with() {
    is("2 'mg' + 3 'mg'", "5 'mg'");
    is("1 day + 12 hours", "1.5 days");
    is("1 'mg' + 1 'm'", "");
    is("3 'mg' * 2", "6 'mg'");
    is("6 'mg' / 2 'mL'", "3 'mg/mL'");
    is("12 months = 1 year", "true");
    is("1 year ~ 1 'a'", "true");
    is("1 year = 1 'a'", "");
    assert!(refusal("1 'mg' mod 1 'mg'").contains("no 'div' and no 'mod'"));
}

#[test]
fn what_overflows_answers_nothing() {
    for text in [
        "2147483647 + 1",
        "2147483647 * 2",
        "79228162514264337593543950335.0 * 10.0",
        "1.0 / 0.0",
        "10.power(100)",
        "1000.exp()",
        "0.ln()",
        "(-1).ln()",
        "5.log(1)",
        "2147483648.5.floor()",
    ] {
        is(text, "");
    }
    is("0.1 + 0.2 = 0.3", "true");
    is("1.20 * 1.0", "1.200");
    is("(-7) div 2", "-3");
    is("(-7) mod 2", "-1");
    is("2.power(-1)", "0.5");
}

#[test]
fn numbers_of_a_document_keep_their_digits() {
    let weighed = r#"{"resourceType":"Observation","valueQuantity":{"value":1.10,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}"#;
    assert_eq!(answers("value.value.toString()", weighed), ["1.10"]);
    assert_eq!(answers("value.value = 1.1", weighed), ["true"]);
    assert_eq!(answers("value.toString()", weighed), ["1.10 'kg'"]);
    let large = weighed.replace("1.10", "1.5e3");
    assert_eq!(answers("value.value = 1500 and value > 1 'kg'", &large), ["true"]);
    let compared = weighed.replace("\"unit\"", "\"comparator\":\"<\",\"unit\"");
    assert_eq!(answers("value.toQuantity()", &compared), NOTHING);
}

#[test]
fn units_of_other_systems_compare_with_themselves_only() {
    let range = |high: &str| {
        format!(
            r#"{{"resourceType":"Observation","valueRange":{{"low":{{"value":1,"system":"http://snomed.info/sct","code":"385055001"}},"high":{high}}}}}"#
        )
    };
    let same = range(r#"{"value":2,"system":"http://snomed.info/sct","code":"385055001"}"#);
    assert_eq!(answers("value.low <= value.high", &same), ["true"]);
    for other in [
        r#"{"value":2,"code":"385055001"}"#,
        r#"{"value":2,"system":"http://e","code":"385055001"}"#,
        r#"{"unit":"x"}"#,
    ] {
        assert_eq!(answers("value.low <= value.high", &range(other)), NOTHING, "{other}");
        assert_eq!(answers("value.low ~ value.high", &range(other)), ["false"], "{other}");
    }
}

#[test]
fn many_items_are_told_apart_like_few() {
    let many = "'a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,a,b,c,p'.split(',')";
    is(&format!("{many}.count()"), "20");
    is(&format!("{many}.distinct().count()"), "16");
    is(&format!("{many}.isDistinct()"), "false");
    is(&format!("{many}.intersect('p' | 'z' | 'a').count()"), "2");
    is(&format!("'p' in {many}"), "true");
    is(&format!("'z' in {many}"), "false");
    is(&format!("{many}.subsetOf({many})"), "true");
    let numbers = "(1|2|3|4|5|6|7|8|9|10|11|12|13|14)";
    is(&format!("({numbers} | 1.0 | 14.00 | 1 '1').count()"), "14");
}

#[test]
fn totals_and_positions_reach_into_conditions() {
    is("(1|2).aggregate((5|6|7).where($this > $total).first(), 5)", "7");
    is("('a'|'b'|'c').where($index = 1)", "b");
    is("(3|1|2).sort().select($index * 10 + $this).last()", "23");
}

#[test]
fn patterns_are_linear_and_bounded() {
    is("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')", "false");
    is("'2015-02'.replaceMatches('(\\\\d+)-(\\\\d+)', '$2x$1')", "02x2015");
    is("'abc'.select(matches($this))", "true");
    assert!(refusal("'a'.matches('(')").contains("regular expression"));
    assert!(refusal("'a'.matches('(?=a)')").contains("regular expression"));
    assert!(refusal("'a'.matches('((a{1000}){1000}){1000}')").contains("regular expression"));
}

#[test]
fn strings_count_characters_not_bytes() {
    is("'äöü'.length()", "3");
    is("'äöü'.substring(1, 1)", "ö");
    is("'äöü'.indexOf('ü')", "2");
    is("'aba'.lastIndexOf('a')", "2");
    is("'zz'.decode('hex')", "");
}

#[test]
fn conditions_have_three_answers() {
    is("{} or true", "true");
    is("{} and false", "false");
    is("{} implies true", "true");
    is("true implies {}", "");
    assert!(refusal("(true | false) and true").contains("takes one item, not 2"));
    is("false and (1 | 2).single()", "false");
}
