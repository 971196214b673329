//! A page of metrics in the text format of Prometheus. Owns how numbers become families of samples;
//! the `prometheus` crate writes the format.

use kilonova_feed::Distribution;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use prometheus::{Encoder, TextEncoder};

/// The labels of a sample, with their values.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

/// Metric families, in the order in which they are written.
#[derive(Default)]
pub(super) struct Page(Vec<MetricFamily>);

/// The name of a metric, and its help text.
pub(super) type Name = (&'static str, &'static str);

impl Page {
    /// Adds a number that only grows.
    pub(super) fn counter(&mut self, name: Name, value: u64) {
        self.family(name, MetricType::COUNTER, [counted(&[], value)]);
    }

    /// Adds a counter with labels: one sample for each set of label values.
    pub(super) fn counters<'a>(
        &mut self,
        name: Name,
        samples: impl IntoIterator<Item = (Vec<(&'static str, &'a str)>, u64)>,
    ) {
        let samples = samples.into_iter().map(|(labels, value)| counted(&labels, value));
        self.family(name, MetricType::COUNTER, samples);
    }

    /// Adds a counter of seconds.
    pub(super) fn seconds(&mut self, name: Name, value: f64) {
        let mut counter = Counter::default();
        counter.set_value(value);
        let mut metric = Metric::default();
        metric.set_counter(counter);
        self.family(name, MetricType::COUNTER, [metric]);
    }

    /// Adds a number that may rise and fall.
    pub(super) fn gauge(&mut self, name: Name, value: f64) {
        self.gauges(name, [(vec![], value)]);
    }

    /// Adds a gauge with labels: one sample for each set of label values.
    pub(super) fn gauges<'a>(
        &mut self,
        name: Name,
        samples: impl IntoIterator<Item = (Vec<(&'static str, &'a str)>, f64)>,
    ) {
        let sample = |(labels, value): (Vec<_>, f64)| {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            let mut metric = labelled(&labels);
            metric.set_gauge(gauge);
            metric
        };
        self.family(name, MetricType::GAUGE, samples.into_iter().map(sample));
    }

    /// Adds a distribution of values.
    pub(super) fn histogram(&mut self, name: Name, distribution: Distribution) {
        self.histograms(name, [(vec![], distribution)]);
    }

    /// Adds a histogram with labels: one distribution for each set of label values.
    pub(super) fn histograms<'a>(
        &mut self,
        name: Name,
        samples: impl IntoIterator<Item = (Vec<(&'static str, &'a str)>, Distribution)>,
    ) {
        let sample = |(labels, distribution): (Vec<_>, Distribution)| {
            let bucket = |(bound, count)| {
                let mut bucket = Bucket::default();
                bucket.set_upper_bound(bound);
                bucket.set_cumulative_count(count);
                bucket
            };
            let mut histogram = Histogram::default();
            histogram.set_bucket(distribution.buckets.into_iter().map(bucket).collect());
            histogram.set_sample_count(distribution.count);
            histogram.set_sample_sum(distribution.sum);
            let mut metric = labelled(&labels);
            metric.set_histogram(histogram);
            metric
        };
        self.family(name, MetricType::HISTOGRAM, samples.into_iter().map(sample));
    }

    /// Adds a family. Leaves it out if it has no samples, because the format does not allow that.
    fn family(
        &mut self,
        (name, help): Name,
        kind: MetricType,
        samples: impl IntoIterator<Item = Metric>,
    ) {
        let samples: Vec<_> = samples.into_iter().collect();
        if samples.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        family.set_metric(samples);
        self.0.push(family);
    }

    /// The page as text.
    pub(super) fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.0, &mut text)?;
        Ok(text)
    }
}

fn counted(labels: Labels<'_>, value: u64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value as f64);
    let mut metric = labelled(labels);
    metric.set_counter(counter);
    metric
}

fn labelled(labels: Labels<'_>) -> Metric {
    let pair = |(name, value): &(&'static str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    let mut metric = Metric::default();
    metric.set_label(labels.iter().map(pair).collect());
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_text_that_prometheus_reads() {
        let mut page = Page::default();
        page.counter(("a_total", "Counts."), 3);
        page.counters(("none_total", "Nothing yet."), []);
        page.gauges(("b", "Is."), [(vec![("name", "\"x\"\n")], 0.5)]);
        let buckets = vec![(0.1, 1), (1.0, 2)];
        page.histogram(("c_seconds", "Took."), Distribution { buckets, count: 3, sum: 7.5 });
        let text = String::from_utf8(page.text().expect("a page")).expect("text");
        let expected = concat!(
            "# HELP a_total Counts.\n# TYPE a_total counter\na_total 3\n",
            "# HELP b Is.\n# TYPE b gauge\nb{name=\"\\\"x\\\"\\n\"} 0.5\n",
            "# HELP c_seconds Took.\n# TYPE c_seconds histogram\n",
            "c_seconds_bucket{le=\"0.1\"} 1\nc_seconds_bucket{le=\"1\"} 2\n",
            "c_seconds_bucket{le=\"+Inf\"} 3\nc_seconds_sum 7.5\nc_seconds_count 3\n",
        );
        assert_eq!(text, expected);
    }
}
