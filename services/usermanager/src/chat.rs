//! `usermanager Chat`: lines go out and replies come in, both at any time, over one call.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{pending, ready};
use std::io::{self, BufRead, Write};
use std::thread;

use hikyaku::client::{Sender, Streaming};
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::output::Printer;
use crate::proto::{ChatMessage, UserManagerClient};

/// Sends each line of the standard input and prints each reply, until both are at their end.
pub(crate) async fn run<W: Write>(
    users: &UserManagerClient,
    printer: &mut Printer<W>,
) -> Result<(), Failure> {
    let lines = lines()?;
    let (requests, replies) = users.connect_chat(()).await?;
    let prompt = Cell::new(Prompt::Due);
    // Both at the same time: if printing waited for a line to be sent and the server for its
    // replies to be read, everyone would wait for ever.
    tokio::select! {
        printed = print(replies, printer, &prompt) => printed,
        Err(failure) = send(lines, requests, &prompt) => Err(failure),
    }
}

/// Prints replies until the server has sent its last, and asks for a line between them.
async fn print<W: Write>(
    mut replies: Streaming<ChatMessage>,
    printer: &mut Printer<W>,
    prompt: &Cell<Prompt>,
) -> Result<(), Failure> {
    loop {
        let reply = tokio::select! {
            // Replies that are there already come before the next question.
            biased;
            reply = replies.next() => reply?,
            () = ready(()), if prompt.get() == Prompt::Due => {
                Prompt::show(prompt);
                continue;
            }
        };
        Prompt::make_room(prompt);
        match reply {
            Some(reply) => printer.print(&reply)?,
            None => return Ok(()),
        }
        if prompt.get() == Prompt::Hidden {
            prompt.set(Prompt::Due);
        }
    }
}

/// Sends lines until there are no more. Never done but by a failure: what ends the chat is the
/// server, when it has answered all of them.
async fn send(
    mut lines: mpsc::Receiver<io::Result<String>>,
    mut requests: Sender<ChatMessage>,
    prompt: &Cell<Prompt>,
) -> Result<Infallible, Failure> {
    let mut id: u32 = 0;
    while let Some(line) = lines.recv().await {
        // Whoever typed the line has ended that of the prompt.
        prompt.set(Prompt::Hidden);
        let message = line.map_err(|error| Failure::of("standard input", error))?;
        id = id.wrapping_add(1);
        let message = ChatMessage {
            id,
            message,
            ..Default::default()
        };
        if requests.send(message).await.is_err() {
            // The server has ended the call; the replies tell why.
            break;
        }
    }
    Prompt::make_room(prompt);
    prompt.set(Prompt::Over);
    requests.finish();
    pending().await
}

/// Lines of the standard input, read on a thread: nothing can interrupt such a read.
fn lines() -> Result<mpsc::Receiver<io::Result<String>>, Failure> {
    let (sender, receiver) = mpsc::channel(1);
    let read = move || {
        for line in io::stdin().lock().lines() {
            let failed = line.is_err();
            if sender.blocking_send(line).is_err() || failed {
                return;
            }
        }
    };
    let started = thread::Builder::new()
        .name("chat-input".to_owned())
        .spawn(read);
    started.map_err(|error| Failure::of("thread", error))?;
    Ok(receiver)
}

/// The question for the next line. It goes to the standard error, so that the standard output
/// holds nothing but replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prompt {
    Hidden,
    /// To be shown when no reply is waiting to be printed.
    Due,
    Shown,
    /// There are no more lines to ask for.
    Over,
}

impl Prompt {
    fn show(prompt: &Cell<Self>) {
        prompt.set(Self::Shown);
        write_error("Input message >");
    }

    /// What is printed next gets a line of its own.
    fn make_room(prompt: &Cell<Self>) {
        if prompt.get() == Self::Shown {
            prompt.set(Self::Hidden);
            write_error("\n");
        }
    }
}

/// A prompt that cannot be shown is no reason to stop.
fn write_error(text: &str) {
    let mut err = io::stderr().lock();
    let _shown = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}
