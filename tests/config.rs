//! The configuration as a user meets it: `chatui config`, errors, and keys that a program prints.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use support::pty::{Key, Pty};
use support::server::Server;
use support::{Home, lab};

fn run(home: &Home, args: &[&str]) -> Output {
    home.command(args).output().expect("chatui runs")
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

#[track_caller]
fn told(output: &Output, code: i32, words: &[&str]) {
    let text = err(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn path_names_the_file_whether_or_not_it_is_there() {
    let home = Home::new();
    let file = home.config_dir().join("config.toml");
    let answer = run(&home, &["config", "path"]);
    assert_eq!(out(&answer), format!("{}\n", file.display()));
    told(&answer, 0, &["there is no", "config init"]);
    home.configure("");
    let answer = run(&home, &["config", "path"]);
    assert_eq!((out(&answer), err(&answer)), (format!("{}\n", file.display()), String::new()));
    assert_eq!(out(&run(&home, &["--config", "other.toml", "config", "path"])), "other.toml\n");
}

#[test]
fn init_writes_a_file_for_its_owner_alone_and_never_over_another() {
    let home = Home::new();
    let file = home.path().join("deep/er/config.toml");
    let name = file.to_str().unwrap();
    let answer = run(&home, &["config", "init", "--config", name]);
    assert_eq!((out(&answer), answer.status.code()), (format!("wrote {name}\n"), Some(0)));
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert_eq!(out(&run(&home, &["config", "check", "--config", name])), "ok\n");
    fs::write(&file, "model = \"demo:fast\"\n").unwrap();
    told(&run(&home, &["config", "init", "--config", name]), 1, &[name, "is there already"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "model = \"demo:fast\"\n");
}

#[test]
fn show_says_what_is_in_force_and_why_and_reads_back() {
    let mut home = Home::new();
    home.set("OPENAI_API_KEY", "sk-of-the-environment");
    home.configure("model = \"lab:m\"\n[providers.lab]\nbase_url = \"http://127.0.0.1:9/v1\"\napi_key = \"sk-of-the-file\"\n");
    let answer = run(&home, &["config", "show", "--max-tokens", "7"]);
    let text = out(&answer);
    told(&answer, 0, &[]);
    for line in [
        "model = \"lab:m\" ",
        "# from config.toml:1\n",
        "max_tokens = 7",
        "# from --max-tokens\n",
        "connect = \"10s\"",
        "api_key = \"***\"",
        "# from config.toml:4\n",
        "# from environment variable OPENAI_API_KEY\n",
    ] {
        assert!(text.contains(line), "`{line}` is not in:\n{text}");
    }
    assert!(!text.contains("sk-of"), "{text}");
    fs::write(home.path().join("again.toml"), &text).unwrap();
    assert_eq!(out(&run(&home, &["config", "check", "--config", "again.toml"])), "ok\n");
}

#[test]
fn check_tells_all_that_is_wrong_with_line_and_key() {
    let home = Home::new();
    home.configure("theme = \"drak\"\n[keys]\nsned = \"F2\"\npalette = \"Ctlr-P\"\nsessions = \"F3\"\nmodels = \"F3\"\nback = []\n");
    let answer = run(&home, &["config", "check"]);
    told(
        &answer,
        78,
        &[
            "config.toml:1: theme: there is no theme `drak`; there are auto, dark",
            "config.toml:3: keys.sned: unknown action; did you mean `send`?",
            "config.toml:4: keys.palette: unknown modifier \"Ctlr\"",
            "config.toml:6: keys.models: F3 is bound to both sessions and models",
        ],
    );
    assert_eq!(out(&answer), "");
    home.configure("[keys]\nback = []\n");
    told(&run(&home, &["ask", "hi"]), 78, &["config.toml:2: keys.back: back must keep a key"]);
    home.configure("[keys]\nquit = [\"Ctrl-Q\", \"Ctrl-G q\"]\npalette = []\n");
    assert_eq!(out(&run(&home, &["config", "check"])), "ok\n");
}

#[test]
fn a_theme_of_ones_own_is_found_beside_the_configuration() {
    let home = Home::new();
    told(&run(&home, &["config", "check", "--theme", "mine"]), 2, &["--theme", "there is no theme `mine`"]);
    let themes = home.config_dir().join("themes");
    fs::create_dir(&themes).unwrap();
    fs::write(themes.join("mine.toml"), fs::read_to_string("themes/light.toml").unwrap()).unwrap();
    assert_eq!(out(&run(&home, &["config", "check", "--theme", "mine"])), "ok\n");
    fs::write(themes.join("bad.toml"), "backgruond = 1\n").unwrap();
    told(&run(&home, &["config", "check", "--theme", "bad"]), 2, &["bad.toml:1", "background"]);
    home.configure("theme = \"bad\"");
    told(&run(&home, &["config", "check"]), 78, &["config.toml:1: theme", "bad.toml:1"]);
}

/// The provider `lab`, whose key a script prints. Each run of it adds a line to `runs`.
fn with_command(server: &Server, script: &str) -> Home {
    let home = Home::new();
    let keyless: Vec<String> =
        lab(server, "").lines().filter(|line| !line.starts_with("api_key")).map(str::to_owned).collect();
    let command = format!("api_key_command = [\"sh\", \"-c\", '''echo >> runs; {script}''']");
    let text = keyless.join("\n").replacen("[providers.lab]", &format!("[providers.lab]\n{command}"), 1);
    assert!(text.contains(&command), "{text}");
    home.configure(&text);
    home
}

fn runs(home: &Home) -> usize {
    fs::read_to_string(home.path().join("runs")).unwrap_or_default().lines().count()
}

#[test]
fn ask_takes_the_key_that_a_command_prints_and_shows_it_nowhere() {
    let server = Server::start();
    let home = with_command(&server, "echo sk-of-a-command; echo login: me");
    let ask = std::thread::scope(|scope| {
        let ask = scope.spawn(|| run(&home, &["ask", "--json", "hi"]));
        let exchange = server.prompt();
        assert_eq!(exchange.request.header("authorization"), Some("Bearer sk-of-a-command"));
        exchange.say(&["the key is sk-of-", "a-command."]);
        ask.join().unwrap()
    });
    let text = out(&ask);
    assert_eq!(ask.status.code(), Some(0), "{}", err(&ask));
    assert!(text.contains("***") && !text.contains("sk-of-a-command"), "{text}");
    assert_eq!(runs(&home), 1);
    // Nothing is run where nothing is sent or asked.
    let dry = run(&home, &["ask", "--dry-run", "hi"]);
    assert_eq!(dry.status.code(), Some(0), "{}", err(&dry));
    assert!(out(&dry).contains("authorization: Bearer ***"), "{}", out(&dry));
    assert!(out(&run(&home, &["config", "show"])).contains("api_key_command = [\"sh\", \"***\"]"));
    assert_eq!(runs(&home), 1);
}

#[test]
fn a_token_that_ran_out_is_fetched_again_once() {
    let server = Server::start();
    let home = with_command(&server, "wc -l < runs | tr -d ' ' | sed s/^/sk-number-/");
    let ask = std::thread::scope(|scope| {
        let ask = scope.spawn(|| run(&home, &["ask", "hi"]));
        let exchange = server.prompt();
        assert_eq!(exchange.request.header("authorization"), Some("Bearer sk-number-1"));
        exchange.answer_json(401, &serde_json::json!({"error": {"message": "expired"}}));
        let exchange = server.prompt();
        assert_eq!(exchange.request.header("authorization"), Some("Bearer sk-number-2"));
        exchange.say(&["hello"]);
        ask.join().unwrap()
    });
    assert_eq!((out(&ask).as_str(), ask.status.code(), runs(&home)), ("hello\n", Some(0), 2));
}

#[test]
fn a_command_that_fails_is_told_and_exits_77() {
    let server = Server::start();
    let home = with_command(&server, "echo the vault is locked >&2; exit 3");
    told(&run(&home, &["ask", "hi"]), 77, &["`sh`", "exit status 3: the vault is locked"]);
    assert_eq!(runs(&home), 1);
}

#[test]
fn a_command_that_asks_the_terminal_does_not_get_it() {
    let server = Server::start();
    for asks in ["stty sane </dev/tty", "read answer </dev/tty"] {
        let home = with_command(&server, &format!("{asks}; echo sk-too-late"));
        let pty = Pty::chatui(&home, &["hello there"]);
        pty.wait_for_text("asks the terminal");
        // The keys are ours, each as it is pressed.
        pty.key(Key::F(1));
        pty.wait_for_text("In the empty input");
        drop(pty);
    }
}

#[test]
fn a_command_that_sets_the_terminal_up_all_the_same_is_undone() {
    let server = Server::start();
    let script = "trap \"\" TTOU; stty sane </dev/tty; echo GARBAGE >/dev/tty; echo sk-1";
    let home = with_command(&server, script);
    let pty = Pty::chatui(&home, &["hello there"]);
    let exchange = server.prompt();
    assert_eq!(exchange.request.header("authorization"), Some("Bearer sk-1"));
    pty.wait_for_no_text("GARBAGE");
    pty.key(Key::F(1));
    pty.wait_for_text("In the empty input");
    drop(exchange);
}

#[cfg(target_os = "linux")]
#[test]
fn the_keyring_is_asked_for_service_and_account() {
    let server = Server::start();
    let mut home = Home::new();
    let text = lab(&server, "");
    let keyless: Vec<&str> = text.lines().filter(|line| !line.starts_with("api_key")).collect();
    home.configure(&keyless.join("\n").replacen(
        "[providers.lab]",
        "[providers.lab]\napi_key_keyring = true",
        1,
    ));
    let bin = home.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let tool = bin.join("secret-tool");
    fs::write(
        &tool,
        "#!/bin/sh\n[ \"$*\" = 'lookup service chatui account lab' ] && echo sk-of-the-keyring\n",
    )
    .unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    home.set("PATH", &format!("{}:{path}", bin.display()));
    let ask = std::thread::scope(|scope| {
        let ask = scope.spawn(|| run(&home, &["ask", "hi"]));
        let exchange = server.prompt();
        assert_eq!(exchange.request.header("authorization"), Some("Bearer sk-of-the-keyring"));
        exchange.say(&["hello"]);
        ask.join().unwrap()
    });
    assert_eq!(out(&ask), "hello\n", "{}", err(&ask));
    fs::write(&tool, "#!/bin/sh\nexit 1\n").unwrap();
    told(&run(&home, &["ask", "hi"]), 77, &["the keyring holds no key of lab"]);
}

#[test]
fn aliases_and_a_models_own_params_reach_the_request() {
    let server = Server::start();
    let home = Home::new();
    let more = "\n[aliases]\nquick = \"lab:vendor/small\"\n[params]\nmax_tokens = 50\ntemperature = 1.0\n\
        [providers.lab.model.\"vendor/small\"]\nparams = { temperature = 0.25, stop = \"END\" }\n";
    home.configure(&format!("{}{more}", lab(&server, "")));
    let dry = |args: &[&str]| {
        let text = out(&run(&home, &[&["ask", "--dry-run", "hi"], args].concat()));
        let (_, body) = text.split_once("\n\n").expect("a body");
        serde_json::from_str::<serde_json::Value>(body).expect("JSON")
    };
    let body = dry(&["-m", "quick"]);
    assert_eq!(body["model"], "vendor/small");
    assert_eq!((body["max_tokens"].as_u64(), body["temperature"].as_f64()), (Some(50), Some(0.25)));
    assert_eq!(body["stop"], serde_json::json!("END"));
    assert_eq!(dry(&["-m", "quick", "--temperature", "0.5"])["temperature"], 0.5, "flags go over all");
    assert_eq!(dry(&[])["temperature"], 1.0, "another model has its own");
}

#[test]
fn azures_variables_are_all_that_it_takes() {
    let mut home = Home::new();
    home.set("AZURE_AI_CHAT_ENDPOINT", "https://r.services.ai.azure.com/models");
    home.set("AZURE_AI_CHAT_API_KEY", "az-very-secret");
    home.set("AZURE_AI_CHAT_MODEL", "my-model");
    home.set("SYSTEM_PROMPT", "Be brief.");
    let dry = run(&home, &["ask", "--dry-run", "hi"]);
    told(&dry, 0, &[]);
    let text = out(&dry);
    for word in [
        "POST https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
        "api-key: ***",
        "\"model\": \"my-model\"",
        "\"content\": \"Be brief.\"",
    ] {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
    let shown = out(&run(&home, &["config", "show"]));
    for word in [
        "[providers.azure]",
        "dialect = \"azure-inference\"",
        "# from environment variable AZURE_AI_CHAT_ENDPOINT\n",
        "# from environment variable AZURE_AI_CHAT_API_KEY\n",
        "# from environment variable AZURE_AI_CHAT_MODEL\n",
        "# from environment variable SYSTEM_PROMPT\n",
    ] {
        assert!(shown.contains(word), "`{word}` is not in:\n{shown}");
    }
    assert!(!text.contains("very-secret") && !shown.contains("very-secret"), "{text}{shown}");
    assert!(!out(&run(&home, &["ask", "--dry-run", "-s", "flag", "hi"])).contains("Be brief."));
    // An endpoint that has one model is asked without its name.
    home.set("AZURE_AI_CHAT_ENDPOINT", "https://h.eastus2.models.ai.azure.com");
    home.unset("AZURE_AI_CHAT_MODEL");
    let dry = run(&home, &["ask", "--dry-run", "hi"]);
    told(&dry, 0, &[]);
    assert!(!out(&dry).contains("\"model\""), "{}", out(&dry));
}

#[test]
fn half_of_azures_variables_is_told() {
    let mut home = Home::new();
    home.set("AZURE_OPENAI_API_KEY", "az-very-secret");
    let words = ["AZURE_OPENAI_API_KEY is set, but", "set AZURE_OPENAI_ENDPOINT", "no model is configured"];
    told(&run(&home, &["ask", "hi"]), 78, &words);
    told(&run(&home, &["ask", "-m", "azure-openai:x", "hi"]), 2, &["no address", "AZURE_OPENAI_ENDPOINT"]);
    home.unset("AZURE_OPENAI_API_KEY");
    home.set("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com");
    told(&run(&home, &["ask", "-m", "azure-openai:x", "hi"]), 77, &["azure-openai", "AZURE_OPENAI_API_KEY"]);
    home.set("AZURE_OPENAI_AD_TOKEN", "eyJ-very-secret");
    let dry = out(&run(&home, &["ask", "--dry-run", "-m", "azure-openai:x", "hi"]));
    assert!(dry.contains("/openai/deployments/x/chat/completions?api-version=2024-10-21"), "{dry}");
    assert!(
        dry.contains("authorization: ***") && !dry.contains("api-key") && !dry.contains("secret"),
        "{dry}"
    );
}

#[test]
fn what_cannot_be_of_a_dialect_is_told_with_line_and_key() {
    let home = Home::new();
    let refused = |text: &str, words: &[&str]| {
        home.configure(text);
        for args in [&["config", "check"][..], &["ask", "hi"]] {
            told(&run(&home, args), 78, words);
        }
    };
    let base = "[providers.base]\ndialect = \"openai-completions\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    refused(
        &format!("{base}prompt_template = \"{{% for m in messages %}}\"\n"),
        &["config.toml:4: providers.base.prompt_template: "],
    );
    refused(
        &format!("{base}prompt_template = \"Hello, I say nothing of it.\"\n"),
        &["config.toml:4: providers.base.prompt_template: ", "messages or prompt"],
    );
    refused(
        "[providers.live]\nbase_url = \"http://h/v1\"\ndialect = \"websocket\"\n",
        &["config.toml:2: providers.live.base_url", "ws://"],
    );
    refused(&format!("{base}api_version = \"1\"\n"), &["config.toml:4: providers.base.api_version", "azure"]);
    home.configure("[providers.live]\nbase_url = \"wss://a/x\"\nhttp_base_url = \"https://b/v1\"\napi_key = \"k-live\"\n");
    told(
        &run(&home, &["config", "check"]),
        0,
        &["provider live: http_base_url is not used", "another server"],
    );
    let usage = |args: &[&str], words: &[&str]| told(&run(&home, args), 2, words);
    usage(&["ask", "--base-url", "ws://h/x", "--dialect", "openai-chat", "hi"], &["--base-url", "websocket"]);
    usage(&["models", "--base-url", "http://h", "--dialect", "openai"], &["--dialect", "openai-chat"]);
}

#[test]
fn a_key_in_an_address_is_shown_nowhere() {
    const KEY: &str = "sk-test-0123456789";
    let mut home = Home::new();
    for url in [format!("https://h/v1?api_key={KEY}"), format!("wss://h/x?token={KEY}"), KEY.to_owned()] {
        home.set("OPENAI_BASE_URL", &url);
        home.configure("[providers.openai]\ndialect = \"openai-chat\"\n");
        for args in [&["ask", "hi"][..], &["doctor"], &["config", "check"], &["models"]] {
            let answer = run(&home, args);
            let text = out(&answer) + &err(&answer);
            assert_eq!(answer.status.code(), Some(78), "{text}");
            assert!(text.contains("OPENAI_BASE_URL") && !text.contains("sk-test"), "{text}");
        }
    }
    home.unset("OPENAI_BASE_URL");
    home.configure(
        "[providers.live]\nbase_url = \"ws://127.0.0.1:9/v1/chat/completions?code=c0de&api-version=1\"\n",
    );
    for args in [
        &["ask", "--dry-run", "-m", "live:m", "hi"][..],
        &["ask", "--dry-run=curl", "-m", "live:m", "hi"],
        &["config", "show"],
        &["doctor", "-m", "live:m"],
    ] {
        let answer = run(&home, args);
        let text = out(&answer) + &err(&answer);
        assert!(text.contains("?code=***&api-version=1") && !text.contains("c0de"), "{text}");
    }
}

#[test]
fn what_is_wrong_with_a_provider_that_is_not_used_is_told_to_who_asks() {
    let mut home = Home::new();
    home.set("AZURE_OPENAI_ENDPOINT", "x");
    let words = ["environment variable AZURE_OPENAI_ENDPOINT: "];
    told(&run(&home, &["ask", "hi"]), 78, &words);
    told(&run(&home, &["ask", "-m", "azure-openai:m", "hi"]), 78, &words);
    told(&run(&home, &["models", "azure-openai"]), 78, &words);
    let beside = run(&home, &["ask", "-m", "demo:chat", "hi"]);
    told(&beside, 0, &[]);
    assert_eq!(err(&beside), "");
    told(&run(&home, &["models", "demo"]), 0, &[]);
    home.configure("model = \"demo:fast\"");
    let check = run(&home, &["config", "check"]);
    told(&check, 0, &[words[0], "provider azure-openai cannot be used"]);
    assert_eq!(out(&check), "ok\n");
    assert!(out(&run(&home, &["doctor"])).contains(words[0]));
}

#[test]
fn the_page_about_the_configuration_names_every_setting_and_every_action() {
    let page = fs::read_to_string("docs/configuration.md").unwrap();
    let quoted = |word: &str| {
        ["`", "_", "."].iter().any(|before| page.contains(&format!("{before}{word}`")))
            || page.contains(&format!("`{word} = "))
    };
    for key in chatui::config::known_keys() {
        assert!(quoted(key) || page.contains(&format!("[{key}")), "{key}");
    }
    for entry in chatui::keys::Keymap::default().entries() {
        assert!(page.contains(&format!("| `{}` | ", entry.action.name())), "{}", entry.action.name());
        assert!(page.contains(&format!(" | {} |", entry.description)), "{}", entry.description);
    }
}
