//! Lines of the budget table: what may be, what is, and which test holds it there.

/// What a replica may cost, and what it did.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Its place in the table.
    pub(crate) place: usize,
    pub(crate) what: &'static str,
    pub(crate) budget: &'static str,
    pub(crate) measured: String,
    pub(crate) verdict: Verdict,
    /// Where it is asserted or, for what takes time, that it is measured only.
    pub(crate) held_by: &'static str,
}

/// Whether it keeps to the budget.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Within,
    Over,
}

impl Verdict {
    /// Of a number that may be as large as another.
    pub(crate) fn at_most(value: f64, most: f64) -> Self {
        if value <= most {
            Self::Within
        } else {
            Self::Over
        }
    }

    /// Of a number that has to be as large as another.
    pub(crate) fn at_least(value: f64, least: f64) -> Self {
        Self::at_most(least, value)
    }

    /// When all of them do.
    pub(crate) fn all(of: impl IntoIterator<Item = Self>) -> Self {
        if of.into_iter().all(|one| one == Self::Within) {
            Self::Within
        } else {
            Self::Over
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Within => "yes",
            Self::Over => "**no**",
        }
    }
}
