//! The descriptors 0 to 2, which everybody takes for the standard streams, whatever is open there.

use std::os::fd::{AsRawFd, IntoRawFd};

use rustix::fs::{Mode, OFlags, open};

/// Opens `/dev/null` on each of the standard descriptors that is closed. Otherwise what is opened next gets its number, and
/// with it all that is printed and logged.
pub fn open_closed_standard_streams() {
    // A new descriptor has the lowest number that is free. Programs that are started inherit these.
    while let Ok(null) = open("/dev/null", OFlags::RDWR, Mode::empty()) {
        if null.as_raw_fd() > 2 {
            break;
        }
        let _ = null.into_raw_fd();
    }
}
