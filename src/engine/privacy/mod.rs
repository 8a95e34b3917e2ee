//! What a tenant's rules and its patients' consents take from what callers were granted.
//!
//! A grant says what somebody may do, as [`crate::access`] has it. Here stands what holds beside it for whoever does not
//! administer the tenant: doctors who see their own patients only, where the tenant says so ([`who`]), and Consent
//! resources ([`consent`], [`verdict`], [`consents`]), but for the patients of an emergency ([`glass`]). All of it becomes [`Limits`]: criteria for each resource type, joined with
//! those of the grant in one place ([`crate::access::Reach`]), so that whatever goes by a grant goes by them.

mod condition;
mod consent;
mod consents;
mod glass;
mod kept;
mod labels;
mod limits;
mod provision;
mod purpose;
mod role;
mod settings;
mod shared;
mod verdict;
mod who;

pub use consent::TENANTS;
pub use consent::of_tenant;
pub(crate) use consent::{CONSENT, demand_enforceable, is_in_force, is_of_patient};
pub use glass::break_glass;
pub(crate) use kept::{AllPrivacy, Privacy, Written};
pub(crate) use labels::{Coding, element_labels, is_lowered, with_level};
pub(crate) use limits::Limits;
pub use purpose::{check_purpose, purposes_of};
pub(crate) use purpose::{claimed, is_a, is_purpose, purposes};
pub use settings::{BasePolicy, Clearance, PrivacySettings};
pub use shared::{Share, Shared};
pub(crate) use who::me;
