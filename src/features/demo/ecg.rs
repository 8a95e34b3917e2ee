//! A twelve-lead ECG, computed: each beat is a sum of Gaussian bumps around a circle, after the dynamical
//! model of McSharry et al. (IEEE Trans. Biomed. Eng. 50(3), 2003), with its own heights for each lead.

use super::{Dates, Resource, resources};
use convert::ecg::{Decimal, Lead, Recording, SampledData, Scale};
use fhir::json::Doc;
use fhir::{Failure, Result};
use std::f64::consts::{PI, TAU};

const SAMPLES_PER_SECOND: usize = 500;
const SECONDS: usize = 10;
const BEATS_PER_SECOND: f64 = 66.0 / 60.0;

/// Where on the circle P, Q, R, S and T lie (R is at 0), and how wide they are, in radians.
const WAVES: [(f64, f64); 5] = [(-PI / 3.0, 0.16), (-PI / 13.0, 0.07), (0.0, 0.085), (PI / 13.0, 0.08), (1.75, 0.32)];

/// Heights of the five waves in a lead, in millivolts.
type Heights = [f64; 5];

const LEAD_I: Heights = [0.07, -0.05, 0.65, -0.10, 0.18];
const LEAD_II: Heights = [0.14, -0.07, 1.10, -0.15, 0.30];

/// V1 to V6: R grows and S shrinks from the right of the chest to the left.
const CHEST: [(Lead, Heights); 6] = [
    (Lead::V1, [0.05, 0.0, 0.20, -0.95, -0.06]),
    (Lead::V2, [0.06, 0.0, 0.40, -1.40, 0.35]),
    (Lead::V3, [0.06, -0.02, 0.80, -0.90, 0.45]),
    (Lead::V4, [0.07, -0.06, 1.40, -0.45, 0.42]),
    (Lead::V5, [0.07, -0.08, 1.30, -0.20, 0.34]),
    (Lead::V6, [0.06, -0.08, 1.00, -0.08, 0.26]),
];

/// The ECG as an Observation of the demo hospital.
pub(super) fn observation(dates: &Dates) -> Result<Resource> {
    let frames = resources(&[include_str!("data/ecg.json")], dates)?;
    let frame = serde_json::to_string(frames.first().unwrap_or(&Resource::new())).map_err(Failure::internal)?;
    let frame = Doc::parse(frame).map_err(Failure::internal)?;
    let observation = recording()?.to_observation(frame.root())?;
    serde_json::from_str(&observation).map_err(Failure::internal)
}

/// Ten seconds of sinus rhythm.
fn recording() -> Result<Recording> {
    let leads = leads().into_iter().map(|(lead, heights)| {
        let values = (0..SAMPLES_PER_SECOND * SECONDS).map(|it| potential(&heights, it)).collect::<Vec<_>>();
        Ok((lead, SampledData::encode(&values, scale())?))
    });
    Ok(Recording { leads: leads.collect::<Result<_>>()? })
}

/// The heights of all leads; those of the limbs follow from I and II (Einthoven, Goldberger).
fn leads() -> Vec<(Lead, Heights)> {
    let limb = |of_i: f64, of_ii: f64| std::array::from_fn(|wave| of_i * LEAD_I[wave] + of_ii * LEAD_II[wave]);
    let limbs = [
        (Lead::I, limb(1.0, 0.0)),
        (Lead::II, limb(0.0, 1.0)),
        (Lead::III, limb(-1.0, 1.0)),
        (Lead::AVR, limb(-0.5, -0.5)),
        (Lead::AVL, limb(1.0, -0.5)),
        (Lead::AVF, limb(-0.5, 1.0)),
    ];
    limbs.into_iter().chain(CHEST).collect()
}

/// Five microvolts to the point, as electrocardiographs have it.
fn scale() -> Scale {
    Scale {
        origin: Decimal::ZERO,
        unit: "mV".into(),
        period: Decimal::new(1000 / SAMPLES_PER_SECOND as i64, 0),
        factor: Some(Decimal::new(5, 3)),
        lower_limit: Some(Decimal::from(-5)),
        upper_limit: Some(Decimal::from(5)),
        dimensions: 1,
    }
}

/// The potential at a lead, in millivolts.
fn potential(heights: &Heights, sample: usize) -> f64 {
    let angle = angle(sample as f64 / SAMPLES_PER_SECOND as f64);
    let bump = |(height, (place, width)): (&f64, &(f64, f64))| {
        // The shorter way around the circle.
        let distance = (angle - place + PI).rem_euclid(TAU) - PI;
        height * (-distance * distance / (2.0 * width * width)).exp()
    };
    heights.iter().zip(&WAVES).map(bump).sum()
}

/// How far the heart has come on its circle; breathing (0.25 Hz) hurries and slows it.
fn angle(seconds: f64) -> f64 {
    let breath = 0.05 * (TAU * 0.25 * seconds).sin();
    TAU * (BEATS_PER_SECOND * seconds - 0.4 + breath)
}

#[cfg(test)]
mod tests {
    use super::*;
    use convert::ecg::Sample;

    fn millivolts(lead: Lead) -> Vec<f64> {
        let recording = recording().unwrap();
        let (_, signal) = recording.leads.iter().find(|it| it.0 == lead).unwrap();
        let value = |it| if let Sample::Value(value) = it { value } else { f64::NAN };
        signal.values().map(value).collect()
    }

    #[test]
    fn lead_ii_shows_eleven_beats_of_about_a_millivolt() {
        let ii = millivolts(Lead::II);
        let beats = ii.windows(2).filter(|it| it[0] < 0.5 && it[1] >= 0.5).count();
        let highest = ii.iter().copied().fold(f64::MIN, f64::max);
        assert_eq!((ii.len(), beats), (5000, 11));
        assert!((0.9..1.2).contains(&highest), "the highest R is {highest} mV");
    }

    #[test]
    fn limb_leads_obey_einthoven() {
        let [i, ii, iii, avf] = [Lead::I, Lead::II, Lead::III, Lead::AVF].map(millivolts);
        for t in 0..i.len() {
            assert!((iii[t] - (ii[t] - i[t])).abs() < 0.008, "III at {t}");
            assert!((avf[t] - (ii[t] + iii[t]) / 2.0).abs() < 0.008, "aVF at {t}");
        }
    }
}
