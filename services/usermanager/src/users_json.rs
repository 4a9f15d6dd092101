//! The seed's `users.json`: an object of users whose keys are their ids.
//!
//! ```json
//! {"1": {"id": 1, "nickname": "admin", "mail_address": "admin@example.com",
//!        "user_type": "ADMINISTRATOR"}}
//! ```
//!
//! A field other than `id` may be left out and is empty then, or `NONE`: protobuf's own JSON
//! printers, which wrote such files, leave out what has its default value.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, Write};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::user::{User, UserId, UserType};

/// Reads a whole file; users come in its order.
///
/// # Errors
/// [`BadUsersJson`] for the first thing that is wrong: which user and field, what is allowed, and
/// the place.
pub fn parse(json: &str) -> Result<Vec<User>, BadUsersJson> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let users = deserializer.deserialize_map(Users).map_err(BadUsersJson)?;
    deserializer.end().map_err(BadUsersJson)?;
    Ok(users)
}

/// A `users.json` that was not understood.
#[derive(Debug)]
pub struct BadUsersJson(serde_json::Error);

impl fmt::Display for BadUsersJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for BadUsersJson {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Writes users one by one in the shape that [`parse`] reads.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    user_count: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file. Nothing is written yet.
    pub fn new(out: W) -> Self {
        Self { out, user_count: 0 }
    }

    /// Writes one user.
    ///
    /// # Errors
    /// The output's own.
    pub fn write(&mut self, user: &User) -> io::Result<()> {
        let before = if self.user_count == 0 { "{" } else { "," };
        self.user_count += 1;
        write!(
            self.out,
            "{before}\n\t\"{id}\": {{\n\t\t\"id\": {id},",
            id = user.id
        )?;
        self.out.write_all(b"\n\t\t\"nickname\": ")?;
        serde_json::to_writer(&mut self.out, &user.nickname)?;
        self.out.write_all(b",\n\t\t\"mail_address\": ")?;
        serde_json::to_writer(&mut self.out, &user.mail_address)?;
        write!(
            self.out,
            ",\n\t\t\"user_type\": \"{}\"\n\t}}",
            user.user_type
        )
    }

    /// Ends the file and gives back the output and the number of users in it.
    ///
    /// # Errors
    /// The output's own.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        let end: &[u8] = if self.user_count == 0 {
            b"{}\n"
        } else {
            b"\n}\n"
        };
        self.out.write_all(end)?;
        self.out.flush()?;
        Ok((self.out, self.user_count))
    }
}

/// Reads the outer object.
struct Users;

impl<'de> Visitor<'de> for Users {
    type Value = Vec<User>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of users by their ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<User>, A::Error> {
        let mut users = Vec::new();
        let mut ids = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let id = id_of_key(&key).map_err(de::Error::custom)?;
            if !ids.insert(id) {
                return Err(de::Error::custom(format_args!(
                    "key `{key}`: this id is there twice; allowed: once"
                )));
            }
            users.push(map.next_value_seed(OneUser { id })?);
        }
        Ok(users)
    }
}

/// Only the plain decimal form: `01` and `1` would be the same user under two keys.
fn id_of_key(key: &str) -> Result<UserId, String> {
    key.parse::<u32>()
        .ok()
        .filter(|number| number.to_string() == key)
        .and_then(|number| UserId::new(number).ok())
        .ok_or_else(|| {
            format!(
                "key `{}`: not a user id; allowed: 1 to {}, in decimal",
                key.escape_debug(),
                u32::MAX
            )
        })
}

/// Reads the user under a key.
struct OneUser {
    id: UserId,
}

impl<'de> DeserializeSeed<'de> for OneUser {
    type Value = User;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<User, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneUser {
    type Value = User;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with {FIELDS} under key `{}`", self.id)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<User, A::Error> {
        let mut fields = Fields::default();
        while let Some(field) = map.next_key::<String>()? {
            let value = map.next_value()?;
            fields.set(self.id, &field, value).map_err(|fault| {
                let field = field.escape_debug();
                de::Error::custom(format_args!("key `{}`, field `{field}`: {fault}", self.id))
            })?;
        }
        if fields.id.is_none() {
            return Err(de::Error::custom(format_args!(
                "key `{id}`, field `id`: missing; allowed: {id}, the same as the key",
                id = self.id
            )));
        }
        Ok(User {
            id: self.id,
            nickname: fields.nickname.unwrap_or_default(),
            mail_address: fields.mail_address.unwrap_or_default(),
            user_type: fields.user_type.unwrap_or(UserType::None),
        })
    }
}

/// The fields seen so far.
#[derive(Default)]
struct Fields {
    id: Option<()>,
    nickname: Option<String>,
    mail_address: Option<String>,
    user_type: Option<UserType>,
}

impl Fields {
    /// Takes one field; the error says what is wrong and what is allowed.
    fn set(&mut self, key: UserId, field: &str, value: Value) -> Result<(), String> {
        match field {
            "id" => once(&mut self.id, same_id(key, &value)?),
            "nickname" => once(&mut self.nickname, text(value)?),
            "mail_address" => once(&mut self.mail_address, text(value)?),
            "user_type" => once(&mut self.user_type, user_type(&value)?),
            _ => Err(format!("unknown; allowed: {FIELDS}")),
        }
    }
}

fn once<T>(field: &mut Option<T>, value: T) -> Result<(), String> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err("there twice; allowed: once".to_owned()),
    }
}

fn same_id(key: UserId, value: &Value) -> Result<(), String> {
    if value.as_u64() == Some(key.number().into()) {
        return Ok(());
    }
    Err(format!(
        "found {}; allowed: {key}, the same as the key",
        found(value)
    ))
}

fn text(value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(format!("found {}; allowed: a string", found(&value)))
        }
    }
}

fn user_type(value: &Value) -> Result<UserType, String> {
    let parsed = match value {
        Value::String(name) => name.parse(),
        Value::Number(number) => match number.as_i64() {
            Some(number) => UserType::from_number(number),
            None => number.to_string().parse(),
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => found(value).parse(),
    };
    parsed.map_err(|error| error.to_string())
}

/// Short, however large the value is.
fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

const FIELDS: &str = "id, nickname, mail_address, user_type";

#[cfg(test)]
mod tests {
    use super::*;

    /// The file that is shipped.
    const SHIPPED: &str = include_str!("../users.json");

    #[test]
    fn the_shipped_file_comes_back_byte_by_byte() {
        let users = parse(SHIPPED).unwrap();
        assert_eq!(users.len(), 6);
        let mut writer = Writer::new(Vec::new());
        for user in &users {
            writer.write(user).unwrap();
        }
        let (written, user_count) = writer.finish().unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), SHIPPED);
        assert_eq!(user_count, 6);
    }

    #[test]
    fn no_users_are_an_empty_object() {
        let (written, user_count) = Writer::new(Vec::new()).finish().unwrap();
        assert_eq!((written.as_slice(), user_count), (b"{}\n".as_slice(), 0));
        assert_eq!(parse("{}\n").unwrap(), []);
    }

    #[test]
    fn any_text_comes_back() {
        let user = User {
            id: UserId::new(u32::MAX).unwrap(),
            nickname: "飛脚 \"q\" \\ \u{0} \n \u{1F3C3}".to_owned(),
            mail_address: "\u{2028}'</script>".to_owned(),
            user_type: UserType::None,
        };
        let mut writer = Writer::new(Vec::new());
        writer.write(&user).unwrap();
        let (written, _) = writer.finish().unwrap();
        assert_eq!(
            parse(std::str::from_utf8(&written).unwrap()).unwrap(),
            [user]
        );
    }

    #[test]
    fn order_is_that_of_the_file_and_left_out_fields_are_defaults() {
        let users = parse(r#"{"7": {"id": 7}, "2": {"id": 2, "user_type": 3}}"#).unwrap();
        let summary: Vec<_> = users
            .iter()
            .map(|user| (user.id.number(), user.user_type, user.text_len()))
            .collect();
        assert_eq!(summary, [(7, UserType::None, 0), (2, UserType::Guest, 0)]);
    }

    #[test]
    fn a_bad_file_is_told_where_and_what_is_allowed() {
        for (json, want) in BAD_FILES {
            let error = parse(json).unwrap_err().to_string();
            assert!(error.contains(want), "{json}\n got {error}\nwant {want}");
        }
    }

    /// A file, and what its error says.
    #[rustfmt::skip]
    const BAD_FILES: [(&str, &str); 23] = [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("[]", "invalid type: sequence, expected an object of users by their ids"),
        ("{} x", "trailing characters"),
        (r#"{"1": 5}"#, "expected an object with id, nickname, mail_address, user_type under key `1`"),
        (r#"{"x": {}}"#, "key `x`: not a user id; allowed: 1 to 4294967295, in decimal"),
        (r#"{"0": {}}"#, "key `0`: not a user id"),
        (r#"{"01": {}}"#, "key `01`: not a user id"),
        (r#"{"+1": {}}"#, "key `+1`: not a user id"),
        (r#"{"4294967296": {}}"#, "key `4294967296`: not a user id"),
        (r#"{"1": {}}"#, "key `1`, field `id`: missing; allowed: 1, the same as the key"),
        (r#"{"1": {"id": 2}}"#, "key `1`, field `id`: found 2; allowed: 1, the same as the key"),
        (r#"{"1": {"id": "1"}}"#, "key `1`, field `id`: found a string; allowed: 1"),
        (r#"{"1": {"id": 1.5}}"#, "key `1`, field `id`: found 1.5; allowed: 1"),
        (r#"{"1": {"id": 1}, "1": {"id": 1}}"#, "key `1`: this id is there twice; allowed: once"),
        (r#"{"1": {"id": 1, "id": 1}}"#, "key `1`, field `id`: there twice; allowed: once"),
        (r#"{"3": {"nickname": 5}}"#, "key `3`, field `nickname`: found 5; allowed: a string"),
        (r#"{"3": {"mail_address": null}}"#, "key `3`, field `mail_address`: found null; allowed: a string"),
        (r#"{"3": {"mail": ""}}"#, "key `3`, field `mail`: unknown; allowed: id, nickname, mail_address, user_type"),
        (r#"{"3": {"user_type": "BOSS"}}"#, "key `3`, field `user_type`: user type `BOSS` is unknown; \
            allowed: NONE (0), NORMAL (1), ADMINISTRATOR (2), GUEST (3), DISABLED (4)"),
        (r#"{"3": {"user_type": 5}}"#, "key `3`, field `user_type`: user type 5 is unknown; allowed: NONE"),
        (r#"{"3": {"user_type": 1.0}}"#, "key `3`, field `user_type`: user type `1.0` is unknown; allowed: NONE"),
        (r#"{"3": {"user_type": null}}"#, "key `3`, field `user_type`: user type `null` is unknown; allowed: NONE"),
        ("{\"1\": {\"id\": 1},\n \"2\": {\"id\": 3}}", "at line 2 column"),
    ];
}
