//! What the operator asks for: stop, more, fewer.

use rustix::process::Signal;

use crate::driver::{Start, descriptors, kill};

pub(crate) fn a_stop_ends_every_process() {
    let mut running = Start::new().ready();
    let workers = running.settled(2);
    let answerer: i32 = running.ask("pid").trim().parse().unwrap();
    assert!(workers.contains(&answerer));
    assert_eq!(running.stop(), Some(0));
    let log = running.log();
    assert!(log.contains("] ready: generation 1, 2 workers, application stand-in\n"), "{log}");
    assert!(log.contains("stopping: 2 workers finish their requests, within 60 s"), "{log}");
    assert!(log.contains("] stopped\n"), "{log}");
    assert_eq!(log.matches("run returned").count(), 1, "{log}");
    assert_eq!(log.matches("loading\n").count(), 1, "two workers share one import: {log}");
    assert!(!log.contains("ERROR"), "{log}");
}

pub(crate) fn every_process_holds_what_it_needs_and_no_more() {
    let running = Start::new().set("WORKERS", 1).ready();
    let worker = running.settled(1).into_iter().next().unwrap();
    // The supervisor has its end of the line to the template, its signals, and both ends of the lifeline.
    let mut expected = descriptors(running.pid());
    let mut without = |name: &str| {
        let index = expected.iter().position(|descriptor| descriptor == name).unwrap();
        expected.remove(index);
        expected.clone()
    };
    let template = without("pipe");
    assert_eq!(descriptors(running.template()), template, "the same, but only one end of the lifeline");
    let mut of_worker = without("socket");
    of_worker.push("anon_inode".to_owned());
    of_worker.sort();
    assert_eq!(descriptors(worker), of_worker, "no line any more, but one descriptor for its orders");
}

pub(crate) fn a_stop_lets_requests_finish() {
    let mut running = Start::new().ready();
    let slow = running.slow();
    running.signal(Signal::TERM);
    running.wait_for("has drained");
    running.until("only the supervisor and the busy worker are left", || running.processes().len() == 2);
    let held = descriptors(running.pid());
    assert!(!held.contains(&"socket".to_owned()), "nobody else keeps the front open: {held:?}");
    assert_eq!(slow.end(), "done\n");
    assert_eq!(running.ended(), Some(0));
    assert!(!running.log().contains("ERROR"), "{}", running.log());
}

pub(crate) fn ctrl_c_reaches_the_whole_group_and_still_loses_nothing() {
    let mut running = Start::new().set("WORKERS", 1).ready();
    let slow = running.slow();
    running.signal_all(Signal::INT);
    running.wait_for("stopping: 1 worker finishes its requests");
    assert_eq!(slow.end(), "done\n");
    assert_eq!(running.ended(), Some(0));
    assert!(!running.log().contains("ERROR"), "{}", running.log());
}

pub(crate) fn a_parent_that_blocked_the_signals_does_not_matter() {
    let mut running = Start::new().set("WORKERS", 1).set("BLOCKED", 1).ready();
    kill(running.settled(1).into_iter().next().unwrap(), Signal::KILL);
    running.wait_for("serves (generation 1)");
    assert_eq!(running.stop(), Some(0));
    assert!(!running.log().contains("by force"), "{}", running.log());
}

pub(crate) fn a_stop_has_a_deadline_and_names_what_it_cut() {
    let mut running = Start::new().set("WORKERS", 1).set("GRACEFUL_MS", 100).ready();
    let slow = running.slow();
    assert_eq!(running.stop(), Some(0));
    assert_eq!(slow.end(), "");
    let log = running.log();
    assert!(log.contains("was stopped by force while serving: GET /slow?a=1 ("), "{log}");
}

pub(crate) fn the_second_stop_does_not_wait() {
    for second in [Signal::INT, Signal::TERM, Signal::QUIT] {
        let mut running = Start::new().set("WORKERS", 1).ready();
        let slow = running.slow();
        running.signal(Signal::INT);
        running.wait_for("stopping: 1 worker finishes");
        // Within a second it would be the same order, told twice.
        std::thread::sleep(std::time::Duration::from_millis(1200));
        running.signal(second);
        assert_eq!(running.ended(), Some(0));
        assert_eq!(slow.end(), "");
        let log = running.log();
        assert!(log.contains("stopping at once") && log.contains("while serving: GET /slow?a=1"), "{log}");
    }
}

pub(crate) fn a_stop_during_an_import_does_not_wait_for_it() {
    let mut running = Start::new().mode("load", "hang").start();
    running.wait_for("loading\n");
    assert_eq!(running.stop(), Some(0));
}

pub(crate) fn one_worker_more_and_one_less() {
    let mut running = Start::new().set("WORKERS", 1).ready();
    let first = running.settled(1);
    running.signal(Signal::TTIN);
    assert!(running.settled(2).is_superset(&first));
    running.wait_for("serves (generation 1)");
    running.signal(Signal::TTOU);
    assert_eq!(running.settled(1), first);
    running.signal(Signal::TTOU);
    running.wait_for("stays at 1");
    assert_eq!(running.stop(), Some(0));
}
