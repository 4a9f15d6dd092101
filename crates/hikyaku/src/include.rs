//! The way of generated code into a program.

/// Includes what `hikyaku-build` generated in `build.rs`: a module tree, packages as modules.
///
/// With a name, the output of a `Config::include_file` of that name.
///
/// # Example
/// ```ignore
/// mod proto {
///     hikyaku::include_proto!();
/// }
/// use proto::helloworld::GreeterClient;
/// ```
#[macro_export]
macro_rules! include_proto {
    () => {
        ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/hikyaku.rs"));
    };
    ($name:literal) => {
        ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/", $name, ".rs"));
    };
}
