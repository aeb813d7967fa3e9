//! Addresses, and that what may be a key in them is told nowhere.

use super::*;
use crate::chat::Dialect;

#[test]
fn no_error_shows_what_stands_in_a_query() {
    const KEY: &str = "sk-test-0123456789";
    for url in [
        "https://h/v1?api_key=KEY",
        "https://h/v1?KEY",
        "wss://h/v1?token=KEY",
        "wss://h/v1?code=KEY&api-version=1",
        "h/v1?sig=KEY",
        "KEY",
        "KEY@h",
        "ftp://h?KEY",
        "https://h:port/v1?sig=KEY",
        "https://me:KEY/x@h",
        "https://me:KEY@h",
        "me:KEY@h",
        "https://?sig=KEY",
        "https://h/v1#KEY",
        "http?x=KEY://",
    ] {
        let url = url.replace("KEY", KEY);
        let file = format!("[providers.lab]\ndialect = \"openai-chat\"\nbase_url = \"{url}\"");
        let env = [("OPENAI_BASE_URL", url.as_str())];
        let of_env = Start::file("[providers.openai]\ndialect = \"openai-chat\"").with_env(&env);
        for start in [Start::file(&file), of_env, Start::default().base_url(&url)] {
            // With no dialect named, a WebSocket's is taken.
            let start = if start.flags.base_url.is_some() { start.dialect("openai-chat") } else { start };
            let errors = start.fails(&[]).to_string();
            assert!(!errors.contains("sk-test") && !errors.contains("0123"), "{url}: {errors}");
        }
    }
    for (name, value) in [("OLLAMA_HOST", "me:sk-hidden:1"), ("INFERNEO_HOST", "sk-hidden?a:b")] {
        let env = [(name, value)];
        let errors = Start::env(&env).fails(&[name]).to_string();
        assert!(!errors.contains("a:b"), "{errors}");
    }
}

#[test]
fn what_stands_in_a_query_is_secret_but_for_the_version() {
    let file = "[providers.az]\ndialect = \"azure-inference\"\n\
        base_url = \"https://h/models?api-version=2024-05-01-preview&sig=s1g%2Bnature&code=c0de&lang=de&model=gpt-4o-mini-2024\"";
    let config = Start::file(file).config();
    let shown = config.show();
    assert!(
        shown.contains("api-version=2024-05-01-preview&sig=***&code=***&lang=***&model=***\""),
        "{shown}"
    );
    // In other text, what cannot be a key is left alone.
    assert_eq!(
        config.secrets.redact("s1g%2Bnature s1g+nature c0de de gpt-4o-mini-2024 2024-05-01-preview"),
        "*** *** *** de gpt-4o-mini-2024 2024-05-01-preview"
    );
    let env = [("AZURE_AI_CHAT_ENDPOINT", "https://e/models?sig=s1gnature")];
    let start = Start::file("[providers.azure]\nbase_url = \"https://h/models\"").with_env(&env);
    assert!(start.config().notices[0].contains("https://e/models?sig=***"), "{:?}", start.config().notices);
}

#[test]
fn a_fall_back_may_be_given_as_any_address_of_its_server() {
    for http in ["http://h/v1", "http://h/v1/completions", "http://h/v1/chat/completions"] {
        for socket in ["completions", "chat/completions"] {
            let file =
                format!("[providers.live]\nbase_url = \"ws://h/v1/{socket}\"\nhttp_base_url = \"{http}\"");
            let config = Start::file(&file).config();
            assert_eq!(config.providers[0].http_base_url.as_deref(), Some("http://h/v1"), "{file}");
        }
    }
}

#[test]
fn a_listener_may_be_an_address_without_brackets() {
    for (host, expected) in [
        ("::1", "http://[::1]:8000/v1"),
        ("::", "http://[::1]:8000/v1"),
        ("fe80::2", "http://[fe80::2]:8000/v1"),
        ("[::1]", "http://[::1]:8000/v1"),
        ("http://::1/v1", "http://[::1]/v1"),
    ] {
        endpoint(&Start::env(&[("INFERNEO_HOST", host)]), "inferneo", expected, None);
    }
    let both = [("INFERNEO_HOST", "::1"), ("INFERNEO_PORT", "9000")];
    endpoint(&Start::env(&both), "inferneo", "http://[::1]:9000/v1", None);
}

#[test]
fn the_older_address_of_github_has_many_models() {
    let start = |url| Start::default().base_url(url).provider("azure");
    start("https://models.inference.ai.azure.com").chooses("azure:");
    start("https://m.eastus.inference.ai.azure.com").chooses("azure:");
    assert!(start("https://models.inference.ai.azure.com").config().model_for_ask().is_err());
    assert!(start("https://m.eastus.inference.ai.azure.com").config().model_for_ask().is_ok());
}

#[test]
fn each_provider_of_azure_is_told_how_its_address_looks() {
    Start::file("[providers.azure-openai]")
        .fails(&["https://RESOURCE.openai.azure.com", "AZURE_OPENAI_ENDPOINT"]);
    Start::file("[providers.azure]").fails(&["https://RESOURCE.services.ai.azure.com/models"]);
}

#[test]
fn only_dialects_that_are_spoken_are_offered() {
    let entry = |dialect: &str| format!("[providers.l]\nbase_url = \"http://h\"\ndialect = \"{dialect}\"");
    for errors in [
        Start::file(&entry("klingon")).fails(&["must be one of openai-chat, ", "websocket"]),
        Start::default().base_url("http://h").dialect("klingon").fails(&["openai-chat, ", "websocket"]),
    ] {
        let text = errors.to_string();
        for unspoken in Dialect::ALL.into_iter().filter(|dialect| !dialect.is_supported()) {
            assert!(!text.contains(unspoken.name()), "{text}");
            Start::file(&entry(unspoken.name())).fails(&[unspoken.name(), "not yet supported"]);
        }
    }
}
