//! Requests to Azure as they go out.

use super::*;
use crate::base::{Id, Secret};
use crate::chat::provider::ExtraParameters;
use crate::chat::{Dialect, Message, Params, Timestamp};
use crate::wire::encode;

fn provider(dialect: Dialect, base: &str) -> Provider {
    Provider { key: Some(Secret::new("k-1")), ..Provider::new("az", dialect, base) }
}

fn request(model: &str) -> ChatRequest {
    ChatRequest {
        model: model.into(),
        system: String::new(),
        messages: vec![Message::user(Id::from_bits(1), None, "Hi", Timestamp(0))],
        params: Params::default(),
        stream: true,
    }
}

fn url(provider: &Provider, model: &str) -> String {
    encode(&request(model), provider, Quirks::default()).unwrap().url
}

#[test]
fn inference_endpoints_are_taken_in_every_form() {
    let of = |base: &str| url(&provider(Dialect::AzureInference, base), "m");
    let version = "?api-version=2024-05-01-preview";
    let cases = [
        ("https://r.services.ai.azure.com/models", format!("/models/chat/completions{version}")),
        ("https://r.services.ai.azure.com/models/", format!("/models/chat/completions{version}")),
        ("https://r.services.ai.azure.com", format!("/chat/completions{version}")),
        (
            "https://r.services.ai.azure.com/models/chat/completions",
            format!("/models/chat/completions{version}"),
        ),
        (
            "https://r.services.ai.azure.com/models/chat/completions?api-version=2025-04-01&x=1",
            "/models/chat/completions?x=1&api-version=2025-04-01".to_owned(),
        ),
        (
            "https://r.services.ai.azure.com/openai/deployments/d",
            format!("/openai/deployments/d/chat/completions{version}"),
        ),
        ("https://r.services.ai.azure.com/openai/v1/", "/openai/v1/chat/completions".to_owned()),
    ];
    for (base, path) in cases {
        assert_eq!(of(base), format!("https://r.services.ai.azure.com{path}"), "{base}");
    }
    let mut own = provider(Dialect::AzureInference, "https://h/models?API-Version=old&a=b");
    own.api_version = Some("20 25&".into());
    assert_eq!(url(&own, "m"), "https://h/models/chat/completions?a=b&api-version=20%2025%26");
}

#[test]
fn openai_endpoints_are_taken_in_every_form() {
    let of = |base: &str| url(&provider(Dialect::AzureOpenAi, base), "my gpt/4");
    let whole =
        "https://r.openai.azure.com/openai/deployments/my%20gpt%2F4/chat/completions?api-version=2024-10-21";
    for base in [
        "https://r.openai.azure.com",
        "https://r.openai.azure.com/",
        "https://r.openai.azure.com/openai",
        "https://r.openai.azure.com/openai/deployments/",
        "https://r.openai.azure.com/openai/deployments/my%20gpt%2F4",
        "https://r.openai.azure.com/openai/deployments/my%20gpt%2F4/chat/completions?api-version=2024-10-21",
    ] {
        assert_eq!(of(base), whole, "{base}");
    }
    for base in
        ["https://r.openai.azure.com/openai/v1", "https://r.openai.azure.com/openai/v1/chat/completions"]
    {
        assert_eq!(of(base), "https://r.openai.azure.com/openai/v1/chat/completions", "{base}");
    }
    let mut own = provider(Dialect::AzureOpenAi, "https://r.openai.azure.com/openai/v1");
    own.api_version = Some("2024-10-21".into());
    assert_eq!(url(&own, "d"), "https://r.openai.azure.com/openai/v1/chat/completions", "no version there");
    own.base_url = "https://gate/team?tenant=7".into();
    own.api_version = Some("2025-01-01-preview".into());
    assert_eq!(
        url(&own, "d"),
        "https://gate/team/openai/deployments/d/chat/completions?tenant=7&api-version=2025-01-01-preview"
    );
}

#[test]
fn a_deployment_must_be_named() {
    let refused = encode(
        &request(""),
        &provider(Dialect::AzureOpenAi, "https://r.openai.azure.com"),
        Quirks::default(),
    );
    let Err(AttemptError::Request(message)) = refused else { panic!("it has no deployment") };
    assert!(message.contains("az") && message.contains("deployment"), "{message}");
    let named = provider(Dialect::AzureOpenAi, "https://r.openai.azure.com/openai/deployments/d");
    assert!(url(&named, "").contains("/deployments/d/chat/completions?"));
}

#[test]
fn keys_go_in_azures_headers_and_are_secret() {
    let keys = |provider: &Provider| -> Vec<(String, HeaderValue)> {
        let sent = encode(&request("m"), provider, Quirks::default()).unwrap();
        sent.headers.into_iter().filter(|(name, _)| name == "api-key" || name == "authorization").collect()
    };
    let secret = |name: &str, prefix, value: &str| {
        (name.to_owned(), HeaderValue::Secret { prefix, secret: Secret::new(value) })
    };
    let mut asked = provider(Dialect::AzureInference, "https://h/models");
    assert_eq!(keys(&asked), [secret("api-key", "", "k-1"), secret("authorization", "Bearer ", "k-1")]);
    asked.dialect = Dialect::AzureOpenAi;
    assert_eq!(keys(&asked), [secret("api-key", "", "k-1")]);
    // A token of Entra's is a header of its own.
    asked.key = None;
    asked.headers = vec![("Authorization".into(), Secret::new("Bearer eyJ"))];
    assert_eq!(keys(&asked), [secret("authorization", "", "Bearer eyJ")]);
}

#[test]
fn members_that_inference_does_not_know_stay_out() {
    let body = |provider: &Provider, model: &str| {
        String::from_utf8(encode(&request(model), provider, Quirks::default()).unwrap().body).unwrap()
    };
    let extra = |provider: &Provider| {
        let sent = encode(&request("m"), provider, Quirks::default()).unwrap();
        sent.headers.into_iter().find(|(name, _)| name == "extra-parameters").map(|(_, value)| value)
    };
    let mut asked = provider(Dialect::AzureInference, "https://h");
    assert_eq!(
        body(&asked, ""),
        r#"{"messages":[{"role":"user","content":"Hi"}],"stream":true}"#,
        "an endpoint of one model"
    );
    assert_eq!(extra(&asked), None);
    asked.extra_parameters = Some(ExtraParameters::PassThrough);
    assert_eq!(
        body(&asked, "m"),
        r#"{"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true,"stream_options":{"include_usage":true}}"#
    );
    assert_eq!(extra(&asked), Some(HeaderValue::Plain("pass-through".into())));
    asked.headers = vec![("Extra-Parameters".into(), Secret::new("drop"))];
    assert_eq!(extra(&asked), Some(HeaderValue::Secret { prefix: "", secret: Secret::new("drop") }));
    asked.dialect = Dialect::AzureOpenAi;
    asked.headers.clear();
    assert!(body(&asked, "d").contains("stream_options"));
    assert_eq!(extra(&asked), None);
}

#[test]
fn lists_stand_beside_what_is_asked() {
    let of = |dialect, base: &str| crate::wire::models::request(&provider(dialect, base)).unwrap();
    for base in ["https://h", "https://h/openai/", "https://h/openai/deployments/d/chat/completions"] {
        let list = of(Dialect::AzureOpenAi, base);
        assert_eq!(list.url, "https://h/openai/models?api-version=2024-10-21", "{base}");
        assert_eq!(list.headers.iter().filter(|(name, _)| name == "api-key").count(), 1);
        assert!(!list.headers.iter().any(|(name, _)| name == "authorization"));
    }
    assert_eq!(of(Dialect::AzureOpenAi, "https://h/openai/v1/").url, "https://h/openai/v1/models");
    let info = of(Dialect::AzureInference, "https://h/models?a=b");
    assert_eq!(info.url, "https://h/models/info?a=b&api-version=2024-05-01-preview");
    assert_eq!(info.headers.iter().filter(|(name, _)| name == "api-key").count(), 1);
}

#[test]
fn no_deployment_leads_out_of_its_path() {
    let of = |base: &str, model: &str| {
        encode(&request(model), &provider(Dialect::AzureOpenAi, base), Quirks::default()).map(|sent| sent.url)
    };
    for model in [".", ".."] {
        let Err(AttemptError::Request(why)) = of("https://h", model) else { panic!("{model} is sent") };
        assert!(why.contains(model), "{why}");
        assert!(of("https://h/openai/v1", model).is_ok(), "there it is in the body");
    }
    assert!(of("https://h", "...").is_ok_and(|url| url.contains("/deployments/.../chat")));
}
