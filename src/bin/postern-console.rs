//! The console of a Postern box: see [`postern::console`].

mod readers;

fn main() -> std::process::ExitCode {
    readers::use_pcscd();
    postern::console::main()
}
