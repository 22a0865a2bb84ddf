//! The command line of a Postern box: see [`postern::cli`].

mod readers;

fn main() -> std::process::ExitCode {
    readers::use_pcscd();
    postern::cli::main()
}
