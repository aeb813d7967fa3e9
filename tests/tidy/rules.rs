//! The rules themselves, on small strings: each of them can fail, and does where it should.

use super::scan::unfold;
use super::*;

const TABLE: &str = "//! Head.\n//!\n//! ```text\n//! 5  runtime\n//! 3  net  store\n//! 3  app\n\
                     //! 2  wire  theme\n//! 1  chat\n//! ```\n//! 0  not  this\n";

fn source(file: &str, text: &str) -> Source {
    Source { file: file.to_owned(), text: text.to_owned() }
}

fn floor_breaks(file: &str, text: &str) -> Vec<(usize, String)> {
    let found = check_floors(&source(file, text), &floor_table(TABLE));
    found.into_iter().map(|violation| (violation.line, violation.what)).collect()
}

fn purity_lines(file: &str, text: &str) -> Vec<usize> {
    let mut lines: Vec<usize> = check_purity(&source(file, text), &floor_table(TABLE))
        .into_iter()
        .map(|violation| violation.line)
        .collect();
    lines.dedup();
    lines
}

#[test]
fn the_table_is_read_from_the_text_block_alone() {
    let floors = floor_table(TABLE);
    assert_eq!(floors.len(), 7);
    assert_eq!((floors["runtime"], floors["store"], floors["app"], floors["chat"]), (5, 3, 3, 1));
}

#[test]
fn a_module_missing_in_the_table_and_a_name_without_module_are_told() {
    let lib = source("src/lib.rs", "pub mod runtime;\npub mod cellar;\nmod chat;\n");
    let mut floors = floor_table(TABLE);
    floors.retain(|module, _| module == "runtime" || module == "chat" || module == "wire");
    let whats: Vec<String> = check_table(&lib, &floors).into_iter().map(|v| v.what).collect();
    assert_eq!(whats.len(), 2);
    assert!(whats[0].contains("`cellar`") && whats[1].contains("`wire`"), "{whats:?}");
}

#[test]
fn up_and_sideways_are_told_and_down_is_not() {
    assert_eq!(floor_breaks("src/net/mod.rs", "use crate::chat::Turn;\nuse crate::wire::{a, b};"), []);
    assert_eq!(floor_breaks("src/net/mod.rs", "use crate::net::http;"), []);
    let up = floor_breaks("src/wire/sse.rs", "//! x\n\nuse crate::net::Client;");
    assert_eq!(up, [(3, "`wire` (floor 2) points up to `crate::net::Client` (floor 3)".to_owned())]);
    let sideways = floor_breaks("src/net/mod.rs", "fn f() { crate::store::open() }");
    assert_eq!(
        sideways,
        [(1, "`net` (floor 3) points sideways to `crate::store::open` (floor 3)".to_owned())]
    );
    assert_eq!(
        floor_breaks("src/app/mod.rs", "use crate::store::Store;").len(),
        1,
        "another line, same floor"
    );
}

#[test]
fn use_trees_of_several_lines_are_unfolded() {
    let text = "use crate::{\n    chat::{Turn, message::{Part, Role}},\n    runtime as r,\n};";
    let whats = floor_breaks("src/net/mod.rs", text);
    assert_eq!(whats.len(), 1);
    assert!(whats[0].1.contains("`crate::runtime`"), "{whats:?}");
    assert_eq!(unfold("a::{self, b as c, d::*}"), ["a::self", "a::b", "a::d::*"]);
}

#[test]
fn tests_comments_and_literals() {
    let quiet = "// use crate::net;\n/* crate::net /* crate::net */ */\nlet a = \"crate::net\";\n\
                 let b = r#\"crate::net \"quoted\" \"#; let c = br\"crate::net\"; fn f<'a>(x: &'a str) {}\n\
                 let q = '\"'; let e = '\\''; /// [`crate::net`]\n";
    assert_eq!(floor_breaks("src/wire/mod.rs", quiet), []);
    let in_test = "#[cfg(test)]\nmod tests {\n    use crate::net::x;\n}";
    assert_eq!(floor_breaks("src/wire/mod.rs", in_test).len(), 1, "tests point down too");
    let after = "let q = '\"'; use crate::net;\nlet s = \"\\\"\"; use crate::net;";
    assert_eq!(floor_breaks("src/wire/mod.rs", after).len(), 2, "code after a literal is code");
}

#[test]
fn super_may_not_leave_the_module_upwards() {
    assert_eq!(floor_breaks("src/wire/mod.rs", "use super::net;").len(), 1);
    assert_eq!(floor_breaks("src/wire/sse.rs", "use super::net;"), [], "wire's own net");
    assert_eq!(floor_breaks("src/wire/sse.rs", "use super::super::net;").len(), 1);
    assert_eq!(floor_breaks("src/theme.rs", "use super::net;").len(), 1);
    let inline = "mod tests {\n    use super::net;\n    use super::super::net;\n}\nuse super::net;";
    let lines: Vec<usize> =
        floor_breaks("src/wire/mod.rs", inline).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [3, 5]);
    assert_eq!(floor_breaks("src/net/mod.rs", "use crate::*;").len(), 1);
}

#[test]
fn a_file_of_no_floor_is_told() {
    assert_eq!(floor_breaks("src/cellar/mod.rs", "//! x").len(), 1);
    assert_eq!(floor_breaks("src/main.rs", "fn main() { crate::runtime::run() }"), []);
}

#[test]
fn io_and_clocks_are_told_on_pure_floors() {
    for line in [
        "async fn f() {}",
        "let x = f().await;",
        "use std::fs;",
        "use std::{env::var, io};",
        "use std::net::TcpStream;",
        "let a = std::env::args();",
        "use tokio::sync::mpsc;",
        "let t = std::time::Instant::now();",
        "let t = SystemTime::now();",
        "fn f() -> reqwest::Error {}",
    ] {
        for file in ["src/chat/turn.rs", "src/wire/mod.rs", "src/app/update.rs"] {
            assert_eq!(purity_lines(file, &format!("//! x\n{line}")), [2], "{file}: {line}");
        }
        assert_eq!(purity_lines("src/net/mod.rs", line), [], "an edge may: {line}");
    }
}

#[test]
fn pure_code_may_name_values_and_its_tests_a_now() {
    assert_eq!(purity_lines("src/chat/turn.rs", "use std::net::{IpAddr, Ipv6Addr};"), []);
    assert_eq!(purity_lines("src/chat/turn.rs", "use std::net::{IpAddr, UdpSocket};"), [1]);
    assert_eq!(
        purity_lines("src/chat/turn.rs", "use std::time::{Duration, Instant};\nlet asynchronous = 1;"),
        []
    );
    let tests = "#[cfg(test)]\nmod tests {\n    fn t() { Instant::now(); }\n}\nfn f() { Instant::now() }";
    assert_eq!(purity_lines("src/chat/turn.rs", tests), [5]);
    assert_eq!(purity_lines("src/chat/turn/tests.rs", "Instant::now()"), []);
    assert_eq!(purity_lines("src/chat/turn.rs", "#[cfg(test)]\nmod tests;\nfn f() { x.await }"), [3]);
}

#[test]
fn app_may_not_name_wire() {
    assert_eq!(check_app_knows_no_wire(&source("src/app/msg.rs", "use crate::wire::Decoder;")).len(), 1);
    assert_eq!(check_app_knows_no_wire(&source("src/app/msg.rs", "use crate::chat::Dialect;")).len(), 0);
    assert_eq!(check_app_knows_no_wire(&source("src/turns/mod.rs", "use crate::wire::Decoder;")).len(), 0);
}

#[test]
fn heads_and_sizes() {
    assert_eq!(check_head(&source("src/a/b.rs", "//! What.\n")).len(), 0);
    assert_eq!(check_head(&source("src/a/b.rs", "use x;\n//! What.\n")).len(), 1);
    let long = "x\n".repeat(MAX_LINES + 1);
    assert_eq!(check_size(&source("src/a/b.rs", &long)).len(), 1);
    assert_eq!(check_size(&source("src/a/b.rs", &long[2..])).len(), 0);
    assert_eq!(check_size(&source("src/a/tests.rs", &long)).len(), 0);
    assert_eq!(check_size(&source("src/a/tests/b.rs", &long)).len(), 0);
}

#[test]
fn loose_ends_are_told() {
    let text = "// TODO: later\nfn f() { todo!() }\nfn g() { unimplemented!(\"x\") }\nfn h() { dbg!(1); }\n";
    assert_eq!(check_loose_ends(&source("src/a/b.rs", text)).len(), 4);
    let quiet = "let method = \"todo!\"; // the TODOS table\n";
    assert_eq!(check_loose_ends(&source("src/a/b.rs", quiet)).len(), 0);
}

#[test]
fn strange_names_at_the_top_are_told() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(check_top_level(&names(&["src", "Cargo.toml", ".git"])).len(), 0);
    assert_eq!(check_top_level(&names(&["src", "notes.txt"])).len(), 1);
}

#[test]
fn a_message_says_where_what_and_why() {
    let found = check_head(&source("src/a/b.rs", "x"));
    let text = found[0].to_string();
    assert!(text.starts_with("src/a/b.rs:1: does not open with `//!`\n    because "), "{text}");
}
