//! The pipelines of `docs/gitlab`, run by their own scripts: what they release is admitted, and nothing else is.

mod key;
mod keyless;
mod release;
mod runner;
mod template;
