-- Full-text search, drafts, deletion that can be taken back, titles that a person gave.
-- Nothing here grows with what the store holds: what is there already is indexed later, bit by bit.

-- Sessions whose title a person gave: no prompt changes it any more. (Not a column of `sessions`: SQLite
-- reads the whole of a strict table to add one.)
CREATE TABLE renamed (session INTEGER PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE) STRICT;

-- What was written and not sent. The owner is the process that has it open, a file in `live/`.
CREATE TABLE drafts (
    session INTEGER PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    content TEXT    NOT NULL,           -- JSON
    owner   TEXT
) STRICT;

-- Sessions that a process took out of all lists; gone for good when it closes the store, or is dead.
CREATE TABLE deleted (
    session INTEGER PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    owner   TEXT
) STRICT;

-- The words of whole messages (rowid: `messages.seq`) and of titles (rowid: `sessions.id`).
CREATE VIRTUAL TABLE message_words USING fts5 (
    text, content = '', contentless_delete = 1, prefix = '1 2 3', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE title_words USING fts5 (
    title, content = '', contentless_delete = 1, prefix = '1 2 3', tokenize = 'unicode61 remove_diacritics 2'
);

-- What the index does not know yet, or knows wrongly: kept by the triggers, whoever writes. (An OR IGNORE
-- in a trigger would yield to the conflict clause of the statement that fires it.)
CREATE TABLE stale_messages (seq INTEGER PRIMARY KEY) STRICT;
CREATE TABLE stale_titles (session INTEGER PRIMARY KEY) STRICT;

-- What was there before the index: all messages and sessions up to these. NULL: all is indexed.
CREATE TABLE backlog (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    messages INTEGER,
    titles   INTEGER
) STRICT;
INSERT INTO backlog SELECT 1, (SELECT max(seq) FROM messages), (SELECT max(id) FROM sessions);

CREATE TRIGGER message_made AFTER INSERT ON messages WHEN new.state <> 'streaming' BEGIN
    INSERT INTO stale_messages SELECT new.seq WHERE new.seq NOT IN stale_messages;
END;
CREATE TRIGGER message_whole AFTER UPDATE OF state, content ON messages WHEN new.state <> 'streaming' BEGIN
    INSERT INTO stale_messages SELECT new.seq WHERE new.seq NOT IN stale_messages;
END;
CREATE TRIGGER message_gone AFTER DELETE ON messages BEGIN
    INSERT INTO stale_messages SELECT old.seq WHERE old.seq NOT IN stale_messages;
END;
CREATE TRIGGER title_made AFTER INSERT ON sessions BEGIN
    INSERT INTO stale_titles SELECT new.id WHERE new.id NOT IN stale_titles;
END;
CREATE TRIGGER title_changed AFTER UPDATE OF title ON sessions WHEN old.title <> new.title BEGIN
    INSERT INTO stale_titles SELECT new.id WHERE new.id NOT IN stale_titles;
END;
CREATE TRIGGER title_gone AFTER DELETE ON sessions BEGIN
    INSERT INTO stale_titles SELECT old.id WHERE old.id NOT IN stale_titles;
END;
