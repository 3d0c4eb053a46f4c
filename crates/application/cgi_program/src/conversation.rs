//! Carries the body to a program and its output to the client, both at once, at the pace of the slowest.

use std::time::{Duration, Instant};

use millau_gateway::{Error, Filled};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::answer::Answer;
use crate::limits::Limits;
use crate::pipes::Ours;
use crate::standard_error::StandardError;

/// A client that has closed its sending side may only have said all that it had to say, so the program gets this long to
/// end by itself. One that has left altogether shows at the first write.
pub(crate) const LEAVING: Duration = Duration::from_secs(2);
/// Processes that a program leaves behind may still write for it, but not be silent for longer than this.
const SURVIVED: Duration = Duration::from_secs(2);
/// The beginning of a response waits so long for its end: most programs end right after they have written, and then the
/// response goes out whole and with its length.
const HOLD_BACK: Duration = Duration::from_millis(5);
/// Under `--debug` a failure takes the place of what the program has written before, so that more of it is waited for.
const HOLD_BACK_FOR_DEVELOPERS: Duration = Duration::from_secs(1);
/// How often a client is asked whether it is still there, where no descriptor tells.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Bytes of output that are read at once.
const PIECE: usize = 64 * 1024;

/// The process at the other end of the pipes.
pub(crate) trait Runner {
    /// Adds what becomes readable when [`Runner::look`] has something to see.
    fn watch<'a>(&'a self, descriptors: &mut Vec<PollFd<'a>>);

    /// What has become of the process. Called when the one of them is readable, or `deadline` has passed.
    fn look(&mut self) -> State;

    /// Until when `look` must be called again, whatever happens.
    fn deadline(&self) -> Option<Instant> {
        None
    }
}

/// What has become of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// Everything that it wrote is in the pipes.
    Ended,
    /// It never began, and never will.
    Refused,
}

/// How a conversation ended.
pub(crate) enum Outcome {
    /// The output is complete.
    Complete,
    /// The program never began: it can be run in another way, with the same pipes.
    Refused,
    /// It must be ended, for this reason.
    Broken(Error),
}

/// One program and one client.
pub(crate) struct Conversation<'a, R: Runner> {
    pub(crate) answer: &'a mut Answer,
    pub(crate) pipes: &'a mut Ours,
    pub(crate) error: &'a mut StandardError,
    pub(crate) runner: &'a mut R,
    pub(crate) limits: &'a Limits,
}

impl<R: Runner> Conversation<'_, R> {
    /// Goes on until the output has ended.
    pub(crate) fn hold(mut self) -> Outcome {
        match self.run() {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Broken(error),
        }
    }

    fn run(&mut self) -> Result<Outcome, Error> {
        let hold_back = if self.answer.is_shown_to_developers() { HOLD_BACK_FOR_DEVELOPERS } else { HOLD_BACK };
        let mut progress = Instant::now();
        let mut leaving: Option<Instant> = None;
        let mut ended = false;
        let mut flush_at: Option<Instant> = None;
        let mut piece = vec![0; PIECE];
        loop {
            let fed = self.feed()?;
            if fed.moved {
                progress = Instant::now();
            }
            let limit = progress + if ended { SURVIVED.min(self.limits.time) } else { self.limits.time };
            let until = [Some(limit), leaving, flush_at].into_iter().flatten().min().unwrap_or(limit);
            let ready = self.wait(&fed, leaving.is_none(), ended, until)?;
            let now = Instant::now();
            if ready.error {
                self.error.drain();
            }
            if ready.client_left && leaving.is_none() {
                leaving = Some(now + LEAVING);
            }
            if ready.client_broken || leaving.is_some_and(|until| until <= now) {
                return Err(Error::disconnected("the client has closed the connection"));
            }
            if ready.output {
                if self.read(&mut piece)? {
                    return Ok(Outcome::Complete);
                }
                progress = Instant::now();
                if self.answer.is_held_back() {
                    flush_at = flush_at.or(Some(progress + hold_back));
                } else {
                    self.answer.flush()?;
                }
            } else if ready.ask {
                self.answer.exchange().flush()?;
            }
            if flush_at.is_some_and(|time| time <= now) {
                self.answer.flush()?;
                flush_at = None;
            }
            if ready.runner || self.runner.deadline().is_some_and(|deadline| deadline <= now) {
                match self.runner.look() {
                    State::Running => {}
                    State::Refused => return Ok(Outcome::Refused),
                    State::Ended => ended = true,
                }
            } else if !ready.output && limit <= now {
                return if ended { Ok(Outcome::Complete) } else { Err(self.too_slow(&fed)) };
            }
        }
    }

    /// Moves body bytes that are here into the program, as many as it takes.
    fn feed(&mut self) -> Result<Fed, Error> {
        let mut fed = Fed::default();
        let Some(pipe) = &self.pipes.input else { return Ok(fed) };
        let exchange = self.answer.exchange();
        loop {
            while !exchange.buffered().is_empty() {
                match rustix::io::write(pipe, exchange.buffered()) {
                    Ok(length) => {
                        exchange.consume(length);
                        fed.moved = true;
                    }
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => {
                        fed.awaits_program = true;
                        return Ok(fed);
                    }
                    // It does not want the rest, which is no error (RFC 3875 §4.2).
                    Err(_) => {
                        self.pipes.input = None;
                        return Ok(fed);
                    }
                }
            }
            match exchange.fill_now()? {
                Filled::More => {}
                Filled::NotYet => {
                    fed.awaits_client = true;
                    return Ok(fed);
                }
                Filled::End => {
                    self.pipes.input = None;
                    return Ok(fed);
                }
            }
        }
    }

    fn wait(&mut self, fed: &Fed, may_leave: bool, ended: bool, until: Instant) -> Result<Ready, Error> {
        let client = self.answer.peek().descriptor();
        let mut descriptors = Vec::with_capacity(6);
        descriptors.push(PollFd::new(&self.pipes.output, PollFlags::IN));
        let error = (!self.error.is_ended()).then_some(descriptors.len());
        if error.is_some() {
            descriptors.push(PollFd::new(&*self.error, PollFlags::IN));
        }
        let runner = descriptors.len();
        if !ended {
            self.runner.watch(&mut descriptors);
        }
        let runner = runner..descriptors.len();
        if let (true, Some(pipe)) = (fed.awaits_program, &self.pipes.input) {
            descriptors.push(PollFd::new(pipe, PollFlags::OUT));
        }
        let client_at = client.map(|client| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, fed.awaits_client);
            flags.set(PollFlags::RDHUP, may_leave);
            descriptors.push(PollFd::from_borrowed_fd(client, flags));
            descriptors.len() - 1
        });
        let now = Instant::now();
        let ask = client_at.is_none().then(|| now + ASK_EVERY);
        let until = [Some(until), ask, self.runner.deadline()].into_iter().flatten().min().unwrap_or(until);
        let left = until.saturating_duration_since(now);
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(&mut descriptors, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => {
                let error = std::io::Error::from(error);
                return Err(Error::engine("a program cannot be waited for").caused_by(error));
            }
        }
        let events = |index: Option<usize>| index.map_or(PollFlags::empty(), |index| descriptors[index].revents());
        let client = events(client_at);
        Ok(Ready {
            output: !events(Some(0)).is_empty(),
            error: !events(error).is_empty(),
            runner: runner.into_iter().any(|index| !events(Some(index)).is_empty()),
            client_left: client.contains(PollFlags::RDHUP),
            client_broken: client.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL),
            ask: ask.is_some_and(|ask| ask <= Instant::now()),
        })
    }

    /// Reads output until there is no more for now. `true`: there never will be.
    fn read(&mut self, piece: &mut [u8]) -> Result<bool, Error> {
        loop {
            match rustix::io::read(&self.pipes.output, &mut *piece) {
                Ok(0) => return Ok(true),
                Ok(length) => {
                    self.answer.take(&piece[..length])?;
                    if self.answer.must_wait() {
                        self.answer.flush()?;
                        self.answer.exchange().wait()?;
                    }
                    if !self.error.is_ended() {
                        self.error.drain();
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => {
                    let error = std::io::Error::from(error);
                    return Err(Error::engine("the output of a program cannot be read").caused_by(error));
                }
            }
        }
    }

    fn too_slow(&self, fed: &Fed) -> Error {
        if fed.awaits_client {
            return Error::peer(408, "the body of the request did not arrive in time");
        }
        let seconds = self.limits.time.as_secs_f32();
        Error::application(format!("no output for {seconds} seconds (--cgi-timeout)")).with_status(504)
    }
}

/// What became of the body.
#[derive(Default)]
struct Fed {
    /// Something was taken.
    moved: bool,
    /// The program is behind.
    awaits_program: bool,
    /// The client is behind.
    awaits_client: bool,
}

/// What there is to do.
struct Ready {
    output: bool,
    error: bool,
    runner: bool,
    client_left: bool,
    client_broken: bool,
    ask: bool,
}
