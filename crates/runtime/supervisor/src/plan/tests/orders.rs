//! What the operator asks for: more, fewer, stop.

use super::*;

#[test]
fn one_worker_more_and_one_less() {
    let mut bench = Bench::serving(rules(1));
    assert_eq!(bench.order(Order::More), ["say 2 workers from now on", "worker 1 on 1"]);
    assert_eq!(bench.up(1, 1), ["say worker 102 serves (generation 1)"]);
    assert_eq!(bench.order(Order::Fewer), ["say 1 worker from now on", "drain 102"]);
    assert_eq!(bench.drained(1, 102), ["say worker 102 has drained"]);
}

#[test]
fn the_number_of_workers_has_limits() {
    let mut bench = Bench::serving(rules(1));
    let at_limit = |number| format!("say the number of workers stays at {number}: that is the limit");
    assert_eq!(bench.order(Order::Fewer), [at_limit(1)]);
    for _ in 0..3 {
        bench.order(Order::More);
    }
    assert_eq!(bench.order(Order::More), [at_limit(4)]);
}

#[test]
fn the_number_of_workers_outlasts_a_reload() {
    let mut bench = Bench::serving(rules(1));
    bench.order(Order::More);
    bench.up(1, 1);
    bench.order(Order::Reload);
    assert_eq!(bench.loaded(2), ["worker 2 on 2", "worker 2 on 3"]);
}

#[test]
fn fewer_workers_during_a_start_need_fewer_to_be_ready() {
    let mut bench = Bench::new(rules(2));
    bench.loaded(1);
    bench.up(1, 0);
    bench.started(1, 1);
    let ready = "say ready: generation 1, 1 worker, application app";
    assert_eq!(bench.order(Order::Fewer), ["say 1 worker from now on", "kill 102", ready]);
    assert!(bench.killed(1, 102).is_empty());
}

#[test]
fn a_surplus_is_taken_from_those_that_do_not_serve_yet() {
    let mut bench = Bench::serving(rules(1));
    bench.order(Order::More);
    bench.started(1, 1);
    assert_eq!(deeds(bench.order(Order::Fewer)), ["kill 102"]);

    let mut bench = Bench::serving(rules(1));
    bench.order(Order::More);
    assert!(deeds(bench.order(Order::Fewer)).is_empty(), "its number is not known");
    assert_eq!(bench.started(1, 1), ["kill 102"]);
    assert!(bench.killed(1, 102).is_empty());
    assert_eq!(bench.sleep(), None);
}

#[test]
fn fewer_workers_cancel_a_start_that_waits() {
    let mut bench = Bench::serving(rules(2));
    bench.killed(1, 102);
    bench.up(1, 1);
    bench.killed(1, 103);
    assert_eq!(bench.sleep(), Some(Duration::from_millis(500)));
    assert_eq!(bench.order(Order::Fewer), ["say 1 worker from now on"]);
    assert_eq!(bench.sleep(), None);
}

#[test]
fn a_stop_drains_the_workers_and_then_ends_the_template() {
    let mut bench = Bench::serving(rules(2));
    let said = "say stopping: 2 workers finish their requests, within 30 s";
    assert_eq!(bench.order(Order::Stop), [said, "stop listening", "drain 101", "drain 102", "kill template 1"]);
    assert_eq!(bench.drained(0, 101), ["say worker 101 has drained"]);
    assert!(bench.template_ended(1).is_empty(), "the workers live on without it");
    assert_eq!(bench.drained(1, 102), ["say worker 102 has drained", "say stopped", "end 0"]);
}

#[test]
fn a_stop_may_wait_for_the_template_last() {
    let mut bench = Bench::serving(rules(1));
    bench.order(Order::Stop);
    assert_eq!(bench.drained(0, 101), ["say worker 101 has drained"]);
    assert_eq!(bench.template_ended(1), ["say stopped", "end 0"]);
}

#[test]
fn nothing_is_replaced_reloaded_or_changed_during_a_stop() {
    let mut bench = Bench::serving(rules(2));
    bench.order(Order::Stop);
    let said = "say worker 101 was killed by SIGKILL (it was draining)";
    assert_eq!(bench.killed(0, 101), [said]);
    for order in [Order::Reload, Order::More, Order::Fewer] {
        assert!(bench.order(order).is_empty(), "{order:?}");
    }
    assert!(bench.seconds(29).is_empty());
}

#[test]
fn a_stop_has_a_deadline() {
    let mut bench = Bench::serving(rules(1));
    bench.order(Order::Stop);
    assert_eq!(bench.sleep(), Some(Duration::from_secs(30)));
    assert_eq!(deeds(bench.seconds(30)), ["kill 101"]);
    assert_eq!(bench.killed(0, 101), ["say worker 101 was stopped by force"]);
    assert_eq!(bench.template_ended(1), ["say stopped", "end 0"]);
}

#[test]
fn the_second_stop_and_quit_do_not_wait() {
    let mut bench = Bench::serving(rules(2));
    bench.order(Order::Stop);
    bench.drained(0, 101);
    assert!(bench.order(Order::Stop).is_empty(), "the same order, sent twice");
    bench.seconds(2);
    assert_eq!(bench.order(Order::Stop), ["say stopping at once", "kill 102"]);
    assert_eq!(bench.killed(1, 102), ["say worker 102 was stopped by force"]);
    assert_eq!(bench.template_ended(1), ["say stopped", "end 0"]);

    let mut bench = Bench::serving(rules(1));
    assert_eq!(bench.order(Order::Quit), ["say stopping at once", "stop listening", "kill 101", "kill template 1"]);
}

#[test]
fn a_stop_during_a_load_kills_the_template() {
    let mut bench = Bench::new(rules(1));
    assert_eq!(bench.order(Order::Stop), ["say stopping", "stop listening", "kill template 1"]);
    assert_eq!(bench.template_ended(1), ["say stopped", "end 0"]);
}

#[test]
fn a_stop_during_a_reload_ends_both_generations() {
    let mut bench = Bench::serving(rules(1));
    bench.order(Order::Reload);
    bench.loaded(2);
    bench.started(2, 1);
    assert_eq!(
        deeds(bench.order(Order::Stop)),
        ["stop listening", "drain 101", "kill 102", "kill template 1", "kill template 2"]
    );
    assert!(bench.killed(1, 102).is_empty());
    assert!(bench.template_ended(2).is_empty());
    bench.drained(0, 101);
    assert_eq!(bench.template_ended(1), ["say stopped", "end 0"]);
}

#[test]
fn a_stop_does_not_wait_for_a_worker_that_was_being_forked() {
    let mut bench = Bench::new(rules(1));
    bench.loaded(1);
    assert_eq!(deeds(bench.order(Order::Stop)), ["stop listening", "kill template 1"]);
    // It was forked, and says so before its template is gone.
    assert_eq!(bench.started(1, 0), ["kill 101"]);
    assert!(bench.template_ended(1).is_empty());
    assert_eq!(bench.killed(0, 101), ["say stopped", "end 0"]);
}

#[test]
fn a_stop_waits_for_nothing_that_was_planned() {
    let mut bench = Bench::serving(rules(1));
    bench.killed(0, 101);
    bench.up(1, 0);
    bench.killed(0, 102);
    bench.order(Order::Stop);
    assert_eq!(bench.sleep(), None);
    assert_eq!(bench.template_ended(1), ["say stopped", "end 0"]);
}
