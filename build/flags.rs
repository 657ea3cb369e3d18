//! Which of the compiler's flags can move a bit of a result.

/// Flags that only say where things lie, how they are linked, and what is warned of: they differ between machines.
const SILENT: &[&str] = &[
    "link-arg",
    "link-args",
    "linker",
    "linker-flavor",
    "rpath",
    "incremental",
    "debuginfo",
    "strip",
    "split-debuginfo",
    "metadata",
    "extra-filename",
    "remap-path-prefix",
];
/// Options whose value stands in the next argument, or behind a `=`.
const SILENT_OPTIONS: &[&str] = &[
    "-L",
    "-l",
    "-W",
    "-A",
    "-D",
    "-F",
    "--warn",
    "--allow",
    "--deny",
    "--forbid",
    "--cap-lints",
    "--remap-path-prefix",
    "--check-cfg",
    "--color",
    "--error-format",
];

/// The flags that can, each with its value as one string.
pub fn that_count<'a>(flags: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut counted = Vec::new();
    let mut flags = flags.peekable();
    while let Some(flag) = flags.next() {
        let is_short = flag.starts_with('-') && !flag.starts_with("--") && flag.len() > 2;
        let (option, value) = match flag.split_once('=').filter(|_| flag.starts_with("--")) {
            Some((option, value)) => (option, value),
            None if is_short => flag.split_at(2),
            None => (flag, flags.next_if(|next| !next.starts_with('-')).unwrap_or_default()),
        };
        let name = value.split('=').next().unwrap_or_default().replace('_', "-");
        let is_silent = SILENT_OPTIONS.contains(&option) || (option == "-C" && SILENT.contains(&name.as_str()));
        if !is_silent {
            counted.push(format!("{option} {value}").trim().to_owned());
        }
    }
    counted
}
