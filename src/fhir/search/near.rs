//! Positions within a distance (location.html#positional, `near`): the distance along a great circle, told by
//! arithmetic that any database has.
//!
//! Each hemisphere is drawn on a map of its own, by stereographic projection from the opposite pole: circles on the
//! sphere are circles on the map, so that "within 10 km" is "within a disk" exactly. A map is cut into rows of cells
//! of several heights; a disk is looked for in few rows, between its two ends.

use std::f64::consts::PI;

/// The mean radius of the Earth, in metres (IUGG).
const EARTH: f64 = 6_371_008.8;
/// Cells in a unit of a map, for each level; the finest is 12 to 25 km high.
const LEVELS: [f64; 3] = [512.0, 64.0, 8.0];
/// Rows of cells that are looked through rather than those of a coarser level.
const FEW: i32 = 8;
/// Circles through a pole, which would be straight lines on a map, are drawn a millionth aside.
const ASIDE: f64 = 1e-6;

/// A hemisphere's map, centred on its pole: the equator is the unit circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Map {
    North,
    South,
}

impl Map {
    /// How far a latitude is on this map's side: the cosine of the angle to its pole.
    fn height(self, latitude: f64) -> f64 {
        match self {
            Map::North => latitude.to_radians().sin(),
            Map::South => -latitude.to_radians().sin(),
        }
    }
}

/// A row of cells of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// The map.
    pub map: Map,
    /// Position in the levels of height.
    pub level: u8,
    /// Which row.
    pub number: i32,
}

/// A position on the map of its hemisphere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// The map.
    pub map: Map,
    /// Towards longitude 0.
    pub x: f64,
    /// Towards longitude 90.
    pub y: f64,
}

impl Spot {
    /// The spot at these degrees; `None` where there are no such.
    pub fn at(latitude: f64, longitude: f64) -> Option<Spot> {
        if !is_position(latitude, longitude) {
            return None;
        }
        let map = if latitude < 0.0 { Map::South } else { Map::North };
        let (x, y) = towards(latitude, longitude);
        let scale = 1.0 + map.height(latitude);
        Some(Spot { map, x: x / scale, y: y / scale })
    }

    /// The row it is in, of each level.
    pub fn rows(&self) -> impl Iterator<Item = Row> + use<> {
        let Spot { map, y, .. } = *self;
        (0..).zip(LEVELS).map(move |(level, cells)| Row { map, level, number: row(y, cells) })
    }
}

/// All within a distance, as far as it is on one map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disk {
    /// The map.
    pub map: Map,
    /// Its centre.
    pub x: f64,
    /// Its centre.
    pub y: f64,
    /// Its radius.
    pub radius: f64,
    /// Whether what lies inside is meant. A circle around the opposite pole is a hole.
    pub is_inside: bool,
}

impl Disk {
    /// All within so many metres of a position: a disk on each map that has some of it. `None` where there is no such
    /// position.
    pub fn around(latitude: f64, longitude: f64, metres: f64) -> Option<Vec<Disk>> {
        let is_distance = metres.is_finite() && metres >= 0.0;
        if !is_distance || !is_position(latitude, longitude) {
            return None;
        }
        let angle = (metres / EARTH).min(PI - ASIDE);
        let disks = [Map::North, Map::South].map(|map| Disk::on(map, latitude, longitude, angle));
        Some(disks.into_iter().filter(Disk::is_on_map).collect())
    }

    fn on(map: Map, latitude: f64, longitude: f64, angle: f64) -> Disk {
        let (x, y) = towards(latitude, longitude);
        let height = map.height(latitude);
        let is_line = (angle.cos() + height).abs() < ASIDE;
        let angle = if is_line { angle - 2.0 * ASIDE } else { angle };
        let scale = angle.cos() + height;
        let radius = angle.sin() / scale.abs();
        Disk { map, x: x / scale, y: y / scale, radius, is_inside: scale > 0.0 }
    }

    fn is_on_map(&self) -> bool {
        let from_pole = self.x.hypot(self.y);
        if self.is_inside { from_pole <= 1.0 + self.radius } else { from_pole + 1.0 >= self.radius }
    }

    /// Whether a spot of the same map is in it: what a store's SQL must agree with.
    pub fn holds(&self, x: f64, y: f64) -> bool {
        let square = (x - self.x) * (x - self.x) + (y - self.y) * (y - self.y);
        (square <= self.radius * self.radius) == self.is_inside
    }

    /// Between which `x` all it holds lies.
    pub fn ends(&self) -> (f64, f64) {
        if self.is_inside { (self.x - self.radius, self.x + self.radius) } else { (-1.0, 1.0) }
    }

    /// The rows that it touches, of the finest level at which they are few.
    pub fn rows(&self) -> Vec<Row> {
        let (low, high) = match self.is_inside {
            true => ((self.y - self.radius).max(-1.0), (self.y + self.radius).min(1.0)),
            false => (-1.0, 1.0),
        };
        let touched = |cells: f64| row(low, cells)..=row(high, cells);
        let last = LEVELS.len() - 1;
        let level = LEVELS.iter().position(|it| touched(*it).count() <= FEW as usize).unwrap_or(last);
        touched(LEVELS[level]).map(|number| Row { map: self.map, level: level as u8, number }).collect()
    }
}

fn is_position(latitude: f64, longitude: f64) -> bool {
    (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude)
}

/// The part of the unit vector to a position that lies in the plane of the equator.
fn towards(latitude: f64, longitude: f64) -> (f64, f64) {
    let (sin, cos) = longitude.to_radians().sin_cos();
    (latitude.to_radians().cos() * cos, latitude.to_radians().cos() * sin)
}

fn row(y: f64, cells: f64) -> i32 {
    (y * cells).floor() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The haversine formula.
    fn metres(a: (f64, f64), b: (f64, f64)) -> f64 {
        let half = |a: f64, b: f64| ((a - b).to_radians() / 2.0).sin().powi(2);
        let cos = |it: f64| it.to_radians().cos();
        2.0 * EARTH * (half(a.0, b.0) + cos(a.0) * cos(b.0) * half(a.1, b.1)).min(1.0).sqrt().asin()
    }

    /// Whether the place is found, in its row and between the ends too.
    fn is_near(centre: (f64, f64), distance: f64, place: (f64, f64)) -> bool {
        let spot = Spot::at(place.0, place.1).unwrap();
        let disks = Disk::around(centre.0, centre.1, distance).unwrap();
        disks.iter().filter(|it| it.map == spot.map).any(|disk| {
            let (low, high) = disk.ends();
            let is_in_row = spot.rows().any(|it| disk.rows().contains(&it));
            is_in_row && (low..=high).contains(&spot.x) && disk.holds(spot.x, spot.y)
        })
    }

    #[test]
    fn known_distances() {
        let (berlin, paris, sydney) = ((52.52, 13.405), (48.8566, 2.3522), (-33.8688, 151.2093));
        assert!(is_near(berlin, 878_000.0, paris) && !is_near(berlin, 877_000.0, paris));
        assert!(is_near(berlin, 16_100_000.0, sydney) && !is_near(berlin, 16_080_000.0, sydney));
        // Across the antimeridian, the equator and a pole.
        assert!(is_near((0.0, 179.95), 12_000.0, (0.0, -179.95)));
        assert!(is_near((0.01, 20.0), 3_000.0, (-0.01, 20.0)));
        assert!(is_near((89.9, 0.0), 23_000.0, (89.9, 180.0)));
        assert!(is_near(berlin, 0.5, berlin) && is_near(berlin, 1e9, sydney));
    }

    #[test]
    fn what_is_no_position_has_no_spot() {
        for (latitude, longitude) in [(91.0, 0.0), (0.0, 181.0), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Spot::at(latitude, longitude), None);
            assert_eq!(Disk::around(latitude, longitude, 1.0), None);
        }
        assert_eq!(Disk::around(0.0, 0.0, -1.0), None);
        assert_eq!(Disk::around(0.0, 0.0, f64::NAN), None);
    }

    #[test]
    fn a_small_circle_touches_few_rows() {
        for place in [(52.52, 13.405), (-33.8688, 151.2093), (0.0, 0.0), (90.0, 0.0)] {
            for distance in [100.0, 10_000.0, 100_000.0] {
                let rows: usize =
                    Disk::around(place.0, place.1, distance).unwrap().iter().map(|it| it.rows().len()).sum();
                assert!((1..=2 * FEW as usize).contains(&rows), "{rows} rows");
            }
        }
    }

    proptest! {
        #[test]
        fn disks_hold_what_is_within_the_distance(
            a in (-90.0..=90.0, -180.0..=180.0),
            b in (-90.0..=90.0, -180.0..=180.0),
            closer in prop_oneof![Just(1.0), Just(1e-2), Just(1e-5)],
        ) {
            let b = (a.0 + (b.0 - a.0) * closer, a.1 + (b.1 - a.1) * closer);
            let distance = metres(a, b);
            prop_assert!(is_near(a, distance * 1.000_01 + 0.01, b));
            prop_assert!(distance < 1.0 || !is_near(a, distance * 0.999_99 - 0.01, b));
        }
    }
}
