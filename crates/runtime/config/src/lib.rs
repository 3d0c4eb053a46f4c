//! One table of settings, from which everything about them is made: the command line and its help, the environment
//! variables, the checks, the defaults, `docs/settings.md`, and "did you mean".
//!
//! A row of [`SETTINGS`] holds the name, the documentation, the range and the effect of one setting. [`parse`] reads the
//! command line and the environment into [`Settings`]. Nothing here touches a file, a socket or a clock, and nothing
//! reads the environment of the process: the caller passes it in.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod bind;
mod cgi;
mod command;
mod deployment;
mod environment;
mod examination;
mod listing;
mod log_target;
mod mount;
mod parse;
mod paste_server;
mod reference;
mod script;
mod setting;
mod settings;
mod size;
mod span;
mod suggestion;
mod table;
mod usage_error;

pub use bind::{Address, Bind, BindError, Protocol};
pub use cgi::{CgiMode, CgiModeRule, CgiSettings, CgiVariable};
pub use deployment::{Deployment, FrontServer, StaticFiles, Way};
pub use examination::Examination;
pub use log_target::{AccessLogFormat, LogTarget};
pub use mount::Mount;
pub use parse::{Invocation, RelayScript, parse};
pub use paste_server::PasteServer;
pub use reference::reference_markdown;
pub use script::{is_script, quoted_word, script_words};
pub use setting::{Group, Setting};
pub use settings::{AjpPaths, Limits, Settings, Timeouts};
pub use table::SETTINGS;
pub use usage_error::UsageError;
