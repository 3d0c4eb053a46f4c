//! The supervisor with real processes: they are forked, killed, drained and counted.
//!
//! This program is both sides. Started by cargo it runs the scenarios; each of them starts it again as the
//! [`stand_in`] for the command, with a host that serves a line protocol instead of an application.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod deaths;
mod driver;
mod loads;
mod reloads;
mod stand_in;
mod stops;

use std::panic::catch_unwind;
use std::process::ExitCode;

type Scenario = (&'static str, fn());

/// Names the functions of a module as scenarios.
macro_rules! scenarios {
    ($($module:ident: $($name:ident),* $(,)?;)*) => {
        &[$($((concat!(stringify!($module), "::", stringify!($name)), $module::$name as fn()),)*)*]
    };
}

const SCENARIOS: &[Scenario] = scenarios! {
    stops:
        a_stop_ends_every_process,
        every_process_holds_what_it_needs_and_no_more,
        a_stop_lets_requests_finish,
        ctrl_c_reaches_the_whole_group_and_still_loses_nothing,
        a_parent_that_blocked_the_signals_does_not_matter,
        a_stop_has_a_deadline_and_names_what_it_cut,
        the_second_stop_does_not_wait,
        a_stop_during_an_import_does_not_wait_for_it,
        one_worker_more_and_one_less;
    deaths:
        a_killed_worker_is_replaced_and_its_requests_are_named,
        an_idle_worker_that_is_killed_lost_nothing,
        a_worker_told_to_end_by_somebody_else_is_replaced,
        a_crash_loop_slows_down_and_ends_when_its_cause_does,
        the_workers_of_a_killed_template_go_on_until_one_must_be_replaced,
        the_others_end_with_a_killed_supervisor_and_lose_nothing,
        an_import_does_not_outlive_a_killed_supervisor,
        an_import_in_a_worker_does_not_outlive_a_killed_supervisor,
        a_panic_in_a_worker_ends_the_worker,
        a_child_of_the_application_is_left_to_it,
        a_dead_worker_keeps_its_number_until_the_supervisor_has_heard_of_it;
    loads:
        an_application_that_cannot_be_loaded_ends_the_command,
        a_crash_or_a_panic_during_the_import_ends_the_command,
        an_import_that_hangs_is_given_up,
        without_preloading_each_worker_imports,
        an_import_that_fails_in_the_workers_ends_the_command,
        an_import_that_starts_threads_is_left_to_the_workers,
        an_application_may_replace_signal_handlers,
        a_worker_that_never_gets_ready_is_killed_and_replaced,
        workers_that_die_before_they_are_ready_end_the_command;
    reloads:
        a_reload_that_cannot_be_loaded_changes_nothing,
        a_reload_cuts_what_takes_too_long,
        twenty_reloads_under_load_lose_nothing_and_leave_nothing_behind,
        twenty_deaths_leave_nothing_behind,
        a_daemon_of_the_application_holds_nothing_open,
        a_changed_file_reloads,
        a_failed_first_load_waits_for_a_changed_file;
};

fn main() -> ExitCode {
    if let Some(folder) = std::env::var_os(stand_in::FOLDER) {
        stand_in::main(folder.as_ref());
    }
    let filters: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter));
    if std::env::args().any(|argument| argument == "--list") {
        SCENARIOS.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let mut failed = Vec::new();
    for (name, scenario) in SCENARIOS.iter().filter(|(name, _)| wanted(name)) {
        let passed = catch_unwind(scenario).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        if !passed {
            failed.push(name);
        }
    }
    println!("{} failed: {failed:?}", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
