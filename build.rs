//! Tells the program what it was built from: the hashes of the source that can move a score, the
//! versions of the packages that do, the git revision and the compiler.

#[path = "build/mod.rs"]
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use sha2::{Digest, Sha256};

/// Folders and files of `src` that the provenance's one hash of the code is over. Keys go by `src/plan/sources.rs`, stage
/// by stage.
const SCORED: &[&str] = &[
    "data/",
    "device",
    "kernels/",
    "metrics/",
    "models/",
    "pretrained/",
    "pretraining/",
    "stages/",
    "text/",
    "train/",
    "word_vectors/",
];

/// Packages whose version can move a score, by the start of their name.
const NUMERIC: &[&str] = &[
    "burn",
    "gemm",
    "macerator",
    "pulp",
    "libm",
    "cubecl",
    "cubek",
    "tch",
    "rand_chacha",
    "tokenizers",
    "regex",
    "fancy-regex",
    "unicode-normalization",
];

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    for watched in [
        "src",
        "Cargo.lock",
        "build.rs",
        "build",
        "datasets.toml",
        ".git/HEAD",
        ".git/logs/HEAD",
        "suites",
    ] {
        if root.join(watched).exists() {
            println!("cargo::rerun-if-changed={watched}");
        }
    }
    let mut files = BTreeMap::new();
    collect(&root.join("src"), &root, &mut files);
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
    let (revision, dirty) = git(&root);
    let generated = format!(
        "/// SHA-256 of the code that can move a score.\n\
         pub const CODE_SHA256: &str = {:?};\n\
         {}\
         /// Packages that can move a score, with their versions.\n\
         pub const NUMERIC_PACKAGES: &str = {:?};\n\
         /// SHA-256 of Cargo.lock.\n\
         pub const CARGO_LOCK_SHA256: &str = {:?};\n\
         /// Git revision, or why there is none.\n\
         pub const GIT_REVISION: &str = {revision:?};\n\
         /// Whether the source differed from the revision.\n\
         pub const GIT_DIRTY: Option<bool> = {dirty:?};\n\
         /// Compiler version.\n\
         pub const RUSTC: &str = {:?};\n\
         /// Build profile and target.\n\
         pub const BUILD: &str = {:?};\n\
         /// Cargo features.\n\
         pub const FEATURES: &[&str] = &{:?};\n\
         {}",
        code(&files),
        sources(&files),
        numeric_packages(&lock),
        hex(&Sha256::digest(lock.as_bytes())),
        run(Command::new(env::var("RUSTC").unwrap_or("rustc".into())).arg("-V")).unwrap_or_default(),
        format!(
            "{} {}",
            env::var("PROFILE").unwrap_or_default(),
            env::var("TARGET").unwrap_or_default()
        ),
        features(),
        profile(),
    );
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("built.rs");
    fs::write(out, generated).expect("cargo's output folder can be written");
}

fn collect(folder: &Path, root: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, root, files);
        } else if let (Ok(bytes), Ok(name)) = (fs::read(&path), path.strip_prefix(root)) {
            files.insert(name.to_string_lossy().replace('\\', "/"), bytes);
        }
    }
}

/// The hash of each file's code and the files that it can reach.
fn sources(files: &BTreeMap<String, Vec<u8>>) -> String {
    let imports = source::imports::imports(files);
    let counts = |name: &&String| !name.ends_with(".rs") || imports.contains_key(*name);
    let hash = |name: &String| format!("    ({name:?}, {:?}),\n", source::tokens::sha256(name, &files[name]));
    let hashes: String = files.keys().filter(counts).map(hash).collect();
    let row = |(name, found): (&String, &_)| format!("    ({name:?}, &{:?}),\n", Vec::from_iter(found));
    let reached: String = imports.iter().map(row).collect();
    let named: String = source::imports::named(files).iter().map(row).collect();
    format!(
        "/// SHA-256 of the code of each file of the source, by its path: comments, tests and layout do not count.\n\
         pub const SOURCES: &[(&str, &str)] = &[\n{hashes}];\n\
         /// Of each Rust file the files that its code can reach directly.\n\
         pub const IMPORTS: &[(&str, &[&str])] = &[\n{reached}];\n\
         /// Of each Rust file the files that its own lines name.\n\
         pub const NAMED: &[(&str, &[&str])] = &[\n{named}];\n"
    )
}

/// What of the compiler's settings can move a bit of a result.
fn profile() -> String {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let encoded = variable("CARGO_ENCODED_RUSTFLAGS");
    let flags = source::flags::that_count(encoded.split('\x1f').filter(|flag| !flag.is_empty()));
    let one = |assertions: bool| {
        let profile = format!(
            "opt-level {}; debug-assertions {assertions}; target features {}; flags {}",
            variable("OPT_LEVEL"),
            variable("CARGO_CFG_TARGET_FEATURE"),
            flags.join(" "),
        );
        let not = if assertions {
            "debug_assertions"
        } else {
            "not(debug_assertions)"
        };
        format!(
            "/// What of the compiler's settings can move a bit of a result.\n\
             #[cfg({not})]\n\
             pub const PROFILE: &str = {profile:?};\n"
        )
    };
    one(true) + &one(false)
}

/// One hash of the code of all files that can move a score: comments, tests and layout do not count.
fn code(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut hash = Sha256::new();
    let scored = |name: &&String| SCORED.iter().any(|folder| name.starts_with(&format!("src/{folder}")));
    for name in files.keys().filter(scored) {
        hash.update(format!("{name} {}\n", source::tokens::sha256(name, &files[name])));
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn numeric_packages(lock: &str) -> String {
    let field = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim_matches(|c| " =\"".contains(c)).to_owned())
    };
    let packages = lock.split("[[package]]").filter_map(|block| {
        let name = field(block, "name")?;
        let counts = NUMERIC.iter().any(|start| name.starts_with(start));
        counts.then(|| Some(format!("{name} {}", field(block, "version")?)))?
    });
    packages.collect::<Vec<_>>().join(", ")
}

fn git(root: &Path) -> (String, Option<bool>) {
    let git = |arguments: &[&str]| run(Command::new("git").arg("-C").arg(root).args(arguments));
    let here = git(&["rev-parse", "--show-toplevel"]).map(PathBuf::from);
    if here.as_deref().and_then(|top| top.canonicalize().ok()) != root.canonicalize().ok() {
        return ("not available: not built in a git checkout".into(), None);
    }
    match git(&["rev-parse", "HEAD"]) {
        Some(revision) => (
            revision,
            git(&["status", "--porcelain"]).map(|changes| !changes.is_empty()),
        ),
        None => ("not available: no commit".into(), None),
    }
}

fn run(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn features() -> Vec<String> {
    let mut features: Vec<String> = env::vars()
        .filter_map(|(name, _)| Some(name.strip_prefix("CARGO_FEATURE_")?.to_lowercase().replace('_', "-")))
        .collect();
    features.sort();
    features
}
