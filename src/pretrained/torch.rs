//! What `torch.save` writes, of any version of PyTorch and any protocol of pickles: since 1.6 a zip archive of one pickle
//! and a file per storage; before, as many published `pytorch_model.bin` are, five pickles (a magic number, the version,
//! facts of the machine, the state, the sorted list of storages) and then each storage as its number of elements (64
//! bits, little-endian) and the elements.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::fault::Fault;
use super::pickle::{Pickle, Place, Value};
use super::stored::Stored;
use super::zip;

/// The older format's magic number, 0x1950a86a20f9469cfc6c, and the version after it.
const MAGIC: [u8; 10] = *b"\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
const VERSION: usize = 1001;

/// The tensor that tells the state of an encoder from other dictionaries.
const SIGN: &str = "embeddings.word_embeddings.weight";

/// Dictionaries around the one with the encoder's tensors.
const MOST_DEPTH: usize = 8;

/// The tensors by name, from the zip archive.
pub(super) fn archive(bytes: &[u8], file: usize) -> Result<BTreeMap<String, Stored>, Fault> {
    let files = zip::files(bytes)?;
    let pickled = files.iter().find(|(name, _)| is_named(name, "data.pkl"));
    let (name, range) = pickled.ok_or_else(|| {
        Fault::Unsuitable(
            "it is a zip archive that torch.save did not write: unpack it, and name the folder with the weights".into(),
        )
    })?;
    let folder = name.strip_suffix("data.pkl").unwrap_or_default();
    if let Some(order) = files.get(&format!("{folder}byteorder"))
        && bytes[order.clone()] != *b"little"
    {
        return Err(Fault::Unsuitable(
            "its numbers are big-endian: save it again on another machine, or as safetensors".into(),
        ));
    }
    let pickle = Pickle::read(&bytes[range.clone()])?;
    let storages = |key: &str| files.get(&format!("{folder}data/{key}")).cloned();
    stored(&pickle, file, storages)
}

/// Whether that is the last part of a path in the archive.
fn is_named(path: &str, name: &str) -> bool {
    path.rsplit('/').next() == Some(name)
}

/// The tensors by name, from the older format.
pub(super) fn legacy(bytes: &[u8], file: usize) -> Result<BTreeMap<String, Stored>, Fault> {
    let mut at = 0;
    let mut next = || -> Result<Pickle, Fault> {
        let pickle = Pickle::read(&bytes[at..])?;
        at += pickle.length;
        Ok(pickle)
    };
    let magic = next()?;
    if !matches!(magic.value(magic.root), Value::Long(number) if *number == MAGIC) {
        return Err(Fault::Unsuitable(
            "it is a pickle that torch.save did not write: load it with the program that wrote it, and save it with \
             `model.save_pretrained(folder)`"
                .into(),
        ));
    }
    let version = next()?;
    let version = version.size(version.root).unwrap_or_default();
    if version != VERSION {
        return Err(Fault::Damaged(format!("format version {version}, expected {VERSION}")));
    }
    let _machine = next()?;
    let (state, keys) = (next()?, next()?);
    let sizes = storage_sizes(&state);
    let keys = keys.sequence(keys.root).map(|places| {
        let key = |&place: &Place| keys.text(place).map(str::to_owned);
        places.iter().map(key).collect::<Option<Vec<String>>>()
    });
    let keys = keys
        .flatten()
        .ok_or_else(|| Fault::Damaged("no list of storages after the tensors".into()))?;
    let mut storages: HashMap<String, Range<usize>> = HashMap::new();
    for key in keys {
        let size = sizes.get(key.as_str()).copied().flatten();
        let size = size.ok_or_else(|| Fault::Damaged("a storage of no known type".into()))?;
        let count = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()).copied();
        let count = usize::try_from(u64::from_le_bytes(count.ok_or_else(Fault::ends_early)?)).ok();
        let start = at + 8;
        let end = count.and_then(|count| start.checked_add(count.checked_mul(size)?));
        let end = end.filter(|&end| end <= bytes.len()).ok_or_else(Fault::ends_early)?;
        storages.insert(key, start..end);
        at = end;
    }
    stored(&state, file, |key| storages.get(key).cloned())
}

/// The bytes of an element of each storage that a pickle names; `None` where its type is not known.
fn storage_sizes(pickle: &Pickle) -> HashMap<&str, Option<usize>> {
    let storages = pickle.places().filter_map(|place| Storage::of(pickle, place));
    storages.map(|storage| (storage.key, storage.element_size())).collect()
}

/// The tensors of the one dictionary that holds an encoder, where `storages` says that their bytes lie.
fn stored(
    pickle: &Pickle,
    file: usize,
    storages: impl Fn(&str) -> Option<Range<usize>>,
) -> Result<BTreeMap<String, Stored>, Fault> {
    let mut tensors = BTreeMap::new();
    for &(name, value) in pickle.entries(state(pickle)?).unwrap_or_default() {
        let (Some(name), Some(tensor)) = (pickle.text(name), Described::of(pickle, value)) else {
            continue;
        };
        let storage = storages(tensor.storage.key);
        let storage = storage.ok_or_else(|| Fault::Damaged(format!("the storage of {name} is not in the file")))?;
        let stored = Stored {
            kind: tensor.storage.kind(),
            shape: tensor.sizes(name, tensor.shape)?,
            strides: Some(tensor.sizes(name, tensor.strides)?),
            file,
            storage,
            offset: tensor.sizes(name, &[tensor.offset])?[0],
        };
        if stored
            .strides
            .as_ref()
            .is_some_and(|strides| strides.len() != stored.shape.len())
        {
            return Err(Fault::Damaged(format!(
                "tensor {name} has another number of strides than dimensions"
            )));
        }
        tensors.insert(name.to_owned(), stored);
    }
    Ok(tensors)
}

/// The dictionary with the encoder's tensors: the saved one, or one inside it, such as `state_dict` of a checkpoint.
fn state(pickle: &Pickle) -> Result<Place, Fault> {
    let mut seen = BTreeSet::from([pickle.root]);
    let mut open = vec![(String::new(), 0, pickle.root)];
    let mut encoders: Vec<(String, Place)> = Vec::new();
    // The dictionary with the most tensors, for a message that names what is missing.
    let mut most = (0, None);
    while let Some((path, depth, place)) = open.pop() {
        let mut tensors = 0;
        let mut signed = false;
        for &(key, value) in pickle.entries(place).unwrap_or_default() {
            let Some(key) = pickle.text(key) else { continue };
            if Described::of(pickle, value).is_some() {
                tensors += 1;
                signed |= key.ends_with(SIGN);
            } else if depth < MOST_DEPTH && pickle.entries(value).is_some() && seen.insert(value) {
                open.push((format!("{path}[{key:?}]"), depth + 1, value));
            }
        }
        if signed {
            encoders.push((path, place));
        }
        if tensors > most.0 {
            most = (tensors, Some(place));
        }
    }
    match (&encoders[..], most.1) {
        ([(_, one)], _) => Ok(*one),
        ([], Some(most)) => Ok(most),
        ([], None) => Err(Fault::Unsuitable(format!(
            "{}: save the tensors alone, with `torch.save(model.state_dict(), file)` or `model.save_pretrained(folder)`",
            whole(pickle)
        ))),
        (several, _) => {
            let mut paths: Vec<&str> = several.iter().map(|(path, _)| path.as_str()).collect();
            paths.sort_unstable();
            Err(Fault::Unsuitable(format!(
                "it holds {} encoders, in {}: save the one that is meant alone, with `torch.save(saved{}, file)`",
                paths.len(),
                paths
                    .iter()
                    .map(|path| format!("saved{path}"))
                    .collect::<Vec<_>>()
                    .join(" and "),
                paths[0],
            )))
        }
    }
}

/// What a pickle without tensors by name holds.
fn whole(pickle: &Pickle) -> String {
    match pickle.value(pickle.root) {
        Value::Object { callable, .. } => match pickle.class(*callable) {
            Some((module, name)) => format!("it holds a whole object of the class {module}.{name}, no tensors by name"),
            None => "it holds a whole object, no tensors by name".into(),
        },
        _ => "it holds no dictionary of tensors".into(),
    }
}

/// The storage of a tensor as a pickle names it: `("storage", class, key, device, elements)`.
struct Storage<'a> {
    class: &'a str,
    key: &'a str,
}

impl<'a> Storage<'a> {
    fn of(pickle: &'a Pickle, place: Place) -> Option<Self> {
        let Value::Outside(name) = pickle.value(place) else {
            return None;
        };
        let &[_, class, key, ..] = pickle.sequence(*name)? else {
            return None;
        };
        Some(Self {
            class: pickle.class(class)?.1,
            key: pickle.text(key)?,
        })
    }

    /// The element type in capitals.
    fn kind(&self) -> String {
        let kind = match self.class {
            "FloatStorage" => "F32",
            "HalfStorage" => "F16",
            "BFloat16Storage" => "BF16",
            "DoubleStorage" => "F64",
            "LongStorage" => "I64",
            "IntStorage" => "I32",
            "ShortStorage" => "I16",
            "CharStorage" => "I8",
            "ByteStorage" => "U8",
            "BoolStorage" => "BOOL",
            other => return other.to_owned(),
        };
        kind.to_owned()
    }

    fn element_size(&self) -> Option<usize> {
        match self.kind().as_str() {
            "F64" | "I64" => Some(8),
            "F32" | "I32" => Some(4),
            "F16" | "BF16" | "I16" => Some(2),
            "I8" | "U8" | "BOOL" => Some(1),
            _ => None,
        }
    }
}

/// A tensor as a pickle describes it: the call that would build it.
struct Described<'a> {
    pickle: &'a Pickle,
    storage: Storage<'a>,
    offset: Place,
    shape: &'a [Place],
    strides: &'a [Place],
}

/// Calls around the one that builds a tensor: a parameter of a subclass of tensors.
const MOST_WRAPPINGS: usize = 4;

impl<'a> Described<'a> {
    fn of(pickle: &'a Pickle, place: Place) -> Option<Self> {
        let Value::Object {
            callable, arguments, ..
        } = pickle.value(place)
        else {
            return None;
        };
        let (mut callable, mut arguments) = (*callable, *arguments);
        for _ in 0..MOST_WRAPPINGS {
            let given = pickle.sequence(arguments)?;
            match pickle.class(callable)? {
                ("torch._utils", "_rebuild_tensor_v2" | "_rebuild_tensor") => {
                    let &[storage, offset, shape, strides, ..] = given else {
                        return None;
                    };
                    return Some(Self {
                        pickle,
                        storage: Storage::of(pickle, storage)?,
                        offset,
                        shape: pickle.sequence(shape)?,
                        strides: pickle.sequence(strides)?,
                    });
                }
                ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                    let Value::Object {
                        callable: inner,
                        arguments: given,
                        ..
                    } = pickle.value(*given.first()?)
                    else {
                        return None;
                    };
                    (callable, arguments) = (*inner, *given);
                }
                ("torch._tensor", "_rebuild_from_type_v2") => {
                    let &[inner, _, given, ..] = given else {
                        return None;
                    };
                    (callable, arguments) = (inner, given);
                }
                _ => return None,
            }
        }
        None
    }

    fn sizes(&self, name: &str, places: &[Place]) -> Result<Vec<usize>, Fault> {
        let size = |&place: &Place| self.pickle.size(place);
        let sizes: Option<Vec<usize>> = places.iter().map(size).collect();
        sizes.ok_or_else(|| Fault::Damaged(format!("tensor {name} has a size below 0, or none")))
    }
}
