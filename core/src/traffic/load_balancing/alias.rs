//! How is one of many drawn with probability proportional to its weight, in O(1)?
//!
//! The alias method (Walker 1977, in Vose's form of 1991): every column of the table holds at most two outcomes, so one draw needs
//! one column and one comparison, however many members there are. Preparation is linear.

/// The table.
#[derive(Clone, Debug, Default)]
pub(super) struct AliasTable {
    /// For each column: the threshold (of 2³²) below which the column itself is drawn, and its alias.
    columns: Vec<(u32, u32)>,
}

impl AliasTable {
    /// `weights` are positive.
    pub(super) fn new(weights: &[f64]) -> Self {
        let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
        let mut left: Vec<f64> = weights.iter().map(|weight| weight / mean).collect();
        let mut columns: Vec<(u32, u32)> = (0..weights.len()).map(|column| (u32::MAX, column as u32)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..left.len()).partition(|column| left[*column] < 1.0);
        while let (Some(poor), Some(rich)) = (small.pop(), large.last().copied()) {
            columns[poor] = ((left[poor] * f64::from(u32::MAX)) as u32, rich as u32);
            left[rich] -= 1.0 - left[poor];
            if left[rich] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        Self { columns }
    }

    /// Draws with 64 random bits; 0 for an empty table.
    pub(super) fn draw(&self, random: u64) -> usize {
        let column = ((random >> 32) * self.columns.len() as u64) >> 32;
        match self.columns.get(column as usize) {
            Some((threshold, _)) if random as u32 <= *threshold => column as usize,
            Some((_, alias)) => *alias as usize,
            None => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AliasTable;
    use crate::base::rng::Rng;

    #[test]
    fn draws_follow_the_weights() {
        let weights = [1.0, 2.0, 0.5, 6.5];
        let table = AliasTable::new(&weights);
        let mut rng = Rng::new(1);
        let mut counts = [0u32; 4];
        for _ in 0..100_000 {
            counts[table.draw(rng.next_u64())] += 1;
        }
        for (count, weight) in counts.iter().zip(weights) {
            let share = f64::from(*count) / 100_000.0;
            assert!((share - weight / 10.0).abs() < 0.01, "{share} of {weight}");
        }
    }
}
