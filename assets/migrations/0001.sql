-- The first shape of the store. A migration that was released is never changed; the next is a new file.
-- Ids are 60 random bits. Times are milliseconds since 1970, UTC.

CREATE TABLE sessions (
    id      INTEGER PRIMARY KEY,
    kind    TEXT    NOT NULL,
    title   TEXT    NOT NULL,
    model   TEXT    NOT NULL,
    system  TEXT    NOT NULL,
    params  TEXT    NOT NULL,           -- JSON, only what is set
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_time ON sessions (updated, created);
CREATE INDEX sessions_by_kind ON sessions (kind, updated, created);

-- `seq` is the order in which messages were made, of all sessions: random ids have none.
-- `parent` refers to no row on purpose: an answer is kept even where its prompt could not be saved.
CREATE TABLE messages (
    seq           INTEGER PRIMARY KEY,
    id            INTEGER NOT NULL UNIQUE,
    session       INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    parent        INTEGER,              -- NULL: the beginning of the conversation
    role          TEXT    NOT NULL,
    model         TEXT    NOT NULL,
    choice        INTEGER NOT NULL,
    created       INTEGER NOT NULL,
    state         TEXT    NOT NULL,
    owner         TEXT,                 -- while it streams: the process, a file in `live/`
    content       TEXT    NOT NULL,     -- JSON: the parts
    finish_reason TEXT,
    finish_raw    TEXT,
    usage         TEXT,                 -- JSON
    metrics       TEXT,                 -- JSON
    error         TEXT,                 -- JSON
    notices       TEXT                  -- JSON: strings
) STRICT;

CREATE INDEX messages_by_session ON messages (session, seq);

-- What came of an answer that streams, in small rows; folded into `messages.content` at its end.
CREATE TABLE deltas (
    message INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    seq     INTEGER NOT NULL,
    events  TEXT    NOT NULL,           -- JSON
    PRIMARY KEY (message, seq)
) STRICT, WITHOUT ROWID;

-- The child that the conversation goes on from, where it is not the newest. Parent -1: the beginning.
CREATE TABLE chosen (
    session INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    parent  INTEGER NOT NULL,
    child   INTEGER NOT NULL,
    PRIMARY KEY (session, parent)
) STRICT, WITHOUT ROWID;
