//! Sockets passed in by systemd, or whoever speaks its way: `sd_listen_fds(3)`.

use std::ffi::OsString;
use std::ops::Range;

use rustix::process::getpid;

use crate::{ListenError, Listener, Problem, inherited};

/// The first descriptor that is passed (`SD_LISTEN_FDS_START`).
const FIRST: i32 = 3;

/// Sockets that were passed in.
#[derive(Debug)]
pub struct Activation {
    /// In the order in which they were passed. At least one.
    pub listeners: Vec<Listener>,
    /// Variables that the caller should remove from the environment, so that no program that it starts takes them for
    /// its own.
    pub variables: &'static [&'static str],
}

/// Takes the sockets that the service manager has passed to this very process; `None` if there are none.
///
/// # Errors
/// A variable makes no sense, or a descriptor is no socket that listens.
pub fn systemd_listeners(
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Activation>, ListenError> {
    let Some(descriptors) = descriptors(environment, getpid().as_raw_nonzero().get())? else {
        return Ok(None);
    };
    let listeners = descriptors.map(|number| {
        inherited::adopt(number).map_err(|problem| ListenError::new("a socket of the service manager".to_owned(), problem))
    });
    let listeners = listeners.collect::<Result<_, _>>()?;
    Ok(Some(Activation { listeners, variables: &["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] }))
}

/// The numbers of the descriptors that are meant for process `pid`.
fn descriptors(
    environment: impl Fn(&str) -> Option<OsString>,
    pid: i32,
) -> Result<Option<Range<i32>>, ListenError> {
    let text = |name| environment(name).map(|value| value.to_string_lossy().into_owned());
    let (Some(meant_for), Some(count)) = (text("LISTEN_PID"), text("LISTEN_FDS")) else {
        return Ok(None);
    };
    // Inherited from a process that was started by the service manager and did not remove them.
    if meant_for.parse() != Ok(pid) {
        return Ok(None);
    }
    match count.parse::<u16>() {
        Ok(0) => Ok(None),
        Ok(count) => Ok(Some(FIRST..FIRST + i32::from(count))),
        Err(_) => Err(ListenError::new("a socket of the service manager".to_owned(), Problem::BadVariable(count))),
    }
}
