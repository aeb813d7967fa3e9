//! What holds for every state, whatever was typed and whatever came.

use proptest::prelude::*;
use ratatui::buffer::{Cell, CellWidth as _};
use ratatui::layout::Position;
use ratatui::style::Style;

use crate::app::Msg;
use crate::app::extent::Extent;
use crate::app::picture::Picture;
use crate::app::shown::Shown;
use crate::app::tests::{Script, choice, lines};
use crate::app::view;
use crate::chat::error::TurnError;
use crate::chat::turn::ChoiceDone;
use crate::chat::{ErrorKind, FinishReason, Outcome, StreamEvent, TurnEvent};
use crate::keys::{MouseButton, MouseInput, MouseKind};
use crate::theme::Theme;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Step {
    Keys(&'static str),
    Paste(String),
    Resize(u16, u16),
    Mouse(MouseInput),
    Text(u32, String),
    Thought(String),
    Call(u32, String),
    Notice(String),
    Retry,
    End(Outcome),
    Wait(u64),
}

const KEYS: &[&str] = &[
    "a",
    "Space",
    "Enter",
    "Alt-Enter",
    "\\",
    "Esc",
    "Ctrl-C",
    "Up",
    "Down",
    "Left",
    "Right",
    "Home",
    "End",
    "PageUp",
    "PageDown",
    "Ctrl-Home",
    "Ctrl-End",
    "Shift-Tab",
    "Alt-Up",
    "Alt-Down",
    "j",
    "k",
    "g",
    "G",
    "r",
    "c",
    "1",
    "2",
    "Alt-1",
    "Alt-3",
    "Alt-Left",
    "Alt-Right",
    "Ctrl-T",
    "Alt-T",
    "Ctrl-W",
    "Ctrl-U",
    "Ctrl-K",
    "Ctrl-Y",
    "Ctrl-_",
    "Alt-_",
    "Backspace",
    "Tab",
    "Alt-B",
    "Alt-D",
    "/",
    "@",
    "?",
    "F1",
    "Ctrl-P",
    "Ctrl-L",
    "new",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~\n]{0,60}",
        "(\\PC|[\n\t\r\u{1b}\u{7f}\u{9b}\u{202e}]){0,40}",
        Just(lines(1..=40)),
        Just("```rust\nfn main() {}\n```\n| a | 漢 |\n|---|---|\n| 👩‍👩‍👧 | e\u{301} |\n\n".to_owned()),
        "[漢字👩‍👧🇩🇪a ]{0,60}",
    ]
}

fn mouse_kind() -> impl Strategy<Value = MouseKind> {
    let left = MouseButton::Left;
    prop_oneof![
        Just(MouseKind::Press(left)),
        Just(MouseKind::Release(left)),
        Just(MouseKind::WheelUp),
        Just(MouseKind::WheelDown),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => proptest::sample::select(KEYS).prop_map(Step::Keys),
        1 => text().prop_map(Step::Paste),
        2 => (1u16..=200, 1u16..=60).prop_map(|(w, h)| Step::Resize(w, h)),
        2 => (mouse_kind(), 0u16..=200, 0u16..=60)
            .prop_map(|(kind, column, row)| Step::Mouse(MouseInput { kind, column, row })),
        4 => (0u32..4, text()).prop_map(|(c, t)| Step::Text(c, t)),
        1 => text().prop_map(Step::Thought),
        1 => (0u32..3, text()).prop_map(|(c, t)| Step::Call(c, t)),
        1 => text().prop_map(Step::Notice),
        1 => Just(Step::Retry),
        1 => prop_oneof![Just(Outcome::Complete), Just(Outcome::Failed), Just(Outcome::Truncated)].prop_map(Step::End),
        1 => (0u64..30_000).prop_map(Step::Wait),
    ]
}

fn play(script: &mut Script, step: Step) {
    let turn = script.app.chat.live.as_ref().map(|live| live.id).unwrap_or(crate::app::msg::TurnId(77));
    let mut stream = |event| {
        script.report(turn, vec![TurnEvent::Stream(event)]);
    };
    match step {
        Step::Keys(keys) => {
            script.keys(keys);
        }
        Step::Paste(text) => {
            script.paste(&text);
        }
        Step::Resize(width, height) => {
            script.resize(width, height);
        }
        Step::Mouse(input) => script.msg(Msg::Mouse(input)),
        Step::Text(choice, delta) => stream(StreamEvent::Text { choice, delta }),
        Step::Thought(delta) => stream(StreamEvent::Reasoning { choice: 0, delta }),
        Step::Call(index, delta) => {
            stream(StreamEvent::ToolCall { choice: 0, index, id: None, name: Some(delta.clone()), delta });
        }
        Step::Notice(text) => script.msg(Msg::Notice(text)),
        Step::Retry => {
            let (reason, delay) = ("why".to_owned(), Duration::from_secs(3));
            script.report(turn, vec![TurnEvent::Retry { attempt: 1, of: 3, delay, reason, choice: None }]);
        }
        Step::End(outcome) if script.app.chat.live.is_some() => {
            script.done(&[outcome, outcome]);
        }
        Step::End(_) => {}
        Step::Wait(ms) => {
            script.wait(ms).woke();
        }
    }
}

/// No control, and nothing that reorders a row.
fn is_plain(symbol: &str) -> bool {
    !symbol.contains(|c: char| {
        c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Any keys, reports and sizes: no panic, and what is drawn is the same twice and holds no control.
    #[test]
    fn update_is_total_and_two_draws_of_one_state_give_equal_buffers(
        steps in proptest::collection::vec(step(), 0..60),
        n in 1u32..4,
    ) {
        let mut script = Script::choices(n);
        script.keys("ask Enter");
        for step in steps {
            play(&mut script, step);
            let (first, caret) = script.draw();
            let (second, again) = script.draw();
            prop_assert_eq!(&first, &second);
            prop_assert_eq!(caret, again);
            prop_assert!(caret.is_none_or(|at| first.area.contains(at)));
            prop_assert!(first.content.iter().all(|cell| is_plain(cell.symbol())));
        }
    }
}

/// A terminal that is told of pictures. (An emulator would bring its own widths of joined emoji.)
struct Told {
    shown: Shown,
    /// Each column with its symbol and style; `None` under the right half of a wide symbol.
    rows: Vec<Vec<Option<(String, Style)>>>,
    caret: Option<Position>,
}

impl Told {
    fn blank((width, height): (u16, u16)) -> Self {
        let row = vec![blank(); usize::from(width)];
        Self { shown: Shown::new(width, height), rows: vec![row; usize::from(height)], caret: None }
    }

    /// Shows a picture; gives how many cells it was told.
    fn show(&mut self, mut picture: Picture) -> usize {
        let mut cells = Vec::new();
        let tell = |told: &mut dyn Iterator<Item = (u16, u16, &Cell)>| -> Result<(), ()> {
            cells.extend(told.map(|(x, y, cell)| (usize::from(x), usize::from(y), cell.clone())));
            Ok(())
        };
        self.shown.update(&mut picture, tell).expect("it takes all");
        for (x, y, cell) in &cells {
            self.write((*x, *y), cell);
        }
        cells.len()
    }

    fn write(&mut self, (x, y): (usize, usize), cell: &Cell) {
        let row = &mut self.rows[y];
        let end = (x + usize::from(cell.cell_width()).max(1)).min(row.len());
        // What is left of a wide symbol that is written over is blank.
        let head = (0..=x).rev().find(|at| row[*at].is_some()).unwrap_or(0);
        row[head..x].fill(blank());
        let mut after = end;
        while row.get(after).is_some_and(Option::is_none) {
            row[after] = blank();
            after += 1;
        }
        row[x..end].fill(None);
        row[x] = Some((cell.symbol().to_owned(), cell.style()));
    }
}

fn blank() -> Option<(String, Style)> {
    Some((" ".to_owned(), Cell::EMPTY.style()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever was shown before, a frame that tells only what changed leaves the terminal as one that
    /// tells everything would; and what did not change is not told again.
    #[test]
    fn frames_that_tell_only_what_changed_show_what_a_whole_frame_shows(
        steps in proptest::collection::vec(step(), 0..60),
        n in 1u32..4,
        theme in proptest::sample::select(&["dark", "light", "high-contrast"][..]),
    ) {
        let mut script = Script::choices(n);
        script.app.settings.theme = Theme::builtin(theme).expect("it is built in");
        script.keys("ask Enter");
        let mut told = Told::blank((80, 24));
        for step in steps {
            play(&mut script, step);
            // First, as the loop does it: drawing changes the state too.
            let mut part = Picture::new(script.size.0, script.size.1);
            let extent = script.app.take_extent();
            let is_part = extent == Extent::Messages && told.shown.size() == script.size;
            if is_part {
                view::draw_messages(&mut script.app, &mut part);
            }
            let (picture, caret) = script.picture();
            let size = (picture.area.width, picture.area.height);
            if size != told.shown.size() {
                told = Told::blank(size);
            }
            if is_part {
                prop_assert_eq!(caret, told.caret);
                told.show(part);
            }
            told.caret = caret;
            let mut whole = Told::blank(size);
            whole.show(picture.clone());
            if !is_part {
                told.show(picture.clone());
            }
            for (y, (told, whole)) in told.rows.iter().zip(&whole.rows).enumerate() {
                prop_assert_eq!(told, whole, "row {}", y);
            }
            prop_assert_eq!(told.show(picture), 0);
        }
    }
}

#[test]
fn it_draws_at_every_size() {
    let mut script = Script::choices(2);
    script
        .exchange("ask", &format!("# Title\n\n{}\n```rust\nlet a = 1;\n```\n", lines(1..=30)))
        .keys("draft");
    for width in [1, 2, 3, 5, 9, 19, 20, 21, 39, 40, 59, 60, 80, 125, 200] {
        for height in [1, 2, 3, 4, 5, 6, 15, 16, 19, 20, 24, 60] {
            script.resize(width, height);
            let (buf, caret) = script.draw();
            assert!(caret.is_none_or(|at| buf.area.contains(at)));
            assert_eq!(caret.is_none(), width < 20 || height < 5, "{width}x{height}");
        }
    }
}

#[test]
fn a_screen_that_is_too_small_says_so_and_loses_nothing() {
    let mut script = Script::new();
    script.keys("draft").resize(10, 3);
    assert_eq!(script.rows(), ["too small:", "10x3, need", "20x5"]);
    script.resize(20, 5).shows("draft").shows("ready");
}

#[test]
fn text_from_outside_reaches_the_screen_only_as_text() {
    const EVIL: &str = "a\u{1b}[31mb\u{7}c\u{9b}2Jd\u{202e}e\r\u{1b}]0;t\u{7}f";
    let evil = || EVIL.to_owned();
    let mut script = Script::with(|start, _| start.model = Some(evil()));
    script.paste(EVIL).keys("Enter").sent().thinks(EVIL).keys("Ctrl-T Ctrl-T").says(EVIL);
    script.says(&format!(
        "\n\n# {EVIL}\n\n- `{EVIL}`\n\n```{EVIL}\n{EVIL}\n```\n\n| {EVIL} |\n|--|\n| {EVIL} |\n\n"
    ));
    script.calls(Some(EVIL), EVIL);
    let refusal = StreamEvent::Refusal { choice: 0, delta: evil() };
    script.tell(vec![TurnEvent::Stream(refusal), TurnEvent::Stream(StreamEvent::Notice(evil()))]);
    let data = serde_json::json!({EVIL: {"filtered": false, "severity": EVIL}});
    let kind = crate::chat::stream::AnnotationKind::Filter;
    script.tell(vec![TurnEvent::Stream(StreamEvent::Annotation { choice: 0, kind, data })]);
    let mut error = TurnError::new(ErrorKind::Server, EVIL).with_hint(EVIL);
    error.request_id = Some(evil());
    let end = ChoiceDone { error: Some(error), ..choice(Outcome::Failed, FinishReason::Failed) };
    script.ends(vec![end]);
    script.msg(Msg::Notice(evil()));
    script.paste(EVIL);
    for (width, height) in [(120, 60), (30, 60), (80, 24)] {
        script.resize(width, height).keys("Ctrl-Home");
        for _ in 0..4 {
            let (buf, _) = script.draw();
            let bad: Vec<_> = buf.content.iter().map(|c| c.symbol()).filter(|s| !is_plain(s)).collect();
            assert!(bad.is_empty(), "{bad:?}");
            script.keys("PageDown");
        }
    }
}
