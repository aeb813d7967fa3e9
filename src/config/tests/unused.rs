//! What is wrong with a provider is told to whoever uses it.

use super::*;

const GOOD: (&str, &str) = ("OPENAI_API_KEY", "sk-good");
const BAD: &[(&str, &str)] = &[
    ("AZURE_OPENAI_ENDPOINT", "x"),
    ("AZURE_AI_CHAT_ENDPOINT", "ws://h/x"),
    ("INFERNEO_PORT", "many"),
    ("CHOREOAI_BASE_URL", "box"),
    ("OLLAMA_HOST", "h:port"),
];
const OWNERS: &[&str] = &["azure-openai", "azure", "inferneo", "choreoai", "ollama"];

#[test]
fn a_variable_that_cannot_be_stops_only_who_uses_its_provider() {
    for ((name, value), owner) in BAD.iter().zip(OWNERS) {
        let env = [GOOD, (name, value)];
        let told = format!("environment variable {name}: ");
        let beside = Start::env(&env).config();
        assert_eq!(beside.notices, [""; 0], "{name}");
        assert!(beside.other_notices[0].starts_with(&told), "{:?}", beside.other_notices);
        assert!(beside.provider(owner).is_none());
        Start::env(&env).chooses("openai:gpt-4o");
        let why = beside.resolve(&format!("{owner}:m"), 0).expect_err("it is of no use");
        assert!(why.starts_with(&told), "{why}");
        let model = format!("{owner}:m");
        for start in [
            Start::env(&env).model(&model),
            Start::env(&env).provider(owner),
            Start::env(&env[1..]),
            Start::env(&env[1..]).model("m"),
            Start::file(&format!("model = \"{model}\"")).with_env(&env),
            Start::file(&format!("[providers.{owner}]\nbase_url = \"http://h/v1\"")).with_env(&env),
        ] {
            assert!(!start.fails(&[&told]).only_flags());
        }
        let named = Located { value: (*owner).to_owned(), place: Place::Flag("PROVIDER".to_owned()) };
        let error = beside.named(&named).expect_err("it is of no use");
        assert_eq!(error.place, Place::Variable((*name).to_owned()));
        // The demo, another endpoint and one of that name in its place are used without it.
        Start::env(&env[1..]).model("demo:chat").chooses("demo:chat");
        Start::env(&env[1..]).base_url("http://h").model("m").chooses("h:m");
        Start::env(&env[1..])
            .base_url("http://h")
            .dialect("openai-chat")
            .provider(owner)
            .model("m")
            .chooses(&model);
    }
    // A prompt goes to nobody else because the first of the environment cannot be asked.
    const FIRST: &[(&str, &str)] = &[("OPENAI_BASE_URL", "nonsense"), ("GROQ_API_KEY", "gk-1")];
    Start::env(FIRST).fails(&["environment variable OPENAI_BASE_URL"]);
    Start::env(FIRST).model("m").fails(&["environment variable OPENAI_BASE_URL"]);
    Start::env(FIRST).model("groq:m").chooses("groq:m");
    Start::file(LAB).with_env(FIRST).chooses("lab:llama");
}

#[test]
fn what_is_odd_about_a_provider_is_told_where_it_is_used() {
    let file = format!(
        "{LAB}[providers.live]\nbase_url = \"wss://a/x\"\nhttp_base_url = \"https://b/v1\"\napi_key = \"k-live\"\n"
    );
    let env = &[("GROQ_API_KEY", "not a key")];
    let start = || Start::file(&file).with_env(env);
    let config = start().config();
    assert_eq!((config.notices.len(), config.other_notices.len()), (0, 2));
    let live = start().model("live:m").config();
    assert!(live.notices[0].contains("provider live: http_base_url"), "{:?}", live.notices);
    assert!(live.other_notices[0].contains("GROQ_API_KEY"), "{:?}", live.other_notices);
    assert!(start().provider("groq").config().notices[0].contains("GROQ_API_KEY"));
    // With nothing to use, it may be why.
    assert!(Start::env(env).config().notices[0].contains("GROQ_API_KEY"));
}

#[test]
fn what_says_the_version_is_known() {
    let from = |start: Start<'_>, name: &str| {
        let config = start.config();
        config.providers[config.provider(name).expect(name)].version_from.clone()
    };
    const ENDPOINT: (&str, &str) =
        ("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com?api-version=2024-06-01");
    const VERSION: (&str, &str) = ("OPENAI_API_VERSION", "2024-10-21");
    let file =
        "[providers.azure-openai]\nbase_url = \"https://r.openai.azure.com\"\napi_version = \"2024-10-21\"";
    for (start, expected) in [
        (Start::env(&[ENDPOINT, VERSION]), "OPENAI_API_VERSION"),
        (Start::env(&[ENDPOINT]), "the query of AZURE_OPENAI_ENDPOINT"),
        (Start::env(&[("AZURE_OPENAI_ENDPOINT", "https://h")]), ""),
        (Start::file(file), ""),
        (Start::file(file).with_env(&[VERSION]), "OPENAI_API_VERSION"),
        (
            Start::file("[providers.azure-openai]\nbase_url = \"https://h?api-version=1\""),
            "the query of base_url in [providers.azure-openai]",
        ),
    ] {
        assert_eq!(from(start, "azure-openai"), expected);
    }
    let flags = Start::default().base_url("https://127.0.0.1").dialect("azure-openai");
    assert_eq!(from(flags, "127.0.0.1"), "the query of --base-url");
}
