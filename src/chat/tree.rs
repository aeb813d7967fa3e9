//! A conversation is a tree; what is shown is one path through it.
//!
//! Every answer, each of n>1 choices, each regeneration and each edit is a child of the message it
//! answers or replaces. The *path* goes from the beginning along the chosen child of each message
//! (the newest where none was chosen) and is kept, not computed per frame.

use std::collections::HashMap;

use super::jobs::StoredSession;
use super::message::Message;
use super::session::Chosen;
use crate::base::MessageId;

/// The messages of one session.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    messages: HashMap<MessageId, Message>,
    /// Children in the order they were made; `None` is the beginning.
    children: HashMap<Option<MessageId>, Vec<MessageId>>,
    chosen: HashMap<Option<MessageId>, MessageId>,
    path: Vec<MessageId>,
}

/// Where a message stands among its siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 0.
    pub index: usize,
    /// How many there are, at least 1.
    pub of: usize,
}

impl Conversation {
    /// The conversation as the store gave it.
    pub fn from_stored(stored: StoredSession) -> Self {
        let mut conversation = Self::default();
        for message in stored.messages {
            conversation.insert(message);
        }
        for chosen in stored.chosen {
            if conversation.siblings(chosen.parent).contains(&chosen.child) {
                conversation.chosen.insert(chosen.parent, chosen.child);
            }
        }
        conversation.rebuild_path();
        conversation
    }

    /// The other way round: all messages, and which children are gone on from where that is not the newest.
    pub fn to_stored(&self) -> (Vec<Message>, Vec<Chosen>) {
        let (mut messages, mut chosen) = (Vec::new(), Vec::new());
        let mut parents = std::collections::VecDeque::from([None]);
        while let Some(parent) = parents.pop_front() {
            let children = self.siblings(parent);
            if let Some(child) = self.chosen.get(&parent).filter(|child| children.last() != Some(child)) {
                chosen.push(Chosen { parent, child: *child });
            }
            messages.extend(children.iter().filter_map(|id| self.messages.get(id).cloned()));
            parents.extend(children.iter().copied().map(Some));
        }
        (messages, chosen)
    }

    fn insert(&mut self, message: Message) {
        self.children.entry(message.parent).or_default().push(message.id);
        self.messages.insert(message.id, message);
    }

    /// Adds messages and makes the first of them the one that is gone on from.
    /// Siblings (the choices of a turn) are added together.
    pub fn add(&mut self, messages: Vec<Message>) {
        let Some(first) = messages.first() else { return };
        self.chosen.insert(first.parent, first.id);
        for message in messages {
            self.insert(message);
        }
        self.rebuild_path();
    }

    /// A message.
    pub fn get(&self, id: MessageId) -> Option<&Message> {
        self.messages.get(&id)
    }

    /// A message, to change its content (not its parent).
    pub fn get_mut(&mut self, id: MessageId) -> Option<&mut Message> {
        self.messages.get_mut(&id)
    }

    /// The ids of what is shown, oldest first.
    pub fn path(&self) -> &[MessageId] {
        &self.path
    }

    /// The messages that are shown, oldest first.
    pub fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.path.iter().filter_map(|id| self.messages.get(id))
    }

    /// The last message shown.
    pub fn last(&self) -> Option<&Message> {
        self.path.last().and_then(|id| self.messages.get(id))
    }

    /// How many messages there are, on all branches.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The children of a message, in the order they were made.
    pub fn siblings(&self, parent: Option<MessageId>) -> &[MessageId] {
        self.children.get(&parent).map(Vec::as_slice).unwrap_or_default()
    }

    /// Where `id` stands among its siblings.
    pub fn place(&self, id: MessageId) -> Place {
        let siblings = self.messages.get(&id).map(|m| self.siblings(m.parent)).unwrap_or_default();
        Place { index: siblings.iter().position(|s| *s == id).unwrap_or(0), of: siblings.len().max(1) }
    }

    /// Goes on from the sibling of `id` that is `by` places away (not round the end).
    /// `None` where there is none.
    pub fn choose_beside(&mut self, id: MessageId, by: isize) -> Option<Chosen> {
        let parent = self.messages.get(&id)?.parent;
        let index = self.place(id).index.checked_add_signed(by)?;
        self.choose(parent, index)
    }

    /// Goes on from the child `index` of `parent`.
    pub fn choose(&mut self, parent: Option<MessageId>, index: usize) -> Option<Chosen> {
        let child = *self.siblings(parent).get(index)?;
        if self.chosen.insert(parent, child) == Some(child) {
            return None;
        }
        self.rebuild_path();
        Some(Chosen { parent, child })
    }

    /// Shows the branch that a message stands on; gives what is gone on from otherwise than before, `None`
    /// where there is no such message.
    pub fn show(&mut self, id: MessageId) -> Option<Vec<Chosen>> {
        let mut at = id;
        let mut changed = Vec::new();
        // A store that holds a loop ends the climb, not the program.
        for _ in 0..=self.messages.len() {
            let parent = self.messages.get(&at)?.parent;
            let newest = self.siblings(parent).last().copied();
            if self.chosen.insert(parent, at).or(newest) != Some(at) {
                changed.push(Chosen { parent, child: at });
            }
            let Some(parent) = parent else { break };
            at = parent;
        }
        self.rebuild_path();
        self.path.contains(&id).then_some(changed)
    }

    /// Walks the chosen children from the beginning. A message is visited once: a store that holds a
    /// loop ends the path, not the program.
    fn rebuild_path(&mut self) {
        self.path.clear();
        let mut parent = None;
        while self.path.len() < self.messages.len() {
            let Some(children) = self.children.get(&parent) else { break };
            let chosen = self.chosen.get(&parent).or(children.last());
            let Some(id) = chosen.copied() else { break };
            self.path.push(id);
            parent = Some(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;
    use crate::chat::session::Timestamp;

    fn id(n: u64) -> MessageId {
        Id::from_bits(n)
    }

    fn user(n: u64, parent: Option<u64>) -> Message {
        Message::user(id(n), parent.map(id), format!("m{n}"), Timestamp(n as i64))
    }

    fn ids(conversation: &Conversation) -> Vec<i64> {
        conversation.path().iter().map(|id| id.bits()).collect()
    }

    #[test]
    fn the_path_follows_the_chosen_sibling() {
        let mut tree = Conversation::default();
        tree.add(vec![user(1, None)]);
        tree.add(vec![user(2, Some(1)), user(3, Some(1))]);
        assert_eq!(ids(&tree), [1, 2], "the first of the choices is shown");
        assert_eq!(tree.place(id(3)), Place { index: 1, of: 2 });
        assert_eq!(tree.choose_beside(id(2), 1), Some(Chosen { parent: Some(id(1)), child: id(3) }));
        tree.add(vec![user(4, Some(3))]);
        assert_eq!(ids(&tree), [1, 3, 4]);
        assert_eq!(tree.choose_beside(id(3), 1), None, "there is no third");
        assert!(tree.choose_beside(id(3), -1).is_some());
        assert_eq!(ids(&tree), [1, 2], "what followed the other choice is kept aside");
        tree.choose(Some(id(1)), 1);
        assert_eq!(ids(&tree), [1, 3, 4]);
    }

    #[test]
    fn a_message_of_another_branch_can_be_shown() {
        let mut tree = Conversation::default();
        tree.add(vec![user(1, None)]);
        tree.add(vec![user(2, Some(1)), user(3, Some(1))]);
        tree.choose(Some(id(1)), 1);
        tree.add(vec![user(4, Some(3))]);
        tree.choose(Some(id(1)), 0);
        assert_eq!(ids(&tree), [1, 2]);
        assert_eq!(tree.show(id(4)), Some(vec![Chosen { parent: Some(id(1)), child: id(3) }]));
        assert_eq!(ids(&tree), [1, 3, 4]);
        assert_eq!(tree.show(id(4)), Some(Vec::new()), "it is shown already");
        assert_eq!(tree.show(id(9)), None, "there is no such message");
    }

    #[test]
    fn an_added_sibling_is_what_goes_on() {
        let mut tree = Conversation::default();
        tree.add(vec![user(1, None)]);
        tree.add(vec![user(2, Some(1))]);
        tree.add(vec![user(3, Some(1))]);
        assert_eq!(ids(&tree), [1, 3], "a regeneration is shown");
    }
}
