//! The plot.
use crate::figures::Results;
pub(crate) fn svg(_: &Results, _: &[usize]) -> String {
    String::new()
}
