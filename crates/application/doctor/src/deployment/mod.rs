//! A running deployment, asked through its front server: what arrives of a request, and which line is to be changed.
//!
//! Two ends: the [`Witness`] inside of Millau tells what arrived, for whoever knows the token; outside, [`probes`] says what
//! to ask and [`judge`] compares what was sent with what arrived. How bytes get there and back is the caller's business.

mod judge;
mod probes;
mod remedy;
mod testimony;
mod url;
mod witness;

pub use judge::judge;
pub use probes::{Answer, Aspect, Probe, Silence, probes};
pub use testimony::Testimony;
pub use url::Url;
pub use witness::{TOKEN_FIELD, Witness};
