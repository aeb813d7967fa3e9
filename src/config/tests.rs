//! What is in force, and how what is wrong is told.

mod addresses;
mod read_back;
mod servers;
mod unused;

use super::*;
use crate::chat::provider::{KeyFrom, MaxTokensField};

/// A start: a file, an environment and flags.
#[derive(Default)]
struct Start<'a> {
    file: Option<&'a str>,
    env: &'a [(&'a str, &'a str)],
    flags: Flags,
}

impl<'a> Start<'a> {
    fn file(text: &'a str) -> Self {
        Self { file: Some(text), ..Self::default() }
    }

    fn env(env: &'a [(&'a str, &'a str)]) -> Self {
        Self { env, ..Self::default() }
    }

    fn with_env(self, env: &'a [(&'a str, &'a str)]) -> Self {
        Self { env, ..self }
    }

    fn model(self, model: &str) -> Self {
        Self { flags: Flags { model: Some(model.into()), ..self.flags }, ..self }
    }

    fn provider(self, name: &str) -> Self {
        Self { flags: Flags { provider: Some(name.into()), ..self.flags }, ..self }
    }

    fn base_url(self, url: &str) -> Self {
        Self { flags: Flags { base_url: Some(url.into()), ..self.flags }, ..self }
    }

    fn key_env(self, name: &str) -> Self {
        Self { flags: Flags { api_key_env: Some(name.into()), ..self.flags }, ..self }
    }

    fn dialect(self, name: &str) -> Self {
        Self { flags: Flags { dialect: Some(name.into()), ..self.flags }, ..self }
    }

    fn load(&self) -> Result<Config, ConfigErrors> {
        let env = |name: &str| self.env.iter().find(|(key, _)| *key == name).map(|(_, v)| (*v).to_owned());
        load(Inputs { file_name: "c.toml", file: self.file, env: &env, flags: &self.flags })
    }

    fn config(&self) -> Config {
        self.load().unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// `provider:model`, `provider:` where no model is named, empty where nothing is configured.
    #[track_caller]
    fn chooses(self, expected: &str) {
        let config = self.config();
        let chosen = match &config.choice {
            ModelChoice::Chosen { provider, model } => {
                format!("{}:{model}", config.providers[*provider].name)
            }
            ModelChoice::NoModel { provider } => format!("{}:", config.providers[*provider].name),
            ModelChoice::NothingConfigured => String::new(),
        };
        assert_eq!(chosen, expected);
    }

    /// The errors hold each of these.
    #[track_caller]
    fn fails(self, words: &[&str]) -> ConfigErrors {
        let errors = self.load().expect_err("it was taken");
        let text = errors.to_string();
        for word in words {
            assert!(text.contains(word), "`{word}` is not in:\n{text}");
        }
        errors
    }
}

/// Address, key, whether it is needed, and where it is looked for, of one provider.
#[track_caller]
fn endpoint(start: &Start<'_>, name: &str, url: &str, key: Option<&str>) -> Provider {
    let config = start.config();
    let provider = config.providers[config.provider(name).expect(name)].clone();
    assert_eq!(provider.base_url, url);
    assert_eq!(provider.key.as_ref().map(crate::base::Secret::expose), key);
    provider
}

const LAB: &str = "[providers.lab]\nbase_url = \"http://127.0.0.1:8000/v1/\"\ndefault_model = \"llama\"\n";

#[test]
fn the_shipped_presets_parse_and_are_complete() {
    let presets = providers::presets().expect("assets/providers.toml");
    let names: Vec<&str> = presets.iter().map(|preset| preset.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "openai",
            "azure",
            "azure-openai",
            "anthropic",
            "ollama",
            "openrouter",
            "groq",
            "mistral",
            "deepseek",
            "together",
            "fireworks",
            "xai",
            "gemini",
            "cerebras",
            "perplexity",
            "choreoai",
            "inferneo",
            "vllm",
            "lmstudio",
            "llamacpp",
            "local8000"
        ]
    );
    for preset in presets.iter().filter(|preset| preset.dialect.is_none()) {
        let url = &preset.base_url.as_ref().expect("an address").value;
        let is_hosted = preset.api_key_env.is_some() && url.text().starts_with("https://");
        assert!(is_hosted || url.is_loopback(), "{}", preset.name);
    }
}

#[test]
fn with_nothing_configured_only_the_demo_is_there() {
    Start::default().chooses("");
    Start::env(&[("OPENAI_API_KEY", ""), ("OPENAI_BASE_URL", " ")]).chooses("");
    Start::env(&[("ANTHROPIC_API_KEY", "k"), ("AZURE_AI_CHAT_MODEL", "m")]).chooses("");
    Start::file("[providers.demo]\ntokens_per_second = 80").chooses("");
    let config = Start::default().config();
    assert_eq!((config.configured, config.providers[0].name.as_str()), (1, "demo"));
    let text = config.model_for_ask().expect_err("nothing is configured");
    for word in ["OPENAI_API_KEY", "c.toml: model =", "--base-url", "demo:chat"] {
        assert!(text.contains(word), "{text}");
    }
    Start::default().model("demo:slow").chooses("demo:slow");
    Start::default().provider("demo").chooses("demo:chat");
}

#[test]
fn the_first_provider_of_the_file_then_of_the_environment_is_the_default() {
    const KEYS: &[(&str, &str)] = &[("GROQ_API_KEY", "gk"), ("OPENAI_API_KEY", "ok")];
    Start::env(KEYS).chooses("openai:gpt-4o");
    Start::file(LAB).with_env(KEYS).chooses("lab:llama");
    // The order is the file's, not the alphabet's.
    let two = "[providers.zeta]\nbase_url = \"http://z\"\n[providers.alpha]\nbase_url = \"http://a\"\n";
    Start::file(two).chooses("zeta:");
    let text = Start::file(two).config().model_for_ask().expect_err("no model").clone();
    assert!(text.contains("zeta:MODEL") && text.contains("CHATUI_MODEL"), "{text}");
    Start::env(&[("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")]).chooses("openai:");
    Start::env(&[("OLLAMA_HOST", "127.0.0.1")]).chooses("ollama:");
    Start::file("[providers.demo]\n[providers.lab]\nbase_url = \"http://l\"").chooses("lab:");
}

#[test]
fn the_model_of_a_flag_wins_over_the_environment_over_the_file() {
    let file = format!("model = \"lab:one\"\naliases = {{ fast = \"groq:quick\", mine = \"two\" }}\n{LAB}");
    const KEYS: &[(&str, &str)] = &[("OPENAI_API_KEY", "ok"), ("GROQ_API_KEY", "gk")];
    const MODEL: &[(&str, &str)] = &[("OPENAI_API_KEY", "ok"), ("CHATUI_MODEL", "openai:env")];
    const BARE: &[(&str, &str)] = &[("OPENAI_API_KEY", "ok"), ("CHATUI_MODEL", "bare")];
    let start = || Start::file(&file).with_env(KEYS);
    start().chooses("lab:one");
    start().with_env(MODEL).chooses("openai:env");
    start().with_env(BARE).chooses("lab:bare");
    start().with_env(MODEL).model("groq:x").chooses("groq:x");
    start().with_env(MODEL).model("x").chooses("openai:x");
    start().model("meta/llama:free").chooses("lab:meta/llama:free");
    start().model("openai:ft:gpt:me").chooses("openai:ft:gpt:me");
    start().model("fast").chooses("groq:quick");
    start().model("mine").chooses("lab:two");
    start().provider("openai").chooses("openai:gpt-4o");
    start().provider("lab").chooses("lab:one");
    start().provider("openai").model("m").chooses("openai:m");
    start().provider("openai").model("openai:m").chooses("openai:m");
    Start::file(&format!("model = \"m\"\n{LAB}")).chooses("lab:m");
    Start::file(&format!("model = \"m\"\n{LAB}")).base_url("http://h:1").chooses("h:m");
    Start::file(&format!("model = \"lab:m\"\n{LAB}")).base_url("http://h:1").chooses("h:");
    // A preset without its key is still the provider that is meant.
    Start::file("model = \"openai:gpt-4o\"").chooses("openai:gpt-4o");
}

#[test]
fn models_of_ollama_have_colons() {
    const OLLAMA: &[(&str, &str)] = &[("OLLAMA_HOST", "localhost")];
    Start::env(OLLAMA).model("mistral:7b").chooses("ollama:mistral:7b");
    Start::env(OLLAMA).model("ollama:mistral:7b").chooses("ollama:mistral:7b");
    Start::default().provider("ollama").model("mistral:7b").chooses("ollama:mistral:7b");
    Start::env(&[("OLLAMA_HOST", "h"), ("CHATUI_MODEL", "mistral:7b")]).chooses("ollama:mistral:7b");
    Start::env(&[("OLLAMA_HOST", "h"), ("MISTRAL_API_KEY", "k")]).model("mistral:m").chooses("mistral:m");
    Start::env(OLLAMA).base_url("http://h:1").model("mistral:7b").chooses("h:mistral:7b");
}

#[test]
fn a_key_goes_only_to_the_server_that_it_was_given_for() {
    const KEY: &[(&str, &str)] = &[("OPENAI_API_KEY", "sk-openai\n"), ("LAB_KEY", "lab-key")];
    const HOME: &str = "https://api.openai.com/v1";
    endpoint(&Start::env(KEY), "openai", HOME, Some("sk-openai"));
    // A bare entry inherits all of the preset; another path on the same host too.
    endpoint(&Start::file("[providers.openai]").with_env(KEY), "openai", HOME, Some("sk-openai"));
    let path = Start::file("[providers.openai]\nbase_url = \"https://API.openai.com:443/v2\"");
    endpoint(&path.with_env(KEY), "openai", "https://API.openai.com:443/v2", Some("sk-openai"));
    // Another host, port or scheme does not get the key, nor the preset's model.
    for url in ["http://127.0.0.1:9/v1", "http://api.openai.com/v1", "https://api.openai.com:8443"] {
        let file = format!("[providers.openai]\nbase_url = \"{url}\"");
        let provider = endpoint(&Start::file(&file).with_env(KEY), "openai", url, None);
        assert_eq!((provider.default_model, provider.needs_key), (None, false), "{url}");
        assert_eq!(provider.max_tokens_field, MaxTokensField::MaxCompletionTokens);
    }
    // A key of its own does.
    let own = "[providers.openai]\nbase_url = \"http://h/v1\"\napi_key_env = \"LAB_KEY\"";
    endpoint(&Start::file(own).with_env(KEY), "openai", "http://h/v1", Some("lab-key"));
    // An entry of another name at the preset's host does not inherit it.
    let other = "[providers.work]\nbase_url = \"https://api.openai.com/v1\"";
    endpoint(&Start::file(other).with_env(KEY), "work", HOME, None);
}

#[test]
fn the_openai_variables_belong_together() {
    const BOTH: &[(&str, &str)] = &[("OPENAI_API_KEY", "sk-1"), ("OPENAI_BASE_URL", "http://h:1/v1/")];
    let provider = endpoint(&Start::env(BOTH), "openai", "http://h:1/v1", Some("sk-1"));
    assert_eq!(provider.default_model, None);
    const OLDER: &[(&str, &str)] = &[("OPENAI_API_BASE", "http://old/v1")];
    assert!(!endpoint(&Start::env(OLDER), "openai", "http://old/v1", None).needs_key);
    const TWO: &[(&str, &str)] = &[("OPENAI_API_BASE", "http://old"), ("OPENAI_BASE_URL", "http://new")];
    endpoint(&Start::env(TWO), "openai", "http://new", None);
    // The environment comes after the file; the file's key was not given for that server.
    let file = "[providers.openai]\nbase_url = \"http://file/v1\"\napi_key = \"of-file\"\n\
                headers = { Authorization = \"Bearer of-file\", X-Team = \"a\" }";
    let start = Start::file(file).with_env(&[("OPENAI_BASE_URL", "http://env/v1")]);
    let provider = endpoint(&start, "openai", "http://env/v1", None);
    assert_eq!(provider.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["X-Team"]);
    assert!(start.config().notices[0].contains("http://env/v1"));
    endpoint(&Start::file(file), "openai", "http://file/v1", Some("of-file"));
    Start::env(&[("OPENAI_BASE_URL", "localhost:1")])
        .fails(&["environment variable OPENAI_BASE_URL", "http://"]);
    Start::env(&[("OLLAMA_HOST", "h:port")]).fails(&["environment variable OLLAMA_HOST"]);
}

#[test]
fn an_endpoint_of_flags_gets_no_key_but_the_one_that_is_named() {
    const KEYS: &[(&str, &str)] =
        &[("OPENAI_API_KEY", "sk-1"), ("OPENAI_BASE_URL", "http://e"), ("MINE", "m1")];
    let start = || Start::env(KEYS).base_url("http://H:1/v1/").model("m");
    start().chooses("h:m");
    let provider = endpoint(&start(), "h", "http://H:1/v1", None);
    assert!(!provider.needs_key);
    assert!(provider.headers.is_empty());
    endpoint(&start().key_env("MINE"), "h", "http://H:1/v1", Some("m1"));
    endpoint(&start().provider("openai"), "openai", "http://H:1/v1", None);
    endpoint(&start().provider("new"), "new", "http://H:1/v1", None);
    start().provider("new").chooses("new:m");
    let missing = endpoint(&start().key_env("NOT_SET"), "h", "http://H:1/v1", None);
    assert_eq!((missing.needs_key, missing.key_source.as_str()), (true, "NOT_SET"));
    Start::default().base_url("http://[::1]:8/v1").model("m").chooses("endpoint:m");
    Start::default().base_url("http://h").chooses("h:");
    Start::default().base_url("http://demo").model("m").chooses("endpoint:m");
}

#[test]
fn a_flag_that_cannot_be_is_a_matter_of_usage() {
    let bad = |start: Start<'_>, words: &[&str]| assert!(start.fails(words).only_flags());
    bad(
        Start::file(LAB).provider("lob"),
        &["--provider: there is no provider `lob`", "did you mean `lab`", "demo"],
    );
    bad(Start::default().provider("anthropic"), &["--provider", "anthropic-messages", "not yet supported"]);
    bad(Start::default().model("anthropic:claude"), &["--model", "not yet supported"]);
    bad(Start::file(LAB).model("lab:"), &["--model", "no model after"]);
    bad(Start::default().base_url("ftp://h"), &["--base-url", "ftp"]);
    bad(Start::default().base_url("http://h").provider("demo"), &["`demo` is built in"]);
    assert_eq!(Start::default().base_url("ftp://h").fails(&[]).0.len(), 1);
    bad(
        Start::default().base_url("http://h").dialect("openai-chats"),
        &["--dialect", "did you mean `openai-chat`"],
    );
    bad(Start::default().base_url("http://h").dialect("ollama"), &["`ollama` is not yet supported"]);
    bad(Start::default().dialect("openai-chat"), &["--dialect", "add that"]);
    bad(Start::default().key_env("K"), &["--api-key-env", "--base-url"]);
    assert!(!Start::env(&[("CHATUI_MODEL", "anthropic:m")]).fails(&["CHATUI_MODEL", "not yet"]).only_flags());
    assert!(!Start::file("model = \"anthropic:m\"").fails(&["c.toml:1: model", "not yet"]).only_flags());
    Start::file(&format!("model = \"anthropic:m\"\n{LAB}")).model("lab:x").chooses("lab:x");
}

#[test]
fn a_key_is_needed_where_one_is_named_or_the_preset_is_at_home() {
    let needs = |start: Start<'_>, name: &str| {
        let config = start.config();
        let provider = &config.providers[config.provider(name).expect(name)];
        (provider.needs_key, provider.key_source.clone())
    };
    assert_eq!(needs(Start::file("[providers.groq]"), "groq"), (true, "GROQ_API_KEY".into()));
    assert_eq!(needs(Start::default().provider("groq"), "groq"), (true, "GROQ_API_KEY".into()));
    assert!(!needs(Start::default(), "ollama").0);
    assert!(!needs(Start::file(LAB), "lab").0);
    let named = format!("{LAB}api_key_env = \"LAB_KEY\"");
    assert_eq!(needs(Start::file(&named), "lab"), (true, "LAB_KEY".into()));
    let written = "[providers.groq]\napi_key = \"of-file\"";
    let source = needs(Start::file(written), "groq").1;
    assert!(source.contains("api_key in [providers.groq]"), "{source}");
    endpoint(&Start::file(written), "groq", "https://api.groq.com/openai/v1", Some("of-file"));
    let start = Start::file(written).with_env(&[("GROQ_API_KEY", "of-env")]);
    endpoint(&start, "groq", "https://api.groq.com/openai/v1", Some("of-env"));
    // What cannot be a key is told, and is none.
    let start = Start::env(&[("GROQ_API_KEY", "your key here")]).provider("groq");
    assert!(start.config().notices[0].contains("GROQ_API_KEY"));
    assert!(needs(start, "groq").0);
}

#[test]
fn what_is_wrong_is_told_with_file_line_and_key() {
    for (text, words) in [
        ("\nmodle = \"x\"", &["c.toml:2: modle: unknown key", "did you mean `model`", "aliases"][..]),
        ("model = 5", &["c.toml:1: model: must be a string, not a whole number"]),
        ("model = \"\"", &["must not be empty"]),
        ("model = \"a\nsystem = \"b\"", &["c.toml:1", "column"]),
        ("model = \"a\"\nmodel = \"b\"", &["c.toml:2", "duplicate"]),
        ("discover = \"yes\"", &["discover: must be true or false"]),
        ("aliases = { fast = 1 }", &["c.toml:1: aliases.fast: must be a string"]),
        ("[params]\nmax_token = 5", &["c.toml:2: params.max_token", "`max_tokens`", "extra_body"]),
        ("[params]\nmax_tokens = 0", &["params.max_tokens", "1 or more"]),
        ("[params]\ntemperature = \"hot\"", &["a number of 0 or more, not a string"]),
        ("[params]\ntop_p = 1.5", &["a number from 0 to 1"]),
        ("[params]\nstop = [1]", &["a list of strings"]),
        ("[params]\nn = 1000", &["1 to 128"]),
        ("[timeouts]\nfirst = 30", &["c.toml:2: timeouts.first", "10s"]),
        ("[timeouts]\nfirst = \"30\"", &["timeouts.first", "no unit"]),
        ("[timeouts]\nfrist = \"30s\"", &["did you mean `first`"]),
        ("[retry]\nmax = -1", &["0 to 100"]),
        ("[retry]\nwait = \"1s\"", &["retry.wait", "max_wait"]),
        ("[ui]\nbidi = \"no\"", &["ui.bidi", "auto, on, off"]),
        ("[ui]\nnotify = \"always\"", &["c.toml:2: ui.notify: unknown key", "hold"]),
        ("[tools.x]\ncommand = []", &["c.toml:1: tools: unknown key"]),
        ("[mcp.x]", &["mcp: unknown key"]),
        ("max_tool_rounds = 1", &["unknown key"]),
        ("[sessions]", &["sessions: unknown key"]),
        ("[keys]\nquit = 1", &["c.toml:2: keys.quit", "a string or a list of strings"]),
        ("[keys]\nquit = [1]", &["keys.quit", "a list of strings"]),
        ("keys = \"x\"", &["keys: must be a table"]),
        ("[presets.x]", &["presets: not yet supported"]),
        ("providers = 1", &["providers: must be a table"]),
        ("[providers]\nlab = 1", &["providers.lab: must be a table"]),
        ("[providers.lab]", &["c.toml:1: providers.lab: needs a base_url"]),
        ("[providers.\"a:b\"]\nbase_url = \"http://h\"", &["providers.\"a:b\"", "colon"]),
        ("[providers.l]\nbase_ur = \"http://h\"", &["providers.l.base_ur", "`base_url`"]),
        ("[providers.l]\nbase_url = \"h:8000\"", &["c.toml:2: providers.l.base_url", "http://"]),
        ("[providers.l]\nbase_url = \"http://h\"\ndialect = \"openai\"", &["c.toml:3", "openai-chat"]),
        ("[providers.l]\nbase_url = \"http://h\"\ndialect = \"ollama\"", &["c.toml:3", "not yet supported"]),
        ("[providers.anthropic]", &["c.toml:1: providers.anthropic", "not yet supported"]),
        (
            "[providers.l]\napi_key_command = \"pass l\"",
            &["providers.l.api_key_command", "a list of strings"],
        ),
        ("[providers.l]\napi_key_command = []", &["names no program", "[\"pass\", \"lab\"]"]),
        ("[providers.l]\napi_key_command = [\"\"]", &["names no program"]),
        ("[providers.l]\napi_key_keyring = 1", &["true or false"]),
        (
            "[providers.l]\napi_key = \"k\"\napi_key_keyring = true",
            &["c.toml:3: providers.l.api_key_keyring: stands beside api_key", "api_key_command"],
        ),
        ("[providers.l]\napi_key_env = \"K\"\napi_key_command = [\"x\"]", &["stands beside api_key_env"]),
        ("[providers.l]\nheaders = { \"a b\" = \"c\" }", &["is no name of a header"]),
        ("[providers.l]\nheaders = { a = \"b\\r\\nc: d\" }", &["providers.l.headers.a", "line ends"]),
        ("[providers.l]\nextra_body = { stream = false }", &["written by chatui itself"]),
        ("[providers.l]\nextra_body = { a = nan }", &["JSON has no such number"]),
        ("[providers.l]\nmodels = \"a\"", &["a list of strings"]),
        ("[providers.l]\nmax_tokens_field = \"max\"", &["max_tokens, max_completion_tokens"]),
        ("[providers.l]\ntokens_per_second = 5", &["unknown key"]),
        (
            "[providers.l]\nbase_url = \"ws://h/x\"\ndialect = \"openai-chat\"",
            &["c.toml:2: providers.l.base_url", "its dialect is websocket"],
        ),
        (
            "[providers.l]\nbase_url = \"http://h/v1\"\ndialect = \"websocket\"",
            &["c.toml:2: providers.l.base_url", "ws://127.0.0.1:8000/v1/chat/completions"],
        ),
        ("[providers.l]\nbase_url = \"http://h/v1?a=b\"", &["c.toml:2: providers.l.base_url", "no `?`"]),
        ("[providers.l]\nbase_url = \"http://h/#b\"", &["c.toml:2: providers.l.base_url", "no `#`"]),
        (
            "[providers.l]\nbase_url = \"ws://h/x\"\nhttp_base_url = \"ws://h\"",
            &["c.toml:3: providers.l.http_base_url", "WebSocket"],
        ),
        (
            "[providers.l]\nbase_url = \"http://h\"\nhttp_base_url = \"http://h\"",
            &["c.toml:3: providers.l.http_base_url", "websocket only", "speaks openai-chat"],
        ),
        (
            "[providers.l]\nbase_url = \"http://h\"\napi_version = \"2024-10-21\"",
            &["c.toml:3: providers.l.api_version", "azure-inference and azure-openai only"],
        ),
        (
            "[providers.azure]\nbase_url = \"http://h\"\napi_version = \"a b&c\"",
            &["c.toml:3: providers.azure.api_version", "2024-10-21"],
        ),
        (
            "[providers.azure-openai]\nbase_url = \"http://h?api-version=a%20b\"",
            &["c.toml:2: providers.azure-openai.base_url", "2024-10-21"],
        ),
        (
            "[providers.azure]\nbase_url = \"http://h\"\nextra_parameters = \"passthrough\"",
            &["c.toml:3: providers.azure.extra_parameters", "error, drop, pass-through", "did you mean"],
        ),
        (
            "[providers.azure-openai]\nbase_url = \"http://h\"\nextra_parameters = \"drop\"",
            &["c.toml:3: providers.azure-openai.extra_parameters", "azure-inference only"],
        ),
        (
            "[providers.l]\nbase_url = \"http://h\"\nprompt_template = \"chatml\"",
            &["c.toml:3: providers.l.prompt_template", "openai-completions and websocket only"],
        ),
        (
            "[providers.l]\nprompt_template = \"chatlm\"",
            &[
                "c.toml:2: providers.l.prompt_template",
                "did you mean `chatml`",
                "llama2, llama3, mistral, plain",
            ],
        ),
        ("[providers.l]\nprompt_template = \"\"", &["must not be empty"]),
        (
            "[providers.l]\nsend_back = [\"reasoning\"]",
            &["c.toml:2: providers.l.send_back", "reasoning_content, reasoning_details, extra_content"],
        ),
        ("[providers.l]\nsend_back = \"reasoning_content\"", &["a list of strings"]),
        ("[providers.l]\none_choice = 1", &["providers.l.one_choice: must be true or false"]),
        (
            "[providers.azure]",
            &[
                "c.toml:1: providers.azure: needs a base_url",
                "AZURE_AI_CHAT_ENDPOINT or AZURE_INFERENCE_ENDPOINT",
            ],
        ),
        (
            "[providers.azure-openai]\napi_version = \"2024-10-21\"",
            &["c.toml:1: providers.azure-openai", "AZURE_OPENAI_ENDPOINT"],
        ),
        (
            "[providers.demo]\nbase_url = \"http://h\"",
            &["providers.demo.base_url: unknown key", "tokens_per_second"],
        ),
        ("[providers.l.model.\"a/b\"]\nctx = 5", &["c.toml:2: providers.l.model.\"a/b\".ctx", "context"]),
        ("[providers.l.model.m]\nprice = { in = 1 }", &["model.m.price.in", "input"]),
        ("[providers.l.model.m]\nparams = { temp = 1 }", &["model.m.params.temp", "temperature"]),
    ] {
        assert!(!Start::file(text).fails(words).only_flags(), "{text}");
    }
}

#[test]
fn all_that_is_wrong_in_a_file_is_told_at_once() {
    let errors = Start::file("modle = 1\n[ui]\nhold = 1\n[retry]\nmax = \"a\"").fails(&[]);
    let lines: Vec<usize> = errors
        .0
        .iter()
        .map(|error| match error.place {
            Place::File { line, .. } => line,
            _ => 0,
        })
        .collect();
    assert_eq!(lines, [1, 3, 5]);
    assert_eq!(errors.to_string().lines().count(), 3);
}

#[test]
fn errors_show_no_secret() {
    for text in [
        "[providers.l]\napi_key = \"sk-hidden",
        "[providers.l]\napi_key = sk-hidden",
        "[providers.l]\nheaders = { Authorization = \"Bearer sk-hidden\", ",
        "[providers.l]\nbase_url = \"http://me:sk-hidden@h\"",
        "[providers.l]\napi_key = '''\nsk-hidden-hidden-hidden\nx",
        "[providers.l]\napi_key = [\"sk-hidden\"]",
        "[providers.l]\napi_key = \"sk-hidden with blanks\"",
    ] {
        let errors = Start::file(text).fails(&["c.toml:"]);
        assert!(!errors.to_string().contains("hidden"), "{errors}");
    }
}

#[test]
fn all_secrets_are_known_for_redaction() {
    let file = format!(
        "{LAB}api_key = \"of-file\"\nheaders = {{ Authorization = \"Bearer of-header\", X-Team = \"team\" }}"
    );
    let config = Start::file(&file).with_env(&[("GROQ_API_KEY", "gk-environment")]).config();
    let text = "of-file of-header gk-environment team";
    assert_eq!(config.secrets.redact(text), "*** *** *** team");
    let shown = format!("{config:?}");
    assert!(!shown.contains("of-file") && !shown.contains("gk-env"), "{shown}");
}

#[test]
fn every_key_of_a_provider_is_taken() {
    let file = "[providers.lab]\ndialect = \"openai-chat\"\nbase_url = \"http://h/v1\"\napi_key = \" k-12345\\n\"\n\
        default_model = \"m\"\nheaders = { X-Team = \"a\" }\nextra_body = { a = 1, b = [true, 0.5], c = { d = \"e\" } }\n\
        models = [\"m\", \"n\"]\nmax_tokens_field = \"max_completion_tokens\"\n\
        [providers.lab.model.\"m\"]\ncontext = 4_096\nprice = { input = 0.1, output = 2 }\nparams = { temperature = 1 }\n\
        [providers.demo]\ntokens_per_second = 80\n";
    let config = Start::file(file).config();
    let lab = &config.providers[0];
    assert_eq!(lab.key.as_ref().map(|key| key.expose()), Some("k-12345"));
    assert_eq!(lab.headers[0].0, "X-Team");
    let body = serde_json::json!({"a": 1, "b": [true, 0.5], "c": {"d": "e"}});
    assert_eq!(serde_json::Value::Object(lab.extra_body.clone()), body);
    assert_eq!((lab.models.len(), lab.max_tokens_field), (2, MaxTokensField::MaxCompletionTokens));
    let info = &lab.model_info["m"];
    assert_eq!((info.context, info.price.map(|price| price.output)), (Some(4096), Some(2.0)));
    let demo = &config.providers[config.provider("demo").expect("always there")];
    assert_eq!(demo.tokens_per_second, Some(80.0));
}

#[test]
fn params_of_file_model_and_flags_lie_over_each_other() {
    let file = format!(
        "[params]\nmax_tokens = 1\ntemperature = 0.1\nseed = 1\nstop = \"x\"\n{LAB}[providers.lab.model.llama.params]\n\
         temperature = 0.2\nseed = 2\n"
    );
    let flags = Flags { params: Params { seed: Some(3), ..Params::default() }, ..Flags::default() };
    let config = Start { file: Some(&file), flags, ..Start::default() }.config();
    let params = config.params_for(&config.providers[0], "llama");
    assert_eq!((params.max_tokens, params.temperature, params.seed), (Some(1), Some(0.2), Some(3)));
    assert_eq!(params.stop, ["x"]);
    assert_eq!(config.params_for(&config.providers[0], "other").temperature, Some(0.1));
}

#[test]
fn waiting_is_as_the_file_says_and_flags_win() {
    let config = Start::default().config();
    assert_eq!((config.timeouts, config.retry), (Timeouts::default(), RetryPolicy::default()));
    let file = "[timeouts]\nconnect = \"1s\"\nfirst = \"2m\"\nchunk = \"3ms\"\ntotal = 0\n\
                [retry]\nmax = 5\nbase = \"10ms\"\ncap = \"1s\"\nmax_wait = \"1h\"";
    let flags = Flags { connect: Some(Duration::ZERO), retries: Some(1), ..Flags::default() };
    let config = Start { file: Some(file), flags, ..Start::default() }.config();
    let Timeouts { connect, first, chunk, total } = config.timeouts;
    let millis = [connect, first, chunk, total].map(|time| time.as_millis());
    assert_eq!(millis, [0, 120_000, 3, 0]);
    let RetryPolicy { max, base, cap, max_wait } = config.retry;
    assert_eq!((max, [base, cap, max_wait].map(|time| time.as_millis())), (1, [10, 1000, 3_600_000]));
}

#[test]
fn the_system_prompt_comes_from_flag_environment_or_file() {
    let check = |file, env, flag: Option<&str>, expected: SystemSource| {
        let flags = Flags { system: flag.map(str::to_owned), ..Flags::default() };
        assert_eq!(Start { file, env, flags }.config().system, expected);
    };
    const FILE: Option<&str> = Some("system = \"file\"");
    const ENV: &[(&str, &str)] = &[("SYSTEM_PROMPT", "@env")];
    check(None, &[], None, SystemSource::Text(String::new()));
    check(FILE, &[], None, SystemSource::Text("file".into()));
    check(FILE, ENV, None, SystemSource::Text("@env".into()));
    check(FILE, ENV, Some("flag"), SystemSource::Text("flag".into()));
    check(FILE, ENV, Some(""), SystemSource::Text(String::new()));
    check(FILE, ENV, Some("@a/b.md"), SystemSource::FileOfFlag("a/b.md".into()));
    check(Some("system = \"@a.md\""), &[], None, SystemSource::FileOfConfig("a.md".into()));
}

#[test]
fn the_rest_of_the_file_is_taken() {
    let file = "\u{feff}theme = \"dark\"\ndiscover = false\naliases = { b = \"x:y\", a = \"z\" }\n\
                [ui]\nhold = true\nwheel_lines = 5\nmouse = false\nbidi = \"off\"\n";
    let config = Start::file(file).config();
    let theme = config.theme.as_ref().expect("a theme");
    assert_eq!(theme.value, "dark");
    assert!(theme.error("unknown").to_string().starts_with("c.toml:1: theme: unknown"));
    assert!(!config.discover);
    assert_eq!(config.ui, Ui { hold: true, wheel_lines: 5, mouse: false, bidi: Bidi::Off });
    assert_eq!(config.aliases().collect::<Vec<_>>(), [("a", "z"), ("b", "x:y")]);
    assert_eq!(Start::default().config().ui, Ui::default());
}

#[test]
fn a_model_is_found_by_name_while_the_chat_runs() {
    let file = format!("aliases = {{ fast = \"groq:quick\" }}\n{LAB}");
    let config = Start::file(&file).config();
    let find = |text: &str| {
        config.resolve(text, 0).map(|(at, model)| format!("{}:{model}", config.providers[at].name))
    };
    assert_eq!(find("m"), Ok("lab:m".into()));
    assert_eq!(find("fast"), Ok("groq:quick".into()));
    assert_eq!(find("demo:chat"), Ok("demo:chat".into()));
    assert!(find("anthropic:c").expect_err("a later dialect").contains("not yet supported"));
    assert!(find(" ").is_err());
}

#[test]
fn any_text_gives_a_configuration_or_errors() {
    let deep = "[".repeat(10_000);
    let dotted = "a.".repeat(10_000);
    for text in [
        "",
        "\u{feff}",
        "\0",
        "=",
        "[[providers]]",
        "[providers.lab.model]\nm = []",
        "é = 'ü",
        &deep,
        &dotted,
    ] {
        let _ = Start::file(text).load();
    }
}

#[test]
fn a_key_may_come_from_a_command_or_the_keyring() {
    let from = |start: &Start<'_>, name: &str| {
        let config = start.config();
        let provider = &config.providers[config.provider(name).unwrap()];
        (provider.key_from.clone(), provider.needs_key)
    };
    let command = |words: &[&str]| KeyFrom::Command(words.iter().map(|word| (*word).to_owned()).collect());
    let file = format!("{LAB}api_key_command = [\"pass\", \"show\", \"lab\"]");
    assert_eq!(from(&Start::file(&file), "lab"), (command(&["pass", "show", "lab"]), true));
    let file = format!("{LAB}api_key_keyring = true");
    assert_eq!(from(&Start::file(&file), "lab"), (KeyFrom::Keyring, true));
    let file = format!("{LAB}api_key_keyring = false");
    assert_eq!(from(&Start::file(&file), "lab"), (KeyFrom::Given, false));
    // A key in the environment goes over what the file says, as with a key of the file.
    let file = "[providers.groq]\napi_key_command = [\"./key.sh\"]";
    assert_eq!(from(&Start::file(file), "groq"), (command(&["./key.sh"]), true));
    let start = Start::file(file).with_env(&[("GROQ_API_KEY", "gk-1234")]);
    assert_eq!(from(&start, "groq"), (KeyFrom::Given, true));
    // A key goes only to the server that it was given for.
    let file = "[providers.openai]\nbase_url = \"https://proxy.example/v1\"\napi_key_command = [\"x\"]";
    assert_eq!(from(&Start::file(file), "openai").0, command(&["x"]));
    let elsewhere = Start::file(file).with_env(&[("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")]);
    assert_eq!(from(&elsewhere, "openai").0, KeyFrom::Given);
    let flags = Start::file(file).provider("openai").base_url("http://127.0.0.1:9/v1");
    assert_eq!(from(&flags, "openai").0, KeyFrom::Given);
}

#[test]
fn a_command_with_a_slash_is_relative_to_the_file() {
    let text = format!("{LAB}api_key_command = [\"./bin/key\", \"./lab\"]");
    let flags = Flags::default();
    let inputs = |name| Inputs { file_name: name, file: Some(&text), env: &|_| None, flags: &flags };
    let words = |name| match load(inputs(name)).unwrap().providers[0].key_from.clone() {
        KeyFrom::Command(words) => words,
        other => panic!("{other:?}"),
    };
    assert_eq!(words("/etc/chatui/config.toml"), ["/etc/chatui/./bin/key", "./lab"]);
}

#[test]
fn keys_keep_their_places() {
    let config = Start::file("[keys]\nsend = \"Ctrl-X\"\npalette = []").config();
    let lines: Vec<String> =
        config.keys.iter().map(|line| format!("{} {:?} {}", line.action, line.keys, line.place)).collect();
    assert_eq!(lines, ["send [\"Ctrl-X\"] c.toml:2: keys.send", "palette [] c.toml:3: keys.palette"]);
}

#[test]
fn what_is_shown_says_where_it_came_from() {
    let file = "model = \"lab:llama\"\nsystem = \"a \\\"b\\\"\\n\\u001B[31m\"\n\
        [aliases]\n\"my fast\" = \"groq:x\"\n[params]\nmax_tokens = 100\ntemperature = 0.5\n[ui]\nmouse = true\n\
        [keys]\npalette = \"F9\"\n\
        [providers.lab]\nbase_url = \"http://h/v1\"\napi_key_env = \"LAB_KEY\"\nheaders = { X-Team = \"blue\" }\n\
        extra_body = { my_secret = \"hush\", max_tokens_x = 1, deep = { api_key = \"hush\" } }\n\
        [providers.lab.model.llama]\ncontext = 4096\nprice = { input = 0.1, output = 2 }\n\
        [providers.work]\nbase_url = \"http://w/v1\"\napi_key_command = [\"vault\", \"-token=hush\"]\n\
        [providers.home]\nbase_url = \"http://i/v1\"\napi_key_keyring = true\n\
        [providers.groq]\napi_key = \"gk-hush\"\n";
    let mut start = Start::file(file).with_env(&[("LAB_KEY", "lk-hush"), ("OPENAI_API_KEY", "ok-hush")]);
    start.flags.params.temperature = Some(0.9);
    start.flags.no_mouse = true;
    start.flags.retries = Some(1);
    let config = start.config();
    let shown = config.show();
    let has = |line: &str, from: &str| {
        let found = shown.lines().find(|l| l.starts_with(line)).unwrap_or_else(|| panic!("{line}\n{shown}"));
        assert!(found.ends_with(&format!("  # {from}")), "{found}");
    };
    has("model = \"lab:llama\"", "from c.toml:1");
    has("system = \"a \\\"b\\\"\\n\\U0000001B[31m\"", "from c.toml:2");
    has("theme = \"auto\"", "built-in");
    has("\"my fast\" = \"groq:x\"", "from c.toml:4");
    has("max_tokens = 100", "from c.toml:6");
    has("temperature = 0.9", "from --temperature");
    has("first = \"5m\"", "built-in");
    has("max = 1", "from --retries");
    has("mouse = false", "from --no-mouse");
    has("palette = [\"F9\"]", "from c.toml:11");
    has("base_url = \"http://h/v1\"", "from c.toml:13");
    has("api_key = \"***\"", "from environment variable LAB_KEY");
    has("headers = { X-Team = \"***\" }", "from c.toml:15");
    has("context = 4096", "from c.toml:18");
    has("api_key_command = [\"vault\", \"***\"]", "from c.toml:22");
    has("api_key_keyring = true", "from c.toml:25");
    assert!(shown.contains("[providers.openai]\ndialect = \"openai-chat\""), "{shown}");
    assert!(!shown.contains("hush") && !shown.contains("blue"), "{shown}");
    // It is TOML that reads back; only the keys are not what they were.
    let again = Start::file(&shown).config();
    assert_eq!(again.params_for(&again.providers[0], "llama").max_tokens, Some(100));
    assert_eq!(again.timeouts, config.timeouts);
    assert_eq!(again.system, config.system);
    assert_eq!(again.configured, config.configured);
}

#[test]
fn with_nothing_configured_there_is_something_to_show() {
    let shown = Start::default().config().show();
    assert!(shown.starts_with("# model"), "{shown}");
    assert!(shown.contains("[providers.demo]\n"), "{shown}");
    assert!(shown.lines().all(|line| !line.contains("  # from")), "{shown}");
}
