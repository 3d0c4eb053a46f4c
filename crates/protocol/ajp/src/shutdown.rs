//! Shutdown: the web server asks the container to end. It never does: whoever may start it stops it by other means.

/// The code of the packet, which holds nothing else.
pub(crate) const CODE: u8 = 7;
