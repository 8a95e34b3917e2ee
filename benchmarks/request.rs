//! Requests as they go over the wire, made before the clock starts.

/// Stands in a body for the number that makes it new.
pub const MARK: &str = "benchmark-000000000000";
const DIGITS: usize = 12;

/// The bytes of a request, and where a number in it makes each use of it a new one.
#[derive(Clone)]
pub struct Request {
    bytes: Vec<u8>,
    number: Option<usize>,
    target: String,
}

impl Request {
    /// `GET target`.
    pub fn get(target: impl Into<String>) -> Request {
        let target = target.into();
        let bytes = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\naccept: application/fhir+json\r\n\r\n");
        Request { bytes: bytes.into_bytes(), number: None, target }
    }

    /// A request with a body, in which the first [`MARK`] is numbered.
    pub fn with_body(method: &str, target: impl Into<String>, body: &[u8]) -> Request {
        let target = target.into();
        let mut bytes = format!(
            "{method} {target} HTTP/1.1\r\nhost: localhost\r\naccept: application/fhir+json\r\n\
             content-type: application/fhir+json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        let start = bytes.len();
        bytes.extend_from_slice(body);
        let mark = body.windows(MARK.len()).position(|it| it == MARK.as_bytes());
        Request { bytes, number: mark.map(|at| start + at + MARK.len() - DIGITS), target }
    }

    /// The same request with more headers.
    pub fn with_headers(&self, headers: &[(&str, String)]) -> Request {
        let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let at = self.bytes.windows(2).position(|it| it == b"\r\n").map_or(0, |it| it + 2);
        let mut bytes = self.bytes.clone();
        bytes.splice(at..at, more.into_bytes());
        let longer = bytes.len() - self.bytes.len();
        Request { bytes, number: self.number.map(|it| it + longer), target: self.target.clone() }
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Puts the `n`th use of this request into `out`.
    pub fn write(&self, n: u64, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.bytes);
        if let Some(at) = self.number {
            let mut rest = n;
            for digit in out[at..at + DIGITS].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
    }
}

/// A number with all its bits mixed (the finisher of SplitMix64): as good as random, and the same in every run.
pub fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Up to `most` of the items, in an order as good as random.
pub fn sample<T: Clone>(items: &[T], most: usize) -> Vec<T> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|it| mixed(*it as u64));
    order.into_iter().take(most).map(|it| items[it].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_use_has_its_number() {
        let request = Request::with_body("POST", "/Patient", format!("{{\"value\":\"{MARK}\"}}").as_bytes());
        let mut out = Vec::new();
        request.write(4711, &mut out);
        assert!(String::from_utf8(out).unwrap().ends_with("{\"value\":\"benchmark-000000004711\"}"));
    }

    #[test]
    fn headers_leave_the_number_where_it_is_in_the_body() {
        let request = Request::with_body("POST", "/Patient", MARK.as_bytes());
        let mut out = Vec::new();
        request.with_headers(&[("authorization", "Bearer a".to_owned())]).write(7, &mut out);
        let sent = String::from_utf8(out).unwrap();
        assert!(sent.starts_with("POST /Patient HTTP/1.1\r\nauthorization: Bearer a\r\nhost: "));
        assert!(sent.ends_with("\r\n\r\nbenchmark-000000000007"));
    }

    #[test]
    fn a_sample_has_no_item_twice() {
        let mut some = sample(&(0..100).collect::<Vec<_>>(), 50);
        some.sort_unstable();
        some.dedup();
        assert_eq!(some.len(), 50);
    }
}
