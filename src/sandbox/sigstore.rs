//! A private certificate authority, certificate log, transparency log and timestamp authority that sign as anyone.
