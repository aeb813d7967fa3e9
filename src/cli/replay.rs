//! Plays a recording: `chatui replay` into the full-screen chat, `ask --replay` to standard output.
//!
//! Nothing is sent and nothing is saved. What is printed is what the recorded run printed, its figures
//! included, at any speed.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;

use super::args::{Ask, Replay, Shared, Stop};
use super::ask::{self, Signals, code_of, listen};
use super::chat::{self, Beginning};
use super::output::{Output, Pipe, stats};
use super::setup::Setup;
use super::{exit, recording, runtime, say, seed};
use crate::base::IdSource;
use crate::chat::{Message, StreamEvent, Timestamp, TurnEvent};
use crate::runtime::replay;
use crate::term::Out;
use crate::turns::{Services, Source, TurnJob};
use crate::wire::recording::RecordedTurn;

/// Runs `chatui replay`.
///
/// # Errors
/// No terminal, bad configuration, or no recording.
pub fn run(options: &Replay) -> Result<u8, Stop> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let text = "chatui: the full-screen chat needs a terminal on standard input and output.\n\
                    In pipes and scripts use `chatui ask --replay FILE`.";
        return Err(Stop { text: text.to_owned(), code: exit::USAGE });
    }
    let recorded = recording::read(&options.file)?;
    let shared = options.shared();
    let setup = Setup::load(&shared)?;
    let name = options.file.file_name().unwrap_or(options.file.as_os_str()).to_string_lossy();
    let replay = replay::Replay::new(name.into_owned(), recorded, recording::speed(options.speed));
    // What is remembered of runs is what the person did.
    let setup = Setup { state_dir: None, ..setup };
    chat::show(&setup, &shared, Beginning { replay: Some(replay), ..Beginning::default() })
}

/// Runs `ask --replay`.
///
/// # Errors
/// Bad configuration, or no recording; how a recorded turn ended is the exit code.
pub(super) fn to_output(shared: &Shared, ask: &Ask, file: &Path) -> Result<u8, Stop> {
    let recorded = recording::read(file)?;
    let setup = Setup::load(&Shared { no_save: true, ..shared.clone() })?;
    let speed = recording::speed(ask.speed);
    runtime()?.run(async {
        let services = setup.services();
        let several = recorded.turns.len() > 1;
        let mut worst = exit::OK;
        for (prompt, turn) in (0..).zip(recorded.turns) {
            let turn = Arc::new(turn);
            let job = TurnJob {
                plan: turn.plan(),
                provider: Arc::new(turn.provider()),
                secrets: setup.secrets.clone(),
                save: None,
                source: Source::Recording(Arc::clone(&turn), speed),
            };
            let (signals, out) = Signals::new()?;
            let mut output = output(ask, &turn, out);
            if several {
                output = output.of_prompt(prompt);
            }
            if prompt == 0 {
                for notice in &setup.notices {
                    output.event(&TurnEvent::Stream(StreamEvent::Notice(notice.clone())));
                }
            }
            match one(job, ask, (&services, signals), output).await? {
                Played::Whole(code) => worst = worst.max(code),
                Played::Ended(code) => return Ok(code),
            }
        }
        Ok(worst)
    })?
}

/// How the replay of a turn ended.
enum Played {
    /// As recorded; this is its exit code.
    Whole(u8),
    /// From here: nobody reads on, or a signal came.
    Ended(u8),
}

async fn one(
    job: TurnJob,
    ask: &Ask,
    (services, mut signals): (&Services, Signals),
    mut output: Output,
) -> Result<Played, Stop> {
    let ask::Listened { done, ended, saved: _ } = listen(job, services, &mut output, &mut signals).await?;
    let pipe = output.end(&done, None);
    if ask.stats {
        say(&stats(&done));
    }
    Ok(match (ended, pipe) {
        (Some(code), _) => Played::Ended(code),
        (None, Pipe::Broken) => Played::Ended(exit::OTHER),
        (None, Pipe::Open | Pipe::Closed | Pipe::HeldUp) => Played::Whole(code_of(&done)),
    })
}

fn output(ask: &Ask, turn: &RecordedTurn, out: Out) -> Output {
    let mut ids = IdSource::new(seed());
    let name = format!("{}:{}", turn.asked.provider, turn.asked.model);
    let answers: Vec<Message> = (0..turn.asked.choices)
        .map(|choice| Message::answer(ids.next_id(), None, name.clone(), choice, Timestamp(0)))
        .collect();
    Output::new(ask, (&turn.asked.provider, &turn.asked.model), &answers, out)
}
