use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Services, TurnJob, start};
use crate::base::Secrets;
use crate::chat::provider::MaxTokensField;
use crate::chat::request::{ChatRequest, Params};
use crate::chat::turn::TurnPlan;
use crate::chat::{Dialect, ErrorKind, Provider, TurnEvent};
use crate::{demo, net};

#[tokio::test]
async fn without_a_key_nothing_is_sent_and_the_turn_says_where_it_is_looked_for() {
    let provider = Provider {
        name: "lab".into(),
        dialect: Dialect::OpenAiChat,
        base_url: "http://127.0.0.1:9/v1".into(),
        key: None,
        needs_key: true,
        key_source: "LAB_KEY".into(),
        headers: Vec::new(),
        extra_body: serde_json::Map::new(),
        default_model: None,
        models: Vec::new(),
        model_info: BTreeMap::new(),
        max_tokens_field: MaxTokensField::default(),
        tokens_per_second: None,
    };
    let request = ChatRequest {
        model: "m".into(),
        system: String::new(),
        messages: Vec::new(),
        params: Params::default(),
        stream: true,
    };
    let plan = TurnPlan::new(Arc::new(request), &provider, 1);
    let job =
        TurnJob { plan, provider: Arc::new(provider), secrets: Arc::new(Secrets::default()), save: None };
    let services = Services::new(net::Client::default(), None, demo::Options::default());
    let (_handle, mut batches) = start(job, &services);
    let mut events = Vec::new();
    while let Some(batch) = batches.recv().await {
        assert!(!batch.saved);
        events.extend(batch.events);
    }
    match &events[..] {
        [TurnEvent::Error(error), TurnEvent::Done(_)] => {
            assert_eq!(error.kind, ErrorKind::Auth);
            assert!(error.message.contains("LAB_KEY"));
        }
        other => panic!("{other:?}"),
    }
}
