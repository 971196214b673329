//! Patterns of addresses: text with tokens that begin with a colon. Pure.

/// Longest pattern in bytes.
const LONGEST: usize = 1024;

/// Replaces the tokens of a pattern. `value` gives the value of a name, or `None` if the name is
/// not a token, which then stays as it is. Brackets may follow a name, and so may an underscore
/// that is not part of it. Returns `None` if the pattern is too long.
pub(super) fn filled(
    pattern: &str,
    value: impl Fn(&str, Option<&str>) -> Option<String>,
) -> Option<String> {
    if pattern.len() > LONGEST {
        return None;
    }
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, from)) = rest.split_once(':') {
        out.push_str(before);
        let end = from.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let (name, after) = from.split_at(end.unwrap_or(from.len()));
        let (slice, after) = match after.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((slice, after)) => (Some(slice), after),
            None => (None, after),
        };
        let shorter = name.strip_suffix('_').and_then(|name| value(name, slice));
        match (value(name, slice), shorter) {
            (Some(value), _) => out.push_str(&value),
            (None, Some(value)) => {
                out.push_str(&value);
                out.push('_');
            }
            (None, None) => {
                out.push(':');
                rest = from;
                continue;
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Some(out)
}
