//! Prompts of the built-in templates, byte for byte, and what becomes of templates that are wrong.

use super::*;
use crate::base::Id;
use crate::chat::{MessageState, Params, Part, Timestamp, ToolCall};
use PromptTemplate::{ChatMl, Llama2, Llama3, Mistral, Own, Plain};

fn says(role: Role, parts: Vec<Part>) -> Message {
    let mut message = Message::user(Id::from_bits(1), None, "", Timestamp(0));
    (message.role, message.parts) = (role, parts);
    message
}

fn user(text: &str) -> Message {
    says(Role::User, vec![Part::Text(text.into())])
}

fn assistant(text: &str) -> Message {
    says(Role::Assistant, vec![Part::Text(text.into())])
}

fn request(system: &str, messages: Vec<Message>) -> ChatRequest {
    let (model, system, params) = ("m".to_owned(), system.to_owned(), Params::default());
    ChatRequest { model, system, messages, params, stream: true }
}

fn of(template: &PromptTemplate, request: &ChatRequest) -> String {
    prompt(request, template).unwrap()
}

fn own(text: &str, request: &ChatRequest) -> Result<String, String> {
    prompt(request, &Own(text.into()))
}

#[test]
fn one_prompt_without_a_system_prompt() {
    let asked = request("", vec![user("Hi")]);
    for (template, prompt) in [
        (ChatMl, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"),
        (Llama2, "[INST] Hi [/INST]"),
        (
            Llama3,
            "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        (Mistral, "[INST] Hi [/INST]"),
        (Plain, "User: Hi\n\nAssistant:"),
    ] {
        assert_eq!(of(&template, &asked), prompt, "{template:?}");
    }
}

#[test]
fn several_turns_with_a_system_prompt() {
    let messages = || vec![user("Hi"), assistant("Hello."), user("A\nB?"), assistant("C"), user("Bye")];
    let asked = request("Be brief.", messages());
    for (template, prompt) in [
        (
            ChatMl,
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n\
             <|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nA\nB?<|im_end|>\n\
             <|im_start|>assistant\nC<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n",
        ),
        (
            Llama2,
            "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello. </s><s>[INST] A\nB? [/INST] C </s>\
             <s>[INST] Bye [/INST]",
        ),
        (
            Llama3,
            "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>\
             <|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>\
             <|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>\
             <|start_header_id|>user<|end_header_id|>\n\nA\nB?<|eot_id|>\
             <|start_header_id|>assistant<|end_header_id|>\n\nC<|eot_id|>\
             <|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|>\
             <|start_header_id|>assistant<|end_header_id|>\n\n",
        ),
        (Mistral, "[INST] Be brief.\n\nHi [/INST] Hello.</s> [INST] A\nB? [/INST] C</s> [INST] Bye [/INST]"),
        (
            Plain,
            "Be brief.\n\nUser: Hi\n\nAssistant: Hello.\n\nUser: A\nB?\n\nAssistant: C\n\nUser: Bye\n\nAssistant:",
        ),
    ] {
        assert_eq!(of(&template, &asked), prompt, "{template:?}");
    }
    let without = of(&Llama2, &request("", messages()));
    assert!(without.starts_with("[INST] Hi [/INST] Hello. </s><s>[INST] A"), "{without}");
}

#[test]
fn an_answer_at_the_end_is_gone_on_with_where_it_stopped() {
    let mut partial = assistant("So far, </s> ");
    partial.state = MessageState::Truncated;
    let asked = request("", vec![user("Hi"), partial]);
    for (template, prompt) in [
        (ChatMl, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nSo far, </s> "),
        (Llama2, "[INST] Hi [/INST] So far, </s> "),
        (
            Llama3,
            "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nSo far, </s> ",
        ),
        (Mistral, "[INST] Hi [/INST] So far, </s> "),
        (Plain, "User: Hi\n\nAssistant: So far, </s> "),
    ] {
        assert_eq!(of(&template, &asked), prompt, "{template:?}");
    }
    let error = own("{{ prompt }}", &asked).unwrap_err();
    assert!(error.contains("leaves out the end of the answer"), "{error}");
}

#[test]
fn what_a_base_model_has_no_role_for_becomes_text() {
    let call = |id: &str, name: &str| {
        Part::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments: r#"{"a":1}"#.into() })
    };
    let asked = request(
        "",
        vec![
            says(
                Role::User,
                vec![Part::Text("Read".into()), Part::File { name: "a.md".into(), text: "x\n".into() }],
            ),
            says(
                Role::Assistant,
                vec![Part::Reasoning("never sent".into()), call("1", "get"), call("2", "")],
            ),
            says(Role::Tool, vec![call("1", "get"), Part::Text("21 C".into())]),
            says(Role::Tool, vec![call("2", ""), Part::Text("late".into())]),
            user("So?"),
            says(Role::Assistant, vec![Part::Reasoning("nor this".into()), Part::Refusal("No.".into())]),
            says(Role::System, vec![Part::Text("Note".into())]),
        ],
    );
    assert_eq!(
        of(&Mistral, &asked),
        "[INST] Read\n\na.md:\n```\nx\n``` [/INST] [called get {\"a\":1}]\n[called  {\"a\":1}]</s> \
         [INST] [result of get]\n21 C\n\n[result]\nlate\n\nSo? [/INST] No.</s> [INST] Note [/INST]"
    );
}

#[test]
fn marks_in_what_is_said_are_passed_as_they_are() {
    let asked = request("", vec![user("{{ system }} {% if %} <|im_end|> <tag> & \"'")]);
    let prompt = of(&ChatMl, &asked);
    assert!(prompt.contains("user\n{{ system }} {% if %} <|im_end|> <tag> & \"'<|im_end|>\n"), "{prompt}");
}

/// What the templates of models use: the same white space rules, Python's methods, slices, namespaces,
/// macros, JSON, and variables of a tokenizer.
#[test]
fn ones_own_is_in_the_language_of_models() {
    let asked = request("Be brief.", vec![user(" Hi "), assistant("a</think>b"), user("So?")]);
    let template = r#"{%- set eos_token = "</s>" %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim + '\n' %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set system_message = '' %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- macro turn(role, text) %}<{{ role }}>{{ text }}{% endmacro %}
{%- set ns = namespace(seen=0) %}
{{- bos_token + system_message }}
{%- for message in loop_messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Conversation roles must alternate') }}
    {%- endif %}
    {%- set ns.seen = ns.seen + 1 %}
    {%- if message.role == 'assistant' %}
        {{- turn('a', message.content.split('</think>')[-1].strip()) + eos_token }}
    {%- else %}
        {{- turn('u', message.content.strip()) }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<a>' }}
{%- endif %}
{%- if tools is defined or strftime_now is defined %}never{% endif %}
 {{ ns.seen }} {{ {'a': [1, 2.5, none, true], 'b': "<é'"} | tojson }}"#;
    assert_eq!(
        own(template, &asked).unwrap(),
        "Be brief.\n<u>Hi<a>b</s><u>So?<a> 3 {\"a\": [1, 2.5, null, true], \"b\": \"<é'\"}"
    );
    assert_eq!(
        own("{{ system }}|{{ prompt }}|{{ ['x'] | tojson(indent=2) }}\n", &asked).unwrap(),
        "Be brief.|So?|[\n  \"x\"\n]"
    );
}

#[test]
fn a_template_that_is_wrong_says_where_and_what_there_is() {
    for good in ["chatml", "plain", "{{ prompt }}", "{% for m in messages %}{{ m.content }}{% endfor %}"] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for (wrong, says) in [
        ("chatlm", "built-in template (they are chatml, llama2, llama3, mistral, plain)"),
        ("{{ promt }}", "let it write messages or prompt"),
        ("a\n{% for x in messages %}", "line 2: syntax error: "),
        ("a\n\n{{ prompt | trimm }}", "line 3: "),
        ("a\n\n{{ prompt | trimm }}", "there are trim, tojson"),
        ("{{ prompt.trip() }}", "string has no method trip; there are strip"),
        ("{{ nothing() }}", "line 1: "),
        ("{{ nothing() }}", "there are range, namespace"),
        ("{{ raise_exception('no system') }}", "the template says: no system"),
        ("{% include 'x' %}", "it takes in another template, and there is none"),
        ("{{ prompt | indent(999999999999) }}", "filter indent is unknown"),
        ("{{ '{:999999999999}'.format(prompt) }}", "has no method format"),
        ("{{ prompt.content.more }}", "undefined"),
    ] {
        let error = check(wrong).unwrap_err();
        assert!(error.contains(says), "{wrong}: {error}");
    }
}

#[test]
fn a_template_that_would_never_end_or_overflow_is_stopped() {
    let loops = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
    let writes = "{% for a in range(1000) %}{{ 'x' * 1000000 }}{% endfor %}";
    let nests = "{% set n = namespace(x=[]) %}{% for a in range(100000) %}{% set n.x = [n.x] %}{% endfor %}";
    let calls = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}";
    let parses = format!("{{{{ {}1{} }}}}", "(".repeat(5_000), ")".repeat(5_000));
    let deep = "{% set n = namespace(x=[]) %}{% for a in range(500) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x | tojson }}";
    for (template, says) in [
        (loops, "too many steps"),
        (writes, "over 64 MiB"),
        (nests, "too many steps"),
        (calls, "recursion"),
        (parses.as_str(), "recursion"),
        (deep, "nested deeper than 100"),
    ] {
        let error = check(template).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_long_conversation_has_the_steps_it_needs() {
    let mut messages = Vec::new();
    for _ in 0..3_000 {
        messages.extend([user("Hi"), assistant("Hello")]);
    }
    messages.push(user("Bye"));
    assert!(of(&Llama2, &request("Be brief.", messages)).ends_with("<s>[INST] Bye [/INST]"));
}

#[test]
fn the_example_of_the_docs_does_what_it_says() {
    let docs = include_str!("../../../docs/completions.md");
    let template = docs.split("prompt_template = '''\n").nth(1).unwrap().split("'''").next().unwrap();
    assert_eq!(check(template), Ok(()));
    let asked = request("Be brief.", vec![user("Hi"), assistant("Hello."), user("Bye")]);
    assert_eq!(
        own(template, &asked).unwrap(),
        "Be brief.\n\nUSER: Hi\nASSISTANT: Hello.</s>\nUSER: Bye\nASSISTANT:"
    );
    assert_eq!(own(template, &request("", vec![user("Hi")])).unwrap(), "USER: Hi\nASSISTANT:");
    let partial = request("", vec![user("Hi"), assistant("So")]);
    assert_eq!(own(template, &partial).unwrap(), "USER: Hi\nASSISTANT: So");
}
