//! The shapes of a usual chunk, borrowed from its text wherever JSON lets us.
//!
//! What does not fit fails to parse, and [`super::lenient`] looks at it instead.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::Value;

use crate::chat::Usage;

/// One chunk, or a whole answer: the same but for `message` in place of `delta`.
#[derive(Default, Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) model: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) choices: Option<Choices<'a>>,
    pub(super) usage: Option<Box<RawUsage>>,
    /// llama.cpp's times of one choice.
    #[serde(default)]
    pub(super) timings: Odd,
    pub(super) prompt_filter_results: Option<Vec<Value>>,
    #[serde(default)]
    pub(super) object: ErrorWord,
    #[serde(default, rename = "type")]
    pub(super) kind: ErrorWord,
    #[serde(default)]
    pub(super) error: Odd,
    #[serde(default)]
    pub(super) x_groq: Odd,
}

impl Chunk<'_> {
    /// Whether it holds something that only the lenient reader understands.
    pub(super) fn is_odd(&self) -> bool {
        self.error.0
            || self.x_groq.0
            || self.object.0
            || self.kind.0
            || self.choices.iter().flat_map(Choices::iter).any(|choice| {
                let delta = |delta: &Delta<'_>| delta.audio.0;
                choice.error.0
                    || choice.delta.as_ref().is_some_and(delta)
                    || choice.message.as_deref().is_some_and(delta)
            })
    }
}

/// One choice of a chunk.
#[derive(Default, Deserialize)]
pub(super) struct Choice<'a> {
    pub(super) index: Option<i64>,
    #[serde(borrow)]
    pub(super) delta: Option<Delta<'a>>,
    #[serde(borrow)]
    pub(super) message: Option<Box<Delta<'a>>>,
    #[serde(borrow)]
    pub(super) text: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Str<'a>>,
    pub(super) content_filter_results: Option<Box<Value>>,
    #[serde(default)]
    pub(super) error: Odd,
}

/// What is new of a choice.
#[derive(Default, Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow)]
    pub(super) content: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) reasoning_content: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) reasoning: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) refusal: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Calls<'a>>,
    #[serde(borrow)]
    pub(super) function_call: Option<Box<Function<'a>>>,
    pub(super) reasoning_details: Option<Vec<Value>>,
    /// Content that came as a list of parts: only the lenient reader fills this.
    #[serde(skip)]
    pub(super) parts: Vec<Part>,
    #[serde(default)]
    pub(super) audio: Odd,
}

/// A part of content that is no plain string.
pub(super) enum Part {
    Text(String),
    Reasoning(String),
    Refusal(String),
}

/// A fragment of a tool call.
#[derive(Default, Deserialize)]
pub(super) struct Call<'a> {
    pub(super) index: Option<i64>,
    #[serde(borrow)]
    pub(super) id: Option<Str<'a>>,
    #[serde(borrow)]
    pub(super) function: Option<Function<'a>>,
    #[serde(borrow)]
    pub(super) custom: Option<Function<'a>>,
    /// What Gemini wants back with the call.
    pub(super) extra_content: Option<Box<Value>>,
}

/// What is called; a custom tool's free text is its `input`.
#[derive(Default, Deserialize)]
pub(super) struct Function<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Str<'a>>,
    #[serde(borrow, alias = "input")]
    pub(super) arguments: Option<Arguments<'a>>,
}

/// More tokens than this are no count.
const MAX_COUNT: u64 = 1_000_000_000_000_000;

/// Token counts under all their names.
#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct RawUsage {
    #[serde(alias = "input_tokens")]
    pub(super) prompt_tokens: Option<u64>,
    #[serde(alias = "output_tokens")]
    pub(super) completion_tokens: Option<u64>,
    pub(super) total_tokens: Option<u64>,
    #[serde(alias = "input_tokens_details")]
    pub(super) prompt_tokens_details: Option<Details>,
    #[serde(alias = "output_tokens_details")]
    pub(super) completion_tokens_details: Option<Details>,
    #[serde(alias = "prompt_cache_hit_tokens")]
    pub(super) cached_tokens: Option<u64>,
    pub(super) reasoning_tokens: Option<u64>,
}

/// The finer counts.
#[derive(Clone, Copy, Default, Deserialize)]
pub(super) struct Details {
    pub(super) cached_tokens: Option<u64>,
    pub(super) reasoning_tokens: Option<u64>,
}

impl RawUsage {
    /// The counts, where there are any. A number that no answer has is none.
    pub(super) fn usage(&self) -> Option<Usage> {
        let sound = |count: Option<u64>| count.filter(|count| *count <= MAX_COUNT);
        let finer = |details: Option<Details>| {
            details.map(|details| Details {
                cached_tokens: sound(details.cached_tokens),
                reasoning_tokens: sound(details.reasoning_tokens),
            })
        };
        Self {
            prompt_tokens: sound(self.prompt_tokens),
            completion_tokens: sound(self.completion_tokens),
            total_tokens: sound(self.total_tokens),
            prompt_tokens_details: finer(self.prompt_tokens_details),
            completion_tokens_details: finer(self.completion_tokens_details),
            cached_tokens: sound(self.cached_tokens),
            reasoning_tokens: sound(self.reasoning_tokens),
        }
        .sound_usage()
    }

    fn sound_usage(&self) -> Option<Usage> {
        self.prompt_tokens.or(self.completion_tokens).or(self.total_tokens)?;
        let prompt_tokens = self.prompt_tokens.unwrap_or(0);
        let mut completion_tokens = self.completion_tokens.unwrap_or(0);
        let sum = prompt_tokens.saturating_add(completion_tokens);
        let total_tokens = self.total_tokens.unwrap_or(sum);
        let reasoning_tokens =
            self.completion_tokens_details.and_then(|d| d.reasoning_tokens).or(self.reasoning_tokens);
        // xAI counts reasoning in the total only.
        if let Some(reasoning) = reasoning_tokens
            && total_tokens > sum
            && sum.checked_add(reasoning) == Some(total_tokens)
        {
            completion_tokens = completion_tokens.saturating_add(reasoning);
        }
        Some(Usage {
            prompt_tokens,
            completion_tokens,
            total_tokens,
            cached_tokens: self.prompt_tokens_details.and_then(|d| d.cached_tokens).or(self.cached_tokens),
            reasoning_tokens,
        })
    }
}

/// A string, borrowed unless it has escapes. (serde borrows a bare `Cow` but not one in an `Option`.)
pub(super) struct Str<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(StrVisitor).map(Str)
    }
}

struct StrVisitor;

impl<'de> Visitor<'de> for StrVisitor {
    type Value = Cow<'de, str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }
}

/// The choices of a chunk: nearly always one, which then costs no list.
#[derive(Default)]
pub(super) struct Choices<'a> {
    first: Option<Choice<'a>>,
    rest: Vec<Choice<'a>>,
}

impl<'a> Choices<'a> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Choice<'a>> {
        self.first.iter().chain(&self.rest)
    }
    pub(super) fn into_iter(self) -> impl Iterator<Item = Choice<'a>> {
        self.first.into_iter().chain(self.rest)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Choices<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ChoicesVisitor<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for ChoicesVisitor<'a> {
            type Value = Choices<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of choices")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut choices = Choices { first: items.next_element()?, rest: Vec::new() };
                while let Some(choice) = items.next_element()? {
                    choices.rest.push(choice);
                }
                Ok(choices)
            }
        }
        deserializer.deserialize_seq(ChoicesVisitor(PhantomData))
    }
}

/// Tool call fragments: a list, or just one, which costs no list.
#[derive(Default)]
pub(super) struct Calls<'a> {
    first: Option<Call<'a>>,
    rest: Vec<Call<'a>>,
}

impl<'a> Calls<'a> {
    pub(super) fn one(call: Call<'a>) -> Self {
        Self { first: Some(call), rest: Vec::new() }
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = &Call<'a>> {
        self.first.iter().chain(&self.rest)
    }
    pub(super) fn into_iter(self) -> impl Iterator<Item = Call<'a>> {
        self.first.into_iter().chain(self.rest)
    }
}

impl<'a> FromIterator<Call<'a>> for Calls<'a> {
    fn from_iter<I: IntoIterator<Item = Call<'a>>>(calls: I) -> Self {
        let mut calls = calls.into_iter();
        Self { first: calls.next(), rest: calls.collect() }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Calls<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CallsVisitor<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for CallsVisitor<'a> {
            type Value = Calls<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of tool calls")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut calls = Calls { first: items.next_element()?, rest: Vec::new() };
                while let Some(call) = items.next_element()? {
                    calls.rest.push(call);
                }
                Ok(calls)
            }
            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                Call::deserialize(MapAccessDeserializer::new(members)).map(Calls::one)
            }
        }
        deserializer.deserialize_any(CallsVisitor(PhantomData))
    }
}

/// Arguments: text, or JSON that becomes compact text with its members in their order.
pub(super) struct Arguments<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Arguments<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ArgumentsVisitor;
        impl<'de> Visitor<'de> for ArgumentsVisitor {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("arguments")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                let mut text = String::new();
                Compact(&mut text).visit_seq(items)?;
                Ok(Cow::Owned(text))
            }
            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                let mut text = String::new();
                Compact(&mut text).visit_map(members)?;
                Ok(Cow::Owned(text))
            }
        }
        deserializer.deserialize_any(ArgumentsVisitor).map(Arguments)
    }
}

/// Writes JSON as it is parsed, without white space.
struct Compact<'s>(&'s mut String);

impl Compact<'_> {
    fn put<E: de::Error>(self, value: impl serde::Serialize) -> Result<(), E> {
        self.0.push_str(&serde_json::to_string(&value).map_err(E::custom)?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Compact<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Compact<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<(), E> {
        self.put(value)
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<(), E> {
        self.put(value)
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        self.put(value)
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<(), E> {
        self.put(value)
    }
    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.put(value)
    }
    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.0.push_str("null");
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push('[');
        let start = self.0.len();
        loop {
            let before = self.0.len();
            if before > start {
                self.0.push(',');
            }
            if items.next_element_seed(Compact(self.0))?.is_none() {
                self.0.truncate(before);
                break;
            }
        }
        self.0.push(']');
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.0.push('{');
        let mut first = true;
        while let Some(name) = members.next_key::<Cow<'_, str>>()? {
            if !std::mem::take(&mut first) {
                self.0.push(',');
            }
            self.0.push_str(&serde_json::to_string(&name).map_err(A::Error::custom)?);
            self.0.push(':');
            members.next_value_seed(Compact(self.0))?;
        }
        self.0.push('}');
        Ok(())
    }
}

/// Whether a member is the word `error`.
#[derive(Default)]
pub(super) struct ErrorWord(bool);

impl<'de> Deserialize<'de> for ErrorWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Str<'de>>::deserialize(deserializer)
            .map(|word| Self(word.is_some_and(|word| word.0 == "error")))
    }
}

/// Whether a member is there and says something: not null, false, 0, empty.
#[derive(Default)]
pub(super) struct Odd(pub(super) bool);

impl<'de> Deserialize<'de> for Odd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OddVisitor;
        impl<'de> Visitor<'de> for OddVisitor {
            type Value = bool;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
                Ok(value)
            }
            fn visit_i64<E>(self, value: i64) -> Result<bool, E> {
                Ok(value != 0)
            }
            fn visit_u64<E>(self, value: u64) -> Result<bool, E> {
                Ok(value != 0)
            }
            fn visit_f64<E>(self, value: f64) -> Result<bool, E> {
                Ok(value != 0.0)
            }
            fn visit_str<E>(self, value: &str) -> Result<bool, E> {
                Ok(!value.is_empty())
            }
            fn visit_unit<E>(self) -> Result<bool, E> {
                Ok(false)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
                let mut any = false;
                while items.next_element::<IgnoredAny>()?.is_some() {
                    any = true;
                }
                Ok(any)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
                let mut any = false;
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    any = true;
                }
                Ok(any)
            }
        }
        deserializer.deserialize_any(OddVisitor).map(Odd)
    }
}
