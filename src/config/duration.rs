//! Durations as they are written in the file and in flags: `250ms`, `10s`, `5m`, `2h`, `0`.

use std::time::Duration;

/// What is allowed, for error messages.
pub const ALLOWED: &str = "a number with its unit, as 250ms, 10s, 5m or 2h (0 for none)";

/// Longer than any wait that makes sense, short enough that no sum of times overflows.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Reads a duration. A bare number other than 0 is refused: seconds and milliseconds are confused
/// too easily.
///
/// # Errors
/// A sentence that says what is allowed.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let value: f64 = number.parse().map_err(|_| format!("expected {ALLOWED}"))?;
    let unit_seconds = match unit.trim_start() {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "" if value == 0.0 => 1.0,
        "" => return Err(format!("`{number}` has no unit; expected {ALLOWED}")),
        _ => return Err(format!("expected {ALLOWED}")),
    };
    match Duration::try_from_secs_f64(value * unit_seconds) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        _ => Err("longer than a year; 0 is no limit".to_owned()),
    }
}

/// A duration as it is written, in a unit that takes it whole.
pub fn shown(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => "0".to_owned(),
        m if m % 3_600_000 == 0 => format!("{}h", m / 3_600_000),
        // A wait of a minute or two is spoken of in seconds.
        m if m % 60_000 == 0 && m > 120_000 => format!("{}m", m / 60_000),
        m if m % 1000 == 0 => format!("{}s", m / 1000),
        m => format!("{m}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_they_are_written() {
        for (text, millis) in [
            ("250ms", 250),
            ("10s", 10_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("0", 0),
            ("0s", 0),
            ("1.5s", 1500),
            (" 3 s ", 3000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for (millis, text) in [(0, "0"), (250, "250ms"), (1500, "1500ms"), (60_000, "60s"), (300_000, "5m")] {
            let duration = Duration::from_millis(millis);
            assert_eq!(shown(duration), text);
            assert_eq!(parse(text), Ok(duration));
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_what_is_allowed() {
        for text in ["", "5", "10 sec", "s", "-1s", "1d", "1e3s", "1..5s", "five", "٣s"] {
            let error = parse(text).expect_err(text);
            assert!(error.contains("10s"), "{text}: {error}");
        }
        assert!(parse("9000000h").is_err());
        assert!(parse(&format!("{}h", "9".repeat(400))).is_err());
    }
}
