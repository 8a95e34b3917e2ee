use super::*;
use fhir::json::Doc;
use proptest::prelude::*;

fn millivolts() -> Scale {
    Scale {
        origin: Decimal::ZERO,
        unit: "mV".into(),
        period: Decimal::new(2, 0),
        factor: Some(Decimal::new(5, 3)),
        lower_limit: Some(Decimal::from(-5)),
        upper_limit: Some(Decimal::from(5)),
        dimensions: 1,
    }
}

fn read(json: &str) -> fhir::Result<SampledData> {
    SampledData::read(Doc::parse(json).unwrap().root())
}

fn refusal<T: std::fmt::Debug>(result: fhir::Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn measured_values_become_points_and_limits_become_letters() {
    let signal = SampledData::encode(&[0.0, 1.2, -0.3349, f64::NAN, -5.1, 5.1], millivolts()).unwrap();
    assert_eq!(
        signal.to_json(),
        concat!(
            r#"{"origin":{"value":0,"unit":"mV","system":"http://unitsofmeasure.org","code":"mV"},"#,
            r#""period":2,"factor":0.005,"lowerLimit":-5,"upperLimit":5,"dimensions":1,"data":"0 240 -67 E L U"}"#
        )
    );
    let values: Vec<_> = signal.values().collect();
    assert_eq!(values[1..3], [Sample::Value(1.2), Sample::Value(-0.335)]);
    assert_eq!(values[3..], [Sample::Error, Sample::Below, Sample::Above]);
    assert_eq!(signal.milliseconds(), 12.0);
}

#[test]
fn decimals_are_read_as_they_were_sent() {
    let json = r#"{"origin":{"value":2048.00},"period":10.0,"factor":1.6120,"dimensions":2,"data":"1.50 -2 E 7"}"#;
    assert_eq!(read(json).unwrap().to_json(), json);
}

#[test]
fn a_signal_without_points_has_no_data() {
    let json = r#"{"origin":{"value":0},"period":10,"dimensions":1}"#;
    assert_eq!(read(json).unwrap().to_json(), json);
}

#[test]
fn what_is_no_signal_is_refused() {
    let with = |members: &str| read(&format!(r#"{{"origin":{{"value":0}},{members}}}"#));
    assert!(refusal(read("{}")).contains("origin"));
    assert!(refusal(with(r#""dimensions":1"#)).contains("period"));
    assert!(refusal(with(r#""period":1"#)).contains("dimensions"));
    assert!(refusal(with(r#""period":0,"dimensions":1"#)).contains("above 0"));
    assert!(refusal(with(r#""period":1,"dimensions":1.5"#)).contains("positive whole number"));
    assert!(refusal(with(r#""period":"1","dimensions":1"#)).contains("period is not a decimal"));
    assert!(refusal(with(r#""period":1,"dimensions":1,"factor":0"#)).contains("factor"));
    assert!(refusal(with(r#""period":1,"dimensions":2,"data":"1 2 3""#)).contains("multiple"));
    assert!(refusal(with(r#""period":1,"dimensions":1,"data":"1 X""#)).contains("neither"));
}

#[test]
fn a_signal_longer_than_a_fhir_string_is_refused() {
    let values = vec![1.2; 300_000];
    assert!(refusal(SampledData::encode(&values, millivolts())).contains("1 MiB"));
    let data = "1 ".repeat(600_000);
    let json = format!(r#"{{"origin":{{"value":0}},"period":1,"dimensions":1,"data":"{data}"}}"#);
    assert!(refusal(read(&json)).contains("1 MiB"));
}

#[test]
fn a_value_too_large_for_its_factor_is_refused() {
    let scale = Scale { lower_limit: None, upper_limit: None, ..millivolts() };
    assert!(refusal(SampledData::encode(&[1e30], scale)).contains("too large"));
}

fn recording() -> Recording {
    let signal = |i: usize| SampledData::encode(&[0.0, 0.1 * i as f64], millivolts()).unwrap();
    Recording { leads: Lead::ALL.into_iter().enumerate().map(|(i, lead)| (lead, signal(i))).collect() }
}

const FRAME: &str = r#"{"resourceType":"Observation","id":"a","status":"final","code":{"text":"ECG"}}"#;

#[test]
fn a_recording_becomes_an_observation_and_comes_back() {
    let frame = Doc::parse(FRAME).unwrap();
    let observation = Doc::parse(recording().to_observation(frame.root()).unwrap()).unwrap();
    let second = observation.root().get("component").unwrap().item(3).unwrap();
    let coding = second.get("code").unwrap().get("coding").unwrap().item(0).unwrap();
    assert_eq!(
        coding.raw(),
        r#"{"system":"urn:iso:std:iso:11073:10101","code":"131390","display":"MDC_ECG_ELEC_POTL_AVR"}"#
    );
    assert_eq!(observation.root().str("id"), Some("a"));
    assert_eq!(Recording::read(observation.root()).unwrap(), recording());
    assert!(refusal(recording().to_observation(observation.root())).contains("components already"));
}

#[test]
fn the_standards_own_example_has_its_leads_by_object_identifier() {
    let component = |code: &str, rest: &str| {
        format!(r#"{{"code":{{"coding":[{{"system":"urn:oid:2.16.840.1.113883.6.24","code":"{code}"}}]}}{rest}}}"#)
    };
    let signal = r#","valueSampledData":{"origin":{"value":2048},"period":10,"factor":1.612,"lowerLimit":-3300,"upperLimit":3300,"dimensions":1,"data":"2041 2043 2037"}"#;
    let observation = |components: &[String]| {
        let json = format!(r#"{{"resourceType":"Observation","component":[{}]}}"#, components.join(","));
        Recording::read(Doc::parse(json).unwrap().root())
    };
    let known = observation(&[component("131389", signal), component("147842", r#","valueInteger":71"#)]).unwrap();
    assert_eq!(known.leads.iter().map(|it| it.0).collect::<Vec<_>>(), [Lead::III]);
    assert!(refusal(observation(&[component("131395", signal)])).starts_with("Observation.component[0].code:"));
    assert!(refusal(observation(&[component("131389", signal), component("131389", signal)])).contains("twice"));
    assert!(refusal(observation(&[])).contains("no signal"));
    let broken = component("131389", r#","valueSampledData":{}"#);
    assert!(refusal(observation(&[broken])).starts_with("Observation.component[0].value:"));
}

#[test]
fn a_record_of_physionet_is_read() {
    let header = "r 2 360 3\r\n# a comment\nr.dat 16 200(10)/mV 12 0 5 6 0 aVR\nr.dat 16 1000/uV 12 -2 0 -32768 0 v6\n";
    let points: [i16; 6] = [5, 0, -1, i16::MIN, 2, 0];
    let data: Vec<u8> = points.iter().flat_map(|it| it.to_le_bytes()).collect();
    let record = wfdb::read(header, &data).unwrap();
    let (lead, signal) = &record.leads[0];
    assert_eq!(*lead, Lead::AVR);
    assert_eq!(
        signal.to_json(),
        concat!(
            r#"{"origin":{"value":-0.05,"unit":"mV","system":"http://unitsofmeasure.org","code":"mV"},"#,
            r#""period":2.777777777777778,"factor":0.005,"dimensions":1,"data":"5 -1 2"}"#
        )
    );
    let (lead, signal) = &record.leads[1];
    assert_eq!((*lead, signal.data[1], signal.scale.origin.to_string()), (Lead::V6, Sample::Error, "0.002".into()));
}

#[test]
fn a_record_that_is_not_whole_is_refused() {
    let line = "r.dat 16 200/mV 12 0 1 1 0 I";
    let with = |header: &str, data: &[u8]| refusal(wfdb::read(header, data));
    for (header, problem) in [
        ("", "first line"),
        ("r/2 1", "segments"),
        ("r 13", "first line"),
        ("r 1 0\n", "frequency"),
        ("r 2 500 1\nr.dat 16 200/mV 12 0 1 1 0 I", "fewer"),
        ("r 1 500 1\nr.dat 212 200/mV 12 0 1 1 0 I", "format 16"),
        ("r 1 500 1\nr.dat 16 200/mmHg 12 0 1 1 0 I", "unit"),
        ("r 1 500 1\nr.dat 16 two/mV 12 0 1 1 0 I", "gain"),
        ("r 1 500 1\nr.dat 16 200(/mV 12 0 1 1 0 I", "baseline"),
        ("r 1 500 1\nr.dat 16 200/mV 12 0 1 1 0 MLII", "twelve"),
        ("r 2 500 1\nr.dat 16 200 12 0 1 1 0 I\ns.dat 16 200 12 0 1 1 0 II", "several files"),
        ("r 2 500 1\nr.dat 16 200 12 0 1 1 0 I\nr.dat 16 200 12 0 1 1 0 I", "twice"),
    ] {
        assert!(with(header, &[1, 0]).contains(problem), "{header:?}: {}", with(header, &[1, 0]));
    }
    assert!(with(&format!("r 1 500 1\n{line}"), &[1]).contains("end of a frame"));
    assert!(with(&format!("r 1 500 2\n{line}"), &[1, 0]).contains("length"));
    assert!(with(&format!("r 1 500 1\n{line}"), &[2, 0]).contains("checksum"));
}

/// Recordings of LUDB, from beside the project: a clone without them has nothing to read here.
#[test]
fn recordings_of_ludb_go_to_fhir_and_back() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/ecg/ludb");
    let Ok(files) = std::fs::read_dir(&folder) else {
        assert!(std::env::var_os("CI").is_none(), "LUDB is missing, and CI must not skip it");
        eprintln!("skipped: no LUDB recordings in ../shared/data/ecg/ludb");
        return;
    };
    let headers = files.flatten().map(|it| it.path()).filter(|it| it.extension().is_some_and(|it| it == "hea"));
    let mut records = 0;
    for header in headers {
        let data = std::fs::read(header.with_extension("dat")).unwrap();
        let record = wfdb::read(&std::fs::read_to_string(&header).unwrap(), &data).unwrap();
        assert!(record.leads.iter().all(|(_, it)| it.milliseconds() == 10_000.0));
        assert_eq!(record.leads.iter().map(|it| it.0).collect::<Vec<_>>(), Lead::ALL);
        let observation = record.to_observation(Doc::parse(FRAME).unwrap().root()).unwrap();
        assert_eq!(Recording::read(Doc::parse(observation).unwrap().root()).unwrap(), record);
        records += 1;
    }
    assert!(records > 0, "no record in {}", folder.display());
}

fn a_decimal() -> impl Strategy<Value = Decimal> {
    (-999_999_999_999_999_999i64..=999_999_999_999_999_999, 0u8..=18)
        .prop_map(|(digits, scale)| Decimal::new(digits, scale))
}

fn a_sample() -> impl Strategy<Value = Sample<Decimal>> {
    prop_oneof![
        8 => a_decimal().prop_map(Sample::Value),
        1 => Just(Sample::Error),
        1 => Just(Sample::Below),
        1 => Just(Sample::Above),
    ]
}

proptest! {
    #[test]
    fn any_signal_is_the_same_after_json(
        origin in a_decimal(),
        unit in "[a-zA-Z\\[\\]\"\\\\]{0,8}",
        factor in proptest::option::of(a_decimal().prop_filter("0 is no factor", |it| it.to_f64() != 0.0)),
        limits in proptest::option::of((a_decimal(), a_decimal())),
        data in proptest::collection::vec(a_sample(), 0..200),
    ) {
        let scale = Scale { origin, unit, factor, lower_limit: limits.map(|it| it.0), upper_limit: limits.map(|it| it.1), ..millivolts() };
        let signal = SampledData { scale, data };
        prop_assert_eq!(read(&signal.to_json()).unwrap(), signal);
    }

    #[test]
    fn a_measured_value_comes_back_within_half_a_point(values in proptest::collection::vec(-5.0..5.0f64, 1..200)) {
        let signal = SampledData::encode(&values, millivolts()).unwrap();
        for (before, after) in values.iter().zip(signal.values()) {
            let Sample::Value(after) = after else { panic!("{before} is within the limits") };
            prop_assert!((before - after).abs() <= 0.0025 + 1e-9);
        }
    }

    #[test]
    fn no_header_and_no_data_make_the_reader_panic(header in "(r 1 500\n)?[ -~\n]{0,120}", data in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = wfdb::read(&header, &data);
    }
}
