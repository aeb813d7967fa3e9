//! `chatui doctor`: what works and what does not, a line each with its cure.
//!
//! First the way to the provider, step by step as a request takes it: configuration, name, connection, TLS,
//! key, model list, one token; a step whose ground is missing is skipped and says so. Then what is on this
//! machine. Each check has a time limit. It changes nothing and costs a token at most. The exit code is that
//! of the worst failure.
//!
//! It knows no dialect: requests are made where all others are ([`crate::wire`], [`crate::turns`]), and the
//! address that one would go to says what is to be looked up.

mod local;
pub mod options;
mod patience;
mod provider;
mod report;
mod token;
mod walk;

use local::Typed;
use patience::Patience;
use provider::{Checks, named};
use report::{Look, Mark, Report};

use super::args::{Shared, Stop};
use super::ask::Signals;
use super::setup::{Setup, variable};
use super::{exit, runtime};
use crate::config;

/// Runs the checks.
///
/// # Errors
/// Flags that cannot be; what else is wrong is in the report.
pub fn run(shared: &Shared) -> Result<u8, Stop> {
    let mut report = Report::new(Look::detect(variable));
    let setup = match Setup::load(shared) {
        Ok(setup) => setup,
        Err(stop) if stop.code == exit::USAGE => {
            // Here the provider's name needs no flag.
            let text = stop.text.replace("--provider: ", "");
            return Err(Stop { text, ..stop });
        }
        Err(stop) => {
            without_configuration(&mut report, shared, &stop)?;
            return Ok(report.code());
        }
    };
    runtime()?.run(async {
        let (mut signals, _) = Signals::new()?;
        let ended = {
            let checks = all(&mut report, setup, shared);
            tokio::select! {
                biased;
                code = signals.next() => Some(code),
                typed = checks => (typed == Typed::Interrupt).then_some(exit::CANCELLED),
            }
        };
        if let Some(code) = ended {
            report.break_off();
            return Ok(code);
        }
        Ok(report.code())
    })?
}

/// The report where the configuration cannot be: it names no provider.
fn without_configuration(report: &mut Report, shared: &Shared, stop: &Stop) -> Result<(), Stop> {
    let mut lines = stop.text.lines().map(|line| line.strip_prefix("chatui: ").unwrap_or(line));
    report.tell(Mark::Fail(stop.code), "config", lines.next().unwrap_or_default());
    lines.for_each(|line| report.more(line));
    report.tell(Mark::Skip, "provider", "the configuration says which, and it has to be right first");
    let folder = shared.data_dir.clone().or_else(|| config::paths(&variable).data_dir);
    runtime()?.run(async {
        local::terminal(report);
        local::store(report, folder).await;
        local::editor(report);
    })
}

async fn all(report: &mut Report, mut setup: Setup, shared: &Shared) -> Typed {
    report.hide(setup.secrets.as_ref().clone());
    configuration(report, &setup, shared);
    // The store is looked at below, and not to be opened for it.
    let folder = setup.data_dir.take();
    let services = setup.services();
    let patience = Patience::of(&setup, shared);
    let (provider, model) = setup.chat_model();
    named(report, &setup, &provider, model.as_deref());
    Checks { report, setup: &setup, services, patience }.provider(&provider, model).await;

    let (typed, background) = local::terminal(report);
    if typed == Typed::Interrupt {
        return typed;
    }
    local::store(report, folder).await;
    local::editor(report);
    local::theme(report, &setup, background);
    Typed::Nothing
}

/// Where the configuration is, and what is odd about it.
fn configuration(report: &mut Report, setup: &Setup, shared: &Shared) {
    let file = shared.config.clone().or_else(|| config::paths(&variable).config_file);
    let text = match file {
        Some(file) if file.exists() => file.display().to_string(),
        Some(file) => format!("no file; `chatui config init` writes {}", file.display()),
        None => "no file, and no home folder for one: set CHATUI_CONFIG_DIR, or use --config".to_owned(),
    };
    report.tell(Mark::Ok, "config", &text);
    for notice in setup.notices.iter().chain(&setup.config.other_notices) {
        report.tell(Mark::Note, "config", notice);
    }
}
