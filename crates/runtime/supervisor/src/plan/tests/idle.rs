//! The end that comes by itself when nobody connects.

use super::*;

fn idle_rules() -> Rules {
    Rules { idle: Some(Duration::from_secs(60)), ..rules(1) }
}

fn connected(bench: &mut Bench, ago: u64) -> Vec<String> {
    let at = bench.now - Duration::from_secs(ago);
    bench.event(Event::Connected { at })
}

#[test]
fn it_comes_when_nobody_has_been_connected_for_so_long() {
    let mut bench = Bench::serving(idle_rules());
    assert_eq!(bench.sleep(), Some(Duration::from_secs(60)));
    bench.seconds(50);
    assert_eq!(connected(&mut bench, 20), Vec::<String>::new());
    assert_eq!(bench.sleep(), Some(Duration::from_secs(40)), "30 seconds after the start somebody was there");
    assert_eq!(bench.seconds(39), Vec::<String>::new());
    assert_eq!(
        bench.seconds(1),
        ["say stopping: no connection for 60 s", "stop listening", "drain 101", "kill template 1"]
    );
    bench.template_ended(1);
    assert_eq!(bench.drained(0, 101), ["say worker 101 has drained", "say stopped", "end 0"]);
}

#[test]
fn an_older_connection_does_not_count_after_a_newer_one() {
    let mut bench = Bench::serving(idle_rules());
    bench.seconds(30);
    connected(&mut bench, 0);
    connected(&mut bench, 25);
    assert_eq!(bench.sleep(), Some(Duration::from_secs(60)));
}

#[test]
fn it_does_not_come_before_anything_serves_or_during_a_reload() {
    let mut bench = Bench::new(idle_rules());
    bench.seconds(100);
    bench.loaded(1);
    bench.up(1, 0);
    assert_eq!(bench.sleep(), Some(Duration::from_secs(60)));
    bench.order(Order::Reload);
    assert_eq!(deeds(bench.seconds(100)), Vec::<String>::new());
    bench.loaded(2);
    bench.up(2, 1);
    assert_eq!(deeds(bench.seconds(29)), Vec::<String>::new(), "the time begins anew with the new generation");
}

#[test]
fn it_never_comes_unless_it_was_asked_for() {
    let mut bench = Bench::serving(rules(1));
    assert_eq!(bench.sleep(), None);
    assert_eq!(bench.seconds(1_000_000), Vec::<String>::new());
}
