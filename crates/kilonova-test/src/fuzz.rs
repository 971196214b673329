//! Drives fuzz targets in ordinary tests: mutates seeds for a bounded time. Owns the mutations;
//! leaves targets and seeds to the packages. cargo-fuzz drives the same targets.
//!
//! Input `n` of a run depends only on the run's number, the seeds and `n`, so the same
//! `KILONOVA_FUZZ_RUN` reproduces a failure.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// The maximum length of an input, in bytes.
const LONGEST: usize = 16 * 1024;

/// The timeout for one input: far more than any input needs, even on a busy machine.
const SLOWEST: Duration = Duration::from_secs(10);

/// Strings that text parsers often treat specially.
const PIECES: [&[u8]; 24] = [
    b"\0",
    b"\r\n",
    b"\n\n",
    b"\xff",
    b"\xc2",
    b"\"",
    b"'",
    b"\\",
    b"%00",
    b"%",
    b"&",
    b";",
    b",",
    b":",
    b"=",
    b"<",
    b"-1",
    b"+1",
    b"00",
    b"9223372036854775807",
    b"9223372036854775808",
    b"4294967295",
    b"\xe2\x80\xae",
    b"\xcc\x81",
];

/// Calls the target with each seed, then with mutated seeds for `KILONOVA_FUZZ_SECONDS` seconds, by
/// default 1. Mutations insert seeds, so short seeds serve as a dictionary.
///
/// If `KILONOVA_FUZZ_CORPUS` is set, writes the seeds into that folder instead, for cargo-fuzz.
pub fn drive(name: &str, target: fn(&[u8]), seeds: &[&[u8]]) {
    if let Ok(corpus) = std::env::var("KILONOVA_FUZZ_CORPUS") {
        return write(&Path::new(&corpus).join(name), seeds);
    }
    let run = number("KILONOVA_FUZZ_RUN", 0);
    let end = Instant::now() + Duration::from_secs(number("KILONOVA_FUZZ_SECONDS", 1));
    for seed in seeds {
        call(name, target, seed, "a seed");
    }
    let mut n = 0;
    // A busy machine still runs a minimum number of inputs.
    while n < 100 || Instant::now() < end {
        let input = Mutator::new(run, n).input(seeds);
        call(name, target, &input, &format!("input {n} of run {run}"));
        n += 1;
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

fn write(folder: &Path, seeds: &[&[u8]]) {
    std::fs::create_dir_all(folder).expect("the folder of the seeds");
    for (index, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{index}")), seed).expect("a seed");
    }
}

fn call(name: &str, target: fn(&[u8]), input: &[u8], which: &str) {
    let begun = Instant::now();
    let told = || format!("fuzz target {name}, {which}: b\"{}\"", input.escape_ascii());
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        eprintln!("{}", told());
        resume_unwind(panic);
    }
    let took = begun.elapsed();
    assert!(took < SLOWEST, "{took:?} for {}", told());
}

/// The source of one input: SplitMix64.
struct Mutator(u64);

impl Mutator {
    fn new(run: u64, n: u64) -> Mutator {
        let mut mutator = Mutator(run);
        mutator.0 = mutator.random() ^ n;
        mutator
    }

    fn random(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        (self.random() % end as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a [u8]]) -> &'a [u8] {
        from[self.below(from.len())]
    }

    /// A range of `bytes`. Short ranges are as likely as long ones.
    fn range(&mut self, bytes: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(bytes.len() + 1);
        let most = (bytes.len() - start) >> self.below(8);
        start..start + self.below(most + 1)
    }

    fn input(&mut self, seeds: &[&[u8]]) -> Vec<u8> {
        let mut input = self.pick(seeds).to_vec();
        for _ in 0..=self.below(8) {
            self.mutate(&mut input, seeds);
            input.truncate(LONGEST);
        }
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>, seeds: &[&[u8]]) {
        let at = self.below(input.len() + 1);
        match self.below(8) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.random() as u8,
            2 => input.truncate(at),
            3 => drop(input.drain(self.range(input))),
            4 => {
                let (range, times) = (self.range(input), 1 << self.below(10));
                let times = times.min(LONGEST / range.len().max(1));
                let repeated = input[range].repeat(times);
                drop(input.splice(at..at, repeated));
            }
            5 => {
                let other = self.pick(seeds);
                drop(input.splice(at..at, other[self.range(other)].to_vec()));
            }
            6 => drop(input.splice(at..at, self.pick(seeds).to_vec())),
            _ => drop(input.splice(at..at, self.pick(&PIECES).to_vec())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_repeats_itself() {
        let seeds: [&[u8]; 2] = [b"one seed", b"another"];
        let inputs = |run| (0..50).map(|n| Mutator::new(run, n).input(&seeds)).collect::<Vec<_>>();
        assert_eq!(inputs(0), inputs(0));
        assert_ne!(inputs(0), inputs(1));
        assert!(inputs(0).iter().all(|input| input.len() <= LONGEST));
    }

    #[test]
    #[should_panic(expected = "two words side by side")]
    fn a_fault_behind_two_mutations_is_found() {
        fn target(bytes: &[u8]) {
            let is_found = bytes.windows(8).any(|eight| eight == b"one=two\0");
            assert!(!is_found, "two words side by side");
        }
        drive("example", target, &[b"one", b"=two"]);
    }
}
