//! What can go wrong between note text and token ids. No message ever holds a token or note text: lines are
//! named by number, because vocabularies and vector files derive from notes under a data use agreement.

use std::path::{Path, PathBuf};

use super::kind::TokenizerKind;

/// Why a tokenizer, an artifact or a vector file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{}: cannot read the {what}: {source}. Put the file there, or correct its path in the suite", path.display())]
    Read {
        /// As the suite names it.
        path: PathBuf,
        /// What the file was to hold: `WordPiece vocabulary`, `byte-level BPE`, `tokenizer artifact`, `word vectors`.
        what: &'static str,
        /// The system's own words.
        source: std::io::Error,
    },
    /// The file is not the one the suite names.
    #[error("{}: sha256 is {found}, the suite expects {expected}. Fetch the file again, or correct `sha256` if the other file is meant", path.display())]
    Checksum {
        /// As the suite names it.
        path: PathBuf,
        /// Lower-case hex digest of the file as it lies on disk.
        found: String,
        /// What the suite says.
        expected: String,
    },
    /// Bytes that are not UTF-8.
    #[error("{}, line {line}: not UTF-8. Convert the file to UTF-8 (an older word2vec may cut words in the middle of a character)", path.display())]
    NotUtf8 {
        /// As the suite names it.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// An empty line between tokens.
    #[error("{}, line {line}: empty, expected one token per line. Ids are line numbers, so fetch the file again rather than deleting the line", path.display())]
    EmptyLine {
        /// As the suite names it.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// The same token twice.
    #[error("{}, line {line}: the same token as line {first_line}, expected each token once. Ids are line numbers, so fetch the file again rather than deleting the line", path.display())]
    DuplicateToken {
        /// As the suite names it.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Where the token stood first.
        first_line: usize,
    },
    /// A vocabulary without a token that encoding needs.
    #[error("{}: no {token} among {size} tokens, expected {}. Check that the file is the model's own vocabulary", path.display(), kind.vocabulary())]
    MissingSpecialToken {
        /// As the suite names it.
        path: PathBuf,
        /// `[PAD]` or `[UNK]`, `<pad>` or `<unk>`, or what the files beside the vocabulary call them.
        token: String,
        /// Tokens in the file.
        size: usize,
        /// What it was read as.
        kind: TokenizerKind,
    },
    /// Not JSON, or JSON of another shape.
    #[error("{}: not a tokenizer.json: {source}. Fetch the file again, or name a vocab.txt without the ending .json", path.display())]
    Malformed {
        /// The file, which comes with a published model and so holds nothing of a note.
        path: PathBuf,
        /// What the JSON reader found.
        source: serde_json::Error,
    },
    /// Not the JSON of a byte-level BPE.
    #[error("{}: not a vocab.json or a tokenizer.json: {source}. Fetch the file again", path.display())]
    NotBpe {
        /// The file, which comes with a published model and so holds nothing of a note.
        path: PathBuf,
        /// What the JSON reader found.
        source: serde_json::Error,
    },
    /// A merge that is none of this vocabulary's.
    #[error("{}, {place}: {problem}. Fetch the vocabulary and its merges again from one and the same model", path.display())]
    Merge {
        /// `merges.txt` or `tokenizer.json`.
        path: PathBuf,
        /// `line 3`; `merge 3` in a `tokenizer.json`.
        place: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Two lists of merges that should be the same.
    #[error("{} and {} do not merge the same pairs, from pair {pair} on. Fetch both files again from one and the same model, or name the encoder's own files in the suite", path.display(), other.display())]
    Merges {
        /// One.
        path: PathBuf,
        /// The other.
        other: PathBuf,
        /// The first pair that differs, counted from 1.
        pair: usize,
    },
    /// A file beside the vocabulary that is not JSON, or JSON of another shape.
    #[error("{}: not the settings of a tokenizer: {source}. Fetch the file again; without it the suite alone says how text is read", path.display())]
    Settings {
        /// The file, which comes with a published model and so holds nothing of a note.
        path: PathBuf,
        /// What the JSON reader found.
        source: serde_json::Error,
    },
    /// A file of a published model says something else than the suite.
    #[error("{}: {key} is {found}, expected {expected}. The encoder was trained on text that is read as its own files say: write the same in the suite, or name another encoder's files", path.display())]
    Contradicted {
        /// Beside the vocabulary or the encoder.
        path: PathBuf,
        /// The place in the file, dotted.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What the tokenizer does, and who says so.
        expected: String,
    },
    /// Two files of a published model say something else.
    #[error("{}: {key} is {found}, and {other}. Fetch both files again from one and the same model, or correct the wrong one", path.display())]
    Disagree {
        /// One.
        path: PathBuf,
        /// The place in it, dotted.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What the other says, and where.
        other: String,
    },
    /// What the libraries of the model's authors read differently.
    #[error("{}: {key} is {found}, and tokenizer_config.json beside it says nothing: `tokenizers` obeys the first, `transformers` reads that as {default}. Write `{setting}` in the suite", path.display())]
    Ambiguous {
        /// `tokenizer.json`.
        path: PathBuf,
        /// The place in it, dotted.
        key: &'static str,
        /// What stands there.
        found: bool,
        /// What BERT or RoBERTa does.
        default: bool,
        /// The key of the suite that decides.
        setting: &'static str,
    },
    /// Two vocabularies in one folder.
    #[error("{} and {} do not hold the same tokens, from id {id} on. Fetch both files again from one and the same model, or move the wrong one away", path.display(), other.display())]
    Vocabularies {
        /// One.
        path: PathBuf,
        /// The other.
        other: PathBuf,
        /// The first token that differs.
        id: usize,
    },
    /// A file of a published model that would not be encoded as its authors encode it.
    #[error("{}: {key} is {found}, expected {expected}. Use {}, or correct the suite", path.display(), kind.files())]
    Unsupported {
        /// As the suite names it.
        path: PathBuf,
        /// The place in the file, dotted.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What this program can reproduce.
        expected: String,
        /// What it was read as.
        kind: TokenizerKind,
    },
    /// A tokenizer of another kind than the encoder was trained with.
    #[error(
        "found the tokenizer `{found}`, expected `{expected}`, with which the encoder was trained. Name the encoder's own files as the tokenizer's `file` in the suite"
    )]
    OtherKind {
        /// What the suite has.
        found: &'static str,
        /// What the encoder's files are.
        expected: &'static str,
    },
    /// A saved tokenizer that was edited, damaged or written by another version.
    #[error("{}: {found}, expected {expected}. Fit the tokenizer again, or use the icdbench that wrote the file", path.display())]
    Artifact {
        /// As it was opened.
        path: PathBuf,
        /// What stands there: never a token.
        found: String,
        /// What this program, or the file itself, says should.
        expected: String,
    },
    /// A setting outside its range.
    #[error("tokenizer setting {key} = {found}, expected {expected}. Correct it in the suite")]
    Setting {
        /// Under `[text.<name>.tokenizer]` of the suite.
        key: &'static str,
        /// What the suite says.
        found: usize,
        /// The allowed range.
        expected: &'static str,
    },
    /// Nothing to fit on.
    #[error(
        "the training split holds {notes} notes and not one token after normalisation, expected text to build a vocabulary from. Check the data set's training split and the recipe"
    )]
    EmptyTrainingSplit {
        /// Notes in the split.
        notes: usize,
    },
    /// The document-frequency cut-off leaves nothing.
    #[error(
        "no word occurs in {min_documents} or more of the {notes} training notes, expected at least one. Lower min-documents or use more notes"
    )]
    NoWordKept {
        /// Training notes that a word must be in.
        min_documents: u32,
        /// How many training notes there are.
        notes: usize,
    },
    /// WordPiece needs more room for single characters alone.
    #[error("tokenizer setting vocabulary = {found}, expected at least {needed}: 5 special tokens and the {} single characters of the training text. Raise vocabulary", needed - 5)]
    VocabularyTooSmall {
        /// What the suite says.
        found: usize,
        /// Special tokens plus the alphabet, at the start of words and inside them.
        needed: usize,
    },
    /// Word vectors asked for a tokenizer that has no words.
    #[error(
        "word vectors need the `words` tokenizer, found {found}. Set tokenizer.words in the suite, or leave the vectors out"
    )]
    NotWords {
        /// `word-piece` or `byte-level-bpe`.
        found: &'static str,
    },
    /// A vector of the wrong length.
    #[error("{}, line {line}: {found} values, expected a word and {expected}. Correct the dimension in the suite, or fetch the file again", path.display())]
    VectorLength {
        /// As the suite names it.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Values on the line.
        found: usize,
        /// The dimension the suite says.
        expected: usize,
    },
    /// A value that is not a finite number.
    #[error("{}, {place}: value {column} is not a finite number, expected {expected} of them. Fetch the file again, or correct the dimension in the suite", path.display())]
    VectorValue {
        /// As the suite names it.
        path: PathBuf,
        /// `line 3`; `vector 3` in a binary file.
        place: String,
        /// Which value, counted from 1.
        column: usize,
        /// The dimension the suite says.
        expected: usize,
    },
    /// The first line announces another number of vectors.
    #[error("{}: {found} vectors, the first line announces {expected}. The file is not whole: fetch it again, or correct its first line", path.display())]
    VectorCount {
        /// As the suite names it.
        path: PathBuf,
        /// Vectors in the file.
        found: usize,
        /// Vectors announced.
        expected: usize,
    },
    /// Not a word of the vocabulary has a vector.
    #[error("{}: none of the {words} words of the vocabulary is among its {vectors} vectors. Compare their spelling: `caml` and `edin` leave lower-case words. Use vectors of such words and of the notes' language, or another `normalise`", path.display())]
    NoVector {
        /// As the suite names it.
        path: PathBuf,
        /// Words of the vocabulary.
        words: usize,
        /// Vectors in the file.
        vectors: usize,
    },
    /// The first line announces another dimension.
    #[error("{}, line 1: announces dimension {found}, expected {expected}. Correct the dimension in the suite, or use the matching file", path.display())]
    VectorDimension {
        /// As the suite names it.
        path: PathBuf,
        /// Dimension announced.
        found: usize,
        /// The dimension the suite says.
        expected: usize,
    },
}

impl Error {
    /// That a file of a published model would not be encoded as its authors encode it.
    pub(super) fn unsupported(
        path: &Path,
        key: &'static str,
        found: &str,
        expected: &str,
        kind: TokenizerKind,
    ) -> Self {
        Self::Unsupported {
            path: path.to_owned(),
            key,
            found: found.to_owned(),
            expected: expected.to_owned(),
            kind,
        }
    }
}
