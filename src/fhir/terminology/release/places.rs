//! Sets of places: the numbers that the concepts of a release have. They are kept as ranges, since what is beneath a concept
//! is mostly one range, and what has a property often many in a row.

use std::ops::Range;

/// A set of places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(
    /// In order; none meets the next one.
    Vec<Range<u32>>,
);

impl Places {
    /// This one.
    pub fn one(place: u32) -> Places {
        Places::all(place..place.saturating_add(1))
    }

    /// All of a range.
    pub fn all(range: Range<u32>) -> Places {
        Places(if range.is_empty() { Vec::new() } else { vec![range] })
    }

    /// Ranges in any order.
    pub fn of(mut ranges: Vec<Range<u32>>) -> Places {
        ranges.sort_unstable_by_key(|it| it.start);
        let mut places = Places::default();
        ranges.into_iter().for_each(|it| places.push(it));
        places
    }

    /// Adds a range that begins at or behind the beginning of the last one.
    pub fn push(&mut self, range: Range<u32>) {
        match self.0.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => self.0.push(range),
        }
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.0.iter().map(ExactSizeIterator::len).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its ranges.
    pub fn ranges(&self) -> &[Range<u32>] {
        &self.0
    }

    /// Each place, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().cloned().flatten()
    }

    /// Whether it has this place.
    pub fn has(&self, place: u32) -> bool {
        let at = self.0.partition_point(|it| it.end <= place);
        self.0.get(at).is_some_and(|it| it.contains(&place))
    }

    /// Whether it has a place of this range.
    pub fn meets(&self, range: &Range<u32>) -> bool {
        let at = self.0.partition_point(|it| it.end <= range.start);
        self.0.get(at).is_some_and(|it| it.start < range.end)
    }

    /// The places of either.
    pub fn or(&self, other: &Places) -> Places {
        Places::of(self.0.iter().chain(&other.0).cloned().collect())
    }

    /// The places of both.
    pub fn and(&self, other: &Places) -> Places {
        let (mut a, mut b) = (self.0.as_slice(), other.0.as_slice());
        let mut both = Places::default();
        while let (Some(first), Some(second)) = (a.first(), b.first()) {
            both.push(first.start.max(second.start)..first.end.min(second.end));
            match first.end < second.end {
                true => a = &a[1..],
                false => b = &b[1..],
            }
        }
        both
    }

    /// The places that the other one has not.
    pub fn without(&self, other: &Places) -> Places {
        let mut gaps = Vec::with_capacity(other.0.len() + 1);
        let mut from = 0;
        for range in &other.0 {
            gaps.push(from..range.start);
            from = range.end;
        }
        gaps.push(from..u32::MAX);
        gaps.retain(|it| !it.is_empty());
        self.and(&Places(gaps))
    }

    /// So many places from an offset on.
    pub fn page(&self, offset: usize, count: usize) -> Vec<u32> {
        let mut left = offset;
        let mut page = Vec::new();
        for range in &self.0 {
            if left >= range.len() {
                left -= range.len();
                continue;
            }
            page.extend(range.clone().skip(left).take(count - page.len()));
            left = 0;
            if page.len() >= count {
                break;
            }
        }
        page
    }

    /// As bytes: how many ranges, then of each the gap before it and its length, as numbers of 7 bits a byte.
    pub fn write(&self, out: &mut Vec<u8>) {
        put(out, self.0.len() as u32);
        let mut before = 0;
        for range in &self.0 {
            put(out, range.start - before);
            put(out, range.end - range.start);
            before = range.end;
        }
    }

    /// What [`Places::write`] wrote at the beginning of some bytes, which are left behind it; `None` of others.
    pub fn read(bytes: &mut &[u8]) -> Option<Places> {
        let count = take(bytes)?;
        let mut places = Places::default();
        let mut before = 0_u32;
        for _ in 0..count {
            let start = before.checked_add(take(bytes)?)?;
            let end = start.checked_add(take(bytes)?)?;
            places.push(start..end);
            before = end;
        }
        Some(places)
    }
}

pub(super) fn put(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn take(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0_u64;
    for shift in (0..35).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return u32::try_from(number).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn places(of: &BTreeSet<u32>) -> Places {
        Places::of(of.iter().map(|it| *it..*it + 1).collect())
    }

    fn some() -> impl Strategy<Value = BTreeSet<u32>> {
        proptest::collection::btree_set(0_u32..300, 0..60)
    }

    proptest! {
        #[test]
        fn they_are_sets(a in some(), b in some(), offset in 0_usize..70, count in 0_usize..70) {
            let (p, q) = (places(&a), places(&b));
            prop_assert!(p.iter().eq(a.iter().copied()) && p.len() == a.len());
            prop_assert!(p.or(&q).iter().eq(a.union(&b).copied()));
            prop_assert!(p.and(&q).iter().eq(a.intersection(&b).copied()));
            prop_assert!(p.without(&q).iter().eq(a.difference(&b).copied()));
            prop_assert!((0..300).all(|it| p.has(it) == a.contains(&it)));
            prop_assert!(p.page(offset, count).into_iter().eq(a.iter().skip(offset).take(count).copied()));
            let mut bytes = Vec::new();
            p.write(&mut bytes);
            q.write(&mut bytes);
            let mut left = bytes.as_slice();
            prop_assert_eq!((Places::read(&mut left), Places::read(&mut left)), (Some(p), Some(q)));
            prop_assert!(left.is_empty() && Places::read(&mut left).is_none());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some(places) = Places::read(&mut bytes.as_slice()) {
                prop_assert!(places.ranges().windows(2).all(|it| it[0].end < it[1].start));
            }
        }
    }
}
