//! Which bodies of a tenant are kept encrypted.

use std::fmt;
use std::str::FromStr;

/// Which bodies are kept encrypted, where a master key wraps the tenant's keys; without one, none are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sealing {
    /// Those with files: Binary, and whatever has an attachment's or a waveform's data in it.
    #[default]
    Files,
    /// All.
    All,
}

impl Sealing {
    /// Each of them.
    pub const ALL: [Sealing; 2] = [Sealing::Files, Sealing::All];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Sealing::Files => "files",
            Sealing::All => "all",
        }
    }

    pub(super) fn code(self) -> u8 {
        match self {
            Sealing::Files => 0,
            Sealing::All => 1,
        }
    }

    pub(super) fn of_code(code: u8) -> Option<Sealing> {
        Sealing::ALL.into_iter().find(|it| it.code() == code)
    }

    /// Whether a body of this type is to be encrypted. That of a deletion, which is empty, is not.
    pub(super) fn takes(self, of: &str, body: &[u8]) -> bool {
        match self {
            _ if body.is_empty() => false,
            Sealing::All => true,
            Sealing::Files => of == "Binary" || has_data(body),
        }
    }
}

/// Whether something in it has a member `data` with a text: Attachment.data, Binary.data, SampledData.data. Bodies are kept
/// without spaces. A text that looks so is encrypted besides, which does no harm.
fn has_data(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|it| it.contains(r#""data":""#))
}

impl fmt::Display for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Sealing {
    type Err = String;

    fn from_str(text: &str) -> Result<Sealing, String> {
        let told = || "expected files or all".to_owned();
        Sealing::ALL.into_iter().find(|it| it.name() == text).ok_or_else(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_from_the_rest() {
        for (of, body, is_file) in [
            ("Binary", r#"{"resourceType":"Binary"}"#, true),
            ("Patient", r#"{"photo":[{"contentType":"image/png","data":"iVBORw0KGgo="}]}"#, true),
            ("Observation", r#"{"valueSampledData":{"dimensions":1,"data":"1 2 3"}}"#, true),
            ("Patient", r#"{"photo":[{"url":"Binary/1","title":"data"}]}"#, false),
            ("Consent", r#"{"provision":{"data":[{"meaning":"instance"}]}}"#, false),
        ] {
            assert_eq!(Sealing::Files.takes(of, body.as_bytes()), is_file, "{body}");
            assert!(Sealing::All.takes(of, body.as_bytes()));
            assert!(!Sealing::All.takes(of, b""));
        }
    }

    #[test]
    fn a_setting_is_read_as_it_is_shown() {
        for sealing in Sealing::ALL {
            assert_eq!(sealing.to_string().parse(), Ok(sealing));
            assert_eq!(Sealing::of_code(sealing.code()), Some(sealing));
        }
        assert!("none".parse::<Sealing>().is_err());
    }
}
