//! The command line of a Postern box: see [`postern::cli`].

fn main() -> std::process::ExitCode {
    postern::cli::main()
}
