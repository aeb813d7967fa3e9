//! The model picker (Ctrl-L): the models of all configured providers, found as one types.
//!
//! With nothing typed: starred, recent, then each provider under its name, with the state of its list.
//! With something typed: what matches, starred and recent first, the best match first among its kind, and
//! last the name as it was typed, for a model that no list has. Rows are made when they are drawn; a
//! list of thousands costs one match each.

use std::cell::RefCell;
use std::cmp::Reverse;

use super::list::{Edited, List, Row, RowKind, Rows};
use crate::app::catalog::{Catalog, State};
use crate::app::fuzzy::{Fuzzy, marked};
use crate::app::layers::Step;
use crate::base::sanitize;
use crate::base::tone::{Line, Span, Tone};
use crate::chat::ListedModel;
use crate::keys::Action;

/// The pane.
#[derive(Debug, Default)]
pub struct Models {
    list: List,
    found: Found,
}

/// The rows before they are drawn.
#[derive(Debug, Default)]
struct Found {
    entries: Vec<Entry>,
    /// `provider:model` that the next message goes to.
    current: String,
    /// For the marks in what matches; none while nothing is typed.
    fuzzy: RefCell<Option<Fuzzy>>,
}

/// One row, before it is drawn.
#[derive(Clone, Debug, PartialEq)]
enum Entry {
    /// A group's head.
    Head(String),
    /// A provider's head, by its place in the catalog.
    Shelf(usize),
    /// A model by its place in the catalog.
    Model { shelf: usize, model: usize, group: Group },
    /// A starred or recent model that no list has.
    Named { name: String, group: Group },
    /// An alias of the configuration, by its place in the catalog.
    Alias(usize),
    /// What was typed.
    Typed(String),
    /// There is nothing, or not yet.
    Note(&'static str),
}

/// Why a model stands where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Starred,
    Recent,
    Listed,
}

/// The rows with what they show.
struct Shown<'a> {
    found: &'a Found,
    catalog: &'a Catalog,
}

impl Models {
    /// The picker, with the model at hand chosen.
    pub fn new(current: String, catalog: &Catalog) -> Self {
        let mut models = Self::default();
        models.found.current = current;
        models.find(catalog);
        let shown = Shown { found: &models.found, catalog };
        let at = shown.place_of(&models.found.current).unwrap_or(0);
        models.list.choose(at, &shown);
        models
    }

    /// The catalog changed: the chosen model stays chosen.
    pub fn refresh(&mut self, catalog: &Catalog) {
        let chosen = Shown { found: &self.found, catalog }.name(self.list.at());
        self.find(catalog);
        let shown = Shown { found: &self.found, catalog };
        if let Some(at) = chosen.and_then(|name| shown.place_of(&name)) {
            self.list.choose(at, &shown);
        }
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.found.entries.len()
    }

    /// Carries out an action.
    pub fn act(&mut self, action: Action, catalog: &Catalog) -> Step {
        let shown = Shown { found: &self.found, catalog };
        match action {
            Action::Accept => shown.name(self.list.at()).map_or(Step::Stay, Step::Model),
            Action::Star => shown.name(self.list.at()).map_or(Step::Stay, Step::Star),
            action => {
                if self.list.act(action, &shown) == Edited::Typed {
                    self.typed(catalog);
                }
                Step::Stay
            }
        }
    }

    /// Takes in typed text.
    pub fn insert(&mut self, text: &str, catalog: &Catalog) -> Step {
        self.list.insert_str(text);
        self.typed(catalog);
        Step::Stay
    }

    /// Chooses the row at a place of the screen.
    pub fn pick(&mut self, place: (u16, u16), catalog: &Catalog) -> bool {
        self.list.pick(place, &Shown { found: &self.found, catalog })
    }

    /// The line that is typed into.
    pub fn list(&mut self) -> &mut List {
        &mut self.list
    }

    fn typed(&mut self, catalog: &Catalog) {
        self.find(catalog);
        let shown = Shown { found: &self.found, catalog };
        self.list.choose(0, &shown);
    }

    fn find(&mut self, catalog: &Catalog) {
        let typed = self.list.text();
        let typed = typed.trim();
        let mut fuzzy = (!typed.is_empty()).then(|| Fuzzy::new(typed));
        self.found.entries = match &mut fuzzy {
            Some(fuzzy) => matches(typed, fuzzy, catalog),
            None => groups(&self.found.current, catalog),
        };
        self.found.fuzzy = RefCell::new(fuzzy);
    }

    /// Draws the rows.
    pub fn draw(
        &mut self,
        catalog: &Catalog,
        area: ratatui::layout::Rect,
        buf: &mut crate::app::picture::Picture,
        theme: &crate::theme::Theme,
    ) {
        let shown = Shown { found: &self.found, catalog };
        self.list.draw(&shown, area, buf, theme);
    }
}

/// All models in their groups.
fn groups(current: &str, catalog: &Catalog) -> Vec<Entry> {
    let mut entries = Vec::new();
    let remembered = &catalog.remembered;
    // Its list may be late: the model at hand is there at once, so that Enter changes nothing unasked.
    let is_remembered =
        remembered.is_starred(current) || remembered.recent.iter().any(|name| name == current);
    if !is_remembered && let Some(entry) = entry_of(current, Group::Recent, catalog) {
        entries.extend([Entry::Head("now".to_owned()), entry]);
    }
    for (head, names, group) in
        [("starred", &remembered.stars, Group::Starred), ("recent", &remembered.recent, Group::Recent)]
    {
        let names = names.iter().filter(|name| group == Group::Starred || !remembered.is_starred(name));
        let named: Vec<Entry> = names.filter_map(|name| entry_of(name, group, catalog)).collect();
        if !named.is_empty() {
            entries.extend((!entries.is_empty()).then_some(Entry::Note("")));
            entries.push(Entry::Head(head.to_owned()));
            entries.extend(named);
        }
    }
    if !catalog.aliases.is_empty() {
        entries.extend((!entries.is_empty()).then_some(Entry::Note("")));
        entries.push(Entry::Head("aliases".to_owned()));
        entries.extend((0..catalog.aliases.len()).map(Entry::Alias));
    }
    for (index, shelf) in catalog.shelves.iter().enumerate() {
        entries.extend((!entries.is_empty()).then_some(Entry::Note("")));
        entries.push(Entry::Shelf(index));
        let all = 0..shelf.models().len();
        entries.extend(all.map(|model| Entry::Model { shelf: index, model, group: Group::Listed }));
    }
    if entries.is_empty() {
        entries.push(Entry::Note("no provider is configured · type PROVIDER:MODEL"));
    }
    entries
}

/// A remembered model; `None` where its provider is not configured any more.
fn entry_of(name: &str, group: Group, catalog: &Catalog) -> Option<Entry> {
    let (provider, id) = name.split_once(':')?;
    let shelf = catalog.shelves.iter().position(|shelf| shelf.provider.name == provider)?;
    let model = catalog.shelves[shelf].place(id);
    Some(match model {
        Some(model) => Entry::Model { shelf, model, group },
        None => Entry::Named { name: name.to_owned(), group },
    })
}

/// The models that match, and what was typed.
fn matches(typed: &str, fuzzy: &mut Fuzzy, catalog: &Catalog) -> Vec<Entry> {
    let remembered = &catalog.remembered;
    let mut found: Vec<(Group, Reverse<u32>, Entry)> = Vec::new();
    let mut is_listed = false;
    let mut full = String::new();
    for (shelf, of) in catalog.shelves.iter().enumerate() {
        for (model, known) in of.models().iter().enumerate() {
            full.clear();
            full.push_str(&of.provider.name);
            full.push(':');
            full.push_str(&known.id);
            is_listed |= full == typed;
            let Some(score) = fuzzy.score(&full) else { continue };
            let group = match () {
                () if remembered.is_starred(&full) => Group::Starred,
                () if remembered.recent.contains(&full) => Group::Recent,
                () => Group::Listed,
            };
            found.push((group, Reverse(score), Entry::Model { shelf, model, group }));
        }
    }
    for (index, (name, target)) in catalog.aliases.iter().enumerate() {
        is_listed |= name == typed;
        if let Some(score) = fuzzy.score(name).max(fuzzy.score(target)) {
            found.push((Group::Recent, Reverse(score), Entry::Alias(index)));
        }
    }
    let kept = remembered.stars.iter().map(|name| (name, Group::Starred));
    for (name, group) in kept.chain(remembered.recent.iter().map(|name| (name, Group::Recent))) {
        let entry = entry_of(name, group, catalog);
        let Some(entry @ Entry::Named { .. }) = entry else { continue };
        is_listed |= name == typed;
        let is_twice = group == Group::Recent && remembered.is_starred(name);
        if let Some(score) = fuzzy.score(name).filter(|_| !is_twice) {
            found.push((group, Reverse(score), entry));
        }
    }
    found.sort_by_key(|(group, score, _)| (*group, *score));
    let mut entries: Vec<Entry> = found.into_iter().map(|(_, _, entry)| entry).collect();
    if !is_listed && !typed.contains(char::is_whitespace) {
        entries.push(Entry::Typed(typed.to_owned()));
    }
    if entries.is_empty() {
        entries.push(Entry::Note("no model matches"));
    }
    entries
}

impl Shown<'_> {
    fn model(&self, shelf: usize, model: usize) -> Option<(&str, &ListedModel)> {
        let shelf = self.catalog.shelves.get(shelf)?;
        Some((&shelf.provider.name, shelf.models().get(model)?))
    }

    /// `provider:model` of a row; what was typed as it was typed.
    fn name(&self, index: usize) -> Option<String> {
        match self.found.entries.get(index)? {
            Entry::Model { shelf, model, .. } => {
                self.model(*shelf, *model).map(|(provider, model)| format!("{provider}:{}", model.id))
            }
            Entry::Named { name, .. } | Entry::Typed(name) => Some(name.clone()),
            Entry::Alias(index) => self.catalog.aliases.get(*index).map(|(name, _)| name.clone()),
            Entry::Head(_) | Entry::Shelf(_) | Entry::Note(_) => None,
        }
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        (0..self.found.entries.len()).find(|index| self.name(*index).as_deref() == Some(name))
    }

    /// A model's row: `★ openai:gpt-4o     128k · $2.50/$10.00`.
    fn named(&self, (name, shown): (&str, &str), group: Group, known: Option<&ListedModel>) -> Row {
        let mark = match group {
            _ if name == self.found.current => ("● ", Tone::Accent),
            Group::Starred => ("★ ", Tone::Warning),
            Group::Recent | Group::Listed => ("  ", Tone::Dim),
        };
        let clean = sanitize::clean(shown);
        let marks = self.found.fuzzy.borrow_mut().as_mut().map(|fuzzy| fuzzy.marks(&clean));
        let mut left = Line::new(mark.0, mark.1);
        left.spans.extend(marked(&clean, Tone::Text, &marks.unwrap_or_default()).spans);
        Row::item(left, known.map(figures).unwrap_or_default())
    }
}

impl Rows for Shown<'_> {
    fn count(&self) -> usize {
        self.found.entries.len()
    }

    fn kind(&self, index: usize) -> RowKind {
        match self.found.entries.get(index) {
            Some(Entry::Model { .. } | Entry::Named { .. } | Entry::Alias(_) | Entry::Typed(_)) => {
                RowKind::Item
            }
            Some(Entry::Head(_) | Entry::Shelf(_) | Entry::Note(_)) | None => RowKind::Note,
        }
    }

    fn row(&self, index: usize, _columns: u16) -> Row {
        match self.found.entries.get(index) {
            Some(Entry::Head(name)) => Row::note(Line::new(name.as_str(), Tone::Heading)),
            Some(Entry::Shelf(shelf)) => match self.catalog.shelves.get(*shelf) {
                Some(shelf) => head(&shelf.provider.name, &shelf.state, shelf.models().len()),
                None => Row::note(Line::default()),
            },
            Some(Entry::Model { shelf, model, group }) => match self.model(*shelf, *model) {
                Some((provider, model)) => {
                    let whole = format!("{provider}:{}", model.id);
                    // Under its provider's name, its own is enough.
                    let is_grouped = *group == Group::Listed && self.found.fuzzy.borrow().is_none();
                    let shown = if is_grouped { &model.id } else { &whole };
                    self.named((&whole, shown), *group, Some(model))
                }
                None => Row::note(Line::default()),
            },
            Some(Entry::Named { name, group }) => self.named((name, name), *group, None),
            Some(Entry::Alias(index)) => match self.catalog.aliases.get(*index) {
                Some((name, target)) => {
                    let target = Line::new(sanitize::clean(target).into_owned(), Tone::Dim);
                    Row { right: target, ..self.named((name, name), Group::Recent, None) }
                }
                None => Row::note(Line::default()),
            },
            Some(Entry::Typed(name)) => {
                let clean = sanitize::clean(name).into_owned();
                let spans = vec![Span::new("  ", Tone::Dim), Span::new(clean, Tone::Text)];
                Row::item(Line { spans }, Line::new("as typed", Tone::Dim))
            }
            Some(Entry::Note(text)) => Row::note(Line::new(*text, Tone::Dim)),
            None => Row::note(Line::default()),
        }
    }
}

/// A provider's head: its name, and how far its list is.
fn head(name: &str, state: &State, models: usize) -> Row {
    let mut spans = vec![Span::new(sanitize::clean(name), Tone::Heading)];
    let mut say = |text: String, tone| spans.push(Span::new(format!("  {text}"), tone));
    match state {
        State::Unasked => {}
        State::Asked => say("asking …".to_owned(), Tone::Dim),
        State::Listed(_) if models == 0 => say("lists no model".to_owned(), Tone::Dim),
        State::Listed(_) => {}
        State::Failed(why) => say(sanitize::clean(why).into_owned(), Tone::Error),
    }
    Row::note(Line { spans })
}

/// Context and prices: `128k · $2.50/$10.00`; the prices are for a million tokens in and out.
fn figures(model: &ListedModel) -> Line {
    let context = model.context.map(tokens);
    let price = model.price.map(|price| format!("${}/${}", dollars(price.input), dollars(price.output)));
    let words: Vec<String> = context.into_iter().chain(price).collect();
    Line::new(words.join(" · "), Tone::Dim)
}

/// `4k`, `128k`, `1M`: how makers name a context.
fn tokens(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 if count.is_multiple_of(1_000) => format!("{}k", count / 1_000),
        1_000..1_000_000 => format!("{}k", count / 1_024),
        _ if count.is_multiple_of(1_000_000) => format!("{}M", count / 1_000_000),
        _ => format!("{:.1}M", count as f64 / 1e6),
    }
}

fn dollars(price: f64) -> String {
    if price == 0.0 {
        "0".to_owned()
    } else if price < 0.1 {
        format!("{price:.3}")
    } else {
        format!("{price:.2}")
    }
}
