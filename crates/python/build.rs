//! Builds the relay, which the engine carries and `millau relay` writes to where it is wanted. It is an executable of its own,
//! made for size, so it needs a build of its own: in a target directory below ours, so that neither waits for the other.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let variable = |name: &str| std::env::var_os(name).unwrap_or_default();
    let root = Path::new(&variable("CARGO_MANIFEST_DIR")).join("../..");
    let output = PathBuf::from(variable("OUT_DIR"));
    for path in ["Cargo.toml", "Cargo.lock", "crates/runtime/relay"] {
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
    let is_bare = variable("CARGO_CFG_TARGET_ARCH") == "x86_64" && variable("CARGO_CFG_TARGET_POINTER_WIDTH") == "64";
    if is_bare {
        command.args(["--features", "bare"]);
    }
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
    if is_bare {
        // It is mapped where it was linked, so that nothing in it has to be adapted to another place.
        command.env("RUSTFLAGS", "-C relocation-model=static");
    }
    let status = command.status();
    assert!(status.is_ok_and(|status| status.success()), "the relay could not be built: {command:?}");
    let copied = std::fs::copy(built.join("relay/millau-relay"), output.join("millau-relay"));
    assert!(copied.is_ok(), "the relay was built to another place than {}", built.display());
}
