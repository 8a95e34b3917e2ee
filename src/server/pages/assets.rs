//! The files a page refers to: its style, its script, its mark.

/// The content type and bytes of the file of this name, which pages look for below `/assets/`.
pub fn asset(name: &str) -> Option<(&'static str, &'static [u8])> {
    Some(match name {
        "page.css" => ("text/css; charset=utf-8", include_bytes!("assets/page.css")),
        "page.js" => ("text/javascript; charset=utf-8", include_bytes!("assets/page.js")),
        "passkey.js" => ("text/javascript; charset=utf-8", include_bytes!("assets/passkey.js")),
        "logo.svg" => ("image/svg+xml", include_bytes!("assets/logo.svg")),
        _ => return None,
    })
}
