//! Whole screens at three sizes, looked at by eye before they were accepted.

use crate::app::tests::models::model;
use crate::app::tests::{Script, choice, lines};
use crate::chat::{FinishReason, Outcome};

const SIZES: [(u16, u16); 3] = [(60, 16), (80, 24), (120, 36)];

/// The screen at each size as a snapshot. The script is played anew for each.
fn snapshots(name: &str, play: impl Fn(&mut Script)) {
    played(name, Script::new, play);
}

fn played(name: &str, new: impl Fn() -> Script, play: impl Fn(&mut Script)) {
    for (width, height) in SIZES {
        let mut script = new();
        script.resize(width, height);
        play(&mut script);
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), script.screen());
    }
}

const ANSWER: &str = "The borrow checker rejects the second **mutable** borrow:\n\n\
    ```rust\nlet a = &mut v;\nlet b = &mut v;   // second mutable borrow\n```\n\n\
    1. End the first borrow before the second begins.\n2. Or use `split_at_mut`, which hands out two parts.\n\n\
    中文和日本語も、絵文字 👩‍👩‍👧 🇩🇪 ❤️ もそのまま。\n";

#[test]
fn welcome() {
    let demo = || Script::with(|_, settings| settings.nothing_configured = true);
    played("welcome_demo", demo, |_| {});
    snapshots("welcome_ready", |_| {});
    played("welcome_ask_model", || Script::with(|start, _| start.model = None), |_| {});
}

#[test]
fn streaming() {
    snapshots("streaming", |script| {
        script.keys("Why Space does Space this Space not Space compile? Enter").sent().wait(262);
        for word in ANSWER.split_inclusive(' ').take(14) {
            script.says(word);
        }
        script.wait(200).woke();
    });
}

#[test]
fn done() {
    snapshots("done", |script| {
        script.exchange("Why does this not compile?", ANSWER);
    });
}

#[test]
fn error() {
    snapshots("error", |script| {
        script.exchange("Is it on?", "It was.").keys("And Space now? Enter").sent().done(&[Outcome::Failed]);
    });
}

#[test]
fn tabs() {
    played(
        "tabs",
        || Script::choices(3),
        |script| {
            script.keys("Name Space a Space colour. Enter").sent();
            script.choice_says(0, "Blue.").choice_says(1, "Vermil").choice_says(2, "Sea green.").finishes(2);
            script.keys("Alt-2");
        },
    );
}

#[test]
fn tool() {
    snapshots("tool", |script| {
        script.keys("Weather Space in Space Paris? Enter").sent().says("I look it up.");
        script.calls(Some("get_weather"), "{\"location\":\"Paris\",\"unit\":\"cel").wait(100).woke();
    });
    snapshots("tool_called", |script| {
        script.keys("Weather Space in Space Paris? Enter").sent();
        script.calls(Some("get_weather"), "{\"location\":\"Paris\",\"unit\":\"celsius\"}");
        script.ends(vec![choice(Outcome::Complete, FinishReason::Tools)]);
    });
}

#[test]
fn reasoning() {
    snapshots("reasoning_streams", |script| {
        script.keys("Is Space 91 Space prime? Enter").sent();
        script.thinks("Let me try small divisors: 2, 3 and 5 do not divide it. ").wait(3_000);
        script.thinks("7 times 13 is 91.");
    });
    snapshots("reasoning_folded", |script| {
        script.keys("Is Space 91 Space prime? Enter").sent().thinks("7 times 13 is 91.");
        script.says("No: 91 = 7 × 13.").done(&[Outcome::Complete]);
    });
    snapshots("reasoning_open", |script| {
        script.keys("Is Space 91 Space prime? Enter").sent().thinks("7 times 13 is 91.");
        script.says("No: 91 = 7 × 13.").done(&[Outcome::Complete]).keys("Ctrl-T");
    });
}

#[test]
fn scrolled() {
    snapshots("scrolled", |script| {
        script.keys("Count. Enter").sent().says(&lines(1..=80)).keys("PageUp PageUp").says("and on\n");
    });
}

#[test]
fn limit_selected() {
    snapshots("limit_selected", |script| {
        script.keys("Tell Space me Space more. Enter").sent().says("There was once a");
        script.ends(vec![choice(Outcome::Complete, FinishReason::Length)]).keys("Shift-Tab");
    });
}

#[test]
fn models() {
    snapshots("models", |script| {
        script.exchange("Why does this not compile?", ANSWER).keys("Ctrl-L");
        let listed =
            vec![model("gpt-4o", Some(128_000)), model("gpt-4o-mini", Some(128_000)), model("o4-mini", None)];
        script.lists("openai", Ok(listed)).lists("lab", Err("127.0.0.1:1 refused the connection"));
    });
    snapshots("models_found", |script| {
        let listed =
            vec![model("gpt-4o", Some(128_000)), model("gpt-4o-mini", Some(128_000)), model("o4-mini", None)];
        script.keys("Ctrl-L").lists("openai", Ok(listed)).keys("o4m");
    });
}

#[test]
fn themes() {
    snapshots("themes", |script| {
        script.exchange("Why does this not compile?", ANSWER);
        script.app.open_themes();
    });
}
