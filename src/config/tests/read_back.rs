//! `config show` is a configuration: what it prints is taken, and says the same.

use super::*;

/// Less comments, which say where each value came from.
fn without_comments(shown: &str) -> String {
    let lines: Vec<&str> = shown
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once("  # ").map_or(line, |(value, _)| value.trim_end()))
        // One that no file can say is shown as a comment.
        .filter(|line| *line != "system = \"\"")
        .collect();
    lines.join("\n")
}

#[track_caller]
fn reads_back(start: &Start<'_>) -> Config {
    let shown = without_comments(&start.config().show());
    let again = Start::file(&shown).load().unwrap_or_else(|errors| panic!("{errors}\n{shown}"));
    assert_eq!(without_comments(&again.show()), shown);
    again
}

const FILES: &[&str] = &[
    "",
    LAB,
    "model = \"lab:x\\\"y\"\n[providers.lab]\nbase_url = \"http://h/v1\"\napi_key = \"lab-\"\n",
    "[providers.\"a.b\\\"c\\\\\"]\nbase_url = \"http://h/v1\"",
    "[aliases]\n\"a \\\"b\\\"\" = \"lab:m\"\n\"\" = \"lab:n\"\n[params]\nstop = [\"\\u0000\", \"\\r\\n\"]\nseed = -1\n\
     temperature = 1e300\ntop_p = 1\nn = 2\nreasoning_effort = \"low\"",
    "[providers.groq]\none_choice = false\n[providers.deepseek]\nsend_back = []\n[providers.mistral]\n\
     short_tool_ids = false\n[providers.openai]\nmax_tokens_field = \"max_tokens\"",
    "[providers.lab]\nbase_url = \"http://h/v1\"\nextra_body = { \"a b\" = [1, 2.5, { c = \"\\\"\" }], d = {}, e = 1e300 }\n\
     [providers.lab.model.\"v/m:1\"]\ncontext = 1\nprice = { input = 1e20, output = 0.1 }\nparams = { stop = \"x\" }\n\
     [providers.demo]\ntokens_per_second = 1e17",
    "[providers.live]\nbase_url = \"wss://h/v1/completions?code=c0de&x\"\nhttp_base_url = \"https://h/v1/completions\"\n\
     prompt_template = \"{% for m in messages %}{{ m.content }}{% endfor %}\"",
    "[providers.azure]\nbase_url = \"https://h.models.ai.azure.com?sig=s1g&api-version=2024-05-01-preview\"\n\
     extra_parameters = \"drop\"",
    "[providers.work]\nbase_url = \"http://w/v1\"\napi_key_command = [\"vault\", \"-token=hush\"]\n\
     [providers.home]\nbase_url = \"http://i/v1\"\napi_key_keyring = true\nheaders = { \"X-A.b\" = \"c\" }",
    // Keys that are words of chatui, of TOML and of addresses.
    "model = \"ollama:true\"\n[providers.ollama]\napi_key = \"ollama\"\n[providers.a]\nbase_url = \"http://h/true\"\n\
     api_key = \"http\"\n[providers.b]\nbase_url = \"http://localhost/v1\"\napi_key = \"localhost\"\n\
     [providers.c]\nbase_url = \"http://c/v1\"\napi_key = \"openai-chat\"\n[providers.d]\n\
     base_url = \"http://d/v1\"\napi_key = \"true\"",
];

const VARIABLES: &[&[(&str, &str)]] = &[
    &[],
    &[("OPENAI_API_KEY", "openai"), ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1/")],
    &[("AZURE_AI_CHAT_ENDPOINT", "https://h.models.ai.azure.com"), ("AZURE_AI_CHAT_API_KEY", "az-1")],
    &[
        (
            "AZURE_OPENAI_ENDPOINT",
            "https://r.openai.azure.com/openai/deployments/d?api-version=2024-06-01&a=b1",
        ),
        ("AZURE_OPENAI_AD_TOKEN", "eyJ-token"),
    ],
    &[("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com"), ("OPENAI_API_VERSION", "2024-10-21")],
    &[("INFERNEO_HOST", "::1"), ("INFERNEO_MODEL", "m\"x"), ("CHOREOAI_BASE_URL", "http://box")],
    &[
        ("OLLAMA_HOST", "0.0.0.0"),
        ("CHATUI_MODEL", "mistral:7b"),
        ("SYSTEM_PROMPT", "@team, be \u{202e}brief"),
    ],
];

#[test]
fn what_is_shown_of_many_set_ups_is_taken_and_says_the_same() {
    for file in FILES {
        for env in VARIABLES {
            reads_back(&Start::file(file).with_env(env));
        }
    }
}

#[test]
fn a_version_is_shown_only_where_it_may_be_set() {
    let file = "[providers.azure-openai]\ndialect = \"openai-chat\"\nbase_url = \"https://h/openai/v1\"";
    for env in [&VARIABLES[0], &VARIABLES[4]] {
        reads_back(&Start::file(file).with_env(env));
    }
}

#[test]
fn what_flags_say_is_taken_too() {
    for (url, dialect, name) in [
        ("http://127.0.0.1:8000/v1", None, None),
        ("http://[::1]:8000/v1", None, None),
        ("ws://h/v1/completions", None, Some("a\"b")),
        ("https://h/models?api-version=1&code=c0de", Some("azure-inference"), None),
        ("https://h/openai/deployments/d", Some("azure-openai"), None),
    ] {
        let mut start = Start::env(&[("OPENAI_API_KEY", "sk-1")]).base_url(url).model("m: \\");
        start.flags.dialect = dialect.map(str::to_owned);
        start.flags.provider = name.map(str::to_owned);
        start.flags.system = Some("@prompts/x.md".to_owned());
        start.flags.params = Params { temperature: Some(1e16), ..Params::default() };
        reads_back(&start);
    }
    assert!(
        Start::default()
            .base_url("http://h")
            .provider("a b")
            .fails(&["--provider", "colon nor blank"])
            .only_flags()
    );
}

#[test]
fn an_endpoint_of_one_model_is_shown_without_a_name() {
    const ONE: &[(&str, &str)] = &[("AZURE_AI_CHAT_ENDPOINT", "https://h.models.ai.azure.com")];
    let shown = Start::env(ONE).config().show();
    assert!(!shown.contains("default_model = \"\"") && !shown.contains("azure:"), "{shown}");
    let again = reads_back(&Start::env(ONE));
    assert!(matches!(&again.choice, ModelChoice::Chosen { model, .. } if model.is_empty()));
}
