//! Builds the relay, which the engine carries and `millau relay` writes to where it is wanted. It is an executable of its own,
//! made for size, so it needs a build of its own: in a target directory below ours, so that neither waits for the other.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let variable = |name: &str| std::env::var_os(name).unwrap_or_default();
    let root = Path::new(&variable("CARGO_MANIFEST_DIR")).join("../..");
    let output = PathBuf::from(variable("OUT_DIR"));
    for path in ["Cargo.toml", "Cargo.lock", "crates/runtime/relay", "crates/protocol/scgi", "crates/gateway/src"] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    let target_directory = output.join("relay");
    let mut command = Command::new(variable("CARGO"));
    command.current_dir(&root).args([
        "build",
        "--quiet",
        "--locked",
        "--profile",
        "relay",
        "--package",
        "millau-relay",
    ]);
    command.arg("--target-dir").arg(&target_directory);
    let mut built = target_directory;
    if variable("TARGET") != variable("HOST") {
        command.arg("--target").arg(variable("TARGET"));
        built.push(variable("TARGET"));
    }
    // What the outer build was told is not for this one: a check by clippy would leave no executable, for instance.
    for name in
        ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR"]
    {
        command.env_remove(name);
    }
    if has_static_unwinder() {
        // The relay never unwinds, but the standard library asks for who could. Each shared library costs a program that
        // lives for a millisecond a tenth of one.
        command.env("RUSTFLAGS", "-C link-args=-Wl,--push-state,--whole-archive,-Bstatic,-lgcc_eh,--pop-state");
    }
    let status = command.status();
    assert!(status.is_ok_and(|status| status.success()), "the relay could not be built: {command:?}");
    let copied = std::fs::copy(built.join("relay/millau-relay"), output.join("millau-relay"));
    assert!(copied.is_ok(), "the relay was built to another place than {}", built.display());
}

/// Whether the C compiler has its unwinder as a static library, as GCC has.
fn has_static_unwinder() -> bool {
    let asked = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output();
    asked.is_ok_and(|answer| Path::new(String::from_utf8_lossy(&answer.stdout).trim()).is_absolute())
}
