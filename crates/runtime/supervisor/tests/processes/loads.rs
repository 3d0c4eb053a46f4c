//! Loading: in the template or in the workers, well or badly.

use rustix::process::Signal;

use crate::driver::{Start, kill};

pub(crate) fn an_application_that_cannot_be_loaded_ends_the_command() {
    let mut running = Start::new().mode("load", "fail").start();
    assert_eq!(running.ended(), Some(3));
    let log = running.log();
    assert!(log.contains("Traceback: no module named 'site'"), "{log}");
    assert!(log.contains("generation 1 is given up: the application cannot be loaded"), "{log}");
    assert_eq!(log.matches("run returned").count(), 1, "{log}");
}

pub(crate) fn a_crash_or_a_panic_during_the_import_ends_the_command() {
    for (mode, said) in [("die", "was killed by SIGABRT"), ("panic", "exited with code 1")] {
        let mut running = Start::new().mode("load", mode).start();
        assert_eq!(running.ended(), Some(3));
        let log = running.log();
        assert!(log.contains(&format!("the process that imported the application {said}; stopping")), "{log}");
        assert_eq!(log.matches("run returned").count(), 1, "{log}");
    }
}

pub(crate) fn an_import_that_hangs_is_given_up() {
    let mut running = Start::new().set("STARTUP_MS", 200).mode("load", "hang").start();
    assert_eq!(running.ended(), Some(3));
    let log = running.log();
    assert!(log.contains("importing the application took longer than 0.2 s; stopping"), "{log}");
}

pub(crate) fn without_preloading_each_worker_imports() {
    let mut running = Start::new().set("PRELOAD", 0).ready();
    assert_eq!(running.log().matches("loading\n").count(), 2);
    running.settled(2);
    running.signal(Signal::HUP);
    running.wait_for("ready: generation 2");
    let workers = running.settled(2);
    assert_eq!(running.log().matches("loading\n").count(), 4);
    // An import that fails now is one worker's trouble, not the generation's.
    running.mode("load", "fail");
    kill(workers.into_iter().next().unwrap(), Signal::KILL);
    running.wait_for("exited with code 3 before it was ready");
    running.mode("load", "");
    running.wait_for("serves (generation 2)");
    assert_eq!(running.stop(), Some(0));
}

pub(crate) fn an_import_that_fails_in_the_workers_ends_the_command() {
    let mut running = Start::new().set("PRELOAD", 0).mode("load", "fail").start();
    assert_eq!(running.ended(), Some(3));
    let log = running.log();
    assert!(log.contains("Traceback: no module named 'site'"), "{log}");
    assert_eq!(log.matches("run returned").count(), 1, "{log}");
}

pub(crate) fn an_import_that_starts_threads_is_left_to_the_workers() {
    let mut running = Start::new().mode("load", "threads").ready();
    let log = running.log();
    assert!(log.contains("importing the application started 1 thread: "), "{log}");
    assert_eq!(log.matches("loading\n").count(), 3, "once in vain, then by each worker: {log}");
    running.settled(2);
    assert_eq!(running.stop(), Some(0));
}

pub(crate) fn an_application_may_replace_signal_handlers() {
    for preload in [0, 1] {
        let mut running = Start::new().set("WORKERS", 1).set("PRELOAD", preload).mode("load", "handlers").ready();
        // The template still hears of dead workers, and how they ended.
        let worker = running.settled(1).into_iter().next().unwrap();
        kill(worker, Signal::KILL);
        running.wait_for(&format!("worker {worker} was killed by SIGKILL"));
        running.wait_for("serves (generation 1)");
        // And a worker still drains when it is told to.
        assert_eq!(running.stop(), Some(0));
        assert!(!running.log().contains("by force"), "{}", running.log());
    }
}

pub(crate) fn a_worker_that_never_gets_ready_is_killed_and_replaced() {
    let mut running = Start::new().set("WORKERS", 1).set("STARTUP_MS", 1000).mode("serve", "hang early").start();
    running.wait_for("is killed: it was not ready within 1 s");
    running.mode("serve", "");
    running.wait_for("ready: generation 1");
    running.settled(1);
    assert_eq!(running.stop(), Some(0));
}

pub(crate) fn workers_that_die_before_they_are_ready_end_the_command() {
    let mut running = Start::new().set("WORKERS", 1).mode("serve", "die early").start();
    assert_eq!(running.ended(), Some(1));
    let log = running.log();
    assert_eq!(log.matches("was killed by SIGABRT before it was ready").count(), 3, "{log}");
    assert!(log.contains("generation 1 is given up: 3 of its workers failed"), "{log}");
}
