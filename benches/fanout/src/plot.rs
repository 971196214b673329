//! The plot, as SVG: CPU per delivery and memory per idle socket over the number of sockets, all on
//! logarithmic axes. A point is a median, with a whisker from minimum to maximum.

use crate::figures::{Median, Metric, Results};
use crate::peers::Peer;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 380.0;
/// The area of a panel's plot, relative to the panel's left edge.
const LEFT: f64 = 52.0;
const RIGHT: f64 = 372.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 320.0;

/// Dark enough on white, and distinct for the colour-blind.
const LINES: [(Peer, &str); 3] =
    [(Peer::Axum, "#c2410c"), (Peer::Kilonova, "#1d4ed8"), (Peer::Floor, "#6b7280")];

/// Title, figure, and the smallest value that is drawn: a logarithmic axis has no zero.
const PANELS: [(&str, Metric, f64); 2] = [
    ("Server CPU per delivery, µs", |run| Some(run.closed.cpu_per_delivery), 0.1),
    ("Resident memory per idle socket, KB", |run| Some(run.idle.resident / 1024.0), 0.1),
];

/// A logarithmic axis.
struct Scale {
    from: f64,
    to: f64,
    begin: f64,
    end: f64,
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        let share = (value.max(self.from) / self.from).ln() / (self.to / self.from).ln();
        self.begin + share * (self.end - self.begin)
    }
}

/// Draws all results.
pub(crate) fn svg(results: &Results, sockets: &[usize]) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#374151\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    for ((title, metric, least), left) in PANELS.into_iter().zip([0.0, WIDTH / 2.0]) {
        out += &panel(results, sockets, title, metric, least, left);
    }
    out + "</svg>\n"
}

fn panel(
    results: &Results,
    sockets: &[usize],
    title: &str,
    metric: Metric,
    least: f64,
    left: f64,
) -> String {
    let medians = |peer| {
        let at = move |&sockets: &usize| {
            results.median(peer, sockets, metric).map(|figure| (sockets as f64, figure))
        };
        sockets.iter().filter_map(at).collect::<Vec<(f64, Median)>>()
    };
    let all: Vec<_> = LINES.iter().flat_map(|&(peer, _)| medians(peer)).collect();
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)))
    };
    let (fewest, most) = ends(&mut all.iter().map(|&(sockets, _)| sockets));
    let (low, high) =
        ends(&mut all.iter().flat_map(|(_, y)| [y.least.max(least), y.most.max(least)]));
    if low > high {
        return String::new();
    }
    // The margins give the axis a length even with a single number of sockets.
    let x = Scale { from: fewest / 1.1, to: most * 1.1, begin: left + LEFT, end: left + RIGHT };
    let y = Scale { from: low / 1.3, to: high * 1.3, begin: BOTTOM, end: TOP };

    let mut out = String::new();
    let mut draw = |line: String| {
        out.push_str(&line);
        out.push('\n');
    };
    let (begin, end) = (left + LEFT, left + RIGHT);
    draw(format!(
        "<text x=\"{begin}\" y=\"36\" font-size=\"15\" font-weight=\"600\" fill=\"#111827\">{title}</text>"
    ));
    for value in ticks(&y) {
        let at = y.at(value);
        draw(format!(
            "<line x1=\"{begin}\" x2=\"{end}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#e5e7eb\"/>"
        ));
        let (x, y) = (begin - 8.0, at + 4.0);
        draw(format!("<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{value}</text>"));
    }
    for &count in sockets {
        let (at, base) = (x.at(count as f64), BOTTOM + 18.0);
        let label =
            if count % 1000 == 0 { format!("{}k", count / 1000) } else { count.to_string() };
        draw(format!("<text x=\"{at:.1}\" y=\"{base}\" text-anchor=\"middle\">{label}</text>"));
    }
    let (middle, base) = ((begin + end) / 2.0, BOTTOM + 40.0);
    draw(format!("<text x=\"{middle}\" y=\"{base}\" text-anchor=\"middle\">open sockets</text>"));

    let mut labels = Vec::new();
    for (peer, colour) in LINES {
        let points = medians(peer);
        let mut path = String::new();
        for (count, Median { median, least, most }) in &points {
            let (at, from, to) = (x.at(*count), y.at(*least), y.at(*most));
            path += &format!("{at:.1},{:.1} ", y.at(*median));
            draw(format!(
                "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{from:.1}\" y2=\"{to:.1}\" stroke=\"{colour}\"/>"
            ));
            let name = peer.name();
            draw(format!(
                "<circle cx=\"{at:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{colour}\"><title>{name}, {count} sockets: {median:.2}</title></circle>",
                y.at(*median)
            ));
        }
        draw(format!(
            "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        ));
        if let Some((_, Median { median, .. })) = points.last() {
            labels.push((y.at(*median), format!("{} {}", peer.name(), short(*median)), colour));
        }
    }
    // Each line has its name and last figure at its end. Labels do not overlap.
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = f64::MIN;
    for (at, text, colour) in labels {
        let at = at.max(free);
        free = at + 15.0;
        let (x, y) = (end + 2.0, at + 4.0);
        draw(format!(
            "<text x=\"{x}\" y=\"{y:.1}\" font-weight=\"600\" fill=\"{colour}\">{text}</text>"
        ));
    }
    out
}

/// 1, 2 and 5 times the powers of ten on the axis; only the powers if the axis is long.
fn ticks(scale: &Scale) -> Vec<f64> {
    let long = scale.to / scale.from > 500.0;
    let tens = (-3..6).map(|power| 10_f64.powi(power));
    let steps = tens.flat_map(|ten| [1.0, 2.0, 5.0].map(|step| (step, step * ten)));
    steps
        .filter(|&(step, value)| (!long || step < 1.5) && value >= scale.from && value <= scale.to)
        .map(|(_, value)| (value * 1000.0).round() / 1000.0)
        .collect()
}

fn short(value: f64) -> String {
    if value >= 10.0 {
        format!("{value:.0}")
    } else if value >= 0.1 {
        format!("{value:.1}")
    } else {
        "under 0.1".to_owned()
    }
}
