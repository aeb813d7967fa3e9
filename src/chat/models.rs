//! Models as a provider's list names them.

use super::provider::Price;

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
