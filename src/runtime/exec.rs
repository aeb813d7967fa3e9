//! Commands into work: turns, store jobs; and what comes back, as messages.

use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::export;
use super::finding::{Finding, Question};
use super::replay::Replay;
use crate::app::chat::ChatKey;
use crate::app::msg::{FoundFile, TurnId};
use crate::app::{Msg, Ticket, TurnReport, TurnStart};
use crate::base::Secrets;
use crate::chat::StreamEvent;
use crate::chat::jobs::{StoreJob, StoreReply, StoredSession};
use crate::chat::retry::{RetryPolicy, Timeouts};
use crate::chat::stream::TurnEvent;
use crate::chat::turn::TurnPlan;
use crate::chat::{Change, Provider};
use crate::files;
use crate::files::attach::read_text;
use crate::files::complete::complete;
use crate::store::Store;
use crate::turns::lists::USUAL_PORTS;
use crate::turns::{self, SavePlan, Services, Source, TurnBatch, TurnHandle, TurnJob};

/// How many batches of a turn are merged into one report at the most. A batch may be 64 KiB, and keys
/// wait until a report is laid out.
const DRAIN: usize = 4;

/// Files that are offered for what is typed of a path.
const MOST_FILES: usize = 200;

/// The working folder and that of the person. A working folder that is gone is none to look in.
fn folders() -> (PathBuf, Option<PathBuf>) {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    (std::env::current_dir().unwrap_or_default(), home)
}

/// What holds for all turns of a run.
#[derive(Clone, Debug)]
pub struct Policy {
    /// When to try again.
    pub retry: RetryPolicy,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// What must not be shown.
    pub secrets: Arc<Secrets>,
}

/// Folders that the chat works with.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// For what is remembered between runs.
    pub state_dir: Option<PathBuf>,
}

/// The work that is under way.
#[derive(Debug)]
pub struct Work {
    services: Services,
    policy: Policy,
    places: Places,
    live: Vec<Live>,
    /// Answers of the store and the like.
    results: mpsc::Receiver<Msg>,
    sender: mpsc::Sender<Msg>,
    finding: Finding,
    /// The list of sessions that was asked for last.
    listing: Option<AbortHandle>,
    seed: u64,
    /// The recording that is played.
    replay: Option<Replay>,
}

#[derive(Debug)]
struct Live {
    turn: TurnId,
    /// Taken when the turn is stopped.
    handle: Option<TurnHandle>,
    batches: mpsc::Receiver<TurnBatch>,
}

impl Work {
    /// No work yet.
    pub fn new(services: Services, policy: Policy, places: Places, seed: u64) -> Self {
        let (sender, results) = mpsc::channel(64);
        let (live, finding) = (Vec::new(), Finding::default());
        Self { services, policy, places, live, results, sender, finding, listing: None, seed, replay: None }
    }

    /// Plays a recording from now on, and asks nobody.
    pub fn replay(&mut self, replay: Replay) {
        self.replay = Some(replay);
    }

    /// Begins a turn.
    pub fn start(&mut self, start: TurnStart) {
        self.seed = self.seed.wrapping_add(1);
        let plan = TurnPlan {
            retry: self.policy.retry,
            timeouts: self.policy.timeouts,
            ..TurnPlan::new(Arc::new(start.request), &start.provider, self.seed)
        };
        let job = TurnJob {
            plan,
            provider: start.provider,
            secrets: self.policy.secrets.clone(),
            save: Some(SavePlan { session: start.session, prompt: start.prompt, answers: start.answers }),
            source: Source::Server,
        };
        let job = match &mut self.replay {
            Some(replay) => replay.job(job),
            None => job,
        };
        let (handle, batches) = turns::start(job, &self.services);
        self.live.push(Live { turn: start.turn, handle: Some(handle), batches });
    }

    /// Stops a turn; its end still comes.
    pub fn cancel(&mut self, turn: TurnId) {
        if let Some(replay) = &mut self.replay {
            replay.stop();
        }
        for live in self.live.iter_mut().filter(|live| live.turn == turn) {
            if let Some(handle) = live.handle.take() {
                handle.cancel();
            }
        }
    }

    /// Stops all of them, for good: nobody will be shown what their saving comes to.
    pub fn cancel_all(&mut self) {
        if let Some(store) = self.services.store() {
            store.unheard();
        }
        for live in &mut self.live {
            if let Some(handle) = live.handle.take() {
                handle.cancel();
            }
        }
    }

    /// Whether turns run.
    pub fn is_busy(&self) -> bool {
        !self.live.is_empty()
    }

    /// Gives the store a job; only that it failed is told.
    pub fn store(&self, job: StoreJob) {
        let Some(store) = self.services.store() else { return };
        // Queued now, before whatever is ordered next.
        let answer = store.call(job);
        let sender = self.sender.clone();
        tokio::spawn(async move {
            let why = match answer.await {
                StoreReply::Failed(error) => error.to_string(),
                StoreReply::NotFound(why) | StoreReply::Refused(why) => why,
                StoreReply::Saved
                | StoreReply::Loaded(_)
                | StoreReply::Listed(_)
                | StoreReply::Prompts(_)
                | StoreReply::Ambiguous(_) => return,
            };
            let _ = sender.send(Msg::Notice(why)).await;
        });
    }

    /// Gives the store a job after which the program ends: what fails is told by draining the store.
    pub fn store_last(&self, job: StoreJob) {
        if let Some(store) = self.services.store() {
            store.post(job);
        }
    }

    /// Asks the store; the answer comes as a message. Where nothing is saved, nothing is found. A list of
    /// sessions takes the place of the one asked for before it: nobody waits for that any more.
    pub fn ask(&mut self, ticket: Ticket, job: StoreJob) {
        let Some(store) = self.services.store().cloned() else {
            let reply = StoreReply::NotFound("nothing is saved here (--no-save)".to_owned());
            let _ = self.sender.try_send(Msg::Answer(ticket, reply));
            return;
        };
        let sender = self.sender.clone();
        let is_list = matches!(ticket, Ticket::Sessions(_));
        // Queued now, before whatever is ordered next.
        let answer = store.call(job);
        let asking = tokio::spawn(async move {
            let reply = answer.await;
            // The loop is gone only when the program ends.
            let _ = sender.send(Msg::Answer(ticket, reply)).await;
            // What happened meanwhile to jobs that nobody waited for.
            if let Some(error) = store.take_failure() {
                let _ = sender.send(Msg::Notice(error.to_string())).await;
            }
        });
        if is_list && let Some(before) = self.listing.replace(asking.abort_handle()) {
            before.abort();
        }
    }

    /// Asks a provider for its list of models.
    pub fn list_models(&self, provider: Arc<Provider>) {
        if self.replay.is_some() {
            let listed = Err("this is a replay: nobody is asked for models".to_owned());
            let _ = self.sender.try_send(Msg::Models { provider: provider.name.clone(), listed });
            return;
        }
        let (services, policy, sender) = (self.services.clone(), self.policy.clone(), self.sender.clone());
        tokio::spawn(async move {
            let listed = services.models(&provider, &policy.secrets, policy.timeouts.connect).await;
            let listed = listed.map_err(|error| error.message);
            let _ = sender.send(Msg::Models { provider: provider.name.clone(), listed }).await;
        });
    }

    /// Looks for servers on this machine.
    pub fn discover(&self, known: Vec<Arc<Provider>>) {
        if self.replay.is_some() {
            return;
        }
        let (services, sender) = (self.services.clone(), self.sender.clone());
        tokio::spawn(async move {
            let found = services.discover(&known, &USUAL_PORTS).await;
            let found: Vec<_> = found.into_iter().map(|one| (one.provider, one.models)).collect();
            if !found.is_empty() {
                let _ = sender.send(Msg::Found(found)).await;
            }
        });
    }

    /// Writes down what is to be remembered between runs.
    pub fn remember(&self, change: Change) {
        let (Some(dir), sender) = (self.places.state_dir.clone(), self.sender.clone()) else { return };
        tokio::task::spawn_blocking(move || match files::remembered::change(&dir, &change) {
            Ok(remembered) => {
                let _ = sender.blocking_send(Msg::Remembered(remembered));
            }
            Err(error) => tracing::warn!("what is remembered in {}: {error}", dir.display()),
        });
    }

    /// Finds files for a path that is being typed, when those that were asked for before are found.
    pub fn find_files(&self, chat: ChatKey, typed: String) {
        self.find_with((chat, typed), |typed| {
            let (cwd, home) = folders();
            let found = complete(typed, &cwd, home.as_deref(), MOST_FILES).into_iter();
            found.map(|file| FoundFile { path: file.path, is_dir: file.is_dir }).collect()
        });
    }

    fn find_with(&self, question: Question, find: impl Fn(&str) -> Vec<FoundFile> + Send + 'static) {
        let Some(first) = self.finding.begin(question) else { return };
        let (finding, sender) = (self.finding.clone(), self.sender.clone());
        tokio::task::spawn_blocking(move || {
            let mut question = Some(first);
            while let Some((chat, typed)) = question {
                let found = find(&typed);
                let _ = sender.blocking_send(Msg::Files { chat, typed, found });
                question = finding.next();
            }
        });
    }

    /// Reads a text file.
    pub fn attach(&self, chat: ChatKey, path: String, word: String) {
        self.aside(move || {
            let (cwd, home) = folders();
            let read = read_text(Path::new(&path), &cwd, home.as_deref());
            let read = read.map(|file| (file.name, file.text)).map_err(|refused| refused.to_string());
            Msg::Attached { chat, word, read }
        });
    }

    /// Writes a conversation to a new file.
    pub fn export(&self, stored: StoredSession, file: String) {
        self.aside(move || {
            let (cwd, home) = folders();
            Msg::Exported(export::to_file(&stored, &file, &cwd, home.as_deref()))
        });
    }

    /// Does what may take its time on a thread of its own, and hands in what came of it. Nobody waits for
    /// it at the end.
    fn aside(&self, work: impl FnOnce() -> Msg + Send + 'static) {
        let sender = self.sender.clone();
        tokio::task::spawn_blocking(move || {
            let _ = sender.blocking_send(work());
        });
    }

    /// Changes whenever a program that fetched a key has ended.
    pub fn fetches(&self) -> watch::Receiver<()> {
        self.services.fetches()
    }

    /// A sender of messages to the loop.
    pub fn sender(&self) -> mpsc::Sender<Msg> {
        self.sender.clone()
    }

    /// The next message; waits for ever while nothing is under way. Dropping it loses nothing.
    pub async fn next(&mut self) -> Msg {
        let mut batches = Vec::new();
        poll_fn(|context| {
            if let Poll::Ready(Some(msg)) = self.results.poll_recv(context) {
                return Poll::Ready(msg);
            }
            // What the person sent meanwhile is answered first.
            let idle = self.live.is_empty();
            if let Some(next) = self.replay.as_mut().filter(|_| idle).and_then(Replay::next) {
                return Poll::Ready(next);
            }
            for i in 0..self.live.len() {
                match self.live[i].batches.poll_recv_many(context, &mut batches, DRAIN) {
                    Poll::Ready(0) => {
                        self.live.swap_remove(i);
                        // What it saved without waiting for it may have failed.
                        let failure = self.services.store().and_then(Store::take_failure);
                        let told = failure.map(|error| Msg::Notice(error.to_string()));
                        if let Some(replay) = &mut self.replay {
                            replay.go_on();
                        }
                        return Poll::Ready(told.unwrap_or(Msg::Woke));
                    }
                    Poll::Ready(_) => {
                        let turn = self.live[i].turn;
                        return Poll::Ready(Msg::Turn(report(turn, std::mem::take(&mut batches))));
                    }
                    Poll::Pending => {}
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// One report of many batches, neighbouring texts merged.
fn report(turn: TurnId, batches: Vec<TurnBatch>) -> TurnReport {
    let mut events: Vec<TurnEvent> = Vec::new();
    let mut chunks = 0;
    let mut at = None;
    for batch in batches {
        at = Some(batch.at);
        for event in batch.events {
            let TurnEvent::Stream(event) = event else {
                events.push(event);
                continue;
            };
            chunks += u64::from(counts(&event));
            match events.last_mut() {
                Some(TurnEvent::Stream(last)) => {
                    if let Some(event) = last.merge(event) {
                        events.push(TurnEvent::Stream(event));
                    }
                }
                _ => events.push(TurnEvent::Stream(event)),
            }
        }
    }
    TurnReport { turn, at: at.unwrap_or_else(std::time::Instant::now), chunks, events }
}

/// Whether an event is a fragment that counts as a token.
fn counts(event: &StreamEvent) -> bool {
    match event {
        StreamEvent::Text { delta, .. }
        | StreamEvent::Reasoning { delta, .. }
        | StreamEvent::Refusal { delta, .. }
        | StreamEvent::ToolCall { delta, .. } => !delta.is_empty(),
        StreamEvent::Start { .. }
        | StreamEvent::Annotation { .. }
        | StreamEvent::Carry { .. }
        | StreamEvent::Finish { .. }
        | StreamEvent::Usage(_)
        | StreamEvent::Notice(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc as threads;
    use std::time::Duration;

    use super::*;
    use crate::{demo, net};

    #[tokio::test]
    async fn a_search_that_hangs_costs_one_thread_however_often_it_is_asked() {
        let services = Services::new(net::Client::default(), None, demo::Options::default());
        let (retry, timeouts) = (RetryPolicy::default(), Timeouts::default());
        let policy = Policy { retry, timeouts, secrets: Arc::default() };
        let mut work = Work::new(services, policy, Places::default(), 1);
        let (begun, begins) = threads::channel();
        let (release, gate) = threads::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let ask = |work: &Work, chat, typed: &str| {
            let (begun, gate) = (begun.clone(), gate.clone());
            work.find_with((chat, typed.to_owned()), move |typed| {
                begun.send(typed.to_owned()).unwrap();
                // A disk that does not answer.
                let _ = gate.lock().unwrap().recv();
                vec![FoundFile { path: typed.to_owned(), is_dir: false }]
            });
        };
        let (here, there) = (ChatKey(1), ChatKey(2));
        for typed in ["/mnt/a", "/mnt/b", "/mnt/c"] {
            ask(&work, here, typed);
        }
        ask(&work, there, "other");
        assert_eq!(begins.recv_timeout(Duration::from_secs(10)).unwrap(), "/mnt/a");
        // It comes back: what is still wanted is answered, in order.
        drop(release);
        let mut answered = Vec::new();
        for _ in 0..3 {
            match work.next().await {
                Msg::Files { chat, typed, found } => {
                    assert_eq!(found[0].path, typed);
                    answered.push((chat, typed));
                }
                other => panic!("{other:?}"),
            }
        }
        let expected = [(here, "/mnt/a"), (here, "/mnt/c"), (there, "other")];
        assert_eq!(answered, expected.map(|(chat, typed)| (chat, typed.to_owned())));
        assert_eq!(begins.try_iter().collect::<Vec<_>>(), ["/mnt/c", "other"], "never two at once");
        // And the next one begins anew.
        ask(&work, here, "again");
        assert!(matches!(work.next().await, Msg::Files { typed, .. } if typed == "again"));
    }
}
