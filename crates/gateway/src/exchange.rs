//! One request and the way back for its response.

use std::fs::File;
use std::ops::{Deref, DerefMut};
use std::os::fd::BorrowedFd;

use crate::{BodyLength, Bytes, Error, Request, Response};

/// What a front (or a middleware on top of it) does for one request.
///
/// Calls that may wait for the peer (`fill`, `wait`) are apart from those that never do, so that an application which
/// holds a lock while it runs can let go of it just for those.
///
/// *Body:* `buffered` gives what has arrived, `consume` takes it, `fill` waits for more.
/// *Response:* `start` once, then any number of `write`, `write_shared` and `write_file`, then `finish`. A channel that is
/// dropped without `finish` aborts: the peer can see that the response is not whole.
pub trait Channel: Send {
    /// The request.
    fn request(&self) -> &Request;

    /// The request, for those who route it.
    fn request_mut(&mut self) -> &mut Request;

    /// Body bytes that are here and not consumed.
    fn buffered(&self) -> &[u8];

    /// Takes `length` of the buffered bytes.
    fn consume(&mut self, length: usize);

    /// True when the whole body has arrived (it may still be buffered): `fill` would not wait.
    fn is_body_complete(&self) -> bool;

    /// Waits until more of the body is buffered. `false`: there is no more.
    ///
    /// # Errors
    /// The peer is gone, too slow, or sent something malformed; a body that was cut is never passed off as whole.
    fn fill(&mut self) -> Result<bool, Error>;

    /// Takes what more of the body has arrived, without waiting, for an application that waits for other things too. After
    /// [`Filled::NotYet`] there may be more when [`Channel::descriptor`] is readable; a channel without one waits here.
    ///
    /// # Errors
    /// As those of [`Channel::fill`], without a limit on the time: that is the application's then.
    fn fill_now(&mut self) -> Result<Filled, Error> {
        Ok(if self.fill()? { Filled::More } else { Filled::End })
    }

    /// What to poll for more of the body and for the peer's going away (POLLRDHUP); for nothing else. `None` where the peer
    /// has no descriptor of its own: then [`Channel::flush`] tells whether it is still there.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Sends the head of the response, or keeps it until the body's first bytes.
    ///
    /// # Errors
    /// The application promised something that cannot be kept (two different Content-Length fields, say).
    fn start(&mut self, response: &Response, length: BodyLength) -> Result<(), Error>;

    /// True after `start`.
    fn is_started(&self) -> bool;

    /// Adds bytes to the body. Never waits: what the peer does not take is kept, see [`Channel::must_wait`].
    fn write(&mut self, data: &[u8]);

    /// Like `write`, for bytes that can be kept without copying them.
    fn write_shared(&mut self, data: Bytes) {
        self.write(&data);
    }

    /// Adds `length` bytes of a file from `offset`. They are sent as the peer takes them, nobody waits.
    ///
    /// # Errors
    /// The file cannot be read.
    fn write_file(&mut self, file: File, offset: u64, length: u64) -> Result<(), Error>;

    /// Puts on the way what was written so far (PEP 3333: a block must not be delayed).
    ///
    /// # Errors
    /// The peer is gone.
    fn flush(&mut self) -> Result<(), Error>;

    /// True when so much is kept for a slow reader that the application must `wait`.
    fn must_wait(&self) -> bool;

    /// Waits until the peer has taken enough.
    ///
    /// # Errors
    /// The peer is gone or too slow.
    fn wait(&mut self) -> Result<(), Error>;

    /// True when every byte that the head promised is written: whatever the application does now, the response is whole.
    /// False where nothing was promised.
    fn is_body_sent(&self) -> bool;

    /// True when the response was started and has no body: to HEAD, or with 204 or 304. What is written is not sent.
    fn is_bodiless(&self) -> bool;

    /// What the peer did wrong while its body was read or its response sent, if anything: it went away, was too slow, or
    /// sent something malformed. An application that fails after that is not at fault, and [`Channel::fail`] answers with
    /// this error in place of the application's.
    fn peer_error(&self) -> Option<&Error>;

    /// True when someone wants to know the user, so that it is worth finding out.
    fn wants_user(&self) -> bool;

    /// Names the user for the access log, when the application has found out who it is.
    fn set_user(&mut self, user: &[u8]);

    /// The response is complete.
    fn finish(self: Box<Self>);

    /// The response is complete, and the application has not ended. `Err`: nobody would send it before that, so it has to be
    /// flushed, and finished later.
    fn finish_early(self: Box<Self>) -> Result<(), Box<dyn Channel>>;

    /// The response cannot be completed: a plain answer with the error's status if nothing was started, else a visible break.
    fn fail(self: Box<Self>, error: Error);
}

/// What [`Channel::fill_now`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// More of the body is buffered.
    More,
    /// Nothing new has arrived.
    NotYet,
    /// The body is complete, and all of it was buffered before.
    End,
}

/// A request on its way through the applications; whoever holds it answers it.
///
/// Dropping it without [`Exchange::finish`] or [`Exchange::fail`] aborts the response.
pub struct Exchange(Box<dyn Channel>);

impl Exchange {
    /// Wraps the channel of a front or of a middleware.
    pub fn new(channel: Box<dyn Channel>) -> Self {
        Self(channel)
    }

    /// Puts a middleware's channel around this one.
    #[must_use]
    pub fn wrap(self, around: impl FnOnce(Box<dyn Channel>) -> Box<dyn Channel>) -> Self {
        Self(around(self.0))
    }

    /// The response is complete.
    pub fn finish(self) {
        self.0.finish();
    }

    /// See [`Channel::finish_early`].
    ///
    /// # Errors
    /// The exchange, which is to be finished later.
    pub fn finish_early(self) -> Result<(), Self> {
        self.0.finish_early().map_err(Self)
    }

    /// See [`Channel::fail`].
    pub fn fail(self, error: Error) {
        self.0.fail(error);
    }

    /// Answers with a whole response at once.
    pub fn respond(mut self, response: &Response, body: &[u8]) {
        match self.start(response, BodyLength::Known(body.len() as u64)) {
            Ok(()) => {
                self.write(body);
                self.finish();
            }
            Err(error) => self.fail(error),
        }
    }
}

impl Deref for Exchange {
    type Target = dyn Channel;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl DerefMut for Exchange {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.0
    }
}
