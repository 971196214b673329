//! Measures the process groups, from a thousand members to a million:
//!
//!     cargo bench --bench registry               time per operation, by divan; filters follow `--`
//!     cargo bench --bench registry -- memory     memory per membership
//!
//! `index` is the bookkeeping alone; `groups` goes through the handle, the registry's actor and
//! real members. `benches/README.md` has the measured figures.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark panics on a failure, and prints its figures"
)]

mod groups;
mod index;
mod memory;
mod size;
mod world;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["memory"] => memory::table(),
        ["memory", scenario] => memory::measure(scenario),
        _ => divan::main(),
    }
}
