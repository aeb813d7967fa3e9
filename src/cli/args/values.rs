//! What the values of options can be. The errors are clap's to tell, with the option's name.

use serde_json::Value;

use super::DryRun;
use crate::chat::Params;
use crate::config;

pub(super) fn at_least_one() -> impl clap::builder::TypedValueParser<Value = u64> {
    clap::value_parser!(u64).range(1..)
}

pub(super) fn choices() -> impl clap::builder::TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=i64::from(config::params::MOST_CHOICES))
}

pub(super) fn retries() -> impl clap::builder::TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(0..=i64::from(config::MOST_RETRIES))
}

pub(super) fn option(text: &str) -> Result<(String, Value), String> {
    let (key, value) = config::params::option(text)?;
    config::params::set(&mut Params::default(), &key, value.clone())?;
    Ok((key, value))
}

pub(super) fn dry_run(text: &str) -> Result<DryRun, String> {
    match text {
        "" => Ok(DryRun::Request),
        "curl" => Ok(DryRun::Curl),
        _ => Err("expected curl, or --dry-run alone".to_owned()),
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(|| "expected a number".to_owned())
}

pub(super) fn not_negative(text: &str) -> Result<f64, String> {
    number(text).ok().filter(|n| *n >= 0.0).ok_or_else(|| "expected a number of 0 or more".to_owned())
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    number(text)
        .ok()
        .filter(|n| (0.0..=1.0).contains(n))
        .ok_or_else(|| "expected a number from 0 to 1".to_owned())
}
