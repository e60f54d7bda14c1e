//! Numbers of many runs.

/// The middle of several measurements, and how far they lie apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Self {
        Self {
            least: quantile(values, 0.0),
            median: quantile(values, 0.5),
            most: quantile(values, 1.0),
        }
    }

    /// Each number by another measure.
    pub(crate) fn times(self, factor: f64) -> Self {
        Self {
            least: self.least * factor,
            median: self.median * factor,
            most: self.most * factor,
        }
    }

    /// As in `12.3 (11.9–14.0)`.
    pub(crate) fn text(self) -> String {
        let Self {
            least,
            median,
            most,
        } = self;
        format!("{} ({}–{})", short(median), short(least), short(most))
    }
}

/// The value that this part of all does not exceed; the nearest one that was measured.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    assert!(!sorted.is_empty(), "nothing was measured");
    let last = (sorted.len() - 1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of an index is an index"
    )]
    let index = (last * part).round() as usize;
    sorted[index]
}

/// Three digits that count.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 1.0 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => whole(value),
    }
}

/// Without a fraction, thousands apart.
pub(crate) fn whole(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0
            && (digits.len() - index).is_multiple_of(3)
            && digits.as_bytes()[index - 1] != b'-'
        {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
