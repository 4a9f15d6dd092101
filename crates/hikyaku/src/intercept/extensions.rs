//! What interceptors and handlers of one process tell each other of a call.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// Values of the application's own types that travel with a call inside one process, never on the
/// wire: one value of each type.
///
/// At a server an interceptor puts in what it has found out, and the handler finds it in its request;
/// at a client a caller tells its interceptors about one call. A clone shares the values.
///
/// # Example
/// ```
/// use hikyaku::Request;
///
/// #[derive(Debug, PartialEq)]
/// struct User(&'static str);
///
/// let mut request = Request::new("hello");
/// request.extensions_mut().insert(User("ayumi"));
/// assert_eq!(request.extensions().get(), Some(&User("ayumi")));
/// assert_eq!(request.extensions().get::<u32>(), None);
/// ```
#[derive(Clone, Default)]
pub struct Extensions {
    /// None until there is one, so that calls without pay nothing.
    values: Option<Arc<Vec<Arc<dyn Any + Send + Sync>>>>,
}

impl Extensions {
    /// Puts a value in, in place of one of the same type.
    pub fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        let values = Arc::make_mut(self.values.get_or_insert_default());
        values.retain(|value| !(**value).is::<T>());
        values.push(Arc::new(value));
    }

    /// The value of this type, if there is one.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        let mut values = self.values.iter().flat_map(|values| values.iter());
        values.find_map(|value| (**value).downcast_ref())
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.values.as_ref().map_or(0, |values| values.len());
        f.debug_struct("Extensions").field("count", &count).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_value_of_each_type_and_a_clone_has_its_own() {
        let mut extensions = Extensions::default();
        assert_eq!(extensions.get::<u8>(), None);
        extensions.insert(1_u8);
        extensions.insert("word");
        let mut other = extensions.clone();
        other.insert(2_u8);
        assert_eq!((extensions.get(), other.get()), (Some(&1_u8), Some(&2_u8)));
        assert_eq!(other.get(), Some(&"word"));
        assert_eq!(format!("{other:?}"), "Extensions { count: 2 }");
    }
}
