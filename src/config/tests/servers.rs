//! Providers of each dialect, from variables, file and flags, and which server gets which key.

use super::*;
use crate::chat::Dialect;
use crate::chat::provider::{ExtraParameters, SendBack};

/// The provider of that name.
#[track_caller]
fn provider(start: &Start<'_>, name: &str) -> Provider {
    let config = start.config();
    config.providers[config.provider(name).unwrap_or_else(|| panic!("no {name}"))].clone()
}

/// Its key, whether one is needed, and where it is looked for.
fn key_of(provider: &Provider) -> (Option<&str>, bool, &str) {
    (provider.key.as_ref().map(crate::base::Secret::expose), provider.needs_key, &provider.key_source)
}

const FOUNDRY: &str = "https://r.services.ai.azure.com/models";

#[test]
fn the_variables_of_azure_inference_make_a_provider() {
    const ALL: &[(&str, &str)] = &[
        ("AZURE_AI_CHAT_ENDPOINT", "https://r.services.ai.azure.com/models/"),
        ("AZURE_AI_CHAT_API_KEY", "az-1"),
        ("AZURE_AI_CHAT_MODEL", "gpt-4o"),
    ];
    Start::env(ALL).chooses("azure:gpt-4o");
    let azure = provider(&Start::env(ALL), "azure");
    assert_eq!((azure.dialect, azure.base_url.as_str()), (Dialect::AzureInference, FOUNDRY));
    assert_eq!(key_of(&azure), (Some("az-1"), true, "AZURE_AI_CHAT_API_KEY"));
    const OLDER: &[(&str, &str)] = &[("AZURE_AI_CHAT_ENDPOINT", FOUNDRY), ("AZURE_AI_CHAT_KEY", "az-2")];
    assert_eq!(key_of(&provider(&Start::env(OLDER), "azure")).0, Some("az-2"));
    Start::env(OLDER).chooses("azure:");
    const OTHER: &[(&str, &str)] =
        &[("AZURE_INFERENCE_ENDPOINT", FOUNDRY), ("AZURE_INFERENCE_CREDENTIAL", "az-3")];
    assert_eq!(key_of(&provider(&Start::env(OTHER), "azure")).0, Some("az-3"));
    // A key belongs to the address of its own family.
    const MIXED: &[(&str, &str)] =
        &[("AZURE_AI_CHAT_ENDPOINT", FOUNDRY), ("AZURE_INFERENCE_CREDENTIAL", "az-3")];
    let azure = provider(&Start::env(MIXED), "azure");
    assert_eq!(key_of(&azure), (None, true, "AZURE_AI_CHAT_API_KEY or AZURE_AI_CHAT_KEY"));
    // OpenAI's come first.
    const BOTH: &[(&str, &str)] = &[("AZURE_AI_CHAT_ENDPOINT", FOUNDRY), ("OPENAI_API_KEY", "sk")];
    Start::env(BOTH).chooses("openai:gpt-4o");
    Start::env(&[("AZURE_AI_CHAT_ENDPOINT", "r.azure.com")]).fails(&["variable AZURE_AI_CHAT_ENDPOINT"]);
}

#[test]
fn the_variables_of_azure_openai_make_a_provider() {
    const KEY: &[(&str, &str)] = &[
        ("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com/"),
        ("AZURE_OPENAI_API_KEY", "az-key"),
        ("AZURE_OPENAI_API_VERSION", "2025-01-01-preview"),
    ];
    let azure = provider(&Start::env(KEY), "azure-openai");
    assert_eq!(
        (azure.dialect, azure.base_url.as_str()),
        (Dialect::AzureOpenAi, "https://r.openai.azure.com")
    );
    assert_eq!(key_of(&azure), (Some("az-key"), true, "AZURE_OPENAI_API_KEY"));
    assert_eq!(azure.api_version.as_deref(), Some("2025-01-01-preview"));
    const TOKEN: &[(&str, &str)] = &[
        ("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com"),
        ("AZURE_OPENAI_API_KEY", "az-key"),
        ("AZURE_OPENAI_AD_TOKEN", "eyJ-token"),
        ("OPENAI_API_VERSION", "2024-10-21"),
        ("AZURE_OPENAI_API_VERSION", "2025-01-01-preview"),
    ];
    let azure = provider(&Start::env(TOKEN), "azure-openai");
    assert_eq!(key_of(&azure), (None, false, "AZURE_OPENAI_AD_TOKEN"), "the token wins");
    let (name, value) = &azure.headers[0];
    assert_eq!((name.as_str(), value.expose()), ("authorization", "Bearer eyJ-token"));
    assert_eq!(azure.api_version.as_deref(), Some("2024-10-21"));
    let config = Start::env(TOKEN).config();
    assert_eq!(config.secrets.redact("it is eyJ-token"), "it is ***");
    let shown = config.show();
    for line in
        ["from environment variable OPENAI_API_VERSION", "from environment variable AZURE_OPENAI_AD_TOKEN"]
    {
        assert!(shown.contains(line), "{shown}");
    }
    // An address that was copied from an example of a request says deployment and version.
    let pasted = "https://r.openai.azure.com/openai/deployments/mine/chat/completions?api-version=2024-06-01";
    let env = [("AZURE_OPENAI_ENDPOINT", pasted), ("AZURE_OPENAI_API_KEY", "k")];
    Start::env(&env).chooses("azure-openai:mine");
    let azure = provider(&Start::env(&env), "azure-openai");
    assert_eq!(azure.base_url, "https://r.openai.azure.com");
    assert_eq!(azure.api_version.as_deref(), Some("2024-06-01"));
    Start::env(&[("AZURE_OPENAI_ENDPOINT", "https://h"), ("OPENAI_API_VERSION", "a b")])
        .fails(&["environment variable OPENAI_API_VERSION", "2024-10-21"]);
}

#[test]
fn half_of_azures_variables_says_what_is_missing() {
    const ENDPOINT: &[(&str, &str)] = &[("AZURE_OPENAI_ENDPOINT", "https://r.openai.azure.com")];
    let azure = provider(&Start::env(ENDPOINT), "azure-openai");
    assert_eq!(key_of(&azure), (None, true, "AZURE_OPENAI_API_KEY"));
    // What runs on this machine mostly wants none.
    const LOCAL: &[(&str, &str)] = &[("AZURE_AI_CHAT_ENDPOINT", "http://127.0.0.1:9/models")];
    assert_eq!(key_of(&provider(&Start::env(LOCAL), "azure")).0, None);
    assert!(!provider(&Start::env(LOCAL), "azure").needs_key);
    const KEY: &[(&str, &str)] = &[("AZURE_AI_CHAT_API_KEY", "az-1")];
    Start::env(KEY).chooses("");
    let notice = Start::env(KEY).config().notices.join("\n");
    assert!(notice.contains("AZURE_AI_CHAT_API_KEY is set, but"), "{notice}");
    assert!(notice.contains("set AZURE_AI_CHAT_ENDPOINT"), "{notice}");
    assert!(!notice.contains("az-1"), "{notice}");
    // It is nobody's business where another provider is used.
    const BESIDE: &[(&str, &str)] = &[("AZURE_AI_CHAT_API_KEY", "az-1"), ("GROQ_API_KEY", "gk")];
    assert_eq!(Start::env(BESIDE).config().notices, [""; 0]);
    let missing =
        ["provider azure has no address", "AZURE_AI_CHAT_ENDPOINT", "base_url in [providers.azure]"];
    for start in [
        Start::default().provider("azure"),
        Start::default().model("azure:m"),
        Start::file("model = \"azure:m\""),
        Start::env(&[("CHATUI_MODEL", "azure:m")]),
    ] {
        start.fails(&missing);
    }
    Start::default().provider("azure-openai").fails(&["AZURE_OPENAI_ENDPOINT"]);
}

#[test]
fn an_entry_of_azure_inherits_dialect_and_variables() {
    let file = format!("[providers.azure]\nbase_url = \"{FOUNDRY}\"\ndefault_model = \"of-file\"\n");
    const KEY: &[(&str, &str)] = &[("AZURE_AI_CHAT_API_KEY", "az-1")];
    let azure = provider(&Start::file(&file).with_env(KEY), "azure");
    assert_eq!((azure.dialect, key_of(&azure).0), (Dialect::AzureInference, Some("az-1")));
    assert_eq!(azure.default_model.as_deref(), Some("of-file"));
    // The environment goes over the file; the file's key was not given for that server.
    let file = format!("{file}api_key = \"of-file\"");
    assert_eq!(key_of(&provider(&Start::file(&file), "azure")).0, Some("of-file"));
    const ELSEWHERE: &[(&str, &str)] =
        &[("AZURE_AI_CHAT_ENDPOINT", "https://x.models.ai.azure.com"), ("AZURE_AI_CHAT_MODEL", "of-env")];
    let start = Start::file(&file).with_env(ELSEWHERE);
    let azure = provider(&start, "azure");
    assert_eq!((azure.base_url.as_str(), key_of(&azure).0), ("https://x.models.ai.azure.com", None));
    assert_eq!(azure.default_model.as_deref(), Some("of-env"));
    assert!(start.config().notices[0].contains("https://x.models.ai.azure.com"));
    // A header of the file's own stands for a key.
    let own = format!("[providers.azure]\nbase_url = \"{FOUNDRY}\"\nheaders = {{ api-key = \"k-header\" }}");
    assert!(!provider(&Start::file(&own), "azure").needs_key);
}

#[test]
fn choreoai_and_inferneo_are_found_by_their_variables() {
    for (address, expected) in
        [("http://box:8000", "http://box:8000/v1"), ("http://localhost:8000/v1", "http://localhost:8000/v1")]
    {
        let env = [("CHOREOAI_BASE_URL", address), ("CHOREOAI_API_KEY", "ck-1")];
        Start::env(&env).chooses("choreoai:");
        endpoint(&Start::env(&env), "choreoai", expected, Some("ck-1"));
    }
    let home = provider(&Start::env(&[("CHOREOAI_API_KEY", "ck-1")]), "choreoai");
    assert_eq!((home.base_url.as_str(), home.needs_key), ("http://127.0.0.1:8000/v1", false));
    for (env, expected) in [
        (&[("INFERNEO_HOST", "0.0.0.0")][..], "http://127.0.0.1:8000/v1"),
        (&[("INFERNEO_PORT", "9000")], "http://127.0.0.1:9000/v1"),
        (&[("INFERNEO_HOST", "box"), ("INFERNEO_PORT", "9000")], "http://box:9000/v1"),
    ] {
        endpoint(&Start::env(env), "inferneo", expected, None);
    }
    const MODEL: &[(&str, &str)] = &[
        ("INFERNEO_HOST", "box"),
        ("INFERNEO_MODEL", "meta-llama/Llama-2-7b-chat-hf"),
        ("INFERNEO_API_KEY", "ik"),
    ];
    Start::env(MODEL).chooses("inferneo:meta-llama/Llama-2-7b-chat-hf");
    assert!(provider(&Start::env(MODEL), "inferneo").needs.one_choice);
    // A model alone is a server's own setting: it makes no provider.
    Start::env(&[("INFERNEO_MODEL", "m")]).chooses("");
    Start::env(&[("INFERNEO_PORT", "many")]).fails(&["environment variable INFERNEO_PORT", "no port"]);
    // By name alone they are where they usually are.
    Start::default().provider("choreoai").model("gpt-4").chooses("choreoai:gpt-4");
    Start::default().model("inferneo:m").chooses("inferneo:m");
}

#[test]
fn a_websocket_has_its_whole_address_and_falls_back_to_its_own_server() {
    let url = "ws://127.0.0.1:8000/v1/chat/completions";
    let file = format!(
        "[providers.live]\nbase_url = \"{url}\"\nhttp_base_url = \"http://127.0.0.1:8000/v1/\"\napi_key = \"k-live\""
    );
    let live = provider(&Start::file(&file), "live");
    assert_eq!((live.dialect, live.base_url.as_str()), (Dialect::WebSocket, url));
    assert_eq!(live.http_base_url.as_deref(), Some("http://127.0.0.1:8000/v1"));
    // A key goes to one server: another host, another port, or the same one without encryption gets none.
    for (url, http) in [
        ("wss://a.example/v1/chat/completions", "https://b.example/v1"),
        ("wss://a.example/v1/chat/completions", "http://a.example/v1"),
        ("ws://a.example:8000/v1/chat/completions", "http://a.example:8001/v1"),
    ] {
        let entry = format!("[providers.live]\nbase_url = \"{url}\"\nhttp_base_url = \"{http}\"\n");
        for key in [
            "api_key = \"k-live\"",
            "api_key_command = [\"pass\"]",
            "headers = { Authorization = \"Bearer k\" }",
        ] {
            let file = format!("{entry}{key}");
            let start = Start::file(&file);
            assert_eq!(provider(&start, "live").http_base_url, None, "{http} {key}");
            let notice = start.config().notices.join("\n");
            assert!(notice.contains("provider live: http_base_url is not used"), "{notice}");
        }
        // Without a key there is nothing that could go astray.
        let live = provider(&Start::file(&entry), "live");
        assert_eq!(live.http_base_url.as_deref(), Some(http));
    }
    let secret = "[providers.live]\nbase_url = \"wss://h/v1/chat/completions?access_token=hush-hush\"";
    let shown = Start::file(secret).config().show();
    assert!(shown.contains("access_token=***") && !shown.contains("hush"), "{shown}");
}

#[test]
fn an_endpoint_of_flags_speaks_any_dialect() {
    let flags = |url: &str, dialect: Option<&str>, name: Option<&str>| {
        let flags = Flags {
            base_url: Some(url.into()),
            dialect: dialect.map(str::to_owned),
            provider: name.map(str::to_owned),
            ..Flags::default()
        };
        let config = Start { flags, ..Start::default() }.config();
        config.providers[config.default_provider.expect("the endpoint")].clone()
    };
    let ws = flags("ws://h:8000/v1/chat/completions", None, None);
    assert_eq!((ws.dialect, ws.name.as_str()), (Dialect::WebSocket, "h"));
    for dialect in Dialect::ALL.into_iter().filter(|dialect| dialect.is_supported()) {
        let url = if dialect == Dialect::WebSocket { "wss://h/v1/completions" } else { "https://h/v1" };
        let found = flags(url, Some(dialect.name()), None);
        assert_eq!((found.dialect, found.base_url.as_str()), (dialect, url));
    }
    let azure = flags("https://r.services.ai.azure.com/models?api-version=1", None, Some("azure"));
    assert_eq!(azure.dialect, Dialect::AzureInference);
    assert_eq!(azure.base_url, "https://r.services.ai.azure.com/models?api-version=1");
    let text = "https://r.openai.azure.com/openai/deployments/mine/chat/completions?api-version=2024-06-01";
    let azure = flags(text, Some("azure-openai"), None);
    assert_eq!(
        (azure.default_model.as_deref(), azure.api_version.as_deref()),
        (Some("mine"), Some("2024-06-01"))
    );
    assert!(flags("http://h", None, Some("groq")).needs.one_choice);
    let bad = |start: Start<'_>, words: &[&str]| assert!(start.fails(words).only_flags());
    bad(
        Start::default().base_url("ws://h/x").dialect("openai-chat"),
        &["--base-url", "its dialect is websocket"],
    );
    bad(
        Start::default().base_url("http://h/v1").dialect("websocket"),
        &["--base-url", "ws://127.0.0.1:8000"],
    );
    bad(Start::default().base_url("ws://h/x").provider("azure"), &["--base-url", "its dialect is websocket"]);
}

#[test]
fn where_servers_differ_comes_from_preset_and_file() {
    let needs = |start: Start<'_>, name: &str| provider(&start, name).needs;
    assert_eq!(needs(Start::default(), "deepseek").send_back, [SendBack::ReasoningContent]);
    assert_eq!(needs(Start::default(), "openrouter").send_back, [SendBack::ReasoningDetails]);
    assert_eq!(needs(Start::default(), "gemini").send_back, [SendBack::ExtraContent]);
    assert!(needs(Start::default(), "mistral").short_tool_ids);
    assert!(needs(Start::file("[providers.groq]\nbase_url = \"http://proxy/v1\""), "groq").one_choice);
    assert!(!needs(Start::file("[providers.groq]\none_choice = false"), "groq").one_choice);
    let file = format!(
        "{LAB}send_back = [\"reasoning_content\", \"extra_content\"]\nshort_tool_ids = true\none_choice = true\n\
         no_stream_options = true\n"
    );
    let lab = needs(Start::file(&file), "lab");
    assert_eq!(lab.send_back, [SendBack::ReasoningContent, SendBack::ExtraContent]);
    assert!(lab.short_tool_ids && lab.one_choice && lab.no_stream_options);
    let shown = Start::file(&file).config().show();
    assert_eq!(provider(&Start::file(&shown), "lab").needs, lab, "{shown}");
    assert_eq!(needs_of("ollama"), needs(Start::default(), "ollama"));
    assert_eq!(needs_of("lab"), Needs::default());
}

#[test]
fn what_azure_and_base_models_need_is_taken_and_shown() {
    let file = "[providers.azure]\nbase_url = \"https://r.services.ai.azure.com/models\"\n\
        api_version = \"2024-05-01-preview\"\nextra_parameters = \"pass-through\"\n\
        [providers.base]\ndialect = \"openai-completions\"\nbase_url = \"http://b/v1\"\nprompt_template = \"llama2\"\n\
        [providers.own]\nbase_url = \"ws://b/v1/completions\"\n\
        prompt_template = \"{% for m in messages %}{{ m.content }}\\n{% endfor %}\"\n";
    let config = Start::file(file).config();
    let [azure, base, own, ..] = &config.providers[..] else { panic!("three") };
    assert_eq!(azure.api_version.as_deref(), Some("2024-05-01-preview"));
    assert_eq!(azure.extra_parameters, Some(ExtraParameters::PassThrough));
    assert_eq!(base.prompt_template, PromptTemplate::Llama2);
    assert_eq!(
        own.prompt_template,
        PromptTemplate::Own("{% for m in messages %}{{ m.content }}\n{% endfor %}".into())
    );
    assert_eq!(config.templates.len(), 1);
    assert_eq!(config.templates[0].place.to_string(), "c.toml:11: providers.own.prompt_template");
    let shown = config.show();
    let again = Start::file(&shown).config();
    for (one, other) in config.providers.iter().zip(&again.providers).take(3) {
        assert_eq!(one, &Provider { key_source: one.key_source.clone(), ..other.clone() }, "{shown}");
    }
}
