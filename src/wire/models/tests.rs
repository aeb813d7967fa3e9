//! Every shape that lists come in, as the servers' own documents and code show them.

use super::*;
use crate::base::Secret;

fn ids(body: &str) -> Vec<String> {
    parse(body.as_bytes()).unwrap().into_iter().map(|model| model.id).collect()
}

/// The one model of a list.
fn only(body: &str) -> ListedModel {
    let models = parse(body.as_bytes()).unwrap();
    assert_eq!(models.len(), 1, "{models:?}");
    models.into_iter().next().unwrap()
}

/// The sentence of a body that is no list.
fn refused(body: &[u8]) -> String {
    match parse(body) {
        Err(AttemptError::Protocol { message, hint }) => {
            assert!(hint.contains("base_url"), "{hint}");
            message
        }
        other => panic!("{other:?}"),
    }
}

fn priced(input: f64, output: f64) -> Option<Price> {
    Some(Price { input, output })
}

#[test]
fn openai_lists_names() {
    let body = r#"{"object":"list","data":[
        {"id":"gpt-4o","object":"model","created":1715367049,"owned_by":"system"},
        {"id":"gpt-4o-mini","object":"model","created":1721172741,"owned_by":"system"}]}"#;
    assert_eq!(ids(body), ["gpt-4o", "gpt-4o-mini"]);
    assert_eq!(parse(body.as_bytes()).unwrap()[0], ListedModel::named("gpt-4o"));
}

#[test]
fn vllm_says_the_context() {
    let model = only(
        r#"{"object":"list","data":[{"id":"meta-llama/Llama-3.1-8B","object":"model","created":1,"owned_by":"vllm",
        "root":"meta-llama/Llama-3.1-8B","parent":null,"max_model_len":131072,"permission":[{"id":"modelperm-1"}]}]}"#,
    );
    assert_eq!(
        model,
        ListedModel { context: Some(131_072), ..ListedModel::named("meta-llama/Llama-3.1-8B") }
    );
}

#[test]
fn llama_cpp_lists_each_model_twice() {
    let model = only(
        r#"{"models":[{"name":"qwen.gguf","model":"qwen.gguf","modified_at":"","size":"","capabilities":["completion"],
        "details":{"parent_model":"","format":"gguf"}}],"object":"list","data":[{"id":"qwen.gguf","object":"model",
        "created":1,"owned_by":"llamacpp","meta":{"vocab_type":2,"n_ctx_train":32768,"n_params":1}}]}"#,
    );
    assert_eq!(model, ListedModel { context: Some(32_768), ..ListedModel::named("qwen.gguf") });
    let now = r#"{"data":[{"id":"q","meta":{"n_ctx":4096,"n_ctx_train":32768}}]}"#;
    assert_eq!(only(now).context, Some(4096), "what it runs with, not what it was trained with");
}

#[test]
fn an_error_beside_an_empty_list_is_one_and_what_is_no_list_spoils_none() {
    let failed = r#"{"success":false,"data":null,"error":{"message":"no rights"}}"#;
    assert!(
        matches!(parse(failed.as_bytes()), Err(AttemptError::Server(error)) if error.message.contains("no rights"))
    );
    for other in [r#"{"a":{}}"#, "7", "-7", "1.5", "\"text\"", "true"] {
        assert_eq!(ids(&format!(r#"{{"data":[{{"id":"a"}}],"models":{other}}}"#)), ["a"]);
    }
}

#[test]
fn ollama_has_no_models_and_says_null() {
    assert_eq!(ids(r#"{"object":"list","data":null}"#), [""; 0]);
    assert_eq!(ids(r#"{"object":"list","data":[]}"#), [""; 0]);
    let own = r#"{"models":[{"name":"llama3.2:latest","model":"llama3.2:latest","modified_at":"2025-01-01T00:00:00Z",
        "size":2019393189,"digest":"a8","details":{"family":"llama","parameter_size":"3.2B","quantization_level":"Q4_K_M"}}]}"#;
    assert_eq!(ids(own), ["llama3.2:latest"]);
}

#[test]
fn openrouter_prices_a_token_in_text() {
    let body = r#"{"data":[{"id":"openai/gpt-4o-mini","name":"OpenAI: GPT-4o-mini","context_length":128000,
        "architecture":{"modality":"text+image->text"},"pricing":{"prompt":"0.00000015","completion":"0.0000006",
        "request":"0","image":"0.000217"}},
        {"id":"openrouter/auto","name":"Auto","context_length":2000000,"pricing":{"prompt":"-1","completion":"-1"}},
        {"id":"x/y:free","name":"Free","context_length":8192,"pricing":{"prompt":"0","completion":"0"}}]}"#;
    let models = parse(body.as_bytes()).unwrap();
    assert_eq!(models[0].context, Some(128_000));
    assert_eq!(models[0].price, priced(0.15, 0.6));
    assert_eq!(models[1].price, None, "it depends on the model that is chosen later");
    assert_eq!(models[2].price, priced(0.0, 0.0));
    let dear = r#"{"data":[{"id":"o1-pro","pricing":{"prompt":"0.00015","completion":"0.0006"}}]}"#;
    assert_eq!(only(dear).price, priced(150.0, 600.0));
}

#[test]
fn together_is_a_bare_array_with_prices_of_a_million() {
    let body = r#"[{"id":"meta-llama/Llama-3-8b","object":"model","created":0,"type":"chat","display_name":"Llama",
        "context_length":8192,"pricing":{"hourly":0,"input":0.2,"output":0.3,"base":0,"finetune":0}},
        {"id":"BAAI/bge-large","type":"embedding"},{"id":"black-forest/flux","type":"image"},
        {"id":"base/model","type":"language"}]"#;
    let models = parse(body.as_bytes()).unwrap();
    assert_eq!(models.len(), 2, "what writes no text is left out: {models:?}");
    assert_eq!((models[0].context, models[0].price), (Some(8192), priced(0.2, 0.3)));
    assert_eq!(models[1].id, "base/model");
}

#[test]
fn gemini_ids_lose_their_prefix_and_paths_keep_theirs() {
    assert_eq!(
        ids(r#"{"data":[{"id":"models/gemini-2.5-pro","object":"model","owned_by":"google"}]}"#),
        ["gemini-2.5-pro"]
    );
    let own =
        r#"{"models":[{"name":"models/gemini-2.5-pro","inputTokenLimit":1048576,"outputTokenLimit":65536}]}"#;
    assert_eq!(only(own), ListedModel { context: Some(1_048_576), ..ListedModel::named("gemini-2.5-pro") });
    assert_eq!(
        ids(r#"{"data":[{"id":"models/7B/model.gguf","owned_by":"llamacpp"}]}"#),
        ["models/7B/model.gguf"]
    );
}

#[test]
fn groq_and_mistral_say_context_and_what_is_of_use() {
    let groq = r#"{"object":"list","data":[
        {"id":"llama-3.3-70b-versatile","owned_by":"Meta","active":true,"context_window":131072,"public_apps":null},
        {"id":"gone","active":false,"context_window":8192}]}"#;
    assert_eq!(only(groq).context, Some(131_072));
    let mistral = r#"{"object":"list","data":[
        {"id":"mistral-large-latest","capabilities":{"completion_chat":true,"vision":false},"max_context_length":131072,"type":"base"},
        {"id":"mistral-embed","capabilities":{"completion_chat":false},"max_context_length":8192}]}"#;
    assert_eq!(only(mistral).context, Some(131_072));
}

#[test]
fn lm_studio_says_what_is_loaded() {
    let body = r#"{"object":"list","data":[
        {"id":"qwen2-vl-7b","object":"model","type":"vlm","state":"not-loaded","max_context_length":32768},
        {"id":"llama","type":"llm","state":"loaded","max_context_length":131072,"loaded_context_length":4096},
        {"id":"nomic-embed","type":"embeddings","state":"not-loaded","max_context_length":2048}]}"#;
    let models = parse(body.as_bytes()).unwrap();
    let contexts: Vec<_> = models.iter().map(|model| (model.id.as_str(), model.context)).collect();
    assert_eq!(contexts, [("qwen2-vl-7b", Some(32_768)), ("llama", Some(4096))]);
}

#[test]
fn github_and_anthropic_and_azure() {
    let github = r#"[{"id":"openai/gpt-4.1","name":"OpenAI GPT-4.1","publisher":"OpenAI","rate_limit_tier":"high",
        "limits":{"max_input_tokens":1048576,"max_output_tokens":32768}}]"#;
    assert_eq!(
        only(github),
        ListedModel { context: Some(1_048_576), ..ListedModel::named("openai/gpt-4.1") }
    );
    let anthropic = r#"{"data":[{"type":"model","id":"claude-sonnet-4","display_name":"Claude","created_at":"2025-05-14T00:00:00Z",
        "max_input_tokens":200000}],"has_more":false,"first_id":"a","last_id":"a"}"#;
    assert_eq!(only(anthropic).context, Some(200_000));
    let info =
        r#"{"model_name":"Llama-3.3-70B","model_type":"chat-completion","model_provider_name":"Meta"}"#;
    assert_eq!(only(info), ListedModel::named("Llama-3.3-70B"));
    assert_eq!(ids(r#"{"id":"one","object":"model"}"#), ["one"]);
}

#[test]
fn our_own_demo_is_read() {
    let body = super::super::emit::model_list(["a", "b"], "chatui", 1);
    assert_eq!(ids(std::str::from_utf8(&body).unwrap()), ["a", "b"]);
}

#[test]
fn names_are_cleaned_and_stand_once() {
    let body = "\u{feff} {\"data\":[{\"id\":\"a\\u001b[31m\\n\"},{\"id\":\"\"},{\"id\":\" \\t \"},{\"name\":null},{},null,7,
        \"text\",{\"id\":\"text\",\"context_length\":\"8192\"},{\"id\":[\"x\"]},{\"id\":3}]}";
    assert_eq!(ids(body), ["a[31m", "text"]);
    assert_eq!(parse(body.as_bytes()).unwrap()[1].context, Some(8192));
    let long = format!("{{\"data\":[\"{}\"]}}", "x".repeat(MAX_ID + 1));
    assert_eq!(ids(&long), [""; 0]);
}

#[test]
fn absurd_figures_are_none() {
    for figure in ["-1", "0", "1e300", "\"many\"", "null", "{}", "[1]"] {
        let body = format!(
            "{{\"data\":[{{\"id\":\"a\",\"context_length\":{figure},\"pricing\":{{\"input\":{figure},\"output\":-2}}}}]}}"
        );
        assert_eq!(only(&body), ListedModel::named("a"), "{figure}");
    }
}

#[test]
fn what_is_no_list_is_called_what_it_is() {
    for (body, words) in [
        (&b""[..], "the answer is empty"),
        (b" \r\n", "the answer is empty"),
        (b"<!doctype html><title>Sign in</title>", "a web page: Sign in"),
        (b"<html>", "a web page"),
        (b"{\"data\":[{\"id\":\"a\"}", "cut in the middle"),
        (b"hello", "not JSON"),
        (b"{\"data\":[]} trailing", "not JSON"),
        (b"{\"status\":\"ok\"}", "JSON of another kind"),
        (b"{}", "JSON of another kind"),
    ] {
        let message = refused(body);
        assert!(message.contains(words), "{message}");
    }
    for body in [&b"3"[..], b"\"text\"", b"{\"data\":\"none\"}", b"\xff\xfe", b"{\"data\":{\"a\":1}}"] {
        refused(body);
    }
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert_eq!(ids(&deep), [""; 0], "a list of something, which names no model");
    refused(format!("{{\"x\":{deep}}}").as_bytes());
}

#[test]
fn an_error_at_status_200_is_one() {
    let body = br#"{"error":{"message":"no such tenant","code":404}}"#;
    let Err(AttemptError::Server(error)) = parse(body) else { panic!("{:?}", parse(body)) };
    assert!(error.message.contains("no such tenant"), "{error:?}");
}

#[test]
fn a_list_is_read_up_to_its_limit() {
    let entries: Vec<String> = (0..MAX_MODELS + 5).map(|at| format!("{{\"id\":\"m{at}\"}}")).collect();
    let body = format!("{{\"data\":[{}]}}", entries.join(","));
    assert_eq!(parse(body.as_bytes()).unwrap().len(), MAX_MODELS);
}

#[test]
fn of_an_entry_only_what_says_something_is_kept() {
    let text = "x".repeat(MAX_TEXT + 1);
    let entry = format!(
        r#"{{"id":"a","zeros":[0,0,0],"meta":{{"n_ctx":5,"tokens":[1],"meta":{{"meta":{{"meta":{{"n_ctx":1}}}}}}}},
        "owned_by":"{text}","name":["b"],"description":{{"id":"c"}},"active":true,"active":false}}"#
    );
    let mut reader = serde_json::Deserializer::from_str(&entry);
    let kept = (Picked { depth: 0 }).deserialize(&mut reader).unwrap();
    let expected = serde_json::json!({
        "id": "a", "meta": {"n_ctx": 5, "meta": {"meta": {}}}, "owned_by": null, "name": null, "active": false
    });
    assert_eq!(kept, expected);
}

#[test]
fn every_member_that_is_looked_for_is_kept() {
    let code = include_str!("../models.rs");
    let paths = code.lines().filter_map(|line| line.trim().strip_prefix("\"/")?.split_once('"'));
    let names: Vec<&str> = paths.flat_map(|(path, _)| path.split('/')).collect();
    assert!(names.len() > 12, "{names:?}");
    assert_eq!(names.iter().find(|name| !MEMBERS.contains(name)), None);
}

#[test]
fn a_list_that_is_too_long_is_none() {
    let zeros = "0,".repeat(MAX_LIST_BYTES / 2);
    let message = refused(format!("{{\"x\":[{zeros}0],\"data\":[{{\"id\":\"a\"}}]}}").as_bytes());
    assert!(message.ends_with("the answer is over 16 MiB"), "{message}");
}

#[test]
fn any_cut_of_a_list_is_an_error_and_no_panic() {
    let body =
        r#"{"object":"list","data":[{"id":"ä","pricing":{"prompt":"0.1"}},{"id":"b","meta":{"n_ctx":5}}]}"#;
    for end in 0..body.len() {
        assert!(parse(&body.as_bytes()[..end]).is_err(), "{end}");
    }
}

fn provider(base_url: &str) -> Provider {
    Provider {
        key: Some(Secret::new("sk-hidden")),
        needs_key: true,
        key_source: "LAB_KEY".into(),
        headers: vec![("X-Team".into(), Secret::new("a"))],
        ..Provider::new("lab", Dialect::OpenAiChat, base_url)
    }
}

#[test]
fn the_request_has_the_key_and_the_providers_headers() {
    let asked = request(&provider("http://lab/v1/")).unwrap();
    assert_eq!(asked.url, "http://lab/v1/models");
    let secret = |prefix, text| HeaderValue::Secret { prefix, secret: Secret::new(text) };
    let expected = [
        ("accept".to_owned(), HeaderValue::Plain("application/json".to_owned())),
        ("authorization".to_owned(), secret("Bearer ", "sk-hidden")),
        ("x-team".to_owned(), secret("", "a")),
    ];
    assert_eq!(asked.headers, expected);
    assert!(matches!(request(&provider("nonsense")), Err(AttemptError::Request(_))));
    let other = Provider { dialect: Dialect::Ollama, ..provider("http://lab") };
    assert!(
        matches!(request(&other), Err(AttemptError::Request(words)) if words.contains("not yet supported"))
    );
}

/// The address that is asked for the list of a provider.
fn asked(dialect: Dialect, base_url: &str) -> String {
    request(&Provider { dialect, ..provider(base_url) }).unwrap().url
}

#[test]
fn each_dialect_asks_where_its_list_is() {
    for (dialect, base_url, expected) in [
        (Dialect::OpenAiCompletions, "http://h/v1", "http://h/v1/models"),
        (
            Dialect::AzureInference,
            "https://h.models.ai.azure.com",
            "https://h.models.ai.azure.com/info?api-version=2024-05-01-preview",
        ),
        (
            Dialect::AzureInference,
            "https://r.services.ai.azure.com/models?a=b",
            "https://r.services.ai.azure.com/models/info?a=b&api-version=2024-05-01-preview",
        ),
        (Dialect::AzureInference, "https://h?api-version=1", "https://h/info?api-version=1"),
        (
            Dialect::AzureInference,
            "https://models.github.ai/inference",
            "https://models.github.ai/catalog/models",
        ),
        (
            Dialect::OpenAiChat,
            "https://models.github.ai/inference",
            "https://models.github.ai/catalog/models",
        ),
        (
            Dialect::AzureOpenAi,
            "https://r.openai.azure.com",
            "https://r.openai.azure.com/openai/models?api-version=2024-10-21",
        ),
        (
            Dialect::AzureOpenAi,
            "https://r.openai.azure.com/openai/v1",
            "https://r.openai.azure.com/openai/v1/models",
        ),
        (Dialect::WebSocket, "ws://h:8000/v1/chat/completions", "http://h:8000/v1/models"),
        (Dialect::WebSocket, "wss://h/v1/completions?token=t", "https://h/v1/models?token=t"),
        (Dialect::WebSocket, "ws://h/api/stream", "http://h/api/models"),
        (Dialect::WebSocket, "ws://h", "http://h/models"),
    ] {
        assert_eq!(asked(dialect, base_url), expected);
    }
    let versioned = Provider { api_version: Some("2025-01-01".into()), ..provider("https://r") };
    let versioned = Provider { dialect: Dialect::AzureOpenAi, ..versioned };
    assert_eq!(request(&versioned).unwrap().url, "https://r/openai/models?api-version=2025-01-01");
    let websocket = Provider { dialect: Dialect::WebSocket, ..provider("ws://h/x") };
    let websocket = Provider { http_base_url: Some("http://h:1/v1".into()), ..websocket };
    assert_eq!(request(&websocket).unwrap().url, "http://h:1/v1/models");
}

#[test]
fn azure_gets_its_key_as_with_a_prompt() {
    let names = |dialect| {
        let asked = request(&Provider { dialect, ..provider("https://r") }).unwrap();
        asked.headers.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    let both: Vec<String> =
        ["accept", "api-key", "authorization", "x-team"].iter().map(|name| (*name).to_owned()).collect();
    let mut inference = names(Dialect::AzureInference);
    inference.sort();
    assert_eq!(inference, both);
    assert_eq!(names(Dialect::AzureOpenAi), ["accept", "api-key", "x-team"]);
}

#[test]
fn the_base_models_of_azure_openai_are_not_offered() {
    let listed = || vec![ListedModel::named("gpt-4o")];
    let azure = Provider { dialect: Dialect::AzureOpenAi, ..provider("https://r") };
    let Err(AttemptError::Protocol { message, hint }) = offered(&azure, listed()) else { panic!("offered") };
    assert!(message.contains("not your deployments") && hint.contains("models = [\"NAME\"]"), "{hint}");
    let named = Provider { models: vec!["mine".into()], ..azure };
    assert_eq!(offered(&named, listed()).unwrap(), []);
    assert_eq!(offered(&provider("https://r"), listed()).unwrap(), listed());
    let base = r#"{"data":[{"id":"gpt-4o","capabilities":{"chat_completion":true,"inference":true},"status":"succeeded"},
        {"id":"ada","capabilities":{"chat_completion":false,"embeddings":true}}]}"#;
    assert_eq!(ids(base), ["gpt-4o"]);
}

#[test]
fn a_server_says_who_it_is() {
    let owner = |body: &str| read(body.as_bytes()).unwrap().owner;
    assert_eq!(owner(r#"{"data":[{"id":"a"},{"id":"b","owned_by":"vllm"}]}"#).as_deref(), Some("vllm"));
    assert_eq!(
        owner(r#"{"data":[{"id":"a","object":"model","owned_by":"inferneo"}]}"#).as_deref(),
        Some("inferneo")
    );
    assert_eq!(owner(r#"{"data":[]}"#), None);
    assert_eq!(service(br#"{"service":"ChoreoAI","version":"1.0.0"}"#).as_deref(), Some("ChoreoAI"));
    for body in [&b"{}"[..], b"[1]", b"hello", b"{\"service\":1}"] {
        assert_eq!(service(body), None);
    }
}
