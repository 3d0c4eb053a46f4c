//! A directory of CGI programs as an application.

use std::ffi::CString;
use std::fmt;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use millau_gateway::{Application, Error, Exchange, Request};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use crate::answer::{Answer, log_failure};
use crate::child::{Child, Ending};
use crate::conversation::{Conversation, LEAVING, Outcome, Runner, State};
use crate::diagnosis::Diagnosis;
use crate::environment::Environment;
use crate::gate::{Full, Gate, Place};
use crate::options::{Mode, Options};
use crate::pipes::{self, Ours, Theirs};
use crate::reaper::{Fate, Reaper, Remains};
use crate::redirect::Redirects;
use crate::refusal::Refusals;
use crate::resident::{FirstLines, Resident};
use crate::script::{Missing, Script, find, is_ambiguous};
use crate::spawn::{Program, spawn};
use crate::standard_error::StandardError;
use crate::warm::{WarmJob, WarmParents};

/// A directory of CGI programs.
pub struct CgiPrograms {
    root: PathBuf,
    options: Options,
    gate: Arc<Gate>,
    reaper: Arc<Reaper>,
    warm: Arc<WarmParents>,
    redirects: Arc<Redirects>,
    diagnosis: Arc<Diagnosis>,
    refusals: Refusals,
    resident: Option<Arc<dyn Resident>>,
    first_lines: FirstLines,
}

/// Why a directory cannot be served.
#[derive(Debug)]
pub struct RootError {
    root: PathBuf,
    error: io::Error,
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error.kind() {
            io::ErrorKind::NotADirectory => {
                write!(f, "'{}' is no directory: name the directory in which the CGI programs are", self.root.display())
            }
            io::ErrorKind::NotFound => write!(f, "there is no directory '{}'", self.root.display()),
            _ => write!(f, "the directory '{}' cannot be served: {}", self.root.display(), self.error),
        }
    }
}

impl std::error::Error for RootError {}

impl CgiPrograms {
    /// Serves the programs in `root`.
    ///
    /// # Errors
    /// There is no such directory.
    pub fn new(root: &Path, options: Options, resident: Option<Arc<dyn Resident>>) -> Result<Self, RootError> {
        let wrong = |error| RootError { root: root.to_path_buf(), error };
        let found = root.canonicalize().map_err(wrong)?;
        if !found.is_dir() {
            return Err(wrong(io::ErrorKind::NotADirectory.into()));
        }
        let reaper = Arc::new(Reaper::default());
        let diagnosis = Arc::new(Diagnosis::new(&options));
        Ok(Self {
            root: found,
            gate: Arc::new(Gate::new(options.limits.children, options.limits.queue)),
            warm: Arc::new(WarmParents::new(&options, reaper.clone())),
            reaper,
            redirects: Arc::default(),
            refusals: Refusals::new(diagnosis.clone()),
            diagnosis,
            resident,
            first_lines: FirstLines::default(),
            options,
        })
    }

    /// Where local redirects start from; to be told once the application for all paths is put together.
    pub fn redirects(&self) -> &Arc<Redirects> {
        &self.redirects
    }

    /// Asks every program that runs to end, and whatever programs have left running: for a worker whose time is over.
    pub fn end_all(&self) {
        self.reaper.signal_all(Signal::TERM);
    }

    /// Ends them, whether they want or not.
    pub fn kill_all(&self) {
        self.reaper.signal_all(Signal::KILL);
    }

    fn find(&self, request: &Request) -> Result<Script, Missing> {
        if is_ambiguous(request.target()) {
            return Err(Missing::Ambiguous);
        }
        find(&self.root, request.path_info(), self.options.follow_symlinks)
    }

    fn execute(&self, script: &Script, environment: &Environment, theirs: &Theirs) -> io::Result<Child> {
        let start = || {
            let name = CString::new(script.path.as_os_str().as_bytes())?;
            let directory = CString::new(script.path.parent().unwrap_or(Path::new("/")).as_os_str().as_bytes())?;
            let pid = spawn(&Program {
                path: &name,
                arguments: &[name.as_ptr(), std::ptr::null()],
                environment: &environment.pointers(),
                directory: &directory,
                descriptors: &[theirs.input.as_fd(), theirs.output.as_fd(), theirs.error.as_fd()],
            })?;
            Child::new(pid)
        };
        let child = start()?;
        self.options.limits.process.apply(child.pid());
        self.reaper.begin(child.pid());
        Ok(child)
    }

    fn run(&self, script: &Script, environment: &Environment, mut answer: Answer, place: Place) {
        let request = answer.request();
        let has_body = request.content_length.is_some_and(|length| length > 0);
        let (mut ours, mut theirs, error) = match pipes::make(has_body) {
            Ok(pipes) => pipes,
            Err(error) => return answer.fail(Error::operator("no pipes can be made for a program").caused_by(error)),
        };
        let mut error = StandardError::new(error, script.path.clone());
        if matches!(self.options.mode(&script.path), Mode::Auto | Mode::Warm)
            && let Some(parent) = self.warm.parent(script, &self.options)
        {
            match WarmJob::send(parent, script, environment, theirs, self.options.limits.process, &self.reaper) {
                Ok(mut job) => {
                    let outcome = self.converse(&mut answer, &mut ours, &mut error, &mut job);
                    match outcome {
                        Outcome::Refused => match job.into_pipes() {
                            Some(pipes) => theirs = pipes,
                            None => return answer.fail(Error::engine("a warm process was lost before it began")),
                        },
                        outcome => return self.end_warm(script, answer, outcome, job, error, place),
                    }
                }
                Err((pipes, why)) => {
                    log::debug!("{}: no warm process takes it: {why}", script.path.display());
                    theirs = pipes;
                }
            }
        }
        let child = match self.execute(script, environment, &theirs) {
            Ok(child) => child,
            Err(error) => {
                let failure = Error::operator(format!("{} cannot be executed: {error}", script.path.display()));
                answer.evidence().not_started = Some(error);
                return answer.fail(failure);
            }
        };
        drop(theirs);
        let mut executed = Executed { child };
        let outcome = self.converse(&mut answer, &mut ours, &mut error, &mut executed);
        drop(ours);
        self.end_executed(script, answer, outcome, executed.child, error, place);
    }

    fn converse<R: Runner>(
        &self,
        answer: &mut Answer,
        pipes: &mut Ours,
        error: &mut StandardError,
        runner: &mut R,
    ) -> Outcome {
        Conversation { answer, pipes, error, runner, limits: &self.options.limits }.hold()
    }

    fn end_executed(
        &self,
        script: &Script,
        mut answer: Answer,
        outcome: Outcome,
        child: Child,
        error: StandardError,
        place: Place,
    ) {
        let path = script.path.clone();
        let end_by = Instant::now() + self.options.limits.time;
        let fate = Fate::EndBy(end_by);
        let mut remains = Remains { child, is_ours: true, script: path, error: Some(error), place: Some(place), fate };
        match outcome {
            Outcome::Broken(why) => {
                self.broke(&why, &mut answer, &mut remains);
                self.reaper.end(remains);
                answer.fail(why);
            }
            _ => {
                let ending = remains.settle(&mut answer);
                tell(&mut answer, remains.error.as_ref(), ending);
                answer.end();
                match ending {
                    None => self.reaper.take(remains),
                    Some(ending) => {
                        remains.note(ending);
                        self.leave_group(remains.child.has_group(), &remains, end_by);
                    }
                }
            }
        }
    }

    fn end_warm(
        &self,
        script: &Script,
        mut answer: Answer,
        outcome: Outcome,
        mut job: WarmJob,
        mut error: StandardError,
        place: Place,
    ) {
        if matches!(outcome, Outcome::Complete) {
            job.settle(&mut answer);
        }
        let (child, ending) = job.into_ending();
        error.drain();
        tell(&mut answer, Some(&error), ending);
        let Some(child) = child else {
            if let Some(ending) = ending {
                ending.log(&script.path);
            }
            return match outcome {
                Outcome::Broken(why) => answer.fail(why),
                _ => answer.end(),
            };
        };
        let path = script.path.clone();
        let end_by = Instant::now() + self.options.limits.time;
        let fate = Fate::EndBy(end_by);
        let mut remains = Remains { child, is_ours: false, script: path, error: Some(error), place: Some(place), fate };
        match outcome {
            Outcome::Broken(why) => {
                self.broke(&why, &mut answer, &mut remains);
                self.reaper.end(remains);
                answer.fail(why);
            }
            _ => {
                answer.end();
                match ending {
                    Some(ending) => {
                        remains.note(ending);
                        self.leave_group(true, &remains, end_by);
                    }
                    None => self.reaper.take(remains),
                }
            }
        }
    }

    /// Keeps what the program said before it has to be ended.
    fn broke(&self, why: &Error, answer: &mut Answer, remains: &mut Remains) {
        if let Some(error) = &mut remains.error {
            error.drain();
        }
        tell(answer, remains.error.as_ref(), None);
        if why.status() == 504 {
            answer.evidence().ending = Some(millau_doctor::Ending::TimedOut(self.options.limits.time));
        }
    }

    fn leave_group(&self, has_group: bool, remains: &Remains, end_by: Instant) {
        if has_group {
            self.reaper.take_group(remains.child.pid(), remains.script.clone(), end_by);
        } else {
            self.reaper.forget(remains.child.pid());
        }
    }
}

/// Whether the client of a request that has waited so long is gone, so that no program is to be started for it.
fn has_left(exchange: &Exchange, waited: Duration) -> bool {
    let Some(client) = exchange.descriptor() else { return false };
    let mut descriptors = [PollFd::from_borrowed_fd(client, PollFlags::RDHUP)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    if poll(&mut descriptors, Some(&now)) != Ok(1) {
        return false;
    }
    let is_broken = descriptors[0].revents().intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
    is_broken || waited >= LEAVING
}

/// Tells the answer how its program ended and what it last said.
fn tell(answer: &mut Answer, error: Option<&StandardError>, ending: Option<Ending>) {
    let evidence = answer.evidence();
    evidence.ending = ending.map(Into::into);
    evidence.stderr = error.map_or_else(Vec::new, |error| error.tail().to_vec());
}

/// A process that executes the script.
struct Executed {
    child: Child,
}

impl Runner for Executed {
    fn watch<'a>(&'a self, descriptors: &mut Vec<PollFd<'a>>) {
        descriptors.push(PollFd::new(&self.child, PollFlags::IN));
    }

    fn look(&mut self) -> State {
        // It is not taken note of yet: until then the number of its group is not another's.
        State::Ended
    }
}

impl Application for CgiPrograms {
    fn call(&self, mut exchange: Exchange) {
        let script = match self.find(exchange.request()) {
            Ok(script) => script,
            Err(missing) => return self.refusals.answer(exchange, &missing),
        };
        let request = exchange.request_mut();
        let mount = request.script_name().len();
        request.set_script_name_length(mount + script.name_length);
        if request.streamed_body && request.content_length.is_none() {
            // RFC 3875 §4.1.2: a program must be told how long its body is.
            return exchange.fail(Error::peer(411, "a CGI program needs to know how long the body is"));
        }
        let environment = Environment::new(exchange.request(), &script, &self.root, &self.options);
        let limits = &self.options.limits;
        let answer = |exchange| {
            Answer::new(
                exchange,
                self.redirects.clone(),
                self.diagnosis.clone(),
                script.path.clone(),
                limits.head,
                limits.output,
            )
        };
        if self.options.mode(&script.path) == Mode::Resident
            && let Some(resident) = &self.resident
            && self.first_lines.name_python(&script, &self.options)
        {
            return resident.run(&script, &environment, answer(exchange));
        }
        let asked = Instant::now();
        match self.gate.enter(limits.time) {
            Ok(_) if has_left(&exchange, asked.elapsed()) => {
                exchange.fail(Error::disconnected("the client has closed the connection"));
            }
            Ok(place) => self.run(&script, &environment, answer(exchange), place),
            Err(full) => {
                let what = match full {
                    Full::Queue => format!("{} programs run and {} requests wait", limits.children, limits.queue),
                    Full::Time => format!("{} programs run and none has ended in time", limits.children),
                };
                let error = Error::operator(format!("{what} (--cgi-children, --cgi-queue)")).with_status(503);
                log_failure(&script.path, &error);
                exchange.fail(error);
            }
        }
    }
}
