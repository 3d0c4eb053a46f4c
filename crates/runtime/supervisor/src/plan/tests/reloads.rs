//! Reloads: the old generation serves until the new one does.

use super::*;

/// Two workers serve, and a second generation has been asked for.
fn reloading() -> Bench {
    let mut bench = Bench::serving(rules(2));
    assert_eq!(bench.order(Order::Reload), ["say reload: loading application app as generation 2", "template 2"]);
    bench
}

#[test]
fn the_old_workers_drain_when_all_of_the_new_ones_are_ready() {
    let mut bench = reloading();
    assert_eq!(bench.loaded(2), ["worker 2 on 2", "worker 2 on 3"]);
    assert!(bench.up(2, 2).is_empty(), "one of two is not enough");
    assert_eq!(
        bench.up(2, 3),
        [
            "say ready: generation 2, 2 workers, application app",
            "say generation 1 drains: 2 workers finish their requests, within 30 s",
            "drain 101",
            "drain 102"
        ]
    );
    assert_eq!(bench.drained(0, 101), ["say worker 101 has drained"]);
    assert_eq!(bench.drained(1, 102), ["say worker 102 has drained", "kill template 1"]);
    assert_eq!(bench.template_ended(1), ["say generation 1 is gone"]);
    assert_eq!(bench.sleep(), None);
}

#[test]
fn the_next_reload_uses_the_seats_that_have_become_free() {
    let mut bench = reloading();
    bench.loaded(2);
    bench.up(2, 2);
    bench.up(2, 3);
    bench.drained(0, 101);
    bench.drained(1, 102);
    bench.order(Order::Reload);
    assert_eq!(bench.loaded(3), ["worker 3 on 0", "worker 3 on 1"]);
}

#[test]
fn a_draining_worker_that_takes_too_long_is_killed() {
    let mut bench = reloading();
    bench.loaded(2);
    bench.up(2, 2);
    bench.up(2, 3);
    assert_eq!(bench.sleep(), Some(Duration::from_secs(30)));
    bench.drained(0, 101);
    let said = "say worker 102 is killed: its last requests took longer than the graceful timeout";
    assert_eq!(bench.seconds(30), [said, "kill 102"]);
    assert!(bench.seconds(30).is_empty(), "once");
    assert_eq!(bench.killed(1, 102), ["say worker 102 was stopped by force", "kill template 1"]);
}

#[test]
fn a_draining_worker_that_dies_is_not_replaced() {
    let mut bench = reloading();
    bench.loaded(2);
    bench.up(2, 2);
    bench.up(2, 3);
    let said = "say worker 101 was killed by SIGKILL (it was draining)";
    assert_eq!(bench.killed(0, 101), [said]);
    assert!(bench.seconds(29).is_empty());
}

#[test]
fn a_load_that_fails_leaves_the_old_generation_alone() {
    let mut bench = reloading();
    let said = "say generation 2 is given up: the application cannot be loaded (the lines above say why); \
                generation 1 goes on serving";
    assert_eq!(bench.event(Event::LoadFailed { generation: 2 }), [said, "kill template 2"]);
    let ended = Event::TemplateEnded { generation: 2, ending: Ending::Exit(3) };
    assert_eq!(bench.event(ended), ["say generation 2 is gone"]);
    assert!(bench.seconds(1000).is_empty(), "nothing is tried again unasked");
    assert_eq!(deeds(bench.killed(0, 101)), ["worker 1 on 0"], "the old template still replaces");
    assert_eq!(bench.order(Order::Reload), ["say reload: loading application app as generation 3", "template 3"]);
}

#[test]
fn every_way_to_fail_leaves_the_old_generation_alone() {
    let mut bench = reloading();
    assert!(bench.template_ended(2)[0].ends_with("was killed by SIGKILL; generation 1 goes on serving"));
    let mut bench = reloading();
    assert!(bench.event(Event::TemplateNotStarted { generation: 2 })[0].ends_with("generation 1 goes on serving"));
    let mut bench = reloading();
    assert!(bench.seconds(120)[1].ends_with("took longer than 120 s; generation 1 goes on serving"));
    let mut bench = reloading();
    bench.loaded(2);
    bench.up(2, 2);
    bench.started(2, 3);
    let actions = bench.template_ended(2);
    assert!(actions[0].ends_with("before all workers were ready; generation 1 goes on serving"), "{actions:?}");
    assert_eq!(actions[1..], ["drain 103", "kill 104"]);
    assert!(bench.killed(3, 104).is_empty());
    assert_eq!(bench.drained(2, 103)[1..], ["say generation 2 is gone"]);
}

#[test]
fn workers_that_keep_dying_give_the_new_generation_up() {
    let mut bench = reloading();
    bench.loaded(2);
    bench.up(2, 2);
    for number in [104, 105] {
        bench.started(2, 3);
        bench.killed(3, number);
        bench.after(Duration::from_millis(500));
    }
    bench.started(2, 3);
    let actions = bench.killed(3, 106);
    let said = "say generation 2 is given up: 3 of its workers failed before they were ready; \
                generation 1 goes on serving";
    assert_eq!(actions[1..], [said, "drain 103"]);
    assert_eq!(bench.drained(2, 103)[1..], ["kill template 2"]);
}

#[test]
fn a_reload_during_a_reload_is_done_afterwards_once() {
    let mut bench = reloading();
    assert_eq!(bench.order(Order::Reload), ["say reload: another one follows when the running one is done"]);
    assert!(bench.order(Order::Reload).is_empty());
    bench.loaded(2);
    bench.up(2, 2);
    let actions = bench.up(2, 3);
    assert_eq!(deeds(actions), ["template 3", "drain 101", "drain 102"]);
    // Seats 0 and 1 still drain.
    assert_eq!(bench.loaded(3), ["worker 3 on 4", "worker 3 on 5"]);
    bench.up(3, 4);
    assert_eq!(deeds(bench.up(3, 5)), ["drain 103", "drain 104"]);
}

#[test]
fn a_reload_during_one_that_fails_is_done_afterwards() {
    let mut bench = reloading();
    bench.order(Order::Reload);
    assert_eq!(deeds(bench.event(Event::LoadFailed { generation: 2 })), ["template 3", "kill template 2"]);
}

#[test]
fn a_reload_during_the_first_load_is_done_afterwards() {
    let mut bench = Bench::new(rules(1));
    bench.order(Order::Reload);
    bench.loaded(1);
    assert_eq!(deeds(bench.up(1, 0)), ["template 2"]);
}

#[test]
fn a_worker_that_dies_during_a_reload_is_replaced_in_its_own_generation() {
    let mut bench = reloading();
    assert_eq!(deeds(bench.killed(0, 101)), ["worker 1 on 0"]);
    assert_eq!(bench.loaded(2), ["worker 2 on 2", "worker 2 on 3"]);
    bench.started(1, 0);
    bench.up(2, 2);
    // The replacement never served: it has nothing to drain.
    assert_eq!(deeds(bench.up(2, 3)), ["kill 103", "drain 102"]);
}

#[test]
fn a_replacement_that_has_not_said_its_number_is_killed_when_it_does() {
    let mut bench = reloading();
    bench.killed(0, 101);
    bench.loaded(2);
    bench.up(2, 2);
    assert_eq!(deeds(bench.up(2, 3)), ["drain 102"]);
    assert_eq!(bench.started(1, 0), ["kill 105"]);
    assert!(bench.killed(0, 105).is_empty());
    assert_eq!(bench.drained(1, 102)[1..], ["kill template 1"]);
}

#[test]
fn when_no_seat_is_free_the_new_workers_wait_for_the_draining_ones() {
    let mut bench = Bench::serving(Rules { seats: 3, ..rules(2) });
    bench.order(Order::Reload);
    let said = "say too many workers are draining: new ones start when some of them have ended";
    assert_eq!(bench.loaded(2), ["worker 2 on 2", said]);
    assert_eq!(bench.sleep(), Some(Duration::from_secs(120)), "only the start of the first new worker is awaited");
    assert!(bench.seconds(1).is_empty(), "said once");
    assert_eq!(deeds(bench.killed(1, 102)), ["worker 1 on 1"], "the generation that serves comes first");
}

#[test]
fn generations_that_drain_side_by_side_fill_the_seats_and_then_the_next_one_waits() {
    let mut bench = Bench::serving(Rules { seats: 4, ..rules(2) });
    bench.order(Order::Reload);
    bench.loaded(2);
    bench.up(2, 2);
    bench.up(2, 3);
    bench.order(Order::Reload);
    assert!(deeds(bench.loaded(3)).is_empty());
    assert_eq!(deeds(bench.drained(1, 102)), ["worker 3 on 1"]);
    assert_eq!(deeds(bench.drained(0, 101)), ["worker 3 on 0", "kill template 1"]);
    bench.up(3, 1);
    assert_eq!(deeds(bench.up(3, 0)), ["drain 103", "drain 104"]);
}

#[test]
fn the_new_generation_is_tried_with_one_import_even_if_the_old_one_had_threads() {
    let mut bench = Bench::new(rules(1));
    bench.event(Event::Loaded { generation: 1, threads: 1 });
    bench.template_ended(1);
    bench.loaded(1);
    bench.up(1, 0);
    assert_eq!(deeds(bench.order(Order::Reload)), ["template 2"]);
}
