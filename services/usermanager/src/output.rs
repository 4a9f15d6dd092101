//! Prints messages: protobuf text format, or JSON.

use std::io::{self, Write};

use hikyaku::buffa::text::{TextFormat, encode_to_string_pretty};
use serde::Serialize;

use crate::cli::OutputFormat;

/// Prints one message after another.
#[derive(Debug)]
pub struct Printer<W> {
    format: OutputFormat,
    out: W,
}

impl<W: Write> Printer<W> {
    /// Prints to `out`, which is flushed after each message.
    pub fn new(format: OutputFormat, out: W) -> Self {
        Self { format, out }
    }

    /// Prints one message: text and an empty line, or a line of JSON.
    ///
    /// # Errors
    /// The output's own.
    pub fn print(&mut self, message: &(impl TextFormat + Serialize)) -> io::Result<()> {
        match self.format {
            OutputFormat::Text => {
                self.out.write_all(text(message).as_bytes())?;
            }
            OutputFormat::Json => serde_json::to_writer(&mut self.out, message)?,
        }
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

/// A message in protobuf text format, each line with its end, as protobuf's own printers write it.
///
/// buffa's text means the same and differs in three things that a comparison of bytes would see: it
/// has no line end after the last field, leaves `'` as it is and puts an empty message on one line.
pub fn text(message: &impl TextFormat) -> String {
    let mut text = String::new();
    // A line end inside a string is escaped, so a line is a field or the end of a message.
    for line in encode_to_string_pretty(message).lines() {
        if let Some((name, string)) = line.split_once(": \"") {
            text.push_str(name);
            text.push_str(": \"");
            text.push_str(&string.replace('\'', "\\'"));
        } else if let Some(name) = line.strip_suffix(" {}") {
            let indent_len = line.len() - line.trim_start().len();
            text.push_str(name);
            text.push_str(" {\n");
            text.push_str(&" ".repeat(indent_len));
            text.push('}');
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{User, UserCntResponse, UserResponse, user::UserType};

    /// What Python's `print(message)` prints, byte by byte.
    #[test]
    fn text_is_that_of_protobufs_own_printers() {
        let user = User {
            id: 1,
            nickname: "admin".to_owned(),
            mail_address: "admin@example.com".to_owned(),
            user_type: UserType::ADMINISTRATOR.into(),
            ..Default::default()
        };
        let odd = User {
            nickname: "日本 \"q\" 'a' \t\n\r\u{1}\u{7f}\\ é {}".to_owned(),
            user_type: 99.into(),
            ..Default::default()
        };
        let error = UserResponse {
            error: true,
            message: "not found".to_owned(),
            ..Default::default()
        };
        let table = [
            (
                UserResponse {
                    user: user.into(),
                    ..Default::default()
                },
                "user {\n  id: 1\n  nickname: \"admin\"\n  mail_address: \"admin@example.com\"\n  \
                 user_type: ADMINISTRATOR\n}\n",
            ),
            (
                UserResponse {
                    user: odd.into(),
                    ..Default::default()
                },
                "user {\n  nickname: \"日本 \\\"q\\\" \\'a\\' \\t\\n\\r\\001\\177\\\\ é {}\"\n  \
                 user_type: 99\n}\n",
            ),
            (error, "error: true\nmessage: \"not found\"\n"),
            (
                UserResponse {
                    user: User::default().into(),
                    ..Default::default()
                },
                "user {\n}\n",
            ),
            (UserResponse::default(), ""),
        ];
        for (message, want) in table {
            assert_eq!(text(&message), want);
        }
    }

    #[test]
    fn messages_are_set_apart() {
        let message = UserCntResponse {
            user_cnt: 2,
            ..Default::default()
        };
        let table = [
            (OutputFormat::Text, "user_cnt: 2\n\n\n"),
            (OutputFormat::Json, "{\"userCnt\":2}\n{}\n"),
        ];
        for (format, want) in table {
            let mut printer = Printer::new(format, Vec::new());
            printer.print(&message).unwrap();
            printer.print(&UserCntResponse::default()).unwrap();
            assert_eq!(String::from_utf8(printer.out).unwrap(), want);
        }
    }
}
