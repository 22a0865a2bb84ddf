//! The console of a Postern box: see [`postern::console`].

fn main() -> std::process::ExitCode {
    postern::console::main()
}
