//! `chatui`: the full-screen chat.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use super::args::{DryRun, Shared, Stop};
use super::setup::Setup;
use super::{attached, exit, recording, request, runtime, say, seed};
use crate::app::{App, Cmd, First, Msg, Refusal, Saves, Settings, Start};
use crate::chat::jobs::{StoreError, WhichSession};
use crate::chat::{ChatRequest, Message, Params, Part, SessionKind, Timestamp};
use crate::config::ModelChoice;
use crate::runtime::drive::{self, Ended, Screen, Signals, Sources};
use crate::runtime::exec::Work;
use crate::runtime::replay::Replay;
use crate::term::{self, Guard, InputFilter, MouseReports, Options, Query, TtyOut};
use crate::theme::Theme;
use crate::turns::record::Recorder;

/// How long the terminal may take to say what its background is.
const ANSWER: Duration = Duration::from_millis(50);
/// How long the first frame waits for it.
const FIRST_FRAME: Duration = Duration::from_millis(5);

/// Runs the chat.
///
/// # Errors
/// No terminal, or bad configuration.
pub fn run(shared: &Shared, words: &[String]) -> Result<u8, Stop> {
    let prompt = (!words.is_empty()).then(|| words.join(" "));
    let has_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if !has_terminal && shared.dry_run.is_none() {
        let text = "chatui: the full-screen chat needs a terminal on standard input and output.\n\
                    In pipes and scripts use `chatui ask`; the line-by-line mode, --linear, is not in this version yet.";
        return Err(Stop { text: text.to_owned(), code: exit::USAGE });
    }
    let files = attached::read(shared)?;
    let setup = Setup::load(shared)?;
    if let Some(how) = shared.dry_run {
        return dry_run(&setup, how, prompt, files);
    }
    let resume = setup.resumed(shared, Some(SessionKind::Chat))?;
    let recorder = recording::recorder(shared)?;
    let ended =
        show(&setup, shared, Beginning { prompt, files, resume, recorder: recorder.clone(), replay: None });
    if let Some(Err(trouble)) = recorder.map(|recorder| recorder.finish()) {
        say(&format!("chatui: {trouble}"));
    }
    ended
}

/// What the chat begins with.
#[derive(Default)]
pub(super) struct Beginning {
    pub(super) prompt: Option<String>,
    pub(super) files: Vec<Part>,
    pub(super) resume: Option<WhichSession>,
    pub(super) recorder: Option<Recorder>,
    pub(super) replay: Option<Replay>,
}

/// Shows the chat, until it ends.
pub(super) fn show(setup: &Setup, shared: &Shared, beginning: Beginning) -> Result<u8, Stop> {
    let Beginning { prompt, files, resume, recorder, replay } = beginning;
    let replayed = replay.as_ref().and_then(Replay::first);
    let first = (prompt, files, resume, replayed);
    term::install_panic_hook(setup.log.clone());
    let failed = |error: io::Error| Stop::failure(format!("chatui: the terminal cannot be used: {error}"));
    let tasks = runtime()?;
    // From before the terminal is taken: a signal must find somebody who gives it back.
    let signals = tasks
        .within(Signals::new)?
        .map_err(|error| Stop::failure(format!("chatui: signals cannot be listened to: {error}")))?;
    let mouse = if setup.config.ui.mouse { MouseReports::Buttons } else { MouseReports::Off };
    let guard = Guard::enter(Options { mouse, ..Options::default() }).map_err(failed)?;
    let mut screen = Screen::new(guard, signals.ending()).map_err(failed)?;
    let mut sources = Sources { signals, filter: InputFilter::new() };
    let (app, cmds) = begin(setup, &mut screen, &mut sources, |theme| app(setup, shared, first, theme));
    let outcome = tasks.run(async {
        let services = setup.services().recorded(recorder);
        let store = services.store().cloned();
        let mut work = Work::new(services, setup.policy(), setup.places(), seed());
        if let Some(replay) = replay {
            work.replay(replay);
        }
        let sender = work.sender();
        for notice in &setup.notices {
            let _ = sender.try_send(Msg::Notice(notice.clone()));
        }
        if let Some(store) = store.clone() {
            tokio::spawn(async move {
                let notice = match store.opened().await {
                    Ok(None) => return,
                    Ok(Some(notice)) => Msg::Notice(notice),
                    Err(error) => Msg::Unsaved(error),
                };
                // The loop is gone only when the program ends.
                let _ = sender.send(notice).await;
            });
        }
        // After the first frame: it starts two threads.
        let _themes = setup.themes.watch(work.sender());
        let ended = drive::run(app, cmds, &mut work, &mut screen, sources).await;
        let drained = store.map_or(Ok(()), |store| store.drain());
        (ended, drained)
    })?;
    screen.leave();
    finish(outcome)
}

/// Puts the first frame on the screen, then takes in what the terminal said and the person typed so far. A
/// terminal that is gone by now is the loop's to find, which ends with the code for it.
fn begin(
    setup: &Setup,
    screen: &mut Screen,
    sources: &mut Sources,
    app: impl FnOnce(Theme) -> (App, Vec<Cmd>),
) -> (App, Vec<Cmd>) {
    let mut query = if setup.themes.ask_background() { Query::send(&mut TtyOut).ok() } else { None };
    let asked = Instant::now();
    let guess = std::env::var("COLORFGBG").ok().and_then(|v| term::background_from_colorfgbg(&v));
    let answer = query.as_mut().and_then(|query| query.poll(asked + FIRST_FRAME).ok().flatten());
    let background = answer.and_then(|a| a.background).or(guess);
    let (mut app, mut cmds) = app(setup.themes.in_force(background));
    app.settings.auto = setup.themes.auto(background);
    let _ = screen.draw(&mut app);

    // The first frame stands. A terminal that is slow to answer gets the rest of its time now.
    let Some(mut query) = query else { return (app, cmds) };
    let late = match answer {
        Some(_) => None,
        None => query.poll(asked + ANSWER).ok().flatten(),
    };
    if let Some(background) = late.and_then(|a| a.background) {
        app.settings.theme = setup.themes.in_force(Some(background));
        app.settings.auto = setup.themes.auto(Some(background));
    }
    let (inputs, filter) = query.finish(&sources.signals.ending());
    sources.filter = filter;
    for msg in inputs.into_iter().filter_map(drive::message) {
        cmds.extend(crate::app::update(&mut app, msg, drive::now()));
    }
    (app, cmds)
}

/// The exit code, and what is to be said once the terminal is the shell's again.
fn finish((ended, drained): (Ended, Result<(), StoreError>)) -> Result<u8, Stop> {
    let mut code = match ended {
        Ended::Quit => exit::OK,
        Ended::Refused(Refusal::Store(why)) => return Err(Stop::failure(format!("chatui: {why}"))),
        Ended::Refused(Refusal::Session(why)) => {
            return Err(Stop { text: format!("chatui: {why}"), code: exit::USAGE });
        }
        Ended::Signal(libc::SIGINT) => exit::CANCELLED,
        Ended::Signal(libc::SIGHUP) => exit::HUNG_UP,
        Ended::Signal(libc::SIGQUIT) => exit::QUIT,
        Ended::Signal(_) => exit::TERMINATED,
    };
    if let Err(error) = drained {
        say(&format!("chatui: {error}"));
        if matches!(error, StoreError::Newer { .. }) {
            code = exit::OTHER;
        }
    }
    Ok(code)
}

/// What is sent first, what goes with it, the session that goes on, and whom a replay asks at first.
type FirstOfAll = (
    Option<String>,
    Vec<Part>,
    Option<WhichSession>,
    Option<(std::sync::Arc<crate::chat::Provider>, String)>,
);

fn app(
    setup: &Setup,
    shared: &Shared,
    (prompt, files, resume, replayed): FirstOfAll,
    theme: Theme,
) -> (App, Vec<Cmd>) {
    let nothing_configured =
        replayed.is_none() && matches!(setup.config.choice, ModelChoice::NothingConfigured);
    let (provider, model) = match replayed {
        Some((provider, model)) => (provider, Some(model)),
        None => setup.chat_model(),
    };
    let start = Start {
        providers: setup.providers.clone(),
        provider,
        model,
        model_named: shared.model.is_some() || shared.provider.is_some() || shared.base_url.is_some(),
        system: setup.system.clone(),
        system_named: shared.system.is_some(),
        params: shared.flags().params,
        first: if shared.resume.as_deref() == Some("") { First::Sessions } else { First::Conversation },
        resume,
        prompt,
        files,
        remembered: setup.remembered.clone(),
        seed: seed(),
    };
    let settings = Settings {
        keymap: setup.keymap.clone(),
        theme,
        zone: zone(),
        auto: setup.themes.auto(None),
        config: setup.config.clone(),
        hold: setup.config.ui.hold,
        wheel_lines: setup.config.ui.wheel_lines,
        params: setup.config.params_for(&start.provider, ""),
        saves: if setup.data_dir.is_some() { Saves::Yes } else { Saves::No },
        nothing_configured,
    };
    let size = crossterm::terminal::size().unwrap_or((80, 24));
    App::new(start, settings, size, drive::now())
}

/// The person's time zone. Its file is read here: jiff looks through the whole database of zones for
/// its name first, which no frame needs and the first one would wait for.
fn zone() -> TimeZone {
    let file = match std::env::var("TZ") {
        Ok(name) => Path::new("/usr/share/zoneinfo").join(name.trim_start_matches(':')),
        Err(_) => PathBuf::from("/etc/localtime"),
    };
    let zone = fs::read(file).ok().and_then(|bytes| TimeZone::tzif("", &bytes).ok());
    zone.unwrap_or_else(TimeZone::system)
}

fn dry_run(setup: &Setup, how: DryRun, prompt: Option<String>, files: Vec<Part>) -> Result<u8, Stop> {
    let Some(prompt) = prompt else {
        let text = "chatui: --dry-run prints the request for a prompt: name one";
        return Err(Stop { text: text.to_owned(), code: exit::USAGE });
    };
    let (provider, model) = setup.chat_model();
    let Some(model) = model else {
        let text = setup.config.model_for_ask().err().unwrap_or_default();
        return Err(Stop { text: format!("chatui: {text}"), code: exit::CONFIG });
    };
    let params: Params = setup.config.params_for(&provider, &model);
    let mut message = Message::user(crate::base::Id::from_bits(0), None, prompt, Timestamp(0));
    message.parts.extend(files);
    let request =
        ChatRequest { model, system: setup.system.clone(), messages: vec![message], params, stream: true };
    request::print(how, request, &provider, &setup.secrets)
}
