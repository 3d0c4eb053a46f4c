//! Workers that die: who replaces them, and when.

use super::*;

#[test]
fn a_dead_worker_is_replaced_at_once_on_its_own_seat() {
    let mut bench = Bench::serving(rules(2));
    let died = "say worker 101 was killed by SIGKILL";
    assert_eq!(bench.killed(0, 101), [died, "say a new worker takes its place", "worker 1 on 0"]);
    assert_eq!(bench.up(1, 0), ["say worker 103 serves (generation 1)"]);
}

#[test]
fn a_worker_that_ends_by_itself_is_replaced_too() {
    let mut bench = Bench::serving(rules(1));
    let left = "say worker 101 exited with code 0: it was sent SIGTERM, or the application ended it (to stop the server, \
                signal its first process)";
    assert_eq!(bench.drained(0, 101), [left, "say a new worker takes its place", "worker 1 on 0"]);
}

#[test]
fn a_row_of_deaths_is_answered_later_and_later_up_to_a_ceiling() {
    let mut bench = Bench::serving(rules(1));
    let mut waits = Vec::new();
    for number in 101..112 {
        let died = bench.killed(0, number);
        let started = died.contains(&"worker 1 on 0".to_owned());
        let wait = if started { Duration::ZERO } else { bench.sleep().unwrap() };
        if !started {
            assert!(bench.after(wait - Duration::from_millis(1)).is_empty(), "too early");
            assert_eq!(bench.after(Duration::from_millis(1)), ["worker 1 on 0"]);
        }
        waits.push(wait.as_millis());
        bench.up(1, 0);
    }
    assert_eq!(waits, [0, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000, 30000]);
}

#[test]
fn a_second_of_service_begins_a_new_row() {
    let mut bench = Bench::serving(rules(1));
    bench.killed(0, 101);
    bench.up(1, 0);
    bench.now += backoff::HEALTHY - Duration::from_millis(1);
    assert!(deeds(bench.killed(0, 102)).is_empty(), "the second in the row");
    bench.after(Duration::from_millis(500));
    bench.up(1, 0);
    bench.now += backoff::HEALTHY;
    assert_eq!(deeds(bench.killed(0, 103)), ["worker 1 on 0"], "the first of a new row");
}

#[test]
fn workers_that_die_together_do_not_wait_for_one_another() {
    let mut bench = Bench::serving(rules(3));
    for (seat, number) in [(0, 101), (1, 102), (2, 103)] {
        assert_eq!(deeds(bench.killed(seat, number)), [format!("worker 1 on {seat}")]);
    }
}

#[test]
fn a_generation_that_serves_is_never_given_up() {
    let mut bench = Bench::serving(rules(1));
    bench.killed(0, 101);
    for number in 102..120 {
        bench.started(1, 0);
        let died = bench.killed(0, number);
        assert!(died[0].ends_with("before it was ready"), "{died:?}");
        let wait = bench.sleep().unwrap();
        assert_eq!(bench.after(wait), ["worker 1 on 0"]);
    }
}

#[test]
fn a_worker_that_dies_before_it_can_say_that_it_lives_is_missed() {
    let mut bench = Bench::serving(rules(1));
    bench.killed(0, 101);
    let died = "say worker 555 was killed by SIGKILL before it was ready";
    let next = "say a new worker takes its place in 0.5 s: 2 have failed in a row";
    assert_eq!(bench.killed(0, 555), [died, next]);
}

#[test]
fn a_worker_that_cannot_be_forked_is_tried_again() {
    let mut bench = Bench::serving(rules(1));
    bench.killed(0, 101);
    let not_started = Event::NotStarted { generation: 1, seat: 0 };
    let said = "say generation 1 could not start a worker (the line above says why)";
    let next = "say a new worker takes its place in 0.5 s: 2 have failed in a row";
    assert_eq!(bench.event(not_started), [said, next]);
    assert!(bench.event(not_started).is_empty(), "there is nobody on that seat now");
    assert_eq!(bench.after(Duration::from_millis(500)), ["worker 1 on 0"]);
}

#[test]
fn messages_about_somebody_else_change_nothing() {
    let mut bench = Bench::serving(rules(1));
    assert!(bench.killed(0, 999).is_empty(), "another number");
    assert!(bench.killed(5, 101).is_empty(), "another seat");
    let other = Event::Ended { generation: 2, seat: 0, pid: pid(101), ending: Ending::Exit(0) };
    assert!(bench.event(other).is_empty(), "another generation");
    assert!(bench.ready(0, 999).is_empty());
    assert!(bench.ready(5, 101).is_empty());
    assert!(bench.event(Event::NotStarted { generation: 1, seat: 0 }).is_empty(), "it lives");
    assert!(bench.event(Event::Loaded { generation: 1, threads: 0 }).is_empty());
    assert!(bench.event(Event::Loaded { generation: 9, threads: 5 }).is_empty());
    assert!(bench.event(Event::LoadFailed { generation: 1 }).is_empty(), "it serves");
    assert!(bench.template_ended(9).is_empty());
    assert_eq!(bench.killed(0, 101).len(), 3);
}

#[test]
fn a_worker_that_nobody_expects_is_killed() {
    let mut bench = Bench::serving(rules(1));
    let stray = |generation, seat| Event::Started { generation, seat, pid: pid(777) };
    assert_eq!(bench.event(stray(1, 3)), ["kill 777"], "nobody was to sit there");
    assert_eq!(bench.event(stray(1, 0)), ["kill 777"], "the seat is taken");
    assert_eq!(bench.event(stray(9, 0)), ["kill 777"], "that generation is unknown");
}

#[test]
fn a_replacement_that_hangs_is_killed_and_counts_as_a_failure() {
    let mut bench = Bench::serving(rules(1));
    bench.killed(0, 101);
    bench.started(1, 0);
    assert_eq!(deeds(bench.seconds(120)), ["kill 102"]);
    let next = "say a new worker takes its place in 0.5 s: 2 have failed in a row";
    assert_eq!(bench.killed(0, 102)[1..], [next]);
}

#[test]
fn the_end_of_a_stray_is_not_taken_for_the_end_of_its_seats_next_worker() {
    let mut bench = Bench::serving(rules(1));
    bench.killed(0, 101);
    // The template dies while it forks; generation 2 puts a worker on the same seat.
    bench.template_ended(1);
    assert_eq!(bench.loaded(2), ["worker 2 on 0"]);
    let stray = Event::Ended { generation: 1, seat: 0, pid: pid(555), ending: Ending::Signal(9) };
    assert!(bench.event(stray).is_empty());
}
