//! What the templates that models ship with use beyond the language itself: `raise_exception`, JSON as
//! Python writes it, and the methods that texts and maps have in Python.
//!
//! Left out is what needs the time or another file, and what fills a text up to a width that is told: one
//! that is absurd would end the program.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

/// Filters of the library that templates do without.
const LEFT_OUT: [&str; 5] = ["indent", "format", "pprint", "slice", "batch"];
/// The filters that errors list: the usual ones.
pub(super) const FILTERS: [&str; 18] = [
    "trim",
    "tojson",
    "default",
    "join",
    "length",
    "first",
    "last",
    "list",
    "map",
    "select",
    "selectattr",
    "rejectattr",
    "replace",
    "split",
    "string",
    "lower",
    "upper",
    "items",
];
/// The functions that errors list.
pub(super) const FUNCTIONS: [&str; 4] = ["range", "namespace", "dict", "raise_exception"];
/// The methods that errors list.
pub(super) const METHODS: &str = "strip, lstrip, rstrip, split, startswith, endswith, replace, upper, lower, \
                                  get, items and others of Python's";
/// How deep JSON may be nested.
const DEPTH: usize = 100;
/// The widest indent of JSON.
const INDENT: usize = 16;

/// Teaches it all.
pub(super) fn teach(environment: &mut Environment<'_>) {
    for name in LEFT_OUT {
        environment.remove_filter(name);
    }
    environment.remove_global("debug");
    environment.add_filter("tojson", to_json);
    environment.add_function("raise_exception", |said: &str| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, format!("the template says: {said}")))
    });
    environment.set_unknown_method_callback(method);
}

fn method(state: &mut State<'_, '_>, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let found = match name {
        "format" => Err(Error::from(ErrorKind::UnknownMethod)),
        _ => pycompat::unknown_method_callback(state, value, name, args),
    };
    found.map_err(|error| match error.kind() {
        ErrorKind::UnknownMethod => {
            Error::new(ErrorKind::UnknownMethod, format!("{} has no method {name}", value.kind()))
        }
        _ => error,
    })
}

/// `tojson` as in Python: a blank after `,` and `:`, and nothing escaped that JSON does not ask for.
fn to_json(value: &Value, options: Kwargs) -> Result<String, Error> {
    let indent = options.get::<Option<usize>>("indent")?;
    let json = json(value, DEPTH)?;
    let wrong = |error: serde_json::Error| Error::new(ErrorKind::BadSerialization, error.to_string());
    let mut bytes = Vec::new();
    match indent {
        Some(indent) => {
            let blanks = " ".repeat(indent.min(INDENT));
            let formatter = PrettyFormatter::with_indent(blanks.as_bytes());
            json.serialize(&mut Serializer::with_formatter(&mut bytes, formatter)).map_err(wrong)?;
        }
        None => json.serialize(&mut Serializer::with_formatter(&mut bytes, OneLine)).map_err(wrong)?,
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn json(value: &Value, depth: usize) -> Result<serde_json::Value, Error> {
    let no_json = |what: String| Error::new(ErrorKind::BadSerialization, what);
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(no_json(format!("nested deeper than {DEPTH}")));
    };
    Ok(match value.kind() {
        ValueKind::Undefined | ValueKind::None => serde_json::Value::Null,
        ValueKind::Bool => value.is_true().into(),
        ValueKind::Number => {
            let number = serde_json::from_str(&value.to_string());
            number.map_err(|_| no_json(format!("{value} is no number of JSON")))?
        }
        ValueKind::String => value.as_str().unwrap_or_default().into(),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter()?.map(|item| json(&item, deeper));
            serde_json::Value::Array(items.collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let member = |key: Value| Ok((key.to_string(), json(&value.get_item(&key)?, deeper)?));
            serde_json::Value::Object(value.try_iter()?.map(member).collect::<Result<_, Error>>()?)
        }
        other => return Err(no_json(format!("{other} cannot be JSON"))),
    })
}

/// JSON in one line with blanks in it.
struct OneLine;

impl Formatter for OneLine {
    fn begin_array_value<W: std::io::Write + ?Sized>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: std::io::Write + ?Sized>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: std::io::Write + ?Sized>(&mut self, out: &mut W) -> std::io::Result<()> {
        out.write_all(b": ")
    }
}
