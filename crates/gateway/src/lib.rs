//! The model in the middle: every front makes a [`Request`], every application answers it through an [`Exchange`].
//!
//! N fronts and M applications meet here and nowhere else. This crate names no protocol and no kind of application,
//! does no I/O, reads no clock and knows nothing else of ours.

#![forbid(unsafe_code)]

mod application;
mod connection_options;
mod error;
mod exchange;
mod fields;
pub mod forwarded;
pub mod meta_variables;
mod request;
mod response;
mod response_check;
mod routes;
mod target;
pub mod token;

pub use application::Application;
pub use bytes::Bytes;
pub use connection_options::ConnectionOptions;
pub use error::{Error, Fault};
pub use exchange::{Channel, Exchange, Filled};
pub use fields::Fields;
pub use request::{Front, Local, Peer, Request, Scheme, Version};
pub use response::{BodyLength, Response, Tally, reason_phrase};
pub use response_check::{BodyExtent, ResponseError, ResponseFields, check_status, control_characters, is_hop_by_hop};
pub use routes::{MountError, Routes};
pub use target::TargetError;
