//! The first start: what leads to "ready", and what ends the supervisor before it.

use super::*;

#[test]
fn workers_start_when_the_template_has_loaded_and_all_of_them_make_it_ready() {
    let mut bench = Bench::new(rules(2));
    assert_eq!(bench.loaded(1), ["worker 1 on 0", "worker 1 on 1"]);
    assert!(bench.up(1, 1).is_empty());
    assert_eq!(bench.up(1, 0), ["say ready: generation 1, 2 workers, application app"]);
    assert_eq!(bench.sleep(), None, "nothing to wait for but events");
}

#[test]
fn one_worker_is_written_in_the_singular() {
    let mut bench = Bench::new(rules(1));
    bench.loaded(1);
    assert_eq!(bench.up(1, 0), ["say ready: generation 1, 1 worker, application app"]);
}

#[test]
fn without_preloading_the_template_is_told_so() {
    let mut bench = Bench::new(Rules { preload: false, ..rules(1) });
    assert_eq!(bench.loaded(1), ["worker 1 on 0"]);
}

#[test]
fn an_application_that_cannot_be_loaded_ends_the_supervisor() {
    let mut bench = Bench::new(rules(2));
    let given_up = "say generation 1 is given up: the application cannot be loaded (the lines above say why); stopping";
    assert_eq!(bench.event(Event::LoadFailed { generation: 1 }), [given_up, "stop listening", "kill template 1"]);
    assert_eq!(bench.event(Event::TemplateEnded { generation: 1, ending: Ending::Exit(3) }), ["say stopped", "end 3"]);
}

#[test]
fn a_template_that_dies_or_hangs_while_it_imports_counts_as_not_loaded() {
    let mut bench = Bench::new(rules(1));
    let said =
        "say generation 1 is given up: the process that imported the application was killed by SIGKILL; stopping";
    assert_eq!(bench.template_ended(1), [said, "stop listening", "say stopped", "end 3"]);

    let mut bench = Bench::new(rules(1));
    assert_eq!(bench.sleep(), Some(Duration::from_secs(120)));
    assert!(bench.seconds(119).is_empty());
    let said = "say generation 1 is given up: importing the application took longer than 120 s; stopping";
    assert_eq!(bench.seconds(1), ["kill template 1", said, "stop listening"]);
    assert_eq!(bench.template_ended(1), ["say stopped", "end 3"]);
}

#[test]
fn without_a_startup_limit_a_load_may_take_for_ever() {
    let mut bench = Bench::new(Rules { startup: None, ..rules(1) });
    assert_eq!(bench.sleep(), None);
    assert!(bench.seconds(1_000_000).is_empty());
    assert_eq!(bench.loaded(1), ["worker 1 on 0"]);
    assert!(bench.seconds(1_000_000).is_empty());
}

#[test]
fn a_template_that_cannot_be_forked_ends_the_supervisor() {
    let mut bench = Bench::new(rules(1));
    let said = "say generation 1 is given up: its process could not be started (the line above says why); stopping";
    assert_eq!(
        bench.event(Event::TemplateNotStarted { generation: 1 }),
        [said, "stop listening", "say stopped", "end 1"]
    );
}

#[test]
fn a_worker_that_cannot_load_by_itself_ends_the_supervisor_and_its_siblings() {
    let mut bench = Bench::new(Rules { preload: false, ..rules(3) });
    bench.loaded(1);
    bench.up(1, 0);
    bench.started(1, 1);
    bench.started(1, 2);
    // The one that is ready may have accepted something: it drains. The others have nothing to lose.
    let actions = deeds(bench.event(Event::LoadFailed { generation: 1 }));
    assert_eq!(actions, ["stop listening", "drain 101", "kill 102", "kill 103", "kill template 1"]);
    assert!(bench.ended(1, 102, Ending::Exit(3)).is_empty());
    assert!(bench.killed(2, 103).is_empty());
    assert_eq!(bench.drained(0, 101), ["say worker 101 has drained"]);
    assert_eq!(bench.template_ended(1), ["say stopped", "end 3"]);
}

#[test]
fn when_it_waits_for_a_change_a_failed_first_load_is_not_the_end() {
    let mut bench = Bench::new(Rules { persist: true, ..rules(1) });
    let said = "say generation 1 is given up: the application cannot be loaded (the lines above say why); \
                waiting for a changed file, or for SIGHUP, to try again";
    assert_eq!(bench.event(Event::LoadFailed { generation: 1 }), [said, "kill template 1"]);
    assert_eq!(bench.template_ended(1), ["say generation 1 is gone"]);
    assert_eq!(bench.sleep(), None);
    assert!(bench.seconds(1000).is_empty(), "it tries again when told, not by itself");

    assert_eq!(bench.order(Order::Reload), ["say reload: loading application app as generation 2", "template 2"]);
    assert_eq!(bench.loaded(2), ["worker 2 on 0"]);
    assert_eq!(bench.up(2, 0), ["say ready: generation 2, 1 worker, application app"]);
}

#[test]
fn a_supervisor_that_waits_for_a_change_can_be_stopped() {
    let mut bench = Bench::new(Rules { persist: true, ..rules(1) });
    bench.template_ended(1);
    assert_eq!(bench.order(Order::Stop), ["say stopping", "stop listening", "say stopped", "end 0"]);
}

#[test]
fn the_first_deaths_before_ready_are_forgiven() {
    let mut bench = Bench::new(rules(1));
    bench.loaded(1);
    bench.started(1, 0);
    let died = "say worker 101 was killed by SIGKILL before it was ready";
    assert_eq!(bench.killed(0, 101), [died, "say a new worker takes its place", "worker 1 on 0"]);
    bench.started(1, 0);
    let next = "say a new worker takes its place in 0.5 s: 2 have failed in a row";
    assert_eq!(bench.killed(0, 102)[1..], [next]);
    assert_eq!(bench.sleep(), Some(Duration::from_millis(500)));
    assert_eq!(bench.after(Duration::from_millis(500)), ["worker 1 on 0"]);
    assert_eq!(bench.up(1, 0), ["say ready: generation 1, 1 worker, application app"]);
}

#[test]
fn workers_that_keep_dying_before_ready_end_a_first_start() {
    let mut bench = Bench::new(rules(3));
    bench.loaded(1);
    bench.started(1, 0);
    bench.started(1, 1);
    bench.started(1, 2);
    bench.killed(0, 101);
    bench.killed(1, 102);
    let said = "say generation 1 is given up: 3 of its workers failed before they were ready; stopping";
    let actions = bench.killed(2, 103);
    assert!(actions.contains(&said.to_owned()), "{actions:?}");
    // Two successors were on their way, and nobody knows their numbers yet: without a template they cannot come.
    assert!(actions.contains(&"kill template 1".to_owned()), "{actions:?}");
    assert_eq!(bench.template_ended(1), ["say stopped", "end 1"]);
}

#[test]
fn a_worker_that_is_not_ready_in_time_is_killed_and_replaced() {
    let mut bench = Bench::new(rules(1));
    bench.loaded(1);
    bench.started(1, 0);
    assert_eq!(bench.sleep(), Some(Duration::from_secs(120)));
    assert_eq!(bench.seconds(120), ["say worker 101 is killed: it was not ready within 120 s", "kill 101"]);
    assert!(bench.seconds(1).is_empty(), "its place is taken until it is gone");
    assert!(bench.ready(0, 101).is_empty(), "too late");
    assert_eq!(deeds(bench.killed(0, 101)), ["worker 1 on 0"]);
}

#[test]
fn an_import_that_starts_threads_is_left_to_the_workers() {
    let mut bench = Bench::new(rules(2));
    let actions = bench.event(Event::Loaded { generation: 1, threads: 2 });
    assert!(actions[0].contains("started 2 threads"), "{actions:?}");
    assert_eq!(actions[1..], ["kill template 1"]);
    assert_eq!(bench.template_ended(1), ["bare template 1"]);
    assert_eq!(bench.loaded(1), ["worker 1 on 0", "worker 1 on 1"]);
    bench.up(1, 0);
    assert_eq!(bench.up(1, 1), ["say ready: generation 1, 2 workers, application app"]);
}

#[test]
fn a_stop_during_the_change_to_separate_imports_is_heard() {
    let mut bench = Bench::new(rules(1));
    bench.event(Event::Loaded { generation: 1, threads: 1 });
    assert_eq!(bench.order(Order::Stop), ["say stopping", "stop listening"]);
    assert_eq!(bench.template_ended(1), ["say stopped", "end 0"]);
}
