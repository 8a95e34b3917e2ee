//! A text as a picture that telephones read (ISO/IEC 18004).

use super::html::Html;
use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write;

/// The empty frame around it, in modules.
const FRAME: usize = 4;

/// Appends a text as a QR code with a label for who does not see it; nothing where it is too long for one.
pub(super) fn draw(html: &mut Html, text: &str, label: &str) {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else { return };
    let (width, mut path) = (code.width(), String::new());
    for (at, _) in code.to_colors().iter().enumerate().filter(|(_, it)| **it == Color::Dark) {
        // Writing to a String does not fail.
        _ = write!(path, "M{},{}h1v1h-1z", at % width + FRAME, at / width + FRAME);
    }
    let whole = width + 2 * FRAME;
    html.raw("<svg class=\"qr\" role=\"img\"").attr("aria-label", label);
    html.attr("viewBox", &format!("0 0 {whole} {whole}")).raw("><path").attr("d", &path).raw("/></svg>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_drawn_with_a_frame() {
        let mut html = Html::default();
        draw(&mut html, "otpauth://totp/x?secret=AAAA", "A picture");
        let svg = html.into_string();
        // The corner of the first finder pattern.
        assert!(svg.contains("viewBox=\"0 0 37 37\"") && svg.contains("d=\"M4,4h1v1h-1zM5,4"), "{svg}");
    }
}
