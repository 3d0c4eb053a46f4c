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
pub fn systemd_listeners(environment: impl Fn(&str) -> Option<OsString>) -> Result<Option<Activation>, ListenError> {
    let Some(descriptors) = descriptors(environment, getpid().as_raw_nonzero().get())? else {
        return Ok(None);
    };
    let listeners = descriptors.map(inherited::adopt).collect::<Result<_, _>>().map_err(refusal)?;
    Ok(Some(Activation { listeners, variables: &["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] }))
}

fn refusal(problem: Problem) -> ListenError {
    ListenError::new("a socket of the service manager".to_owned(), problem)
}

/// The numbers of the descriptors that are meant for process `pid`.
fn descriptors(environment: impl Fn(&str) -> Option<OsString>, pid: i32) -> Result<Option<Range<i32>>, ListenError> {
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
        Err(_) => Err(refusal(Problem::BadVariable(count))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pid: &str, count: &str) -> Result<Option<Range<i32>>, String> {
        let environment = |name: &str| match name {
            "LISTEN_PID" => Some(OsString::from(pid)),
            "LISTEN_FDS" => Some(OsString::from(count)),
            _ => None,
        };
        descriptors(environment, 4711).map_err(|error| error.to_string())
    }

    #[test]
    fn descriptors_begin_at_3_and_are_meant_for_one_process() {
        assert_eq!(found("4711", "1"), Ok(Some(3..4)));
        assert_eq!(found("4711", "3"), Ok(Some(3..6)));
        assert_eq!(found("4711", "0"), Ok(None));
        assert_eq!(found("4712", "1"), Ok(None));
        assert_eq!(found("", "1"), Ok(None));
        assert_eq!(descriptors(|_| None, 4711).unwrap(), None);
        assert_eq!(descriptors(|name| (name == "LISTEN_FDS").then(|| "1".into()), 4711).unwrap(), None);
    }

    #[test]
    fn a_count_that_makes_no_sense_is_refused() {
        for count in ["-1", "many", "", "70000"] {
            assert_eq!(
                found("4711", count),
                Err(format!(
                    "cannot listen on a socket of the service manager: LISTEN_FDS='{count}' is not a number of sockets"
                ))
            );
        }
    }

    #[test]
    fn without_variables_there_is_nothing() {
        assert!(systemd_listeners(|_| None).unwrap().is_none());
    }
}
