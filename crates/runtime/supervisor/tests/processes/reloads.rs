//! Reloads: nothing is lost, and nothing is left behind.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::process::Signal;

use crate::driver::{Running, Start, ask, descriptors, kill};

pub(crate) fn a_reload_that_cannot_be_loaded_changes_nothing() {
    for mode in ["fail", "die", "panic"] {
        let mut running = Start::new().ready();
        let workers = running.settled(2);
        running.mode("load", mode);
        running.signal(Signal::HUP);
        running.wait_for("generation 2 is given up: ");
        running.wait_for("generation 1 goes on serving");
        running.wait_for("generation 2 is gone");
        assert_eq!(running.settled(2), workers);
        running.mode("load", "");
        running.signal(Signal::HUP);
        running.wait_for("ready: generation 3");
        assert!(running.settled(2).is_disjoint(&workers));
        assert_eq!(running.stop(), Some(0));
    }
}

pub(crate) fn a_reload_cuts_what_takes_too_long() {
    let mut running = Start::new().set("WORKERS", 1).set("GRACEFUL_MS", 100).ready();
    let slow = running.slow();
    running.signal(Signal::HUP);
    running.wait_for("was stopped by force while serving: GET /slow?a=1 (");
    assert_eq!(slow.end(), "");
    running.settled(1);
    assert_eq!(running.stop(), Some(0));
}

/// What every process holds, by what it is.
fn holdings(running: &Running) -> [Vec<Vec<String>>; 3] {
    let of = |pids: BTreeSet<i32>| {
        let mut all: Vec<_> = pids.into_iter().map(descriptors).collect();
        all.sort();
        all
    };
    [of([running.pid()].into()), of([running.template()].into()), of(running.workers())]
}

pub(crate) fn twenty_reloads_under_load_lose_nothing_and_leave_nothing_behind() {
    let mut running = Start::new().ready();
    running.settled(2);
    let before = holdings(&running);

    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..3)
        .map(|_| {
            let (folder, stop, answered) = (running.folder.clone(), Arc::clone(&stop), Arc::clone(&answered));
            std::thread::spawn(move || {
                let mut pids = BTreeSet::new();
                while !stop.load(Ordering::Relaxed) {
                    // Every request is answered, by whatever generation.
                    pids.insert(ask(&folder, "pid").trim().parse::<i32>().expect("a request was lost"));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                pids
            })
        })
        .collect();
    for generation in 2..22 {
        running.signal(Signal::HUP);
        running.wait_for(&format!("ready: generation {generation},"));
        let so_far = answered.load(Ordering::Relaxed);
        running.until("the clients go on", || answered.load(Ordering::Relaxed) > so_far + 10);
    }
    stop.store(true, Ordering::Relaxed);
    let mut pids = BTreeSet::new();
    for client in clients {
        pids.extend(client.join().expect("every request is answered"));
    }
    assert!(pids.len() > 20, "the generations took part: {pids:?}");

    running.settled(2);
    assert_eq!(holdings(&running), before);
    let log = running.log();
    assert!(!log.contains("ERROR"), "{log}");
    assert_eq!(running.stop(), Some(0));
}

pub(crate) fn twenty_deaths_leave_nothing_behind() {
    let mut running = Start::new().set("WORKERS", 1).ready();
    running.settled(1);
    let before = holdings(&running);
    for round in 1..=20 {
        // A template and then its worker: each round is a new generation, and no back-off is due.
        kill(running.template(), Signal::KILL);
        running.wait_for(&format!("the template process of generation {round} was killed"));
        let worker: i32 = running.ask("pid").trim().parse().unwrap();
        kill(worker, Signal::KILL);
        running.wait_for(&format!("ready: generation {},", round + 1));
        running.settled(1);
    }
    assert_eq!(holdings(&running), before);
    assert_eq!(running.stop(), Some(0));
}

pub(crate) fn a_daemon_of_the_application_holds_nothing_open() {
    let mut running = Start::new().ready();
    running.settled(2);
    let before = descriptors(running.pid());
    running.mode("load", "daemon");
    for generation in 2..5 {
        running.signal(Signal::HUP);
        running.wait_for(&format!("ready: generation {generation},"));
        running.wait_for(&format!("generation {} is gone", generation - 1));
    }
    running.mode("load", "");
    running.signal(Signal::HUP);
    running.wait_for("ready: generation 5,");
    running.wait_for("generation 4 is gone");
    // What it inherited at the import is still open in each of the three, but not here.
    running.until("the lines are closed", || descriptors(running.pid()) == before);
    running.signal_all(Signal::KILL);
    running.ended();
}

pub(crate) fn a_changed_file_reloads() {
    for preload in [0, 1] {
        let mut running = Start::new().set("RELOAD", 1).set("PRELOAD", preload).ready();
        fs::write(running.folder.join("source"), "longer than before").unwrap();
        running.wait_for("source has changed");
        running.wait_for("ready: generation 2");
        assert_eq!(running.stop(), Some(0));
    }
}

pub(crate) fn a_failed_first_load_waits_for_a_changed_file() {
    let mut running = Start::new().set("RELOAD", 1).mode("load", "fail").start();
    running.wait_for("waiting for a changed file");
    running.mode("load", "");
    fs::write(running.folder.join("source"), "longer than before").unwrap();
    running.wait_for("ready: generation 2");
    running.settled(2);
    assert_eq!(running.stop(), Some(0));
}
