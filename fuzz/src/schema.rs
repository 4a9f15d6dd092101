//! `.proto` input: any text is compiled or refused, and never ends the build script by a panic.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

/// Compiles the bytes as a .proto with everything turned on. What compiles once compiles again, to
/// the same code.
pub fn proto(data: &[u8]) {
    if data.len() > MAX_LEN {
        return;
    }
    let file = FOLDER.join("input.proto");
    fs::write(&file, data).expect("the folder of this process can be written");
    let compile = || {
        let config = hikyaku_build::Config::new().file(&file).out_dir(&*FOLDER);
        config.json(true).text(true).views(true).compile()
    };
    let code = || fs::read(FOLDER.join("hikyaku.rs")).expect("compiling has written it");
    match compile() {
        Ok(()) => {
            let first = code();
            assert!(
                compile().is_ok(),
                "the same input is refused the second time"
            );
            assert_eq!(
                first,
                code(),
                "the same input gives other code the second time"
            );
        }
        Err(error) => assert!(!error.to_string().is_empty(), "an error says nothing"),
    }
}

/// Longest input tried. Bytes.
const MAX_LEN: usize = 4096;

/// A folder of this process alone.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let name = format!("hikyaku-fuzz-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    fs::create_dir_all(&folder).expect("the temporary folder can be written");
    folder
});
