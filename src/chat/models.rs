//! Models as a provider's list names them, and as the configuration knows them.

use std::collections::HashMap;

use super::provider::{Price, Provider};

/// A model that a server says it has.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedModel {
    /// Its name, as requests give it.
    pub id: String,
    /// Its context in tokens, where the list says.
    pub context: Option<u64>,
    /// Its prices, where the list says.
    pub price: Option<Price>,
}

impl ListedModel {
    /// A model of which only the name is known.
    pub fn named(id: impl Into<String>) -> Self {
        Self { id: id.into(), context: None, price: None }
    }
}

/// What `provider` offers: the models that its configuration names, in that order, then those of
/// `listed` in theirs, each once. Of context and price the configured ones count. With an empty
/// `listed`: what is known without asking.
pub fn merged(provider: &Provider, listed: Vec<ListedModel>) -> Vec<ListedModel> {
    let configured = provider
        .models
        .iter()
        .chain(&provider.default_model)
        .chain(provider.model_info.keys())
        .filter(|id| !id.trim().is_empty())
        .map(ListedModel::named);
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut models: Vec<ListedModel> = Vec::with_capacity(listed.len());
    for model in configured.chain(listed) {
        match places.get(&model.id) {
            Some(&at) => {
                let known = &mut models[at];
                known.context = known.context.or(model.context);
                known.price = known.price.or(model.price);
            }
            None => {
                places.insert(model.id.clone(), models.len());
                models.push(model);
            }
        }
    }
    for model in &mut models {
        if let Some(info) = provider.model_info.get(&model.id) {
            model.context = info.context.or(model.context);
            model.price = info.price.or(model.price);
        }
    }
    models
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Dialect;
    use crate::chat::provider::ModelInfo;

    fn provider() -> Provider {
        Provider {
            default_model: Some("b".into()),
            models: vec!["a".into(), " ".into()],
            ..Provider::new("lab", Dialect::OpenAiChat, "http://lab/v1")
        }
    }

    #[test]
    fn configured_names_come_first_and_each_model_once() {
        let listed = vec![
            ListedModel { context: Some(9), ..ListedModel::named("b") },
            ListedModel::named("z"),
            ListedModel::named("a"),
        ];
        let ids: Vec<String> = merged(&provider(), listed.clone()).into_iter().map(|m| m.id).collect();
        assert_eq!(ids, ["a", "b", "z"]);
        assert_eq!(merged(&provider(), listed)[1].context, Some(9));
        assert_eq!(merged(&provider(), Vec::new()).len(), 2);
    }

    #[test]
    fn the_configuration_knows_context_and_price_better() {
        let mut provider = provider();
        let price = Price { input: 1.0, output: 2.0 };
        let info = ModelInfo { context: Some(5), price: None, ..ModelInfo::default() };
        provider.model_info.insert("z".into(), info);
        let listed = vec![ListedModel { id: "z".into(), context: Some(9), price: Some(price) }];
        let model = merged(&provider, listed).pop();
        assert_eq!(model, Some(ListedModel { id: "z".into(), context: Some(5), price: Some(price) }));
    }
}
