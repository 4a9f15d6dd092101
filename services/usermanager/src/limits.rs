//! Every limit of the service, with its unit and its reason.

/// Users read from the store at a time for a stream. Raised, each open stream holds more.
pub const PAGE_USERS: u16 = 256;

/// Bytes of text after which a page ends early, so that a page of long names stays small too.
pub const PAGE_BYTES: usize = 1 << 20;

/// Writes that share one transaction and one sync to disk. Raised, the first of them waits longer.
pub const GROUP_WRITES: usize = 512;

/// Commands waiting for a thread of the store; who comes later waits in `send`, not in memory.
pub const WAITING_COMMANDS: usize = 1024;

/// Threads that read from SQLite, each with a connection of its own.
pub const MAX_READERS: usize = 4;

/// How long SQLite waits for another process that is writing, such as an offline import.
pub const BUSY_SECONDS: u64 = 10;

/// Greetings sent when the request does not say how many.
pub const DEFAULT_GREETINGS: u32 = 10;

/// Greetings one request may ask for; a larger number is more likely a mistake than a wish.
pub const MAX_GREETINGS: u32 = 1_000_000;

/// Worker threads that `--threads` accepts.
pub const MAX_THREADS: u16 = 1024;
