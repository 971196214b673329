//! Parses a page of metrics as a scraper does.

use std::collections::{BTreeMap, BTreeSet};

/// A metric.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) kind: String,
    pub(super) help: String,
    pub(super) labels: BTreeSet<String>,
}

/// The metrics by name, and the samples by their name with labels.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) families: BTreeMap<String, Family>,
    pub(super) samples: BTreeMap<String, f64>,
}

impl Page {
    /// Parses a page, and panics if it is invalid.
    pub(super) fn parse(text: &str) -> Page {
        let mut families = BTreeMap::<String, Family>::new();
        let mut samples = BTreeMap::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').expect("no help after the name");
                families.entry(name.to_owned()).or_default().help = help.to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("no type after the name");
                families.entry(name.to_owned()).or_default().kind = kind.to_owned();
            } else {
                let (sample, value) = line.rsplit_once(' ').expect("no value after the sample");
                let name = sample.split('{').next().unwrap_or(sample);
                let of = ["", "_bucket", "_sum", "_count"].iter().find_map(|suffix| {
                    name.strip_suffix(suffix).filter(|name| families.contains_key(*name))
                });
                let of = of.unwrap_or_else(|| panic!("{line}: HELP and TYPE come first"));
                let family = families.get_mut(of).expect("a known metric");
                family.labels.extend(labels(sample).filter(|label| label != "le"));
                let value = value.parse().unwrap_or_else(|error| panic!("{line}: {error}"));
                assert_eq!(samples.insert(sample.to_owned(), value), None, "{line} is repeated");
            }
        }
        Page { families, samples }
    }

    /// The value of a sample, named as on the page.
    #[track_caller]
    pub(super) fn value(&self, sample: &str) -> f64 {
        match self.samples.get(sample) {
            Some(value) => *value,
            None => panic!("{sample} is not among {:#?}", self.samples.keys()),
        }
    }
}

/// The names of a sample's labels. No value contains an equals sign.
fn labels(sample: &str) -> impl Iterator<Item = String> {
    let inside = sample.split_once('{').map_or("", |(_, labels)| labels);
    let pairs = inside.split("\",").filter_map(|pair| pair.split_once("=\""));
    pairs.map(|(name, _)| name.to_owned())
}
