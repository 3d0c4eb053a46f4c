//! Processes that are killed: what is lost, what is said, and who comes instead.

use rustix::process::Signal;

use crate::driver::{Start, kill, sleeps};

pub(crate) fn a_killed_worker_is_replaced_and_its_requests_are_named() {
    let mut running = Start::new().set("WORKERS", 1).ready();
    let worker = running.settled(1).into_iter().next().unwrap();
    let slow = running.slow();
    kill(worker, Signal::KILL);
    let expected =
        format!("ERROR [{}] worker {worker} was killed by SIGKILL while serving: GET /slow?a=1 (", running.pid());
    running.wait_for(&expected);
    assert_eq!(slow.end(), "");
    running.wait_for("serves (generation 1)");
    let successor = running.settled(1).into_iter().next().unwrap();
    assert_ne!(successor, worker);
    // It has the same seat, but not the lost request.
    kill(successor, Signal::KILL);
    running.wait_for(&format!("worker {successor} was killed by SIGKILL while serving no request\n"));
    assert_eq!(running.stop(), Some(0));
}

pub(crate) fn an_idle_worker_that_is_killed_lost_nothing() {
    let running = Start::new().set("WORKERS", 1).ready();
    // The seat has been used, and is empty again.
    running.ask("pid");
    let worker = running.settled(1).into_iter().next().unwrap();
    kill(worker, Signal::USR1);
    running.wait_for(&format!("worker {worker} was killed by SIGUSR1 while serving no request\n"));
}

pub(crate) fn a_worker_told_to_end_by_somebody_else_is_replaced() {
    let mut running = Start::new().set("WORKERS", 1).ready();
    let worker = running.settled(1).into_iter().next().unwrap();
    let slow = running.slow();
    kill(worker, Signal::TERM);
    assert_eq!(slow.end(), "done\n");
    running.wait_for(&format!("worker {worker} exited with code 0"));
    running.wait_for("serves (generation 1)");
    assert_eq!(running.stop(), Some(0));
}

pub(crate) fn a_crash_loop_slows_down_and_ends_when_its_cause_does() {
    let mut running = Start::new().set("WORKERS", 1).ready();
    running.mode("serve", "die late");
    kill(running.settled(1).into_iter().next().unwrap(), Signal::KILL);
    running.wait_for("a new worker takes its place\n");
    running.wait_for("takes its place in 0.5 s: 2 have failed in a row");
    running.wait_for("takes its place in 1 s: 3 have failed in a row");
    running.mode("serve", "");
    running.wait_for_times("serving on seat 0", 4);
    let worker = running.settled(1).into_iter().next().unwrap();
    assert_eq!(running.ask("pid").trim(), worker.to_string());
    assert_eq!(running.stop(), Some(0));
}

pub(crate) fn the_workers_of_a_killed_template_go_on_until_one_must_be_replaced() {
    for preload in [1, 0] {
        let mut running = Start::new().set("PRELOAD", preload).ready();
        let workers = running.settled(2);
        kill(running.template(), Signal::KILL);
        running.wait_for("the template process of generation 1 was killed by SIGKILL; its workers go on serving");
        running.until("the supervisor has adopted the workers", || running.children_of(running.pid()) == workers);
        let slow = running.slow();
        let busy = running.ask("pid").trim().parse().unwrap();
        assert!(workers.contains(&busy));

        // The one that is idle dies; its end is seen though its parent is gone.
        kill(busy, Signal::KILL);
        running.wait_for(&format!("worker {busy} was killed by SIGKILL while serving no request"));
        running.wait_for("loading application stand-in anew as generation 2");
        running.wait_for("ready: generation 2, 2 workers");
        assert_eq!(slow.end(), "done\n", "the other one drains");
        let successors = running.settled(2);
        assert!(successors.is_disjoint(&workers));
        running.wait_for("generation 1 is gone");
        assert_eq!(running.stop(), Some(0));
    }
}

pub(crate) fn the_others_end_with_a_killed_supervisor_and_lose_nothing() {
    let mut running = Start::new().ready();
    running.settled(2);
    let slow = running.slow();
    running.signal(Signal::KILL);
    running.until("only the busy worker is left", || running.processes().len() == 1);
    assert_eq!(slow.end(), "done\n");
    assert_eq!(running.ended(), None);
}

pub(crate) fn an_import_does_not_outlive_a_killed_supervisor() {
    let mut running = Start::new().mode("load", "hang").start();
    running.wait_for("loading\n");
    running.signal(Signal::KILL);
    assert_eq!(running.ended(), None);
}

pub(crate) fn an_import_in_a_worker_does_not_outlive_a_killed_supervisor() {
    let mut running = Start::new().set("PRELOAD", 0).mode("load", "hang").start();
    running.wait_for_times("loading\n", 2);
    running.signal(Signal::KILL);
    assert_eq!(running.ended(), None);
}

pub(crate) fn a_panic_in_a_worker_ends_the_worker() {
    let mut running = Start::new().set("WORKERS", 1).ready();
    running.mode("serve", "panic");
    kill(running.settled(1).into_iter().next().unwrap(), Signal::KILL);
    running.wait_for("a worker panicked");
    running.wait_for("exited with code 1");
    running.mode("serve", "");
    running.wait_for("a new worker takes its place in 0.5 s");
    running.wait_for_times("serving on seat 0", 3);
    assert_eq!(running.stop(), Some(0));
    assert_eq!(running.log().matches("run returned").count(), 1);
}

pub(crate) fn a_child_of_the_application_is_left_to_it() {
    let mut running = Start::new().set("WORKERS", 1).mode("load", "child").ready();
    // The worker and the dead child of the import.
    running.until("there are two", || running.workers().len() == 2);
    let worker: i32 = running.ask("pid").trim().parse().unwrap();
    kill(worker, Signal::KILL);
    running.wait_for("serves (generation 1)");
    assert_eq!(running.workers().len(), 2);
    // With the template it becomes the supervisor's, which waits for anybody.
    kill(running.template(), Signal::KILL);
    running.until("one is left", || running.children_of(running.pid()).len() == 1);
    assert_eq!(running.stop(), Some(0));
}

pub(crate) fn a_dead_worker_keeps_its_number_until_the_supervisor_has_heard_of_it() {
    let mut running = Start::new().ready();
    let (workers, template) = (running.settled(2), running.template());
    running.signal(Signal::STOP);
    let slept = sleeps(template);
    kill(*workers.first().unwrap(), Signal::KILL);
    running.until("the template has seen it and waits again", || sleeps(template) > slept);
    // Otherwise the supervisor, when it goes on, could signal whoever has got the number.
    assert_eq!(running.workers(), workers);
    running.signal(Signal::CONT);
    running.until("the supervisor has heard", || running.workers() != workers);
    running.settled(2);
    assert_eq!(running.stop(), Some(0));
}
