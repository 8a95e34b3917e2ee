//! What a FHIR address and the root look like in a browser.
//!
//! A person who follows a link gets the resource as a page: folding JSON with its references as links, a
//! Bundle's entries as a table, an OperationOutcome's issues as a list, SampledData drawn. The functions
//! here are pure: a view in, a [`Page`] out. Nothing comes from another host, and neither scripts nor
//! styles stand in the markup, so that [`CONTENT_SECURITY_POLICY`] can forbid both.

mod account;
mod acting;
mod ask;
mod assets;
mod attachments;
mod bundle;
mod clinics;
mod consent;
mod factors;
mod href;
mod html;
mod json;
mod layout;
mod letter;
mod message;
mod outcome;
mod passkeys;
mod qr;
mod request;
mod resource;
mod search_form;
mod sign_in;
mod sign_on;
mod start;
mod summary;
mod views;
mod waveform;

#[cfg(test)]
mod tests;

pub use account::{AccountView, SignInItem, account};
pub use acting::{ActingView, GuiseView, acting};
pub use ask::{AskView, FieldView, NoteView, ask, note};
pub use assets::asset;
pub use clinics::{ClinicsView, PlaceView, clinics, link};
pub use consent::{
    ChoiceView, ConsentView, EncountersView, PickerView, StepView, StrayView, consent, encounters, picker, stray,
};
pub use factors::{AppView, FormView, RecoveryView, SecondView, authenticator, recovery, recovery_codes, second};
pub use letter::letter;
pub use message::{message, unauthorized};
pub use passkeys::{MakeView, PasskeyView, PasskeysView, UseView, passkeys};
pub use resource::resource;
pub use sign_in::{SignInView, sign_in, signed_out};
pub use sign_on::{LeaveView, RefusedView, Way, leave, refused};
pub use start::start;
pub use views::{
    DemoView, Link, MessageView, ResourceView, SearchField, SearchForm, StartView, TenantView, UnauthorizedView,
};

/// The policy to send with every [`Page`] as `Content-Security-Policy`.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A finished page.
pub struct Page {
    /// What to send as `Content-Type`.
    pub content_type: &'static str,
    /// The markup.
    pub body: String,
}
