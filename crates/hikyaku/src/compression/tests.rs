//! What every coding keeps to, as tables.
