//! How long ago something was, in a word or two.

use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan as _};

use crate::chat::Timestamp;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
/// Up to so long ago hours are told though it was yesterday.
const NIGHT: i64 = 12 * HOUR;

/// `now`, `4 min`, `3 h`, `yesterday`, `12 Mar`, `2025-11-02`: never wider than ten columns.
pub fn age(at: Timestamp, now: i64, zone: &TimeZone) -> String {
    let since = now.saturating_sub(at.0);
    if since < MINUTE {
        // A clock that runs ahead is no reason to speak of the future.
        return "now".to_owned();
    }
    if since < HOUR {
        return format!("{} min", since / MINUTE);
    }
    let (Ok(then), Ok(now)) = (Instant::from_millisecond(at.0), Instant::from_millisecond(now)) else {
        return "long ago".to_owned();
    };
    let (then, today) = (then.to_zoned(zone.clone()).date(), now.to_zoned(zone.clone()).date());
    if then == today || since < NIGHT {
        return format!("{} h", since / HOUR);
    }
    if today.checked_sub(1.day()).is_ok_and(|yesterday| then == yesterday) {
        return "yesterday".to_owned();
    }
    if then.year() == today.year() {
        let month = MONTHS.get(usize::from(then.month().unsigned_abs()).wrapping_sub(1));
        return format!("{} {}", then.day(), month.unwrap_or(&""));
    }
    then.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_as_a_person_would() {
        // 2 June 2024, 10:00 UTC.
        let now = 1_717_322_400_000;
        let told = |hours: i64| age(Timestamp(now - hours * HOUR), now, &TimeZone::UTC);
        assert_eq!(age(Timestamp(now + 5 * HOUR), now, &TimeZone::UTC), "now");
        assert_eq!(age(Timestamp(now - 59_999), now, &TimeZone::UTC), "now");
        assert_eq!(age(Timestamp(now - 4 * MINUTE), now, &TimeZone::UTC), "4 min");
        assert_eq!(told(3), "3 h");
        assert_eq!(told(11), "11 h", "last night");
        assert_eq!(told(20), "yesterday");
        assert_eq!(told(48), "31 May");
        assert_eq!(told(24 * 300), "2023-08-07");
        assert_eq!(age(Timestamp(i64::MIN), now, &TimeZone::UTC), "long ago");
    }
}
