//! The Kubernetes API: policies watched into snapshots, pull secrets, policy status.
