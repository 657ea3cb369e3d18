//! The scan's gradient, from the last step to the first.

use pulp::{Simd, WithSimd};

use super::forward::thirds;
use crate::kernels::recurrence::back::{add_product, carry, transposed};
use crate::kernels::recurrence::panel::{Panels, ROWS};
use crate::kernels::recurrence::scan::{Place, Scan, cut, for_each_group, load, store};

/// Gradients at the recurrence's parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// Recurrent weight, `[H, 3H]`.
    pub weight: Vec<f32>,
    /// Bias of the input projections, `[3H]`.
    pub input_bias: Vec<f32>,
    /// Bias of the recurrent products, `[3H]`.
    pub bias: Vec<f32>,
}

pub struct Backward<'a> {
    pub scan: Scan<'a>,
    pub weight: &'a [f32],
    pub gates: &'a mut [f32],
    pub candidate: &'a mut [f32],
    pub states: &'a [f32],
    pub at_states: &'a [f32],
}

/// The slices of one group. `states` and `at_states` are those of all groups.
struct Group<'a> {
    scan: Scan<'a>,
    gates: &'a mut [f32],
    candidate: &'a mut [f32],
    states: &'a [f32],
    at_states: &'a [f32],
    /// The gradients at the biases, `[4, H]`: r, z, n at the input, n at the recurrent product.
    biases: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    /// The gradients at the biases, `[4, H]`.
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let scan = self.scan;
        let hidden = scan.hidden;
        let weight = transposed(simd, scan, self.weight);
        let mut biases = vec![0.0; scan.groups().count() * 4 * hidden];
        let gates = cut(&scan, 3 * hidden, self.gates).into_iter();
        let candidates = cut(&scan, hidden, self.candidate);
        let mut groups = Vec::new();
        let mut start = 0;
        let slices = gates.zip(candidates).zip(biases.chunks_mut(4 * hidden));
        for (scan, ((gates, candidate), biases)) in scan.groups().zip(slices) {
            let rows = start * hidden..(start + scan.rows()) * hidden;
            start += scan.rows();
            groups.push(Group {
                scan,
                gates,
                candidate,
                states: &self.states[rows.clone()],
                at_states: &self.at_states[rows],
                biases,
            });
        }
        for_each_group(groups, |group| {
            simd.vectorize(Sweep {
                simd,
                group,
                weight: &weight,
            })
        });
        let mut sum = vec![0.0; 4 * hidden];
        for part in biases.chunks(4 * hidden) {
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        sum
    }
}

/// The scan of one group, a type of its own so that `vectorize` compiles it for the processor.
struct Sweep<'a, S: Simd> {
    simd: S,
    group: Group<'a>,
    weight: &'a Panels<S>,
}

impl<S: Simd> WithSimd for Sweep<'_, S> {
    type Output = ();

    #[inline(always)]
    fn with_simd<T: Simd>(self, _: T) {
        let Self {
            simd,
            mut group,
            weight,
        } = self;
        let hidden = group.scan.hidden;
        // The gradient at the state before the step, `[note, unit]`, and that at the step's
        // recurrent products, `[gate and unit, note]`.
        let mut carried = vec![0.0; ROWS * hidden];
        let mut at_gates = vec![[0.0; ROWS]; 3 * hidden];
        let mut places = [Place::default(); ROWS];
        for step in (0..group.scan.steps()).rev() {
            let active = group.scan.at(step, &mut places);
            for note in 0..active {
                let carried = &mut carried[note * hidden..][..hidden];
                group.gates(simd, places[note], note, carried, &mut at_gates);
            }
            if step == 0 {
                break;
            }
            carry(simd, weight, &at_gates, active, hidden, &mut carried);
        }
    }
}

impl Group<'_> {
    /// One note's step back through the gates. `carried` is the gradient at its state, and becomes
    /// the part of that at the state before which does not go through the recurrent products.
    #[inline(always)]
    fn gates<S: Simd>(
        &mut self,
        simd: S,
        place: Place,
        note: usize,
        carried: &mut [f32],
        at_gates: &mut [[f32; ROWS]],
    ) {
        let hidden = self.scan.hidden;
        let one = simd.splat_f32s(1.0);
        let mut first = 0;
        while first < hidden {
            let units = first..hidden.min(first + S::F32_LANES);
            first = units.end;
            let [gates_r, gates_z, gates_n] = thirds(&mut self.gates[place.row * 3 * hidden..][..3 * hidden]);
            let [gates_r, gates_z, gates_n] = [
                &mut gates_r[units.clone()],
                &mut gates_z[units.clone()],
                &mut gates_n[units.clone()],
            ];
            let candidate = &mut self.candidate[place.row * hidden..][units.clone()];
            let [r, z, n] = [load(simd, gates_r), load(simd, gates_z), load(simd, gates_n)];
            let old = match place.before {
                Some(row) => load(simd, &self.states[row * hidden..][units.clone()]),
                None => simd.splat_f32s(0.0),
            };
            let carried = &mut carried[units.clone()];
            let at_state = simd.add_f32s(
                load(simd, carried),
                load(simd, &self.at_states[place.row * hidden..][units.clone()]),
            );
            let slope = |gate| simd.mul_f32s(gate, simd.sub_f32s(one, gate));
            let at_n = simd.mul_f32s(at_state, simd.sub_f32s(one, z));
            let at_n = simd.mul_f32s(at_n, simd.sub_f32s(one, simd.mul_f32s(n, n)));
            let at_z = simd.mul_f32s(simd.mul_f32s(at_state, simd.sub_f32s(old, n)), slope(z));
            let at_r = simd.mul_f32s(simd.mul_f32s(at_n, load(simd, candidate)), slope(r));
            let at_candidate = simd.mul_f32s(at_n, r);
            store::<S>(carried, simd.mul_f32s(at_state, z));
            store::<S>(gates_r, at_r);
            store::<S>(gates_z, at_z);
            store::<S>(gates_n, at_n);
            store::<S>(candidate, at_candidate);
            for (part, vector) in [at_r, at_z, at_n, at_candidate].into_iter().enumerate() {
                let bias = &mut self.biases[part * hidden..][units.clone()];
                let total = simd.add_f32s(load(simd, bias), vector);
                store::<S>(bias, total);
            }
            for (gate, vector) in [at_r, at_z, at_candidate].into_iter().enumerate() {
                let vector = [vector];
                let lanes: &[f32] = pulp::bytemuck::cast_slice(&vector);
                let rows = &mut at_gates[gate * hidden..][units.clone()];
                for (rows, &value) in rows.iter_mut().zip(lanes) {
                    rows[note] = value;
                }
            }
        }
    }
}

/// The gradients at the parameters, from those at the gates of every row.
pub fn gradients(scan: Scan, biases: Vec<f32>, gates: &[f32], candidate: &[f32], states: &[f32]) -> Gradients {
    let hidden = scan.hidden;
    let mut weight = vec![0.0; 3 * hidden * hidden];
    for [row, before, steps] in scan.pairs() {
        let before = &states[before * hidden..][..steps * hidden];
        let at_gates = &gates[row * 3 * hidden..][..steps * 3 * hidden];
        add_product(&mut weight, before, at_gates, hidden, 0..2 * hidden);
        let at_candidate = &candidate[row * hidden..][..steps * hidden];
        add_product(&mut weight, before, at_candidate, hidden, 2 * hidden..3 * hidden);
    }
    let bias = [&biases[..2 * hidden], &biases[3 * hidden..]].concat();
    let mut input_bias = biases;
    input_bias.truncate(3 * hidden);
    Gradients {
        weight,
        input_bias,
        bias,
    }
}
