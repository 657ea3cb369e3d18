//! Python's pickles, protocols 0 to 5, as plain data: nothing in them is run. Values lie in one list and refer to each
//! other by their place in it, so that neither nesting nor sharing costs memory or stack; strings are compared with the
//! bytes that are left before they are made.

use std::collections::HashMap;

use super::fault::Fault;

/// The place of a value in its list.
pub(super) type Place = usize;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// None, numbers with a fraction, bytes, sets: what no tensor is described by.
    Other,
    Int(i64),
    /// A whole number beyond 64 bits, little-endian.
    Long(Vec<u8>),
    Text(String),
    Class {
        module: String,
        name: String,
    },
    Sequence(Vec<Place>),
    Dictionary(Vec<(Place, Place)>),
    /// What calling `callable` would give, then filled with `items` and `state`.
    Object {
        callable: Place,
        arguments: Place,
        items: Vec<(Place, Place)>,
        state: Option<Place>,
    },
    /// What the program that saved it knows by this name: a tensor's storage.
    Outside(Place),
}

/// What one pickle holds.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    /// The value that was saved.
    pub(super) root: Place,
    /// Bytes of the pickle.
    pub(super) length: usize,
}

/// Operations of a pickle at most: twenty times what the state of a large BERT with its optimiser's takes.
const MOST_OPERATIONS: usize = 1 << 20;

impl Pickle {
    /// Reads the pickle at the start of `bytes`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let mut machine = Machine {
            bytes,
            at: 0,
            values: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            copied: 0,
        };
        for _ in 0..MOST_OPERATIONS {
            if machine.step()? {
                let root = machine.pop()?;
                return Ok(Self {
                    values: machine.values,
                    root,
                    length: machine.at,
                });
            }
        }
        Err(unsuitable(&format!(
            "its pickle has more than {MOST_OPERATIONS} operations"
        )))
    }

    /// The places of all values.
    pub(super) fn places(&self) -> std::ops::Range<Place> {
        0..self.values.len()
    }

    pub(super) fn value(&self, place: Place) -> &Value {
        &self.values[place]
    }

    pub(super) fn text(&self, place: Place) -> Option<&str> {
        match &self.values[place] {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn sequence(&self, place: Place) -> Option<&[Place]> {
        match &self.values[place] {
            Value::Sequence(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn class(&self, place: Place) -> Option<(&str, &str)> {
        match &self.values[place] {
            Value::Class { module, name } => Some((module, name)),
            _ => None,
        }
    }

    /// A whole number that is no size where it is negative.
    pub(super) fn size(&self, place: Place) -> Option<usize> {
        match self.values[place] {
            Value::Int(value) => usize::try_from(value).ok(),
            _ => None,
        }
    }

    /// The entries of a dictionary, or of an object that is filled like one.
    pub(super) fn entries(&self, place: Place) -> Option<&[(Place, Place)]> {
        match &self.values[place] {
            Value::Dictionary(entries) => Some(entries),
            Value::Object { items, .. } if !items.is_empty() => Some(items),
            _ => None,
        }
    }
}

/// Something else than the state of a model, with what to do about it.
fn unsuitable(what: &str) -> Fault {
    Fault::Unsuitable(format!(
        "{what}: expected what `torch.save(model.state_dict(), file)` writes. Load it with the program that wrote it and \
         save that, or `model.save_pretrained(folder)`"
    ))
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<Place>,
    marks: Vec<usize>,
    memo: HashMap<u64, Place>,
    /// Entries that were copied out of lists.
    copied: usize,
}

impl<'a> Machine<'a> {
    /// Does one operation; whether it was the last.
    fn step(&mut self) -> Result<bool, Fault> {
        let operation = self.take(1)?[0];
        match operation {
            b'.' => return Ok(true),
            // The protocol's number, and how many bytes come in one piece.
            0x80 => {
                self.take(1)?;
            }
            0x95 => {
                self.take(8)?;
            }
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                self.pop()?;
            }
            // Everything above the mark; a set's items are among what no tensor is described by.
            b'1' | 0x90 => {
                self.down_to_mark()?;
            }
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'N' | 0x88 | 0x89 | 0x8f => self.push(Value::Other),
            b'J' => {
                let bytes = self.take(4)?;
                let value = i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                self.push(Value::Int(value.into()));
            }
            b'K' => self.whole(1)?,
            b'M' => self.whole(2)?,
            b'I' | b'L' => {
                let line = self.line()?;
                let digits = line.strip_suffix('L').unwrap_or(line);
                let value = digits.parse().map_or(Value::Other, Value::Int);
                self.push(value);
            }
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            b'G' => {
                self.take(8)?;
                self.push(Value::Other);
            }
            b'F' => {
                self.line()?;
                self.push(Value::Other);
            }
            // Python 2's strings, in which old conversions wrote the names of tensors, and its text.
            b'U' | 0x8c => self.string(1)?,
            b'T' | b'X' => self.string(4)?,
            0x8d => self.string(8)?,
            b'S' => {
                let line = self.line()?;
                let text = line.trim_matches(['\'', '"']).to_owned();
                self.push(Value::Text(text));
            }
            b'V' => {
                let text = self.line()?.to_owned();
                self.push(Value::Text(text));
            }
            b'C' => self.skipped(1)?,
            b'B' => self.skipped(4)?,
            0x8e | 0x96 => self.skipped(8)?,
            b']' | b')' => self.push(Value::Sequence(Vec::new())),
            b't' | b'l' => {
                let items = self.down_to_mark()?;
                self.push(Value::Sequence(items));
            }
            0x85..=0x87 => {
                let count = usize::from(operation - 0x84);
                let items = self.last(count)?;
                self.push(Value::Sequence(items));
            }
            b'}' => self.push(Value::Dictionary(Vec::new())),
            b'd' => {
                let entries = pairs(&self.down_to_mark()?)?;
                self.push(Value::Dictionary(entries));
            }
            b'a' => {
                let items = self.last(1)?;
                self.append(items)?;
            }
            b'e' => {
                let items = self.down_to_mark()?;
                self.append(items)?;
            }
            b's' => {
                let entry = self.last(2)?;
                self.set(pairs(&entry)?)?;
            }
            b'u' => {
                let entries = pairs(&self.down_to_mark()?)?;
                self.set(entries)?;
            }
            0x91 => {
                self.down_to_mark()?;
                self.push(Value::Other);
            }
            b'c' => {
                let (module, name) = (self.line()?.to_owned(), self.line()?.to_owned());
                self.push(Value::Class { module, name });
            }
            0x93 => {
                let [module, name] = self.pair()?;
                let text = |place: Place| match &self.values[place] {
                    Value::Text(text) => Ok(text.clone()),
                    _ => Err(Fault::Damaged("a class without a name".into())),
                };
                let (module, name) = (text(module)?, text(name)?);
                self.push(Value::Class { module, name });
            }
            b'R' | 0x81 => {
                let [callable, arguments] = self.pair()?;
                self.call(callable, arguments)?;
            }
            0x92 => {
                let parts = self.last(3)?;
                self.call(parts[0], parts[1])?;
            }
            b'b' => self.build()?,
            b'Q' => {
                let name = self.pop()?;
                self.push(Value::Outside(name));
            }
            b'q' => self.memoize(1)?,
            b'r' => self.memoize(4)?,
            b'p' => {
                let key = self.key()?;
                self.remember(key)?;
            }
            0x94 => self.remember(self.memo.len() as u64)?,
            b'h' => self.recall_number(1)?,
            b'j' => self.recall_number(4)?,
            b'g' => {
                let key = self.key()?;
                self.recall(key)?;
            }
            other => {
                return Err(unsuitable(&format!(
                    "its pickle has the operation {other:#04x}, which no state of a model needs"
                )));
            }
        }
        Ok(false)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(count);
        let bytes = end.and_then(|end| self.bytes.get(self.at..end));
        let bytes = bytes.ok_or_else(Fault::ends_early)?;
        self.at += count;
        Ok(bytes)
    }

    /// A little-endian number of so many bytes.
    fn number(&mut self, bytes: usize) -> Result<u64, Fault> {
        let bytes = self.take(bytes)?;
        Ok(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// As many bytes as a number of `width` bytes before them says.
    fn counted(&mut self, width: usize) -> Result<&'a [u8], Fault> {
        let count = usize::try_from(self.number(width)?).map_err(|_| Fault::ends_early())?;
        self.take(count)
    }

    fn line(&mut self) -> Result<&'a str, Fault> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&byte| byte == b'\n');
        let line = &rest[..end.ok_or_else(Fault::ends_early)?];
        self.at += line.len() + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        std::str::from_utf8(line).map_err(|_| Fault::Damaged("a name in its pickle is not UTF-8".into()))
    }

    fn key(&mut self) -> Result<u64, Fault> {
        let key = self.line()?.parse();
        key.map_err(|_| Fault::Damaged("a reference in its pickle is no number".into()))
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    /// What lies on the stack above the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Place, Fault> {
        let above = self.stack.get(self.floor()..).and_then(<[Place]>::last);
        above.copied().ok_or_else(nothing_there)
    }

    fn pop(&mut self) -> Result<Place, Fault> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn last(&mut self, count: usize) -> Result<Vec<Place>, Fault> {
        let start = self.stack.len().checked_sub(count);
        let start = start.filter(|&start| start >= self.floor()).ok_or_else(nothing_there)?;
        Ok(self.stack.split_off(start))
    }

    fn pair(&mut self) -> Result<[Place; 2], Fault> {
        let items = self.last(2)?;
        Ok([items[0], items[1]])
    }

    fn down_to_mark(&mut self) -> Result<Vec<Place>, Fault> {
        let mark = self.marks.pop().ok_or_else(nothing_there)?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn whole(&mut self, bytes: usize) -> Result<(), Fault> {
        let value = self.number(bytes)?;
        self.push(Value::Int(value as i64)); // OK because it has at most two bytes.
        Ok(())
    }

    fn long(&mut self, width: usize) -> Result<(), Fault> {
        let bytes = self.counted(width)?;
        let value = match bytes.len() {
            0..=8 => {
                let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
                let mut wide = [if negative { 0xff } else { 0 }; 8];
                wide[..bytes.len()].copy_from_slice(bytes);
                Value::Int(i64::from_le_bytes(wide))
            }
            _ => Value::Long(bytes.to_vec()),
        };
        self.push(value);
        Ok(())
    }

    fn string(&mut self, width: usize) -> Result<(), Fault> {
        let text = String::from_utf8_lossy(self.counted(width)?).into_owned();
        self.push(Value::Text(text));
        Ok(())
    }

    fn skipped(&mut self, width: usize) -> Result<(), Fault> {
        self.counted(width)?;
        self.push(Value::Other);
        Ok(())
    }

    fn append(&mut self, items: Vec<Place>) -> Result<(), Fault> {
        let list = self.top()?;
        match &mut self.values[list] {
            Value::Sequence(own) => own.extend(items),
            // A list or a set of a class of its own holds no tensors of a state.
            Value::Object { .. } | Value::Other => {}
            _ => return Err(Fault::Damaged("it appends to what is no list".into())),
        }
        Ok(())
    }

    fn set(&mut self, entries: Vec<(Place, Place)>) -> Result<(), Fault> {
        let dictionary = self.top()?;
        match &mut self.values[dictionary] {
            Value::Dictionary(own) | Value::Object { items: own, .. } => own.extend(entries),
            _ => return Err(Fault::Damaged("it sets an entry of what is no dictionary".into())),
        }
        Ok(())
    }

    fn call(&mut self, callable: Place, arguments: Place) -> Result<(), Fault> {
        let dictionary = match &self.values[callable] {
            Value::Class { module, name } => {
                module == "collections" && (name == "OrderedDict" || name == "defaultdict")
            }
            _ => false,
        };
        let value = match dictionary {
            true => {
                let entries = self.listed(arguments);
                self.copied += entries.len();
                if self.copied > MOST_OPERATIONS {
                    return Err(unsuitable("its pickle repeats its lists without end"));
                }
                Value::Dictionary(entries)
            }
            false => Value::Object {
                callable,
                arguments,
                items: Vec::new(),
                state: None,
            },
        };
        self.push(value);
        Ok(())
    }

    /// The entries that the arguments of a dictionary list, as Python 2 wrote them.
    fn listed(&self, arguments: Place) -> Vec<(Place, Place)> {
        let sequence = |place: Place| match &self.values[place] {
            Value::Sequence(items) => &items[..],
            _ => &[],
        };
        let pairs = sequence(arguments).first().map_or(&[][..], |&list| sequence(list));
        let pairs = pairs.iter().filter_map(|&pair| match sequence(pair) {
            &[key, value] => Some((key, value)),
            _ => None,
        });
        pairs.collect()
    }

    fn build(&mut self) -> Result<(), Fault> {
        let state = self.pop()?;
        let object = self.top()?;
        if let Value::Object { state: own, .. } = &mut self.values[object] {
            *own = Some(state);
        }
        Ok(())
    }

    fn memoize(&mut self, width: usize) -> Result<(), Fault> {
        let key = self.number(width)?;
        self.remember(key)
    }

    fn remember(&mut self, key: u64) -> Result<(), Fault> {
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall_number(&mut self, width: usize) -> Result<(), Fault> {
        let key = self.number(width)?;
        self.recall(key)
    }

    fn recall(&mut self, key: u64) -> Result<(), Fault> {
        let place = self.memo.get(&key).copied();
        self.stack
            .push(place.ok_or_else(|| Fault::Damaged("its pickle refers to what is not there".into()))?);
        Ok(())
    }
}

fn pairs(items: &[Place]) -> Result<Vec<(Place, Place)>, Fault> {
    let (pairs, rest) = items.as_chunks::<2>();
    match rest {
        [] => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
        _ => Err(Fault::Damaged("a key without a value".into())),
    }
}

fn nothing_there() -> Fault {
    Fault::Damaged("its pickle takes what it has not put there".into())
}
