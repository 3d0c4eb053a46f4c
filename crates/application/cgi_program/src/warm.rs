//! Warm interpreters: for each Python script a parent process that has imported what the script imports, and forks a
//! process for each request.

mod job;
mod parent;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::interpreter::{FirstLine, Python};
use crate::options::Options;
use crate::reaper::{Reaper, Ticked};
use crate::script::{Identity, Script};

pub(crate) use job::WarmJob;
pub(crate) use parent::Parent;
use parent::{Standing, Watched};

/// A parent that served within this time does not make room for another; scripts beyond the limit are executed meanwhile.
const IN_USE: Duration = Duration::from_secs(10);
/// When an interpreter could not be started, or was lost before it served, another is tried after this time.
const REST: Duration = Duration::from_secs(30);

/// The warm parents of one worker, one for each script.
pub(crate) struct WarmParents {
    program: PathBuf,
    most: usize,
    idle: Duration,
    reaper: Arc<Reaper>,
    seats: Mutex<HashMap<PathBuf, Seat>>,
}

/// What is known of one script.
struct Seat {
    /// The script that it is known of.
    script: Identity,
    python: Option<Python>,
    parent: Option<Arc<Parent>>,
    /// It cannot be run warm: why is in the log.
    unfit: Option<Unfit>,
}

/// How long a script is not to be run warm.
enum Unfit {
    /// As long as neither it nor one of these changes.
    Unchanged(Watched),
    /// Up to then: the interpreter was lost, by no fault of the script perhaps.
    Until(Instant),
}

impl Unfit {
    fn is_over(&self) -> bool {
        match self {
            Self::Unchanged(files) => files.has_changed(),
            Self::Until(time) => *time <= Instant::now(),
        }
    }
}

impl WarmParents {
    pub(crate) fn new(options: &Options, reaper: Arc<Reaper>) -> Self {
        Self {
            program: options.warm_program.clone(),
            most: options.limits.warm_parents,
            idle: options.limits.warm_idle,
            reaper,
            seats: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A parent for the script; `None`: it must be executed. `environment` is that of the request, whose allow-list the
    /// interpreter starts with.
    pub(crate) fn parent(self: &Arc<Self>, script: &Script, options: &Options) -> Option<Arc<Parent>> {
        if self.most == 0 {
            return None;
        }
        let known = {
            let mut seats = self.lock();
            let seat = match seats.get_mut(&script.path) {
                Some(seat) if seat.script == script.identity => seat,
                _ => {
                    let python = self.python(script, options);
                    let seat = seats.entry(script.path.clone()).or_insert_with(|| Seat {
                        script: script.identity,
                        python: None,
                        parent: None,
                        unfit: None,
                    });
                    if seat.python != python {
                        seat.parent = None;
                    }
                    (seat.script, seat.python, seat.unfit) = (script.identity, python, None);
                    seat
                }
            };
            if seat.unfit.as_ref().is_some_and(|unfit| !unfit.is_over()) {
                return None;
            }
            seat.unfit = None;
            seat.python.as_ref()?;
            seat.parent.clone()
        };
        if let Some(parent) = known {
            match parent.standing() {
                Standing::Good => return Some(parent),
                Standing::Stale => {}
                Standing::Unfit(reason, files) => {
                    log::warn!("{}: it is executed anew for each request: {reason}", script.path.display());
                    self.with_seat(script, &parent, |seat| seat.unfit = Some(Unfit::Unchanged(files)));
                    return None;
                }
                Standing::Lost(reason) => {
                    let seconds = REST.as_secs();
                    log::warn!(
                        "{}: it is executed anew for each request, for {seconds} seconds: {reason}",
                        script.path.display()
                    );
                    self.with_seat(script, &parent, |seat| seat.unfit = Some(Unfit::Until(Instant::now() + REST)));
                    return None;
                }
            }
            self.with_seat(script, &parent, |_| ());
        }
        self.start(script, options)
    }

    /// Takes the parent out of its seat, if it is still there.
    fn with_seat(&self, script: &Script, parent: &Arc<Parent>, change: impl FnOnce(&mut Seat)) {
        if let Some(seat) = self.lock().get_mut(&script.path)
            && seat.parent.as_ref().is_some_and(|own| Arc::ptr_eq(own, parent))
        {
            seat.parent = None;
            change(seat);
        }
    }

    fn python(&self, script: &Script, options: &Options) -> Option<Python> {
        let path = options.variable(b"PATH").unwrap_or_default();
        FirstLine::of(&script.path).ok()?.python(path)
    }

    fn start(self: &Arc<Self>, script: &Script, options: &Options) -> Option<Arc<Parent>> {
        let mut seats = self.lock();
        let seat = seats.get(&script.path)?;
        if let Some(parent) = &seat.parent {
            return Some(parent.clone());
        }
        let python = seat.python.clone()?;
        let running = seats.values().filter(|seat| seat.parent.is_some()).count();
        if running >= self.most {
            let longest_idle = seats.values_mut().filter(|seat| seat.parent.is_some());
            let longest_idle = longest_idle.min_by_key(|seat| seat.parent.as_ref().map(|parent| parent.last_used()))?;
            if longest_idle.parent.as_ref().is_some_and(|parent| parent.last_used().elapsed() < IN_USE) {
                return None;
            }
            longest_idle.parent = None;
        }
        if running == 0 {
            let me: Arc<dyn Ticked> = self.clone();
            self.reaper.tell(Arc::downgrade(&me));
        }
        let started =
            Parent::start(&self.program, &python, script, &Environment::of_interpreter(options), &self.reaper);
        let seat = seats.get_mut(&script.path)?;
        match started {
            Ok(parent) => {
                let parent = Arc::new(parent);
                seat.parent = Some(parent.clone());
                Some(parent)
            }
            Err(error) => {
                log::warn!(
                    "{}: it is executed anew for each request, for {} seconds: no warm interpreter can be started with {}: {error}",
                    script.path.display(),
                    REST.as_secs(),
                    python.program.display()
                );
                seat.unfit = Some(Unfit::Until(Instant::now() + REST));
                None
            }
        }
    }
}

impl Ticked for WarmParents {
    /// Ends parents that have been idle for long, and forgets scripts that are gone.
    fn tick(&self) -> bool {
        let now = Instant::now();
        let mut seats = self.lock();
        for seat in seats.values_mut() {
            if seat.parent.as_ref().is_some_and(|parent| now.duration_since(parent.last_used()) >= self.idle) {
                seat.parent = None;
            }
        }
        seats.retain(|path, seat| seat.parent.is_some() || path.exists());
        seats.values().any(|seat| seat.parent.is_some())
    }
}
