//! What stands in LaTeX for a letter beyond ASCII, so that a table compiles with any engine and with the fonts that
//! every LaTeX has.

/// The macro for letters that those fonts lack, to be defined where a text uses it: pdfTeX prints their number, XeTeX and
/// LuaTeX the letter itself, if their font has it.
pub const MACRO: &str = r"% Letters beyond LaTeX's own fonts: their number, or the letter with XeTeX and LuaTeX. Define \icdbenchchar before to print them otherwise.
\ifdefined\icdbenchchar\else\protected\def\icdbenchchar#1#2{\ifdefined\Umathchar#2\else U+#1\fi}\fi
";

/// The name of [`MACRO`].
pub const NAME: &str = "\\icdbenchchar";

/// Letters by what is typeset for them, outside of mathematics.
const WORDS: [(char, &str); 13] = [
    ('†', "\\dag{}"),
    ('…', "\\ldots{}"),
    ('—', "---"),
    ('–', "--"),
    ('‘', "`"),
    ('’', "'"),
    ('“', "``"),
    ('”', "''"),
    ('§', "\\S{}"),
    ('¶', "\\P{}"),
    ('\u{a0}', "~"),
    ('\u{2011}', "-"),
    ('\u{200b}', ""),
];

/// Letters by what is typeset for them in mathematics.
const MATHEMATICS: [(char, &str); 70] = [
    ('±', "\\pm"),
    ('×', "\\times"),
    ('·', "\\cdot"),
    ('−', "-"),
    ('≤', "\\leq"),
    ('≥', "\\geq"),
    ('≠', "\\neq"),
    ('≈', "\\approx"),
    ('→', "\\rightarrow"),
    ('←', "\\leftarrow"),
    ('∞', "\\infty"),
    ('°', "^\\circ"),
    ('¹', "^1"),
    ('²', "^2"),
    ('³', "^3"),
    ('µ', "\\mu"),
    ('∆', "\\Delta"),
    ('∑', "\\sum"),
    ('√', "\\surd"),
    ('∈', "\\in"),
    ('α', "\\alpha"),
    ('β', "\\beta"),
    ('γ', "\\gamma"),
    ('δ', "\\delta"),
    ('ε', "\\varepsilon"),
    ('ζ', "\\zeta"),
    ('η', "\\eta"),
    ('θ', "\\theta"),
    ('ι', "\\iota"),
    ('κ', "\\kappa"),
    ('λ', "\\lambda"),
    ('μ', "\\mu"),
    ('ν', "\\nu"),
    ('ξ', "\\xi"),
    ('ο', "o"),
    ('π', "\\pi"),
    ('ρ', "\\rho"),
    ('ς', "\\varsigma"),
    ('σ', "\\sigma"),
    ('τ', "\\tau"),
    ('υ', "\\upsilon"),
    ('φ', "\\varphi"),
    ('χ', "\\chi"),
    ('ψ', "\\psi"),
    ('ω', "\\omega"),
    ('ϑ', "\\vartheta"),
    // Capitals that Latin has too are Latin's in every font.
    ('Α', "\\mathrm{A}"),
    ('Β', "\\mathrm{B}"),
    ('Γ', "\\Gamma"),
    ('Δ', "\\Delta"),
    ('Ε', "\\mathrm{E}"),
    ('Ζ', "\\mathrm{Z}"),
    ('Η', "\\mathrm{H}"),
    ('Θ', "\\Theta"),
    ('Ι', "\\mathrm{I}"),
    ('Κ', "\\mathrm{K}"),
    ('Λ', "\\Lambda"),
    ('Μ', "\\mathrm{M}"),
    ('Ν', "\\mathrm{N}"),
    ('Ξ', "\\Xi"),
    ('Ο', "\\mathrm{O}"),
    ('Π', "\\Pi"),
    ('Ρ', "\\mathrm{P}"),
    ('Σ', "\\Sigma"),
    ('Τ', "\\mathrm{T}"),
    ('Υ', "\\Upsilon"),
    ('Φ', "\\Phi"),
    ('Χ', "\\mathrm{X}"),
    ('Ψ', "\\Psi"),
    ('Ω', "\\Omega"),
];

/// Letters that LaTeX reads as they are, whatever the encoding of its fonts: accents it can put together.
const AS_THEY_ARE: &str =
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŠšŽžŸĆćČčŁłŃńŇňŘřŚśŮůŐőŰűŹźŻżĞğŞşĂăĪīĀāĒēŌōŪū¿¡";

/// What stands for a letter beyond ASCII.
pub fn spelled(letter: char) -> String {
    let of = |table: &[(char, &'static str)]| table.iter().find(|(known, _)| *known == letter).map(|(_, text)| *text);
    if let Some(text) = of(&WORDS) {
        return text.to_owned();
    }
    if let Some(symbol) = of(&MATHEMATICS) {
        return format!("${symbol}$");
    }
    match AS_THEY_ARE.contains(letter) {
        true => letter.to_string(),
        false => format!("{NAME}{{{:04X}}}{{{letter}}}", u32::from(letter)),
    }
}
