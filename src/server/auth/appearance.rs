//! A tenant's colours and logo on the pages of its authorization server, and `$appearance`, by which its administrator sets
//! them. The operation is ours; R4 has none for it.

use super::kept::{self, Kept};
use super::operations::{ALL, demand_administrator};
use crate::clock;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use engine::{Answer, Arguments, Call, Operation};
use fhir::{Failure, IssueType, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use std::str::FromStr;
use store::Session;

/// The only key of this kind in the ledger.
const KEY: &str = "pages";
/// The largest logo, in bytes.
const LARGEST: usize = 100 * 1024;
/// How much text and what is behind it must differ (WCAG 2.2 section 1.4.3, AA).
const CONTRAST: f64 = 4.5;
/// What text in the tenant's colour stands on: `--ground`, `--surface` and `--sunken` of `page.css`.
const LIGHT: [&str; 3] = ["#f5f7f8", "#ffffff", "#f0f4f5"];
const DARK: [&str; 3] = ["#0e1518", "#151e22", "#111a1d"];
/// Kinds of pictures by how their bytes begin. SVG is not among them: it can hold scripts.
const KINDS: [(&str, &[u8], &[u8]); 3] =
    [("image/png", b"\x89PNG\r\n\x1a\n", b""), ("image/jpeg", b"\xff\xd8\xff", b""), ("image/webp", b"RIFF", b"WEBP")];

/// How a tenant's pages look; as the server's own where it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appearance {
    /// The colour of buttons and links where the browser shows light colours.
    pub color: Option<Color>,
    /// The same where it shows dark ones.
    pub color_dark: Option<Color>,
    /// The logo, in base64.
    pub logo: Option<String>,
    /// When it was set, in milliseconds since the epoch.
    pub changed: i64,
}

impl Kept for Appearance {
    const KIND: &'static str = "appearance";
}

/// A colour: red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Color([u8; 3]);

impl FromStr for Color {
    type Err = String;

    fn from_str(text: &str) -> Result<Color, String> {
        let wrong = || format!("{} is no colour such as #0b6b63.", fhir::outcome::shown(text));
        let digits = text.strip_prefix('#').filter(|it| it.len() == 6 && it.bytes().all(|it| it.is_ascii_hexdigit()));
        let number = u32::from_str_radix(digits.ok_or_else(wrong)?, 16).map_err(|_| wrong())?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Color([red, green, blue]))
    }
}

impl TryFrom<String> for Color {
    type Error = String;

    fn try_from(text: String) -> Result<Color, String> {
        text.parse()
    }
}

impl From<Color> for String {
    fn from(color: Color) -> String {
        color.to_string()
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Color {
    /// WCAG's relative luminance.
    fn luminance(self) -> f64 {
        let channel = |it: u8| {
            let share = f64::from(it) / 255.0;
            if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(channel);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// WCAG's contrast ratio, 1 to 21.
    fn contrast(self, other: Color) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// Black or white, whichever is told from it better: one of them always is well enough.
    pub fn text(self) -> Color {
        let (black, white) = (Color([0; 3]), Color([255; 3]));
        if self.contrast(white) >= self.contrast(black) { white } else { black }
    }

    /// Fails unless text in this colour can be read on all of these.
    fn check(self, grounds: [&str; 3], name: &str) -> Result<()> {
        for ground in grounds {
            let contrast = ground.parse().map_or(0.0, |it| self.contrast(it));
            if contrast < CONTRAST {
                let told = format!(
                    "Text in this {name} could not be read on {ground}: the contrast is {contrast:.1}, and at least \
                     {CONTRAST} is needed (WCAG 2.2, 1.4.3)."
                );
                return Err(refused(told));
            }
        }
        Ok(())
    }
}

impl Appearance {
    /// The tenant's.
    pub async fn of(session: &dyn Session) -> Result<Appearance> {
        Ok(kept::find::<Appearance>(session, KEY).await?.map(|it| it.value).unwrap_or_default())
    }

    /// The logo's media type and bytes.
    pub fn picture(&self) -> Option<(&'static str, Vec<u8>)> {
        let bytes = STANDARD.decode(self.logo.as_deref()?).ok()?;
        Some((kind(&bytes)?, bytes))
    }

    /// The sheet that follows `page.css`; `logo` is where the logo is.
    pub fn css(&self, logo: &str) -> String {
        let rule = |color: Color| {
            format!(":root {{ --accent: {color}; --link: {color}; --accent-text: {}; }}\n", color.text())
        };
        // Never empty: an answer without content has no type, and browsers complain of such a sheet.
        let mut css = "/* The tenant's own look, where it has one. */\n".to_owned();
        css.push_str(&self.color.map(rule).unwrap_or_default());
        if let Some(color) = self.color_dark {
            css.push_str(&format!("@media (prefers-color-scheme: dark) {{ {} }}\n", rule(color).trim_end()));
        } else if self.color.is_some() {
            // What can be read on light ground cannot be on dark.
            css.push_str("@media (prefers-color-scheme: dark) { :root { --accent: #4fd1c0; --link: #7cc4f0; --accent-text: #06221f; } }\n");
        }
        if self.logo.is_some() {
            css.push_str(&format!(".brand img {{ content: url(\"{logo}\"); width: auto; max-width: 10rem; }}\n"));
        }
        css
    }
}

/// What kind of picture it is.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    let is = |(_, start, at_eight): &&(&str, &[u8], &[u8])| {
        bytes.starts_with(start) && bytes.get(8..).is_some_and(|it| it.starts_with(at_eight))
    };
    KINDS.iter().find(is).map(|(kind, ..)| *kind)
}

/// `$appearance`
pub fn operation() -> Operation {
    Operation {
        definition: include_str!("../../../profiles/operations/appearance.json"),
        demands: ALL,
        extras: &[],
        run: |call| Box::pin(appearance(call)),
    }
}

async fn appearance(call: Call<'_>) -> Result<Answer> {
    demand_administrator(&call).await?;
    let session = call.ctx.session();
    let look = kept::change(session, KEY, |look| change(look, &call.arguments)).await?;
    let mut told = Vec::new();
    for (name, color) in [("color", look.color), ("colorDark", look.color_dark)] {
        told.extend(color.map(|it| json!({ "name": name, "valueString": it.to_string() })));
    }
    told.extend(look.picture().map(|(kind, _)| json!({ "name": "logoType", "valueCode": kind })));
    Ok(Answer::new(200, json!({ "resourceType": "Parameters", "parameter": told }).to_string()))
}

/// Makes a look what is asked for.
fn change(look: &mut Appearance, arguments: &Arguments) -> Result<()> {
    if arguments.text("reset") == Some("true") {
        *look = Appearance::default();
    }
    let color = |name: &str| arguments.text(name).map(|it| it.parse::<Color>().map_err(refused)).transpose();
    if let Some(color) = color("color")? {
        color.check(LIGHT, "color")?;
        look.color = Some(color);
    }
    if let Some(color) = color("colorDark")? {
        color.check(DARK, "colorDark")?;
        look.color_dark = Some(color);
    }
    if let Some(logo) = arguments.text("logo") {
        look.logo = Some(checked(logo)?);
    }
    look.changed = clock::now_ms();
    Ok(())
}

/// A logo that is taken, in base64 without white space.
fn checked(logo: &str) -> Result<String> {
    let logo: String = logo.chars().filter(|it| !it.is_ascii_whitespace()).collect();
    if logo.len() > LARGEST / 3 * 4 + 4 {
        return Err(refused(format!("A logo has {LARGEST} bytes at the most.")));
    }
    let bytes = STANDARD.decode(&logo).map_err(|_| refused("The logo is no base64."))?;
    match kind(&bytes) {
        Some(_) => Ok(logo),
        None => Err(refused("A logo is a picture in PNG, JPEG or WebP. SVG is not taken, as it can hold scripts.")),
    }
}

fn refused(told: impl Into<String>) -> Failure {
    Failure::new(IssueType::Value, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn color(text: &str) -> Color {
        text.parse().unwrap()
    }

    #[test]
    fn colours_are_six_digits() {
        assert_eq!(color("#0B6b63").to_string(), "#0b6b63");
        for wrong in ["", "0b6b63", "#0b6", "#0b6b6g", "#0b6b63;", "red", "#+b6b63"] {
            assert!(wrong.parse::<Color>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn contrast_is_wcags() {
        assert_eq!(format!("{:.1}", color("#000000").contrast(color("#ffffff"))), "21.0");
        assert_eq!(format!("{:.2}", color("#777777").contrast(color("#ffffff"))), "4.48");
        assert!(color("#0b6b63").check(LIGHT, "color").is_ok() && color("#4fd1c0").check(DARK, "color").is_ok());
        for (unreadable, grounds) in [("#777777", LIGHT), ("#ffff00", LIGHT), ("#0b6b63", DARK)] {
            assert!(color(unreadable).check(grounds, "color").is_err(), "{unreadable}");
        }
    }

    #[test]
    fn what_stands_on_a_colour_can_be_read() {
        for red in 0..=255 {
            let ground = Color([red, 128, 90]);
            assert!(ground.contrast(ground.text()) >= CONTRAST);
        }
    }

    #[test]
    fn logos_are_pictures_by_their_bytes() {
        let logo = |bytes: &[u8]| checked(&STANDARD.encode(bytes)).is_ok();
        assert!(logo(b"\x89PNG\r\n\x1a\n....") && logo(b"\xff\xd8\xff\xe0....") && logo(b"RIFF....WEBPVP8 "));
        assert!(!logo(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>") && !logo(b"RIFF....AVI ") && !logo(b"GIF89a"));
        assert!(checked(&STANDARD.encode([0x89; LARGEST + 1])).is_err());
        assert!(checked("*").is_err());
    }
}
