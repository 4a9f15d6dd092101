//! A message whose type is not known.

use std::any::{Any, type_name};
use std::fmt;

/// One message of a call, whatever its type: interceptors see those of every method.
///
/// # Example
/// ```
/// use hikyaku::intercept::{Call, Next};
///
/// let shout = |mut call: Call, next: Next| async move {
///     call.on_request(|message| {
///         if let Some(text) = message.get_mut::<String>() {
///             text.make_ascii_uppercase();
///         }
///         Ok(())
///     });
///     next.run(call).await
/// };
/// let server = hikyaku::Server::new().intercept(shout);
/// ```
pub struct Message<'a> {
    value: &'a mut dyn Any,
    type_name: &'static str,
}

impl<'a> Message<'a> {
    pub(super) fn new<T: 'static>(message: &'a mut T) -> Self {
        Self {
            value: message,
            type_name: type_name::<T>(),
        }
    }

    /// Whether the message is a `T`.
    #[must_use]
    pub fn is<T: 'static>(&self) -> bool {
        self.value.is::<T>()
    }

    /// The message, if it is a `T`.
    #[must_use]
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }

    /// The message, to change it, if it is a `T`.
    #[must_use]
    pub fn get_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.value.downcast_mut()
    }

    /// What Rust calls the type of the message. For people: it may differ between versions.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.type_name
    }
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Message").field(&self.type_name).finish()
    }
}
