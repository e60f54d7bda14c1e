//! One file per command of the binary.
