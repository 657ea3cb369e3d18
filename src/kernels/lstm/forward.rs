//! The scan from the first step to the last.

use pulp::{Simd, WithSimd};

use crate::kernels::recurrence::gates::{sigmoid, tanh};
use crate::kernels::recurrence::panel::{Panels, ROWS, Tile, WIDE};
use crate::kernels::recurrence::scan::{Place, Recurrence, Scan, cut, for_each_group, load, store};

/// Gates, and panels of [`WIDE`] vectors of hidden units.
const GATES: usize = 4;

pub struct Forward<'a> {
    pub scan: Scan<'a>,
    pub recurrence: Recurrence<'a>,
    pub gates: &'a mut [f32],
    pub cells: Option<&'a mut [f32]>,
    pub states: &'a mut [f32],
}

/// The slices of one group.
struct Group<'a> {
    scan: Scan<'a>,
    gates: &'a mut [f32],
    cells: Option<&'a mut [f32]>,
    states: &'a mut [f32],
}

/// The recurrent weight: a few vectors of hidden units at a time, with a panel for each of their gates.
struct Layer<S: Simd> {
    weight: Panels<S>,
    /// Where the panel's sums start: the biases.
    start: Vec<[S::f32s; WIDE]>,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let scan = self.scan;
        let layer = Layer::new(simd, scan, self.recurrence);
        let cells: Vec<Option<&mut [f32]>> = match self.cells {
            Some(values) => cut(&scan, scan.hidden, values).into_iter().map(Some).collect(),
            None => scan.groups().map(|_| None).collect(),
        };
        let gates = cut(&scan, GATES * scan.hidden, self.gates).into_iter();
        let states = cut(&scan, scan.hidden, self.states).into_iter();
        let groups = scan.groups().zip(gates).zip(cells).zip(states);
        let groups = groups.map(|(((scan, gates), cells), states)| Group {
            scan,
            gates,
            cells,
            states,
        });
        for_each_group(groups.collect(), |group| {
            simd.vectorize(Sweep {
                simd,
                group,
                layer: &layer,
            })
        });
    }
}

/// The units of one vector of a panel; none where the panel is wider than the state.
#[inline(always)]
fn units<S: Simd>(hidden: usize, panel: usize, vector: usize) -> std::ops::Range<usize> {
    let first = hidden.min((panel / GATES * WIDE + vector) * S::F32_LANES);
    first..hidden.min(first + S::F32_LANES)
}

/// The recurrent products of one vector of one note's units, gate by gate.
#[inline(always)]
fn sums<S: Simd>([i, f, g, o]: &[Tile<S>; GATES], note: usize, vector: usize) -> [S::f32s; GATES] {
    [i[note][vector], f[note][vector], g[note][vector], o[note][vector]]
}

impl<S: Simd> Layer<S> {
    #[inline(always)]
    fn new(simd: S, scan: Scan, recurrence: Recurrence) -> Self {
        let hidden = scan.hidden;
        let count = GATES * scan.vectors::<S>().div_ceil(WIDE);
        let weight = Panels::pack(simd, count, hidden, |depth, panel, vector, lane| {
            let unit = (panel / GATES * WIDE + vector) * S::F32_LANES + lane;
            if unit < hidden {
                recurrence.weight[(depth * GATES + panel % GATES) * hidden + unit]
            } else {
                0.0
            }
        });
        let mut start = vec![[simd.splat_f32s(0.0); WIDE]; count];
        for (panel, start) in start.iter_mut().enumerate() {
            for (vector, start) in start.iter_mut().enumerate() {
                let units = units::<S>(hidden, panel, vector);
                let bias = |bias: &[f32]| load(simd, &bias[panel % GATES * hidden..][units.clone()]);
                *start = simd.add_f32s(bias(recurrence.input_bias), bias(recurrence.bias));
            }
        }
        Self { weight, start }
    }
}

/// The scan of one group, a type of its own so that `vectorize` compiles it for the processor.
struct Sweep<'a, S: Simd> {
    simd: S,
    group: Group<'a>,
    layer: &'a Layer<S>,
}

impl<S: Simd> WithSimd for Sweep<'_, S> {
    type Output = ();

    #[inline(always)]
    fn with_simd<T: Simd>(self, _: T) {
        let Self { simd, mut group, layer } = self;
        let hidden = group.scan.hidden;
        // The states side by side, `[unit, note]`, before a step and after it, and the cells, `[note, unit]`.
        let mut before = vec![[0.0; ROWS]; hidden];
        let mut after = vec![[0.0; ROWS]; hidden];
        let mut cells = vec![0.0; ROWS * hidden];
        let mut places = [Place::default(); ROWS];
        let mut tiles = [[[simd.splat_f32s(0.0); WIDE]; ROWS]; GATES];
        for step in 0..group.scan.steps() {
            let active = group.scan.at(step, &mut places);
            for first in (0..layer.weight.count()).step_by(GATES) {
                for (gate, tile) in tiles.iter_mut().enumerate() {
                    let panel = first + gate;
                    *tile = layer.weight.product(simd, panel, &before, active, layer.start[panel]);
                }
                for (note, place) in places[..active].iter().enumerate() {
                    for vector in 0..WIDE {
                        let units = units::<S>(hidden, first, vector);
                        if units.is_empty() {
                            break;
                        }
                        let sums = sums::<S>(&tiles, note, vector);
                        let cell = &mut cells[note * hidden..][units.clone()];
                        let state = [group.unit(simd, *place, units.clone(), sums, cell)];
                        let lanes: &[f32] = pulp::bytemuck::cast_slice(&state);
                        for (rows, &value) in after[units].iter_mut().zip(lanes) {
                            rows[note] = value;
                        }
                    }
                }
            }
            std::mem::swap(&mut before, &mut after);
        }
    }
}

impl Group<'_> {
    /// The new state of a few units of one note, from their recurrent products and their `cell`, which becomes the new
    /// one.
    #[inline(always)]
    fn unit<S: Simd>(
        &mut self,
        simd: S,
        place: Place,
        units: std::ops::Range<usize>,
        sums: [S::f32s; GATES],
        cell: &mut [f32],
    ) -> S::f32s {
        let hidden = self.scan.hidden;
        let [gates_i, gates_f, gates_g, gates_o] = quarters(&mut self.gates[place.row * GATES * hidden..], hidden);
        let [gates_i, gates_f, gates_g, gates_o] = [
            &mut gates_i[units.clone()],
            &mut gates_f[units.clone()],
            &mut gates_g[units.clone()],
            &mut gates_o[units.clone()],
        ];
        let i = sigmoid(simd, simd.add_f32s(load(simd, gates_i), sums[0]));
        let f = sigmoid(simd, simd.add_f32s(load(simd, gates_f), sums[1]));
        let g = tanh(simd, simd.add_f32s(load(simd, gates_g), sums[2]));
        let o = sigmoid(simd, simd.add_f32s(load(simd, gates_o), sums[3]));
        let new = simd.mul_add_e_f32s(f, load(simd, cell), simd.mul_f32s(i, g));
        let state = simd.mul_f32s(o, tanh(simd, new));
        store::<S>(gates_i, i);
        store::<S>(gates_f, f);
        store::<S>(gates_g, g);
        store::<S>(gates_o, o);
        store::<S>(cell, new);
        if let Some(cells) = &mut self.cells {
            store::<S>(&mut cells[place.row * hidden..][units.clone()], new);
        }
        store::<S>(&mut self.states[place.row * hidden..][units], state);
        state
    }
}

/// The four gates of the row at the start, gate by gate.
#[inline(always)]
pub fn quarters(rows: &mut [f32], hidden: usize) -> [&mut [f32]; GATES] {
    let (i, rest) = rows.split_at_mut(hidden);
    let (f, rest) = rest.split_at_mut(hidden);
    let (g, rest) = rest.split_at_mut(hidden);
    [i, f, g, &mut rest[..hidden]]
}
