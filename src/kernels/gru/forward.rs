//! The scan from the first step to the last.

use pulp::{Simd, WithSimd};

use crate::kernels::recurrence::gates::{sigmoid, tanh};
use crate::kernels::recurrence::panel::{Panels, ROWS, WIDE};
use crate::kernels::recurrence::scan::{Place, Recurrence, Scan, cut, for_each_group, load, store};

pub struct Forward<'a> {
    pub scan: Scan<'a>,
    pub recurrence: Recurrence<'a>,
    pub gates: &'a mut [f32],
    pub candidate: Option<&'a mut [f32]>,
    pub states: &'a mut [f32],
}

/// The slices of one group.
struct Group<'a> {
    scan: Scan<'a>,
    gates: &'a mut [f32],
    candidate: Option<&'a mut [f32]>,
    states: &'a mut [f32],
}

/// The recurrent weight, a panel for each vector of hidden units with its three gates side by side.
struct Layer<S: Simd> {
    weight: Panels<S>,
    /// Where the panel's sums start: the biases that are added to them in any case.
    start: Vec<[S::f32s; WIDE]>,
    /// The input bias of the candidate gate, which the reset gate does not touch.
    bias: Vec<S::f32s>,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let scan = self.scan;
        let layer = Layer::new(simd, scan, self.recurrence);
        let candidates: Vec<Option<&mut [f32]>> = match self.candidate {
            Some(values) => cut(&scan, scan.hidden, values).into_iter().map(Some).collect(),
            None => scan.groups().map(|_| None).collect(),
        };
        let gates = cut(&scan, 3 * scan.hidden, self.gates).into_iter();
        let states = cut(&scan, scan.hidden, self.states).into_iter();
        let groups = scan.groups().zip(gates).zip(candidates).zip(states);
        let groups = groups.map(|(((scan, gates), candidate), states)| Group {
            scan,
            gates,
            candidate,
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

impl<S: Simd> Layer<S> {
    #[inline(always)]
    fn new(simd: S, scan: Scan, recurrence: Recurrence) -> Self {
        let hidden = scan.hidden;
        let count = scan.vectors::<S>();
        let weight = Panels::pack(simd, count, hidden, |depth, panel, gate, lane| {
            let unit = panel * S::F32_LANES + lane;
            if unit < hidden {
                recurrence.weight[depth * 3 * hidden + gate * hidden + unit]
            } else {
                0.0
            }
        });
        let vector = |bias: &[f32], gate: usize, panel: usize| {
            let units = panel * S::F32_LANES..hidden.min((panel + 1) * S::F32_LANES);
            load(simd, &bias[gate * hidden..][units])
        };
        let start = |panel| {
            let both = |gate| {
                simd.add_f32s(
                    vector(recurrence.input_bias, gate, panel),
                    vector(recurrence.bias, gate, panel),
                )
            };
            [both(0), both(1), vector(recurrence.bias, 2, panel)]
        };
        Self {
            weight,
            start: (0..count).map(start).collect(),
            bias: (0..count)
                .map(|panel| vector(recurrence.input_bias, 2, panel))
                .collect(),
        }
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
        // The states side by side, `[unit, note]`, before a step and after it.
        let mut before = vec![[0.0; ROWS]; hidden];
        let mut after = vec![[0.0; ROWS]; hidden];
        let mut places = [Place::default(); ROWS];
        for step in 0..group.scan.steps() {
            let active = group.scan.at(step, &mut places);
            for panel in 0..layer.weight.count() {
                let tile = layer.weight.product(simd, panel, &before, active, layer.start[panel]);
                let units = panel * S::F32_LANES..hidden.min((panel + 1) * S::F32_LANES);
                for (note, (sums, place)) in tile.iter().zip(&places[..active]).enumerate() {
                    let state = [group.unit(simd, *place, units.clone(), sums, layer.bias[panel])];
                    let lanes: &[f32] = pulp::bytemuck::cast_slice(&state);
                    for (rows, &value) in after[units.clone()].iter_mut().zip(lanes) {
                        rows[note] = value;
                    }
                }
            }
            std::mem::swap(&mut before, &mut after);
        }
    }
}

impl Group<'_> {
    /// The new state of a few units of one note, from the panel's sums.
    #[inline(always)]
    fn unit<S: Simd>(
        &mut self,
        simd: S,
        place: Place,
        units: std::ops::Range<usize>,
        sums: &[S::f32s; WIDE],
        bias: S::f32s,
    ) -> S::f32s {
        let hidden = self.scan.hidden;
        let [gates_r, gates_z, gates_n] = thirds(&mut self.gates[place.row * 3 * hidden..][..3 * hidden]);
        let [gates_r, gates_z, gates_n] = [
            &mut gates_r[units.clone()],
            &mut gates_z[units.clone()],
            &mut gates_n[units.clone()],
        ];
        let r = sigmoid(simd, simd.add_f32s(load(simd, gates_r), sums[0]));
        let z = sigmoid(simd, simd.add_f32s(load(simd, gates_z), sums[1]));
        let input = simd.add_f32s(load(simd, gates_n), bias);
        let n = tanh(simd, simd.mul_add_e_f32s(r, sums[2], input));
        let old = match place.before {
            Some(row) => load(simd, &self.states[row * hidden..][units.clone()]),
            None => simd.splat_f32s(0.0),
        };
        let state = simd.mul_add_e_f32s(z, simd.sub_f32s(old, n), n);
        store::<S>(gates_r, r);
        store::<S>(gates_z, z);
        store::<S>(gates_n, n);
        if let Some(candidate) = &mut self.candidate {
            store::<S>(&mut candidate[place.row * hidden..][units.clone()], sums[2]);
        }
        store::<S>(&mut self.states[place.row * hidden..][units], state);
        state
    }
}

/// A row of three gates, gate by gate.
#[inline(always)]
pub fn thirds(row: &mut [f32]) -> [&mut [f32]; 3] {
    let hidden = row.len() / 3;
    let (r, rest) = row.split_at_mut(hidden);
    let (z, n) = rest.split_at_mut(hidden);
    [r, z, n]
}
