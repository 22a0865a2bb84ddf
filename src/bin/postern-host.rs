//! The root helper of the appliance: see [`postern::host`].

fn main() -> std::process::ExitCode {
    postern::host::main()
}
