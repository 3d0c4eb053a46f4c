//! Errors that say whose fault they are.

use std::borrow::Cow;
use std::fmt;

/// Who can mend it. Only the peer's own faults are ever explained to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client, or the front server before us, sent something wrong or went away.
    Peer,
    /// The application raised, or broke its interface.
    Application,
    /// The configuration or the machine is wrong.
    Operator,
    /// Millau itself is wrong.
    Engine,
}

impl Fault {
    /// The word that log lines use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Application => "application",
            Self::Operator => "operator",
            Self::Engine => "engine",
        }
    }
}

/// What went wrong with one request, whose fault it is, and the status that the peer gets if the response has not begun.
#[derive(Debug)]
pub struct Error {
    fault: Fault,
    status: u16,
    message: Cow<'static, str>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// The peer's fault: `status` is a 4xx.
    pub fn peer(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Fault::Peer, status, message)
    }

    /// The application's fault: the peer sees a bare 500.
    pub fn application(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Fault::Application, 500, message)
    }

    /// The operator's fault: the peer sees a bare 500.
    pub fn operator(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Fault::Operator, 500, message)
    }

    /// Our fault: the peer sees a bare 500.
    pub fn engine(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Fault::Engine, 500, message)
    }

    /// The peer closed its connection, or the operator's limits closed it: nobody is left to answer.
    pub fn disconnected(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Fault::Peer, 499, message)
    }

    fn new(fault: Fault, status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self { fault, status, message: message.into(), source: None }
    }

    /// Answers with another status than the bare 500: 503 when there is too much to do, say. Still nothing is explained to
    /// the peer.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Keeps the cause, for the log.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The status for the peer; 499 where nobody is left to read one.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// True when the peer is gone, so that an answer would reach nobody.
    pub fn is_disconnect(&self) -> bool {
        self.status == 499
    }

    /// What was wrong, without the cause.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_cause_and_fault() {
        let error = Error::operator("cannot open /run/app.sock").caused_by(std::io::Error::other("no space"));
        assert_eq!(error.to_string(), "cannot open /run/app.sock: no space");
        assert_eq!(error.fault().name(), "operator");
        assert_eq!(error.status(), 500);
        assert!(Error::disconnected("gone").is_disconnect());
    }
}
