//! The messages of a request: role, content, tool calls with their ids, and what a server must get back.
//!
//! Some servers refuse any further member, others an answer that comes back without one that they sent.
//! So what came is kept with its message, and goes only to the provider that sent it and is known to
//! need it ([`crate::chat::provider::Needs`]).

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

use super::ids;
use crate::chat::provider::SendBack;
use crate::chat::{ChatRequest, Message, Part, Provider, Role, ToolCall};

#[derive(Serialize)]
pub(super) struct WireMessage<'a> {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<&'a Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct WireCall<'a> {
    id: Cow<'a, str>,
    r#type: &'static str,
    function: WireFunction<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<&'a Value>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// The messages of `request` as `provider` wants them.
pub(super) fn messages<'a>(request: &'a ChatRequest, provider: &Provider) -> Vec<WireMessage<'a>> {
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if !request.system.is_empty() {
        messages.push(plain(Role::System, request.system.clone()));
    }
    // The calls of the last assistant message that went out: only to these a result may follow.
    let mut open: HashSet<&str> = HashSet::new();
    for (at, message) in request.messages.iter().enumerate() {
        match message.role {
            Role::System | Role::User => {
                open.clear();
                messages.push(plain(message.role, message.sent_text()));
            }
            Role::Assistant => {
                let answered = results_after(&request.messages[at + 1..]);
                open = message.tool_calls().map(|call| call.id.as_str()).collect();
                open.retain(|id| answered.contains(id));
                messages.push(answer(message, &open, provider));
            }
            Role::Tool => {
                if let Some(id) = answered_call(message).filter(|id| open.remove(id)) {
                    let tool_call_id = Some(call_id(id, provider));
                    messages.push(WireMessage { tool_call_id, ..plain(Role::Tool, message.text()) });
                }
            }
        }
    }
    messages
}

fn plain<'a>(role: Role, content: String) -> WireMessage<'a> {
    WireMessage {
        role: role.name(),
        content: Some(content),
        reasoning_content: None,
        reasoning_details: Vec::new(),
        tool_calls: Vec::new(),
        tool_call_id: None,
    }
}

/// An answer, with those of its calls that are in `answered`.
fn answer<'a>(message: &'a Message, answered: &HashSet<&str>, provider: &Provider) -> WireMessage<'a> {
    let needs = |what| provider.needs.send_back.contains(&what);
    let is_own = message.model.strip_prefix(provider.name.as_str()).is_some_and(|rest| rest.starts_with(':'));
    let sends = |what| is_own && needs(what);
    let calls = message.tool_calls().enumerate().filter(|(_, call)| answered.contains(call.id.as_str()));
    let tool_calls: Vec<WireCall<'_>> = calls
        .map(|(at, call)| WireCall {
            id: call_id(&call.id, provider),
            r#type: "function",
            function: WireFunction { name: &call.name, arguments: arguments(call) },
            extra_content: extra_content(message, at).filter(|_| sends(SendBack::ExtraContent)),
        })
        .collect();
    WireMessage {
        content: said(message, tool_calls.is_empty()),
        // Wanted of every answer, also of one that did not reason or that another provider gave.
        reasoning_content: needs(SendBack::ReasoningContent)
            .then(|| if is_own { message.reasoning() } else { String::new() }),
        reasoning_details: if sends(SendBack::ReasoningDetails) { details(message) } else { Vec::new() },
        tool_calls,
        ..plain(Role::Assistant, String::new())
    }
}

/// What was carried in the slot of `what`.
fn carried(message: &Message, what: SendBack) -> impl Iterator<Item = &Value> {
    message.parts.iter().filter_map(move |part| match part {
        Part::Carry { slot, json } if slot == what.name() => Some(json),
        _ => None,
    })
}

fn details(message: &Message) -> Vec<&Value> {
    carried(message, SendBack::ReasoningDetails).filter_map(Value::as_array).flatten().collect()
}

/// What came beside the call of that number: the last word counts.
fn extra_content(message: &Message, call: usize) -> Option<&Value> {
    carried(message, SendBack::ExtraContent)
        .filter(|json| json.get("call").and_then(Value::as_u64) == Some(call as u64))
        .filter_map(|json| json.get("extra_content"))
        .last()
}

/// The id as `provider` takes it: the same for a call and its result.
fn call_id<'a>(id: &'a str, provider: &Provider) -> Cow<'a, str> {
    match provider.needs.short_tool_ids && !ids::is_short(id) {
        true => Cow::Owned(ids::short(id.bytes())),
        false => Cow::Borrowed(id),
    }
}

/// The id of the call whose result a message is.
fn answered_call(message: &Message) -> Option<&str> {
    message.tool_calls().next().map(|call| call.id.as_str())
}

/// The calls that are answered before anybody else speaks. A server refuses one that is not.
fn results_after(messages: &[Message]) -> HashSet<&str> {
    messages.iter().take_while(|message| message.role == Role::Tool).filter_map(answered_call).collect()
}

/// The text of an answer. One that only called tools which never ran says so in words.
pub(in crate::wire) fn said(message: &Message, without_calls: bool) -> Option<String> {
    let text = message.text();
    if !text.is_empty() {
        return Some(text);
    }
    let refusal = message.refusal();
    if !refusal.is_empty() {
        return Some(refusal);
    }
    if !without_calls {
        return None;
    }
    let called: Vec<String> =
        message.tool_calls().map(|call| format!("[called {} {}]", call.name, arguments(call))).collect();
    Some(called.join("\n"))
}

fn arguments(call: &ToolCall) -> &str {
    if call.arguments.trim().is_empty() { "{}" } else { &call.arguments }
}
