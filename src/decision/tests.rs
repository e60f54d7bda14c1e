//! The decision as a whole; the words of each cause and the authorities have files of their own.

mod attestations;
mod authorities;
pub(crate) mod build;
mod conditions;
mod judging;
mod messages;
mod modes;
mod obstacles;
mod parts;
mod places;
mod properties;
mod provenance;
mod recalling;
mod registry_hints;
mod satisfying;
mod several;
mod validity;
