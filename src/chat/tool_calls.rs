//! To which tool call a fragment belongs, whatever the server counts.
//!
//! Servers tell the fragments of parallel calls apart by index, by id, by both, by order, or hardly
//! at all; [`ToolCalls`] sorts the fragments of one choice into calls and says what is new of each.
//! Calls are numbered 0, 1, … in the order they began. What is known of a call is told from the
//! moment its name is known; a call whose name is late holds those after it back, so that numbers
//! are told in order. It does not judge the arguments: they are text until somebody runs the tool.

/// The most calls of one choice; a fragment of a further one is refused.
pub const MAX_CALLS: usize = 1024;

/// A piece of a call as a server sends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// The server's number for the call.
    pub index: Option<i64>,
    /// The call's id; empty is none.
    pub id: Option<&'a str>,
    /// The tool's name; empty is none.
    pub name: Option<&'a str>,
    /// Text of the arguments.
    pub arguments: &'a str,
}

/// What is new of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The call, from 0.
    pub index: u32,
    /// Its id, the first time it is known.
    pub id: Option<String>,
    /// Its name, on its first piece.
    pub name: Option<String>,
    /// New text of the arguments.
    pub delta: String,
}

/// There are more calls than anybody can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyCalls;

/// The calls of one choice.
#[derive(Clone, Debug, Default)]
pub struct ToolCalls {
    calls: Vec<Call>,
    /// How many calls, from the front, have been told of.
    told: usize,
}

#[derive(Clone, Debug, Default)]
struct Call {
    server_index: Option<i64>,
    id: Option<String>,
    id_told: bool,
    /// Until it is told of.
    name: Option<String>,
    /// Arguments that came before the call could be told of.
    waiting: String,
}

impl ToolCalls {
    /// Whether no call has begun.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// About how much memory they hold.
    pub fn kept(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let texts = |call: &Call| length(&call.id) + length(&call.name) + call.waiting.len();
        self.calls.iter().map(|call| size_of::<Call>() + texts(call)).sum()
    }

    /// Takes in a fragment, tells what is new, and gives the number of its call. One that says nothing at
    /// all begins no call.
    ///
    /// # Errors
    /// Where it would begin a call beyond [`MAX_CALLS`]; nothing is changed then.
    pub fn take(
        &mut self,
        fragment: Fragment<'_>,
        mut tell: impl FnMut(Piece),
    ) -> Result<Option<usize>, TooManyCalls> {
        let id = fragment.id.filter(|id| !id.is_empty());
        let name = fragment.name.filter(|name| !name.is_empty());
        if id.is_none() && name.is_none() && fragment.arguments.is_empty() {
            return Ok(None);
        }
        let at = match self.find(fragment.index, id, name.is_some()) {
            Some(at) => at,
            None if self.calls.len() >= MAX_CALLS => return Err(TooManyCalls),
            None => {
                self.calls.push(Call { server_index: fragment.index, ..Call::default() });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[at];
        if call.id.is_none() {
            call.id = id.map(str::to_owned);
        }
        if at < self.told {
            let id = call.new_id();
            if id.is_some() || !fragment.arguments.is_empty() {
                tell(Piece { index: at as u32, id, name: None, delta: fragment.arguments.to_owned() });
            }
            return Ok(Some(at));
        }
        if call.name.is_none() {
            call.name = name.map(str::to_owned);
        }
        call.waiting.push_str(fragment.arguments);
        while let Some(call) = self.calls.get_mut(self.told).filter(|call| call.name.is_some()) {
            tell(call.first_piece(self.told));
            self.told += 1;
        }
        Ok(Some(at))
    }

    /// No more fragments are expected: tells of calls that still wait for a name, and of an id, made
    /// by `invent` from the call's number, for each that came without one.
    pub fn finish(&mut self, invent: impl Fn(u32) -> String, mut tell: impl FnMut(Piece)) {
        for (at, call) in self.calls.iter_mut().enumerate() {
            if call.id.is_none() {
                call.id = Some(invent(at as u32));
            }
            if at >= self.told {
                tell(call.first_piece(at));
            } else if let Some(id) = call.new_id() {
                tell(Piece { index: at as u32, id: Some(id), name: None, delta: String::new() });
            }
        }
        self.told = self.calls.len();
    }

    /// The call that a fragment belongs to; `None` begins a new one.
    fn find(&self, index: Option<i64>, id: Option<&str>, named: bool) -> Option<usize> {
        let newest_at = |index| self.calls.iter().rposition(|call| call.server_index == index);
        if let Some(id) = id {
            let known = self.calls.iter().rposition(|call| call.id.as_deref() == Some(id));
            // A new id begins a new call even where its index is taken: some servers send 0 for all. Without
            // an index, so does a name beside another one.
            let is_named = |at: usize| at < self.told || self.calls[at].name.is_some();
            let waits =
                |at: &usize| self.calls[*at].id.is_none() && !(index.is_none() && named && is_named(*at));
            return known.or_else(|| newest_at(index).filter(waits));
        }
        if index.is_some() {
            return newest_at(index);
        }
        if named { None } else { self.calls.len().checked_sub(1) }
    }
}

impl Call {
    fn new_id(&mut self) -> Option<String> {
        if self.id_told || self.id.is_none() {
            return None;
        }
        self.id_told = true;
        self.id.clone()
    }

    fn first_piece(&mut self, at: usize) -> Piece {
        Piece {
            index: at as u32,
            id: self.new_id(),
            name: self.name.take(),
            delta: std::mem::take(&mut self.waiting),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part<'a>(
        index: impl Into<Option<i64>>,
        id: &'a str,
        name: &'a str,
        arguments: &'a str,
    ) -> Fragment<'a> {
        Fragment { index: index.into(), id: Some(id), name: Some(name), arguments }
    }

    /// The calls as `id name arguments`, put together from what was told.
    fn calls(fragments: &[Fragment<'_>]) -> Vec<String> {
        let mut calls = ToolCalls::default();
        let mut told: Vec<(String, String, String)> = Vec::new();
        let mut pieces = Vec::new();
        for fragment in fragments {
            calls.take(*fragment, |piece| pieces.push(piece)).unwrap();
        }
        calls.finish(|index| format!("new{index}"), |piece| pieces.push(piece));
        for piece in pieces {
            let at = piece.index as usize;
            assert!(at <= told.len(), "numbers are told in order");
            if at == told.len() {
                told.push(Default::default());
            } else {
                assert_eq!(piece.name, None, "the name only on the first piece");
            }
            if let Some(id) = piece.id {
                assert_eq!(told[at].0, "", "the id is told once");
                told[at].0 = id;
            }
            told[at].1.push_str(piece.name.as_deref().unwrap_or_default());
            told[at].2.push_str(&piece.delta);
        }
        told.into_iter().map(|(id, name, arguments)| format!("{id} {name} {arguments}")).collect()
    }

    #[test]
    fn interleaved_fragments_go_by_index() {
        let got = calls(&[
            part(0, "a", "get", ""),
            part(0, "", "", "{\"x\":"),
            part(1, "b", "time", "{}"),
            part(0, "", "", "1}"),
        ]);
        assert_eq!(got, ["a get {\"x\":1}", "b time {}"]);
    }

    #[test]
    fn whole_calls_without_index_are_separate() {
        assert_eq!(calls(&[part(None, "a", "f", "{}"), part(None, "b", "f", "[]")]), ["a f {}", "b f []"]);
        assert_eq!(calls(&[part(None, "", "f", "1"), part(None, "", "g", "2")]), ["new0 f 1", "new1 g 2"]);
        assert_eq!(calls(&[part(None, "", "f", "1"), part(None, "b", "g", "2")]), ["new0 f 1", "b g 2"]);
    }

    #[test]
    fn one_index_for_all_calls_goes_by_id() {
        let got = calls(&[part(0, "a", "f", "1"), part(0, "b", "g", "2"), part(0, "a", "", "3")]);
        assert_eq!(got, ["a f 13", "b g 2"]);
        let got = calls(&[part(0, "a", "f", "1"), part(0, "b", "g", "2"), part(0, "", "", "3")]);
        assert_eq!(got, ["a f 1", "b g 23"], "without an id: the newest of that index");
    }

    #[test]
    fn gaps_repeated_names_and_late_ids_do_no_harm() {
        let got = calls(&[
            part(1, "", "f", "{"),
            part(1, "late", "f", "}"),
            part(5, "b", "g", ""),
            part(5, "b", "g", "{}"),
        ]);
        assert_eq!(got, ["late f {}", "b g {}"]);
    }

    #[test]
    fn a_call_waits_for_its_name_and_the_next_for_it() {
        let mut calls = ToolCalls::default();
        let mut pieces = Vec::new();
        for fragment in [part(0, "a", "", "{"), part(1, "b", "g", "{}")] {
            calls.take(fragment, |piece| pieces.push(piece)).unwrap();
        }
        assert_eq!(pieces, []);
        calls.take(part(0, "", "f", "}"), |piece| pieces.push(piece)).unwrap();
        let told: Vec<_> = pieces.iter().map(|p| (p.index, p.name.as_deref(), p.delta.as_str())).collect();
        assert_eq!(told, [(0, Some("f"), "{}"), (1, Some("g"), "{}")]);
    }

    #[test]
    fn a_call_without_a_name_is_told_at_the_end() {
        assert_eq!(calls(&[part(0, "a", "", "{}")]), ["a  {}"]);
        assert_eq!(calls(&[part(None, "", "", "{}"), part(None, "", "", "x")]), ["new0  {}x"]);
    }

    #[test]
    fn a_fragment_that_says_nothing_is_no_call() {
        assert_eq!(calls(&[part(0, "", "", "")]), Vec::<String>::new());
    }

    #[test]
    fn the_number_of_calls_is_bounded() {
        let mut calls = ToolCalls::default();
        for _ in 0..MAX_CALLS {
            calls.take(part(None, "", "f", ""), |_| {}).unwrap();
        }
        assert_eq!(calls.take(part(None, "", "f", ""), |_| {}), Err(TooManyCalls));
    }
}
