//! Templates that die while their generation serves.

use super::*;

#[test]
fn the_workers_of_a_dead_template_go_on() {
    let mut bench = Bench::serving(rules(2));
    let said = "say the template process of generation 1 was killed by SIGKILL; its workers go on serving, and the \
                next one that must be replaced brings a new generation";
    assert_eq!(bench.template_ended(1), [said]);
    assert!(bench.seconds(1000).is_empty());
    assert_eq!(bench.sleep(), None);
}

#[test]
fn the_next_death_brings_a_new_generation_that_replaces_all() {
    let mut bench = Bench::serving(rules(2));
    bench.template_ended(1);
    let loading = "say a worker is missing, and the template process that could start it is gone: \
                   loading application app anew as generation 2";
    assert_eq!(bench.killed(1, 102), ["say worker 102 was killed by SIGKILL", loading, "template 2"]);
    assert_eq!(bench.loaded(2), ["worker 2 on 1", "worker 2 on 2"]);
    bench.up(2, 1);
    let actions = bench.up(2, 2);
    assert_eq!(deeds(actions), ["drain 101"]);
    assert_eq!(bench.drained(0, 101), ["say worker 101 has drained", "say generation 1 is gone"]);
}

#[test]
fn a_renewal_that_fails_is_tried_again_later_and_later() {
    let mut bench = Bench::serving(rules(2));
    bench.template_ended(1);
    bench.killed(0, 101);
    let mut waits = Vec::new();
    for generation in 2..10 {
        let actions = bench.event(Event::LoadFailed { generation });
        assert!(actions[0].ends_with("generation 1 goes on serving"), "{actions:?}");
        bench.template_ended(generation);
        let wait = bench.sleep().unwrap();
        waits.push(wait.as_millis());
        assert!(bench.after(wait - Duration::from_millis(1)).is_empty(), "too early");
        assert_eq!(deeds(bench.after(Duration::from_millis(1))), [format!("template {}", generation + 1)]);
    }
    assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
}

#[test]
fn a_renewal_goes_on_when_the_last_worker_has_died_too() {
    let mut bench = Bench::serving(rules(1));
    bench.template_ended(1);
    assert_eq!(deeds(bench.killed(0, 101)), ["template 2"]);
    bench.event(Event::LoadFailed { generation: 2 });
    bench.template_ended(2);
    assert_eq!(deeds(bench.after(Duration::from_millis(500))), ["template 3"]);
    bench.loaded(3);
    let actions = bench.up(3, 0);
    assert_eq!(actions[0], "say ready: generation 3, 1 worker, application app");
    assert_eq!(actions.last().map(String::as_str), Some("say generation 1 is gone"));
}

#[test]
fn the_operator_need_not_wait_for_the_next_try() {
    let mut bench = Bench::serving(rules(1));
    bench.template_ended(1);
    bench.killed(0, 101);
    bench.event(Event::LoadFailed { generation: 2 });
    assert_eq!(deeds(bench.order(Order::Reload)), ["template 3"]);
}

#[test]
fn a_success_forgets_earlier_failures() {
    let mut bench = Bench::serving(rules(1));
    bench.template_ended(1);
    bench.killed(0, 101);
    bench.event(Event::LoadFailed { generation: 2 });
    bench.template_ended(2);
    bench.after(Duration::from_millis(500));
    bench.loaded(3);
    bench.up(3, 0);
    bench.template_ended(3);
    assert_eq!(deeds(bench.killed(0, 102)), ["template 4"], "at once");
    bench.event(Event::LoadFailed { generation: 4 });
    bench.template_ended(4);
    assert_eq!(bench.sleep(), Some(Duration::from_millis(500)), "and the next row begins as the first did");
}

#[test]
fn replacements_that_were_waiting_are_the_new_generations_business() {
    let mut bench = Bench::serving(rules(1));
    bench.killed(0, 101);
    bench.up(1, 0);
    bench.killed(0, 102);
    assert_eq!(bench.sleep(), Some(Duration::from_millis(500)));
    assert_eq!(deeds(bench.template_ended(1)), ["template 2"]);
}

#[test]
fn a_worker_that_was_being_forked_is_lost_with_its_template() {
    let mut bench = Bench::serving(rules(2));
    bench.killed(0, 101);
    assert_eq!(deeds(bench.template_ended(1)), ["template 2"]);
    // It was forked after all.
    assert_eq!(bench.started(1, 0), ["kill 103"]);
}

#[test]
fn a_worker_that_lives_but_is_not_ready_survives_its_template() {
    let mut bench = Bench::serving(rules(2));
    bench.killed(0, 101);
    bench.started(1, 0);
    assert!(deeds(bench.template_ended(1)).is_empty());
    assert_eq!(bench.ready(0, 103), ["say worker 103 serves (generation 1)"]);
}

#[test]
fn more_workers_need_a_new_generation_then_and_fewer_do_not() {
    let mut bench = Bench::serving(rules(2));
    bench.template_ended(1);
    assert_eq!(deeds(bench.order(Order::Fewer)), ["drain 102"]);
    assert_eq!(deeds(bench.order(Order::More)), ["template 2"]);
}

#[test]
fn a_template_that_does_not_start_workers_is_killed() {
    let mut bench = Bench::serving(rules(2));
    bench.killed(0, 101);
    let said = "say a template process is killed: it started no worker within 120 s";
    assert_eq!(bench.seconds(120), [said, "kill template 1"]);
    assert!(bench.seconds(120).is_empty(), "once");
    assert_eq!(deeds(bench.template_ended(1)), ["template 2"]);
}

#[test]
fn a_template_that_dies_before_its_workers_are_ready_ends_a_first_start() {
    let mut bench = Bench::new(rules(2));
    bench.loaded(1);
    bench.up(1, 0);
    let said = "say generation 1 is given up: its template process was killed by SIGKILL before all workers were \
                ready; stopping";
    assert_eq!(bench.template_ended(1), [said, "stop listening", "drain 101"]);
    assert_eq!(bench.drained(0, 101), ["say worker 101 has drained", "say stopped", "end 1"]);
}
