//! `chatui models` and `-f`, by the real program.

#![allow(clippy::expect_used)]

mod support;

use serde_json::{Value, json};
use support::server::Server;
use support::{Home, KEY, code, lab, list, stderr, stdout};

/// A further provider in the configuration.
fn provider(name: &str, base_url: &str, more: &str) -> String {
    format!("[providers.{name}]\nbase_url = \"{base_url}\"\n{more}\n")
}

#[test]
fn with_nothing_configured_the_demos_models_are_told() {
    let home = Home::new();
    let output = home.run(&["models"], b"");
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.starts_with("demo:chat\ndemo:choices\n"), "{text}");
    assert!(text.lines().all(|line| line.starts_with("demo:")), "{text}");
    assert_eq!(stderr(&output), "");
}

#[test]
fn each_model_stands_on_a_line_with_its_provider() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = home.while_serving(&["models"], || {
        let exchange = server.accept();
        assert_eq!((exchange.request.method.as_str(), exchange.request.path.as_str()), ("GET", "/v1/models"));
        assert_eq!(exchange.request.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
        exchange.answer_json(200, &list(&["llama3.2:latest", "scripted", "vendor/x"]));
    });
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    // The configured default first, each once; the demo is not asked where there is another.
    assert_eq!(stdout(&output), "lab:scripted\nlab:llama3.2:latest\nlab:vendor/x\n");
}

#[test]
fn json_has_context_and_price_and_the_configuration_wins() {
    let server = Server::start();
    let home = Home::new();
    let more = "[providers.lab.model.a]\ncontext = 4096\nprice = { input = 0.1, output = 0.2 }\n";
    home.configure(&format!("{}\n{more}", lab(&server, "")));
    let output = home.while_serving(&["models", "lab", "--json"], || {
        let body = json!({"data": [
            {"id": "a", "context_length": 9, "pricing": {"prompt": "0.000001", "completion": "0.000002"}},
            {"id": "b", "context_length": 8192, "pricing": {"prompt": "0.000001", "completion": "0.000002"}},
        ]});
        server.accept().answer_json(200, &body);
    });
    let rows: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let expected = json!([
        {"provider": "lab", "id": "scripted", "context": null, "price": null},
        {"provider": "lab", "id": "a", "context": 4096, "price": {"input": 0.1, "output": 0.2}},
        {"provider": "lab", "id": "b", "context": 8192, "price": {"input": 1.0, "output": 2.0}},
    ]);
    assert_eq!(rows, expected);
}

#[test]
fn one_that_fails_hides_nothing_of_the_others() {
    let server = Server::start();
    let home = Home::new();
    let down = "http://127.0.0.1:1/v1";
    home.configure(&format!(
        "{}{}{}",
        provider("down", down, ""),
        provider("known", down, "models = [\"mine\"]"),
        lab(&server, "")
    ));
    let output = home.while_serving(&["models"], || server.accept().answer_json(200, &list(&["a"])));
    assert_eq!(code(&output), 0);
    let said = stderr(&output);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with("chatui: down: 127.0.0.1:1 refused the connection"), "{said}");
    assert!(lines[1].starts_with("chatui: known: "), "{said}");
    let text = stdout(&output);
    assert!(text.contains("known:mine\n") && text.contains("lab:a\n") && !text.contains("down:"), "{text}");
}

#[test]
fn where_none_answers_the_exit_code_is_that_of_the_worst() {
    let server = Server::start();
    let home = Home::at(&server);
    let refused = home.while_serving(&["models"], || {
        let message = format!("Incorrect API key provided: {KEY}");
        server.accept().answer_json(401, &json!({"error": {"message": message}}));
    });
    assert_eq!((code(&refused), stdout(&refused).as_str()), (77, ""));
    assert!(stderr(&refused).contains("Incorrect API key provided: ***"), "{}", stderr(&refused));
    assert!(!stderr(&refused).contains(KEY));

    let down = Home::new();
    down.configure(&provider("down", "http://127.0.0.1:1/v1", ""));
    assert_eq!(code(&down.run(&["models"], b"")), 75);
    let output = down.run(&["models", "--json"], b"");
    assert_eq!((code(&output), stdout(&output).as_str()), (75, "[]\n"));

    let page = home.while_serving(&["models"], || {
        server.accept().answer(200, &[("content-type", "text/html")], b"<title>Sign in</title>");
    });
    assert_eq!(code(&page), 76);
    assert!(stderr(&page).contains("a web page: Sign in"), "{}", stderr(&page));
}

#[test]
fn a_missing_key_names_its_variable() {
    let home = Home::new();
    let output = home.run(&["models", "groq"], b"");
    assert_eq!(code(&output), 77);
    assert!(stderr(&output).contains("GROQ_API_KEY"), "{}", stderr(&output));
}

#[test]
fn a_provider_that_is_not_there_is_exit_2_with_the_nearest() {
    let home = Home::new();
    for (name, words) in [
        ("opnai", "did you mean `openai`?"),
        ("anthropic", "not yet supported"),
        ("\u{1b}[2J", "no provider"),
    ] {
        let output = home.run(&["models", name], b"");
        let said = stderr(&output);
        assert_eq!(code(&output), 2, "{said}");
        assert!(said.contains(words) && !said.contains('\u{1b}'), "{said}");
    }
    let output = home.run(&["-m", "a:b", "models"], b"");
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("takes no options of the chat"), "{}", stderr(&output));
}

#[test]
fn an_endpoint_without_a_file_can_be_asked() {
    let server = Server::start();
    let home = Home::new();
    let url = server.base_url();
    let output = home.while_serving(&["models", "--base-url", &url], || {
        let exchange = server.accept();
        assert_eq!(exchange.request.header("authorization"), None);
        exchange.answer_json(200, &list(&["a"]));
    });
    assert_eq!(stdout(&output), "127.0.0.1:a\n");
    let named = home.while_serving(&["--base-url", &url, "models", "box"], || {
        server.accept().answer_json(200, &list(&["a"]));
    });
    assert_eq!(stdout(&named), "box:a\n");
}

#[test]
fn each_dialect_asks_its_own_list() {
    let server = Server::start();
    let home = Home::new();
    let origin = server.base_url().trim_end_matches("/v1").to_owned();
    let asks = |args: &[&str], path: &str, header: Option<&str>, status: u16, body: &Value| {
        let output = home.while_serving(args, || {
            let exchange = server.accept();
            assert_eq!(exchange.request.path, path);
            if let Some(name) = header {
                assert_eq!(exchange.request.header(name), Some("k-of-a-variable"));
            }
            exchange.answer_json(status, body);
        });
        format!("{}{}", stdout(&output), stderr(&output))
    };
    let ws = format!("{}/v1/chat/completions", origin.replace("http:", "ws:"));
    assert_eq!(asks(&["models", "--base-url", &ws], "/v1/models", None, 200, &list(&["a"])), "127.0.0.1:a\n");
    let flags = ["models", "--base-url", &origin, "--dialect", "azure-inference"];
    let info = json!({"model_name": "one", "model_type": "chat_completion", "model_provider_name": "x"});
    let path = "/info?api-version=2024-05-01-preview";
    assert_eq!(asks(&flags, path, None, 200, &info), "127.0.0.1:one\n");
    // No list is no fault where the models are named.
    home.configure(&provider("azure", &origin, "models = [\"mine\"]"));
    assert_eq!(asks(&["models"], path, None, 404, &json!({"error": {"code": "404"}})), "azure:mine\n");
    // Base models are no deployments.
    let path = "/openai/models?api-version=2024-10-21";
    home.configure(&provider("azure-openai", &origin, "models = [\"mine\"]\napi_key = \"k-of-a-variable\""));
    assert_eq!(asks(&["models"], path, Some("api-key"), 200, &list(&["gpt-4o"])), "azure-openai:mine\n");
    home.configure(&provider("azure-openai", &origin, ""));
    let said = asks(&["models"], path, None, 200, &list(&["gpt-4o"]));
    assert!(said.contains("not your deployments") && said.contains("models = [\"NAME\"]"), "{said}");
    assert!(!said.contains("gpt-4o"), "{said}");
}

#[test]
fn what_a_server_says_moves_no_terminal() {
    let server = Server::start();
    let home = Home::at(&server);
    let output = home.while_serving(&["models"], || {
        server.accept().answer_json(200, &list(&["a\u{1b}]0;owned\u{7}", "b\nlab:fake"]));
    });
    assert_eq!(stdout(&output), "lab:scripted\nlab:a]0;owned\nlab:blab:fake\n");

    // A name that would be another one on the way to the eye is not offered; a program gets it.
    let sly = || server.accept().answer_json(200, &list(&["good", "x\u{202e}y", "x\u{2028}lab:fake"]));
    let output = home.while_serving(&["models"], sly);
    assert_eq!(stdout(&output), "lab:scripted\nlab:good\n");
    assert!(stderr(&output).contains("2 names were left out") && stderr(&output).contains("--json"));
    let json: Value =
        serde_json::from_slice(&home.while_serving(&["models", "--json"], sly).stdout).expect("JSON");
    assert_eq!(json[2]["id"], "x\u{202e}y");
}

#[test]
fn listing_saves_nothing() {
    let home = Home::new();
    home.run(&["models"], b"");
    assert!(support::files(&home.data_dir()).is_empty());
}

#[test]
fn a_file_goes_with_the_prompt() {
    let server = Server::start();
    let home = Home::at(&server);
    std::fs::write(home.path().join("notes.txt"), "\u{feff}one\ntwo").expect("written");
    let output = home.while_serving(&["ask", "-f", "notes.txt", "read", "this"], || {
        let exchange = server.prompt();
        let content = exchange.request.json()["messages"][0]["content"].clone();
        assert_eq!(content, json!("read this\n\nnotes.txt:\n```\none\ntwo\n```"));
        exchange.say(&["done"]);
    });
    assert_eq!((code(&output), stdout(&output).as_str()), (0, "done\n"), "{}", stderr(&output));
    // Its own prompt, where there is no other.
    let dry = home.run(&["ask", "--file", "~/notes.txt", "--dry-run"], b"");
    assert_eq!(code(&dry), 0, "{}", stderr(&dry));
    assert!(stdout(&dry).contains("notes.txt:"), "{}", stdout(&dry));
    let chat = home.run(&["--dry-run", "-f", "notes.txt", "look"], b"");
    assert!(stdout(&chat).contains("look\\n\\nnotes.txt:"), "{}", stdout(&chat));
}

#[test]
fn a_file_that_cannot_go_stops_before_anything_is_sent() {
    let server = Server::start();
    let home = Home::at(&server);
    std::fs::write(home.path().join("a.png"), b"\x89PNG\r\n\x1a\n").expect("written");
    std::fs::write(home.path().join("bin"), b"a\0b").expect("written");
    for (name, exit, words) in [
        ("a.png", 2, "images are not supported yet"),
        ("bin", 1, "is no text"),
        ("none", 1, "none is not there"),
        (".", 1, "is a folder"),
        ("/dev/zero", 1, "a device"),
    ] {
        let output = home.ask(&["-f", name, "hello"], b"");
        assert_eq!(code(&output), exit, "{name}: {}", stderr(&output));
        assert!(stderr(&output).contains(words), "{name}: {}", stderr(&output));
    }
    assert!(!server.is_asked_again());
}
