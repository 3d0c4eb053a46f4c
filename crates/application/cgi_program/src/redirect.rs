//! Local redirects (RFC 3875 §6.2.2): the server answers as if the client had asked for another path.

use std::cell::Cell;
use std::sync::{Arc, OnceLock, Weak};

use millau_gateway::{Application, Error, Exchange};

/// Redirects that one request may take.
const MOST: usize = 10;

thread_local! {
    /// How many redirects lead to the call that this thread is in.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Where local redirects start from: the application that answers for all paths.
#[derive(Default)]
pub struct Redirects {
    root: OnceLock<Weak<dyn Application>>,
}

impl Redirects {
    /// Names the application for all paths, once it exists. Until then local redirects fail.
    pub fn set_root(&self, root: &Arc<dyn Application>) {
        let _ = self.root.set(Arc::downgrade(root));
    }

    /// Answers `exchange` as if its client had asked for `location`, with GET and without a body.
    pub(crate) fn go(&self, mut exchange: Exchange, location: &[u8]) -> Result<(), (Exchange, Error)> {
        let Some(root) = self.root.get().and_then(Weak::upgrade) else {
            return Err((exchange, Error::engine("nobody has said where local redirects lead")));
        };
        if DEPTH.get() >= MOST {
            return Err((
                exchange,
                Error::application(format!("it was redirected {MOST} times; the redirects form a loop")),
            ));
        }
        let unread = exchange.buffered().len();
        exchange.consume(unread);
        let request = exchange.request_mut();
        if let Err(error) = request.set_target(location) {
            let error = Error::application("the Location of a local redirect cannot be used").caused_by(error);
            return Err((exchange, error));
        }
        if request.method != b"HEAD" {
            request.method = b"GET".to_vec();
        }
        request.content_length = None;
        request.streamed_body = false;
        for name in [&b"content-length"[..], b"content-type", b"transfer-encoding"] {
            request.fields.remove(name);
        }
        DEPTH.set(DEPTH.get() + 1);
        root.call(exchange);
        DEPTH.set(DEPTH.get() - 1);
        Ok(())
    }
}
