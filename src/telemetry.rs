//! Log fields and metric names.
